#include "outbox.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

struct pl__outgoing {
    struct pl__outgoing *next;
    zmq_msg_t payload;
    char topic[];
};

/* A PUB socket drops what finds a subscriber's queue full and says nothing. With NODROP it says so, and sends to
 * nobody: so a full queue is seen first, counted, and the message then sent to those that take it. From then on ZeroMQ
 * leaves that subscriber out until it has read half of its queue, so what is counted is how often a queue became full.
 */
static void set_nodrop(struct pl__outbox *outbox, int yes) {
    zmq_setsockopt(outbox->socket, ZMQ_XPUB_NODROP, &yes, sizeof(yes));
}

void pl__outbox_init(struct pl__outbox *outbox, void *socket, bool lossy) {
    *outbox = (struct pl__outbox){.socket = socket, .lossy = lossy};
    outbox->last = &outbox->first;
    if (lossy) set_nodrop(outbox, 1);
}

void pl__outbox_fini(struct pl__outbox *outbox) {
    for (struct pl__outgoing *message = outbox->first, *next; message; message = next) {
        next = message->next;
        zmq_msg_close(&message->payload);
        pl_free(message);
    }
    *outbox = (struct pl__outbox){.socket = NULL};
}

enum sent { SENT, FULL, BROKEN };

/* The payload stays the caller's unless it was sent. */
static enum sent send_frames(struct pl__outbox *outbox, const char *topic, zmq_msg_t *payload) {
    if (zmq_send(outbox->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(payload, outbox->socket, ZMQ_DONTWAIT) < 0) {
        return errno == EAGAIN || errno == EINTR ? FULL : BROKEN;
    }
    return SENT;
}

/* ZeroMQ hears only now and then what its peers have read; asked for the events, it listens. */
static void hear_peers(struct pl__outbox *outbox) {
    int events;
    size_t size = sizeof(events);
    zmq_getsockopt(outbox->socket, ZMQ_EVENTS, &events, &size);
}

static enum sent send_message(struct pl__outbox *outbox, const char *topic, zmq_msg_t *payload) {
    enum sent sent = send_frames(outbox, topic, payload);
    if (sent != FULL) return sent;
    hear_peers(outbox);
    sent = send_frames(outbox, topic, payload);
    if (sent != FULL || !outbox->lossy) return sent;
    outbox->overflows++;
    set_nodrop(outbox, 0);
    sent = send_frames(outbox, topic, payload);
    set_nodrop(outbox, 1);
    return sent;
}

static enum pl_code keep(struct pl__outbox *outbox, const char *topic, zmq_msg_t *payload) {
    size_t length = strlen(topic) + 1;
    struct pl__outgoing *message = pl_alloc(sizeof(*message) + length);
    if (!message) return PL_NO_MEMORY;
    memcpy(message->topic, topic, length);
    zmq_msg_init(&message->payload);
    zmq_msg_move(&message->payload, payload);
    *outbox->last = message;
    outbox->last = &message->next;
    outbox->waiting++;
    return PL_OK;
}

enum pl_code pl__outbox_put(struct pl__outbox *outbox, const char *topic, const void *bytes, size_t size) {
    zmq_msg_t payload;
    if (zmq_msg_init_size(&payload, size)) return PL_NO_MEMORY;
    memcpy(zmq_msg_data(&payload), bytes, size);
    enum sent sent = outbox->waiting ? FULL : send_message(outbox, topic, &payload);
    enum pl_code code = sent == BROKEN ? PL_IO : sent == FULL ? keep(outbox, topic, &payload) : PL_OK;
    zmq_msg_close(&payload);
    return code;
}

enum pl_code pl__outbox_flush(struct pl__outbox *outbox) {
    while (outbox->first) {
        struct pl__outgoing *message = outbox->first;
        enum sent sent = send_message(outbox, message->topic, &message->payload);
        if (sent != SENT) return sent == FULL ? PL_OK : PL_IO;
        outbox->first = message->next;
        if (!outbox->first) outbox->last = &outbox->first;
        outbox->waiting--;
        zmq_msg_close(&message->payload);
        pl_free(message);
    }
    return PL_OK;
}
