/* kafka.c: appending to the log on Kafka, and its life. */
#include "log/kafka.h"

#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "base/clock.h"
#include "log/kafka_impl.h"

_Static_assert(PL_BATCH_ROWS_MAX <= 1 << PL__KAFKA_ROWS_BITS, "each row of a batch has a number");

static int timeout_ms(const struct pl_kafka_log *log) {
    return (int)(log->options.timeout / PL_MILLISECOND);
}

/* ---- A transaction ---- */

static enum pl_code end_by_abort(struct pl_kafka_log *log, struct pl_error **error) {
    rd_kafka_error_t *failed = rd_kafka_abort_transaction(log->producer, timeout_ms(log));
    if (failed) return pl__kafka_failed(error, failed, "what was appended cannot be taken back");
    log->open = false;
    return PL_OK;
}

/* Nothing of the append is there. Says why, and takes back what was under way; if that does not go now, then before the
 * next one. */
static enum pl_code give_up(struct pl_kafka_log *log, enum pl_code code) {
    if (log->open) end_by_abort(log, NULL);
    return code;
}

static enum pl_code begin(struct pl_kafka_log *log, unsigned count, struct pl_error **error) {
    enum pl_code code = log->open ? end_by_abort(log, error) : PL_OK;
    if (code) return code;
    if (count > log->room) {
        int64_t *grown = pl_realloc(log->offsets, count * sizeof *grown);
        if (!grown) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
        log->offsets = grown;
        log->room = count;
    }
    log->count = count;
    rd_kafka_error_t *failed = rd_kafka_begin_transaction(log->producer);
    if (failed) return pl__kafka_failed(error, failed, "an append cannot begin");
    log->open = true;
    log->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    return PL_OK;
}

/* Milliseconds; 0 would be the time of day. What has no time of its own does not stand out. */
static int64_t timestamp(struct pl__kafka_partition *partition, const struct pl_log_record *record) {
    const pl_time *time = record->batch && !record->timeless ? pl_batch_times(record->batch) : NULL;
    if (!time) return partition->newest;
    pl_time newest = time[0];
    for (uint32_t i = 1; i < record->batch->rows; i++)
        newest = time[i] > newest ? time[i] : newest;
    int64_t ms = newest / PL_MILLISECOND;
    if (ms < 1) ms = 1;
    if (ms > partition->newest) partition->newest = ms;
    return ms;
}

