/* iter.c: iterators that do not outlive their store. */
#include <string.h>

#include <potline/alloc.h>
#include <xxhash.h>

#include "store/store_impl.h"

struct pl_store_iter {
    struct pl_store *store; /* NULL after the store's close */
    struct pl_store_iter *next, *previous;
    rocksdb_iterator_t *rocks; /* NULL: the family is not there, or the store is closed */
    rocksdb_readoptions_t *options;
    size_t end_size;
    char end[]; /* RocksDB keeps a pointer to it */
};

enum { READAHEAD = 2 << 20 };

static void link_to(struct pl_store *store, struct pl_store_iter *iter) {
    pthread_mutex_lock(&store->impl->lock);
    iter->next = store->impl->iters;
    if (iter->next) iter->next->previous = iter;
    store->impl->iters = iter;
    pthread_mutex_unlock(&store->impl->lock);
}

static void unlink_from(struct pl_store *store, struct pl_store_iter *iter) {
    pthread_mutex_lock(&store->impl->lock);
    if (iter->next) iter->next->previous = iter->previous;
    if (iter->previous)
        iter->previous->next = iter->next;
    else
        store->impl->iters = iter->next;
    pthread_mutex_unlock(&store->impl->lock);
}

enum pl_code pl_store_iter_new(struct pl_store *store, enum pl_store_family family, const void *end, size_t end_size,
                               struct pl_store_iter **iter, struct pl_error **error) {
    struct pl_store_iter *it = *iter = pl_alloc(sizeof *it + end_size);
    if (!it) return pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", store->path);
    it->store = store;
    it->end_size = end_size;
    if (end_size) memcpy(it->end, end, end_size);
    if (store->family[family]) {
        it->options = rocksdb_readoptions_create();
        rocksdb_readoptions_set_fill_cache(it->options, 0); /* read once: would only push out what is read often */
        rocksdb_readoptions_set_readahead_size(it->options, READAHEAD);
        if (end) rocksdb_readoptions_set_iterate_upper_bound(it->options, it->end, it->end_size);
        it->rocks = rocksdb_create_iterator_cf(store->db, it->options, store->family[family]);
    }
    link_to(store, it);
    return PL_OK;
}

static void end_rocks(struct pl_store_iter *iter) {
    if (iter->rocks) rocksdb_iter_destroy(iter->rocks);
    if (iter->options) rocksdb_readoptions_destroy(iter->options);
    iter->rocks = NULL;
    iter->options = NULL;
}

void pl_store_iter_free(struct pl_store_iter *iter) {
    if (!iter) return;
    if (iter->store) unlink_from(iter->store, iter);
    end_rocks(iter);
    pl_free(iter);
}

void pl__store_iters_end(struct pl_store *store) {
    for (struct pl_store_iter *iter = store->impl->iters; iter; iter = iter->next) {
        end_rocks(iter);
        iter->store = NULL;
    }
}

void pl_store_iter_seek(struct pl_store_iter *iter, const void *key, size_t key_size) {
    if (iter->rocks) rocksdb_iter_seek(iter->rocks, key, key_size);
}

void pl_store_iter_seek_last(struct pl_store_iter *iter, const void *key, size_t key_size) {
    if (iter->rocks) rocksdb_iter_seek_for_prev(iter->rocks, key, key_size);
}

void pl_store_iter_next(struct pl_store_iter *iter) {
    rocksdb_iter_next(iter->rocks);
}

bool pl_store_iter_valid(const struct pl_store_iter *iter) {
    return iter->rocks && rocksdb_iter_valid(iter->rocks);
}

const void *pl_store_iter_key(const struct pl_store_iter *iter, size_t *size) {
    return rocksdb_iter_key(iter->rocks, size);
}

const void *pl_store_iter_value(const struct pl_store_iter *iter, size_t *size) {
    return rocksdb_iter_value(iter->rocks, size);
}

enum pl_code pl_store_iter_check(const struct pl_store_iter *iter, struct pl_error **error) {
    if (!iter->store) return pl_error_set(error, PL_UNAVAILABLE, "the store has been closed");
    if (!iter->rocks) return PL_OK;
    char *message = NULL;
    rocksdb_iter_get_error(iter->rocks, &message);
    return pl_store_error(iter->store, "reading", message, error);
}

uint64_t pl_store_checksum(const void *key, size_t key_size, const void *bytes, size_t size) {
    return XXH3_64bits_withSeed(bytes, size, XXH3_64bits(key, key_size));
}
