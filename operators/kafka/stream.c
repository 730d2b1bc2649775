#include "stream.h"

#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "later.h"

enum {
    WAIT_FIRST = 100,   /* ms */
    MISSED_QUIETLY = 1, /* attempts: a coordinator that is just being elected is not worth a word */
    SLICE = 1024,       /* rows handed over between two looks at what is flying */
    FLYING_MAX = 50000,
    RENEW = 4 * 3600 * 1000, /* ms */
};
static const int64_t flying_bytes_max = 32 << 20;

static const char *const compressions[] = {"none", "gzip", "snappy", "lz4", "zstd"};

/* ---- Failing, and trying again ---- */

static void settle(struct pl__stream *s) {
    s->settled(s->user);
}

static void leave(struct pl__stream *s) {
    pl__client_free(s->client, NULL, NULL);
    s->client = NULL;
    s->step = PL__STREAM_AWAY;
    s->flying = s->flying_bytes = 0;
    s->trouble[0] = 0;
}

enum pl_flow pl__stream_over(struct pl__stream *s, enum pl_flow flow) {
    s->failed = true;
    leave(s);
    settle(s);
    return flow;
}

/* Everything from joining on is done again. What was not committed is gone with the handle. */
static void try_again(struct pl__stream *s, const char *why) {
    leave(s);
    if (s->missed++ == MISSED_QUIETLY) {
        pl_node_diag(s->node, PL_WARN, "Kafka is away, and rows wait: %s", why);
        s->lost = true;
    }
    pl_count(s->node, PL__STREAM_FAILURES, 1);
    pl_later_in(s->again, s->wait);
    uint64_t most = (uint64_t)(s->options->retry / PL_MILLISECOND);
    s->wait = 2 * s->wait < most ? 2 * s->wait : most;
}

static void found_again(struct pl__stream *s) {
    if (s->lost) pl_node_diag(s->node, PL_INFO, "Kafka is there again");
    s->lost = false;
    s->missed = 0;
}

/* The graph or the brokers are set up wrongly, which ends a node that has written nothing; later rows wait. */
static void refused(struct pl__stream *s, const char *why) {
    if (!s->proven) {
        pl__stream_over(s, pl_fail(s->node, "Kafka refuses: %s", why));
        return;
    }
    pl_node_diag(s->node, PL_ERROR, "Kafka refuses, and rows wait until it does not: %s", why);
    s->lost = true;
    s->missed = MISSED_QUIETLY + 1;
    try_again(s, why);
}

void pl__stream_no_memory(struct pl__stream *s) {
    pl__stream_over(s, pl_fail(s->node, "no memory for a transaction"));
}

static void begin_job(struct pl__stream *s, enum pl__stream_step step, const struct pl__job *job,
                      struct pl__task *task) {
    s->step = step;
    if (task)
        pl__client_job(s->client, job, task);
    else
        pl__stream_no_memory(s);
}

/* ---- Joining ---- */

static void on_ready(void *user);

static enum pl_code make_client(struct pl__stream *s, struct pl_error **error) {
    char linger[24];
    snprintf(linger, sizeof linger, "%" PRId64, s->options->gather / PL_MILLISECOND);
    const char *const own[][2] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", compressions[s->options->compression]},
        {"partitioner", "murmur2_random"},
        {"linger.ms", linger},
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "262144"},
        {s->transactional ? "transactional.id" : "message.timeout.ms", s->transactional ? s->id : "0"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf;
    enum pl_code code = pl__client_conf(&s->options->client, own, &conf, error);
    if (code) return code;
    s->client = pl__client_new(RD_KAFKA_PRODUCER, &conf, s->node, on_ready, s, error);
    if (!s->client) return PL_UNAVAILABLE;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(pl__client_handle(s->client));
    pl__client_ring_for(s->client, queue);
    rd_kafka_queue_destroy(queue);
    return PL_OK;
}

