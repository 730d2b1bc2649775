/* operator.h: what an operator is, and what it may ask of the node that runs it.
 *
 * An operator is one constant descriptor. A node is one instance of it in a running graph (one for each partition in
 * the keyed section), with a zeroed block of instance_size bytes (`self`) whose options the engine has filled in before
 * any callback. Only `process` is mandatory (`produce` for a source). Life of an instance:
 *
 *     check*   options are set; may refuse a combination. Opens nothing, keeps nothing.
 *     open     on the node's own thread, before data. May fail; `close` follows all the same.
 *     restore  the state of a snapshot, when there is one.
 *     process / produce / timer / watermark / snapshot / commit / command ...    one at a time, same thread
 *     close    once, always, from any half-open state: the only clean-up.
 *
 * An operator is single-threaded and never blocks; one that must (solver, blocking library) says PL_OP_BLOCKING and is
 * given a thread and loop of its own. `process` is only called when every output can take a batch.
 */
#ifndef POTLINE_OPERATOR_H
#define POTLINE_OPERATOR_H

#include "abi.h"
#include "batch.h"
#include "command.h"
#include "counter.h"
#include "diag.h"
#include "error.h"
#include "letter.h"
#include "option.h"
#include "pack.h"
#include "table.h"
#include "tag.h"
#include "time.h"

struct pl_node;
struct pl_trainer;
struct uv_loop_s;

enum pl_flow {
    PL_FLOW_OK,   /* go on */
    PL_FLOW_WAIT, /* a source has nothing now; it calls pl_wake when it has */
    PL_FLOW_END,  /* a source has nothing any more */
    PL_FLOW_FAIL, /* the node cannot go on; pl_fail said why */
};

enum pl_scope {
    PL_EITHER, /* keyed behind keyed inputs, else global */
    PL_KEYED,  /* works on each partition by itself; state by tag or asset */
    PL_GLOBAL, /* once for the plant: one file, one device, one view over all lines */
};

enum pl_operator_flags {
    PL_OP_BLOCKING = 1 << 0,   /* wants a thread of its own */
    PL_OP_ANY_ORDER = 1 << 1,  /* does not need its inputs merged by event time */
    PL_OP_REPLAYABLE = 1 << 2, /* a source that can wait (a file): held back rather than left behind */
    PL_OP_OUTSIDE = 1 << 3,    /* a sink with an outside peer: on_full defaults to spill */
    PL_OP_LOSSY = 1 << 4,      /* a sink for lookers-on (PUB): on_full defaults to drop */
    PL_OP_RECOMPUTES = 1 << 5, /* may answer differently for the same input: outputs are recorded */
    PL_OP_BY_SOURCE = 1 << 7,  /* looks at the source of a batch of values: rows of two do not become one batch */
    PL_OP_PROGRAM = 1 << 8,    /* a program does its work; its instance begins with a struct pl_program (program.h) */
    PL_OP_FIELD = 1 << 9,      /* writes set points to the field: they must come from a guard */
    PL_OP_GUARD = 1 << 10,     /* decides which set points may go to the field */
    PL_OP_OWNS_TIME = 1 << 11, /* a source that has a simulated plant's time where its group `clock` is given */
    PL_OP_MIXED = 1 << 6, /* an input may get several kinds: each batch says its own, pl_node_kind is the first one */
};

/* A typed input or output; an array of them ends with a NULL name. Port 0 is meant where a graph names none. */
struct pl_port {
    const char *name;
    unsigned kinds; /* PL_SET(...): an input takes any of them; an output gives one: */
    enum {
        PL_PORT_FIXED,  /* the only one in `kinds` */
        PL_PORT_SAME,   /* the kind that input 0 gets */
        PL_PORT_OPTION, /* the one that the CHOICE option `kind` (indexes of enum pl_kind) names */
    } gives;
    const char *doc;
};

struct pl_operator {
    size_t size;                   /* of this struct, by PL_OPERATOR: how far an older plugin's reaches */
    const char *name;              /* "window.tumbling" */
    const char *summary;           /* one line */
    const char *doc;               /* paragraphs for the reference, may be NULL */
    const char *guarantee;         /* sources and sinks: what survives what; else NULL */
    const struct pl_port *inputs;  /* NULL: a source */
    const struct pl_port *outputs; /* NULL: a sink */
    const struct pl_option *options;
    const struct pl_counter *counters;
    const struct pl_table_def *tables;
    enum pl_scope scope;
    unsigned flags;
    size_t instance_size;

