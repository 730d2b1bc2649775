/* backtest_judge.h: what rules found, against what is known to have happened and what was told at the time.
 *
 * An activation and a known event match when the activation lies within [start - tolerance, end + tolerance], its asset
 * or tag is the event's (or under it), and its rule is the event's where that names one. Precision is the share of
 * activations that match an event; recall the share of events that an activation matches. Where every known event names
 * a rule, only activations of those rules are judged. Events of a time that was not run over are left out.
 */
#ifndef POTLINE_CLI_BACKTEST_JUDGE_H
#define POTLINE_CLI_BACKTEST_JUDGE_H

#include "backtest.h"

struct pl__known {
    pl_time start, end;
    char *place, *rule; /* rule "": any */
};

struct pl__truth {
    struct pl__known *list;
    uint32_t count;
};

/* CSV with the columns start, end, asset or tag, and perhaps rule; times as RFC 3339 or nanoseconds. */
enum pl_code pl__truth_read(const char *path, struct pl__truth *truth, struct pl_error **error);
void pl__truth_free(struct pl__truth *truth);

struct pl__verdict {
    uint64_t judged, right, known, caught;
    uint64_t outside;             /* known events of a time that was not run over, in none of the others */
    double delay_mean, delay_max; /* s, from the start to the first activation */
    double lead_mean, lead_least; /* s, from there to the end: of a rule that warns, the time that is left */
};
/* Of one rule with the known events that are about it, or (`rule` NULL) of all. */
void pl__truth_judge(const struct pl__truth *truth, const struct pl__backtest *backtest, pl_time tolerance,
                     const char *rule, struct pl__verdict *verdict);

/* What was told live: the alarm lists' own history or, in a folder without one, the rules' events. What the graph's
 * sources told of themselves (a lost connection) is left out: no rows can make it again. */
enum pl_code pl__live_read(const struct pl__backtest *backtest, struct pl__activations *live, struct pl_error **error);
/* Marks what is in both, one to one: the same alarm within `tolerance`. */
void pl__live_compare(struct pl__activations *found, struct pl__activations *live, pl_time tolerance);

#endif
