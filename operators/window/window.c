#include "window.h"

#include <math.h>

enum { OPEN_SPARE = 64 };

const char *const window_aggregates[] = {"count", "mean", "min", "max", "stddev", "first", "last", NULL};
const char *const window_by[] = {"tag", "asset", "line", NULL};
const char *const window_quality[] = {"good", "any", NULL};

const struct pl_port window_inputs[] = {
    {.name = "in", .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS), .doc = "Samples, or windows to put together."},
    {.name = NULL},
};
const struct pl_port window_outputs[] = {
    {.name = "out", .kinds = PL_SET(PL_WINDOWS), .doc = "One row for each key and window, when the window closes."},
    {.name = "late",
     .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS),
     .gives = PL_PORT_SAME,
     .doc = "Rows that came after all of their windows had closed, flagged late."},
    {.name = NULL},
};
const struct pl_counter window_counters[] = {
    [COUNT_WINDOWS] = {"windows", "rows", "Windows told, provisional ones left out."},
    [COUNT_SKIPPED] = {"skipped", "rows", "Rows left out of their windows for their quality."},
    [COUNT_LATE] = {"late", "rows", "Rows that came after all of their windows had closed."},
    [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room: too many open panes, keys or names."},
    {.name = NULL},
};
const struct pl_table_def window_tables[] = {
    [TABLE_PANES] = {.name = "panes",
                     .version = PANE_VERSION,
                     .record_size = sizeof(struct pane),
                     .doc = "Running aggregates by key and start of the pane."},
    [TABLE_KEYS] = {.name = "keys",
                    .version = 1,
                    .record_size = sizeof(struct window_key),
                    .doc = "When a key tells its open windows next."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct window_progress),
                        .doc = "The watermark, which decides what is late."},
    {.name = NULL},
};

static uint32_t open_limit(const struct window *w) {
    if (w->max_open) return (uint32_t)w->max_open;
    pl_time panes = w->grid.size / w->grid.pane + w->lateness / w->grid.pane + OPEN_SPARE;
    return panes < UINT32_MAX ? (uint32_t)panes : UINT32_MAX;
}

enum pl_code window_open(void *self, struct pl_node *node, struct pl_error **error) {
    (void)error;
    struct window *w = self;
    grid_init(&w->grid, w->size, w->slide, w->offset);
    keys_init(&w->keys, pl_node_tags(node), w->by, pl_node_key_depth(node));
    w->any_quality = w->quality != 0;
    w->open_limit = open_limit(w);
    w->panes = pl_node_table(node, TABLE_PANES);
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
    pl_batch_unref(w->out);
    w->out = NULL;
}

/* Windows take rows until they close; `time` is the watermark of the input. A window of windows ends with a row at that
 * very time, so for those the watermark counts one nanosecond later. */
static pl_time closed_by(const struct window *w, const struct pl_node *node, pl_time time) {
    if (time == PL_TIME_MIN || time == PL_TIME_MAX) return time;
    if (pl_node_kind(node) == PL_WINDOWS) time--;
    pl_time until = grid_minus(time, w->lateness);
    return until == PL_TIME_MIN ? until : grid_end_until(&w->grid, until);
}

/* The first call, maybe after a restore: what is not in the tables is found from them. */
static bool find_again(struct window *w, struct pl_node *node) {
    const struct window_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (progress) w->closed = closed_by(w, node, progress->watermark);
    for (struct pl_record *r = pl_table_next(w->panes, NULL); r; r = pl_table_next(w->panes, r)) {
        if (!keys_add(&w->keys, r->id)) return false;
        if (r->sub < w->earliest) w->earliest = r->sub;
    }
    w->found = true;
    return true;
}

/* A pane that is not the newest of its key, or not there yet. */
static struct pane *pane_open(struct window *w, uint32_t key, pl_time start) {
    if (!pl_table_find(w->panes, key, start)) {
        uint32_t open = 0;
        for (const struct pl_record *r = pl_table_first(w->panes, key); r; r = r->next)
            open++;
        if (open >= w->open_limit || !keys_add(&w->keys, key)) return NULL;
        if (start < w->earliest) w->earliest = start;
    }
    return pl_table_get(w->panes, key, start);
}

static inline struct pane *pane_of(struct window *w, uint32_t key, pl_time start) {
    struct pl_record *record = pl_table_first(w->panes, key);
    if (PL_LIKELY(record && record->sub == start && record->epoch == w->panes->epoch)) return pl_record_data(record);
    return key == PL_NO_ID ? NULL : pane_open(w, key, start);
}

/* The pane of the row at hand; rows mostly stay in one, so it is only looked for when they leave it. */
struct place {
    pl_time from;
    pl_time to;
    bool late;
};

