/* cell_model.c: CellModel: what cell.h couples, as a model. */
#include <math.h>
#include <potline/alloc.h>
#include <potline/model.h>
#include <string.h>

#include "cell.h"
#include "models.h"
#include "rows.h"
#include "state.h"
#include "wall.h"

enum {
    CURRENT,
    DISTANCE,
    DRIFT,
    FEED,
    SHOT,
    FLUORIDE_FEED,
    TAPPING,
    ALUMINA,
    EXCESS,
    CALCIUM,
    LITHIUM,
    MAGNESIUM,
    BATH,
    METAL,
    SUPERHEAT,
    EFFICIENCY,
    ANODE_AREA,
    CATHODE_AREA,
    FANNING,
    ANODES,
    ANODE_R,
    CATHODE_R,
    EXTERNAL_R,
    EFFECT_ALUMINA,
    EFFECT_VOLTAGE,
    SLOW,
    DISSOLUTION,
    FEED_HEAT,
    TOP,
    GAS,
    AMBIENT,
    BATH_WALL,
    METAL_WALL,
    BATH_FILM,
    METAL_FILM,
    LEDGE_K,
    LINING,
    LINING_K,
    SHELL_FILM,
    BOTTOM,
    BARS,
    EDGES,
    CATHODE_SHARE,
    MOST,
    LEDGE_CELLS,
    TOLERANCE,
    PARAMETERS
};

