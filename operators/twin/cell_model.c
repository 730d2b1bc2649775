/* cell_model.c: CellModel: what cell.h couples, as a model: set up, run, changed on the way, saved and loaded. */
#include "cell_model.h"

#include <math.h>
#include <potline/alloc.h>

#include "models.h"
#include "state.h"
#include "wall.h"

/* ---- Set-up ---- */

void cell_put_inputs(struct cell_instance *i) {
    const double *p = i->p;
    struct cell_setup *s = &i->cell.set;
    s->voltage = (struct voltage_cell){.anode_area = p[ANODE_AREA] * 1e4,
                                       .cathode_area = p[CATHODE_AREA] * 1e4,
                                       .fanning = p[FANNING],
                                       .anodes = (int)p[ANODES],
                                       .anode = p[ANODE_R],
                                       .cathode = p[CATHODE_R],
                                       .external = p[EXTERNAL_R],
                                       .effect_alumina = p[EFFECT_ALUMINA]};
    s->current = p[CURRENT];
    s->drift = p[DRIFT] * 100;
    s->feed = p[FEED];
    s->fluoride_feed = p[FLUORIDE_FEED];
    s->tapping = p[TAPPING];
    s->efficiency = p[EFFICIENCY];
    s->top = p[TOP];
    s->gas = p[GAS];
    for (int k = 0; k < CELL_WALLS; k++)
        i->cell.wall[k].right = (struct stack_side){.kind = STACK_FILM,
                                                    .temperature = p[AMBIENT],
                                                    .film = p[SHELL_FILM],
                                                    .emissivity = 0.8,
                                                    .walls = p[AMBIENT]};
}

static void put_fixed(struct cell_instance *i) {
    const double *p = i->p;
    struct cell_setup *s = &i->cell.set;
    s->distance = p[DISTANCE] * 100;
    s->cold = p[COLD_ANODES];
    s->at_once = 1 - p[SLOW];
    s->dissolution = p[DISSOLUTION];
    s->calcium = p[CALCIUM] / 100 * p[BATH];
    s->lithium = p[LITHIUM] / 100 * p[BATH];
    s->magnesium = p[MAGNESIUM] / 100 * p[BATH];
    s->feed_heat = p[FEED_HEAT];
    s->ambient = p[AMBIENT];
    s->wall_area[0] = p[BATH_WALL];
    s->wall_area[1] = p[METAL_WALL];
    s->film[0] = p[BATH_FILM];
    s->film[1] = p[METAL_FILM];
    s->bottom_area = p[BOTTOM];
    s->bars = p[BARS];
    s->edges = p[EDGES];
    s->cathode_share = p[CATHODE_SHARE];
    s->effect_voltage = p[EFFECT_VOLTAGE];
    s->bath_capacity = 1767;
    s->metal_capacity = 1080;
    s->fluoride_loss = 0.02;
    s->cryolite_gain = 0.03;
}

/* A wall with the ledge that it would have for good, within what is allowed. */
static enum pl_code set_up_wall(struct cell_instance *i, int k, double liquidus, struct pl_error **error) {
    const double *p = i->p;
    struct stack *s = &i->cell.wall[k];
    double film = i->cell.set.film[k], flux = fmax(film * p[SUPERHEAT], 100), least = 0.001;
    struct wall wall = {.ledge = 0.05,
                        .least = least,
                        .most = p[MOST],
                        .ledge_conductivity = p[LEDGE_K],
                        .ledge_density = 2800,
                        .ledge_capacity = 1320,
                        .latent = 520000,
                        .lining = p[LINING],
                        .lining_conductivity = p[LINING_K],
                        .contact = 4e-4,
                        .steel = 0.012,
                        .ledge_cells = (int)p[LEDGE_CELLS],
                        .lining_cells = (int)p[LEDGE_CELLS]};
    struct stack_side air = {.film = p[SHELL_FILM], .temperature = p[AMBIENT], .emissivity = 0.8, .walls = p[AMBIENT]};
    double ledge = wall_ledge(&wall, &air, liquidus, flux);
    wall.ledge = fmin(fmax(ledge, 2 * least), 0.9 * p[MOST]);
    enum pl_code code = wall_init(s, &wall, error);
    if (code) return code;
    stack_front(s, film, liquidus + p[SUPERHEAT], liquidus, least, p[MOST]);
    cell_put_inputs(i);
    wall_steady(s, liquidus, s->t);
    return PL_OK;
}

