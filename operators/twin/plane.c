#include "plane.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

enum { EXTRA = 2 };
static const double PI = 3.14159265358979323846, MUCH = 50; /* kg/m3: what tolerances are relative to */
static const double LAST_ROOM = 0.02; /* below saturation, as a share of it: over which at once fades to not at all */

static int cells(const struct plane *p) {
    return p->nx * p->ny;
}

static double volume(const struct plane *p) {
    return p->length / p->nx * p->width / p->ny * p->depth;
}

/* ---- Fluxes ---- */

/* The limited slope of a cell from the differences on either side of it; smooth, so that Newton's method likes it. */
static double slope(double before, double after) {
    double product = before * after;
    if (product <= 0) return 0;
    return product * (before + after) / (before * before + after * after + 1e-30);
}

/* Through the face between b and c of a, b, c, d in a row: flow * value of the upwind side - diffusion. */
static double through(double flow, double conductance, double a, double b, double c, double d) {
    double value = flow >= 0 ? b + 0.5 * slope(b - a, c - b) : c - 0.5 * slope(c - b, d - c);
    return flow * value - conductance * (c - b);
}

/* One row of cells with a stride; closed ends, or held ones. Adds to `rate` what comes in by volume of a cell. */
static void sweep(const struct plane *p, const double *c, int count, int stride, const double *flow, int flow_stride,
                  double step, double *rate, const bool *held, const double *end, double *through_ends) {
    double conductance = p->diffusivity / step;
    double before = 0;
    if (held && held[0]) {
        before = flow[0] * end[0] - 2 * conductance * (c[0] - end[0]);
        *through_ends += before;
    }
    for (int i = 0; i < count; i++) {
        const double *here = c + (long)i * stride;
        double next = 0;
        if (i + 1 < count) {
            double ghost_before = held && held[0] ? 2 * end[0] - here[0] : here[0];
            double a = i ? here[-stride] : ghost_before, after = here[stride];
            double ghost_after = held && held[1] ? 2 * end[1] - after : after;
            double d = i + 2 < count ? here[2 * stride] : ghost_after;
            next = through(flow[(long)(i + 1) * flow_stride], conductance, a, here[0], after, d);
        } else if (held && held[1]) {
            next = flow[(long)count * flow_stride] * end[1] - 2 * conductance * (end[1] - here[0]);
            *through_ends -= next;
        }
        rate[(long)i * stride] += (before - next) / step;
        before = next;
    }
}

/* What is left of a demand where little is there: nothing of it at none, and less than nothing below, so that what
 * round-off takes too much comes back. */
static double share(const struct plane *p, double c) {
    return p->least > 0 ? -expm1(-fmax(c / p->least, -1)) : 1;
}

/* 1 at none, 0 where the bath is saturated, below 0 beyond that. */
static double room(const struct plane *p, double c) {
    return p->saturation > 0 ? 1 - c / p->saturation : 1;
}

static int rate(double t, const double *y, double *rate, void *self) {
    (void)t;
    struct plane *p = self;
    int n = cells(p);
    double taken = 0, ends = 0;
    for (int i = 0; i < n; i++) {
        double c = y[2 * i], m = y[2 * i + 1];
        double slow = room(p, c), takes = p->demand * share(p, c) + p->loss * c;
        /* What is beyond saturation falls out. */
        double dissolving = slow > 0 ? p->dissolution * m * slow : p->dissolution * p->saturation * slow;
        double at_once = p->feed * fmin(fmax(slow, 0) / LAST_ROOM, 1);
        rate[2 * i] = dissolving + at_once - takes;
        rate[2 * i + 1] = p->feed - at_once - dissolving;
        taken += takes - p->feed;
    }
    for (int j = 0; j < p->ny; j++)
        sweep(p, y + 2L * j * p->nx, p->nx, 2, p->along + (long)j * (p->nx + 1), 1, p->length / p->nx,
              rate + 2L * j * p->nx, p->held, p->end, &ends);
    for (int i = 0; i < p->nx && p->ny > 1; i++)
        sweep(p, y + 2L * i, p->ny, 2 * p->nx, p->across + i, p->nx, p->width / p->ny, rate + 2L * i, NULL, NULL,
              &ends);
    rate[2 * n] = taken * volume(p);
    rate[2 * n + 1] = ends * p->width / p->ny * p->depth;
    return isfinite(rate[0]) ? 0 : 1;
}

