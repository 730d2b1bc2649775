/* seal.h: an encrypted file: a header, and behind it what stands in the file, with AES-256 in counter mode.
 *
 *     "potline1" | id of the key (16) | nonce (16) | 0 ... | HMAC-SHA-256 of what is in front (32)      4096 bytes
 *
 * The nonce is random, the counter of the file's first block, and never used twice: a file is only ever added to. The
 * header tells which key is needed before anything is read with a wrong one. What stands behind it is not
 * authenticated: RocksDB's checksums and the chain of the audit are for that.
 */
#ifndef POTLINE_STORE_SEAL_H
#define POTLINE_STORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/key.h"

enum { PL__SEAL = 4096, PL__SEAL_NONCE = 16 };

struct pl__seal {
    char key_id[PL_STORE_KEY_ID];
    uint8_t nonce[PL__SEAL_NONCE];
};

enum pl__seal_state {
    PL__SEAL_NONE,    /* no header: written in the clear */
    PL__SEAL_OURS,    /* whole, under the key */
    PL__SEAL_OTHER,   /* under another key, or no key is given; seal->key_id tells which */
    PL__SEAL_DAMAGED, /* cut short or changed */
};

/* Makes a new header; false: no random bytes. */
bool pl__seal_make(const struct pl_store_key *key, char header[PL__SEAL]);

/* What the first bytes of a file (up to PL__SEAL of them count) are. `key` may be NULL. */
enum pl__seal_state pl__seal_look(const struct pl_store_key *key, const char *bytes, size_t size,
                                  struct pl__seal *seal);

/* Encrypts or decrypts in place; `offset` counts from the start of the file, header included. Any thread. */
bool pl__seal_crypt(struct pl_store_key *key, const uint8_t nonce[PL__SEAL_NONCE], uint64_t offset, char *data,
                    size_t size);

/* The first bytes behind the header of a small file (of the file, when key is NULL); how many, or -1. */
long pl__seal_read(struct pl_store_key *key, int fd, char *bytes, size_t size);

/* ---- Folders ---- */

/* Are the database's files in `folder` (of the data folder `path`) under this key, or in the clear when it is NULL?
 * PL_USAGE: no, they are all under another or in the clear. PL_CORRUPT: some are not what the others are. A folder
 * without files fits any key. *any, where not NULL: there are some. */
enum pl_code pl__seal_check_folder(const char *path, const char *folder, const struct pl_store_key *key, bool *any,
                                   struct pl_error **error);

/* Is this the name of a file that the database encrypts? */
bool pl__seal_is_kept(const char *name);

#endif
