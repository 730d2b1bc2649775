/* stepper.h: a model that must go on: each step may take a budget of work, and what does not fit is degraded, and said.
 *
 *     struct pl_stepper s;
 *     code = pl_stepper_open(&s, model, values, &error);
 *     s.budget = 20000;
 *     while (!code && t < 3600) {
 *         code = pl_stepper_advance(&s, t += 60, &error);
 *         model->read(s.self, outputs);               with pl_stepper_uncertain(&s): of doubtful worth
 *     }
 *     pl_stepper_close(&s);
 *
 * The ladder: as asked, in short steps of the integration, with a looser tolerance, on a coarser grid besides, and at
 * last what was good last, held. Each rung goes on from where the one before gave up, with a budget of its own, so a
 * step costs five budgets at most. A rung that has held for some steps gives way to the one above it. Budgets are
 * evaluations of the equations: the same input gives the same rungs. `deadline` is a net behind them, off unless set:
 * it alone looks at a clock, that of the thread: what else the machine has to do does not count.
 *
 * What is beyond the physics (PL_RANGE: frozen, too hot) is no matter of work: the step fails and names the limit, and
 * the instance stays as it was at the last good state.
 */
#ifndef POTLINE_STEPPER_H
#define POTLINE_STEPPER_H

#include <stdint.h>

#include "model.h"

enum pl_stepper_rung {
    PL_STEPPER_ASKED,
    PL_STEPPER_SHORT,
    PL_STEPPER_LOOSE,
    PL_STEPPER_COARSE,
    PL_STEPPER_HELD,
    PL_STEPPER_RUNGS
};

enum { PL_STEPPER_BUDGET = 200000, PL_STEPPER_DEADLINE = 10 /* s: what people who wait give a step */ };

struct pl_stepper {
    const struct pl_model *model;
    void *self; /* the instance at work: to be read */
    double values[PL_MODEL_PARAMETERS_MAX];
    long budget;     /* evaluations, by step and rung; pl_stepper_open sets PL_STEPPER_BUDGET */
    double deadline; /* s of the thread's clock by step; 0: none */
    double origin;   /* s: times in errors count from there */

    double t;                            /* s: until when the state holds */
    enum pl_stepper_rung rung;           /* that the last step ended on */
    uint64_t steps[PL_STEPPER_RUNGS];    /* that ended on each */
    uint64_t failures[PL_STEPPER_RUNGS]; /* of each */
    uint64_t overdue;                    /* steps that the clock has cut short */
    char why[192];                       /* the failure before the last step's rung; empty: none */

    enum pl_stepper_rung made; /* the rung that `self` was made for */
    unsigned held_for;         /* steps in a row without a failure */
    bool dead;                 /* `self` can only be read */
    long spent;                /* by instances that are no more */
};

PL_API enum pl_code pl_stepper_open(struct pl_stepper *stepper, const struct pl_model *model, const double *values,
                                    struct pl_error **error);
/* PL_OK also where it has degraded: see `rung`. */
PL_API enum pl_code pl_stepper_advance(struct pl_stepper *stepper, double until, struct pl_error **error);
PL_API enum pl_code pl_stepper_set(struct pl_stepper *stepper, unsigned parameter, double value,
                                   struct pl_error **error);
/* Right after pl_stepper_open: as if it had come to `state` (what `save` of an instance made for that rung gave) at
 * time `t` by itself. `held_for` is that of then. */
PL_API enum pl_code pl_stepper_resume(struct pl_stepper *stepper, enum pl_stepper_rung made, unsigned held_for,
                                      double t, const double *state, size_t count, struct pl_error **error);
PL_API void pl_stepper_close(struct pl_stepper *stepper);

PL_API const char *pl_stepper_rung_name(enum pl_stepper_rung rung); /* "looser tolerance" */
PL_API long pl_stepper_effort(const struct pl_stepper *stepper);    /* evaluations since it was opened */

/* Less exact than what was asked for. */
static inline bool pl_stepper_uncertain(const struct pl_stepper *stepper) {
    return stepper->rung >= PL_STEPPER_LOOSE;
}

#endif
