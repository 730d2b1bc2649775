/* models.h: which models the rows of a node come from: its own, if it has said one (pl_node_model), and those of the
 * rows that it takes, as batches and edges bring them.
 *
 *     own "Optimizer 1.2 77aa..", an edge brings "CellModel 1.0 5f0c.."  -->  "Optimizer 1.2 77aa..; CellModel 1.0
 * 5f0c.."
 *
 * Such a text is a name like any other, so a batch has no more of it than an id. It goes where batches go: into the
 * log, the zones, to other processes; so a row of last week says itself what made it.
 */
#ifndef POTLINE_RUNTIME_MODELS_H
#define POTLINE_RUNTIME_MODELS_H

#include <potline/batch.h>
#include <stdatomic.h>

struct pl_node;

enum { PL_MODEL_TEXT = 64 };

struct pl_models {
    char name[PL_MODEL_TEXT], version[PL_MODEL_TEXT]; /* of its own; name "": it has none */
    bool by_options;                                  /* its parameters are the node's options */
    _Atomic uint32_t own;                             /* ids; 0: none */
    uint32_t from;
    uint32_t all;
};

/* One text for both, each model once; id 0 is none. What does not fit into a name is left out. */
uint32_t pl_models_join(struct pl_tags *tags, uint32_t one, uint32_t other);

/* What the rows that the node takes come from now. */
void pl_models_from(struct pl_node *node, uint32_t model);
/* An option has been set. */
void pl_models_renew(struct pl_node *node);
/* Of rows that a process has made for the node: what they say is its own, and the batch says all. */
void pl_models_stamp(struct pl_node *node, struct pl_batch *batch);

#endif
