/* fit_known.c: how well what a fit has found is known.
 *
 * Residuals of a model that is not quite right hang together, so that their number says more than is true: beside the
 * estimate of independent ones there is that of the scatter of what stretches of the record want (the "sandwich" of
 * White 1980, by blocks), and, of several records, that of the records; the widest counts. What is extrapolated to is
 * held by no neighbours: there, how far the constants move when one of a few large blocks is left out (the jackknife by
 * blocks, Kuensch 1989) counts as well. All of it is to first order, so that none costs a run.
 */
#include <math.h>
#include <string.h>

#include "fit_parts.h"
#include "fit_work.h"

enum { BLOCKS = 6 };
static const double RANGE = 12;  /* 1 / the variance of what is anywhere in 0..1 */
static const double AT_ODDS = 5; /* deviations of what is known before: no chance, one of both is wrong */
static const double HALF = 0.25; /* of an interval, in ranges: wider is not told */

/* Times the variance with all records: told by the one that is left out, by nine tenths and more. A choice. */
static const double ALONE = 10;

typedef double matrix[PL_FIT_MAX][PL_FIT_MAX];

/* Constants that are known better or worse by their neighbours, and the inverse of their part of the normal matrix. */
struct known {
    unsigned count, index[PL_FIT_MAX];
    matrix normal, inverse; /* of all constants, of these */
};

/* A constant at a bound, or that nothing depends on, is not known better or worse by its neighbours: it is left out. */
static unsigned choose_known(const struct fit_work *s, const double *x, unsigned known[PL_FIT_MAX]) {
    unsigned count = 0;
    for (unsigned i = 0; i < fit_count(s); i++)
        if (x[i] >= 1e-6 && x[i] <= 1 - 1e-6 && fit_squares(s->jacobian + i * s->residuals, s->residuals) > 1e-24)
            known[count++] = i;
    return count;
}

/* The gradient of a block of residuals; what it holds is taken from `without`, which may be NULL. */
static void add_block(const struct fit_work *s, size_t from, size_t to, double *g, matrix without) {
    unsigned n = fit_count(s);
    for (unsigned i = 0; i < n; i++) {
        const double *ji = s->jacobian + i * s->residuals;
        for (size_t k = from; k < to; k++)
            g[i] += ji[k] * s->residual[k];
        for (unsigned j = 0; without && j < n; j++)
            for (size_t k = from; k < to; k++)
                without[i][j] -= ji[k] * s->jacobian[j * s->residuals + k];
    }
}

static void add_outer(unsigned n, const double *v, double by, matrix sum) {
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            sum[i][j] += by * v[i] * v[j];
}

/* Sums of slopes times residuals over stretches of the record: what their scatter is tells how far the constants would
 * move with another stretch. */
static void by_stretches(const struct fit_work *s, unsigned known, matrix sum) {
    size_t stretches = s->residuals < FIT_STRETCHES ? s->residuals : FIT_STRETCHES;
    double few = stretches > known ? (double)stretches / (double)(stretches - known) : (double)stretches;
    memset(sum, 0, sizeof(matrix));
    for (size_t b = 0; b < stretches; b++) {
        double g[PL_FIT_MAX] = {0};
        add_block(s, b * s->residuals / stretches, (b + 1) * s->residuals / stretches, g, NULL);
        add_outer(fit_count(s), g, few, sum);
    }
}

/* inverse * middle * inverse */
static void between(unsigned n, matrix inverse, matrix middle, matrix out) {
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++) {
            out[i][j] = 0;
            for (unsigned k = 0; k < n; k++)
                for (unsigned l = 0; l < n; l++)
                    out[i][j] += inverse[i][k] * middle[k][l] * inverse[l][j];
        }
}

/* Any constant may be anywhere in its range. */
static void open_up(unsigned n, matrix out) {
    memset(out, 0, sizeof(matrix));
    for (unsigned i = 0; i < n; i++)
        out[i][i] = 1 / RANGE;
}

/* The jackknife: how far the constants move when a block is left out. What it wants goes over to a matrix without it;
 * where there is none without a block, that block alone tells something, and nothing is known. */
static void by_blocks(const struct fit_work *s, matrix whole, matrix out) {
    unsigned n = fit_count(s);
    size_t blocks = s->points < BLOCKS ? s->points : BLOCKS;
    double moved[BLOCKS][PL_FIT_MAX] = {{0}}, mean[PL_FIT_MAX] = {0};
    memset(out, 0, sizeof(matrix));
    for (size_t b = 0; b < blocks; b++) {
        matrix without = {{0}};
        double g[PL_FIT_MAX] = {0};
        memcpy(without, whole, sizeof without);
        add_block(s, b * s->points / blocks, (b + 1) * s->points / blocks, g, without);
        if (!fit_solve(n, without, g, 0, moved[b])) {
            open_up(n, out);
            return;
        }
        for (unsigned i = 0; i < n; i++)
            mean[i] += moved[b][i] / (double)blocks;
    }
    for (size_t b = 0; b < blocks; b++) {
        for (unsigned i = 0; i < n; i++)
            moved[b][i] -= mean[i];
        add_outer(n, moved[b], (double)(blocks - 1) / (double)blocks, out);
    }
}

