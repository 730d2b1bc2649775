#include "scatter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "correlation.h"
#include "robust.h"

enum { FOLDS = 5 };

/* ---- Learning ---- */

/* T^2 as a ratio of variances, for a frame that was not learned from. */
static double as_ratio(double distance, double frames, double signals) {
    return distance * frames * (frames - signals) / (signals * (frames * frames - 1));
}

static int ascending(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* How much larger than their law the ratios of frames are that were left out, where it matters: at 1 in 200. */
static double scale_of(struct correlation *m, const double *rows, uint32_t count, double *ratio, double *z,
                       double *solved) {
    static const double rare = 0.995, surprise = 2.3;
    for (uint32_t fold = 0; fold < FOLDS; fold++) {
        const uint32_t from = fold * count / FOLDS, to = (fold + 1) * count / FOLDS;
        correlation_learn(m, rows, count, from, to, z);
        for (uint32_t i = from; i < to; i++)
            ratio[i] = as_ratio(correlation_distance(m, rows + (size_t)i * m->stride, z, solved), count - (to - from),
                                correlation_signals(m));
    }
    qsort(ratio, count, sizeof *ratio, ascending);
    const double seen = ratio[(uint32_t)(rare * (count - 1))], signals = correlation_signals(m);
    double low = 0, high = 1e6;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(chance_f(middle, signals, count - signals) < surprise ? &low : &high) = middle;
    }
    return isfinite(seen) ? fmax(seen / high, 1) : INFINITY;
}

static bool learn_rows(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, const double *rows,
                       uint32_t count) {
    const uint32_t n = frame->modelled;
    struct correlation own = {view->centre, view->spread, view->factor, n, rule->signals};
    frame->scatter_signals = 0;
    if (!n || count - count / FOLDS < 2 * n + 2) return true;
    const size_t squares = (size_t)rule->signals * rule->signals;
    double *scratch = pl_alloc((squares + 4 * (size_t)rule->signals + count) * sizeof *scratch);
    if (!scratch) return false;
    double *z = scratch + squares + 2 * (size_t)rule->signals, *solved = z + rule->signals,
           *ratio = solved + rule->signals;
    struct correlation fold = {scratch + squares, scratch + squares + rule->signals, scratch, n, rule->signals};
    frame->scatter_scale = scale_of(&fold, rows, count, ratio, z, solved);
    correlation_learn(&own, rows, count, 0, 0, z);
    frame->scatter_rows = count;
    frame->scatter_signals = correlation_signals(&own);
    pl_free(scratch);
    return true;
}

bool scatter_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    frame->scatter_signals = 0;
    if (!rule->robust) return learn_rows(rule, frame, view, view->train, frame->learned);
    double *kept = pl_alloc(((size_t)frame->learned * rule->signals + 1) * sizeof *kept);
    if (!kept) return false;
    uint32_t count = frame->learned;
    const bool good = robust_rows(view->train, &count, frame->modelled, rule->signals, kept) &&
                      learn_rows(rule, frame, view, kept, count);
    pl_free(kept);
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

double scatter_judge(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view) {
    double z[FRAME_SIGNALS_MAX], solved[FRAME_SIGNALS_MAX];
    const struct correlation m = {view->centre, view->spread, view->factor, frame->modelled, rule->signals};
    memset(view->score, 0, frame->modelled * sizeof *view->score);
    if (!frame->scatter_signals) return 0;
    const double count = frame->scatter_rows, signals = frame->scatter_signals;
    const double apart = correlation_distance(&m, view->value, z, solved);
    solve_back(&m, solved);
    for (uint32_t s = 0; s < frame->modelled; s++)
        view->score[s] = fmax(z[s] * solved[s], 0);
    return chance_f(as_ratio(apart, count, signals) / frame->scatter_scale, signals, count - signals);
}
