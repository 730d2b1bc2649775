#include "pane.h"

#include <math.h>

static double pane_mean(const struct pane *pane) {
    bool corrected = fabs(pane->lost) > 1e-10 * fabs(pane->sum); /* false for NaN too: infinities have no rest */
    return (corrected ? pane->sum + pane->lost : pane->sum) / pane->count;
}

/* Chan, Golub and LeVeque: the deviation of two sets from their counts, means and own deviations. */
static void merge_deviation(struct pane *pane, const struct pane *other) {
    double n = pane->count, m = other->count;
    double between = other->mean - pane->mean;
    pane->m2 += other->m2 + between * between * n * m / (n + m);
    pane->mean += between * m / (n + m);
}

static void merge_values(struct pane *pane, const struct pane *other) {
    merge_deviation(pane, other);
    double sum = pane->sum + other->sum;
    double part = sum - pane->sum;
    pane->lost += other->lost + (pane->sum - (sum - part)) + (other->sum - part);
    pane->sum = sum;
    if (other->min < pane->min) pane->min = other->min;
    if (other->max > pane->max) pane->max = other->max;
    if (other->first_time < pane->first_time) {
        pane->first_time = other->first_time;
        pane->first = other->first;
    }
    if (other->last_time >= pane->last_time) {
        pane->last_time = other->last_time;
        pane->last = other->last;
    }
    pane->quality |= other->quality;
    pane->count += other->count;
}

void pane_merge(struct pane *pane, const struct pane *other) {
    uint32_t skipped = pane->skipped + other->skipped, shown = pane->shown + other->shown;
    if (pane->count == 0)
        *pane = *other;
    else if (other->count)
        merge_values(pane, other);
    pane->skipped = skipped;
    pane->shown = shown;
}

void pane_add_window(struct pane *pane, const struct pl_windows *windows, uint32_t row) {
    uint32_t count = windows->count[row];
    struct pane part = {
        .sum = windows->mean[row] * count,
        .mean = windows->mean[row],
        .m2 = count > 1 ? windows->stddev[row] * windows->stddev[row] * (count - 1) : 0,
        .min = windows->min[row],
        .max = windows->max[row],
        .first = windows->first[row],
        .last = windows->last[row],
        .first_time = windows->start[row],
        .last_time = windows->end[row],
        .count = count,
        .skipped = windows->skipped[row],
        .quality = windows->quality[row],
    };
    pane_merge(pane, &part);
}

/* A window is as good as its rows; one without any has no value at all. */
static uint16_t pane_quality(const struct pane *pane) {
    if (pane->count == 0) return PL_Q_BAD | PL_Q_MISSING;
    uint16_t flags = pane->quality & (uint16_t)~PL_Q_SEVERITY;
    return pane->quality & PL_Q_SEVERITY ? flags | PL_Q_UNCERTAIN : flags;
}

void pane_write(const struct pane *pane, struct pl_windows *windows, uint32_t row, unsigned aggregates) {
    bool any = pane->count > 0;
    double stddev = pane->count > 1 ? sqrt(pane->m2 / (pane->count - 1)) : NAN;
    windows->count[row] = pane->count;
    windows->skipped[row] = pane->skipped;
    windows->mean[row] = any && PANE_HAS(aggregates, PANE_MEAN) ? pane_mean(pane) : NAN;
    windows->min[row] = any && PANE_HAS(aggregates, PANE_MIN) ? pane->min : NAN;
    windows->max[row] = any && PANE_HAS(aggregates, PANE_MAX) ? pane->max : NAN;
    windows->stddev[row] = PANE_HAS(aggregates, PANE_STDDEV) ? stddev : NAN;
    windows->first[row] = any && PANE_HAS(aggregates, PANE_FIRST) ? pane->first : NAN;
    windows->last[row] = any && PANE_HAS(aggregates, PANE_LAST) ? pane->last : NAN;
    windows->quality[row] = pane_quality(pane);
}
