/* fit.c: calibration: the least squares of all files, and how well what is found is known. */
#include "fit.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "fit_parts.h"
#include "fit_work.h"

enum { STRETCHES = 24 };

/* A constant at a bound, or that nothing depends on, is not known better or worse by its neighbours: it is left out. */
static unsigned choose_known(const struct fit_work *s, const double *x, unsigned known[PL_FIT_MAX]) {
    unsigned count = 0;
    for (unsigned i = 0; i < fit_count(s); i++)
        if (x[i] >= 1e-6 && x[i] <= 1 - 1e-6 && fit_squares(s->jacobian + i * s->residuals, s->residuals) > 1e-24)
            known[count++] = i;
    return count;
}

/* Sums of slopes times residuals over stretches of the record: what their scatter is tells how far the constants would
 * move with another stretch, also where residuals hang together. */
static void by_stretches(const struct fit_work *s, unsigned count, const unsigned *known,
                         double sum[PL_FIT_MAX][PL_FIT_MAX]) {
    size_t stretches = s->residuals < STRETCHES ? s->residuals : STRETCHES;
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            sum[i][j] = 0;
    for (size_t b = 0; b < stretches; b++) {
        double g[PL_FIT_MAX] = {0};
        for (size_t k = b * s->residuals / stretches; k < (b + 1) * s->residuals / stretches; k++)
            for (unsigned i = 0; i < count; i++)
                g[i] += s->jacobian[known[i] * s->residuals + k] * s->residual[k];
        for (unsigned i = 0; i < count; i++)
            for (unsigned j = 0; j < count; j++)
                sum[i][j] += g[i] * g[j];
    }
    double few = stretches > count ? (double)stretches / (double)(stretches - count) : (double)stretches;
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            sum[i][j] *= few;
}

/* The wider of what independent residuals and what stretches of them say. */
static double variance_of(unsigned i, unsigned count, double inverse[PL_FIT_MAX][PL_FIT_MAX],
                          double stretch[PL_FIT_MAX][PL_FIT_MAX], double variance) {
    double hanging = 0;
    for (unsigned j = 0; j < count; j++)
        for (unsigned k = 0; k < count; k++)
            hanging += inverse[i][j] * stretch[j][k] * inverse[k][i];
    return fmax(inverse[i][i] * variance, hanging);
}

/* A constant that moves half of its range within its interval, or whose slopes are made of the others', is not told:
 * what is then said of it is where the search has stopped. */
static void deviations(struct fit_work *s, const double *x) {
    unsigned n = fit_count(s), known[PL_FIT_MAX];
    struct pl_fit *fit = s->fit;
    double a[PL_FIT_MAX][PL_FIT_MAX], b[PL_FIT_MAX], inverse[PL_FIT_MAX][PL_FIT_MAX], stretch[PL_FIT_MAX][PL_FIT_MAX];
    for (unsigned i = 0; i < n; i++) {
        fit->deviation[i] = NAN;
        fit->untold[i] = true;
        for (unsigned j = 0; j < n; j++)
            fit->correlation[i][j] = i == j ? 1 : 0;
    }
    if (!fit_linearise(s, x)) return;
    fit_normal(s, a, b);
    unsigned count = choose_known(s, x, known);
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            a[i][j] = a[known[i]][known[j]]; /* known[i] >= i: none is read after it is written */
    bool mixed[PL_FIT_MAX];
    fit->condition = fit_invert(count, a, inverse, mixed);
    by_stretches(s, count, known, stretch);
    double variance = fit_squares(s->residual, s->residuals) / (double)(s->residuals - n);
    for (unsigned i = 0; i < count; i++) {
        unsigned k = known[i];
        double scaled = mixed[i] ? INFINITY : sqrt(fmax(variance_of(i, count, inverse, stretch, variance), 0));
        fit->deviation[k] = scaled * fit_stretch(fit_row(s, k), x[k]);
        fit->untold[k] = !(1.96 * scaled < 0.25);
        for (unsigned j = 0; j < count; j++)
            fit->correlation[k][known[j]] = inverse[i][j] / sqrt(fabs(inverse[i][i] * inverse[j][j]));
    }
}

