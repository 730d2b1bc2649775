/* conduction.h: a stack of layers integrated in time, with its heat balance.
 *
 *     stack_init(&c->stack, ...); c->stack.left = ...;
 *     code = conduction_open(c, profile, NULL, &error);
 *     code = conduction_advance(c, 3600, &error);
 *     conduction_close(c);
 *
 * What has come through either side since the start is carried as unknowns next to the cells that it passes, so the
 * balance is kept by the integration itself. What is lost along the sides of cells is carried too.
 * `drive`, when given, sets the stack's sides for a time before each evaluation; restart behind a jump.
 */
#ifndef TWIN_CONDUCTION_H
#define TWIN_CONDUCTION_H

#include "solver.h"
#include "stack.h"

struct conduction {
    struct stack stack;
    double tolerance; /* relative; 0: 1e-6 */
    /* deg C: beyond them an advance ends with PL_RANGE; both 0: anywhere. Of a stack without a front. */
    double coldest, hottest;
    void (*drive)(double t, struct stack *stack, void *context);
    void *context;
    int sensitivities; /* of these doubles, which `drive` reads */
    double *parameters;
    const double *scales;
    const int *which;

    struct pattern *pattern; /* NULL: a band */
    double *weights;         /* likewise */
    struct solver *solver;
    double *y;
    double begun; /* J at the start */
    const char *limit;
};

/* Takes the stack as it is set up; `t` has a temperature a cell. `close` follows all the same. */
enum pl_code conduction_open(struct conduction *c, const double *t, struct pl_error **error);
enum pl_code conduction_advance(struct conduction *c, double until, struct pl_error **error);
enum pl_code conduction_restart(struct conduction *c, struct pl_error **error); /* sides have jumped */
/* PL_RANGE where it is beyond its limits now. */
enum pl_code conduction_check(struct conduction *c, struct pl_error **error);
void conduction_close(struct conduction *c);

/* Its state, to and from numbers; returns the time of it. After loading, conduction_resume there. */
double conduction_carry(struct conduction *c, struct state *state);
enum pl_code conduction_resume(struct conduction *c, double t, struct pl_error **error);

const double *conduction_cells(struct conduction *c); /* the stack's unknowns; refreshes the stack's fluxes */
double conduction_balance(struct conduction *c);      /* heat that is unaccounted for, of what has moved or is there */
double conduction_entered(struct conduction *c, bool left); /* J since the start */

#endif
