#include "robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "chance.h"
#include "correlation.h"

enum { STEPS_MOST = 30 };
static const double core = 0.75, rare = 4;

struct ranked {
    double distance;
    uint32_t row;
};

static int nearer(const void *a, const void *b) {
    const struct ranked *left = a, *right = b;
    if (left->distance != right->distance) return left->distance < right->distance ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

static int ascending(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Everything that the search needs, in one piece of memory. */
struct search {
    const double *rows;
    uint32_t count, signals, stride, core;
    struct correlation model;
    double *subset; /* rows of the core */
    double *z, *solved;
    double *column; /* [count] */
    struct ranked *rank;
    void *memory;
};

static bool begin(struct search *s, const double *rows, uint32_t count, uint32_t signals, uint32_t stride) {
    *s = (struct search){.rows = rows, .count = count, .signals = signals, .stride = stride};
    s->core = (uint32_t)ceil(core * count);
    const size_t doubles = (size_t)stride * stride + 4 * (size_t)stride + (size_t)s->core * stride + count;
    double *at = s->memory = pl_alloc(doubles * sizeof(double) + count * sizeof *s->rank);
    if (!at) return false;
    s->model = (struct correlation){at, at + stride, at + 2 * stride, signals, stride};
    s->z = s->model.factor + (size_t)stride * stride;
    s->solved = s->z + stride;
    s->subset = s->solved + stride;
    s->column = s->subset + (size_t)s->core * stride;
    s->rank = (struct ranked *)(s->column + count);
    return true;
}

static const double *row_of(const struct search *s, uint32_t row) {
    return s->rows + (size_t)row * s->stride;
}

static double median(double *values, uint32_t count) {
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The sum over the signals of squared deviations from the median, in median deviations. */
static void rank_by_medians(struct search *s) {
    for (uint32_t i = 0; i < s->count; i++)
        s->rank[i] = (struct ranked){0, i};
    for (uint32_t k = 0; k < s->signals; k++) {
        for (uint32_t i = 0; i < s->count; i++)
            s->column[i] = row_of(s, i)[k];
        const double middle = median(s->column, s->count);
        for (uint32_t i = 0; i < s->count; i++)
            s->column[i] = fabs(row_of(s, i)[k] - middle);
        const double apart = median(s->column, s->count);
        for (uint32_t i = 0; i < s->count && apart > 0; i++)
            s->rank[i].distance += pow((row_of(s, i)[k] - middle) / apart, 2);
    }
    qsort(s->rank, s->count, sizeof *s->rank, nearer);
}

/* Learns from the nearest rows and ranks all by the distance from them. False: they are the nearest still. */
static bool concentrate(struct search *s) {
    double before = 0, after = 0;
    for (uint32_t i = 0; i < s->core; i++) {
        memcpy(s->subset + (size_t)i * s->stride, row_of(s, s->rank[i].row), s->stride * sizeof(double));
        before += s->rank[i].row * (double)(s->rank[i].row + 1); /* of a set, whatever its order */
    }
    correlation_learn(&s->model, s->subset, s->core, 0, 0, s->z);
    for (uint32_t i = 0; i < s->count; i++) {
        const uint32_t row = s->rank[i].row;
        s->rank[i].distance = correlation_distance(&s->model, row_of(s, row), s->z, s->solved);
    }
    qsort(s->rank, s->count, sizeof *s->rank, nearer);
    for (uint32_t i = 0; i < s->core; i++)
        after += s->rank[i].row * (double)(s->rank[i].row + 1);
    return before != after;
}

/* The rows of the core lie closer together than all good ones: the median distance says by how much. */
static uint32_t keep_good(struct search *s, double *kept) {
    const double n = s->count, p = correlation_signals(&s->model);
    const double law = p * pow(1 - 2 / (9 * p), 3); /* the median of chi-square, after Wilson and Hilferty */
    const double scale = s->rank[s->count / 2].distance / law;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++)
        s->column[s->rank[i].row] = s->rank[i].distance;
    for (uint32_t i = 0; i < s->count; i++) {
        const double ratio = s->column[i] / scale * (n - p) / (p * n);
        if (scale > 0 && chance_f(ratio, p, n - p) > rare) continue;
        memcpy(kept + (size_t)count++ * s->stride, row_of(s, i), s->stride * sizeof(double));
    }
    return count;
}

bool robust_rows(const double *rows, uint32_t *count, uint32_t signals, uint32_t stride, double *kept) {
    struct search s;
    if (!signals || core * *count < 2.0 * signals + 2) {
        memcpy(kept, rows, (size_t)*count * stride * sizeof *kept);
        return true;
    }
    if (!begin(&s, rows, *count, signals, stride)) return false;
    rank_by_medians(&s);
    for (unsigned step = 0; step < STEPS_MOST && concentrate(&s); step++)
        continue;
    if (correlation_signals(&s.model))
        *count = keep_good(&s, kept);
    else
        memcpy(kept, rows, (size_t)*count * stride * sizeof *kept);
    pl_free(s.memory);
    return true;
}
