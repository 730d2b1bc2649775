/* kafka_write.c: what is written to the brokers: one transaction at a time, of the appender or of a checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "log/kafka_impl.h"
#include "log/kafka_member.h"

static int timeout_ms(const struct pl_kafka_log *log) {
    return (int)(log->options.timeout / PL_MILLISECOND);
}

/* ---- A transaction, with `writing` held ---- */

static enum pl_code end_by_abort(struct pl_kafka_log *log, struct pl_error **error) {
    rd_kafka_error_t *failed = rd_kafka_abort_transaction(log->producer, timeout_ms(log));
    if (failed) return pl__kafka_failed(error, failed, "what was written cannot be taken back");
    log->open = false;
    return PL_OK;
}

/* Nothing of it is there. If it cannot be taken back now, then before the next one. */
static enum pl_code give_up(struct pl_kafka_log *log, enum pl_code code) {
    if (log->open) end_by_abort(log, NULL);
    return code;
}

static enum pl_code begin(struct pl_kafka_log *log, struct pl_error **error) {
    enum pl_code code = log->open ? end_by_abort(log, error) : PL_OK;
    if (code) return code;
    rd_kafka_error_t *failed = rd_kafka_begin_transaction(log->producer);
    if (failed) return pl__kafka_failed(error, failed, "a transaction cannot begin");
    log->open = true;
    log->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    return PL_OK;
}

/* MARK@NAME: kafka_fence.c reads it. */
static void say_who(rd_kafka_topic_partition_t *said, const char *mark, const char *name) {
    size_t size = strlen(mark) + (name ? strlen(name) : 0) + 2;
    char *text = malloc(size); /* the list's, which frees it */
    if (!text) return;
    snprintf(text, size, "%s@%s", mark, name ? name : "");
    said->metadata = text;
    said->metadata_size = strlen(text);
}

/* Brokers take it only while the partitions are ours. What has no part in a checkpoint stays where it stands: without
 * any offset nobody would look whose they are. */
static enum pl_code speak_for_group(struct pl_kafka_log *log, bool checkpoint, struct pl_error **error) {
    struct pl_kafka_member *member = log->options.member;
    if (!member) return PL_OK;
    rd_kafka_consumer_group_metadata_t *group = pl__kafka_member_metadata(member);
    if (!group) return pl_error_set(error, PL_CONFLICT, "log: the group has gone on without this engine");
    char *name = pl__kafka_member_name(member);
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)log->log.partitions);
    for (unsigned i = 0; i < log->log.partitions; i++) {
        const struct pl__kafka_partition *partition = &log->partition[i];
        const bool moves = checkpoint && partition->said >= 0;
        if (!moves && partition->committed < 0) continue;
        rd_kafka_topic_partition_t *said = rd_kafka_topic_partition_list_add(offsets, log->options.topic, (int32_t)i);
        said->offset = moves ? partition->said : partition->committed;
        say_who(said, moves ? log->mark : partition->mark, name);
    }
    if (name) rd_kafka_mem_free(pl__kafka_member_handle(member), name);
    rd_kafka_error_t *failed = rd_kafka_send_offsets_to_transaction(log->producer, offsets, group, timeout_ms(log));
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    return failed ? pl__kafka_failed(error, failed, "the group does not let us write") : PL_OK;
}

/* PL_UNAVAILABLE with `pending`: nobody knows yet what becomes of it. */
static enum pl_code commit(struct pl_kafka_log *log, enum pl__kafka_who who, struct pl_error **error) {
    rd_kafka_error_t *failed = rd_kafka_commit_transaction(log->producer, timeout_ms(log));
    log->pending = PL__KAFKA_NOBODY;
    if (!failed) {
        log->open = false;
        return PL_OK;
    }
    if (rd_kafka_error_txn_requires_abort(failed)) {
        rd_kafka_resp_err_t why = log->failed ? log->failed : rd_kafka_error_code(failed);
        enum pl_code code =
            pl__kafka_fail(error, why, log->failed ? NULL : rd_kafka_error_string(failed), "a transaction");
        rd_kafka_error_destroy(failed);
        return give_up(log, code == PL_IO && !log->failed ? PL_UNAVAILABLE : code);
    }
    if (rd_kafka_error_is_retriable(failed) && !rd_kafka_error_is_fatal(failed)) log->pending = who;
    return pl__kafka_failed(error, failed, "a transaction");
}

