/* ledge_model.c: SidewallLedgeModel: the side wall of a cell and the ledge that freezes on it. */
#include <math.h>
#include <potline/model.h>

#include "layered.h"
#include "models.h"
#include "rows.h"
#include "wall.h"

enum {
    BATH,
    LIQUIDUS,
    FILM,
    THICKNESS,
    LEDGE_CONDUCTIVITY,
    LEDGE_DENSITY,
    LEDGE_CAPACITY,
    LATENT,
    LEAST,
    MOST,
    LINING,
    LINING_CONDUCTIVITY,
    LINING_SLOPE,
    CONTACT,
    STEEL,
    SHELL_FILM,
    EMISSIVITY,
    AMBIENT,
    LEDGE_CELLS,
    LINING_CELLS,
    TOLERANCE,
    PARAMETERS
};

static const struct pl_model_parameter parameters[] = {
    [BATH] = {"bath_temperature", "degC", 965, 600, 1300, NULL, PL_MODEL_INPUT,
              "Of the bath or metal beside the ledge."},
    [LIQUIDUS] = {"liquidus", "degC", 955, 600, 1100, NULL, PL_MODEL_INPUT, "Where the bath begins to freeze."},
    [FILM] = {"film", "W/m2/K", 1000, 0, 1e5, NULL, PL_MODEL_INPUT, "From the melt to the ledge."},
    [THICKNESS] = {"thickness", "m", 0.08, 1e-4, 1, NULL, 0, "Of the ledge at the start."},
    [LEDGE_CONDUCTIVITY] = ROW_LEDGE_CONDUCTIVITY,
    [LEDGE_DENSITY] = {"ledge_density", "kg/m3", 2800, 500, 5000, NULL, 0, "Of frozen bath."},
    [LEDGE_CAPACITY] = {"ledge_capacity", "J/kg/K", 1320, 200, 5000, NULL, 0, "Of frozen bath."},
    [LATENT] = {"latent", "J/kg", 520000, 1e4, 2e6, NULL, 0, "Heat of fusion of the bath."},
    [LEAST] = {"least", "m", 0.001, 1e-6, 0.05, NULL, 0,
               "A ledge thinner than this counts as gone: the melt then heats the face itself."},
    [MOST] = ROW_MOST,
    [LINING] = ROW_LINING(0.1),
    [LINING_CONDUCTIVITY] = ROW_LINING_CONDUCTIVITY(20, "Of the side lining at 0 deg C."),
    [LINING_SLOPE] =
        {"lining_slope", "W/m/K2", 0, -0.1, 0.1, NULL, 0,
         "Its change by kelvin; it does not fall below 15 W/m/K or its value at 0 deg C, if that is less."},
    [CONTACT] = {"contact", "m2 K/W", 0, 0, 0.1, NULL, 0, "Between lining and shell: glue, a gap."},
    [STEEL] = ROW_STEEL,
    [SHELL_FILM] = ROW_SHELL_FILM(10, "From the shell to the air; forced cooling."),
    [EMISSIVITY] = ROW_EMISSIVITY,
    [AMBIENT] = ROW_AMBIENT,
    [LEDGE_CELLS] = ROW_GRID("ledge_cells", 16, 2, 500, "Finite volumes in the ledge."),
    [LINING_CELLS] = ROW_GRID("lining_cells", 12, 2, 500, "Finite volumes in the lining."),
    [TOLERANCE] = ROW_TOLERANCE(1e-6),
    {.name = NULL},
};

enum { LEDGE, GROWTH, BARE, FLUX_IN, FLUX_OUT, FACE, SHELL, JOINT, SUPERHEAT, BALANCE };
static const struct pl_model_quantity outputs[] = {
    [LEDGE] = {"ledge", "m", "Thickness of the ledge."},
    [GROWTH] = {"growth", "m/h", "How fast it grows; melting is negative."},
    [BARE] = {"bare", "", "1 while there is no ledge, else 0."},
    [FLUX_IN] = ROW_FLUX_IN("From the melt to the ledge."),
    [FLUX_OUT] = ROW_FLUX_OUT,
    [FACE] = {"face", "degC", "Of the face to the melt: the liquidus, unless there is no ledge."},
    [SHELL] = {"shell", "degC", "Of the outer face of the shell."},
    [JOINT] = {"joint", "degC", "Between ledge and lining."},
    [SUPERHEAT] = {"superheat", "K", "Of the melt above the liquidus."},
    [BALANCE] = ROW_BALANCE("Heat"),
    {.name = NULL},
};

