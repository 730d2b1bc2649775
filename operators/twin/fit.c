/* fit.c: calibration: least squares over the points of all files, by NLopt's SLSQP from several starts, finished by
 * Gauss and Newton's steps, whose matrix also says how well the constants are known.
 *
 * Free constants are scaled to 0..1 between their bounds, by their logarithm where the bounds are far apart. NLopt says
 * "success" of much, and loops for ever on what is no number: the model's failures count as a very bad fit, evaluations
 * are bounded, and what it returns is judged by our own sum of squares.
 */
#include "fit.h"

#include <math.h>
#include <nlopt.h>
#include <potline/alloc.h>
#include <string.h>

#include "fit_parts.h"

enum { STARTS_MAX = 8, SAMPLES = 12, POLISH = 12, STRETCHES = 24, INDEPENDENT = 10 };
static const double STEP = 1e-5, FAILED = 1e30;

struct state {
    struct pl_fit *fit;
    void *data[PL_FIT_FILES_MAX];
    double *weight[PL_FIT_FILES_MAX];
    bool *use[PL_FIT_FILES_MAX];                          /* fitted to */
    size_t residuals;                                     /* fitted to, of all files, then what is known before */
    const struct pl_model_expected *expected[PL_FIT_MAX]; /* by constant; NULL: nothing */
    double *residual, *moved;                             /* at a point, and beside it */
    double *jacobian;                                     /* by constant: residuals */
    double *slope;                                        /* of one file, by row that is free */
    long runs;
    double best; /* mean of squares, so far */
    nlopt_opt optimiser;
};

static unsigned count_of(const struct state *s) {
    return s->fit->constants;
}

static const struct pl_model_parameter *row(const struct state *s, unsigned i) {
    return &s->fit->experiment->parameters[s->fit->row[i]];
}

static bool is_own(const struct pl_fit *fit, unsigned i) {
    return fit->experiment->parameters[fit->free[i]].flags & PL_MODEL_OWN;
}

static bool concerns(const struct state *s, unsigned constant, unsigned file) {
    return s->fit->of_file[constant] < 0 || s->fit->of_file[constant] == (int)file;
}

/* What is free is one constant, or one for each file that is fitted to. */
static enum pl_code lay_out(struct pl_fit *fit, struct pl_error **error) {
    fit->constants = 0;
    for (unsigned i = 0; i < fit->free_count; i++)
        for (unsigned k = 0; k < fit->file_count; k++) {
            if (fit->file[k].judge ||
                (k && !is_own(fit, i) && fit->constants && fit->row[fit->constants - 1] == fit->free[i]))
                continue;
            if (fit->constants == PL_FIT_MAX)
                return pl_error_set(error, PL_LIMIT,
                                    "more than %d constants: %s is each file's own; set it, or fit to less files",
                                    PL_FIT_MAX, fit->experiment->parameters[fit->free[i]].name);
            fit->of_file[fit->constants] = is_own(fit, i) ? (int)k : -1;
            fit->row[fit->constants++] = fit->free[i];
        }
    return PL_OK;
}

/* ---- What is known before ---- */

static void find_expected(struct state *s) {
    const struct pl_model_expected *e = s->fit->experiment->expected;
    for (; e && e->name; e++)
        for (unsigned i = 0; i < count_of(s); i++)
            if (strcmp(row(s, i)->name, e->name) == 0) {
                s->expected[i] = e;
                s->residuals++;
            }
}

/* Points hang together: all of them count as INDEPENDENT ones beside what is known before. */
static double expected_weight(const struct state *s, const struct pl_model_expected *e) {
    return s->fit->experiment->scatter * sqrt((double)s->residuals / INDEPENDENT) / e->deviation;
}