static void on_again(void *user) {
    struct pl__stream *s = user;
    struct pl_error *error = NULL;
    if (s->failed) return;
    if (s->transactional && !pl_may_act(s->node)) { /* its name would be taken away from who has its partition now */
        try_again(s, "another engine has its partition now");
        return;
    }
    if (make_client(s, &error))
        pl__stream_over(s, pl_fail(s->node, "%s", error ? error->text : "no client of Kafka"));
    else
        begin_job(s, PL__STREAM_JOINING, &pl__job_join, pl__task_new(s));
    pl_error_free(&error);
}

void pl__on_joined(void *user, void *memory) {
    struct pl__stream *s = user;
    const struct pl__task *task = memory;
    if (task->outcome == PL__REFUSED) {
        refused(s, task->why);
        return;
    }
    if (task->outcome != PL__DONE) {
        try_again(s, task->why);
        return;
    }
    if (!pl__stream_find_place(s, task)) return;
    s->placed = true;
    s->step = PL__STREAM_IDLE;
    s->wait = WAIT_FIRST;
    s->moved++;
    found_again(s);
    settle(s);
    pl__stream_go_on(s);
}

/* ---- A round ---- */

/* Rows in front of this one may be written now, whether their epoch is safe or not. */
static uint64_t may_write(const struct pl__stream *s) {
    const struct pl_held *queue = s->queue;
    if (s->final || queue->bytes >= s->options->hold) return queue->taken;
    return s->early < queue->taken ? s->early : queue->taken;
}

/* What the next one brings; false: nothing is to be done now. */
static bool choose(struct pl__stream *s) {
    const struct pl_held *queue = s->queue;
    if (!s->known || !s->has_schema) return false;
    s->is_ahead = s->transactional && queue->sealed <= s->written;
    uint64_t until = s->is_ahead ? may_write(s) : queue->sealed;
    uint64_t most = s->written + (uint64_t)s->options->rows;
    if (until < s->written) until = s->written;
    s->until = until < most ? until : most;
    return s->until > s->written || (s->stale && s->transactional && s->queue->sealed >= s->written);
}

/* What is to be known of rows of no safe epoch before they are there. */
static bool keep_digests(struct pl__stream *s) {
    const struct pl_tags *tags = pl_node_tags(s->node);
    uint32_t count = (uint32_t)(s->until - s->written);
    struct pl_error *error = NULL;
    uint64_t *digest = pl_alloc((size_t)count * sizeof *digest + 1);
    for (uint32_t i = 0; digest && i < count; i++) {
        uint32_t row;
        const struct pl_batch *batch = pl_held_at(s->queue, s->written + i, &row);
        digest[i] = pl__digest(tags, batch, row);
    }
    enum pl_code code = digest ? pl__ahead_keep(&s->ahead, s->node, s->written, digest, count, &error) : PL_NO_MEMORY;
    pl_free(digest);
    if (code)
        pl__stream_over(s, pl_fail(s->node, "%s: set `checkpoint` shorter", error ? error->text : pl_code_text(code)));
    pl_error_free(&error);
    return !code;
}

static void send_more(struct pl__stream *s);

