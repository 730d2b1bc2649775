/* kafka_reader.c: reading the log on Kafka: cursors, times, forgetting. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "log/kafka_impl.h"

enum { LOOKED_AT = 256, LEADER_US = 50000, MORE_SETTINGS = 4 };

struct pl_log_cursor {
    struct pl_kafka_log *log;
    struct pl__kafka_reader *reader;
    rd_kafka_topic_t *topic;     /* of the reader's handle */
    struct pl_rows *rows;        /* NULL: heads only */
    rd_kafka_message_t *message; /* that the last read returned */
    uint16_t partition;
    bool told;        /* somebody is told when more arrives, and need not wait */
    int64_t offset;   /* of the message that comes next, or before it */
    int64_t looked;   /* in front of this offset there is no more: the brokers have said so */
    uint64_t skipped; /* numbers of the first message that are in front of what was asked for */
};

static int timeout_ms(const struct pl_kafka_log *log) {
    return (int)(log->options.timeout / PL_MILLISECOND);
}

/* ---- Readers ---- */

rd_kafka_t *pl__kafka_reading(const struct pl_kafka_log *log, const char *const *more, struct pl_error **error) {
    static const char *const common[] = {"enable.partition.eof",    "true",    "isolation.level",   "read_committed",
                                         "auto.offset.reset",       "error",   "check.crcs",        "true",
                                         "fetch.message.max.bytes", "4194304", "fetch.wait.max.ms", "100",
                                         "fetch.error.backoff.ms",  "50"};
    const char *settings[PL_COUNT_OF(common) + MORE_SETTINGS + 1] = {NULL};
    memcpy(settings, common, sizeof common);
    for (size_t i = 0; i < MORE_SETTINGS && more[i]; i++)
        settings[PL_COUNT_OF(common) + i] = more[i];
    return pl__kafka_handle(&log->options, RD_KAFKA_CONSUMER, settings, NULL, error);
}

static struct pl__kafka_reader *new_reader(struct pl_kafka_log *log, struct pl_error **error) {
    static const char *const settings[] = {"queued.max.messages.kbytes", "16384", NULL};
    struct pl__kafka_reader *reader = PL_NEW(struct pl__kafka_reader);
    if (reader) reader->taken = pl_alloc((log->log.partitions + 1) * sizeof *reader->taken);
    if (!reader || !reader->taken) {
        pl_free(reader);
        pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
        return NULL;
    }
    reader->handle = pl__kafka_reading(log, settings, error);
    if (reader->handle) return reader;
    pl_free(reader->taken);
    pl_free(reader);
    return NULL;
}

/* One that has the partition free; NULL with *error. */
static struct pl__kafka_reader *take_reader(struct pl_kafka_log *log, unsigned partition, struct pl_error **error) {
    pthread_mutex_lock(&log->lock);
    struct pl__kafka_reader *reader = log->readers;
    while (reader && reader->taken[partition])
        reader = reader->next;
    if (!reader && (reader = new_reader(log, error))) {
        reader->next = log->readers;
        log->readers = reader;
    }
    if (reader) reader->taken[partition] = true;
    pthread_mutex_unlock(&log->lock);
    return reader;
}

static void give_reader(struct pl_kafka_log *log, struct pl__kafka_reader *reader, unsigned partition) {
    pthread_mutex_lock(&log->lock);
    reader->taken[partition] = false;
    pthread_mutex_unlock(&log->lock);
}

void pl__kafka_readers_free(struct pl_kafka_log *log) {
    while (log->readers) {
        struct pl__kafka_reader *reader = log->readers;
        log->readers = reader->next;
        rd_kafka_destroy(reader->handle);
        pl_free(reader->taken);
        pl_free(reader);
    }
}

