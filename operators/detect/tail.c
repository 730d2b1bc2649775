#include "tail.h"

#include <math.h>
#include <string.h>

/* The share of the numbers that the law is fitted to, and how heavy it may be. */
static const double share = 0.02, shape_most = 0.5, scale_least = 0.01;
enum { KEPT_AT_FIRST = 4 };

double tail_size(const struct tail *tail, double number, double length) {
    const uint32_t over = tail->kept - 1; /* those beyond the least kept */
    if (tail->count < TAIL_LEAST || tail->kept < KEPT_AT_FIRST) return 0;
    const double least = tail->largest[over];
    if (!(number > least)) return 0;
    double mean = 0, variance = 0;
    for (uint32_t i = 0; i < over; i++)
        mean += (tail->largest[i] - least) / over;
    for (uint32_t i = 0; i < over; i++)
        variance += (tail->largest[i] - least - mean) * (tail->largest[i] - least - mean) / over;
    double shape = variance > 0 ? 0.5 * (1 - mean * mean / variance) : 0;
    shape = fmin(fmax(shape, 0), shape_most);
    double scale = mean * (1 - shape) * (1 + 1 / sqrt(tail->count / length));
    scale = fmax(scale, scale_least * (least - tail->mean));
    scale = fmax(scale, 1e-9 * fabs(least) + 1e-12); /* all alike: anything else is news, but for rounding */
    const double beyond = (number - least) / scale;
    const double part = shape < 1e-3 ? beyond : log1p(shape * beyond) / shape;
    return (part + log(tail->count / tail->kept)) / log(10);
}

double tail_surprise(const struct tail *tail, double number, double length) {
    return fmin(tail_size(tail, number, length), TAIL_SURPRISE_MAX);
}

static void halve(struct tail *tail) {
    tail->count /= 2;
    tail->kept = (tail->kept + 1) / 2;
    for (uint32_t i = 0; i < tail->kept; i++)
        tail->largest[i] = tail->largest[2 * i];
}

void tail_add(struct tail *tail, double number, double memory) {
    if (tail->count >= memory) halve(tail);
    tail->count += 1;
    tail->mean += (number - tail->mean) / tail->count;
    uint32_t room = (uint32_t)fmin(tail->count * share + KEPT_AT_FIRST, TAIL_KEPT);
    if (tail->kept >= room && number <= tail->largest[tail->kept - 1]) return;
    uint32_t at = tail->kept < room ? tail->kept++ : tail->kept - 1;
    for (; at > 0 && tail->largest[at - 1] < number; at--)
        tail->largest[at] = tail->largest[at - 1];
    tail->largest[at] = number;
}

void tail_add_late(struct tail *tail, double *waiting, uint32_t lag, uint64_t step, double number, double memory) {
    double *place = &waiting[step % lag];
    if (!isnan(*place)) tail_add(tail, *place, memory);
    *place = number;
}

void tail_drop_waiting(double *waiting, uint32_t lag) {
    for (uint32_t i = 0; i < lag; i++)
        waiting[i] = (double)NAN;
}
