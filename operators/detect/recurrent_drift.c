/* recurrent_drift.c: do the rows that a model is given, and how far it is off, still lie as when it was trained?
 *
 * Counted by bin for `window` frames of an asset, then held against what the model's file says, and counted anew. That
 * a plant wanders is no drift: the limit is above what windows of the training themselves had.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "recurrent_node.h"

enum { WORST = VERDICT_TAGS };

/* The signals with the greatest indices over their limits, in descending order; the score is the one behind all. */
struct found {
    uint32_t count, signal[WORST];
    double over[WORST], index[WORST], limit[WORST];
};

static void note(struct found *found, uint32_t signal, double index, double limit) {
    const double over = index / limit;
    if (found->count == WORST && !(over > found->over[WORST - 1])) return;
    uint32_t at = found->count < WORST ? found->count++ : WORST - 1;
    for (; at > 0 && found->over[at - 1] < over; at--) {
        found->over[at] = found->over[at - 1];
        found->index[at] = found->index[at - 1];
        found->limit[at] = found->limit[at - 1];
        found->signal[at] = found->signal[at - 1];
    }
    found->signal[at] = signal;
    found->over[at] = over;
    found->index[at] = index;
    found->limit[at] = limit;
}

static struct found hold_against(const struct recurrent *r, const uint32_t *seen) {
    static const double beyond_usual = 1.5;
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    struct found found = {0};
    for (uint32_t s = 0; s <= model->network.shape.signals; s++)
        note(&found, s, drift_index(&model->usual[s], seen + (size_t)s * DRIFT_BINS),
             fmax(r->o.drift_limit, beyond_usual * model->usual[s].index));
    return found;
}

static bool pack_tags(const struct recurrent *r, uint32_t asset, const struct found *found, struct pl_pack *body) {
    uint32_t count = 0;
    while (count < found->count && (count == 0 || found->over[count] > 1))
        count++;
    pl_pack_str(body, "tags");
    pl_pack_array(body, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t tag = recurrent_tag(r, asset, found->signal[i], "");
        if (tag == PL_NO_ID) return false;
        pl_pack_map(body, 3);
        pl_pack_pair_str(body, "tag", pl_tags_get(pl_node_tags(r->verdicts.node), tag)->name);
        pl_pack_pair_f64(body, "index", found->index[i]);
        pl_pack_pair_f64(body, "limit", found->limit[i]);
    }
    return true;
}

static bool tell(struct recurrent *r, uint32_t asset, const struct watched *w, const struct found *found) {
    struct pl_pack *body = r->verdicts.body;
    const bool score = found->signal[0] == r->loaded[ROLE_ACTIVE].model.network.shape.signals;
    if (!pl_wanted(r->verdicts.node, VERDICT_EVENTS)) return true;
    pl_pack_reset(body);
    pl_pack_map(body, 8);
    pl_pack_pair_f64(body, "index", found->index[0]);
    pl_pack_pair_f64(body, "limit", found->limit[0]);
    pl_pack_pair_int(body, "start", w->drift.since);
    pl_pack_pair_int(body, "frames", w->drift.frames);
    if (!pack_tags(r, asset, found, body)) return false;
    pl_pack_pair_str(body, "explanation",
                     score ? "forecasts are otherwise off than they were on the rows that judged the model"
                           : "what the model is given does not lie as it did when it was trained");
    pl_pack_pair_str(body, "cause", "another way to run the plant, a sensor that drifts, or a model that is too old");
    pl_pack_pair_str(body, "model", pl_node_model_name(r->verdicts.node));
    return verdicts_say(&r->verdicts, asset, w->drift.drifted ? "detect.drifted" : "detect.settled", w->time, 0.5);
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

static bool close_window(struct recurrent *r, uint32_t asset, struct watched *w, uint32_t *seen) {
    const struct found found = hold_against(r, seen);
    const bool drifted = found.over[0] > 1, changed = drifted != (w->drift.drifted != 0);
    w->drift.over = found.over[0];
    w->drift.worst = found.signal[0];
    w->drift.drifted = drifted;
    pl_count(r->verdicts.node, COUNT_DRIFTED, drifted);
    r->drift_news = true;
    const bool good = !changed || tell(r, asset, w, &found);
    w->drift.frames = 0;
    memset(seen, 0, drift_room(&r->o) * sizeof *seen);
    return good;
}

bool drift_watch(struct recurrent *r, uint32_t asset, struct watched *w, uint32_t *seen) {
    const struct model *model = &r->loaded[ROLE_ACTIVE].model;
    const uint32_t signals = model->network.shape.signals;
    if (!r->o.drifts || !model->usual) return true;
    if (!w->drift.frames++) w->drift.since = w->time;
    for (uint32_t s = 0; s < signals; s++)
        if (!isnan(r->frame[s])) seen[s * DRIFT_BINS + drift_bin(&model->usual[s], r->frame[s])]++;
    if (!isnan(r->off)) seen[signals * DRIFT_BINS + drift_bin(&model->usual[signals], (float)r->off)]++;
    return w->drift.frames < r->o.drift_window || close_window(r, asset, w, seen);
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
