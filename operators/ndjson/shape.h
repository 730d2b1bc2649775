/* shape.h: what the lines look like, as the options of source.ndjson say it.
 *
 *     long   {"time": "2026-11-23T06:00:00Z", "tag": "line1.pot07.voltage", "value": 4.2, "quality": "good"}
 *     wide   {"time": "2026-11-23T06:00:00Z", "line1": {"pot07": {"voltage": 4.2, "current": 180000}}}
 *     batch  {"kind": "samples", "columns": {"time": [...], "tag": [...], "value": [...]}}
 *
 * A field is named by its path, dotted: `meta.at` is `at` of the object `meta`, and also a member called "meta.at".
 */
#ifndef POTLINE_SHAPE_H
#define POTLINE_SHAPE_H

#include "layout.h"

enum pl_shape_layout { PL_SHAPE_LONG, PL_SHAPE_WIDE, PL_SHAPE_BATCH };

struct pl_shape {
    uint32_t layout;
    const char *time;
    const char *time_format;
    const char *time_zone;
    pl_time origin;
    const char *tag;
    const char *value;
    const char *quality;
    const char *asset;
    struct pl_strings missing;
    uint32_t empty;
    struct pl_naming naming;
    int64_t max_line;
};

extern const char *const pl_shape_layouts[];

/* clang-format off */
#define PL_SHAPE_OPTIONS(S, at)                                                                                        \
    PL_OPT_CHOICE(S, at.layout, "layout", "long", pl_shape_layouts, PL_FIXED,                                          \
        "long: one sample a line (time, tag, value); wide: one time a line, and each other field a tag; batch: a whole batch a line, as sink.zmq says it in JSON."), \
    PL_OPT_STRING(S, at.time, "time", "", PL_FIXED,                                                                    \
        "Field of the time; by default the first line's time_ns, time_us, time_ms, time_s, time, timestamp, datetime or date."), \
    PL_TIMES_OPTIONS(S, at),                                                                                           \
    PL_OPT_STRING(S, at.tag, "tag", "tag", PL_FIXED, "Field of the tag in the long layout."),                          \
    PL_OPT_STRING(S, at.value, "value", "value", PL_FIXED, "Field of the value in the long layout."),                  \
    PL_OPT_STRING(S, at.quality, "quality", "quality", PL_FIXED,                                                       \
        "Field of the quality in the long layout, as words (\"bad|missing\") or a number; a line need not have it."),  \
    PL_OPT_STRING(S, at.asset, "asset", "", PL_FIXED,                                                                  \
        "Field whose text, and a dot, stand before the name of each tag of the line. Empty: none."),                   \
    PL_OPT_STRINGS(S, at.missing, "missing", "[]", PL_FIXED,                                                           \
        "What stands for a missing value besides null, an empty string and NaN, like [NA, \"-200\"]; numbers match in any form."), \
    PL_OPT_CHOICE(S, at.empty, "empty", "missing", pl_layout_empties, PL_FIXED,                                        \
        "What a null of the wide layout is: a missing value, or no sample at all."),                                   \
    PL_NAMING_OPTIONS(S, at.naming),                                                                                   \
    PL_OPT_SIZE(S, at.max_line, "max_line", "1MiB", "64", "64MiB", PL_FIXED,                                           \
        "A longer line is malformed.")
/* clang-format on */

/* The rules across these options, for an operator's `check`. */
void pl_shape_check(const struct pl_shape *shape, struct pl_check *check);

#endif
