/* option.h: option tables. One row declares an option; the row drives parsing with file:line:column, defaults, ranges,
 * `potline inspect`, the operator reference, the JSON Schema for editors, and setting it at run time.
 *
 *     static const struct pl_option tumbling_options[] = {
 *         PL_OPT_DURATION(struct tumbling, size, "size", NULL, "1ms", "30d", PL_STATE, "Length of one window."),
 *         PL_OPT_DURATION(struct tumbling, lateness, "lateness", "0s", "0s", "1d", PL_LIVE, "How long late rows
 * count."), PL_OPT_END,
 *     };
 *
 * Defaults and ranges are text in the user's own syntax; a NULL default makes the option required. The macros refuse a
 * field of the wrong C type at compile time. An operator contains no parser and no range check of a single option;
 * rules across options belong into its `check`.
 *
 * In YAML a group is a map, or `true` (present, all defaults) or `false` (absent). A list of records is a list of maps,
 * or the path of a CSV file (relative to the graph file) whose header row names the options of a record.
 */
#ifndef POTLINE_OPTION_H
#define POTLINE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "error.h"
#include "time.h"

enum pl_option_type {
    PL_TYPE_END,
    PL_TYPE_BOOL,     /* bool */
    PL_TYPE_INT,      /* int64_t; decimal or 0x.. */
    PL_TYPE_NUMBER,   /* double; .nan where the range allows none */
    PL_TYPE_STRING,   /* const char *, owned by the instance's options, never NULL */
    PL_TYPE_PATH,     /* the same: a file of the run, relative to the working directory */
    PL_TYPE_FILE,     /* the same: a file that belongs to the graph, made relative to the graph file */
    PL_TYPE_SECRET,   /* the same; never printed */
    PL_TYPE_DURATION, /* pl_time: 250ms, 10s, 1h30m, 2d; ns us ms s m h d */
    PL_TYPE_SIZE,     /* int64_t bytes: 512, 64KiB, 2MiB, 1GB */
    PL_TYPE_RATE,     /* double per second: 100/s, 50000/min, 0 is unlimited */
    PL_TYPE_TIME,     /* pl_time: RFC 3339 */
    PL_TYPE_CHOICE,   /* uint32_t: index into `choices` */
    PL_TYPE_SET,      /* uint32_t: bits by index into `choices` */
    PL_TYPE_STRINGS,  /* struct pl_strings; one string stands for a list of one */
    PL_TYPE_GROUP,    /* `rows` of the same struct; `present` is a bool field */
    PL_TYPE_LIST,     /* struct pl_list of records of `item_size` described by `rows` */
    PL_TYPE_FILES,    /* struct pl_strings, each as PL_TYPE_FILE; a pattern with * or ? may name no file yet */
    PL_TYPE_PAIRS,    /* struct pl_list of struct pl_pair: a map of names that nobody here knows to texts */
};

/* When an option may change. */
enum pl_option_when {
    PL_FIXED,   /* fixed while the node runs */
    PL_LIVE,    /* may be set while it runs */
    PL_STATE,   /* part of the meaning of stored state: another value does not fit an old snapshot */
    PL_CARRIED, /* the same, but the state says itself with which value it was made, and goes over to another one */
};

struct pl_strings {
    const char **items;
    uint32_t count;
};

struct pl_list {
    void *items;
    uint32_t count;
};

struct pl_pair {
    const char *name, *value; /* as the user wrote it: "60" is a text, too */
};

enum { PL_LIST_MAX = 100000 }; /* records in a list, strings in a list */

struct pl_option {
    const char *name;
    enum pl_option_type type;
    enum pl_option_when when;
    size_t offset;
    const char *fallback; /* NULL: required */
    const char *low;      /* NULL: no bound */
    const char *high;
    const char *const *choices;   /* ends in NULL */
    const struct pl_option *rows; /* GROUP and LIST */
    size_t item_size;
    const char *doc; /* one sentence */
};

/* clang-format off */
#define PL_FIELD_(S, field, ctype) _Generic(((S *)0)->field, ctype: offsetof(S, field))
#define PL_OPT_ROW_(n, t, w, off, def, lo, hi, ch, d) \
    { .name = (n), .type = (t), .when = (w), .offset = (off), .fallback = (def), .low = (lo), .high = (hi), .choices = (ch), .doc = (d) }

