/* lining_model.c: CathodeLiningModel: what is below the metal. */
#include <math.h>
#include <potline/model.h>

#include "layered.h"
#include "lining.h"
#include "models.h"
#include "rows.h"
#include "wall.h"

static const struct pl_model_parameter parameters[] = {
    [LINING_METAL] = {"metal_temperature", "degC", 965, 600, 1300, NULL, PL_MODEL_INPUT,
                      "Of the metal on the cathode."},
    [LINING_FILM] = {"film", "W/m2/K", 1250, 1, 1e5, NULL, PL_MODEL_INPUT, "From the metal to the cathode."},
    [LINING_JOULE] = {"joule", "W/m2", 0, 0, 50000, NULL, PL_MODEL_INPUT, "Set free in the cathode blocks, by area."},
    [LINING_BARS] = {"bar_loss", "W/m2/K", 0, 0, 20, NULL, PL_MODEL_INPUT,
                     "That collector bars conduct out of the blocks, by area and kelvin above the surroundings."},
    [LINING_BLOCK] = {"block", "m", 0.45, 0.05, 1, NULL, 0, "Thickness of the cathode blocks."},
    [LINING_BLOCK_K] = {"block_conductivity", "W/m/K", 15, 1, 200, NULL, 0,
                        "Of the blocks at 0 deg C: 15 semigraphitic, 100 graphitised."},
    [LINING_BLOCK_SLOPE] = {"block_slope", "W/m/K2", 0, -0.1, 0.1, NULL, 0, "Its change by kelvin; not below 5 W/m/K."},
    [LINING_BARRIER] = {"barrier", "m", 0.13, 0.01, 1, NULL, 0, "Thickness of dry barrier and firebrick."},
    [LINING_BARRIER_K] = {"barrier_conductivity", "W/m/K", 1.2, 0.1, 20, NULL, 0, "Of these."},
    [LINING_INSULATION] = {"insulation", "m", 0.13, 0.01, 1, NULL, 0, "Thickness of the insulation."},
    [LINING_INSULATION_K] = {"insulation_conductivity", "W/m/K", 0.17, 0.02, 5, NULL, 0, "Of it."},
    [LINING_STEEL] = ROW_STEEL,
    [LINING_SHELL_FILM] = ROW_SHELL_FILM(6, "From the shell to the air."),
    [LINING_EMISSIVITY] = ROW_EMISSIVITY,
    [LINING_AMBIENT] = ROW_AMBIENT,
    [LINING_FREEZES] = {"salt_freezes", "degC", 880, 500, 1000, NULL, 0, "Where bath that has soaked in freezes."},
    [LINING_CELLS] = ROW_GRID("cells", 12, 2, 200, "Finite volumes in each layer."),
    [LINING_TOLERANCE] = ROW_TOLERANCE(1e-6),
    {.name = NULL},
};

enum { FLUX_IN, FLUX_OUT, SURFACE, BELOW_BLOCK, BELOW_BARRIER, SHELL, MEAN, DEPTH, BARS, BALANCE };
static const struct pl_model_quantity outputs[] = {
    [FLUX_IN] = ROW_FLUX_IN("From the metal into the cathode."),
    [FLUX_OUT] = ROW_FLUX_OUT,
    [SURFACE] = {"surface", "degC", "Of the cathode."},
    [BELOW_BLOCK] = {"below_block", "degC", "Between blocks and barrier."},
    [BELOW_BARRIER] = {"below_barrier", "degC", "Between barrier and insulation."},
    [SHELL] = {"shell", "degC", "Of the shell's bottom."},
    [MEAN] = {"mean", "degC", "Of all layers, by volume."},
    [DEPTH] = {"freeze_depth", "m", "Below the cathode's surface, of the isotherm salt_freezes."},
    [BARS] = {"bars_out", "W/m2", "That collector bars conduct out."},
    [BALANCE] = ROW_BALANCE("Heat"),
    {.name = NULL},
};

void lining_inputs(struct stack *s, const double *p) {
    s->left = (struct stack_side){.kind = STACK_FILM, .temperature = p[LINING_METAL], .film = p[LINING_FILM]};
    s->right = (struct stack_side){.kind = STACK_FILM,
                                   .temperature = p[LINING_AMBIENT],
                                   .film = p[LINING_SHELL_FILM],
                                   .emissivity = p[LINING_EMISSIVITY],
                                   .walls = p[LINING_AMBIENT]};
    s->loss_to = p[LINING_AMBIENT];
    for (int i = 0; i < s->cells && s->of[i] == 0; i++) {
        s->source[i] = p[LINING_JOULE] * s->volume[i] / p[LINING_BLOCK];
        s->loss[i] = p[LINING_BARS] * s->volume[i] / p[LINING_BLOCK];
    }
}

enum pl_code lining_stack(struct stack *s, const double *p, struct pl_error **error) {
    int n = (int)p[LINING_CELLS];
    struct law block = law(p[LINING_BLOCK_K]);
    if (p[LINING_BLOCK_SLOPE] != 0)
        block = (struct law){p[LINING_BLOCK_K], p[LINING_BLOCK_SLOPE], fmin(5, p[LINING_BLOCK_K]), 300};
    struct stack_layer layers[] = {
        {.material = {.density = 1650, .conductivity = block, .capacity = {800, 0.8, 800, 1900}},
         .thickness = p[LINING_BLOCK],
         .cells = n},
        {.material = {.density = 2000, .conductivity = law(p[LINING_BARRIER_K]), .capacity = law(1000)},
         .thickness = p[LINING_BARRIER],
         .cells = n},
        {.material = {.density = 800, .conductivity = law(p[LINING_INSULATION_K]), .capacity = law(1000)},
         .thickness = p[LINING_INSULATION],
         .cells = n},
        {.material = {.density = 7850, .conductivity = law(40), .capacity = law(600)},
         .thickness = p[LINING_STEEL],
         .cells = 2},
    };
    enum pl_code code = stack_init(s, layers, 4, STACK_PLANE, 0, error);
    if (code) return code;
    lining_inputs(s, p);
    wall_steady(s, p[LINING_METAL], s->t);
    return PL_OK;
}

