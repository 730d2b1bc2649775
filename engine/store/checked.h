/* checked.h: a msgpack value behind a checksum that is bound to its key, as meta keeps what is not a counter. */
#ifndef POTLINE_STORE_CHECKED_H
#define POTLINE_STORE_CHECKED_H

#include <potline/pack.h>

#include "store/store.h"

/* False without memory. */
bool pl_checked_put(rocksdb_writebatch_t *writes, const struct pl_store *store, const char *key,
                    const struct pl_pack *pack);

/* False: it is damaged. `unpack` borrows the value. */
bool pl_checked_begin(const void *key, size_t key_size, const void *value, size_t size, struct pl_unpack *unpack);

#endif
