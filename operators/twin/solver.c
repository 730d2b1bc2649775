#include <cvodes/cvodes.h>
#include <float.h>
#include <idas/idas.h>
#include <limits.h>
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>
#include <sunlinsol/sunlinsol_band.h>
#include <sunmatrix/sunmatrix_band.h>
#include <sunmatrix/sunmatrix_sparse.h>
#include <time.h>

#include "solver_impl.h"

enum { CLOCK_EVERY = 16 }; /* evaluations between two looks at the clock */

static bool implicit(const struct solver *s) {
    return s->problem.residual != NULL;
}

/* ---- What SUNDIALS calls ---- */

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool used_up(struct solver *s) {
    s->evaluations++;
    if (s->evaluations > s->last) s->over = true;
    if (s->deadline > 0 && s->evaluations % CLOCK_EVERY == 0 && clock_now() > s->deadline) s->over = true;
    return s->over;
}

int solver__rate(struct solver *s, double t, const double *y, double *rate) {
    return used_up(s) ? -1 : s->problem.rate(t, y, rate, s->problem.model);
}

int solver__residual(struct solver *s, double t, const double *y, const double *speed, double *residual) {
    return used_up(s) ? -1 : s->problem.residual(t, y, speed, residual, s->problem.model);
}

static int call_rate(double t, N_Vector y, N_Vector rate, void *self) {
    return solver__rate(self, t, NV_DATA_S(y), NV_DATA_S(rate));
}

static int call_residual(double t, N_Vector y, N_Vector speed, N_Vector residual, void *self) {
    return solver__residual(self, t, NV_DATA_S(y), NV_DATA_S(speed), NV_DATA_S(residual));
}

static int call_event(double t, N_Vector y, double *value, void *self) {
    const struct solver *s = self;
    return s->problem.event(t, NV_DATA_S(y), value, s->problem.model);
}

static int call_event_implicit(double t, N_Vector y, N_Vector speed, double *value, void *self) {
    (void)speed;
    return call_event(t, y, value, self);
}

static void keep_message(int code, const char *module, const char *function, char *message, void *self) {
    (void)module, (void)function;
    struct solver *s = self;
    if (code < 0) snprintf(s->failure, sizeof s->failure, "%s", message);
}

/* ---- Life cycle ---- */

static bool make_vectors(struct solver *s, const double *y) {
    const struct solver_problem *p = &s->problem;
    s->y = N_VNew_Serial(p->size, s->context);
    s->speed = N_VNew_Serial(p->size, s->context);
    s->absolutes = N_VNew_Serial(p->size, s->context);
    s->column = pl_alloc(4 * (size_t)p->size * sizeof *s->column);
    s->before = pl_alloc((size_t)p->size * sizeof *s->before);
    s->jacobian = pl_alloc((p->pattern ? (size_t)p->pattern->entries : 1) * sizeof *s->jacobian);
    if (!s->y || !s->speed || !s->absolutes || !s->column || !s->before || !s->jacobian) return false;
    memcpy(NV_DATA_S(s->y), y, (size_t)p->size * sizeof *y);
    N_VConst(0, s->speed);
    N_VConst(p->absolute, s->absolutes);
    if (p->absolutes) memcpy(NV_DATA_S(s->absolutes), p->absolutes, (size_t)p->size * sizeof *y);
    if (!implicit(s)) return true;
    s->differential = N_VNew_Serial(p->size, s->context);
    if (s->differential) memcpy(NV_DATA_S(s->differential), p->differential, (size_t)p->size * sizeof *y);
    return s->differential != NULL;
}

static bool make_linear(struct solver *s) {
    const struct solver_problem *p = &s->problem;
    if (p->pattern) {
        s->matrix = SUNSparseMatrix(p->size, p->size, p->pattern->entries, CSC_MAT, s->context);
        s->linear = s->matrix ? solver__klu_new(s->context) : NULL;
    } else {
        s->matrix = SUNBandMatrix(p->size, p->upper, p->lower, s->context);
        s->linear = s->matrix ? SUNLinSol_Band(s->y, s->matrix, s->context) : NULL;
    }
    return s->linear != NULL;
}

