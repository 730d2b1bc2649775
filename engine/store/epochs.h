/* epochs.h: the checkpoints of a data folder: what every node knew when an epoch ended, and where the log stood then.
 *
 *     d epoch, number            -> node, partition | entries      changes of an epoch that is being written
 *     s node, 0, partition, key  -> value                          the state at the last epoch (state.h)
 *     z epoch, zone, key         -> (nothing)                      records of zones that belong to no epoch yet
 *     r node, 0, partition, key  -> value                          the state as it will be for other partitions
 *     meta "epoch"               -> number, time, the log's sequences, operators
 *
 * An epoch is written in pieces, beside everything else that is going on, and then becomes the last one by a single
 * write; only behind that are its changes moved into the state. What a death leaves in between is put in order when the
 * folder is opened: pieces of the last epoch are moved again, those of a later one are dropped, and so are the rows
 * that were put into zones behind it, which come once more when the log is worked off.
 *
 * Threads: one at a time.
 */
#ifndef POTLINE_STORE_EPOCHS_H
#define POTLINE_STORE_EPOCHS_H

#include "store/state.h"
#include "store/store.h"

struct pl_epochs;

/* A node of the graph as it was at an epoch. */
struct pl_epoch_node {
    char *name;
    char *op;
    uint64_t options; /* a hash of those that are part of the meaning of its state */
    uint16_t instances;
};

struct pl_epoch {
    uint64_t number; /* 0: there is none */
    pl_time time;    /* when it was complete */
    uint64_t graph;  /* hash of the graph */
    unsigned partitions;
    uint64_t *sequence; /* [partition]: of the barrier that ended it */
    unsigned node_count;
    struct pl_epoch_node *nodes;
};

void pl_epoch_fini(struct pl_epoch *epoch);

/* False without memory. */
bool pl_epoch_copy(const struct pl_epoch *epoch, struct pl_epoch *copy);

/* As bytes, and back: what is read is owned by the caller also when it is none. */
void pl_epoch_pack(const struct pl_epoch *epoch, struct pl_pack *pack);
bool pl_epoch_unpack(struct pl_unpack *unpack, struct pl_epoch *epoch);

/* Puts the folder in order and says which epoch is the last one; *last is owned by the caller. */
enum pl_code pl_epochs_open(struct pl_store *store, struct pl_epochs **epochs, struct pl_epoch *last,
                            struct pl_error **error);
void pl_epochs_close(struct pl_epochs *epochs); /* NULL is fine */

/* The last epoch, also of a folder that is read while another process writes it. PL_NOT_FOUND: there is none. */
enum pl_code pl_epochs_last(struct pl_store *store, struct pl_epoch *last, struct pl_error **error);

/* Before pl_epochs_open, in a folder that has none: this one is the last, and its entries are there already, as they
 * stood in another folder. `mark` is a key of the family meta, which goes by the same write. */
enum pl_code pl_epochs_begin(struct pl_store *store, const struct pl_epoch *epoch, const char *mark,
                             struct pl_error **error);

/* The last one whose state was shared out to another number of partitions: rows in front of its sequences were shared
 * out in another way. PL_NOT_FOUND: none has been. */
enum pl_code pl_epochs_shared_out(struct pl_store *store, struct pl_epoch *epoch, struct pl_error **error);

/* Changes of a node that belong to an epoch which is being written; an earlier put is overtaken by a later one. */
enum pl_code pl_epochs_put(struct pl_epochs *epochs, uint64_t epoch, const char *node, uint16_t partition,
                           const struct pl_buffer *entries, struct pl_error **error);

/* The epoch is complete: from here on it is the last one. With `sync` once it is safe from power loss. */
enum pl_code pl_epochs_commit(struct pl_epochs *epochs, const struct pl_epoch *epoch, bool sync,
                              struct pl_error **error);

/* Every entry of a node's state at the last epoch, in order of their keys. */
typedef enum pl_code pl_epochs_visitor(void *arg, const struct pl_state_entry *entry, struct pl_error **error);
enum pl_code pl_epochs_load(struct pl_store *store, const char *node, uint16_t partition, pl_epochs_visitor *visit,
                            void *arg, struct pl_error **error);

/* The state of all nodes as it is now, for whoever looks at it later, from one thread; ends by pl_store_iter_free. With
 * nothing being written: at an epoch that everybody stands behind. */
enum pl_code pl_epochs_view(struct pl_store *store, struct pl_store_iter **view, struct pl_error **error);
enum pl_code pl_epochs_load_view(struct pl_store_iter *view, const char *node, uint16_t partition,
                                 pl_epochs_visitor *visit, void *arg, struct pl_error **error);

