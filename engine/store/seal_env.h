/* seal_env.h: RocksDB's files encrypted as seal.h says, through its own EncryptedFileSystem.
 *
 * Everything that goes through the environment is encrypted: tables, write-ahead logs, manifest, options, CURRENT. Its
 * messages (the info LOG) go nowhere, since they would be written in the clear.
 */
#ifndef POTLINE_STORE_SEAL_ENV_H
#define POTLINE_STORE_SEAL_ENV_H

#include <rocksdb/c.h>

#include "store/key.h"

struct pl__seal_env;

/* Holds a reference to the key. NULL without memory. Ends after every database that uses it. */
struct pl__seal_env *pl__seal_env_new(struct pl_store_key *key);
void pl__seal_env_free(struct pl__seal_env *env); /* NULL is fine */

/* Makes a database that is opened with these options use it. */
void pl__seal_env_use(struct pl__seal_env *env, rocksdb_options_t *options);

#endif
