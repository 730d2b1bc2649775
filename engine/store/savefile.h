/* savefile.h: a file of entries that can be carried elsewhere: checked as a whole before anything of it is believed,
 * and encrypted like the data folder it comes from (seal.h).
 *
 *     "potline savepoint 1\n"
 *     type (1), size of the key (4), size of the value (4), key, value      each entry
 *     'E', 0, 8, XXH3 of all above                                          the end
 *
 * It has its name once all of it is on the disk, and never takes the place of another.
 *
 *     pl_savefile_create(path, key, &file, &error);      pl_savefile_open(path, key, &file, &error);
 *     pl_savefile_put(file, &entry, &error);             while (!pl_savefile_next(file, &entry, &error)) ...
 *     pl_savefile_finish(file, &error);
 *     pl_savefile_close(file);                           pl_savefile_close(file);
 *
 * One thread.
 */
#ifndef POTLINE_STORE_SAVEFILE_H
#define POTLINE_STORE_SAVEFILE_H

#include <potline/error.h>

#include "store/key.h"

struct pl_savefile;

struct pl_savefile_entry {
    char type;       /* not 'E' */
    const void *key; /* from a file that is read: borrowed until the next one */
    uint32_t key_size;
    const void *value;
    uint32_t value_size;
};

enum pl_code pl_savefile_create(const char *path, struct pl_store_key *key, struct pl_savefile **file,
                                struct pl_error **error);
enum pl_code pl_savefile_put(struct pl_savefile *file, const struct pl_savefile_entry *entry, struct pl_error **error);
enum pl_code pl_savefile_finish(struct pl_savefile *file, struct pl_error **error);
uint64_t pl_savefile_bytes(const struct pl_savefile *file);

/* PL_CORRUPT: damaged, or cut short. PL_CONFLICT: of a newer version. PL_USAGE: it wants another key, or one at all. */
enum pl_code pl_savefile_open(const char *path, struct pl_store_key *key, struct pl_savefile **file,
                              struct pl_error **error);
enum pl_code pl_savefile_next(struct pl_savefile *file, struct pl_savefile_entry *entry, struct pl_error **error);

void pl_savefile_close(struct pl_savefile *file); /* one that was not finished is removed; NULL is fine */

#endif
