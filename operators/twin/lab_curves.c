/* lab_curves.c: electrode curves that the steady laws give in closed form: rotating disk, polarisation, electrolyser,
 * impedance. */
#include <complex.h>
#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "kinetics.h"
#include "lab.h"
#include "lab_experiments.h"

static const double PI = 3.14159265358979323846, USUAL_SPEED = 100; /* rad/s */

/* Columns of the points that count. */
struct curve {
    size_t points, dropped; /* dropped: were disturbed, and are not among the points */
    double *x, *y, *extra;
};

static void unload(void *data) {
    struct curve *c = data;
    if (!c) return;
    pl_free(c->x);
    pl_free(c->y);
    pl_free(c->extra);
    pl_free(c);
}

static struct curve *make(void **data, size_t room) {
    struct curve *c = PL_NEW(struct curve);
    *data = c;
    if (!c) return NULL;
    c->x = pl_alloc(room * sizeof *c->x);
    c->y = pl_alloc(room * sizeof *c->y);
    c->extra = pl_alloc(room * sizeof *c->extra);
    return c->x && c->y && c->extra ? c : NULL;
}

static enum pl_code no_memory(struct lab_table *table, struct pl_error **error) {
    lab_free(table);
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a curve");
}

static void observed(const void *data, double *position, double *value) {
    const struct curve *c = data;
    memcpy(position, c->x, c->points * sizeof *position);
    memcpy(value, c->y, c->points * sizeof *value);
}

static double rms_percent(const struct curve *c, const double *predicted, const bool *use, double floor) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->points; i++) {
        if (!use[i]) continue;
        double wrong = (predicted[i] - c->y[i]) / (fabs(c->y[i]) + floor);
        sum += wrong * wrong;
        n++;
    }
    return n > 0 ? 100 * sqrt(sum / n) : 0;
}

/* ---- Rotating disk ---- */

enum {
    RPM,
    ELECTRONS,
    ELECTRONS_SLOPE,
    BACKGROUND,
    BACKGROUND_SLOPE,
    RATE,
    TAFEL,
    FILM,
    ORDER,
    POWER,
    DISK_D,
    DISK_C,
    DISK_NU
};
/* V: nothing diffuses to the disk yet, so that what it draws is the background; and where that is referred to */
static const double BEFORE_LOW = 1.02, BEFORE_HIGH = 1.08, BEFORE = 1.05;
static const struct pl_model_parameter disk_parameters[] = {
    [RPM] = {"rpm", "1/min", NAN, 1, 100000, NULL, 0,
             "Of the disk; else the number before \"rpm\" in the file's name."},
    [ELECTRONS] = {"electrons", "", 2.5, 1, 6, NULL, 0, "By molecule, at 0.4 V."},
    [ELECTRONS_SLOPE] = {"electrons_slope", "1/V", 0, -4, 4, NULL, 0, "Their change by volt."},
    [BACKGROUND] = {"background", "A/m2", 0, -10, 100, NULL, 0,
                    "That the carbon itself draws at 1.05 V, at any speed; else what the file shows there."},
    [BACKGROUND_SLOPE] = {"background_slope", "A/m2/V", 0, -50, 50, NULL, 0, "Its growth by volt downwards."},
    [RATE] = {"rate", "A/m2", 190, 0.01, 1e5, NULL, 0, "Kinetic current density at 0.8 V."},
    [TAFEL] = {"tafel", "V", 0.08, 0.03, 0.6, NULL, 0, "Tafel slope: V for ten times the current."},
    [FILM] = {"film", "A/m2", 1e5, 5, 1e5, NULL, 0, "The most that the catalyst's pores let through; 1e5: all."},
    [ORDER] = {"order", "", 1, 0.05, 2, NULL, 0, "Of the reaction in what is reduced; 1: Koutecky and Levich's line."},
    [POWER] = {"power", "", 0.5, 0.3, 0.6, NULL, 0,
               "Of the speed in the limiting current: 0.5 of a smooth disk (Levich)."},
    [DISK_D] = {"diffusivity", "m2/s", 1.9e-9, 1e-12, 1e-7, NULL, 0, "Of the reactant."},
    [DISK_C] = {"concentration", "mol/m3", 1.2, 1e-4, 1e4, NULL, 0, "Of the reactant."},
    [DISK_NU] = {"viscosity", "m2/s", 1e-6, 1e-8, 1e-3, NULL, 0, "Kinematic."},
    {.name = NULL},
};

