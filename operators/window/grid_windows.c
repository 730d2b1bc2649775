/* Windows whose places are fixed beforehand: tumbling, sliding, and those of a calendar. */
#include "window.h"

/* ---- Rows ---- */

/* An aggregate that is not the newest of its key, or not there yet. */
static struct aggregate *open_pane(struct window *w, uint32_t key, pl_time start) {
    if (!pl_table_find(w->panes, key, start)) {
        uint32_t open = 0;
        for (const struct pl_record *r = pl_table_first(w->panes, key); r; r = r->next)
            open++;
        if (open >= w->open_limit || !keys_add(&w->keys, key)) return NULL;
        if (start < w->earliest) w->earliest = start;
    }
    return pl_table_get(w->panes, key, start);
}

static inline struct aggregate *pane_of(struct window *w, uint32_t key, pl_time start) {
    struct pl_record *record = pl_table_first(w->panes, key);
    if (PL_LIKELY(record && record->sub == start && record->flags & PL_RECORD_CHANGED)) return pl_record_data(record);
    return key == PL_NO_ID ? NULL : open_pane(w, key, start);
}

/* The pane of the row at hand; rows mostly stay in one, so it is only looked for when they leave it. */
struct place {
    pl_time from;
    pl_time to;
    bool missed; /* windows that it belongs to have closed */
    bool late;   /* all of them */
};

static void find_place(const struct window *w, struct place *place, pl_time time) {
    grid_pane(&w->grid, time, &place->from, &place->to);
    place->missed = w->closed != PL_TIME_MIN && grid_end_after(&w->grid, place->from) <= w->closed;
    place->late = place->missed && grid_last_end(&w->grid, place->from) <= w->closed;
}

/* A row that windows miss: is it in none of those that are open? */
static bool miss(struct window *w, const struct place *place, uint32_t key, uint32_t row) {
    window_mark(w, key, place->from, place->to);
    if (place->late) window_late(w, row);
    return place->late;
}

/* The hot loop: called with constants for `mapped` and `deviation` where nothing is sketched, so that there are four
 * of it, and one with a sketch. */
static inline __attribute__((always_inline)) void add_rows(struct window *w, const struct pl_batch *batch,
                                                           struct tally *tally, bool mapped, bool deviation,
                                                           bool sketched) {
    const pl_time *time = batch->samples.time;
    const uint32_t *tag = batch->samples.tag;
    struct place place = {.from = 0, .to = 0, .missed = false, .late = false};
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (PL_UNLIKELY(time[i] < place.from || time[i] >= place.to)) find_place(w, &place, time[i]);
        uint32_t key = mapped ? keys_of(&w->keys, tag[i]) : tag[i];
        if (PL_UNLIKELY(place.missed) && miss(w, &place, key, i)) continue;
        struct aggregate *pane = pane_of(w, key, place.from);
        if (PL_UNLIKELY(!pane))
            tally->refused++;
        else
            window_take(w, pane, &batch->samples, i, tally, deviation, sketched);
    }
}

static void add_samples(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    bool deviation = PANE_HAS(w->aggregates, PANE_STDDEV), mapped = w->by != KEYS_BY_TAG;
    if (window_sketched(w))
        add_rows(w, batch, tally, mapped, deviation, true);
    else if (!mapped && !deviation)
        add_rows(w, batch, tally, false, false, false);
    else if (!mapped)
        add_rows(w, batch, tally, false, true, false);
    else if (!deviation)
        add_rows(w, batch, tally, true, false, false);
    else
        add_rows(w, batch, tally, true, true, false);
}

/* Windows of windows. A row lies in the window that holds its last nanosecond; what is provisional comes again. */
static void add_windows(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    const struct pl_windows *rows = &batch->windows;
    struct place place = {.from = 0, .to = 0, .missed = false, .late = false};
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (rows->quality[i] & PL_Q_PROVISIONAL) continue;
        pl_time time = grid_minus(rows->end[i], 1);
        if (time < place.from || time >= place.to) find_place(w, &place, time);
        uint32_t key = w->by == KEYS_BY_TAG ? rows->tag[i] : keys_of(&w->keys, rows->tag[i]);
        if (place.missed && miss(w, &place, key, i)) continue;
        struct aggregate *pane = pane_of(w, key, place.from);
        if (pane)
            window_take_window(w, pane, rows, i, tally);
        else
            tally->refused++;
    }
}

static void grid_add(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    if (batch->kind == PL_SAMPLES)
        add_samples(w, batch, tally);
    else
        add_windows(w, batch, tally);
}

/* ---- Windows ---- */