static enum pl_code produce(struct pl_kafka_log *log, struct pl_log_record *record, uintptr_t i,
                            struct pl_error **error) {
    struct pl__kafka_partition *partition = &log->partition[record->partition];
    int64_t until = pl_clock_monotonic() + log->options.timeout;
    rd_kafka_resp_err_t failed;
    record->sequence = 0; /* not known yet, so its checksum is bound to the partition alone */
    record->rows = record->batch ? record->batch->rows : 0;
    enum pl_code code = pl__record_put(record, log->rows, log->log.tags, &log->bytes, error);
    if (code) return code;
    int64_t time = timestamp(partition, record);
    while ((failed = rd_kafka_producev(log->producer, RD_KAFKA_V_TOPIC(log->options.topic),
                                       RD_KAFKA_V_PARTITION(record->partition),
                                       RD_KAFKA_V_VALUE(log->bytes.data, log->bytes.size), RD_KAFKA_V_TIMESTAMP(time),
                                       RD_KAFKA_V_OPAQUE((void *)i), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           pl_clock_monotonic() < until)
        rd_kafka_poll(log->producer, PL__KAFKA_SLICE_MS);
    if (failed) return pl__kafka_fail(error, failed, NULL, "a record is not taken");
    unsigned size = (unsigned)log->bytes.size;
    partition->average = partition->average ? (7 * partition->average + size) / 8 : size;
    return PL_OK;
}

/* PL_UNAVAILABLE with `committing`: nobody knows yet. */
static enum pl_code commit(struct pl_kafka_log *log, struct pl_error **error) {
    rd_kafka_error_t *failed = rd_kafka_commit_transaction(log->producer, timeout_ms(log));
    log->committing = false;
    if (!failed) {
        log->open = false;
        return PL_OK;
    }
    if (rd_kafka_error_txn_requires_abort(failed)) {
        rd_kafka_resp_err_t why = log->failed ? log->failed : rd_kafka_error_code(failed);
        enum pl_code code = pl__kafka_fail(error, why, log->failed ? NULL : rd_kafka_error_string(failed), "an append");
        rd_kafka_error_destroy(failed);
        return give_up(log, code == PL_IO && !log->failed ? PL_UNAVAILABLE : code);
    }
    log->committing = rd_kafka_error_is_retriable(failed) && !rd_kafka_error_is_fatal(failed);
    return pl__kafka_failed(error, failed, "an append");
}

static void settle(struct pl_kafka_log *log, struct pl_log_record *records, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct pl__kafka_partition *partition = &log->partition[records[i].partition];
        int64_t end = log->offsets[i] + 1;
        records[i].sequence = pl__kafka_sequence(log->offsets[i]);
        if (records[i].batch) records[i].batch->header->first_sequence = records[i].sequence;
        if (end > atomic_load_explicit(&partition->end, memory_order_relaxed))
            atomic_store_explicit(&partition->end, end, memory_order_release);
    }
}

static enum pl_code append(struct pl_log *base, struct pl_log_record *records, unsigned count,
                           struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    enum pl_code code = PL_OK;
    if (!log->producer) return pl_error_set(error, PL_USAGE, "log: it is only read");
    for (unsigned i = 0; i < count && !code; i++)
        code = pl__record_check(base, &records[i], error);
    if (code) return code;
    if (log->committing && count != log->count)
        return pl_error_set(error, PL_USAGE, "log: another append before it is known what came of the last one");
    if (!log->committing) {
        code = begin(log, count, error);
        for (unsigned i = 0; i < count && !code; i++)
            code = produce(log, &records[i], i, error);
        if (code) return give_up(log, code);
    }
    code = commit(log, error);
    if (!code) settle(log, records, count);
    return code;
}

/* Appended is synced. */
static enum pl_code sync_log(struct pl_log *base, struct pl_error **error) {
    (void)base, (void)error;
    return PL_OK;
}

static uint64_t next(const struct pl_log *base, unsigned partition) {
    const struct pl_kafka_log *log = pl__kafka_of(base);
    return pl__kafka_sequence(atomic_load_explicit(&log->partition[partition].end, memory_order_acquire));
}

static uint64_t first(const struct pl_log *base, unsigned partition) {
    const struct pl_kafka_log *log = pl__kafka_of(base);
    return pl__kafka_sequence(atomic_load_explicit(&log->partition[partition].first, memory_order_acquire));
}

/* Brokers do not tell: messages times their size so far. */
static uint64_t bytes(const struct pl_log *base, unsigned partition, uint64_t from) {
    const struct pl__kafka_partition *p = &pl__kafka_of(base)->partition[partition];
    int64_t end = atomic_load_explicit(&p->end, memory_order_relaxed), begin = pl__kafka_offset(from);
    return begin < end ? (uint64_t)(end - begin) * (p->average ? p->average : 1024) : 0;
}

/* ---- Life ---- */

static void free_options(struct pl_log_kafka_options *options) {
    for (unsigned i = 0; i < options->setting_count; i++) {
        pl_free((char *)(uintptr_t)options->settings[i].name);
        pl_free((char *)(uintptr_t)options->settings[i].value);
    }
    pl_free((void *)(uintptr_t)options->settings);
    pl_free((char *)(uintptr_t)options->brokers);
    pl_free((char *)(uintptr_t)options->topic);
    pl_free((char *)(uintptr_t)options->writer);
}

static bool copy_options(const struct pl_log_kafka_options *from, struct pl_log_kafka_options *to) {
    struct pl_kafka_setting *settings = pl_alloc((from->setting_count + 1) * sizeof *settings);
    *to = *from;
    to->brokers = pl_strdup(from->brokers);
    to->topic = pl_strdup(from->topic);
    to->writer = from->writer ? pl_strdup(from->writer) : NULL;
    to->settings = settings;
    bool good = settings && to->brokers && to->topic && (to->writer || !from->writer);
    for (unsigned i = 0; settings && i < from->setting_count; i++) {
        settings[i] = (struct pl_kafka_setting){pl_strdup(from->settings[i].name), pl_strdup(from->settings[i].value)};
        good &= settings[i].name && settings[i].value;
    }
    if (!settings) to->setting_count = 0;
    return good;
}

static void close_log(struct pl_log *base) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    pl__kafka_readers_free(log);
    if (log->producer)
        rd_kafka_destroy(log->producer); /* what is open is aborted by the brokers, or by the next writer */
    pthread_mutex_destroy(&log->lock);
    pl_rows_free(log->rows);
    pl_buffer_fini(&log->bytes);
    pl_free(log->offsets);
    free_options(&log->options);
    pl_free(log->partition);
    pl_free(log);
}

