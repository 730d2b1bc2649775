/* fit_search.c: the least mean of squares: NLopt's SLSQP from several starts, finished by Gauss and Newton's steps.
 *
 * NLopt says "success" of much, and loops for ever on what is no number: the model's failures count as a very bad fit,
 * evaluations are bounded, and what it returns is judged by our own sum of squares.
 */
#include <math.h>
#include <string.h>

#include "fit_parts.h"
#include "fit_work.h"

enum { STARTS_MAX = 8, SAMPLES = 12, POLISH = 12 };
static const double FAILED = 1e30;

static double objective(unsigned n, const double *x, double *gradient, void *self) {
    struct fit_work *s = self;
    if (s->fit->progress && s->best < FAILED) s->fit->progress(s->fit->progress_context, s->runs, sqrt(s->best));
    if (s->runs >= s->fit->evaluations) nlopt_force_stop(s->optimiser);
    for (unsigned j = 0; gradient && j < n; j++)
        gradient[j] = 0;
    bool good = gradient ? fit_linearise(s, x) : fit_residuals(s, x, s->residual);
    if (!good) return FAILED;
    for (unsigned j = 0; gradient && j < n; j++)
        for (size_t k = 0; k < s->residuals; k++)
            gradient[j] += 2 * s->jacobian[j * s->residuals + k] * s->residual[k] / (double)s->residuals;
    double reached = fit_squares(s->residual, s->residuals) / (double)s->residuals;
    s->best = fmin(s->best, reached);
    return reached;
}

static void search(struct fit_work *s, double *x, double *best) {
    unsigned n = fit_count(s);
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

/* Damped steps of Gauss and Newton until they gain nothing more. */
static void polish(struct fit_work *s, double *x, double *best) {
    unsigned n = fit_count(s);
    double a[PL_FIT_MAX][PL_FIT_MAX], b[PL_FIT_MAX], d[PL_FIT_MAX], at[PL_FIT_MAX], damping = 1e-3;
    s->both_sides = true;
    for (int i = 0; i < POLISH && s->runs < s->fit->evaluations && fit_linearise(s, x); i++) {
        fit_normal(s, a, b);
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
    s->both_sides = false;
}

static unsigned starts_of(const struct fit_work *s) {
    unsigned more = s->fit->experiment->starts;
    return more < STARTS_MAX ? 1 + (more ? more : 1) : STARTS_MAX;
}

/* What was set or is the default of it, or what the file shows. */
static double first_guess(const struct fit_work *s, unsigned constant) {
    unsigned file = s->fit->of_file[constant] < 0 ? 0 : (unsigned)s->fit->of_file[constant];
    double guess[PL_MODEL_PARAMETERS_MAX];
    memcpy(guess, s->fit->file[file].used, sizeof guess);
    if (s->fit->experiment->guess && isnan(s->fit->set[s->fit->row[constant]]))
        s->fit->experiment->guess(s->data[file], guess);
    return guess[s->fit->row[constant]];
}

/* The first guess, and the best of points spread between the bounds, `SAMPLES` for each start; how many starts. */
static unsigned choose_starts(struct fit_work *s, double start[STARTS_MAX][PL_FIT_MAX]) {
    unsigned n = fit_count(s), count = starts_of(s);
    double reached[STARTS_MAX];
    for (unsigned j = 0; j < n; j++)
        start[0][j] = fit_to_scaled(fit_row(s, j), first_guess(s, j));
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

/* The best of the starts; a good guess is kept, since the search may leave it for a worse valley. */
bool fit_search(struct fit_work *s, double x[PL_FIT_MAX], double *mean) {
    double start[STARTS_MAX][PL_FIT_MAX] = {{0}};
    unsigned n = fit_count(s);
    s->best = FAILED;
    if (!n) {
        *mean = objective(0, x, NULL, s);
        return true;
    }
    unsigned starts = choose_starts(s, start);
    *mean = INFINITY;
    for (unsigned i = 0; i < starts; i++) {
        double best = objective(n, start[i], NULL, s);
        if (!i) polish(s, start[i], &best);
        search(s, start[i], &best);
        polish(s, start[i], &best);
        if (best >= *mean) continue;
        *mean = best;
        memcpy(x, start[i], n * sizeof *x);
    }
    return *mean < FAILED;
}
