#include "store/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/kept.h>
#include <potline/text.h>

#include "store/audit.h"
#include "store/epochs.h"
#include "store/rows.h"
#include "store/zone_key.h"

enum { FINDING_TEXT = 1000, CHECKSUM = 8 };

/* ---- Telling ---- */

void pl_check_found(const struct pl_check *check, const char *area, const char *format, ...) {
    char text[FINDING_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    check->found(check->arg, &(struct pl_finding){.area = area, .text = text});
}

void pl_check_unreadable(const struct pl_check *check, const char *area, struct pl_error **error) {
    char *text = *error ? pl_error_text(*error) : NULL;
    for (char *at = text; at && *at; at++)
        if (*at == '\n') *at = ';';
    pl_check_found(check, area, "cannot be read on: %s", text ? text : "no memory");
    pl_free(text);
    pl_error_free(error);
}

/* ---- Every entry of a family ---- */

struct entry {
    const uint8_t *key;
    size_t key_size;
    const uint8_t *value;
    size_t size;
};

typedef enum pl_code visit_entry(struct pl_check *check, void *arg, const struct entry *entry, struct pl_error **error);

static enum pl_code each_entry(struct pl_check *check, enum pl_store_family family, const char *area,
                               visit_entry *visit, void *arg, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(check->store, family, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "", 0); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        struct entry entry;
        entry.key = pl_store_iter_key(iter, &entry.key_size);
        entry.value = pl_store_iter_value(iter, &entry.size);
        check->checked++;
        code = visit(check, arg, &entry, error);
    }
    struct pl_error *broken = NULL;
    if (!code && pl_store_iter_check(iter, &broken)) pl_check_unreadable(check, area, &broken);
    pl_store_iter_free(iter);
    return code;
}

/* Is the checksum in front of the value the one of the rest? */
static bool sum_is_right(const struct entry *entry) {
    uint64_t sum;
    if (entry->size < CHECKSUM) return false;
    memcpy(&sum, entry->value, sizeof sum);
    return sum == pl_store_checksum(entry->key, entry->key_size, entry->value + CHECKSUM, entry->size - CHECKSUM);
}

/* ---- Zones ---- */

struct zone {
    enum pl_zone_id id;
    struct pl_rows *rows;
};

static void zone_found(const struct pl_check *check, const struct zone *zone, const struct entry *entry,
                       const char *what) {
    char text[FINDING_TEXT], time[PL_TEXT_TIME_MAX];
    struct pl__zone_key key;
    if (pl__zone_key_get(entry->key, entry->key_size, &key)) {
        *pl_text_put_time(time, key.time) = 0;
        snprintf(text, sizeof text, "node %s, partition %u, record %" PRIu64 " of %s: %s", key.node, key.partition,
                 key.ordinal, time, what);
    } else {
        snprintf(text, sizeof text, "a key of %zu bytes is none: %s", entry->key_size, what);
    }
    check->found(check->arg, &(struct pl_finding){.area = pl_zone_names[zone->id],
                                                  .text = text,
                                                  .removable = true,
                                                  .family = pl_zone_family(zone->id),
                                                  .key = entry->key,
                                                  .key_size = entry->key_size});
}

static enum pl_code check_zone_record(struct pl_check *check, void *arg, const struct entry *entry,
                                      struct pl_error **error) {
    const struct zone *zone = arg;
    struct pl__zone_key key;
    struct pl_batch *batch = NULL;
    if (!pl__zone_key_get(entry->key, entry->key_size, &key)) {
        zone_found(check, zone, entry, "nobody can ask for it");
    } else if (!sum_is_right(entry)) {
        zone_found(check, zone, entry, "does not match its checksum");
    } else {
        enum pl_code code = pl_rows_get(zone->rows, entry->value + CHECKSUM, entry->size - CHECKSUM, &batch, error);
        if (code && code != PL_CORRUPT) return code;
        if (code) zone_found(check, zone, entry, "its rows cannot be read");
        if (code) pl_error_free(error);
        if (batch) pl_batch_unref(batch);
    }
    return PL_OK;
}

enum pl_code pl_check_zone(struct pl_check *check, enum pl_zone_id id, struct pl_error **error) {
    struct zone zone = {.id = id, .rows = pl_rows_new(check->tags)};
    if (!zone.rows) return pl_error_set(error, PL_NO_MEMORY, "no memory to look through a zone");
    enum pl_code code = each_entry(check, pl_zone_family(id), pl_zone_names[id], check_zone_record, &zone, error);
    pl_rows_free(zone.rows);
    return code;
}

