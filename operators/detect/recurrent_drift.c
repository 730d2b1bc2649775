/* recurrent_drift.c: do the rows that a model is given, and how far it is off, still lie as when it was trained?
 *
 * That a plant wanders is no drift: the limit is above what windows of the training themselves had.
 */
#include <math.h>
#include <stdio.h>

#include "recurrent_node.h"

static uint32_t tag_of(const void *self, uint32_t asset, uint32_t number) {
    return recurrent_tag(self, asset, number, "");
}

void drift_show(struct recurrent *r) {
    if (!r->drift_news) return;
    r->drift_news = false;
    const struct pl_table *frames = pl_node_table(r->verdicts.node, TABLE_FRAMES);
    double most = 0;
    for (struct pl_record *at = pl_table_next(frames, NULL); at; at = pl_table_next(frames, at))
        most = fmax(most, ((const struct watched *)pl_record_data(at))->drift.over);
    pl_gauge_set(r->verdicts.node, GAUGE_DRIFT, most);
}

bool drift_watch_frame(struct recurrent *r, uint32_t asset, struct watched *w, uint32_t *seen) {
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    const uint32_t signals = model->network.shape.signals;
    if (!r->o.drifts || !model->usual) return true;
    const struct drift_of of = {
        .usual = model->usual,
        .count = signals + 1,
        .window = (uint32_t)r->o.drift_window,
        .limit = r->o.drift_limit,
        .tag = tag_of,
        .self = r,
        .of_signal = "what the model is given does not lie as it did when it was trained",
        .of_score = "forecasts are otherwise off than they were on the rows that judged the model",
    };
    for (uint32_t s = 0; s < signals; s++)
        drift_see(&of, seen, s, (double)r->frame[s]);
    drift_see(&of, seen, signals, r->off);
    bool closed;
    const bool good = drift_close_frame(&of, &w->drift, seen, &r->verdicts, asset, w->time, &closed);
    pl_count(r->verdicts.node, COUNT_DRIFTED, closed && w->drift.drifted);
    r->drift_news |= closed;
    return good;
}

void drift_tell_most(const struct recurrent *r, struct pl_node *node, char *index, size_t size, char *of,
                     size_t of_size) {
    const struct pl_table *frames = pl_node_table(node, TABLE_FRAMES);
    double most = 0;
    *index = *of = 0;
    for (struct pl_record *at = pl_table_next(frames, NULL); at; at = pl_table_next(frames, at)) {
        const struct watched *w = pl_record_data(at);
        if (!(w->drift.over > most) || w->view[ROLE_ACTIVE].version != r->loaded[ROLE_ACTIVE].version) continue;
        const struct model *model = &r->loaded[ROLE_ACTIVE].model;
        const bool score = w->drift.worst >= model->network.shape.signals;
        const char *asset = pl_tags_get(pl_node_tags(node), at->id)->name;
        most = w->drift.over;
        snprintf(index, size, "%.2f", most);
        snprintf(of, of_size, "%s%s%s", asset, *asset ? "." : "", score ? "score" : model->input[w->drift.worst]);
    }
}
