#include "conduction.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

/* Unknowns: what came in from the left, the stack's, what came in from the right, what was lost along it and put in. */
enum { EXTRA = 3, PATIENCE = 200 };
static const double JOULE = 1e6; /* unit of the balance's unknowns */

static int rate(double t, const double *y, double *rate, void *self) {
    struct conduction *c = self;
    struct stack *s = &c->stack;
    int n = stack_unknowns(s);
    if (c->drive) c->drive(t, s, c->context);
    c->limit = NULL;
    if (stack_rate(s, y + 1, rate + 1)) {
        c->limit = "a temperature is none any more";
        return 1;
    }
    double side = 0;
    for (int i = 0; i < s->cells; i++)
        side += s->source[i] - stack_lost(s, i, s->t[i]);
    double left = s->front.is ? stack_from_melt(s) : s->flux[0];
    rate[0] = left / JOULE;
    rate[n + 1] = -s->flux[s->cells] / JOULE;
    rate[n + 2] = side / JOULE;
    return 0;
}

static bool is_limited(const struct conduction *c) {
    return c->coldest < c->hottest;
}

/* Of all cells, and of faces that a known flux goes through: such a face is as hot or cold as that takes. */
static void find_extremes(const struct stack *s, double *low, double *high) {
    int last = s->cells - 1;
    double at[2] = {s->t[0], s->t[last]};
    if (s->left.kind == STACK_FLUX && s->area[0] > 0)
        at[0] += s->left.flux * s->area[0] * s->toward[0] / s->conductivity[0];
    if (s->right.kind == STACK_FLUX) at[1] += s->right.flux * s->area[last + 1] * s->away[last] / s->conductivity[last];
    *low = fmin(at[0], at[1]);
    *high = fmax(at[0], at[1]);
    for (int i = 0; i < s->cells; i++) {
        *low = fmin(*low, s->t[i]);
        *high = fmax(*high, s->t[i]);
    }
}

/* How far it is from its limits: above 0 within them. */
static void find_room(struct conduction *c, const double *y, double room[2]) {
    double low, high;
    stack_temperatures(&c->stack, y + 1);
    find_extremes(&c->stack, &low, &high);
    room[0] = low - c->coldest;
    room[1] = c->hottest - high;
}

static int event(double t, const double *y, double *value, void *self) {
    struct conduction *c = self;
    if (c->drive) c->drive(t, &c->stack, c->context);
    if (is_limited(c)) {
        find_room(c, y, value);
        return 0;
    }
    stack_events(&c->stack, y + 1, value);
    value[STACK_EVENTS] = c->stack.front.most - y[1 + c->stack.cells];
    return 0;
}

static bool loses(const struct stack *s) {
    for (int i = 0; i < s->cells; i++)
        if (s->loss[i] > 0) return true;
    return false;
}

/* Three neighbours are a band, which costs less than a sparse matrix; not so a front, and what is lost along cells. */
static bool is_band(const struct conduction *c) {
    return !c->stack.front.is && !loses(&c->stack);
}

static bool make_pattern(struct conduction *c) {
    int n = stack_unknowns(&c->stack);
    c->pattern = pattern_new(n + EXTRA);
    c->weights = pl_alloc((size_t)(n + EXTRA) * sizeof *c->weights);
    if (!c->pattern || !c->weights) return false;
    stack_pattern(&c->stack, c->pattern, 1);
    pattern_add(c->pattern, 0, 1);
    pattern_add(c->pattern, 0, n);
    pattern_add(c->pattern, n + 1, c->stack.cells);
    if (c->stack.layers == 1 && c->stack.front.is) pattern_add(c->pattern, n + 1, n);
    pattern_close(c->pattern, n + 2);
    return pattern_finish(c->pattern);
}

/* Of conduction_balance, which is what they keep. */
static void put_weights(struct conduction *c) {
    const struct stack *s = &c->stack;
    int n = stack_unknowns(s);
    if (!c->weights) return;
    for (int i = 0; i < s->cells; i++)
        c->weights[1 + i] = s->capacity[i];
    if (s->front.is) c->weights[n] = -s->layer[0].material.density * s->front.reference;
    c->weights[0] = c->weights[n + 1] = c->weights[n + 2] = -JOULE;
}

static enum pl_code make_solver(struct conduction *c, double t, const double *y, struct pl_error **error) {
    int n = stack_unknowns(&c->stack);
    if (!is_band(c) && !c->pattern && !make_pattern(c))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a Jacobian");
    put_weights(c);
    double relative = c->tolerance > 0 ? c->tolerance : 1e-6;
    double *absolutes = pl_alloc((size_t)(n + EXTRA) * sizeof *absolutes);
    if (!absolutes) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d tolerances", n);
    for (int i = 0; i < n + EXTRA; i++)
        absolutes[i] = 10 * relative;
    for (int i = 0; i < EXTRA; i++)
        absolutes[i == 0 ? 0 : n + i] = 1;
    if (c->stack.front.is) absolutes[n] = relative * c->stack.front.least;
    struct solver_problem problem = {.size = n + EXTRA,
                                     .model = c,
                                     .rate = rate,
                                     .lower = 1,
                                     .upper = 1,
                                     .pattern = c->pattern,
                                     .weights = c->weights,
                                     .events = c->stack.front.is ? STACK_EVENTS + 1
                                               : is_limited(c)   ? 2
                                                                 : 0,
                                     .event = event,
                                     .relative = relative,
                                     .absolute = 10 * relative,
                                     .absolutes = absolutes,
                                     .limit = &c->limit,
                                     .sensitivities = c->sensitivities,
                                     .parameters = c->parameters,
                                     .scales = c->scales,
                                     .which = c->which};
    struct solver *solver;
    enum pl_code code = solver_new(&solver, &problem, t, y, error);
    pl_free(absolutes);
    if (code) return code; /* the old one can still be read */
    if (c->solver) solver_succeed(solver, c->solver);
    solver_free(c->solver);
    c->solver = solver;
    return PL_OK;
}

