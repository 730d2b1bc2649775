/* embedded.c: the log in a store's bronze family.
 *
 *     bronze   partition, sequence -> record                       (record.h)
 *     index    its time index                                      (index.h)
 *     meta     "log.partitions"    -> how many there have ever been
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "base/fault.h"
#include "log/index.h"
#include "log/record.h"
#include "store/space.h"

enum { PARTITIONS_MAX = 1 << 16 };

static const char partitions_key[] = "log.partitions";

struct partition {
    _Atomic uint64_t next;
    _Atomic uint64_t first;
    int64_t minute; /* the highest in the index; INT64_MIN: none */
    uint64_t pending_next;
    int64_t pending_minute; /* with the records of the append under way */
};

struct embedded {
    struct pl_log log;
    struct pl_store *store;
    struct partition *partition;
    struct pl_rows *rows;
    struct pl_buffer bytes;
    rocksdb_writebatch_t *writes;
};

struct pl_log_cursor {
    struct embedded *log;
    struct pl_store_iter *iter; /* NULL at the end of the log, so that an idle cursor pins nothing */
    struct pl_rows *rows;       /* NULL: heads only */
    uint16_t partition;
    bool consumed; /* iter stands on the record that the last read returned */
    uint64_t next; /* the sequence that comes next */
};

static struct embedded *embedded_of(const struct pl_log *log) {
    return (struct embedded *)log;
}

/* ---- The time index ---- */

static void add_index(struct embedded *log, const struct pl_log_record *record) {
    struct partition *partition = &log->partition[record->partition];
    const pl_time *time = pl_batch_times(record->batch);
    pl_time newest = time[0];
    for (uint32_t i = 1; i < record->batch->rows; i++)
        newest = time[i] > newest ? time[i] : newest;
    struct pl__index_entry entry = {.minute = pl__index_minute(newest), .sequence = record->sequence};
    if (entry.minute <= partition->pending_minute) return;
    partition->pending_minute = entry.minute;
    pl__index_add(log->store, log->writes, record->partition, &entry);
}

static uint64_t seek(struct pl_log *base, unsigned partition, pl_time time) {
    struct embedded *log = embedded_of(base);
    uint64_t first = atomic_load_explicit(&log->partition[partition].first, memory_order_acquire);
    struct pl__index_entry entry;
    /* Without an answer the log is read from its start, which is right and only slower. */
    if (pl__index_find(log->store, (uint16_t)partition, pl__index_minute(time), &entry, NULL)) return first;
    return entry.sequence > first ? entry.sequence : first;
}

/* ---- Appending ---- */

static enum pl_code add_record(struct embedded *log, struct pl_log_record *record, struct pl_error **error) {
    enum pl_code code = pl__record_check(&log->log, record, error);
    if (code) return code;
    struct partition *partition = &log->partition[record->partition];
    record->sequence = partition->pending_next;
    record->rows = record->batch ? record->batch->rows : 0;
    code = pl__record_put(record, log->rows, log->log.tags, &log->bytes, error);
    if (code) return code;
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(record->partition, record->sequence, key);
    rocksdb_writebatch_put_cf(log->writes, log->store->family[PL_STORE_BRONZE], (const char *)key, sizeof key,
                              log->bytes.data, log->bytes.size);
    if (record->batch) {
        record->batch->header->first_sequence = record->sequence;
        if (!record->timeless) add_index(log, record);
    }
    partition->pending_next += pl__record_length(record);
    return PL_OK;
}

static void settle(struct embedded *log, bool written) {
    for (unsigned i = 0; i < log->log.partitions; i++) {
        struct partition *partition = &log->partition[i];
        uint64_t next = atomic_load_explicit(&partition->next, memory_order_relaxed);
        if (!written) {
            partition->pending_next = next;
            partition->pending_minute = partition->minute;
        } else if (next != partition->pending_next) {
            partition->minute = partition->pending_minute;
            atomic_store_explicit(&partition->next, partition->pending_next, memory_order_release);
        }
    }
}

static enum pl_code append(struct pl_log *base, struct pl_log_record *records, unsigned count,
                           struct pl_error **error) {
    struct embedded *log = embedded_of(base);
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < count && !code; i++)
        code = add_record(log, &records[i], error);
    PL_FAULT("log.append");
    if (code)
        rocksdb_writebatch_clear(log->writes);
    else
        code = pl_store_write(log->store, log->writes, error);
    PL_FAULT("log.appended");
    settle(log, !code);
    return code;
}

static enum pl_code sync_log(struct pl_log *base, struct pl_error **error) {
    return pl_store_sync(embedded_of(base)->store, error);
}

