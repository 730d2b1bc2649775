#include "scatter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

enum { FOLDS = 5 };

/* Where a model of the scatter lies: the record's, or scratch for one fold. */
struct model {
    double *centre, *spread, *factor;
    uint32_t signals, stride;
};

/* ---- One model ---- */

static bool left_out(uint32_t row, uint32_t from, uint32_t to) {
    return row >= from && row < to;
}

static void centre_and_spread(struct model *m, const double *rows, uint32_t count, uint32_t from, uint32_t to) {
    const double n = count - (to - from);
    memset(m->centre, 0, m->signals * sizeof(double));
    memset(m->spread, 0, m->signals * sizeof(double));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t s = 0; !left_out(i, from, to) && s < m->signals; s++)
            m->centre[s] += rows[(size_t)i * m->stride + s] / n;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t s = 0; !left_out(i, from, to) && s < m->signals; s++) {
            double apart = rows[(size_t)i * m->stride + s] - m->centre[s];
            m->spread[s] += apart * apart / (n - 1);
        }
    for (uint32_t s = 0; s < m->signals; s++) /* a signal that stands still says nothing: it is left at 0 */
        m->spread[s] = m->spread[s] > 1e-18 * m->centre[s] * m->centre[s] ? sqrt(m->spread[s]) : INFINITY;
}

static void correlate(struct model *m, const double *rows, uint32_t count, uint32_t from, uint32_t to, double *z) {
    const double n = count - (to - from);
    memset(m->factor, 0, (size_t)m->stride * m->stride * sizeof(double));
    for (uint32_t i = 0; i < count; i++) {
        if (left_out(i, from, to)) continue;
        for (uint32_t s = 0; s < m->signals; s++)
            z[s] = (rows[(size_t)i * m->stride + s] - m->centre[s]) / m->spread[s];
        for (uint32_t s = 0; s < m->signals; s++)
            for (uint32_t o = 0; o <= s; o++)
                m->factor[(size_t)s * m->stride + o] += z[s] * z[o] / (n - 1);
    }
}

/* Cholesky in place. A signal that the others determine adds no more than the ridge. */
static void factorise(struct model *m) {
    const double ridge = 1e-6;
    for (uint32_t s = 0; s < m->signals; s++) {
        double *row = m->factor + (size_t)s * m->stride;
        for (uint32_t o = 0; o <= s; o++) {
            const double *other = m->factor + (size_t)o * m->stride;
            double sum = row[o] + (o == s ? ridge : 0);
            for (uint32_t k = 0; k < o; k++)
                sum -= row[k] * other[k];
            row[o] = o == s ? sqrt(fmax(sum, ridge)) : sum / other[o];
        }
        if (isinf(m->spread[s])) row[s] = 1;
    }
}

/* z' C^-1 z. What it leaves in `z` and `solved` is the frame, and halfway to C^-1 z. */
static double distance(const struct model *m, const double *value, double *z, double *solved) {
    double sum = 0;
    for (uint32_t s = 0; s < m->signals; s++) {
        const double *row = m->factor + (size_t)s * m->stride;
        double rest = z[s] = (value[s] - m->centre[s]) / m->spread[s];
        for (uint32_t k = 0; k < s; k++)
            rest -= row[k] * solved[k];
        solved[s] = rest / row[s];
        sum += solved[s] * solved[s];
    }
    return sum;
}

/* ---- Learning ---- */

/* T^2 as a ratio of variances, for a frame that was not learned from. */
static double as_ratio(double distance, double frames, double signals) {
    return distance * frames * (frames - signals) / (signals * (frames * frames - 1));
}

static int ascending(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static uint32_t judged_signals(const struct model *m) {
    uint32_t count = 0;
    for (uint32_t s = 0; s < m->signals; s++)
        count += isfinite(m->spread[s]);
    return count;
}

static void learn_model(struct model *m, const double *rows, uint32_t count, uint32_t from, uint32_t to, double *z) {
    centre_and_spread(m, rows, count, from, to);
    correlate(m, rows, count, from, to, z);
    factorise(m);
}

/* How much larger than their law the ratios of frames are that were left out, where it matters: at 1 in 200. */
static double scale_of(struct model *m, const double *rows, uint32_t count, double *ratio, double *z, double *solved) {
    static const double rare = 0.995, surprise = 2.3;
    for (uint32_t fold = 0; fold < FOLDS; fold++) {
        const uint32_t from = fold * count / FOLDS, to = (fold + 1) * count / FOLDS;
        learn_model(m, rows, count, from, to, z);
        for (uint32_t i = from; i < to; i++)
            ratio[i] =
                as_ratio(distance(m, rows + (size_t)i * m->stride, z, solved), count - (to - from), judged_signals(m));
    }
    qsort(ratio, count, sizeof *ratio, ascending);
    const double seen = ratio[(uint32_t)(rare * (count - 1))], signals = judged_signals(m);
    double low = 0, high = 1e6;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(chance_f(middle, signals, count - signals) < surprise ? &low : &high) = middle;
    }
    return isfinite(seen) ? fmax(seen / high, 1) : INFINITY;
}

bool scatter_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    const uint32_t n = frame->modelled, count = frame->learned;
    struct model own = {view->centre, view->spread, view->factor, n, rule->signals};
    frame->scatter_signals = 0;
    if (!n || count - count / FOLDS < 2 * n + 2) return true;
    const size_t squares = (size_t)rule->signals * rule->signals;
    double *scratch = pl_alloc((squares + 4 * (size_t)rule->signals + count) * sizeof *scratch);
    if (!scratch) return false;
    double *z = scratch + squares + 2 * (size_t)rule->signals, *solved = z + rule->signals,
           *ratio = solved + rule->signals;
    struct model fold = {scratch + squares, scratch + squares + rule->signals, scratch, n, rule->signals};
    frame->scatter_scale = scale_of(&fold, view->train, count, ratio, z, solved);
    learn_model(&own, view->train, count, 0, 0, z);
    frame->scatter_signals = judged_signals(&own);
    pl_free(scratch);
    return true;
}

/* ---- Judging ---- */

/* C^-1 z from what the forward half has left: the backward half, in place. */
static void solve_back(const struct model *m, double *solved) {
    for (uint32_t s = m->signals; s-- > 0;) {
        for (uint32_t k = s + 1; k < m->signals; k++)
            solved[s] -= m->factor[(size_t)k * m->stride + s] * solved[k];
        solved[s] /= m->factor[(size_t)s * m->stride + s];
    }
}

double scatter_judge(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view) {
    double z[FRAME_SIGNALS_MAX], solved[FRAME_SIGNALS_MAX];
    const struct model m = {view->centre, view->spread, view->factor, frame->modelled, rule->signals};
    memset(view->score, 0, frame->modelled * sizeof *view->score);
    if (!frame->scatter_signals) return 0;
    const double count = frame->learned, signals = frame->scatter_signals;
    const double apart = distance(&m, view->value, z, solved);
    solve_back(&m, solved);
    for (uint32_t s = 0; s < frame->modelled; s++)
        view->score[s] = fmax(z[s] * solved[s], 0);
    return chance_f(as_ratio(apart, count, signals) / frame->scatter_scale, signals, count - signals);
}