    void (*check)(void *self, struct pl_check *check);
    enum pl_code (*open)(void *self, struct pl_node *node, struct pl_error **error);

    /* Takes the batch (unreferences it or emits it). */
    enum pl_flow (*process)(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch);

    /* A source: emit about one batch, when there is room. Called again at once after PL_FLOW_OK, after pl_wake else. */
    enum pl_flow (*produce)(void *self, struct pl_node *node);

    /* No row older than `now` is to come (PL_TIME_MAX: none at all). Emits what is due and returns the watermark of its
     * outputs, at most `now`. Absent: emits nothing, returns `now`. */
    pl_time (*watermark)(void *self, struct pl_node *node, pl_time now);

    /* An event-time timer that pl_timer_at set has been passed by the watermark; called before `watermark`. */
    void (*timer)(void *self, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie);

    /* State beyond the tables, as one msgpack value. Of a source: where it stands behind what it has emitted; a source
     * that has one emits in `produce` only. */
    void (*snapshot)(const void *self, struct pl_node *node, struct pl_pack *pack);
    enum pl_code (*restore)(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error);

    /* `sequence` of the partition's log (or the epoch `epoch`) is durable: publish, acknowledge. */
    void (*commit)(void *self, struct pl_node *node, uint64_t epoch);

    /* A LIVE option has changed in `self`. */
    void (*changed)(void *self, struct pl_node *node, const struct pl_option *option);

    /* Input has ended or the engine stops: sinks flush, live sources stop taking in. More calls may follow. */
    void (*stop)(void *self, struct pl_node *node);

    void (*close)(void *self, struct pl_node *node);

    const struct pl_command *commands; /* what people may do to a running node (command.h) */

    /* A source: bytes that it has refused before (letter.h) come again, as they were or repaired. Emits what they hold
     * as if it had read them now; where it stands does not change. PL_SYNTAX, PL_LIMIT, PL_RANGE: they are refused
     * again, and nothing has been emitted; PL_UNAVAILABLE: not now. */
    enum pl_code (*inject)(void *self, struct pl_node *node, const void *bytes, size_t size, struct pl_error **error);

    /* A source with `snapshot`, where there is a log: all that it had given when `snapshot` said this is in the log, as
     * safe as the graph wants it (log.sync). Acknowledge it. Positions in between are passed over. */
    void (*durable)(void *self, struct pl_node *node, struct pl_unpack *position);

    const struct pl_trainer *trainer; /* it learns from recorded rows (train.h); NULL: it does not */

    const struct pl_gauge *gauges; /* counter.h */
};

#define PL_OPERATOR(name_, summary_) .size = sizeof(struct pl_operator), .name = (name_), .summary = (summary_)
#define PL_PORTS(...) ((const struct pl_port[]){__VA_ARGS__, {.name = NULL}})
#define PL_COUNTERS(...) ((const struct pl_counter[]){__VA_ARGS__, {.name = NULL}})
#define PL_GAUGES(...) ((const struct pl_gauge[]){__VA_ARGS__, {.name = NULL}})
#define PL_TABLES(...) ((const struct pl_table_def[]){__VA_ARGS__, {.name = NULL}})

/* ---- What a node offers its operator; all on the node's thread ---- */

PL_API const char *pl_node_name(const struct pl_node *node);
PL_API const char *pl_node_label(const struct pl_node *node);  /* for people: its name, or shadow/NAME (graph shadow) */
PL_API unsigned pl_node_partition(const struct pl_node *node); /* 0 in the global section */
PL_API struct pl_tags *pl_node_tags(const struct pl_node *node);
PL_API struct uv_loop_s *pl_node_loop(const struct pl_node *node); /* the libuv loop of the node's thread */
PL_API struct pl_table *pl_node_table(struct pl_node *node, unsigned index);

/* Which kind input 0 has in this graph. */
PL_API enum pl_kind pl_node_kind(const struct pl_node *node);

/* How deep the partition key goes: an asset's path to this many parts stays in one partition. */
PL_API unsigned pl_node_key_depth(const struct pl_node *node);

/* The engine's clock (wall, log or plant time): now, UTC. */
PL_API pl_time pl_now(const struct pl_node *node);