static const struct pl_model_parameter parameters[] = {
    [CURRENT] = ROW_CURRENT,
    [DISTANCE] = {"distance", "m", 0.043, 0.005, 0.2, NULL, PL_MODEL_INPUT, "From anodes to metal (ACD)."},
    [DRIFT] = {"drift", "m/s", 0, -1e-5, 1e-5, NULL, PL_MODEL_INPUT, "Of it: anode wear less rise of the metal."},
    [FEED] = ROW_FEED("Alumina, evenly."),
    [SHOT] = {"shot", "kg", 0, 0, 100, NULL, PL_MODEL_INPUT, "Alumina at once, each time that it is set."},
    [FLUORIDE_FEED] = {"fluoride_feed", "kg/s", 0.0006, 0, 1, NULL, PL_MODEL_INPUT, "AlF3."},
    [TAPPING] = {"tapping", "kg/s", 0.01577, 0, 10, NULL, PL_MODEL_INPUT,
                 "Metal, evenly; 0.01577 is what 180 kA make at 0.94."},
    [ALUMINA] = {"alumina", "wt%", 2.8, 0, 8, NULL, 0, "Dissolved at the start."},
    [EXCESS] = ROW_EXCESS("AlF3 in excess at the start."),
    [CALCIUM] = ROW_CALCIUM("CaF2 at the start."),
    [LITHIUM] = {"lithium_fluoride", "wt%", 0, 0, 10, NULL, 0, "LiF at the start."},
    [MAGNESIUM] = {"magnesium_fluoride", "wt%", 0.25, 0, 5, NULL, 0, "MgF2 at the start."},
    [BATH] = {"bath", "kg", 7500, 200, 50000, NULL, 0, "Liquid bath at the start."},
    [METAL] = {"metal", "kg", 10000, 200, 1e5, NULL, 0, "At the start."},
    [SUPERHEAT] = {"superheat", "K", 9, -20, 200, NULL, 0, "At the start."},
    [EFFICIENCY] = {"efficiency", "", 0.94, 0, 1, NULL, PL_MODEL_INPUT,
                    "Of the current, at 9 K superheat and 11 wt% excess."},
    [ANODE_AREA] = {"anode_area", "m2", 22, 0.1, 200, NULL, 0, "Of all anodes."},
    [CATHODE_AREA] = {"cathode_area", "m2", 26, 0.1, 200, NULL, 0, "Of the metal."},
    [FANNING] = {"fanning", "", 1.10, 1, 2, NULL, 0, "How much wider than the anodes the current's way is."},
    [ANODES] = ROW_ANODES("How many."),
    [ANODE_R] = {"anode_resistance", "ohm", 0.30 / 180e3, 0, 1e-3, NULL, PL_MODEL_INPUT, "Of rods and anodes."},
    [CATHODE_R] = {"cathode_resistance", "ohm", 0.30 / 180e3, 0, 1e-3, NULL, PL_MODEL_INPUT, "Of blocks and bars."},
    [EXTERNAL_R] = {"external_resistance", "ohm", 0.16 / 180e3, 0, 1e-3, NULL, PL_MODEL_INPUT, "Of busbars."},
    [EFFECT_ALUMINA] = {"effect_alumina", "wt%", 1.8, 0.5, 5, NULL, 0, "At which bubbles cover the anodes."},
    [EFFECT_VOLTAGE] = {"effect_voltage", "V", 25, 1, 100, NULL, 0, "What an anode effect adds."},
    [SLOW] = ROW_SLOW("Of the feed that does not dissolve at once."),
    [DISSOLUTION] = ROW_DISSOLUTION(1e-6),
    [FEED_HEAT] = {"feed_heat", "J/kg", 1.9e6, 0, 1e7, NULL, 0, "Heats and dissolves alumina."},
    [TOP] = {"top", "W/K", 196, 0, 10000, NULL, PL_MODEL_INPUT, "Through anodes and cover, to the gas."},
    [GAS] = {"gas", "degC", 50, -50, 500, NULL, PL_MODEL_INPUT, "Above the cover."},
    [AMBIENT] = {"ambient", "degC", 35, -50, 100, NULL, 0, "Around the shell."},
    [BATH_WALL] = {"bath_wall", "m2", 5.04, 0.1, 100, NULL, 0, "Side wall at the bath's level."},
    [METAL_WALL] = {"metal_wall", "m2", 5.04, 0.1, 100, NULL, 0, "Side wall at the metal's level."},
    [BATH_FILM] = {"bath_film", "W/m2/K", 900, 1, 1e5, NULL, 0, "From bath to ledge."},
    [METAL_FILM] = {"metal_film", "W/m2/K", 1100, 1, 1e5, NULL, 0, "From metal to ledge."},
    [LEDGE_K] = ROW_LEDGE_CONDUCTIVITY,
    [LINING] = ROW_LINING(0.09),
    [LINING_K] = ROW_LINING_CONDUCTIVITY(18, "Of the side lining."),
    [SHELL_FILM] = ROW_SHELL_FILM(10, "From the side shell to the air; forced cooling."),
    [BOTTOM] = {"bottom", "m2", 32.4, 0.1, 500, NULL, 0, "Area of the bottom."},
    [BARS] = {"bars", "W/K", 33, 0, 1000, NULL, 0, "From the blocks along the collector bars to the air."},
    [EDGES] = {"edges", "W/K", 40, 0, 1000, NULL, 0, "From the blocks' edges through the side shell below the metal."},
    [CATHODE_SHARE] = {"cathode_share", "", 0.3, 0, 1, NULL, 0,
                       "Of the cathode's drop that warms the blocks, not the metal."},
    [MOST] = ROW_MOST,
    [LEDGE_CELLS] = ROW_GRID("ledge_cells", 8, 2, 100, "Finite volumes in a ledge; as many in other layers."),
    [TOLERANCE] = ROW_TOLERANCE(1e-5),
    {.name = NULL},
};

