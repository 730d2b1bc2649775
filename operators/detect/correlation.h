/* correlation.h: how the signals of rows go together: their means, deviations and correlations, factorised. */
#ifndef POTLINE_DETECT_CORRELATION_H
#define POTLINE_DETECT_CORRELATION_H

#include <stdint.h>

#include "covariance.h"

/* Arrays are the caller's. A signal that stands still has an infinite spread, and says nothing. */
struct correlation {
    double *centre, *spread; /* [signals] */
    double *factor;          /* lower triangle of the Cholesky factor, [signals][stride] */
    uint32_t signals, stride;
};

/* Learns from rows [count][stride] but those in [from, to). `z` is scratch, [signals]. */
void correlation_learn(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                       double *z);

/* The same without the factors: `factor` is the lower triangle of the correlations. */
void correlation_gather(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                        double *z);

/* Learns from what is known of rows. A signal whose spread is infinite keeps it: nothing is known of one that stood
 * still. No other falls under a tenth of its first spread [signals]: what it lacks counts as noise of its own. */
void correlation_follow(struct correlation *m, const struct covariance *rows, const double *first_spread);
void correlation_factorise(struct correlation *m); /* Cholesky, in place */

uint32_t correlation_signals(const struct correlation *m); /* those that do not stand still */

/* z' C^-1 z: the square of Mahalanobis' distance. What it leaves in `z` and `solved` is the row, and halfway to
 * C^-1 z. */
double correlation_distance(const struct correlation *m, const double *value, double *z, double *solved);

#endif