/* ---- Life cycle ---- */

static double stream(const struct plane *p, double x, double y) {
    double scale = p->circulation * fmin(p->length / p->loops, p->width) / PI;
    return scale * sin(PI * p->loops * x / p->length) * sin(PI * y / p->width);
}

static void make_flow(struct plane *p) {
    double dx = p->length / p->nx, dy = p->width / p->ny;
    for (int j = 0; j < p->ny; j++)
        for (int i = 0; i <= p->nx; i++)
            p->along[j * (p->nx + 1) + i] =
                p->speed + (stream(p, i * dx, (j + 1) * dy) - stream(p, i * dx, j * dy)) / dy;
    for (int j = 0; j <= p->ny; j++)
        for (int i = 0; i < p->nx; i++)
            p->across[j * p->nx + i] = -(stream(p, (i + 1) * dx, j * dy) - stream(p, i * dx, j * dy)) / dx;
}

/* The two neighbours in each direction, and what dissolves in the cell itself. What is taken follows from the sum. */
static bool make_pattern(struct plane *p) {
    int n = cells(p);
    p->pattern = pattern_new(2L * n + EXTRA);
    if (!p->pattern) return false;
    for (int j = 0; j < p->ny; j++) {
        for (int i = 0; i < p->nx; i++) {
            long row = 2L * (j * p->nx + i);
            for (int k = -2; k <= 2; k++) {
                if (i + k >= 0 && i + k < p->nx) pattern_add(p->pattern, row, row + 2L * k);
                if (j + k >= 0 && j + k < p->ny) pattern_add(p->pattern, row, row + 2L * k * p->nx);
            }
            pattern_add_block(p->pattern, row, 2, row, 2);
        }
    }
    for (int j = 0; j < p->ny; j++) {
        if (p->held[0]) pattern_add(p->pattern, 2L * n + 1, 2L * j * p->nx);
        if (p->held[1]) pattern_add(p->pattern, 2L * n + 1, 2L * ((j + 1) * p->nx - 1));
    }
    pattern_close(p->pattern, 2L * n);
    return pattern_finish(p->pattern);
}

/* Of plane_balance. */
static void put_weights(struct plane *p) {
    int n = cells(p);
    for (int k = 0; k < 2 * n; k++)
        p->weights[k] = volume(p);
    p->weights[2 * n] = 1;
    p->weights[2 * n + 1] = -1;
}

static enum pl_code make_solver(struct plane *p, struct pl_error **error) {
    long n = 2L * cells(p) + EXTRA;
    double relative = p->tolerance > 0 ? p->tolerance : 1e-6;
    double *absolutes = pl_alloc((size_t)n * sizeof *absolutes);
    if (!absolutes) return pl_error_set(error, PL_NO_MEMORY, "no memory for %ld tolerances", n);
    for (long i = 0; i < n; i++)
        absolutes[i] = i < n - EXTRA ? relative * MUCH * 0.1 : 1e6;
    struct solver_problem problem = {.size = n,
                                     .model = p,
                                     .rate = rate,
                                     .pattern = p->pattern,
                                     .weights = p->weights,
                                     .relative = relative,
                                     .absolute = absolutes[0],
                                     .absolutes = absolutes};
    enum pl_code code = solver_new(&p->solver, &problem, 0, p->y, error);
    pl_free(absolutes);
    return code;
}

