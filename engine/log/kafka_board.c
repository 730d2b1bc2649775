#include "log/kafka_board.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "log/kafka_impl.h"

enum { FLUSH_MS = 2000, LOOK_NS = 5000000 };

struct entry {
    char key[PL_BOARD_KEY];
    void *bytes;
    size_t size;
    int64_t stamp;  /* the brokers' clock, ms */
    int64_t offset; /* in the topic */
};

struct pl_kafka_board {
    struct pl_log_kafka_options options; /* borrowed, but for the topic's name */
    char *topic;
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *source;

    pthread_mutex_t lock; /* of what follows */
    struct entry *entries;
    unsigned count, room;
    int64_t newest;    /* the brokers' clock */
    int64_t newest_at; /* monotonic */
    uint64_t refused;
    size_t bytes;  /* of all entries */
    int64_t heard; /* everything in front of this offset */
};

/* ---- Life ---- */

static enum pl_code open_handles(struct pl_kafka_board *board, struct pl_error **error) {
    static const char *const writes[] = {"linger.ms", "0", "enable.idempotence", "true", NULL};
    static const char *const reads[] = {"enable.partition.eof",
                                        "true",
                                        "auto.offset.reset",
                                        "earliest",
                                        "fetch.wait.max.ms",
                                        "250",
                                        "queued.max.messages.kbytes",
                                        "4096",
                                        NULL};
    board->producer = pl__kafka_handle(&board->options, RD_KAFKA_PRODUCER, writes, NULL, error);
    board->consumer = board->producer ? pl__kafka_handle(&board->options, RD_KAFKA_CONSUMER, reads, NULL, error) : NULL;
    if (!board->consumer) return PL_USAGE;
    board->source = rd_kafka_topic_new(board->consumer, board->topic, NULL);
    if (board->source && !rd_kafka_consume_start(board->source, 0, RD_KAFKA_OFFSET_BEGINNING)) return PL_OK;
    return pl__kafka_fail(error, rd_kafka_last_error(), NULL, board->topic);
}

enum pl_code pl_kafka_board_open(const struct pl_log_kafka_options *options, struct pl_kafka_board **board,
                                 struct pl_error **error) {
    struct pl_kafka_board *b = *board = PL_NEW(struct pl_kafka_board);
    size_t size = strlen(options->topic) + sizeof ".group";
    if (b) b->topic = pl_alloc(size);
    if (!b || !b->topic) {
        pl_free(b);
        *board = NULL;
        return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    }
    snprintf(b->topic, size, "%s.group", options->topic);
    pthread_mutex_init(&b->lock, NULL);
    b->options = *options;
    b->newest_at = pl_clock_monotonic();
    enum pl_code code = pl__kafka_board_make(options, b->topic, error);
    if (!code) code = open_handles(b, error);
    if (!code) return PL_OK;
    pl_kafka_board_close(b);
    *board = NULL;
    return code;
}

