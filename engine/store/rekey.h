/* rekey.h: a data folder from one key to another, or from the clear to a key.
 *
 * Every file is written anew under the new key (with a new nonce) in DIR/store.next, which then takes the place of
 * DIR/store in one step: a kill at any moment leaves the one or the other, and the next call goes on where it ended or
 * clears away what is left over. Tables, nearly all of the bytes, never change once they are written, so they can be
 * copied ahead beside a running engine; what is left to do is then small, and the folder has to be closed for that
 * only.
 *
 *     DIR/store.next/REKEY    "FROM TO": a copy that is under way; without it the folder is what is left of an old one
 *
 * For one thread, and for a process that does not have the folder open itself.
 */
#ifndef POTLINE_STORE_REKEY_H
#define POTLINE_STORE_REKEY_H

#include <potline/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/key.h"

struct pl_rekey {
    const char *path;
    struct pl_store_key *from; /* NULL: in the clear */
    struct pl_store_key *to;
    bool ahead;                                               /* only the tables, beside a running engine */
    void (*progress)(void *arg, uint64_t done, uint64_t all); /* bytes; may be NULL */
    void *arg;

    /* What came of it. */
    bool was_done;   /* the folder was under the new key already */
    uint64_t files;  /* copied by this call */
    uint64_t reused; /* that an earlier call had copied */
    uint64_t bytes;  /* of those copied */
};

/* PL_USAGE: the folder is not under `from`. PL_BUSY: in use (but for ahead), or another call is at work.
 * PL_UNAVAILABLE: not enough room on the disk, or a file system that cannot exchange two folders in one step.
 * PL_NOT_FOUND: there is no database. After an error, and after a kill, the folder is what it was. */
enum pl_code pl_store_rekey(struct pl_rekey *rekey, struct pl_error **error);

/* Removes what a copy has left in a data folder. */
enum pl_code pl__rekey_clear(const char *path, struct pl_error **error);

/* Removes an old database that a kill behind the exchange has left, as far as that goes; a copy under way stays. */
void pl__rekey_tidy(const char *path);

#endif
