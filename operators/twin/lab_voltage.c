/* lab_voltage.c: the voltage of a pot over three quarters of an hour, by its alumina shots and beam moves. */
#include <errno.h>
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "lab_experiments.h"
#include "voltage.h"

enum { CURRENT, ALUMINA, UNDISSOLVED, DISTANCE, DRIFT, BATH, T, EXCESS, CALCIUM, EFFICIENCY, SLOW, DISSOLUTION };
const struct pl_model_parameter twin_voltage_parameters[] = {
    [CURRENT] = {"current", "A", 126630, 1000, 1e6, NULL, 0, "Of the line."},
    [ALUMINA] = {"alumina", "wt%", 2.8, 1.9, 6, NULL, 0, "Dissolved at the start."},
    [UNDISSOLVED] = {"undissolved", "kg", 8, 0, 40, NULL, 0, "At the start."},
    [DISTANCE] = {"distance", "cm", 2.7, 2, 4, NULL, 0, "From anodes to metal at the start."},
    [DRIFT] = {"drift", "cm/s", -4.2e-6, -1e-4, 1e-4, NULL, 0, "Of it: anode wear less rise of the metal."},
    [BATH] = {"bath", "kg", 1800, 100, 50000, NULL, 0, "Mass of it."},
    [T] = {"temperature", "degC", 963, 900, 1050, NULL, 0, "Of the bath."},
    [EXCESS] = {"excess_fluoride", "wt%", 12, 0, 25, NULL, 0, "AlF3 in excess."},
    [CALCIUM] = {"calcium_fluoride", "wt%", 4.1, 0, 20, NULL, 0, "CaF2."},
    [EFFICIENCY] = {"efficiency", "", 0.945, 0.5, 1, NULL, 0, "Of the current."},
    [SLOW] = {"slow_share", "", 0.6, 0, 1, NULL, 0, "Of a shot that does not dissolve at once."},
    [DISSOLUTION] = {"dissolution", "1/s", 0.002, 1e-4, 0.1, NULL, 0, "How fast that dissolves."},
    {.name = NULL},
};

const struct pl_model_column twin_voltage_columns[] = {
    {"t_s", NULL, "s", PL_COLUMN_RISING, "Since the record began.", -1e10, 1e10},
    {"U_V", NULL, "V", 0, "Of the pot.", -10, 150},
    {.name = NULL},
};

enum { EVENTS = 1000, ROW = 256 };
static const char EVENT_COLUMNS[] = "t_s,kind,value", SHOT[] = "alumina_shot", MOVE[] = "beam_ACD_change";
static const double SHOT_MOST = 1000, MOVE_MOST = 10, TIME_MOST = 1e10; /* kg, cm, s: beyond is a slip of the pen */
static const double ALUMINA_BY_CHARGE = 1.7612362e-7;

struct event {
    double time, kilograms, move; /* cm */
};

/* A row of t_s,kind,value, and a unit if there is one: shots in kg and moves in cm. */
static enum pl_code take_event(struct event *event, const char *line, struct pl_place here, struct pl_error **error) {
    char kind[64], unit[16] = "";
    double time, value;
    int taken = sscanf(line, "%lf,%63[^,],%lf,%15[^,\r\n]", &time, kind, &value, unit);
    bool shot = taken >= 3 && !strcmp(kind, SHOT), move = taken >= 3 && !strcmp(kind, MOVE);
    const char *expected = shot ? "kg" : "cm";
    if (!shot && !move)
        return pl_error_at(error, PL_SYNTAX, here, "a time, %s or %s, and a number are expected", SHOT, MOVE);
    if (*unit && strcmp(unit, expected) != 0)
        return pl_error_at(error, PL_SYNTAX, here, "%s has the unit \"%s\": %s is expected", kind, unit, expected);
    if (!(fabs(time) <= TIME_MOST)) return pl_error_at(error, PL_RANGE, here, "%g s is no time of an event", time);
    if (shot ? !(value >= 0 && value <= SHOT_MOST) : !(fabs(value) <= MOVE_MOST))
        return pl_error_at(error, PL_RANGE, here, "%s of %g %s: %g to %g %s is what it may be", kind, value, expected,
                           shot ? 0 : -MOVE_MOST, shot ? SHOT_MOST : MOVE_MOST, expected);
    *event = (struct event){time, shot ? value : 0, shot ? 0 : value};
    return PL_OK;
}

struct pot {
    struct lab_table table;
    size_t points;
    double *time, *voltage;
    struct event event[EVENTS];
    size_t events;
};

