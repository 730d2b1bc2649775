#include "log/record.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include <potline/codec.h>

#include "store/store.h"

enum { VERSION = 1 };

struct head {
    uint64_t checksum; /* of all behind it */
    uint8_t version, type;
    uint16_t flags;
    uint32_t rows; /* 0: none */
    pl_time watermark;
    uint64_t epoch;
    uint32_t body_size;
    uint16_t name_length;
    uint16_t position_size;
};
_Static_assert(sizeof(struct head) == 40, "no gaps: it is written as it stands");

/* ---- Keys ---- */

void pl__record_key(uint16_t partition, uint64_t sequence, uint8_t *key) {
    uint16_t p = htobe16(partition);
    uint64_t s = htobe64(sequence);
    memcpy(key, &p, sizeof p);
    memcpy(key + sizeof p, &s, sizeof s);
}

static uint16_t key_partition(const uint8_t *key) {
    uint16_t p;
    memcpy(&p, key, sizeof p);
    return be16toh(p);
}

uint64_t pl__record_key_sequence(const uint8_t *key) {
    uint64_t s;
    memcpy(&s, key + sizeof(uint16_t), sizeof s);
    return be64toh(s);
}

uint64_t pl__record_length(const struct pl_log_record *record) {
    uint32_t rows = record->batch ? record->batch->rows : record->rows;
    return rows > 1 ? rows : 1;
}

/* ---- Writing ---- */

/* Text or bytes of any length, up to the next multiple of 8. */
static size_t padded(size_t size) {
    return (size + 7) & ~(size_t)7;
}

static void put_padded(struct pl_buffer *out, const void *bytes, size_t size) {
    static const char zeros[8];
    pl_buffer_put(out, bytes, size);
    pl_buffer_put(out, zeros, padded(size) - size);
}

static enum pl_code put_body(const struct pl_log_record *record, struct pl_rows *rows, struct pl_buffer *out,
                             struct pl_error **error) {
    if (record->batch) return pl_rows_put(rows, record->batch, out, error);
    pl_buffer_put(out, record->body, record->body_size);
    return PL_OK;
}

enum pl_code pl__record_put(const struct pl_log_record *record, struct pl_rows *rows, struct pl_tags *tags,
                            struct pl_buffer *out, struct pl_error **error) {
    const struct pl_tag *source = pl_tags_get(tags, record->source);
    struct head head = {.version = VERSION,
                        .type = (uint8_t)record->type,
                        .flags = record->flags,
                        .rows = record->batch ? record->batch->rows : 0,
                        .watermark = record->watermark,
                        .epoch = record->epoch,
                        .name_length = source->length,
                        .position_size = (uint16_t)record->position_size};
    pl_buffer_reset(out);
    pl_buffer_put(out, &head, sizeof head);
    put_padded(out, source->name, source->length);
    put_padded(out, record->position, record->position_size);
    size_t body = out->size;
    enum pl_code code = put_body(record, rows, out, error);
    if (code) return code;
    if (pl_buffer_failed(out)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");

    head.body_size = (uint32_t)(out->size - body);
    memcpy(out->data, &head, sizeof head);
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(record->partition, record->sequence, key);
    head.checksum = pl_store_checksum(key, sizeof key, out->data + 8, out->size - 8);
    memcpy(out->data, &head.checksum, sizeof head.checksum);
    return PL_OK;
}

enum pl_code pl__record_check(const struct pl_log *log, const struct pl_log_record *record, struct pl_error **error) {
    if (record->partition >= log->partitions)
        return pl_error_set(error, PL_USAGE, "log: there is no partition %u", record->partition);
    if ((record->type == PL_LOG_ROWS) != (record->batch != NULL))
        return pl_error_set(error, PL_USAGE, "log: a batch belongs to a record of rows, and to no other");
    if (record->body_size > PL_MESSAGE_MAX)
        return pl_error_set(error, PL_LIMIT, "log: a body of %zu bytes; at most %u", record->body_size, PL_MESSAGE_MAX);
    if (record->position_size > PL_LOG_POSITION_MAX)
        return pl_error_set(error, PL_LIMIT, "log: a position of %zu bytes; at most %d", record->position_size,
                            PL_LOG_POSITION_MAX);
    if (record->position_size && !record->batch)
        return pl_error_set(error, PL_USAGE, "log: a position belongs to a record of rows, and to no other");
    return PL_OK;
}

/* ---- Reading ---- */

static enum pl_code damaged(const uint8_t *key, const char *what, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "log, partition %u, sequence %" PRIu64 ": %s", key_partition(key),
                        pl__record_key_sequence(key), what);
}