enum pl_code conduction_open(struct conduction *c, const double *t, struct pl_error **error) {
    int n = stack_unknowns(&c->stack);
    c->y = pl_alloc((size_t)(n + EXTRA) * sizeof *c->y);
    if (!c->y) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d unknowns", n);
    stack_start_profile(&c->stack, c->y + 1, t);
    c->begun = stack_heat(&c->stack, c->y + 1);
    enum pl_code code = make_solver(c, 0, c->y, error);
    return code ? code : conduction_check(c, error);
}

static enum pl_code beyond(const struct conduction *c, bool cold, struct pl_error **error) {
    static const double ZERO = -273.15;
    double t = solver_told(c->solver, solver_time(c->solver));
    if (cold && c->coldest <= ZERO)
        return pl_error_set(error, PL_RANGE, "at %g s more heat is taken than there is: it is below absolute zero", t);
    return pl_error_set(error, PL_RANGE, "at %g s it is %s than %g deg C, which the properties are not meant for", t,
                        cold ? "colder" : "hotter", cold ? c->coldest : c->hottest);
}

enum pl_code conduction_check(struct conduction *c, struct pl_error **error) {
    double room[2];
    if (!is_limited(c)) return PL_OK;
    find_room(c, solver_state(c->solver), room);
    return room[0] < 0 || room[1] < 0 ? beyond(c, room[0] < 0, error) : PL_OK;
}

void conduction_close(struct conduction *c) {
    solver_free(c->solver);
    pattern_free(c->pattern);
    pl_free(c->weights);
    pl_free(c->y);
    stack_fini(&c->stack);
    c->solver = NULL;
    c->pattern = NULL;
    c->weights = NULL;
    c->y = NULL;
}

/* What is lost along the cells for the first time takes another Jacobian. */
enum pl_code conduction_resume(struct conduction *c, double t, struct pl_error **error) {
    const double *y = solver_state(c->solver);
    put_weights(c);
    if (!c->pattern && !is_band(c)) return make_solver(c, t, y, error);
    return solver_restart(c->solver, t, y, error);
}

enum pl_code conduction_restart(struct conduction *c, struct pl_error **error) {
    if (c->stack.front.is) stack_switch(&c->stack, solver_state(c->solver) + 1);
    enum pl_code code = conduction_check(c, error);
    return code ? code : conduction_resume(c, solver_time(c->solver), error);
}

enum pl_code conduction_advance(struct conduction *c, double until, struct pl_error **error) {
    for (int i = 0; i < PATIENCE; i++) {
        int found = -1;
        enum pl_code code = solver_advance(c->solver, until, &found, error);
        if (code || found < 0) return code;
        if (is_limited(c)) return beyond(c, found == 0, error);
        double *y = solver_state(c->solver);
        if (found == STACK_EVENTS)
            return pl_error_set(error, PL_RANGE, "at %g s the frozen layer is %g m thick, the most that it may be",
                                solver_told(c->solver, solver_time(c->solver)), c->stack.front.most);
        if (stack_switch(&c->stack, y + 1)) code = solver_restart(c->solver, solver_time(c->solver), y, error);
        if (code) return code;
    }
    return pl_error_set(error, PL_LIMIT, "the frozen layer came and went %d times before %g s", PATIENCE,
                        solver_told(c->solver, until));
}

double conduction_carry(struct conduction *c, struct state *state) {
    int n = stack_unknowns(&c->stack);
    double *y = solver_state(c->solver), t = solver_time(c->solver);
    state_carry(state, &t);
    state_carry(state, &c->begun);
    state_carry(state, &y[0]);
    state_carry_all(state, &y[n + 1], EXTRA - 1);
    stack_carry(&c->stack, state, y + 1);
    return t;
}

const double *conduction_cells(struct conduction *c) {
    solver_speed(c->solver);
    return solver_state(c->solver) + 1;
}

double conduction_entered(struct conduction *c, bool left) {
    return solver_state(c->solver)[left ? 0 : stack_unknowns(&c->stack) + 1] * JOULE;
}

double conduction_balance(struct conduction *c) {
    int n = stack_unknowns(&c->stack);
    const double *y = solver_state(c->solver);
    double came = (y[0] + y[n + 1] + y[n + 2]) * JOULE;
    double scale = fabs(c->begun) + (fabs(y[0]) + fabs(y[n + 1]) + fabs(y[n + 2])) * JOULE;
    return scale > 0 ? fabs(stack_heat(&c->stack, y + 1) - c->begun - came) / scale : 0;
}
