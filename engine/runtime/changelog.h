/* changelog.h: the state of a group's partitions, in a topic beside the log, so that another engine can go on with it.
 *
 *     node, 0, entry's key -> value        the state at the group's last checkpoint of the partition (store/state.h)
 *     0, "epoch"           -> epoch        which that is, and of which nodes
 *     0, "by", engine      -> number       the last one that this engine has made
 *
 * A checkpoint is prepared in the folder, then made in one transaction of the brokers: state, these two, and the
 * offsets of the group; and only then it is the folder's last one. So whoever has the partition next goes on from
 * there, and a folder that died in between knows by its mark what became of it.
 */
#ifndef POTLINE_CHANGELOG_H
#define POTLINE_CHANGELOG_H

#include "log/kafka.h"
#include "runtime/replica.h"
#include "store/epochs.h"

struct pl_changelog {
    struct pl_log *log;
    char engine[PL_STORE_IDENTITY]; /* the folder's */
    struct pl_replicas *replicas;   /* what the folder has of partitions already; NULL: nothing is known. Borrowed */
};

/* ---- Making a checkpoint: begin, put, ..., end; or drop. As pl_kafka_commit_begin and so on. ---- */

enum pl_code pl_changelog_begin(struct pl_changelog *changelog, bool *done, struct pl_error **error);
enum pl_code pl_changelog_put(struct pl_changelog *changelog, const char *node, uint16_t partition,
                              const struct pl_buffer *entries, struct pl_error **error);
enum pl_code pl_changelog_end(struct pl_changelog *changelog, const struct pl_epoch *epoch, struct pl_error **error);
void pl_changelog_drop(struct pl_changelog *changelog);

/* ---- Changing what is there, without a checkpoint: begin, forget and describe, settle; or drop. ---- */

/* What the folder keeps of the node in this partition is none of its state any more. */
enum pl_code pl_changelog_forget(struct pl_changelog *changelog, struct pl_store *store, const char *node,
                                 uint16_t partition, struct pl_error **error);
/* The partition's last checkpoint is of these nodes. Folders that have made or read it before do not have that, so none
 * goes on from its own until there is another one. */
enum pl_code pl_changelog_describe(struct pl_changelog *changelog, const struct pl_epoch *epoch, unsigned partition,
                                   struct pl_error **error);
enum pl_code pl_changelog_settle(struct pl_changelog *changelog, struct pl_error **error);

/* ---- Going on: before and behind pl_epochs_open ---- */

/* What a death has left undecided in the folder is what the group says it is. */
enum pl_code pl_changelog_decide(struct pl_changelog *changelog, struct pl_store *store, struct pl_error **error);

/* found[partition] becomes the group's last checkpoint of each that is ours (number 0: there is none; the caller's, as
 * it is given, all 0), and the folder has its state: where it was made here it has it already, and of what it has
 * followed only the rest is read. `folder`: the last one made here. */
enum pl_code pl_changelog_take_over(struct pl_changelog *changelog, struct pl_epochs *epochs,
                                    const struct pl_epoch *folder, const bool *owned, unsigned partitions,
                                    struct pl_epoch *found, struct pl_error **error);

/* An entry as it stands there: the folder has it then, or *found is the checkpoint that is told. */
enum pl_code pl_changelog_take(struct pl_epochs *epochs, const struct pl_kafka_entry *entry, struct pl_epoch *found,
                               struct pl_error **error);

#endif
