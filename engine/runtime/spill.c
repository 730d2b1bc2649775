#include "spill.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "store/store.h"

struct waiting { /* without a store */
    struct waiting *next;
    uint64_t ticket;
    struct pl_batch *batch;
};

enum { PREFIX_MAX = PL_NAME_MAX + 1 + 4, KEY_MAX = PREFIX_MAX + 8 };

struct gone { /* taken, and still in the state of the last epoch */
    uint64_t ticket;
    uint64_t epoch; /* when that is done it goes; 0: the barrier has not come yet */
};

struct pl_spill {
    struct pl_spill_options options;
    struct pl_store *store;
    struct pl_codec *codec;
    int64_t bytes;
    char prefix[PREFIX_MAX]; /* of its keys */
    size_t prefix_size;
    uint64_t tickets;
    struct waiting *memory; /* oldest first */
    struct waiting **memory_end;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    struct gone *gone; /* in order of epochs */
    uint32_t gone_count, gone_room;
    uint64_t *kept; /* while the state is loaded; sorted as they come */
    uint32_t kept_count, kept_room;
    bool loaded; /* which is over */
};

/* Lasting: node, 0, partition, ticket. Else: 0, a number that keeps those of the process apart, ticket. */
static void make_prefix(struct pl_spill *spill) {
    static _Atomic uint32_t number;
    if (spill->options.lasting) {
        size_t length = strlen(spill->options.lasting);
        uint16_t partition = htobe16((uint16_t)spill->options.partition);
        memcpy(spill->prefix, spill->options.lasting, length + 1);
        memcpy(spill->prefix + length + 1, &partition, sizeof partition);
        spill->prefix_size = length + 1 + sizeof partition;
    } else {
        uint32_t own = htobe32(atomic_fetch_add(&number, 1));
        memcpy(spill->prefix + 1, &own, sizeof own);
        spill->prefix_size = 1 + sizeof own;
    }
}

static size_t make_key(const struct pl_spill *spill, uint64_t ticket, char key[KEY_MAX]) {
    uint64_t t = htobe64(ticket);
    memcpy(key, spill->prefix, spill->prefix_size);
    memcpy(key + spill->prefix_size, &t, sizeof t);
    return spill->prefix_size + sizeof t;
}