void pl_kafka_board_close(struct pl_kafka_board *board) {
    if (!board) return;
    if (board->source) {
        rd_kafka_consume_stop(board->source, 0);
        rd_kafka_topic_destroy(board->source);
    }
    if (board->producer) rd_kafka_flush(board->producer, FLUSH_MS);
    if (board->producer) rd_kafka_purge(board->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (board->producer) rd_kafka_destroy(board->producer);
    if (board->consumer) rd_kafka_destroy(board->consumer);
    for (unsigned i = 0; i < board->count; i++)
        pl_free(board->entries[i].bytes);
    pl_free(board->entries);
    pthread_mutex_destroy(&board->lock);
    pl_free(board->topic);
    pl_free(board);
}

/* ---- Saying ---- */

void pl_kafka_board_put(struct pl_kafka_board *board, const char *key, const void *bytes, size_t size) {
    const rd_kafka_vu_t message[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = board->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = (void *)(uintptr_t)key, .size = strlen(key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = (void *)(uintptr_t)bytes, .size = size}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    rd_kafka_error_t *lost = rd_kafka_produceva(board->producer, message, PL_COUNT_OF(message));
    if (lost) rd_kafka_error_destroy(lost); /* it is said again */
    rd_kafka_poll(board->producer, 0);
}

/* ---- Hearing; with the lock held ---- */

static unsigned place_of(const struct pl_kafka_board *board, const void *key, size_t size) {
    unsigned i = 0;
    while (i < board->count && (strlen(board->entries[i].key) != size || memcmp(board->entries[i].key, key, size) != 0))
        i++;
    return i;
}

static bool make_room(struct pl_kafka_board *board) {
    if (board->count < board->room) return true;
    unsigned room = board->room ? 2 * board->room : 16;
    struct entry *grown = room > PL_BOARD_ENTRIES ? NULL : pl_realloc(board->entries, room * sizeof *grown);
    if (!grown) return false;
    board->entries = grown;
    board->room = room;
    return true;
}

static void forget(struct pl_kafka_board *board, unsigned i) {
    if (i == board->count) return;
    board->bytes -= board->entries[i].size;
    pl_free(board->entries[i].bytes);
    board->entries[i] = board->entries[--board->count];
}

static bool keep(struct pl_kafka_board *board, const rd_kafka_message_t *message, int64_t stamp) {
    bool fits = message->key_len && message->key_len < PL_BOARD_KEY && message->len <= PL_BOARD_ENTRY &&
                !memchr(message->key, 0, message->key_len);
    if (!fits) return false;
    unsigned i = place_of(board, message->key, message->key_len);
    size_t before = i == board->count ? 0 : board->entries[i].size;
    if (board->bytes - before + message->len > PL_BOARD_BYTES) return false;
    if (i == board->count && !make_room(board)) return false;
    void *bytes = pl_alloc(message->len + 1);
    if (!bytes) return false;
    struct entry *entry = &board->entries[i];
    if (i == board->count) {
        *entry = (struct entry){0};
        memcpy(entry->key, message->key, message->key_len);
        board->count++;
    }
    pl_free(entry->bytes);
    memcpy(bytes, message->payload, message->len);
    board->bytes = board->bytes - before + message->len;
    entry->bytes = bytes;
    entry->size = message->len;
    entry->stamp = stamp;
    entry->offset = message->offset;
    return true;
}

static void hear(struct pl_kafka_board *board, const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t type;
    int64_t stamp = rd_kafka_message_timestamp(message, &type);
    int64_t now = pl_clock_monotonic();
    if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME) /* somebody else's topic, where writers may say what they like */
        stamp = board->newest + (now - board->newest_at) / PL_MILLISECOND;
    if (stamp >= board->newest) {
        board->newest = stamp;
        board->newest_at = now;
    }
    if (message->payload)
        board->refused += !keep(board, message, stamp);
    else
        forget(board, place_of(board, message->key, message->key_len));
}

void pl_kafka_board_poll(struct pl_kafka_board *board, pl_time wait) {
    rd_kafka_message_t *message;
    rd_kafka_poll(board->producer, 0);
    while ((message = rd_kafka_consume(board->source, 0, (int)(wait / PL_MILLISECOND)))) {
        pthread_mutex_lock(&board->lock);
        if (!message->err) hear(board, message);
        if (!message->err) board->heard = message->offset + 1;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) board->heard = message->offset;
        pthread_mutex_unlock(&board->lock);
        bool failed = message->err; /* its end; or brokers that are away: asked again the next time */
        rd_kafka_message_destroy(message);
        if (failed) return;
        wait = 0;
    }
}

uint64_t pl_kafka_board_each(struct pl_kafka_board *board, pl_kafka_board_visitor *visit, void *arg) {
    pthread_mutex_lock(&board->lock);
    int64_t since = pl_clock_monotonic() - board->newest_at;
    for (unsigned i = 0; i < board->count; i++) {
        const struct entry *entry = &board->entries[i];
        const struct pl_board_entry seen = {entry->key, entry->bytes, entry->size,
                                            (board->newest - entry->stamp) * PL_MILLISECOND + since, entry->offset};
        visit(arg, &seen);
    }
    uint64_t refused = board->refused;
    pthread_mutex_unlock(&board->lock);
    return refused;
}

static bool has_heard(struct pl_kafka_board *board, int64_t end) {
    pthread_mutex_lock(&board->lock);
    bool all = board->heard >= end;
    pthread_mutex_unlock(&board->lock);
    return all;
}

enum pl_code pl_kafka_board_catch_up(struct pl_kafka_board *board, pl_time wait, struct pl_error **error) {
    const int64_t until = pl_clock_monotonic() + wait;
    int64_t begin, end;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(board->consumer, board->topic, 0, &begin, &end, (int)(wait / PL_MILLISECOND));
    if (failed) return pl_error_set(error, PL_UNAVAILABLE, "topic %s: %s", board->topic, rd_kafka_err2str(failed));
    while (!has_heard(board, end)) {
        if (pl_clock_monotonic() > until)
            return pl_error_set(error, PL_UNAVAILABLE, "topic %s: its %lld entries do not come", board->topic,
                                (long long)(end - begin));
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    return PL_OK;
}
