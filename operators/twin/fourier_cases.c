/* fourier_cases.c: conduction against closed solutions of Carslaw and Jaeger's kind. */
#include <math.h>
#include <potline/alloc.h>

#include "conduction.h"
#include "models.h"

enum { TERMS = 400, ROOTS = 60, POINTS = 8 };
static const double PI = 3.14159265358979323846;

/* A problem with a known answer: how it is set up, and the answer. */
struct known {
    struct stack_layer layer[2];
    int layers;
    struct stack_side left, right;
    double initial;
    double (*answer)(const struct known *k, double x, double t);
    double alpha, length, spare;
};

/* The same layers, with `factor` times the cells along the same growth. */
static enum pl_code set_up(struct conduction *c, const struct known *k, int factor, struct pl_error **error) {
    struct stack_layer layer[2];
    for (int i = 0; i < k->layers; i++) {
        layer[i] = k->layer[i];
        layer[i].cells *= factor;
        if (layer[i].growth > 0) layer[i].growth = pow(layer[i].growth, 1.0 / factor);
    }
    *c = (struct conduction){.tolerance = 1e-9};
    enum pl_code code = stack_init(&c->stack, layer, k->layers, STACK_PLANE, 0, error);
    if (code) return code;
    c->stack.left = k->left;
    c->stack.right = k->right;
    for (int i = 0; i < c->stack.cells; i++)
        c->stack.t[i] = k->initial;
    return conduction_open(c, c->stack.t, error);
}

/* The greatest error at cells' centres at a time. */
static enum pl_code worst(const struct known *k, int factor, double t, double *error_there, struct pl_error **error) {
    struct conduction c;
    enum pl_code code = set_up(&c, k, factor, error);
    if (!code) code = conduction_advance(&c, t, error);
    *error_there = 0;
    if (!code) {
        conduction_cells(&c);
        for (int i = 0; i < c.stack.cells; i++)
            *error_there = fmax(*error_there, fabs(c.stack.t[i] - k->answer(k, c.stack.place[i], t)));
    }
    conduction_close(&c);
    return code;
}

