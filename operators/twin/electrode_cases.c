/* electrode_cases.c: diffusion before an electrode and its kinetics against closed solutions. */
#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "layer.h"
#include "models.h"

static const double PI = 3.14159265358979323846, D = 1e-9, N = 6;
static const double BULK = 0.025 * 2100 / 0.101961;
static const struct kinetics anode = {48.447, 1.08, 0.92, 1233.15, 0.025 * 2100 / 0.101961};

static void named(char quantity[64], const char *what, double at, const char *unit) {
    snprintf(quantity, 64, "%s %g%s%s", what, at, *unit ? " " : "", unit);
}

static double between(struct layer *l, double x) {
    const double *c = layer_cells(l);
    double at0 = 0, c0 = layer_surface(l);
    for (int i = 0; i < l->cells; i++) {
        if (x <= l->place[i]) return c0 + (c[i] - c0) * (x - at0) / (l->place[i] - at0);
        at0 = l->place[i];
        c0 = c[i];
    }
    return c0;
}

/* ---- Cottrell and Sand: half-space ---- */

static struct layer half_space(int factor) {
    return (struct layer){.cells = 60 * factor,
                          .thickness = 4e-3,
                          .growth = pow(1.08, 1.0 / factor),
                          .diffusivity = D,
                          .electrons = N,
                          .bulk = BULK,
                          .kinetics = anode,
                          .tolerance = 1e-9};
}

static enum pl_code cottrell_error(int factor, double t, double *wrong, struct pl_error **error) {
    struct layer l = half_space(factor);
    l.control = LAYER_DEPLETED;
    enum pl_code code = layer_open(&l, BULK, error);
    if (!code) code = layer_advance(&l, t, NULL, error);
    *wrong = code ? 0 : layer_current(&l) - N * KINETICS_FARADAY * BULK * sqrt(D / (PI * t));
    layer_close(&l);
    return code;
}

static enum pl_code cottrell(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {0.1, 1, 10, 100}, x[] = {10e-6, 50e-6, 100e-6};
    static const double current[] = {16817.5538631, 5318.17748800, 1681.75538631, 531.817748800};
    static const double c[] = {268.006822071, 514.693216221, 514.902756936, 91.1052081453,
                               379.198859786, 501.851352668, 29.0260867816, 142.281220112,
                               268.006822071, 9.18573877663, 45.8370077107, 91.1052081453};
    struct layer l = half_space(8);
    l.control = LAYER_DEPLETED;
    enum pl_code code = layer_open(&l, BULK, error);
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = layer_advance(&l, t[i], NULL, error);
        if (code) break;
        char quantity[64];
        named(quantity, "current at", t[i], "s");
        models_tell(report, "Cottrell, depleted surface", quantity, "A/m2", current[i], layer_current(&l), 0, 1e-3);
        for (int k = 0; k < 3; k++) {
            snprintf(quantity, sizeof quantity, "c(%g um, %g s)", x[k] * 1e6, t[i]);
            models_tell(report, "Cottrell, depleted surface", quantity, "mol/m3", c[3 * i + (unsigned)k],
                        between(&l, x[k]), 0, 1e-3);
        }
    }
    if (!code)
        models_tell_rest(report, "Cottrell, depleted surface", "amount unaccounted for", layer_balance(&l), 1e-8);
    layer_close(&l);
    double wrong[3] = {0};
    for (int i = 0; i < 3 && !code; i++)
        code = cottrell_error(1 << i, 10, &wrong[i], error);
    if (!code)
        models_tell_order(report, "Cottrell, depleted surface", "order in space",
                          fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return code;
}

/* Around a sphere the surface is fed by what spreads: nFDc (1/sqrt(pi D t) + 1/r), exact for all times. */
static enum pl_code sphere_error(int factor, double t, double *is, double *wrong, struct pl_error **error) {
    struct layer l = half_space(factor);
    l.control = LAYER_DEPLETED;
    l.radius = 100e-6;
    enum pl_code code = layer_open(&l, BULK, error);
    if (!code) code = layer_advance(&l, t, NULL, error);
    *is = code ? 0 : layer_current(&l);
    *wrong = *is - N * KINETICS_FARADAY * BULK * D * (1 / sqrt(PI * D * t) + 1 / l.radius);
    if (!code && layer_balance(&l) > 1e-8) code = pl_error_set(error, PL_RANGE, "the sphere's balance is open");
    layer_close(&l);
    return code;
}

