/* documents.c: "doc/KIND/ID" -> checksum | bytes. */
#include "store/documents.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"

enum { CHECKSUM = 8, KEY = 256 };

static bool make_key(char key[KEY], const char *kind, const char *id) {
    return strlen(id) <= PL_DOCUMENT_ID && snprintf(key, KEY, "doc/%s/%s", kind, id) < KEY;
}

static enum pl_code write_one(struct pl_store *store, const char *key, const char *value, size_t size,
                              struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    if (value)
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], key, strlen(key), value, size);
    else
        rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_META], key, strlen(key));
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

enum pl_code pl_document_put(struct pl_store *store, const char *kind, const char *id, const void *bytes, size_t size,
                             struct pl_error **error) {
    char key[KEY];
    if (!make_key(key, kind, id) || size > PL_DOCUMENT_BYTES)
        return pl_error_set(error, PL_LIMIT, "a %s has at most %d bytes, and its id %d", kind, PL_DOCUMENT_BYTES,
                            PL_DOCUMENT_ID);
    char *value = pl_alloc(CHECKSUM + size);
    if (!value) return pl_error_set(error, PL_NO_MEMORY, "no memory for a %s", kind);
    uint64_t checksum = pl_store_checksum(key, strlen(key), bytes, size);
    memcpy(value, &checksum, CHECKSUM);
    memcpy(value + CHECKSUM, bytes, size);
    enum pl_code code = write_one(store, key, value, CHECKSUM + size, error);
    pl_free(value);
    return code;
}

static bool is_whole(const char *key, const char *value, size_t size) {
    uint64_t checksum;
    if (size < CHECKSUM) return false;
    memcpy(&checksum, value, CHECKSUM);
    return checksum == pl_store_checksum(key, strlen(key), value + CHECKSUM, size - CHECKSUM);
}

enum pl_code pl_document_get(struct pl_store *store, const char *kind, const char *id, char **bytes, size_t *size,
                             struct pl_error **error) {
    char key[KEY];
    void *value;
    *bytes = NULL;
    if (!make_key(key, kind, id)) return PL_NOT_FOUND;
    if (PL_FAULT_FAILS("document.get")) return pl_error_set(error, PL_IO, "%s: the disk cannot be read", store->path);
    enum pl_code code = pl_store_get(store, PL_STORE_META, key, strlen(key), &value, size, error);
    if (code) return code;
    if (!is_whole(key, value, *size)) {
        pl_free(value);
        return pl_error_set(error, PL_CORRUPT, "%s: the %s \"%s\" is damaged", store->path, kind, id);
    }
    *size -= CHECKSUM;
    memmove(value, (char *)value + CHECKSUM, *size + 1);
    *bytes = value;
    return PL_OK;
}

enum pl_code pl_document_remove(struct pl_store *store, const char *kind, const char *id, struct pl_error **error) {
    char key[KEY];
    if (!make_key(key, kind, id)) return PL_NOT_FOUND;
    void *value;
    size_t size;
    enum pl_code code = pl_store_get(store, PL_STORE_META, key, strlen(key), &value, &size, error);
    if (code) return code;
    pl_free(value);
    return write_one(store, key, NULL, 0, error);
}

enum pl_code pl_documents_each(struct pl_store *store, const char *kind, pl_document_visitor *each, void *arg,
                               struct pl_error **error) {
    char first[KEY], key[KEY];
    struct pl_store_iter *iter;
    make_key(first, kind, "");
    size_t prefix = strlen(first);
    enum pl_code code = pl_store_iter_new(store, PL_STORE_META, NULL, 0, &iter, error), damage = PL_OK;
    if (code) return code;
    for (pl_store_iter_seek(iter, first, prefix); pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t length, size;
        const char *at = pl_store_iter_key(iter, &length), *value = pl_store_iter_value(iter, &size);
        if (length < prefix || length >= KEY || memcmp(at, first, prefix) != 0) break;
        memcpy(key, at, length);
        key[length] = 0;
        if (!is_whole(key, value, size))
            damage = PL_CORRUPT;
        else if (!each(arg, key + prefix, value + CHECKSUM, size - CHECKSUM))
            break;
    }
    code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    if (!code && damage) code = pl_error_set(error, damage, "%s: a %s is damaged", store->path, kind);
    return code;
}
