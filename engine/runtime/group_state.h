/* group_state.h: what is kept of the partitions of a group, against the graph that is to go on with it.
 *
 * Each partition says for itself of which nodes its state is: one whose engine died may be of a graph that the others
 * have left behind. What the graph does not go on with leaves the changelog, by a transaction that also says of which
 * nodes the rest is, and then the folder; until both are done a death leaves it to be done again. So a node that is
 * taken out and put back begins with nothing, whoever has the partition then.
 */
#ifndef POTLINE_GROUP_STATE_H
#define POTLINE_GROUP_STATE_H

#include "runtime/changelog.h"
#include "runtime/recovery.h"

/* found[partition] as of pl_changelog_take_over. *last, the folder's own one, becomes the one to go on from. Behind
 * this follows pl_recovery_match. PL_UNAVAILABLE: brokers are away, or the group has gone on without us. */
enum pl_code pl_group_state_fit(const struct pl_recovery *recovery, struct pl_changelog *changelog,
                                struct pl_epoch *found, struct pl_epoch *last, struct pl_error **error);

#endif
