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

/* The nodes that have left something, one after the other. */
static bool next_node(struct pl_store_iter *iter, char node[PL_NAME_MAX + 1]) {
    size_t size;
    const char *key = pl_store_iter_valid(iter) ? pl_store_iter_key(iter, &size) : NULL;
    const char *end = key && size > 1 && key[0] == 's' ? memchr(key + 1, 0, size - 1) : NULL;
    if (!end || end - key - 1 > PL_NAME_MAX) return false;
    memcpy(node, key + 1, (size_t)(end - key));
    return true;
}

void pl_epochs_let_go(struct pl_epochs *epochs, const char *node, uint16_t partition) {
    char from[PL__NODE_KEY], to[PL__NODE_KEY];
    size_t size = pl__epochs_node_key(node, partition, from);
    pl__epochs_node_key(node, (uint16_t)(partition + 1), to); /* there are not as many as that */
    rocksdb_writebatch_delete_range_cf(epochs->writes, epochs->store->family[PL_STORE_STATE], from, size, to, size);
}

enum pl_code pl_epochs_each_node(struct pl_store *store, pl_epochs_node_visitor *visit, void *arg,
                                 struct pl_error **error) {
    char node[1 + PL_NAME_MAX + 1] = "s";
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_STATE, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "s", 1); !code && next_node(iter, node + 1);) {
        size_t length = strlen(node);
        code = visit(arg, node + 1, error);
        node[length] = 1; /* behind all that is of it */
        pl_store_iter_seek(iter, node, length + 1);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

struct clear {
    struct pl_epochs *epochs;
    uint16_t partition;
};

static enum pl_code clear_node(void *arg, const char *node, struct pl_error **error) {
    const struct clear *clear = arg;
    (void)error;
    pl_epochs_let_go(clear->epochs, node, clear->partition);
    return PL_OK;
}

enum pl_code pl_epochs_clear(struct pl_epochs *epochs, uint16_t partition, struct pl_error **error) {
    struct clear clear = {epochs, partition};
    enum pl_code code = pl_epochs_each_node(epochs->store, clear_node, &clear, error);
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

/* ---- Beside the engine ---- */

enum pl_code pl_epochs_beside(struct pl_store *store, struct pl_epochs **epochs, struct pl_error **error) {
    struct pl_epochs *e = *epochs = PL_NEW(struct pl_epochs);
    if (!e) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    e->store = store;
    e->writes = rocksdb_writebatch_create();
    pl_buffer_init(&e->bytes, SIZE_MAX / 2);
    return PL_OK;
}

enum pl_code pl_epochs_flush(struct pl_epochs *epochs, struct pl_error **error) {
    return pl__epochs_flush(epochs, 0, error);
}