static bool make_sensitivities(struct solver *s) {
    int count = s->problem.sensitivities;
    if (!count) return true;
    s->sensitivity = N_VCloneVectorArray(count, s->y);
    if (!s->sensitivity) return false;
    for (int i = 0; i < count; i++)
        N_VConst(0, s->sensitivity[i]);
    double scales[SOLVER_SENSITIVITIES];
    int which[SOLVER_SENSITIVITIES];
    for (int i = 0; i < count; i++) {
        which[i] = s->problem.which ? s->problem.which[i] : i;
        scales[i] = s->problem.scales[which[i]];
    }
    /* Outside of the error test they would be wrong by per cents. */
    return !CVodeSensInit(s->memory, count, CV_STAGGERED, NULL, s->sensitivity) && !CVodeSensEEtolerances(s->memory) &&
           !CVodeSetSensErrCon(s->memory, 1) && !CVodeSetSensParams(s->memory, s->problem.parameters, scales, which);
}

static bool make_explicit(struct solver *s) {
    const struct solver_problem *p = &s->problem;
    s->memory = CVodeCreate(CV_BDF, s->context);
    return s->memory && !CVodeInit(s->memory, call_rate, s->t, s->y) && !CVodeSetUserData(s->memory, s) &&
           !CVodeSetErrHandlerFn(s->memory, keep_message, s) &&
           !CVodeSVtolerances(s->memory, p->relative, s->absolutes) &&
           !CVodeSetMaxNumSteps(s->memory, p->steps ? p->steps : SOLVER_STEPS) &&
           !CVodeSetLinearSolver(s->memory, s->linear, s->matrix) &&
           (!p->pattern || !CVodeSetLinSysFn(s->memory, solver__rate_system)) &&
           (!p->events || !CVodeRootInit(s->memory, p->events, call_event)) && make_sensitivities(s);
}

static bool make_implicit(struct solver *s) {
    const struct solver_problem *p = &s->problem;
    s->memory = IDACreate(s->context);
    return s->memory && !IDAInit(s->memory, call_residual, s->t, s->y, s->speed) && !IDASetUserData(s->memory, s) &&
           !IDASetErrHandlerFn(s->memory, keep_message, s) && !IDASVtolerances(s->memory, p->relative, s->absolutes) &&
           !IDASetMaxNumSteps(s->memory, p->steps ? p->steps : SOLVER_STEPS) && !IDASetId(s->memory, s->differential) &&
           !IDASetSuppressAlg(s->memory, 1) && !IDASetLinearSolver(s->memory, s->linear, s->matrix) &&
           (!p->pattern || !IDASetJacFn(s->memory, solver__residual_jacobian)) &&
           (!p->events || !IDARootInit(s->memory, p->events, call_event_implicit));
}

static enum pl_code failed(struct solver *s, int code, double until, struct pl_error **error) {
    bool work = implicit(s) ? code == IDA_TOO_MUCH_WORK : code == CV_TOO_MUCH_WORK;
    if (s->over && s->evaluations > s->last)
        return pl_error_set(error, PL_LIMIT, "at %g s, before %g s, %ld evaluations are used up", solver_told(s, s->t),
                            solver_told(s, until), s->allowance.evaluations);
    if (s->over)
        return pl_error_set(error, PL_LIMIT, "at %g s, before %g s, %g s of this thread's clock are used up",
                            solver_told(s, s->t), solver_told(s, until), s->allowance.seconds);
    if (work)
        return pl_error_set(error, PL_LIMIT, "more than %ld steps between %g and %g s: the solver gives up",
                            s->problem.steps ? s->problem.steps : (long)SOLVER_STEPS, solver_told(s, s->t),
                            solver_told(s, until));
    if (s->problem.limit && *s->problem.limit)
        return pl_error_set(error, PL_RANGE, "at %g s: %s", solver_told(s, s->t), *s->problem.limit);
    return pl_error_set(error, PL_LIMIT, "at %g s no step converges: %s", solver_told(s, s->t),
                        s->failure[0] ? s->failure : "the solver failed");
}

