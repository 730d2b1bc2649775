/* fit_testing.h: what tests of calibration fit: a straight line whose constants are known. */
#ifndef TWIN_FIT_TESTING_H
#define TWIN_FIT_TESTING_H

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "base/random.h"
#include "fit.h"

/* ---- y = scale gain x + offset, with noise: only scale * gain and offset are in the data ---- */

enum { SCALE, GAIN, OFFSET, POINTS = 60 };
static const struct pl_model_parameter rows[] = {
    [SCALE] = {"scale", "", 1, 0, 10, NULL, 0, ""},
    [GAIN] = {"gain", "", 1, 0, 10, NULL, 0, ""},
    [OFFSET] = {"offset", "", 0, -5, 5, NULL, 0, ""},
    {.name = NULL},
};
static const double SLOPE_TRUE = 6, OFFSET_TRUE = 1.5, NOISE = 0.05;
static double noise = NOISE;
static double bend;           /* of what is measured, which the model knows nothing of */
static double rough;          /* what an integration leaves open: another with any other constants */
static bool curved;           /* it falls off exponentially instead, by the gain, and swings besides */
static double specimen[2][2]; /* of paths "first" and "second": more gain, more offset */

struct line {
    double x[POINTS], y[POINTS];
    bool brittle; /* the model runs but once */
    unsigned runs;
};

static enum pl_code load(void **data, const char *path, double *parameters, struct pl_model_taken *taken,
                         struct pl_error **error) {
    (void)parameters, (void)error;
    struct line *line = PL_NEW(struct line);
    *data = line;
    if (!line) return PL_NO_MEMORY;
    line->brittle = strcmp(path, "brittle") == 0;
    double shift = strcmp(path, "higher") == 0 ? 0.5 : strcmp(path, "lower") == 0 ? -0.5 : 0; /* another specimen */
    double narrow = strcmp(path, "narrow") == 0 ? 0.02 : 1;
    int which = strcmp(path, "first") == 0 ? 0 : strcmp(path, "second") == 0 ? 1 : -1;
    double steeper = which < 0 ? 0 : specimen[which][0];
    if (which >= 0) shift = specimen[which][1];
    struct pl_random random = {7};
    for (int i = 0; i < POINTS; i++) {
        line->x[i] = narrow * i / (double)POINTS;
        double falling = curved ? 5 * exp(-3 * line->x[i]) + 0.5 * sin(9 * line->x[i]) : 0;
        line->y[i] = falling + (SLOPE_TRUE + steeper) * (curved ? 0 : line->x[i]) + bend * line->x[i] * line->x[i] +
                     OFFSET_TRUE + shift + noise * (pl_random_unit(&random) - 0.5);
    }
    taken->points = POINTS;
    return PL_OK;
}

static void observed(const void *data, double *position, double *value) {
    const struct line *line = data;
    memcpy(position, line->x, sizeof line->x);
    memcpy(value, line->y, sizeof line->y);
}

static enum pl_code predict(void *data, const double *p, double *value, struct pl_error **error) {
    struct line *line = data;
    if (line->brittle && line->runs++) return pl_error_set(error, PL_RANGE, "it is run no more");
    for (int i = 0; i < POINTS; i++)
        value[i] = curved
                       ? p[OFFSET] + 5 * exp(-p[GAIN] * line->x[i])
                       : p[SCALE] * p[GAIN] * line->x[i] + p[OFFSET] + rough * sin(1e6 * p[OFFSET] + 1e6 * p[GAIN] + i);
    return PL_OK;
}

static double misfit(const void *data, const double *p, const double *predicted, const bool *use,
                     const struct pl_model_report *report) {
    (void)p, (void)report;
    const struct line *line = data;
    double sum = 0, n = 0;
    for (int i = 0; i < POINTS; i++) {
        if (!use[i]) continue;
        sum += (predicted[i] - line->y[i]) * (predicted[i] - line->y[i]);
        n++;
    }
    return sqrt(sum / n);
}

static void unload(void *data) {
    pl_free(data);
}

static struct pl_model_experiment experiment = {.name = "line",
                                                .parameters = rows,
                                                .along = "x",
                                                .alternate = true,
                                                .load = load,
                                                .observed = observed,
                                                .predict = predict,
                                                .misfit = misfit,
                                                .unload = unload};

static double share = 0.5;

static void fit_to(struct pl_fit *f, struct pl_fit_file *file, unsigned files, unsigned count, const unsigned *free) {
    *f = (struct pl_fit){.experiment = &experiment,
                         .free_count = count,
                         .share = share,
                         .evaluations = 2000,
                         .file = file,
                         .file_count = files};
    for (unsigned i = 0; i < PL_MODEL_PARAMETERS_MAX; i++) {
        f->set[i] = NAN;
        for (unsigned k = 0; k < files; k++)
            file[k].own[i] = NAN;
    }
    memcpy(f->free, free, count * sizeof *free);
    struct pl_error *error = NULL;
    if (fit_run(f, &error)) fail_msg("%s", error ? error->text : "no memory");
}

static void fit(struct pl_fit *f, struct pl_fit_file *file, unsigned count, const unsigned *free) {
    *file = (struct pl_fit_file){.path = "none"};
    fit_to(f, file, 1, count, free);
}

#endif
