#include "layer.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

/* Unknowns: overpotential (with a known current), passed at the electrode, cells, passed on the far side. */
static int head(const struct layer *l) {
    return l->control == LAYER_CURRENT ? 2 : 1;
}

/* What is before the cells in the solver's state: `control` may have been changed since it was made. */
static int head_there(const struct layer *l) {
    return solver_size(l->solver) == l->cells + 3 ? 2 : 1;
}

static int unknowns(const struct layer *l) {
    return head(l) + l->cells + 1;
}

/* What is much, of a concentration, now. What has passed is told in what was much at the start (`whole`). */
static double unit(const struct layer *l) {
    double most = fmax(l->bulk, l->scale);
    return most > 0 ? most : 1;
}

static double charge(const struct layer *l) {
    return l->electrons * KINETICS_FARADAY;
}

/* mol by m2 of current for a step from the first centre to the surface. */
static double near(const struct layer *l) {
    return l->width[0] / 2 / (charge(l) * l->diffusivity);
}

/* ---- Equations ---- */

static double current_at(const struct layer *l, double first) {
    if (l->control == LAYER_CURRENT) return l->current;
    if (l->control == LAYER_DEPLETED) return first / near(l);
    struct kinetics_line line = l->line ? l->line(l, l->context) : kinetics_line(&l->kinetics, l->potential);
    /* i = a (c1 - near i) - b, without the overflow of a large a. */
    return line.a > 1 ? (first - line.b / line.a) / (1 / line.a + near(l))
                      : (line.a * first - line.b) / (1 + line.a * near(l));
}

static void diffuse(const struct layer *l, double t, const double *c, double current, double *rate, double *passed_near,
                    double *passed_far) {
    double flux = -current / charge(l); /* away from the electrode */
    *passed_near = flux / l->whole;
    for (int i = 0; i < l->cells; i++) {
        double next, speed = l->diffusivity * l->gate[i];
        if (i + 1 < l->cells)
            next = speed * (c[i] - c[i + 1]) * 2 / (l->width[i] + l->width[i + 1]);
        else
            next = l->closed ? 0 : speed * (c[i] - l->bulk) * 2 / l->width[i];
        rate[i] = (flux - next) / l->volume[i];
        if (l->source) rate[i] += l->source(t, l->place[i], l->context);
        flux = next;
    }
    *passed_far = -flux / l->whole;
}

static int rate(double t, const double *y, double *rate, void *self) {
    struct layer *l = self;
    if (l->drive) l->drive(t, l, l->context);
    diffuse(l, t, y + 1, current_at(l, y[1]), rate + 1, &rate[0], &rate[1 + l->cells]);
    return isfinite(rate[1]) ? 0 : 1;
}

static int residual(double t, const double *y, const double *speed, double *out, void *self) {
    struct layer *l = self;
    if (l->drive) l->drive(t, l, l->context);
    diffuse(l, t, y + 2, l->current, out + 2, &out[1], &out[2 + l->cells]);
    for (int i = 1; i < unknowns(l); i++)
        out[i] -= speed[i];
    double surface = y[2] - near(l) * l->current;
    struct kinetics_line line = kinetics_line(&l->kinetics, y[0]);
    /* Scaled by what the current is made of, so that neither small nor large ones are lost. */
    out[0] = (line.a * surface - line.b - l->current) / (line.a * fabs(surface) + line.b + fabs(l->current));
    return isfinite(out[0]) && fabs(y[0]) < 20 ? 0 : 1;
}

static int event(double t, const double *y, double *value, void *self) {
    struct layer *l = self;
    if (l->drive) l->drive(t, l, l->context);
    if (l->control == LAYER_DEPLETED) {
        /* Diffusion brings what the current takes again, with some to spare: else it would be taken at once. */
        value[0] = 1.01 * l->current + 2 * l->least / near(l) - y[1] / near(l);
        return 0;
    }
    double first = y[head(l)];
    value[0] = first - near(l) * current_at(l, first) - l->least;
    return 0;
}

/* ---- Life cycle ---- */

/* How much wider a shell is at a distance from the electrode than at it. */
static double wider(const struct layer *l, double x) {
    return l->radius > 0 ? 1 + x / l->radius : 1;
}

/* How much more than diffusion alone the solution carries at a distance from the electrode. */
static double mixed(const struct layer *l, double x) {
    const double EDDIES = 1.507;
    return l->mixing > 0 ? 1 + EDDIES * pow(x / l->mixing, 4) : 1;
}

