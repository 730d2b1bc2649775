#include "window.h"

#include <inttypes.h>

#include <potline/alloc.h>

const char *const window_aggregates[] = {"count", "mean", "min", "max", "stddev", "first", "last", NULL};
const char *const window_by[] = {"tag", "asset", "line", NULL};
const char *const window_quality[] = {"good", "any", NULL};

const struct pl_port window_inputs[] = {
    {.name = "in", .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS), .doc = "Samples, or windows to put together."},
    {.name = NULL},
};
const struct pl_port window_outputs[] = {
    [WINDOW_OUT] = {.name = "out",
                    .kinds = PL_SET(PL_WINDOWS),
                    .doc = "One row for each key and window, when the window closes."},
    [WINDOW_LATE] = {.name = "late",
                     .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS),
                     .gives = PL_PORT_SAME,
                     .doc = "Rows that came after all of their windows had closed, flagged late."},
    [WINDOW_QUANTILES] = {.name = "quantiles",
                          .kinds = PL_SET(PL_SAMPLES),
                          .doc = "The quantiles of each row of `out`, at the window's end, as tags KEY.p50, KEY.p95."},
    {.name = NULL},
};
const struct pl_counter window_counters[] = {
    [COUNT_WINDOWS] = {"windows", "rows", "Windows told, provisional ones left out."},
    [COUNT_SKIPPED] = {"skipped", "rows", "Rows left out of their windows for their quality."},
    [COUNT_LATE] = {"late", "rows", "Rows that came after all of their windows had closed."},
    [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room: too many open panes, keys or names."},
    {.name = NULL},
};

static uint32_t open_limit(const struct window *w) {
    if (w->max_open) return (uint32_t)w->max_open;
    pl_time panes = w->shape->panes(w) + WINDOW_OPEN_SPARE;
    return panes < UINT32_MAX ? (uint32_t)panes : UINT32_MAX;
}

/* ---- Life cycle ---- */

void window_check(void *self, struct pl_check *check) {
    const struct window *w = self;
    struct quantiles quantiles;
    struct pl_error *error = NULL;
    if (quantiles_set(&quantiles, &w->quantile_texts, &error)) pl_check_error(check, "quantiles", "%s", error->text);
    pl_error_free(&error);
}

enum pl_code window_open(struct window *w, struct pl_node *node, const struct window_shape *shape,
                         struct pl_error **error) {
    if (quantiles_set(&w->quantiles, &w->quantile_texts, error)) return PL_RANGE;
    if (w->quantiles.count && pl_node_kind(node) == PL_WINDOWS)
        return pl_error_set(error, PL_CONFLICT, "quantiles need samples: they do not follow from those of windows");
    keys_init(&w->keys, pl_node_tags(node), w->by, pl_node_key_depth(node));
    w->shape = shape;
    w->any_quality = w->quality != 0;
    w->open_limit = open_limit(w);
    w->panes = pl_node_table(node, TABLE_PANES);
    w->marks = pl_node_table(node, TABLE_LATE);
    w->closed = PL_TIME_MIN;
    w->earliest = PL_TIME_MAX;
    w->next_update = PL_TIME_MIN;
    return PL_OK;
}

void window_changed(void *self, struct pl_node *node, const struct pl_option *option) {
    (void)node;
    (void)option;
    struct window *w = self;
    w->open_limit = open_limit(w);
    w->next_update = PL_TIME_MIN;
}

void window_close(void *self, struct pl_node *node) {
    (void)node;
    struct window *w = self;
    keys_fini(&w->keys);
    zone_free(w->calendar.zone);
    w->calendar.zone = NULL;
    pl_free(w->due);
    w->due = NULL;
    pl_batch_unref(w->out);
    pl_batch_unref(w->quantile_out);
    w->out = w->quantile_out = NULL;
}

/* Windows take rows until they close; `time` is the watermark of the input. A window of windows ends with a row at that
 * very time, so for those the watermark counts one nanosecond later. */
static pl_time closed_by(const struct window *w, const struct pl_node *node, pl_time time) {
    if (time == PL_TIME_MIN || time == PL_TIME_MAX) return time;
    if (pl_node_kind(node) == PL_WINDOWS) time--;
    pl_time until = grid_minus(time, w->lateness);
    return until == PL_TIME_MIN ? until : w->shape->closing(w, until);
}

/* The first call, maybe after a restore: what is not in the tables is found from them. */
static bool find_again(struct window *w, struct pl_node *node) {
    if (!window_sizes_find(w, node)) return false;
    const struct window_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (progress) w->closed = closed_by(w, node, progress->watermark);
    for (struct pl_record *r = pl_table_next(w->panes, NULL); r; r = pl_table_next(w->panes, r)) {
        if (!keys_add(&w->keys, r->id)) return false;
        w->shape->note(w, r);
    }
    w->found = true;
    return true;
}

/* ---- Rows ---- */

void window_take_window(const struct window *w, struct aggregate *aggregate, const struct pl_windows *rows,
                        uint32_t row, struct tally *tally) {
    if (rows->count[row] && !w->any_quality && pl_quality_bad(rows->quality[row])) {
        aggregate->pane.skipped += rows->skipped[row] + rows->count[row];
        tally->skipped += rows->count[row];
    } else {
        pane_add_window(&aggregate->pane, rows, row);
    }
}

static enum pl_flow emit_late(struct window *w, struct pl_node *node, const struct pl_batch *batch) {
    pl_count(node, COUNT_LATE, w->late_rows);
    if (!pl_wanted(node, WINDOW_LATE)) return PL_FLOW_OK;
    struct pl_batch *late = pl_batch_like(batch, w->late_rows, 0);
    if (!late) return pl_fail(node, "no memory for %u late rows", w->late_rows);
    uint16_t *quality = batch->kind == PL_SAMPLES ? late->samples.quality : late->windows.quality;
    for (uint32_t i = 0; i < w->late_rows; i++) {
        pl_batch_append(late, batch, w->late[i], 1);
        quality[i] |= PL_Q_LATE;
    }
    return pl_emit(node, WINDOW_LATE, &late);
}

static void refuse(struct window *w, struct pl_node *node, uint64_t rows) {
    if (!w->told_refused)
        pl_node_diag(node, PL_WARN,
                     "no room for %" PRIu64 " rows: too many open panes, keys or names (max_open, "
                     "max_keys, max_tags); from now on only counted",
                     rows);
    w->told_refused = true;
    pl_count(node, COUNT_REFUSED, rows);
}

enum pl_flow window_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct window *w = self;
    struct tally tally = {0};
    enum pl_flow flow = PL_FLOW_OK;
    w->late_rows = 0;
    if ((!w->found && !find_again(w, node)) || !keys_prepare(&w->keys)) {
        pl_batch_unref(batch);
        return pl_fail(node, "no memory for the keys of windows");
    }
    w->shape->add(w, batch, &tally);
    if (tally.skipped) pl_count(node, COUNT_SKIPPED, tally.skipped);
    if (PL_UNLIKELY(tally.refused)) refuse(w, node, tally.refused);
    if (w->late_rows) flow = emit_late(w, node, batch);
    pl_batch_unref(batch);
    return flow;
}

