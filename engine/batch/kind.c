#include <potline/kind.h>
#include <stddef.h>

const struct pl_kind_info pl_kind_info[PL_KINDS] = {
    [PL_SAMPLES] =
        {
            .name = "samples",
            .columns = 4,
            .time = 0,
            .key = 1,
            .column = {{"time", PL_I64}, {"tag", PL_NAME}, {"value", PL_F64}, {"quality", PL_U16}},
        },
    [PL_WINDOWS] =
        {
            .name = "windows",
            .columns = 12,
            .time = 2,
            .key = 0,
            .column = {{"tag", PL_NAME},
                       {"start", PL_I64},
                       {"end", PL_I64},
                       {"count", PL_U32},
                       {"skipped", PL_U32},
                       {"mean", PL_F64},
                       {"min", PL_F64},
                       {"max", PL_F64},
                       {"stddev", PL_F64},
                       {"first", PL_F64},
                       {"last", PL_F64},
                       {"quality", PL_U16}},
        },
    [PL_PROFILES] =
        {
            .name = "profiles",
            .columns = 5,
            .heaps = 2,
            .time = 2,
            .key = 0,
            .end = 4,
            .column =
                {{"asset", PL_NAME}, {"quantity", PL_NAME}, {"time", PL_I64}, {"quality", PL_U16}, {"end", PL_U32}},
            .heap = {{"positions", PL_F64}, {"values", PL_F64}},
        },
    [PL_SETPOINTS] =
        {
            .name = "setpoints",
            .columns = 10,
            .heaps = 1,
            .time = 0,
            .key = 2,
            .end = 9,
            .column = {{"time", PL_I64},
                       {"id", PL_U64},
                       {"tag", PL_NAME},
                       {"value", PL_F64},
                       {"lower", PL_F64},
                       {"upper", PL_F64},
                       {"expiry", PL_I64},
                       {"token", PL_U64},
                       {"origin", PL_NAME},
                       {"end", PL_U32}},
            .heap = {{"reason", PL_BYTE}},
        },
    [PL_EVENTS] =
        {
            .name = "events",
            .columns = 7,
            .heaps = 1,
            .time = 0,
            .key = 4,
            .end = 6,
            .column = {{"time", PL_I64},
                       {"id", PL_U64},
                       {"kind", PL_NAME},
                       {"severity", PL_U16},
                       {"asset", PL_NAME},
                       {"tag", PL_NAME},
                       {"end", PL_U32}},
            .heap = {{"body", PL_BYTE}},
        },
};

/* The views of batch.h are unions over the array of columns: a member is the column of its place. */
#define SAME_PLACE(view, member, index)                                                                                \
    _Static_assert(offsetof(struct view, member) == (index) * sizeof(void *), #view "." #member " is column " #index)

SAME_PLACE(pl_samples, quality, 3);
SAME_PLACE(pl_windows, end, 2);
SAME_PLACE(pl_windows, quality, 11);
SAME_PLACE(pl_profiles, time, 2);
SAME_PLACE(pl_profiles, end, 4);
SAME_PLACE(pl_setpoints, tag, 2);
SAME_PLACE(pl_setpoints, end, 9);
SAME_PLACE(pl_events, asset, 4);
SAME_PLACE(pl_events, end, 6);
