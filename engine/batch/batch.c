#include "batch_impl.h"

#include <string.h>

#include <potline/alloc.h>

#include "capnp.h"
#include "pool.h"

enum {
    HEADER_DATA_WORDS = sizeof(struct pl_batch_header) / 8,
    HEADER_POINTERS = 2, /* source, names: null in memory */
    LINE = 64,
};

_Static_assert(sizeof(struct pl_batch_header) == 32, "four words of data in schemas/batch.capnp");
_Static_assert(sizeof(struct pl_batch) % 8 == 0, "the segment table stands behind it");

static size_t next_line(size_t offset) {
    return (offset + LINE - 1) & ~(size_t)(LINE - 1);
}

/* ---- Life ---- */

/* Sets where columns and heaps stand for these capacities, behind the batch's block; NULL: only returns its size. */
static size_t lay_out(const struct pl_kind_info *info, uint32_t capacity, uint32_t heap, struct pl_batch *batch) {
    size_t words = 1 + 1 + 1 + info->columns + info->heaps + HEADER_DATA_WORDS + HEADER_POINTERS;
    size_t at = next_line(sizeof(struct pl_batch) + 8 * words);
    for (unsigned i = 0; i < info->columns; i++) {
        if (batch) batch->column[i] = (char *)batch + at;
        at = next_line(at + (size_t)capacity * pl_type_size(info->column[i].type)) + LINE;
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        if (batch) batch->heap[i] = (char *)batch + at;
        if (batch) batch->heap_capacity[i] = heap;
        at = next_line(at + (size_t)heap * pl_type_size(info->heap[i].type)) + LINE;
    }
    return at;
}

struct pl_batch *pl_batch_new(enum pl_kind kind, uint32_t capacity, uint32_t heap) {
    if ((unsigned)kind >= PL_KINDS || capacity > PL_BATCH_ROWS_MAX || heap > PL_BATCH_HEAP_MAX) return NULL;
    const struct pl_kind_info *info = &pl_kind_info[kind];
    size_t size = lay_out(info, capacity, heap, NULL);
    uint8_t pool_class;
    struct pl_batch *batch = pl_pool_take(size, &pool_class);
    if (!batch) return NULL;

    *batch = (struct pl_batch){.refs = 1, .capacity = capacity, .kind = (uint8_t)kind, .pool_class = pool_class};
    lay_out(info, capacity, heap, batch);
    batch->message = batch + 1;
    batch->message_size = size - sizeof(struct pl_batch);
    uint64_t *root = (uint64_t *)batch->message + 2;
    uint64_t *header = root + 1 + info->columns + info->heaps;
    batch->header = (struct pl_batch_header *)header;
    *batch->header = (struct pl_batch_header){.version = PL_BATCH_VERSION, .kind = (uint16_t)kind};
    return batch;
}

struct pl_batch *pl_batch_like(const struct pl_batch *other, uint32_t capacity, uint32_t heap) {
    struct pl_batch *batch = pl_batch_new(other->kind, capacity, heap);
    if (!batch) return NULL;
    *batch->header = *other->header;
    batch->header->rows = 0;
    batch->source = other->source;
    batch->model = other->model;
    return batch;
}

struct pl_batch *pl_batch_ref(struct pl_batch *batch) {
    __atomic_fetch_add(&batch->refs, 1, __ATOMIC_RELAXED);
    return batch;
}

void pl_batch_unref(struct pl_batch *batch) {
    if (!batch) return;
    /* A sole holder needs no locked instruction; the acquire orders what other holders did before they let go. */
    if (!pl_batch_sole(batch) && __atomic_fetch_sub(&batch->refs, 1, __ATOMIC_ACQ_REL) != 1) return;
    if (PL_UNLIKELY(batch->position)) pl_free(batch->position);
    pl_pool_give(batch, batch->pool_class);
}

bool pl_batch_sole(const struct pl_batch *batch) {
    return __atomic_load_n(&batch->refs, __ATOMIC_ACQUIRE) == 1;
}

bool pl_batch_writable(struct pl_batch **batch) {
    struct pl_batch *old = *batch;
    if (pl_batch_sole(old)) return true;
    struct pl_batch *copy = pl_batch_like(old, old->capacity, old->heap_capacity[0]);
    if (!copy) return false;
    pl_batch_append(copy, old, 0, old->rows);
    pl_batch_unref(old);
    *batch = copy;
    return true;
}

/* ---- Rows ---- */

static const uint32_t *ends(const struct pl_batch *batch) {
    return batch->column[pl_kind_info[batch->kind].end];
}

/* Heap elements in front of row `row`. */
static uint32_t heap_start(const struct pl_batch *batch, uint32_t row) {
    return row ? ends(batch)[row - 1] : 0;
}

