/* backup_impl.h: what the files of backups share. */
#ifndef POTLINE_STORE_BACKUP_IMPL_H
#define POTLINE_STORE_BACKUP_IMPL_H

#include <limits.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "store/backup.h"

enum { PL__BACKUP_NAME = 256 };

struct pl__backup_file {
    char name[PL__BACKUP_NAME]; /* in the data folder: "store/000012.sst", "closed", "versions/finer/closed" */
    uint64_t size, print, hash;
};

/* A backup's list. */
struct pl__backup_list {
    struct pl_backup_info info;
    struct pl__backup_file *files;
    size_t count, room;
};

/* A place, locked or only looked at. */
struct pl__backup_place {
    const char *path;
    int folder, files; /* -1: not open */
};

enum pl__backup_way { PL__BACKUP_WRITE, PL__BACKUP_USE /* nobody writes meanwhile */, PL__BACKUP_LOOK };

/* ---- backup_place.c ---- */
enum pl_code pl__backup_place_open(struct pl__backup_place *place, const char *path, enum pl__backup_way way,
                                   struct pl_error **error);
void pl__backup_place_close(struct pl__backup_place *place);
/* The numbers of its backups, ascending; the caller's (pl_free). */
enum pl_code pl__backup_numbers(const struct pl__backup_place *place, uint64_t **numbers, size_t *count,
                                struct pl_error **error);
void pl__backup_number_name(uint64_t number, char name[PL__BACKUP_NAME]);
/* Removes what no list names; the lists are all of those there are. */
void pl__backup_sweep(const struct pl__backup_place *place, const struct pl__backup_list *lists, size_t count);

/* ---- backup_list.c ---- */
bool pl__backup_list_add(struct pl__backup_list *list, const struct pl__backup_file *file); /* false: no memory */
void pl__backup_list_fini(struct pl__backup_list *list);
enum pl_code pl__backup_list_read(const struct pl__backup_place *place, uint64_t number, struct pl__backup_list *list,
                                  struct pl_error **error);
/* From then on it is a backup. */
enum pl_code pl__backup_list_write(const struct pl__backup_place *place, const struct pl__backup_list *list,
                                   struct pl_error **error);
bool pl__backup_is_of_version(const struct pl__backup_file *file);
/* How a file is called in the place. */
void pl__backup_stored_name(const struct pl__backup_file *file, char name[PL__BACKUP_NAME]);

/* ---- backup_copy.c ---- */

struct pl__backup_copy {
    const char *where; /* of both, for messages */
    int from, to;      /* folders */
    const char *from_name, *to_name;
    uint64_t done, all; /* of the whole, told as it goes */
    pl_backup_progress *progress;
    void *arg;
};

/* PL_UNAVAILABLE when errno says that a disk is full. */
enum pl_code pl__backup_failed(const char *path, const char *name, struct pl_error **error);
/* Copies to another name, reads it back from the disk, and gives it its own: *hash and *size are what was read. */
enum pl_code pl__backup_copy(struct pl__backup_copy *copy, uint64_t *hash, uint64_t *size, struct pl_error **error);
/* Reads all of copy->from_name. */
enum pl_code pl__backup_hash(struct pl__backup_copy *copy, uint64_t *hash, uint64_t *size, struct pl_error **error);
/* Of an open file that does not change. */
bool pl__backup_print(int fd, uint64_t size, bool table, uint64_t *print);
bool pl__backup_sync_folder(int folder);

#endif
