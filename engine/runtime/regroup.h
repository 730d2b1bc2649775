/* regroup.h: the state of an epoch for another number of partitions.
 *
 *     old partitions   [ a c ] [ b d ]       records by name: to the partition that their name's group has now
 *                        \ \ X / /           of a whole partition: all of them become one (pl_table_def.merge), for
 * each new partitions   [ a ][ b ][ c ][ d ]  watermarks: the least; rows that wait for another input: by their name
 *
 * It is only right at the end of the log: rows behind the epoch are shared out the old way, and come in an order that
 * cannot be told across partitions. So all of them have to be worked off, which a run that ends in good order sees to.
 * What cannot be shared out (state that an operator saves as a whole, rows in the spill) is refused by the node's name.
 * The old state is whole until one write replaces all of it.
 */
#ifndef POTLINE_REGROUP_H
#define POTLINE_REGROUP_H

#include "runtime/recovery.h"

/* PL_CONFLICT: behind `last` the log holds what is shared out to as many partitions as `last` has, not to `partitions`.
 * Without sequences: from its beginning on. */
enum pl_code pl_regroup_check_log(const struct pl_recovery *recovery, const struct pl_epoch *last, unsigned partitions,
                                  struct pl_error **error);

/* What was kept of each node of the graph, NULL: nothing, or it is not wanted. *last is of the new partitions then. */
enum pl_code pl_regroup(const struct pl_recovery *recovery, const struct pl_epoch_node *const *kept,
                        const char *const *forgotten, struct pl_epoch *last, const struct pl_epoch *now,
                        struct pl_error **error);

/* ---- gate_regroup.c ---- */

struct pl_regroup_gates {
    const struct pl_recovery *recovery;
    const struct pl_graph_node *node;
    unsigned from_partitions, to_partitions; /* of the graphs */
    unsigned from, to;                       /* instances of the node */
    struct pl_codec *codec;
    struct pl_gate **old, **made; /* [instance] */
    bool any;                     /* one of the old ones was saved */
};

enum pl_code pl_regroup_gates_init(struct pl_regroup_gates *gates, struct pl_error **error); /* end it in any case */
void pl_regroup_gates_fini(struct pl_regroup_gates *gates);
enum pl_code pl_regroup_gate_add(struct pl_regroup_gates *gates, unsigned instance, const void *bytes, size_t size,
                                 struct pl_error **error);
/* Makes the new ones; *wanted of `instance`: it has something to be saved, which stands in `pack`. */
enum pl_code pl_regroup_gates_share(struct pl_regroup_gates *gates, struct pl_error **error);
enum pl_code pl_regroup_gate_pack(struct pl_regroup_gates *gates, unsigned instance, struct pl_pack *pack, bool *wanted,
                                  struct pl_error **error);

#endif
