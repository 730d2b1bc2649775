#include "store/epochs.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "store/epochs_impl.h"

enum { PIECE = 1 << 20, PIECE_KEY = 1 + 8 + 4 };

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
}

static enum pl_code damaged(const struct pl_store *store, const char *what, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "%s: the checkpoint is damaged: %s", store->path, what);
}

/* ---- Keys ---- */

static size_t piece_key(uint64_t epoch, uint32_t number, char key[PIECE_KEY]) {
    uint64_t e = htobe64(epoch);
    uint32_t n = htobe32(number);
    key[0] = 'd';
    memcpy(key + 1, &e, sizeof e);
    memcpy(key + 1 + sizeof e, &n, sizeof n);
    return PIECE_KEY;
}

size_t pl__epochs_node_key(const char *node, uint16_t partition, char key[PL__NODE_KEY]) {
    size_t length = strlen(node);
    uint16_t p = htobe16(partition);
    key[0] = 's';
    memcpy(key + 1, node, length + 1);
    memcpy(key + length + 2, &p, sizeof p);
    return length + 2 + sizeof p;
}

static uint64_t key_epoch(const char *key, size_t size) {
    uint64_t epoch = 0;
    if (size >= 1 + sizeof epoch) memcpy(&epoch, key + 1, sizeof epoch);
    return be64toh(epoch);
}

/* ---- Walking over keys ---- */

enum pl_code pl__epochs_walk_by(struct pl_store_iter *iter, const char *prefix, size_t prefix_size,
                                pl__epochs_visit *visit, void *arg, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (pl_store_iter_seek(iter, prefix, prefix_size); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t key_size, size;
        const char *key = pl_store_iter_key(iter, &key_size);
        if (key_size < prefix_size || memcmp(key, prefix, prefix_size) != 0) break;
        const char *value = pl_store_iter_value(iter, &size);
        code = visit(arg, key, key_size, value, size, error);
    }
    return code ? code : pl_store_iter_check(iter, error);
}

enum pl_code pl__epochs_walk_in(struct pl_store *store, enum pl_store_family family, const char *prefix,
                                size_t prefix_size, pl__epochs_visit *visit, void *arg, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, family, NULL, 0, &iter, error);
    if (!code) code = pl__epochs_walk_by(iter, prefix, prefix_size, visit, arg, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl__epochs_walk(struct pl_store *store, const char *prefix, size_t prefix_size, pl__epochs_visit *visit,
                             void *arg, struct pl_error **error) {
    return pl__epochs_walk_in(store, PL_STORE_STATE, prefix, prefix_size, visit, arg, error);
}

/* ---- Writes, a part at a time so that nobody else waits for long ---- */

static rocksdb_column_family_handle_t *family(const struct pl_epochs *epochs) {
    return epochs->store->family[PL_STORE_STATE];
}

enum pl_code pl__epochs_flush(struct pl_epochs *epochs, size_t least, struct pl_error **error) {
    size_t size;
    rocksdb_writebatch_data(epochs->writes, &size);
    return size > least ? pl_store_write(epochs->store, epochs->writes, error) : PL_OK;
}

/* ---- The record of the last epoch ---- */

void pl_epoch_fini(struct pl_epoch *epoch) {
    for (unsigned i = 0; epoch->nodes && i < epoch->node_count; i++) {
        pl_free(epoch->nodes[i].name);
        pl_free(epoch->nodes[i].op);
    }
    pl_free(epoch->nodes);
    pl_free(epoch->sequence);
    *epoch = (struct pl_epoch){0};
}

void pl_epoch_pack(const struct pl_epoch *epoch, struct pl_pack *pack) {
    pl_pack_array(pack, 5);
    pl_pack_uint(pack, epoch->number);
    pl_pack_int(pack, epoch->time);
    pl_pack_uint(pack, epoch->graph);
    pl_pack_array(pack, epoch->partitions);
    for (unsigned i = 0; i < epoch->partitions; i++)
        pl_pack_uint(pack, epoch->sequence[i]);
    pl_pack_array(pack, epoch->node_count);
    for (unsigned i = 0; i < epoch->node_count; i++) {
        pl_pack_array(pack, 4);
        pl_pack_str(pack, epoch->nodes[i].name);
        pl_pack_str(pack, epoch->nodes[i].op);
        pl_pack_uint(pack, epoch->nodes[i].options);
        pl_pack_uint(pack, epoch->nodes[i].instances);
    }
}

static bool unpack_text(struct pl_unpack *unpack, char **text) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length > PL_NAME_MAX) return false;
    *text = pl_strndup(at, length);
    return *text != NULL;
}

