/* task.h: a node at work: its inputs through a gate, its operator, its outputs.
 *
 *     gate --> batch --> process --> outputs
 *          --> watermark --> timers, watermark --> watermark of the outputs
 *          --> barrier --> what has changed, for the checkpoint --> barrier
 *          --> end --> stop --> end
 *
 * A task only works when every output has room for a batch and its operator is not busy. When the operator fails, the
 * task lets its inputs run empty, so that everything upstream can end, and tells the engine.
 *
 * A sink whose peer is slow may have a backlog: then its task takes in while the operator is busy or paused, and keeps
 * what comes, so that neither rows nor barriers wait in front of it.
 *
 * What a source makes at once leaves as one: the last batch says so and carries the source's position (batch.h).
 */
#ifndef POTLINE_TASK_H
#define POTLINE_TASK_H

#include "runtime/backlog.h"
#include "runtime/call.h"
#include "runtime/checkpoint.h"
#include "runtime/durable.h"
#include "runtime/gate.h"
#include "runtime/node.h"
#include "runtime/outputs.h"
#include "runtime/stats.h"
#include "runtime/tap.h"
#include "runtime/worker.h"

struct pl_task;
struct pl_isolation;
struct pl_isolation_options;

/* Called on the task's thread. `changes` of its state belong to `epoch`; taken. */
struct pl_task_events {
    void (*ended)(void *engine, struct pl_task *task, uint64_t epoch, struct pl_changes *changes);
    void (*failed)(void *engine, struct pl_task *task, const char *why);
    void (*barrier)(void *engine, struct pl_task *task, uint64_t epoch, struct pl_changes *changes);
    void *engine;
};

enum pl_task_state { PL_TASK_RUNNING, PL_TASK_STOPPING, PL_TASK_ENDED, PL_TASK_FAILED };

struct pl_task {
    struct pl_runnable runnable; /* first: a task is a runnable */
    struct pl_node node;
    struct pl_gate *gate; /* NULL: a source */
    struct pl_outputs outputs;
    struct pl_spill *spill;
    struct pl_backlog *backlog; /* NULL: everybody waits for it */
    struct pl_item waiting[2];  /* behind what is in the backlog: a watermark; the end */
    bool waits[2];
    struct pl_isolation *isolation; /* NULL: its operator works here (isolation.h) */
    struct pl_codec *codec;         /* of the rows in its state; NULL: not needed yet */
    struct pl_node_stats stats;
    struct pl_task_events events;
    const struct pl_graph_node *graph_node;
    struct pl_operator *muted; /* stands in for one that would write to the field; owned; NULL: none */
    _Atomic(enum pl_task_state) state;
    bool end_final;  /* PL_TASK_STOPPING: the data has ended, not the run */
    bool reported;   /* the engine knows that it has ended */
    bool given_idle; /* with `given` */
    /* While the engine goes from one graph to another (change.h): */
    _Atomic bool trial;           /* a failure to start takes the change back, and is told nobody downstream */
    _Atomic bool leaves;          /* it ends, and nobody downstream hears of it */
    _Atomic bool left;            /* and has nothing in hand any more */
    bool aside;                   /* `old_...` are what it had before, until it is known which stay */
    _Atomic bool still;           /* it does nothing until the change is known to stay */
    unsigned index;               /* among the engine's tasks */
    _Atomic unsigned refs;        /* of one from pl_task_new */
    const struct pl_graph *graph; /* that its options are of; held */
    /* Of one that runs beside the graph (shadow.h): */
    bool beside;                /* nothing comes of it but rows */
    struct pl_store_iter *view; /* what it remembers stands there, under the name `was`; NULL: in the store */
    const char *was;
    struct pl_gate *old_gate;
    struct pl_outputs old_outputs;
    pl_time watermark;   /* of the inputs */
    pl_time given;       /* of the outputs */
    uint64_t blocked_at; /* when the outputs filled up; 0: not blocked */
    struct pl_calls calls;
    struct pl_calls changes; /* for the next barrier */
    struct pl_tap *taps;     /* lookers-on */
    _Atomic bool paused;     /* takes nothing in */
    _Atomic bool stop;       /* sources: end now */
    _Atomic bool drain;      /* with stop: as if the data had ended */
    _Atomic uint64_t committed;
    uint64_t commit_told;
    bool recall;         /* there is state of an epoch to begin with */
    _Atomic bool opened; /* its operator has been at work in this run */
    bool over;           /* its data has ended in an earlier run: it is not even opened */
    /* sources: */
    const struct pl_buffer *position; /* where it goes on, borrowed; NULL or empty: at the begin */
    struct pl_batch *last;            /* made in this call: the next one may follow at once */
    struct pl_durable *durable;       /* it hears what the log has; NULL: it does not ask */
    struct pl_zone *letters;          /* of a node that is none; NULL: there were none */
    uint64_t injected;                /* the last order that was carried out; 0: none ever was */
    double rate;                      /* rows a second; 0: unlimited */
    double allowance;
    uint64_t allowance_at;
    uv_timer_t pace;
    bool pacing;
    _Atomic bool orders;   /* there may be letters that are to be given in again */
    bool whole;            /* what is made now goes into the log with a position, whatever the source */
    unsigned letters_port; /* behind those of the operator */
};

