/* testing.h: what the tests of this folder share: a context to read with, and problems as one text to compare. */
#ifndef POTLINE_GRAPH_TESTING_H
#define POTLINE_GRAPH_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "yaml.h"

/* "file:line:column: [warning: ]text\n" of each. */
static inline char *problems_text(const struct pl_problem *problems, unsigned count) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (unsigned i = 0; i < count; i++) {
        const struct pl_problem *p = &problems[i];
        fprintf(out, "%s:%d:%d: %s%s\n", p->place.file, p->place.line, p->place.column, p->warning ? "warning: " : "",
                p->text);
    }
    fclose(out);
    return text;
}

/* A context of its own for each test; `file` in messages is "t". */
struct reading {
    struct pl_yaml_context yaml;
    char *said; /* after reading_end */
};

static inline void reading_begin(struct reading *r) {
    r->yaml = (struct pl_yaml_context){.arena = pl__arena_new(64 << 20), .problems = pl__problems_new()};
    assert_non_null(r->yaml.arena);
    assert_non_null(r->yaml.problems);
    r->said = NULL;
}

static inline struct pl_yaml *reading_parse(struct reading *r, const char *text) {
    return pl__yaml_parse(&r->yaml, text, strlen(text), "t");
}

/* Ends the reading and compares what was reported. */
static inline void reading_said(struct reading *r, const char *expected) {
    struct pl_problem *list;
    unsigned count;
    assert_true(pl__problems_take(r->yaml.problems, &list, &count));
    char *said = problems_text(list, count);
    assert_string_equal(said, expected);
    free(said);
    pl_problems_free(list, count);
    pl__problems_free(r->yaml.problems);
    pl__arena_free(r->yaml.arena);
}

/* A folder for the files of one test, and files in it. */
static inline void folder_make(char path[64]) {
    strcpy(path, "/tmp/potline-graph-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline void folder_put(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static inline void folder_remove(const char *folder) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

#endif
