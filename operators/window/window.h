/* window.h: what tumbling, sliding and session windows share.
 *
 *     rows -> aggregate (a record of the table `panes`, by key and start) -> at the window's end -> a row of windows
 *
 * A window closes when the watermark passes its end + lateness. A row counts in every window it belongs to that has not
 * closed; when all of them have, the row goes to the port `late`, and those that have are marked (potline/late.h). What
 * is late is decided by the watermark, never by a clock, so the same input gives the same rows however it was cut into
 * batches.
 *
 * Windows leave in order of (end, name of the key), and quantiles with them.
 *
 * How rows find their windows is a `shape`: on a grid that is fixed beforehand (grid_windows.c: tumbling, sliding), or
 * as the rows themselves lie (session_windows.c).
 */
#ifndef POTLINE_WINDOW_WINDOW_H
#define POTLINE_WINDOW_WINDOW_H

#include <potline/potline.h>

#include "aggregate.h"
#include "grid.h"
#include "keys.h"
#include "quantiles.h"

enum { WINDOW_OUT, WINDOW_LATE, WINDOW_QUANTILES };
enum { TABLE_PANES, TABLE_KEYS, TABLE_PROGRESS, TABLE_LATE, TABLE_SIZE, TABLE_BEFORE };
enum { COUNT_WINDOWS, COUNT_SKIPPED, COUNT_LATE, COUNT_REFUSED };
/* Panes of a key beyond what the options need: a batch may reach over as many windows as it has rows, and the watermark
 * comes behind it. */
enum { WINDOW_OPEN_SPARE = 2 * PL_BATCH_ROWS_MAX };

/* What a key has told provisionally. */
struct window_key {
    pl_time next_update;
};

/* Of the whole node, under the empty name. */
struct window_progress {
    pl_time watermark;
};
void window_merge_progress(void *record, const void *other);

/* The size that windows have from the last boundary on, under the empty name; and those of before, by where they end,
 * which cannot be shared out to other partitions: each has boundaries of its own. */
struct window_size {
    pl_time size;
};
void window_merge_size(void *record, const void *other);

struct window {
    /* options */
    pl_time size;
    pl_time slide;
    pl_time gap;
    pl_time max;
    pl_time offset;
    pl_time lateness;
    pl_time updates;
    uint32_t aggregates;
    uint32_t by;
    uint32_t quality;
    bool empty;
    int64_t max_open;
    struct pl_strings quantile_texts;
    bool by_calendar;
    const char *zone_name;
    uint32_t period;
    struct pl_strings shift_texts;

    const struct window_shape *shape;
    struct quantiles quantiles;
    struct calendar calendar;

    /* what follows is found again from the tables after a restore */
    struct grid grid;
    struct keys keys;
    struct pl_table *panes;
    struct pl_table *marks;
    bool any_quality;
    bool resizes; /* another size is gone over to, instead of being none of this state */
    bool found;
    pl_time closed;      /* windows that end until then have been told */
    pl_time earliest;    /* no pane begins before (on a grid), no session ends before; PL_TIME_MAX: none */
    pl_time next_update; /* no key tells anything provisional before */
    uint32_t open_limit;
    bool told_refused; /* somebody has been told that rows were */

    struct pl_batch *out; /* being filled */
    struct pl_batch *quantile_out;
    struct pl_record **due; /* sessions, while they are put in order */
    uint32_t due_room;
    uint32_t late_rows;
    uint16_t late[PL_BATCH_ROWS_MAX];
};

struct tally {
    uint64_t skipped;
    uint64_t refused;
};

struct window_shape {
    /* Takes rows in; those that are late are noted by window_late. */
    void (*add)(struct window *window, const struct pl_batch *batch, struct tally *tally);

    /* Up to which end windows are closed when all times before `time` are complete. */
    pl_time (*closing)(const struct window *window, pl_time time);

    /* The first end that a window may have which has not closed. */
    pl_time (*next_end)(const struct window *window);

    /* Tells and forgets every window that ends until `closed`. False without memory or when the node has failed. */
    bool (*tell_due)(struct window *window, struct pl_node *node, pl_time closed);

    /* Tells the key's windows that are open and began before `now`, where something has changed since they were told.
     */
    bool (*tell_open)(struct window *window, struct pl_node *node, uint32_t key, pl_time now);

    /* After a restore: notes a record of the table `panes` in `earliest`. */
    void (*note)(struct window *window, struct pl_record *record);

    /* Panes a key needs at a time. */
    pl_time (*panes)(const struct window *window);
};

extern const struct window_shape window_on_grid, window_by_sessions;
extern const struct pl_operator window_tumbling, window_sliding, window_session;
extern const struct pl_port window_inputs[];
extern const struct pl_port window_outputs[];
extern const struct pl_counter window_counters[];
extern const struct pl_table_def window_tables[];
extern const struct pl_table_def window_session_tables[];
extern const char *const window_aggregates[];
extern const char *const window_by[];
extern const char *const window_quality[];

