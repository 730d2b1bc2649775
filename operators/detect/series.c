#include "series.h"

#include <math.h>
#include <stdio.h>

static const uint32_t reach[FEATURES] = {1, SERIES_SHORT, SERIES_LONG, SERIES_SHORT, SERIES_LONG, 0, 0};

/* A power of two, so that no place in it takes a division. */
static uint32_t ring_size(const struct series_rule *rule) {
    uint32_t size = 1;
    while (size < rule->history)
        size *= 2;
    return size;
}

size_t series_size(const struct series_rule *rule) {
    return sizeof(struct series) + (rule->history ? (ring_size(rule) + rule->segment) * sizeof(double) : 0);
}

/* ---- Means over windows ---- */

/* The mean over `rows` rows up to the newest, from means of SERIES_STRIDE rows, so that no sum drifts off by rounding.
 */
static double mean_over(uint64_t newest, const double *strides, uint32_t rows) {
    double sum = 0;
    for (uint32_t back = 0; back < rows; back += SERIES_STRIDE)
        sum += strides[(newest - back) % SERIES_STRIDES];
    return sum * SERIES_STRIDE / rows;
}

static double stride_mean(const double *ring, uint64_t rows) {
    uint32_t count = rows + 1 < SERIES_STRIDE ? (uint32_t)rows + 1 : SERIES_STRIDE;
    double sum = 0;
    for (uint32_t back = 0; back < count; back++)
        sum += ring[(rows - back) % SERIES_STRIDE];
    return sum / count;
}

static void take_value(struct series *series, double value) {
    const uint64_t row = series->rows;
    series->step[row % SERIES_STRIDE] = row ? fabs(value - series->value[(row - 1) % SERIES_STRIDE]) : 0;
    series->value[row % SERIES_STRIDE] = value;
    series->mean[row % SERIES_STRIDES] = stride_mean(series->value, row);
    series->activity[row % SERIES_STRIDES] = stride_mean(series->step, row);
}

/* ---- Patterns ---- */

static void take_course(const struct series_rule *rule, struct series *series, double value) {
    const uint64_t row = series->rows;
    double *ring = series->course + ring_size(rule), sum = 0;
    ring[row % rule->segment] = value;
    uint32_t count = row + 1 < rule->segment ? (uint32_t)row + 1 : rule->segment;
    for (uint32_t back = 0; back < count; back++)
        sum += ring[(row - back) % rule->segment];
    series->course[row & (ring_size(rule) - 1)] = sum / count;
}

/* The most similar course of the history: what followed it, and how far the whole of it is from the newest. */
struct likeness {
    double expected;
    double apart;
};

/* The courses of a series, for one search. */
struct courses {
    const double *ring;
    uint64_t mask;
    uint64_t segment;
    uint64_t newest;
};

static double course_at(const struct courses *c, uint64_t row) {
    return c->ring[row & c->mask];
}

/* How unlike the newest course one that ended before is, but for the newest segments; anything from `most` on is as
 * good.
 */
static double distance(const struct courses *c, uint64_t other, double most) {
    double sum = 0;
    for (uint64_t back = c->segment; back < SERIES_SEGMENTS * c->segment && sum < most; back += c->segment) {
        double apart = course_at(c, c->newest - back) - course_at(c, other - back);
        sum += apart * apart;
    }
    return sum;
}

/* What comes behind the most similar course of the row before is likely to be one again: how good, most others need not
 * be looked at any further. A little worse than it is, so that it is found in its turn. */
static void bound(const struct courses *c, uint64_t guess, double *before, double *all) {
    const double last = course_at(c, c->newest) - course_at(c, guess), apart = distance(c, guess, INFINITY);
    *before = nextafter(apart, INFINITY);
    *all = nextafter(apart + last * last, INFINITY);
}

