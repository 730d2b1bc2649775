#include "covariance.h"

#include <math.h>
#include <string.h>

void covariance_learn(struct covariance *c, const double *rows, uint32_t count, double *scratch) {
    memset(c->mean, 0, c->width * sizeof(double));
    memset(c->cross, 0, (size_t)c->width * c->stride * sizeof(double));
    *c->squares = 0;
    for (uint32_t i = 0; i < count; i++)
        covariance_add(c, rows + (size_t)i * c->stride, 1.0 / (i + 1), scratch);
}

bool covariance_add(struct covariance *c, const double *row, double weight, double *scratch) {
    double far = 0;
    for (uint32_t s = 0; s < c->width; s++) {
        scratch[s] = row[s] - c->mean[s];
        far += scratch[s] * scratch[s];
    }
    if (!isfinite(far)) return false;
    for (uint32_t s = 0; s < c->width; s++) {
        double *cross = c->cross + (size_t)s * c->stride;
        for (uint32_t o = 0; o <= s; o++)
            cross[o] = (1 - weight) * (cross[o] + weight * scratch[s] * scratch[o]);
        c->mean[s] += weight * scratch[s];
    }
    *c->squares = (1 - weight) * (1 - weight) * *c->squares + weight * weight;
    return true;
}

bool covariance_add_known(struct covariance *c, double *row, const bool *unknown, double weight, double *scratch) {
    const double kept = 1 / sqrt(1 - weight);
    for (uint32_t s = 0; s < c->width; s++)
        if (unknown[s]) row[s] = c->mean[s];
    if (!covariance_add(c, row, weight, scratch)) return false;
    for (uint32_t s = 0; s < c->width; s++)
        for (uint32_t o = 0; o <= s; o++)
            c->cross[(size_t)s * c->stride + o] *= (unknown[s] ? kept : 1) * (unknown[o] ? kept : 1);
    return true;
}

double covariance_rows(const struct covariance *c) {
    return *c->squares > 0 ? fmax(1 / *c->squares, 1) : 1;
}
