/* lab_electrolyser.c: voltage by current of water electrolysis. */
#include <math.h>

#include "lab_curve.h"
#include "lab_experiments.h"

enum { BASE, SLOPE, RESISTANCE, COOLING };
const struct pl_model_parameter twin_electrolyser_parameters[] = {
    [BASE] = {"base", "V", 1.45, 1, 3, NULL, 0, "Voltage at a current of 1 but for the resistance."},
    [SLOPE] = {"slope", "V", 0.022, 0.001, 0.5, NULL, 0, "By the natural logarithm of the current."},
    [RESISTANCE] = {"resistance", "ohm", 0.01, 1e-5, 10, NULL, 0, "Of the cell (ohm cm2 where the current is by cm2)."},
    [COOLING] = {"cooling", "1/K", 0.02, -0.2, 0.2, NULL, 0,
                 "How the resistance grows by kelvin below the first temperature; 0.02: lye."},
    {.name = NULL},
};

enum { CURRENT, VOLTAGE, TEMPERATURE };
const struct pl_model_column twin_electrolyser_columns[] = {
    [CURRENT] = {"I_A", "j_A_cm2", "A, or A/cm2", 0, "Rows without a current above 0 are left out.", -1e6, 1e6},
    [VOLTAGE] = {"U_V", NULL, "V", 0, "Of the cell.", -20, 20},
    [TEMPERATURE] = {"T_K", NULL, "K", PL_COLUMN_OPTIONAL, "Of the cell, where it changes.", 100, 2000},
    {.name = NULL},
};
const struct pl_model_column twin_electrolyser_warming_columns[] = {
    [CURRENT] = {"j_A_cm2", "I_A", "A/cm2, or A", 0, "Rows without a current above 0 are left out.", -1e6, 1e6},
    [VOLTAGE] = {"U_V", NULL, "V", 0, "Of the cell.", -20, 20},
    [TEMPERATURE] = {"T_K", NULL, "K", 0, "Of the cell.", 100, 2000},
    {.name = NULL},
};

enum pl_code twin_electrolyser_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                                    struct pl_error **error) {
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_electrolyser_columns, false, taken, error);
    if (code) return code;
    struct lab_curve *c = lab_curve_make(data, table.rows);
    if (!c) return lab_curve_no_memory(&table, error);
    const double *current = table.column[CURRENT], *kelvin = table.column[TEMPERATURE];
    for (size_t i = 0; i < table.rows; i++) {
        if (!(current[i] > 0)) {
            lab_leave_out(&table, i, taken);
            continue;
        }
        c->x[c->points] = current[i];
        c->extra[c->points] = kelvin ? kelvin[i] - kelvin[0] : 0;
        c->y[c->points++] = table.column[VOLTAGE][i];
    }
    taken->points = c->points;
    lab_free(&table);
    return PL_OK;
}

enum pl_code twin_electrolyser_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct lab_curve *c = data;
    for (size_t i = 0; i < c->points; i++)
        value[i] = p[BASE] + p[SLOPE] * log(c->x[i]) + p[RESISTANCE] * (1 - p[COOLING] * c->extra[i]) * c->x[i];
    return PL_OK;
}

double twin_electrolyser_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                                const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct lab_curve *c = data;
    return 1000 * lab_rms(predicted, c->y, use, c->points);
}

void twin_electrolyser_observed(const void *data, double *position, double *value) {
    lab_curve_observed(data, position, value);
}

void twin_electrolyser_unload(void *data) {
    lab_curve_free(data);
}
