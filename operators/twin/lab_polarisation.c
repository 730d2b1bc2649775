/* lab_polarisation.c: a corroding metal: two dissolutions, a reduction that diffusion limits, hydrogen, and the drop in
 * the solution. */
#include <math.h>

#include "lab_curve.h"
#include "lab_experiments.h"

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
const struct pl_model_parameter twin_metal_parameters[] = {
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

const struct pl_model_column twin_metal_columns[] = {
    {"E_V", NULL, "V", 0, "Potential.", -20, 20},
    {"I_A", NULL, "A", 0, "Current: above 0 where metal is dissolved.", -1e6, 1e6},
    {.name = NULL},
};

enum pl_code twin_metal_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                             struct pl_error **error) {
    enum { EVERY = 8 };
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_metal_columns, false, taken, error);
    if (code) return code;
    struct lab_curve *c = lab_curve_make(data, table.rows);
    if (!c) return lab_curve_no_memory(&table, error);
    for (size_t i = EVERY / 2; i < table.rows; i += EVERY) {
        c->x[c->points] = table.column[0][i];
        c->y[c->points++] = table.column[1][i];
    }
    taken->points = c->points;
    lab_free(&table);
    return PL_OK;
}

/* As one reads a plot: where the current rises on a straight line at the anodic end, only the solution limits it, and
 * the electrode stays where its film has given way. */
void twin_metal_guess(const void *data, double *p) {
    const struct lab_curve *c = data;
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

void twin_metal_weight(const void *data, double *weight) {
    const struct lab_curve *c = data;
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
enum pl_code twin_metal_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct lab_curve *c = data;
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

double twin_metal_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                         const struct pl_model_report *report) {
    (void)p, (void)report;
    return lab_curve_percent(data, predicted, use, METAL_FLOOR);
}

void twin_metal_observed(const void *data, double *position, double *value) {
    lab_curve_observed(data, position, value);
}

void twin_metal_unload(void *data) {
    lab_curve_free(data);
}