enum pl_code plane_open(struct plane *p, double (*start)(double x, double y, void *context), void *context,
                        struct pl_error **error) {
    if (p->nx < 1 || p->ny < 1 || cells(p) > PLANE_CELLS)
        return pl_error_set(error, PL_RANGE, "%d by %d volumes: 1 to %d are possible", p->nx, p->ny, PLANE_CELLS);
    size_t n = (size_t)cells(p), along = (size_t)(p->nx + 1) * (size_t)p->ny,
           across = (size_t)p->nx * (size_t)(p->ny + 1);
    p->memory = pl_alloc((along + across + 2 * (2 * n + EXTRA)) * sizeof *p->memory);
    if (!p->memory || !make_pattern(p)) return pl_error_set(error, PL_NO_MEMORY, "no memory for %zu volumes", n);
    p->along = p->memory;
    p->across = p->along + along;
    p->y = p->across + across;
    p->weights = p->y + 2 * n + EXTRA;
    put_weights(p);
    if (p->loops < 1) p->loops = 1;
    make_flow(p);
    for (int j = 0; j < p->ny; j++)
        for (int i = 0; i < p->nx; i++)
            p->y[2 * (j * p->nx + i)] = start((i + 0.5) * p->length / p->nx, (j + 0.5) * p->width / p->ny, context);
    enum pl_code code = make_solver(p, error);
    if (!code) p->begun = plane_dissolved(p);
    return code;
}

void plane_close(struct plane *p) {
    solver_free(p->solver);
    pattern_free(p->pattern);
    pl_free(p->memory);
    p->solver = NULL;
    p->pattern = NULL;
    p->memory = NULL;
}

enum pl_code plane_advance(struct plane *p, double until, struct pl_error **error) {
    return solver_advance(p->solver, until, NULL, error);
}

enum pl_code plane_restart(struct plane *p, struct pl_error **error) {
    make_flow(p);
    return solver_restart(p->solver, solver_time(p->solver), solver_state(p->solver), error);
}

enum pl_code plane_shot(struct plane *p, double x, double y, double radius, double kilograms, double at_once,
                        struct pl_error **error) {
    double *state = solver_state(p->solver), sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < cells(p); k++) {
            int i = k % p->nx, j = k / p->nx;
            double dx = (i + 0.5) * p->length / p->nx - x, dy = (j + 0.5) * p->width / p->ny - y;
            double weight = exp(-(dx * dx + dy * dy) / (radius * radius)) + 1e-12;
            if (pass == 0) sum += weight;
            double brought = kilograms * weight / sum / volume(p);
            if (pass == 0) continue;
            double most = p->saturation > 0 ? fmax(p->saturation - state[2 * k], 0) : INFINITY;
            double dissolves = fmin(at_once * brought, most);
            state[2 * k] += dissolves;
            state[2 * k + 1] += dissolves < most ? (1 - at_once) * brought : brought - dissolves;
        }
    }
    p->entered += kilograms;
    return solver_restart(p->solver, solver_time(p->solver), state, error);
}

/* ---- State ---- */

/* How much of new cell k lies in old cell i, as a share of the old one. */
static double shared(int i, int count, int k, int new_count) {
    double from = fmax((double)i / count, (double)k / new_count), to = fmin((i + 1.0) / count, (k + 1.0) / new_count);
    return i == k && count == new_count ? 1 : fmax(to - from, 0) * count;
}

/* Amounts by depth stay what they are. */
static void spread(struct plane *p, const double *old, int nx, int ny, double *y) {
    double ratio = (double)cells(p) / (nx * ny); /* of the volume of an old cell to a new one */
    for (int j = 0; j < p->ny; j++)
        for (int i = 0; i < p->nx; i++)
            for (int which = 0; which < 2; which++) {
                double sum = 0;
                for (int b = j * ny / p->ny; b < ny && b * p->ny < (j + 1) * ny; b++)
                    for (int a = i * nx / p->nx; a < nx && a * p->nx < (i + 1) * nx; a++)
                        sum += old[2 * (b * nx + a) + which] * shared(a, nx, i, p->nx) * shared(b, ny, j, p->ny);
                y[2 * (j * p->nx + i) + which] = nx == p->nx && ny == p->ny ? sum : sum * ratio;
            }
}

