/* member.c: one member of an ensemble, and how surprised it is. */
#include <math.h>
#include <stdio.h>

#include "change.h"
#include "ensemble.h"
#include "series.h"

static struct series_rule series_of(const struct ensemble *e) {
    static const uint32_t own = 1u << FEATURE_LEVEL | 1u << FEATURE_MEAN | 1u << FEATURE_LONG_MEAN |
                                1u << FEATURE_ACTIVITY | 1u << FEATURE_LONG_ACTIVITY;
    struct series_rule rule = {.features = own | (e->history ? 1u << FEATURE_PATTERN : 0),
                               .segment = MEMBER_SEGMENT,
                               .history = (uint32_t)e->history,
                               .memory = (double)e->memory,
                               .accept = (uint32_t)e->adapt};
    rule.upset = e->threshold + log10(series_looks(&rule));
    return rule;
}

/* One change among many signals has to say more than one alone, so it is not taken for granted at the threshold: it
 * goes on growing over half of its window. */
static struct change_test change_of(const struct ensemble *e) {
    enum { LEAST = 6 };
    return (struct change_test){.window = (uint32_t)e->window,
                                .least = LEAST,
                                .settle = (uint32_t)e->window / 2,
                                .memory = (double)e->memory,
                                .threshold = e->threshold};
}

size_t member_signal_size(const struct ensemble *e) {
    const struct series_rule series = series_of(e);
    const struct change_test change = change_of(e);
    return sizeof(struct member) + series_size(&series) + change_size(&change);
}

static void take_surprise(const struct ensemble *e, struct member *m, double surprise, const struct said *said) {
    const double faded = m->surprise * exp(-1.0 / (double)e->reach);
    m->surprise = fmax(surprise, faded);
    if (surprise >= faded) m->newest = *said;
}

/* The greatest of several looks at one signal is so many times as often as large (Bonferroni): of those at its numbers,
 * then of these two. */
void member_take_signal(const struct ensemble *e, struct member *m, double value) {
    const struct series_rule rule = series_of(e);
    const struct change_test test = change_of(e);
    struct series *series = (struct series *)(m + 1);
    struct change *change = (struct change *)((char *)series + series_size(&rule));
    const struct surprise found = series_step(&rule, series, value);
    const struct change_found changed = change_step(&test, change, value);
    const double own = found.value - log10(series_looks(&rule));
    const double most = fmax(fmax(own, changed.surprise) - log10(2), 0);
    const uint32_t why = changed.kind == CHANGE_MEAN ? WHY_MEAN_CHANGED : WHY_SPREAD_CHANGED;
    const struct said of_series = {
        .why = found.feature, .below = found.below, .seen = found.seen, .usual = found.expected};
    const struct said of_change = {.why = why,
                                   .below = changed.after < changed.before,
                                   .seen = changed.after,
                                   .usual = changed.before,
                                   .ago = changed.ago};
    take_surprise(e, m, most, own >= changed.surprise ? &of_series : &of_change);
}

void member_take_score(const struct ensemble *e, struct member_score *m, const struct combine_rule *rule,
                       double score) {
    const struct said said = {.why = WHY_SCORE};
    m->member.score = score;
    take_surprise(e, &m->member, combine_score(rule, &m->calibration, score), &said);
}

/* ---- As usual ---- */

enum series_family said_family(const struct said *said) {
    if (said->why == WHY_SCORE) return SERIES_SHAPES;
    if (said->why == WHY_MEAN_CHANGED) return SERIES_LEVELS;
    return said->why == WHY_SPREAD_CHANGED ? SERIES_ACTIVITIES : series_family((enum feature)said->why);
}

static const struct series *series_in(const struct member *m) {
    return (const struct series *)(m + 1);
}

struct series_usual member_usual(const struct member *m, bool score) {
    return score ? (struct series_usual){{0, 0}, {0, 0}, {0, 0}} : series_usual(series_in(m));
}

