/* solver_jacobian.c: sparse Jacobians by difference quotients, a colour of columns at a time. */
#include <math.h>
#include <string.h>
#include <sunmatrix/sunmatrix_sparse.h>

#include "solver_impl.h"

static void put_pattern(const struct pattern *p, SUNMatrix jacobian) {
    memcpy(SM_INDEXPTRS_S(jacobian), p->start, ((size_t)p->size + 1) * sizeof *p->start);
    memcpy(SM_INDEXVALS_S(jacobian), p->row, (size_t)p->entries * sizeof *p->row);
}

static double increment_of(const struct solver *s, double value, long column) {
    double absolute = s->problem.absolutes ? NV_DATA_S(s->absolutes)[column] : s->problem.absolute;
    return sqrt(2.220446049250313e-16) * fmax(fabs(value), absolute / fmax(s->problem.relative, 1e-12));
}

/* The quotients of the columns of a colour, from what the equations give at the moved point. */
static void put_colour(const struct solver *s, int colour, const double *moved, const double *base,
                       const double *increment, double *entry) {
    const struct pattern *p = s->problem.pattern;
    for (long c = 0; c < p->size; c++) {
        if (p->colour[c] != colour) continue;
        for (int64_t k = p->start[c]; k < p->start[c + 1]; k++)
            entry[k] = (moved[p->row[k]] - base[p->row[k]]) / increment[c];
    }
}

/* What the other rows of a column do to the sum that is kept, the closing row takes back. */
static void close_columns(const struct solver *s, double *entry) {
    const struct pattern *p = s->problem.pattern;
    const double *weight = s->problem.weights;
    for (long c = 0; c < p->size; c++) {
        double sum = 0;
        int64_t closing = p->start[c];
        for (int64_t k = p->start[c]; k < p->start[c + 1]; k++)
            if (p->row[k] == p->closing)
                closing = k;
            else
                sum += weight[p->row[k]] * entry[k];
        entry[closing] = -sum / weight[p->closing];
    }
}

static int find_jacobian(struct solver *s, double t, const double *y, const double *rate) {
    const struct pattern *p = s->problem.pattern;
    double *at = s->column, *moved = at + p->size, *increment = moved + p->size;
    for (long c = 0; c < p->size; c++)
        increment[c] = increment_of(s, y[c], c);
    memcpy(at, y, (size_t)p->size * sizeof *at);
    for (int colour = 0; colour < p->colours; colour++) {
        for (long c = 0; c < p->size; c++)
            if (p->colour[c] == colour) at[c] = y[c] + increment[c];
        int code = solver__rate(s, t, at, moved);
        if (code) return code;
        put_colour(s, colour, moved, rate, increment, s->jacobian);
        for (long c = 0; c < p->size; c++)
            if (p->colour[c] == colour) at[c] = y[c];
    }
    if (p->closing >= 0) close_columns(s, s->jacobian);
    return 0;
}

int solver__rate_system(double t, N_Vector y, N_Vector rate, SUNMatrix system, booleantype keep, booleantype *found,
                        double gamma, void *self, N_Vector a, N_Vector b, N_Vector c_) {
    (void)a, (void)b, (void)c_;
    struct solver *s = self;
    const struct pattern *p = s->problem.pattern;
    int code = keep ? 0 : find_jacobian(s, t, NV_DATA_S(y), NV_DATA_S(rate));
    *found = !keep;
    if (code) return code;
    put_pattern(p, system);
    double *entry = SM_DATA_S(system);
    for (long c = 0; c < p->size; c++)
        for (int64_t k = p->start[c]; k < p->start[c + 1]; k++)
            entry[k] = (p->row[k] == c ? 1 : 0) - gamma * s->jacobian[k];
    return 0;
}

int solver__residual_jacobian(double t, double cj, N_Vector y_, N_Vector speed_, N_Vector residual, SUNMatrix jacobian,
                              void *self, N_Vector a, N_Vector b, N_Vector c_) {
    (void)a, (void)b, (void)c_;
    struct solver *s = self;
    const struct pattern *p = s->problem.pattern;
    const double *y = NV_DATA_S(y_), *speed = NV_DATA_S(speed_);
    double *at = s->column, *fast = at + p->size, *moved = fast + p->size, *increment = moved + p->size;
    put_pattern(p, jacobian);
    for (long c = 0; c < p->size; c++) {
        increment[c] = increment_of(s, y[c], c);
        at[c] = y[c];
        fast[c] = speed[c];
    }
    for (int colour = 0; colour < p->colours; colour++) {
        for (long c = 0; c < p->size; c++) {
            if (p->colour[c] != colour) continue;
            at[c] = y[c] + increment[c];
            fast[c] = speed[c] + cj * increment[c];
        }
        int code = solver__residual(s, t, at, fast, moved);
        if (code) return code;
        put_colour(s, colour, moved, NV_DATA_S(residual), increment, SM_DATA_S(jacobian));
        for (long c = 0; c < p->size; c++) {
            if (p->colour[c] != colour) continue;
            at[c] = y[c];
            fast[c] = speed[c];
        }
    }
    return 0;
}
