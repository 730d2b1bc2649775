/* epochs_switch.c: an epoch that begins elsewhere, or is shared out to other partitions: one write, and what is left to
 * do behind it is found by who opens the folder next. */
#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "store/epochs_impl.h"

static const char switched_key[] = "epoch.switched"; /* in meta: what is staged is the state, and to be moved */

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
}

enum pl_code pl_epochs_begin(struct pl_store *store, const struct pl_epoch *epoch, const char *mark,
                             struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    enum pl_code code = pl__epochs_put_record(store, writes, PL__EPOCHS_LAST, epoch, error);
    if (!code) {
        rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_META], mark, strlen(mark));
        code = pl_store_write(store, writes, error);
    }
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* ---- Preparing ---- */

enum pl_code pl_epochs_stage(struct pl_epochs *epochs, const char *node, uint16_t partition, const void *key,
                             size_t key_size, const void *value, size_t size, struct pl_error **error) {
    char front[PL__NODE_KEY];
    size_t front_size = pl__epochs_node_key(node, partition, front);
    front[0] = 'r';
    pl_buffer_reset(&epochs->bytes);
    pl_buffer_put(&epochs->bytes, front, front_size);
    pl_buffer_put(&epochs->bytes, key, key_size);
    if (pl_buffer_failed(&epochs->bytes)) return no_memory(error);
    rocksdb_writebatch_put_cf(epochs->writes, epochs->store->family[PL_STORE_STATE], epochs->bytes.data,
                              epochs->bytes.size, value, size);
    PL_FAULT("regroup.stage");
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

enum pl_code pl_epochs_unstage(struct pl_epochs *epochs, struct pl_error **error) {
    rocksdb_writebatch_clear(epochs->writes);
    rocksdb_writebatch_delete_range_cf(epochs->writes, epochs->store->family[PL_STORE_STATE], "r", 1, "s", 1);
    return pl_store_write(epochs->store, epochs->writes, error);
}

/* ---- The switch, and what is behind it ---- */

static enum pl_code move_entry(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                               struct pl_error **error) {
    struct pl_epochs *epochs = arg;
    rocksdb_column_family_handle_t *family = epochs->store->family[PL_STORE_STATE];
    pl_buffer_reset(&epochs->bytes);
    pl_buffer_putc(&epochs->bytes, 's');
    pl_buffer_put(&epochs->bytes, key + 1, key_size - 1);
    if (pl_buffer_failed(&epochs->bytes)) return no_memory(error);
    rocksdb_writebatch_put_cf(epochs->writes, family, epochs->bytes.data, epochs->bytes.size, value, size);
    rocksdb_writebatch_delete_cf(epochs->writes, family, key, key_size);
    PL_FAULT("regroup.move");
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

static enum pl_code move_staged(struct pl_epochs *epochs, struct pl_error **error) {
    enum pl_code code = pl__epochs_walk(epochs->store, "r", 1, move_entry, epochs, error);
    if (code) return code;
    rocksdb_writebatch_delete_cf(epochs->writes, epochs->store->family[PL_STORE_META], switched_key,
                                 strlen(switched_key));
    return pl_store_write(epochs->store, epochs->writes, error);
}

enum pl_code pl_epochs_switch(struct pl_epochs *epochs, const struct pl_epoch *epoch, const char *const *forgotten,
                              struct pl_error **error) {
    struct pl_store *store = epochs->store;
    enum pl_code code = pl__epochs_flush(epochs, 0, error);
    if (!code) code = pl__epochs_put_record(store, epochs->writes, PL__EPOCHS_LAST, epoch, error);
    if (!code) code = pl__epochs_put_record(store, epochs->writes, PL__EPOCHS_SHARED_OUT, epoch, error);
    if (code) return code;
    rocksdb_writebatch_delete_range_cf(epochs->writes, store->family[PL_STORE_STATE], "s", 1, "t", 1);
    rocksdb_writebatch_put_cf(epochs->writes, store->family[PL_STORE_META], switched_key, strlen(switched_key), "", 0);
    for (; *forgotten; forgotten++)
        pl__epochs_drop_spill(epochs, *forgotten);
    PL_FAULT("regroup.switch");
    code = pl_store_write(store, epochs->writes, error);
    PL_FAULT("regroup.switched");
    return code ? code : move_staged(epochs, error);
}

static enum pl_code note_any(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                             struct pl_error **error) {
    (void)key, (void)key_size, (void)value, (void)size, (void)error;
    *(bool *)arg = true;
    return PL_NOT_FOUND; /* one is enough */
}

bool pl_epochs_switched(struct pl_store *store) {
    void *value = NULL;
    size_t size;
    bool switched = !pl_store_get(store, PL_STORE_META, switched_key, strlen(switched_key), &value, &size, NULL);
    pl_free(value);
    return switched;
}

enum pl_code pl__epochs_finish_switch(struct pl_epochs *epochs, struct pl_error **error) {
    void *value = NULL;
    size_t size;
    enum pl_code code =
        pl_store_get(epochs->store, PL_STORE_META, switched_key, strlen(switched_key), &value, &size, error);
    pl_free(value);
    if (!code) return move_staged(epochs, error);
    if (code != PL_NOT_FOUND) return code;
    bool any = false;
    code = pl__epochs_walk(epochs->store, "r", 1, note_any, &any, error);
    return any ? pl_epochs_unstage(epochs, error) : code;
}