double plane_carry(struct plane *p, struct state *state) {
    double t = solver_time(p->solver), *y = solver_state(p->solver), old[2 * PLANE_CELLS];
    int nx = p->nx, ny = p->ny, n = cells(p);
    state_carry(state, &t);
    state_carry(state, &p->begun);
    state_carry(state, &p->entered);
    state_carry_all(state, y + 2L * n, EXTRA);
    state_carry_whole(state, &nx, 1, PLANE_CELLS);
    state_carry_whole(state, &ny, 1, PLANE_CELLS / nx);
    if (!state_loads(state)) {
        state_carry_all(state, y, 2 * (size_t)n);
        return t;
    }
    state_carry_all(state, old, 2 * (size_t)nx * (size_t)ny);
    if (!state->bad) spread(p, old, nx, ny, y);
    return t;
}

enum pl_code plane_resume(struct plane *p, double t, struct pl_error **error) {
    make_flow(p);
    return solver_restart(p->solver, t, solver_state(p->solver), error);
}

/* ---- Reading ---- */

double plane_cell(struct plane *p, int i, int j) {
    return solver_state(p->solver)[2 * (j * p->nx + i)];
}

/* Between centres; beyond the last one what it holds. */
double plane_at(struct plane *p, double x, double y) {
    double u = fmin(fmax(x / p->length * p->nx - 0.5, 0), p->nx - 1),
           v = fmin(fmax(y / p->width * p->ny - 0.5, 0), p->ny - 1);
    int i = (int)fmin(u, p->nx - 2 > 0 ? p->nx - 2 : 0), j = (int)fmin(v, p->ny - 2 > 0 ? p->ny - 2 : 0);
    double a = u - i, b = v - j;
    int ii = i + 1 < p->nx ? i + 1 : i, jj = j + 1 < p->ny ? j + 1 : j;
    return (1 - b) * ((1 - a) * plane_cell(p, i, j) + a * plane_cell(p, ii, j)) +
           b * ((1 - a) * plane_cell(p, i, jj) + a * plane_cell(p, ii, jj));
}

static double sum(struct plane *p, int which) {
    const double *y = solver_state(p->solver);
    double all = 0;
    for (int i = 0; i < cells(p); i++)
        all += y[2 * i + which];
    return all * volume(p);
}

double plane_dissolved(struct plane *p) {
    return sum(p, 0);
}

double plane_undissolved(struct plane *p) {
    return sum(p, 1);
}

double plane_taken(struct plane *p) {
    return solver_state(p->solver)[2 * cells(p)];
}

double plane_balance(struct plane *p) {
    const double *y = solver_state(p->solver);
    double taken = y[2 * cells(p)], ends = y[2 * cells(p) + 1];
    double wrong = plane_dissolved(p) + plane_undissolved(p) - p->begun - p->entered + taken - ends;
    return fabs(wrong) / fmax(fabs(p->begun) + p->entered + fabs(taken) + fabs(ends), 1e-300);
}

void plane_range(struct plane *p, double *low, double *high) {
    const double *y = solver_state(p->solver);
    *low = *high = y[0];
    for (int i = 1; i < cells(p); i++) {
        *low = fmin(*low, y[2 * i]);
        *high = fmax(*high, y[2 * i]);
    }
}

double plane_fullest(struct plane *p) {
    const double *y = solver_state(p->solver);
    double most = 0;
    for (int i = 0; i < cells(p); i++)
        most = fmax(most, y[2 * i] + y[2 * i + 1]);
    return most;
}