static bool unpack_node(struct pl_unpack *unpack, struct pl_epoch_node *node) {
    uint32_t items;
    uint64_t instances;
    if (!pl_unpack_array(unpack, &items) || items != 4 || !unpack_text(unpack, &node->name) ||
        !unpack_text(unpack, &node->op) || !pl_unpack_uint(unpack, &node->options) ||
        !pl_unpack_uint(unpack, &instances) || instances > UINT16_MAX)
        return false;
    node->instances = (uint16_t)instances;
    return true;
}

bool pl_epoch_unpack(struct pl_unpack *unpack, struct pl_epoch *epoch) {
    uint32_t items, partitions, nodes;
    if (!pl_unpack_array(unpack, &items) || items != 5 || !pl_unpack_uint(unpack, &epoch->number) ||
        !pl_unpack_int(unpack, &epoch->time) || !pl_unpack_uint(unpack, &epoch->graph) ||
        !pl_unpack_array(unpack, &partitions) || partitions > UINT16_MAX)
        return false;
    epoch->sequence = pl_alloc((partitions + 1) * sizeof *epoch->sequence);
    if (!epoch->sequence) return false;
    epoch->partitions = partitions;
    for (uint32_t i = 0; i < partitions; i++)
        if (!pl_unpack_uint(unpack, &epoch->sequence[i])) return false;
    if (!pl_unpack_array(unpack, &nodes) || nodes > (size_t)(unpack->end - unpack->at)) return false;
    epoch->nodes = pl_alloc((nodes + 1) * sizeof *epoch->nodes);
    if (!epoch->nodes) return false;
    epoch->node_count = nodes;
    for (uint32_t i = 0; i < nodes; i++)
        if (!unpack_node(unpack, &epoch->nodes[i])) return false;
    return true;
}

bool pl_epoch_copy(const struct pl_epoch *epoch, struct pl_epoch *copy) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack unpack;
    *copy = (struct pl_epoch){0};
    if (pack) pl_epoch_pack(epoch, pack);
    bool good = pack && !pl_pack_failed(pack);
    if (good) pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    good = good && pl_epoch_unpack(&unpack, copy);
    if (!good) pl_epoch_fini(copy);
    pl_pack_free(pack);
    return good;
}

enum pl_code pl__epochs_read_record(struct pl_store *store, const char *key, struct pl_epoch *last,
                                    struct pl_error **error) {
    void *value;
    size_t size;
    *last = (struct pl_epoch){0};
    enum pl_code code = pl_store_get(store, PL_STORE_META, key, strlen(key), &value, &size, error);
    if (code) return code;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, value, size);
    if (!pl_epoch_unpack(&unpack, last)) {
        pl_epoch_fini(last);
        code = damaged(store, "which epoch is the last one cannot be read", error);
    }
    pl_free(value);
    return code;
}

enum pl_code pl_epochs_last(struct pl_store *store, struct pl_epoch *last, struct pl_error **error) {
    return pl__epochs_read_record(store, PL__EPOCHS_LAST, last, error);
}

enum pl_code pl_epochs_shared_out(struct pl_store *store, struct pl_epoch *epoch, struct pl_error **error) {
    return pl__epochs_read_record(store, PL__EPOCHS_SHARED_OUT, epoch, error);
}

enum pl_code pl__epochs_put_record(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key,
                                   const struct pl_epoch *epoch, struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return no_memory(error);
    pl_epoch_pack(epoch, pack);
    enum pl_code code = pl_pack_failed(pack) ? no_memory(error) : PL_OK;
    if (!code)
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], key, strlen(key), pl_pack_data(pack),
                                  pl_pack_size(pack));
    pl_pack_free(pack);
    return code;
}