static enum pl_code set_up_lining(struct cell_instance *i, double t, struct pl_error **error) {
    double v[LINING_PARAMETERS];
    for (int k = 0; k < LINING_PARAMETERS; k++)
        v[k] = lining_parameters()[k].fallback;
    v[LINING_METAL] = t;
    v[LINING_AMBIENT] = i->p[AMBIENT];
    v[LINING_CELLS] = i->p[LEDGE_CELLS];
    struct stack *s = &i->cell.lining;
    enum pl_code code = lining_stack(s, v, error);
    if (code) return code;
    /* As it would be for good, with the heat that the current leaves in the blocks and what they lose. */
    const double *p = i->p;
    double cathode = p[CATHODE_SHARE] * p[CURRENT] * p[CURRENT] * p[CATHODE_R] / p[BOTTOM];
    for (int k = 0; k < s->layer[0].cells; k++)
        s->source[k] = cathode * s->volume[k] / s->layer[0].thickness;
    s->loss[s->layer[0].cells - 1] = (p[BARS] + p[EDGES]) / p[BOTTOM];
    wall_steady(s, t, s->t);
    return PL_OK;
}

/* Alumina at once: its slow part lies about, the rest dissolves, as far as it can, and cools the bath. */
static void shoot(struct cell *c, double kilograms) {
    double *y = solver_state(c->solver), at_once = fmin(kilograms * c->set.at_once, cell_room(c, y));
    y[CELL_ALUMINA] += at_once;
    y[CELL_UNDISSOLVED] += kilograms - at_once;
    y[CELL_HEAT] -= at_once * c->set.feed_heat * 1e-6;
    y[c->net] += at_once * c->set.feed_heat * 1e-6;
    c->fed += kilograms;
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    struct cell_instance *i = PL_NEW(struct cell_instance);
    *self = i;
    if (!i) return pl_error_set(error, PL_NO_MEMORY, "no memory for a model");
    for (int k = 0; k < PARAMETERS; k++)
        i->p[k] = p[k];
    double rest = p[ALUMINA] + p[EXCESS] + p[CALCIUM] + p[LITHIUM] + p[MAGNESIUM];
    if (rest > 60) return pl_error_set(error, PL_RANGE, "%g wt%% of the bath are not cryolite: that is none", rest);
    struct bath bath = {p[ALUMINA], p[EXCESS], p[CALCIUM], p[LITHIUM], p[MAGNESIUM], 960};
    double liquidus = bath_liquidus(&bath);
    put_fixed(i);
    i->cell.zero = liquidus;
    i->cell.tolerance = p[TOLERANCE];
    enum pl_code code = set_up_wall(i, 0, liquidus, error);
    if (!code) code = set_up_wall(i, 1, liquidus, error);
    if (!code) code = set_up_lining(i, liquidus + p[SUPERHEAT], error);
    if (code) return code;
    const struct cell_setup *s = &i->cell.set;
    double start[CELL_STACKS] = {[CELL_HEAT] =
                                     p[SUPERHEAT] * (p[BATH] * s->bath_capacity + p[METAL] * s->metal_capacity) * 1e-6,
                                 [CELL_ALUMINA] = p[ALUMINA] / 100 * p[BATH],
                                 [CELL_UNDISSOLVED] = p[DISSOLUTION] > 0 ? p[SLOW] * p[FEED] / p[DISSOLUTION] : 0,
                                 [CELL_FLUORIDE] = p[EXCESS] / 100 * p[BATH],
                                 [CELL_CRYOLITE] = (100 - rest) / 100 * p[BATH],
                                 [CELL_METAL] = p[METAL]};
    code = cell_open(&i->cell, start, error);
    if (code || p[SHOT] == 0) return code;
    shoot(&i->cell, p[SHOT]);
    return cell_restart(&i->cell, error);
}

static void model_close(void *self) {
    struct cell_instance *i = self;
    if (!i) return;
    cell_close(&i->cell);
    pl_free(i);
}

static enum pl_code model_advance(void *self, double until, struct pl_error **error) {
    struct cell_instance *i = self;
    return cell_advance(&i->cell, until, error);
}