/* Algebraic unknowns, and the speeds of the others, that go with the state at hand. */
static enum pl_code make_consistent(struct solver *s, struct pl_error **error) {
    if (!implicit(s)) return PL_OK;
    s->failure[0] = 0;
    if (IDACalcIC(s->memory, IDA_YA_YDP_INIT, s->t + 1e-3) == IDA_SUCCESS &&
        IDAGetConsistentIC(s->memory, s->y, s->speed) == IDA_SUCCESS)
        return PL_OK;
    if (s->over) return failed(s, IDA_TOO_MUCH_WORK, s->t, error);
    const char *limit = s->problem.limit && *s->problem.limit ? *s->problem.limit : s->failure;
    return pl_error_set(error, PL_RANGE, "no consistent state at %g s: %s", solver_told(s, s->t), limit);
}

enum pl_code solver_new(struct solver **solver, const struct solver_problem *problem, double t, const double *y,
                        struct pl_error **error) {
    struct solver *s = *solver = PL_NEW(struct solver);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for a solver of %ld unknowns", problem->size);
    s->problem = *problem;
    s->last = s->allowance.evaluations = SOLVER_OPENING;
    s->t = t;
    bool made = !SUNContext_Create(NULL, &s->context) && make_vectors(s, y) && make_linear(s) &&
                (implicit(s) ? make_implicit(s) : make_explicit(s));
    enum pl_code code = made ? make_consistent(s, error)
                             : pl_error_set(error, PL_NO_MEMORY, "a solver of %ld unknowns cannot be made%s%s",
                                            problem->size, s->failure[0] ? ": " : "", s->failure);
    if (!code) {
        solver_allow(s, &(struct pl_model_allowance){0});
        return PL_OK;
    }
    solver_free(s);
    *solver = NULL;
    return code;
}

void solver_free(struct solver *s) {
    if (!s) return;
    if (s->memory && implicit(s)) IDAFree(&s->memory);
    if (s->memory) CVodeFree(&s->memory);
    if (s->linear) SUNLinSolFree(s->linear);
    if (s->matrix) SUNMatDestroy(s->matrix);
    if (s->sensitivity) N_VDestroyVectorArray(s->sensitivity, s->problem.sensitivities);
    N_Vector vectors[] = {s->y, s->speed, s->differential, s->absolutes};
    for (unsigned i = 0; i < PL_COUNT_OF(vectors); i++)
        if (vectors[i]) N_VDestroy(vectors[i]);
    if (s->context) SUNContext_Free(&s->context);
    pl_free(s->column);
    pl_free(s->before);
    pl_free(s->jacobian);
    pl_free(s);
}

/* ---- Advancing ---- */

static int first_event(struct solver *s) {
    int found[SOLVER_EVENTS] = {0};
    int code = implicit(s) ? IDAGetRootInfo(s->memory, found) : CVodeGetRootInfo(s->memory, found);
    for (int i = 0; !code && i < s->problem.events; i++)
        if (found[i]) return i;
    return -1;
}

static bool finite_state(const struct solver *s) {
    for (long i = 0; i < s->problem.size; i++)
        if (!isfinite(NV_DATA_S(s->y)[i])) return false;
    return true;
}

/* A step that no longer moves the time would shrink on to nothing, and count as one that got there. */
static int bound_steps(struct solver *s, double until) {
    const double ULPS = 16;
    double least = ULPS * DBL_EPSILON * fabs(until), longest = s->allowance.longest;
    if (longest > 0) least = fmin(least, longest);
    return implicit(s) ? IDASetMinStep(s->memory, least) : CVodeSetMinStep(s->memory, least);
}

enum pl_code solver_advance(struct solver *s, double until, int *event, struct pl_error **error) {
    if (event) *event = -1;
    if (!(until > s->t)) return PL_OK;
    s->failure[0] = 0;
    int code = implicit(s) ? IDASetStopTime(s->memory, until) : CVodeSetStopTime(s->memory, until);
    double reached = s->t;
    size_t size = (size_t)s->problem.size * sizeof *s->before;
    memcpy(s->before, NV_DATA_S(s->y), size);
    if (code >= 0) code = bound_steps(s, until);
    if (code >= 0)
        code = implicit(s) ? IDASolve(s->memory, until, &reached, s->y, s->speed, IDA_NORMAL)
                           : CVode(s->memory, until, s->y, &reached, CV_NORMAL);
    /* CVODE tries its first step out in the vector that it is to answer in. */
    if (code < 0 && reached <= s->t) memcpy(NV_DATA_S(s->y), s->before, size);
    if (reached >= s->t) s->t = reached;
    if (code < 0) return failed(s, code, until, error);
    if (!finite_state(s)) return pl_error_set(error, PL_RANGE, "at %g s the state is no number", solver_told(s, s->t));
    if (s->sensitivity) {
        double at;
        if (CVodeGetSens(s->memory, &at, s->sensitivity) < 0) return failed(s, -1, until, error);
    }
    if (event && code == (implicit(s) ? IDA_ROOT_RETURN : CV_ROOT_RETURN)) *event = first_event(s);
    return PL_OK;
}

