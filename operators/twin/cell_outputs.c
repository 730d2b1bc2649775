/* cell_outputs.c: what is read of a CellModel: numbers by the state at hand, and fields over a position. */
#include <math.h>
#include <potline/abi.h>

#include "cell_model.h"
#include "models.h"
#include "rows.h"

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
    U_COLD,
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
const struct pl_model_quantity cell_outputs[] = {
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
    [U_REVERSIBLE] = {"reversible", "V", "Part of it: what the reaction takes at least."},
    [U_ANODE_REACTION] = {"anode_reaction", "V", "Part of it: overpotential of the anodes' reaction."},
    [U_ANODE_CONCENTRATION] = {"anode_concentration", "V",
                               "Part of it: overpotential, by alumina that is short at the anodes."},
    [U_CATHODE_CONCENTRATION] = {"cathode_concentration", "V", "Part of it: overpotential at the metal."},
    [U_BATH] = {"bath_drop", "V", "Part of it: bath without bubbles."},
    [U_BUBBLES] = {"bubble_drop", "V", "Part of it: layer of bubbles under the anodes."},
    [U_ANODE] = {"anode_drop", "V", "Part of it: rods and anodes."},
    [U_CATHODE] = {"cathode_drop", "V", "Part of it: blocks and bars."},
    [U_EXTERNAL] = {"external_drop", "V", "Part of it: busbars."},
    [U_COLD] = {"cold_anode_drop", "V", "Part of it: the others take what new anodes do not."},
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

/* Of the voltage all parts: those of a cell without an anode effect sum up to it. Limits are where the laws that it is
 * made of were measured. */
const struct pl_model_told cell_told[] = {
    {"alumina", "alumina", "wt%", 1, 1.5, 8},
    {"undissolved", "undissolved", "kg", 1, 0, 0},
    {"bath_temp", "bath_temperature", "degC", 1, 900, 1050},
    {"liquidus", "liquidus", "degC", 1, 0, 0},
    {"superheat", "superheat", "K", 1, 0, 40},
    {"alf3", "excess_fluoride", "wt%", 1, 0, 0},
    {"bath", "bath", "kg", 1, 0, 0},
    {"metal", "metal", "kg", 1, 0, 0},
    {"ledge", "ledge_bath", "mm", 1000, 0, 0},
    {"ledge_metal", "ledge_metal", "mm", 1000, 0, 0},
    {"u_reversible", "reversible", "V", 1, 0, 0},
    {"u_anode", "anode_reaction", "V", 1, 0, 0},
    {"u_concentration", "anode_concentration", "V", 1, 0, 0},
    {"u_cathode_concentration", "cathode_concentration", "V", 1, 0, 0},
    {"u_bath", "bath_drop", "V", 1, 0, 0},
    {"u_bubbles", "bubble_drop", "V", 1, 0, 0},
    {"u_anode_drop", "anode_drop", "V", 1, 0, 0},
    {"u_cathode_drop", "cathode_drop", "V", 1, 0, 0},
    {"u_external", "external_drop", "V", 1, 0, 0},
    {"u_cold_anodes", "cold_anode_drop", "V", 1, 0, 0},
    {"acd", "distance", "mm", 1000, 0, 0},
    {"current_efficiency", "current_efficiency", "", 1, 0, 0},
    {"energy_residual", "balance", "", 1, 0, 0},
    {"alumina_residual", "alumina_balance", "", 1, 0, 0},
    {"charge_residual", "charge_balance", "", 1, 0, 0},
    {.name = NULL},
};

enum {
    BATH_WALL_PROFILE,
    METAL_WALL_PROFILE,
    BOTTOM_PROFILE,
    LEDGE_PROFILE,
    ALUMINA_PROFILE
}; /* walls: as the cell's */
const struct pl_model_quantity cell_profiles[] = {
    {"bath_wall", "degC", "From the ledge's face outwards, at the bath's level."},
    {"metal_wall", "degC", "The same at the metal's level."},
    {"bottom", "degC", "Down from the cathode's surface."},
    {"ledge", "m", "Thickness, over the height above the bottom: at the metal, at the bath."},
    {"alumina", "wt%", "From the anode's face through the diffusion layer."},
    {.name = NULL},
};

static const double METAL_DENSITY = 2300, BATH_DENSITY = 2100; /* kg/m3 */

/* ---- Numbers ---- */

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
    out[U_COLD] = c->flows.cold;
    out[RESISTANCE] = c->set.current > 0 ? (c->flows.u - 1.65) / c->set.current * 1e6 : 0;
    out[MARGIN] = v->margin;
}

void cell_read_outputs(void *self, double *out) {
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

unsigned cell_profile(void *self, unsigned index, double *position, double *value) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    cell_read(c);
    switch (index) {
    case BATH_WALL_PROFILE:
    case METAL_WALL_PROFILE: return models_stack_profile(&c->wall[index], position, value);
    case BOTTOM_PROFILE: return models_stack_profile(&c->lining, position, value);
    case LEDGE_PROFILE: return ledge_profile(i, position, value);
    default: return alumina_profile(c, position, value);
    }
}
