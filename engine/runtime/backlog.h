/* backlog.h: what waits in front of a sink whose peer is slow or away, so that nobody else has to wait for it.
 *
 *     taken in while the sink is busy --> [ in memory, the oldest first ] --> the sink, as it came
 *                          when full  --> [ in the spill                ] --> the sink, when it has nothing newer to
 * do, flagged as backfilled
 *
 * Both are part of the node's state, so a barrier does not wait for the peer either.
 *
 * Threads: its task's; the counts may be read by any.
 */
#ifndef POTLINE_BACKLOG_H
#define POTLINE_BACKLOG_H

#include <potline/codec.h>
#include <potline/pack.h>
#include <potline/time.h>

#include "runtime/spill.h"

struct pl_backlog;

/* `spill` is borrowed. NULL without memory. */
struct pl_backlog *pl_backlog_new(struct pl_spill *spill);
void pl_backlog_free(struct pl_backlog *backlog); /* NULL is fine */

/* Takes the batch. What finds no room in the spill is dropped and counted. */
void pl_backlog_put(struct pl_backlog *backlog, unsigned port, struct pl_batch *batch);

/* Takes back what was taken last, in front of all that waits. */
void pl_backlog_put_back(struct pl_backlog *backlog, unsigned port, struct pl_batch *batch);

/* The next batch and the port it is for; NULL: there is none. From memory; from the spill. */
struct pl_batch *pl_backlog_take(struct pl_backlog *backlog, unsigned *port);
struct pl_batch *pl_backlog_take_spilled(struct pl_backlog *backlog, unsigned *port);

bool pl_backlog_waits(const struct pl_backlog *backlog); /* something is in memory */
bool pl_backlog_empty(const struct pl_backlog *backlog);

/* As one msgpack value, and back into a fresh one. */
enum pl_code pl_backlog_save(struct pl_backlog *backlog, struct pl_codec *codec, struct pl_pack *pack,
                             struct pl_error **error);
enum pl_code pl_backlog_load(struct pl_backlog *backlog, struct pl_codec *codec, struct pl_unpack *unpack,
                             struct pl_error **error);

struct pl_backlog_stats {
    uint64_t dropped_rows;
    uint64_t spilled_rows;
    int64_t spilled_bytes; /* that wait now */
};
void pl_backlog_stats(const struct pl_backlog *backlog, struct pl_backlog_stats *stats);

#endif
