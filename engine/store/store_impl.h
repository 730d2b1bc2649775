/* store_impl.h: what store.c and iter.c share. */
#ifndef POTLINE_STORE_IMPL_H
#define POTLINE_STORE_IMPL_H

#include <pthread.h>

#include "store/store.h"

struct pl_store_impl {
    char *folder;  /* of the database */
    char *scratch; /* read-only: a temporary folder for RocksDB's own messages */
    rocksdb_options_t *options;
    rocksdb_options_t *family_options[PL_STORE_FAMILIES];
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    pthread_mutex_t lock; /* guards iters */
    struct pl_store_iter *iters;
    pthread_mutex_t run_lock; /* zone.c's */
};

/* Ends RocksDB's side of every iterator; those who hold one see it at its end. */
void pl__store_iters_end(struct pl_store *store);

#endif
