/* trial_judge.h: what came out of a case against what was expected: nothing, or failures that say what differs. */
#ifndef POTLINE_CLI_TRIAL_JUDGE_H
#define POTLINE_CLI_TRIAL_JUDGE_H

#include "trial_row.h"
#include "trial_run.h"

enum { PL__DIFFERENCES_MAX = 20 /* that are shown of an expectation */ };

struct pl__trial_difference {
    enum { PL__DIFFERS, PL__MISSING, PL__SURPLUS, PL__BREAKS } type;
    char *time, *key;       /* tag or asset; "": it says none */
    char *expected, *found; /* NULL: nothing */
};

struct pl__trial_failure {
    struct pl_place place; /* in the test file; its file is not kept */
    char *summary;         /* "win: expected 2 rows, found 1" */
    struct pl__trial_difference list[PL__DIFFERENCES_MAX];
    unsigned count, left_out;
};

struct pl__trial_failures {
    struct pl__trial_failure *list;
    unsigned count;
    bool no_memory;
};

/* Adds the failures of all expectations. */
void pl__trial_judge(const struct pl_trial_case *of, const struct pl__trial_view *view,
                     const struct pl__trial_result *result, struct pl__trial_failures *failures);
/* Adds one by itself. NULL without memory. */
struct pl__trial_failure *pl__trial_fail(struct pl__trial_failures *failures, struct pl_place place, const char *format,
                                         ...) PL_PRINTF(3, 4);
void pl__trial_failures_fini(struct pl__trial_failures *failures);

/* Adds the failure that two runs of a case, cut differently, have given different rows. */
void pl__trial_compare(const struct pl_trial_case *of, const struct pl__trial_view *view,
                       const struct pl__trial_result *one, const struct pl__trial_view *other_view,
                       const struct pl__trial_result *other, uint64_t seed, struct pl__trial_failures *failures);

#endif