enum {
    T_BATH,
    T_LIQUIDUS,
    OUT_SUPERHEAT,
    OUT_ALUMINA,
    OUT_UNDISSOLVED,
    OUT_EXCESS,
    OUT_BATH,
    OUT_METAL,
    LEDGE_BATH,
    LEDGE_METAL,
    SHELL_BATH,
    SHELL_METAL,
    U,
    U_REVERSIBLE,
    U_ANODE_REACTION,
    U_ANODE_CONCENTRATION,
    U_CATHODE_CONCENTRATION,
    U_BATH,
    U_BUBBLES,
    U_ANODE,
    U_CATHODE,
    U_EXTERNAL,
    RESISTANCE,
    CE,
    ENERGY,
    PRODUCTION,
    CONSUMPTION,
    HEAT,
    Q_SIDE,
    Q_BOTTOM,
    Q_BARS,
    Q_TOP,
    EFFECT,
    MARGIN,
    OUT_DISTANCE,
    BALANCE,
    ALUMINA_BALANCE,
    CHARGE_BALANCE
};
static const struct pl_model_quantity outputs[] = {
    [T_BATH] = {"bath_temperature", "degC", "Of bath and metal."},
    [T_LIQUIDUS] = {"liquidus", "degC", "Of the bath as it is composed."},
    [OUT_SUPERHEAT] = {"superheat", "K", "The first above the second."},
    [OUT_ALUMINA] = {"alumina", "wt%", "Dissolved."},
    [OUT_UNDISSOLVED] = {"undissolved", "kg", "Alumina that is not."},
    [OUT_EXCESS] = {"excess_fluoride", "wt%", "AlF3 in excess."},
    [OUT_BATH] = {"bath", "kg", "Liquid."},
    [OUT_METAL] = {"metal", "kg", "In the cell."},
    [LEDGE_BATH] = {"ledge_bath", "m", "Thickness at the bath's level."},
    [LEDGE_METAL] = {"ledge_metal", "m", "Thickness at the metal's level."},
    [SHELL_BATH] = {"shell_bath", "degC", "Shell at the bath's level."},
    [SHELL_METAL] = {"shell_metal", "degC", "Shell at the metal's level."},
    [U] = {"voltage", "V", "Of the cell, external drop included."},
    [U_REVERSIBLE] = {"reversible", "V", "Part of it."},
    [U_ANODE_REACTION] = {"anode_reaction", "V", "Part of it."},
    [U_ANODE_CONCENTRATION] = {"anode_concentration", "V", "Part of it."},
    [U_CATHODE_CONCENTRATION] = {"cathode_concentration", "V", "Part of it."},
    [U_BATH] = {"bath_drop", "V", "Part of it."},
    [U_BUBBLES] = {"bubble_drop", "V", "Part of it."},
    [U_ANODE] = {"anode_drop", "V", "Part of it."},
    [U_CATHODE] = {"cathode_drop", "V", "Part of it."},
    [U_EXTERNAL] = {"external_drop", "V", "Part of it."},
    [RESISTANCE] = {"resistance", "uohm", "(voltage - 1.65 V) by current; 0 without current."},
    [CE] = {"current_efficiency", "", "Share of the current that makes metal."},
    [ENERGY] = {"energy", "kWh/t", "By tonne of metal; 0 where none is made."},
    [PRODUCTION] = {"production", "kg/h", "Of metal."},
    [CONSUMPTION] = {"consumption", "kg/h", "Of alumina."},
    [HEAT] = {"heat", "kW", "Set free inside, less what the reaction and the feed take."},
    [Q_SIDE] = {"side_loss", "kW", "From bath and metal to the side walls, and from the blocks' edges."},
    [Q_BOTTOM] = {"bottom_loss", "kW", "From the bottom of the shell."},
    [Q_BARS] = {"bar_loss", "kW", "Along the collector bars."},
    [Q_TOP] = {"top_loss", "kW", "Through anodes and cover."},
    [EFFECT] = ROW_EFFECT("1 while there is one, else 0."),
    [MARGIN] = {"margin", "", "How far from an anode effect; below 0: beyond."},
    [OUT_DISTANCE] = {"distance", "m", "From anodes to metal."},
    [BALANCE] = ROW_BALANCE("Heat"),
    [ALUMINA_BALANCE] = {"alumina_balance", "", "Alumina that is unaccounted for, likewise."},
    [CHARGE_BALANCE] = {"charge_balance", "", "Charge that made metal and took no alumina, likewise."},
    {.name = NULL},
};

static const double METAL_DENSITY = 2300, BATH_DENSITY = 2100; /* kg/m3 */

struct cell_instance {
    struct cell cell;
    double p[PARAMETERS];
};

/* ---- Set-up ---- */

