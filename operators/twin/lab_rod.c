/* lab_rod.c: a rod that is heated at one end, on and off: a fin. Derivatives by CVODES. */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "conduction.h"
#include "lab.h"
#include "lab_experiments.h"

enum { POWER, FILM, END, CONDUCTIVITY, CAPACITY, CONVECTION, LENGTH, DIAMETER, GAIN };
#define GAIN_ROW(sensor)                                                                                               \
    { "gain_" #sensor, "", 1, 0.8, 1.25, NULL, 0, "What sensor " #sensor " shows of a rise." }
const struct pl_model_parameter twin_rod_parameters[] = {
    [POWER] = {"power", "W", 7, 0.5, 30, NULL, PL_MODEL_OWN, "That goes into the rod."},
    [FILM] = {"film", "W/m2/K", 14, 1, 60, NULL, PL_MODEL_OWN, "To the room at 10 K above it, radiation included."},
    [END] = {"end_capacity", "J/K", 20, 0.5, 300, NULL, 0, "Of the heater on the rod's face."},
    [CONDUCTIVITY] = {"conductivity", "W/m/K", 170, 50, 400, NULL, 0, "Of the rod."},
    [CAPACITY] = {"capacity", "J/kg/K", 900, 300, 1500, NULL, 0, "Of the rod, of 2700 kg/m3."},
    [CONVECTION] = {"convection", "", 0.15, 0, 0.4, NULL, 0,
                    "How the film goes with the rise: 0.25 of free convection alone, 0 of radiation alone."},
    [LENGTH] = {"length", "m", 0.3, 0.05, 2, NULL, 0, "Of the rod; six sensors from end to end."},
    [DIAMETER] = {"diameter", "m", 0.02, 0.002, 0.2, NULL, 0, "Of the rod."},
    [GAIN] = GAIN_ROW(1),
    GAIN_ROW(2),
    GAIN_ROW(3),
    GAIN_ROW(4),
    GAIN_ROW(5),
    GAIN_ROW(6),
    {.name = NULL},
};

#define SENSOR_COLUMN(n)                                                                                               \
    { "T" #n "_C", NULL, "degC", 0, "Sensor " #n ".", -273.15, 3000 }
const struct pl_model_column twin_rod_columns[] = {
    {"t_s", NULL, "s", PL_COLUMN_RISING, "About one row a second.", -1e10, 1e10},
    SENSOR_COLUMN(1),
    SENSOR_COLUMN(2),
    SENSOR_COLUMN(3),
    SENSOR_COLUMN(4),
    SENSOR_COLUMN(5),
    SENSOR_COLUMN(6),
    {.name = NULL},
};

enum { SENSORS = 6, EVERY = 10, CELLS = 48, SWITCHES = 64, FREE = 6 };
static const double PI = 3.14159265358979323846, DENSITY = 2700, END_LENGTH = 1e-3;

struct rod {
    size_t points, times;
    double *time, *rise; /* rise: SENSORS for each time */
    double on[SWITCHES], off[SWITCHES];
    int switches;
    /* of a run */
    double p[FREE]; /* what the equations read; CVODES moves them */
    bool heated;
    double area, around;
};

/* ---- Data ---- */

static double smooth(const struct lab_table *t, size_t i) {
    enum { BESIDE = 5 };
    double sum = 0, n = 0;
    for (size_t k = i > BESIDE ? i - BESIDE : 0; k <= i + BESIDE && k < t->rows; k++) {
        sum += t->column[1][k];
        n++;
    }
    return sum / n;
}

/* When it was switched: the first sensor turns by more than 2 K on either side of it. It counts from where it leaves
 * its highest or lowest place by a little, since it may have been there for long, and noise says where it was highest.
 */
static void find_switches(struct rod *rod, const struct lab_table *t) {
    const double TURN = 2, LEAVES = 0.4;
    bool rising = false;
    size_t left = 0;
    double at = smooth(t, 0);
    for (size_t i = 0; i < t->rows && rod->switches < SWITCHES; i++) {
        double now = smooth(t, i);
        at = rising ? fmax(at, now) : fmin(at, now);
        if (rising ? now >= at - LEAVES : now <= at + LEAVES) left = i;
        if (rising ? now > at - TURN : now < at + TURN) continue;
        double when = t->column[0][left] > t->column[0][0] + 3 ? t->column[0][left] - 2 : t->column[0][0];
        if (rising)
            rod->off[rod->switches++] = when;
        else
            rod->on[rod->switches] = when;
        rising = !rising;
        left = i;
        at = now;
    }
    if (rising && rod->switches < SWITCHES) rod->off[rod->switches++] = 1e30;
}

static void take(struct rod *rod, const struct lab_table *t) {
    double base[SENSORS] = {0};
    int n = 0;
    for (size_t i = 0; i < t->rows && t->column[0][i] < t->column[0][0] + 10; i++, n++)
        for (int s = 0; s < SENSORS; s++)
            base[s] += t->column[1 + s][i];
    for (size_t i = 0; i < t->rows; i += EVERY) {
        rod->time[rod->times] = t->column[0][i];
        for (int s = 0; s < SENSORS; s++)
            rod->rise[rod->times * SENSORS + (size_t)s] = t->column[1 + s][i] - base[s] / n;
        rod->times++;
    }
    rod->points = rod->times * SENSORS;
}

enum pl_code twin_rod_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                           struct pl_error **error) {
    (void)p;
    struct rod *rod = PL_NEW(struct rod);
    *data = rod;
    if (!rod) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_rod_columns, false, taken, error);
    if (code) return code;
    rod->time = pl_alloc((table.rows / EVERY + 2) * sizeof(double));
    rod->rise = pl_alloc((table.rows / EVERY + 2) * SENSORS * sizeof(double));
    if (!rod->time || !rod->rise) {
        lab_free(&table);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    }
    take(rod, &table);
    find_switches(rod, &table);
    lab_free(&table);
    if (!rod->switches) code = pl_error_set(error, PL_SYNTAX, "%s: the heater is not seen to be switched on", path);
    taken->points = rod->points;
    return code;
}