const struct pl_model_parameter *lining_parameters(void) {
    return parameters;
}

static enum pl_code set_up(struct layered *l, struct pl_error **error) {
    return lining_stack(&l->c.stack, l->p, error);
}

static void put_inputs(struct layered *l) {
    lining_inputs(&l->c.stack, l->p);
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    static const struct layered_kind kind = {"CathodeLiningModel", parameters, set_up, put_inputs};
    return layered_open(self, &kind, p, error);
}

/* Where a temperature is passed on the way down. */
static double depth_of(const struct stack *s, double t) {
    double at0 = 0, t0 = s->left_face;
    if (t0 <= t) return 0;
    for (int i = 0; i < s->cells; i++) {
        if (s->t[i] <= t) return at0 + (s->place[i] - at0) * (t0 - t) / (t0 - s->t[i]);
        at0 = s->place[i];
        t0 = s->t[i];
    }
    return stack_end(s);
}

static void model_read(void *self, double *out) {
    struct layered *l = self;
    struct stack *s = &l->c.stack;
    conduction_cells(&l->c);
    double sum = 0;
    out[BARS] = 0;
    for (int i = 0; i < s->cells; i++) {
        sum += s->t[i] * s->volume[i];
        out[BARS] += stack_lost(s, i, s->t[i]);
    }
    out[MEAN] = sum / stack_end(s);
    out[FLUX_IN] = s->flux[0];
    out[FLUX_OUT] = s->flux[s->cells];
    out[SURFACE] = s->left_face;
    out[BELOW_BLOCK] = stack_at(s, l->p[LINING_BLOCK]);
    out[BELOW_BARRIER] = stack_at(s, l->p[LINING_BLOCK] + l->p[LINING_BARRIER]);
    out[SHELL] = s->right_face;
    out[DEPTH] = depth_of(s, l->p[LINING_FREEZES]);
    out[BALANCE] = conduction_balance(&l->c);
}

/* ---- Cases ---- */

static enum pl_code stack_case(const struct pl_model_report *report, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(parameters, v);
    v[LINING_METAL] = 968.982;
    v[LINING_FILM] = 1e5;
    void *self = NULL;
    enum pl_code code = model_open(&self, v, error);
    if (!code) code = layered_advance(self, 100 * 86400.0, error);
    if (!code) {
        model_read(self, out);
        const char *subject = "bottom of a cell in equilibrium";
        models_tell(report, subject, "flux out", "W/m2", 955, out[FLUX_OUT], 0, 1e-3);
        models_tell(report, subject, "below the blocks", "degC", 940, out[BELOW_BLOCK], 0, 1e-3);
        models_tell(report, subject, "below the barrier", "degC", 837, out[BELOW_BARRIER], 0, 1e-3);
        models_tell_rest(report, subject, "heat unaccounted for", out[BALANCE], 1e-8);
    }
    layered_close(self);
    return code;
}

/* Joule heat and bars: what comes in goes out, and a day of a swinging metal closes. */
static enum pl_code day_case(const struct pl_model_report *report, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(parameters, v);
    v[LINING_JOULE] = 1500;
    v[LINING_BARS] = 1;
    v[LINING_BLOCK_SLOPE] = -0.004;
    void *self = NULL;
    enum pl_code code = model_open(&self, v, error);
    for (int hour = 0; hour < 24 && !code; hour++) {
        code = layered_set(self, LINING_METAL, 960 + 5 * (hour % 3), error);
        if (!code) code = layered_advance(self, (hour + 1) * 3600.0, error);
    }
    if (!code) {
        model_read(self, out);
        models_tell_rest(report, "a day with Joule heat and bars", "heat unaccounted for", out[BALANCE], 1e-8);
    }
    layered_close(self);
    return code;
}

static const struct pl_model_case cases[] = {
    {"bottom", "The bottom of a cell in equilibrium.", stack_case},
    {"day", "Heat balance over a day.", day_case},
    {.name = NULL},
};

const struct pl_model twin_lining_model = {
    PL_MODEL("CathodeLiningModel", "The cathode, barrier and insulation below the metal."),
    .doc = "One dimension, down from the metal: film, cathode blocks with the heat of the current in them, barrier, "
           "insulation, steel, air. Collector bars conduct heat out of the blocks in parallel. `freeze_depth` is how "
           "far down "
           "soaked-in bath stays liquid.\n\n"
           "Assumed: vertical conduction only, a new lining (no salt in the barrier), bars as a conductance that is "
           "spread "
           "over the blocks. It starts from its steady temperatures. Layer data are usual "
           "ones; "
           "none of them is measured on a known cell.",
    .parameters = parameters,
    .states = PL_QUANTITIES(ROW_HEAT_CONTENT, ROW_HEAT_PASSED),
    .outputs = outputs,
    .profiles = PL_QUANTITIES({"temperature", "degC", "Down from the cathode's surface."}),
    .until = 10 * 86400,
    .every = 14400,
    .open = model_open,
    .read = model_read,
    LAYERED_MODEL,
    .cases = cases,
    .experiments = twin_lining_experiments,
};
