#include "drift_watch.h"

#include <math.h>
#include <string.h>

enum { WORST = VERDICT_TAGS };

/* The numbers with the greatest indices over their limits, in descending order. */
struct found {
    uint32_t count, number[WORST];
    double over[WORST], index[WORST], limit[WORST];
};

static void note(struct found *found, uint32_t number, double index, double limit) {
    const double over = index / limit;
    if (found->count == WORST && !(over > found->over[WORST - 1])) return;
    uint32_t at = found->count < WORST ? found->count++ : WORST - 1;
    for (; at > 0 && found->over[at - 1] < over; at--) {
        found->over[at] = found->over[at - 1];
        found->index[at] = found->index[at - 1];
        found->limit[at] = found->limit[at - 1];
        found->number[at] = found->number[at - 1];
    }
    found->number[at] = number;
    found->over[at] = over;
    found->index[at] = index;
    found->limit[at] = limit;
}

static struct found hold_against(const struct drift_of *of, const uint32_t *seen) {
    static const double beyond_usual = 1.5;
    struct found found = {0};
    for (uint32_t i = 0; i < of->count; i++)
        note(&found, i, drift_index(&of->usual[i], seen + (size_t)i * DRIFT_BINS),
             fmax(of->limit, beyond_usual * of->usual[i].index));
    return found;
}

static bool pack_tags(const struct drift_of *of, uint32_t asset, const struct found *found, const struct pl_tags *tags,
                      struct pl_pack *body) {
    uint32_t count = 0;
    while (count < found->count && (count == 0 || found->over[count] > 1))
        count++;
    pl_pack_str(body, "tags");
    pl_pack_array(body, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t tag = of->tag(of->self, asset, found->number[i]);
        if (tag == PL_NO_ID) return false;
        pl_pack_map(body, 3);
        pl_pack_pair_str(body, "tag", pl_tags_get(tags, tag)->name);
        pl_pack_pair_f64(body, "index", found->index[i]);
        pl_pack_pair_f64(body, "limit", found->limit[i]);
    }
    return true;
}

static bool tell(const struct drift_of *of, const struct drift_watch *watch, struct verdicts *verdicts, uint32_t asset,
                 pl_time time, const struct found *found) {
    struct pl_pack *body = verdicts->body;
    if (!pl_wanted(verdicts->node, VERDICT_EVENTS)) return true;
    pl_pack_reset(body);
    pl_pack_map(body, 8);
    pl_pack_pair_f64(body, "index", found->index[0]);
    pl_pack_pair_f64(body, "limit", found->limit[0]);
    pl_pack_pair_int(body, "start", watch->since);
    pl_pack_pair_int(body, "frames", watch->frames);
    if (!pack_tags(of, asset, found, pl_node_tags(verdicts->node), body)) return false;
    pl_pack_pair_str(body, "explanation", found->number[0] + 1 == of->count ? of->of_score : of->of_signal);
    pl_pack_pair_str(body, "cause", "another way to run the plant, a sensor that drifts, or a model that is too old");
    pl_pack_pair_str(body, "model", pl_node_model_name(verdicts->node));
    return verdicts_say(verdicts, asset, watch->drifted ? "detect.drifted" : "detect.settled", time, 0.5);
}

void drift_see(const struct drift_of *of, uint32_t *seen, uint32_t number, double value) {
    if (!isnan(value)) seen[(size_t)number * DRIFT_BINS + drift_bin(&of->usual[number], (float)value)]++;
}

bool drift_close_frame(const struct drift_of *of, struct drift_watch *watch, uint32_t *seen, struct verdicts *verdicts,
                       uint32_t asset, pl_time time, bool *closed) {
    if (!watch->frames++) watch->since = time;
    *closed = watch->frames >= of->window;
    if (!*closed) return true;
    const struct found found = hold_against(of, seen);
    const bool drifted = found.over[0] > 1, changed = drifted != (watch->drifted != 0);
    watch->over = found.over[0];
    watch->worst = found.number[0];
    watch->drifted = drifted;
    const bool good = !changed || tell(of, watch, verdicts, asset, time, &found);
    watch->frames = 0;
    memset(seen, 0, (size_t)of->count * DRIFT_BINS * sizeof *seen);
    return good;
}

bool drift_forget(struct drift_watch *watch, struct verdicts *verdicts, uint32_t asset, pl_time time,
                  const char *explanation) {
    const struct drift_watch before = *watch;
    *watch = (struct drift_watch){0};
    if (!before.drifted || !pl_wanted(verdicts->node, VERDICT_EVENTS)) return true;
    struct pl_pack *body = verdicts->body;
    pl_pack_reset(body);
    pl_pack_map(body, 3);
    pl_pack_pair_int(body, "start", before.since);
    pl_pack_pair_int(body, "frames", before.frames);
    pl_pack_pair_str(body, "explanation", explanation);
    return verdicts_say(verdicts, asset, "detect.settled", time, 0.5);
}