static enum pl_code disk_load(void **data, const char *path, double *p, size_t *points, struct pl_error **error) {
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, 2, error);
    if (code) return code;
    struct curve *c = make(data, table.rows);
    if (!c) return no_memory(&table, error);
    p[RPM] = lab_number_in_name(path, "rpm");
    double before = 0, count = 0;
    for (size_t i = 0; i < table.rows; i++) {
        double e = table.column[0][i], j = table.column[1][i];
        if (e >= BEFORE_LOW && e <= BEFORE_HIGH && isfinite(j)) {
            before += j;
            count++;
        }
        if (!(e >= 0.1 && e <= 0.7) || !(fabs(j) > 1e-6)) continue;
        c->x[c->points] = e;
        c->y[c->points++] = j * 10; /* A/m2 */
    }
    if (count > 0) p[BACKGROUND] = -10 * before / count;
    *points = c->points;
    lab_free(&table);
    return PL_OK;
}

static void disk_weight(const void *data, double *weight) {
    const struct curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        weight[i] = 1 / fabs(c->y[i]);
}

/* Kinetics and pores in series, before diffusion: j = jk (1 - j / jl)^order, by halving. */
static double through_layer(double kinetic, double limiting, double order) {
    if (order == 1) return 1 / (1 / kinetic + 1 / limiting);
    double low = 0, high = fmin(kinetic, limiting);
    for (int k = 0; k < 60; k++) {
        double middle = 0.5 * (low + high);
        if (kinetic * pow(1 - middle / limiting, order) > middle)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

static enum pl_code disk_predict(void *data, const double *p, double *value, struct pl_error **error) {
    const struct curve *c = data;
    if (!(p[RPM] > 0)) return pl_error_set(error, PL_RANGE, "how fast the disk turns is not known: FILE,rpm=625");
    double omega = 2 * PI * p[RPM] / 60;
    double levich = 0.62 * KINETICS_FARADAY * pow(p[DISK_D], 2.0 / 3) * pow(p[DISK_NU], -1.0 / 6) * p[DISK_C] *
                    sqrt(omega) * pow(omega / USUAL_SPEED, p[POWER] - 0.5);
    for (size_t i = 0; i < c->points; i++) {
        double electrons = fmax(p[ELECTRONS] + p[ELECTRONS_SLOPE] * (c->x[i] - 0.4), 0.1);
        double kinetic = p[RATE] * pow(10, (0.8 - c->x[i]) / p[TAFEL]);
        double background = p[BACKGROUND] + p[BACKGROUND_SLOPE] * (BEFORE - c->x[i]);
        value[i] = -through_layer(1 / (1 / kinetic + 1 / p[FILM]), electrons * levich, p[ORDER]) - background;
    }
    return PL_OK;
}

static double disk_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                          const struct pl_model_report *report) {
    (void)p, (void)report;
    return rms_percent(data, predicted, use, 0);
}

/* ---- Corroding metal ---- */

enum {
    DISSOLUTION,
    DISSOLUTION_SLOPE,
    LIMITING,
    LIMITED_RATE,
    LIMITED_SLOPE,
    HYDROGEN,
    HYDROGEN_SLOPE,
    OHMIC,
    BREAKDOWN,
    BREAKDOWN_SLOPE,
    REST
};
static const struct pl_model_parameter metal_parameters[] = {
    [DISSOLUTION] = {"dissolution", "A", 1e-4, 1e-8, 1e-1, NULL, 0, "Anodic current at the rest potential."},
    [DISSOLUTION_SLOPE] = {"dissolution_slope", "V", 0.12, 0.02, 1, NULL, 0, "Its Tafel slope."},
    [LIMITING] = {"limiting", "A", 7e-4, 1e-6, 1, NULL, 0, "That diffusion brings of what is reduced."},
    [LIMITED_RATE] = {"reduction", "A", 1e-4, 1e-8, 1e-1, NULL, 0, "Cathodic current at the rest potential."},
    [LIMITED_SLOPE] = {"reduction_slope", "V", 0.12, 0.02, 1, NULL, 0, "Its Tafel slope."},
    [HYDROGEN] = {"hydrogen", "A", 1e-8, 1e-14, 1e-3, NULL, 0, "Hydrogen evolution at the rest potential."},
    [HYDROGEN_SLOPE] = {"hydrogen_slope", "V", 0.2, 0.02, 1, NULL, 0, "Its Tafel slope."},
    [OHMIC] = {"ohmic", "ohm", 10, 0.01, 1000, NULL, 0, "Resistance of the solution."},
    [BREAKDOWN] = {"breakdown", "V", -0.25, -5, 5, NULL, 0,
                   "Where the second dissolution, through a film that gives way, has 0.1 mA."},
    [BREAKDOWN_SLOPE] = {"breakdown_slope", "V", 0.01, 0.005, 1, NULL, 0, "Its Tafel slope."},
    [REST] = {"rest", "V", -0.433, -5, 5, NULL, 0, "A potential that the currents above refer to."},
    {.name = NULL},
};

static enum pl_code metal_load(void **data, const char *path, double *p, size_t *points, struct pl_error **error) {
    enum { EVERY = 8 };
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, 2, error);
    if (code) return code;
    struct curve *c = make(data, table.rows);
    if (!c) return no_memory(&table, error);
    for (size_t i = EVERY / 2; i < table.rows; i += EVERY) {
        c->x[c->points] = table.column[0][i];
        c->y[c->points++] = table.column[1][i];
    }
    *points = c->points;
    lab_free(&table);
    return PL_OK;
}