/* False: the history is too short yet. */
static bool find_similar(const struct series_rule *rule, struct series *series, struct likeness *found) {
    const uint64_t row = series->rows, length = (uint64_t)rule->segment * SERIES_SEGMENTS;
    const struct courses c = {series->course, ring_size(rule) - 1, rule->segment, row};
    const bool whole = rule->features >> FEATURE_DISCORD & 1;
    if (row < 2 * length) return false;
    uint64_t first = length - 1;
    if (row >= rule->history && row - rule->history + length > first) first = row - rule->history + length;
    double before = INFINITY, all = INFINITY;
    const uint64_t guess = series->similar + 1;
    if (guess >= first && guess <= row - length) bound(&c, guess, &before, &all);
    for (uint64_t at = row - length + 1; at-- > first;) {
        const double apart = distance(&c, at, whole ? fmax(before, all) : before);
        const double last = course_at(&c, row) - course_at(&c, at);
        all = fmin(all, apart + last * last);
        if (!(apart < before)) continue;
        before = apart;
        series->similar = at;
    }
    found->expected = course_at(&c, series->similar);
    found->apart = sqrt(all / SERIES_SEGMENTS);
    return true;
}

/* ---- Surprise ---- */

static bool is_apart(enum feature feature) {
    return feature >= FEATURE_PATTERN;
}

unsigned series_looks(const struct series_rule *rule) {
    unsigned looks = 0;
    for (enum feature f = 0; f < FEATURES; f++)
        if (rule->features >> f & 1 && (rule->history || !is_apart(f))) looks += is_apart(f) ? 1 : 2;
    return looks;
}

/* From which row on a number means something. */
static uint64_t ready(const struct series_rule *rule, enum feature feature) {
    static const uint64_t rows[FEATURES] = {20, 2 * SERIES_SHORT, SERIES_LONG, 2 * SERIES_SHORT, SERIES_LONG, 0, 0};
    if (feature < FEATURE_PATTERN) return rows[feature];
    return 2 * (uint64_t)rule->segment * SERIES_SEGMENTS + 20;
}

/* Rows over which a number reaches. */
static double reach_of(const struct series_rule *rule, enum feature feature) {
    if (feature == FEATURE_DISCORD) return (double)rule->segment * SERIES_SEGMENTS;
    return feature == FEATURE_PATTERN ? rule->segment : reach[feature];
}

/* The numbers of a row, until it is known whether they teach. */
struct numbers {
    struct surprise most;
    uint32_t there; /* a bit each */
    double of[FEATURES];
};

/* A number by itself is surprising above and below what it was; what is held against an expected one by how far off it
 * is. */
static void judge(const struct series_rule *rule, const struct series *series, struct numbers *row,
                  enum feature feature, double number, double expected) {
    const bool apart = is_apart(feature);
    const double length = reach_of(rule, feature), measure = apart ? fabs(number - expected) : number;
    if (series->rows < ready(rule, feature)) return;
    const struct tail *above = &series->above[feature], *below = &series->below[feature];
    const double high = tail_size(above, measure, length), low = apart ? 0 : tail_size(below, -measure, length);
    const double size = fmax(high, low), value = fmin(size, TAIL_SURPRISE_MAX);
    row->of[feature] = measure;
    row->there |= 1u << feature;
    if (value > row->most.value)
        row->most = (struct surprise){.value = value,
                                      .size = size,
                                      .feature = feature,
                                      .below = apart ? number < expected : low > high,
                                      .seen = number,
                                      .expected = apart ? expected : above->mean};
}

static void judge_course(const struct series_rule *rule, struct series *series, struct numbers *row, double value) {
    struct likeness similar = {0};
    take_course(rule, series, value);
    if (!find_similar(rule, series, &similar)) return;
    if (rule->features >> FEATURE_PATTERN & 1)
        judge(rule, series, row, FEATURE_PATTERN, series->course[series->rows & (ring_size(rule) - 1)],
              similar.expected);
    if (rule->features >> FEATURE_DISCORD & 1) judge(rule, series, row, FEATURE_DISCORD, similar.apart, 0);
}

