/* store.h: a data folder: one RocksDB with a column family for each thing kept.
 *
 * One process holds a folder for writing (RocksDB's lock); others open it read-only. Threads: any.
 */
#ifndef POTLINE_STORE_H
#define POTLINE_STORE_H

#include <potline/error.h>
#include <potline/zone.h>
#include <rocksdb/c.h>
#include <stdbool.h>

enum pl_store_family {
    PL_STORE_META,   /* format version, graph, counters of the folder */
    PL_STORE_BRONZE, /* the log */
    PL_STORE_INDEX,  /* its sparse time index */
    PL_STORE_SILVER,
    PL_STORE_GOLD,
    PL_STORE_DEAD,
    PL_STORE_STATE, /* snapshots of nodes */
    PL_STORE_SPILL, /* batches that wait: held-back merges, slow sinks; emptied at start */
    PL_STORE_FAMILIES
};

struct pl_store_options {
    bool read_only;
    bool sync_each; /* every write waits for the disk */
};

struct pl_store {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family[PL_STORE_FAMILIES];
    char *path;
    struct pl_store_impl *impl;
};

enum pl_code pl_store_open(const char *path, const struct pl_store_options *options, struct pl_store **store,
                           struct pl_error **error);
void pl_store_close(struct pl_store *store); /* NULL is fine */

/* Hands a batch of writes to the kernel (to the disk with sync_each); the batch is cleared. */
enum pl_code pl_store_write(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error);

/* Everything written becomes durable. Blocks. */
enum pl_code pl_store_sync(struct pl_store *store, struct pl_error **error);

#endif
