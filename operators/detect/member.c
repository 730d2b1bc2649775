/* member.c: one member of an ensemble, and how surprised it is. */
#include <math.h>

#include "change.h"
#include "ensemble.h"
#include "series.h"

static struct series_rule series_of(const struct ensemble *e) {
    static const uint32_t own = 1u << FEATURE_LEVEL | 1u << FEATURE_MEAN | 1u << FEATURE_LONG_MEAN |
                                1u << FEATURE_ACTIVITY | 1u << FEATURE_LONG_ACTIVITY;
    return (struct series_rule){.features = own | (e->history ? 1u << FEATURE_PATTERN : 0),
                                .segment = MEMBER_SEGMENT,
                                .history = (uint32_t)e->history,
                                .memory = (double)e->memory};
}

static struct change_test change_of(const struct ensemble *e) {
    enum { LEAST = 6 };
    return (struct change_test){
        .window = (uint32_t)e->window, .least = LEAST, .memory = (double)e->memory, .threshold = e->threshold};
}

size_t member_signal_size(const struct ensemble *e) {
    const struct series_rule series = series_of(e);
    const struct change_test change = change_of(e);
    return sizeof(struct member) + series_size(&series) + change_size(&change);
}

static void take_surprise(const struct ensemble *e, struct member *m, double surprise, uint32_t why, uint32_t below) {
    const double faded = m->surprise * exp(-1.0 / (double)e->reach);
    m->surprise = fmax(surprise, faded);
    if (surprise < faded) return;
    m->why = why;
    m->below = below;
}

/* The greatest of two looks at one signal is twice as often as large (Bonferroni). */
void member_take_signal(const struct ensemble *e, struct member *m, double value) {
    const struct series_rule rule = series_of(e);
    const struct change_test test = change_of(e);
    struct series *series = (struct series *)(m + 1);
    struct change *change = (struct change *)((char *)series + series_size(&rule));
    const struct surprise own = series_step(&rule, series, value);
    const struct change_found changed = change_step(&test, change, value);
    const double most = fmax(fmax(own.value, changed.surprise) - log10(2), 0);
    if (own.value >= changed.surprise)
        take_surprise(e, m, most, own.feature, own.below ? MEMBER_BELOW : MEMBER_ABOVE);
    else
        take_surprise(e, m, most, changed.kind == CHANGE_MEAN ? WHY_MEAN_CHANGED : WHY_SPREAD_CHANGED,
                      !changed.changed                 ? MEMBER_NEITHER /* it is not known yet from where to where */
                      : changed.after < changed.before ? MEMBER_BELOW
                                                       : MEMBER_ABOVE);
}

void member_take_score(const struct ensemble *e, struct member_score *m, const struct combine_rule *rule,
                       double score) {
    take_surprise(e, &m->member, combine_score(rule, &m->calibration, score), WHY_SCORE, MEMBER_NEITHER);
}

/* ---- For people ---- */

static struct surprise peak_of(const struct member *m) {
    return (struct surprise){.feature = (enum feature)m->peak_why, .below = m->peak_below == MEMBER_BELOW};
}

const char *member_explanation(const struct member *m) {
    if (m->peak_why == WHY_MEAN_CHANGED) return "its mean has changed";
    if (m->peak_why == WHY_SPREAD_CHANGED) return "its spread has changed";
    if (m->peak_why == WHY_SCORE) return "its detector has seldom said as much";
    const struct surprise peak = peak_of(m);
    return series_explanation(&peak);
}

const char *member_cause(const struct member *m) {
    if (m->peak_why == WHY_MEAN_CHANGED)
        return "a step: a set point, another regime, a valve, or a sensor that was moved";
    if (m->peak_why == WHY_SPREAD_CHANGED) return "noise, an oscillation, damping, or a sensor that is about to hang";
    if (m->peak_why == WHY_SCORE) return "what that detector's own event says";
    const struct surprise peak = peak_of(m);
    return series_cause(&peak);
}

const char *member_looked_at(const struct member *m) {
    if (m->peak_why == WHY_MEAN_CHANGED) return "mean";
    if (m->peak_why == WHY_SPREAD_CHANGED) return "spread";
    if (m->peak_why == WHY_SCORE) return "score";
    return series_looked_at((enum feature)m->peak_why);
}

int member_side(const struct member *m) {
    return m->peak_below == MEMBER_NEITHER ? 0 : m->peak_below == MEMBER_BELOW ? -1 : 1;
}
