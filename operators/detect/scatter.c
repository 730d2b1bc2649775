#include "scatter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "components.h"
#include "correlation.h"
#include "robust.h"
#include "teaching.h"

enum { FOLDS = 5 };
static const double ridge = 1e-6; /* as of a correlation that is factorised */

/* What was learned: all components in one, or each by itself. */
struct model {
    struct correlation all;
    struct components parts;
    double share;
    double frames;
};

static struct model model_of(const struct frame_rule *rule, uint32_t width, double *centre, double *spread,
                             double *factor, double *variance) {
    const uint32_t stride = frame_width(rule);
    return (struct model){.all = {centre, spread, factor, width, stride},
                          .parts = {centre, spread, factor, variance, width, stride, 0, 0},
                          .share = rule->scatters.share};
}

static uint32_t statistics_of(double share) {
    return share > 0 ? SCATTER_STATISTICS : 1;
}

static double signals_of(const struct model *m) {
    return m->share > 0 ? m->parts.varying : correlation_signals(&m->all);
}

static bool model_learn(struct model *m, const double *rows, uint32_t count, uint32_t from, uint32_t to,
                        double *scratch) {
    m->frames = count - (to - from);
    if (m->share > 0) return components_learn(&m->parts, rows, count, from, to, m->share, scratch);
    correlation_learn(&m->all, rows, count, from, to, scratch);
    return true;
}

/* ---- Laws ---- */

/* A statistic's ratio to what it is on average, and the degrees of freedom above and below. */
struct law {
    double above, below;
};

/* Of a component. What others determine has none but by rounding, which is nothing to judge by. */
static double variance_of(const struct components *parts, uint32_t k) {
    return fmax(parts->variance[k], 0) + ridge;
}

/* Box: a sum of squares with these variances is as a chi-square with so many degrees of freedom. */
static double freedom_of(const struct components *parts) {
    double sum = 0, squares = 0;
    for (uint32_t k = parts->kept; k < parts->varying; k++) {
        const double variance = variance_of(parts, k);
        sum += variance;
        squares += variance * variance;
    }
    return squares > 0 ? sum * sum / squares : 1;
}

static struct law law_of(const struct model *m, unsigned statistic) {
    const double kept = m->parts.kept;
    if (statistic == SCATTER_ALL) return (struct law){signals_of(m), m->frames - signals_of(m)};
    if (statistic == SCATTER_T2) return (struct law){kept, m->frames - kept};
    return (struct law){freedom_of(&m->parts), m->frames - kept};
}

/* T^2 as a ratio of variances, for a frame that was not learned from. */
static double as_ratio(double distance, double frames, double signals) {
    return distance * frames * (frames - signals) / (signals * (frames * frames - 1));
}

/* ---- A row ---- */

/* Leaves in `z` the row in deviations, in `solved` its coordinates (parts) or what Cholesky has halfway (all). */
static void measure(const struct model *m, const double *value, double *z, double *solved,
                    double ratio[SCATTER_STATISTICS]) {
    double all = 0, first = 0, rest = 0, usual = 0;
    if (!(m->share > 0)) {
        ratio[SCATTER_ALL] = as_ratio(correlation_distance(&m->all, value, z, solved), m->frames, signals_of(m));
        return;
    }
    const struct components *parts = &m->parts;
    components_score(parts, value, z, solved);
    for (uint32_t k = 0; k < parts->varying; k++) {
        const double square = solved[k] * solved[k], part = square / variance_of(parts, k);
        all += part;
        first += k < parts->kept ? part : 0;
        rest += k < parts->kept ? 0 : square;
        usual += k < parts->kept ? 0 : variance_of(parts, k);
    }
    ratio[SCATTER_ALL] = as_ratio(all, m->frames, parts->varying);
    ratio[SCATTER_T2] = parts->kept ? as_ratio(first, m->frames, parts->kept) : 0;
    ratio[SCATTER_Q] = usual > 0 ? rest / usual : 0;
}

