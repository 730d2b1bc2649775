/* fit.c: calibration: the least squares of all files, how well what is found is known, and how the rest is met. */
#include "fit.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "fit_parts.h"
#include "fit_work.h"

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
        /* The fit of the file took the shared constants for exact: what they leave open would be missing. */
        if (own.free_count < fit->free_count) {
            file->foreseen = NAN;
            file->beyond = 0;
        }
        file->judge = file->adapted = true;
        for (unsigned k = 0; k < PL_MODEL_PARAMETERS_MAX; k++)
            file->own_interval[k] = NAN;
        for (unsigned k = 0; k < own.constants; k++)
            file->own_interval[own.row[k]] = own.quantile * own.deviation[k];
    } else {
        fit_release(&own);
    }
    return code;
}

/* Figures are told with the file that they are of. */
struct about {
    const struct pl_model_report *to;
    const char *file;
    bool judges;
};

static void tell_about(void *context, const struct pl_model_finding *finding) {
    const struct about *about = context;
    struct pl_model_finding of = *finding;
    of.file = about->file;
    of.judges = about->judges;
    if (about->to->tell) about->to->tell(about->to->context, &of);
}

static enum pl_code judge(struct fit_work *s, const double *x, const struct fit_spread *spread,
                          struct pl_error **error) {
    const struct pl_model_experiment *e = s->fit->experiment;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        file->foreseen = NAN;
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
        struct about about = {&s->fit->figures, file->path, rest};
        const struct pl_model_report figures = {tell_about, &about};
        file->fitted =
            used ? e->misfit(s->data[i], file->used, file->predicted, s->use[i], rest ? NULL : &figures) : NAN;
        file->judged = rest ? e->misfit(s->data[i], file->used, file->predicted, file->kept_back, &figures) : NAN;
    }
    return fit_count(s) && !e->figure ? fit_foresee(s, x, spread, error) : PL_OK;
}

static enum pl_code fit_all(struct fit_work *s, struct pl_error **error) {
    struct pl_fit *fit = s->fit;
    struct fit_spread spread;
    double x[PL_FIT_MAX] = {0}, mean = 0;
    unsigned n = fit_count(s);
    bool found = fit_search(s, x, &mean);
    fit->runs = s->runs;
    if (!found) {
        enum pl_code code = judge(s, x, NULL, error); /* the model itself says why */
        return code ? code : pl_error_set(error, PL_RANGE, "no values of the free constants can be run");
    }
    s->both_sides = true;
    bool known = n && fit_know(s, x, &spread);
    fit->runs = s->runs;
    for (unsigned i = 0; i < n; i++) {
        fit->value[i] = fit_from_scaled(fit_row(s, i), x[i]);
        fit->at_bound[i] = x[i] < 1e-6 || x[i] > 1 - 1e-6;
    }
    fit->rms = sqrt(mean);
    fit->ended = s->runs >= fit->evaluations ? "its evaluations were used up" : "no step gains anything more";
    return judge(s, x, known ? &spread : NULL, error);
}

enum pl_code fit_run(struct pl_fit *fit, struct pl_error **error) {
    if (fit->free_count > PL_FIT_MAX || fit->file_count > PL_FIT_FILES_MAX || !fit->file_count)
        return pl_error_set(error, PL_RANGE, "%u constants and %u files: at most %d and %d, and a file at least",
                            fit->free_count, fit->file_count, PL_FIT_MAX, PL_FIT_FILES_MAX);
    for (unsigned i = 0; i < fit->free_count; i++)
        for (unsigned k = 0; k < i; k++)
            if (fit->free[i] == fit->free[k])
                return pl_error_set(error, PL_USAGE, "%s is named twice among the constants that are free",
                                    fit->experiment->parameters[fit->free[i]].name);
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
