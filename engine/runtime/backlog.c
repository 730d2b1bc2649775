#include "backlog.h"

#include <stdatomic.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/quality.h>

#include "batch/batch_impl.h"

enum { MEMORY_BATCHES = 128, MEMORY_BYTES = 2 << 20, MEMORY_MOST = 1 << 20 };

struct waiting {
    struct pl_batch *batch;
    unsigned port;
};

struct range { /* tickets that follow each other */
    uint64_t first, count;
    unsigned port;
};

struct pl_backlog {
    struct pl_spill *spill;
    struct waiting *memory; /* a ring */
    unsigned from, count, room;
    int64_t bytes;
    struct range *ranges; /* the oldest first */
    uint32_t range_from, range_count, range_room;
    _Atomic uint64_t dropped_rows, spilled_rows;
    _Atomic int64_t spilled_bytes;
};

struct pl_backlog *pl_backlog_new(struct pl_spill *spill) {
    struct pl_backlog *backlog = PL_NEW(struct pl_backlog);
    if (backlog) backlog->spill = spill;
    return backlog;
}

void pl_backlog_free(struct pl_backlog *backlog) {
    if (!backlog) return;
    for (unsigned i = 0; i < backlog->count; i++)
        pl_batch_unref(backlog->memory[(backlog->from + i) % backlog->room].batch);
    pl_free(backlog->memory);
    pl_free(backlog->ranges);
    pl_free(backlog);
}

/* ---- Putting ---- */

static void note_bytes(struct pl_backlog *backlog) {
    atomic_store_explicit(&backlog->spilled_bytes, pl_spill_bytes(backlog->spill), memory_order_relaxed);
}

static bool room_for_range(struct pl_backlog *backlog) {
    if (backlog->range_from + backlog->range_count < backlog->range_room) return true;
    if (backlog->range_count)
        memmove(backlog->ranges, backlog->ranges + backlog->range_from, backlog->range_count * sizeof *backlog->ranges);
    backlog->range_from = 0;
    if (backlog->range_count < backlog->range_room) return true;
    uint32_t room = backlog->range_room ? 2 * backlog->range_room : 16;
    struct range *grown = pl_realloc(backlog->ranges, room * sizeof *grown);
    if (!grown) return false;
    backlog->ranges = grown;
    backlog->range_room = room;
    return true;
}

/* The room for a range was looked for. */
static void add_ticket(struct pl_backlog *backlog, unsigned port, uint64_t first, uint64_t count) {
    struct range *last = backlog->range_count ? &backlog->ranges[backlog->range_from + backlog->range_count - 1] : NULL;
    if (last && last->port == port && last->first + last->count == first)
        last->count += count;
    else
        backlog->ranges[backlog->range_from + backlog->range_count++] = (struct range){first, count, port};
}

static void spill(struct pl_backlog *backlog, unsigned port, struct pl_batch *batch) {
    uint32_t rows = batch->rows;
    uint64_t ticket = 0;
    if (room_for_range(backlog))
        ticket = pl_spill_put(backlog->spill, batch);
    else
        pl_batch_unref(batch);
    if (ticket) {
        add_ticket(backlog, port, ticket, 1);
        atomic_fetch_add_explicit(&backlog->spilled_rows, rows, memory_order_relaxed);
        note_bytes(backlog);
        return;
    }
    atomic_fetch_add_explicit(&backlog->dropped_rows, rows, memory_order_relaxed);
    pl_diag(PL_WARN, "a sink's backlog is full: rows are dropped");
}

static bool room_in_memory(struct pl_backlog *backlog) {
    if (backlog->count < backlog->room) return true;
    unsigned room = backlog->room ? 2 * backlog->room : MEMORY_BATCHES;
    struct waiting *grown = room > MEMORY_MOST ? NULL : pl_alloc(room * sizeof *grown);
    if (!grown) return false;
    for (unsigned i = 0; i < backlog->count; i++)
        grown[i] = backlog->memory[(backlog->from + i) % backlog->room];
    pl_free(backlog->memory);
    backlog->memory = grown;
    backlog->from = 0;
    backlog->room = room;
    return true;
}

/* On a full disk sources stand still, so that little comes: it stays in memory. */
void pl_backlog_put(struct pl_backlog *backlog, unsigned port, struct pl_batch *batch) {
    bool much = backlog->count >= MEMORY_BATCHES || backlog->bytes >= MEMORY_BYTES;
    if ((much && pl_spill_room(backlog->spill, batch)) || !room_in_memory(backlog)) {
        spill(backlog, port, batch);
        return;
    }
    backlog->bytes += (int64_t)batch->message_size;
    backlog->memory[(backlog->from + backlog->count++) % backlog->room] = (struct waiting){batch, port};
}

void pl_backlog_put_back(struct pl_backlog *backlog, unsigned port, struct pl_batch *batch) {
    if (!room_in_memory(backlog)) {
        spill(backlog, port, batch);
        return;
    }
    backlog->bytes += (int64_t)batch->message_size;
    backlog->from = (backlog->from + backlog->room - 1) % backlog->room;
    backlog->count++;
    backlog->memory[backlog->from] = (struct waiting){batch, port};
}

/* ---- Taking ---- */

struct pl_batch *pl_backlog_take(struct pl_backlog *backlog, unsigned *port) {
    if (!backlog->count) return NULL;
    struct waiting *first = &backlog->memory[backlog->from];
    backlog->from = (backlog->from + 1) % backlog->room;
    backlog->count--;
    backlog->bytes -= (int64_t)first->batch->message_size;
    *port = first->port;
    return first->batch;
}