/* Puts together the panes of the key in the window that ends at `end`. Returns how many there were. */
static unsigned gather(const struct window *w, uint32_t key, pl_time end, struct aggregate *whole) {
    pl_time start = grid_start(&w->grid, end);
    unsigned panes = 0;
    aggregate_clear(whole);
    for (struct pl_record *r = pl_table_first(w->panes, key); r && r->sub >= start; r = r->next) {
        if (r->sub >= end) continue;
        aggregate_merge(whole, pl_record_data(r), window_sketched(w));
        panes++;
    }
    return panes;
}

/* Forgets the panes that no later window has, and notes the earliest of those that stay. */
static void forget(struct window *w, uint32_t key, pl_time end) {
    struct pl_record *next;
    for (struct pl_record *r = pl_table_first(w->panes, key); r; r = next) {
        next = r->next;
        if (grid_last_end(&w->grid, r->sub) <= end)
            pl_table_drop(w->panes, key, r->sub);
        else if (r->sub < w->earliest)
            w->earliest = r->sub;
    }
}

static bool tell_key(struct window *w, struct pl_node *node, uint32_t key, pl_time end, uint64_t *told) {
    struct aggregate whole;
    if (gather(w, key, end, &whole) && window_worth_telling(w, &whole.pane)) {
        if (!window_tell(w, node, key, grid_start(&w->grid, end), end, &whole, 0)) return false;
        ++*told;
    }
    forget(w, key, end);
    return true;
}

/* The end of the next window to tell: it holds the earliest pane, and has not been told. */
static pl_time end_to_tell(const struct window *w) {
    pl_time from = w->earliest > w->closed ? w->earliest : w->closed;
    return grid_end_after(&w->grid, from);
}

static bool grid_tell_due(struct window *w, struct pl_node *node, pl_time closed) {
    uint64_t told = 0;
    bool good = true;
    while (good && w->earliest != PL_TIME_MAX) {
        pl_time end = end_to_tell(w);
        if (end > closed) break;
        w->earliest = PL_TIME_MAX;
        for (uint32_t i = 0; good && i < w->keys.count; i++)
            good = tell_key(w, node, w->keys.ordered[i], end, &told);
        w->closed = end;
    }
    pl_count(node, COUNT_WINDOWS, told);
    return good;
}

static bool grid_tell_open(struct window *w, struct pl_node *node, uint32_t key, pl_time now) {
    struct pl_record *newest = pl_table_first(w->panes, key), *oldest = newest;
    pl_time until = grid_end_after(&w->grid, grid_minus(now, 1));
    while (oldest && oldest->next)
        oldest = oldest->next;
    if (!oldest) return true;
    pl_time from = oldest->sub > w->closed ? oldest->sub : w->closed;
    for (pl_time end = grid_end_after(&w->grid, from); end <= until; end = grid_end_after(&w->grid, end)) {
        struct aggregate whole;
        bool any = gather(w, key, end, &whole) && window_worth_telling(w, &whole.pane);
        bool changed = any && whole.pane.count + whole.pane.skipped != whole.pane.shown;
        pl_time start = grid_start(&w->grid, end);
        if (changed && !window_tell(w, node, key, start, end, &whole, PL_Q_PROVISIONAL)) return false;
        if (end == PL_TIME_MAX) break;
    }
    for (struct pl_record *r = newest; r && r->sub < until; r = r->next) {
        struct aggregate *aggregate = pl_table_get(w->panes, key, r->sub);
        if (aggregate) aggregate->pane.shown = aggregate->pane.count + aggregate->pane.skipped;
    }
    return true;
}

/* ---- Times ---- */

static pl_time grid_closing(const struct window *w, pl_time time) {
    return grid_end_until(&w->grid, time);
}

static pl_time grid_next_end(const struct window *w) {
    return grid_end_after(&w->grid, w->closed);
}

static void grid_note(struct window *w, struct pl_record *record) {
    if (record->sub < w->earliest) w->earliest = record->sub;
}

static pl_time grid_panes(const struct window *w) {
    return w->grid.size / w->grid.pane + w->lateness / w->grid.pane;
}

static size_t pane_size(const void *self) {
    return aggregate_size(window_sketched(self));
}

const struct pl_table_def window_tables[] = {
    WINDOW_TABLES(pane_size, "Running aggregates by key and start of the pane."),
};

const struct window_shape window_on_grid = {
    .add = grid_add,
    .closing = grid_closing,
    .next_end = grid_next_end,
    .tell_due = grid_tell_due,
    .tell_open = grid_tell_open,
    .note = grid_note,
    .panes = grid_panes,
};
