/* ledge_cases.c: freezing against Stefan's and Neumann's solutions, and a wall in equilibrium. */
#include <math.h>
#include <potline/alloc.h>

#include "conduction.h"
#include "models.h"

static const double RHO = 2800, K = 1.5, C = 1320, LATENT = 520000, MELTS = 955, COLD = 700;
static const double FROM = 1e-5; /* m: the least that there is of ledge at the start */

/* ---- One phase, front tracked ---- */

static const double LAMBDA = 0.51919258071163;

static double front_at(double t) {
    return 2 * LAMBDA * sqrt(K / RHO / C * t);
}

static enum pl_code freeze(struct conduction *c, int cells, struct pl_error **error) {
    struct stack_layer ledge = {.material = {.density = RHO,
                                             .conductivity = law(K),
                                             .capacity = law(C),
                                             .latent = LATENT,
                                             .melts = MELTS,
                                             .liquid_conductivity = law(K),
                                             .liquid_capacity = law(C)},
                                .thickness = FROM,
                                .cells = cells};
    *c = (struct conduction){.tolerance = 1e-9};
    enum pl_code code = stack_init(&c->stack, &ledge, 1, STACK_PLANE, 0, error);
    if (code) return code;
    stack_front(&c->stack, 0, MELTS, MELTS, FROM / 2, 1);
    c->stack.right = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = COLD};
    for (int i = 0; i < cells; i++) {
        double x = 1 - c->stack.place[i] / FROM;
        c->stack.t[i] = COLD + (MELTS - COLD) * erf(LAMBDA * x) / erf(LAMBDA);
    }
    return conduction_open(c, c->stack.t, error);
}

/* The clock of the solution, which had its front there at the start. */
static double begun(void) {
    return FROM * FROM / (4 * LAMBDA * LAMBDA * K / RHO / C);
}

static enum pl_code front_error(int cells, double t, double *wrong, struct pl_error **error) {
    struct conduction c;
    enum pl_code code = freeze(&c, cells, error);
    if (!code) code = conduction_advance(&c, t - begun(), error);
    if (!code) *wrong = solver_state(c.solver)[1 + cells] / front_at(t) - 1;
    conduction_close(&c);
    return code;
}

static enum pl_code stefan(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {60, 600, 3600, 21600, 86400};
    static const double front[] = {0.00512405457735, 0.0162036833194, 0.0396907560862, 0.0972220999166, 0.194444199833};
    static const double flux[] = {81407.1785044, 25743.2101962, 10509.6215536, 4290.53503270, 2145.26751635};
    struct conduction c;
    enum pl_code code = freeze(&c, 40, error);
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = conduction_advance(&c, t[i] - begun(), error);
        if (code) break;
        conduction_cells(&c);
        char quantity[64];
        snprintf(quantity, sizeof quantity, "front (%g s)", t[i]);
        models_tell(report, "freezing from a wall, front tracked", quantity, "m", front[i], c.stack.front.thickness, 0,
                    1e-3);
        snprintf(quantity, sizeof quantity, "flux into the wall (%g s)", t[i]);
        models_tell(report, "freezing from a wall, front tracked", quantity, "W/m2", flux[i], c.stack.flux[40], 0,
                    1e-3);
        snprintf(quantity, sizeof quantity, "T(s/2, %g s)", t[i]);
        models_tell(report, "freezing from a wall, front tracked", quantity, "degC", 835.983664564,
                    stack_at(&c.stack, c.stack.front.thickness / 2), 0, 1e-3);
    }
    if (!code)
        models_tell_rest(report, "freezing from a wall, front tracked", "heat unaccounted for", conduction_balance(&c),
                         1e-8);
    conduction_close(&c);
    double wrong[3] = {0};
    for (int i = 0; i < 3 && !code; i++)
        code = front_error(5 << i, 3600, &wrong[i], error);
    if (!code)
        models_tell_order(report, "freezing from a wall, front tracked", "order in space",
                          fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return code;
}

/* ---- One and two phases, by enthalpy on a grid at rest ---- */

static const struct material freezing = {.density = 2800,
                                         .conductivity = {1.5, 0, 1.5, 1.5},
                                         .capacity = {1320, 0, 1320, 1320},
                                         .latent = 520000,
                                         .melts = 955,
                                         .liquid_conductivity = {0.8, 0, 0.8, 0.8},
                                         .liquid_capacity = {1750, 0, 1750, 1750}};

/* Where the front is when all that is solid lies on the left. */
static double solid(const struct stack *s) {
    double sum = 0;
    for (int i = 0; i < s->cells; i++)
        sum += s->volume[i] * (1 - material_melted(&freezing, s->heat[i] / freezing.density));
    return sum;
}

static enum pl_code neumann(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {3600, 21600, 86400}, front[] = {0.0389042037287, 0.0952954479847, 0.190590895969};
    struct stack_layer layer = {.material = freezing, .thickness = 1.2, .cells = 400, .growth = 1.01};
    struct conduction c = {.tolerance = 1e-6};
    enum pl_code code = stack_init(&c.stack, &layer, 1, STACK_PLANE, 0, error);
    if (!code) {
        c.stack.left = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = COLD};
        c.stack.right = (struct stack_side){.kind = STACK_FLUX};
        for (int i = 0; i < c.stack.cells; i++)
            c.stack.t[i] = 965;
        code = conduction_open(&c, c.stack.t, error);
    }
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = conduction_advance(&c, t[i], error);
        if (code) break;
        conduction_cells(&c);
        char quantity[64];
        snprintf(quantity, sizeof quantity, "front (%g s)", t[i]);
        models_tell(report, "freezing of a warm melt, by enthalpy", quantity, "m", front[i], solid(&c.stack), 0, 5e-3);
        static const double parts[] = {0.5, 1.5, 3}, warm[] = {835.655268655, 961.540162659, 964.974121446};
        for (int k = 0; k < 3; k++) {
            snprintf(quantity, sizeof quantity, "T(%g s, %g s)", parts[k], t[i]);
            models_tell(report, "freezing of a warm melt, by enthalpy", quantity, "degC", warm[k],
                        stack_at(&c.stack, parts[k] * front[i]), 0, 1e-3);
        }
    }
    if (!code)
        models_tell_rest(report, "freezing of a warm melt, by enthalpy", "heat unaccounted for", conduction_balance(&c),
                         1e-8);
    conduction_close(&c);
    return code;
}

