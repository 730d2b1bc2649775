/* components.h: rows taken apart into principal components: the directions in which their signals vary together, by
 * descending variance. The first `kept` of them are the plant's ways, what is left of a row is what does not fit in. */
#ifndef POTLINE_DETECT_COMPONENTS_H
#define POTLINE_DETECT_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "covariance.h"

/* Arrays are the caller's. */
struct components {
    double *centre, *spread; /* [width], as in a correlation */
    double *direction;       /* [width][stride], a component a line */
    double *variance;        /* [width] */
    uint32_t width, stride;
    uint32_t kept;    /* components that hold the share asked for */
    uint32_t varying; /* components there are: signals that do not stand still */
};

/* Learns from rows [count][stride] but those in [from, to). `scratch`: [width]. False: it did not converge. */
bool components_learn(struct components *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                      double share, double *scratch);

/* Learns from what is known of rows, as a correlation does (correlation_follow); a signal that stood still is left out
 * as before. */
bool components_follow(struct components *m, const struct covariance *rows, const double *first_spread, double share,
                       double *scratch);

/* A row's coordinates: `score` [width], and `z` [width], the row in deviations. */
void components_score(const struct components *m, const double *value, double *z, double *score);

#endif
