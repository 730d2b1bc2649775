/* Drives the operator as the engine would, without threads: see potline/harness.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <potline/harness.h>

static void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

static struct pl_harness *make(const char *options) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new("example", options, PL_SAMPLES, &error);
    if (h) return h;
    pl_error_print(stderr, error);
    exit(1);
}

/* One sample of one tag goes in. */
static void push(struct pl_harness *h, pl_time time, double value) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
    expect(batch != NULL, "there is memory");
    batch->samples.time[0] = time;
    batch->samples.tag[0] = pl_harness_tag(h, "line1.pot01.voltage");
    batch->samples.value[0] = value;
    batch->samples.quality[0] = 0;
    batch->rows = 1;
    expect(pl_harness_push(h, 0, batch) == PL_FLOW_OK, "the batch is taken");
}

/* The value of the one row that has come out. */
static double pull(struct pl_harness *h) {
    struct pl_batch *out = pl_harness_pull(h, 0);
    expect(out && out->rows == 1, "a row comes out");
    double value = out->samples.value[0];
    pl_batch_unref(out);
    return value;
}

int main(void) {
    struct pl_harness *h = make("{ factor: 2, offset: 1 }");
    push(h, 1, 20.5);
    expect(pull(h) == 42, "a value is changed");
    push(h, 2, NAN);
    expect(isnan(pull(h)), "a missing one stays missing");
    expect(pl_harness_counter(h, "changed") == 2, "rows are counted");
    pl_harness_free(h);
    puts("example: all well");
    return 0;
}