static bool teaches(const struct series_rule *rule, struct series *series, double surprise) {
    if (!(rule->upset > 0) || series->rows < SERIES_YOUNG) return true;
    series->upsets = surprise >= rule->upset ? series->upsets + 1 : 0;
    return !series->upsets || series->upsets > rule->accept;
}

static void teach(const struct series_rule *rule, struct series *series, const struct numbers *row) {
    for (enum feature f = 0; f < FEATURES; f++) {
        if (!(row->there >> f & 1)) continue;
        tail_add(&series->above[f], row->of[f], rule->memory);
        if (!is_apart(f)) tail_add(&series->below[f], -row->of[f], rule->memory);
    }
}

struct surprise series_step(const struct series_rule *rule, struct series *series, double value) {
    struct numbers row = {0};
    take_value(series, value);
    for (enum feature f = 0; f < FEATURE_PATTERN; f++) {
        const double *strides = f == FEATURE_ACTIVITY || f == FEATURE_LONG_ACTIVITY ? series->activity : series->mean;
        if (!(rule->features >> f & 1) || series->rows < ready(rule, f)) continue;
        judge(rule, series, &row, f, f == FEATURE_LEVEL ? value : mean_over(series->rows, strides, reach[f]), 0);
    }
    if (rule->history && rule->features >> FEATURE_PATTERN) judge_course(rule, series, &row, value);
    if (teaches(rule, series, row.most.value)) teach(rule, series, &row);
    series->rows++;
    return row.most;
}

/* ---- As usual ---- */

/* All but one in a hundred on either side, or less. The least that a tail keeps may be any number: it had room for it.
 */
static struct series_band band_of(const struct tail *above, const struct tail *below) {
    if (above->count < TAIL_LEAST || !above->kept || !below->kept) return (struct series_band){-INFINITY, INFINITY};
    const double rounding = 1e-9 * fabs(above->mean) + 1e-12;
    return (struct series_band){-below->largest[below->kept / 2] - rounding,
                                above->largest[above->kept / 2] + rounding};
}

/* Means over fewer rows lie farther apart, and the next ones are not bound by those that have been. */
static struct series_band wider(struct series_band band, double times) {
    const double more = (band.high - band.low) * (times - 1) / 2;
    return isfinite(more) ? (struct series_band){band.low - more, band.high + more} : band;
}

static bool is_in(struct series_band band, double value) {
    return value >= band.low && value <= band.high;
}

struct series_usual series_usual(const struct series *series) {
    const struct tail *above = series->above, *below = series->below;
    struct series_usual usual = {.level = band_of(&above[FEATURE_LEVEL], &below[FEATURE_LEVEL]),
                                 .mean = band_of(&above[FEATURE_MEAN], &below[FEATURE_MEAN]),
                                 .activity = band_of(&above[FEATURE_ACTIVITY], &below[FEATURE_ACTIVITY])};
    if (isinf(usual.mean.low)) usual.mean = usual.level;
    return usual;
}

enum series_family series_family(enum feature feature) {
    if (is_apart(feature)) return SERIES_SHAPES;
    return feature == FEATURE_ACTIVITY || feature == FEATURE_LONG_ACTIVITY ? SERIES_ACTIVITIES : SERIES_LEVELS;
}

static double middle(struct series_band band) {
    return band.low + (band.high - band.low) / 2;
}

/* In the band, and nearer to its middle than to what was `seen`; NaN: that is not asked. */
static bool is_back(double mean, struct series_band band, double seen) {
    return is_in(band, mean) && !(fabs(mean - seen) < fabs(mean - middle(band)));
}

