/* gate.h: what a task's inputs come through: one stream of items out of several edges.
 *
 *     edge 0 --> | held rows, by event time |
 *     edge 1 --> |                          | --> batches in order of (event time, edge, sequence), watermarks,
 *     edge 2 --> |    barriers, aligned     |     one barrier for all, one end
 *
 * With one edge everything passes as it comes. With several the rows wait until the watermark of all edges has passed
 * them, or has reached them while only edges behind theirs may still bring rows of that time, unless the operator takes
 * any order. A gate always takes from every edge and keeps what it may not give yet, so two paths that join again
 * cannot block each other; past `hold` bytes what it keeps goes to the spill.
 */
#ifndef POTLINE_GATE_H
#define POTLINE_GATE_H

#include <potline/codec.h>
#include <potline/pack.h>

#include "runtime/edge.h"
#include "runtime/spill.h"

struct pl_gate;

struct pl_gate_options {
    struct pl_tags *tags; /* that batches name their models by */
    bool any_order;
    bool by_source;         /* rows of different sources come in batches of their own; events always do */
    int64_t hold;           /* bytes kept in memory */
    struct pl_spill *spill; /* for what is beyond; borrowed */
    bool moves;             /* its state may go on elsewhere, where this spill is not: rows in it are saved whole */
};

struct pl_gate *pl_gate_new(const struct pl_gate_options *options); /* NULL without memory */
void pl_gate_free(struct pl_gate *gate);                            /* NULL is fine */

/* Inputs are added in the order that decides between rows of equal time. The edge is borrowed; `name` (copied) tells
 * the input apart in what is saved. */
bool pl_gate_add(struct pl_gate *gate, struct pl_edge *edge, unsigned port, const char *name);

/* It has several inputs, or none: what comes through may have to wait. */
bool pl_gate_merges(const struct pl_gate *gate);

/* The next item, and the port its batch is for. False: nothing now; every edge has been found empty, so each wakes the
 * task when it has something. After PL_ITEM_END nothing follows. */
bool pl_gate_take(struct pl_gate *gate, struct pl_item *item, unsigned *port);

/* What it knows and holds at a barrier, as one msgpack value, and back into a fresh gate; inputs that are not there any
 * more are left out, with their rows. */
enum pl_code pl_gate_save(struct pl_gate *gate, struct pl_codec *codec, struct pl_pack *pack, struct pl_error **error);
enum pl_code pl_gate_load(struct pl_gate *gate, struct pl_codec *codec, struct pl_unpack *unpack,
                          struct pl_error **error);

/* ---- For other inputs, with nothing under way on the edges ---- */

/* A gate with the same options, and no inputs yet. NULL without memory. */
struct pl_gate *pl_gate_anew(const struct pl_gate *gate);
/* The edge of an input; NULL: it has none of that name. */
struct pl_edge *pl_gate_edge(const struct pl_gate *gate, const char *name);
/* Takes over what `old` knows and holds; inputs that are not there any more go, with their rows (*lost). Where rows
 * did not wait in `old`, it has come as far as `watermark`. */
void pl_gate_take_over(struct pl_gate *gate, struct pl_gate *old, pl_time watermark, uint64_t *lost);

/* For a task that has failed: takes and drops everything there is, in whatever state the gate is. */
void pl_gate_drain(struct pl_gate *gate);

/* False when rows could not be kept for want of memory or store; pl_gate_take gives nothing any more. */
bool pl_gate_sound(const struct pl_gate *gate);

uint64_t pl_gate_held_rows(const struct pl_gate *gate);

/* Which models (models.h) the rows come from that its edges have brought. */
uint32_t pl_gate_models(struct pl_gate *gate);

/* What is under way on its edges, and what was dropped in front of it, in all. Any thread. */
void pl_gate_stats(const struct pl_gate *gate, struct pl_edge_stats *stats);

#endif
