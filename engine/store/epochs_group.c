/* epochs_group.c: epochs of an engine in a group: prepared here, decided elsewhere, and taken over from others. */
#include <endian.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "store/epochs_impl.h"

static enum pl_code put_record(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key,
                               const struct pl_epoch *epoch, struct pl_error **error) {
    enum pl_code code = pl__epochs_put_record(store, writes, key, epoch, error);
    return code ? code : pl_store_write(store, writes, error);
}

enum pl_code pl_epochs_prepare(struct pl_epochs *epochs, const struct pl_epoch *epoch, struct pl_error **error) {
    enum pl_code code = put_record(epochs->store, epochs->writes, PL__EPOCHS_PREPARED, epoch, error);
    PL_FAULT("group.prepared");
    return code ? code : pl_store_sync(epochs->store, error);
}

enum pl_code pl_epochs_prepared(struct pl_store *store, struct pl_epoch *epoch, struct pl_error **error) {
    return pl__epochs_read_record(store, PL__EPOCHS_PREPARED, epoch, error);
}

enum pl_code pl_epochs_adopt(struct pl_store *store, const struct pl_epoch *epoch, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    enum pl_code code = put_record(store, writes, PL__EPOCHS_LAST, epoch, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_epochs_reject(struct pl_store *store, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_META], PL__EPOCHS_PREPARED,
                                 strlen(PL__EPOCHS_PREPARED));
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* ---- Taking over ---- */

struct clear {
    struct pl_epochs *epochs;
    uint16_t partition;
};

static enum pl_code clear_entry(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                                struct pl_error **error) {
    const struct clear *clear = arg;
    struct pl_epochs *epochs = clear->epochs;
    (void)value, (void)size;
    const char *end = memchr(key + 1, 0, key_size - 1);
    uint16_t partition;
    if (!end || (size_t)(key + key_size - end) < 1 + sizeof partition) return PL_OK;
    memcpy(&partition, end + 1, sizeof partition);
    if (be16toh(partition) != clear->partition) return PL_OK;
    rocksdb_writebatch_delete_cf(epochs->writes, epochs->store->family[PL_STORE_STATE], key, key_size);
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

enum pl_code pl_epochs_clear(struct pl_epochs *epochs, uint16_t partition, struct pl_error **error) {
    struct clear clear = {.epochs = epochs, .partition = partition};
    enum pl_code code = pl__epochs_walk(epochs->store, "s", 1, clear_entry, &clear, error);
    return code ? code : pl__epochs_flush(epochs, 0, error);
}

enum pl_code pl_epochs_set(struct pl_epochs *epochs, const char *node, uint16_t partition,
                           const struct pl_state_entry *entry, struct pl_error **error) {
    char front[PL__NODE_KEY];
    size_t front_size = pl__epochs_node_key(node, partition, front);
    pl_buffer_reset(&epochs->bytes);
    pl_buffer_put(&epochs->bytes, front, front_size);
    pl_buffer_put(&epochs->bytes, entry->key, entry->key_size);
    if (pl_buffer_failed(&epochs->bytes)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    rocksdb_column_family_handle_t *family = epochs->store->family[PL_STORE_STATE];
    if (entry->value)
        rocksdb_writebatch_put_cf(epochs->writes, family, epochs->bytes.data, epochs->bytes.size, entry->value,
                                  entry->value_size);
    else
        rocksdb_writebatch_delete_cf(epochs->writes, family, epochs->bytes.data, epochs->bytes.size);
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}
