#include "cell.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

/* Unknowns: heat of bath and metal (MJ), masses (kg), the two walls, the lining, net heat out (MJ), alumina consumed.
 */
enum { PATIENCE = 400 };
static const double MEGA = 1e6, HOTTEST = 1150, COLDEST = 850, LEAST_BATH = 0.2, LEAST_METAL = 0.01;
static const double NEAREST = 0.1, FARTHEST = 20, MOST_FLUORIDE = 30; /* cm, cm, wt% of excess */
static const double LAST_ROOM = 0.02; /* below saturation, as a share of it: over which at once fades to not at all */
static const double METAL_BY_CHARGE = 9.3214647e-8, ALUMINA_BY_CHARGE = 1.7612362e-7; /* kg/C */

double cell_capacity(const struct cell *c, const double *y) {
    const struct cell_setup *s = &c->set;
    double bath = y[CELL_ALUMINA] + y[CELL_FLUORIDE] + y[CELL_CRYOLITE] + s->calcium + s->lithium + s->magnesium;
    return bath * s->bath_capacity + y[CELL_METAL] * s->metal_capacity;
}

double cell_temperature(const struct cell *c, const double *y) {
    return c->zero + y[CELL_HEAT] * MEGA / cell_capacity(c, y);
}

/* ---- Equations ---- */

static void find_bath(struct cell *c, const double *y) {
    const struct cell_setup *s = &c->set;
    struct cell_flows *f = &c->flows;
    f->bath_mass = y[CELL_ALUMINA] + y[CELL_FLUORIDE] + y[CELL_CRYOLITE] + s->calcium + s->lithium + s->magnesium;
    double percent = 100 / f->bath_mass;
    f->bath = (struct bath){.alumina = fmax(y[CELL_ALUMINA] * percent, 0),
                            .excess = y[CELL_FLUORIDE] * percent,
                            .calcium = s->calcium * percent,
                            .lithium = s->lithium * percent,
                            .magnesium = s->magnesium * percent,
                            .t = cell_temperature(c, y)};
    f->liquidus = bath_liquidus(&f->bath);
}

double cell_still_cold(const struct cell *c, double t) {
    return c->set.cold != 0 ? exp(-(t - c->since) / VOLTAGE_ANODE_WARMS) : 1;
}

static double distance_at(const struct cell *c, double t) {
    return c->set.distance + c->set.drift * (t - c->since);
}

static void find_electric(struct cell *c, double t) {
    const struct cell_setup *s = &c->set;
    struct cell_flows *f = &c->flows;
    f->voltage = voltage_of(&s->voltage, &f->bath, s->current, fmax(distance_at(c, t), NEAREST));
    double cold = fmin(s->cold * cell_still_cold(c, t), s->voltage.anodes / 2.0); /* not most of them */
    f->cold = cold * voltage_by_cold_anode(&s->voltage, &f->voltage, f->bath.t);
    f->u = f->voltage.total + f->cold + (c->effect ? s->effect_voltage : 0);
    double superheat = f->bath.t - f->liquidus;
    f->efficiency = s->efficiency - 0.00131737 * (superheat - 9) + 0.00263562 * (f->bath.excess - 11) +
                    0.00832484 * f->bath.lithium;
    f->efficiency = fmin(fmax(f->efficiency, 0), 1) * -expm1(-f->bath.alumina / 0.05); /* nothing is made of nothing */
    f->made = METAL_BY_CHARGE * f->efficiency * s->current;
    f->taken = ALUMINA_BY_CHARGE * f->efficiency * s->current;
    double enthalpy = s->current > 0 ? (0.48 + 1.65 * f->efficiency) * s->current : 0;
    f->heat = s->current * (f->u - f->voltage.external) - enthalpy + s->feed_heat * f->taken;
}

static int wall_rate(struct cell *c, int k, const double *y, double *rate) {
    struct stack *w = &c->wall[k];
    w->front.melt = c->flows.bath.t;
    w->front.freezing = c->flows.liquidus;
    if (stack_rate(w, y + c->at[k], rate + c->at[k])) return 1;
    c->flows.wall[k] = c->set.wall_area[k] * stack_from_melt(w);
    rate[CELL_CRYOLITE] -= c->set.wall_area[k] * w->layer[0].material.density * w->front.speed;
    return 0;
}