void twin_rod_unload(void *data) {
    struct rod *rod = data;
    if (!rod) return;
    pl_free(rod->time);
    pl_free(rod->rise);
    pl_free(rod);
}

void twin_rod_observed(const void *data, double *position, double *value) {
    const struct rod *rod = data;
    for (size_t i = 0; i < rod->points; i++)
        position[i] = rod->time[i / SENSORS];
    memcpy(value, rod->rise, rod->points * sizeof *value);
}

/* ---- The model: the heater as a short layer, then the rod ---- */

static void drive(double t, struct stack *s, void *context) {
    (void)t;
    struct rod *rod = context;
    const double *p = rod->p;
    s->left.flux = rod->heated ? p[POWER] / rod->area : 0;
    s->right.film = p[FILM];
    s->loss_power = p[CONVECTION];
    s->loss_rise = 10;
    double end = p[END] / (rod->area * END_LENGTH), bar = DENSITY * p[CAPACITY];
    s->layer[0].material.capacity = law(end / DENSITY);
    s->layer[1].material.capacity = law(p[CAPACITY]);
    s->layer[1].material.conductivity = law(p[CONDUCTIVITY]);
    for (int i = 0; i < s->cells; i++) {
        s->heat[i] = (double)NAN; /* the materials are others */
        s->capacity[i] = s->volume[i] * (s->of[i] == 0 ? end : bar);
        s->loss[i] = s->of[i] == 0 ? 0 : p[FILM] * rod->around / rod->area * s->volume[i];
    }
}

static enum pl_code set_up(struct rod *rod, struct conduction *c, const double *p, const int *which, int sensitivities,
                           struct pl_error **error) {
    memcpy(rod->p, p, sizeof rod->p);
    rod->area = PI / 4 * p[DIAMETER] * p[DIAMETER];
    rod->around = PI * p[DIAMETER];
    rod->heated = false;
    struct stack_layer layers[] = {
        {.material = {.density = DENSITY, .conductivity = law(1000), .capacity = law(p[END])},
         .thickness = END_LENGTH,
         .cells = 1},
        {.material = {.density = DENSITY, .conductivity = law(p[CONDUCTIVITY]), .capacity = law(p[CAPACITY])},
         .thickness = p[LENGTH],
         .cells = CELLS},
    };
    *c = (struct conduction){.tolerance = 1e-5,
                             .drive = drive,
                             .context = rod,
                             .sensitivities = sensitivities,
                             .parameters = rod->p,
                             .scales = p,
                             .which = which};
    enum pl_code code = stack_init(&c->stack, layers, 2, STACK_PLANE, 0, error);
    if (code) return code;
    c->stack.left = (struct stack_side){.kind = STACK_FLUX};
    c->stack.right = (struct stack_side){.kind = STACK_FILM};
    drive(0, &c->stack, rod);
    return conduction_open(c, c->stack.t, error);
}

