#include "combine.h"

#include <math.h>

#include "chance.h"

static void teach(const struct combine_rule *rule, struct calibration *c, double number, bool upset) {
    if (!c->judged || upset) tail_drop_waiting(c->waiting, COMBINE_LAG);
    if (!upset) tail_add_late(&c->tail, c->waiting, COMBINE_LAG, c->judged, number, rule->memory);
    c->judged++;
}

double combine_score(const struct combine_rule *rule, struct calibration *calibration, double score) {
    const double thresholds = -log2(1 - fmin(fmax(score, 0), 1 - 1e-12)); /* surprise in thresholds of the detector's */
    double surprise = tail_surprise(&calibration->tail, thresholds, 1);
    if (thresholds < 1) surprise = fmin(surprise, thresholds * rule->threshold);
    teach(rule, calibration, thresholds, false);
    return surprise;
}

struct combine_found combine_step(const struct combine_rule *rule, struct combined *combined, double worst, double sum,
                                  uint32_t members) {
    const double law_worst = worst - log10(fmax(members, 1)), law_sum = chance_sum(sum * log(10), members);
    const double one = fmin(law_worst, tail_surprise(&combined->worst.tail, worst, 1));
    const double many = fmin(law_sum, tail_surprise(&combined->sum.tail, sum, 1));
    const bool known = combined->worst.judged >= COMBINE_KNOWN;
    const double surprise = known ? fmax(fmax(one, many) - log10(2), 0) : 0;
    combined->upset = surprise >= rule->threshold ? combined->upset + 1 : 0;
    const bool upset = combined->upset && combined->upset <= rule->adapt;
    teach(rule, &combined->worst, worst, upset);
    teach(rule, &combined->sum, sum, upset);
    return (struct combine_found){.surprise = fmin(surprise, TAIL_SURPRISE_MAX), .many = many > one};
}
