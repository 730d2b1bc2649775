/* alumina_cases.c: transport in the bath against closed solutions. */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "models.h"
#include "plane.h"

static const double PI = 3.14159265358979323846;

static double nothing(double x, double y, void *context) {
    (void)x, (void)y, (void)context;
    return 0;
}

/* ---- Flow into a half-space (Ogata and Banks) ---- */

static double into(double x, double t) {
    double u = 0.01, d = 1e-3, spread = 2 * sqrt(d * t);
    return 0.5 * (erfc((x - u * t) / spread) + exp(u * x / d) * erfc((x + u * t) / spread));
}

static enum pl_code inflow_run(int cells, double t, struct plane *p, struct pl_error **error) {
    if (!p->solver) {
        *p = (struct plane){.nx = cells,
                            .ny = 1,
                            .length = 4,
                            .width = 1,
                            .depth = 1,
                            .diffusivity = 1e-3,
                            .speed = 0.01,
                            .held = {true, true},
                            .end = {1, 0},
                            .tolerance = 1e-9};
        enum pl_code code = plane_open(p, nothing, NULL, error);
        if (code) return code;
    }
    return plane_advance(p, t, error);
}

static enum pl_code inflow(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {10, 60, 120}, x[] = {0.1, 0.5, 1.0};
    static const double expected[] = {0.713791788078, 0.00397812771338, 1.79341714821e-10,
                                      0.984404532224, 0.724610238047,   0.166613394210,
                                      0.998451167977, 0.962084611486,   0.736625218378};
    struct plane p = {0};
    enum pl_code code = PL_OK;
    for (int i = 0; i < 3 && !code; i++) {
        code = inflow_run(800, t[i], &p, error);
        for (int k = 0; k < 3 && !code; k++) {
            char quantity[48];
            snprintf(quantity, sizeof quantity, "c(%g m, %g s)", x[k], t[i]);
            models_tell(report, "flow into a half-space", quantity, "", expected[3 * i + k], plane_at(&p, x[k], 0.5),
                        fmax(expected[3 * i + k], 0.05), 1e-3);
        }
    }
    if (!code) models_tell_rest(report, "flow into a half-space", "amount unaccounted for", plane_balance(&p), 1e-8);
    plane_close(&p);
    double wrong[3] = {0};
    for (int k = 0; k < 3 && !code; k++) {
        struct plane fine = {0};
        code = inflow_run(100 << k, 120, &fine, error);
        for (int i = 0; i < fine.nx && !code; i++) /* the mean error: the limiter flattens single extremes */
            wrong[k] += fabs(plane_cell(&fine, i, 0) - into((i + 0.5) * 4 / fine.nx, 120)) / fine.nx;
        plane_close(&fine);
    }
    if (!code)
        models_tell_order(report, "flow into a half-space", "order in space (mean error)",
                          fmin(models_order(wrong[0], wrong[1]), models_order(wrong[1], wrong[2])), 1.9);
    return code;
}

/* ---- Steady flow between two held ends ---- */

static enum pl_code steady(const struct pl_model_report *report, struct pl_error **error) {
    static const double peclet[] = {1, 10};
    static const double expected[] = {0.165296176671,   0.377540668798,   0.650067991241,
                                      5.07707490270e-4, 6.69285092428e-3, 0.0820433234553};
    enum pl_code code = PL_OK;
    for (int i = 0; i < 2 && !code; i++) {
        struct plane p = {.nx = 400,
                          .ny = 1,
                          .length = 1,
                          .width = 1,
                          .depth = 1,
                          .diffusivity = 0.01,
                          .speed = 0.01 * peclet[i],
                          .held = {true, true},
                          .end = {0, 1},
                          .tolerance = 1e-9};
        code = plane_open(&p, nothing, NULL, error);
        if (!code) code = plane_advance(&p, 2000, error);
        for (int k = 0; k < 3 && !code; k++) {
            char quantity[48];
            snprintf(quantity, sizeof quantity, "c(%g L) at Pe %g", 0.25 * (k + 1), peclet[i]);
            models_tell(report, "steady flow between held ends", quantity, "", expected[3 * i + k],
                        plane_at(&p, 0.25 * (k + 1), 0.5), 0, 1e-3);
        }
        plane_close(&p);
    }
    return code;
}

/* ---- A shot in an unbounded layer; a pulse in a closed box ---- */

static const double SHOT = 1.8, DEPTH = 0.2, MIXING = 5e-3, LOSS = 1e-3;

static double shot_at(double r, double t) {
    return SHOT / DEPTH * exp(-LOSS * t - r * r / (4 * MIXING * t)) / (4 * PI * MIXING * t);
}

/* A quarter of the layer, from what it is after a minute. */
static const double FROM = 60;
static double after_a_minute(double x, double y, void *context) {
    (void)context;
    return shot_at(hypot(x, y), FROM);
}

static enum pl_code shot_run(int cells, double size, double t, struct plane *p, struct pl_error **error) {
    *p = (struct plane){.nx = cells,
                        .ny = cells,
                        .length = size,
                        .width = size,
                        .depth = DEPTH,
                        .diffusivity = MIXING,
                        .loss = LOSS,
                        .tolerance = 1e-7};
    enum pl_code code = plane_open(p, after_a_minute, NULL, error);
    return code ? code : plane_advance(p, t - FROM, error);
}

