#include "held.h"

#include <string.h>

#include <potline/alloc.h>

enum { ROOM_FIRST = 64, ROOM_MOST = 1 << 24, SMALL = 4096, MUCH_SMALLER = 4 };

static struct pl_batch *batch_at(const struct pl_held *queue, unsigned i) {
    return queue->batches[(queue->from + i) & (queue->room - 1)];
}

static void drop_batch(struct pl_held *queue) {
    struct pl_batch *batch = batch_at(queue, 0);
    queue->base += batch->rows;
    queue->bytes -= (int64_t)batch->message_size;
    queue->from = (queue->from + 1) & (queue->room - 1);
    queue->count--;
    if (queue->near)
        queue->near--;
    else
        queue->near_base = queue->base;
    pl_batch_unref(batch);
}

void pl_held_fini(struct pl_held *queue) {
    while (queue->count)
        drop_batch(queue);
    pl_free(queue->batches);
    *queue = (struct pl_held){0};
}

static bool make_room(struct pl_held *queue) {
    if (queue->count < queue->room) return true;
    unsigned room = queue->room ? 2 * queue->room : ROOM_FIRST;
    struct pl_batch **grown = room > ROOM_MOST ? NULL : pl_alloc(room * sizeof(*grown));
    if (!grown) return false;
    for (unsigned i = 0; i < queue->count; i++)
        grown[i] = batch_at(queue, i);
    pl_free(queue->batches);
    queue->batches = grown;
    queue->from = 0;
    queue->room = room;
    return true;
}

/* A few rows may lie in a block for many. Without memory for a smaller one it stays. */
static struct pl_batch *compact(struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint32_t heap = batch->heap_used[0] > batch->heap_used[1] ? batch->heap_used[0] : batch->heap_used[1];
    size_t needed = 0;
    for (unsigned c = 0; c < info->columns; c++)
        needed += (size_t)batch->rows * pl_type_size(info->column[c].type);
    for (unsigned h = 0; h < info->heaps; h++)
        needed += (size_t)heap * pl_type_size(info->heap[h].type);
    if (batch->message_size < SMALL || needed * MUCH_SMALLER > batch->message_size) return batch;
    struct pl_batch *small = pl_batch_like(batch, batch->rows, heap);
    if (!small) return batch;
    if (pl_batch_append(small, batch, 0, batch->rows) < batch->rows) {
        pl_batch_unref(small);
        return batch;
    }
    pl_batch_unref(batch);
    return small;
}

bool pl_held_put(struct pl_held *queue, struct pl_batch *batch) {
    if (!make_room(queue)) {
        pl_batch_unref(batch);
        return false;
    }
    batch = compact(batch);
    queue->batches[(queue->from + queue->count++) & (queue->room - 1)] = batch;
    queue->taken += batch->rows;
    queue->bytes += (int64_t)batch->message_size;
    return true;
}

void pl_held_drop(struct pl_held *queue, uint64_t until) {
    queue->first = until;
    while (queue->count && queue->base + batch_at(queue, 0)->rows <= until)
        drop_batch(queue);
}

struct pl_batch *pl_held_pop(struct pl_held *queue) {
    if (!queue->count) return NULL;
    struct pl_batch *batch = pl_batch_ref(batch_at(queue, 0));
    drop_batch(queue);
    if (queue->first < queue->base) queue->first = queue->base;
    return batch;
}

void pl_held_begin_at(struct pl_held *queue, uint64_t number) {
    queue->base = queue->near_base = queue->first = queue->taken = number;
}

/* Asked for in order, so that it is mostly the batch of the last time, or the next one. */
const struct pl_batch *pl_held_at(struct pl_held *queue, uint64_t number, uint32_t *row) {
    if (number < queue->near_base || queue->near >= queue->count) {
        queue->near = 0;
        queue->near_base = queue->base;
    }
    for (; queue->near < queue->count; queue->near++) {
        const struct pl_batch *batch = batch_at(queue, queue->near);
        if (number - queue->near_base < batch->rows) {
            *row = (uint32_t)(number - queue->near_base);
            return batch;
        }
        queue->near_base += batch->rows;
    }
    return NULL;
}