static enum pl_code sphere(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {0.1, 1, 10, 100};
    double is, wrong[3] = {0};
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = sphere_error(8, t[i], &is, &wrong[0], error);
        char quantity[64];
        named(quantity, "current at", t[i], "s");
        if (!code) models_tell(report, "sphere, depleted surface", quantity, "A/m2", is - wrong[0], is, 0, 1e-3);
    }
    for (int i = 0; i < 3 && !code; i++)
        code = sphere_error(1 << i, 10, &is, &wrong[i], error);
    if (!code)
        models_tell_order(report, "sphere, depleted surface", "order in space",
                          fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return code;
}

static enum pl_code sand(const struct pl_model_report *report, struct pl_error **error) {
    static const double parts[] = {0.1, 0.5, 0.9}, surface[] = {352.076208395, 150.811525855, 26.4231113107};
    static const double time = 0.965889749749;
    struct layer l = half_space(8);
    l.control = LAYER_CURRENT;
    l.current = 8500;
    l.least = 1e-4 * BULK;
    enum pl_code code = layer_open(&l, BULK, error);
    for (int i = 0; i < 3 && !code; i++) {
        code = layer_advance(&l, parts[i] * time, NULL, error);
        char quantity[64];
        named(quantity, "c(0) at t/t_Sand", parts[i], "");
        if (!code)
            models_tell(report, "Sand, given current", quantity, "mol/m3", surface[i], layer_surface(&l), 0, 1e-3);
    }
    bool depleted = false;
    if (!code) code = layer_advance(&l, 2, &depleted, error);
    if (!code)
        models_tell(report, "Sand, given current", "time to depletion (an event)", "s", time,
                    depleted ? solver_time(l.solver) : NAN, 0, 1e-3);
    layer_close(&l);
    return code;
}

/* ---- Nernst's layer ---- */

static enum pl_code nernst(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {0.1, 0.5, 1, 2, 5, 20, 1000};
    static const double surface[] = {466.174315425, 405.942649290, 360.810509350, 297.215169470,
                                     184.994955599, 85.5756349265, 83.0581879107};
    static const double middle[] = {
        514.896558924, 508.267172211, 489.369619351, 449.764278919, 371.059823621, 300.760576280, NAN};
    struct layer l = {.cells = 200,
                      .thickness = 100e-6,
                      .diffusivity = D,
                      .electrons = N,
                      .bulk = BULK,
                      .kinetics = anode,
                      .control = LAYER_CURRENT,
                      .current = 2500,
                      .tolerance = 1e-9};
    enum pl_code code = layer_open(&l, BULK, error);
    for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
        code = layer_advance(&l, t[i], NULL, error);
        if (code) break;
        char quantity[64];
        named(quantity, "c(0) at", t[i], "s");
        models_tell(report, "Nernst's layer, given current", quantity, "mol/m3", surface[i], layer_surface(&l), 0,
                    1e-3);
        named(quantity, "c(50 um) at", t[i], "s");
        if (!isnan(middle[i]))
            models_tell(report, "Nernst's layer, given current", quantity, "mol/m3", middle[i], between(&l, 50e-6), 0,
                        1e-3);
    }
    if (!code) {
        models_tell(report, "Nernst's layer, given current", "limiting current", "A/m2", 2980.83381075, layer_limit(&l),
                    0, 1e-9);
        models_tell_rest(report, "Nernst's layer, given current", "amount unaccounted for", layer_balance(&l), 1e-8);
    }
    layer_close(&l);
    return code;
}

/* Eddies that grow with the fourth power of the distance: what a depleted surface draws in the end, through layers in
 * series, of which the whole half-space has the integral pi / (2 sqrt 2) / 1.507^(1/4) and a cut one less. */
static double eddies_integral(double from_surface) {
    double root = sqrt(2), z = from_surface * pow(1.507, 0.25);
    double sum = log((z * z + root * z + 1) / (z * z - root * z + 1)) / 2 + atan(root * z + 1) + atan(root * z - 1);
    return sum / (2 * root) / pow(1.507, 0.25);
}

