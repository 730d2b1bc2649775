#include "level.h"

#include <math.h>

#include "chance.h"

static const double far = 3; /* times the limit */

/* ---- Learning ---- */

struct moments {
    double mean, variance;
};

static struct moments moments_of(const double *first, size_t step, uint32_t count) {
    struct moments m = {0};
    for (uint32_t i = 0; i < count; i++)
        m.mean += first[i * step] / count;
    for (uint32_t i = 0; i < count; i++)
        m.variance += (first[i * step] - m.mean) * (first[i * step] - m.mean) / count;
    return m;
}

/* The variance of means over `length` rows, every `stride` rows. */
static double variance_of_means(const double *first, size_t step, uint32_t count, uint32_t length, uint32_t stride,
                                bool unbiased) {
    double sum = 0, squares = 0, origin = first[0];
    uint32_t means = 0;
    for (uint32_t from = 0; from + length <= count; from += stride, means++) {
        double mean = moments_of(first + from * step, step, length).mean - origin;
        sum += mean;
        squares += mean * mean;
    }
    double divisor = unbiased ? means - 1.0 : means;
    return divisor > 0 ? fmax((squares - sum * sum / means) / divisor, 0) : 0;
}

static void learn_signal(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view,
                         uint32_t s) {
    const struct level_rule *r = &rule->levels;
    const double *first = view->train + s;
    const uint32_t count = frame->learned;
    const struct moments all = moments_of(first, rule->signals, count);
    const double blocks = variance_of_means(first, rule->signals, count, r->block, (r->block + 1) / 2, true);
    const double smooth = variance_of_means(first, rule->signals, count, r->smooth, 1, false);
    const double together = all.variance > 0 ? fmax(1, r->block * blocks / all.variance) : 1; /* rows that are one */
    const double freedom = fmax(count / together, 1.5), least = r->least * fabs(all.mean);
    view->mean[s] = moments_of(first + (size_t)(count - count / 2) * rule->signals, rule->signals, count / 2).mean;
    view->freedom[s] = fmax(freedom - 1, 0.7);
    view->deviation[s] = sqrt((fmax(smooth, all.variance / r->smooth) + least * least) * (1 + 1 / freedom));
    const bool judged = all.variance > 1e-18 * all.mean * all.mean && freedom >= r->freedom;
    view->limit[s] = judged ? chance_t_of(rule->threshold, view->freedom[s]) : INFINITY;
    view->active[s] = view->persistent[s] = 0;
}

void level_learn(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    for (uint32_t s = 0; s < rule->signals; s++) {
        if (s < frame->modelled && frame->learned > rule->levels.block)
            learn_signal(rule, frame, view, s);
        else
            view->limit[s] = INFINITY;
    }
}

/* ---- Judging ---- */

static double mean_of(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                      uint32_t s, uint32_t from, uint32_t rows) {
    double sum = 0;
    for (uint32_t back = from; back < from + rows; back++)
        sum += frame_recent(rule, frame, view, back)[s];
    return sum / rows;
}

/* True: the new level has been taken for the usual one. */
static bool follow(const struct level_rule *r, struct frame_view *view, uint32_t s, double apart) {
    const bool beyond = fabs(apart) > view->limit[s];
    if (view->active[s] == 0) {
        view->persistent[s] = beyond ? view->persistent[s] + 1 : 0;
        if (view->persistent[s] >= r->persist) view->active[s] = apart > 0 ? 1 : -1;
        return false;
    }
    view->persistent[s]++;
    const bool back = view->active[s] * apart < view->limit[s] * r->back;
    const bool accepted = r->accept && view->persistent[s] >= (double)r->persist + r->accept;
    if (!back && !accepted) return false;
    if (!back) view->mean[s] += apart * view->deviation[s];
    view->active[s] = view->persistent[s] = 0;
    return !back;
}

/* A value by itself pulls no harder than one at the limit: a spike does not move the level. */
static void adapt(const struct level_rule *r, struct frame_view *view, uint32_t s) {
    const double most = view->limit[s] * view->deviation[s] * sqrt(r->smooth);
    view->mean[s] += fmin(fmax(view->value[s] - view->mean[s], -most), most) / r->adapt;
}

double level_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool *alarm,
                   double *share) {
    const struct level_rule *r = &rule->levels;
    const uint32_t rows = frame->rows + 1 < r->smooth ? (uint32_t)frame->rows + 1 : r->smooth;
    double most = 0;
    uint32_t judged = 0, away = 0;
    *alarm = false;
    for (uint32_t s = 0; s < frame->modelled; s++) {
        view->score[s] = 0;
        if (isinf(view->limit[s])) continue;
        double apart = (mean_of(rule, frame, view, s, 0, rows) - view->mean[s]) / view->deviation[s];
        if (apart * r->side < 0) apart = 0; /* that way it may go */
        judged++;
        away += fabs(apart) > far * view->limit[s];
        if (follow(r, view, s, apart)) episode_teaches(&frame->episode);
        *alarm |= view->active[s] != 0;
        view->score[s] = fabs(apart) / view->limit[s];
        most = fmax(most, chance_f(apart * apart, 1, view->freedom[s]));
        if (view->active[s] == 0 && r->adapt) adapt(r, view, s);
    }
    *share = judged ? (double)away / judged : 0;
    return most;
}

double level_now(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view, uint32_t s) {
    const uint32_t rows = frame->rows + 1 < rule->levels.smooth ? (uint32_t)frame->rows + 1 : rule->levels.smooth;
    return mean_of(rule, frame, view, s, 0, rows);
}

bool level_changes(const struct frame_rule *rule, struct frame *frame, const struct frame_view *view) {
    const struct change_rule *r = &rule->changes;
    frame->since_change++;
    if (frame->rows + 1 < r->recent + r->before || frame->since_change < r->apart) return false;
    for (uint32_t s = 0; s < frame->modelled; s++) {
        if (isinf(view->limit[s])) continue;
        double now = mean_of(rule, frame, view, s, 0, r->recent);
        double before = mean_of(rule, frame, view, s, r->recent, r->before);
        if (fabs(now - before) <= view->limit[s] * view->deviation[s]) continue;
        if ((now - before) * rule->levels.side < 0) continue;
        frame->since_change = 0;
        return true;
    }
    return false;
}
