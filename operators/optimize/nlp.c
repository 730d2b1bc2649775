#include "nlp.h"

#include <float.h>
#include <math.h>
#include <nlopt.h>
#include <string.h>
#include <time.h>

const char *const nlp_solver_names[NLP_SOLVERS + 1] = {"slsqp", "mma",   "cobyla", "multistart",
                                                       "mlsl",  "isres", "esch",   NULL};
const char *const nlp_status_names[] = {"converged", "stopped", "infeasible", "undefined"};

/* The part of what is left that a global search may use; the rest is for going downhill from where it has come to. */
static const double GLOBAL_SHARE = 0.7;
static const double SPAN = 10; /* to either side of the start, where a variable has no bound and a search needs one */
static const double SHRINK = 0.3;
enum { REFINEMENTS = 8, LOOKS_BY_EVALUATION = 4 };
enum { MLSL_MOST = 2500 }; /* beyond, its own work grows with the cube of its points */

struct search {
    const struct nlp_problem *problem;
    const struct nlp_settings *settings;
    struct nlp_result *result;
    nlopt_opt running;
    double begun, until; /* of the clock */
    long most;           /* evaluations */
    long looks;          /* what the solver has asked for; points that it asks for again are not evaluated again */
    double weight;       /* of the penalty; 0: there is none */
    double x[NLP_VARIABLES_MAX], objective, gradient[NLP_VARIABLES_MAX];
    double constraint[NLP_CONSTRAINTS_MAX], jacobian[NLP_CONSTRAINTS_MAX][NLP_VARIABLES_MAX];
    bool known, defined, with_gradient; /* of the point at hand */
    bool any;                           /* some point had a value */
    bool fell;                          /* the run at hand has met one without */
    double reach;                       /* of it: share of the bounds' range around where it begins */
    double scale[NLP_VARIABLES_MAX];    /* one of the solver's units in the problem's */
};

static double monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double nlp_now(const struct nlp_settings *settings) {
    return settings->clock ? settings->clock() : monotonic();
}

static double now(const struct search *s) {
    return nlp_now(s->settings);
}

static unsigned constraints(const struct nlp_problem *p) {
    return p->inequalities + p->equalities;
}

static double violation(const struct nlp_problem *p, const double *constraint) {
    double worst = 0;
    for (unsigned i = 0; i < constraints(p); i++)
        worst = fmax(worst, i < p->inequalities ? constraint[i] : fabs(constraint[i]));
    return worst;
}

/* ---- Points ---- */

static bool finite_point(const struct search *s, bool with_gradient) {
    const struct nlp_problem *p = s->problem;
    if (!isfinite(s->objective)) return false;
    for (unsigned i = 0; i < constraints(p); i++) {
        if (!isfinite(s->constraint[i])) return false;
        for (unsigned j = 0; j < p->variables && with_gradient; j++)
            if (!isfinite(s->jacobian[i][j])) return false;
    }
    for (unsigned j = 0; j < p->variables && with_gradient; j++)
        if (!isfinite(s->gradient[j])) return false;
    return true;
}

/* The best so far: a feasible one before all others, then by the objective, else by what is missed. */
static void judge(struct search *s) {
    struct nlp_result *r = s->result;
    double missed = violation(s->problem, s->constraint);
    bool feasible = missed <= s->settings->keeps;
    bool better = !s->any || (feasible && !r->feasible) || (feasible && s->objective < r->objective) ||
                  (!feasible && !r->feasible && missed < r->violation);
    s->any = true;
    if (!better) return;
    memcpy(r->x, s->x, s->problem->variables * sizeof *s->x);
    r->objective = s->objective;
    r->violation = missed;
    r->feasible = feasible;
}

static bool over(struct search *s) {
    if (s->result->evaluations >= s->most) return true;
    if (now(s) < s->until) return false;
    s->result->late = s->until >= s->begun + s->settings->seconds;
    return true;
}

static void fall(struct search *s) {
    s->fell = true;
    if (s->running) nlopt_force_stop(s->running);
}