/* ---- Epochs ---- */

/* Where there are more than can be told apart, the last two become one, which is safe when the later of them is. */
void pl_held_mark(struct pl_held *queue, uint64_t epoch) {
    bool again = queue->mark_count && queue->marks[queue->mark_count - 1].epoch == epoch;
    if (!again && queue->mark_count < PL_HELD_MARKS_MAX) queue->mark_count++;
    queue->marks[queue->mark_count - 1].epoch = epoch;
    queue->marks[queue->mark_count - 1].taken = queue->taken;
}

void pl_held_seal(struct pl_held *queue, uint64_t epoch) {
    unsigned safe = 0;
    while (safe < queue->mark_count && queue->marks[safe].epoch <= epoch)
        queue->sealed = queue->marks[safe++].taken;
    queue->mark_count -= safe;
    memmove(queue->marks, queue->marks + safe, queue->mark_count * sizeof(queue->marks[0]));
}

void pl_held_seal_all(struct pl_held *queue) {
    queue->sealed = queue->taken;
}

void pl_held_unseal(struct pl_held *queue, uint64_t number) {
    if (queue->sealed > number) queue->sealed = number;
    queue->mark_count = 0;
}

/* ---- Across runs ---- */

enum pl_code pl_held_save(const struct pl_held *queue, struct pl_codec *codec, struct pl_pack *pack,
                          struct pl_error **error) {
    pl_pack_uint(pack, queue->base);
    pl_pack_uint(pack, queue->first);
    pl_pack_array(pack, queue->count);
    for (unsigned i = 0; i < queue->count; i++) {
        const void *bytes;
        size_t size;
        enum pl_code code = pl_codec_encode(codec, PL_CAPNP, batch_at(queue, i), &bytes, &size, error);
        if (code) return code;
        pl_pack_bin(pack, bytes, size);
    }
    return PL_OK;
}

static enum pl_code load_batch(struct pl_held *queue, struct pl_codec *codec, enum pl_kind kind,
                               struct pl_unpack *unpack, struct pl_error **error) {
    const void *bytes;
    size_t size;
    struct pl_batch *batch;
    if (!pl_unpack_bin(unpack, &bytes, &size)) return pl_error_set(error, PL_CORRUPT, "rows that wait are damaged");
    enum pl_code code = pl_codec_decode(codec, PL_CAPNP, bytes, size, &batch, error);
    if (code) return code;
    if (batch->kind != kind) {
        code = pl_error_set(error, PL_CONFLICT, "%s wait to be written, and now there come %s",
                            pl_kind_info[batch->kind].name, pl_kind_info[kind].name);
    } else if (batch->rows < batch->header->rows) {
        code = pl_error_set(error, PL_LIMIT, "no room for the names of rows that wait: raise max_tags");
    }
    if (code)
        pl_batch_unref(batch);
    else if (!pl_held_put(queue, batch))
        code = pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
    return code;
}

enum pl_code pl_held_load(struct pl_held *queue, struct pl_codec *codec, enum pl_kind kind, struct pl_unpack *unpack,
                          struct pl_error **error) {
    uint32_t count;
    enum pl_code code = PL_OK;
    if (!pl_unpack_uint(unpack, &queue->base) || !pl_unpack_uint(unpack, &queue->first) ||
        !pl_unpack_array(unpack, &count))
        return pl_error_set(error, PL_CORRUPT, "rows that wait are damaged");
    queue->taken = queue->near_base = queue->base;
    for (uint32_t i = 0; i < count && !code; i++)
        code = load_batch(queue, codec, kind, unpack, error);
    if (!code && (queue->first < queue->base || queue->first > queue->taken))
        code = pl_error_set(error, PL_CORRUPT, "rows that wait are damaged");
    pl_held_seal_all(queue);
    return code;
}