#define PL_OPT_BOOL(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_BOOL, when, PL_FIELD_(S, field, bool), def, NULL, NULL, NULL, doc)
#define PL_OPT_INT(S, field, name, def, low, high, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_INT, when, PL_FIELD_(S, field, int64_t), def, low, high, NULL, doc)
#define PL_OPT_NUMBER(S, field, name, def, low, high, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_NUMBER, when, PL_FIELD_(S, field, double), def, low, high, NULL, doc)
#define PL_OPT_STRING(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_STRING, when, PL_FIELD_(S, field, const char *), def, NULL, NULL, NULL, doc)
#define PL_OPT_PATH(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_PATH, when, PL_FIELD_(S, field, const char *), def, NULL, NULL, NULL, doc)
#define PL_OPT_FILE(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_FILE, when, PL_FIELD_(S, field, const char *), def, NULL, NULL, NULL, doc)
#define PL_OPT_SECRET(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_SECRET, when, PL_FIELD_(S, field, const char *), def, NULL, NULL, NULL, doc)
#define PL_OPT_DURATION(S, field, name, def, low, high, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_DURATION, when, PL_FIELD_(S, field, pl_time), def, low, high, NULL, doc)
#define PL_OPT_SIZE(S, field, name, def, low, high, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_SIZE, when, PL_FIELD_(S, field, int64_t), def, low, high, NULL, doc)
#define PL_OPT_RATE(S, field, name, def, low, high, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_RATE, when, PL_FIELD_(S, field, double), def, low, high, NULL, doc)
#define PL_OPT_TIME(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_TIME, when, PL_FIELD_(S, field, pl_time), def, NULL, NULL, NULL, doc)
#define PL_OPT_CHOICE(S, field, name, def, choices, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_CHOICE, when, PL_FIELD_(S, field, uint32_t), def, NULL, NULL, choices, doc)
#define PL_OPT_SET(S, field, name, def, choices, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_SET, when, PL_FIELD_(S, field, uint32_t), def, NULL, NULL, choices, doc)
#define PL_OPT_STRINGS(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_STRINGS, when, PL_FIELD_(S, field, struct pl_strings), def, NULL, NULL, NULL, doc)
#define PL_OPT_FILES(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_FILES, when, PL_FIELD_(S, field, struct pl_strings), def, NULL, NULL, NULL, doc)
/* `present` is a bool field of S, true when the group is given (or its default is "true"). */
#define PL_OPT_GROUP(S, present, name_, def, rows_, when_, doc_) \
    { .name = (name_), .type = PL_TYPE_GROUP, .when = (when_), .offset = PL_FIELD_(S, present, bool), .fallback = (def), .rows = (rows_), .doc = (doc_) }
#define PL_OPT_LIST(S, field, name_, def, Item, rows_, when_, doc_) \
    { .name = (name_), .type = PL_TYPE_LIST, .when = (when_), .offset = PL_FIELD_(S, field, struct pl_list), .fallback = (def), .rows = (rows_), .item_size = sizeof(Item), .doc = (doc_) }
#define PL_OPT_PAIRS(S, field, name, def, when, doc) \
    PL_OPT_ROW_(name, PL_TYPE_PAIRS, when, PL_FIELD_(S, field, struct pl_list), def, NULL, NULL, NULL, doc)
#define PL_OPT_END { .name = NULL }
/* clang-format on */

/* What an operator's `check` reports through; `option` is a path like "registers[3].address" or "spike.window". */
struct pl_check;
PL_API void pl_check_error(struct pl_check *check, const char *option, const char *format, ...) PL_PRINTF(3, 4);
/* The same at a place in a file that the option names. */
PL_API void pl_check_error_at(struct pl_check *check, const char *option, struct pl_place place, const char *format,
                              ...) PL_PRINTF(4, 5);
PL_API void pl_check_warning(struct pl_check *check, const char *option, const char *format, ...) PL_PRINTF(3, 4);
PL_API bool pl_check_given(const struct pl_check *check, const char *option); /* the user wrote it */

#endif