enum pl_code solver_restart(struct solver *s, double t, const double *y, struct pl_error **error) {
    s->spent = solver_effort(s);
    s->t = t;
    if (y != NV_DATA_S(s->y)) memcpy(NV_DATA_S(s->y), y, (size_t)s->problem.size * sizeof *y);
    int code;
    /* Pivots are chosen anew: what follows depends on the state alone, not on what was factorised before. */
    if (s->problem.pattern) solver__klu_anew(s->linear);
    if (implicit(s)) {
        N_VConst(0, s->speed);
        code = IDAReInit(s->memory, t, s->y, s->speed);
    } else {
        code = CVodeReInit(s->memory, t, s->y);
        if (!code && s->sensitivity) code = CVodeSensReInit(s->memory, CV_STAGGERED, s->sensitivity);
    }
    if (code) return failed(s, code, t, error);
    return make_consistent(s, error);
}

void solver_allow(struct solver *s, const struct pl_model_allowance *allowance) {
    double longest = fmax(allowance->longest, 0); /* 0: none, for SUNDIALS too */
    s->allowance = *allowance;
    s->last = allowance->evaluations > 0 ? s->evaluations + allowance->evaluations : LONG_MAX;
    s->over = false;
    s->deadline = allowance->seconds > 0 ? clock_now() + allowance->seconds : 0;
    if (implicit(s))
        IDASetMaxStep(s->memory, longest);
    else
        CVodeSetMaxStep(s->memory, longest);
}

void solver_succeed(struct solver *s, const struct solver *before) {
    solver_allow(s, &before->allowance);
    struct solver_effort spent = solver_effort(before);
    s->evaluations += before->evaluations;
    s->last = before->last;
    s->over = before->over;
    s->deadline = before->deadline;
    s->spent.steps += spent.steps;
    s->spent.rates += spent.rates;
    s->spent.jacobians += spent.jacobians;
}

long solver_evaluations(const struct solver *s) {
    return s->evaluations;
}

long solver_size(const struct solver *s) {
    return s->problem.size;
}

double solver_told(const struct solver *s, double t) {
    return t - s->allowance.origin;
}

double solver_time(const struct solver *s) {
    return s->t;
}

double *solver_state(struct solver *s) {
    return NV_DATA_S(s->y);
}

const double *solver_speed(struct solver *s) {
    if (!implicit(s)) s->problem.rate(s->t, NV_DATA_S(s->y), NV_DATA_S(s->speed), s->problem.model);
    return NV_DATA_S(s->speed);
}

const double *solver_sensitivity(struct solver *s, int index) {
    return NV_DATA_S(s->sensitivity[index]);
}

struct solver_effort solver_effort(const struct solver *s) {
    long steps = 0, rates = 0, more = 0, jacobians = 0;
    if (implicit(s)) {
        IDAGetNumSteps(s->memory, &steps);
        IDAGetNumResEvals(s->memory, &rates);
        IDAGetNumLinResEvals(s->memory, &more);
        IDAGetNumJacEvals(s->memory, &jacobians);
    } else {
        CVodeGetNumSteps(s->memory, &steps);
        CVodeGetNumRhsEvals(s->memory, &rates);
        CVodeGetNumLinRhsEvals(s->memory, &more);
        CVodeGetNumJacEvals(s->memory, &jacobians);
    }
    return (struct solver_effort){.steps = s->spent.steps + steps,
                                  .rates = s->spent.rates + rates + more,
                                  .jacobians = s->spent.jacobians + jacobians};
}