/* Of those, the records of one table. */
enum pl_code pl_epochs_load_table(struct pl_store *store, const char *node, uint16_t partition, const char *table,
                                  pl_epochs_visitor *visit, void *arg, struct pl_error **error);

/* The value of one of the parts that are a single msgpack value, owned by the caller (pl_free). PL_NOT_FOUND without a
 * message: there is none. */
enum pl_code pl_epochs_find(struct pl_store *store, const char *node, uint16_t partition, enum pl_state_part part,
                            void **value, size_t *size, struct pl_error **error);

/* Forgets one of the parts that are a single msgpack value. */
enum pl_code pl_epochs_drop(struct pl_epochs *epochs, const char *node, uint16_t partition, enum pl_state_part part,
                            struct pl_error **error);

/* The same, with another value instead. */
enum pl_code pl_epochs_replace(struct pl_epochs *epochs, const char *node, uint16_t partition, enum pl_state_part part,
                               const struct pl_pack *value, struct pl_error **error);

/* ---- For another graph ---- */

/* What is kept of a node, and what it has spilled, stands under another name, too: that of no node of the last epoch.
 * It means nothing before the epoch is described anew. */
enum pl_code pl_epochs_copy(struct pl_epochs *epochs, const char *from, const char *to, struct pl_error **error);
/* By one write the last epoch is described anew: the same number, other nodes; and nothing is left of those named in
 * `gone` (ends in NULL). */
enum pl_code pl_epochs_describe(struct pl_epochs *epochs, const struct pl_epoch *epoch, const char *const *gone,
                                struct pl_error **error);

/* ---- For other partitions ---- */

/* State as it is to be, beside what it is. Nobody sees it before the switch; a death before that drops it. */
enum pl_code pl_epochs_stage(struct pl_epochs *epochs, const char *node, uint16_t partition, const void *key,
                             size_t key_size, const void *value, size_t size, struct pl_error **error);
/* By one write what was staged is the state, all of it, and `epoch` (of the same number) describes it. Rows that the
 * nodes of `forgotten` (ends in NULL) have spilled go. */
enum pl_code pl_epochs_switch(struct pl_epochs *epochs, const struct pl_epoch *epoch, const char *const *forgotten,
                              struct pl_error **error);
/* Has one been made whose entries are not moved into the state yet? For who only reads the folder. */
bool pl_epochs_switched(struct pl_store *store);
/* Drops what was staged. */
enum pl_code pl_epochs_unstage(struct pl_epochs *epochs, struct pl_error **error);

/* ---- Of an engine in a group, whose state is in a changelog too ---- */

/* The epoch is complete here. Whether it becomes the last one is decided elsewhere, after this is safe. */
enum pl_code pl_epochs_prepare(struct pl_epochs *epochs, const struct pl_epoch *epoch, struct pl_error **error);
/* Before pl_epochs_open: the one that was prepared last, PL_NOT_FOUND; and that it has become the last one. */
enum pl_code pl_epochs_prepared(struct pl_store *store, struct pl_epoch *epoch, struct pl_error **error);
enum pl_code pl_epochs_adopt(struct pl_store *store, const struct pl_epoch *epoch, struct pl_error **error);
/* Or that it has not, for good: what belongs to it goes when the folder is opened. */
enum pl_code pl_epochs_reject(struct pl_store *store, struct pl_error **error);

/* Every node of which something is kept, in any partition. */
typedef enum pl_code pl_epochs_node_visitor(void *arg, const char *node, struct pl_error **error);
enum pl_code pl_epochs_each_node(struct pl_store *store, pl_epochs_node_visitor *visit, void *arg,
                                 struct pl_error **error);
/* What one of them knew of a partition goes with the next write. */
void pl_epochs_let_go(struct pl_epochs *epochs, const char *node, uint16_t partition);

/* Forgets what every node knew of a partition; and an entry of one, as another engine has saved it (NULL: gone). */
enum pl_code pl_epochs_clear(struct pl_epochs *epochs, uint16_t partition, struct pl_error **error);
enum pl_code pl_epochs_set(struct pl_epochs *epochs, const char *node, uint16_t partition,
                           const struct pl_state_entry *entry, struct pl_error **error);

/* For a thread of its own, beside who makes checkpoints: to clear and to set what is of partitions that have no part in
 * those. What was set is there behind flush at the latest. Ends by pl_epochs_close. */
enum pl_code pl_epochs_beside(struct pl_store *store, struct pl_epochs **epochs, struct pl_error **error);
enum pl_code pl_epochs_flush(struct pl_epochs *epochs, struct pl_error **error);

/* For zone.c: adds to the writes that this record of a zone belongs to `epoch`. */
void pl__epochs_note_record(struct pl_store *store, rocksdb_writebatch_t *writes, uint64_t epoch,
                            enum pl_store_family zone, const void *key, size_t key_size);

#endif