/* Who had the name before cannot append any more from here on, and what it left open is taken back. */
static enum pl_code open_writer(struct pl_kafka_log *log, struct pl_error **error) {
    const char *const settings[] = {
        "transactional.id", log->options.writer, "linger.ms", "0", "compression.type", "lz4", NULL};
    if (!log->options.writer) return PL_OK;
    log->producer = pl__kafka_client(log, RD_KAFKA_PRODUCER, settings, error);
    if (!log->producer) return PL_USAGE;
    rd_kafka_error_t *failed = rd_kafka_init_transactions(log->producer, timeout_ms(log));
    return failed ? pl__kafka_failed(error, failed, "a writer cannot begin") : PL_OK;
}

static enum pl_code prepare(struct pl_kafka_log *log, unsigned partitions, struct pl_error **error) {
    log->rows = pl_rows_new(log->log.tags);
    pl_buffer_init(&log->bytes, 2 * (size_t)PL_MESSAGE_MAX);
    enum pl_code code = pl__kafka_find_topic(log, partitions, error);
    if (!code) code = open_writer(log, error);
    if (code) return code;
    log->partition = pl_alloc((log->log.partitions + 1) * sizeof *log->partition);
    if (!log->partition || !log->rows) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    for (unsigned i = 0; i < log->log.partitions && !code; i++) {
        log->partition[i].newest = 1;
        code = pl__kafka_look(log, i, error);
    }
    return code;
}

static const struct pl_log_ops kafka_ops = {
    .name = "kafka",
    .append = append,
    .sync = sync_log,
    .next = next,
    .first = first,
    .seek = pl__kafka_seek,
    .cursor = pl__kafka_cursor,
    .read = pl__kafka_read,
    .cursor_free = pl__kafka_cursor_free,
    .trim = pl__kafka_trim,
    .bytes = bytes,
    .oldest = pl__kafka_oldest,
    .close = close_log,
};

enum pl_code pl_log_open_kafka(const struct pl_log_kafka_options *options, struct pl_tags *tags, unsigned partitions,
                               struct pl_log **log, struct pl_error **error) {
    *log = NULL;
    struct pl_kafka_log *kafka = PL_NEW(struct pl_kafka_log);
    if (!kafka) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    kafka->log = (struct pl_log){.ops = &kafka_ops, .tags = tags};
    pthread_mutex_init(&kafka->lock, NULL);
    enum pl_code code = copy_options(options, &kafka->options)
                            ? prepare(kafka, partitions, error)
                            : pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    if (code)
        close_log(&kafka->log);
    else
        *log = &kafka->log;
    return code;
}
