/* fit_points.c: what a fit is fitted to: the points of its files and what is known of constants before, as residuals.
 */
#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "fit_parts.h"
#include "fit_work.h"

enum { INDEPENDENT = 10 };
static const double STEP = 1e-5;

unsigned fit_count(const struct fit_work *s) {
    return s->fit->constants;
}

const struct pl_model_parameter *fit_row(const struct fit_work *s, unsigned i) {
    return &s->fit->experiment->parameters[s->fit->row[i]];
}

static bool concerns(const struct fit_work *s, unsigned constant, unsigned file) {
    return s->fit->of_file[constant] < 0 || s->fit->of_file[constant] == (int)file;
}

bool fit_is_own(const struct pl_fit *fit, unsigned i) {
    return fit->experiment->parameters[fit->free[i]].flags & PL_MODEL_OWN;
}

/* What is free is one constant, or one for each file that is fitted to. */
static enum pl_code lay_out(struct pl_fit *fit, struct pl_error **error) {
    fit->constants = 0;
    for (unsigned i = 0; i < fit->free_count; i++)
        for (unsigned k = 0; k < fit->file_count; k++) {
            if (fit->file[k].judge ||
                (k && !fit_is_own(fit, i) && fit->constants && fit->row[fit->constants - 1] == fit->free[i]))
                continue;
            if (fit->constants == PL_FIT_MAX)
                return pl_error_set(error, PL_LIMIT,
                                    "more than %d constants: %s is each file's own; set it, or fit to less files",
                                    PL_FIT_MAX, fit->experiment->parameters[fit->free[i]].name);
            fit->of_file[fit->constants] = fit_is_own(fit, i) ? (int)k : -1;
            fit->row[fit->constants++] = fit->free[i];
        }
    return PL_OK;
}

/* ---- What is known before ---- */

static void find_expected(struct fit_work *s) {
    const struct pl_model_expected *e = s->fit->experiment->expected;
    for (; e && e->name; e++)
        for (unsigned i = 0; i < fit_count(s); i++)
            if (strcmp(fit_row(s, i)->name, e->name) == 0) {
                s->expected[i] = e;
                s->residuals++;
            }
}

/* Points hang together: all of them count as INDEPENDENT ones beside what is known before. */
static double expected_weight(const struct fit_work *s, const struct pl_model_expected *e) {
    return s->fit->experiment->scatter * sqrt((double)s->residuals / INDEPENDENT) / e->deviation;
}

static void compare_expected(const struct fit_work *s, const double *x, size_t at, double *out, double *jacobian) {
    unsigned n = fit_count(s);
    for (unsigned i = 0; i < n; i++) {
        const struct pl_model_expected *e = s->expected[i];
        if (!e) continue;
        double weight = expected_weight(s, e);
        out[at] = (fit_from_scaled(fit_row(s, i), x[i]) - e->value) * weight;
        for (unsigned j = 0; jacobian && j < n; j++)
            jacobian[j * s->residuals + at] = i == j ? weight * fit_stretch(fit_row(s, j), x[j]) : 0;
        at++;
    }
}

/* ---- Files ---- */

static size_t parameter_count(const struct pl_model_experiment *e) {
    size_t n = 0;
    while (e->parameters[n].name)
        n++;
    return n;
}

/* What is not free: what is set for the file, for all, told by the file, or the default, if there is one. */
static enum pl_code settle(const struct pl_fit *fit, struct pl_fit_file *file, const double *told,
                           struct pl_error **error) {
    size_t n = parameter_count(fit->experiment);
    for (size_t i = 0; i < n; i++) {
        file->used[i] = fit->experiment->parameters[i].fallback;
        if (!isnan(told[i])) file->used[i] = told[i];
        if (!isnan(fit->set[i])) file->used[i] = fit->set[i];
        if (!isnan(file->own[i])) file->used[i] = file->own[i];
        const struct pl_model_parameter *row = &fit->experiment->parameters[i];
        if (isnan(file->used[i]))
            return pl_error_set(error, PL_USAGE, "%s: nothing tells %s (%s): write %s,%s=%s%s%s. %s", file->path,
                                row->name, fit->experiment->name, file->path, row->name,
                                row->choices ? row->choices[0] : "VALUE",
                                row->choices ? ", or another of its choices" : " with its value in ",
                                row->choices ? "" : row->unit, row->doc);
    }
    return PL_OK;
}

static bool some_judge(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        if (fit->file[i].judge) return true;
    return false;
}

/* Points evenly over a record, its ends among them: what is kept back lies between. */
static bool is_spread(size_t k, size_t points, double share) {
    size_t chosen = (size_t)ceil(share * (double)points);
    if (chosen >= points) chosen = points - 1;
    if (chosen < 2) return k < chosen;
    double step = (double)(points - 1) / (double)(chosen - 1);
    return (size_t)lround(round((double)k / step) * step) == k;
}

