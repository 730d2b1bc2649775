/* backup.h: data folders kept in another place, several states of one sharing the files that are the same.
 *
 *     TO/potline-backups           says what the place is
 *     TO/NUMBER.backup             a backup: what it is of, and its files with their checksums
 *     TO/files/NAME-PRINT          a file, of one backup or of many
 *
 * Tables, nearly all of the bytes, never change once they are written; one that an earlier backup has is not copied
 * again. It is known by its name, its size and a print: a checksum over its head and its end, where RocksDB writes what
 * no other table has. Each file is read back and compared before it gets its name, and a backup is one once its list
 * has its name: a kill leaves the earlier ones whole, and what it had copied is there for the next one. Files are
 * copied as they are on the disk, so an encrypted folder has an encrypted backup, which its key opens.
 *
 *     struct pl_backup backup = {.from = snapshot, .to = "/mnt/backup", .key = key};
 *     if (pl_backup_make(&backup, &error)) ...
 *
 * The versions of its zones (version.h) are data folders in the data folder, and are in it as files of
 * versions/NAME/store. One that is being made is left out.
 *
 * One call at a time is at work in a place (PL_BUSY), but for lists. Nothing is kept between calls.
 */
#ifndef POTLINE_STORE_BACKUP_H
#define POTLINE_STORE_BACKUP_H

#include <potline/time.h>

#include "store/store.h"

/* Bytes; false: it is to end here (PL_BUSY). */
typedef bool pl_backup_progress(void *arg, uint64_t done, uint64_t all);

struct pl_backup_info {
    uint64_t id;
    pl_time time;                     /* of what it holds */
    uint64_t epoch;                   /* the last one in it; 0: none */
    char key_id[PL_STORE_KEY_ID];     /* "": in the clear */
    char identity[PL_STORE_IDENTITY]; /* of the folder; "": it is known by its name only */
    char of[256];                     /* the folder, as its owner calls it; cut where it is longer */
    uint64_t files, bytes;            /* of all its files, shared or not */
};

struct pl_backup {
    const char *from;             /* a data folder that nobody writes: a snapshot, or one that is held */
    const char *of;               /* what it is called in the list; its versions are there */
    const char *to;               /* made when it is not there; else empty, or a place of backups */
    struct pl_store_key *key;     /* of the folder; NULL: in the clear */
    pl_time time;                 /* of what is in it */
    uint64_t keep;                /* how many backups of this folder stay, this one included; 0: all */
    bool verify;                  /* reads files of earlier backups again, too */
    pl_backup_progress *progress; /* may be NULL */
    void *arg;

    /* What came of it. */
    struct pl_backup_info made;
    uint64_t copied_files, copied_bytes, pruned;
};

/* PL_UNAVAILABLE: the place is full; nothing is lost. PL_USAGE: it holds something else. PL_CORRUPT: what was written
 * does not come back, or (verify) an earlier file does not. */
enum pl_code pl_backup_make(struct pl_backup *backup, struct pl_error **error);

/* Are both of one data folder? */
bool pl_backup_same_folder(const struct pl_backup_info *a, const struct pl_backup_info *b);

/* Each backup, the oldest first. One that cannot be read is an error, told when the others have been given.
 * PL_NOT_FOUND: the place holds none. */
typedef void pl_backup_visitor(void *arg, const struct pl_backup_info *info);
enum pl_code pl_backup_each(const char *place, pl_backup_visitor *each, void *arg, struct pl_error **error);

/* Reads every file of every backup; PL_CORRUPT names the first that is not what it was. */
enum pl_code pl_backup_verify(const char *place, pl_backup_progress *progress, void *arg, uint64_t *files,
                              struct pl_error **error);

struct pl_restore {
    const char *from; /* the place */
    const char *to;   /* the data folder: not there yet, or empty */
    uint64_t id;      /* which; 0: see below */
    pl_time at;       /* the last one that is not younger than this */
    pl_backup_progress *progress;
    void *arg;
    struct pl_backup_info restored; /* what came of it */
};

/* Finds it: *info. PL_NOT_FOUND: there is none like that. PL_CONFLICT: without an id, and there are several folders'.
 */
enum pl_code pl_backup_find(const char *place, uint64_t id, pl_time at, struct pl_backup_info *info,
                            struct pl_error **error);

/* Each file is compared with its checksum, as it is read and as it was written. After an error or a kill the folder is
 * none yet: nothing opens it, and another restore begins anew. */
enum pl_code pl_backup_restore(struct pl_restore *restore, struct pl_error **error);

/* ---- A folder that nobody has open ---- */

/* Nobody writes it until pl_backup_release. PL_BUSY: somebody does. PL_NOT_FOUND: it is no data folder. */
struct pl_backup_hold;
enum pl_code pl_backup_hold(const char *data, struct pl_backup_hold **hold, struct pl_error **error);
void pl_backup_release(struct pl_backup_hold *hold); /* NULL is fine */

#endif
