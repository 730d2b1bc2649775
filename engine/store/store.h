/* store.h: a data folder: one RocksDB with a column family for each thing kept.
 *
 *     DIR/store/          the database (0700)
 *     DIR/format          the version of all of it, for who must not touch a newer one
 *     DIR/closed          it was closed in good order, and what its files were then
 *     DIR/control.sock    where people reach the engine that has it
 *     DIR/snapshot/       what is being copied elsewhere (snapshot.h)
 *     DIR/store.next/     under another key before long (rekey.h); DIR/store.restore/: not a data folder yet (backup.h)
 *
 * One process holds a folder for writing (RocksDB's lock); others open it read-only at the same time and see what was
 * written until then. Threads: any, but for open and close.
 *
 * The usual mistake: a raw RocksDB iterator that is still alive at pl_store_close, which ends the process; take a
 * pl_store_iter, which does not outlive its store.
 */
#ifndef POTLINE_STORE_H
#define POTLINE_STORE_H

#include <potline/error.h>
#include <potline/zone.h>
#include <rocksdb/c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/key.h"

enum pl_store_family {
    PL_STORE_META,   /* format version, graph, counters of the folder */
    PL_STORE_BRONZE, /* the log */
    PL_STORE_INDEX,  /* its sparse time index */
    PL_STORE_SILVER,
    PL_STORE_GOLD,
    PL_STORE_DEAD,
    PL_STORE_STATE, /* snapshots of nodes */
    PL_STORE_SPILL, /* batches that wait: held-back merges, slow sinks */
    PL_STORE_KEPT,  /* what people have decided, by node */
    PL_STORE_USERS, /* who they are */
    PL_STORE_AUDIT, /* and what they did */
    PL_STORE_FAMILIES
};

/* The format that this version writes; it reads this one and older ones. */
enum { PL_STORE_FORMAT = 1 };

struct pl_store_options {
    bool read_only;           /* also while another process holds the folder; nothing is created or changed */
    bool unchecked;           /* read-only: also when a file is known to be damaged, for who looks at the damage */
    bool sync_each;           /* every write waits for the disk */
    uint64_t reserve;         /* bytes of the disk that stay free; 0: what RocksDB may have to write at once */
    struct pl_store_key *key; /* everything is encrypted with it; NULL: it is in the clear. The store takes a ref */
    bool ship;                /* a standby is served: every write goes through the write-ahead log, and that is kept */
    bool follow;              /* it is a copy, or is to become one: opened although nobody else may (lineage.h) */
};

struct pl_store {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family[PL_STORE_FAMILIES]; /* read-only: NULL where the folder has none yet */
    char *path;
    struct pl_store_impl *impl;
};

/* Opens the folder; for writing, makes what is missing (0700). Owned by the caller.
 * PL_NOT_FOUND: read-only, and there is no data folder. PL_BUSY: another process holds it. PL_CONFLICT: written by a
 * newer version. PL_CORRUPT: damaged; a torn end of the write-ahead log is not damage, it is cut off. PL_USAGE: under
 * another key, or encrypted and no key is given, or in the clear and one is; nothing has been touched. */
enum pl_code pl_store_open(const char *path, const struct pl_store_options *options, struct pl_store **store,
                           struct pl_error **error);
/* What a folder is known by wherever it is: 16 hexadecimal digits, and a 0. "": one of before there were any. */
enum { PL_STORE_IDENTITY = 17 };
enum pl_code pl_store_identity(struct pl_store *store, char identity[PL_STORE_IDENTITY], struct pl_error **error);

/* The process that has this folder open for writing; 0: none has. Not for folders that are open here. */
pid_t pl_store_holder(const char *path);

void pl_store_close(struct pl_store *store); /* NULL is fine; ends the iterators that are left */

/* Has one been closed after a failed write? RocksDB's threads are still at work then, and trip over what exit() takes
 * down: the process ends with _exit. */
bool pl_store_left_open(void);

/* What it is encrypted with; NULL: it is in the clear. Borrowed. */
struct pl_store_key *pl_store_key(const struct pl_store *store);

/* Would the folder open with this key (NULL: in the clear)? PL_USAGE: no. Where there is no database, any key is right.
 */
enum pl_code pl_store_key_check(const char *path, const struct pl_store_key *key, struct pl_error **error);

/* Removes the database of a folder, which need not be there; the folder itself stays. PL_BUSY: somebody holds it. */
enum pl_code pl_store_remove(const char *path, struct pl_error **error);

