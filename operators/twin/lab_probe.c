/* lab_probe.c: a needle probe in salt or gas: a heated core that conducts outwards through alumina, sheath and sample.
 */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "conduction.h"
#include "lab.h"
#include "lab_experiments.h"

enum { MEDIUM, T0, POWER, CONTACT, CONTACT_SLOPE, PACKING, PACKED, LAG, GAP, LOSS };
static const char *const media[] = {"salt", "argon", NULL};
const struct pl_model_parameter twin_probe_parameters[] = {
    [MEDIUM] = {"medium", "", NAN, 0, 1, media, 0,
                "What is around the probe; else by the file's name (salt_, argon_)."},
    [T0] = {"start", "degC", 25, -50, 900, NULL, 0, "Temperature before the heater is on; else from the file."},
    [POWER] = {"power", "W", 2, 0, 100, NULL, 0, "Of the heater; else voltage times current of the file."},
    [CONTACT] = {"contact", "K/W", 1.5, 0.1, 6, NULL, PL_MODEL_OWN,
                 "Between alumina and sheath, of the whole probe, at 300 deg C."},
    [CONTACT_SLOPE] = {"contact_slope", "1/K", 0, -0.005, 0.005, NULL, 0, "How it changes by kelvin, of itself."},
    [PACKING] = {"packing", "", 0.5, 0.2, 1.2, NULL, 0,
                 "Heat capacity of the packed alumina by that of the dense one."},
    [PACKED] = {"packed_conductivity", "W/m/K", 8, 0.5, 40, NULL, 0, "Of the packed alumina."},
    [LAG] = {"lag", "s", 0.1, 0, 1, NULL, 0, "Of the sensor."},
    [GAP] = {"gap_radius", "m", 2.09e-3, 1.9e-3, 2.3e-3, NULL, 0, "Of the sample's outer face."},
    [LOSS] = {"lead_loss", "", 0, 0, 0.08, NULL, PL_MODEL_OWN, "Share of the power that is lost in the leads."},
    {.name = NULL},
};

const struct pl_model_column twin_probe_columns[] = {
    {"t_s", NULL, "s", PL_COLUMN_RISING, "100 rows a second.", -1e10, 1e10},
    {"T_C", NULL, "degC", 0, "Of the probe.", -273.15, 3000},
    {"U_V", NULL, "V", 0, "Of the heater.", -1000, 1000},
    {"I_mA", NULL, "mA", PL_COLUMN_SPARSE, "Of the heater, in some rows.", -1e6, 1e6},
    {.name = NULL},
};

enum { EVERY = 20, MELTING_POINTS = 4000 };
static const double LENGTH = 0.1, CORE = 0.485942e-3, ALUMINA = 0.8293e-3, SHEATH = 1.388e-3, CRUCIBLE = 12.7e-3;
static const double TURN = 6.283185307179586, SIGMA = 5.670374419e-8, KELVIN = 273.15;

struct probe {
    size_t points;
    double *time, *rise; /* since the heater is on: means of EVERY rows */
    double power;
};

/* ---- Properties, by kelvin (the source's tables) ---- */

static double alumina_capacity(double k) {
    static const double at[] = {298, 300, 373, 400, 473, 500, 600, 673, 700, 873};
    static const double is[] = {782, 785, 901, 942, 1017, 1047, 1110, 1149, 1151, 1215};
    return lab_at(at, is, PL_COUNT_OF(at), k);
}

static double nickel_conductivity(double k) {
    return k < 673 ? 76.12158 + k * (0.02717507 + k * (-2.126458e-4 + k * 1.876168e-7))
                   : 40.623 + k * (0.02201643 - 3.571429e-7 * k);
}

static struct material nickel(double k) {
    double density = 8964.214 + k * (-0.1681755 + k * (-3.536041e-4 + k * (2.01714e-7 - 4.919056e-11 * k)));
    double capacity = k < 633 ? 292.88 + 0.50208 * k : 418.4 + 0.1284488 * k;
    return (struct material){
        .density = density, .conductivity = law(nickel_conductivity(k)), .capacity = law(capacity)};
}

static struct material sample(const double *p, double k) {
    double c = k - KELVIN;
    if (p[MEDIUM] == 0)
        return (struct material){.density = c < 225 ? 2270.227 - 0.511514 * c : 2106.0 - 0.66795 * c,
                                 .conductivity = law(0.5535004504 - 2.001993e-4 * k),
                                 .capacity = law(c < 312 ? 1139.51 + 1.31192e-3 * c : 1542.22 + 3.8835e-5 * c)};
    /* Radiation across the gas, as a conductivity: gray cylinders. */
    double emissivity = k < 473 ? 0.35 : 0.86, ratio = SHEATH / p[GAP];
    double exchange = 4 * SIGMA * k * k * k / (1 / emissivity + ratio * (1 / emissivity - 1));
    double gas = 3.1611e-3 + k * (5.3488e-5 - 1.3127e-8 * k);
    return (struct material){.density = 489.53 / k,
                             .conductivity = law(gas + exchange * SHEATH * log(p[GAP] / SHEATH)),
                             .capacity = law(521)};
}

/* ---- Data ---- */