/* The lowest cell of the cathode blocks. */
static int below(const struct cell *c) {
    return c->lining.layer[0].cells - 1;
}

/* kg/s of what is fed that dissolve at once, and of what lies about that dissolve; below 0: what falls out again, since
 * the bath has become too cold or too small for it. */
static double find_dissolving(const struct cell *c, const double *y, double *at_once) {
    const struct cell_setup *s = &c->set;
    double saturated = c->flows.bath.alumina / bath_saturation(&c->flows.bath), room = 1 - saturated;
    *at_once = s->at_once * s->feed * fmin(fmax(room, 0) / LAST_ROOM, 1);
    return room > 0 ? s->dissolution * y[CELL_UNDISSOLVED] * room : s->dissolution * y[CELL_ALUMINA] * room / saturated;
}

static int rate(double t, const double *y, double *rate, void *self) {
    struct cell *c = self;
    const struct cell_setup *s = &c->set;
    struct cell_flows *f = &c->flows;
    find_bath(c, y);
    if (!(f->bath_mass > 10) || !(f->bath.t > 200) || !(f->bath.t < 3000) || !(y[CELL_METAL] > 0)) {
        c->limit = "bath or metal is gone, or as hot or cold as the equations do not mean";
        return 1;
    }
    find_electric(c, t);
    double cathode = s->cathode_share * s->current * f->voltage.cathode;
    double at_once, dissolving = find_dissolving(c, y, &at_once);
    rate[CELL_ALUMINA] = at_once + dissolving - f->taken;
    rate[CELL_UNDISSOLVED] = s->feed - at_once - dissolving;
    rate[CELL_FLUORIDE] = s->fluoride_feed - s->fluoride_loss * s->feed;
    rate[CELL_CRYOLITE] = s->cryolite_gain * s->feed;
    rate[CELL_METAL] = f->made - s->tapping;
    c->lining.left.temperature = f->bath.t;
    c->lining.loss[below(c)] = (s->bars + s->edges) / s->bottom_area;
    for (int i = 0; i < c->lining.cells && c->lining.of[i] == 0; i++)
        c->lining.source[i] = cathode / s->bottom_area * c->lining.volume[i] / c->lining.layer[0].thickness;
    c->limit = "a wall or the lining has no temperature";
    if (wall_rate(c, 0, y, rate) || wall_rate(c, 1, y, rate) ||
        stack_rate(&c->lining, y + c->lining_at, rate + c->lining_at))
        return 1;
    c->limit = NULL;
    f->bottom = s->bottom_area * c->lining.flux[0];
    f->top = s->top * (f->bath.t - s->gas);
    f->bars = s->bars * (c->lining.t[below(c)] - c->lining.loss_to);
    f->edges = s->edges * (c->lining.t[below(c)] - c->lining.loss_to);
    double cold = s->feed_heat * (at_once + dissolving) + s->metal_capacity * (f->bath.t - c->zero) * s->tapping;
    double inside = f->heat - cathode - cold - f->top;
    rate[CELL_HEAT] = (inside - f->wall[0] - f->wall[1] - f->bottom) / MEGA;
    f->out = -inside - cathode + f->bars + f->edges + s->bottom_area * c->lining.flux[c->lining.cells];
    for (int k = 0; k < CELL_WALLS; k++)
        f->out += s->wall_area[k] * c->wall[k].flux[c->wall[k].cells];
    rate[c->net] = f->out / MEGA;
    rate[c->consumed] = f->taken;
    return isfinite(rate[CELL_HEAT]) ? 0 : 1;
}

static int event(double t, const double *y, double *value, void *self) {
    struct cell *c = self;
    find_bath(c, y);
    find_electric(c, t);
    for (int k = 0; k < CELL_WALLS; k++) {
        c->wall[k].front.melt = c->flows.bath.t;
        c->wall[k].front.freezing = c->flows.liquidus;
        stack_events(&c->wall[k], y + c->at[k], value + k * STACK_EVENTS);
        value[CELL_THICK_0 + k] = c->wall[k].front.most - y[c->at[k] + c->wall[k].cells];
    }
    value[CELL_HOT] = HOTTEST - c->flows.bath.t;
    value[CELL_COLD] = c->flows.bath.t - COLDEST;
    value[CELL_EMPTY] = y[CELL_CRYOLITE] / c->begun_cryolite - LEAST_BATH;
    value[CELL_DRY] = y[CELL_METAL] / c->begun_metal - LEAST_METAL;
    value[CELL_TOUCH] = distance_at(c, t) - NEAREST;
    value[CELL_FAR] = FARTHEST * (1 + 1e-9) - distance_at(c, t);
    value[CELL_ACID] = MOST_FLUORIDE - c->flows.bath.excess;
    /* An effect ends with more alumina than it began with. */
    value[CELL_EFFECT] = c->effect ? 0.05 - c->flows.voltage.margin : c->flows.voltage.margin;
    if (c->set.current == 0) value[CELL_EFFECT] = 1;
    return 0;
}