static enum pl_code eddies_current(int factor, double *is, struct pl_error **error) {
    const double MIXING = 100e-6, CUT = 4; /* where voltammetry cuts it */
    struct layer l = {.cells = 20 * factor,
                      .thickness = CUT * MIXING,
                      .mixing = MIXING,
                      .diffusivity = D,
                      .electrons = N,
                      .bulk = BULK,
                      .control = LAYER_DEPLETED,
                      .tolerance = 1e-9};
    enum pl_code code = layer_open(&l, BULK, error);
    if (!code) code = layer_advance(&l, 1000, NULL, error);
    *is = code ? 0 : layer_current(&l) * MIXING / (N * KINETICS_FARADAY * D * BULK);
    if (!code && layer_balance(&l) > 1e-8) code = pl_error_set(error, PL_RANGE, "the balance with eddies is open");
    layer_close(&l);
    return code;
}

static enum pl_code eddies(const struct pl_model_report *report, struct pl_error **error) {
    const double CUT = 4, whole = PI / (2 * sqrt(2)) / pow(1.507, 0.25);
    double is[4] = {0};
    enum pl_code code = PL_OK;
    for (int i = 0; i < 4 && !code; i++)
        code = eddies_current(1 << i, &is[i], error);
    if (code) return code;
    double expected = 1 / eddies_integral(CUT), wrong[4];
    for (int i = 0; i < 4; i++)
        wrong[i] = is[i] - expected;
    models_tell(report, "layer with eddies", "limiting current, cut at 4 thicknesses, by n F D c / d", "", expected,
                is[3], 0, 1e-3);
    models_tell(report, "layer with eddies", "the same by the half-space's", "", 1.00346, is[3] * whole, 0, 1e-3);
    models_tell_order(report, "layer with eddies", "order in space",
                      fmin(models_order(wrong[1], wrong[2]), models_order(wrong[2], wrong[3])), 1.9);
    return PL_OK;
}

static enum pl_code warburg(const struct pl_model_report *report, struct pl_error **error) {
    static const double hertz[] = {0.01, 0.1, 1, 10};
    static const double open[] = {5.64781798210,  -1.16969972350,  1.72697928853,  -1.80713696273,
                                  0.530006087505, -0.530034132731, 0.167608041029, -0.167608041029};
    static const double shut[] = {1.97557220505,  -9.53892011812,  1.62500888752,  -1.55292971717,
                                  0.530040239922, -0.530012194373, 0.167608041029, -0.167608041029};
    double factor = KINETICS_GAS * 1233.15 / (N * N * KINETICS_FARADAY * KINETICS_FARADAY * BULK) * 1e6;
    enum pl_code code = PL_OK;
    for (int closed = 0; closed < 2 && !code; closed++) {
        struct layer l = {
            .cells = 1000, .thickness = 100e-6, .diffusivity = D, .electrons = N, .bulk = BULK, .closed = closed};
        code = layer_place(&l, error);
        for (unsigned i = 0; i < PL_COUNT_OF(hertz) && !code; i++) {
            double complex z = factor * layer_response(&l, hertz[i]);
            const double *expected = closed ? shut : open;
            double size = hypot(expected[2 * i], expected[2 * i + 1]);
            char quantity[64];
            named(quantity, "Re Z at", hertz[i], "Hz");
            models_tell(report, closed ? "impedance of a closed layer" : "impedance of Nernst's layer", quantity,
                        "uohm m2", expected[2 * i], creal(z), size, 1e-3);
            named(quantity, "Im Z at", hertz[i], "Hz");
            models_tell(report, closed ? "impedance of a closed layer" : "impedance of Nernst's layer", quantity,
                        "uohm m2", expected[2 * i + 1], cimag(z), size, 1e-3);
        }
        layer_close(&l);
    }
    return code;
}

/* ---- Kinetics ---- */

