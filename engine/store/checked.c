#include "store/checked.h"

#include <endian.h>
#include <string.h>

#include <potline/alloc.h>

enum { CHECKSUM = 8 };

bool pl_checked_put(rocksdb_writebatch_t *writes, const struct pl_store *store, const char *key,
                    const struct pl_pack *pack) {
    size_t size = pl_pack_size(pack);
    uint64_t checksum = htobe64(pl_store_checksum(key, strlen(key), pl_pack_data(pack), size));
    char *value = pl_pack_failed(pack) ? NULL : pl_alloc(CHECKSUM + size);
    if (!value) return false;
    memcpy(value, &checksum, CHECKSUM);
    memcpy(value + CHECKSUM, pl_pack_data(pack), size);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], key, strlen(key), value, CHECKSUM + size);
    pl_free(value);
    return true;
}

bool pl_checked_begin(const void *key, size_t key_size, const void *value, size_t size, struct pl_unpack *unpack) {
    uint64_t checksum;
    if (size < CHECKSUM) return false;
    const char *packed = (const char *)value + CHECKSUM;
    memcpy(&checksum, value, CHECKSUM);
    pl_unpack_init(unpack, packed, size - CHECKSUM);
    return be64toh(checksum) == pl_store_checksum(key, key_size, packed, size - CHECKSUM);
}
