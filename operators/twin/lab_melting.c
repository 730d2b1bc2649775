/* lab_melting.c: melting from a hot side wall: how far conduction alone carries the front. */
#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "conduction.h"
#include "lab.h"
#include "lab_experiments.h"

enum { STEFAN, SUBCOOLING };
const struct pl_model_parameter twin_melting_parameters[] = {
    [STEFAN] = {"stefan", "", 0.041, 0.005, 0.5, NULL, 0,
                "Heat capacity times (hot wall - melting point) by latent heat."},
    [SUBCOOLING] = {"subcooling", "", 0.2165, 0, 2, NULL, 0,
                    "(melting point - cold wall) by (hot wall - melting point)."},
    {.name = NULL},
};

enum { QUANTITY, TAU, FRONT };
const struct pl_model_column twin_melting_columns[] = {
    [QUANTITY] = {"quantity", NULL, "", PL_COLUMN_TEXT, "Which front.", 0, 0},
    [TAU] = {"tau", NULL, "", 0, "Stefan number times diffusivity times time by width squared.", 0, 1e6},
    [FRONT] = {"value", NULL, "", 0, "Of the width.", 0, 1},
    {.name = NULL},
};

enum { POINTS = 256, CELLS = 160 };
struct melting {
    size_t points;
    double tau[POINTS], front[POINTS];
};

static const double EARLY = 0.01; /* tau up to which conduction rules */

enum pl_code twin_melting_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                               struct pl_error **error) {
    (void)p;
    struct melting *m = PL_NEW(struct melting);
    *data = m;
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for a record");
    struct lab_table table;
    enum pl_code code = lab_read(&table, path, twin_melting_columns, false, taken, error);
    if (code) return code;
    for (size_t i = 0; i < table.rows && m->points < POINTS; i++) {
        double tau = table.column[TAU][i];
        if (tau > EARLY) continue;
        size_t at = m->points++;
        for (; at && m->tau[at - 1] > tau; at--) {
            m->tau[at] = m->tau[at - 1];
            m->front[at] = m->front[at - 1];
        }
        m->tau[at] = tau;
        m->front[at] = table.column[FRONT][i];
    }
    lab_free(&table);
    if (!m->points)
        return pl_error_set(error, PL_SYNTAX, "%s: no point before tau %g, where conduction rules", path, EARLY);
    taken->points = m->points;
    return PL_OK;
}

void twin_melting_unload(void *data) {
    pl_free(data);
}

void twin_melting_observed(const void *data, double *position, double *value) {
    const struct melting *m = data;
    memcpy(position, m->tau, m->points * sizeof *position);
    memcpy(value, m->front, m->points * sizeof *value);
}

/* By enthalpy, with everything relative: a width, a conductivity and a heat capacity of 1, the hot wall at 1. */
enum pl_code twin_melting_predict(void *data, const double *p, double *value, struct pl_error **error) {
    const struct melting *m = data;
    struct material metal = {.density = 1,
                             .conductivity = law(1),
                             .capacity = law(1),
                             .latent = 1 / p[STEFAN],
                             .melts = 0,
                             .liquid_conductivity = law(1),
                             .liquid_capacity = law(1)};
    struct stack_layer layer = {.material = metal, .thickness = 1, .cells = CELLS, .growth = 1.01};
    struct conduction c = {.tolerance = 1e-6};
    enum pl_code code = stack_init(&c.stack, &layer, 1, STACK_PLANE, 0, error);
    if (!code) {
        c.stack.left = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = 1};
        c.stack.right = (struct stack_side){.kind = STACK_TEMPERATURE, .temperature = -p[SUBCOOLING]};
        for (int i = 0; i < CELLS; i++)
            c.stack.t[i] = -p[SUBCOOLING];
        code = conduction_open(&c, c.stack.t, error);
    }
    for (size_t i = 0; i < m->points && !code; i++) {
        code = conduction_advance(&c, m->tau[i] / p[STEFAN], error);
        if (code) break;
        conduction_cells(&c);
        value[i] = 0;
        for (int k = 0; k < CELLS; k++)
            value[i] += c.stack.volume[k] * material_melted(&metal, c.stack.heat[k]);
    }
    conduction_close(&c);
    return code;
}

double twin_melting_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                           const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct melting *m = data;
    double worst = 0;
    for (size_t i = 0; i < m->points; i++)
        if (use[i]) worst = fmax(worst, fabs(predicted[i] - m->front[i]));
    return worst;
}

const struct pl_model_experiment twin_ledge_experiments[] = {
    {.name = "gallium-melting",
     .doc = "A melting front as a share of a cavity's width, by tau; only what comes before convection counts.",
     .example = "front_centre,0.00836,0.11508",
     .what = "front (of the width)",
     .fit = "",
     .along = "tau",
     .unit = "",
     .measure = "greatest error (of the width)",
     .figure = true,
     .target = 0.01,
     LAB_CALLS(melting)},
    {.name = NULL},
};
