/* nlp_multipliers.c: Lagrange multipliers by least squares: what is active is fitted to the objective's gradient, and
 * whatever comes out with the wrong sign is not active after all. */
#include <math.h>
#include <string.h>

#include "nlp.h"

enum { ACTIVE_MAX = 2 * NLP_VARIABLES_MAX + NLP_CONSTRAINTS_MAX };

struct active {
    unsigned count;
    int of[ACTIVE_MAX]; /* a constraint, or below 0: -1 - variable */
    bool free[ACTIVE_MAX];
    double normal[ACTIVE_MAX][NLP_VARIABLES_MAX], by[ACTIVE_MAX];
};

static void add(struct active *a, int of, bool free, const double *normal, unsigned n) {
    if (a->count == ACTIVE_MAX) return;
    a->of[a->count] = of;
    a->free[a->count] = free;
    memcpy(a->normal[a->count++], normal, n * sizeof *normal);
}

static double dot(const double *a, const double *b, unsigned n) {
    double sum = 0;
    for (unsigned j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

/* Least |gradient + sum by[i] normal[i]| with by >= 0, coordinate by coordinate: few rows, so that is quick. */
static void fit(struct active *a, const double *gradient, unsigned n, double *rest) {
    memcpy(rest, gradient, n * sizeof *rest);
    for (int round = 0; round < 20000; round++) {
        double moved = 0;
        for (unsigned i = 0; i < a->count; i++) {
            double length = dot(a->normal[i], a->normal[i], n);
            if (!(length > 0)) continue;
            double next = a->by[i] - dot(a->normal[i], rest, n) / length;
            if (!a->free[i]) next = fmax(next, 0);
            double step = next - a->by[i];
            for (unsigned j = 0; j < n; j++)
                rest[j] += step * a->normal[i][j];
            a->by[i] = next;
            moved = fmax(moved, fabs(step) * sqrt(length));
        }
        if (moved <= 1e-12 * sqrt(dot(gradient, gradient, n))) return;
    }
}

double nlp_multipliers(const struct nlp_problem *p, const double *x, double near, double *multiplier, double *bound) {
    double objective, constraint[NLP_CONSTRAINTS_MAX], gradient[NLP_VARIABLES_MAX], rest[NLP_VARIABLES_MAX];
    double jacobian[NLP_CONSTRAINTS_MAX * NLP_VARIABLES_MAX];
    unsigned n = p->variables, all = p->inequalities + p->equalities;
    struct active a = {.count = 0};
    memset(multiplier, 0, all * sizeof *multiplier);
    memset(bound, 0, n * sizeof *bound);
    if (!p->at(p->self, x, &objective, constraint, gradient, jacobian)) return NAN;
    for (unsigned i = 0; i < all; i++)
        if (i >= p->inequalities || constraint[i] > -near)
            add(&a, (int)i, i >= p->inequalities, jacobian + (size_t)i * n, n);
    for (unsigned j = 0; j < n; j++) {
        double normal[NLP_VARIABLES_MAX] = {0}, close = 1e-6 * fmax(fabs(x[j]), 1e-3);
        bool low = x[j] - p->low[j] <= close, high = p->high[j] - x[j] <= close;
        normal[j] = high ? 1 : -1;
        if (low || high) add(&a, -1 - (int)j, low && high, normal, n);
    }
    fit(&a, gradient, n, rest);
    for (unsigned i = 0; i < a.count; i++)
        *(a.of[i] >= 0 ? &multiplier[a.of[i]] : &bound[-1 - a.of[i]]) = a.by[i];
    return sqrt(dot(rest, rest, n) / fmax(dot(gradient, gradient, n), 1e-300));
}