static void put_inputs(struct cell_instance *i) {
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
    put_inputs(i);
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
    return cell_open(&i->cell, start, error);
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

/* Alumina at once: its slow part lies about, the rest dissolves and cools the bath. */
static void shoot(struct cell *c, double kilograms) {
    double *y = solver_state(c->solver), at_once = kilograms * c->set.at_once;
    y[CELL_ALUMINA] += at_once;
    y[CELL_UNDISSOLVED] += kilograms - at_once;
    y[CELL_HEAT] -= at_once * c->set.feed_heat * 1e-6;
    y[c->net] += at_once * c->set.feed_heat * 1e-6;
    c->fed += kilograms;
}

/* What has gone on evenly up to now is accounted for, before something else goes on. */
static void settle(struct cell *c) {
    double now = solver_time(c->solver);
    c->fed += c->set.feed * (now - c->fed_since);
    c->tapped += c->set.tapping * (now - c->fed_since);
    c->fed_since = now;
    c->set.distance = c->set.distance + c->set.drift * (now - c->since);
    c->since = now;
}

static enum pl_code model_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    settle(c);
    i->p[parameter] = value;
    if (parameter == DISTANCE) c->set.distance = value * 100;
    if (parameter == SHOT) shoot(c, value);
    put_inputs(i);
    return cell_restart(c, error);
}

/* ---- Following a cell ---- */

struct cell *twin_cell_of(void *self) {
    return &((struct cell_instance *)self)->cell;
}

const double *twin_cell_values(void *self) {
    return ((struct cell_instance *)self)->p;
}

int twin_cell_row(const char *parameter) {
    for (int i = 0; parameters[i].name; i++)
        if (strcmp(parameters[i].name, parameter) == 0) return i;
    return -1;
}

double twin_cell_distance(void *self) {
    const struct cell *c = twin_cell_of(self);
    return c->set.distance + c->set.drift * (solver_time(c->solver) - c->since);
}

static double within(int row, double value) {
    return fmin(fmax(value, parameters[row].low), parameters[row].high);
}

enum pl_code twin_cell_feed(void *self, const struct cell_inputs *inputs, struct pl_error **error) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    settle(c);
    double *p = i->p;
    p[CURRENT] = within(CURRENT, inputs->current);
    p[DISTANCE] = within(DISTANCE, inputs->distance / 100);
    p[DRIFT] = within(DRIFT, inputs->drift / 100);
    p[FEED] = within(FEED, inputs->feed);
    p[FLUORIDE_FEED] = within(FLUORIDE_FEED, inputs->fluoride);
    p[TAPPING] = within(TAPPING, inputs->tapped);
    p[EFFICIENCY] = within(EFFICIENCY, inputs->efficiency);
    p[TOP] = within(TOP, inputs->top);
    c->set.distance = p[DISTANCE] * 100;
    put_inputs(i);
    return cell_restart(c, error);
}

void twin_cell_correct(void *self, const struct cell_correction *correction) {
    struct cell *c = &((struct cell_instance *)self)->cell;
    double *y = solver_state(c->solver), t = cell_temperature(c, y) + correction->temperature, before = y[CELL_HEAT];
    double mixed = y[CELL_ALUMINA] + y[CELL_FLUORIDE] + y[CELL_CRYOLITE],
           more = fmax(1 + correction->bath / mixed, 0.5);
    double alumina = y[CELL_ALUMINA] * (more - 1) + correction->alumina;
    y[CELL_ALUMINA] = fmax(y[CELL_ALUMINA] + alumina, 1);
    y[CELL_UNDISSOLVED] = fmax(y[CELL_UNDISSOLVED] + correction->undissolved, 0);
    y[CELL_FLUORIDE] *= more;
    y[CELL_CRYOLITE] *= more;
    double metal = fmax(y[CELL_METAL] + correction->metal, 100);
    c->begun_metal += metal - y[CELL_METAL];
    y[CELL_METAL] = metal;
    c->set.distance = fmax(c->set.distance + correction->distance, 0.1);
    c->begun_alumina += alumina + correction->undissolved;
    y[CELL_HEAT] = (t - c->zero) * cell_capacity(c, y) * 1e-6;
    y[c->net] -= y[CELL_HEAT] - before; /* it came from nowhere */
}

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
    state_carry_inputs(&s, parameters, i->p);
    cell_carry(&i->cell, &s);
    return s.at;
}