double cell_room(struct cell *c, const double *y) {
    find_bath(c, y);
    return fmax(bath_saturation(&c->flows.bath) - c->flows.bath.alumina, 0) / 100 * c->flows.bath_mass;
}

double cell_liquidus(struct cell *c, const double *y) {
    find_bath(c, y);
    return c->flows.liquidus;
}

void cell_flows(struct cell *c, const double *y) {
    find_bath(c, y);
    find_electric(c, c->since);
}

/* ---- Life cycle ---- */

static void lay_out(struct cell *c) {
    c->at[0] = CELL_STACKS;
    c->at[1] = c->at[0] + stack_unknowns(&c->wall[0]);
    c->lining_at = c->at[1] + stack_unknowns(&c->wall[1]);
    c->net = c->lining_at + stack_unknowns(&c->lining);
    c->consumed = c->net + 1;
    c->size = c->consumed + 1;
}

static bool make_pattern(struct cell *c) {
    struct pattern *p = c->pattern = pattern_new(c->size);
    if (!p) return false;
    pattern_add_block(p, 0, CELL_STACKS, 0, CELL_STACKS);
    pattern_add_block(p, c->net, 2, 0, CELL_STACKS);
    for (int k = 0; k < CELL_WALLS; k++) {
        int first = c->at[k], cells = c->wall[k].cells, front = first + cells, moving = c->wall[k].layer[0].cells;
        stack_pattern(&c->wall[k], p, first);
        pattern_add_block(p, first, moving, 0, CELL_STACKS);
        pattern_add_block(p, front, 1, 0, CELL_STACKS);
        const int rows[] = {CELL_HEAT, CELL_CRYOLITE};
        for (unsigned i = 0; i < PL_COUNT_OF(rows); i++) {
            pattern_add(p, rows[i], first);
            pattern_add(p, rows[i], front);
        }
        pattern_add(p, c->net, first + cells - 1);
    }
    stack_pattern(&c->lining, p, c->lining_at);
    pattern_add_block(p, c->lining_at, c->lining.layer[0].cells, 0, CELL_STACKS);
    pattern_add(p, CELL_HEAT, c->lining_at);
    pattern_add(p, c->net, c->lining_at + c->lining.cells - 1);
    pattern_add(p, c->net, c->lining_at + below(c));
    return pattern_finish(p);
}

static enum pl_code make_solver(struct cell *c, struct pl_error **error) {
    double relative = c->tolerance, *absolutes = pl_alloc((size_t)c->size * sizeof *absolutes);
    if (!absolutes) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d tolerances", c->size);
    for (int i = 0; i < c->size; i++)
        absolutes[i] = 10 * relative;
    for (int i = 0; i < CELL_STACKS; i++)
        absolutes[i] = relative * 1000; /* MJ, kg */
    for (int k = 0; k < CELL_WALLS; k++)
        absolutes[c->at[k] + c->wall[k].cells] = relative * 0.01;
    absolutes[c->net] = absolutes[c->consumed] = 1e4;
    struct solver_problem problem = {.size = c->size,
                                     .model = c,
                                     .rate = rate,
                                     .pattern = c->pattern,
                                     .events = CELL_EVENTS,
                                     .event = event,
                                     .relative = relative,
                                     .absolute = absolutes[0],
                                     .absolutes = absolutes,
                                     .limit = &c->limit};
    enum pl_code code = solver_new(&c->solver, &problem, 0, c->y, error);
    pl_free(absolutes);
    return code;
}