/* ---- Learning ---- */

static int ascending(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* How much larger than their law ratios are that were seen, where it matters: at 1 in 200. */
static double scale_of(double *ratio, uint32_t count, struct law law) {
    static const double rare = 0.995, surprise = 2.3;
    qsort(ratio, count, sizeof *ratio, ascending);
    const double seen = ratio[(uint32_t)(rare * (count - 1))];
    double low = 0, high = 1e6;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        *(chance_f(middle, law.above, law.below) < surprise ? &low : &high) = middle;
    }
    return isfinite(seen) ? fmax(seen / high, 1) : INFINITY;
}

/* Ratios [SCATTER_STATISTICS][count] of rows judged by the others. */
static bool leave_out(struct model *m, const double *rows, uint32_t count, double *ratio, double *z, double *solved) {
    for (uint32_t fold = 0; fold < FOLDS; fold++) {
        const uint32_t from = fold * count / FOLDS, to = (fold + 1) * count / FOLDS;
        if (!model_learn(m, rows, count, from, to, z)) return false;
        for (uint32_t i = from; i < to; i++) {
            double of_row[SCATTER_STATISTICS];
            measure(m, rows + (size_t)i * m->all.stride, z, solved, of_row);
            for (unsigned k = 0; k < statistics_of(m->share); k++)
                ratio[(size_t)k * count + i] = of_row[k];
        }
    }
    return true;
}

static struct covariance covariance_of(const struct frame_rule *rule, const struct frame_view *view, uint32_t width) {
    return (struct covariance){view->average, view->cross, view->squares, width, frame_width(rule)};
}

/* How the distances of the rows lay, each judged by the others. */
static bool learn_distances(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view,
                            const double *ratio, uint32_t count) {
    if (!rule->drift_window) return true;
    float *numbers = pl_alloc((size_t)2 * count * sizeof *numbers);
    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = (float)ratio[i];
    if (numbers) drift_learn_course(&view->lay[frame->modelled], numbers, count, rule->drift_window);
    pl_free(numbers);
    return numbers != NULL;
}

static bool learn_rows(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, const double *rows,
                       uint32_t count) {
    const uint32_t width = frame->modelled * (1 + rule->scatters.lags);
    const size_t room = frame_width(rule);
    if (!width || count - count / FOLDS < 2 * width + 2) return true;
    double *scratch = pl_alloc((room * room + 5 * room + SCATTER_STATISTICS * (size_t)count) * sizeof *scratch);
    if (!scratch) return false;
    double *z = scratch + room * room, *solved = z + room, *ratio = solved + 4 * room;
    struct model fold = model_of(rule, width, solved + room, solved + 2 * room, scratch, solved + 3 * room);
    struct model own = model_of(rule, width, view->centre, view->spread, view->factor, view->variance);
    const bool known = leave_out(&fold, rows, count, ratio, z, solved) && model_learn(&own, rows, count, 0, 0, z);
    const bool good = !known || learn_distances(rule, frame, view, ratio, count); /* before they are put in order */
    for (unsigned k = 0; known && k < statistics_of(own.share); k++)
        frame->scatter_scale[k] = scale_of(ratio + (size_t)k * count, count, law_of(&own, k));
    frame->scatter_rows = count;
    frame->scatter_signals = known ? (uint32_t)signals_of(&own) : 0;
    frame->scatter_kept = own.parts.kept;
    if (rule->scatters.forget) {
        struct covariance taught = covariance_of(rule, view, width);
        covariance_learn(&taught, rows, count, z);
        memcpy(view->first_spread, view->spread, width * sizeof *view->spread);
        teaching_begin(rule, frame, view);
        frame->taught = count;
        frame->due = 0;
    }
    pl_free(scratch);
    return good;
}

