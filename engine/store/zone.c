#include <inttypes.h>
#include <stdlib.h>

#include <potline/alloc.h>
#include <potline/codec.h>
#include <potline/operator.h>

#include "base/fault.h"
#include "store/abroad.h"
#include "store/epochs.h"
#include "store/rows.h"
#include "store/store_impl.h"
#include "store/zone_key.h"

const char *const pl_zone_names[PL_ZONES + 1] = {"bronze", "silver", "gold", "dead", NULL};

enum { CHECKSUM = 8, RUN_SHIFT = 40 /* records of one run */ };

static const char run_key[] = "zone.run";

struct pl_zone {
    const struct pl_node_abroad *abroad; /* NULL: the store is here; else only `node` and `id` are set besides */
    enum pl_zone_id id;
    struct pl_store *store;
    struct pl_node *node; /* NULL: the epoch is set by hand */
    bool noted;           /* records go with their epoch */
    enum pl_store_family family;
    struct pl__zone_key key;
    struct pl_rows *rows;
    struct pl_buffer bytes;
    rocksdb_writebatch_t *writes;
};

/* ---- Life ---- */

enum pl_store_family pl_zone_family(enum pl_zone_id id) {
    static const enum pl_store_family family[PL_ZONES] = {PL_STORE_BRONZE, PL_STORE_SILVER, PL_STORE_GOLD,
                                                          PL_STORE_DEAD};
    return family[id];
}