/* ---- Writing an epoch ---- */

static void begin_piece(struct pl_epochs *epochs, const char *node, uint16_t partition) {
    pl_buffer_reset(&epochs->bytes);
    pl_buffer_put(&epochs->bytes, &partition, sizeof partition);
    pl_buffer_put(&epochs->bytes, node, strlen(node) + 1);
}

static enum pl_code put_piece(struct pl_epochs *epochs, uint64_t epoch, struct pl_error **error) {
    if (pl_buffer_failed(&epochs->bytes)) return no_memory(error);
    char key[PIECE_KEY];
    size_t key_size = piece_key(epoch, epochs->pieces++, key);
    rocksdb_writebatch_put_cf(epochs->writes, family(epochs), key, key_size, epochs->bytes.data, epochs->bytes.size);
    PL_FAULT("checkpoint.put");
    return pl_store_write(epochs->store, epochs->writes, error);
}

enum pl_code pl_epochs_put(struct pl_epochs *epochs, uint64_t epoch, const char *node, uint16_t partition,
                           const struct pl_buffer *entries, struct pl_error **error) {
    enum pl_code code = PL_OK;
    const char *at = entries->data, *end = at + entries->size;
    if (pl_buffer_failed(entries)) return no_memory(error);
    while (at < end && !code) {
        const char *from = at;
        struct pl_state_entry entry;
        while (at < end && at - from < PIECE)
            if (!pl_state_next(&at, end, &entry)) return damaged(epochs->store, "an entry of a node is none", error);
        begin_piece(epochs, node, partition);
        pl_buffer_put(&epochs->bytes, from, (size_t)(at - from));
        code = put_piece(epochs, epoch, error);
    }
    if (code) epochs->pieces = 0; /* who tries again begins again */
    return code;
}

static enum pl_code put_last(struct pl_epochs *epochs, const struct pl_epoch *epoch, struct pl_error **error) {
    enum pl_code code = pl__epochs_put_record(epochs->store, epochs->writes, PL__EPOCHS_LAST, epoch, error);
    if (code) return code;
    PL_FAULT("checkpoint.last");
    code = pl_store_write(epochs->store, epochs->writes, error);
    PL_FAULT("checkpoint.is_last");
    return code;
}

/* ---- Moving its changes into the state ---- */

struct move {
    struct pl_epochs *epochs;
    uint64_t last;
};

static enum pl_code move_entries(struct pl_epochs *epochs, const char *node, uint16_t partition, const char *at,
                                 const char *end, struct pl_error **error) {
    char front[PL__NODE_KEY];
    size_t front_size = pl__epochs_node_key(node, partition, front);
    enum pl_code code = PL_OK;
    struct pl_state_entry entry;
    while (!code && pl_state_next(&at, end, &entry)) {
        pl_buffer_reset(&epochs->bytes);
        pl_buffer_put(&epochs->bytes, front, front_size);
        pl_buffer_put(&epochs->bytes, entry.key, entry.key_size);
        if (pl_buffer_failed(&epochs->bytes)) return no_memory(error);
        if (entry.value)
            rocksdb_writebatch_put_cf(epochs->writes, family(epochs), epochs->bytes.data, epochs->bytes.size,
                                      entry.value, entry.value_size);
        else
            rocksdb_writebatch_delete_cf(epochs->writes, family(epochs), epochs->bytes.data, epochs->bytes.size);
        code = pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
    }
    if (!code && at != end) code = damaged(epochs->store, "a piece of changes ends too early", error);
    return code;
}

