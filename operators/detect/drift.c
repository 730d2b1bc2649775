#include "drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void drift_learn(struct drift_usual *usual, float *numbers, uint64_t count) {
    uint64_t seen[DRIFT_BINS] = {0};
    *usual = (struct drift_usual){0};
    qsort(numbers, count, sizeof *numbers, ascending);
    for (unsigned i = 0; i < DRIFT_EDGES; i++)
        usual->edge[i] = (double)numbers[(count - 1) * i / (DRIFT_EDGES - 1)];
    for (uint64_t i = 0; i < count; i++)
        seen[drift_bin(usual, numbers[i])]++;
    for (unsigned i = 0; i < DRIFT_BINS; i++)
        usual->share[i] = (double)seen[i] / (double)count;
}

unsigned drift_bin(const struct drift_usual *usual, float number) {
    const double x = (double)number;
    unsigned bin = 1;
    if (x < usual->edge[0]) return 0;
    if (x > usual->edge[DRIFT_EDGES - 1]) return DRIFT_BINS - 1;
    for (unsigned i = 1; i < DRIFT_EDGES - 1; i++)
        bin += usual->edge[i] < x;
    return bin;
}

double drift_index(const struct drift_usual *usual, const uint32_t seen[DRIFT_BINS]) {
    static const double least = 1e-3;
    double total = 0, sum = 0;
    for (unsigned i = 0; i < DRIFT_BINS; i++)
        total += seen[i];
    for (unsigned i = 0; i < DRIFT_BINS && total > 0; i++) {
        const double now = fmax(seen[i] / total, least), then = fmax(usual->share[i], least);
        sum += (now - then) * log(now / then);
    }
    return sum;
}

double drift_index_most(const struct drift_usual *usual, const float *numbers, uint64_t count, uint64_t window) {
    double most = 0;
    for (uint64_t first = 0; first + window <= count; first += window) {
        uint32_t seen[DRIFT_BINS] = {0};
        for (uint64_t i = first; i < first + window; i++)
            seen[drift_bin(usual, numbers[i])]++;
        most = fmax(most, drift_index(usual, seen));
    }
    return most;
}

void drift_learn_course(struct drift_usual *usual, float *numbers, uint64_t count, uint32_t window) {
    const uint64_t half = count > 1 ? count / 2 : 1;
    memcpy(numbers + count, numbers, count * sizeof *numbers);
    drift_learn(usual, numbers + count, count);
    usual->index = drift_index_most(usual, numbers, count, half < window ? half : window);
}
