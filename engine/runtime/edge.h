/* edge.h: one connection between two tasks: a ZeroMQ socket pair, bounded in items and bytes.
 *
 *     sender --> [overrun] --> PUSH ==inproc==> PULL --> receiver
 *
 * What travels is an item: a batch (by reference), a watermark, a barrier or the end. The sender asks pl_edge_room
 * before it works; what one call emits beyond that waits in the overrun list, so sending never fails and never blocks.
 * Room is counted by credit shared between both ends (items and bytes under way); ZeroMQ's own limits are off.
 *
 * Waking: a receiver that has been told 'nothing there' is woken through ZMQ_FD, which is edge-triggered: it fires only
 * for what comes after a failed receive or a look at ZMQ_EVENTS. Hence the rule that the worker keeps: before a task
 * sleeps, its receive has failed. A sender that found no room is woken by its task's poke when half of it is free
 * again.
 *
 * Threads: the sending half belongs to the sender's thread, the receiving half to the receiver's.
 */
#ifndef POTLINE_EDGE_H
#define POTLINE_EDGE_H

#include <potline/batch.h>
#include <potline/error.h>

struct pl_edge;

enum pl_item_type { PL_ITEM_BATCH, PL_ITEM_WATERMARK, PL_ITEM_BARRIER, PL_ITEM_END };

struct pl_item {
    enum pl_item_type type;
    bool idle;              /* WATERMARK: says nothing until it speaks again; END: stopped, not the end of the data */
    struct pl_batch *batch; /* BATCH: owned by whoever holds the item */
    pl_time time;           /* WATERMARK */
    uint64_t epoch;         /* BARRIER */
};

struct pl_edge_options {
    uint32_t batches; /* under way at most */
    int64_t bytes;
    bool drop;                  /* rows that find no room are dropped and counted */
    void (*poke)(void *sender); /* there is room again; may be called on the receiver's thread */
    void *sender;
    bool beside; /* it never holds up who sends: what finds no room does not go in, and nothing behind it */
};

enum pl_code pl_edge_new(void *zmq, const struct pl_edge_options *options, struct pl_edge **edge,
                         struct pl_error **error);
void pl_edge_free(struct pl_edge *edge); /* with both threads gone; NULL is fine */

/* ---- the sender's half ---- */

/* May another batch be made? When not, the sender is poked once there is room. */
bool pl_edge_room(struct pl_edge *edge);
/* Takes the item's batch, which is sealed (batch_impl.h). Behind an end nothing is sent any more. */
void pl_edge_send(struct pl_edge *edge, const struct pl_item *item);

/* ---- the receiver's half ---- */

bool pl_edge_receive(struct pl_edge *edge, struct pl_item *item);
int pl_edge_fd(const struct pl_edge *edge);

/* Called when the descriptor is readable: settles what ZeroMQ has to do; true when an item is there. */
bool pl_edge_ready(struct pl_edge *edge);

/* ---- with both threads standing still ---- */

void pl_edge_limit(struct pl_edge *edge, int64_t bytes);
/* Nothing is under way. */
bool pl_edge_idle(const struct pl_edge *edge);
/* Has it this sender, and these limits? */
bool pl_edge_fits(const struct pl_edge *edge, const struct pl_edge_options *options);
/* A mark for who sorts edges out. */
void pl_edge_mark(struct pl_edge *edge, bool marked);
bool pl_edge_marked(const struct pl_edge *edge);

/* ---- any thread ---- */

bool pl_edge_broken(const struct pl_edge *edge); /* of one beside the graph: something did not go in */

struct pl_edge_stats {
    uint32_t items;
    int64_t bytes;
    uint64_t dropped_rows;
};
void pl_edge_stats(const struct pl_edge *edge, struct pl_edge_stats *stats);

#endif
