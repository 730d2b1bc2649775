/* options.h: from a map in a graph file to the struct that an option table describes.
 *
 * Several tables may share one map (the options of every node and those of its operator). Every row's field is set: by
 * what is given, else by its default, whose text takes the same way. What is wrong is reported with its place and its
 * path: `clean.yaml:9:47: tenths.size: "10 sec" is not a duration; write 10s`.
 */
#ifndef POTLINE_GRAPH_OPTIONS_H
#define POTLINE_GRAPH_OPTIONS_H

#include <potline/operator.h>

#include "yaml.h"

struct pl_option_table {
    const struct pl_option *rows; /* may be NULL: none */
    void *self;                   /* NULL: these options do not belong here: */
    const char *misplaced;        /* "is an option of sources" */
};

enum { PL_OPTION_TABLES_MAX = 5 };

struct pl_options_reader {
    struct pl_yaml_context *yaml;
    const char *subject; /* the node's name, in front of every path; NULL: none */
    struct pl_yaml *map; /* what the user wrote; lists from files are put into it */
    struct pl_option_table tables[PL_OPTION_TABLES_MAX];
    unsigned table_count;
    const char *const *others; /* keys that are read elsewhere; ends in NULL */
    /* What reading found: */
    bool failed; /* an error has been reported */
    bool vague;  /* a number, a choice, a list ... stands for any value: rules across options cannot be told */
};

void pl__options_read(struct pl_options_reader *reader);

/* The rules across options: calls `check` with what pl_check_error and its like need. */
void pl__options_check(struct pl_options_reader *reader, void (*check)(void *self, struct pl_check *check), void *self);

/* One problem of an option, by its path; an empty path is the map itself. */
void pl__options_problem(struct pl_options_reader *reader, const char *path, bool warning, const char *format, ...)
    PL_PRINTF(4, 5);

/* The value at a path like "registers[3].address", or the nearest one around it. *whole: the path led to its end. */
const struct pl_yaml *pl__options_find(const struct pl_yaml *map, const char *path, bool *whole);

/* Whether the map stands for any value at or around this path. */
bool pl__options_any(const struct pl_yaml *map, const char *path);

/* How an option is reached from the map, innermost first; for messages. */
struct pl_option_path {
    const struct pl_option_path *outer;
    const char *name; /* NULL: an index */
    uint32_t index;
};
void pl__option_report(struct pl_options_reader *reader, const struct pl_option_path *path, struct pl_problem_at at,
                       const char *format, va_list arguments);

/* The row of that name, or NULL. */
const struct pl_option *pl__option_find(const struct pl_option *rows, const char *name);

/* ---- Values of one type (option_value.c) ---- */

union pl_option_number {
    int64_t integer;
    double real;
};

struct pl_option_kind {
    const char *name;     /* "duration" */
    const char *what;     /* "a duration" */
    const char *examples; /* "250ms, 10s or 1h30m", for messages; NULL: none are needed */
    bool (*parse)(const char *text, union pl_option_number *number); /* NULL: no number */
    bool real;
    size_t size; /* of the field */
};

const struct pl_option_kind *pl__option_kind(enum pl_option_type type);

/* A row of PAIRS as one of a LIST, whose records have a name and a value; every other row is itself. */
const struct pl_option *pl__option_as_list(const struct pl_option *row);

/* What the user may have meant by a text that is none of this type: "10 sec" -> "10s". False: nothing comes to mind. */
enum { PL_GUESS_MAX = 48 };
bool pl__option_guess(enum pl_option_type type, const char *text, char guess[PL_GUESS_MAX]);

/* -1, 0, 1: below, in, above the row's range. */
int pl__option_range(const struct pl_option *row, union pl_option_number number);

#endif