/* Which points of a file are fitted to. */
static void share_out(const struct fit_work *s, const struct pl_fit_file *file, bool *use) {
    const struct pl_fit *fit = s->fit;
    bool whole = some_judge(fit) || fit->share >= 1 || !fit->free_count;
    size_t first = (size_t)ceil(fit->share * (double)file->points), curves = 1;
    while (fit->experiment->blocks && fit->experiment->series[curves])
        curves++;
    size_t length = file->points / curves; /* of curves behind each other: what is measured at once stays together */
    for (size_t k = 0; k < file->points; k++) {
        if (file->judge)
            use[k] = false;
        else if (whole)
            use[k] = true;
        else if (fit->experiment->alternate)
            use[k] = is_spread(k % length, length, fit->share);
        else
            use[k] = k < first;
    }
}

static enum pl_code take_arrays(struct fit_work *s, unsigned i, struct pl_error **error) {
    struct pl_fit_file *file = &s->fit->file[i];
    size_t n = file->points;
    file->position = pl_alloc(n * sizeof(double));
    file->observed = pl_alloc(n * sizeof(double));
    file->predicted = pl_alloc(n * sizeof(double));
    file->kept_back = pl_alloc(n * sizeof(bool));
    s->weight[i] = pl_alloc(n * sizeof(double));
    s->use[i] = pl_alloc(n * sizeof(bool));
    if (!file->position || !file->observed || !file->predicted || !file->kept_back || !s->weight[i] || !s->use[i])
        return pl_error_set(error, PL_NO_MEMORY, "no memory for %zu points", n);
    s->fit->experiment->observed(s->data[i], file->position, file->observed);
    for (size_t k = 0; k < n; k++)
        s->weight[i][k] = 1;
    if (s->fit->experiment->weight) s->fit->experiment->weight(s->data[i], s->weight[i]);
    share_out(s, file, s->use[i]);
    for (size_t k = 0; k < n; k++) {
        file->kept_back[k] = !s->use[i][k];
        s->residuals += s->use[i][k];
    }
    return PL_OK;
}

static enum pl_code load(struct fit_work *s, struct pl_error **error) {
    size_t most = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        struct pl_model_taken taken = {0};
        double told[PL_MODEL_PARAMETERS_MAX];
        for (unsigned k = 0; k < PL_MODEL_PARAMETERS_MAX; k++)
            told[k] = NAN;
        enum pl_code code = s->fit->experiment->load(&s->data[i], file->path, told, &taken, error);
        if (code) return code;
        if (taken.left_out * 2 > taken.rows)
            return pl_error_set(error, PL_RANGE,
                                "%s: %zu of %zu rows hold nothing that can be used, the first in line %zu", file->path,
                                taken.left_out, taken.rows, taken.line);
        file->points = taken.points;
        file->left_out = taken.left_out;
        file->left_line = taken.line;
        if (!file->points)
            return pl_error_set(error, PL_RANGE, "%s: there is no point in it that experiment %s could use", file->path,
                                s->fit->experiment->name);
        code = settle(s->fit, file, told, error);
        if (!code) code = take_arrays(s, i, error);
        if (code) return code;
        if (file->points > most) most = file->points;
    }
    unsigned n = fit_count(s);
    if (n && s->residuals <= n)
        return pl_error_set(
            error, PL_RANGE,
            "%zu points to fit %u constants to are too few: give a longer record or more of it (share), or "
            "leave constants out of what is free",
            s->residuals, n);
    s->points = s->residuals;
    find_expected(s);
    s->residual = pl_alloc(s->residuals * sizeof(double));
    s->moved = pl_alloc((n + 1) * most * sizeof(double));
    s->jacobian = pl_alloc((n + 1) * s->residuals * sizeof(double));
    s->slope = pl_alloc((s->fit->free_count + 1) * most * sizeof(double));
    if (!s->residual || !s->moved || !s->jacobian || !s->slope)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for %zu residuals", s->residuals);
    return PL_OK;
}

enum pl_code fit_load(struct fit_work *s, struct pl_error **error) {
    enum pl_code code = lay_out(s->fit, error);
    return code ? code : load(s, error);
}

void fit_unload(struct fit_work *s) {
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        if (s->data[i]) s->fit->experiment->unload(s->data[i]);
        pl_free(s->weight[i]);
        pl_free(s->use[i]);
    }
    pl_free(s->residual);
    pl_free(s->moved);
    pl_free(s->jacobian);
    pl_free(s->slope);
}

static bool fitted_to(const struct fit_work *s, unsigned i) {
    for (size_t k = 0; k < s->fit->file[i].points; k++)
        if (s->use[i][k]) return true;
    return false;
}

/* ---- Residuals ---- */

void fit_put_free(const struct fit_work *s, unsigned i, const double *x) {
    for (unsigned k = 0; k < fit_count(s); k++)
        if (concerns(s, k, i)) s->fit->file[i].used[s->fit->row[k]] = fit_from_scaled(fit_row(s, k), x[k]);
}

