/* change.h: has the mean or the spread of a signal changed, and when?
 *
 * A generalised likelihood ratio test (Basseville and Nikiforov, Detection of Abrupt Changes, 1993, 2.4.3; Lai 1995 for
 * the limited window): the rows since the last change are n0 before and n1 behind a place that is not known, which is
 * sought among the last `window` rows. For normal rows twice the logarithm of the ratio is
 *
 *     mean      n ln(1 + t^2 / (n - 2)), t Student's of two means with one variance
 *     spread    Bartlett's statistic of the two variances
 *
 * and of each the greatest over all places counts. Real rows are neither normal nor independent, so what it means is
 * not read off a table: the root of each is held against the tail of its own history (tail.h), a window late. Rows
 * farther than six deviations off count as six, so that a spike is none; what a change is called is told by the rows as
 * they came, but for one that is far off alone. Behind a change what is known of the signal begins with its newest
 * rows.
 *
 * A record has no pointers and a size that depends on the rule. A row costs a pass over the window: see README.
 */
#ifndef POTLINE_DETECT_CHANGE_H
#define POTLINE_DETECT_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

enum change_kind { CHANGE_MEAN, CHANGE_SPREAD, CHANGE_KINDS };

struct change_test {
    uint32_t window; /* rows in which the change is sought */
    uint32_t least;  /* rows on each side of it */
    uint32_t settle; /* rows beyond the threshold before the change is taken for granted: the surprise grows */
    double memory;   /* rows that count of what was before the window, and of the tails */
    double threshold;
};

/* Of one signal; behind it the ring of its last rows, and that of the ratios of either kind that do not teach yet. */
struct change {
    uint64_t rows;   /* since the last change, or the first row */
    uint64_t judged; /* rows that had ratios, in all */
    uint64_t beyond; /* in succession, with a surprise beyond the threshold */
    double count;    /* rows that have left the window, at most `memory` */
    double mean;     /* of them */
    double squares;  /* their squared deviations from it */
    struct tail tail[CHANGE_KINDS];
    double ring[];
};

struct change_found {
    double surprise;
    enum change_kind kind;
    uint32_t ago;         /* rows behind the change */
    double before, after; /* the mean or, for the spread, the standard deviation, of an alarm */
    bool changed;         /* the surprise has been an alarm for `settle` rows, and all before it was forgotten */
};

size_t change_size(const struct change_test *test);

/* Takes the next value, which is finite. */
struct change_found change_step(const struct change_test *test, struct change *change, double value);

/* What happened, in words, and what is likely behind it. */
void change_explain(const struct change_found *found, const char *unit, char *text, size_t size);
const char *change_cause(const struct change_found *found);

#endif