static void compare_expected(const struct state *s, const double *x, size_t at, double *out, double *jacobian) {
    unsigned n = count_of(s);
    for (unsigned i = 0; i < n; i++) {
        const struct pl_model_expected *e = s->expected[i];
        if (!e) continue;
        double weight = expected_weight(s, e);
        out[at] = (fit_from_scaled(row(s, i), x[i]) - e->value) * weight;
        for (unsigned j = 0; jacobian && j < n; j++)
            jacobian[j * s->residuals + at] = i == j ? weight * fit_stretch(row(s, j), x[j]) : 0;
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

/* What is not free: what is set for the file, for all, told by the file, or the default. */
static void settle(const struct pl_fit *fit, struct pl_fit_file *file, const double *told) {
    size_t n = parameter_count(fit->experiment);
    for (size_t i = 0; i < n; i++) {
        file->used[i] = fit->experiment->parameters[i].fallback;
        if (!isnan(told[i])) file->used[i] = told[i];
        if (!isnan(fit->set[i])) file->used[i] = fit->set[i];
        if (!isnan(file->own[i])) file->used[i] = file->own[i];
    }
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
static void share_out(const struct state *s, const struct pl_fit_file *file, bool *use) {
    const struct pl_fit *fit = s->fit;
    bool whole = some_judge(fit) || fit->share >= 1 || !fit->free_count;
    size_t first = (size_t)ceil(fit->share * (double)file->points);
    for (size_t k = 0; k < file->points; k++) {
        if (file->judge)
            use[k] = false;
        else if (whole)
            use[k] = true;
        else if (fit->experiment->alternate)
            use[k] = is_spread(k, file->points, fit->share);
        else
            use[k] = k < first;
    }
}

static enum pl_code take_arrays(struct state *s, unsigned i, struct pl_error **error) {
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

static enum pl_code load(struct state *s, struct pl_error **error) {
    size_t most = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        double told[PL_MODEL_PARAMETERS_MAX];
        for (unsigned k = 0; k < PL_MODEL_PARAMETERS_MAX; k++)
            told[k] = NAN;
        enum pl_code code = s->fit->experiment->load(&s->data[i], file->path, told, &file->points, error);
        if (code) return code;
        if (!file->points) return pl_error_set(error, PL_RANGE, "%s: there is no point in it", file->path);
        settle(s->fit, file, told);
        code = take_arrays(s, i, error);
        if (code) return code;
        if (file->points > most) most = file->points;
    }
    unsigned n = count_of(s);
    if (n && s->residuals <= n)
        return pl_error_set(error, PL_RANGE, "%zu points to fit %u constants to are too few", s->residuals, n);
    find_expected(s);
    s->residual = pl_alloc(s->residuals * sizeof(double));
    s->moved = pl_alloc(s->residuals * sizeof(double));
    s->jacobian = pl_alloc((n + 1) * s->residuals * sizeof(double));
    s->slope = pl_alloc((s->fit->free_count + 1) * most * sizeof(double));
    if (!s->residual || !s->moved || !s->jacobian || !s->slope)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for %zu residuals", s->residuals);
    return PL_OK;
}

static bool fitted_to(const struct state *s, unsigned i) {
    for (size_t k = 0; k < s->fit->file[i].points; k++)
        if (s->use[i][k]) return true;
    return false;
}

/* ---- Residuals ---- */

static void put_free(const struct state *s, unsigned i, const double *x) {
    for (unsigned k = 0; k < count_of(s); k++)
        if (concerns(s, k, i)) s->fit->file[i].used[s->fit->row[k]] = fit_from_scaled(row(s, k), x[k]);
}

/* By a constant, of a file's point, from the experiment's own sensitivities. */
static double slope_of(const struct state *s, unsigned constant, unsigned file, size_t point) {
    if (!concerns(s, constant, file)) return 0;
    unsigned i = 0;
    while (s->fit->free[i] != s->fit->row[constant])
        i++;
    return s->slope[i * s->fit->file[file].points + point];
}

/* Of all that is fitted to; false where the model fails. With `jacobian`, by the experiment's own sensitivities. */
static bool residuals(struct state *s, const double *x, double *out, double *jacobian) {
    const struct pl_model_experiment *e = s->fit->experiment;
    size_t at = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        if (!fitted_to(s, i)) continue;
        put_free(s, i, x);
        s->runs++;
        enum pl_code code = jacobian ? e->sensitive(s->data[i], file->used, s->fit->free, s->fit->free_count,
                                                    file->predicted, s->slope, NULL)
                                     : e->predict(s->data[i], file->used, file->predicted, NULL);
        if (code) return false;
        for (size_t k = 0; k < file->points; k++) {
            if (!s->use[i][k]) continue;
            for (unsigned j = 0; jacobian && j < count_of(s); j++)
                jacobian[j * s->residuals + at] = slope_of(s, j, i, k) * s->weight[i][k] * fit_stretch(row(s, j), x[j]);
            out[at] = (file->predicted[k] - file->observed[k]) * s->weight[i][k];
            if (!isfinite(out[at++])) return false;
        }
    }
    compare_expected(s, x, at, out, jacobian);
    return true;
}

/* Residuals and their slopes at x. */
static bool linearise(struct state *s, const double *x) {
    unsigned n = count_of(s);
    if (s->fit->experiment->sensitive) return residuals(s, x, s->residual, s->jacobian);
    if (!residuals(s, x, s->residual, NULL)) return false;
    double at[PL_FIT_MAX];
    memcpy(at, x, n * sizeof *at);
    for (unsigned j = 0; j < n; j++) {
        double step = x[j] > 0.5 ? -STEP : STEP;
        at[j] = x[j] + step;
        if (!residuals(s, at, s->moved, NULL)) return false;
        for (size_t k = 0; k < s->residuals; k++)
            s->jacobian[j * s->residuals + k] = (s->moved[k] - s->residual[k]) / step;
        at[j] = x[j];
    }
    return true;
}

static double objective(unsigned n, const double *x, double *gradient, void *self) {
    struct state *s = self;
    if (s->fit->progress && s->best < FAILED) s->fit->progress(s->fit->progress_context, s->runs, sqrt(s->best));
    if (s->runs >= s->fit->evaluations) nlopt_force_stop(s->optimiser);
    for (unsigned j = 0; gradient && j < n; j++)
        gradient[j] = 0;
    bool good = gradient ? linearise(s, x) : residuals(s, x, s->residual, NULL);
    if (!good) return FAILED;
    for (unsigned j = 0; gradient && j < n; j++)
        for (size_t k = 0; k < s->residuals; k++)
            gradient[j] += 2 * s->jacobian[j * s->residuals + k] * s->residual[k] / (double)s->residuals;
    double reached = fit_squares(s->residual, s->residuals) / (double)s->residuals;
    s->best = fmin(s->best, reached);
    return reached;
}

/* ---- Search ---- */

static void search(struct state *s, double *x, double *best) {
    unsigned n = count_of(s);
    s->optimiser = nlopt_create(NLOPT_LD_SLSQP, n);
    if (!s->optimiser) return;
    nlopt_set_lower_bounds1(s->optimiser, 0);
    nlopt_set_upper_bounds1(s->optimiser, 1);
    nlopt_set_min_objective(s->optimiser, objective, s);
    nlopt_set_maxeval(s->optimiser, 150);
    nlopt_set_ftol_rel(s->optimiser, 1e-9);
    nlopt_set_xtol_abs1(s->optimiser, 1e-9);
    double at[PL_FIT_MAX], reached = FAILED;
    memcpy(at, x, n * sizeof *at);
    nlopt_optimize(s->optimiser, at, &reached);
    nlopt_destroy(s->optimiser);
    s->optimiser = NULL;
    reached = objective(n, at, NULL, s);
    if (reached < *best) {
        *best = reached;
        memcpy(x, at, n * sizeof *at);
    }
}

static void normal(const struct state *s, double a[PL_FIT_MAX][PL_FIT_MAX], double *b) {
    unsigned n = count_of(s);
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

/* Damped steps of Gauss and Newton until they gain nothing more. */
static void polish(struct state *s, double *x, double *best) {
    unsigned n = count_of(s);
    double a[PL_FIT_MAX][PL_FIT_MAX], b[PL_FIT_MAX], d[PL_FIT_MAX], at[PL_FIT_MAX], damping = 1e-3;
    for (int i = 0; i < POLISH && s->runs < s->fit->evaluations && linearise(s, x); i++) {
        normal(s, a, b);
        bool gained = false;
        for (int k = 0; k < 6 && !gained && fit_solve(n, a, b, damping, d); k++) {
            for (unsigned j = 0; j < n; j++)
                at[j] = fmin(fmax(x[j] + d[j], 0), 1);
            double reached = objective(n, at, NULL, s);
            gained = reached < *best * (1 - 1e-10);
            damping *= gained ? 0.2 : 8;
            if (!gained) continue;
            *best = reached;
            memcpy(x, at, n * sizeof *at);
        }
        if (!gained) break;
    }
}

static unsigned starts_of(const struct state *s) {
    unsigned more = s->fit->experiment->starts;
    return more < STARTS_MAX ? 1 + (more ? more : 1) : STARTS_MAX;
}

/* What was set or is the default of it, or what the file shows. */
static double first_guess(const struct state *s, unsigned constant) {
    unsigned file = s->fit->of_file[constant] < 0 ? 0 : (unsigned)s->fit->of_file[constant];
    double guess[PL_MODEL_PARAMETERS_MAX];
    memcpy(guess, s->fit->file[file].used, sizeof guess);
    if (s->fit->experiment->guess && isnan(s->fit->set[s->fit->row[constant]]))
        s->fit->experiment->guess(s->data[file], guess);
    return guess[s->fit->row[constant]];
}

/* The first guess, and the best of points spread between the bounds, `SAMPLES` for each start; how many starts. */
static unsigned choose_starts(struct state *s, double start[STARTS_MAX][PL_FIT_MAX]) {
    unsigned n = count_of(s), count = starts_of(s);
    double reached[STARTS_MAX];
    for (unsigned j = 0; j < n; j++)
        start[0][j] = fit_to_scaled(row(s, j), first_guess(s, j));
    for (unsigned i = 1; i < count; i++) {
        memcpy(start[i], start[0], sizeof start[0]);
        reached[i] = FAILED;
    }
    for (unsigned k = 0; k < SAMPLES * (count - 1); k++) {
        double at[PL_FIT_MAX];
        for (unsigned j = 0; j < n; j++)
            at[j] = fit_even(k, j, n);
        double here = objective(n, at, NULL, s);
        unsigned worst = 1;
        for (unsigned i = 2; i < count; i++)
            if (reached[i] > reached[worst]) worst = i;
        if (here >= reached[worst]) continue;
        reached[worst] = here;
        memcpy(start[worst], at, n * sizeof *at);
    }
    return count;
}

/* ---- Answer ---- */

/* A constant at a bound, or that nothing depends on, is not known better or worse by its neighbours: it is left out. */
static unsigned choose_known(const struct state *s, const double *x, unsigned known[PL_FIT_MAX]) {
    unsigned count = 0;
    for (unsigned i = 0; i < count_of(s); i++)
        if (x[i] >= 1e-6 && x[i] <= 1 - 1e-6 && fit_squares(s->jacobian + i * s->residuals, s->residuals) > 1e-24)
            known[count++] = i;
    return count;
}

/* Sums of slopes times residuals over stretches of the record: what their scatter is tells how far the constants would
 * move with another stretch, also where residuals hang together. */
static void by_stretches(const struct state *s, unsigned count, const unsigned *known,
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
static void deviations(struct state *s, const double *x) {
    unsigned n = count_of(s), known[PL_FIT_MAX];
    struct pl_fit *fit = s->fit;
    double a[PL_FIT_MAX][PL_FIT_MAX], b[PL_FIT_MAX], inverse[PL_FIT_MAX][PL_FIT_MAX], stretch[PL_FIT_MAX][PL_FIT_MAX];
    for (unsigned i = 0; i < n; i++) {
        fit->deviation[i] = NAN;
        fit->untold[i] = true;
        for (unsigned j = 0; j < n; j++)
            fit->correlation[i][j] = i == j ? 1 : 0;
    }
    if (!linearise(s, x)) return;
    normal(s, a, b);
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
        fit->deviation[k] = scaled * fit_stretch(row(s, k), x[k]);
        fit->untold[k] = !(1.96 * scaled < 0.25);
        for (unsigned j = 0; j < count; j++)
            fit->correlation[k][known[j]] = inverse[i][j] / sqrt(fabs(inverse[i][i] * inverse[j][j]));
    }
}

static bool has_own(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->free_count; i++)
        if (is_own(fit, i)) return true;
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
        if (is_own(fit, i)) own.free[own.free_count++] = fit->free[i];
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

static enum pl_code judge(struct state *s, const double *x, struct pl_error **error) {
    const struct pl_model_experiment *e = s->fit->experiment;
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        put_free(s, i, x);
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

static enum pl_code fit_all(struct state *s, struct pl_error **error) {
    struct pl_fit *fit = s->fit;
    double x[STARTS_MAX][PL_FIT_MAX] = {{0}}, best[STARTS_MAX] = {FAILED};
    unsigned n = count_of(s), winner = 0;
    if (n) {
        unsigned starts = choose_starts(s, x);
        for (unsigned i = 0; i < starts; i++) {
            best[i] = objective(n, x[i], NULL, s);
            if (!i) polish(s, x[i], &best[i]); /* a good guess is kept: the search may leave it for a worse valley */
            search(s, x[i], &best[i]);
            polish(s, x[i], &best[i]);
            if (best[i] < best[winner]) winner = i;
        }
        if (best[winner] >= FAILED) {
            fit->runs = s->runs;
            /* The model itself says why. */
            enum pl_code code = judge(s, x[winner], error);
            return code ? code : pl_error_set(error, PL_RANGE, "no values of the free constants can be run");
        }
        deviations(s, x[winner]);
    } else {
        best[0] = objective(0, x[0], NULL, s);
    }
    for (unsigned i = 0; i < n; i++) {
        fit->value[i] = fit_from_scaled(row(s, i), x[winner][i]);
        fit->at_bound[i] = x[winner][i] < 1e-6 || x[winner][i] > 1 - 1e-6;
    }
    fit->rms = sqrt(best[winner]);
    fit->runs = s->runs;
    fit->ended = s->runs >= fit->evaluations ? "its evaluations were used up" : "no step gains anything more";
    return judge(s, x[winner], error);
}

enum pl_code fit_run(struct pl_fit *fit, struct pl_error **error) {
    if (fit->free_count > PL_FIT_MAX || fit->file_count > PL_FIT_FILES_MAX || !fit->file_count)
        return pl_error_set(error, PL_RANGE, "%u constants and %u files: at most %d and %d, and a file at least",
                            fit->free_count, fit->file_count, PL_FIT_MAX, PL_FIT_FILES_MAX);
    struct state *s = PL_NEW(struct state);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory to fit in");
    s->fit = fit;
    s->best = FAILED;
    enum pl_code code = lay_out(fit, error);
    if (!code) code = load(s, error);
    if (!code) code = fit_all(s, error);
    for (unsigned i = 0; i < fit->file_count; i++) {
        if (s->data[i]) fit->experiment->unload(s->data[i]);
        pl_free(s->weight[i]);
        pl_free(s->use[i]);
    }
    pl_free(s->residual);
    pl_free(s->moved);
    pl_free(s->jacobian);
    pl_free(s->slope);
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
