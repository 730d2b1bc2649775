/* outputs.h: the edges that a task's ports go to, and whether there is room on all of them. */
#ifndef POTLINE_OUTPUTS_H
#define POTLINE_OUTPUTS_H

#include "runtime/edge.h"

struct pl_outputs {
    struct pl_output *list;
    unsigned count;
};

bool pl_outputs_add(struct pl_outputs *outputs, unsigned port, struct pl_edge *edge); /* borrows the edge */
void pl_outputs_remove(struct pl_outputs *outputs, const struct pl_edge *edge);
void pl_outputs_fini(struct pl_outputs *outputs);

struct pl_edge *pl_outputs_first(const struct pl_outputs *outputs); /* NULL: there is none */

/* Can every edge take a batch? When not, the edges that cannot poke the task later. */
bool pl_outputs_room(struct pl_outputs *outputs);
bool pl_outputs_wanted(const struct pl_outputs *outputs, unsigned port);

/* Takes the batch and gives a reference to each edge of the port. */
void pl_outputs_emit(struct pl_outputs *outputs, unsigned port, struct pl_batch *batch);
/* An item without a batch, to every edge or to those of one port. */
void pl_outputs_signal(struct pl_outputs *outputs, const struct pl_item *item);
void pl_outputs_signal_port(struct pl_outputs *outputs, unsigned port, const struct pl_item *item);

#endif