/* Hands a batch of writes to the kernel (to the disk with sync_each); the batch is cleared. After one that failed (a
 * full disk) nothing more is written; the process still reads, and has to end before the folder can be opened again. */
enum pl_code pl_store_write(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error);

/* Would a write of so many bytes have room? PL_UNAVAILABLE, from this and from pl_store_write: the disk is full.
 * Nothing is broken then: it may be tried again. */
enum pl_code pl_store_room(struct pl_store *store, size_t size, struct pl_error **error);

/* Everything written becomes durable. Blocks. */
enum pl_code pl_store_sync(struct pl_store *store, struct pl_error **error);

/* ---- For who has a copy written elsewhere (engine/standby) ---- */

struct pl_store_watch {
    void (*synced)(void *arg);  /* everything written has just become durable; may block. Any thread */
    void (*closing)(void *arg); /* nothing more is written; RocksDB is touched for the last time */
    void *arg;
};
void pl_store_set_watch(struct pl_store *store, const struct pl_store_watch *watch); /* borrowed until the close */

bool pl_store_ships(const struct pl_store *store);
uint64_t
pl_store_opened_at(const struct pl_store *store); /* RocksDB's sequence number then, before any write of ours */

/* Removes the oldest of the write-ahead logs that are kept for a standby, until they have at most so many bytes. */
void pl_store_archive_trim(const struct pl_store *store, uint64_t most);

/* Where a copy of a folder's database is made, below the folder; what is left there of one that nobody finished goes at
 * every opening to write. */
#define PL_STORE_COPY "standby.copy"
enum pl_code pl_store_copy_remove(const char *path, struct pl_error **error);

/* The value of a key, owned by the caller (pl_free), a 0 behind it. PL_NOT_FOUND without a message: there is none. */
enum pl_code pl_store_get(struct pl_store *store, enum pl_store_family family, const void *key, size_t key_size,
                          void **value, size_t *size, struct pl_error **error);

/* Turns RocksDB's message (freed here, may be NULL) into an error that names the folder and `what` was being done. */
enum pl_code pl_store_error(const struct pl_store *store, const char *what, char *message, struct pl_error **error);

/* XXH3 of `bytes`, bound to the key they belong under. */
uint64_t pl_store_checksum(const void *key, size_t key_size, const void *bytes, size_t size);

/* ---- Iterators: the view of the moment they were made ---- */

struct pl_store_iter;

/* Over the keys in front of `end` (copied; NULL: all). Not positioned yet. Owned by the caller. */
enum pl_code pl_store_iter_new(struct pl_store *store, enum pl_store_family family, const void *end, size_t end_size,
                               struct pl_store_iter **iter, struct pl_error **error);
void pl_store_iter_free(struct pl_store_iter *iter); /* NULL is fine; also after the store's close */

void pl_store_iter_seek(struct pl_store_iter *iter, const void *key, size_t key_size);      /* the first at or behind */
void pl_store_iter_seek_last(struct pl_store_iter *iter, const void *key, size_t key_size); /* the last at or before */
void pl_store_iter_next(struct pl_store_iter *iter);
bool pl_store_iter_valid(const struct pl_store_iter *iter);
const void *pl_store_iter_key(const struct pl_store_iter *iter, size_t *size); /* borrowed until it moves */
const void *pl_store_iter_value(const struct pl_store_iter *iter, size_t *size);

/* Why it is not valid: PL_OK at the end of the keys, else an error. */
enum pl_code pl_store_iter_check(const struct pl_store_iter *iter, struct pl_error **error);

/* What people have decided about a node (potline/kept.h), from one folder to another, or to another name. */
enum pl_code pl_kept_copy(struct pl_store *from, const char *node, struct pl_store *to, const char *as,
                          struct pl_error **error);
enum pl_code pl_kept_forget(struct pl_store *store, const char *node, struct pl_error **error);
/* To the name that the node has now, all at once; nothing where that one has values of its own. */
enum pl_code pl_kept_move(struct pl_store *store, const char *was, const char *now, struct pl_error **error);

/* ---- What the runtime says about a node (runtime/node.c) ---- */

struct pl_node_abroad;
const struct pl_node_abroad *pl_node_abroad(const struct pl_node *node); /* abroad.h; NULL: it is in the engine */
struct pl_store *pl_node_store(const struct pl_node *node);              /* NULL: there is no data folder */

#endif
