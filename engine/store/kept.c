/* kept.c: potline/kept.h: node, 0, key -> checksum | one msgpack value. */
#include <potline/alloc.h>
#include <potline/kept.h>
#include <potline/operator.h>
#include <string.h>

#include "base/buffer.h"
#include "store/abroad.h"
#include "store/store.h"

enum { CHECKSUM = 8, KEY_MAX = PL_NAME_MAX + 1 + PL_KEPT_KEY_MAX };

struct kept_key {
    char bytes[KEY_MAX];
    size_t size;
};

static bool make_key_of(const char *name, const char *key, struct kept_key *full) {
    size_t named = strlen(name) + 1, length = strlen(key);
    if (named > PL_NAME_MAX + 1 || length > PL_KEPT_KEY_MAX) return false;
    memcpy(full->bytes, name, named);
    memcpy(full->bytes + named, key, length);
    full->size = named + length;
    return true;
}

static bool make_key(const struct pl_node *node, const char *key, struct kept_key *full) {
    return make_key_of(pl_node_name(node), key, full);
}

static enum pl_code write_one(struct pl_store *store, const struct kept_key *key, const struct pl_buffer *value,
                              struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_column_family_handle_t *family = store->family[PL_STORE_KEPT];
    if (value)
        rocksdb_writebatch_put_cf(writes, family, key->bytes, key->size, value->data, value->size);
    else
        rocksdb_writebatch_delete_cf(writes, family, key->bytes, key->size);
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_kept_put(struct pl_node *node, const char *key, const struct pl_pack *value, struct pl_error **error) {
    struct pl_store *store = pl_node_store(node);
    struct kept_key full;
    if (pl_pack_failed(value)) return pl_error_set(error, PL_NO_MEMORY, "no memory to keep %s", key);
    if (pl_pack_size(value) > PL_KEPT_VALUE_MAX || !make_key(node, key, &full))
        return pl_error_set(error, PL_LIMIT, "%s is too large to be kept", key);
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (abroad) return abroad->keep(node, key, value, error);
    if (!store) return PL_OK;
    struct pl_buffer bytes;
    pl_buffer_init(&bytes, CHECKSUM + PL_KEPT_VALUE_MAX);
    uint64_t checksum = pl_store_checksum(full.bytes, full.size, pl_pack_data(value), pl_pack_size(value));
    pl_buffer_put(&bytes, &checksum, sizeof checksum);
    pl_buffer_put(&bytes, pl_pack_data(value), pl_pack_size(value));
    enum pl_code code = bytes.failed ? pl_error_set(error, PL_NO_MEMORY, "no memory to keep %s", key)
                                     : write_one(store, &full, &bytes, error);
    pl_buffer_fini(&bytes);
    return code;
}

enum pl_code pl_kept_drop(struct pl_node *node, const char *key, struct pl_error **error) {
    struct pl_store *store = pl_node_store(node);
    struct kept_key full;
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (!make_key(node, key, &full)) return pl_error_set(error, PL_LIMIT, "%s is too long for a key", key);
    if (abroad) return abroad->keep(node, key, NULL, error);
    return store ? write_one(store, &full, NULL, error) : PL_OK;
}

/* ---- Reading ---- */

static enum pl_code visit(const struct pl_store_iter *iter, size_t named, pl_kept_visitor *each, void *arg,
                          struct pl_error **error) {
    size_t key_size, size;
    const char *key = pl_store_iter_key(iter, &key_size);
    const uint8_t *bytes = pl_store_iter_value(iter, &size);
    uint64_t checksum;
    char text[PL_KEPT_KEY_MAX + 1] = "";
    if (key_size - named > PL_KEPT_KEY_MAX || size < CHECKSUM)
        return pl_error_set(error, PL_CORRUPT, "a damaged value");
    memcpy(text, key + named, key_size - named);
    memcpy(&checksum, bytes, sizeof checksum);
    if (checksum != pl_store_checksum(key, key_size, bytes + CHECKSUM, size - CHECKSUM))
        return pl_error_set(error, PL_CORRUPT, "what was kept as %s is damaged", text);
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes + CHECKSUM, size - CHECKSUM);
    return each(arg, text, &unpack, error);
}

/* At the first value of a node; over its values alone. `first` is the key in front of them. */
static enum pl_code begin(struct pl_store *store, const char *node, struct kept_key *first, struct pl_store_iter **iter,
                          struct pl_error **error) {
    *iter = NULL;
    *first = (struct kept_key){.size = 0};
    if (!make_key_of(node, "", first)) return pl_error_set(error, PL_LIMIT, "the node's name is too long");
    struct kept_key end = *first;
    end.bytes[end.size - 1] = 1; /* behind every key of this node */
    enum pl_code code = pl_store_iter_new(store, PL_STORE_KEPT, end.bytes, end.size, iter, error);
    if (!code) pl_store_iter_seek(*iter, first->bytes, first->size);
    return code;
}