struct pl_spill *pl_spill_new(const struct pl_spill_options *options) {
    struct pl_spill *spill = PL_NEW(struct pl_spill);
    if (!spill) return NULL;
    spill->options = *options;
    spill->store = options->store;
    spill->memory_end = &spill->memory;
    spill->codec = pl_codec_new(options->tags);
    if (!spill->codec) {
        pl_free(spill);
        return NULL;
    }
    make_prefix(spill);
    if (spill->store) {
        spill->write = rocksdb_writeoptions_create();
        /* Without state that speaks of it, what waits comes again from the log; but who
         * follows by the write-ahead log must see no gap in it. */
        rocksdb_writeoptions_disable_WAL(spill->write, !options->lasting && !pl_store_ships(spill->store));
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
    if (spill->write) rocksdb_writeoptions_destroy(spill->write);
    if (spill->read) rocksdb_readoptions_destroy(spill->read);
    pl_codec_free(spill->codec);
    pl_free(spill->gone);
    pl_free(spill->kept);
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
    char key[KEY_MAX], *failure = NULL;
    struct pl_error *error = NULL;
    if (pl_codec_encode(spill->codec, PL_CAPNP, batch, &bytes, &size, &error)) {
        pl_diag(PL_ERROR, "spill: %s", error ? error->text : "no memory");
        pl_error_free(&error);
        return 0;
    }
    size_t key_size = make_key(spill, ticket, key);
    PL_FAULT("spill.put");
    rocksdb_put_cf(spill->store->db, spill->write, spill->store->family[PL_STORE_SPILL], key, key_size, bytes, size,
                   &failure);
    if (!failure) return (int64_t)size;
    pl_diag(PL_ERROR, "spill: %s", failure);
    rocksdb_free(failure);
    return 0;
}

bool pl_spill_room(struct pl_spill *spill, const struct pl_batch *batch) {
    return !spill->store || pl_store_room(spill->store, batch->message_size, NULL) != PL_UNAVAILABLE;
}

static bool room_for_kept(struct pl_spill *spill) {
    if (spill->kept_count < spill->kept_room) return true;
    uint32_t room = spill->kept_room ? 2 * spill->kept_room : 64;
    uint64_t *grown = pl_realloc(spill->kept, room * sizeof *grown);
    if (!grown) return false;
    spill->kept = grown;
    spill->kept_room = room;
    return true;
}

uint64_t pl_spill_put(struct pl_spill *spill, struct pl_batch *batch) {
    uint64_t ticket = ++spill->tickets;
    int64_t kept = 0;
    bool loads = spill->options.lasting && !spill->loaded; /* rows of the state itself may be too many for memory */
    if ((!loads || room_for_kept(spill)) && spill->bytes + (int64_t)batch->message_size <= spill->options.limit)
        kept = spill->store ? put_store(spill, batch, ticket) : put_memory(spill, batch, ticket);
    spill->bytes += kept;
    if (loads && kept) spill->kept[spill->kept_count++] = ticket;
    pl_batch_unref(batch);
    return kept ? ticket : 0;
}

static struct waiting **find_memory(struct pl_spill *spill, uint64_t ticket) {
    struct waiting **at = &spill->memory;
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

static struct pl_batch *take_memory(struct pl_spill *spill, uint64_t ticket) {
    struct waiting **at = find_memory(spill, ticket), *found = *at;
    if (!found) return NULL;
    struct pl_batch *batch = found->batch;
    spill->bytes -= (int64_t)batch->message_size;
    *at = found->next;
    if (!*at) spill->memory_end = at;
    pl_free(found);
    return batch;
}

static void drop_from_store(struct pl_spill *spill, uint64_t ticket) {
    char key[KEY_MAX], *failure = NULL;
    size_t key_size = make_key(spill, ticket, key);
    rocksdb_delete_cf(spill->store->db, spill->write, spill->store->family[PL_STORE_SPILL], key, key_size, &failure);
    if (failure) rocksdb_free(failure); /* it takes room, and is found at the next start */
}

/* Without memory it stays until the next start. */
static void note_gone(struct pl_spill *spill, uint64_t ticket) {
    if (spill->gone_count == spill->gone_room) {
        uint32_t room = spill->gone_room ? 2 * spill->gone_room : 64;
        struct gone *grown = pl_realloc(spill->gone, room * sizeof *grown);
        if (!grown) return;
        spill->gone = grown;
        spill->gone_room = room;
    }
    spill->gone[spill->gone_count++] = (struct gone){.ticket = ticket};
}

/* *size: of what is there, 0: nothing. */
static struct pl_batch *look_store(struct pl_spill *spill, uint64_t ticket, size_t *size) {
    char key[KEY_MAX], *failure = NULL;
    size_t key_size = make_key(spill, ticket, key);
    rocksdb_column_family_handle_t *family = spill->store->family[PL_STORE_SPILL];
    *size = 0;
    char *bytes = rocksdb_get_cf(spill->store->db, spill->read, family, key, key_size, size, &failure);
    struct pl_batch *batch = NULL;
    struct pl_error *error = NULL;
    if (bytes && pl_codec_decode(spill->codec, PL_CAPNP, bytes, *size, &batch, &error))
        pl_diag(PL_ERROR, "spill: %s", error ? error->text : "no memory");
    else if (!bytes)
        pl_diag(PL_ERROR, "spill: a batch is gone: %s", failure ? failure : "not found");
    pl_error_free(&error);
    if (failure) rocksdb_free(failure);
    if (bytes) rocksdb_free(bytes);
    return batch;
}

static struct pl_batch *take_store(struct pl_spill *spill, uint64_t ticket) {
    size_t size;
    struct pl_batch *batch = look_store(spill, ticket, &size);
    spill->bytes -= (int64_t)size;
    if (spill->options.lasting)
        note_gone(spill, ticket);
    else
        drop_from_store(spill, ticket);
    return batch;
}

struct pl_batch *pl_spill_take(struct pl_spill *spill, uint64_t ticket) {
    return spill->store ? take_store(spill, ticket) : take_memory(spill, ticket);
}

struct pl_batch *pl_spill_look(struct pl_spill *spill, uint64_t ticket) {
    size_t size;
    if (spill->store) return look_store(spill, ticket, &size);
    struct waiting *found = *find_memory(spill, ticket);
    return found ? pl_batch_ref(found->batch) : NULL;
}

void pl_spill_drop(struct pl_spill *spill, uint64_t ticket) {
    pl_batch_unref(pl_spill_take(spill, ticket));
}

int64_t pl_spill_bytes(const struct pl_spill *spill) {
    return spill->bytes;
}

/* ---- Across runs ---- */

void pl_spill_settle(struct pl_spill *spill, uint64_t epoch) {
    for (uint32_t i = spill->gone_count; i-- > 0 && spill->gone[i].epoch == 0;)
        spill->gone[i].epoch = epoch;
}

void pl_spill_done(struct pl_spill *spill, uint64_t epoch) {
    uint32_t done = 0;
    while (done < spill->gone_count && spill->gone[done].epoch && spill->gone[done].epoch <= epoch)
        drop_from_store(spill, spill->gone[done++].ticket);
    if (!done) return;
    spill->gone_count -= done;
    memmove(spill->gone, spill->gone + done, spill->gone_count * sizeof *spill->gone);
}

bool pl_spill_keep(struct pl_spill *spill, uint64_t ticket) {
    char key[KEY_MAX], *failure = NULL;
    size_t size, key_size = make_key(spill, ticket, key);
    if (!spill->store) return false;
    if (!room_for_kept(spill)) return false;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        spill->store->db, spill->read, spill->store->family[PL_STORE_SPILL], key, key_size, &failure);
    if (failure) rocksdb_free(failure);
    if (!slice) return false;
    rocksdb_pinnableslice_value(slice, &size);
    rocksdb_pinnableslice_destroy(slice);
    spill->bytes += (int64_t)size;
    spill->kept[spill->kept_count++] = ticket;
    if (ticket > spill->tickets) spill->tickets = ticket;
    return true;
}

static int by_ticket(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void pl_spill_kept_all(struct pl_spill *spill) {
    struct pl_store_iter *iter;
    spill->loaded = true;
    if (!spill->store || !spill->options.lasting) return;
    if (spill->kept) qsort(spill->kept, spill->kept_count, sizeof *spill->kept, by_ticket);
    if (!pl_store_iter_new(spill->store, PL_STORE_SPILL, NULL, 0, &iter, NULL)) {
        pl_store_iter_seek(iter, spill->prefix, spill->prefix_size);
        for (; pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
            size_t size;
            const char *key = pl_store_iter_key(iter, &size);
            uint64_t ticket;
            if (size != spill->prefix_size + sizeof ticket || memcmp(key, spill->prefix, spill->prefix_size) != 0)
                break;
            memcpy(&ticket, key + spill->prefix_size, sizeof ticket);
            ticket = be64toh(ticket);
            if (ticket > spill->tickets) spill->tickets = ticket;
            if (!spill->kept || !bsearch(&ticket, spill->kept, spill->kept_count, sizeof ticket, by_ticket))
                drop_from_store(spill, ticket);
        }
        pl_store_iter_free(iter);
    }
    pl_free(spill->kept);
    spill->kept = NULL;
    spill->kept_count = spill->kept_room = 0;
}
