/* recovery.h: whether what a data folder keeps of its last epoch fits the graph that is to go on with it.
 *
 * Nodes are matched by name, or by the name that they had before (`was`). One that has become another operator, or
 * that counts differently (an option that is part of the meaning of its state) does not fit: it is named, and nothing
 * is touched. Nodes to be reset, and those that the graph does not have any more, are forgotten. Where the number of
 * partitions has changed, state is shared out anew (regroup.h).
 */
#ifndef POTLINE_RECOVERY_H
#define POTLINE_RECOVERY_H

#include "graph/graph.h"
#include "log/log.h"
#include "store/epochs.h"

struct pl_recovery {
    const struct pl_graph *graph;
    struct pl_epochs *epochs;
    struct pl_store *store;
    struct pl_log *log;
    struct pl_tags *tags;
    const char *const *reset; /* ends in NULL, or is NULL */
};

/* *now describes this run as pl_checkpoints_options wants it (owned by the caller). recall[node of the graph]: it has
 * state to begin with. *last is what was found, and describes it as it is afterwards. */
enum pl_code pl_recovery_match(const struct pl_recovery *recovery, struct pl_epoch *last, struct pl_epoch *now,
                               bool *recall, struct pl_error **error);

/* The same where nothing is kept. */
enum pl_code pl_recovery_describe(const struct pl_graph *graph, struct pl_epoch *now, struct pl_error **error);

#endif
