/* backtest_rows.h: what a plan takes from the lake, in order of event time, a slice at a time.
 *
 *     silver, node a, partition 0 --records--+
 *     silver, node a, partition 1 --records--+--> rows at hand --sorted--> those before the next record of any
 *     gold,   node b, partition 0 --records--+
 *
 * Records of a node and partition begin later and later, so rows earlier than every record that is still to come are
 * complete. Memory: about SLICE_ROWS rows (quarter of a million, some 12 MB of samples), and those that lie beside one
 * another in time, which is what one record of each node and partition reaches over; more than HELD_ROWS_MAX are an
 * error, not an exhausted machine.
 */
#ifndef POTLINE_CLI_BACKTEST_ROWS_H
#define POTLINE_CLI_BACKTEST_ROWS_H

#include "backtest_plan.h"

enum { PL__SLICE_ROWS = 1 << 18, PL__HELD_ROWS_MAX = 1 << 24 };

struct pl__row {
    pl_time time;
    uint32_t feed;
    uint32_t batch; /* for pl__rows_batch */
    uint32_t row;   /* of it */
};

struct pl__rows;

/* Rows with from <= time < to; PL_TIME_MIN and PL_TIME_MAX are all. The plan is borrowed. */
enum pl_code pl__rows_open(struct pl__rows **rows, const struct pl__plan *plan, struct pl_store *store,
                           struct pl_tags *tags, pl_time from, pl_time to, struct pl_error **error);
void pl__rows_close(struct pl__rows *rows); /* NULL is fine */

/* The next rows, by time, then feed; they and their batches last until the next call. PL_NOT_FOUND without a message:
 * the end. */
enum pl_code pl__rows_next(struct pl__rows *rows, const struct pl__row **slice, size_t *count, struct pl_error **error);
const struct pl_batch *pl__rows_batch(const struct pl__rows *rows, const struct pl__row *row);

#endif
