/* exchange.h: what the keyed section of an engine in a group gives to the global one, whichever engine has that.
 *
 *     a node's port, a partition --> [stream] --> checkpoint --transaction--> the log's last partition --> lane -->
 * nodes
 *
 * A stream gathers what comes of one port in one partition, rows and watermarks, up to a barrier. Its checkpoint puts
 * that into the log by the transaction that makes it the group's last one, so it is there once however engines die, and
 * as late as the checkpoint. What is more than `hold` bytes waits in the spill. An end is not passed on: engines of a
 * group run until they are stopped, and what stands behind the last barrier is made again from the log.
 *
 * Threads: a stream's is its worker's; what was gathered is put and freed on any other one.
 */
#ifndef POTLINE_EXCHANGE_H
#define POTLINE_EXCHANGE_H

#include "log/log.h"
#include "runtime/checkpoint.h"
#include "runtime/edge.h"
#include "runtime/worker.h"

struct pl_stream;
struct pl_exchanged; /* what a stream has gathered for an epoch */

struct pl_stream_options {
    uint32_t name; /* interned, of the port and the partition: "win/2" */
    uint16_t lane; /* the partition of the log that it goes into */
    int64_t hold;  /* bytes in memory */
    int64_t spill; /* and in the store, at most */
    struct pl_store *store;
    struct pl_tags *tags;
    struct pl_checkpoints *checkpoints;
    unsigned participant; /* as whom it takes part in them */
    void (*ended)(void *engine);
    void (*failed)(void *engine, const char *why);
    void *engine;
};

enum pl_code pl_stream_new(const struct pl_stream_options *options, struct pl_stream **stream, struct pl_error **error);
void pl_stream_free(struct pl_stream *stream); /* when all it has gathered is freed; NULL is fine */
struct pl_runnable *pl_stream_runnable(struct pl_stream *stream);
/* Before the start: where it takes from, borrowed. */
void pl_stream_connect(struct pl_stream *stream, struct pl_edge *edge);

/* For a checkpoint, within its transaction (pl_kafka_commit_begin); may come again. */
enum pl_code pl_exchanged_put(const struct pl_exchanged *exchanged, struct pl_log *log, struct pl_error **error);
void pl_exchanged_free(struct pl_exchanged *exchanged); /* NULL is fine */

#endif
