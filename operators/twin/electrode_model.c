/* electrode_model.c: ElectrodeKineticsModel: an anode in cryolite: kinetics, depletion, anode effect. */
#include <math.h>
#include <potline/alloc.h>
#include <potline/model.h>

#include "bath.h"
#include "layer.h"
#include "models.h"
#include "rows.h"

enum {
    CONTROL,
    CURRENT,
    POTENTIAL,
    TEMPERATURE,
    ALUMINA,
    EXCESS,
    CALCIUM,
    EXCHANGE,
    ANODIC,
    CATHODIC,
    ELECTRONS,
    DIFFUSIVITY,
    THICKNESS,
    DENSITY,
    EFFECT,
    CELLS,
    TOLERANCE,
    PARAMETERS
};

static const char *const controls[] = {"current", "potential", NULL};

static const struct pl_model_parameter parameters[] = {
    [CONTROL] = {"control", "", 0, 0, 1, controls, 0, "What is imposed: the current density, or the overpotential."},
    [CURRENT] = {"current_density", "A/m2", 8500, 0, 50000, NULL, PL_MODEL_INPUT, "Imposed where control=current."},
    [POTENTIAL] = {"overpotential", "V", 0.5, -2, 5, NULL, PL_MODEL_INPUT, "Imposed where control=potential."},
    [TEMPERATURE] = {"temperature", "degC", 960, 650, 1300, NULL, PL_MODEL_INPUT, "Of bath and anode."},
    [ALUMINA] = {"alumina", "wt%", 2.5, 0, 15, NULL, PL_MODEL_INPUT, "Dissolved in the bulk of the bath."},
    [EXCESS] = ROW_EXCESS("AlF3 in excess."),
    [CALCIUM] = ROW_CALCIUM("CaF2."),
    [EXCHANGE] = {"exchange", "A/m2", 0, 0, 1e6, NULL, 0,
                  "Exchange current density at the bulk's concentration; 0: 29 c^0.56 with c in wt%."},
    [ANODIC] = {"anodic", "", 1.08, 0.05, 3, NULL, 0, "Anodic transfer coefficient."},
    [CATHODIC] = {"cathodic", "", 0.92, 0.05, 3, NULL, 0, "Cathodic transfer coefficient."},
    [ELECTRONS] = {"electrons", "", 6, 1, 12, NULL, 0, "By molecule of alumina."},
    [DIFFUSIVITY] = {"diffusivity", "m2/s", 0, 0, 1e-7, NULL, 0,
                     "Of dissolved alumina; 0: 1e-9 at 960 deg C with 80.4 kJ/mol."},
    [THICKNESS] = {"thickness", "m", 15e-6, 1e-7, 1e-2, NULL, 0, "Of the diffusion layer (Nernst)."},
    [DENSITY] = {"bath_density", "kg/m3", 2100, 500, 4000, NULL, 0, "Of the bath."},
    [EFFECT] = {"effect_overpotential", "V", 25, 1, 100, NULL, 0, "What an anode effect adds to the voltage."},
    [CELLS] = ROW_GRID("cells", 24, 2, 1000, "Finite volumes in the layer."),
    [TOLERANCE] = ROW_TOLERANCE(1e-6),
    {.name = NULL},
};

enum { ETA, KINETIC, CONCENTRATION, DENSITY_OUT, SURFACE, LIMIT, REVERSIBLE, ANODE, IS_EFFECT, SHARE, BALANCE };
static const struct pl_model_quantity outputs[] = {
    [ETA] = {"overpotential", "V", "Of the anode, all of it."},
    [KINETIC] = {"kinetic", "V", "What the reaction would need without depletion."},
    [CONCENTRATION] = {"concentration", "V", "What depletion adds."},
    [DENSITY_OUT] = {"current_density", "A/m2", "That alumina carries."},
    [SURFACE] = {"surface_alumina", "wt%", "At the anode's surface."},
    [LIMIT] = {"limiting_current", "A/m2", "That diffusion can feed in the end."},
    [REVERSIBLE] = {"reversible", "V", "Of the cell reaction, by temperature and activity."},
    [ANODE] = {"anode_voltage", "V", "Reversible voltage and overpotential."},
    [IS_EFFECT] = ROW_EFFECT("1 while nothing is left at the surface, else 0."),
    [SHARE] = {"alumina_share", "", "Of the imposed current that alumina carries; the rest makes PFC."},
    [BALANCE] = ROW_BALANCE("Alumina"),
    {.name = NULL},
};

struct electrode {
    struct layer layer;
    double p[PARAMETERS];
};

