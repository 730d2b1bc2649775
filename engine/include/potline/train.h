/* train.h: how an operator learns from recorded rows, for `potline train`.
 *
 *     open, take (any number of times, rows in any order), run, close
 *
 * `self` is an instance with the node's options and nothing else. All calls come from one thread; `run` may take hours,
 * and asks `goes_on` after each round. What has been learned is a new version in the place that the node's options
 * name; which version a node works with is changed by people (commands), not by training.
 *
 * The same rows, options and seed give the same file, whether the training was interrupted or not.
 */
#ifndef POTLINE_TRAIN_H
#define POTLINE_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "error.h"
#include "tag.h"

struct pl_training_round {
    unsigned round, rounds;
    double error; /* mean square of what forecasts were off, in the signals' own variances */
};

struct pl_training_job {
    const struct pl_tags *tags;
    pl_time from, to; /* rows with from <= time < to teach, whatever `take` is given; PL_TIME_MIN, PL_TIME_MAX: all */
    uint64_t graph;   /* the graph's hash */
    bool (*goes_on)(void *context, const struct pl_training_round *round);
    void *context;
};

struct pl_training_result {
    char path[4096]; /* of the new version */
    unsigned signals, assets;
    uint64_t taught, judged;  /* frames */
    pl_time first, cut, last; /* of the rows; those from `cut` on judged it */
    double error, unchanged;  /* mean square of forecasts on those; of the forecast that nothing changes */
    unsigned resumed;         /* rounds that an earlier training had done */
};

struct pl_trainer {
    size_t size; /* of this struct */
    enum pl_code (*open)(void **training, const void *self, const struct pl_training_job *job, struct pl_error **error);
    enum pl_code (*take)(void *training, const struct pl_batch *samples, struct pl_error **error); /* borrowed */
    /* PL_BUSY without a message: it does not go on, and can be taken up again later. */
    enum pl_code (*run)(void *training, struct pl_training_result *result, struct pl_error **error);
    void (*close)(void *training); /* whatever the others returned; NULL is fine */
};

#endif