static enum pl_code model_load(void *self, const double *from, size_t count, struct pl_error **error) {
    struct cell_instance *i = self;
    struct state s = {.from = from, .count = count};
    state_carry_inputs(&s, parameters, i->p);
    double t = cell_carry(&i->cell, &s);
    enum pl_code code = state_check(&s, "CellModel", error);
    if (code) return code;
    put_inputs(i);
    return cell_resume(&i->cell, t, error);
}

/* ---- Reading ---- */

static void read_voltage(const struct cell *c, double *out) {
    const struct voltage *v = &c->flows.voltage;
    out[U] = c->flows.u;
    out[U_REVERSIBLE] = v->reversible;
    out[U_ANODE_REACTION] = v->anode_reaction;
    out[U_ANODE_CONCENTRATION] = v->anode_concentration;
    out[U_CATHODE_CONCENTRATION] = v->cathode_concentration;
    out[U_BATH] = v->bath;
    out[U_BUBBLES] = v->bubbles;
    out[U_ANODE] = v->anode;
    out[U_CATHODE] = v->cathode;
    out[U_EXTERNAL] = v->external;
    out[RESISTANCE] = c->set.current > 0 ? (c->flows.u - 1.65) / c->set.current * 1e6 : 0;
    out[MARGIN] = v->margin;
}

static void model_read(void *self, double *out) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    cell_read(c);
    const double *y = solver_state(c->solver);
    const struct cell_flows *f = &c->flows;
    out[T_BATH] = f->bath.t;
    out[T_LIQUIDUS] = f->liquidus;
    out[OUT_SUPERHEAT] = f->bath.t - f->liquidus;
    out[OUT_ALUMINA] = f->bath.alumina;
    out[OUT_UNDISSOLVED] = y[CELL_UNDISSOLVED];
    out[OUT_EXCESS] = f->bath.excess;
    out[OUT_BATH] = f->bath_mass;
    out[OUT_METAL] = y[CELL_METAL];
    out[LEDGE_BATH] = c->wall[0].front.thickness;
    out[LEDGE_METAL] = c->wall[1].front.thickness;
    out[SHELL_BATH] = c->wall[0].right_face;
    out[SHELL_METAL] = c->wall[1].right_face;
    read_voltage(c, out);
    out[CE] = f->efficiency;
    out[ENERGY] = f->made > 0 ? f->u * c->set.current / f->made / 3600 : 0;
    out[PRODUCTION] = f->made * 3600;
    out[CONSUMPTION] = f->taken * 3600;
    out[HEAT] = (f->heat - c->set.feed_heat * f->taken) / 1000;
    out[Q_SIDE] = (f->wall[0] + f->wall[1] + f->edges) / 1000;
    out[Q_BARS] = f->bars / 1000;
    out[Q_BOTTOM] = c->set.bottom_area * c->lining.flux[c->lining.cells] / 1000;
    out[Q_TOP] = f->top / 1000;
    out[EFFECT] = c->effect;
    out[OUT_DISTANCE] = (c->set.distance + c->set.drift * (solver_time(c->solver) - c->since)) / 100;
    out[BALANCE] = cell_heat_balance(c);
    out[ALUMINA_BALANCE] = cell_alumina_balance(c);
    out[CHARGE_BALANCE] = cell_charge_balance(c);
}

/* At half of the height of metal and bath, above the bottom. */
static unsigned ledge_profile(const struct cell_instance *i, double *position, double *value) {
    const double *y = solver_state(i->cell.solver), *p = i->p;
    double gap = i->cell.set.distance / 100, metal = y[CELL_METAL] / (METAL_DENSITY * p[BOTTOM]);
    double around = fmax(p[BOTTOM] - p[ANODE_AREA], 0.1); /* m2 of bath beside the anodes */
    double bath = gap + fmax(i->cell.flows.bath_mass / BATH_DENSITY - gap * p[BOTTOM], 0) / around;
    position[0] = metal / 2;
    value[0] = i->cell.wall[1].front.thickness;
    position[1] = metal + bath / 2;
    value[1] = i->cell.wall[0].front.thickness;
    return 2;
}