/* A frame and those before it make a row: [frame][signal], the newest first. */
static void put_row(const struct frame_rule *rule, const struct frame *frame, const double *newest, double *row) {
    for (uint32_t lag = 0; lag <= rule->scatters.lags; lag++)
        memcpy(row + (size_t)lag * frame->modelled, newest - (size_t)lag * rule->signals,
               frame->modelled * sizeof *row);
}

static double *make_rows(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                         uint32_t *count) {
    const uint32_t lags = rule->scatters.lags;
    const size_t stride = frame_width(rule);
    *count = frame->learned > lags ? frame->learned - lags : 0;
    double *rows = pl_alloc((*count * stride + 1) * sizeof *rows);
    for (uint32_t i = 0; rows && i < *count; i++)
        put_row(rule, frame, view->train + (size_t)(i + lags) * rule->signals, rows + i * stride);
    return rows;
}

bool scatter_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    uint32_t count;
    frame->scatter_signals = 0;
    double *rows = make_rows(rule, frame, view, &count), *kept = NULL;
    bool good = rows != NULL;
    if (good && rule->scatters.robust) {
        kept = pl_alloc(((size_t)count * frame_width(rule) + 1) * sizeof *kept);
        good = kept && robust_rows(rows, &count, frame->modelled * (1 + rule->scatters.lags), frame_width(rule), kept);
    }
    good = good && learn_rows(rule, frame, view, kept ? kept : rows, count);
    pl_free(kept);
    pl_free(rows);
    return good;
}

/* ---- Judging ---- */

/* C^-1 z from what the forward half has left: the backward half, in place. */
static void solve_back(const struct correlation *m, double *solved) {
    for (uint32_t s = m->signals; s-- > 0;) {
        for (uint32_t k = s + 1; k < m->signals; k++)
            solved[s] -= m->factor[(size_t)k * m->stride + s] * solved[k];
        solved[s] /= m->factor[(size_t)s * m->stride + s];
    }
}

/* What signal s of a row adds to a statistic: of a T^2 its share of the quadratic form, of Q its square. */
static void contributions(const struct model *m, unsigned by, const double *z, const double *score, double *part) {
    const struct components *parts = &m->parts;
    const uint32_t last = by == SCATTER_T2 ? parts->kept : parts->varying;
    memset(part, 0, parts->width * sizeof *part);
    for (uint32_t k = by == SCATTER_Q ? parts->kept : 0; k < last; k++) {
        const double *direction = parts->direction + (size_t)k * parts->stride;
        const double weight = by == SCATTER_Q ? score[k] : score[k] / variance_of(parts, k);
        for (uint32_t s = 0; s < parts->width; s++)
            part[s] += weight * direction[s];
    }
    for (uint32_t s = 0; s < parts->width; s++)
        part[s] *= by == SCATTER_Q ? part[s] : z[s];
}

/* The greatest of three is three times as often as large (Bonferroni). */
static double most_surprising(const struct frame *frame, const struct model *m, const double *ratio, unsigned *by) {
    const unsigned statistics = statistics_of(m->share);
    double most = 0;
    for (unsigned k = 0; k < statistics; k++) {
        const struct law law = law_of(m, k);
        const double surprise = chance_f(ratio[k] / frame->scatter_scale[k], law.above, law.below);
        if (k && !(surprise > most)) continue;
        most = surprise;
        *by = k;
    }
    return fmax(most - log10(statistics), 0);
}

