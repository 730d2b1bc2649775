/* kafka_follow.c: the changelog, followed as it is written: for who keeps a copy of what others know. */
#include <potline/alloc.h>

#include "log/kafka_impl.h"

struct pl_kafka_follower {
    struct pl_kafka_log *log;
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue; /* of all partitions */
    rd_kafka_message_t *message;
    bool *follows; /* [partition] */
};

enum pl_code pl_kafka_follower_new(struct pl_log *base, struct pl_kafka_follower **follower, struct pl_error **error) {
    static const char *const settings[] = {"queued.max.messages.kbytes", "1024", NULL}; /* of each partition */
    struct pl_kafka_log *log = pl__kafka_of(base);
    struct pl_kafka_follower *f = *follower = PL_NEW(struct pl_kafka_follower);
    if (!f) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    f->log = log;
    f->follows = pl_alloc((base->partitions + 1) * sizeof *f->follows);
    enum pl_code code = f->follows ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    if (!code) {
        f->handle = pl__kafka_reading(log, settings, error);
        code = f->handle ? PL_OK : PL_NO_MEMORY;
    }
    if (!code) {
        f->queue = rd_kafka_queue_new(f->handle);
        f->topic = rd_kafka_topic_new(f->handle, log->changelog, NULL);
        if (!f->topic) code = pl__kafka_fail(error, rd_kafka_last_error(), NULL, log->changelog);
    }
    if (!code) return PL_OK;
    pl_kafka_follower_free(f);
    *follower = NULL;
    return code;
}

void pl_kafka_follower_free(struct pl_kafka_follower *follower) {
    if (!follower) return;
    if (follower->message) rd_kafka_message_destroy(follower->message);
    for (unsigned p = 0; follower->follows && p < follower->log->log.partitions; p++)
        if (follower->follows[p]) rd_kafka_consume_stop(follower->topic, (int32_t)p);
    if (follower->queue) rd_kafka_queue_destroy(follower->queue);
    if (follower->topic) rd_kafka_topic_destroy(follower->topic);
    if (follower->handle) rd_kafka_destroy(follower->handle);
    pl_free(follower->follows);
    pl_free(follower);
}

enum pl_code pl_kafka_follow(struct pl_kafka_follower *follower, unsigned partition, int64_t from,
                             struct pl_error **error) {
    int64_t begin = from ? from : RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_consume_start_queue(follower->topic, (int32_t)partition, begin, follower->queue))
        return pl__kafka_fail(error, rd_kafka_last_error(), NULL, follower->log->changelog);
    follower->follows[partition] = true;
    return PL_OK;
}

enum pl_code pl_kafka_follower_next(struct pl_kafka_follower *follower, struct pl_kafka_entry *entry,
                                    struct pl_error **error) {
    if (follower->message) rd_kafka_message_destroy(follower->message);
    rd_kafka_message_t *message = follower->message =
        rd_kafka_consume_queue(follower->queue, PL__KAFKA_SLICE_MS); /* a stop in front of it is heard of soon */
    if (!message) return PL_NOT_FOUND;
    *entry = (struct pl_kafka_entry){.partition = (unsigned)message->partition, .offset = message->offset};
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return PL_OK;
    if (message->err) return pl__kafka_fail(error, message->err, NULL, follower->log->changelog);
    entry->key = message->key ? message->key : "";
    entry->key_size = message->key_len;
    entry->value = message->payload;
    entry->size = message->len;
    return PL_OK;
}

void pl_kafka_follower_stop(struct pl_kafka_follower *follower) {
    rd_kafka_queue_yield(follower->queue);
}