/* Through the switches on the way. */
static enum pl_code advance(struct rod *rod, struct conduction *c, double until, struct pl_error **error) {
    for (;;) {
        double now = solver_time(c->solver), next = until;
        for (int k = 0; k < rod->switches; k++) {
            if (rod->on[k] > now && rod->on[k] < next) next = rod->on[k];
            if (rod->off[k] > now && rod->off[k] < next) next = rod->off[k];
        }
        bool heated = false;
        for (int k = 0; k < rod->switches; k++)
            heated = heated || (now >= rod->on[k] && now < rod->off[k]);
        if (heated != rod->heated) {
            rod->heated = heated;
            enum pl_code code = conduction_restart(c, error);
            if (code) return code;
        }
        enum pl_code code = conduction_advance(c, next, error);
        if (code || next >= until) return code;
    }
}

/* Of unknowns (temperatures, or their derivatives) at a sensor: straight between centres, flat beyond them. */
static double at_sensor(const struct stack *s, const double *y, double x) {
    int i = 1;
    double place = END_LENGTH + x;
    while (i + 1 < s->cells && s->place[i + 1] < place)
        i++;
    if (i + 1 >= s->cells) return y[s->cells - 1];
    if (place <= s->place[1]) return y[1];
    return y[i] + (y[i + 1] - y[i]) * (place - s->place[i]) / (s->place[i + 1] - s->place[i]);
}

static enum pl_code run(struct rod *rod, const double *p, const unsigned *free, unsigned count, double *value,
                        double *slope, struct pl_error **error) {
    struct conduction c;
    int which[FREE] = {0}, carried = 0;
    for (unsigned k = 0; slope && k < count; k++)
        if (free[k] < FREE) which[carried++] = (int)free[k];
    enum pl_code code = set_up(rod, &c, p, which, carried, error);
    double begun = rod->time[0];
    for (size_t i = 0; i < rod->times && !code; i++) {
        code = advance(rod, &c, rod->time[i] - begun, error);
        for (int s = 0; s < SENSORS && !code; s++) {
            double x = p[LENGTH] * s / (SENSORS - 1);
            size_t at = i * SENSORS + (size_t)s;
            double rise = at_sensor(&c.stack, solver_state(c.solver) + 1, x), gain = p[GAIN + s];
            value[at] = gain * rise;
            for (unsigned k = 0, next = 0; slope && k < count; k++) {
                double *to = &slope[k * rod->points + at];
                if (free[k] >= GAIN)
                    *to = free[k] == (unsigned)(GAIN + s) ? rise : 0;
                else
                    *to = gain * at_sensor(&c.stack, solver_sensitivity(c.solver, (int)next++) + 1, x);
            }
        }
    }
    conduction_close(&c);
    return code;
}

enum pl_code twin_rod_predict(void *data, const double *p, double *value, struct pl_error **error) {
    return run(data, p, NULL, 0, value, NULL, error);
}

enum pl_code twin_rod_sensitive(void *data, const double *p, const unsigned *free, unsigned count, double *value,
                                double *slope, struct pl_error **error) {
    for (unsigned k = 0; k < count; k++)
        if (free[k] >= FREE && free[k] < GAIN)
            return pl_error_set(error, PL_USAGE, "%s is no constant that can be free",
                                twin_rod_parameters[free[k]].name);
    return run(data, p, free, count, value, slope, error);
}

/* Height and delay of what a sensor shows, by its greatest rise. */
static void tell_sensors(const struct rod *rod, const double *predicted, const struct pl_model_report *report) {
    for (int s = 0; s < SENSORS; s++) {
        size_t is = 0, found = 0;
        for (size_t i = 0; i < rod->times; i++) {
            if (rod->rise[i * SENSORS + (size_t)s] > rod->rise[is * SENSORS + (size_t)s]) is = i;
            if (predicted[i * SENSORS + (size_t)s] > predicted[found * SENSORS + (size_t)s]) found = i;
        }
        double height = rod->rise[is * SENSORS + (size_t)s], modelled = predicted[found * SENSORS + (size_t)s];
        char subject[24];
        snprintf(subject, sizeof subject, "sensor %d", s + 1);
        struct pl_model_finding f = {.subject = subject,
                                     .quantity = "greatest rise",
                                     .unit = "K",
                                     .expected = height,
                                     .found = modelled,
                                     .error = modelled - height,
                                     .limit = 1.5,
                                     .error_unit = "K"};
        f.good = fabs(f.error) <= f.limit;
        report->tell(report->context, &f);
    }
}

double twin_rod_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                       const struct pl_model_report *report) {
    (void)p;
    const struct rod *rod = data;
    if (report) tell_sensors(rod, predicted, report);
    return lab_rms(predicted, rod->rise, use, rod->points);
}