static enum pl_code order(const struct pl_model_report *report, const char *subject, const struct known *k, double t,
                          struct pl_error **error) {
    double wrong[3];
    for (int i = 0; i < 3; i++) {
        enum pl_code code = worst(k, 1 << i, t, &wrong[i], error);
        if (code) return code;
    }
    models_tell_order(report, subject, "order in space",
                      fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return PL_OK;
}

/* Values at places and times, and the heat balance at the end. */
static enum pl_code values(const struct pl_model_report *report, const char *subject, const struct known *k, int factor,
                           const double *x, int places, const double *t, int times, const double *expected,
                           struct pl_error **error) {
    struct conduction c;
    enum pl_code code = set_up(&c, k, factor, error);
    for (int i = 0; i < times && !code; i++) {
        code = conduction_advance(&c, t[i], error);
        if (code) break;
        conduction_cells(&c);
        for (int p = 0; p < places; p++) {
            char quantity[64];
            snprintf(quantity, sizeof quantity, "T(%g mm, %g s)", x[p] * 1000, t[i]);
            double is = expected[i * places + p];
            if (!isnan(is)) models_tell(report, subject, quantity, "degC", is, stack_at(&c.stack, x[p]), 0, 1e-3);
        }
    }
    if (!code) models_tell_rest(report, subject, "heat unaccounted for", conduction_balance(&c), 1e-8);
    conduction_close(&c);
    return code;
}

static struct material plain(double conductivity, double density, double capacity) {
    return (struct material){.density = density, .conductivity = law(conductivity), .capacity = law(capacity)};
}

/* ---- Slab between given temperatures ---- */

static double slab_answer(const struct known *k, double x, double t) {
    double sum = 600 - 300 * x / k->length;
    for (int n = 1; n < TERMS; n++) {
        double m = n * PI / k->length, sign = n % 2 ? -1 : 1;
        sum +=
            2 / (n * PI) * ((k->initial - 600) - sign * (k->initial - 300)) * sin(m * x) * exp(-k->alpha * m * m * t);
    }
    return sum;
}

static enum pl_code slab(const struct pl_model_report *report, struct pl_error **error) {
    struct known k = {.layer = {{.material = plain(1.5, 250, 1000), .thickness = 0.1, .cells = 20}},
                      .layers = 1,
                      .left = {.kind = STACK_TEMPERATURE, .temperature = 600},
                      .right = {.kind = STACK_TEMPERATURE, .temperature = 300},
                      .initial = 100,
                      .answer = slab_answer,
                      .alpha = 6e-6,
                      .length = 0.1};
    static const double x[] = {0.025, 0.05, 0.075}, t[] = {10, 60, 120, 300, 600};
    static const double expected[] = {111.239436685, 100.003507232, 104.495774677, 276.784172378, 143.685177119,
                                      172.891546169, 364.431436508, 231.288572271, 225.562655717, 471.597210842,
                                      374.587834106, 321.753833566, 515.976127444, 437.238407868, 365.976255886};
    enum pl_code code = values(report, "slab, given temperatures", &k, 20, x, 3, t, 5, expected, error);
    if (code) return code;
    code = order(report, "slab, given temperatures", &k, 120, error);
    k.layer[0].growth = 1.08;
    return code ? code : order(report, "the same, cells that grow by 8 %", &k, 120, error);
}

/* ---- Half-space: a step of the surface's temperature, and of its flux ---- */

static double step_answer(const struct known *k, double x, double t) {
    return 955 + (700 - 955) * erf(x / (2 * sqrt(k->alpha * t)));
}

static double flux_answer(const struct known *k, double x, double t) {
    double l = sqrt(k->alpha * t), z = x / (2 * l);
    return 700 + 2 * 10000 / 1.5 * l * (exp(-z * z) / sqrt(PI) - z * erfc(z));
}

static enum pl_code half_space(const struct pl_model_report *report, struct pl_error **error) {
    struct known k = {.layer = {{.material = plain(1.5, 2800, 1320), .thickness = 0.5, .cells = 60, .growth = 1.06}},
                      .layers = 1,
                      .left = {.kind = STACK_TEMPERATURE, .temperature = 955},
                      .right = {.kind = STACK_FLUX},
                      .initial = 700,
                      .answer = step_answer,
                      .alpha = 1.5 / 2800 / 1320,
                      .length = 0.5};
    static const double x[] = {0.005, 0.010, 0.020}, t[] = {60, 600, 3600};
    static const double stepped[] = {820.793354905, 738.727706878, 701.060384131, 909.293597547, 865.864734933,
                                     793.021607779, 936.207462258, 917.574905668, 881.405387965};
    enum pl_code code = values(report, "half-space, step of temperature", &k, 8, x, 3, t, 3, stepped, error);
    if (!code) code = order(report, "half-space, step of temperature", &k, 3600, error);
    k.left = (struct stack_side){.kind = STACK_FLUX, .flux = 10000};
    k.answer = flux_answer;
    static const double surface[] = {0, 0.010};
    static const double heated[] = {737.120949277, 703.171795085, 817.386748624,
                                    762.569728003, 987.537636693, 925.777074986};
    if (!code) code = values(report, "half-space, step of flux", &k, 8, surface, 2, t, 3, heated, error);
    return code ? code : order(report, "half-space, step of flux", &k, 3600, error);
}

/* ---- Slab that cools by a film ---- */

/* zeta tan zeta = Bi between n pi and n pi + pi/2. */
static double film_root(double biot, int n) {
    double low = n * PI, high = n * PI + PI / 2, sign = n % 2 ? -1 : 1;
    for (int i = 0; i < 100; i++) {
        double middle = 0.5 * (low + high);
        if (sign * middle * sin(middle) < sign * biot * cos(middle))
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

static double film_answer(const struct known *k, double x, double t) {
    double sum = 0;
    for (int n = 0; n < ROOTS; n++) {
        double z = film_root(k->spare, n), l = k->length;
        sum += 4 * sin(z) / (2 * z + sin(2 * z)) * cos(z * x / l) * exp(-z * z * k->alpha * t / (l * l));
    }
    return 35 + sum * (k->initial - 35);
}

static enum pl_code film(const struct pl_model_report *report, struct pl_error **error) {
    struct known steel = {.layer = {{.material = plain(40, 7800, 600), .thickness = 0.02, .cells = 10}},
                          .layers = 1,
                          .left = {.kind = STACK_FLUX},
                          .right = {.kind = STACK_FILM, .temperature = 35, .film = 25},
                          .initial = 360,
                          .answer = film_answer,
                          .alpha = 40.0 / 7800 / 600,
                          .length = 0.02,
                          .spare = 0.0125};
    static const double x[] = {0, 0.010, 0.020}, t[] = {60, 600, 3600, 7200};
    static const double thin[] = {355.517916465, 355.019318852, 353.525072165, 312.634743693,
                                  312.202852935, 310.908524366, 160.004770389, 159.810312000,
                                  159.227541834, 82.9810684335, 82.9064287118, 82.6827417668};
    enum pl_code code = values(report, "steel plate that cools by a film", &steel, 10, x, 3, t, 4, thin, error);
    struct known sic = steel;
    sic.layer[0] = (struct stack_layer){.material = plain(20, 2650, 1100), .thickness = 0.1, .cells = 10};
    sic.right.film = 200;
    sic.initial = 700;
    sic.alpha = 20.0 / 2650 / 1100;
    sic.length = 0.1;
    sic.spare = 1;
    static const double x2[] = {0, 0.05, 0.1}, t2[] = {60, 600, 1800, 3600};
    static const double thick[] = {699.955696688, 694.311814379, 571.452260008, 582.942090522,
                                   533.868066926, 393.657139212, 333.339429039, 306.159628783,
                                   229.572470965, 154.596506892, 143.700811278, 112.999002868};
    if (!code) code = values(report, "SiC slab that cools by a film", &sic, 20, x2, 3, t2, 4, thick, error);
    return code ? code : order(report, "SiC slab that cools by a film", &sic, 600, error);
}

/* ---- Two layers ---- */

static const double layered_gamma[] = {0.0314625356470, 0.0495541545364, 0.0803470749436,
                                       0.112401866739,  0.130646822613,  0.160696689597};

/* By eigenfunctions: sin(g x / a1) in the first layer, one that is 0 at the far face in the second. */
static double layered_answer(const struct known *k, double x, double t) {
    const double k1 = 1.5, k2 = 20, l1 = 0.05, l2 = 0.1, c1 = 2800.0 * 1320, c2 = 2650.0 * 1100;
    double a1 = sqrt(k1 / c1), a2 = sqrt(k2 / c2), q = (955 - 400) / (l1 / k1 + l2 / k2);
    double joint = 955 - q * l1 / k1, sum = x <= l1 ? 955 - q * x / k1 : joint - q * (x - l1) / k2;
    for (unsigned n = 0; n < PL_COUNT_OF(layered_gamma); n++) {
        double g = layered_gamma[n], a = g * l1 / a1, b = g * l2 / a2, ratio = sin(a) / sin(b);
        double norm =
            c1 * (l1 / 2 - sin(2 * a) * a1 / (4 * g)) + c2 * ratio * ratio * (l2 / 2 - sin(2 * b) * a2 / (4 * g));
        /* The projection of 400 less the steady state: lines s + m u in either layer against the sines. */
        double w1 = a1 / g, w2 = a2 / g;
        double first = c1 * ((400 - 955) * w1 * (1 - cos(a)) + q / k1 * (w1 * w1 * sin(a) - l1 * w1 * cos(a)));
        double second = c2 * ratio * (-q / k2) * (w2 * w2 * sin(b) - l2 * w2 * cos(b));
        double shape = x <= l1 ? sin(g * x / a1) : ratio * sin(g * (l1 + l2 - x) / a2);
        sum += (first + second) / norm * shape * exp(-g * g * t);
    }
    (void)k;
    return sum;
}

static enum pl_code layered(const struct pl_model_report *report, struct pl_error **error) {
    struct known k = {.layer = {{.material = plain(1.5, 2800, 1320), .thickness = 0.05, .cells = 10},
                                {.material = plain(20, 2650, 1100), .thickness = 0.1, .cells = 10}},
                      .layers = 2,
                      .left = {.kind = STACK_TEMPERATURE, .temperature = 955},
                      .right = {.kind = STACK_TEMPERATURE, .temperature = 400},
                      .initial = 400,
                      .answer = layered_answer};
    static const double x[] = {0.025, 0.05, 0.1}, t[] = {300, 900, 1800, 3600, 7200};
    static const double expected[] = {460.570851604, 400.354376102, 400.017761587, 595.396030960, 416.723431876,
                                      405.247945118, 669.996800644, 446.020725204, 420.534075452, 706.615723496,
                                      467.750586693, 433.386991022, 713.495631695, 472.259365466, 436.115690764};
    enum pl_code code = values(report, "two layers", &k, 20, x, 3, t, 5, expected, error);
    return code ? code : order(report, "two layers", &k, 1800, error);
}

/* ---- Balance over a day ---- */

static void swing(double t, struct stack *stack, void *context) {
    (void)context;
    stack->left.temperature = 955 + 10 * sin(2 * PI * t / 7200);
}

static enum pl_code day(const struct pl_model_report *report, struct pl_error **error) {
    struct material sic = {.density = 2650, .conductivity = {42, -0.026, 15, 42}, .capacity = {700, 0.45, 700, 1150}};
    struct stack_layer layers[] = {
        {.material = plain(1.5, 2800, 1320), .thickness = 0.06, .cells = 30, .contact = 5e-4},
        {.material = sic, .thickness = 0.09, .cells = 20}};
    struct conduction c = {.tolerance = 1e-6, .drive = swing};
    enum pl_code code = stack_init(&c.stack, layers, 2, STACK_PLANE, 0, error);
    if (!code) {
        c.stack.left = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = 955};
        c.stack.right =
            (struct stack_side){.kind = STACK_FILM, .temperature = 35, .film = 10, .emissivity = 0.8, .walls = 35};
        for (int i = 0; i < c.stack.cells; i++)
            c.stack.t[i] = 500;
        code = conduction_open(&c, c.stack.t, error);
    }
    if (!code) code = conduction_advance(&c, 86400, error);
    if (!code)
        models_tell_rest(report, "a day of a wall, properties by temperature, radiation", "heat unaccounted for",
                         conduction_balance(&c), 1e-8);
    conduction_close(&c);
    return code;
}

const struct pl_model_case twin_fourier_cases[] = {
    {"slab", "Slab between given temperatures.", slab},
    {"half-space", "Half-space, steps of its surface's temperature and flux.", half_space},
    {"film", "Slabs that cool by a film.", film},
    {"layered", "Two layers in perfect contact.", layered},
    {"day", "Heat balance over a day.", day},
    {.name = NULL},
};