/* As one reads a plot: where the current rises on a straight line at the anodic end, only the solution limits it, and
 * the electrode stays where its film has given way. */
static void metal_guess(const void *data, double *p) {
    const struct curve *c = data;
    size_t top = 0, below = 0;
    for (size_t i = 1; i < c->points; i++)
        if (c->x[i] > c->x[top]) top = i;
    for (size_t i = 1; i < c->points; i++)
        if (fabs(c->y[i] - 0.8 * c->y[top]) < fabs(c->y[below] - 0.8 * c->y[top])) below = i;
    double ohmic = (c->x[top] - c->x[below]) / (c->y[top] - c->y[below]);
    if (!(ohmic > 0.1 && ohmic < 500)) return;
    p[OHMIC] = 0.9 * ohmic;
    p[BREAKDOWN] = c->x[top] - ohmic * c->y[top] - 0.02;
}

static const double METAL_FLOOR = 3e-5; /* A: relative errors end where the curve crosses 0 */

static void metal_weight(const void *data, double *weight) {
    const struct curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        weight[i] = 1 / (fabs(c->y[i]) + METAL_FLOOR);
}

static double metal_current(const double *p, double e) {
    double above = (e - p[REST]) * log(10);
    double reduced = p[LIMITED_RATE] * exp(fmin(-above / p[LIMITED_SLOPE], 200));
    double broken = (e - p[BREAKDOWN]) * log(10) / p[BREAKDOWN_SLOPE];
    return p[DISSOLUTION] * exp(fmin(above / p[DISSOLUTION_SLOPE], 200)) + 1e-4 * exp(fmin(broken, 200)) -
           reduced / (1 + reduced / p[LIMITING]) - p[HYDROGEN] * exp(fmin(-above / p[HYDROGEN_SLOPE], 200));
}

/* The electrode is at E - R I: by halving, since the current rises with the potential. */
static enum pl_code metal_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct curve *c = data;
    for (size_t i = 0; i < c->points; i++) {
        double low = -10, high = 10; /* A */
        for (int k = 0; k < 60; k++) {
            double middle = 0.5 * (low + high);
            if (metal_current(p, c->x[i] - p[OHMIC] * middle) > middle)
                low = middle;
            else
                high = middle;
        }
        value[i] = 0.5 * (low + high);
    }
    return PL_OK;
}

static double metal_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                           const struct pl_model_report *report) {
    (void)p, (void)report;
    return rms_percent(data, predicted, use, METAL_FLOOR);
}

/* ---- Electrolyser ---- */

enum { BASE, SLOPE, RESISTANCE, COOLING };
static const struct pl_model_parameter electrolyser_parameters[] = {
    [BASE] = {"base", "V", 1.45, 1, 3, NULL, 0, "Voltage at a current of 1 but for the resistance."},
    [SLOPE] = {"slope", "V", 0.022, 0.001, 0.5, NULL, 0, "By the natural logarithm of the current."},
    [RESISTANCE] = {"resistance", "ohm", 0.01, 1e-5, 10, NULL, 0, "Of the cell (ohm cm2 where the current is by cm2)."},
    [COOLING] = {"cooling", "1/K", 0.02, -0.2, 0.2, NULL, 0,
                 "How the resistance grows by kelvin below the first temperature; 0.02: lye."},
    {.name = NULL},
};