/* A topic that was made just now, or brokers that come and go: who leads it is known in a moment. */
static bool leader_settles(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

enum pl_code pl__kafka_look(struct pl_kafka_log *log, unsigned partition, struct pl_error **error) {
    int64_t low = 0, high = 0;
    struct pl__kafka_partition *p = &log->partition[partition];
    struct pl__kafka_reader *reader = take_reader(log, partition, error);
    if (!reader) return PL_NO_MEMORY;
    rd_kafka_resp_err_t failed;
    int64_t end = pl_clock_monotonic() + log->options.timeout;
    do {
        failed = rd_kafka_query_watermark_offsets(reader->handle, log->options.topic, (int32_t)partition, &low, &high,
                                                  timeout_ms(log));
    } while (leader_settles(failed) && pl_clock_monotonic() < end && usleep(LEADER_US) == 0);
    give_reader(log, reader, partition);
    if (failed) return pl__kafka_fail(error, failed, NULL, "where it begins and ends");
    if (low > atomic_load(&p->first)) atomic_store(&p->first, low);
    if (high > atomic_load(&p->end)) atomic_store(&p->end, high);
    return PL_OK;
}

int64_t pl__kafka_heard(struct pl_kafka_log *log, unsigned partition) {
    int64_t low, high = -1, most = -1;
    pthread_mutex_lock(&log->lock);
    for (struct pl__kafka_reader *reader = log->readers; reader; reader = reader->next)
        if (!rd_kafka_get_watermark_offsets(reader->handle, log->options.topic, (int32_t)partition, &low, &high) &&
            high > most)
            most = high;
    pthread_mutex_unlock(&log->lock);
    return most;
}

/* ---- Cursors ---- */

static void arrived(rd_kafka_t *handle, void *arg) {
    (void)handle;
    struct pl_kafka_log *log = arg;
    pthread_mutex_lock(&log->arriving);
    if (log->arrived) log->arrived(log->arg);
    pthread_mutex_unlock(&log->arriving);
}

static void watch(const struct pl_log_cursor *cursor) {
    struct pl_kafka_log *log = cursor->log;
    if (!log->arrived || !cursor->topic) return;
    rd_kafka_queue_t *queue =
        rd_kafka_queue_get_partition(cursor->reader->handle, log->options.topic, cursor->partition);
    if (!queue) return;
    rd_kafka_queue_cb_event_enable(queue, arrived, log);
    rd_kafka_queue_destroy(queue);
}

static enum pl_code start(struct pl_log_cursor *cursor, struct pl_error **error) {
    struct pl_kafka_log *log = cursor->log;
    cursor->reader = take_reader(log, cursor->partition, error);
    if (!cursor->reader) return PL_NO_MEMORY;
    cursor->topic = rd_kafka_topic_new(cursor->reader->handle, log->options.topic, NULL);
    watch(cursor);
    if (cursor->topic && !rd_kafka_consume_start(cursor->topic, cursor->partition, cursor->offset)) return PL_OK;
    enum pl_code code = pl__kafka_fail(error, rd_kafka_last_error(), NULL, "it cannot be read");
    if (cursor->topic) rd_kafka_topic_destroy(cursor->topic);
    cursor->topic = NULL;
    return code;
}

void pl__kafka_cursor_free(struct pl_log_cursor *cursor) {
    if (!cursor) return;
    if (cursor->message) rd_kafka_message_destroy(cursor->message);
    if (cursor->topic) {
        rd_kafka_consume_stop(cursor->topic, cursor->partition);
        rd_kafka_topic_destroy(cursor->topic);
    }
    if (cursor->reader) give_reader(cursor->log, cursor->reader, cursor->partition);
    pl_rows_free(cursor->rows);
    pl_free(cursor);
}

static enum pl_code new_cursor(struct pl_kafka_log *log, unsigned partition, int64_t offset, bool heads,
                               struct pl_log_cursor **cursor, struct pl_error **error) {
    struct pl_log_cursor *c = *cursor = PL_NEW(struct pl_log_cursor);
    if (!c) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    c->log = log;
    c->partition = (uint16_t)partition;
    c->offset = offset;
    c->told = !heads && log->arrived;
    if (!heads) c->rows = pl_rows_new(log->log.tags);
    enum pl_code code = heads || c->rows ? start(c, error) : pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    if (!code) return PL_OK;
    pl__kafka_cursor_free(c);
    *cursor = NULL;
    return code;
}

static enum pl_code check_place(struct pl_kafka_log *log, unsigned partition, uint64_t from, struct pl_error **error) {
    const struct pl_log_ops *ops = log->log.ops;
    if (partition >= log->log.partitions)
        return pl_error_set(error, PL_USAGE, "log: there is no partition %u", partition);
    if (from > ops->next(&log->log, partition)) { /* others append too */
        enum pl_code code = pl__kafka_look(log, partition, error);
        if (code) return code;
    }
    uint64_t first = ops->first(&log->log, partition), next = ops->next(&log->log, partition);
    if (from >= first && from <= next) return PL_OK;
    return pl_error_set(error, PL_RANGE,
                        "log, partition %u: sequence %" PRIu64 " is not kept; there are %" PRIu64 " to %" PRIu64,
                        partition, from, first, next);
}

enum pl_code pl__kafka_cursor(struct pl_log *base, unsigned partition, uint64_t from, bool heads,
                              struct pl_log_cursor **cursor, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    *cursor = NULL;
    enum pl_code code = check_place(log, partition, from, error);
    if (!code) code = new_cursor(log, partition, pl__kafka_offset(from), heads, cursor, error);
    if (!code) (*cursor)->skipped = from - pl__kafka_sequence(pl__kafka_offset(from));
    return code;
}

/* The message of the last read is let go of. */
static void let_go(struct pl_log_cursor *cursor) {
    if (cursor->message) rd_kafka_message_destroy(cursor->message);
    cursor->message = NULL;
}

static bool all_is_read(const struct pl_log_cursor *cursor) {
    int64_t end = atomic_load_explicit(&cursor->log->partition[cursor->partition].end, memory_order_acquire);
    return cursor->offset >= end || cursor->looked >= end;
}

static enum pl_code not_kept(const struct pl_log_cursor *cursor, struct pl_error **error) {
    return pl_error_set(error, PL_RANGE, "log, partition %u: sequence %" PRIu64 " is not kept any more",
                        cursor->partition, pl__kafka_sequence(cursor->offset));
}

/* PL_NOT_FOUND: nothing is there; PL_OK: a message, or something to be asked for again. */
static enum pl_code take(struct pl_log_cursor *cursor, struct pl_error **error) {
    bool read = cursor->told || all_is_read(cursor);
    rd_kafka_message_t *message = rd_kafka_consume(cursor->topic, cursor->partition, read ? 0 : PL__KAFKA_SLICE_MS);
    if (!message) return read ? PL_NOT_FOUND : PL_OK;
    if (!message->err) {
        cursor->message = message;
        cursor->offset = message->offset + 1;
        return PL_OK;
    }
    rd_kafka_resp_err_t failed = message->err;
    if (failed == RD_KAFKA_RESP_ERR__PARTITION_EOF) cursor->looked = message->offset;
    rd_kafka_message_destroy(message);
    if (failed == RD_KAFKA_RESP_ERR__PARTITION_EOF) return PL_OK;
    if (failed == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || failed == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return not_kept(cursor, error);
    return pl__kafka_fail(error, failed, NULL, "it cannot be read");
}

/* Waits for what is known to be there; the brokers may be away. */
static enum pl_code next_message(struct pl_log_cursor *cursor, struct pl_error **error) {
    int64_t until = 0;
    enum pl_code code = PL_OK;
    let_go(cursor);
    if (cursor->offset < atomic_load(&cursor->log->partition[cursor->partition].first)) return not_kept(cursor, error);
    while (!code && !cursor->message) {
        code = take(cursor, error);
        if (!until) until = pl_clock_monotonic() + cursor->log->options.timeout;
        if (!code && !cursor->message && pl_clock_monotonic() > until)
            code =
                pl_error_set(error, PL_UNAVAILABLE, "log, partition %u: the brokers do not answer", cursor->partition);
    }
    return code;
}

static enum pl_code decode(struct pl_log_cursor *cursor, struct pl_log_record *record, struct pl_error **error) {
    const rd_kafka_message_t *message = cursor->message;
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(cursor->partition, 0, key);
    enum pl_code code =
        pl__record_get(key, message->payload, message->len, cursor->rows, cursor->log->log.tags, record, error);
    if (code)
        return pl_error_set(error, code, "log, partition %u: the message at offset %" PRId64 " cannot be read",
                            cursor->partition, message->offset);
    record->sequence = pl__kafka_sequence(message->offset);
    if (record->batch) record->batch->header->first_sequence = record->sequence;
    return PL_OK;
}

enum pl_code pl__kafka_read(struct pl_log_cursor *cursor, struct pl_log_record *record, struct pl_error **error) {
    int64_t wanted = cursor->offset;
    enum pl_code code = next_message(cursor, error);
    if (!code) code = decode(cursor, record, error);
    if (code) return code;
    uint64_t skipped = cursor->skipped;
    cursor->skipped = 0;
    if (!skipped || cursor->message->offset != wanted || skipped < pl__record_length(record)) return PL_OK;
    pl_batch_unref(record->batch); /* what was asked for stands behind it */
    return pl__kafka_read(cursor, record, error);
}

/* ---- Times ---- */

uint64_t pl__kafka_seek(struct pl_log *base, unsigned partition, pl_time time) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    uint64_t first = base->ops->first(base, partition), found = first;
    struct pl__kafka_reader *reader = time < PL_MILLISECOND ? NULL : take_reader(log, partition, NULL);
    if (!reader) return first; /* from the start, which is right and only slower */
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *asked = rd_kafka_topic_partition_list_add(list, log->options.topic, (int32_t)partition);
    asked->offset = time / PL_MILLISECOND;
    rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(reader->handle, list, timeout_ms(log));
    if (!failed && !asked->err)
        found = asked->offset < 0 ? base->ops->next(base, partition) : pl__kafka_sequence(asked->offset);
    rd_kafka_topic_partition_list_destroy(list);
    give_reader(log, reader, partition);
    return found > first ? found : first;
}

pl_time pl__kafka_oldest(const struct pl_log *base, unsigned partition) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    pl_time oldest = PL_TIME_MAX;
    if (new_cursor(log, partition, atomic_load(&log->partition[partition].first), true, &cursor, NULL))
        return PL_TIME_MAX;
    for (unsigned i = 0; i < LOOKED_AT && oldest == PL_TIME_MAX && !pl__kafka_read(cursor, &record, NULL); i++) {
        rd_kafka_timestamp_type_t type;
        if (record.rows) oldest = rd_kafka_message_timestamp(cursor->message, &type) * PL_MILLISECOND;
    }
    pl__kafka_cursor_free(cursor);
    return oldest == PL_TIME_MAX ? oldest : oldest - oldest % PL_MINUTE;
}