static const double MOLAR = 0.101961, KELVIN = 273.15;
static const double LEAST_SHARE = 1e-4; /* of the bulk: less at the surface is none */
static const double BULK_LEAST = 1e-3;  /* mol/m3: stands for a bath without alumina */

static double molar(const struct electrode *e, double percent) {
    return percent / 100 * e->p[DENSITY] / MOLAR;
}

static double percent(const struct electrode *e, double concentration) {
    return concentration * MOLAR / e->p[DENSITY] * 100;
}

static void put_inputs(struct electrode *e) {
    const double *p = e->p;
    struct layer *l = &e->layer;
    l->bulk = fmax(molar(e, p[ALUMINA]), BULK_LEAST);
    l->least = LEAST_SHARE * l->bulk;
    l->diffusivity = p[DIFFUSIVITY] > 0 ? p[DIFFUSIVITY] : bath_diffusivity(p[TEMPERATURE]);
    l->kinetics = (struct kinetics){.exchange = p[EXCHANGE] > 0 ? p[EXCHANGE] : 29 * pow(fmax(p[ALUMINA], 1e-6), 0.56),
                                    .anodic = p[ANODIC],
                                    .cathodic = p[CATHODIC],
                                    .kelvin = p[TEMPERATURE] + KELVIN,
                                    .reference = l->bulk};
    l->current = p[CURRENT];
    l->potential = p[POTENTIAL];
}

/* A known current may be more than what the surface has left: then it is depleted from the start. */
static void choose_control(struct electrode *e, double first) {
    struct layer *l = &e->layer;
    if (e->p[CONTROL] == 1) {
        l->control = LAYER_POTENTIAL;
        l->least = 0;
        return;
    }
    double surface = first - l->current * l->width[0] / 2 / (l->electrons * KINETICS_FARADAY * l->diffusivity);
    l->control = surface > l->least ? LAYER_CURRENT : LAYER_DEPLETED;
}

static struct bath bath_of(const struct electrode *e) {
    return (struct bath){
        .alumina = fmax(e->p[ALUMINA], 1e-3), .excess = e->p[EXCESS], .calcium = e->p[CALCIUM], .t = e->p[TEMPERATURE]};
}

/* A current that is turned round makes alumina at the anode. What the bath cannot hold would fall out there, which the
 * equations do not know. */
static enum pl_code check_surface(struct electrode *e, struct pl_error **error) {
    struct bath bath = bath_of(e);
    double is = percent(e, layer_surface(&e->layer)), most = fmax(bath_saturation(&bath), e->p[ALUMINA]);
    if (is <= most * (1 + 1e-3)) return PL_OK;
    return pl_error_set(
        error, PL_RANGE,
        "at %g s there would be %.3g wt%% alumina at the anode's surface, where the bath dissolves %.3g: "
        "it falls out",
        solver_told(e->layer.solver, solver_time(e->layer.solver)), is, most);
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    struct electrode *e = PL_NEW(struct electrode);
    *self = e;
    if (!e) return pl_error_set(error, PL_NO_MEMORY, "no memory for a model");
    for (int i = 0; i < PARAMETERS; i++)
        e->p[i] = p[i];
    e->layer = (struct layer){
        .cells = (int)p[CELLS], .thickness = p[THICKNESS], .electrons = p[ELECTRONS], .tolerance = p[TOLERANCE]};
    put_inputs(e);
    enum pl_code code = layer_place(&e->layer, error);
    if (code) return code;
    choose_control(e, e->layer.bulk);
    code = layer_open(&e->layer, e->layer.bulk, error);
    return code ? code : check_surface(e, error);
}

static void model_close(void *self) {
    struct electrode *e = self;
    if (!e) return;
    layer_close(&e->layer);
    pl_free(e);
}

/* The surface is depleted, or fed again: the anode effect begins or ends. */
static enum pl_code model_advance(void *self, double until, struct pl_error **error) {
    enum { TURNS = 200 };
    struct electrode *e = self;
    struct layer *l = &e->layer;
    for (int i = 0; i < TURNS; i++) {
        bool found = false;
        enum pl_code code = layer_advance(l, until, &found, error);
        if (!code && !found) return check_surface(e, error);
        if (code) return code;
        l->control = l->control == LAYER_CURRENT ? LAYER_DEPLETED : LAYER_CURRENT;
        code = layer_restart(l, error);
        if (code) return code;
    }
    return pl_error_set(error, PL_LIMIT, "the anode effect came and went %d times before %g s", TURNS, until);
}