void cell_settle(struct cell *c) {
    double now = solver_time(c->solver);
    c->fed += c->set.feed * (now - c->fed_since);
    c->tapped += c->set.tapping * (now - c->fed_since);
    c->fed_since = now;
    c->set.distance = c->set.distance + c->set.drift * (now - c->since);
    c->set.cold *= cell_still_cold(c, now);
    c->since = now;
}

static enum pl_code model_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    cell_settle(c);
    i->p[parameter] = value;
    if (parameter == DISTANCE) c->set.distance = value * 100;
    if (parameter == COLD_ANODES) c->set.cold = value;
    if (parameter == SHOT) shoot(c, value);
    cell_put_inputs(i);
    return cell_restart(c, error);
}

/* ---- Its allowance and its state ---- */

static void model_allow(void *self, const struct pl_model_allowance *allowance) {
    struct cell_instance *i = self;
    solver_allow(i->cell.solver, allowance);
}

static long model_effort(void *self) {
    struct cell_instance *i = self;
    return i->cell.solver ? solver_evaluations(i->cell.solver) : 0;
}

static size_t model_save(void *self, double *to) {
    struct cell_instance *i = self;
    struct state s = {.to = to};
    state_carry_inputs(&s, cell_parameters, i->p);
    cell_carry(&i->cell, &s);
    return s.at;
}

static enum pl_code model_load(void *self, const double *from, size_t count, struct pl_error **error) {
    struct cell_instance *i = self;
    struct state s = {.from = from, .count = count};
    state_carry_inputs(&s, cell_parameters, i->p);
    double t = cell_carry(&i->cell, &s);
    enum pl_code code = state_check(&s, "CellModel", error);
    if (code) return code;
    cell_put_inputs(i);
    return cell_resume(&i->cell, t, error);
}

const struct pl_model twin_cell_model = {
    PL_MODEL("CellModel", "A whole reduction cell: voltage, heat, ledge, alumina, metal."),
    .doc =
        "Bath and metal at one temperature, with a heat balance: heat set free is current * (voltage - external - "
        "(0.48 "
        "+ 1.65 efficiency)), lost through two side walls with ledges that freeze and melt (at the bath's and the "
        "metal's level), the blocks' edges below them, collector bars, the lining, and anodes and cover (a "
        "conductance). Voltage is Haupin's sum, and what new anodes leave to the others, the liquidus Solheim's "
        "(measured up to 20 wt% AlF3 in excess; a run ends beyond 30). Ledge "
        "freezes as cryolite, so it changes the "
        "composition and with it the liquidus. Efficiency falls with superheat and rises with excess AlF3. Where the "
        "density reaches the critical one, or bubbles cover the anodes, an anode effect adds `effect_voltage` until 5 "
        "% more margin is there. Colder than 850, hotter than 1150 deg C, all but frozen, or without metal, a run "
        "ends.\n\n"
        "Assumed: bath and metal well mixed and equally warm, all anodes alike, walls one-dimensional, the cathode's "
        "heat shared between metal and blocks, bars and edges as conductances from the lower end of the blocks, no gas "
        "burning. Constants are those of a self-consistent 180 kA cell: usual fluxes make a third of the losses go "
        "through the sides, 8 % each along bars and through the bottom; the rest, through the top, is set so that its "
        "heat balance closes at 9 K of superheat.",
    .parameters = cell_parameters,
    .states = PL_QUANTITIES({"heat", "MJ", "Of bath and metal, above the first liquidus."},
                            {"masses", "kg", "Alumina dissolved and not, AlF3, cryolite, metal."},
                            {"heat content", "J/m3", "Of each cell of two walls and the lining."},
                            {"thickness", "m", "Of two ledges."}),
    .outputs = cell_outputs,
    .told = cell_told,
    .profiles = cell_profiles,
    .until = 28800,
    .every = 60,
    .open = model_open,
    .advance = model_advance,
    .set = model_set,
    .read = cell_read_outputs,
    .profile = cell_profile,
    .close = model_close,
    .allow = model_allow,
    .effort = model_effort,
    .save = model_save,
    .load = model_load,
    .cases = twin_cell_cases,
    .measurements = twin_cell_measurements,
    .experiments = twin_cell_experiments,
};
