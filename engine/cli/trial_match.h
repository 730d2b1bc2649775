/* trial_match.h: which expected row is which found one.
 *
 * In order: what both have in common, in the longest way (a longest common subsequence); in any order: as many pairs as
 * there can be. What is left over is paired by time and tag, then by tag, so that a message shows what differs and not
 * two rows.
 */
#ifndef POTLINE_CLI_TRIAL_MATCH_H
#define POTLINE_CLI_TRIAL_MATCH_H

#include "trial_row.h"

struct pl__matching {
    const struct pl__trial_view *view;
    const struct pl_trial_expectation *how;
    const struct pl__expected *expected;
    const struct pl__found *found;
    uint32_t expected_count, found_count;
    /* The result: */
    uint32_t *of_expected; /* [expected] the found row, or PL__NO_ROW */
    uint32_t *of_found;    /* and back */
    uint8_t *alike;        /* [expected] 1: the pair matches; 0: it only belongs together */
    uint32_t matched;
};

#define PL__NO_ROW UINT32_MAX

/* False without memory. pl__matching_fini in any case. */
bool pl__match_in_order(struct pl__matching *m);
bool pl__match_in_any_order(struct pl__matching *m);
void pl__match_left_over(struct pl__matching *m);
void pl__matching_fini(struct pl__matching *m);

#endif