static void find_place(const struct window *w, struct place *place, pl_time time) {
    grid_pane(&w->grid, time, &place->from, &place->to);
    place->late = w->closed != PL_TIME_MIN && grid_last_end(&w->grid, place->from) <= w->closed;
}

struct tally {
    uint64_t skipped;
    uint64_t refused;
};

/* The hot loop: called with constants for `mapped` and `deviation`, so that there are four of it. */
static inline __attribute__((always_inline)) void add_rows(struct window *w, const struct pl_batch *batch,
                                                           struct tally *tally, bool mapped, bool deviation) {
    const pl_time *time = batch->samples.time;
    const uint32_t *tag = batch->samples.tag;
    const double *value = batch->samples.value;
    const uint16_t *quality = batch->samples.quality;
    const uint16_t refused = w->any_quality ? 0 : PL_Q_BAD;
    struct place place = {.from = 0, .to = 0, .late = false};
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (PL_UNLIKELY(time[i] < place.from || time[i] >= place.to)) find_place(w, &place, time[i]);
        if (PL_UNLIKELY(place.late)) {
            w->late[w->late_rows++] = (uint16_t)i;
            continue;
        }
        struct pane *pane = pane_of(w, mapped ? keys_of(&w->keys, tag[i]) : tag[i], place.from);
        if (PL_UNLIKELY(!pane)) {
            tally->refused++;
        } else if (PL_UNLIKELY((quality[i] & refused) || value[i] != value[i])) {
            pane->skipped++;
            tally->skipped++;
        } else {
            pane_add(pane, time[i], value[i], quality[i], deviation);
        }
    }
}

static void add_samples(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    bool deviation = PANE_HAS(w->aggregates, PANE_STDDEV);
    if (w->by == KEYS_BY_TAG && !deviation)
        add_rows(w, batch, tally, false, false);
    else if (w->by == KEYS_BY_TAG)
        add_rows(w, batch, tally, false, true);
    else if (!deviation)
        add_rows(w, batch, tally, true, false);
    else
        add_rows(w, batch, tally, true, true);
}

/* Windows of windows. A row lies in the window that holds its last nanosecond; what is provisional comes again. */
static void add_windows(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    const struct pl_windows *rows = &batch->windows;
    struct place place = {.from = 0, .to = 0, .late = false};
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (rows->quality[i] & PL_Q_PROVISIONAL) continue;
        pl_time time = grid_minus(rows->end[i], 1);
        if (time < place.from || time >= place.to) find_place(w, &place, time);
        if (place.late) {
            w->late[w->late_rows++] = (uint16_t)i;
            continue;
        }
        struct pane *pane =
            pane_of(w, w->by == KEYS_BY_TAG ? rows->tag[i] : keys_of(&w->keys, rows->tag[i]), place.from);
        if (!pane) {
            tally->refused++;
        } else if (rows->count[i] && !w->any_quality && pl_quality_bad(rows->quality[i])) {
            pane->skipped += rows->skipped[i] + rows->count[i];
            tally->skipped += rows->count[i];
        } else {
            pane_add_window(pane, rows, i);
        }
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
    if (batch->kind == PL_SAMPLES)
        add_samples(w, batch, &tally);
    else
        add_windows(w, batch, &tally);
    if (tally.skipped) pl_count(node, COUNT_SKIPPED, tally.skipped);
    if (tally.refused) pl_count(node, COUNT_REFUSED, tally.refused);
    if (w->late_rows) flow = emit_late(w, node, batch);
    pl_batch_unref(batch);
    return flow;
}

static bool keep_watermark(struct pl_node *node, pl_time now) {
    struct window_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (progress) progress->watermark = now;
    return progress != NULL;
}

/* The next row out ends after all that closed. */
static pl_time watermark_out(const struct window *w, pl_time now) {
    if (w->closed == PL_TIME_MIN || now == PL_TIME_MAX) return now == PL_TIME_MAX ? now : PL_TIME_MIN;
    pl_time next = grid_end_after(&w->grid, w->closed);
    return next < now ? next : now;
}

pl_time window_watermark(void *self, struct pl_node *node, pl_time now) {
    struct window *w = self;
    bool good = w->found || find_again(w, node);
    pl_time closed = good ? closed_by(w, node, now) : PL_TIME_MIN;
    if (closed > w->closed) good = window_emit_due(w, node, closed);
    if (good && w->updates && now >= w->next_update && now != PL_TIME_MAX) good = window_emit_updates(w, node, now);
    if (!good || !keep_watermark(node, now)) pl_fail(node, "no memory to close windows");
    return watermark_out(w, now);
}

PL_PLUGIN(window, "1.0", &window_tumbling, &window_sliding)