static enum pl_code model_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    struct electrode *e = self;
    double first = layer_cells(&e->layer)[0];
    e->p[parameter] = value;
    put_inputs(e);
    choose_control(e, first);
    enum pl_code code = layer_restart(&e->layer, error);
    return code ? code : check_surface(e, error);
}

static void model_allow(void *self, const struct pl_model_allowance *allowance) {
    struct electrode *e = self;
    layer_allow(&e->layer, allowance);
}

static long model_effort(void *self) {
    struct electrode *e = self;
    return e->layer.solver ? solver_evaluations(e->layer.solver) : 0;
}

static size_t model_save(void *self, double *to) {
    struct electrode *e = self;
    struct state s = {.to = to};
    state_carry_inputs(&s, parameters, e->p);
    layer_carry(&e->layer, &s);
    return s.at;
}

static enum pl_code model_load(void *self, const double *from, size_t count, struct pl_error **error) {
    struct electrode *e = self;
    struct state s = {.from = from, .count = count};
    state_carry_inputs(&s, parameters, e->p);
    if (!s.bad) put_inputs(e);
    double t = layer_carry(&e->layer, &s);
    enum pl_code code = state_check(&s, "ElectrodeKineticsModel", error);
    if (code) return code;
    if (e->p[CONTROL] == 1) e->layer.least = 0;
    return layer_resume(&e->layer, t, error);
}

static void model_read(void *self, double *out) {
    struct electrode *e = self;
    struct layer *l = &e->layer;
    double current = layer_current(l), surface = layer_surface(l);
    struct bath bath = bath_of(e);
    bool effect = l->control == LAYER_DEPLETED;
    out[KINETIC] = kinetics_overpotential(&l->kinetics, current, l->bulk);
    out[ETA] = effect ? e->p[EFFECT] : layer_potential(l);
    out[CONCENTRATION] = out[ETA] - out[KINETIC];
    out[DENSITY_OUT] = current;
    out[SURFACE] = percent(e, surface);
    out[LIMIT] = layer_limit(l);
    double activity = bath_activity(&bath), kelvin = bath.t + KELVIN;
    out[REVERSIBLE] =
        1.896 - 0.000572 * kelvin - KINETICS_GAS * kelvin / (6 * KINETICS_FARADAY) * log(fmax(activity, 1e-9));
    out[ANODE] = out[REVERSIBLE] + out[ETA];
    out[IS_EFFECT] = effect;
    out[SHARE] = e->p[CONTROL] == 0 && e->p[CURRENT] > 0 ? fmin(current / e->p[CURRENT], 1) : 1;
    out[BALANCE] = layer_balance(l);
}

static unsigned model_profile(void *self, unsigned index, double *position, double *value) {
    (void)index;
    struct electrode *e = self;
    struct layer *l = &e->layer;
    unsigned n = 0;
    position[n] = 0;
    value[n++] = percent(e, layer_surface(l));
    for (int i = 0; i < l->cells; i++) {
        position[n] = l->place[i];
        value[n++] = percent(e, layer_cells(l)[i]);
    }
    position[n] = l->thickness;
    value[n++] = percent(e, l->bulk);
    return n;
}

const struct pl_model twin_electrode_model = {
    PL_MODEL("ElectrodeKineticsModel", "An anode in cryolite: Butler-Volmer kinetics, depletion, anode effect."),
    .doc =
        "Fick's law in a stagnant layer before the anode, with what the current consumes as flux at its surface, and "
        "Butler and Volmer's law with the concentration there. With a known current the overpotential is an algebraic "
        "unknown. Where nothing is left at the surface an anode effect begins: alumina then carries what diffusion "
        "brings, the rest of the current makes PFC, and the overpotential is `effect_overpotential`, until diffusion "
        "brings enough again.\n\n"
        "Assumed: one species, dilute; a layer of constant thickness (15 um matches Haupin's critical density of 1.975 "
        "A/cm2 at 2.5 wt%, hydrodynamics would say 10 to 100 um); kinetics are Haupin's Tafel line with a back "
        "reaction; bubbles only by the layer's thickness. The bulk's concentration is given, it does not fall. A run "
        "ends where "
        "a reversed current would leave more alumina at the surface than the bath dissolves.",
    .parameters = parameters,
    .states = PL_QUANTITIES({"concentration", "mol/m3", "Of alumina in each cell."},
                            {"overpotential", "V", "Algebraic, where the current is imposed."},
                            {"amount passed", "mol/m2", "On either side."}),
    .outputs = outputs,
    .profiles = PL_QUANTITIES({"alumina", "wt%", "From the anode into the bath."}),
    .until = 5,
    .every = 0.05,
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
    .cases = twin_electrode_cases,
    .experiments = twin_electrode_experiments,
};
