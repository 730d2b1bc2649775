#include "correlation.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool left_out(uint32_t row, uint32_t from, uint32_t to) {
    return row >= from && row < to;
}

static void centre_and_spread(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to) {
    const double n = count - (to - from);
    memset(m->centre, 0, m->signals * sizeof(double));
    memset(m->spread, 0, m->signals * sizeof(double));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t s = 0; !left_out(i, from, to) && s < m->signals; s++)
            m->centre[s] += rows[(size_t)i * m->stride + s] / n;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t s = 0; !left_out(i, from, to) && s < m->signals; s++) {
            double apart = rows[(size_t)i * m->stride + s] - m->centre[s];
            m->spread[s] += apart * apart / (n - 1);
        }
    for (uint32_t s = 0; s < m->signals; s++) /* a signal that stands still says nothing: it is left at 0 */
        m->spread[s] = m->spread[s] > 1e-18 * m->centre[s] * m->centre[s] ? sqrt(m->spread[s]) : INFINITY;
}

static void correlate(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                      double *z) {
    const double n = count - (to - from);
    memset(m->factor, 0, (size_t)m->stride * m->stride * sizeof(double));
    for (uint32_t i = 0; i < count; i++) {
        if (left_out(i, from, to)) continue;
        for (uint32_t s = 0; s < m->signals; s++)
            z[s] = (rows[(size_t)i * m->stride + s] - m->centre[s]) / m->spread[s];
        for (uint32_t s = 0; s < m->signals; s++)
            for (uint32_t o = 0; o <= s; o++)
                m->factor[(size_t)s * m->stride + o] += z[s] * z[o] / (n - 1);
    }
}

/* Cholesky in place. A signal that the others determine adds no more than the ridge. */
void correlation_factorise(struct correlation *m) {
    const double ridge = 1e-6;
    for (uint32_t s = 0; s < m->signals; s++) {
        double *row = m->factor + (size_t)s * m->stride;
        for (uint32_t o = 0; o <= s; o++) {
            const double *other = m->factor + (size_t)o * m->stride;
            double sum = row[o] + (o == s ? ridge : 0);
            for (uint32_t k = 0; k < o; k++)
                sum -= row[k] * other[k];
            row[o] = o == s ? sqrt(fmax(sum, ridge)) : sum / other[o];
        }
        if (isinf(m->spread[s])) row[s] = 1;
    }
}

void correlation_gather(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                        double *z) {
    centre_and_spread(m, rows, count, from, to);
    correlate(m, rows, count, from, to, z);
}

void correlation_learn(struct correlation *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                       double *z) {
    correlation_gather(m, rows, count, from, to, z);
    correlation_factorise(m);
}

void correlation_follow(struct correlation *m, const struct covariance *rows, const double *first_spread) {
    static const double least_part = 0.1;
    const double n = covariance_rows(rows), unbiased = n > 1 ? n / (n - 1) : 1;
    for (uint32_t s = 0; s < m->signals; s++) {
        const double *cross = rows->cross + (size_t)s * rows->stride;
        double *row = m->factor + (size_t)s * m->stride;
        const double least = fmax(least_part * first_spread[s], 1e-9 * fabs(rows->mean[s]) + DBL_MIN);
        m->centre[s] = rows->mean[s];
        if (!isinf(m->spread[s])) m->spread[s] = fmax(sqrt(cross[s] * unbiased), least);
        for (uint32_t o = 0; o < s; o++)
            row[o] = cross[o] * unbiased / (m->spread[s] * m->spread[o]);
        row[s] = isinf(m->spread[s]) ? 0 : 1;
    }
}

uint32_t correlation_signals(const struct correlation *m) {
    uint32_t count = 0;
    for (uint32_t s = 0; s < m->signals; s++)
        count += isfinite(m->spread[s]);
    return count;
}

double correlation_distance(const struct correlation *m, const double *value, double *z, double *solved) {
    double sum = 0;
    for (uint32_t s = 0; s < m->signals; s++) {
        const double *row = m->factor + (size_t)s * m->stride;
        double rest = z[s] = (value[s] - m->centre[s]) / m->spread[s];
        for (uint32_t k = 0; k < s; k++)
            rest -= row[k] * solved[k];
        solved[s] = rest / row[s];
        sum += solved[s] * solved[s];
    }
    return sum;
}