/* ---- The checkpoint ---- */

static bool is_one_value(const struct entry *entry) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, entry->value, entry->size);
    return pl_unpack_skip(&unpack) && unpack.at == unpack.end;
}

/* "s" node, 0, partition, part, ... */
static void check_state_of_node(const struct pl_check *check, const struct entry *entry) {
    const uint8_t *node = entry->key + 1, *end = memchr(node, 0, entry->key_size - 1);
    size_t front = end ? (size_t)(end - entry->key) + 1 + sizeof(uint16_t) : 0;
    if (!end || end - node > PL_NAME_MAX || entry->key_size < front + 1) {
        pl_check_found(check, "checkpoint", "a key of %zu bytes is of no node", entry->key_size);
        return;
    }
    uint8_t part = entry->key[front];
    bool packed = part != PL_STATE_TABLE && part != PL_STATE_RECORD;
    if (part < PL_STATE_TASK || part > PL_STATE_OVERRIDES)
        pl_check_found(check, "checkpoint", "node %s: state of a part %u, which there is not", (const char *)node,
                       part);
    else if (packed && !is_one_value(entry))
        pl_check_found(check, "checkpoint", "node %s: state (part %u) cannot be read", (const char *)node, part);
}

/* "d" epoch, number -> partition, node, 0, entries */
static void check_piece(const struct pl_check *check, const struct entry *entry) {
    const char *at = (const char *)entry->value + sizeof(uint16_t), *end = (const char *)entry->value + entry->size;
    const char *node_end = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    struct pl_state_entry state;
    bool good = node_end != NULL;
    for (at = good ? node_end + 1 : end; at < end && pl_state_next(&at, end, &state);)
        ;
    if (!good || at != end) pl_check_found(check, "checkpoint", "a piece of changes that are under way cannot be read");
}

static enum pl_code check_state_entry(struct pl_check *check, void *arg, const struct entry *entry,
                                      struct pl_error **error) {
    (void)arg, (void)error;
    switch (entry->key_size ? entry->key[0] : 0) {
    case 's':
    case 'r': check_state_of_node(check, entry); break; /* for other partitions: looks the same */
    case 'd': check_piece(check, entry); break;
    case 'z': break; /* a note: only its key says anything */
    default: pl_check_found(check, "checkpoint", "a key of %zu bytes is none", entry->key_size);
    }
    return PL_OK;
}

enum pl_code pl_check_state(struct pl_check *check, struct pl_error **error) {
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(check->store, &last, error);
    if (code == PL_CORRUPT) pl_check_unreadable(check, "checkpoint", error);
    if (code && code != PL_CORRUPT && code != PL_NOT_FOUND) return code;
    if (!code) pl_epoch_fini(&last);
    return each_entry(check, PL_STORE_STATE, "checkpoint", check_state_entry, NULL, error);
}

/* ---- What people decided, and what they did ---- */

static enum pl_code check_kept_entry(struct pl_check *check, void *arg, const struct entry *entry,
                                     struct pl_error **error) {
    (void)arg, (void)error;
    const uint8_t *end = memchr(entry->key, 0, entry->key_size);
    if (!end)
        pl_check_found(check, "kept", "a key of %zu bytes is of no node", entry->key_size);
    else if (!sum_is_right(entry))
        pl_check_found(check, "kept", "node %s: what was kept as %.*s does not match its checksum",
                       (const char *)entry->key, (int)(entry->key + entry->key_size - end - 1), (const char *)end + 1);
    return PL_OK;
}

enum pl_code pl_check_kept(struct pl_check *check, struct pl_error **error) {
    return each_entry(check, PL_STORE_KEPT, "kept", check_kept_entry, NULL, error);
}

static enum pl_code count_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)record, (void)error;
    ((struct pl_check *)arg)->checked++;
    return PL_OK;
}

enum pl_code pl_check_audit(struct pl_check *check, struct pl_error **error) {
    enum pl_code code = pl_audit_each(check->store, 1, count_record, check, error);
    if (code != PL_CORRUPT) return code;
    pl_check_unreadable(check, "audit", error);
    return PL_OK;
}