static enum pl_code read_events(struct pot *pot, const char *path, struct pl_error **error) {
    FILE *in = fopen(path, "r");
    if (!in)
        return pl_error_set(error, PL_IO, "%s: %s (shots and moves are expected beside the voltages)", path,
                            strerror(errno));
    char line[ROW];
    enum pl_code code = PL_OK;
    int row = 0;
    while (!code && fgets(line, sizeof line, in)) {
        struct pl_place here = {path, ++row, 0};
        if (row == 1 && strncmp(line, EVENT_COLUMNS, strlen(EVENT_COLUMNS)) != 0)
            code = pl_error_at(error, PL_SYNTAX, here, "the columns %s are expected, in this order; found: %.*s",
                               EVENT_COLUMNS, (int)strcspn(line, "\r\n"), line);
        else if (row > 1 && pot->events == EVENTS)
            code = pl_error_at(error, PL_LIMIT, here, "more than %d events", EVENTS);
        else if (row > 1)
            code = take_event(&pot->event[pot->events++], line, here, error);
    }
    if (!row)
        code = pl_error_set(error, PL_SYNTAX,
                            "%s is empty: %s, and a row for each shot and move, are expected (no row: there were none)",
                            path, EVENT_COLUMNS);
    fclose(in);
    return code;
}

enum pl_code twin_voltage_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                               struct pl_error **error) {
    (void)p;
    struct pot *pot = PL_NEW(struct pot);
    *data = pot;
    char events[1024];
    if (!pot) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    if (!lab_beside(path, "events.csv", events, sizeof events))
        return pl_error_set(error, PL_RANGE, "%s: too long", path);
    enum pl_code code = lab_read(&pot->table, path, twin_voltage_columns, false, taken, error);
    if (!code) code = read_events(pot, events, error);
    if (code) return code;
    pot->time = pl_alloc(pot->table.rows * sizeof(double));
    pot->voltage = pl_alloc(pot->table.rows * sizeof(double));
    if (!pot->time || !pot->voltage) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    for (size_t i = 0; i < pot->table.rows; i++) {
        double t = pot->table.column[0][i];
        bool edge = false; /* a move goes on: the point is on its edge */
        for (size_t k = 0; k < pot->events; k++)
            edge = edge || (pot->event[k].move != 0 && fabs(pot->event[k].time - t) < 50);
        if (edge) continue;
        pot->time[pot->points] = t;
        pot->voltage[pot->points++] = pot->table.column[1][i];
    }
    taken->points = pot->points;
    return PL_OK;
}

void twin_voltage_unload(void *data) {
    struct pot *pot = data;
    if (!pot) return;
    lab_free(&pot->table);
    pl_free(pot->time);
    pl_free(pot->voltage);
    pl_free(pot);
}

void twin_voltage_observed(const void *data, double *position, double *value) {
    const struct pot *pot = data;
    memcpy(position, pot->time, pot->points * sizeof *position);
    memcpy(value, pot->voltage, pot->points * sizeof *value);
}

/* Alumina at a time: shots dissolve by halves of their own, the current takes Faraday's amount: in closed form. */
static double alumina_at(const struct pot *pot, const double *p, double t) {
    double k = p[DISSOLUTION], dissolved = p[ALUMINA] / 100 * p[BATH] + p[UNDISSOLVED] * (1 - exp(-k * t));
    dissolved -= ALUMINA_BY_CHARGE * p[EFFICIENCY] * p[CURRENT] * t;
    for (size_t i = 0; i < pot->events; i++)
        if (pot->event[i].time <= t)
            dissolved += pot->event[i].kilograms * (1 - p[SLOW] * exp(-k * (t - pot->event[i].time)));
    return 100 * dissolved / p[BATH];
}

/* Moves are given as what the distance is more than at the start: the last one holds. */
static double moved_by(const struct pot *pot, double t) {
    double last = -1, moved = 0;
    for (size_t i = 0; i < pot->events; i++) {
        if (pot->event[i].move == 0 || pot->event[i].time > t || pot->event[i].time < last) continue;
        last = pot->event[i].time;
        moved = pot->event[i].move;
    }
    return moved;
}

enum pl_code twin_voltage_predict(void *data, const double *p, double *value, struct pl_error **error) {
    (void)error;
    const struct pot *pot = data;
    for (size_t i = 0; i < pot->points; i++) {
        double t = pot->time[i], distance = p[DISTANCE] + p[DRIFT] * t;
        distance += moved_by(pot, t);
        struct bath bath = {
            .alumina = alumina_at(pot, p, t), .excess = p[EXCESS], .calcium = p[CALCIUM], .magnesium = 0.25, .t = p[T]};
        value[i] = voltage_of(&voltage_cell_126, &bath, p[CURRENT], distance).total;
    }
    return PL_OK;
}

double twin_voltage_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                           const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct pot *pot = data;
    double mean = 0;
    for (size_t i = 0; i < pot->points; i++)
        mean += pot->voltage[i] / (double)pot->points;
    return 100 * lab_rms(predicted, pot->voltage, use, pot->points) / mean;
}

const struct pl_model_experiment twin_cell_experiments[] = {
    {.name = "pot-voltage",
     .doc = "Voltage of a 126.6 kA pot with shots of alumina and beam moves (events.csv beside: t_s (s), kind "
            "(alumina_shot or beam_ACD_change), value (kg or cm), and the unit if there is a fourth). Voltages within "
            "50 s of a move are left out.",
     .example = "200,4.377",
     .what = "voltage",
     .fit = "alumina,undissolved,distance",
     .along = "time (s)",
     .unit = "V",
     .measure = "rms (%)",
     .target = 1,
     .alternate = true,
     LAB_CALLS(voltage)},
    {.name = NULL},
};
