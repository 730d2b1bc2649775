/* lab_battery.c: a pouch cell that warms as it is discharged: one heat capacity and one film. */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "lab_experiments.h"
#include "solver.h"

enum { FILM, CAPACITY, ENTROPY, CHARGE, RATE, VOLUME, AREA, KELVIN, PARAMETERS };
#define SLOW 0.1 /* C-rate of the discharge that tells the open circuit */

const struct pl_model_parameter twin_battery_parameters[] = {
    [FILM] = {"film", "W/m2/K", 30, 1, 300, NULL, 0, "To the surroundings."},
    [CAPACITY] = {"capacity", "J/m3/K", 2.4e6, 5e5, 8e6, NULL, 0, "Heat capacity by volume."},
    [ENTROPY] = {"entropy", "V/K", 0, -1e-3, 1e-3, NULL, 0, "dU/dT of the open circuit: heat -I T dU/dT besides."},
    [CHARGE] = {"charge", "Ah", 2.28, 0.01, 1000, NULL, 0, "What a C-rate of 1 draws in an hour."},
    [RATE] = {"rate", "1/h", NAN, 2 * SLOW, 20, NULL, 0, "C-rate; else the number before \"C_\" in the file's name."},
    [VOLUME] = {"volume", "m3", 1.53e-5, 1e-8, 1, NULL, 0, "Of the cell."},
    [AREA] = {"area", "m2", 6.05e-3, 1e-6, 100, NULL, 0, "That is cooled."},
    [KELVIN] = {"surroundings", "K", 298.15, 200, 400, NULL, 0, "Their temperature."},
    {.name = NULL},
};

const struct pl_model_column twin_battery_columns[] = {
    {"t_s", NULL, "s", PL_COLUMN_RISING, "Since the discharge began.", -1e10, 1e10},
    {"dT_K", NULL, "K", 0, "Rise of the surface.", -500, 2000},
    {.name = NULL},
};
static const struct pl_model_column voltage_columns[] = {
    {"t_s", NULL, "s", PL_COLUMN_RISING, "Since the discharge began.", -1e10, 1e10},
    {"U_V", NULL, "V", 0, "Of the cell.", -10, 10},
    {.name = NULL},
};

struct battery {
    struct lab_table rise, voltage, slow; /* slow: near the open circuit's */
    const double *p;
};

/* "0.5C_T.csv" -> 0.5 */
static double rate_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    double value;
    int used = 0;
    return sscanf(name, "%lfC%n", &value, &used) == 1 && used > 0 ? value : NAN;
}

enum pl_code twin_battery_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                               struct pl_error **error) {
    struct battery *b = PL_NEW(struct battery);
    *data = b;
    if (!b) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    p[RATE] = rate_of(path);
    char name[64], voltage[1024], slow[1024];
    snprintf(name, sizeof name, "%gC_U.csv", p[RATE]);
    if (isnan(p[RATE]) || !lab_beside(path, name, voltage, sizeof voltage) ||
        !lab_beside(path, "0.1C_U.csv", slow, sizeof slow))
        return pl_error_set(error, PL_SYNTAX,
                            "%s: a name like 2C_T.csv is expected, with 2C_U.csv and 0.1C_U.csv beside it", path);
    enum pl_code code = lab_read(&b->rise, path, twin_battery_columns, false, taken, error);
    if (!code)
        code = lab_read_beside(&b->voltage, path, voltage, voltage_columns, "the voltage of this discharge", error);
    if (!code) code = lab_read_beside(&b->slow, path, slow, voltage_columns, "the voltage of a slow discharge", error);
    taken->points = b->rise.rows;
    return code;
}

void twin_battery_unload(void *data) {
    struct battery *b = data;
    if (!b) return;
    lab_free(&b->rise);
    lab_free(&b->voltage);
    lab_free(&b->slow);
    pl_free(b);
}

void twin_battery_observed(const void *data, double *position, double *value) {
    const struct battery *b = data;
    memcpy(position, b->rise.column[0], b->rise.rows * sizeof *position);
    memcpy(value, b->rise.column[1], b->rise.rows * sizeof *value);
}

/* Heat is current times what the voltage is below the open circuit's at the same charge. The slow discharge has a drop
 * of its own, which goes by the current as the other does: of discharges that are hardly faster nothing is left to
 * reckon with, and they are refused. */
static int warming(double t, const double *y, double *rate, void *self) {
    const struct battery *b = self;
    const double *p = b->p;
    double end = b->voltage.column[0][b->voltage.rows - 1];
    double current = t < end ? p[RATE] * p[CHARGE] : 0;
    double below = lab_at(b->slow.column[0], b->slow.column[1], b->slow.rows, t * p[RATE] / SLOW) -
                   lab_at(b->voltage.column[0], b->voltage.column[1], b->voltage.rows, t);
    below *= p[RATE] / (p[RATE] - SLOW);
    double heat = current * (below - (p[KELVIN] + y[0]) * p[ENTROPY]);
    rate[0] = (heat - p[FILM] * p[AREA] * y[0]) / (p[CAPACITY] * p[VOLUME]);
    return 0;
}

enum pl_code twin_battery_predict(void *data, const double *p, double *value, struct pl_error **error) {
    struct battery *b = data;
    if (!(p[RATE] > 0)) return pl_error_set(error, PL_RANGE, "the C-rate is not known: FILE,rate=2");
    if (p[RATE] < 2 * SLOW)
        return pl_error_set(error, PL_RANGE,
                            "a C-rate of %g: the heat is reckoned from what the voltage is below that of a discharge "
                            "at %gC, so at least %gC is wanted",
                            p[RATE], SLOW, 2 * SLOW);
    b->p = p;
    struct solver_problem problem = {.size = 1, .model = b, .rate = warming, .relative = 1e-5, .absolute = 1e-4};
    double y = b->rise.column[1][0], end = b->voltage.column[0][b->voltage.rows - 1];
    struct solver *solver;
    enum pl_code code = solver_new(&solver, &problem, b->rise.column[0][0], &y, error);
    bool rests = false;
    for (size_t i = 0; i < b->rise.rows && !code; i++) {
        double t = b->rise.column[0][i];
        if (!rests && t > end) { /* the current ends there, a jump */
            code = solver_advance(solver, end, NULL, error);
            if (!code) code = solver_restart(solver, fmax(end, solver_time(solver)), solver_state(solver), error);
            rests = true;
        }
        if (!code) code = solver_advance(solver, t, NULL, error);
        value[i] = solver_state(solver)[0];
    }
    solver_free(solver);
    return code;
}

double twin_battery_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                           const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct battery *b = data;
    return lab_rms(predicted, b->rise.column[1], use, b->rise.rows);
}
