/* zone_trim.c: how much room a zone takes, and removing its oldest records. */
#include <stdio.h>

#include "store/space.h"
#include "store/zone_key.h"

struct edge {
    uint8_t bytes[PL__ZONE_KEY_MAX + 1];
    size_t size;
};

/* The first key of the part at or behind a time. */
static void put_edge(const struct pl_zone_part *part, pl_time time, struct edge *edge) {
    struct pl__zone_key key = {.partition = part->partition, .time = time};
    memcpy(key.node, part->node, sizeof key.node);
    edge->size = pl__zone_key_put(&key, edge->bytes);
}

/* Behind every key of the part. */
static void put_end(const struct pl_zone_part *part, struct edge *edge) {
    struct pl__zone_key key = {
        .partition = part->partition, .time = PL_TIME_MAX, .ordinal = UINT64_MAX, .epoch = UINT64_MAX};
    memcpy(key.node, part->node, sizeof key.node);
    edge->size = pl__zone_key_put(&key, edge->bytes);
    edge->bytes[edge->size++] = 0;
}

static enum pl_code read_part(const struct pl_store_iter *iter, enum pl_zone_id id, struct pl_zone_part *part,
                              struct pl_error **error) {
    size_t size;
    struct pl__zone_key key;
    const void *bytes = pl_store_iter_key(iter, &size);
    if (!pl__zone_key_get(bytes, size, &key))
        return pl_error_set(error, PL_CORRUPT, "zone %s: a key is damaged", pl_zone_names[id]);
    memset(part->node, 0, sizeof part->node);
    memcpy(part->node, key.node, strlen(key.node));
    part->partition = key.partition;
    part->oldest = key.time;
    return PL_OK;
}

enum pl_code pl_zone_parts(struct pl_store *store, enum pl_zone_id id, pl_zone_part_visitor *each, void *arg,
                           struct pl_error **error) {
    struct pl_store_iter *iter;
    struct pl_zone_part part;
    struct edge end;
    enum pl_code code = pl_store_iter_new(store, pl_zone_family(id), NULL, 0, &iter, error);
    if (code) return code;
    pl_store_iter_seek(iter, "", 0);
    while (!code && pl_store_iter_valid(iter)) {
        code = read_part(iter, id, &part, error);
        if (!code) code = each(arg, &part, error);
        if (code) break;
        put_end(&part, &end);
        pl_store_iter_seek(iter, end.bytes, end.size);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

uint64_t pl_zone_part_bytes(const struct pl_store *store, enum pl_zone_id id, const struct pl_zone_part *part,
                            pl_time from) {
    struct edge start, end;
    put_edge(part, from > part->oldest ? from : part->oldest, &start);
    put_end(part, &end);
    return pl_store_range_bytes(store, pl_zone_family(id),
                                &(struct pl_store_range){start.bytes, start.size, end.bytes, end.size});
}

enum pl_code pl_zone_part_trim(struct pl_store *store, enum pl_zone_id id, const struct pl_zone_part *part,
                               pl_time before, struct pl_error **error) {
    struct edge start, end;
    pl_time to = before < PL_TIME_MIN + PL_ZONE_SPAN ? PL_TIME_MIN : before - PL_ZONE_SPAN;
    if (to <= part->oldest) return PL_OK;
    put_edge(part, part->oldest, &start);
    put_edge(part, to, &end);
    const struct pl_store_range range = {start.bytes, start.size, end.bytes, end.size};
    enum pl_code code = pl_store_range_delete(store, pl_zone_family(id), &range, error);
    return code ? code : pl_store_range_free(store, pl_zone_family(id), &range, error);
}