/* How many of the rows from `from` on have heap elements that fit into `dst`. */
static uint32_t heap_fits(const struct pl_batch *dst, const struct pl_batch *src, uint32_t from, uint32_t count) {
    uint32_t room = dst->heap_capacity[0] - heap_start(dst, dst->rows); /* heaps of one batch are equally long */
    uint32_t start = heap_start(src, from), low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (ends(src)[from + middle - 1] - start <= room) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static void append_heaps(struct pl_batch *dst, const struct pl_batch *src, uint32_t from, uint32_t count) {
    const struct pl_kind_info *info = &pl_kind_info[dst->kind];
    uint32_t start = heap_start(src, from), length = heap_start(src, from + count) - start;
    uint32_t base = heap_start(dst, dst->rows);
    for (unsigned h = 0; h < info->heaps; h++) {
        size_t width = pl_type_size(info->heap[h].type);
        memcpy((char *)dst->heap[h] + base * width, (const char *)src->heap[h] + start * width, length * width);
        dst->heap_used[h] = base + length;
    }
    uint32_t *end = (uint32_t *)dst->column[info->end] + dst->rows;
    for (uint32_t i = 0; i < count; i++)
        end[i] = ends(src)[from + i] - start + base;
}

uint32_t pl_batch_append(struct pl_batch *dst, const struct pl_batch *src, uint32_t from, uint32_t count) {
    const struct pl_kind_info *info = &pl_kind_info[dst->kind];
    if (dst->kind != src->kind || from >= src->rows) return 0;
    if (count > src->rows - from) count = src->rows - from;
    if (count > dst->capacity - dst->rows) count = dst->capacity - dst->rows;
    if (info->heaps) count = heap_fits(dst, src, from, count);
    if (!count) return 0;

    for (unsigned i = 0; i < info->columns; i++) {
        size_t width = pl_type_size(info->column[i].type);
        memcpy((char *)dst->column[i] + dst->rows * width, (const char *)src->column[i] + from * width, count * width);
    }
    if (info->heaps) append_heaps(dst, src, from, count);
    dst->rows += count;
    return count;
}

/* Every element is written and only the place moves on, so there is no branch to mispredict. */
#define KEEP(name, type)                                                                                               \
    static void name(type *column, const uint8_t *keep, uint32_t rows) {                                               \
        for (uint32_t i = 0, to = 0; i < rows; i++) {                                                                  \
            column[to] = column[i];                                                                                    \
            to += keep[i] != 0;                                                                                        \
        }                                                                                                              \
    }
KEEP(keep_8, uint64_t)
KEEP(keep_4, uint32_t)
KEEP(keep_2, uint16_t)
#undef KEEP

static void keep_column(void *column, unsigned width, const uint8_t *keep, uint32_t rows) {
    switch (width) {
    case 8: keep_8(column, keep, rows); break;
    case 4: keep_4(column, keep, rows); break;
    default: keep_2(column, keep, rows); break;
    }
}

/* Moves the kept rows' elements together and rewrites their ends, which then are the first of the column. */
static void keep_heaps(struct pl_batch *batch, const uint8_t *keep) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint32_t *end = batch->column[info->end];
    uint32_t used = 0, start = 0, to = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t length = end[i] - start, from = start;
        start = end[i];
        if (!keep[i]) continue;
        for (unsigned h = 0; h < info->heaps; h++) {
            size_t width = pl_type_size(info->heap[h].type);
            memmove((char *)batch->heap[h] + used * width, (char *)batch->heap[h] + from * width, length * width);
        }
        used += length;
        end[to++] = used;
    }
    for (unsigned h = 0; h < info->heaps; h++)
        batch->heap_used[h] = used;
}

uint32_t pl_batch_keep(struct pl_batch *batch, const uint8_t *keep) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint32_t left = 0;
    for (uint32_t i = 0; i < batch->rows; i++)
        left += keep[i] != 0;
    if (left == batch->rows) return left;
    if (info->heaps) keep_heaps(batch, keep);
    for (unsigned i = 0; i < info->columns; i++) {
        if (info->heaps && i == info->end) continue;
        keep_column(batch->column[i], pl_type_size(info->column[i].type), keep, batch->rows);
    }
    batch->rows = left;
    return left;
}

void *pl_batch_heap(struct pl_batch *batch, unsigned heap, const void *elements, uint32_t length) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    if (heap >= info->heaps || length > batch->heap_capacity[heap] - batch->heap_used[heap]) return NULL;
    size_t width = pl_type_size(info->heap[heap].type);
    char *at = (char *)batch->heap[heap] + batch->heap_used[heap] * width;
    if (length) memcpy(at, elements, length * width);
    batch->heap_used[heap] += length;
    return at;
}

/* ---- The message ---- */

void pl_batch_seal(struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint64_t *word = batch->message;
    unsigned pointers = 1u + info->columns + info->heaps;
    uint64_t *pointer = word + 2;
    batch->header->rows = batch->rows;
    word[0] = (batch->message_size / 8 - 1) << 32;
    word[1] = pl_capnp_struct(0, 0, pointers);
    *pointer = pl_capnp_struct((uint32_t)((uint64_t *)batch->header - pointer - 1), HEADER_DATA_WORDS, HEADER_POINTERS);
    pointer++;
    for (unsigned i = 0; i < info->columns; i++, pointer++) {
        *pointer = pl_capnp_list((uint32_t)((uint64_t *)batch->column[i] - pointer - 1),
                                 pl_capnp_width(info->column[i].type), batch->rows);
    }
    for (unsigned i = 0; i < info->heaps; i++, pointer++) {
        *pointer = pl_capnp_list((uint32_t)((uint64_t *)batch->heap[i] - pointer - 1),
                                 pl_capnp_width(info->heap[i].type), batch->heap_used[i]);
    }
    pointer[HEADER_DATA_WORDS] = pointer[HEADER_DATA_WORDS + 1] = 0;
}

struct pl_batch *pl_batch_of_message(void *message) {
    return (struct pl_batch *)message - 1;
}

void pl_batch_message_free(void *data, void *batch) {
    (void)data;
    pl_batch_unref(batch);
}
