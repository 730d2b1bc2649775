/* recovery.h: whether what a data folder keeps of its last epoch fits the graph that is to go on with it.
 *
 * Nodes are matched by name, or by the name that they had before (`was`). One that has become another operator, that
 * counts differently (an option that is part of the meaning of its state) or that is shared out to another number of
 * partitions does not fit: it is named, and nothing is touched. Nodes to be reset, and those that the graph does not
 * have any more, are forgotten.
 */
#ifndef POTLINE_RECOVERY_H
#define POTLINE_RECOVERY_H

#include "graph/graph.h"
#include "store/epochs.h"

/* *now describes this run as pl_checkpoints_options wants it (owned by the caller). recall[node of the graph]: it has
 * state to begin with. `reset` ends in NULL, or is NULL. */
enum pl_code pl_recovery_match(const struct pl_graph *graph, struct pl_epochs *epochs, const struct pl_epoch *last,
                               const char *const *reset, struct pl_epoch *now, bool *recall, struct pl_error **error);

/* The same where nothing is kept. */
enum pl_code pl_recovery_describe(const struct pl_graph *graph, struct pl_epoch *now, struct pl_error **error);

#endif
