/* epochs_impl.h: what the files of epochs share. */
#ifndef POTLINE_STORE_EPOCHS_IMPL_H
#define POTLINE_STORE_EPOCHS_IMPL_H

#include "store/epochs.h"

enum { PL__EPOCHS_WRITE = 256 << 10, PL__NODE_KEY = 1 + PL_NAME_MAX + 1 + 2 };

struct pl_epochs {
    struct pl_store *store;
    rocksdb_writebatch_t *writes;
    struct pl_buffer bytes; /* a piece, or a key */
    uint32_t pieces;        /* so far, of the epoch that is being written */
};

/* "s", node, 0, partition. */
size_t pl__epochs_node_key(const char *node, uint16_t partition, char key[PL__NODE_KEY]);

typedef enum pl_code pl__epochs_visit(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                                      struct pl_error **error);

/* Every key of the state's family that begins with `prefix`, as of now. */
enum pl_code pl__epochs_walk(struct pl_store *store, const char *prefix, size_t prefix_size, pl__epochs_visit *visit,
                             void *arg, struct pl_error **error);
enum pl_code pl__epochs_walk_in(struct pl_store *store, enum pl_store_family family, const char *prefix,
                                size_t prefix_size, pl__epochs_visit *visit, void *arg, struct pl_error **error);

/* The same by an iterator that there is. */
enum pl_code pl__epochs_walk_by(struct pl_store_iter *iter, const char *prefix, size_t prefix_size,
                                pl__epochs_visit *visit, void *arg, struct pl_error **error);

/* Writes what was gathered, once it is more than `least`. */
enum pl_code pl__epochs_flush(struct pl_epochs *epochs, size_t least, struct pl_error **error);

/* In meta: the last epoch, and the last one that was shared out to other partitions. */
#define PL__EPOCHS_LAST "epoch"
#define PL__EPOCHS_SHARED_OUT "epoch.shared_out"
#define PL__EPOCHS_PREPARED "epoch.prepared"

/* Adds to the writes that this epoch stands under one of these. */
enum pl_code pl__epochs_put_record(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key,
                                   const struct pl_epoch *epoch, struct pl_error **error);

/* What stands under one of them. PL_NOT_FOUND: nothing. */
enum pl_code pl__epochs_read_record(struct pl_store *store, const char *key, struct pl_epoch *epoch,
                                    struct pl_error **error);

/* With the writes of a spilled node's rows: they go. */
void pl__epochs_drop_spill(struct pl_epochs *epochs, const char *node);

/* At opening: what a switch has left to do, or what was prepared for one that never was. */
enum pl_code pl__epochs_finish_switch(struct pl_epochs *epochs, struct pl_error **error);

#endif
