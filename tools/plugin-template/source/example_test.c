/* Drives the source as the engine would, without threads: see potline/harness.h. */
#include <stdio.h>
#include <stdlib.h>

#include <potline/alloc.h>
#include <potline/harness.h>

static void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

static struct pl_harness *make(void) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new("source.example", "{ tag: a.b, count: 1500 }", PL_SAMPLES, &error);
    if (h) return h;
    pl_error_print(stderr, error);
    exit(1);
}

/* The rows of the next batch; their values go up by one from *next on. */
static uint32_t take(struct pl_harness *h, double *next) {
    expect(pl_harness_produce(h, PL_SECOND) == PL_FLOW_OK, "there are rows");
    struct pl_batch *out = pl_harness_pull(h, 0);
    expect(out != NULL, "they come out");
    uint32_t rows = out->rows;
    for (uint32_t i = 0; i < rows; i++)
        expect(out->samples.value[i] == (*next)++, "each once, in order");
    pl_batch_unref(out);
    return rows;
}

int main(void) {
    double next = 0;
    struct pl_harness *first = make();
    uint32_t rows = take(first, &next);
    size_t size;
    void *place = pl_harness_snapshot(first, &size);
    pl_harness_free(first);
    expect(place != NULL, "it says where it stands");

    /* Another one goes on there, as after a death. */
    struct pl_harness *second = make();
    struct pl_error *error = NULL;
    expect(pl_harness_restore(second, place, size, &error) == PL_OK, "it finds its place");
    pl_free(place);
    while (rows < 1500)
        rows += take(second, &next);
    expect(pl_harness_produce(second, PL_SECOND) == PL_FLOW_END, "then it ends");
    pl_harness_free(second);
    puts("source.example: all well");
    return 0;
}
