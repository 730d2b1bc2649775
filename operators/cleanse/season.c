#include "season.h"

static const struct season_bin *bin_at(const struct season_bin *bins, const struct season_rule *rule, pl_time time) {
    pl_time phase = time % rule->period;
    if (phase < 0) phase += rule->period;
    uint32_t bin = (uint32_t)((double)phase / (double)rule->period * rule->bins);
    return &bins[bin < rule->bins ? bin : rule->bins - 1];
}

void season_learn(struct season_bin *bins, const struct season_rule *rule, pl_time time, double value) {
    struct season_bin *bin = bins + (bin_at(bins, rule, time) - bins);
    double weight = 1.0 / (double)++bin->count;
    if (weight < rule->weight) weight = rule->weight;
    bin->mean += weight * (value - bin->mean);
}

bool season_fill(const struct season_bin *bins, const struct season_rule *rule, struct season_point from,
                 struct season_point to, pl_time time, double *value) {
    const struct season_bin *first = bin_at(bins, rule, from.time), *last = bin_at(bins, rule, to.time);
    const struct season_bin *here = bin_at(bins, rule, time);
    if (!first->count || !last->count || !here->count) return false;
    double share = to.time > from.time ? (double)(time - from.time) / (double)(to.time - from.time) : 0;
    double shift = (1 - share) * (from.value - first->mean) + share * (to.value - last->mean);
    *value = here->mean + shift;
    return true;
}