static enum pl_code move_piece(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                               struct pl_error **error) {
    struct move *move = arg;
    struct pl_epochs *epochs = move->epochs;
    uint16_t partition;
    const char *node = value + sizeof partition, *end = value + size;
    enum pl_code code = PL_OK;
    if (key_epoch(key, key_size) <= move->last) {
        size_t left = size > sizeof partition ? size - sizeof partition : 0;
        const char *node_end = left ? memchr(node, 0, left) : NULL;
        if (!node_end || node_end - node > PL_NAME_MAX)
            return damaged(epochs->store, "a piece of changes is of no node", error);
        memcpy(&partition, value, sizeof partition);
        code = move_entries(epochs, node, partition, node_end + 1, end, error);
    }
    rocksdb_writebatch_delete_cf(epochs->writes, family(epochs), key, key_size);
    PL_FAULT("checkpoint.move");
    return code ? code : pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

/* What was put into zones until then stays. */
static void settle_zones(struct pl_epochs *epochs, uint64_t last) {
    char from[PIECE_KEY] = "z", to[PIECE_KEY] = "z";
    uint64_t behind = htobe64(last + 1);
    memcpy(to + 1, &behind, sizeof behind);
    rocksdb_writebatch_delete_range_cf(epochs->writes, family(epochs), from, 1, to, 1 + sizeof behind);
}

static enum pl_code move_changes(struct pl_epochs *epochs, uint64_t last, struct pl_error **error) {
    struct move move = {.epochs = epochs, .last = last};
    enum pl_code code = pl__epochs_walk(epochs->store, "d", 1, move_piece, &move, error);
    if (code) return code;
    settle_zones(epochs, last);
    code = pl__epochs_flush(epochs, 0, error);
    PL_FAULT("checkpoint.moved");
    return code;
}

enum pl_code pl_epochs_commit(struct pl_epochs *epochs, const struct pl_epoch *epoch, bool sync,
                              struct pl_error **error) {
    enum pl_code code = put_last(epochs, epoch, error);
    epochs->pieces = 0;
    if (!code && sync) code = pl_store_sync(epochs->store, error);
    PL_FAULT("checkpoint.synced");
    return code ? code : move_changes(epochs, epoch->number, error);
}

/* ---- Opening ---- */

void pl__epochs_note_record(struct pl_store *store, rocksdb_writebatch_t *writes, uint64_t epoch,
                            enum pl_store_family zone, const void *key, size_t key_size) {
    char noted[1 + sizeof epoch + 1 + PL_NAME_MAX + 64] = "z";
    uint64_t e = htobe64(epoch);
    memcpy(noted + 1, &e, sizeof e);
    noted[1 + sizeof e] = (char)zone;
    memcpy(noted + 2 + sizeof e, key, key_size);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_STATE], noted, 2 + sizeof e + key_size, "", 0);
}