static uint64_t next(const struct pl_log *base, unsigned partition) {
    return atomic_load_explicit(&embedded_of(base)->partition[partition].next, memory_order_acquire);
}

static uint64_t first(const struct pl_log *base, unsigned partition) {
    return atomic_load_explicit(&embedded_of(base)->partition[partition].first, memory_order_acquire);
}

/* ---- Reading ---- */

/* An iterator over the records of one partition. */
static enum pl_code iterate(struct embedded *log, uint16_t partition, struct pl_store_iter **iter,
                            struct pl_error **error) {
    uint8_t end[PL__RECORD_KEY];
    pl__record_key((uint16_t)(partition + 1), 0, end);
    bool last = partition == UINT16_MAX;
    return pl_store_iter_new(log->store, PL_STORE_BRONZE, last ? NULL : end, last ? 0 : sizeof end, iter, error);
}

static enum pl_code record_at(const struct pl_store_iter *iter, uint16_t partition, const uint8_t **key,
                              struct pl_error **error) {
    size_t size;
    *key = pl_store_iter_key(iter, &size);
    if (size == PL__RECORD_KEY) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "log, partition %u: a key of %zu bytes", partition, size);
}

/* The last record that starts at or before `sequence`. PL_NOT_FOUND without a message: there is none. */
static enum pl_code last_record(struct embedded *log, uint16_t partition, uint64_t sequence, uint64_t *start,
                                uint64_t *length, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = iterate(log, partition, &iter, error);
    if (code) return code;
    uint8_t wanted[PL__RECORD_KEY];
    pl__record_key(partition, sequence, wanted);
    pl_store_iter_seek_last(iter, wanted, sizeof wanted);
    code = pl_store_iter_check(iter, error);
    const uint8_t *key = NULL;
    if (!code) code = pl_store_iter_valid(iter) ? record_at(iter, partition, &key, error) : PL_NOT_FOUND;
    if (!code && memcmp(key, wanted, sizeof partition) != 0) code = PL_NOT_FOUND;
    if (!code) {
        size_t size;
        const void *value = pl_store_iter_value(iter, &size);
        *start = pl__record_key_sequence(key);
        code = pl__record_get_length(key, value, size, length, error);
    }
    pl_store_iter_free(iter);
    return code;
}

static enum pl_code open_cursor(struct pl_log *base, unsigned partition, uint64_t from, bool heads,
                                struct pl_log_cursor **cursor, struct pl_error **error) {
    struct embedded *log = embedded_of(base);
    *cursor = NULL;
    if (partition >= base->partitions) return pl_error_set(error, PL_USAGE, "log: there is no partition %u", partition);
    if (from < first(base, partition) || from > next(base, partition))
        return pl_error_set(error, PL_RANGE,
                            "log, partition %u: sequence %" PRIu64 " is not kept; there are %" PRIu64 " to %" PRIu64,
                            partition, from, first(base, partition), next(base, partition));
    uint64_t start, length;
    enum pl_code code = last_record(log, (uint16_t)partition, from, &start, &length, error);
    if (code && code != PL_NOT_FOUND) return code;
    if (code == PL_OK && from - start < length) from = start; /* in the middle of a record: all of it */

    struct pl_log_cursor *c = PL_NEW(struct pl_log_cursor);
    if (c && !heads) c->rows = pl_rows_new(base->tags);
    if (!c || (!heads && !c->rows)) {
        pl_free(c);
        return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    }
    c->log = log;
    c->partition = (uint16_t)partition;
    c->next = from;
    *cursor = c;
    return PL_OK;
}

static void drop_iter(struct pl_log_cursor *cursor) {
    pl_store_iter_free(cursor->iter);
    cursor->iter = NULL;
    cursor->consumed = false;
}

/* An iterator with a view of now, on the next record. */
static enum pl_code renew_iter(struct pl_log_cursor *cursor, struct pl_error **error) {
    drop_iter(cursor);
    enum pl_code code = iterate(cursor->log, cursor->partition, &cursor->iter, error);
    if (code) return code;
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(cursor->partition, cursor->next, key);
    pl_store_iter_seek(cursor->iter, key, sizeof key);
    return pl_store_iter_check(cursor->iter, error);
}

