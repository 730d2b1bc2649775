/* Drives the plugin as the engine would, without threads: see potline/harness.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <potline/harness.h>

static void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

int main(void) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new("scale", "{ factor: 2, offset: 1 }", PL_SAMPLES, &error);
    if (!h) {
        pl_error_print(stderr, error);
        return 1;
    }
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 2, 0);
    expect(batch != NULL, "there is memory");
    for (batch->rows = 0; batch->rows < 2; batch->rows++) {
        batch->samples.time[batch->rows] = batch->rows;
        batch->samples.tag[batch->rows] = pl_harness_tag(h, "line1.pot01.voltage");
        batch->samples.value[batch->rows] = batch->rows ? NAN : 20.5;
        batch->samples.quality[batch->rows] = 0;
    }
    expect(pl_harness_push(h, 0, batch) == PL_FLOW_OK, "the batch is taken");
    struct pl_batch *out = pl_harness_pull(h, 0);
    expect(out && out->rows == 2, "both rows come out");
    expect(out->samples.value[0] == 42, "a value is scaled");
    expect(isnan(out->samples.value[1]), "a missing one stays missing");
    expect(pl_harness_counter(h, "scaled") == 2, "rows are counted");
    pl_batch_unref(out);
    pl_harness_free(h);
    puts("scale: all well");
    return 0;
}