static enum pl_code electrolyser_load(void **data, const char *path, double *p, size_t *points,
                                      struct pl_error **error) {
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, 4, error);
    if (code) return code;
    struct curve *c = make(data, table.rows);
    if (!c) return no_memory(&table, error);
    int current = lab_column(&table, "I_A"), voltage = lab_column(&table, "U_V"), t = lab_column(&table, "T_K");
    if (current < 0) current = lab_column(&table, "j_A_cm2");
    if (current < 0 || voltage < 0) {
        lab_free(&table);
        return pl_error_set(error, PL_SYNTAX, "%s: columns I_A or j_A_cm2, and U_V, are expected", path);
    }
    for (size_t i = 0; i < table.rows; i++) {
        if (!(table.column[current][i] > 0)) continue;
        c->x[c->points] = table.column[current][i];
        c->extra[c->points] = t >= 0 ? table.column[t][i] - table.column[t][0] : 0;
        c->y[c->points++] = table.column[voltage][i];
    }
    *points = c->points;
    lab_free(&table);
    return PL_OK;
}

static enum pl_code electrolyser_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        value[i] = p[BASE] + p[SLOPE] * log(c->x[i]) + p[RESISTANCE] * (1 - p[COOLING] * c->extra[i]) * c->x[i];
    return PL_OK;
}

static double electrolyser_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                                  const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct curve *c = data;
    return 1000 * lab_rms(predicted, c->y, use, c->points);
}

/* ---- Impedance ---- */

enum { R0, R1, C1, N1, R2, C2, N2, Z0, TAU, L };
static const double NONE = 1e-6; /* ohm */
static const struct pl_model_parameter impedance_parameters[] = {
    [R0] = {"R0", "ohm", 0.02, 1e-4, 1e4, NULL, 0, "In series."},
    [R1] = {"R1", "ohm", 0.007, 1e-5, 1e4, NULL, 0, "Of the first arc."},
    [C1] = {"C1", "F", 5, 1e-6, 1e3, NULL, 0, "Of the first arc."},
    [N1] = {"n1", "", 1, 0.4, 1, NULL, 0, "1: a capacitor; less: a flattened arc."},
    [R2] = {"R2", "ohm", 0.004, 1e-6, 1e4, NULL, 0, "Of the second arc; 1e-6: there is none."},
    [C2] = {"C2", "F", 0.3, 1e-6, 1e3, NULL, 0, "Of the second arc."},
    [N2] = {"n2", "", 1, 0.4, 1, NULL, 0, "1: a capacitor; less: a flattened arc."},
    [Z0] = {"Z0", "ohm", 0.05, 1e-6, 1e4, NULL, 0, "Of diffusion in a layer that is closed; 1e-6: there is none."},
    [TAU] = {"tau", "s", 200, 0.1, 1e5, NULL, 0, "Of that: thickness squared by diffusivity."},
    [L] = {"L", "H", 1e-7, 1e-12, 1e-4, NULL, 0, "Inductance of the leads."},
    {.name = NULL},
};

/* Where a search may begin, as one reads a plot: the series resistance where the arcs begin, their width, and the
 * frequency of the top. A curve that is highest at its end is one of diffusion, which hides them. */
