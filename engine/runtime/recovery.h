/* recovery.h: whether what a data folder keeps of its last epoch fits the graph that is to go on with it.
 *
 * Nodes are matched by name, or by the name that they had before (`was`). One that has become another operator, or
 * that counts differently (an option that is part of the meaning of its state) does not fit: it is named, and nothing
 * is touched; nor is it where the graph has another name than the one before. Nodes to be reset, and those that the
 * graph does not have any more, are forgotten. Where the number of partitions has changed, state is shared out anew
 * (regroup.h).
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
    unsigned partitions;      /* of the log, as it is to be */
    const char *const *reset; /* ends in NULL, or is NULL */
    bool lenient;             /* what does not fit starts afresh, and is not refused */
    bool agreed;              /* a group has: what another operator has made is older than the graph before, and starts
                                 afresh, for a change from one to the other is refused */
    bool without_sinks;       /* what sinks know does not matter */
    bool another;             /* nor is a folder that a graph of another name was run with last */
};

/* *now describes this run as pl_checkpoints_options wants it (owned by the caller). recall[node of the graph]: it has
 * state to begin with. *last is what was found, and describes it as it is afterwards. */
enum pl_code pl_recovery_match(const struct pl_recovery *recovery, struct pl_epoch *last, struct pl_epoch *now,
                               bool *recall, struct pl_error **error);

/* The same in two steps, for a graph that is to be tried first: what is renamed is kept under its new name too; and,
 * by one write, the epoch is of the new graph. With the same number of partitions. In between pl_recovery_withdraw says
 * that nothing comes of it. */
enum pl_code pl_recovery_prepare(const struct pl_recovery *recovery, const struct pl_epoch *last, struct pl_epoch *now,
                                 bool *recall, struct pl_error **error);
enum pl_code pl_recovery_settle(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                const struct pl_epoch *now, struct pl_error **error);
void pl_recovery_withdraw(const struct pl_recovery *recovery, const struct pl_epoch *last);

/* Does what is kept of `last` fit? Nothing is touched. */
enum pl_code pl_recovery_check(const struct pl_recovery *recovery, const struct pl_epoch *last,
                               const struct pl_epoch *now, struct pl_error **error);

/* Does what `last` kept under this name go on, as that of a node of this name? */
bool pl_recovery_goes_on(const struct pl_recovery *recovery, const struct pl_epoch *last, const struct pl_epoch *now,
                         const char *name);

/* What is kept under this name; NULL: nothing is. */
const struct pl_epoch_node *pl_recovery_kept(const struct pl_epoch *last, const char *name);

/* What to say of an option that names a node which is not there. */
enum pl_code pl_recovery_no_such_node(const struct pl_graph *graph, const char *option, const char *name,
                                      struct pl_error **error);

/* The same where nothing is kept. */
enum pl_code pl_recovery_describe(const struct pl_graph *graph, unsigned partitions, struct pl_epoch *now,
                                  struct pl_error **error);

#endif