enum pl_code layer_place(struct layer *l, struct pl_error **error) {
    if (l->memory) return PL_OK;
    if (l->cells < 2 || l->cells > LAYER_CELLS)
        return pl_error_set(error, PL_RANGE, "%d cells in a layer: 2 to %d are possible", l->cells, LAYER_CELLS);
    size_t n = (size_t)l->cells;
    l->memory = pl_alloc((4 * n + n + 3) * sizeof *l->memory);
    if (!l->memory) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d cells", l->cells);
    l->width = l->memory;
    l->place = l->memory + n;
    l->volume = l->memory + 2 * n;
    l->gate = l->memory + 3 * n;
    l->y = l->memory + 4 * n;
    double growth = l->growth > 0 ? l->growth : 1, from = 0;
    bool even = fabs(growth - 1) < 1e-9;
    double width = even ? l->thickness / l->cells : l->thickness * (growth - 1) / (pow(growth, l->cells) - 1);
    for (int i = 0; i < l->cells; i++) {
        l->width[i] = width;
        l->place[i] = from + width / 2;
        double near_side = wider(l, from), far_side = wider(l, from + width);
        l->gate[i] = far_side * far_side * mixed(l, from + width);
        l->volume[i] = width * (near_side * near_side + near_side * far_side + far_side * far_side) / 3;
        from += width;
        width *= growth;
    }
    return PL_OK;
}

static enum pl_code make_solver(struct layer *l, double t, struct pl_error **error) {
    double relative = l->tolerance > 0 ? l->tolerance : 1e-6;
    double absolutes[LAYER_CELLS + 3], differential[LAYER_CELLS + 3];
    int n = unknowns(l);
    for (int i = 0; i < n; i++) {
        absolutes[i] = relative * 1e-2 * unit(l);
        differential[i] = 1;
    }
    absolutes[head(l) - 1] = absolutes[n - 1] = 1e3; /* of balances: they steer nothing */
    bool implicit = l->control == LAYER_CURRENT;
    if (implicit) {
        absolutes[0] = relative;
        differential[0] = 0;
    }
    struct solver_problem problem = {.size = n,
                                     .model = l,
                                     .rate = implicit ? NULL : rate,
                                     .residual = implicit ? residual : NULL,
                                     .differential = differential,
                                     .lower = 2,
                                     .upper = 2,
                                     .events = l->least > 0,
                                     .event = event,
                                     .relative = relative,
                                     .absolute = absolutes[n - 2],
                                     .absolutes = absolutes};
    struct solver *solver;
    enum pl_code code = solver_new(&solver, &problem, t, l->y, error);
    if (code) return code; /* the old one can still be read */
    if (l->solver) solver_succeed(solver, l->solver);
    solver_free(l->solver);
    l->solver = solver;
    return PL_OK;
}

static double amount(const struct layer *l, const double *c) {
    double sum = 0;
    for (int i = 0; i < l->cells; i++)
        sum += c[i] * l->volume[i];
    return sum;
}

/* A first guess of the overpotential, so that the algebraic unknown starts near its place. */
static void guess(struct layer *l, double first) {
    if (l->control != LAYER_CURRENT) return;
    if (l->drive) l->drive(l->solver ? solver_time(l->solver) : 0, l, l->context);
    double surface = first - near(l) * l->current;
    l->y[0] = kinetics_overpotential(&l->kinetics, l->current, fmax(surface, 1e-6 * l->bulk));
}

enum pl_code layer_open_at(struct layer *l, const double *start, struct pl_error **error) {
    memcpy(l->y + head(l), start, (size_t)l->cells * sizeof *start);
    l->begun = amount(l, start);
    l->whole = unit(l) * l->thickness;
    guess(l, start[0]);
    return make_solver(l, 0, error);
}

enum pl_code layer_open(struct layer *l, double start, struct pl_error **error) {
    enum pl_code code = layer_place(l, error);
    if (code) return code;
    double *all = pl_alloc((size_t)l->cells * sizeof *all);
    if (!all) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d cells", l->cells);
    for (int i = 0; i < l->cells; i++)
        all[i] = start;
    code = layer_open_at(l, all, error);
    pl_free(all);
    return code;
}