/* ---- Forgetting ---- */

/* The last message from `from` on. */
static enum pl_code last_from(struct pl_kafka_log *log, unsigned partition, int64_t from, int64_t *last,
                              struct pl_error **error) {
    struct pl_log_cursor *cursor;
    *last = -1;
    enum pl_code code = new_cursor(log, partition, from, true, &cursor, error);
    if (code) return code;
    while (!(code = next_message(cursor, error)))
        *last = cursor->message->offset;
    pl__kafka_cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

enum pl_code pl__kafka_last(struct pl_kafka_log *log, unsigned partition, int64_t *offset, struct pl_error **error) {
    const struct pl__kafka_partition *p = &log->partition[partition];
    int64_t first = atomic_load(&p->first), end = atomic_load(&p->end);
    enum pl_code code = PL_OK;
    *offset = -1;
    for (int64_t back = 4; !code && *offset < 0 && first < end; back *= 2) {
        int64_t from = end - back > first ? end - back : first;
        code = last_from(log, partition, from, offset, error);
        if (from == first) break;
    }
    return code;
}

static enum pl_code forget(struct pl_kafka_log *log, unsigned partition, int64_t before, struct pl_error **error) {
    struct pl__kafka_reader *reader = take_reader(log, partition, error);
    if (!reader) return PL_NO_MEMORY;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, log->options.topic, (int32_t)partition)->offset = before;
    rd_kafka_DeleteRecords_t *asked = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(reader->handle);
    rd_kafka_DeleteRecords(reader->handle, &asked, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms(log));
    const rd_kafka_DeleteRecords_result_t *result = event ? rd_kafka_event_DeleteRecords_result(event) : NULL;
    const rd_kafka_topic_partition_list_t *done = result ? rd_kafka_DeleteRecords_result_offsets(result) : NULL;
    rd_kafka_resp_err_t failed = !event ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (!failed && done && done->cnt == 1) failed = done->elems[0].err;
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(asked);
    rd_kafka_topic_partition_list_destroy(list);
    give_reader(log, reader, partition);
    return failed ? pl__kafka_fail(error, failed, NULL, "what is old cannot be removed") : PL_OK;
}