static void begin_round(struct pl__stream *s) {
    s->next = s->written;
    s->offsets_sent = false;
    s->trouble[0] = 0;
    if (s->is_ahead && s->until > s->written && !keep_digests(s)) return;
    rd_kafka_error_t *error = s->transactional ? rd_kafka_begin_transaction(pl__client_handle(s->client)) : NULL;
    if (error) {
        char why[PL__WHY_MAX];
        snprintf(why, sizeof why, "beginning: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        try_again(s, why);
        return;
    }
    s->step = PL__STREAM_SENDING;
    send_more(s);
}

void pl__stream_go_on(struct pl__stream *s) {
    if (s->step == PL__STREAM_IDLE && choose(s)) begin_round(s);
}

static void abort_round(struct pl__stream *s) {
    pl_node_diag(s->node, PL_WARN, "a transaction is made again: %s", s->trouble);
    pl_count(s->node, PL__STREAM_FAILURES, 1);
    begin_job(s, PL__STREAM_ABORTING, &pl__job_abort, pl__task_new(s));
}

static void commit(struct pl__stream *s) {
    struct pl__task *task = pl__task_new(s);
    if (task) {
        task->position = s->until;
        task->offsets_sent = s->offsets_sent;
    }
    begin_job(s, PL__STREAM_COMMITTING, &pl__job_commit, task);
}

static void end_round(struct pl__stream *s) {
    pl_count(s->node, PL__STREAM_WRITTEN, s->until - s->written);
    pl_count(s->node, PL__STREAM_ROUNDS, 1);
    s->written = s->until;
    pl_held_drop(s->queue, s->until);
    s->proven = true;
    s->stale = false;
    found_again(s);
    s->moved++;
    s->wait = WAIT_FIRST;
    s->step = PL__STREAM_IDLE;
    if (s->transactional) pl_later_in(s->renew, RENEW);
    settle(s);
    pl__stream_go_on(s);
}

static void end_sending(struct pl__stream *s) {
    if (s->trouble[0] && s->transactional)
        abort_round(s);
    else if (s->transactional)
        commit(s);
    else if (!s->flying && s->trouble[0])
        try_again(s, s->trouble);
    else if (!s->flying)
        end_round(s);
}

static void count_writer(struct pl__stream *s, const struct pl__writer *before) {
    pl_count(s->node, PL__STREAM_MESSAGES, s->writer->messages - before->messages);
    pl_count(s->node, PL__STREAM_BYTES, s->writer->bytes - before->bytes);
    s->flying += (int64_t)(s->writer->messages - before->messages);
    s->flying_bytes += (int64_t)(s->writer->bytes - before->bytes);
    uint64_t left_out = s->writer->too_long - before->too_long;
    if (!left_out) return;
    pl_count(s->node, PL__STREAM_TOO_LONG, left_out);
    pl_node_diag(s->node, PL_WARN, "%" PRIu64 " rows were left out: longer than max_message", left_out);
}

/* Rows of one batch that follow each other; false: the round has failed. */
static bool send_slice(struct pl__stream *s) {
    uint32_t row;
    struct pl__writer before = *s->writer;
    const struct pl_batch *batch = pl_held_at(s->queue, s->next, &row);
    uint64_t count = s->until - s->next;
    if (count > batch->rows - row) count = batch->rows - row;
    if (count > SLICE) count = SLICE;
    rd_kafka_resp_err_t code =
        pl__write_rows(s->writer, pl__client_handle(s->client), batch, row, (uint32_t)count, s->next);
    count_writer(s, &before);
    s->next += count;
    if (!code) return true;
    snprintf(s->trouble, sizeof s->trouble, "%s", rd_kafka_err2str(code));
    return false;
}

static void send_more(struct pl__stream *s) {
    while (s->next < s->until && !s->trouble[0]) {
        if (s->flying >= FLYING_MAX || s->flying_bytes >= flying_bytes_max) return;
        if (!send_slice(s)) break;
        s->moved++;
    }
    if (s->next == s->until || s->trouble[0]) end_sending(s);
}

/* The answer to a commit may be lost; then it is asked for again, by the same handle, or by a new one that reads what
 * has become of it. */
void pl__on_committed(void *user, void *memory) {
    struct pl__stream *s = user;
    const struct pl__task *task = memory;
    s->offsets_sent = task->offsets_sent;
    switch (task->outcome) {
    case PL__DONE: end_round(s); return;
    case PL__AGAIN:
        pl_node_diag(s->node, PL_DEBUG, "%s", task->why);
        if (!s->lost) pl_node_diag(s->node, PL_WARN, "Kafka is slow or away, and rows wait: %s", task->why);
        s->lost = true;
        commit(s);
        return;
    case PL__ABORT:
        snprintf(s->trouble, sizeof s->trouble, "%s", task->why);
        abort_round(s);
        return;
    case PL__REFUSED: refused(s, task->why); return;
    case PL__BROKEN: break;
    }
    try_again(s, task->why);
}

void pl__on_aborted(void *user, void *memory) {
    struct pl__stream *s = user;
    const struct pl__task *task = memory;
    if (task->outcome == PL__AGAIN)
        begin_job(s, PL__STREAM_ABORTING, &pl__job_abort, pl__task_new(s));
    else
        try_again(s, task->outcome == PL__DONE ? s->trouble : task->why); /* with a pause, and a look at the position */
}

/* ---- What librdkafka tells ---- */

static void on_delivered(struct pl__stream *s, rd_kafka_event_t *event) {
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
        s->flying--;
        s->flying_bytes -= (int64_t)message->len;
        if (message->err && !s->trouble[0])
            snprintf(s->trouble, sizeof s->trouble, "%s", rd_kafka_err2str(message->err));
    }
}

