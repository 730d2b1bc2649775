#include "store/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "store/checked.h"

enum { ITEMS = 3, KEY = 40, TEXT_MAX = 4096, DROPPED = PL_SETTINGS_MOST / 10 };

static const char since_key[] = "settings", front[] = "settings.", behind[] = "settings/";

struct pl_settings {
    struct pl_store *store;
    unsigned count;
    uint64_t epoch;  /* of the last entry */
    unsigned number; /* of the next one of it */
};

static enum pl_code damaged(struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "the history of what people have set is damaged");
}

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the history of what people have set");
}

enum pl_code pl_settings_since(struct pl_store *store, uint64_t *since, struct pl_error **error) {
    void *value;
    size_t size;
    struct pl_unpack unpack;
    *since = UINT64_MAX;
    enum pl_code code = pl_store_get(store, PL_STORE_META, since_key, strlen(since_key), &value, &size, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    bool good = pl_checked_begin(since_key, strlen(since_key), value, size, &unpack) && pl_unpack_uint(&unpack, since);
    pl_free(value);
    return good ? PL_OK : damaged(error);
}

/* ---- Reading ---- */

static uint64_t epoch_of(const char *key, size_t size) {
    char digits[17] = "";
    size_t skipped = strlen(front);
    if (size < skipped + 16) return UINT64_MAX;
    memcpy(digits, key + skipped, 16);
    return strtoull(digits, NULL, 16);
}

/* Over all entries, at the first one. */
static enum pl_code all(struct pl_store *store, struct pl_store_iter **iter, struct pl_error **error) {
    enum pl_code code = pl_store_iter_new(store, PL_STORE_META, behind, strlen(behind), iter, error);
    if (!code) pl_store_iter_seek(*iter, front, strlen(front));
    return code;
}

static bool unpack_text(struct pl_unpack *unpack, char text[TEXT_MAX]) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length >= TEXT_MAX) return false;
    memcpy(text, at, length);
    text[length] = 0;
    return true;
}

static enum pl_code show(const struct pl_store_iter *iter, pl_settings_visitor *each, void *arg,
                         struct pl_error **error) {
    char node[TEXT_MAX], graph[TEXT_MAX];
    size_t key_size, size;
    const char *key = pl_store_iter_key(iter, &key_size);
    const void *value = pl_store_iter_value(iter, &size);
    struct pl_settings_entry entry = {.epoch = epoch_of(key, key_size), .node = node, .graph = graph};
    struct pl_unpack unpack;
    uint32_t items;
    if (!pl_checked_begin(key, key_size, value, size, &unpack) || !pl_unpack_array(&unpack, &items) || items != ITEMS ||
        !unpack_text(&unpack, node) || !pl_unpack_bin(&unpack, &entry.call, &entry.size) ||
        !unpack_text(&unpack, graph))
        return damaged(error);
    return each(arg, &entry, error);
}

enum pl_code pl_settings_each(struct pl_store *store, pl_settings_visitor *each, void *arg, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = all(store, &iter, error);
    if (code) return code;
    for (; !code && pl_store_iter_valid(iter); pl_store_iter_next(iter))
        code = show(iter, each, arg, error);
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

/* ---- Writing ---- */

static bool put_since(rocksdb_writebatch_t *writes, const struct pl_store *store, uint64_t since) {
    struct pl_pack *pack = pl_pack_new();
    if (pack) pl_pack_uint(pack, since);
    bool good = pack && pl_checked_put(writes, store, since_key, pack);
    pl_pack_free(pack);
    return good;
}

static bool put_entry(rocksdb_writebatch_t *writes, const struct pl_settings *settings,
                      const struct pl_settings_entry *entry) {
    char key[KEY];
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return false;
    snprintf(key, sizeof key, "%s%016" PRIx64 ".%08u", front, entry->epoch, settings->number);
    pl_pack_array(pack, ITEMS);
    pl_pack_str(pack, entry->node);
    pl_pack_bin(pack, entry->call, entry->size);
    pl_pack_str(pack, entry->graph);
    bool good = pl_checked_put(writes, settings->store, key, pack);
    pl_pack_free(pack);
    return good;
}

/* Those that `goes` says are removed with the next write; true if there are any. */
static enum pl_code drop(struct pl_settings *settings, bool (*goes)(uint64_t epoch, unsigned at, uint64_t last),
                         uint64_t last, rocksdb_writebatch_t *writes, uint64_t *newest, struct pl_error **error) {
    struct pl_store_iter *iter;
    unsigned at = 0;
    enum pl_code code = all(settings->store, &iter, error);
    if (code) return code;
    for (settings->count = 0; pl_store_iter_valid(iter); pl_store_iter_next(iter), at++) {
        size_t size;
        const char *key = pl_store_iter_key(iter, &size);
        uint64_t epoch = epoch_of(key, size);
        if (goes(epoch, at, last)) {
            rocksdb_writebatch_delete_cf(writes, settings->store->family[PL_STORE_META], key, size);
            *newest = epoch;
        } else {
            settings->count++;
            settings->number = epoch == settings->epoch ? settings->number + 1 : 1;
            settings->epoch = epoch;
        }
    }
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

static bool is_behind(uint64_t epoch, unsigned at, uint64_t last) {
    (void)at;
    return epoch > last;
}

static bool is_oldest(uint64_t epoch, unsigned at, uint64_t last) {
    (void)epoch;
    (void)last;
    return at < DROPPED;
}

/* What no epoch has become of goes; a folder that has no history yet begins one. */
static enum pl_code put_in_order(struct pl_settings *settings, uint64_t last, struct pl_error **error) {
    uint64_t since, newest;
    enum pl_code code = pl_settings_since(settings->store, &since, error);
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    code = drop(settings, is_behind, last, writes, &newest, error);
    if (!code && since > last && !put_since(writes, settings->store, last)) code = no_memory(error);
    if (!code && rocksdb_writebatch_count(writes)) code = pl_store_write(settings->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_settings_open(struct pl_store *store, uint64_t last, struct pl_settings **settings,
                              struct pl_error **error) {
    struct pl_settings *s = *settings = PL_NEW(struct pl_settings);
    if (!s) return no_memory(error);
    s->store = store;
    enum pl_code code = put_in_order(s, last, error);
    if (!code) return PL_OK;
    pl_settings_close(s);
    *settings = NULL;
    return code;
}

void pl_settings_close(struct pl_settings *settings) {
    pl_free(settings);
}

/* A tenth goes at once, so that it does not happen with every entry. */
static enum pl_code make_room(struct pl_settings *settings, rocksdb_writebatch_t *writes, struct pl_error **error) {
    uint64_t newest = 0;
    if (settings->count < PL_SETTINGS_MOST) return PL_OK;
    enum pl_code code = drop(settings, is_oldest, 0, writes, &newest, error);
    if (!code && !put_since(writes, settings->store, newest)) code = no_memory(error);
    return code;
}

enum pl_code pl_settings_add(struct pl_settings *settings, const struct pl_settings_entry *entry,
                             struct pl_error **error) {
    if (strlen(entry->node) >= TEXT_MAX || strlen(entry->graph) >= TEXT_MAX)
        return pl_error_set(error, PL_LIMIT, "what was set is too long for the history of it");
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    enum pl_code code = make_room(settings, writes, error);
    if (entry->epoch != settings->epoch) settings->number = 0;
    if (!code && !put_entry(writes, settings, entry)) code = no_memory(error);
    if (!code) code = pl_store_write(settings->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    if (code) return code;
    settings->epoch = entry->epoch;
    settings->number++;
    settings->count++;
    return PL_OK;
}