/* Evaluates the problem at a point of the solver's, once for objective and constraints. */
static bool look(struct search *s, const double *at, bool with_gradient) {
    const struct nlp_problem *p = s->problem;
    double x[NLP_VARIABLES_MAX] = {0};
    for (unsigned j = 0; j < p->variables; j++)
        x[j] = fmin(fmax(at[j] * s->scale[j], p->low[j]), p->high[j]);
    bool same = s->known && memcmp(x, s->x, p->variables * sizeof *x) == 0 && (s->with_gradient || !with_gradient);
    bool loops = ++s->looks > LOOKS_BY_EVALUATION * (s->most + 100);
    if (same && !loops) return s->defined;
    if (loops || over(s)) {
        if (s->running) nlopt_force_stop(s->running);
        return false;
    }
    memcpy(s->x, x, p->variables * sizeof *x);
    double jacobian[NLP_CONSTRAINTS_MAX * NLP_VARIABLES_MAX];
    s->result->evaluations++;
    s->known = true;
    s->with_gradient = with_gradient;
    s->defined = p->at(p->self, x, &s->objective, s->constraint, with_gradient ? s->gradient : NULL,
                       with_gradient ? jacobian : NULL);
    for (unsigned i = 0; i < constraints(p) && with_gradient; i++)
        memcpy(s->jacobian[i], jacobian + (size_t)i * p->variables, p->variables * sizeof *jacobian);
    s->defined = s->defined && finite_point(s, with_gradient);
    if (s->defined)
        judge(s);
    else
        fall(s);
    return s->defined;
}

/* ---- What NLopt calls ---- */

static double objective_at(unsigned n, const double *x, double *gradient, void *self) {
    struct search *s = self;
    if (!look(s, x, gradient != NULL)) return HUGE_VAL;
    double value = s->objective;
    for (unsigned j = 0; j < n && gradient; j++)
        gradient[j] = s->gradient[j] * s->scale[j];
    for (unsigned i = 0; i < constraints(s->problem) && s->weight > 0; i++) {
        double missed = i < s->problem->inequalities ? fmax(s->constraint[i], 0) : s->constraint[i];
        value += s->weight * missed * missed;
        for (unsigned j = 0; j < n && gradient; j++)
            gradient[j] += 2 * s->weight * missed * s->jacobian[i][j] * s->scale[j];
    }
    return value;
}

static void constraints_at(struct search *s, unsigned first, unsigned count, double *value, const double *x,
                           double *gradient) {
    unsigned n = s->problem->variables;
    bool defined = look(s, x, gradient != NULL);
    for (unsigned i = 0; i < count; i++) {
        value[i] = defined ? s->constraint[first + i] : 1e10;
        for (unsigned j = 0; j < n && gradient; j++)
            gradient[i * n + j] = defined ? s->jacobian[first + i][j] * s->scale[j] : 0;
    }
}

static void inequalities_at(unsigned count, double *value, unsigned n, const double *x, double *gradient, void *self) {
    (void)n;
    constraints_at(self, 0, count, value, x, gradient);
}

static void equalities_at(unsigned count, double *value, unsigned n, const double *x, double *gradient, void *self) {
    (void)n;
    struct search *s = self;
    constraints_at(s, s->problem->inequalities, count, value, x, gradient);
}

/* ---- Runs ---- */

static void bound(const struct search *s, nlopt_opt opt, const double *start, bool finite) {
    double low[NLP_VARIABLES_MAX], high[NLP_VARIABLES_MAX];
    for (unsigned j = 0; j < s->problem->variables; j++) {
        low[j] = s->problem->low[j];
        high[j] = s->problem->high[j];
        if (finite && isinf(low[j])) low[j] = fmin(start[j], high[j]) - SPAN;
        if (finite && isinf(high[j])) high[j] = fmax(start[j], low[j]) + SPAN;
        double range = high[j] - low[j], reach = s->reach * range;
        if (isfinite(range) && s->reach < 1) {
            low[j] = fmax(low[j], start[j] - reach);
            high[j] = fmin(high[j], start[j] + reach);
        }
        low[j] /= s->scale[j];
        high[j] /= s->scale[j];
    }
    nlopt_set_lower_bounds(opt, low);
    nlopt_set_upper_bounds(opt, high);
}

