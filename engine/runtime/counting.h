/* counting.h: the loss ledger of one lane: every row that it passes on, and every loss that its sources tell, is
 * counted by source, tag and hour of event time, and dead letters are put into their zone.
 *
 * It counts what comes out of the log, in the log's order, and is saved at barriers like the state of a node; so each
 * sample is counted once, however often a run dies. A row counts as
 *
 *     missing     where its quality says stale or missing: the source has told that it has no value
 *     duplicate   with the time of the last row of its tag that counted
 *     late        behind its source's watermark on arrival; it is in the log all the same
 *     accepted    else
 *
 * Of each account two hours are open, the newest one and one before; a row that is older still counts in the older one.
 * Hours that are closed are written down once and are no memory any more.
 *
 * Threads: the intake's.
 */
#ifndef POTLINE_COUNTING_H
#define POTLINE_COUNTING_H

#include "base/buffer.h"
#include "runtime/feed.h"
#include "store/ledger.h"

struct pl_counting;

struct pl_counting_options {
    struct pl_store *store;
    struct pl_tags *tags;
    const struct pl_feeds *feeds; /* all of the intake's; borrowed */
    uint16_t partition;
    void (*seen)(void *arg, uint32_t tag); /* a tag has had samples since the last barrier; NULL: nobody asks */
    void *arg;
};

struct pl_counting *pl_counting_new(const struct pl_counting_options *options); /* NULL without memory */
struct pl_counting *pl_counting_anew(const struct pl_counting *counting);       /* with the same options */
void pl_counting_free(struct pl_counting *counting);                            /* NULL is fine */

/* Before the start: as of the last epoch. */
enum pl_code pl_counting_load(struct pl_counting *counting, uint64_t epoch, struct pl_error **error);

/* A batch of a feed, whose watermark so far is `told`. */
void pl_counting_take(struct pl_counting *counting, unsigned feed, const struct pl_batch *batch, pl_time told);

/* Any thread: adds what has been counted of a source (by the index of its inlet) in this run, as of about now. */
void pl_counting_totals(const struct pl_counting *counting, unsigned source, int64_t totals[PL_LEDGER_COUNTS]);

/* What `old` has counted of a source in this run is part of what this one has; before it is at work. */
void pl_counting_carry(struct pl_counting *counting, unsigned source, const struct pl_counting *old, unsigned was);

/* At the barrier of an epoch: what has changed since the last one. The buffer fails when something could not be
 * counted for want of memory, or a letter not be kept. */
void pl_counting_save(struct pl_counting *counting, uint64_t epoch, struct pl_buffer *out);

#endif