static void put_inputs(struct layered *l) {
    const double *p = l->p;
    struct stack *s = &l->c.stack;
    s->front.film = p[FILM];
    s->front.melt = p[BATH];
    s->front.freezing = p[LIQUIDUS];
    s->right = (struct stack_side){.kind = STACK_FILM,
                                   .temperature = p[AMBIENT],
                                   .film = p[SHELL_FILM],
                                   .emissivity = p[EMISSIVITY],
                                   .walls = p[AMBIENT]};
}

static enum pl_code set_up(struct layered *l, struct pl_error **error) {
    const double *p = l->p;
    struct wall wall = {.ledge = p[THICKNESS],
                        .least = p[LEAST],
                        .most = p[MOST],
                        .ledge_conductivity = p[LEDGE_CONDUCTIVITY],
                        .ledge_density = p[LEDGE_DENSITY],
                        .ledge_capacity = p[LEDGE_CAPACITY],
                        .latent = p[LATENT],
                        .lining = p[LINING],
                        .lining_conductivity = p[LINING_CONDUCTIVITY],
                        .lining_slope = p[LINING_SLOPE],
                        .contact = p[CONTACT],
                        .steel = p[STEEL],
                        .ledge_cells = (int)p[LEDGE_CELLS],
                        .lining_cells = (int)p[LINING_CELLS]};
    if (p[THICKNESS] < p[LEAST] || p[THICKNESS] > p[MOST])
        return pl_error_set(error, PL_RANGE, "a ledge of %g m is not within least (%g m) and most (%g m)", p[THICKNESS],
                            p[LEAST], p[MOST]);
    enum pl_code code = wall_init(&l->c.stack, &wall, error);
    if (code) return code;
    stack_front(&l->c.stack, p[FILM], p[BATH], p[LIQUIDUS], p[LEAST], p[MOST]);
    put_inputs(l);
    wall_steady(&l->c.stack, p[LIQUIDUS], l->c.stack.t);
    return PL_OK;
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    static const struct layered_kind kind = {"SidewallLedgeModel", parameters, set_up, put_inputs};
    return layered_open(self, &kind, p, error);
}

static void model_read(void *self, double *out) {
    struct layered *l = self;
    struct stack *s = &l->c.stack;
    conduction_cells(&l->c);
    out[LEDGE] = s->front.thickness;
    out[GROWTH] = s->front.speed * 3600;
    out[BARE] = s->front.bare;
    out[FLUX_IN] = s->front.film * (s->front.melt - s->left_face);
    out[FLUX_OUT] = s->flux[s->cells];
    out[FACE] = s->left_face;
    out[SHELL] = s->right_face;
    out[JOINT] = stack_at(s, s->front.thickness);
    out[SUPERHEAT] = s->front.melt - s->front.freezing;
    out[BALANCE] = conduction_balance(&l->c);
}

const struct pl_model twin_ledge_model = {
    PL_MODEL("SidewallLedgeModel", "The side wall of a cell and the ledge of frozen bath on it."),
    .doc =
        "One dimension, hot to cold: melt, film, ledge, side lining, contact, steel shell, air. The ledge's face is at "
        "the liquidus and moves: density * latent * ds/dt = what the ledge conducts away less film * superheat. Heat "
        "contents of cells are the unknowns and moving faces carry theirs along, so heat is conserved to round-off. A "
        "ledge at `least` is gone: then the melt heats the face until that is below the liquidus again.\n\n"
        "Assumed: a plane wall, pure conduction in solids, ledge of one composition with constant properties, a melt "
        "that is well mixed up to its film. It starts from the steady temperatures of its thickness. Lining and steel "
        "data are usual ones (SiC 20 W/m/K, 1100 J/kg/K), the conductivity of ledge is known to about 30 %.",
    .parameters = parameters,
    .states = PL_QUANTITIES(ROW_HEAT_CONTENT, {"thickness", "m", "Of the ledge."}, ROW_HEAT_PASSED),
    .outputs = outputs,
    .profiles = PL_QUANTITIES({"temperature", "degC", "From the ledge's face on outwards."}),
    .until = 28800,
    .every = 300,
    .open = model_open,
    .read = model_read,
    LAYERED_MODEL,
    .cases = twin_ledge_cases,
    .experiments = twin_ledge_experiments,
};