static enum pl_code get_head(const uint8_t *key, const uint8_t *bytes, size_t size, struct head *head,
                             struct pl_error **error) {
    if (size < sizeof *head) return damaged(key, "the record is cut short", error);
    memcpy(head, bytes, sizeof *head);
    if (pl_store_checksum(key, PL__RECORD_KEY, bytes + 8, size - 8) != head->checksum)
        return damaged(key, "the record does not match its checksum", error);
    if (head->version != VERSION) return damaged(key, "the record is of an unknown version", error);
    size_t front = sizeof *head + padded(head->name_length) + padded(head->position_size);
    if (head->type < PL_LOG_ROWS || head->type > PL_LOG_CONTROL || head->rows > PL_BATCH_ROWS_MAX ||
        head->name_length > PL_NAME_MAX || front + head->body_size != size ||
        (head->type == PL_LOG_ROWS) != (head->rows > 0) || (head->position_size && !head->rows))
        return damaged(key, "the record's head makes no sense", error);
    return PL_OK;
}

static enum pl_code get_rows(const uint8_t *key, const struct head *head, struct pl_rows *rows, const void *body,
                             struct pl_log_record *record, struct pl_error **error) {
    enum pl_code code = pl_rows_get(rows, body, head->body_size, &record->batch, error);
    if (code == PL_CORRUPT) return damaged(key, "the record's rows cannot be read", error);
    if (code) return code;
    if (record->batch->rows != head->rows) {
        pl_batch_unref(record->batch);
        record->batch = NULL;
        return damaged(key, "the record has another number of rows than its head says", error);
    }
    record->batch->header->partition = record->partition;
    record->batch->header->first_sequence = record->sequence;
    return PL_OK;
}

enum pl_code pl__record_get(const uint8_t *key, const void *bytes, size_t size, struct pl_rows *rows,
                            struct pl_tags *tags, struct pl_log_record *record, struct pl_error **error) {
    struct head head = {0};
    enum pl_code code = get_head(key, bytes, size, &head, error);
    if (code) return code;
    const char *name = (const char *)bytes + sizeof head;
    const char *body = (const char *)bytes + size - head.body_size;
    uint32_t source = pl_tags_intern(tags, name, head.name_length);
    if (source == PL_NO_ID)
        return pl_error_set(error, PL_LIMIT, "log: \"%.*s\" is not a valid name, or there are more than max_tags",
                            (int)head.name_length, name);
    *record = (struct pl_log_record){.type = head.type,
                                     .partition = key_partition(key),
                                     .flags = head.flags,
                                     .sequence = pl__record_key_sequence(key),
                                     .source = source,
                                     .rows = head.rows,
                                     .position = head.position_size ? name + padded(head.name_length) : NULL,
                                     .position_size = head.position_size,
                                     .watermark = head.watermark,
                                     .epoch = head.epoch};
    if (head.rows) return rows ? get_rows(key, &head, rows, body, record, error) : PL_OK;
    record->body = head.body_size ? body : NULL;
    record->body_size = head.body_size;
    return PL_OK;
}

enum pl_code pl__record_get_length(const uint8_t *key, const void *bytes, size_t size, uint64_t *length,
                                   struct pl_error **error) {
    struct head head = {0};
    enum pl_code code = get_head(key, bytes, size, &head, error);
    if (!code) *length = head.rows ? head.rows : 1;
    return code;
}
