/* spill.h: batches that must wait and no longer fit into memory: a merging node's held rows, a slow sink's backlog.
 *
 * They are kept in the store's spill family (so encrypted like the rest), or, without a data folder, in memory up to
 * the limit. A lasting spill survives the death of the process together with the state that has its tickets: what was
 * taken goes only when an epoch that does not have it any more is done, and what no ticket was kept of goes when the
 * state is loaded. Any other one is emptied when the store is opened.
 *
 *     put, take | settle(1) | put, take | settle(2) ...        barriers
 *                               done(1): what was taken before settle(1) goes
 *
 * Threads: a spill belongs to one task.
 */
#ifndef POTLINE_SPILL_H
#define POTLINE_SPILL_H

#include <potline/batch.h>
#include <potline/codec.h>

struct pl_store;
struct pl_spill;

struct pl_spill_options {
    struct pl_store *store; /* NULL: memory */
    struct pl_tags *tags;
    int64_t limit;       /* bytes kept at most */
    const char *lasting; /* the node that it belongs to; NULL: it does not last */
    unsigned partition;
};

struct pl_spill *pl_spill_new(const struct pl_spill_options *options); /* NULL without memory */
void pl_spill_free(struct pl_spill *spill);                            /* NULL is fine */

/* False: the disk is full just now. */
bool pl_spill_room(struct pl_spill *spill, const struct pl_batch *batch);

/* Takes the batch; returns its ticket, 0 when it is not kept (over the limit or an error): the batch is then lost. */
uint64_t pl_spill_put(struct pl_spill *spill, struct pl_batch *batch);
struct pl_batch *pl_spill_take(struct pl_spill *spill, uint64_t ticket); /* NULL: lost, *reported* */
/* The same, and it stays; or it goes. */
struct pl_batch *pl_spill_look(struct pl_spill *spill, uint64_t ticket);
void pl_spill_drop(struct pl_spill *spill, uint64_t ticket);
/* Where it lasts: a barrier is passed; an epoch is done. */
void pl_spill_settle(struct pl_spill *spill, uint64_t epoch);
void pl_spill_done(struct pl_spill *spill, uint64_t epoch);

/* Loading: a ticket of the state, false when its batch is not there; then, that these were all. */
bool pl_spill_keep(struct pl_spill *spill, uint64_t ticket);
void pl_spill_kept_all(struct pl_spill *spill);

int64_t pl_spill_bytes(const struct pl_spill *spill);

#endif
