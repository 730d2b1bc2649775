/* peer.h: for tests: the other side of a socket, by plain libzmq in a context of its own, over ipc in a folder that is
 * gone at the end. */
#ifndef POTLINE_ZMQ_PEER_H
#define POTLINE_ZMQ_PEER_H

#include <potline/harness.h>
#include <potline/potline.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>
/* cmocka wants the headers above */
#include <cmocka.h>

enum { PEER_ENDPOINT_MAX = 80, PEER_TOPIC_MAX = 600 };

struct peer {
    void *context;
    void *socket;
    char endpoint[PEER_ENDPOINT_MAX];
    struct pl_codec *codec; /* with the tags of a process of its own */
    struct pl_tags *tags;
};

struct message {
    char topic[PEER_TOPIC_MAX];
    struct pl_batch *batch;
};

/* A fresh ipc endpoint in `endpoint`. */
void peer_endpoint(char endpoint[PEER_ENDPOINT_MAX]);

/* A socket that is not bound or connected yet. */
struct peer peer_new(int type);
void peer_connect(struct peer *peer, const char *endpoint);
void peer_bind(struct peer *peer, const char *endpoint);
void peer_free(struct peer *peer);

void peer_set(struct peer *peer, int option, int value);
void peer_send(struct peer *peer, const char *topic, const void *bytes, size_t size); /* topic may be NULL */
void peer_send_batch(struct peer *peer, const char *topic, enum pl_encoding encoding, const struct pl_batch *batch);

/* The next message within `wait_ms`; false: none. The batch is the caller's; raw bytes instead with peer_receive_raw.
 */
bool peer_receive(struct peer *peer, enum pl_encoding encoding, struct message *message, int wait_ms);
size_t peer_receive_raw(struct peer *peer, void *bytes, size_t size, int wait_ms);

/* Samples in the peer's tags: time from..from+rows-1, tag `tag`, value = time / 2. */
struct pl_batch *peer_samples(struct pl_tags *tags, const char *tag, pl_time from, uint32_t rows);

/* A harness of `op` whose options are a format; fails the test when it cannot be made. */
struct pl_harness *harness_with(const char *op, const char *format, ...) PL_PRINTF(2, 3);

#endif