static void impedance_guess(const void *data, double *p) {
    const struct curve *c = data;
    const double *re = c->y, *im = c->y + c->points / 2;
    size_t lowest = 0, first = 0, top = 0;
    for (size_t i = 1; i < c->points / 2; i++) {
        if (c->x[i] < c->x[lowest]) lowest = i;
        if (re[i] < re[first]) first = i;
        if (im[i] < im[top]) top = i;
    }
    double width = re[lowest] - re[first];
    if (!(width > 0) || !(re[first] > 0) || top == lowest) return;
    p[R0] = re[first];
    p[R1] = p[R2] = width / 2;
    p[C1] = 1 / (2 * PI * c->x[top] * p[R1]);
    p[C2] = p[C1] / 10;
    p[Z0] = width / 10;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* How far a number is from the median of it and its neighbours in the record, as many on either side (Hampel): nothing
 * where the record only rises or falls. */
static double apart(const double *y, size_t i, size_t n) {
    enum { BESIDE = 2 };
    double window[2 * BESIDE + 1] = {0};
    size_t count = 0, beside = i < BESIDE ? i : BESIDE;
    if (n - 1 - i < beside) beside = n - 1 - i;
    for (size_t k = i - beside; k <= i + beside; k++)
        window[count++] = y[k];
    return fabs(y[i] - median(window, count));
}

/* Frequencies that something disturbed (the mains, a step of range) stand out of the record itself, whatever the model:
 * by STANDS_OUT times what points usually stand apart, and by LEAST of |Z|. Neither fitted to nor judged by. */
static const double STANDS_OUT = 5, LEAST = 0.05;
static enum pl_code drop_disturbed(struct curve *c, struct pl_error **error) {
    size_t n = c->points / 2, kept = 0;
    double *far = pl_alloc((2 * n + 1) * sizeof *far);
    if (!far) return pl_error_set(error, PL_NO_MEMORY, "no memory for a curve");
    double *sorted = far + n;
    for (size_t i = 0; i < n; i++)
        far[i] = sorted[i] = hypot(apart(c->y, i, n), apart(c->y + n, i, n)) / c->extra[i];
    double usual = n ? median(sorted, n) : 0;
    for (size_t i = 0; i < n; i++)
        if (!(far[i] > LEAST && far[i] > STANDS_OUT * usual)) far[kept++] = (double)i;
    double *re = c->y, *im = c->y + n;
    for (size_t k = 0; k < kept; k++) {
        size_t i = (size_t)far[k];
        c->x[k] = c->x[i];
        re[k] = re[i];
        c->extra[k] = c->extra[i];
    }
    for (size_t k = 0; k < kept; k++)
        re[kept + k] = im[(size_t)far[k]]; /* kept <= n: none is read after it is written */
    memcpy(c->x + kept, c->x, kept * sizeof *c->x);
    memcpy(c->extra + kept, c->extra, kept * sizeof *c->extra);
    pl_free(far);
    c->points = 2 * kept;
    c->dropped = n - kept;
    return PL_OK;
}

/* All real parts, then all imaginary ones. */
static enum pl_code impedance_load(void **data, const char *path, double *p, size_t *points, struct pl_error **error) {
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, 3, error);
    if (code) return code;
    struct curve *c = make(data, 2 * table.rows);
    if (!c) return no_memory(&table, error);
    size_t n = table.rows;
    for (size_t i = 0; i < n; i++) {
        c->x[i] = c->x[n + i] = table.column[0][i];
        c->y[i] = table.column[1][i];
        c->y[n + i] = table.column[2][i];
        c->extra[i] = c->extra[n + i] = hypot(c->y[i], c->y[n + i]);
    }
    c->points = 2 * n;
    lab_free(&table);
    code = drop_disturbed(c, error);
    *points = c->points;
    return code;
}

/* Neither a second arc nor diffusion, unless they are set. */
static enum pl_code arc_load(void **data, const char *path, double *p, size_t *points, struct pl_error **error) {
    enum pl_code code = impedance_load(data, path, p, points, error);
    p[R2] = p[Z0] = NONE;
    return code;
}

static void impedance_weight(const void *data, double *weight) {
    const struct curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        weight[i] = 1 / c->extra[i];
}

static double complex arc(double r, double c, double n, double complex s) {
    return r > 0 ? 1 / (1 / r + c * cpow(s, n)) : 0;
}

static enum pl_code impedance_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct curve *c = data;
    size_t n = c->points / 2;
    for (size_t i = 0; i < n; i++) {
        double complex s = 2 * PI * c->x[i] * I, root = csqrt(s * p[TAU]);
        double complex tail = cabs(root) > 30 ? 1 : ctanh(root);
        double complex z =
            p[R0] + s * p[L] + arc(p[R1], p[C1], p[N1], s) + arc(p[R2], p[C2], p[N2], s) + p[Z0] / (root * tail);
        value[i] = creal(z);
        value[n + i] = cimag(z);
    }
    return PL_OK;
}

static void tell_dropped(const struct curve *c, const struct pl_model_report *report) {
    size_t half = c->points / 2;
    double kept = (double)half, dropped = (double)c->dropped;
    struct pl_model_finding f = {.subject = "frequencies",
                                 .quantity = "not disturbed, and counted",
                                 .unit = "",
                                 .expected = kept + dropped,
                                 .found = kept,
                                 .error = -dropped,
                                 .limit = 0.1 * (kept + dropped)};
    f.good = dropped <= f.limit;
    report->tell(report->context, &f);
}

