/* Drives the sink as the engine would, without threads: see potline/harness.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/harness.h>

static char path[] = "/tmp/example-XXXXXX";

static void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "not so: %s\n", what);
    unlink(path);
    exit(1);
}

static struct pl_harness *make(void) {
    char options[64];
    struct pl_error *error = NULL;
    snprintf(options, sizeof options, "{ path: %s }", path);
    struct pl_harness *h = pl_harness_new("sink.example", options, PL_SAMPLES, &error);
    if (!h) pl_error_print(stderr, error);
    expect(h != NULL, "it opens");
    return h;
}

static void push(struct pl_harness *h, double value) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
    expect(batch != NULL, "there is memory");
    batch->samples.time[0] = 1;
    batch->samples.tag[0] = pl_harness_tag(h, "a.b");
    batch->samples.value[0] = value;
    batch->samples.quality[0] = 0;
    batch->rows = 1;
    expect(pl_harness_push(h, 0, batch) == PL_FLOW_OK, "the batch is taken");
}

static void expect_file(const char *expected) {
    char text[256];
    FILE *file = fopen(path, "r");
    expect(file != NULL, "there is a file");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    expect(strcmp(text, expected) == 0, expected);
}

int main(void) {
    int fd = mkstemp(path);
    expect(fd >= 0 && write(fd, "old\n", 4) == 4, "there is a file of an earlier run");
    close(fd);
    struct pl_harness *first = make();
    push(first, 1.5);
    size_t size;
    void *place = pl_harness_snapshot(first, &size);
    expect(place != NULL, "it says how far it is");
    push(first, 2.5);
    expect(pl_harness_counter(first, "written") == 2, "rows are counted");
    pl_harness_free(first);
    expect_file("a.b 1.5\na.b 2.5\n");

    /* Another one goes back to there, as after a death, and gets the row again. */
    struct pl_harness *second = make();
    struct pl_error *error = NULL;
    expect(pl_harness_restore(second, place, size, &error) == PL_OK, "it finds its place");
    pl_free(place);
    expect_file("a.b 1.5\n");
    push(second, 2.5);
    pl_harness_free(second);
    expect_file("a.b 1.5\na.b 2.5\n");
    unlink(path);
    puts("sink.example: all well");
    return 0;
}