static enum pl_code read_run(struct pl_store *store, uint64_t *run, struct pl_error **error) {
    void *value;
    size_t size;
    *run = 0;
    enum pl_code code = pl_store_get(store, PL_STORE_META, run_key, strlen(run_key), &value, &size, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    char *end;
    *run = strtoull(value, &end, 10);
    if (*end || end == value)
        code = pl_error_set(error, PL_CORRUPT, "%s: damaged: \"%s\" is not the number of a run", store->path,
                            (const char *)value);
    pl_free(value);
    return code;
}

/* A number that no zone has had before: ordinals begin with it, so they never repeat. */
static enum pl_code take_run(struct pl_zone *zone, uint64_t *run, struct pl_error **error) {
    struct pl_store *store = zone->store;
    pthread_mutex_lock(&store->impl->run_lock);
    enum pl_code code = read_run(store, run, error);
    if (!code) {
        char text[24];
        int length = snprintf(text, sizeof text, "%" PRIu64, ++*run);
        rocksdb_writebatch_put_cf(zone->writes, store->family[PL_STORE_META], run_key, strlen(run_key), text,
                                  (size_t)length);
        code = pl_store_write(store, zone->writes, error);
    }
    pthread_mutex_unlock(&store->impl->run_lock);
    return code;
}

static enum pl_code prepare(struct pl_zone *zone, struct pl_tags *tags, const char *node, uint16_t partition,
                            struct pl_error **error) {
    uint64_t run;
    zone->writes = rocksdb_writebatch_create();
    pl_buffer_init(&zone->bytes, 2 * (size_t)PL_MESSAGE_MAX);
    zone->rows = pl_rows_new(tags);
    if (!zone->rows) return pl_error_set(error, PL_NO_MEMORY, "zone: out of memory");
    enum pl_code code = take_run(zone, &run, error);
    zone->key.partition = partition;
    zone->key.ordinal = run << RUN_SHIFT;
    memcpy(zone->key.node, node, strlen(node));
    return code;
}

enum pl_code pl_zone_open_as(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id id, const char *node,
                             uint16_t partition, struct pl_zone **zone, struct pl_error **error) {
    *zone = NULL;
    if (id == PL_BRONZE) return pl_error_set(error, PL_USAGE, "zone bronze is the log: only the engine writes it");
    if (strlen(node) > PL_NAME_MAX) return pl_error_set(error, PL_LIMIT, "zone: the node's name is too long");
    struct pl_zone *z = PL_NEW(struct pl_zone);
    if (!z) return pl_error_set(error, PL_NO_MEMORY, "zone: out of memory");
    z->store = store;
    z->family = pl_zone_family(id);
    enum pl_code code = prepare(z, tags, node, partition, error);
    if (code)
        pl_zone_close(z);
    else
        *zone = z;
    return code;
}

/* Whether there is a data folder the engine knows: what is put is its own from then on. */
static enum pl_code open_abroad(struct pl_node *node, enum pl_zone_id id, struct pl_zone **zone,
                                struct pl_error **error) {
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (id == PL_BRONZE) return pl_error_set(error, PL_USAGE, "zone bronze is the log: only the engine writes it");
    if (!abroad->has_zones(node))
        return pl_error_set(error, PL_UNAVAILABLE, "zone %s: this run has no data folder to keep it in",
                            pl_zone_names[id]);
    *zone = PL_NEW(struct pl_zone);
    if (!*zone) return pl_error_set(error, PL_NO_MEMORY, "zone: out of memory");
    **zone = (struct pl_zone){.abroad = abroad, .id = id, .node = node};
    return PL_OK;
}

enum pl_code pl_zone_open(struct pl_node *node, enum pl_zone_id id, struct pl_zone **zone, struct pl_error **error) {
    struct pl_store *store = pl_node_store(node);
    *zone = NULL;
    if (pl_node_abroad(node)) return open_abroad(node, id, zone, error);
    if (!store)
        return pl_error_set(error, PL_UNAVAILABLE, "zone %s: this run has no data folder to keep it in",
                            pl_zone_names[id]);
    enum pl_code code = pl_zone_open_as(store, pl_node_tags(node), id, pl_node_name(node),
                                        (uint16_t)pl_node_partition(node), zone, error);
    if (*zone) (*zone)->node = node;
    if (*zone) (*zone)->noted = true;
    return code;
}

void pl_zone_close(struct pl_zone *zone) {
    if (!zone) return;
    if (zone->abroad) {
        pl_free(zone);
        return;
    }
    rocksdb_writebatch_destroy(zone->writes);
    pl_buffer_fini(&zone->bytes);
    pl_rows_free(zone->rows);
    pl_free(zone);
}

void pl_zone_set_epoch(struct pl_zone *zone, uint64_t epoch) {
    zone->key.epoch = epoch;
}

void pl_zone_note_epochs(struct pl_zone *zone) {
    zone->noted = true;
}

/* ---- Writing ---- */

static enum pl_code add_record(struct pl_zone *zone, const struct pl_batch *batch, pl_time earliest,
                               struct pl_error **error) {
    static const char room[CHECKSUM];
    pl_buffer_reset(&zone->bytes);
    pl_buffer_put(&zone->bytes, room, sizeof room);
    enum pl_code code = pl_rows_put(zone->rows, batch, &zone->bytes, error);
    if (code) return code;
    uint8_t key[PL__ZONE_KEY_MAX];
    zone->key.time = earliest;
    zone->key.ordinal++;
    size_t key_size = pl__zone_key_put(&zone->key, key);
    uint64_t checksum = pl_store_checksum(key, key_size, zone->bytes.data + CHECKSUM, zone->bytes.size - CHECKSUM);
    memcpy(zone->bytes.data, &checksum, sizeof checksum);
    rocksdb_writebatch_put_cf(zone->writes, zone->store->family[zone->family], (const char *)key, key_size,
                              zone->bytes.data, zone->bytes.size);
    if (zone->noted && zone->key.epoch)
        pl__epochs_note_record(zone->store, zone->writes, zone->key.epoch, zone->family, key, key_size);
    return PL_OK;
}

/* How many rows from `from` on span less than PL_ZONE_SPAN; *earliest is their earliest time. */
static uint32_t rows_within_span(const struct pl_batch *batch, uint32_t from, pl_time *earliest) {
    const pl_time *time = pl_batch_times(batch);
    pl_time low = time[from], high = low;
    uint32_t i = from + 1;
    for (; i < batch->rows; i++) {
        pl_time new_low = time[i] < low ? time[i] : low, new_high = time[i] > high ? time[i] : high;
        if ((uint64_t)new_high - (uint64_t)new_low >= (uint64_t)PL_ZONE_SPAN) break;
        low = new_low;
        high = new_high;
    }
    *earliest = low;
    return i - from;
}

static enum pl_code add_piece(struct pl_zone *zone, const struct pl_batch *batch, uint32_t from, uint32_t count,
                              pl_time earliest, struct pl_error **error) {
    struct pl_batch *piece = pl_batch_like(batch, count, batch->heap_used[0]);
    if (!piece) return pl_error_set(error, PL_NO_MEMORY, "zone: out of memory");
    pl_batch_append(piece, batch, from, count);
    enum pl_code code = add_record(zone, piece, earliest, error);
    pl_batch_unref(piece);
    return code;
}

enum pl_code pl_zone_put(struct pl_zone *zone, const struct pl_batch *batch, struct pl_error **error) {
    if (zone->abroad) return zone->abroad->put(zone->node, zone->id, batch, error);
    enum pl_code code = PL_OK;
    pl_time earliest;
    if (zone->node) zone->key.epoch = pl_node_epoch(zone->node);
    for (uint32_t from = 0, count; from < batch->rows && !code; from += count) {
        count = rows_within_span(batch, from, &earliest);
        code = count == batch->rows ? add_record(zone, batch, earliest, error)
                                    : add_piece(zone, batch, from, count, earliest, error);
    }
    PL_FAULT("zone.put");
    if (code)
        rocksdb_writebatch_clear(zone->writes);
    else
        code = pl_store_write(zone->store, zone->writes, error);
    PL_FAULT("zone.written");
    return code;
}