static double heat_of(const struct cell *c, const double *y) {
    double sum = y[CELL_HEAT] * MEGA + c->set.bottom_area * stack_heat(&c->lining, y + c->lining_at);
    for (int k = 0; k < CELL_WALLS; k++)
        sum += c->set.wall_area[k] * stack_heat(&c->wall[k], y + c->at[k]);
    return sum;
}

enum pl_code cell_open(struct cell *c, const double *start, struct pl_error **error) {
    lay_out(c);
    c->y = pl_alloc((size_t)c->size * sizeof *c->y);
    if (!c->y || !make_pattern(c)) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d unknowns", c->size);
    memcpy(c->y, start, CELL_STACKS * sizeof *start);
    for (int k = 0; k < CELL_WALLS; k++)
        stack_start_profile(&c->wall[k], c->y + c->at[k], c->wall[k].t);
    stack_start_profile(&c->lining, c->y + c->lining_at, c->lining.t);
    find_bath(c, c->y);
    find_electric(c, 0);
    c->effect = c->flows.voltage.effect;
    c->begun_heat = heat_of(c, c->y);
    c->begun_cryolite = c->y[CELL_CRYOLITE];
    c->begun_alumina = c->y[CELL_ALUMINA] + c->y[CELL_UNDISSOLVED];
    c->begun_metal = c->y[CELL_METAL];
    return make_solver(c, error);
}

void cell_close(struct cell *c) {
    solver_free(c->solver);
    pattern_free(c->pattern);
    pl_free(c->y);
    for (int k = 0; k < CELL_WALLS; k++)
        stack_fini(&c->wall[k]);
    stack_fini(&c->lining);
}

/* ---- Advancing ---- */

static enum pl_code beyond(const struct cell *c, int found, struct pl_error **error) {
    double t = solver_told(c->solver, solver_time(c->solver));
    if (found == CELL_HOT) return pl_error_set(error, PL_RANGE, "at %g s the bath is hotter than %g deg C", t, HOTTEST);
    if (found == CELL_COLD)
        return pl_error_set(error, PL_RANGE, "at %g s the bath is colder than %g deg C: the cell freezes", t, COLDEST);
    if (found == CELL_EMPTY)
        return pl_error_set(error, PL_RANGE, "at %g s less than %g %% of the bath is liquid: the cell freezes", t,
                            100 * LEAST_BATH);
    if (found == CELL_DRY)
        return pl_error_set(error, PL_RANGE, "at %g s all but %g %% of the metal that was there is tapped", t,
                            100 * LEAST_METAL);
    if (found == CELL_TOUCH)
        return pl_error_set(error, PL_RANGE, "at %g s the anodes are within %g mm of the metal: they touch it", t,
                            10 * NEAREST);
    if (found == CELL_FAR)
        return pl_error_set(error, PL_RANGE,
                            "at %g s the anodes are more than %g m from the metal: beyond what is meant", t,
                            FARTHEST / 100);
    if (found == CELL_ACID)
        return pl_error_set(
            error, PL_RANGE,
            "at %g s more than %g wt%% of the bath are AlF3 in excess: its liquidus was measured up to 20", t,
            MOST_FLUORIDE);
    return pl_error_set(error, PL_RANGE,
                        "at %g s the ledge at the %s is %g m thick, the most that it may be: the cell freezes", t,
                        found == CELL_THICK_0 ? "bath" : "metal", c->wall[found - CELL_THICK_0].front.most);
}

/* Faces are searched for from where they were last. From here on they are searched for anew, so that what follows
 * depends on the state alone. */
static void forget_faces(struct cell *c) {
    for (int k = 0; k < CELL_WALLS; k++)
        c->wall[k].left_face = c->wall[k].right_face = 0;
    c->lining.left_face = c->lining.right_face = 0;
}

enum pl_code cell_restart(struct cell *c, struct pl_error **error) {
    const double *y = solver_state(c->solver);
    forget_faces(c);
    find_bath(c, y);
    find_electric(c, solver_time(c->solver));
    double margin = c->flows.voltage.margin;
    c->effect = c->set.current > 0 && (c->effect ? margin < 0.05 : margin < 0);
    for (int k = 0; k < CELL_WALLS; k++) {
        c->wall[k].front.melt = c->flows.bath.t;
        c->wall[k].front.freezing = c->flows.liquidus;
        stack_switch(&c->wall[k], y + c->at[k]);
    }
    return solver_restart(c->solver, solver_time(c->solver), y, error);
}