static double impedance_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                               const struct pl_model_report *report) {
    (void)p;
    const struct curve *c = data;
    if (report && c->dropped) tell_dropped(c, report);
    double sum = 0, count = 0;
    for (size_t i = 0; i < c->points; i++) {
        if (!use[i]) continue;
        double wrong = (predicted[i] - c->y[i]) / c->extra[i];
        sum += 2 * wrong * wrong; /* a frequency has two parts */
        count++;
    }
    return count > 0 ? 100 * sqrt(sum / count) : 0;
}

#define IMPEDANCE                                                                                                      \
    .columns = "f_Hz,Zre_ohm,Zim_ohm", .parameters = impedance_parameters, .unit = "ohm", .target = 3,                 \
    .measure = "rms of |dZ| (% of |Z|)", .alternate = true, .observed = observed, .guess = impedance_guess,            \
    .weight = impedance_weight, .predict = impedance_predict, .misfit = impedance_misfit, .unload = unload
#define ELECTROLYSER                                                                                                   \
    .parameters = electrolyser_parameters, .unit = "V", .target = 10, .measure = "rms (mV)", .alternate = true,        \
    .load = electrolyser_load, .observed = observed, .predict = electrolyser_predict, .misfit = electrolyser_misfit,   \
    .unload = unload

static const struct pl_model_expected leads_expected[] = {
    {"L", 1e-7, 1e-7, "a wire has 1 uH/m, and the leads of a cell some 10 cm that no return runs beside"},
    {.name = NULL},
};

const struct pl_model_experiment twin_electrode_experiments[] = {
    {.name = "koutecky-levich",
     .doc = "A rotating disk: current by potential and speed, between 0.1 and 0.7 V. Kinetics by Tafel's law and "
            "diffusion "
            "in series (Koutecky and Levich), and what a carbon with a large surface draws by itself, which a record "
            "holds "
            "unless it was subtracted: the same at all speeds, and seen where no oxygen is reduced yet. Taken for "
            "oxygen's "
            "it bends Levich's line and counts an electron too many (--set background=0 --fit "
            "electrons,electrons_slope,film for the straight line; one speed does not tell its constants apart).",
     .columns = "E_V,j_mA_cm2",
     .parameters = disk_parameters,
     .fit = "electrons,background_slope",
     .unit = "A/m2",
     .measure = "rms (%)",
     .target = 3,
     .alternate = true,
     .load = disk_load,
     .observed = observed,
     .weight = disk_weight,
     .predict = disk_predict,
     .misfit = disk_misfit,
     .unload = unload},
    TWIN_VOLTAMMETRY,
    {.name = "polarisation",
     .doc =
         "A corroding metal: dissolution through a film, and another one from where the film breaks down; a reduction "
         "that diffusion limits, hydrogen; and the drop in the solution.",
     .columns = "E_V,I_A",
     .parameters = metal_parameters,
     .fit = "dissolution,dissolution_slope,limiting,reduction,reduction_slope,hydrogen,hydrogen_slope,ohmic,breakdown",
     .unit = "A",
     .measure = "rms (% of |I| + 30 uA)",
     .target = 5,
     .alternate = true,
     .load = metal_load,
     .observed = observed,
     .guess = metal_guess,
     .weight = metal_weight,
     .predict = metal_predict,
     .misfit = metal_misfit,
     .unload = unload},
    {.name = "electrolyser",
     .doc = "Water electrolysis: U = base + slope ln I + resistance I.",
     .columns = "I_A,I_std_A,U_V",
     .fit = "base,slope,resistance",
     ELECTROLYSER},
    {.name = "electrolyser-warming",
     .doc = "The same with the resistance by temperature, where the cell cools or warms on the way.",
     .columns = "point,j_A_cm2",
     .fit = "base,slope,resistance",
     ELECTROLYSER},
    {.name = "impedance",
     .doc = "Two arcs, diffusion in a closed layer (Warburg), leads.",
     .fit = "R0,R1,C1,n1,R2,C2,n2,Z0,tau,L",
     .starts = 7,
     .expected = leads_expected,
     .scatter = 0.01,
     .load = impedance_load,
     IMPEDANCE},
    {.name = "impedance-arc",
     .doc = "One flattened arc and a resistance in series.",
     .fit = "R0,R1,C1,n1",
     .starts = 3,
     .load = arc_load,
     IMPEDANCE},
    {.name = NULL},
};
