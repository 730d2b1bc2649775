/* judge.c: how far a frame is from its forecast, and how rare that is. */
#include <math.h>
#include <string.h>

#include "recurrent.h"

const char *recurrent_signal(const struct pl_tags *tags, uint32_t tag) {
    const struct pl_tag *entry = pl_tags_get(tags, tag);
    return entry->asset ? entry->name + pl_tags_get(tags, entry->asset)->length + 1 : entry->name;
}

/* A value that is no measurement at all (the largest float, say) must not make sums infinite: they are smoothed, and
 * kept in tails, which would be blind from then on. */
static double limit_off(double off) {
    static const double farthest = 1e6;
    return fmin(fmax(off, -farthest), farthest);
}

bool judge_frame(struct judge *judge, const struct model *model, const float *frame, const float *forecast,
                 double smoothing, double statistic[MODEL_STATISTICS], double *share) {
    const uint32_t signals = model->network.shape.signals;
    double squares = 0, worst = 0;
    uint32_t there = 0;
    for (uint32_t s = 0; s < signals; s++) {
        share[s] = 0;
        if (isnan(frame[s])) continue;
        const double off = limit_off(((double)frame[s] - (double)forecast[s]) / model->error[s]);
        share[s] = off * off;
        squares += share[s];
        worst = fmax(worst, fabs(off));
        there++;
    }
    const bool early = judge->frames++ < RECURRENT_WARM;
    if (early || !there) return false;
    for (uint32_t s = 0; s < signals && squares > 0; s++)
        share[s] /= squares;
    statistic[STATISTIC_ALL] = sqrt(squares / there);
    judge->smooth +=
        (statistic[STATISTIC_ALL] - judge->smooth) / fmin(smoothing, (double)(judge->frames - RECURRENT_WARM));
    statistic[STATISTIC_SMOOTH] = judge->smooth;
    statistic[STATISTIC_WORST] = worst;
    return true;
}

/* The greatest of three is three times as often as large (Bonferroni). */
double judge_surprise(const struct tail tail[MODEL_STATISTICS], const double statistic[MODEL_STATISTICS],
                      double smoothing) {
    double most = 0;
    for (unsigned k = 0; k < MODEL_STATISTICS; k++)
        most = fmax(most, tail_surprise(&tail[k], statistic[k], k == STATISTIC_SMOOTH ? smoothing : 1));
    return fmax(most - log10(MODEL_STATISTICS), 0);
}