/* By a constant, of a file's point, from the experiment's own sensitivities. */
static double slope_of(const struct fit_work *s, unsigned constant, unsigned file, size_t point) {
    if (!concerns(s, constant, file)) return 0;
    unsigned i = 0;
    while (s->fit->free[i] != s->fit->row[constant])
        i++;
    return s->slope[i * s->fit->file[file].points + point];
}

bool fit_residuals(struct fit_work *s, const double *x, double *out) {
    const struct pl_model_experiment *e = s->fit->experiment;
    size_t at = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        if (!fitted_to(s, i)) continue;
        fit_put_free(s, i, x);
        s->runs++;
        if (e->predict(s->data[i], file->used, file->predicted, NULL)) return false;
        for (size_t k = 0; k < file->points; k++) {
            if (!s->use[i][k]) continue;
            out[at] = (file->predicted[k] - file->observed[k]) * s->weight[i][k];
            if (!isfinite(out[at++])) return false;
        }
    }
    compare_expected(s, x, at, out, NULL);
    return true;
}

/* What a file's points are with a constant elsewhere. */
static enum pl_code move(struct fit_work *s, unsigned i, const double *x, unsigned constant, double to, double *value,
                         struct pl_error **error) {
    double at[PL_FIT_MAX];
    memcpy(at, x, fit_count(s) * sizeof *at);
    at[constant] = to;
    fit_put_free(s, i, at);
    s->runs++;
    return s->fit->experiment->predict(s->data[i], s->fit->file[i].used, value, error);
}

/* By differences. Of wide steps those to one side are off by the curvature, which is enough to search by; where the
 * search ends and how well it is known wants those to both sides. */
static enum pl_code difference(struct fit_work *s, unsigned i, const double *x, unsigned j, double *value, double *out,
                               struct pl_error **error) {
    const struct pl_model_experiment *e = s->fit->experiment;
    const struct pl_fit_file *file = &s->fit->file[i];
    double wide = e->step > 0 ? e->step : STEP, to = x[j] > 0.5 ? x[j] - wide : x[j] + wide, from = x[j];
    bool both = s->both_sides && e->step > 0;
    enum pl_code code = PL_OK;
    memcpy(out, file->predicted, file->points * sizeof *out);
    if (both) {
        from = fmin(fmax(2 * x[j] - to, 0), 1);
        code = move(s, i, x, j, from, out, error);
    }
    if (!code) code = move(s, i, x, j, to, value, error);
    for (size_t k = 0; k < file->points && !code; k++)
        out[k] = s->weight[i][k] * (value[k] - out[k]) / (to - from);
    return code;
}

enum pl_code fit_slopes(struct fit_work *s, unsigned i, const double *x, double *out, struct pl_error **error) {
    const struct pl_model_experiment *e = s->fit->experiment;
    struct pl_fit_file *file = &s->fit->file[i];
    size_t points = file->points;
    double *value = s->slope + s->fit->free_count * points;
    enum pl_code code = PL_OK;
    fit_put_free(s, i, x);
    if (e->sensitive)
        code = e->sensitive(s->data[i], file->used, s->fit->free, s->fit->free_count, value, s->slope, error);
    s->runs += e->sensitive != NULL;
    for (unsigned j = 0; j < fit_count(s) && !code; j++) {
        if (!e->sensitive && concerns(s, j, i)) {
            code = difference(s, i, x, j, value, out + j * points, error);
            continue;
        }
        double stretch = fit_stretch(fit_row(s, j), x[j]);
        for (size_t k = 0; k < points; k++)
            out[j * points + k] = e->sensitive ? s->weight[i][k] * slope_of(s, j, i, k) * stretch : 0;
    }
    fit_put_free(s, i, x);
    return code;
}

bool fit_linearise(struct fit_work *s, const double *x) {
    if (!fit_residuals(s, x, s->residual)) return false;
    size_t at = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        if (!fitted_to(s, i)) continue;
        if (fit_slopes(s, i, x, s->moved, NULL)) return false;
        for (size_t k = 0, points = s->fit->file[i].points; k < points; k++) {
            if (!s->use[i][k]) continue;
            for (unsigned j = 0; j < fit_count(s); j++)
                s->jacobian[j * s->residuals + at] = s->moved[j * points + k];
            at++;
        }
    }
    compare_expected(s, x, at, s->residual, s->jacobian);
    return true;
}

void fit_normal(const struct fit_work *s, double a[PL_FIT_MAX][PL_FIT_MAX], double *b) {
    unsigned n = fit_count(s);
    for (unsigned i = 0; i < n; i++) {
        const double *ji = s->jacobian + i * s->residuals;
        b[i] = 0;
        for (size_t k = 0; k < s->residuals; k++)
            b[i] -= ji[k] * s->residual[k];
        for (unsigned j = 0; j < n; j++) {
            const double *jj = s->jacobian + j * s->residuals;
            a[i][j] = 0;
            for (size_t k = 0; k < s->residuals; k++)
                a[i][j] += ji[k] * jj[k];
        }
    }
}