/* ---- Ledge with a film, quasi-steady ---- */

static enum pl_code film_front(const struct pl_model_report *report, double from, const double *expected,
                               struct pl_error **error) {
    static const double t[] = {600, 3600, 7200, 21600};
    struct stack_layer ledge = {.material = {.density = RHO,
                                             .conductivity = law(K),
                                             .capacity = law(0.01), /* it stores nothing: quasi-steady */
                                             .latent = LATENT,
                                             .melts = MELTS,
                                             .liquid_conductivity = law(K),
                                             .liquid_capacity = law(0.01)},
                                .thickness = from,
                                .cells = 10};
    struct conduction c = {.tolerance = 1e-8};
    enum pl_code code = stack_init(&c.stack, &ledge, 1, STACK_PLANE, 0, error);
    if (!code) {
        stack_front(&c.stack, 1000, MELTS + 10, MELTS, 1e-5, 1);
        c.stack.right = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = COLD};
        for (int i = 0; i < 10; i++)
            c.stack.t[i] = MELTS - (MELTS - COLD) * c.stack.place[i] / from;
        code = conduction_open(&c, c.stack.t, error);
    }
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = conduction_advance(&c, t[i], error);
        if (code) break;
        conduction_cells(&c);
        char quantity[64];
        snprintf(quantity, sizeof quantity, "front from %g mm (%g s)", from * 1000, t[i]);
        models_tell(report, "ledge with a film, without storage", quantity, "m", expected[i], c.stack.front.thickness,
                    0, 1e-3);
    }
    conduction_close(&c);
    return code;
}

static enum pl_code quasi_steady(const struct pl_model_report *report, struct pl_error **error) {
    static const double grown[] = {0.0151209616446, 0.0288153552189, 0.0339251048745, 0.0379567306278};
    static const double melted[] = {0.0585389412296, 0.0522168062880, 0.0467023182009, 0.0390283474878};
    enum pl_code code = film_front(report, 2e-5, grown, error);
    return code ? code : film_front(report, 0.06, melted, error);
}

/* ---- The wall as a model ---- */

static enum pl_code run_wall(const double *set, double until, double *out, struct pl_error **error) {
    double p[PL_MODEL_PARAMETERS_MAX] = {0};
    models_defaults(twin_ledge_model.parameters, p);
    p[0] = set[0];
    void *self = NULL;
    enum pl_code code = twin_ledge_model.open(&self, p, error);
    if (!code) code = twin_ledge_model.advance(self, until, error);
    if (!code) twin_ledge_model.read(self, out);
    twin_ledge_model.close(self);
    return code;
}

static enum pl_code equilibrium(const struct pl_model_report *report, struct pl_error **error) {
    const char *subject = "wall in equilibrium, film, radiation";
    double out[PL_MODEL_OUTPUTS_MAX];
    enum pl_code code = run_wall((double[]){965}, 100 * 86400.0, out, error);
    if (code) return code;
    models_tell(report, subject, "ledge", "m", 0.0816521107340, out[0], 0, 1e-3);
    models_tell(report, subject, "flux out", "W/m2", 10000, out[4], 0, 1e-3);
    models_tell(report, subject, "shell", "degC", 357.652595107, out[6], 0, 1e-3);
    models_tell(report, subject, "ledge and lining meet at", "degC", 410.652595107, out[7], 0, 1e-3);
    return PL_OK;
}

/* The melt swings through its liquidus and beyond what a ledge can stand, so it goes and comes back. */
static enum pl_code swings(const struct pl_model_report *report, struct pl_error **error) {
    double p[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(twin_ledge_model.parameters, p);
    p[3] = 0.02;
    void *self = NULL;
    bool was_bare = false, came_back = false;
    enum pl_code code = twin_ledge_model.open(&self, p, error);
    for (int hour = 0; hour < 24 && !code; hour++) {
        code = twin_ledge_model.set(self, 0, hour % 12 < 6 ? 1000 : 958, error);
        if (!code) code = twin_ledge_model.advance(self, (hour + 1) * 3600.0, error);
        if (code) break;
        twin_ledge_model.read(self, out);
        was_bare = was_bare || out[2] == 1;
        came_back = came_back || (was_bare && out[2] == 0 && out[0] > 0.002);
    }
    if (!code) {
        models_tell_rest(report, "a day of a ledge that goes and comes back", "heat unaccounted for", out[9], 1e-8);
        models_tell(report, "a day of a ledge that goes and comes back", "gone, and back (1: yes)", "", 1, came_back, 0,
                    0);
    }
    twin_ledge_model.close(self);
    return code;
}

const struct pl_model_case twin_ledge_cases[] = {
    {"stefan", "Freezing from a wall, one phase, front tracked.", stefan},
    {"neumann", "Freezing of a warm melt, two phases, by enthalpy.", neumann},
    {"quasi-steady", "A ledge with a film that stores no heat.", quasi_steady},
    {"equilibrium", "A whole wall in equilibrium.", equilibrium},
    {"swings", "Heat balance of a day in which the ledge goes and comes back.", swings},
    {.name = NULL},
};
