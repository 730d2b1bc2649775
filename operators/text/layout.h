/* layout.h: what text looks like, as the options of a source that reads text say it.
 *
 *     struct my_source { struct pl_layout layout; ... };
 *     static const struct pl_option options[] = { PL_LAYOUT_OPTIONS(struct my_source, layout), ..., PL_OPT_END };
 *
 * Long: a record is one sample (time, tag, value, perhaps quality). Wide: a record is one time and a column a tag.
 */
#ifndef POTLINE_LAYOUT_H
#define POTLINE_LAYOUT_H

#include <potline/operator.h>

#include "names.h"
#include "records.h"
#include "stamp.h"

enum pl_layout_shape { PL_LONG, PL_WIDE };
enum pl_layout_empty { PL_EMPTY_MISSING, PL_EMPTY_SKIP };

extern const char *const pl_layout_shapes[];
extern const char *const pl_layout_empties[];
extern const struct pl_option pl_rename_options[];

struct pl_layout {
    uint32_t shape;
    bool header;
    struct pl_strings columns;
    struct pl_strings time;
    const char *time_format;
    const char *time_zone;
    pl_time origin;
    pl_time start;
    pl_time interval;
    const char *tag;
    const char *value;
    const char *quality;
    const char *delimiter;
    const char *quote;
    bool multiline;
    const char *decimal;
    const char *comment;
    int64_t skip;
    struct pl_strings missing;
    uint32_t empty;
    struct pl_naming naming;
    int64_t max_line;
};

/* clang-format off */
/* Of times: `time_format`, `time_zone`, `origin`. */
#define PL_TIMES_OPTIONS(S, at)                                                                                        \
    PL_OPT_STRING(S, at.time_format, "time_format", "auto", PL_FIXED,                                                  \
        "auto, s, ms, us or ns (since the origin, whole or decimal), iso, or a pattern like \"%d.%m.%Y %H:%M:%S\"."),  \
    PL_OPT_STRING(S, at.time_zone, "time_zone", "Z", PL_FIXED,                                                         \
        "Offset from UTC of times that do not say their own, like +01:00."),                                           \
    PL_OPT_TIME(S, at.origin, "origin", "1970-01-01T00:00:00Z", PL_FIXED,                                              \
        "The time that numbers in the time column count from.")

/* Of names: a struct pl_naming. */
#define PL_NAMING_OPTIONS(S, at)                                                                                       \
    PL_OPT_STRING(S, at.prefix, "prefix", "", PL_FIXED, "Text put before each tag that `rename` does not name."), \
    PL_OPT_STRINGS(S, at.include, "include", "[]", PL_FIXED,                                                    \
        "Patterns of the names to take (before prefix and rename); empty: all."),                                      \
    PL_OPT_STRINGS(S, at.exclude, "exclude", "[]", PL_FIXED, "Patterns of the names to leave out."),            \
    PL_OPT_LIST(S, at.rename, "rename", "[]", struct pl_rename, pl_rename_options, PL_FIXED,                    \
        "Tags for names in the text.")

#define PL_LAYOUT_OPTIONS(S, at)                                                                                       \
    PL_OPT_CHOICE(S, at.shape, "layout", "long", pl_layout_shapes, PL_FIXED,                                           \
        "long: one sample a record (time, tag, value); wide: one time a record and a column a tag."),                  \
    PL_OPT_BOOL(S, at.header, "header", "true", PL_FIXED,                                                              \
        "The first record holds the names of the columns."),                                                           \
    PL_OPT_STRINGS(S, at.columns, "columns", "[]", PL_FIXED,                                                           \
        "Names of the columns of text without a header; by default time, tag, value in the long layout, numbers in the wide one."), \
    PL_OPT_STRINGS(S, at.time, "time", "[]", PL_FIXED,                                                                 \
        "Column of the time, by name or number from 1; several are joined by blanks. By default time_ns, time_us, time_ms, time_s, time, timestamp, datetime or date, else the first."), \
    PL_TIMES_OPTIONS(S, at),                                                                                           \
    PL_OPT_DURATION(S, at.interval, "interval", "0s", "0s", "365d", PL_FIXED,                                          \
        "Time from record to record of text without a time column; 0s: there is one."),                                \
    PL_OPT_TIME(S, at.start, "start", "1970-01-01T00:00:00Z", PL_FIXED,                                                \
        "Time of the first record, where `interval` is given."),                                                       \
    PL_OPT_STRING(S, at.tag, "tag", "", PL_FIXED,                                                                      \
        "Column of the tag in the long layout; by default tag, else the one behind the time."),                        \
    PL_OPT_STRING(S, at.value, "value", "", PL_FIXED,                                                                  \
        "Column of the value in the long layout; by default value, else the one behind the tag."),                     \
    PL_OPT_STRING(S, at.quality, "quality", "", PL_FIXED,                                                              \
        "Column of the quality in the long layout, as words (\"bad|missing\") or a number; by default quality, where there is one."), \
    PL_OPT_STRING(S, at.delimiter, "delimiter", ",", PL_FIXED,                                                         \
        "One character between fields; tab; or blank, for runs of spaces and tabs."),                                  \
    PL_OPT_STRING(S, at.quote, "quote", "\"", PL_FIXED,                                                          \
        "One character around fields that hold a delimiter, doubled inside; empty: none."),                            \
    PL_OPT_STRING(S, at.decimal, "decimal", ".", PL_FIXED, "The decimal point of values: . or ,"),                     \
    PL_OPT_STRING(S, at.comment, "comment", "", PL_FIXED,                                                              \
        "One character; lines that begin with it are left out. Empty: none."),                                         \
    PL_OPT_INT(S, at.skip, "skip", "0", "0", "1000000", PL_FIXED, "Lines to leave out before the header or the first record."), \
    PL_OPT_STRINGS(S, at.missing, "missing", "[]", PL_FIXED,                                                           \
        "What stands for a missing value besides an empty field and NaN, like [NA, \"-200\"]; numbers match in any form."), \
    PL_OPT_CHOICE(S, at.empty, "empty", "missing", pl_layout_empties, PL_FIXED,                                        \
        "What an empty field of the wide layout is: a missing value, or no sample at all."),                           \
    PL_NAMING_OPTIONS(S, at.naming),                                                                                   \
    PL_OPT_SIZE(S, at.max_line, "max_line", "1MiB", "64", "64MiB", PL_FIXED,                                           \
        "A longer record is malformed.")
/* clang-format on */

/* The rules across these options, for an operator's `check`. `multiline` is the operator's own to set. */
void pl_layout_check(const struct pl_layout *layout, struct pl_check *check);

/* The part of it that is about `time_format` and `time_zone`. */
void pl_times_check(const char *format, const char *zone, struct pl_check *check);

/* The characters that the options name; 0 for none. Valid for a layout that passed the check. */
char pl_layout_delimiter(const struct pl_layout *layout);
char pl_layout_quote(const struct pl_layout *layout);

#endif