static void mark_backfilled(struct pl_batch *batch) {
    uint16_t *quality = batch->kind == PL_SAMPLES    ? batch->samples.quality
                        : batch->kind == PL_WINDOWS  ? batch->windows.quality
                        : batch->kind == PL_PROFILES ? batch->profiles.quality
                                                     : NULL;
    for (uint32_t i = 0; quality && i < batch->rows; i++)
        quality[i] |= PL_Q_BACKFILLED;
}

/* One that the spill has lost, which it has said, is passed over. */
struct pl_batch *pl_backlog_take_spilled(struct pl_backlog *backlog, unsigned *port) {
    struct pl_batch *batch = NULL;
    while (!batch && backlog->range_count) {
        struct range *range = &backlog->ranges[backlog->range_from];
        *port = range->port;
        batch = pl_spill_take(backlog->spill, range->first++);
        if (--range->count == 0) {
            backlog->range_from++;
            backlog->range_count--;
        }
        if (batch && !pl_batch_writable(&batch)) {
            atomic_fetch_add_explicit(&backlog->dropped_rows, batch->rows, memory_order_relaxed);
            pl_batch_unref(batch);
            batch = NULL;
        }
    }
    note_bytes(backlog);
    if (!batch) return NULL;
    mark_backfilled(batch);
    pl_batch_seal(batch);
    return batch;
}

bool pl_backlog_waits(const struct pl_backlog *backlog) {
    return backlog->count > 0;
}

bool pl_backlog_empty(const struct pl_backlog *backlog) {
    return backlog->count == 0 && backlog->range_count == 0;
}

/* ---- Across runs: [[port, rows], ...], [[port, first ticket, count], ...] ---- */

enum pl_code pl_backlog_save(struct pl_backlog *backlog, struct pl_codec *codec, struct pl_pack *pack,
                             struct pl_error **error) {
    enum pl_code code = PL_OK;
    pl_pack_array(pack, 2);
    pl_pack_array(pack, backlog->count);
    for (unsigned i = 0; i < backlog->count && !code; i++) {
        const struct waiting *waiting = &backlog->memory[(backlog->from + i) % backlog->room];
        const void *bytes;
        size_t size;
        code = pl_codec_encode(codec, PL_CAPNP, waiting->batch, &bytes, &size, error);
        if (code) break;
        pl_pack_array(pack, 2);
        pl_pack_uint(pack, waiting->port);
        pl_pack_bin(pack, bytes, size);
    }
    pl_pack_array(pack, backlog->range_count);
    for (uint32_t i = backlog->range_from; i < backlog->range_from + backlog->range_count; i++) {
        pl_pack_array(pack, 3);
        pl_pack_uint(pack, backlog->ranges[i].port);
        pl_pack_uint(pack, backlog->ranges[i].first);
        pl_pack_uint(pack, backlog->ranges[i].count);
    }
    return code;
}

static enum pl_code damaged(struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "its backlog is damaged");
}

static enum pl_code load_memory(struct pl_backlog *backlog, struct pl_codec *codec, struct pl_unpack *unpack,
                                struct pl_error **error) {
    uint32_t count, items;
    if (!pl_unpack_array(unpack, &count)) return damaged(error);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t port;
        const void *bytes;
        size_t size;
        struct pl_batch *batch;
        if (!pl_unpack_array(unpack, &items) || items != 2 || !pl_unpack_uint(unpack, &port) ||
            !pl_unpack_bin(unpack, &bytes, &size))
            return damaged(error);
        enum pl_code code = pl_codec_decode(codec, PL_CAPNP, bytes, size, &batch, error);
        if (code) return code;
        pl_batch_seal(batch);
        if (!room_in_memory(backlog)) {
            pl_batch_unref(batch);
            return pl_error_set(error, PL_NO_MEMORY, "no memory for its backlog");
        }
        backlog->bytes += (int64_t)batch->message_size;
        backlog->memory[backlog->count++] = (struct waiting){batch, (unsigned)port};
    }
    return PL_OK;
}

static enum pl_code load_ranges(struct pl_backlog *backlog, struct pl_unpack *unpack, struct pl_error **error) {
    uint32_t count, items;
    if (!pl_unpack_array(unpack, &count)) return damaged(error);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t port, first, tickets;
        if (!pl_unpack_array(unpack, &items) || items != 3 || !pl_unpack_uint(unpack, &port) ||
            !pl_unpack_uint(unpack, &first) || !pl_unpack_uint(unpack, &tickets) || tickets == 0)
            return damaged(error);
        if (!room_for_range(backlog)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its backlog");
        for (uint64_t k = 0; k < tickets; k++)
            if (!pl_spill_keep(backlog->spill, first + k))
                return pl_error_set(error, PL_CORRUPT, "rows of its backlog are not in the store any more");
        add_ticket(backlog, (unsigned)port, first, tickets);
    }
    note_bytes(backlog);
    return PL_OK;
}

enum pl_code pl_backlog_load(struct pl_backlog *backlog, struct pl_codec *codec, struct pl_unpack *unpack,
                             struct pl_error **error) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != 2) return damaged(error);
    enum pl_code code = load_memory(backlog, codec, unpack, error);
    return code ? code : load_ranges(backlog, unpack, error);
}

void pl_backlog_stats(const struct pl_backlog *backlog, struct pl_backlog_stats *stats) {
    stats->dropped_rows = atomic_load_explicit(&backlog->dropped_rows, memory_order_relaxed);
    stats->spilled_rows = atomic_load_explicit(&backlog->spilled_rows, memory_order_relaxed);
    stats->spilled_bytes = atomic_load_explicit(&backlog->spilled_bytes, memory_order_relaxed);
}
