/* lab_lining.c: the mean lining temperature of an industrial pot, by its voltage. */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "conduction.h"
#include "lab.h"
#include "lab_experiments.h"
#include "lining.h"

enum { DEPTH, GAIN, BATH_TIME, METAL, USUAL, BLOCK_K, BARRIER_K, INSULATION_K };
const struct pl_model_parameter twin_lining_parameters[] = {
    [DEPTH] = {"depth", "m", 0.5, 0.02, 0.7, NULL, 0, "Of the probes below the cathode's surface."},
    [GAIN] = {"gain", "K/V", 100, 0, 1000, NULL, 0, "How much warmer the metal gets in the end by a volt more."},
    [BATH_TIME] = {"bath_time", "s", 7200, 300, 86400, NULL, 0, "How long the metal takes for that."},
    [METAL] = {"metal_temperature", "degC", 965, 900, 1000, NULL, 0, "At the usual voltage."},
    [USUAL] = {"usual_voltage", "V", 4.3, 3, 6, NULL, 0, "At which the pot was for long before the record."},
    [BLOCK_K] = {"block_conductivity", "W/m/K", 15, 1, 200, NULL, 0, "Of the cathode blocks."},
    [BARRIER_K] = {"barrier_conductivity", "W/m/K", 1.2, 0.1, 20, NULL, 0, "Of barrier and firebrick."},
    [INSULATION_K] = {"insulation_conductivity", "W/m/K", 0.17, 0.05, 5, NULL, 0, "Of the insulation."},
    {.name = NULL},
};

const struct pl_model_column twin_lining_columns[] = {
    {"x", "t_min", "min", PL_COLUMN_RISING, "Time.", -1e10, 1e10},
    {"T_lining", "T_lining_C", "degC", 0, "Mean of the lining's probes.", -273.15, 3000},
    {.name = NULL},
};
static const struct pl_model_column voltage_columns[] = {
    {"x", "t_min", "min", PL_COLUMN_RISING, "Time.", -1e10, 1e10},
    {"V_cell", "Curve1", "V", 0, "Of the pot.", -10, 150},
    {.name = NULL},
};

struct record {
    struct lab_table lining, voltage;
    double minute[512], smooth[512]; /* the voltage in means: single points are not means */
    size_t count;
    const double *p;
    double metal; /* deg C, at `at` */
    double at;
};

enum { MEAN_OF = 5 };

enum pl_code twin_lining_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                              struct pl_error **error) {
    (void)p;
    struct record *r = PL_NEW(struct record);
    *data = r;
    char voltage[1024];
    if (!r) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    if (!lab_beside(path, "V_cell.csv", voltage, sizeof voltage))
        return pl_error_set(error, PL_RANGE, "%s: too long", path);
    enum pl_code code = lab_read(&r->lining, path, twin_lining_columns, false, taken, error);
    if (!code)
        code = lab_read_beside(&r->voltage, path, voltage, voltage_columns, "voltages of the same minutes", error);
    for (size_t i = 0; !code && i + MEAN_OF <= r->voltage.rows && r->count < 512; i++, r->count++)
        for (size_t k = 0; k < MEAN_OF; k++) {
            r->minute[r->count] += r->voltage.column[0][i + k] / MEAN_OF;
            r->smooth[r->count] += r->voltage.column[1][i + k] / MEAN_OF;
        }
    if (!code && r->count < 2) code = pl_error_set(error, PL_SYNTAX, "%s: too few voltages", voltage);
    taken->points = r->lining.rows;
    return code;
}

void twin_lining_unload(void *data) {
    struct record *r = data;
    if (!r) return;
    lab_free(&r->lining);
    lab_free(&r->voltage);
    pl_free(r);
}

void twin_lining_observed(const void *data, double *position, double *value) {
    const struct record *r = data;
    memcpy(position, r->lining.column[0], r->lining.rows * sizeof *position);
    memcpy(value, r->lining.column[1], r->lining.rows * sizeof *value);
}

/* The metal follows the voltage with one time constant: between minutes in closed form. */
static void follow(struct record *r, double minute) {
    while (r->at < minute) {
        double step = fmin(1, minute - r->at), middle = r->at + step / 2;
        double wanted = r->p[METAL] + r->p[GAIN] * (lab_at(r->minute, r->smooth, r->count, middle) - r->p[USUAL]);
        r->metal = wanted + (r->metal - wanted) * exp(-60 * step / r->p[BATH_TIME]);
        r->at += step;
    }
}