/* Takes a record out of its zone again when its epoch was never completed. */
static enum pl_code drop_record(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                                struct pl_error **error) {
    struct move *move = arg;
    struct pl_epochs *epochs = move->epochs;
    const size_t front = 2 + sizeof(uint64_t);
    (void)value, (void)size;
    if (key_size <= front || (unsigned char)key[front - 1] >= PL_STORE_FAMILIES)
        return damaged(epochs->store, "a note of a zone's record makes no sense", error);
    if (key_epoch(key, key_size) > move->last)
        rocksdb_writebatch_delete_cf(epochs->writes, epochs->store->family[(unsigned char)key[front - 1]], key + front,
                                     key_size - front);
    rocksdb_writebatch_delete_cf(epochs->writes, family(epochs), key, key_size);
    PL_FAULT("open.zone");
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

static enum pl_code put_in_order(struct pl_epochs *epochs, uint64_t last, struct pl_error **error) {
    struct move move = {.epochs = epochs, .last = last};
    PL_FAULT("open.order");
    enum pl_code code = pl__epochs_finish_switch(epochs, error);
    if (!code) code = pl__epochs_walk(epochs->store, "z", 1, drop_record, &move, error);
    PL_FAULT("open.zones");
    return code ? code : move_changes(epochs, last, error);
}

enum pl_code pl_epochs_open(struct pl_store *store, struct pl_epochs **epochs, struct pl_epoch *last,
                            struct pl_error **error) {
    *epochs = NULL;
    enum pl_code code = pl_epochs_last(store, last, error);
    if (code && code != PL_NOT_FOUND) return code;
    struct pl_epochs *e = PL_NEW(struct pl_epochs);
    if (!e) {
        pl_epoch_fini(last);
        return no_memory(error);
    }
    e->store = store;
    e->writes = rocksdb_writebatch_create();
    pl_buffer_init(&e->bytes, SIZE_MAX / 2);
    code = put_in_order(e, last->number, error);
    if (!code) {
        *epochs = e;
        return PL_OK;
    }
    pl_epochs_close(e);
    pl_epoch_fini(last);
    return code;
}

void pl_epochs_close(struct pl_epochs *epochs) {
    if (!epochs) return;
    rocksdb_writebatch_destroy(epochs->writes);
    pl_buffer_fini(&epochs->bytes);
    pl_free(epochs);
}

/* ---- Reading a node's state ---- */

struct load {
    size_t front;
    pl_epochs_visitor *visit;
    void *arg;
};

static enum pl_code load_entry(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                               struct pl_error **error) {
    const struct load *load = arg;
    struct pl_state_entry entry = {.key = key + load->front,
                                   .key_size = (uint32_t)(key_size - load->front),
                                   .value = value,
                                   .value_size = (uint32_t)size};
    return entry.key_size ? load->visit(load->arg, &entry, error) : PL_OK;
}

enum pl_code pl_epochs_load(struct pl_store *store, const char *node, uint16_t partition, pl_epochs_visitor *visit,
                            void *arg, struct pl_error **error) {
    char front[PL__NODE_KEY];
    struct load load = {.front = pl__epochs_node_key(node, partition, front), .visit = visit, .arg = arg};
    return pl__epochs_walk(store, front, load.front, load_entry, &load, error);
}

enum pl_code pl_epochs_view(struct pl_store *store, struct pl_store_iter **view, struct pl_error **error) {
    return pl_store_iter_new(store, PL_STORE_STATE, NULL, 0, view, error);
}

enum pl_code pl_epochs_load_view(struct pl_store_iter *view, const char *node, uint16_t partition,
                                 pl_epochs_visitor *visit, void *arg, struct pl_error **error) {
    char front[PL__NODE_KEY];
    struct load load = {.front = pl__epochs_node_key(node, partition, front), .visit = visit, .arg = arg};
    return pl__epochs_walk_by(view, front, load.front, load_entry, &load, error);
}

enum pl_code pl_epochs_load_table(struct pl_store *store, const char *node, uint16_t partition, const char *table,
                                  pl_epochs_visitor *visit, void *arg, struct pl_error **error) {
    char front[PL__NODE_KEY + 1 + PL_NAME_MAX + 1];
    struct load load = {.front = pl__epochs_node_key(node, partition, front), .visit = visit, .arg = arg};
    size_t size = load.front, length = strlen(table);
    front[size++] = PL_STATE_RECORD;
    memcpy(front + size, table, length + 1);
    return pl__epochs_walk(store, front, size + length + 1, load_entry, &load, error);
}

enum pl_code pl_epochs_find(struct pl_store *store, const char *node, uint16_t partition, enum pl_state_part part,
                            void **value, size_t *size, struct pl_error **error) {
    char key[PL__NODE_KEY + 1];
    size_t key_size = pl__epochs_node_key(node, partition, key);
    key[key_size++] = (char)part;
    return pl_store_get(store, PL_STORE_STATE, key, key_size, value, size, error);
}

enum pl_code pl_epochs_drop(struct pl_epochs *epochs, const char *node, uint16_t partition, enum pl_state_part part,
                            struct pl_error **error) {
    char key[PL__NODE_KEY + 1];
    size_t key_size = pl__epochs_node_key(node, partition, key);
    key[key_size++] = (char)part;
    rocksdb_writebatch_delete_cf(epochs->writes, family(epochs), key, key_size);
    return pl__epochs_flush(epochs, 0, error);
}

enum pl_code pl_epochs_replace(struct pl_epochs *epochs, const char *node, uint16_t partition, enum pl_state_part part,
                               const struct pl_pack *value, struct pl_error **error) {
    char key[PL__NODE_KEY + 1];
    size_t key_size = pl__epochs_node_key(node, partition, key);
    key[key_size++] = (char)part;
    rocksdb_writebatch_put_cf(epochs->writes, family(epochs), key, key_size, pl_pack_data(value), pl_pack_size(value));
    return pl__epochs_flush(epochs, 0, error);
}