/* The points of a file that are fitted to, as residuals from `from` on. */
static size_t end_of(const struct fit_work *s, unsigned file, size_t from) {
    for (size_t k = 0; k < s->fit->file[file].points; k++)
        from += s->use[file][k];
    return from;
}

/* How far the constants move when a record is left out, whose own ones are then nobody's. One that is hardly told
 * without it is told by it alone. */
static void leave_out(const struct fit_work *s, unsigned file, size_t from, size_t to, const struct known *all,
                      double *moved) {
    unsigned left[PL_FIT_MAX] = {0}, count = 0;
    matrix without, a = {{0}}, inverse;
    double g[PL_FIT_MAX] = {0};
    bool mixed[PL_FIT_MAX];
    memcpy(without, all->normal, sizeof without);
    add_block(s, from, to, g, without);
    for (unsigned i = 0; i < all->count; i++)
        if (s->fit->of_file[all->index[i]] != (int)file) left[count++] = i;
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            a[i][j] = without[all->index[left[i]]][all->index[left[j]]];
    fit_invert(count, a, inverse, mixed);
    for (unsigned i = 0; i < count; i++) {
        unsigned k = all->index[left[i]];
        for (unsigned j = 0; j < count; j++)
            moved[k] += inverse[i][j] * g[all->index[left[j]]];
        bool alone = mixed[i] || !(inverse[i][i] < ALONE * all->inverse[left[i]][left[i]]);
        s->fit->between[k] = s->fit->between[k] && !alone;
    }
}

/* The jackknife by whole records, which differ by more than their noise: another specimen, another day (clusters, as
 * Bell and McCaffrey 2002). Each constant by itself, and each prediction, has as many degrees of freedom as there are
 * records less one, however many constants there are; as few as they are, they want the wider interval of their own
 * number. What one record tells alone has no spread between them. */
static void by_records(const struct fit_work *s, const struct known *all, matrix out) {
    unsigned n = fit_count(s), records = 0;
    double moved[PL_FIT_FILES_MAX][PL_FIT_MAX] = {{0}}, mean[PL_FIT_MAX] = {0};
    struct pl_fit *fit = s->fit;
    memset(out, 0, sizeof(matrix));
    for (unsigned i = 0; i < all->count; i++)
        fit->between[all->index[i]] = fit->of_file[all->index[i]] < 0;
    size_t from = 0;
    for (unsigned i = 0; i < fit->file_count; i++) {
        size_t to = end_of(s, i, from);
        if (to > from) leave_out(s, i, from, to, all, moved[records++]);
        from = to;
    }
    fit->records = records;
    for (unsigned i = 0; i < n; i++)
        fit->between[i] = fit->between[i] && records > 1;
    if (records < 2) return;
    for (unsigned i = 0; i < n; i++)
        for (unsigned r = 0; r < records; r++)
            mean[i] += moved[r][i] / records;
    double few = fit_student(records - 1) / fit->quantile;
    for (unsigned r = 0; r < records; r++) {
        for (unsigned i = 0; i < n; i++)
            moved[r][i] = fit->between[i] ? moved[r][i] - mean[i] : 0;
        add_outer(n, moved[r], few * few * (records - 1) / records, out);
    }
}

/* What is known before and what the data want are too far apart to be both right. */
static void find_odds(const struct fit_work *s, const double *x, double *odds) {
    for (unsigned i = 0; i < fit_count(s); i++) {
        const struct pl_model_expected *e = s->expected[i];
        double off = e ? fit_from_scaled(fit_row(s, i), x[i]) - e->value : 0;
        s->fit->at_odds[i] = e && fabs(off) > AT_ODDS * e->deviation;
        double scaled = off / fit_stretch(fit_row(s, i), x[i]) / s->fit->quantile;
        odds[i] = s->fit->at_odds[i] ? scaled * scaled : 0;
    }
}

/* As far as what is known before decides, a constant is known no better than that, however little noise there is. */
static void by_expected(const struct fit_work *s, const double *x, matrix inverse, matrix out) {
    matrix middle = {{0}};
    size_t at = s->points;
    for (unsigned i = 0; i < fit_count(s); i++) {
        if (!s->expected[i]) continue;
        double slope = s->jacobian[i * s->residuals + at++];
        double deviation = s->expected[i]->deviation / fit_stretch(fit_row(s, i), x[i]);
        middle[i][i] = pow(slope, 4) * deviation * deviation;
    }
    between(fit_count(s), inverse, middle, out);
}

