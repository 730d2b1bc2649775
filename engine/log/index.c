#include "log/index.h"

#include <endian.h>
#include <string.h>

enum { KEY = 10 };

int64_t pl__index_minute(pl_time time) {
    return time / PL_MINUTE - (time % PL_MINUTE < 0);
}

static void put_key(uint16_t partition, int64_t minute, uint8_t key[KEY]) {
    uint16_t p = htobe16(partition);
    uint64_t m = htobe64((uint64_t)minute ^ UINT64_C(1) << 63); /* so that bytes sort as numbers do */
    memcpy(key, &p, sizeof p);
    memcpy(key + sizeof p, &m, sizeof m);
}

void pl__index_add(struct pl_store *store, rocksdb_writebatch_t *writes, uint16_t partition,
                   const struct pl__index_entry *entry) {
    uint8_t key[KEY];
    put_key(partition, entry->minute, key);
    uint64_t sequence = htobe64(entry->sequence);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_INDEX], (const char *)key, sizeof key,
                              (const char *)&sequence, sizeof sequence);
}

/* The entry under the iterator. PL_NOT_FOUND without a message: it is at none of this partition. */
static enum pl_code entry_at(const struct pl_store_iter *iter, uint16_t partition, struct pl__index_entry *entry,
                             struct pl_error **error) {
    enum pl_code code = pl_store_iter_check(iter, error);
    *entry = (struct pl__index_entry){0};
    if (code) return code;
    if (!pl_store_iter_valid(iter)) return PL_NOT_FOUND;
    size_t key_size, value_size;
    const uint8_t *key = pl_store_iter_key(iter, &key_size);
    const void *value = pl_store_iter_value(iter, &value_size);
    if (key_size != KEY || value_size != sizeof entry->sequence)
        return pl_error_set(error, PL_CORRUPT, "log: the time index is damaged");
    uint16_t p;
    uint64_t minute, sequence;
    memcpy(&p, key, sizeof p);
    if (be16toh(p) != partition) return PL_NOT_FOUND;
    memcpy(&minute, key + sizeof p, sizeof minute);
    memcpy(&sequence, value, sizeof sequence);
    entry->minute = (int64_t)(be64toh(minute) ^ UINT64_C(1) << 63);
    entry->sequence = be64toh(sequence);
    return PL_OK;
}

enum pl_code pl__index_find(struct pl_store *store, uint16_t partition, int64_t minute, struct pl__index_entry *found,
                            struct pl_error **error) {
    uint8_t key[KEY];
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_INDEX, NULL, 0, &iter, error);
    if (code) return code;
    put_key(partition, minute, key);
    pl_store_iter_seek_last(iter, key, sizeof key);
    code = entry_at(iter, partition, found, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl__index_at(struct pl_store *store, uint16_t partition, uint64_t sequence, struct pl__index_entry *found,
                          struct pl_error **error) {
    uint8_t key[KEY];
    struct pl_store_iter *iter;
    struct pl__index_entry entry;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_INDEX, NULL, 0, &iter, error);
    if (code) return code;
    put_key(partition, INT64_MIN, key);
    pl_store_iter_seek(iter, key, sizeof key);
    bool any = false;
    *found = (struct pl__index_entry){0};
    while (!(code = entry_at(iter, partition, &entry, error)) && (!any || entry.sequence <= sequence)) {
        *found = entry;
        any = true;
        pl_store_iter_next(iter);
    }
    pl_store_iter_free(iter);
    return code == PL_NOT_FOUND && any ? PL_OK : code;
}

enum pl_code pl__index_trim(struct pl_store *store, rocksdb_writebatch_t *writes, uint16_t partition, uint64_t sequence,
                            struct pl_error **error) {
    struct pl__index_entry kept;
    uint8_t from[KEY], to[KEY];
    enum pl_code code = pl__index_at(store, partition, sequence, &kept, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    put_key(partition, INT64_MIN, from);
    put_key(partition, kept.minute, to);
    rocksdb_writebatch_delete_range_cf(writes, store->family[PL_STORE_INDEX], (const char *)from, sizeof from,
                                       (const char *)to, sizeof to);
    return PL_OK;
}
