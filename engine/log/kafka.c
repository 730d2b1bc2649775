/* kafka.c: the life of a log on Kafka, and what it knows of itself. */
#include "log/kafka.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "base/clock.h"
#include "log/kafka_impl.h"

_Static_assert(PL_BATCH_ROWS_MAX <= 1 << PL__KAFKA_ROWS_BITS, "each row of a batch has a number");

static int timeout_ms(const struct pl_kafka_log *log) {
    return (int)(log->options.timeout / PL_MILLISECOND);
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

void pl_kafka_on_arrival(struct pl_log *base, void (*arrived)(void *arg), void *arg) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    pthread_mutex_lock(&log->arriving);
    log->arrived = arrived;
    log->arg = arg;
    pthread_mutex_unlock(&log->arriving);
}

void pl_kafka_group_is(struct pl_log *base, unsigned partition, uint64_t sequence, const char *mark) {
    struct pl__kafka_partition *p = &pl__kafka_of(base)->partition[partition];
    p->committed = pl__kafka_offset(sequence);
    snprintf(p->mark, sizeof p->mark, "%s", mark);
}

static enum pl_code take_place(const rd_kafka_topic_partition_t *answer, struct pl_kafka_place *place,
                               struct pl_error **error) {
    if (answer->err) return pl__kafka_fail(error, answer->err, NULL, "how far the group is");
    place->said = answer->offset >= 0;
    if (place->said) place->sequence = pl__kafka_sequence(answer->offset);
    snprintf(place->mark, sizeof place->mark, "%.*s", (int)answer->metadata_size,
             answer->metadata ? (char *)answer->metadata : "");
    place->mark[strcspn(place->mark, "@")] = 0; /* and who was it */
    return PL_OK;
}

enum pl_code pl_kafka_group_ask(struct pl_log *base, struct pl_kafka_place *places, struct pl_error **error) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)base->partitions);
    for (unsigned p = 0; p < base->partitions; p++)
        if (places[p].wanted) rd_kafka_topic_partition_list_add(list, log->options.topic, (int32_t)p);
    rd_kafka_resp_err_t failed =
        list->cnt ? rd_kafka_committed(pl__kafka_member_handle(log->options.member), list, timeout_ms(log))
                  : RD_KAFKA_RESP_ERR_NO_ERROR;
    enum pl_code code = failed ? pl__kafka_fail(error, failed, NULL, "how far the group is") : PL_OK;
    for (int i = 0; i < list->cnt && !code; i++)
        code = take_place(&list->elems[i], &places[list->elems[i].partition], error);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

void pl_kafka_group_lag(struct pl_log *base, unsigned partition, int64_t *committed, int64_t *end) {
    struct pl_kafka_log *log = pl__kafka_of(base);
    int64_t heard = pl__kafka_heard(log, partition);
    *committed = log->partition[partition].committed;
    *end = log->partition[partition].end;
    if (heard > *end) *end = heard;
}

/* Brokers do not tell: messages times their size so far. */
static uint64_t bytes(const struct pl_log *base, unsigned partition, uint64_t from) {
    const struct pl__kafka_partition *p = &pl__kafka_of(base)->partition[partition];
    int64_t end = atomic_load_explicit(&p->end, memory_order_relaxed), begin = pl__kafka_offset(from);
    return begin < end ? (uint64_t)(end - begin) * (p->average ? p->average : 1024) : 0;
}

/* ---- Life ---- */

const char *pl_kafka_writer(const struct pl_log *log) {
    return pl__kafka_of(log)->name;
}

static void free_options(struct pl_log_kafka_options *options) {
    for (unsigned i = 0; i < options->setting_count; i++) {
        pl_free((char *)(uintptr_t)options->settings[i].name);
        pl_free((char *)(uintptr_t)options->settings[i].value);
    }
    pl_free((void *)(uintptr_t)options->settings);
    pl_free((char *)(uintptr_t)options->brokers);
    pl_free((char *)(uintptr_t)options->topic);
    pl_free((char *)(uintptr_t)options->writer);
    pl_free((char *)(uintptr_t)options->group);
    pl_free((char *)(uintptr_t)options->before);
}

static bool copy_options(const struct pl_log_kafka_options *from, struct pl_log_kafka_options *to) {
    struct pl_kafka_setting *settings = pl_alloc((from->setting_count + 1) * sizeof *settings);
    *to = *from;
    to->brokers = pl_strdup(from->brokers);
    to->topic = pl_strdup(from->topic);
    to->writer = from->writer ? pl_strdup(from->writer) : NULL;
    to->group = from->group ? pl_strdup(from->group) : NULL;
    to->before = from->before ? pl_strdup(from->before) : NULL;
    to->settings = settings;
    bool good = settings && to->brokers && to->topic && (to->writer || !from->writer) && (to->group || !from->group) &&
                (to->before || !from->before);
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
    pthread_mutex_destroy(&log->writing);
    pthread_mutex_destroy(&log->arriving);
    pl_free(log->changelog);
    pl_rows_free(log->rows);
    pl_buffer_fini(&log->bytes);
    pl_free(log->offsets);
    free_options(&log->options);
    pl_free(log->partition);
    pl_free(log);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
    (void)handle;
    struct pl_kafka_log *log = opaque;
    uintptr_t i = (uintptr_t)message->_private;
    if (message->err)
        log->failed = message->err;
    else if (i == pl__kafka_sent(PL__KAFKA_SENT_ALONE))
        log->alone = message->offset;
    else if (i == pl__kafka_sent(PL__KAFKA_SENT_STATE))
        log->partition[message->partition].behind = message->offset < 0 ? -1 : message->offset + 1;
    else if (i < log->count)
        log->offsets[i] = message->offset;
}

