#include "components.h"

#include <math.h>
#include <stddef.h>

#include "correlation.h"
#include "symmetric.h"

/* Signals that stand still have a variance of 0, as has what others determine, but by rounding: they go behind it. */
static void put_last(struct components *m) {
    for (uint32_t s = 0; s < m->width; s++)
        if (isinf(m->spread[s])) m->direction[(size_t)s * m->stride + s] = -1;
}

/* From the correlations that lie in `direction`. */
static bool take_apart(struct components *m, uint32_t varying, double share, double *scratch) {
    m->varying = varying;
    m->kept = 0;
    put_last(m);
    if (!symmetric_eigen(m->direction, m->width, m->stride, m->variance, scratch)) return false;
    for (double held = 0; m->kept < m->varying && held < share * m->varying; m->kept++)
        held += m->variance[m->kept]; /* those of a correlation add up to the number of signals */
    return true;
}

bool components_learn(struct components *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                      double share, double *scratch) {
    struct correlation c = {m->centre, m->spread, m->direction, m->width, m->stride};
    correlation_gather(&c, rows, count, from, to, scratch);
    return take_apart(m, correlation_signals(&c), share, scratch);
}

bool components_follow(struct components *m, const struct covariance *rows, const double *first_spread, double share,
                       double *scratch) {
    struct correlation c = {m->centre, m->spread, m->direction, m->width, m->stride};
    correlation_follow(&c, rows, first_spread);
    return take_apart(m, correlation_signals(&c), share, scratch);
}

void components_score(const struct components *m, const double *value, double *z, double *score) {
    for (uint32_t s = 0; s < m->width; s++)
        z[s] = (value[s] - m->centre[s]) / m->spread[s];
    for (uint32_t k = 0; k < m->varying; k++) {
        const double *direction = m->direction + (size_t)k * m->stride;
        double sum = 0;
        for (uint32_t s = 0; s < m->width; s++)
            sum += direction[s] * z[s];
        score[k] = sum;
    }
}