/* The tables of all shapes but for the records of `panes`. */
#define WINDOW_TABLES(size_of_, doc_)                                                                                  \
    [TABLE_PANES] = {.name = "panes", .version = PANE_VERSION, .size_of = (size_of_), .doc = (doc_)},                  \
    [TABLE_KEYS] = {.name = "keys",                                                                                    \
                    .version = 1,                                                                                      \
                    .record_size = sizeof(struct window_key),                                                          \
                    .doc = "When a key tells its open windows next."},                                                 \
    [TABLE_PROGRESS] = {.name = "progress",                                                                            \
                        .version = 1,                                                                                  \
                        .record_size = sizeof(struct window_progress),                                                 \
                        .doc = "The watermark, which decides what is late.",                                           \
                        .merge = window_merge_progress},                                                               \
    [TABLE_LATE] = PL_TABLE_LATE,                                                                                      \
    [TABLE_SIZE] = {.name = "size",                                                                                    \
                    .version = 1,                                                                                      \
                    .record_size = sizeof(struct window_size),                                                         \
                    .doc = "How long windows are.",                                                                    \
                    .merge = window_merge_size},                                                                       \
    [TABLE_BEFORE] = {.name = "before",                                                                                \
                      .version = 1,                                                                                    \
                      .record_size = sizeof(struct window_size),                                                       \
                      .doc = "How long they are until a boundary, where the size has been changed."},                  \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* Options that all have, as rows of an option table. */
#define WINDOW_OPTIONS                                                                                                 \
    PL_OPT_DURATION(struct window, lateness, "lateness", "0s", "0s", "30d", PL_LIVE,                                   \
                    "How long a window waits for rows that come behind the watermark."),                               \
        PL_OPT_SET(struct window, aggregates, "aggregates", "[count, mean, min, max, stddev, first, last]",            \
                   window_aggregates, PL_STATE,                                                                        \
                   "What to compute; the other columns are NaN (count is always there)."),                             \
        PL_OPT_STRINGS(struct window, quantile_texts, "quantiles", "[]", PL_STATE,                                     \
                       "Quantiles to give through the output `quantiles`, like [0.5, 0.95, 0.99], as samples of "      \
                       "KEY.p50, KEY.p95, KEY.p99."),                                                                  \
        PL_OPT_CHOICE(struct window, by, "by", "tag", window_by, PL_STATE,                                             \
                      "One window for each tag, for each asset over its tags, or for each line (the asset's path to "  \
                      "the graph's key_depth)."),                                                                      \
        PL_OPT_CHOICE(struct window, quality, "quality", "good", window_quality, PL_STATE,                             \
                      "Whether rows of severity bad are skipped (and counted as skipped) or count like any; rows "     \
                      "without a value never count."),                                                                 \
        PL_OPT_DURATION(                                                                                               \
            struct window, updates, "updates", "0s", "0s", "30d", PL_LIVE,                                             \
            "How often windows that are still open are told as they stand, flagged provisional; 0: never."),           \
        PL_OPT_BOOL(struct window, empty, "empty", "true", PL_LIVE,                                                    \
                    "Whether a window in which every row was skipped is told, with count 0 and quality bad|missing."), \
        PL_OPT_INT(struct window, max_open, "max_open", "0", "0", "1000000", PL_FIXED,                                 \
                   "Panes of one key open at a time; rows that need more are counted as refused; 0: what the lengths " \
                   "and lateness need, and 16384 more.")

#define WINDOW_OPTION_OFFSET                                                                                           \
    PL_OPT_DURATION(struct window, offset, "offset", "0s", "-7d", "7d", PL_STATE,                                      \
                    "Moves the start of windows away from multiples of their length since 1970-01-01T00:00Z.")

void window_check(void *self, struct pl_check *check);
enum pl_code window_open(struct window *window, struct pl_node *node, const struct window_shape *shape,
                         struct pl_error **error);
enum pl_flow window_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch);
pl_time window_watermark(void *self, struct pl_node *node, pl_time now);
void window_changed(void *self, struct pl_node *node, const struct pl_option *option);
void window_close(void *self, struct pl_node *node);

static inline bool window_sketched(const struct window *window) {
    return window->quantile_texts.count > 0;
}

static inline void window_late(struct window *window, uint32_t row) {
    window->late[window->late_rows++] = (uint16_t)row;
}

/* sizes.c: what the tables say of sizes, when they have been restored; and what is over. False: the node has failed. */
bool window_sizes_find(struct window *window, struct pl_node *node);
void window_sizes_closed(struct window *window, struct pl_node *node);
/* marks.c: a row of the key, in [begin, end), is missing in windows that have closed. */
void window_mark(struct window *window, uint32_t key, pl_time begin, pl_time end);

/* Takes a row of samples into the aggregate it belongs to. */
static inline __attribute__((always_inline)) void window_take(const struct window *window, struct aggregate *aggregate,
                                                              const struct pl_samples *rows, uint32_t row,
                                                              struct tally *tally, bool deviation, bool sketched) {
    double value = rows->value[row];
    uint16_t quality = rows->quality[row];
    if (PL_UNLIKELY((quality & (window->any_quality ? 0 : PL_Q_BAD)) || value != value)) {
        aggregate->pane.skipped++;
        tally->skipped++;
        return;
    }
    pane_add(&aggregate->pane, rows->time[row], value, quality, deviation);
    if (sketched) sketch_add(&aggregate->sketch, value);
}

/* The same for a row of windows. */
void window_take_window(const struct window *window, struct aggregate *aggregate, const struct pl_windows *rows,
                        uint32_t row, struct tally *tally);

/* emit.c: adds a row, and those of its quantiles, to what leaves. False without memory or when the node has failed. */
bool window_tell(struct window *window, struct pl_node *node, uint32_t key, pl_time start, pl_time end,
                 const struct aggregate *whole, uint16_t flags);
bool window_flush(struct window *window, struct pl_node *node);

/* A window without a row that counts is only told where `empty` says so. */
static inline bool window_worth_telling(const struct window *window, const struct pane *pane) {
    return pane->count || window->empty;
}

#endif
