#include "standby/link.h"

#include <errno.h>

enum { QUEUE = 16, RECONNECT_MS = 100, RECONNECT_MAX_MS = 500 };

static bool set_number(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_up(void *socket, const struct pl_standby_secret *secret) {
    int64_t longest = PL__WIRE_ANSWER_MAX;
    return set_number(socket, ZMQ_LINGER, 0) && set_number(socket, ZMQ_IMMEDIATE, 1) &&
           set_number(socket, ZMQ_SNDHWM, QUEUE) && set_number(socket, ZMQ_RCVHWM, QUEUE) &&
           set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_number(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) && set_number(socket, ZMQ_HEARTBEAT_IVL, 1000) &&
           set_number(socket, ZMQ_HEARTBEAT_TIMEOUT, 2000) && set_number(socket, ZMQ_CONNECT_TIMEOUT, 2000) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest) == 0 && pl__secret_call(socket, secret);
}

enum pl_code pl__link_open(struct pl__link *link, const char *endpoint, const struct pl_standby_secret *secret,
                           struct pl_error **error) {
    *link = (struct pl__link){.pack = pl_pack_new()};
    link->context = zmq_ctx_new();
    link->socket = link->context && link->pack ? zmq_socket(link->context, ZMQ_DEALER) : NULL;
    if (link->socket && set_up(link->socket, secret) && zmq_connect(link->socket, endpoint) == 0) return PL_OK;
    pl_error_set(error, PL_USAGE, "%s: cannot be called: %s", endpoint, zmq_strerror(errno));
    pl__link_close(link);
    return PL_USAGE;
}

static void let_go(struct pl__link *link) {
    if (link->holds) zmq_msg_close(&link->held);
    link->holds = false;
}

void pl__link_close(struct pl__link *link) {
    let_go(link);
    if (link->socket) zmq_close(link->socket);
    if (link->context) zmq_ctx_term(link->context);
    pl_pack_free(link->pack);
    *link = (struct pl__link){0};
}

bool pl__link_send(struct pl__link *link, const struct pl__wire *message) {
    pl__wire_write(message, link->pack);
    return !pl_pack_failed(link->pack) &&
           zmq_send(link->socket, pl_pack_data(link->pack), pl_pack_size(link->pack), ZMQ_DONTWAIT) >= 0;
}

/* One message of one frame into `held`; false: there is none. */
static bool take(struct pl__link *link, bool *good) {
    let_go(link);
    zmq_msg_init(&link->held);
    link->holds = true;
    if (zmq_msg_recv(&link->held, link->socket, ZMQ_DONTWAIT) < 0) return false;
    *good = !zmq_msg_more(&link->held);
    while (zmq_msg_more(&link->held))
        if (zmq_msg_recv(&link->held, link->socket, 0) < 0) return false;
    return true;
}

bool pl__link_receive(struct pl__link *link, struct pl__wire *message) {
    bool good = false;
    while (take(link, &good)) {
        if (good && pl__wire_read(zmq_msg_data(&link->held), zmq_msg_size(&link->held), message)) return true;
        link->strange++;
    }
    return false;
}