/* What a checkpoint has said of the group holds now. */
static void note_said(struct pl_kafka_log *log) {
    for (unsigned i = 0; i < log->log.partitions; i++) {
        struct pl__kafka_partition *partition = &log->partition[i];
        if (partition->said < 0) continue;
        partition->committed = partition->said;
        memcpy(partition->mark, log->mark, sizeof partition->mark);
    }
}

/* A commit whose outcome is not known stands in front of everything: it is asked for again, by whoever comes. *done: it
 * was ours, and it is there. */
static enum pl_code settle_pending(struct pl_kafka_log *log, enum pl__kafka_who who, bool *done,
                                   struct pl_error **error) {
    enum pl__kafka_who pending = log->pending;
    if (pending != PL__KAFKA_NOBODY) {
        enum pl_code code = commit(log, pending, error);
        if (code && (log->pending != PL__KAFKA_NOBODY || code != PL_UNAVAILABLE)) return code;
        if (code && error) pl_error_free(error);
        log->there[pending] = !code;
        if (!code && pending == PL__KAFKA_CHECKPOINT) note_said(log);
    }
    *done = log->there[who];
    log->there[who] = false;
    return PL_OK;
}

static rd_kafka_resp_err_t try_produce(rd_kafka_t *producer, const rd_kafka_vu_t *message, size_t parts) {
    rd_kafka_error_t *failed = rd_kafka_produceva(producer, message, parts);
    rd_kafka_resp_err_t code = failed ? rd_kafka_error_code(failed) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (failed) rd_kafka_error_destroy(failed);
    return code;
}

/* Brokers have ended the transaction meanwhile, for its time was over, or for another one who has taken our place. */
static enum pl_code not_taken(struct pl_kafka_log *log, rd_kafka_resp_err_t failed, struct pl_error **error) {
    char why[200];
    bool over = rd_kafka_fatal_error(log->producer, why, sizeof why);
    if (over) return pl_error_set(error, PL_CONFLICT, "log: a record is not taken: this writer cannot go on: %s", why);
    if (failed != RD_KAFKA_RESP_ERR__STATE) return pl__kafka_fail(error, failed, NULL, "a record is not taken");
    return pl_error_set(error, PL_UNAVAILABLE, "log: a record is not taken: the transaction is over before its end");
}

static enum pl_code produce(struct pl_kafka_log *log, const char *topic, unsigned partition, const void *key,
                            size_t key_size, const void *value, size_t size, int64_t time, uintptr_t opaque,
                            struct pl_error **error) {
    const rd_kafka_vu_t message[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = (int32_t)partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = (void *)(uintptr_t)key, .size = key_size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = (void *)(uintptr_t)value, .size = size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = time},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)opaque},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    int64_t until = pl_clock_monotonic() + log->options.timeout;
    rd_kafka_resp_err_t failed;
    while ((failed = try_produce(log->producer, message, PL_COUNT_OF(message))) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           pl_clock_monotonic() < until)
        rd_kafka_poll(log->producer, PL__KAFKA_SLICE_MS);
    return failed ? not_taken(log, failed, error) : PL_OK;
}

/* ---- Appending ---- */

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

/* Its sequence is not known yet, so its checksum is bound to the partition alone. */
static enum pl_code produce_record(struct pl_kafka_log *log, struct pl_log_record *record, uintptr_t i,
                                   struct pl_error **error) {
    struct pl__kafka_partition *partition = &log->partition[record->partition];
    record->sequence = 0;
    record->rows = record->batch ? record->batch->rows : 0;
    enum pl_code code = pl__record_put(record, log->rows, log->log.tags, &log->bytes, error);
    if (code) return code;
    unsigned size = (unsigned)log->bytes.size;
    partition->average = partition->average ? (7 * partition->average + size) / 8 : size;
    return produce(log, log->options.topic, record->partition, NULL, 0, log->bytes.data, size,
                   timestamp(partition, record), i, error);
}

