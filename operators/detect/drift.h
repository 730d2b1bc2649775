/* drift.h: do numbers still lie as they did when a model was trained?
 *
 * Tenths of the numbers then make bins, with one below and one above all of them; the population stability index is the
 * sum over bins of (p - q) ln(p / q), p the share that falls into one now and q the share then (Jeffreys' divergence;
 * Siddiqi 2006: below 0.1 nothing has changed, from 0.25 on much has). A share counts as a thousandth at least.
 */
#ifndef POTLINE_DETECT_DRIFT_H
#define POTLINE_DETECT_DRIFT_H

#include <stdint.h>

enum { DRIFT_EDGES = 11, DRIFT_BINS = DRIFT_EDGES + 1, DRIFT_NUMBERS = DRIFT_EDGES + DRIFT_BINS + 1 };

/* As a line of a model's tensor `drift`, in this order. */
struct drift_usual {
    double edge[DRIFT_EDGES]; /* the least, nine between, the greatest */
    double share[DRIFT_BINS];
    double index; /* the greatest of a window of the training itself */
};

_Static_assert(sizeof(struct drift_usual) == DRIFT_NUMBERS * sizeof(double), "numbers, one behind the other");

/* From numbers, which it sorts; `count` is above 0. */
void drift_learn(struct drift_usual *usual, float *numbers, uint64_t count);

/* The same from numbers in the order in which they came, with the greatest index of their windows; where they do not
 * make two whole windows, of their halves. `numbers` [2 * count]: the second half is scratch. */
void drift_learn_course(struct drift_usual *usual, float *numbers, uint64_t count, uint32_t window);

unsigned drift_bin(const struct drift_usual *usual, float number);

/* The index of so many numbers by bin; 0 without one. */
double drift_index(const struct drift_usual *usual, const uint32_t seen[DRIFT_BINS]);

/* The greatest index of the whole windows of numbers in the order in which they came; `window` is above 0. */
double drift_index_most(const struct drift_usual *usual, const float *numbers, uint64_t count, uint64_t window);

#endif
