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

enum pl_code twin_electrolyser_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                                    struct pl_error **error) {
    (void)p;
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, 4, taken, error);
    if (code) return code;
    struct lab_curve *c = lab_curve_make(data, table.rows);
    if (!c) return lab_curve_no_memory(&table, error);
    int current = lab_column(&table, "I_A"), voltage = lab_column(&table, "U_V"), t = lab_column(&table, "T_K");
    if (current < 0) current = lab_column(&table, "j_A_cm2");
    if (current < 0 || voltage < 0) {
        lab_free(&table);
        return pl_error_set(error, PL_SYNTAX, "%s: columns I_A or j_A_cm2, and U_V, are expected", path);
    }
    for (size_t i = 0; i < table.rows; i++) {
        if (!(table.column[current][i] > 0) || isnan(table.column[voltage][i]) ||
            (t >= 0 && isnan(table.column[t][i]))) {
            lab_leave_out(&table, i, taken);
            continue;
        }
        c->x[c->points] = table.column[current][i];
        c->extra[c->points] = t >= 0 ? table.column[t][i] - table.column[t][0] : 0;
        c->y[c->points++] = table.column[voltage][i];
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