static enum pl_code append_all(struct pl_kafka_log *log, struct pl_log_record *records, unsigned count,
                               struct pl_error **error) {
    if (count > log->room) {
        int64_t *grown = pl_realloc(log->offsets, count * sizeof *grown);
        if (!grown) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
        log->offsets = grown;
        log->room = count;
    }
    log->count = count;
    enum pl_code code = begin(log, error);
    for (unsigned i = 0; i < count && !code; i++)
        code = produce_record(log, &records[i], i, error);
    if (!code) code = speak_for_group(log, false, error);
    return code ? give_up(log, code) : commit(log, PL__KAFKA_APPENDER, error);
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

enum pl_code pl__kafka_append(struct pl_log *base, struct pl_log_record *records, unsigned count,
                              struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    enum pl_code code = PL_OK;
    bool done = false;
    if (!log->producer) return pl_error_set(error, PL_USAGE, "log: it is only read");
    for (unsigned i = 0; i < count && !code; i++)
        code = pl__record_check(base, &records[i], error);
    if (code) return code;
    pthread_mutex_lock(&log->writing);
    code = settle_pending(log, PL__KAFKA_APPENDER, &done, error);
    if (!code && done && count != log->count)
        code = pl_error_set(error, PL_USAGE, "log: another append before it was known what came of the last one");
    if (!code && !done) code = append_all(log, records, count, error);
    if (!code) settle(log, records, count);
    pthread_mutex_unlock(&log->writing);
    return code;
}

/* ---- A checkpoint ---- */

enum pl_code pl_kafka_commit_begin(struct pl_log *base, bool *done, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    pthread_mutex_lock(&log->writing);
    enum pl_code code = settle_pending(log, PL__KAFKA_CHECKPOINT, done, error);
    if (!code && !*done) code = begin(log, error);
    for (unsigned i = 0; i < log->log.partitions && !code && !*done; i++)
        log->partition[i].behind = -1;
    if (code || *done) pthread_mutex_unlock(&log->writing);
    return code;
}

enum pl_code pl__kafka_put_alone(struct pl_kafka_log *log, const struct pl_kafka_entry *entry, int64_t *offset,
                                 struct pl_error **error) {
    bool done;
    if (!log->producer) return pl_error_set(error, PL_USAGE, "log: it is only read");
    pthread_mutex_lock(&log->writing);
    enum pl_code code = settle_pending(log, PL__KAFKA_ALONE, &done, error);
    if (!code) code = begin(log, error);
    log->alone = -1;
    if (!code) {
        code = produce(log, log->changelog, entry->partition, entry->key, entry->key_size, entry->value, entry->size, 0,
                       pl__kafka_sent(PL__KAFKA_SENT_ALONE), error);
        code = code ? give_up(log, code) : commit(log, PL__KAFKA_ALONE, error);
    }
    *offset = log->alone;
    pthread_mutex_unlock(&log->writing);
    if (!code && *offset < 0)
        return pl_error_set(error, PL_UNAVAILABLE, "log: the state in %s cannot be read", log->changelog);
    return code;
}

enum pl_code pl_kafka_commit_put(struct pl_log *base, const struct pl_kafka_entry *entry, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    return produce(log, log->changelog, entry->partition, entry->key, entry->key_size, entry->value, entry->size, 0,
                   pl__kafka_sent(PL__KAFKA_SENT_STATE), error);
}

int64_t pl_kafka_commit_behind(const struct pl_log *base, unsigned partition) {
    return pl__kafka_of(base)->partition[partition].behind;
}

enum pl_code pl_kafka_commit_record(struct pl_log *base, struct pl_log_record *record, struct pl_error **error) {
    enum pl_code code = pl__record_check(base, record, error);
    return code ? code : produce_record(pl__kafka_of(base), record, pl__kafka_sent(PL__KAFKA_SENT_RECORD), error);
}

enum pl_code pl_kafka_commit_end(struct pl_log *base, const uint64_t *sequences, const char *mark,
                                 struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    for (unsigned i = 0; i < log->log.partitions; i++)
        log->partition[i].said = !sequences || sequences[i] == UINT64_MAX ? -1 : pl__kafka_offset(sequences[i]);
    snprintf(log->mark, sizeof log->mark, "%s", mark ? mark : "");
    enum pl_code code = speak_for_group(log, true, error);
    code = code ? give_up(log, code) : commit(log, PL__KAFKA_CHECKPOINT, error);
    if (!code) note_said(log);
    pthread_mutex_unlock(&log->writing);
    return code;
}

void pl_kafka_commit_drop(struct pl_log *base) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    give_up(log, PL_OK);
    pthread_mutex_unlock(&log->writing);
}
