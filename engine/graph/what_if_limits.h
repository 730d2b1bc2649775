/* what_if_limits.h: what a change would break: the constraints of an optimiser beside the way ahead.
 *
 *     struct pl_what_if_limits limits = {0};
 *     pl_what_if_limits_read(&limits, "line1.pot07", &unpack, rows);          as `constraints list` tells them, or
 *     pl_what_if_limits_of_run(&limits, "line1.pot07", &unpack);              as an event optimize.run has kept them
 *     if (pl_what_if_limits_left(&limits, i, what_if, &left)) ... left.note
 *
 * Nothing is forbidden by that: what-if is there to look beyond. It is said.
 */
#ifndef POTLINE_WHAT_IF_LIMITS_H
#define POTLINE_WHAT_IF_LIMITS_H

#include "graph/what_if.h"

enum { PL_WHAT_IF_LIMITS_MAX = 32, PL_WHAT_IF_NOTE_MAX = 384 };

struct pl_what_if_limit {
    char of[PL_WHAT_IF_NAME_MAX], scope[PL_WHAT_IF_NAME_MAX], unit[PL_WHAT_IF_NAME_MAX];
    double low, high; /* may be infinite */
};

struct pl_what_if_limits {
    struct pl_what_if_limit limit[PL_WHAT_IF_LIMITS_MAX];
    unsigned count;
};

struct pl_what_if_left {          /* in the constraint's unit */
    double now, nothing, changed; /* the farthest beyond it, over each branch */
    char note[PL_WHAT_IF_NOTE_MAX];
};

/* Of many rows those that hold for the asset: of one quantity the narrowest scope. False: they are none. */
bool pl_what_if_limits_read(struct pl_what_if_limits *limits, const char *asset, struct pl_unpack *unpack,
                            uint32_t rows);

/* Of the body of an event optimize.run: what held for the pot in that run. False: there are none in it. */
bool pl_what_if_limits_of_run(struct pl_what_if_limits *limits, const char *asset, struct pl_unpack *unpack);

/* Does the changed branch leave it? False too where the model does not tell that quantity. */
bool pl_what_if_limits_left(const struct pl_what_if_limits *limits, unsigned i, const struct pl_what_if *what_if,
                            struct pl_what_if_left *left);

/* The same of outputs that are kept elsewhere: which one it is of, and how many of the constraint's unit one of the
 * model's is (below 0: the model does not tell it); and what that was over each branch. */
struct pl_what_if_course {
    const double *value;
    size_t times, apart; /* so many numbers from one to the next */
};
int pl_what_if_limit_output(const struct pl_what_if_limit *limit, const struct pl_model *model, double *scale);
bool pl_what_if_limit_left(const struct pl_what_if_limit *limit, double scale, const struct pl_what_if_course *nothing,
                           const struct pl_what_if_course *changed, struct pl_what_if_left *left);

#endif
