#include "in_order.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "export_write.h"

enum { TEXT_MAX = 256 << 20 };

/* A row that has been read and is not due yet. */
struct waiting {
    pl_time time;
    struct pl_batch *batch; /* one reference */
    uint32_t row;
};

/* The records under a name. */
struct source {
    struct pl_zone_range range;
    struct pl_zone_scan *scan;
    pl_time frontier; /* nothing earlier is still to be read */
    bool over;
};

struct pl__in_order {
    const char *node;
    uint64_t epoch;
    struct pl_tags *tags;
    struct source sources[2]; /* its own name, and an earlier one */
    unsigned source_count;

    struct waiting *heap; /* the earliest first */
    size_t waiting, room;

    struct pl_buffer text; /* of the moment at hand */
    struct pl_moment_row *rows;
    size_t *starts; /* [row]: its text, while the buffer grows */
    size_t row_room;
};

/* ---- What waits ---- */

static bool push(struct pl__in_order *order, struct waiting row) {
    if (order->waiting == order->room) {
        size_t room = order->room ? 2 * order->room : 1024;
        struct waiting *grown = pl_realloc(order->heap, room * sizeof *grown);
        if (!grown) return false;
        order->heap = grown;
        order->room = room;
    }
    size_t at = order->waiting++;
    for (; at && order->heap[(at - 1) / 2].time > row.time; at = (at - 1) / 2)
        order->heap[at] = order->heap[(at - 1) / 2];
    order->heap[at] = row;
    return true;
}

static struct waiting pop(struct pl__in_order *order) {
    struct waiting first = order->heap[0], last = order->heap[--order->waiting];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < order->waiting; at = child) {
        if (child + 1 < order->waiting && order->heap[child + 1].time < order->heap[child].time) child++;
        if (order->heap[child].time >= last.time) break;
        order->heap[at] = order->heap[child];
    }
    order->heap[at] = last;
    return first;
}

static enum pl_code read_record(struct pl__in_order *order, struct source *source, struct pl_error **error) {
    struct pl_zone_record record;
    enum pl_code code = pl_zone_scan_next(source->scan, &record, error);
    source->over = code == PL_NOT_FOUND;
    if (code) return source->over ? PL_OK : code;
    source->frontier = record.first;
    const pl_time *times = pl_batch_times(record.batch);
    bool kept = true, known = record.epoch <= order->epoch;
    for (uint32_t row = 0; known && kept && row < record.batch->rows; row++) {
        if (times[row] < source->range.from || times[row] >= source->range.to) continue;
        kept = push(order, (struct waiting){times[row], pl_batch_ref(record.batch), row});
        if (!kept) pl_batch_unref(record.batch);
    }
    pl_batch_unref(record.batch);
    return kept ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

/* Whose next record is the earliest; NULL: all has been read. */
static struct source *earliest(struct pl__in_order *order) {
    struct source *found = NULL;
    for (unsigned i = 0; i < order->source_count; i++) {
        struct source *source = &order->sources[i];
        if (!source->over && (!found || source->frontier < found->frontier)) found = source;
    }
    return found;
}

/* Reads until the earliest row that waits is earlier than everything that is still to come. */
static enum pl_code read_ahead(struct pl__in_order *order, struct pl_error **error) {
    struct source *source;
    enum pl_code code = PL_OK;
    while (!code && (source = earliest(order)) && (!order->waiting || order->heap[0].time >= source->frontier))
        code = read_record(order, source, error);
    return code;
}

/* ---- A moment ---- */

static bool make_room(struct pl__in_order *order, size_t count) {
    if (count < order->row_room) return true;
    size_t room = order->row_room ? 2 * order->row_room : 256;
    struct pl_moment_row *rows = pl_realloc(order->rows, room * sizeof *rows);
    if (rows) order->rows = rows;
    size_t *starts = pl_realloc(order->starts, room * sizeof *starts);
    if (starts) order->starts = starts;
    if (!rows || !starts) return false;
    order->row_room = room;
    return true;
}

static void add_row(struct pl__in_order *order, const struct waiting *row, size_t index) {
    struct pl__export_format format = {.json = true, .tags = order->tags};
    struct pl__export_part part = {.node = order->node, .batch = row->batch};
    order->rows[index].key = pl_batch_keys(row->batch)[row->row];
    order->starts[index] = order->text.size;
    pl__export_row(&format, &part, row->row, &order->text);
    if (!pl_buffer_failed(&order->text)) order->text.data[order->text.size - 1] = 0; /* in place of its end of line */
}

enum pl_code pl__in_order_next(struct pl__in_order *order, struct pl_moment *moment, struct pl_error **error) {
    enum pl_code code = read_ahead(order, error);
    if (code) return code;
    if (!order->waiting) return PL_NOT_FOUND;
    pl_buffer_reset(&order->text);
    *moment = (struct pl_moment){.time = order->heap[0].time};
    while (order->waiting && order->heap[0].time == moment->time) {
        if (!make_room(order, moment->count)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
        struct waiting row = pop(order);
        add_row(order, &row, moment->count++);
        pl_batch_unref(row.batch);
    }
    if (pl_buffer_failed(&order->text))
        return pl_error_set(error, PL_LIMIT, "more than %d MiB of rows have the same time", TEXT_MAX >> 20);
    for (size_t i = 0; i < moment->count; i++)
        order->rows[i].text = (const char *)order->text.data + order->starts[i];
    qsort(order->rows, moment->count, sizeof *order->rows, pl_moment_order);
    moment->rows = order->rows;
    return PL_OK;
}

enum pl_code pl__in_order_open(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id zone,
                               const struct pl_zone_range *range, const char *was, uint64_t epoch,
                               struct pl__in_order **order, struct pl_error **error) {
    struct pl__in_order *o = *order = PL_NEW(struct pl__in_order);
    if (!o) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    o->node = range->node;
    o->epoch = epoch;
    o->tags = tags;
    pl_buffer_init(&o->text, TEXT_MAX);
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < (*was ? 2u : 1u) && !code; i++) {
        struct source *source = &o->sources[o->source_count++];
        *source = (struct source){.range = *range, .frontier = PL_TIME_MIN};
        if (i) source->range.node = was;
        code = pl_zone_scan_new(store, tags, zone, &source->range, &source->scan, error);
    }
    if (!code) return PL_OK;
    pl__in_order_close(o);
    *order = NULL;
    return code;
}

void pl__in_order_close(struct pl__in_order *order) {
    if (!order) return;
    while (order->waiting)
        pl_batch_unref(order->heap[--order->waiting].batch);
    for (unsigned i = 0; i < order->source_count; i++)
        pl_zone_scan_free(order->sources[i].scan);
    pl_buffer_fini(&order->text);
    pl_free(order->heap);
    pl_free(order->rows);
    pl_free(order->starts);
    pl_free(order);
}
