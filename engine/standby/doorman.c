#include "standby/doorman.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>
#include <zmq.h>

#define MONITOR "inproc://standby-monitor"

enum { FRAMES = 7, FRAME_MAX = 256, VERSION = 0, REQUEST = 1, MECHANISM = 5, CREDENTIALS = 6 };

static enum pl_code no_socket(struct pl_error **error) {
    return pl_error_set(error, PL_UNAVAILABLE, "standby: no socket: %s", zmq_strerror(errno));
}

enum pl_code pl__doorman_init(struct pl__doorman *doorman, void *context, void *socket,
                              const struct pl_standby_secret *secret, struct pl_error **error) {
    int none = 0;
    int events =
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    if (!zmq_z85_decode(doorman->client, secret->client_public)) return no_socket(error);
    doorman->zap = zmq_socket(context, ZMQ_REP);
    if (!doorman->zap || zmq_setsockopt(doorman->zap, ZMQ_LINGER, &none, sizeof none) ||
        zmq_bind(doorman->zap, "inproc://zeromq.zap.01") || zmq_socket_monitor(socket, MONITOR, events))
        return no_socket(error);
    doorman->monitor = zmq_socket(context, ZMQ_PAIR);
    if (!doorman->monitor || zmq_setsockopt(doorman->monitor, ZMQ_LINGER, &none, sizeof none) ||
        zmq_connect(doorman->monitor, MONITOR))
        return no_socket(error);
    return PL_OK;
}

void pl__doorman_fini(struct pl__doorman *doorman) {
    if (doorman->monitor) zmq_close(doorman->monitor);
    if (doorman->zap) zmq_close(doorman->zap);
    doorman->monitor = doorman->zap = NULL;
}

struct frame {
    char bytes[FRAME_MAX];
    size_t size;
};

/* A message of at most FRAMES frames, the rest of it thrown away; how many there were, 0: none waits. */
static unsigned receive(void *socket, struct frame frames[FRAMES]) {
    int more = 1;
    size_t more_size = sizeof more;
    unsigned count = 0;
    for (; more; count++) {
        struct frame scratch = {.size = 0}, *frame = count < FRAMES ? &frames[count] : &scratch;
        int size = zmq_recv(socket, frame->bytes, sizeof frame->bytes, ZMQ_DONTWAIT);
        if (size < 0) return 0;
        frame->size = size < FRAME_MAX ? (size_t)size : FRAME_MAX;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
    }
    return count;
}

static bool may_enter(const struct pl__doorman *doorman, const struct frame frames[FRAMES], unsigned count) {
    const struct frame *mechanism = &frames[MECHANISM], *key = &frames[CREDENTIALS];
    return count == FRAMES && mechanism->size == strlen("CURVE") && memcmp(mechanism->bytes, "CURVE", 5) == 0 &&
           key->size == sizeof doorman->client && CRYPTO_memcmp(key->bytes, doorman->client, key->size) == 0;
}

static void answer(struct pl__doorman *doorman, const struct frame frames[FRAMES], bool good) {
    zmq_send(doorman->zap, frames[VERSION].bytes, frames[VERSION].size, ZMQ_SNDMORE);
    zmq_send(doorman->zap, frames[REQUEST].bytes, frames[REQUEST].size, ZMQ_SNDMORE);
    zmq_send(doorman->zap, good ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(doorman->zap, "", 0, ZMQ_SNDMORE);
    zmq_send(doorman->zap, "", 0, ZMQ_SNDMORE);
    zmq_send(doorman->zap, "", 0, 0);
}

void pl__doorman_work(struct pl__doorman *doorman) {
    struct frame frames[FRAMES];
    unsigned count;
    while ((count = receive(doorman->zap, frames)))
        answer(doorman, frames, may_enter(doorman, frames, count));
    while (receive(doorman->monitor, frames))
        atomic_fetch_add(&doorman->turned_away, 1);
}
