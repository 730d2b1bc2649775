/* store_impl.h: what store.c and iter.c share. */
#ifndef POTLINE_STORE_IMPL_H
#define POTLINE_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/seal_env.h"
#include "store/store.h"

/* hold.c: a data folder is one writer's from before it is opened until all is written about its end: RocksDB's own lock
 * is shorter. */
struct pl__hold {
    int fd; /* of the database's folder; -1: not held */
    unsigned long device, inode;
    struct pl__hold *next;
};

struct pl_store_impl {
    char *folder; /* of the database */
    struct pl__hold hold;
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
    bool ship, sync_each;
    uint64_t opened_at;
    const struct pl_store_watch *_Atomic watch;
    pthread_mutex_t lock; /* guards iters */
    struct pl_store_iter *iters;
    pthread_mutex_t run_lock; /* zone.c's */
};

/* The families that the database has, as bits; 0 when there is no database. When they could not be read, *message is
 * RocksDB's, for the caller to free. */
enum pl_code pl__store_families(struct pl_store *store, unsigned *there, char **message, struct pl_error **error);

enum pl__store_way {
    PL__WRITER,
    PL__READER,       /* while nobody writes: takes nothing for granted */
    PL__BESIDE_WRITER /* takes a file that is not there for one that the writer has done with */
};

/* Opens those (for writing: all); RocksDB's message when that fails. */
char *pl__store_open_families(struct pl_store *store, enum pl__store_way way, unsigned there);
void pl__store_close_families(struct pl_store *store);

/* identity.c */
enum pl_code pl__store_put_identity(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error);
enum pl_code pl__store_identify(struct pl_store *store, struct pl_error **error); /* if it has none yet */

enum pl_code pl__store_open_reader(struct pl_store *store, struct pl_error **error);

/* disk.c: is there room on the disk, to open the folder and to go on writing. */
enum pl_code pl__store_room_to_open(const struct pl_store *store, struct pl_error **error);
enum pl_code pl__store_room_to_write(struct pl_store *store, size_t size, struct pl_error **error);

/* PL_BUSY: somebody else holds it; `database` is the folder with RocksDB's lock. */
enum pl_code pl__hold_take(struct pl__hold *hold, const char *path, const char *database, struct pl_error **error);
void pl__hold_release(struct pl__hold *hold);
/* Is there a writer just now? */
bool pl__hold_exists(const char *database);

/* wal.c: cuts off the torn end that a crash leaves in the write-ahead log, and says so. PL_CORRUPT: it is damaged
 * elsewhere. */
enum pl_code pl__store_mend_logs(const struct pl_store *store, struct pl_error **error);

/* closed.c: made when the folder has been closed, checked and (by a writer) broken before it is opened. */
#define PL__CLOSED "closed" /* the file's name */
void pl__store_mark_closed(const struct pl_store *store);
enum pl_code pl__store_check_closed(const struct pl_store *store, struct pl_error **error);
enum pl_code pl__store_mark_open(const char *data, struct pl_error **error);

/* format.c: the version of the folder, as text (0: it is none), and as it stands in a file beside the database. */
#define PL__FORMAT "format" /* the file's name */
long pl__format_number(const char *text);
enum pl_code pl__format_check(const struct pl_store *store, long format, struct pl_error **error);
enum pl_code pl__format_check_file(const struct pl_store *store, struct pl_error **error);
enum pl_code pl__format_put_file(const struct pl_store *store, struct pl_error **error);

/* backup_restore.c: a restore that did not come to its end has left a part of a folder there. */
#define PL__RESTORING "store.restore" /* that part's name */
enum pl_code pl__store_check_whole(const char *path, struct pl_error **error);
void pl__restore_clear(const char *path);
/* lineage.c: PL_CONFLICT: a copy, or another has taken its place. */
enum pl_code pl__lineage_open(struct pl_store *store, bool ship, struct pl_error **error);

/* sst.c: what RocksDB does not check itself. */
enum pl_code pl__store_check_tables(const struct pl_store *store, struct pl_error **error);

/* rocks_assert.c: what is said when RocksDB gives up is about this folder; or about a write that failed. */
void pl__store_assert_about(const char *path);
void pl__store_assert_broken(void);

/* Ends RocksDB's side of every iterator; those who hold one see it at its end. */
void pl__store_iters_end(struct pl_store *store);

#endif