static void constrain(struct search *s, nlopt_opt opt) {
    double keeps[NLP_CONSTRAINTS_MAX];
    const struct nlp_problem *p = s->problem;
    for (unsigned i = 0; i < NLP_CONSTRAINTS_MAX; i++)
        keeps[i] = s->settings->keeps;
    if (p->inequalities) nlopt_add_inequality_mconstraint(opt, p->inequalities, inequalities_at, s, keeps);
    if (p->equalities) nlopt_add_equality_mconstraint(opt, p->equalities, equalities_at, s, keeps);
}

static nlopt_opt open_run(struct search *s, nlopt_algorithm algorithm, const double *start, bool finite) {
    nlopt_opt opt = nlopt_create(algorithm, s->problem->variables);
    if (!opt) return NULL;
    bound(s, opt, start, finite);
    nlopt_set_min_objective(opt, objective_at, s);
    nlopt_set_maxtime(opt, fmax(s->until - now(s), 1e-6));
    nlopt_set_maxeval(opt, (int)fmin(fmax((double)(s->most - s->result->evaluations), 1), 1e9));
    nlopt_set_xtol_rel(opt, s->settings->tolerance);
    nlopt_set_ftol_rel(opt, s->settings->tolerance * 1e-3);
    return opt;
}

/* True when it ended by itself, at a point that had a value. */
static bool run(struct search *s, nlopt_opt opt, double *x) {
    double ignored;
    s->known = s->fell = false;
    s->running = opt;
    nlopt_result code = nlopt_optimize(opt, x, &ignored);
    s->running = NULL;
    return code > 0 && code != NLOPT_MAXEVAL_REACHED && code != NLOPT_MAXTIME_REACHED;
}

static void from_problem(const struct search *s, const double *x, double *at) {
    for (unsigned j = 0; j < s->problem->variables; j++)
        at[j] = fmin(fmax(x[j], s->problem->low[j]), s->problem->high[j]) / s->scale[j];
}

static bool run_local(struct search *s, nlopt_algorithm algorithm, const double *start) {
    double x[NLP_VARIABLES_MAX] = {0};
    nlopt_opt opt = open_run(s, algorithm, start, false);
    if (!opt) return false;
    from_problem(s, start, x);
    constrain(s, opt);
    if (algorithm == NLOPT_LN_COBYLA) {
        double step[NLP_VARIABLES_MAX] = {0};
        for (unsigned j = 0; j < s->problem->variables; j++)
            step[j] = fmax(0.1 * fabs(x[j]), 0.1);
        nlopt_set_initial_step(opt, step);
    }
    bool ended = run(s, opt, x);
    nlopt_destroy(opt);
    return ended;
}

/* Goes on from the best, until that brings nothing: a line search that has got stuck begins anew, and one that has met
 * a point without a value in a smaller neighbourhood. */
static bool refine(struct search *s, nlopt_algorithm algorithm) {
    bool ended = false;
    s->reach = 1;
    for (int i = 0; i < REFINEMENTS && !over(s); i++) {
        struct nlp_result before = *s->result;
        ended = run_local(s, algorithm, before.x) || ended;
        if (s->fell) {
            s->reach *= SHRINK;
            continue;
        }
        double gained = before.objective - s->result->objective;
        bool same = before.feasible == s->result->feasible;
        if (same && before.feasible && gained <= s->settings->tolerance * fmax(1, fabs(before.objective))) break;
        if (same && !before.feasible && s->result->violation > 0.99 * before.violation) break;
    }
    return ended;
}

static void run_global(struct search *s, nlopt_algorithm algorithm, const double *start) {
    nlopt_opt opt = open_run(s, algorithm, start, true), local = NULL;
    if (!opt) return;
    double x[NLP_VARIABLES_MAX] = {0};
    from_problem(s, start, x);
    nlopt_srand((unsigned long)s->settings->seed);
    if (algorithm == NLOPT_GN_ISRES) {
        constrain(s, opt);
    } else {
        s->weight = 1e3;
        if (algorithm == NLOPT_G_MLSL_LDS && (local = open_run(s, NLOPT_LD_LBFGS, start, true))) {
            nlopt_set_local_optimizer(opt, local);
            nlopt_set_population(opt, 8);
        }
    }
    run(s, opt, x);
    s->weight = 0;
    s->known = false;
    nlopt_destroy(opt);
    if (local) nlopt_destroy(local);
}