static enum pl_code shot_order(const struct pl_model_report *report, struct pl_error **error) {
    double wrong[2] = {0};
    for (int k = 0; k < 2; k++) {
        struct plane p;
        enum pl_code code = shot_run(20 << k, 8, 120, &p, error);
        for (int i = 0; i < p.nx && !code; i++)
            for (int j = 0; j < p.ny; j++) {
                double r = hypot((i + 0.5) * 8 / p.nx, (j + 0.5) * 8 / p.ny);
                wrong[k] = fmax(wrong[k], fabs(plane_cell(&p, i, j) - shot_at(r, 120)));
            }
        plane_close(&p);
        if (code) return code;
    }
    models_tell_order(report, "a shot of alumina, unbounded", "order in space", models_order(wrong[0], wrong[1]), 1.9);
    return PL_OK;
}

static enum pl_code shot(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {120, 600}, size[] = {4, 7}, r[] = {0, 0.5, 1, 2};
    static const double formula[] = {1.05868328725,  0.953953154980, 0.697927037467, 0.199959444093,
                                     0.131019127066, 0.128317798462, 0.120543416067, 0.0938793068269};
    enum pl_code code = PL_OK;
    for (int i = 0; i < 2 && !code; i++) {
        struct plane p;
        code = shot_run(50, size[i], t[i], &p, error);
        for (int k = 0; k < 4 && !code; k++) {
            char quantity[48];
            snprintf(quantity, sizeof quantity, "c(%g m, %g s)", r[k], t[i]);
            models_tell(report, "a shot of alumina, the formula", quantity, "kg/m3", formula[4 * i + k],
                        shot_at(r[k], t[i]), 0, 1e-9);
            /* At the centre of a volume near by, so that no interpolation adds to the error. */
            int near = (int)(r[k] * p.nx / size[i]);
            double place = hypot((near + 0.5) * size[i] / p.nx, 0.5 * size[i] / p.nx);
            models_tell(report, "a shot of alumina, unbounded", quantity, "kg/m3", shot_at(place, t[i]),
                        plane_cell(&p, near, 0), formula[4 * i], 1e-3);
        }
        if (!code)
            models_tell_rest(report, "a shot of alumina, unbounded", "amount unaccounted for", plane_balance(&p), 1e-8);
        plane_close(&p);
    }
    return code ? code : shot_order(report, error);
}

/* A unit pulse at 1 m in the box, all in one cell; images far away do not matter for the start. */
static double pulse(double x, double y, void *context) {
    (void)y;
    double half = *(double *)context / 2;
    return fabs(x - 1) < half * 2 ? 1 / (4 * half) : 0;
}

static enum pl_code box(const struct pl_model_report *report, struct pl_error **error) {
    static const double t[] = {30, 120, 600}, x[] = {0, 1, 2, 4};
    static const double expected[] = {0.275140991276, 0.729292563103, 0.137570718447, 4.45617466906e-7,
                                      0.480168211595, 0.432968169423, 0.248659764374, 0.0171513171537,
                                      0.305561099713, 0.289287659607, 0.250000000000, 0.194438900286};
    struct plane p = {
        .nx = 400, .ny = 1, .length = 4, .width = 1, .depth = 1, .diffusivity = MIXING, .tolerance = 1e-9};
    double step = 4.0 / p.nx;
    enum pl_code code = plane_open(&p, pulse, &step, error);
    for (int i = 0; i < 3 && !code; i++) {
        code = plane_advance(&p, t[i], error);
        for (int k = 0; k < 4 && !code; k++) {
            char quantity[48];
            snprintf(quantity, sizeof quantity, "c(%g m, %g s)", x[k], t[i]);
            models_tell(report, "a pulse in a closed box", quantity, "1/m", expected[4 * i + k],
                        plane_at(&p, x[k], 0.5), expected[4 * i + 1], 1e-3);
        }
    }
    if (!code) models_tell_rest(report, "a pulse in a closed box", "amount unaccounted for", plane_balance(&p), 1e-8);
    plane_close(&p);
    return code;
}

/* ---- The model over a day ---- */

static enum pl_code day(const struct pl_model_report *report, struct pl_error **error) {
    double v[PL_MODEL_PARAMETERS_MAX] = {0}, out[PL_MODEL_OUTPUTS_MAX];
    models_defaults(twin_alumina_model.parameters, v);
    for (int i = 0; twin_alumina_model.parameters[i].name; i++) { /* a coarse grid: what is checked are sums */
        if (strcmp(twin_alumina_model.parameters[i].name, "cells_along") == 0) v[i] = 12;
        if (strcmp(twin_alumina_model.parameters[i].name, "cells_across") == 0) v[i] = 3;
    }
    void *self = NULL;
    enum pl_code code = twin_alumina_model.open(&self, v, error);
    if (!code) code = twin_alumina_model.advance(self, 86400, error);
    if (!code) {
        twin_alumina_model.read(self, out);
        models_tell_rest(report, "a day of feeding by shots", "alumina unaccounted for", out[12], 1e-8);
        models_tell(report, "a day of feeding by shots", "consumed: Faraday's law", "kg",
                    0.94 * 180e3 * 86400 * 1.7612362e-7, out[7], 0, 1e-6);
    }
    twin_alumina_model.close(self);
    return code;
}

const struct pl_model_case twin_alumina_cases[] = {
    {"inflow", "Flow into a half-space with diffusion.", inflow},
    {"steady", "Steady flow between ends that are held.", steady},
    {"shot", "A shot in an unbounded layer, with a loss.", shot},
    {"box", "A pulse in a closed box.", box},
    {"day", "Balance over a day of feeding.", day},
    {.name = NULL},
};