struct pl_task_options {
    int64_t hold;  /* bytes that a merging node keeps in memory */
    int64_t spill; /* and all that its task keeps in the store, or in memory without one */
    bool backlog;
    bool moves; /* its state may go on in another engine (gate.h) */
};

/* The gate's inputs and the outputs are added before the start. The node is initialised by the caller's config. */
enum pl_code pl_task_init(struct pl_task *task, const struct pl_node_config *config,
                          const struct pl_task_events *events, const struct pl_task_options *options,
                          struct pl_error **error);
/* Behind that: its operator is to work in a process of its own. */
enum pl_code pl_task_isolate(struct pl_task *task, const struct pl_isolation_options *options, struct pl_error **error);
void pl_task_fini(struct pl_task *task);

/* One of an engine, which may be discarded while others still know it: its memory goes with the last reference, so that
 * they find it closed. `graph` is held until it is discarded. */
struct pl_task *pl_task_new(const struct pl_graph *graph); /* NULL without memory */
void pl_task_discard(struct pl_task *task);                /* behind pl_task_init, also where that has failed */
struct pl_task *pl_task_ref(struct pl_task *task);
void pl_task_unref(struct pl_task *task); /* NULL is fine */

/* Any thread: a source ends its stream now; `final`: as if its data had ended, so that every window is closed. */
void pl_task_stop(struct pl_task *task, bool final);
/* Any thread: a node takes nothing in until it is resumed; what comes for it waits. */
void pl_task_pause(struct pl_task *task, bool paused);
/* Any thread: a source is to look whether there are letters for it (store/letters.h). False: it takes none. */
bool pl_task_look_for_letters(struct pl_task *task);
/* Any thread: has `call` carried out between two batches. False: the node has ended, the call is the caller's still. */
bool pl_task_call(struct pl_task *task, struct pl_call *call);
/* The same, at the barrier that is about to come; for the intake. */
bool pl_task_change(struct pl_task *task, struct pl_call *call);
/* Any thread: it takes nothing and makes nothing, whatever people say of pausing it. */
void pl_task_stand_still(struct pl_task *task, bool still);
/* Any thread: it is to end behind the barrier that it has passed, for itself alone. True: it has nothing in hand. */
bool pl_task_leave(struct pl_task *task);
/* Any thread: the epoch is durable. */
void pl_task_commit(struct pl_task *task, uint64_t epoch);

/* Any thread: what is under way towards it, and what it had no room for. */
struct pl_task_input_stats {
    uint32_t items;
    int64_t bytes;
    uint64_t dropped_rows;
    uint64_t spilled_rows;
    int64_t spilled_bytes; /* that wait now */
};
void pl_task_input_stats(const struct pl_task *task, struct pl_task_input_stats *stats);

extern const struct pl_node_host pl_task_node_host;

#endif