double scatter_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, unsigned *by) {
    const uint32_t n = frame->modelled, lags = rule->scatters.lags, width = n * (1 + lags);
    double row[SCATTER_WIDTH_MAX], z[SCATTER_WIDTH_MAX], solved[SCATTER_WIDTH_MAX];
    double ratio[SCATTER_STATISTICS] = {0};
    *by = SCATTER_ALL;
    frame->distance = (double)NAN;
    memset(view->score, 0, n * sizeof *view->score);
    if (!frame->scatter_signals || frame->rows < lags) return 0;
    struct model m = model_of(rule, width, view->centre, view->spread, view->factor, view->variance);
    m.frames = frame->scatter_rows;
    m.parts.kept = frame->scatter_kept;
    m.parts.varying = frame->scatter_signals;
    for (uint32_t lag = 0; lag <= lags; lag++)
        memcpy(row + (size_t)lag * n, frame_recent(rule, frame, view, lag), n * sizeof *row);
    measure(&m, row, z, solved, ratio);
    frame->distance = ratio[SCATTER_ALL];
    const double surprise = most_surprising(frame, &m, ratio, by);
    double *part = row; /* the row is in z now */
    if (m.share > 0) {
        contributions(&m, *by, z, solved, part);
    } else {
        solve_back(&m.all, solved);
        for (uint32_t s = 0; s < width; s++)
            part[s] = z[s] * solved[s];
    }
    for (uint32_t s = 0; s < width; s++)
        view->score[s % n] += part[s];
    for (uint32_t s = 0; s < n; s++)
        view->score[s] = fmax(view->score[s], 0);
    return surprise;
}

/* ---- Going on learning ---- */

static bool model_follow(struct model *m, const struct covariance *taught, const double *first_spread,
                         double *scratch) {
    if (m->share > 0) return components_follow(&m->parts, taught, first_spread, m->share, scratch);
    correlation_follow(&m->all, taught, first_spread);
    correlation_factorise(&m->all);
    return true;
}

/* What was judged by stays where no components are found. */
static bool calculate(const struct frame_rule *rule, struct frame *frame, struct frame_view *view,
                      const struct covariance *taught) {
    const size_t room = taught->stride, squares = room * room;
    double *scratch = pl_alloc((squares + 4 * room) * sizeof *scratch);
    if (!scratch) return false;
    double *centre = scratch + squares, *spread = centre + room, *variance = spread + room, *z = variance + room;
    struct model next = model_of(rule, taught->width, centre, spread, scratch, variance);
    memcpy(spread, view->spread, room * sizeof *spread);
    memset(scratch, 0, squares * sizeof *scratch);
    memset(variance, 0, room * sizeof *variance);
    if (model_follow(&next, taught, view->first_spread, z)) {
        memcpy(view->factor, scratch, squares * sizeof *scratch);
        memcpy(view->centre, centre, room * sizeof *centre);
        memcpy(view->spread, spread, room * sizeof *spread);
        memcpy(view->variance, variance, room * sizeof *variance);
        frame->scatter_rows = (uint32_t)covariance_rows(taught);
        frame->scatter_kept = next.parts.kept;
    }
    pl_free(scratch);
    return true;
}

bool scatter_follow(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool alarm,
                    bool *taught) {
    const struct scatter_rule *r = &rule->scatters;
    const uint32_t n = frame->modelled, width = n * (1 + r->lags);
    double row[SCATTER_WIDTH_MAX], z[SCATTER_WIDTH_MAX];
    *taught = false;
    if (!r->forget) return true;
    teaching_note(rule, frame, view, alarm);
    if (!teaching_may(rule, frame, view)) return true;
    struct covariance known = covariance_of(rule, view, width);
    bool stands[SCATTER_WIDTH_MAX];
    for (uint32_t s = 0; s < width; s++) {
        const uint64_t back = r->late + s / n;
        stands[s] = teaching_stands(rule, frame, view, s % n, back);
        row[s] = frame_recent(rule, frame, view, back)[s % n];
    }
    const uint32_t weighed = frame->taught < r->forget ? frame->taught + 1 : r->forget;
    if (!covariance_add_known(&known, row, stands, 1.0 / weighed, z)) return true;
    *taught = true;
    frame->taught = weighed;
    if (++frame->due < r->every || frame->due < width) return true;
    frame->due = 0;
    return calculate(rule, frame, view, &known);
}