enum pl_code twin_lining_predict(void *data, const double *p, double *value, struct pl_error **error) {
    struct record *r = data;
    double v[LINING_PARAMETERS];
    for (int i = 0; i < LINING_PARAMETERS; i++)
        v[i] = lining_parameters()[i].fallback;
    v[LINING_METAL] = p[METAL];
    v[LINING_BLOCK_K] = p[BLOCK_K];
    v[LINING_BARRIER_K] = p[BARRIER_K];
    v[LINING_INSULATION_K] = p[INSULATION_K];
    struct conduction c = {.tolerance = 1e-6};
    enum pl_code code = lining_stack(&c.stack, v, error);
    if (!code) code = conduction_open(&c, c.stack.t, error);
    r->p = p;
    r->metal = p[METAL];
    r->at = r->minute[0];
    double begun = r->at;
    for (size_t i = 0; i < r->lining.rows && !code; i++) {
        double minute = r->lining.column[0][i];
        while (!code && r->at < minute) { /* the metal is held for five minutes at a time */
            follow(r, fmin(r->at + 5, minute));
            c.stack.left.temperature = r->metal;
            code = conduction_restart(&c, error);
            if (!code) code = conduction_advance(&c, (r->at - begun) * 60, error);
        }
        if (code) break;
        conduction_cells(&c);
        value[i] = stack_at(&c.stack, p[DEPTH]);
    }
    conduction_close(&c);
    return code;
}

/* The steepest fall over 100 minutes, and its middle. */
static double fall(const struct record *r, const double *t, double *when) {
    double most = 0;
    const double *minute = r->lining.column[0];
    *when = NAN;
    for (int i = 0; minute[0] + 5 * i + 100 <= minute[r->lining.rows - 1]; i++) {
        double from = minute[0] + 5 * i;
        double fell = lab_at(minute, t, r->lining.rows, from) - lab_at(minute, t, r->lining.rows, from + 100);
        if (fell > most) {
            most = fell;
            *when = from + 50;
        }
    }
    return most;
}

double twin_lining_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                          const struct pl_model_report *report) {
    (void)p;
    const struct record *r = data;
    double worst = 0;
    for (size_t i = 0; i < r->lining.rows; i++)
        if (use[i]) worst = fmax(worst, fabs(predicted[i] / r->lining.column[1][i] - 1));
    if (report) {
        double is_when, found_when, is = fall(r, r->lining.column[1], &is_when),
                                    found = fall(r, predicted, &found_when);
        struct pl_model_finding f = {.subject = "the fall",
                                     .quantity = "in 100 min",
                                     .unit = "K",
                                     .expected = is,
                                     .found = found,
                                     .error = found - is,
                                     .limit = 5,
                                     .error_unit = "K"};
        f.good = fabs(f.error) <= f.limit;
        report->tell(report->context, &f);
        f = (struct pl_model_finding){.subject = "the fall",
                                      .quantity = "its middle",
                                      .unit = "min",
                                      .expected = is_when,
                                      .found = found_when,
                                      .error = found_when - is_when,
                                      .limit = 60,
                                      .error_unit = "min"};
        f.good = fabs(f.error) <= f.limit;
        report->tell(report->context, &f);
    }
    return 100 * worst;
}

const struct pl_model_experiment twin_lining_experiments[] = {
    {.name = "pot-lining",
     .doc = "The lining's mean temperature over ten hours (minutes, deg C); the pot's voltage is in V_cell.csv beside, "
            "of columns x (min) and V_cell (V). "
            "The "
            "probes' depth is not stated; the metal follows the voltage with one time constant.",
     .example = "385,672.1",
     .what = "lining temperature",
     .fit = "depth,gain,bath_time,insulation_conductivity",
     .along = "time (min)",
     .unit = "degC",
     .measure = "greatest error (%)",
     .figure = true,
     .target = 5,
     .step = 1e-3,
     .alternate = true,
     LAB_CALLS(lining)},
    {.name = NULL},
};
