/* series.h: how surprising each next value of one signal is, judged by the signal's own past.
 *
 * Up to seven numbers are made of every row, each held against the tail of its own history (tail.h), above and below:
 *
 *     level                 the value
 *     mean, long_mean       of the last 32 and 200 rows: steps and drifts that no single row shows
 *     activity, long_...    mean step from row to row over as many: noise, bursts, and signals that freeze
 *     pattern               how far the mean of the newest segment is from what followed the most similar course in the
 *                           history: a day like none before it, a beat that is missing
 *     discord               how far the whole of the newest course is from the most similar one: the matrix profile of
 *                           the past, in segments
 *
 * The surprise of the row is the greatest of them. Nothing is known of the signal beforehand: no scale, no season. What
 * has come once is less surprising the next time; with `upset` only where it has lasted.
 *
 * All of it stands in one record of a fixed size, without pointers.
 */
#ifndef POTLINE_DETECT_SERIES_H
#define POTLINE_DETECT_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

enum feature {
    FEATURE_LEVEL,
    FEATURE_MEAN,
    FEATURE_LONG_MEAN,
    FEATURE_ACTIVITY,
    FEATURE_LONG_ACTIVITY,
    FEATURE_PATTERN,
    FEATURE_DISCORD,
    FEATURES,
};

enum { SERIES_SHORT = 32, SERIES_LONG = 200, SERIES_STRIDE = 8, SERIES_STRIDES = 256, SERIES_SEGMENTS = 16 };
enum { SERIES_YOUNG = 1000 }; /* rows until an upset can be told from what is only new */

struct series_rule {
    uint32_t features; /* a bit each */
    uint32_t segment;  /* rows in one of the SERIES_SEGMENTS of a pattern */
    uint32_t history;  /* rows in which a similar course is looked for; 0: none */
    double memory;     /* rows after which half of what is known is forgotten */
    double upset;      /* the surprise of a row that is an upset, and teaches nothing; 0: every row teaches */
    uint32_t accept;   /* upsets in succession behind which they are what is usual */
};

struct series {
    uint64_t rows;
    double value[SERIES_STRIDE]; /* the last ones, by row */
    double step[SERIES_STRIDE];
    double mean[SERIES_STRIDES]; /* of the SERIES_STRIDE rows up to each of the last rows */
    double activity[SERIES_STRIDES];
    struct tail above[FEATURES];
    struct tail below[FEATURES];
    uint64_t similar; /* the row where the most similar course ended last time */
    uint64_t upsets;  /* in succession */
    double course[];  /* ring of means of a segment, a power of two long; the rows of one stand behind it */
};

struct surprise {
    double value;
    double size;          /* as tail.h has it */
    enum feature feature; /* which number it was */
    bool below;
    double seen;     /* the number */
    double expected; /* what it usually is, or for a pattern what should have followed */
};

/* How a signal usually is, but for its extremes: what it comes back to when something is over. */
struct series_usual {
    struct series_band {
        double low, high; /* -INFINITY, INFINITY: not known */
    } level, mean, activity;
};

size_t series_size(const struct series_rule *rule);

/* How many tails a row is held against: two of each number (above and below), one of pattern and of discord. */
unsigned series_looks(const struct series_rule *rule);

/* Takes the next value, which is finite. */
struct surprise series_step(const struct series_rule *rule, struct series *series, double value);

/* Before the row that is odd teaches too much. */
struct series_usual series_usual(const struct series *series);

enum series_family { SERIES_LEVELS, SERIES_ACTIVITIES, SERIES_SHAPES };
enum series_family series_family(enum feature feature);

/* Is it as usual, over SERIES_SHORT rows: level and activity? Over the newest SERIES_STRIDE, where the level was odd,
 * that alone. It must be nearer to that than to what was `seen` when it was most surprising; NaN: that is not asked. */
bool series_is_usual(const struct series *series, const struct series_usual *usual, enum series_family family,
                     bool newest, double seen);
/* Of a value, or a mean over few rows: is it where single values usually are; nearer to that than to what was seen; no
 * farther from it than what was seen, about? */
bool series_is_usual_value(const struct series_usual *usual, double value);
bool series_is_nearer(const struct series_usual *usual, double value, double seen);
bool series_is_no_farther(const struct series_usual *usual, double value, double seen);

/* What was looked at: the same for the level and its means, and for activity over few and many rows. */
const char *series_looked_at(enum feature feature);

/* Of a feature: its name, what it says when it is surprising, and what is likely behind it. */
const char *series_feature_name(enum feature feature);
void series_explain(const struct surprise *surprise, const char *unit, char *text, size_t size); /* with its numbers */
const char *series_cause(const struct surprise *surprise);

#endif