/* ---- Of a graph whose clock is a simulated plant's (`clock: plant`) ----
 *
 * Its source says what time it is, gives the rows of a step, and lets the plant go on once the graph has answered; so
 * what comes of a run does not depend on how fast anybody is. */

/* Is it? Then nothing that is decided may hang on a timer of the loop: the watermark is what moves time. */
PL_API bool pl_plant_owns_time(const struct pl_node *node);

/* Of the source: it is `now`, for all nodes (earlier than before: nothing changes). Without such a clock: nothing. */
PL_API void pl_plant_time(struct pl_node *node, pl_time now);

/* Of the source: has all that it has given come to its end, in every node, and outside by every sink (pl_pending)? When
 * not, `produce` is called once it has. True at once where the plant's time is not the graph's clock. */
PL_API bool pl_answered(struct pl_node *node);

/* Something that the node has begun outside is not done: a plant that owns time waits. */
PL_API void pl_pending(struct pl_node *node, bool pending);

/* May it touch what is outside now? No longer, where engines share a graph, another one may have taken over already.
 * Ask right before each request to a device. Any thread. */
PL_API bool pl_may_act(const struct pl_node *node);

/* The epoch that what it does now belongs to (see `commit`); 0: there is no log, and no state comes back. */
PL_API uint64_t pl_node_epoch(const struct pl_node *node);

/* A new batch that says where it comes from: source, models and partition, and of the input at hand the place in the
 * log and when it was taken in (so that a lag is measured from there); a source's batch is taken in now. */
PL_API struct pl_batch *pl_node_batch(struct pl_node *node, enum pl_kind kind, uint32_t capacity, uint32_t heap);

/* Which model makes its rows from now on, and which version of it: "CellModel 1.0 5f0c21ae". Every batch that it makes,
 * and that is made of these, says so (batch.h): in the log, the zones, `explain`, and the audit of a set point. `name`
 * NULL: the operator's; `version` NULL: its plugin's; `parameters` NULL: a hash of the node's options as they stand,
 * now and when one is set. Said in `open`, and again when it is another one. Texts are copied; name and version are cut
 * at 63 bytes. */
PL_API void pl_node_model(struct pl_node *node, const char *name, const char *version, const char *parameters);
PL_API const char *pl_node_model_name(const struct pl_node *node); /* as one text; "": none was said. Any thread */

/* Sends a batch out of a port. Takes *batch in success and failure and sets it to NULL; an empty one is dropped. */
PL_API enum pl_flow pl_emit(struct pl_node *node, unsigned port, struct pl_batch **batch);

/* True when something is connected to the port: worth computing for. */
PL_API bool pl_wanted(const struct pl_node *node, unsigned port);

/* From a libuv callback of a source: `produce` has something to do. From a sink: it can take more (see pl_busy). */
PL_API void pl_wake(struct pl_node *node);

/* A sink whose peer is slow: while busy, `process` is not called. */
PL_API void pl_busy(struct pl_node *node, bool busy);

/* The source's own statement: no row older than `time` will follow (in place of highest time less `disorder`). */
PL_API void pl_progress(struct pl_node *node, pl_time time);

/* Whether what a source reads, or a connecting sink writes, is reached. First said in `open` (false): a graph whose new
 * node never reaches anything does not stand its probation. One that waits for others to come says nothing. */
PL_API void pl_reach(struct pl_node *node, bool reached);

/* Asks for `timer` when the watermark passes `at`. Timers are part of the snapshot; id is a name id or 0. */
PL_API bool pl_timer_at(struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie);

/* From `snapshot`: what was written to this file so far is safe from power loss before the state that says so is. The
 * descriptor stays the caller's. */
PL_API void pl_sync_with_state(struct pl_node *node, int fd);

/* Says why the node cannot go on; returns PL_FLOW_FAIL. */
PL_API enum pl_flow pl_fail(struct pl_node *node, const char *format, ...) PL_PRINTF(2, 3);

/* What happened, as a row of an events batch sent out of `port`; `body` may be NULL. Asset and tag are ids or 0. */
PL_API enum pl_flow pl_emit_event(struct pl_node *node, unsigned port, pl_time time, const char *kind,
                                  uint16_t severity, uint32_t asset, uint32_t tag, const struct pl_pack *body);

#endif
