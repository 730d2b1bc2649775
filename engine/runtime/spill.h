/* spill.h: batches that must wait and no longer fit into memory: a merging node's held rows, a slow sink's backlog.
 *
 * They are kept in the store's spill family (so encrypted like the rest), or, without a data folder, in memory up to
 * the limit. The family is emptied when the store is opened: what waits is in the log too.
 *
 * Threads: a spill belongs to one task.
 */
#ifndef POTLINE_SPILL_H
#define POTLINE_SPILL_H

#include <potline/batch.h>
#include <potline/codec.h>

struct pl_store;
struct pl_spill;

/* `limit` is the number of bytes kept at most. `store` may be NULL. */
struct pl_spill *pl_spill_new(struct pl_store *store, struct pl_tags *tags, int64_t limit);
void pl_spill_free(struct pl_spill *spill);

/* Takes the batch; returns its ticket, 0 when it is not kept (over the limit or an error): the batch is then lost. */
uint64_t pl_spill_put(struct pl_spill *spill, struct pl_batch *batch);
struct pl_batch *pl_spill_take(struct pl_spill *spill, uint64_t ticket); /* NULL: lost, *reported* */
int64_t pl_spill_bytes(const struct pl_spill *spill);

#endif
