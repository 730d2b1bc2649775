/* window.h: what tumbling and sliding windows share: all but their options.
 *
 *     rows -> pane (a record of the table `panes`, by key and start) -> at the window's end -> a row of windows
 *
 * A window closes when the watermark passes its end + lateness. A row counts in every window it belongs to that has not
 * closed; when all of them have, the row goes to the port `late`. What is late is decided by the watermark, never by a
 * clock, so the same input gives the same rows however it was cut into batches.
 *
 * Windows leave in order of (end, name of the key).
 */
#ifndef POTLINE_WINDOW_WINDOW_H
#define POTLINE_WINDOW_WINDOW_H

#include <potline/potline.h>

#include "grid.h"
#include "keys.h"
#include "pane.h"

enum { WINDOW_OUT, WINDOW_LATE };
enum { TABLE_PANES, TABLE_KEYS, TABLE_PROGRESS };
enum { COUNT_WINDOWS, COUNT_SKIPPED, COUNT_LATE, COUNT_REFUSED };

/* What a key has told provisionally. */
struct window_key {
    pl_time next_update;
};

/* Of the whole node, under the empty name. */
struct window_progress {
    pl_time watermark;
};

struct window {
    /* options */
    pl_time size;
    pl_time slide; /* tumbling: set to size */
    pl_time offset;
    pl_time lateness;
    pl_time updates;
    uint32_t aggregates;
    uint32_t by;
    uint32_t quality;
    bool empty;
    int64_t max_open;

    /* what follows is found again from the tables after a restore */
    struct grid grid;
    struct keys keys;
    struct pl_table *panes;
    bool any_quality;
    bool found;
    pl_time closed;      /* windows that end until then have been told */
    pl_time earliest;    /* start of the first pane there is; PL_TIME_MAX: none */
    pl_time next_update; /* no key tells anything provisional before */
    uint32_t open_limit;

    struct pl_batch *out; /* being filled */
    uint32_t late_rows;
    uint16_t late[PL_BATCH_ROWS_MAX];
};

extern const struct pl_operator window_tumbling, window_sliding;
extern const struct pl_port window_inputs[];
extern const struct pl_port window_outputs[];
extern const struct pl_counter window_counters[];
extern const struct pl_table_def window_tables[];
extern const char *const window_aggregates[];
extern const char *const window_by[];
extern const char *const window_quality[];

/* Options that both have, as rows of an option table. */
#define WINDOW_OPTIONS                                                                                                 \
    PL_OPT_DURATION(struct window, offset, "offset", "0s", "-7d", "7d", PL_STATE,                                      \
                    "Moves the start of windows away from multiples of their length since 1970-01-01T00:00Z."),        \
        PL_OPT_DURATION(struct window, lateness, "lateness", "0s", "0s", "30d", PL_LIVE,                               \
                        "How long a window waits for rows that come behind the watermark."),                           \
        PL_OPT_SET(struct window, aggregates, "aggregates", "[count, mean, min, max, stddev, first, last]",            \
                   window_aggregates, PL_STATE,                                                                        \
                   "What to compute; the other columns are NaN (count is always there)."),                             \
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
                   "Panes of one key open at a time; rows that need more are counted as refused; 0: what size, slide " \
                   "and lateness need, and 64 more.")

enum pl_code window_open(void *self, struct pl_node *node, struct pl_error **error);
enum pl_flow window_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch);
pl_time window_watermark(void *self, struct pl_node *node, pl_time now);
void window_changed(void *self, struct pl_node *node, const struct pl_option *option);
void window_close(void *self, struct pl_node *node);

/* emit.c: tells every window that ends until `closed`. False when the node has failed. */
bool window_emit_due(struct window *window, struct pl_node *node, pl_time closed);

/* emit.c: tells what is open, as far as it began before `now`, provisionally. */
bool window_emit_updates(struct window *window, struct pl_node *node, pl_time now);

#endif