/* What was seen, where it can be compared with what is: a spread cannot, nor can a change that is not measured yet. */
static double comparable(const struct said *said) {
    return said->why == WHY_SPREAD_CHANGED || said->seen == said->usual ? (double)NAN : said->seen;
}

static const double told = 0.5; /* a score that is an alarm */

bool member_is_back(const struct member *m, const struct said *said, const struct series_usual *usual) {
    if (said->why == WHY_SCORE) return m->score < told;
    return series_is_usual(series_in(m), usual, said_family(said), false, comparable(said));
}

/* Both speak of the level, in numbers. */
static bool are_levels(const struct said *now, const struct said *said) {
    return said_family(said) == SERIES_LEVELS && said_family(now) == SERIES_LEVELS && now->seen != now->usual &&
           said->seen != said->usual;
}

/* A change is known by what is behind it, before means over rows are back. */
bool member_returns(const struct member *m, const struct said *said, const struct series_usual *usual) {
    const struct said *now = &m->newest;
    if (said->why == WHY_SCORE) return m->score < told;
    const bool in = series_is_usual_value(usual, now->seen);
    if (are_levels(now, said) && said_side(now) * said_side(said) < 0 && in)
        return series_is_nearer(usual, now->seen, said->seen);
    if (now->why == FEATURE_LEVEL && !in) return false;
    return series_is_usual(series_in(m), usual, said_family(said), true, comparable(said));
}

bool member_stays(const struct member *m, const struct said *said, const struct series_usual *usual) {
    return are_levels(&m->newest, said) && said_side(&m->newest) * said_side(said) > 0 &&
           series_is_no_farther(usual, m->newest.seen, said->seen);
}

bool member_is_steady(const struct member *m, const struct series_usual *usual) {
    struct series_usual calm = *usual;
    calm.level = calm.mean = (struct series_band){-INFINITY, INFINITY};
    calm.activity.low = fmin(calm.activity.low, 0);
    return series_is_usual(series_in(m), &calm, SERIES_ACTIVITIES, false, (double)NAN);
}

/* ---- For people ---- */

static struct surprise surprise_of(const struct said *said) {
    return (struct surprise){
        .feature = (enum feature)said->why, .below = said->below, .seen = said->seen, .expected = said->usual};
}

static struct change_found change_of_said(const struct said *said) {
    return (struct change_found){.kind = said->why == WHY_MEAN_CHANGED ? CHANGE_MEAN : CHANGE_SPREAD,
                                 .ago = said->ago,
                                 .before = said->usual,
                                 .after = said->seen};
}

void said_explain(const struct said *said, const char *unit, char *text, size_t size) {
    const bool measured = said->seen != said->usual;
    if (said->why == WHY_SCORE) {
        snprintf(text, size, "its detector has seldom said as much");
    } else if (said->why >= WHY_MEAN_CHANGED && !measured) {
        snprintf(text, size, "its %s is changing", said->why == WHY_MEAN_CHANGED ? "mean" : "spread");
    } else if (said->why >= WHY_MEAN_CHANGED) {
        const struct change_found found = change_of_said(said);
        change_explain(&found, unit, text, size);
    } else {
        const struct surprise peak = surprise_of(said);
        series_explain(&peak, unit, text, size);
    }
}

const char *said_cause(const struct said *said) {
    const struct change_found found = change_of_said(said);
    const struct surprise peak = surprise_of(said);
    if (said->why == WHY_SCORE) return "what that detector's own event says";
    return said->why >= WHY_MEAN_CHANGED ? change_cause(&found) : series_cause(&peak);
}

const char *said_looked_at(const struct said *said) {
    if (said->why == WHY_MEAN_CHANGED) return "mean";
    if (said->why == WHY_SPREAD_CHANGED) return "spread";
    return said->why == WHY_SCORE ? "score" : series_looked_at((enum feature)said->why);
}

/* Of a change it is not known at first from where to where. */
int said_side(const struct said *said) {
    if (said->why == WHY_SCORE || (said->why >= WHY_MEAN_CHANGED && said->seen == said->usual)) return 0;
    return said->below ? -1 : 1;
}
