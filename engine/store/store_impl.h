/* store_impl.h: what store.c and iter.c share. */
#ifndef POTLINE_STORE_IMPL_H
#define POTLINE_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/seal_env.h"
#include "store/store.h"

struct pl_store_impl {
    char *folder;                  /* of the database */
    char *scratch;                 /* read-only: a temporary folder for RocksDB's own messages */
    struct pl_store_key *key;      /* NULL: in the clear */
    struct pl__seal_env *seal_env; /* then too */
    rocksdb_options_t *options;
    rocksdb_options_t *family_options[PL_STORE_FAMILIES];
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    uint64_t reserve;
    _Atomic int64_t unchecked; /* bytes that may be written until room is looked for again */
    _Atomic bool broken;       /* a write has failed */
    pthread_mutex_t lock;      /* guards iters */
    struct pl_store_iter *iters;
    pthread_mutex_t run_lock; /* zone.c's */
};

/* The families that the database has, as bits; 0 when there is no database. When they could not be read, *message is
 * RocksDB's, for the caller to free. */
enum pl_code pl__store_families(struct pl_store *store, unsigned *there, char **message, struct pl_error **error);

/* Opens those (for writing: all); RocksDB's message when that fails. */
char *pl__store_open_families(struct pl_store *store, bool read_only, unsigned there);

enum pl_code pl__store_open_reader(struct pl_store *store, struct pl_error **error);

/* disk.c: is there room on the disk, to open the folder and to go on writing. */
enum pl_code pl__store_room_to_open(const struct pl_store *store, struct pl_error **error);
enum pl_code pl__store_room_to_write(struct pl_store *store, size_t size, struct pl_error **error);

/* Ends RocksDB's side of every iterator; those who hold one see it at its end. */
void pl__store_iters_end(struct pl_store *store);

#endif
