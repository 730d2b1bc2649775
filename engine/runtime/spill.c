#include "spill.h"

#include <stdatomic.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "store/store.h"

struct waiting { /* without a store */
    struct waiting *next;
    uint64_t ticket;
    struct pl_batch *batch;
};

struct pl_spill {
    struct pl_store *store;
    struct pl_codec *codec;
    int64_t limit;
    int64_t bytes;
    uint32_t number; /* of this spill among those of the process: keeps their keys apart */
    uint64_t tickets;
    struct waiting *memory; /* oldest first */
    struct waiting **memory_end;
    rocksdb_writeoptions_t *unlogged; /* what waits here is in the log too: no write-ahead log for it */
    rocksdb_readoptions_t *read;
};

enum { KEY = 12 };

static void make_key(const struct pl_spill *spill, uint64_t ticket, char key[KEY]) {
    uint32_t number = __builtin_bswap32(spill->number);
    ticket = __builtin_bswap64(ticket);
    memcpy(key, &number, sizeof number);
    memcpy(key + sizeof number, &ticket, sizeof ticket);
}

struct pl_spill *pl_spill_new(struct pl_store *store, struct pl_tags *tags, int64_t limit) {
    static _Atomic uint32_t number;
    struct pl_spill *spill = PL_NEW(struct pl_spill);
    if (!spill) return NULL;
    spill->store = store;
    spill->limit = limit;
    spill->memory_end = &spill->memory;
    spill->number = atomic_fetch_add(&number, 1);
    spill->codec = pl_codec_new(tags);
    if (!spill->codec) {
        pl_free(spill);
        return NULL;
    }
    if (store) {
        spill->unlogged = rocksdb_writeoptions_create();
        rocksdb_writeoptions_disable_WAL(spill->unlogged, 1);
        spill->read = rocksdb_readoptions_create();
    }
    return spill;
}

void pl_spill_free(struct pl_spill *spill) {
    if (!spill) return;
    while (spill->memory) {
        struct waiting *next = spill->memory->next;
        pl_batch_unref(spill->memory->batch);
        pl_free(spill->memory);
        spill->memory = next;
    }
    if (spill->unlogged) rocksdb_writeoptions_destroy(spill->unlogged);
    if (spill->read) rocksdb_readoptions_destroy(spill->read);
    pl_codec_free(spill->codec);
    pl_free(spill);
}

/* What is kept is counted as it is kept: a batch comes back from the store in a block of another size. Both return the
 * bytes, 0 when it is not kept. */
static int64_t put_memory(struct pl_spill *spill, struct pl_batch *batch, uint64_t ticket) {
    struct waiting *waiting = PL_NEW(struct waiting);
    if (!waiting) return 0;
    *waiting = (struct waiting){.ticket = ticket, .batch = pl_batch_ref(batch)};
    *spill->memory_end = waiting;
    spill->memory_end = &waiting->next;
    return (int64_t)batch->message_size;
}

static int64_t put_store(struct pl_spill *spill, const struct pl_batch *batch, uint64_t ticket) {
    const void *bytes;
    size_t size;
    char key[KEY], *failure = NULL;
    struct pl_error *error = NULL;
    if (pl_codec_encode(spill->codec, PL_CAPNP, batch, &bytes, &size, &error)) {
        pl_diag(PL_ERROR, "spill: %s", error ? error->text : "no memory");
        pl_error_free(&error);
        return 0;
    }
    make_key(spill, ticket, key);
    rocksdb_put_cf(spill->store->db, spill->unlogged, spill->store->family[PL_STORE_SPILL], key, KEY, bytes, size,
                   &failure);
    if (!failure) return (int64_t)size;
    pl_diag(PL_ERROR, "spill: %s", failure);
    rocksdb_free(failure);
    return 0;
}

uint64_t pl_spill_put(struct pl_spill *spill, struct pl_batch *batch) {
    uint64_t ticket = ++spill->tickets;
    int64_t kept = 0;
    if (spill->bytes + (int64_t)batch->message_size <= spill->limit)
        kept = spill->store ? put_store(spill, batch, ticket) : put_memory(spill, batch, ticket);
    spill->bytes += kept;
    pl_batch_unref(batch);
    return kept ? ticket : 0;
}

static struct pl_batch *take_memory(struct pl_spill *spill, uint64_t ticket) {
    for (struct waiting **at = &spill->memory; *at; at = &(*at)->next) {
        struct waiting *found = *at;
        if (found->ticket != ticket) continue;
        struct pl_batch *batch = found->batch;
        spill->bytes -= (int64_t)batch->message_size;
        *at = found->next;
        if (!*at) spill->memory_end = at;
        pl_free(found);
        return batch;
    }
    return NULL;
}

static struct pl_batch *take_store(struct pl_spill *spill, uint64_t ticket) {
    char key[KEY], *failure = NULL;
    size_t size = 0;
    make_key(spill, ticket, key);
    rocksdb_column_family_handle_t *family = spill->store->family[PL_STORE_SPILL];
    char *bytes = rocksdb_get_cf(spill->store->db, spill->read, family, key, KEY, &size, &failure);
    struct pl_batch *batch = NULL;
    struct pl_error *error = NULL;
    if (bytes) spill->bytes -= (int64_t)size;
    if (bytes && pl_codec_decode(spill->codec, PL_CAPNP, bytes, size, &batch, &error))
        pl_diag(PL_ERROR, "spill: %s", error ? error->text : "no memory");
    else if (!bytes)
        pl_diag(PL_ERROR, "spill: a batch is gone: %s", failure ? failure : "not found");
    pl_error_free(&error);
    if (failure) rocksdb_free(failure);
    if (bytes) rocksdb_free(bytes);
    failure = NULL;
    rocksdb_delete_cf(spill->store->db, spill->unlogged, family, key, KEY, &failure);
    if (failure) rocksdb_free(failure);
    return batch;
}

struct pl_batch *pl_spill_take(struct pl_spill *spill, uint64_t ticket) {
    return spill->store ? take_store(spill, ticket) : take_memory(spill, ticket);
}

int64_t pl_spill_bytes(const struct pl_spill *spill) {
    return spill->bytes;
}