static bool has_own(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->free_count; i++)
        if (fit_is_own(fit, i)) return true;
    return false;
}

/* A file that judges, with constants of its own: from its first part, all others as they have been found. */
static enum pl_code adapt(const struct pl_fit *fit, struct pl_fit_file *file, struct pl_error **error) {
    struct pl_fit_file alone = {.path = file->path};
    memcpy(alone.own, file->own, sizeof alone.own);
    struct pl_fit own = {.experiment = fit->experiment,
                         .share = fit->share,
                         .evaluations = fit->evaluations,
                         .file = &alone,
                         .file_count = 1,
                         .figures = fit->figures};
    memcpy(own.set, fit->set, sizeof own.set);
    for (unsigned k = 0; k < fit->constants; k++)
        if (fit->of_file[k] < 0) own.set[fit->row[k]] = fit->value[k];
    for (unsigned i = 0; i < fit->free_count; i++)
        if (fit_is_own(fit, i)) own.free[own.free_count++] = fit->free[i];
    enum pl_code code = fit_run(&own, error);
    if (!code) {
        struct pl_fit before = {.file = file, .file_count = 1};
        fit_release(&before);
        *file = alone;
        file->judge = file->adapted = true;
    } else {
        fit_release(&own);
    }
    return code;
}

static enum pl_code judge(struct fit_work *s, const double *x, struct pl_error **error) {
    const struct pl_model_experiment *e = s->fit->experiment;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        fit_put_free(s, i, x);
        if (file->judge && has_own(s->fit)) {
            enum pl_code code = adapt(s->fit, file, error);
            if (code) return code;
            continue;
        }
        enum pl_code code = e->predict(s->data[i], file->used, file->predicted, error);
        if (code) return code;
        size_t used = 0;
        for (size_t k = 0; k < file->points; k++)
            used += s->use[i][k];
        bool rest = used < file->points;
        file->fitted =
            used ? e->misfit(s->data[i], file->used, file->predicted, s->use[i], rest ? NULL : &s->fit->figures) : NAN;
        file->judged =
            rest ? e->misfit(s->data[i], file->used, file->predicted, file->kept_back, &s->fit->figures) : NAN;
    }
    return PL_OK;
}

static enum pl_code fit_all(struct fit_work *s, struct pl_error **error) {
    struct pl_fit *fit = s->fit;
    double x[PL_FIT_MAX] = {0}, mean = 0;
    unsigned n = fit_count(s);
    bool found = fit_search(s, x, &mean);
    fit->runs = s->runs;
    if (!found) {
        enum pl_code code = judge(s, x, error); /* the model itself says why */
        return code ? code : pl_error_set(error, PL_RANGE, "no values of the free constants can be run");
    }
    if (n) deviations(s, x);
    fit->runs = s->runs;
    for (unsigned i = 0; i < n; i++) {
        fit->value[i] = fit_from_scaled(fit_row(s, i), x[i]);
        fit->at_bound[i] = x[i] < 1e-6 || x[i] > 1 - 1e-6;
    }
    fit->rms = sqrt(mean);
    fit->ended = s->runs >= fit->evaluations ? "its evaluations were used up" : "no step gains anything more";
    return judge(s, x, error);
}

enum pl_code fit_run(struct pl_fit *fit, struct pl_error **error) {
    if (fit->free_count > PL_FIT_MAX || fit->file_count > PL_FIT_FILES_MAX || !fit->file_count)
        return pl_error_set(error, PL_RANGE, "%u constants and %u files: at most %d and %d, and a file at least",
                            fit->free_count, fit->file_count, PL_FIT_MAX, PL_FIT_FILES_MAX);
    struct fit_work *s = PL_NEW(struct fit_work);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory to fit in");
    s->fit = fit;
    enum pl_code code = fit_load(s, error);
    if (!code) code = fit_all(s, error);
    fit_unload(s);
    pl_free(s);
    return code;
}

void fit_release(struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++) {
        pl_free(fit->file[i].position);
        pl_free(fit->file[i].observed);
        pl_free(fit->file[i].predicted);
        pl_free(fit->file[i].kept_back);
    }
}
