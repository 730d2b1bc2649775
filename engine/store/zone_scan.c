/* zone_scan.c: reading a zone in a range of time: from each node and partition, only the keys of that range. */
#include <inttypes.h>

#include <potline/alloc.h>

#include "store/rows.h"
#include "store/zone_key.h"

struct pl_zone_scan {
    struct pl_store *store;
    struct pl_tags *tags;
    enum pl_zone_id id;
    const struct pl_zone_range *range;
    pl_time earliest; /* where a record may begin that reaches into the range */
    struct pl_store_iter *iter;
    struct pl_rows *rows;
    struct pl__zone_key key;
    bool consumed;
};

static void seek_time(struct pl_zone_scan *scan, pl_time time) {
    uint8_t bytes[PL__ZONE_KEY_MAX];
    struct pl__zone_key key = scan->key;
    key.time = time;
    key.ordinal = key.epoch = 0;
    pl_store_iter_seek(scan->iter, bytes, pl__zone_key_put(&key, bytes));
}

/* Behind the last key of this node and partition. */
static void seek_next_part(struct pl_zone_scan *scan) {
    uint8_t bytes[PL__ZONE_KEY_MAX + 1];
    struct pl__zone_key key = scan->key;
    key.time = PL_TIME_MAX;
    key.ordinal = key.epoch = UINT64_MAX;
    size_t size = pl__zone_key_put(&key, bytes);
    bytes[size] = 0;
    pl_store_iter_seek(scan->iter, bytes, size + 1);
}

enum pl_code pl_zone_scan_new(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id id,
                              const struct pl_zone_range *range, struct pl_zone_scan **scan, struct pl_error **error) {
    *scan = NULL;
    size_t node = range->node ? strlen(range->node) : 0;
    if (node > PL_NAME_MAX) return pl_error_set(error, PL_LIMIT, "zone: the node's name is too long");
    struct pl_zone_scan *s = PL_NEW(struct pl_zone_scan);
    if (s) s->rows = pl_rows_new(tags);
    if (!s || !s->rows) {
        pl_free(s);
        return pl_error_set(error, PL_NO_MEMORY, "zone: out of memory");
    }
    s->store = store;
    s->tags = tags;
    s->id = id;
    s->range = range;
    s->earliest = range->from < PL_TIME_MIN + PL_ZONE_SPAN ? PL_TIME_MIN : range->from - PL_ZONE_SPAN;
    enum pl_code code = pl_store_iter_new(store, pl_zone_family(id), NULL, 0, &s->iter, error);
    if (code) {
        pl_zone_scan_free(s);
        return code;
    }
    if (node) memcpy(s->key.node, range->node, node);
    if (range->one) s->key.partition = range->partition;
    seek_time(s, s->earliest);
    *scan = s;
    return PL_OK;
}

size_t pl_zone_scan_place(const struct pl_zone_scan *scan, uint8_t place[PL_ZONE_PLACE]) {
    return pl__zone_key_put(&scan->key, place);
}

bool pl_zone_scan_from(struct pl_zone_scan *scan, const void *place, size_t size) {
    struct pl__zone_key key;
    if (!pl__zone_key_get(place, size, &key)) return false;
    pl_store_iter_seek(scan->iter, place, size);
    scan->consumed = false;
    return true;
}

void pl_zone_scan_free(struct pl_zone_scan *scan) {
    if (!scan) return;
    pl_store_iter_free(scan->iter);
    pl_rows_free(scan->rows);
    pl_free(scan);
}

static enum pl_code damaged(const struct pl_zone_scan *scan, const char *what, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "zone %s, node %s, partition %u, record %" PRIu64 ": %s",
                        pl_zone_names[scan->id], scan->key.node, scan->key.partition, scan->key.ordinal, what);
}

/* Moves to the next key in the range. PL_NOT_FOUND: there is none. */
static enum pl_code find_key(struct pl_zone_scan *scan, struct pl_error **error) {
    if (scan->consumed) pl_store_iter_next(scan->iter);
    scan->consumed = false;
    while (pl_store_iter_valid(scan->iter)) {
        size_t size;
        const void *bytes = pl_store_iter_key(scan->iter, &size);
        if (!pl__zone_key_get(bytes, size, &scan->key))
            return pl_error_set(error, PL_CORRUPT, "zone %s: a key is damaged", pl_zone_names[scan->id]);
        if (scan->range->node && strcmp(scan->key.node, scan->range->node) != 0) return PL_NOT_FOUND;
        if (scan->range->one && scan->key.partition != scan->range->partition) return PL_NOT_FOUND;
        if (scan->key.time < scan->earliest)
            seek_time(scan, scan->earliest);
        else if (scan->key.time >= scan->range->to && scan->range->to != PL_TIME_MAX)
            seek_next_part(scan);
        else
            return PL_OK;
    }
    enum pl_code code = pl_store_iter_check(scan->iter, error);
    return code ? code : PL_NOT_FOUND;
}

enum pl_code pl_zone_scan_next(struct pl_zone_scan *scan, struct pl_zone_record *record, struct pl_error **error) {
    enum pl_code code = find_key(scan, error);
    if (code) return code;
    size_t key_size, size;
    const void *key = pl_store_iter_key(scan->iter, &key_size);
    const uint8_t *value = pl_store_iter_value(scan->iter, &size);
    uint64_t checksum;
    if (size < sizeof checksum) return damaged(scan, "the record is cut short", error);
    memcpy(&checksum, value, sizeof checksum);
    value += sizeof checksum;
    size -= sizeof checksum;
    if (pl_store_checksum(key, key_size, value, size) != checksum)
        return damaged(scan, "the record does not match its checksum", error);
    struct pl_batch *batch;
    code = pl_rows_get(scan->rows, value, size, &batch, error);
    if (code == PL_CORRUPT) return damaged(scan, "the record's rows cannot be read", error);
    if (code) return code;
    batch->header->partition = scan->key.partition;
    *record = (struct pl_zone_record){.node = scan->key.node,
                                      .partition = scan->key.partition,
                                      .epoch = scan->key.epoch,
                                      .first = scan->key.time,
                                      .batch = batch};
    scan->consumed = true;
    return PL_OK;
}
