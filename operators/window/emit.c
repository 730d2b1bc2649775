#include "window.h"

enum { EMIT_ROWS = 4096 };

static bool flush(struct pl_node *node, unsigned port, struct pl_batch **out) {
    return !*out || pl_emit(node, port, out) != PL_FLOW_FAIL;
}

bool window_flush(struct window *w, struct pl_node *node) {
    bool good = flush(node, WINDOW_OUT, &w->out);
    return flush(node, WINDOW_QUANTILES, &w->quantile_out) && good;
}

/* A batch with room for a row. */
static bool room(struct window *w, struct pl_node *node, unsigned port, struct pl_batch **out) {
    if (*out && (*out)->rows == (*out)->capacity && !flush(node, port, out)) return false;
    uint32_t rows = w->keys.count * (port == WINDOW_QUANTILES ? w->quantiles.count : 1);
    if (!*out)
        *out =
            pl_node_batch(node, port == WINDOW_OUT ? PL_WINDOWS : PL_SAMPLES, rows < EMIT_ROWS ? rows : EMIT_ROWS, 0);
    return *out != NULL;
}

/* Within min and max, which are known exactly. */
static double quantile_of(const struct aggregate *whole, double q) {
    double value = sketch_quantile(&whole->sketch, q);
    if (value < whole->pane.min) return whole->pane.min;
    return value > whole->pane.max ? whole->pane.max : value;
}

static bool tell_quantiles(struct window *w, struct pl_node *node, uint32_t key, pl_time end,
                           const struct aggregate *whole, uint16_t quality) {
    for (uint32_t i = 0; i < w->quantiles.count; i++) {
        const struct quantile *quantile = &w->quantiles.at[i];
        uint32_t tag = quantile_tag(quantile, pl_node_tags(node), key);
        if (tag == PL_NO_ID) {
            pl_count(node, COUNT_REFUSED, 1);
            continue;
        }
        if (!room(w, node, WINDOW_QUANTILES, &w->quantile_out)) return false;
        struct pl_samples *rows = &w->quantile_out->samples;
        uint32_t row = w->quantile_out->rows++;
        rows->time[row] = end;
        rows->tag[row] = tag;
        rows->value[row] = quantile_of(whole, quantile->q);
        rows->quality[row] = quality;
    }
    return true;
}

bool window_tell(struct window *w, struct pl_node *node, uint32_t key, pl_time start, pl_time end,
                 const struct aggregate *whole, uint16_t flags) {
    if (!room(w, node, WINDOW_OUT, &w->out)) return false;
    struct pl_windows *rows = &w->out->windows;
    uint32_t i = w->out->rows++;
    rows->tag[i] = key;
    rows->start[i] = start;
    rows->end[i] = end;
    pane_write(&whole->pane, rows, i, w->aggregates);
    rows->quality[i] |= flags;
    if (!w->quantiles.count || !pl_wanted(node, WINDOW_QUANTILES)) return true;
    return tell_quantiles(w, node, key, end, whole, rows->quality[i]);
}
