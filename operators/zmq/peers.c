#include "peers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "context.h"

enum { LOOK_MS = 250 };

struct pl__peers {
    struct pl_node *node;
    void *watched, *events; /* the node's socket; what ZeroMQ tells of it */
    uv_timer_t timer;
    unsigned there;
};

/* Of two frames: number (16 bits) and value of the event, and the endpoint. False: there is none. */
static bool next_event(struct pl__peers *peers, uint16_t *number) {
    zmq_msg_t frame;
    bool told = false;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, peers->events, ZMQ_DONTWAIT) >= (int)sizeof *number) {
        memcpy(number, zmq_msg_data(&frame), sizeof *number);
        told = true;
    }
    while (told && zmq_msg_more(&frame) && zmq_msg_recv(&frame, peers->events, 0) >= 0)
        continue;
    zmq_msg_close(&frame);
    return told;
}

/* One that is lost before it has introduced itself was never there. */
static void look(uv_timer_t *timer) {
    struct pl__peers *peers = timer->data;
    bool before = peers->there;
    uint16_t number;
    while (next_event(peers, &number)) {
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) peers->there++;
        if (number == ZMQ_EVENT_DISCONNECTED && peers->there) peers->there--;
    }
    if (before != (peers->there > 0)) pl_reach(peers->node, !before);
}

static enum pl_code listen_in(struct pl__peers *peers, struct pl_error **error) {
    static atomic_uint_fast64_t count;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://potline-peers-%" PRIu64, (uint64_t)atomic_fetch_add(&count, 1));
    peers->events = pl__context_socket(ZMQ_PAIR);
    if (peers->events &&
        zmq_socket_monitor(peers->watched, endpoint, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0 &&
        zmq_connect(peers->events, endpoint) == 0)
        return PL_OK;
    return pl_error_set(error, PL_LIMIT, "ZeroMQ does not tell of connections: %s", zmq_strerror(errno));
}

static void on_closed(uv_handle_t *handle) {
    pl_free(handle->data);
}

enum pl_code pl__peers_watch(struct pl__link *link, struct pl_node *node, struct pl__peers **out,
                             struct pl_error **error) {
    struct pl__peers *peers = *out = PL_NEW(struct pl__peers);
    if (!peers) return pl_error_set(error, PL_NO_MEMORY, "no memory to watch connections");
    *peers = (struct pl__peers){.node = node, .watched = link->socket};
    uv_timer_init(pl_node_loop(node), &peers->timer);
    peers->timer.data = peers;
    pl_reach(node, false);
    enum pl_code code = listen_in(peers, error);
    if (!code) uv_timer_start(&peers->timer, look, LOOK_MS, LOOK_MS);
    return code;
}

void pl__peers_free(struct pl__peers *peers) {
    if (!peers) return;
    zmq_socket_monitor(peers->watched, NULL, 0);
    if (peers->events) pl__context_close(peers->events, 0);
    peers->events = NULL;
    uv_close((uv_handle_t *)&peers->timer, on_closed);
}