/* ---- Provisional rows ---- */

/* Due once in each interval, counted from 1970; a key's first interval is the one after its first row. */
static bool update_due(struct window *w, struct pl_table *keys, uint32_t key, pl_time now, pl_time next) {
    if (!pl_table_first(w->panes, key)) {
        pl_table_drop(keys, key, 0);
        return false;
    }
    struct window_key *record = pl_table_get(keys, key, 0);
    if (!record) return false;
    bool due = record->next_update && now >= record->next_update;
    if (due || !record->next_update) record->next_update = next;
    return due;
}

static bool tell_updates(struct window *w, struct pl_node *node, pl_time now) {
    struct grid ticks;
    pl_time from, next;
    grid_init(&ticks, w->updates, w->updates, 0);
    grid_pane(&ticks, now, &from, &next);
    struct pl_table *keys = pl_node_table(node, TABLE_KEYS);
    keys_order(&w->keys);
    for (uint32_t i = 0; i < w->keys.count; i++) {
        uint32_t key = w->keys.ordered[i];
        if (update_due(w, keys, key, now, next) && !w->shape->tell_open(w, node, key, now)) return false;
    }
    w->next_update = next;
    return window_flush(w, node);
}

/* ---- The watermark ---- */

/* What is late in the one that is farther back is late in both. */
void window_merge_progress(void *record, const void *other) {
    struct window_progress *progress = record;
    const struct window_progress *more = other;
    if (more->watermark < progress->watermark) progress->watermark = more->watermark;
}

static bool keep_watermark(struct pl_node *node, pl_time now) {
    struct window_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (progress) progress->watermark = now;
    return progress != NULL;
}

static bool tell_due(struct window *w, struct pl_node *node, pl_time closed) {
    keys_order(&w->keys);
    bool good = w->shape->tell_due(w, node, closed);
    w->closed = closed;
    if (w->grid.before_count) window_sizes_closed(w, node);
    return good && window_flush(w, node);
}

/* The next row out ends after all that closed. */
static pl_time watermark_out(const struct window *w, pl_time now) {
    if (w->closed == PL_TIME_MIN || now == PL_TIME_MAX) return now == PL_TIME_MAX ? now : PL_TIME_MIN;
    pl_time next = w->shape->next_end(w);
    return next < now ? next : now;
}

pl_time window_watermark(void *self, struct pl_node *node, pl_time now) {
    struct window *w = self;
    bool good = w->found || find_again(w, node);
    pl_time closed = good ? closed_by(w, node, now) : PL_TIME_MIN;
    if (closed > w->closed) good = tell_due(w, node, closed);
    if (good && w->updates && now >= w->next_update && now != PL_TIME_MAX) good = tell_updates(w, node, now);
    if (!good || !keep_watermark(node, now)) pl_fail(node, "no memory to close windows");
    return watermark_out(w, now);
}

PL_PLUGIN(window, "1.2", &window_tumbling, &window_sliding, &window_session)
