/* trial_feed.h: the rows that a case is fed, made of what its file says, in the order in which they come.
 *
 * Whatever they come from (the test file, a file that a source reads, a data folder), they stand in batches, and `rows`
 * names them one after the other: by time, or as they are listed.
 */
#ifndef POTLINE_CLI_TRIAL_FEED_H
#define POTLINE_CLI_TRIAL_FEED_H

#include <uv.h>

#include "base/clock.h"
#include "graph/trial.h"
#include "store/key.h"

struct pl__fed_row {
    pl_time time;
    uint64_t order;            /* among rows of one time */
    uint32_t feed, batch, row; /* of a command `row` is its place among the case's inputs, of a watermark: idle */
};

/* As `batch`: no row, but a command; or the feed's watermark as it was recorded. */
#define PL__FED_COMMAND UINT32_MAX
#define PL__FED_WATERMARK (UINT32_MAX - 1)

struct pl__fed {
    const struct pl_trial_case *of;
    struct pl_tags *tags;
    struct pl_store_key *key; /* of data folders; NULL: in the clear */
    uv_loop_t *loop;          /* for sources that read files */
    struct pl_batch **batches;
    uint32_t batch_count, batch_room;
    struct pl__fed_row *rows;
    size_t count, room;
    uint32_t *open; /* [feed] the batch that takes its next row; UINT32_MAX: none */
    bool recorded;  /* batches and watermarks are as they were recorded: none are made up */
};

/* `of`, `tags`, `key` and `loop` are set. pl__fed_fini ends it, after a failure too. */
enum pl_code pl__fed_make(struct pl__fed *fed, struct pl_error **error);
void pl__fed_fini(struct pl__fed *fed);

/* A batch of `count` rows from the one at `from` on, which are of one feed; NULL without memory. */
struct pl_batch *pl__fed_cut(const struct pl__fed *fed, size_t from, uint32_t count);

/* The value of a row's column in its `index`-th repetition; formulas are computed. False without memory. */
struct pl__trial_formulas;
struct pl__trial_formulas *pl__trial_formulas_new(const struct pl_trial_row *row); /* NULL without memory */
void pl__trial_formulas_free(struct pl__trial_formulas *formulas);
double pl__trial_formula(struct pl__trial_formulas *formulas, unsigned column, pl_time start, uint32_t index);

#endif