void layer_close(struct layer *l) {
    solver_free(l->solver);
    pl_free(l->memory);
    l->solver = NULL;
    l->memory = NULL;
}

enum pl_code layer_advance(struct layer *l, double until, bool *depleted, struct pl_error **error) {
    int found = -1;
    enum pl_code code = solver_advance(l->solver, until, &found, error);
    if (depleted) *depleted = found >= 0;
    return code;
}

enum pl_code layer_restart(struct layer *l, struct pl_error **error) {
    /* With what is known the number of unknowns may have changed: the cells stay, and what has passed. */
    double t = solver_time(l->solver);
    const double *old = solver_state(l->solver) + head_there(l) - 1;
    memmove(l->y + head(l) - 1, old, ((size_t)l->cells + 2) * sizeof *old);
    guess(l, l->y[head(l)]);
    return make_solver(l, t, error);
}

void layer_allow(struct layer *l, const struct pl_model_allowance *allowance) {
    solver_allow(l->solver, allowance);
}

/* ---- State ---- */

double layer_carry(struct layer *l, struct state *state) {
    double t = solver_time(l->solver), width[LAYER_CELLS], amount[LAYER_CELLS];
    const double *there = solver_state(l->solver) + head_there(l) - 1; /* passed, cells, passed */
    double passed[] = {there[0] * l->whole, there[1 + l->cells] * l->whole};
    int count = l->cells, control = (int)l->control;
    for (int i = 0; i < count; i++) {
        width[i] = l->width[i];
        amount[i] = there[1 + i] * l->volume[i];
    }
    state_carry(state, &t);
    state_carry(state, &l->begun);
    state_carry_whole(state, &control, LAYER_CURRENT, LAYER_DEPLETED);
    state_carry_all(state, passed, 2);
    state_carry_whole(state, &count, 2, LAYER_CELLS);
    state_carry_all(state, width, (size_t)count);
    state_carry_all(state, amount, (size_t)count);
    for (int i = 0; i < count; i++)
        state->bad = state->bad || !(width[i] > 0);
    if (!state_loads(state) || state->bad) return t;
    l->control = (enum layer_control)control;
    double *y = l->y + head(l) - 1;
    state_spread(width, amount, count, l->width, y + 1, l->cells);
    for (int i = 0; i < l->cells; i++)
        y[1 + i] /= l->volume[i];
    y[0] = passed[0] / l->whole;
    y[1 + l->cells] = passed[1] / l->whole;
    return t;
}

enum pl_code layer_resume(struct layer *l, double t, struct pl_error **error) {
    guess(l, l->y[head(l)]);
    return make_solver(l, t, error);
}

/* ---- Reading ---- */

const double *layer_cells(struct layer *l) {
    return solver_state(l->solver) + head_there(l);
}

double layer_current(struct layer *l) {
    if (l->drive) l->drive(solver_time(l->solver), l, l->context);
    return current_at(l, layer_cells(l)[0]);
}

double layer_surface(struct layer *l) {
    return layer_cells(l)[0] - near(l) * layer_current(l);
}

double layer_potential(struct layer *l) {
    return l->control == LAYER_CURRENT ? solver_state(l->solver)[0] : l->potential;
}

double layer_balance(struct layer *l) {
    const double *y = solver_state(l->solver);
    double near_by = y[head_there(l) - 1] * l->whole, far = y[head_there(l) + l->cells] * l->whole;
    return fabs(amount(l, layer_cells(l)) - l->begun - near_by - far) /
           fmax(l->begun + fabs(near_by) + fabs(far), 1e-300);
}

double layer_limit(const struct layer *l) {
    return charge(l) * l->diffusivity * l->bulk / l->thickness;
}

double complex layer_response(const struct layer *l, double hertz) {
    double complex w = 2 * 3.14159265358979323846 * hertz * I;
    /* From the far side: the admittance of all cells behind a face, cell by cell. */
    double complex admittance = l->closed ? 0 : 2 * l->diffusivity * l->gate[l->cells - 1] / l->width[l->cells - 1];
    for (int i = l->cells - 1; i >= 0; i--) {
        double complex here = admittance + w * l->volume[i]; /* flux into the cell's centre by its concentration */
        double resistance = (i ? (l->width[i] + l->width[i - 1]) / l->gate[i - 1] : l->width[0]) / 2 / l->diffusivity;
        admittance = 1 / (1 / here + resistance);
    }
    return 1 / admittance;
}