enum pl_code pl_kept_each(struct pl_node *node, pl_kept_visitor *each, void *arg, struct pl_error **error) {
    struct pl_store *store = pl_node_store(node);
    struct pl_store_iter *iter;
    struct kept_key first;
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (abroad) return abroad->each_kept(node, each, arg, error);
    if (!store) return PL_OK;
    enum pl_code code = begin(store, pl_node_name(node), &first, &iter, error);
    if (code) return code;
    for (; !code && pl_store_iter_valid(iter); pl_store_iter_next(iter))
        code = visit(iter, first.size, each, arg, error);
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

/* A value under another name: its checksum is bound to its key. */
static enum pl_code copy_value(struct pl_store_iter *iter, size_t named, const char *as, struct pl_store *to,
                               rocksdb_writebatch_t *writes, struct pl_error **error) {
    struct kept_key key;
    size_t from_size, size;
    const char *from = pl_store_iter_key(iter, &from_size), *value = pl_store_iter_value(iter, &size);
    char text[PL_KEPT_KEY_MAX + 1] = "";
    uint64_t checksum = 0;
    if (size >= CHECKSUM) memcpy(&checksum, value, sizeof checksum);
    if (size < CHECKSUM || from_size - named > PL_KEPT_KEY_MAX ||
        checksum != pl_store_checksum(from, from_size, value + CHECKSUM, size - CHECKSUM))
        return pl_error_set(error, PL_CORRUPT, "what people have decided is damaged");
    memcpy(text, from + named, from_size - named);
    if (!make_key_of(as, text, &key)) return pl_error_set(error, PL_LIMIT, "%s is too long for a key", text);
    checksum = pl_store_checksum(key.bytes, key.size, value + CHECKSUM, size - CHECKSUM);
    const char *const keys[] = {key.bytes}, *const parts[] = {(const char *)&checksum, value + CHECKSUM};
    rocksdb_writebatch_putv_cf(writes, to->family[PL_STORE_KEPT], 1, keys, &key.size, 2, parts,
                               (const size_t[]){sizeof checksum, size - CHECKSUM});
    return PL_OK;
}

enum pl_code pl_kept_copy(struct pl_store *from, const char *node, struct pl_store *to, const char *as,
                          struct pl_error **error) {
    struct pl_store_iter *iter;
    struct kept_key first;
    enum pl_code code = begin(from, node, &first, &iter, error);
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (; !code && pl_store_iter_valid(iter); pl_store_iter_next(iter))
        code = copy_value(iter, first.size, as, to, writes, error);
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    if (!code) code = pl_store_write(to, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_kept_forget(struct pl_store *store, const char *node, struct pl_error **error) {
    struct kept_key from, to;
    if (!make_key_of(node, "", &from)) return pl_error_set(error, PL_LIMIT, "the node's name is too long");
    to = from;
    to.bytes[to.size - 1] = 1;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range_cf(writes, store->family[PL_STORE_KEPT], from.bytes, from.size, to.bytes, to.size);
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

static enum pl_code has_any(struct pl_store *store, const char *node, bool *any, struct pl_error **error) {
    struct pl_store_iter *iter;
    struct kept_key first;
    enum pl_code code = begin(store, node, &first, &iter, error);
    if (code) return code;
    *any = pl_store_iter_valid(iter);
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

struct move {
    struct pl_store *store;
    rocksdb_writebatch_t *writes;
    const char *was, *now;
};

/* Its bytes are the same, but the checksum is of the key too. */
static enum pl_code move_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    const struct move *move = arg;
    rocksdb_column_family_handle_t *family = move->store->family[PL_STORE_KEPT];
    struct kept_key was, now;
    if (!make_key_of(move->was, key, &was) || !make_key_of(move->now, key, &now))
        return pl_error_set(error, PL_LIMIT, "%s is too long for a key", key);
    uint64_t checksum = pl_store_checksum(now.bytes, now.size, value->at, (size_t)(value->end - value->at));
    const char *const keys[] = {now.bytes}, *const values[] = {(const char *)&checksum, (const char *)value->at};
    const size_t key_sizes[] = {now.size}, value_sizes[] = {CHECKSUM, (size_t)(value->end - value->at)};
    rocksdb_writebatch_putv_cf(move->writes, family, 1, keys, key_sizes, 2, values, value_sizes);
    rocksdb_writebatch_delete_cf(move->writes, family, was.bytes, was.size);
    return PL_OK;
}

static enum pl_code move_all(struct move *move, struct pl_error **error) {
    struct pl_store_iter *iter;
    struct kept_key first;
    enum pl_code code = begin(move->store, move->was, &first, &iter, error);
    if (code) return code;
    for (; !code && pl_store_iter_valid(iter); pl_store_iter_next(iter))
        code = visit(iter, first.size, move_one, move, error);
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code ? code : pl_store_write(move->store, move->writes, error);
}

enum pl_code pl_kept_move(struct pl_store *store, const char *was, const char *now, struct pl_error **error) {
    bool taken = false;
    enum pl_code code = has_any(store, now, &taken, error);
    if (code || taken) return code;
    struct move move = {.store = store, .writes = rocksdb_writebatch_create(), .was = was, .now = now};
    code = move_all(&move, error);
    rocksdb_writebatch_destroy(move.writes);
    return code;
}