static void on_error(struct pl__stream *s, rd_kafka_event_t *event) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    bool away = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (!s->lost && (away || !pl__is_away(code)))
        pl_node_diag(s->node, PL_WARN, away ? "Kafka is away, and rows wait: %s" : "Kafka: %s", text);
    if (away) {
        s->lost = true;
        s->missed = MISSED_QUIETLY + 1;
    }
    if (rd_kafka_event_error_is_fatal(event) && s->step == PL__STREAM_SENDING)
        snprintf(s->trouble, sizeof s->trouble, "%s", text);
}

static void on_ready(void *user) {
    struct pl__stream *s = user;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(pl__client_handle(s->client));
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(queue, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            on_delivered(s, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            on_error(s, event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    if (s->step == PL__STREAM_SENDING) send_more(s);
}

/* ---- Life ---- */

bool pl__stream_done(const struct pl__stream *s) {
    return s->queue->first == s->queue->taken;
}

uint64_t pl__stream_numbered(const struct pl__stream *s) {
    return s->placed || s->fresh ? s->queue->taken : s->restored;
}

void pl__stream_commit(struct pl__stream *s, uint64_t epoch) {
    pl_held_seal(s->queue, epoch);
    if (s->placed) pl__ahead_forget(&s->ahead, s->node, s->queue->sealed);
    s->known = true;
    pl__stream_go_on(s);
}

static void on_renew(void *user) {
    struct pl__stream *s = user;
    if (s->failed) return;
    s->stale = true;
    pl_later_in(s->renew, RENEW);
    pl__stream_go_on(s);
}

static enum pl_code name_stream(struct pl__stream *s, struct pl_error **error) {
    unsigned char bytes[PL__STREAM_NAME_MAX / 2];
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL))
        return pl_error_set(error, PL_UNAVAILABLE, "no random bytes for the name of a stream");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(s->name + 2 * i, 3, "%02x", bytes[i]);
    s->fresh = true;
    return PL_OK;
}

static bool make_id(struct pl__stream *s) {
    const char *job = s->options->job, *node = pl_node_name(s->node);
    size_t room = strlen(job) + strlen(node) + sizeof "potline.." + 8;
    s->id = pl_alloc(room);
    if (s->id) snprintf(s->id, room, "potline.%s.%s", job, node);
    return s->id != NULL;
}

enum pl_code pl__stream_open(struct pl__stream *s, struct pl_error **error) {
    s->wait = WAIT_FIRST;
    s->again = pl_later_new(pl_node_loop(s->node), on_again, s);
    s->renew = pl_later_new(pl_node_loop(s->node), on_renew, s);
    if (!s->again || !s->renew || !make_id(s)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream");
    enum pl_code code = name_stream(s, error);
    if (!code && s->transactional) code = pl__ahead_load(&s->ahead, s->node, error);
    if (!code) pl_later_in(s->again, 0); /* behind `restore` */
    return code;
}

void pl__stream_close(struct pl__stream *s) {
    leave(s);
    pl_later_free(s->again);
    pl_later_free(s->renew);
    pl_free(s->id);
    s->again = s->renew = NULL;
    s->id = NULL;
    pl__ahead_fini(&s->ahead);
    pl__digests_fini(&s->owed);
}