static double mean_current(const struct lab_table *t, size_t from, size_t to) {
    double sum = 0, n = 0;
    for (size_t i = from; i < to; i++) {
        if (isnan(t->column[3][i])) continue;
        sum += t->column[3][i] * 1e-3;
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

static enum pl_code take(struct probe *probe, const struct lab_table *t, const char *path, double *p,
                         struct pl_error **error) {
    const double *time = t->column[0], *rise = t->column[1], *volt = t->column[2];
    double most = 0;
    for (size_t i = 0; i < t->rows; i++)
        most = fmax(most, volt[i]);
    size_t on = 0;
    while (on < t->rows && !(volt[on] > 0.5 * most))
        on++;
    size_t off = on;
    while (off < t->rows && volt[off] > 0.5 * most)
        off++;
    if (on < 20 || off < on + 200)
        return pl_error_set(error, PL_SYNTAX, "%s: the heater is not seen to be switched on", path);
    on--; /* the voltage comes a row late */
    double before = 0, volts = 0;
    for (size_t i = 0; i < on; i++)
        before += rise[i] / (double)on;
    for (size_t i = on + 1; i < off; i++)
        volts += volt[i] / (double)(off - on - 1);
    p[T0] = before;
    p[POWER] = volts * mean_current(t, on + 1, off);
    double last = off - on > 10000 ? 200 : 60; /* s that count */
    for (size_t i = on + EVERY; i + EVERY < off && probe->points < MELTING_POINTS; i += EVERY) {
        double middle = 0, value = 0;
        for (size_t k = 0; k < EVERY; k++) {
            middle += (time[i + k] - time[on]) / EVERY;
            value += (rise[i + k] - before) / EVERY;
        }
        if (middle > last) break;
        probe->time[probe->points] = middle;
        probe->rise[probe->points++] = value;
    }
    return PL_OK;
}

enum pl_code twin_probe_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                             struct pl_error **error) {
    struct probe *probe = PL_NEW(struct probe);
    *data = probe;
    if (!probe) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_probe_columns, true, taken, error);
    if (code) return code;
    probe->time = pl_alloc((table.rows + 1) * sizeof *probe->time);
    probe->rise = pl_alloc((table.rows + 1) * sizeof *probe->rise);
    code = probe->time && probe->rise ? take(probe, &table, path, p, error)
                                      : pl_error_set(error, PL_NO_MEMORY, "no memory");
    lab_free(&table);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strstr(name, "argon_")) p[MEDIUM] = 1;
    if (strstr(name, "salt_")) p[MEDIUM] = 0;
    taken->points = probe->points;
    return code;
}

void twin_probe_unload(void *data) {
    struct probe *probe = data;
    if (!probe) return;
    pl_free(probe->time);
    pl_free(probe->rise);
    pl_free(probe);
}

void twin_probe_observed(const void *data, double *position, double *value) {
    const struct probe *probe = data;
    memcpy(position, probe->time, probe->points * sizeof *position);
    memcpy(value, probe->rise, probe->points * sizeof *value);
}

/* By the final rise, so that weak and strong heating count alike. */
void twin_probe_weight(const void *data, double *weight) {
    const struct probe *probe = data;
    for (size_t i = 0; i < probe->points; i++)
        weight[i] = 1 / probe->rise[probe->points - 1];
}

/* ---- The model ---- */

static enum pl_code set_up(struct conduction *c, const double *p, struct pl_error **error) {
    double kelvin = p[T0] + KELVIN;
    struct material packed = {
        .density = 3900, .conductivity = law(p[PACKED]), .capacity = law(alumina_capacity(kelvin) * p[PACKING])};
    double contact = p[CONTACT] * exp(p[CONTACT_SLOPE] * (p[T0] - 300));
    struct stack_layer layers[] = {
        {.material = packed, .thickness = CORE, .cells = 6},
        {.material = packed, .thickness = ALUMINA - CORE, .cells = 6, .contact = contact * TURN * ALUMINA * LENGTH},
        {.material = nickel(kelvin), .thickness = SHEATH - ALUMINA, .cells = 4},
        {.material = sample(p, kelvin), .thickness = p[GAP] - SHEATH, .cells = 10},
        {.material = nickel(kelvin), .thickness = CRUCIBLE - p[GAP], .cells = 14, .growth = 1.15},
    };
    *c = (struct conduction){.tolerance = 1e-5};
    struct stack *s = &c->stack;
    enum pl_code code = stack_init(s, layers, 5, STACK_CYLINDER, 0, error);
    if (code) return code;
    s->left = (struct stack_side){.kind = STACK_FLUX};
    s->right = (struct stack_side){.kind = STACK_FILM, .film = 10, .temperature = p[T0]};
    for (int i = 0; i < s->cells; i++) {
        s->t[i] = p[T0];
        double core = TURN / 2 * CORE * CORE;
        if (s->of[i] == 0) s->source[i] = p[POWER] * (1 - p[LOSS]) / LENGTH * s->volume[i] / core;
    }
    return conduction_open(c, s->t, error);
}

enum pl_code twin_probe_predict(void *data, const double *p, double *value, struct pl_error **error) {
    const struct probe *probe = data;
    struct conduction c;
    enum pl_code code = set_up(&c, p, error);
    double shown = 0, before = 0, axis0 = 0;
    for (size_t i = 0; i < probe->points && !code; i++) {
        code = conduction_advance(&c, probe->time[i], error);
        if (code) break;
        stack_temperatures(&c.stack, solver_state(c.solver) + 1);
        double axis = c.stack.t[0] - p[T0], step = probe->time[i] - before;
        /* The sensor follows the axis, which goes straight from point to point. */
        double decay = p[LAG] > 0 ? exp(-step / p[LAG]) : 0, slope = (axis - axis0) / step;
        shown = axis - slope * p[LAG] + (shown - axis0 + slope * p[LAG]) * decay;
        value[i] = shown;
        before = probe->time[i];
        axis0 = axis;
    }
    conduction_close(&c);
    return code;
}

double twin_probe_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                         const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct probe *probe = data;
    return 100 * lab_rms(predicted, probe->rise, use, probe->points) / probe->rise[probe->points - 1];
}