static void find_spread(const struct fit_work *s, const double *x, matrix normal, matrix scatter, double variance,
                        struct fit_spread *spread) {
    unsigned n = fit_count(s);
    matrix whole, inverse;
    memcpy(whole, normal, sizeof whole);
    for (unsigned i = 0; i < n; i++)
        whole[i][i] += RANGE * variance + 1e-30;
    memset(spread, 0, sizeof *spread);
    find_odds(s, x, spread->odds);
    if (!fit_invert_whole(n, whole, inverse)) {
        open_up(n, spread->curvature);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            spread->curvature[i][j] = inverse[i][j] * variance;
    between(n, inverse, scatter, spread->stretches);
    by_blocks(s, whole, spread->blocks);
    by_expected(s, x, inverse, spread->expected);
}

static double form(unsigned n, const double a[PL_FIT_MAX][PL_FIT_MAX], const double *v) {
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            sum += v[i] * a[i][j] * v[j];
    return sum;
}

/* Beyond, the variance is the geometric mean of that by stretches and that by blocks: a choice, not derived, and there
 * were no other records to choose by than those of tests/bench/splits. */
double fit_along(const struct fit_spread *spread, unsigned n, const double *v, bool beyond) {
    double most = fmax(form(n, spread->curvature, v), form(n, spread->stretches, v));
    most = fmax(most, form(n, spread->records, v));
    if (beyond) most = fmax(most, sqrt(form(n, spread->stretches, v) * form(n, spread->blocks, v)));
    for (unsigned i = 0; i < n; i++)
        most += v[i] * v[i] * spread->odds[i];
    return most + form(n, spread->expected, v);
}

double fit_leverage(const struct fit_spread *spread, unsigned n, const double *v) {
    return form(n, spread->curvature, v);
}

/* A constant that moves half of its range within its interval, whose slopes are made of the others', or that is at odds
 * with what is known of it, is not told: what is then said of it is where the search has stopped. */
static void tell(struct fit_work *s, const double *x, unsigned constant, double variance) {
    struct pl_fit *fit = s->fit;
    double scaled = sqrt(fmax(variance, 0));
    fit->deviation[constant] = scaled * fit_stretch(fit_row(s, constant), x[constant]);
    fit->untold[constant] = !(fit->quantile * scaled < HALF) || fit->at_odds[constant];
}

bool fit_know(struct fit_work *s, const double *x, struct fit_spread *spread) {
    unsigned n = fit_count(s);
    struct pl_fit *fit = s->fit;
    struct known all;
    matrix a = {{0}}, scatter, part = {{0}}, hanging;
    double b[PL_FIT_MAX];
    fit->quantile = fit_student((double)s->residuals - n);
    for (unsigned i = 0; i < n; i++) {
        fit->deviation[i] = NAN;
        fit->untold[i] = true;
        fit->between[i] = false;
        for (unsigned j = 0; j < n; j++)
            fit->correlation[i][j] = i == j ? 1 : 0;
    }
    if (!fit_linearise(s, x)) return false;
    fit_normal(s, all.normal, b);
    all.count = choose_known(s, x, all.index);
    by_stretches(s, all.count, scatter);
    double variance = fit_squares(s->residual, s->residuals) / (double)(s->residuals - n);
    find_spread(s, x, all.normal, scatter, variance, spread);
    for (unsigned i = 0; i < all.count; i++)
        for (unsigned j = 0; j < all.count; j++) {
            a[i][j] = all.normal[all.index[i]][all.index[j]];
            part[i][j] = scatter[all.index[i]][all.index[j]];
        }
    bool mixed[PL_FIT_MAX];
    fit->condition = fit_invert(all.count, a, all.inverse, mixed);
    between(all.count, all.inverse, part, hanging);
    by_records(s, &all, spread->records);
    for (unsigned i = 0; i < all.count; i++) {
        unsigned k = all.index[i];
        double unit[PL_FIT_MAX] = {0};
        unit[k] = 1;
        double independent = fmax(all.inverse[i][i] * variance, hanging[i][i]);
        tell(s, x, k, mixed[i] ? INFINITY : fmax(independent, fit_along(spread, n, unit, false)));
        for (unsigned j = 0; j < all.count; j++)
            fit->correlation[k][all.index[j]] = all.inverse[i][j] / sqrt(fabs(all.inverse[i][i] * all.inverse[j][j]));
    }
    return true;
}