/* Through the diffusion layer, a straight line by Fick's law; what is left at the anode is what the density leaves of
 * the critical one (Haupin), which the voltage's concentration overpotential is of. */
static unsigned alumina_profile(const struct cell *c, double *position, double *value) {
    enum { POINTS = 9 };
    double layer = cell_diffusion_layer(c), bulk = c->flows.bath.alumina;
    const struct voltage *v = &c->flows.voltage;
    double left = v->critical > 0 ? fmax(1 - v->density / v->critical, 0) : 0;
    for (unsigned k = 0; k < POINTS; k++) {
        double share = (double)k / (POINTS - 1);
        position[k] = layer * share;
        value[k] = bulk * (left + (1 - left) * share);
    }
    return POINTS;
}

static unsigned model_profile(void *self, unsigned index, double *position, double *value) {
    struct cell_instance *i = self;
    cell_read(&i->cell);
    const struct stack *stacks[] = {&i->cell.wall[0], &i->cell.wall[1], &i->cell.lining};
    if (index == PL_COUNT_OF(stacks)) return ledge_profile(i, position, value);
    if (index > PL_COUNT_OF(stacks)) return alumina_profile(&i->cell, position, value);
    return models_stack_profile(stacks[index], position, value);
}

const struct pl_model twin_cell_model = {
    PL_MODEL("CellModel", "A whole reduction cell: voltage, heat, ledge, alumina, metal."),
    .doc =
        "Bath and metal at one temperature, with a heat balance: heat set free is current * (voltage - external - "
        "(0.48 "
        "+ 1.65 efficiency)), lost through two side walls with ledges that freeze and melt (at the bath's and the "
        "metal's level), the blocks' edges below them, collector bars, the lining, and anodes and cover (a "
        "conductance). Voltage is Haupin's sum, the liquidus Solheim's. Ledge freezes as cryolite, so it changes the "
        "composition and with it the liquidus. Efficiency falls with superheat and rises with excess AlF3. Where the "
        "density reaches the critical one, or bubbles cover the anodes, an anode effect adds `effect_voltage` until 5 "
        "% more margin is there. Colder than 850, hotter than 1150 deg C, all but frozen, or without metal, a run "
        "ends.\n\n"
        "Assumed: bath and metal well mixed and equally warm, all anodes alike, walls one-dimensional, the cathode's "
        "heat shared between metal and blocks, bars and edges as conductances from the lower end of the blocks, no gas "
        "burning. Constants are those of a self-consistent 180 kA cell: usual fluxes make a third of the losses go "
        "through the sides, 8 % each along bars and through the bottom; the rest, through the top, is set so that its "
        "heat balance closes at 9 K of superheat.",
    .parameters = parameters,
    .states = PL_QUANTITIES({"heat", "MJ", "Of bath and metal, above the first liquidus."},
                            {"masses", "kg", "Alumina dissolved and not, AlF3, cryolite, metal."},
                            {"heat content", "J/m3", "Of each cell of two walls and the lining."},
                            {"thickness", "m", "Of two ledges."}),
    .outputs = outputs,
    .profiles = PL_QUANTITIES({"bath_wall", "degC", "From the ledge's face outwards, at the bath's level."},
                              {"metal_wall", "degC", "The same at the metal's level."},
                              {"bottom", "degC", "Down from the cathode's surface."},
                              {"ledge", "m", "Thickness, over the height above the bottom: at the metal, at the bath."},
                              {"alumina", "wt%", "From the anode's face through the diffusion layer."}),
    .until = 28800,
    .every = 60,
    .open = model_open,
    .advance = model_advance,
    .set = model_set,
    .read = model_read,
    .profile = model_profile,
    .close = model_close,
    .allow = model_allow,
    .effort = model_effort,
    .save = model_save,
    .load = model_load,
    .cases = twin_cell_cases,
    .measurements = twin_cell_measurements,
    .experiments = twin_cell_experiments,
};
