#include "store/space.h"

uint64_t pl_store_range_bytes(const struct pl_store *store, enum pl_store_family family,
                              const struct pl_store_range *range) {
    const char *start = range->start, *end = range->end;
    uint64_t bytes = 0;
    char *message = NULL;
    if (!store->family[family]) return 0;
    rocksdb_approximate_sizes_cf(store->db, store->family[family], 1, &start, &range->start_size, &end,
                                 &range->end_size, &bytes, &message);
    rocksdb_free(message); /* without an answer nothing is there to be given back */
    return message ? 0 : bytes;
}

enum pl_code pl_store_range_delete(struct pl_store *store, enum pl_store_family family,
                                   const struct pl_store_range *range, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range_cf(writes, store->family[family], range->start, range->start_size, range->end,
                                       range->end_size);
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_store_range_free(struct pl_store *store, enum pl_store_family family,
                                 const struct pl_store_range *range, struct pl_error **error) {
    char *message = NULL;
    /* RocksDB also takes a file whose last key is the end itself, so it is told one in front of it. */
    rocksdb_delete_file_in_range_cf(store->db, store->family[family], range->start, range->start_size, range->end,
                                    range->end_size - 1, &message);
    return pl_store_error(store, "giving back room", message, error);
}