/* Puts the iterator on the next record, which is there. */
static enum pl_code position(struct pl_log_cursor *cursor, struct pl_error **error) {
    enum pl_code code = PL_OK;
    if (cursor->iter && cursor->consumed) {
        pl_store_iter_next(cursor->iter);
        cursor->consumed = false;
        code = pl_store_iter_check(cursor->iter, error);
    }
    if (!code && (!cursor->iter || !pl_store_iter_valid(cursor->iter))) code = renew_iter(cursor, error);
    if (code)
        return pl_error_set(error, code, "log, partition %u: sequence %" PRIu64 " cannot be read", cursor->partition,
                            cursor->next);
    const uint8_t *key = NULL;
    bool there = pl_store_iter_valid(cursor->iter);
    if (there) code = record_at(cursor->iter, cursor->partition, &key, error);
    if (code) return code;
    if (there && pl__record_key_sequence(key) == cursor->next) return PL_OK;
    if (cursor->next < first(&cursor->log->log, cursor->partition))
        return pl_error_set(error, PL_RANGE, "log, partition %u: sequence %" PRIu64 " is not kept any more",
                            cursor->partition, cursor->next);
    return pl_error_set(error, PL_CORRUPT, "log, partition %u: a gap: sequences %" PRIu64 " to %" PRIu64 " are missing",
                        cursor->partition, cursor->next,
                        (there ? pl__record_key_sequence(key) : next(&cursor->log->log, cursor->partition)) - 1);
}

static enum pl_code read_record(struct pl_log_cursor *cursor, struct pl_log_record *record, struct pl_error **error) {
    if (cursor->next == next(&cursor->log->log, cursor->partition)) {
        drop_iter(cursor);
        return PL_NOT_FOUND;
    }
    enum pl_code code = position(cursor, error);
    if (code) {
        drop_iter(cursor);
        return code;
    }
    size_t key_size, size;
    const void *key = pl_store_iter_key(cursor->iter, &key_size);
    const void *value = pl_store_iter_value(cursor->iter, &size);
    code = pl__record_get(key, value, size, cursor->rows, cursor->log->log.tags, record, error);
    if (code) return code;
    cursor->consumed = true; /* moved on by the next call: the body points into it */
    cursor->next += pl__record_length(record);
    return PL_OK;
}

static void free_cursor(struct pl_log_cursor *cursor) {
    if (!cursor) return;
    drop_iter(cursor);
    pl_rows_free(cursor->rows);
    pl_free(cursor);
}

/* ---- Forgetting ---- */

/* The records from one sequence to another. */
static void range_of(uint8_t start[PL__RECORD_KEY], uint8_t end[PL__RECORD_KEY], uint16_t partition, uint64_t from,
                     uint64_t to, struct pl_store_range *range) {
    pl__record_key(partition, from, start);
    pl__record_key(partition, to, end);
    *range = (struct pl_store_range){start, PL__RECORD_KEY, end, PL__RECORD_KEY};
}