/* Of a member of a group. False: it is none any more. */
static bool name_writer(const struct pl_kafka_log *log, char writer[PL__KAFKA_WRITER]) {
    char *name = pl__kafka_member_name(log->options.member);
    if (!name) return false;
    pl__kafka_writer_of(log, name, writer);
    rd_kafka_mem_free(pl__kafka_member_handle(log->options.member), name);
    return true;
}

/* Of brokers with an open transaction: a checkpoint of much state has to come through, and what a dead member has left
 * open, if nobody ends it, hides all behind it for so long. More than 15 minutes they do not take. */
static pl_time patience_of(const struct pl_log_kafka_options *options) {
    pl_time patience = 2 * options->session, answers = 3 * options->timeout;
    if (!options->group) return PL_MINUTE;
    if (patience < answers) patience = answers;
    if (patience < 10 * PL_SECOND) patience = 10 * PL_SECOND;
    return patience < 15 * PL_MINUTE ? patience : 15 * PL_MINUTE;
}

/* Who had the name before cannot append any more from here on, and what it left open is taken back. */
static enum pl_code open_writer(struct pl_kafka_log *log, struct pl_error **error) {
    char patience[24];
    snprintf(patience, sizeof patience, "%d", (int)(patience_of(&log->options) / PL_MILLISECOND));
    if (log->options.member && !name_writer(log, log->name))
        return pl_error_set(error, PL_UNAVAILABLE, "log: the group has gone on without this engine");
    const char *const settings[] = {"transactional.id",
                                    *log->name ? log->name : log->options.writer,
                                    "linger.ms",
                                    "0",
                                    "compression.type",
                                    "lz4",
                                    "transaction.timeout.ms",
                                    patience,
                                    NULL};
    if (!log->options.writer) return PL_OK;
    if (log->options.before && strcmp(log->options.before, log->name) != 0) {
        enum pl_code code = pl__kafka_end_writer(log, log->options.before, error);
        if (code) return code;
    }
    const struct pl__kafka_callbacks callbacks = {.opaque = log, .delivered = on_delivery};
    log->producer = pl__kafka_handle(&log->options, RD_KAFKA_PRODUCER, settings, &callbacks, error);
    if (!log->producer) return PL_USAGE;
    rd_kafka_error_t *failed = rd_kafka_init_transactions(log->producer, timeout_ms(log));
    enum pl_code code = failed ? pl__kafka_failed(error, failed, "a writer cannot begin") : PL_OK;
    return code == PL_CONFLICT && log->options.group ? PL_UNAVAILABLE : code; /* it was taken for dead */
}

static enum pl_code find_changelog(struct pl_kafka_log *log, struct pl_error **error) {
    unsigned partitions = log->log.partitions;
    size_t size = strlen(log->options.topic) + sizeof ".changelog";
    log->changelog = pl_alloc(size);
    if (!log->changelog) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    snprintf(log->changelog, size, "%s.changelog", log->options.topic);
    return pl__kafka_find_topic(log, log->changelog, PL__KAFKA_STATE, &partitions, error);
}

static enum pl_code prepare(struct pl_kafka_log *log, unsigned partitions, struct pl_error **error) {
    log->rows = pl_rows_new(log->log.tags);
    pl_buffer_init(&log->bytes, 2 * (size_t)PL_MESSAGE_MAX);
    enum pl_code code = pl__kafka_find_topic(log, log->options.topic, PL__KAFKA_RECORDS, &partitions, error);
    log->log.partitions = partitions;
    if (!code && log->options.group) code = find_changelog(log, error);
    if (!code) code = open_writer(log, error);
    if (code) return code;
    log->partition = pl_alloc((log->log.partitions + 1) * sizeof *log->partition);
    if (!log->partition || !log->rows) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    for (unsigned i = 0; i < log->log.partitions && !code; i++) {
        log->partition[i].newest = 1;
        log->partition[i].committed = -1;
        log->partition[i].said = -1;
        log->partition[i].behind = -1;
        code = pl__kafka_look(log, i, error);
    }
    if (!code && log->options.member) pl__kafka_end_dead(log);
    return code;
}

static const struct pl_log_ops kafka_ops = {
    .name = "kafka",
    .append = pl__kafka_append,
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
    pthread_mutex_init(&kafka->writing, NULL);
    pthread_mutex_init(&kafka->arriving, NULL);
    enum pl_code code = copy_options(options, &kafka->options)
                            ? prepare(kafka, partitions, error)
                            : pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    if (code)
        close_log(&kafka->log);
    else
        *log = &kafka->log;
    return code;
}
