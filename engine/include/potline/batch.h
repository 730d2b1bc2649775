/* batch.h: what travels on an edge: 1 to PL_BATCH_ROWS_MAX rows of one kind, in columns.
 *
 * A batch is one block of memory that is a Cap'n Proto message from its birth; operators see its columns as plain
 * arrays through the view of its kind:
 *
 *     struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1024, 0);
 *     b->samples.time[b->rows] = t; ... b->rows++;
 *     pl_emit(node, 0, &b);                                   // takes it, b is NULL now
 *
 * Life-time: counted references, any thread. A batch is immutable once emitted, for whoever holds it;
 * pl_batch_writable gives a copy unless the caller is the only holder. Columns are 8-aligned and padded, so that a
 * vector load of 64 bytes may start at any row.
 *
 * The usual mistake: keeping a column pointer after the batch was emitted or unreferenced.
 */
#ifndef POTLINE_BATCH_H
#define POTLINE_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "kind.h"
#include "tag.h"

#define PL_BATCH_VERSION 1
enum { PL_BATCH_ROWS_MAX = 8192, PL_BATCH_HEAP_MAX = 1 << 20 };

/* The data section of the Cap'n Proto struct Header, as it stands in the message (little-endian). */
struct pl_batch_header {
    uint16_t version;
    uint16_t kind;
    uint16_t partition;
    uint16_t flags;          /* 0 */
    uint64_t first_sequence; /* of the partition's log; row i has first_sequence + i until rows are dropped */
    pl_time receive_time;    /* when the engine took in the newest row in it (engine clock) */
    uint32_t generation;
    uint32_t rows;
};

struct pl_batch {
    uint32_t refs; /* atomic; only batch.c touches it */
    uint32_t rows;
    uint32_t capacity;
    uint32_t source;                  /* interned name of the source node, 0 unknown */
    uint8_t kind;                     /* enum pl_kind */
    uint8_t pool_class;               /* batch.c's */
    uint32_t heap_used[PL_HEAPS_MAX]; /* elements */
    uint32_t heap_capacity[PL_HEAPS_MAX];
    uint32_t model; /* interned: the models that its rows come from (operator.h), 0 none was said */
    struct pl_batch_header *header;
    union {
        void *column[PL_COLUMNS_MAX];
        struct pl_samples samples;
        struct pl_windows windows;
        struct pl_profiles profiles;
        struct pl_setpoints setpoints;
        struct pl_events events;
    };
    void *heap[PL_HEAPS_MAX];
    void *message; /* Cap'n Proto, one segment with its 8-byte table */
    size_t message_size;
    /* The runtime's, between a source and the log: */
    void *position; /* where the source stands behind it; owned; NULL: not said */
    uint16_t position_size;
    uint8_t port; /* of the source */
    bool more;    /* the source has made more at once, which belongs into the log together with it */
};

/* An empty batch for up to `capacity` rows (at most PL_BATCH_ROWS_MAX) and `heap` elements in each heap (ignored for a
 * kind without). Columns are not zeroed. Owned by the caller; NULL without memory. */
PL_API struct pl_batch *pl_batch_new(enum pl_kind kind, uint32_t capacity, uint32_t heap);
PL_API struct pl_batch *pl_batch_ref(struct pl_batch *batch);
PL_API void pl_batch_unref(struct pl_batch *batch); /* NULL is fine */

/* True when nobody else holds it, so that it may be changed in place. */
PL_API bool pl_batch_sole(const struct pl_batch *batch);

/* Makes *batch a batch that the caller may change: itself when the caller is the sole holder, else a copy (and the
 * reference to the old one is given back). False without memory, *batch untouched. */
PL_API bool pl_batch_writable(struct pl_batch **batch);

/* An empty batch like `other`: kind, source, model and header (less rows). */
PL_API struct pl_batch *pl_batch_like(const struct pl_batch *other, uint32_t capacity, uint32_t heap);

/* Copies rows [from, from + count) of `src` behind the rows of `dst` (same kind). Returns how many fitted. */
PL_API uint32_t pl_batch_append(struct pl_batch *dst, const struct pl_batch *src, uint32_t from, uint32_t count);

/* Keeps the rows i with keep[i] != 0, in order, in place (the caller is the sole holder). Returns the rows left. */
PL_API uint32_t pl_batch_keep(struct pl_batch *batch, const uint8_t *keep);

/* Copies `length` elements into heap `heap`; NULL when it has no room. The caller sets end[row] = heap_used afterwards.
 */
PL_API void *pl_batch_heap(struct pl_batch *batch, unsigned heap, const void *elements, uint32_t length);

/* Event time and key (tag or asset id) of rows, whatever the kind. */
static inline const pl_time *pl_batch_times(const struct pl_batch *batch) {
    return (const pl_time *)batch->column[pl_kind_info[batch->kind].time];
}
static inline const uint32_t *pl_batch_keys(const struct pl_batch *batch) {
    return (const uint32_t *)batch->column[pl_kind_info[batch->kind].key];
}

/* The elements of heap `heap` that row `row` owns; *length is their number. */
static inline const void *pl_batch_heap_row(const struct pl_batch *batch, unsigned heap, uint32_t row,
                                            uint32_t *length) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    const uint32_t *end = (const uint32_t *)batch->column[info->end];
    uint32_t from = row ? end[row - 1] : 0;
    *length = end[row] - from;
    return (const char *)batch->heap[heap] + (size_t)from * pl_type_size(info->heap[heap].type);
}

#endif