enum pl_code pl__kafka_trim(struct pl_log *base, unsigned partition, uint64_t sequence, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    struct pl__kafka_partition *p = &log->partition[partition];
    int64_t last, before = pl__kafka_offset(sequence);
    enum pl_code code = pl__kafka_last(log, partition, &last, error);
    if (code || last < 0) return code;
    if (before > last) before = last;
    if (before <= atomic_load(&p->first)) return PL_OK;
    atomic_store_explicit(&p->first, before, memory_order_release); /* nobody begins there now */
    return forget(log, partition, before, error);
}

/* ---- State ---- */

static enum pl_code give(rd_kafka_message_t *message, pl_kafka_visitor *visit, void *arg, struct pl_error **error) {
    struct pl_kafka_entry entry = {.partition = (unsigned)message->partition,
                                   .key = message->key,
                                   .key_size = message->key_len,
                                   .value = message->payload,
                                   .size = message->len,
                                   .offset = message->offset};
    return visit(arg, &entry, error);
}

static enum pl_code each(struct pl_kafka_log *log, rd_kafka_topic_t *topic, unsigned partition, int64_t last,
                         pl_kafka_visitor *visit, void *arg, struct pl_error **error) {
    enum pl_code code = PL_OK;
    int64_t until = pl_clock_monotonic() + log->options.timeout;
    for (bool end = false; !code && !end;) {
        rd_kafka_message_t *message = rd_kafka_consume(topic, (int32_t)partition, PL__KAFKA_SLICE_MS);
        bool waits = !message || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (waits && pl_clock_monotonic() > until)
            code = pl_error_set(
                error, PL_UNAVAILABLE,
                "log: the state in %s, partition %u, cannot be read to its end: the brokers do not answer, "
                "or a transaction in front of it is neither committed nor aborted yet",
                log->changelog, partition);
        if (!message) continue;
        if (!waits) until = pl_clock_monotonic() + log->options.timeout;
        end = !message->err && message->offset >= last;
        if (!message->err)
            code = give(message, visit, arg, error);
        else if (!waits)
            code = pl__kafka_fail(error, message->err, NULL, log->changelog);
        rd_kafka_message_destroy(message);
    }
    return code;
}

enum pl_code pl_kafka_state_each(struct pl_log *base, unsigned partition, int64_t from, pl_kafka_visitor *visit,
                                 void *arg, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    int64_t last;
    enum pl_code code = pl__kafka_settle_state(log, partition, &last, error);
    struct pl__kafka_reader *reader = code ? NULL : new_reader(log, error);
    if (!reader) return code ? code : PL_NO_MEMORY;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->handle, log->changelog, NULL);
    if (topic && !rd_kafka_consume_start(topic, (int32_t)partition, from ? from : RD_KAFKA_OFFSET_BEGINNING)) {
        code = each(log, topic, partition, last, visit, arg, error);
        rd_kafka_consume_stop(topic, (int32_t)partition);
    } else {
        code = pl__kafka_fail(error, rd_kafka_last_error(), NULL, log->changelog);
    }
    if (topic) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(reader->handle);
    pl_free(reader->taken);
    pl_free(reader);
    return code;
}