/* Starts all over the bounds, by a sequence of low discrepancy (Roberts' R_n) that the seed moves. */
static void point_of(const struct search *s, unsigned k, const double *start, double *x) {
    unsigned n = s->problem->variables;
    double ratio = 2;
    for (int i = 0; i < 40; i++)
        ratio = pow(1 + ratio, 1.0 / (n + 1));
    double moved = (double)(s->settings->seed * UINT64_C(0x9e3779b97f4a7c15) >> 11) * 0x1p-53;
    for (unsigned j = 0; j < n; j++) {
        double low = s->problem->low[j], high = s->problem->high[j], part = 0.5 + moved + k * pow(ratio, -(j + 1.0));
        if (isinf(low)) low = fmin(start[j], high) - SPAN;
        if (isinf(high)) high = fmax(start[j], low) + SPAN;
        x[j] = low + (part - floor(part)) * (high - low);
    }
}

static bool multistart(struct search *s, const double *start) {
    bool ended = run_local(s, NLOPT_LD_SLSQP, start);
    for (unsigned k = 1; k < s->settings->starts && !over(s); k++) {
        double x[NLP_VARIABLES_MAX] = {0};
        point_of(s, k, start, x);
        ended = run_local(s, NLOPT_LD_SLSQP, x) || ended;
    }
    return (s->any && refine(s, NLOPT_LD_SLSQP)) || ended;
}

static bool global(struct search *s, nlopt_algorithm algorithm, const double *start) {
    double until = s->until;
    long most = s->most;
    look(s, start, false); /* never worse than where it begins; `start` may be outside its bounds, a point is not */
    s->until = s->begun + GLOBAL_SHARE * (until - s->begun);
    s->most = (long)(GLOBAL_SHARE * (double)most);
    if (algorithm == NLOPT_G_MLSL_LDS && s->most > MLSL_MOST) s->most = MLSL_MOST;
    run_global(s, algorithm, start);
    s->until = until;
    s->most = most;
    return s->any && refine(s, NLOPT_LD_SLSQP);
}

static bool search(struct search *s, const double *start) {
    switch (s->settings->solver) {
    case NLP_MMA: return run_local(s, NLOPT_LD_MMA, start) | (s->any && refine(s, NLOPT_LD_MMA));
    case NLP_COBYLA: return run_local(s, NLOPT_LN_COBYLA, start) | (s->any && refine(s, NLOPT_LN_COBYLA));
    case NLP_MULTISTART: return multistart(s, start);
    case NLP_MLSL: return global(s, NLOPT_G_MLSL_LDS, start);
    case NLP_ISRES: return global(s, NLOPT_GN_ISRES, start);
    case NLP_ESCH: return global(s, NLOPT_GN_ESCH, start);
    default: return run_local(s, NLOPT_LD_SLSQP, start) | (s->any && refine(s, NLOPT_LD_SLSQP));
    }
}

/* Variables with bounds are searched in units of their range, others in their own. */
static void find_scale(struct search *s) {
    for (unsigned j = 0; j < s->problem->variables; j++) {
        double range = s->problem->high[j] - s->problem->low[j];
        s->scale[j] = isfinite(range) && range > 0 ? range / 10 : 1;
    }
}

void nlp_solve(const struct nlp_problem *problem, const struct nlp_settings *settings, const double *start,
               struct nlp_result *result) {
    struct search s = {
        .problem = problem, .settings = settings, .result = result, .most = settings->evaluations, .reach = 1};
    *result = (struct nlp_result){.objective = HUGE_VAL, .violation = HUGE_VAL};
    memcpy(result->x, start, problem->variables * sizeof *start);
    s.begun = now(&s);
    s.until = s.begun + settings->seconds;
    find_scale(&s);
    bool able = !(settings->solver == NLP_MMA && problem->equalities); /* it has no notion of them */
    bool ended = able && search(&s, start);
    result->seconds = now(&s) - s.begun;
    result->status = !s.any ? NLP_UNDEFINED : !result->feasible ? NLP_INFEASIBLE : ended ? NLP_CONVERGED : NLP_STOPPED;
}