static enum pl_code forget(struct embedded *log, uint16_t partition, uint64_t from, uint64_t to,
                           struct pl_error **error) {
    uint8_t start[PL__RECORD_KEY], end[PL__RECORD_KEY];
    struct pl_store_range range;
    range_of(start, end, partition, from, to, &range);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create(); /* the log's own is the appender's */
    rocksdb_writebatch_delete_range_cf(writes, log->store->family[PL_STORE_BRONZE], range.start, range.start_size,
                                       range.end, range.end_size);
    enum pl_code code = pl__index_trim(log->store, writes, partition, to, error);
    if (!code) code = pl_store_write(log->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code ? code : pl_store_range_free(log->store, PL_STORE_BRONZE, &range, error);
}

static enum pl_code trim(struct pl_log *base, unsigned partition, uint64_t sequence, struct pl_error **error) {
    struct embedded *log = embedded_of(base);
    uint64_t from = first(base, partition), start, length;
    enum pl_code code = last_record(log, (uint16_t)partition, sequence, &start, &length, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code; /* empty, or all of it lies behind the sequence */
    if (start <= from) return PL_OK;
    atomic_store_explicit(&log->partition[partition].first, start, memory_order_release); /* nobody begins there now */
    return forget(log, (uint16_t)partition, from, start, error);
}

static uint64_t bytes(const struct pl_log *base, unsigned partition, uint64_t from) {
    uint8_t start[PL__RECORD_KEY], end[PL__RECORD_KEY];
    struct pl_store_range range;
    range_of(start, end, (uint16_t)partition, from, UINT64_MAX, &range);
    return pl_store_range_bytes(embedded_of(base)->store, PL_STORE_BRONZE, &range);
}

static pl_time oldest(const struct pl_log *base, unsigned partition) {
    const struct embedded *log = embedded_of(base);
    struct pl__index_entry entry;
    bool none = pl__index_at(log->store, (uint16_t)partition, first(base, partition), &entry, NULL) != PL_OK;
    return none ? PL_TIME_MAX : entry.minute * PL_MINUTE;
}

/* ---- Life ---- */

static void close_log(struct pl_log *base) {
    struct embedded *log = embedded_of(base);
    pl_rows_free(log->rows);
    pl_buffer_fini(&log->bytes);
    if (log->writes) rocksdb_writebatch_destroy(log->writes);
    pl_free(log->partition);
    pl_free(log);
}

/* The partitions that the folder has had so far. */
static enum pl_code kept_partitions(struct embedded *log, unsigned *kept, struct pl_error **error) {
    void *value = NULL;
    size_t size;
    *kept = 0;
    enum pl_code code =
        pl_store_get(log->store, PL_STORE_META, partitions_key, strlen(partitions_key), &value, &size, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (*end || end == value || number > PARTITIONS_MAX)
        code = pl_error_set(error, PL_CORRUPT, "%s: damaged: \"%s\" is not a number of partitions", log->store->path,
                            (const char *)value);
    *kept = (unsigned)number;
    pl_free(value);
    return code;
}

static enum pl_code keep_partitions(struct embedded *log, unsigned partitions, struct pl_error **error) {
    char text[16];
    int length = snprintf(text, sizeof text, "%u", partitions);
    rocksdb_writebatch_put_cf(log->writes, log->store->family[PL_STORE_META], partitions_key, strlen(partitions_key),
                              text, (size_t)length);
    return pl_store_write(log->store, log->writes, error);
}

static enum pl_code find_first(struct embedded *log, uint16_t partition, uint64_t *sequence, struct pl_error **error) {
    struct pl_store_iter *iter;
    enum pl_code code = iterate(log, partition, &iter, error);
    if (code) return code;
    uint8_t from[PL__RECORD_KEY];
    const uint8_t *key;
    pl__record_key(partition, 0, from);
    pl_store_iter_seek(iter, from, sizeof from);
    code = pl_store_iter_check(iter, error);
    if (!code && pl_store_iter_valid(iter) && !(code = record_at(iter, partition, &key, error)))
        *sequence = pl__record_key_sequence(key);
    pl_store_iter_free(iter);
    return code;
}

/* Where a partition begins and ends, from what is stored. */
static enum pl_code recover(struct embedded *log, uint16_t partition, struct pl_error **error) {
    struct partition *p = &log->partition[partition];
    uint64_t start = 0, length = 0, begin = 0;
    struct pl__index_entry entry;
    p->minute = p->pending_minute = INT64_MIN;
    enum pl_code code = last_record(log, partition, UINT64_MAX, &start, &length, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (!code) code = find_first(log, partition, &begin, error);
    if (code) return code;
    atomic_init(&p->first, begin);
    atomic_init(&p->next, start + length);
    p->pending_next = start + length;
    code = pl__index_find(log->store, partition, INT64_MAX, &entry, error);
    if (!code) p->minute = p->pending_minute = entry.minute;
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static const struct pl_log_ops embedded_ops = {
    .name = "embedded",
    .append = append,
    .sync = sync_log,
    .next = next,
    .first = first,
    .seek = seek,
    .cursor = open_cursor,
    .read = read_record,
    .cursor_free = free_cursor,
    .trim = trim,
    .bytes = bytes,
    .oldest = oldest,
    .close = close_log,
};

static enum pl_code prepare(struct embedded *log, unsigned partitions, struct pl_error **error) {
    unsigned kept;
    enum pl_code code = kept_partitions(log, &kept, error);
    if (code) return code;
    if (partitions > PARTITIONS_MAX)
        return pl_error_set(error, PL_RANGE, "log: %u partitions; at most %u", partitions, PARTITIONS_MAX);
    log->log.partitions = partitions > kept ? partitions : kept;
    log->partition = pl_alloc((log->log.partitions + 1) * sizeof *log->partition);
    log->rows = pl_rows_new(log->log.tags);
    log->writes = rocksdb_writebatch_create();
    pl_buffer_init(&log->bytes, 2 * (size_t)PL_MESSAGE_MAX);
    if (!log->partition || !log->rows) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    for (unsigned i = 0; i < log->log.partitions && !code; i++)
        code = recover(log, (uint16_t)i, error);
    PL_FAULT("open.log");
    if (!code && partitions > kept) code = keep_partitions(log, partitions, error);
    return code;
}

enum pl_code pl_log_open_embedded(struct pl_store *store, struct pl_tags *tags, unsigned partitions,
                                  struct pl_log **log, struct pl_error **error) {
    *log = NULL;
    struct embedded *embedded = PL_NEW(struct embedded);
    if (!embedded) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    embedded->log = (struct pl_log){.ops = &embedded_ops, .tags = tags};
    embedded->store = store;
    enum pl_code code = prepare(embedded, partitions, error);
    if (code)
        close_log(&embedded->log);
    else
        *log = &embedded->log;
    return code;
}
