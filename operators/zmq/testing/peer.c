#include "peer.h"

#include <stdio.h>
#include <unistd.h>

#include "batch/tags.h"

void peer_endpoint(char endpoint[PEER_ENDPOINT_MAX]) {
    static unsigned number;
    snprintf(endpoint, PEER_ENDPOINT_MAX, "ipc:///tmp/potline-zmq-test-%d-%u", (int)getpid(), number++);
}

struct peer peer_new(int type) {
    struct peer peer = {.context = zmq_ctx_new(), .tags = pl_tags_new(NULL)};
    peer.socket = zmq_socket(peer.context, type);
    peer.codec = pl_codec_new(peer.tags);
    assert_true(peer.socket && peer.tags && peer.codec);
    peer_set(&peer, ZMQ_LINGER, 0);
    if (type == ZMQ_SUB) zmq_setsockopt(peer.socket, ZMQ_SUBSCRIBE, "", 0);
    return peer;
}

void peer_connect(struct peer *peer, const char *endpoint) {
    assert_int_equal(zmq_connect(peer->socket, endpoint), 0);
}

void peer_bind(struct peer *peer, const char *endpoint) {
    assert_int_equal(zmq_bind(peer->socket, endpoint), 0);
}

void peer_free(struct peer *peer) {
    zmq_close(peer->socket);
    zmq_ctx_term(peer->context);
    pl_codec_free(peer->codec);
    pl_tags_free(peer->tags);
}

void peer_set(struct peer *peer, int option, int value) {
    assert_int_equal(zmq_setsockopt(peer->socket, option, &value, sizeof(value)), 0);
}

void peer_send(struct peer *peer, const char *topic, const void *bytes, size_t size) {
    if (topic) assert_true(zmq_send(peer->socket, topic, strlen(topic), ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(peer->socket, bytes, size, 0) >= 0);
}

void peer_send_batch(struct peer *peer, const char *topic, enum pl_encoding encoding, const struct pl_batch *batch) {
    const void *bytes;
    size_t size;
    assert_int_equal(pl_codec_encode(peer->codec, encoding, batch, &bytes, &size, NULL), PL_OK);
    peer_send(peer, topic, bytes, size);
}

bool peer_receive(struct peer *peer, enum pl_encoding encoding, struct message *message, int wait_ms) {
    peer_set(peer, ZMQ_RCVTIMEO, wait_ms);
    int length = zmq_recv(peer->socket, message->topic, PEER_TOPIC_MAX - 1, 0);
    if (length < 0) return false;
    message->topic[length] = 0;
    zmq_msg_t payload;
    zmq_msg_init(&payload);
    assert_true(zmq_msg_recv(&payload, peer->socket, ZMQ_DONTWAIT) >= 0);
    assert_false(zmq_msg_more(&payload));
    struct pl_error *error = NULL;
    if (pl_codec_decode(peer->codec, encoding, zmq_msg_data(&payload), zmq_msg_size(&payload), &message->batch,
                        &error)) {
        fail_msg("%s", error->text);
    }
    zmq_msg_close(&payload);
    return true;
}

size_t peer_receive_raw(struct peer *peer, void *bytes, size_t size, int wait_ms) {
    peer_set(peer, ZMQ_RCVTIMEO, wait_ms);
    char topic[PEER_TOPIC_MAX];
    if (zmq_recv(peer->socket, topic, sizeof(topic), 0) < 0) return 0;
    int length = zmq_recv(peer->socket, bytes, size, 0);
    assert_true(length >= 0 && (size_t)length <= size);
    return (size_t)length;
}

struct pl_batch *peer_samples(struct pl_tags *tags, const char *tag, pl_time from, uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    assert_non_null(batch);
    for (uint32_t i = 0; i < rows; i++) {
        batch->samples.time[i] = from + i;
        batch->samples.tag[i] = pl_tags_intern(tags, tag, strlen(tag));
        batch->samples.value[i] = (double)(from + i) / 2;
        batch->samples.quality[i] = 0;
    }
    batch->rows = rows;
    return batch;
}

struct pl_harness *harness_with(const char *op, const char *format, ...) {
    char options[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(options, sizeof(options), format, arguments);
    va_end(arguments);
    struct pl_error *error = NULL;
    struct pl_harness *harness = pl_harness_new(op, options, PL_SAMPLES, &error);
    if (!harness) fail_msg("%s", pl_error_text(error));
    return harness;
}
