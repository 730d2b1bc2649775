/* solver.h: time integration of a system of equations by SUNDIALS: CVODES for y' = f(t, y), IDAS for F(t, y, y') = 0.
 *
 *     struct solver_problem problem = {.size = n, .model = model, .rate = rate, .lower = 1, .upper = 1,
 *                                      .relative = 1e-6, .absolute = 1e-6};
 *     code = solver_new(&solver, &problem, 0, y0, &error);
 *     while (!(code = solver_advance(solver, until, &event, &error)) && event >= 0) ...
 *
 * Jacobians are difference quotients by colours: of a band (lower, upper), or of a sparse pattern, then factorised by
 * KLU. What an advance may cost is counted in steps and evaluations, so that the same input gives the same answer; past
 * it, and where no step converges, the call fails with PL_LIMIT. A rate that returns non-zero says that the state is
 * beyond what the model means: the solver tries smaller steps and fails with PL_RANGE, naming what `limit` says. The
 * state is then that of the last step that was good.
 *
 * Backward differentiation keeps sums that the equations keep, where the Jacobian keeps them as well: a balance of
 * states then closes to round-off and not merely to the tolerance. A tally of what all cells lose or take would make
 * each of them a colour of its own; it is the pattern's closing row instead, which follows from the sum and `weights`.
 *
 * With `sensitivities`, CVODES carries dy/dp along for each of the doubles that `parameters` holds and `rate` reads.
 */
#ifndef TWIN_SOLVER_H
#define TWIN_SOLVER_H

#include <potline/model.h>

#include "pattern.h"

enum { SOLVER_STEPS = 20000, SOLVER_OPENING = 2000, SOLVER_EVENTS = 16, SOLVER_SENSITIVITIES = 8 };

struct solver_problem {
    long size;
    void *model;

    /* One of them. Non-zero: beyond a limit. */
    int (*rate)(double t, const double *y, double *rate, void *model);
    int (*residual)(double t, const double *y, const double *speed, double *residual, void *model);
    const double *differential; /* with `residual`: by unknown, 1, or 0 where it is algebraic */

    long lower, upper;             /* the band, or */
    const struct pattern *pattern; /* borrowed for the solver's life */
    const double *weights; /* likewise, with `rate` and a pattern that is closed: sum(weight * y) is kept but for
                              what is constant; a row that is no part of it has weight 0 */

    int events; /* roots of `event` end an advance */
    int (*event)(double t, const double *y, double *value, void *model);

    double relative;
    double absolute;         /* for all unknowns, or */
    const double *absolutes; /* one each; copied */
    long steps;              /* most of one advance; 0: SOLVER_STEPS */

    const char *const *limit; /* what `rate` has last found crossed */

    int sensitivities;
    double *parameters;   /* borrowed; `rate` reads them */
    const double *scales; /* their sizes, not 0 */
    const int *which;     /* of the parameters; NULL: the first ones */
};

struct solver;

/* *solver is NULL after a failure. Algebraic unknowns are made consistent, within SOLVER_OPENING evaluations. */
enum pl_code solver_new(struct solver **solver, const struct solver_problem *problem, double t, const double *y,
                        struct pl_error **error);
void solver_free(struct solver *solver);

/* To `until`, or to the first event: *event is its index, else -1. May be NULL without events. */
enum pl_code solver_advance(struct solver *solver, double until, int *event, struct pl_error **error);

/* From a state that something outside has changed. With `residual`, algebraic unknowns are made consistent. */
enum pl_code solver_restart(struct solver *solver, double t, const double *y, struct pl_error **error);

/* What all advances from now on may take together. */
void solver_allow(struct solver *solver, const struct pl_model_allowance *allowance);
/* One that takes the place of another: what is left of its allowance, and what it has cost. */
void solver_succeed(struct solver *solver, const struct solver *before);

long solver_evaluations(const struct solver *solver); /* since it was made */

long solver_size(const struct solver *solver);
double solver_time(const struct solver *solver);
double solver_told(const struct solver *solver, double t); /* a time, for an error: by the allowance's origin */
double *solver_state(struct solver *solver); /* where the last advance ended; to change it, solver_restart */
const double *solver_speed(struct solver *solver);
const double *solver_sensitivity(struct solver *solver, int index); /* dy/dp there, of one of `which` */

struct solver_effort {
    long steps, rates, jacobians;
};
struct solver_effort solver_effort(const struct solver *solver);

#endif
