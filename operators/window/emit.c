#include "window.h"

enum { EMIT_ROWS = 4096 };

static bool flush(struct window *w, struct pl_node *node) {
    return !w->out || pl_emit(node, WINDOW_OUT, &w->out) != PL_FLOW_FAIL;
}

static bool emit_row(struct window *w, struct pl_node *node, uint32_t key, pl_time end, const struct pane *pane,
                     uint16_t flags) {
    if (w->out && w->out->rows == w->out->capacity && !flush(w, node)) return false;
    if (!w->out) w->out = pl_node_batch(node, PL_WINDOWS, w->keys.count < EMIT_ROWS ? w->keys.count : EMIT_ROWS, 0);
    if (!w->out) return false;
    struct pl_windows *rows = &w->out->windows;
    uint32_t i = w->out->rows++;
    rows->tag[i] = key;
    rows->start[i] = grid_start(&w->grid, end);
    rows->end[i] = end;
    pane_write(pane, rows, i, w->aggregates);
    rows->quality[i] |= flags;
    return true;
}

/* Puts together the panes of the key in the window that ends at `end`. Returns how many there were. */
static unsigned gather(const struct window *w, uint32_t key, pl_time end, struct pane *whole) {
    pl_time start = grid_start(&w->grid, end);
    unsigned panes = 0;
    *whole = (struct pane){0};
    for (struct pl_record *r = pl_table_first(w->panes, key); r && r->sub >= start; r = r->next) {
        if (r->sub >= end) continue;
        pane_merge(whole, pl_record_data(r));
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

static bool emit_key(struct window *w, struct pl_node *node, uint32_t key, pl_time end, uint64_t *told) {
    struct pane whole;
    if (gather(w, key, end, &whole) && (whole.count || w->empty)) {
        if (!emit_row(w, node, key, end, &whole, 0)) return false;
        ++*told;
    }
    forget(w, key, end);
    return true;
}

/* The end of the next window to tell: it holds the earliest pane, and has not been told. */
static pl_time next_end(const struct window *w) {
    if (w->earliest == PL_TIME_MAX) return PL_TIME_MAX;
    pl_time from = w->earliest > w->closed ? w->earliest : w->closed;
    return grid_end_after(&w->grid, from);
}

bool window_emit_due(struct window *w, struct pl_node *node, pl_time closed) {
    uint64_t told = 0;
    bool good = true;
    keys_order(&w->keys);
    while (good && w->earliest != PL_TIME_MAX) {
        pl_time end = next_end(w);
        if (end > closed) break;
        w->earliest = PL_TIME_MAX;
        for (uint32_t i = 0; good && i < w->keys.count; i++)
            good = emit_key(w, node, w->keys.ordered[i], end, &told);
        w->closed = end;
    }
    w->closed = closed;
    pl_count(node, COUNT_WINDOWS, told);
    return good && flush(w, node);
}

/* ---- Provisional rows ---- */

/* Tells the key's windows that have begun and not closed, where something has changed since they were told. */
static bool update_key(struct window *w, struct pl_node *node, uint32_t key, pl_time until) {
    struct pl_record *newest = pl_table_first(w->panes, key), *oldest = newest;
    while (oldest && oldest->next)
        oldest = oldest->next;
    if (!oldest) return true;
    pl_time from = oldest->sub > w->closed ? oldest->sub : w->closed;
    for (pl_time end = grid_end_after(&w->grid, from); end <= until; end = grid_end_after(&w->grid, end)) {
        struct pane whole;
        if (!gather(w, key, end, &whole) || (!whole.count && !w->empty)) continue;
        if (whole.count + whole.skipped == whole.shown) continue;
        if (!emit_row(w, node, key, end, &whole, PL_Q_PROVISIONAL)) return false;
        if (end == PL_TIME_MAX) break;
    }
    for (struct pl_record *r = newest; r && r->sub < until; r = r->next) {
        struct pane *pane = pl_table_get(w->panes, key, r->sub);
        if (pane) pane->shown = pane->count + pane->skipped;
    }
    return true;
}

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

bool window_emit_updates(struct window *w, struct pl_node *node, pl_time now) {
    struct grid ticks;
    pl_time from, next;
    grid_init(&ticks, w->updates, w->updates, 0);
    grid_pane(&ticks, now, &from, &next);
    struct pl_table *keys = pl_node_table(node, TABLE_KEYS);
    keys_order(&w->keys);
    for (uint32_t i = 0; i < w->keys.count; i++) {
        uint32_t key = w->keys.ordered[i];
        if (!update_due(w, keys, key, now, next)) continue;
        if (!update_key(w, node, key, grid_end_after(&w->grid, grid_minus(now, 1)))) return false;
    }
    w->next_update = next;
    return flush(w, node);
}
