#include "hampel.h"

#include <math.h>
#include <string.h>

static const double MAD_TO_SIGMA = 1.4826; /* of a normal distribution */

/* How many of the sorted values are less than `value`. A short window is counted through without a branch. */
static uint32_t rank_of(const double *sorted, uint32_t count, double value) {
    uint32_t rank = 0;
    if (count <= 24) {
        for (uint32_t i = 0; i < count; i++)
            rank += sorted[i] < value;
        return rank;
    }
    for (uint32_t rest = count; rest;) {
        uint32_t half = rest / 2;
        bool right = sorted[rank + half] < value;
        rank += right ? half + 1 : 0;
        rest = right ? rest - half - 1 : half;
    }
    return rank;
}

static void replace(double *sorted, uint32_t count, double old, double value) {
    uint32_t from = rank_of(sorted, count, old);
    uint32_t to = rank_of(sorted, count, value);
    if (to > from) {
        to--;
        memmove(sorted + from, sorted + from + 1, (to - from) * sizeof *sorted);
    } else {
        memmove(sorted + to + 1, sorted + to, (from - to) * sizeof *sorted);
    }
    sorted[to] = value;
}

static void insert(double *sorted, uint32_t count, double value) {
    uint32_t at = rank_of(sorted, count, value);
    memmove(sorted + at + 1, sorted + at, (count - at) * sizeof *sorted);
    sorted[at] = value;
}

/* The k-th smallest distance to the median. The k nearest values stand together in order, so it is the least, over all
 * runs of k, of the distance to the run's farther end. */
static double nearest(const double *sorted, uint32_t count, uint32_t k, double median) {
    double least = INFINITY;
    for (uint32_t i = 0; i + k <= count; i++) {
        double below = median - sorted[i], above = sorted[i + k - 1] - median;
        double farther = below > above ? below : above;
        least = farther < least ? farther : least;
    }
    return least;
}

static double median_of(const double *sorted, uint32_t count) {
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double deviation_of(const double *sorted, uint32_t count, double median) {
    double upper = nearest(sorted, count, count / 2 + 1, median);
    return count % 2 ? upper : (nearest(sorted, count, count / 2, median) + upper) / 2;
}

static void take(struct hampel *h, uint32_t n, double value) {
    double *ring = h->values, *sorted = h->values + n;
    if (h->count == n)
        replace(sorted, n, ring[h->next], value);
    else
        insert(sorted, h->count++, value);
    ring[h->next] = value;
    h->next = h->next + 1 == n ? 0 : h->next + 1;
}

static void learn_step(struct hampel *h, double value) {
    double step = fabs(value - h->before);
    if (step > 0 && h->count > 1 && (step < h->step || h->step == 0)) h->step = step;
    h->before = value;
}

bool hampel_judge(struct hampel *h, const struct hampel_rule *rule, double value, double *median) {
    take(h, rule->window, value);
    const double *sorted = h->values + rule->window;
    bool spike = false;
    *median = median_of(sorted, h->count);
    if (h->count >= 3 && h->count > rule->window / 2) {
        double mad = deviation_of(sorted, h->count, *median);
        double scale = mad > 0 ? MAD_TO_SIGMA * mad : h->step;
        if (scale < rule->floor) scale = rule->floor;
        spike = fabs(value - *median) > rule->k * scale;
    }
    if (!spike) learn_step(h, value);
    return spike;
}
