/* node.h: one instance of an operator: its options, tables, timers and counters, and the calls that are legal now.
 *
 * A node does not know who drives it. Its host, the runtime's task or the test harness, carries out what the operator
 * asks for: emit, wake, busy. All calls of one node come from one thread.
 */
#ifndef POTLINE_NODE_H
#define POTLINE_NODE_H

#include <potline/operator.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "runtime/losses.h"
#include "runtime/models.h"
#include "runtime/overrides.h"
#include "runtime/timers.h"
#include "store/state.h"

struct pl_plant_time;
struct pl_store;

struct pl_node_host {
    enum pl_flow (*emit)(struct pl_node *node, unsigned port, struct pl_batch *batch); /* takes it, at least one row */
    bool (*wanted)(const struct pl_node *node, unsigned port);
    void (*wake)(struct pl_node *node);
    bool (*answered)(struct pl_node *node); /* pl_answered, where there is a `plant` */
    const struct pl_node_abroad *abroad;    /* NULL: its process has the data folder, if there is one */
};

/* What a node is made from; everything is borrowed for its life. */
struct pl_node_config {
    const struct pl_operator *op;
    const char *name;
    const void *prototype; /* an instance with its options set */
    unsigned partition;
    uint16_t lane;     /* of the log: as whose its state is kept (plan.h) */
    enum pl_kind kind; /* of input 0 */
    unsigned key_depth;
    uint32_t max_keys;
    struct pl_tags *tags;
    const struct pl_clock *clock;
    struct pl_plant_time *plant; /* owns that clock; NULL: nobody does, or it is none of the node's business */
    struct uv_loop_s *loop;
    struct pl_store *store;       /* NULL: there is no data folder */
    struct pl_journal *journal;   /* for notes; NULL: none are taken */
    const _Atomic int64_t *lease; /* what it does is its own until then (pl_clock_boottime); NULL: for good */
    bool recovers;                /* its state is saved, change by change */
    bool keeps_losses;            /* of a source: there is a log that takes them */
    bool beside;                  /* the graph that runs: in a shadow of it */
};

enum { PL_NODE_SYNC_MAX = 8 };

enum pl_node_state { PL_NODE_NEW, PL_NODE_OPEN, PL_NODE_CLOSED };

/* Of a source, or a sink, by what it has said (pl_reach). */
enum pl_node_reach { PL_REACH_UNTOLD, PL_REACH_NEVER, PL_REACH_LOST, PL_REACH_THERE };

struct pl_node {
    struct pl_node_config config;
    const struct pl_node_host *host;
    void *owner; /* the host's */
    void *self;
    struct pl_table *tables;
    unsigned table_count;
    struct pl_timers timers;
    _Atomic uint64_t *counters; /* behind them gauges, as the bits of their values */
    uint32_t source;            /* the node's name, interned: what its batches say they come from */
    pl_time received;           /* when the engine took in what the operator works on; 0: a source's own time */
    uint64_t sequence;          /* and its place in the partition's log */
    pl_time progress;
    bool progressed; /* pl_progress has been called since the host looked */
    bool busy;
    bool pending; /* something is under way outside, and counts in `plant` */
    enum pl_node_state state;
    _Atomic int reach;          /* enum pl_node_reach */
    uint64_t events;            /* emitted; part of an event's id */
    int sync[PL_NODE_SYNC_MAX]; /* files to be made safe with the state that is being saved; duplicates, owned */
    unsigned sync_count;
    uint64_t epoch; /* what is done now belongs to it; set by the host; 0: there are none */
    struct pl_losses losses;
    struct pl_overrides overrides;
    struct pl_models models;
    char *failure;
    char label[PL_NAME_MAX + sizeof "shadow/"];
};

enum pl_code pl_node_init(struct pl_node *node, const struct pl_node_config *config, const struct pl_node_host *host,
                          void *owner, struct pl_error **error);
void pl_node_fini(struct pl_node *node); /* after close, and after the loop has let go of the operator's handles */

enum pl_code pl_node_open(struct pl_node *node, struct pl_error **error);
void pl_node_close(struct pl_node *node);

/* Takes the batch. */
enum pl_flow pl_node_process(struct pl_node *node, unsigned input, struct pl_batch *batch);
enum pl_flow pl_node_produce(struct pl_node *node);

/* Fires the timers that are due, then the operator's watermark; returns the watermark of the outputs. */
pl_time pl_node_watermark(struct pl_node *node, pl_time now);
void pl_node_stop(struct pl_node *node);
void pl_node_commit(struct pl_node *node, uint64_t epoch);

/* Adds what has changed of its state since the last time (for a node that recovers), or all of it. */
void pl_node_save(struct pl_node *node, struct pl_buffer *out);
void pl_node_save_all(struct pl_node *node, struct pl_buffer *out);

/* Takes an entry of what was saved; they come in the order of their keys. Parts that are not the node's are let be. */
enum pl_code pl_node_load(struct pl_node *node, const struct pl_state_entry *entry, struct pl_error **error);

uint64_t pl_node_counter(const struct pl_node *node, unsigned index);
double pl_node_gauge(const struct pl_node *node, unsigned index); /* NAN: none now */
unsigned pl_node_numbers(const struct pl_operator *op);           /* counters and gauges, as they lie in `counters` */
struct pl_store *pl_node_store(const struct pl_node *node);       /* NULL: none */
const struct pl_node_abroad *pl_node_abroad(const struct pl_node *node); /* NULL: it is in the engine */

#endif