/* What begins beyond a limit does not cross it. */
static enum pl_code check_limits(struct cell *c, struct pl_error **error) {
    double value[CELL_EVENTS];
    event(solver_time(c->solver), solver_state(c->solver), value, c);
    for (int i = CELL_HOT; i < CELL_EFFECT; i++)
        if (value[i] < 0) return beyond(c, i, error);
    return PL_OK;
}

enum pl_code cell_advance(struct cell *c, double until, struct pl_error **error) {
    enum pl_code outside = check_limits(c, error);
    if (outside) return outside;
    for (int i = 0; i < PATIENCE; i++) {
        int found = -1;
        enum pl_code code = solver_advance(c->solver, until, &found, error);
        if (code || found < 0) return code;
        if (found >= CELL_HOT && found < CELL_EFFECT) return beyond(c, found, error);
        if (found == CELL_EFFECT) {
            c->effect = !c->effect;
            code = solver_restart(c->solver, solver_time(c->solver), solver_state(c->solver), error);
        } else {
            code = cell_restart(c, error);
        }
        if (code) return code;
    }
    return pl_error_set(error, PL_LIMIT, "a ledge or an anode effect came and went %d times before %g s", PATIENCE,
                        solver_told(c->solver, until));
}

/* ---- State ---- */

double cell_carry(struct cell *c, struct state *state) {
    double *y = solver_state(c->solver), t = solver_time(c->solver);
    double *const scalars[] = {&t,
                               &c->zero,
                               &c->since,
                               &c->set.distance,
                               &c->set.cold,
                               &c->begun_heat,
                               &c->begun_alumina,
                               &c->begun_cryolite,
                               &c->begun_metal,
                               &c->fed,
                               &c->tapped,
                               &c->fed_since,
                               &y[c->net],
                               &y[c->consumed]};
    for (unsigned i = 0; i < PL_COUNT_OF(scalars); i++)
        state_carry(state, scalars[i]);
    state_carry_flag(state, &c->effect);
    state_carry_all(state, y, CELL_STACKS);
    for (int k = 0; k < CELL_WALLS; k++)
        stack_carry(&c->wall[k], state, y + c->at[k]);
    stack_carry(&c->lining, state, y + c->lining_at);
    return t;
}

enum pl_code cell_resume(struct cell *c, double t, struct pl_error **error) {
    forget_faces(c);
    return solver_restart(c->solver, t, solver_state(c->solver), error);
}

/* ---- Reading ---- */

void cell_read(struct cell *c) {
    solver_speed(c->solver);
}

double cell_heat_balance(struct cell *c) {
    const double *y = solver_state(c->solver);
    double out = y[c->net] * MEGA, now = heat_of(c, y);
    return fabs(now - c->begun_heat + out) / fmax(fabs(c->begun_heat) + fabs(out), 1e-300);
}

double cell_alumina_balance(struct cell *c) {
    const double *y = solver_state(c->solver);
    double fed = c->fed + c->set.feed * (solver_time(c->solver) - c->fed_since);
    double now = y[CELL_ALUMINA] + y[CELL_UNDISSOLVED];
    return fabs(now - c->begun_alumina - fed + y[c->consumed]) / fmax(c->begun_alumina + fed + y[c->consumed], 1e-300);
}

double cell_charge_balance(struct cell *c) {
    const double *y = solver_state(c->solver);
    double tapped = c->tapped + c->set.tapping * (solver_time(c->solver) - c->fed_since);
    double made = y[CELL_METAL] - c->begun_metal + tapped, of = y[c->consumed] * METAL_BY_CHARGE / ALUMINA_BY_CHARGE;
    return fabs(made - of) / fmax(c->begun_metal + tapped + of, 1e-300);
}

double cell_diffusion_layer(const struct cell *c) {
    static const double ELECTRONS = 6, FARADAY = 96485.33212, BATH_DENSITY = 2100, MOLAR = 0.10196; /* kg/m3, kg/mol */
    double amount = c->flows.bath.alumina / 100 * BATH_DENSITY / MOLAR, critical = c->flows.voltage.critical * 1e4;
    return critical > 0 ? ELECTRONS * FARADAY * bath_diffusivity(c->flows.bath.t) * amount / critical : 0;
}