static enum pl_code butler_volmer(const struct pl_model_report *report, struct pl_error **error) {
    (void)error;
    static const double eta[] = {-0.05, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    static const double current[] = {-45.5447914204, 0.912518024866, 9.20064824223, 49.1059402098, 113.477736154,
                                     361.286737516,  1018.33584332,  2822.15107029, 7801.26403324, 21556.6785397};
    static const double given[] = {100, 1000, 5000, 8500, 10000, 12000};
    static const double needed[] = {0.0909126485975, 0.298224068657, 0.456240300501,
                                    0.508439022950,  0.524427992970, 0.542365735201};
    char quantity[64];
    for (unsigned i = 0; i < PL_COUNT_OF(eta); i++) {
        named(quantity, "current at", eta[i], "V");
        models_tell(report, "Butler-Volmer", quantity, "A/m2", current[i], kinetics_current(&anode, eta[i], BULK), 0,
                    1e-9);
    }
    for (unsigned i = 0; i < PL_COUNT_OF(given); i++) {
        named(quantity, "overpotential at", given[i], "A/m2");
        models_tell(report, "Butler-Volmer", quantity, "V", needed[i], kinetics_overpotential(&anode, given[i], BULK),
                    0, 1e-9);
    }
    static const struct kinetics fast = {1e5, 0.5, 0.5, 1233.15, 1};
    models_tell(report, "fast symmetric electrode", "overpotential at 2500 A/m2", "V", 0.00265654695025,
                kinetics_overpotential(&fast, 2500, 1), 0, 1e-9);
    models_tell(report, "fast symmetric electrode", "overpotential at 8500 A/m2", "V", 0.00902977788602,
                kinetics_overpotential(&fast, 8500, 1), 0, 1e-9);
    return PL_OK;
}

static struct layer thin(void) {
    return (struct layer){.cells = 20,
                          .thickness = 20e-6,
                          .diffusivity = D,
                          .electrons = N,
                          .bulk = BULK,
                          .kinetics = anode,
                          .tolerance = 1e-9};
}

static enum pl_code with_layer(const struct pl_model_report *report, struct pl_error **error) {
    static const double eta[] = {0.1, 0.3, 0.45, 0.5, 0.6, 0.7, 0.9};
    static const double current[] = {112.467615302, 952.991452781, 3568.75652061, 5120.71657108,
                                     8811.69897498, 11921.1498653, 14431.1676831};
    static const double share[] = {0.992453949301, 0.936058733007, 0.760553137331, 0.656423880284,
                                   0.408776232798, 0.200146628615, 0.0317361785817};
    static const double given[] = {2000, 5000, 8500, 12000, 14000};
    static const double needed[] = {0.380331210597, 0.496446744462, 0.591547416592, 0.703284446334, 0.833264832442};
    enum pl_code code = PL_OK;
    char quantity[64];
    for (unsigned i = 0; i < PL_COUNT_OF(eta) && !code; i++) {
        struct layer l = thin();
        l.control = LAYER_POTENTIAL;
        l.potential = eta[i];
        code = layer_open(&l, BULK, error);
        if (!code) code = layer_advance(&l, 100, NULL, error);
        if (!code) {
            named(quantity, "current at", eta[i], "V");
            models_tell(report, "Butler-Volmer behind Nernst's layer", quantity, "A/m2", current[i], layer_current(&l),
                        0, 1e-6);
            named(quantity, "c at the surface at", eta[i], "V");
            models_tell(report, "Butler-Volmer behind Nernst's layer", quantity, "", share[i], layer_surface(&l) / BULK,
                        0, 1e-6);
        }
        layer_close(&l);
    }
    for (unsigned i = 0; i < PL_COUNT_OF(given) && !code; i++) {
        struct layer l = thin();
        l.control = LAYER_CURRENT;
        l.current = given[i];
        code = layer_open(&l, BULK, error);
        if (!code) code = layer_advance(&l, 100, NULL, error);
        named(quantity, "overpotential at", given[i], "A/m2");
        if (!code)
            models_tell(report, "Butler-Volmer behind Nernst's layer", quantity, "V", needed[i], layer_potential(&l), 0,
                        1e-6);
        layer_close(&l);
    }
    return code;
}

/* ---- A solution that is made up, with a source that goes with it ---- */

static const double A = 0.6, B = 0.3, DELTA = 1e-4, MADE_BULK = 500;
#define OMEGA (2 * PI / 20)

static double made(double t, double x) {
    double u = 1 - x / DELTA;
    return MADE_BULK * (1 - A * u * u * (1 + B * sin(OMEGA * t)));
}

static double made_source(double t, double x, void *context) {
    (void)context;
    double u = 1 - x / DELTA;
    return -MADE_BULK * A * u * u * B * OMEGA * cos(OMEGA * t) +
           2 * D * MADE_BULK * A * (1 + B * sin(OMEGA * t)) / (DELTA * DELTA);
}

static const struct kinetics made_anode = {48.447, 1.08, 0.92, 1233.15, 500};

static double made_current(double t) {
    return 6 * KINETICS_FARADAY * 2 * D * MADE_BULK * A * (1 + B * sin(OMEGA * t)) / DELTA;
}

static void drive_current(double t, struct layer *l, void *context) {
    (void)context;
    l->current = made_current(t);
}

static void drive_potential(double t, struct layer *l, void *context) {
    (void)context;
    l->potential = kinetics_overpotential(&made_anode, made_current(t), made(t, 0));
}

static enum pl_code made_up(int cells, bool by_current, struct layer *l, struct pl_error **error) {
    *l = (struct layer){.cells = cells,
                        .thickness = DELTA,
                        .diffusivity = D,
                        .electrons = N,
                        .bulk = MADE_BULK,
                        .kinetics = made_anode,
                        .control = by_current ? LAYER_CURRENT : LAYER_POTENTIAL,
                        .tolerance = 1e-10,
                        .drive = by_current ? drive_current : drive_potential,
                        .source = made_source};
    enum pl_code code = layer_place(l, error);
    double *start = code ? NULL : pl_alloc((size_t)cells * sizeof *start);
    if (!code && !start) code = pl_error_set(error, PL_NO_MEMORY, "no memory");
    for (int i = 0; i < cells && start; i++)
        start[i] = made(0, l->place[i]);
    if (!code) code = layer_open_at(l, start, error);
    pl_free(start);
    return code;
}

static enum pl_code made_order(const struct pl_model_report *report, bool by_current, struct pl_error **error) {
    double wrong[3] = {0};
    for (int k = 0; k < 3; k++) {
        struct layer l;
        enum pl_code code = made_up(10 << k, by_current, &l, error);
        if (!code) code = layer_advance(&l, 5, NULL, error);
        for (int i = 0; i < l.cells && !code; i++)
            wrong[k] = fmax(wrong[k], fabs(layer_cells(&l)[i] - made(5, l.place[i])));
        layer_close(&l);
        if (code) return code;
    }
    models_tell_order(report, by_current ? "made-up solution, current imposed" : "made-up solution, potential imposed",
                      "order in space", fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return PL_OK;
}

static enum pl_code manufactured(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {2.5, 5, 12.5, 17.5};
    static const double surface[] = {136.360389693, 110.000000000, 263.639610307, 263.639610307};
    static const double middle[] = {409.090097423, 402.500000000, 440.909902577, 440.909902577};
    static const double eta[] = {0.567159200417, 0.595179772209, 0.459926167512, 0.459926167512};
    static const double current[] = {4210.30662869, 4515.51354322, 2736.63728395, 2736.63728395};
    enum pl_code code = PL_OK;
    for (int by_current = 0; by_current < 2 && !code; by_current++) {
        struct layer l;
        const char *subject = by_current ? "made-up solution, current imposed" : "made-up solution, potential imposed";
        code = made_up(160, by_current, &l, error);
        for (unsigned i = 0; i < PL_COUNT_OF(t) && !code; i++) {
            code = layer_advance(&l, t[i], NULL, error);
            if (code) break;
            char quantity[64];
            named(quantity, "c(0) at", t[i], "s");
            models_tell(report, subject, quantity, "mol/m3", surface[i], layer_surface(&l), 0, 1e-3);
            named(quantity, "c(50 um) at", t[i], "s");
            models_tell(report, subject, quantity, "mol/m3", middle[i], between(&l, 50e-6), 0, 1e-3);
            named(quantity, by_current ? "overpotential at" : "current at", t[i], "s");
            if (by_current)
                models_tell(report, subject, quantity, "V", eta[i], layer_potential(&l), 0, 1e-3);
            else
                models_tell(report, subject, quantity, "A/m2", current[i], layer_current(&l), 0, 1e-3);
        }
        layer_close(&l);
        if (!code) code = made_order(report, by_current, error);
    }
    return code;
}

const struct pl_model_case twin_electrode_cases[] = {
    {"butler-volmer", "Currents and overpotentials.", butler_volmer},
    {"cottrell", "Half-space with nothing left at its surface.", cottrell},
    {"sphere", "The same around a sphere.", sphere},
    {"sand", "Half-space with a given current, until its surface is depleted.", sand},
    {"nernst", "Nernst's layer with a given current.", nernst},
    {"eddies", "A depleted surface before a solution that mixes farther away.", eddies},
    {"warburg", "Impedance of layers.", warburg},
    {"butler-volmer-nernst", "Kinetics behind Nernst's layer.", with_layer},
    {"manufactured", "Diffusion with a source and kinetics: a made-up solution.", manufactured},
    {.name = NULL},
};
