/* testing.h: what the tests of sources and sinks of files share: files in a folder of their own, rows as text. */
#ifndef POTLINE_FILES_TESTING_H
#define POTLINE_FILES_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/harness.h>
#include <potline/quality.h>

#define ROOM 65536

static char folder[] = "/tmp/potline-files-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* The path of a file in the folder, in one of a few rooms. */
static const char *path_of(const char *name) {
    static char rooms[8][256];
    static unsigned next;
    char *path = rooms[next++ % 8];
    snprintf(path, sizeof(rooms[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *mode, const char *text, size_t size) {
    FILE *file = fopen(path_of(name), mode);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *name, const char *text) {
    write_file(name, "w", text, strlen(text));
}

static inline void append_text(const char *name, const char *text) {
    write_file(name, "a", text, strlen(text));
}

static inline void expect_file(const char *name, const char *expected) {
    char text[ROOM];
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = 0;
    fclose(file);
    assert_string_equal(text, expected);
}

/* A node of `op`; each %s in `options` is the folder. Its opening may have failed: pl_harness_failure says so at first
 * use. */
static struct pl_harness *open_node(const char *op, enum pl_kind kind, const char *options) {
    char text[4096] = "";
    struct pl_error *error = NULL;
    for (const char *mark; (mark = strstr(options, "%s")); options = mark + 2) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%.*s%s", (int)(mark - options), options, folder);
    }
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", options);
    struct pl_harness *h = pl_harness_new(op, text, kind, &error);
    if (h) return h;
    pl_error_print(stderr, error);
    pl_error_free(&error);
    fail_msg("%s with %s", op, text);
    return NULL;
}

/* The rows that came out of port 0 as text, "time tag value quality" a line. */
static inline void take_rows(struct pl_harness *h, char *text, size_t size) {
    size_t used = strlen(text);
    for (struct pl_batch *b; (b = pl_harness_pull(h, 0)); pl_batch_unref(b)) {
        for (uint32_t i = 0; i < b->rows; i++) {
            char quality[160];
            pl_quality_format(b->samples.quality[i], quality, sizeof(quality));
            used += (size_t)snprintf(text + used, size - used, "%lld %s %g %s\n", (long long)b->samples.time[i],
                                     pl_tags_get(pl_harness_tags(h), b->samples.tag[i])->name, b->samples.value[i],
                                     quality);
            assert_true(used < size);
        }
    }
}

/* Runs the source to its end, or until nothing comes for `wait`. */
static inline enum pl_flow run(struct pl_harness *h, char *text, size_t size, pl_time wait) {
    enum pl_flow flow;
    do {
        flow = pl_harness_produce(h, wait);
        take_rows(h, text, size);
    } while (flow == PL_FLOW_OK);
    return flow;
}

#endif
