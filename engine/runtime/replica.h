/* replica.h: what a folder has of the state of a group's partitions, and the thread that keeps it up with what other
 * engines make of theirs (log.standby), so that whoever takes one over has its state here but for the last moment.
 *
 *     changelog --follower--> the folder's state of partitions that others have
 *     replicas: for each partition up to where the folder has the changelog, and which checkpoint that is
 *
 * What is known lives as long as the process: it is not written down, so a folder that was away for longer than the
 * changelog keeps what is deleted, or whose topic was made anew, is read from the begin. A partition that was our own
 * and is given away is known, too, up to its last checkpoint here.
 *
 * Threads: a partition belongs to the follower while it is not ours, else to who makes checkpoints; and to who takes
 * over, while neither of them is at work. pl_replicas_count is for any.
 */
#ifndef POTLINE_REPLICA_H
#define POTLINE_REPLICA_H

#include "log/kafka.h"
#include "store/epochs.h"

struct pl_replicas;

struct pl_replicas *pl_replicas_new(void);
void pl_replicas_free(struct pl_replicas *replicas); /* NULL is fine */

/* Before what is `owned` is taken over: for this graph and number of partitions, and what was known for another one is
 * forgotten. False: no memory. */
bool pl_replicas_fit(struct pl_replicas *replicas, uint64_t graph, const bool *owned, unsigned partitions);

/* *from: the entry behind what the folder has of it. False: it has nothing that could be gone on from. */
bool pl_replica_knows(struct pl_replicas *replicas, unsigned partition, int64_t *from);
/* Which checkpoint that is, owned by the caller; number 0: none has been told. False: no memory. */
bool pl_replica_epoch(const struct pl_replicas *replicas, unsigned partition, struct pl_epoch *epoch);
void pl_replica_forget(struct pl_replicas *replicas, unsigned partition);

/* Of a checkpoint that was told here: which it is, as pl_epoch_pack makes it; and for each of its partitions what comes
 * behind it, negative: that is not known. */
void pl_replicas_told(struct pl_replicas *replicas, const void *epoch, size_t size);
void pl_replica_is_told(struct pl_replicas *replicas, unsigned partition, int64_t behind);

/* How many are followed, and have been read to their end once. */
unsigned pl_replicas_count(const struct pl_replicas *replicas);

/* ---- Following ---- */

struct pl_follower;

/* Of all that is not `owned`. All is borrowed until it is ended, which has to come before the store is closed. */
enum pl_code pl_follower_new(struct pl_replicas *replicas, struct pl_log *log, struct pl_store *store,
                             const bool *owned, struct pl_follower **follower, struct pl_error **error);
void pl_follower_free(struct pl_follower *follower); /* NULL is fine */

#endif
