/* nlp.h: a nonlinear problem with constraints, and solvers for it by name.
 *
 *     least objective(x)  where  low <= x <= high,  inequality(x) <= 0,  equality(x) == 0
 *
 *     struct nlp_result result;
 *     nlp_solve(&problem, &settings, start, &result);
 *     if (result.feasible) use(result.x);
 *
 * What NLopt says of its result is not believed: it calls infeasible points a success, and loops where a value is no
 * number. Every point that is evaluated is judged here, and the best of those that keep all constraints is the result,
 * whenever the search ends: at its tolerance, by the clock, or where nothing can be evaluated any more. The clock is
 * looked at before each evaluation, so a deadline is overrun by one evaluation at most.
 *
 * Same problem, settings (seed included) and start give the same result, unless the deadline ends the search.
 */
#ifndef OPTIMIZE_NLP_H
#define OPTIMIZE_NLP_H

#include <stdbool.h>
#include <stdint.h>

enum { NLP_VARIABLES_MAX = 16, NLP_CONSTRAINTS_MAX = 192 };

enum nlp_solver {
    NLP_SLSQP,      /* sequential quadratic programming, one start; Kraft 1988 */
    NLP_MMA,        /* moving asymptotes; Svanberg 2002; refuses equalities (undefined) */
    NLP_COBYLA,     /* linear models, without gradients; Powell 1994 */
    NLP_MULTISTART, /* SLSQP from the start and from points all over the bounds */
    NLP_MLSL,       /* multi-level single linkage on a penalty (Rinnooy Kan and Timmer 1987), then SLSQP */
    NLP_ISRES,      /* evolution with stochastic ranking (Runarsson and Yao 2005), then SLSQP */
    NLP_ESCH,       /* evolution on a penalty (da Silva Santos 2010), then SLSQP */
    NLP_SOLVERS
};
extern const char *const nlp_solver_names[NLP_SOLVERS + 1]; /* ends in NULL */

struct nlp_problem {
    unsigned variables, inequalities, equalities;
    const double *low, *high; /* by variable; may be infinite for local solvers */
    void *self;
    /* All of it at `x`: `constraint` has the inequalities, then the equalities. Where `gradient` is not NULL, it is by
     * variable, and `jacobian` has a row of variables for each constraint. False, or what is no finite number: there is
     * nothing at `x`. */
    bool (*at)(void *self, const double *x, double *objective, double *constraint, double *gradient, double *jacobian);
};

struct nlp_settings {
    enum nlp_solver solver;
    double tolerance; /* relative, of x and of the objective */
    double keeps;     /* the most by which a constraint may be missed, in its own unit */
    double seconds;   /* of the clock */
    long evaluations; /* at most */
    unsigned starts;  /* of multistart */
    uint64_t seed;
    double (*clock)(void); /* s; NULL: the monotonic clock */
};

enum nlp_status {
    NLP_CONVERGED,  /* feasible, and to the tolerance */
    NLP_STOPPED,    /* feasible; the deadline or the evaluations have ended the search */
    NLP_INFEASIBLE, /* no feasible point was found */
    NLP_UNDEFINED,  /* the problem has no value anywhere that was tried */
};
extern const char *const nlp_status_names[];

struct nlp_result {
    enum nlp_status status;
    bool feasible;
    double x[NLP_VARIABLES_MAX]; /* the best feasible one, or else that which misses least */
    double objective;
    double violation; /* the most by which a constraint is missed at `x` */
    long evaluations;
    double seconds;
    bool late; /* the deadline has ended it */
};

double nlp_now(const struct nlp_settings *settings); /* s, of its clock */

void nlp_solve(const struct nlp_problem *problem, const struct nlp_settings *settings, const double *start,
               struct nlp_result *result);

/* What the objective would gain by each constraint's being looser by one of its units, at `x` (Lagrange multipliers, by
 * least squares over those that are within `near` of their limits; not negative for inequalities). `bound` is by
 * variable, of its nearer bound. Returns the length of what is left of the objective's gradient, by its own length:
 * near 0 at an optimum; NaN: there is no value at `x`. */
double nlp_multipliers(const struct nlp_problem *problem, const double *x, double near, double *multiplier,
                       double *bound);

#endif
