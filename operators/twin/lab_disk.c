/* lab_disk.c: a rotating disk: kinetics and diffusion in series, and what the electrode draws by itself. */
#include <math.h>

#include "kinetics.h"
#include "lab_curve.h"
#include "lab_experiments.h"

static const double PI = 3.14159265358979323846, USUAL_SPEED = 100; /* rad/s */

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
const struct pl_model_parameter twin_disk_parameters[] = {
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

const struct pl_model_column twin_disk_columns[] = {
    {"E_V", NULL, "V", 0, "Potential of the disk against the reversible hydrogen electrode.", -20, 20},
    {"j_mA_cm2", NULL, "mA/cm2", 0, "Current density: below 0 where something is reduced.", -1e5, 1e5},
    {.name = NULL},
};

enum pl_code twin_disk_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                            struct pl_error **error) {
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_disk_columns, false, taken, error);
    if (code) return code;
    struct lab_curve *c = lab_curve_make(data, table.rows);
    if (!c) return lab_curve_no_memory(&table, error);
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
    taken->points = c->points;
    lab_free(&table);
    return PL_OK;
}

void twin_disk_weight(const void *data, double *weight) {
    const struct lab_curve *c = data;
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

enum pl_code twin_disk_predict(void *data, const double *p, double *value, struct pl_error **error) {
    const struct lab_curve *c = data;
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

double twin_disk_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                        const struct pl_model_report *report) {
    (void)p, (void)report;
    return lab_curve_percent(data, predicted, use, 0);
}

void twin_disk_observed(const void *data, double *position, double *value) {
    lab_curve_observed(data, position, value);
}

void twin_disk_unload(void *data) {
    lab_curve_free(data);
}