bool series_is_usual(const struct series *series, const struct series_usual *usual, enum series_family family,
                     bool newest, double seen) {
    static const double over_many = 1.5, over_few = 3;
    if (series->rows < SERIES_SHORT) return true;
    const uint32_t rows = newest ? SERIES_STRIDE : SERIES_SHORT;
    const bool of_level = family == SERIES_LEVELS, of_activity = family == SERIES_ACTIVITIES;
    const bool level = is_back(mean_over(series->rows - 1, series->mean, rows),
                               newest ? usual->level : wider(usual->mean, over_many), of_level ? seen : (double)NAN);
    const bool activity =
        is_back(mean_over(series->rows - 1, series->activity, rows),
                wider(usual->activity, newest ? over_few : over_many), of_activity ? seen : (double)NAN);
    return newest && of_level ? level : level && activity; /* a step back moves more than usual, too */
}

bool series_is_nearer(const struct series_usual *usual, double value, double seen) {
    const double from = middle(usual->level);
    return isfinite(from) && fabs(value - from) < fabs(value - seen);
}

bool series_is_no_farther(const struct series_usual *usual, double value, double seen) {
    static const double about = 1.1;
    const double from = middle(usual->level);
    return isfinite(from) && fabs(value - from) <= about * fabs(seen - from);
}

bool series_is_usual_value(const struct series_usual *usual, double value) {
    static const double about = 1.5; /* the rarest one in a hundred are usual, too */
    return isfinite(usual->level.low) && is_in(wider(usual->level, about), value);
}

/* ---- For people ---- */

static const struct {
    const char *name, *above, *below, *cause_above, *cause_below;
} texts[FEATURES] = {
    [FEATURE_LEVEL] = {"level", "higher than it has been", "lower than it has been", "a spike, or an upset",
                       "a drop-out, or an upset"},
    [FEATURE_MEAN] = {"mean", "its mean over 32 rows is higher than it has been",
                      "its mean over 32 rows is lower than it has been", "a step up", "a step down"},
    [FEATURE_LONG_MEAN] = {"long_mean", "its mean over 200 rows is higher than it has been",
                           "its mean over 200 rows is lower than it has been", "a drift or another regime",
                           "a drift or another regime"},
    [FEATURE_ACTIVITY] = {"activity", "it moves more from row to row than it has", "it moves less than it has",
                          "noise, an oscillation, or bursts", "a sensor that hangs, or damping"},
    [FEATURE_LONG_ACTIVITY] = {"long_activity", "it has moved more for 200 rows than ever before",
                               "it has moved less for 200 rows than ever before", "noise, or an oscillation",
                               "a sensor that hangs, or less load"},
    [FEATURE_DISCORD] = {"discord", "its course is unlike any before", "its course is unlike any before",
                         "a cycle of another shape", "a cycle of another shape"},
    [FEATURE_PATTERN] = {"pattern", "higher than what followed the most similar course before",
                         "lower than what followed the most similar course before",
                         "another course than usual: a cycle that came late, or did not come",
                         "another course than "
                         "usual: a cycle that came late, or did not come"},
};

const char *series_looked_at(enum feature feature) {
    if (feature == FEATURE_MEAN || feature == FEATURE_LONG_MEAN) return texts[FEATURE_LEVEL].name;
    return texts[feature == FEATURE_LONG_ACTIVITY ? FEATURE_ACTIVITY : feature].name;
}

const char *series_feature_name(enum feature feature) {
    return texts[feature].name;
}

void series_explain(const struct surprise *surprise, const char *unit, char *text, size_t size) {
    const enum feature feature = surprise->feature;
    const char *what = surprise->below ? texts[feature].below : texts[feature].above, *space = *unit ? " " : "";
    const bool steps = feature == FEATURE_ACTIVITY || feature == FEATURE_LONG_ACTIVITY;
    if (feature == FEATURE_DISCORD)
        snprintf(text, size, "%s", what); /* a distance has no meaning for people */
    else
        snprintf(text, size, "%s: %.4g%s%s%s, %s %.4g%s%s", what, surprise->seen, space, unit, steps ? " a row" : "",
                 feature == FEATURE_PATTERN ? "expected" : "usually", surprise->expected, space, unit);
}

const char *series_cause(const struct surprise *surprise) {
    return surprise->below ? texts[surprise->feature].cause_below : texts[surprise->feature].cause_above;
}
