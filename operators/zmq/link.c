#include "link.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "context.h"
#include "curve.h"
#include "zap.h"

enum {
    HEARTBEAT_MS = 5000, /* a peer that is silent for three of them is connected to anew */
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 5000,
};

/* ---- Options ---- */

static bool is_endpoint(const char *text) {
    static const char *const transports[] = {"tcp://", "ipc://", "inproc://"};
    for (size_t i = 0; i < PL_COUNT_OF(transports); i++) {
        size_t length = strlen(transports[i]);
        if (strncmp(text, transports[i], length) == 0 && text[length]) return true;
    }
    return false;
}

static void check_endpoints(const struct pl_strings *endpoints, const char *option, struct pl_check *check) {
    for (uint32_t i = 0; i < endpoints->count; i++) {
        if (is_endpoint(endpoints->items[i])) continue;
        pl_check_error(check, option, "an endpoint like tcp://127.0.0.1:5556 or ipc:///run/x expected, found '%s'",
                       endpoints->items[i]);
    }
}

static void check_key(const char *key, const char *option, struct pl_check *check) {
    if (*key && !pl__curve_is_key(key)) pl_check_error(check, option, "a key of 40 characters of Z85 expected");
}

static void check_curve(const struct pl__link_options *options, struct pl_check *check) {
    bool server = options->bind.count > 0, secret = *options->secret_key || *options->secret_file;
    check_key(options->secret_key, "curve.secret_key", check);
    check_key(options->server_key, "curve.server_key", check);
    for (uint32_t i = 0; i < options->clients.count; i++)
        check_key(options->clients.items[i], "curve.clients", check);
    if (*options->secret_key && *options->secret_file) {
        pl_check_error(check, "curve.secret_file", "one of secret_key and secret_file expected, found both");
    }
    if (server && !secret)
        pl_check_error(check, "curve", "a secret_key or secret_file expected for the side that binds");
    if (server && *options->server_key) pl_check_error(check, "curve.server_key", "meant for the side that connects");
    if (!server && !*options->server_key)
        pl_check_error(check, "curve", "a server_key expected for the side that connects");
    if (!server && options->clients.count) pl_check_error(check, "curve.clients", "meant for the side that binds");
}

void pl__link_check(const struct pl__link_options *options, struct pl_check *check) {
    if (!options->bind.count == !options->connect.count) {
        pl_check_error(check, NULL, "either bind or connect expected, found %s", options->bind.count ? "both" : "none");
    }
    check_endpoints(&options->bind, "bind", check);
    check_endpoints(&options->connect, "connect", check);
    if (options->curve) check_curve(options, check);
}

/* ---- Life ---- */

static void on_closed(uv_handle_t *handle) {
    struct pl__link *link = handle->data;
    if (--link->handles == 0) pl_free(link);
}

static void on_bell(uv_poll_t *bell, int status, int events) {
    (void)status;
    (void)events;
    struct pl__link *link = bell->data;
    uv_poll_stop(bell);
    link->ready(link->self);
}

static void on_timer(uv_timer_t *timer) {
    struct pl__link *link = timer->data;
    link->ready(link->self);
}

static enum pl_code set_int(struct pl__link *link, int option, int value, struct pl_error **error) {
    if (zmq_setsockopt(link->socket, option, &value, sizeof(value)) == 0) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "ZeroMQ refuses option %d: %s", option, zmq_strerror(errno));
}

static enum pl_code set_up_socket(struct pl__link *link, const struct pl__link_options *options,
                                  struct pl_error **error) {
    int64_t longest = PL_MESSAGE_MAX;
    if (zmq_setsockopt(link->socket, ZMQ_MAXMSGSIZE, &longest, sizeof(longest))) {
        return pl_error_set(error, PL_UNAVAILABLE, "ZeroMQ refuses a limit of messages: %s", zmq_strerror(errno));
    }
    enum pl_code code = set_int(link, ZMQ_RCVHWM, (int)options->hwm, error);
    if (!code) code = set_int(link, ZMQ_SNDHWM, (int)options->hwm, error);
    if (!code) code = set_int(link, ZMQ_IPV6, 1, error);
    if (!code) code = set_int(link, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS, error);
    if (!code) code = set_int(link, ZMQ_HEARTBEAT_TIMEOUT, 3 * HEARTBEAT_MS, error);
    if (!code) code = set_int(link, ZMQ_RECONNECT_IVL, RECONNECT_MS, error);
    if (!code) code = set_int(link, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS, error);
    if (!code && options->curve) code = pl__curve_set_up(link, options, error);
    return code;
}

static enum pl_code set_up_handles(struct pl__link *link, struct pl_node *node, struct pl_error **error) {
    int fd;
    size_t size = sizeof(fd);
    int failed =
        zmq_getsockopt(link->socket, ZMQ_FD, &fd, &size) ? UV_EBADF : uv_poll_init(pl_node_loop(node), &link->bell, fd);
    if (failed) return pl_error_set(error, PL_UNAVAILABLE, "cannot watch a ZeroMQ socket: %s", uv_strerror(failed));
    uv_timer_init(pl_node_loop(node), &link->timer);
    link->bell.data = link->timer.data = link;
    link->handles = 2;
    return PL_OK;
}

struct pl__link *pl__link_new(const struct pl__link_options *options, int type, struct pl_node *node,
                              void (*ready)(void *self), void *self, struct pl_error **error) {
    struct pl__link *link = PL_NEW(struct pl__link);
    if (!link) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a socket");
        return NULL;
    }
    link->ready = ready;
    link->self = self;
    link->socket = pl__context_socket(type);
    enum pl_code code = PL_OK;
    if (!link->socket) code = pl_error_set(error, PL_LIMIT, "no ZeroMQ socket: %s", zmq_strerror(errno));
    if (!code) code = set_up_socket(link, options, error);
    if (!code) code = set_up_handles(link, node, error);
    if (code) pl__link_close(&link, 0);
    return link;
}

enum pl_code pl__link_open(struct pl__link *link, const struct pl__link_options *options, struct pl_error **error) {
    for (uint32_t i = 0; i < options->bind.count; i++) {
        if (zmq_bind(link->socket, options->bind.items[i]) == 0) continue;
        return pl_error_set(error, errno == EADDRINUSE ? PL_BUSY : PL_IO, "cannot listen at %s: %s",
                            options->bind.items[i], zmq_strerror(errno));
    }
    for (uint32_t i = 0; i < options->connect.count; i++) {
        if (zmq_connect(link->socket, options->connect.items[i]) == 0) continue;
        return pl_error_set(error, PL_IO, "cannot connect to %s: %s", options->connect.items[i], zmq_strerror(errno));
    }
    return PL_OK;
}

void pl__link_close(struct pl__link **slot, pl_time linger) {
    struct pl__link *link = *slot;
    *slot = NULL;
    if (!link) return;
    bool watched = link->handles > 0;
    if (watched) { /* before the socket takes its descriptor away */
        uv_close((uv_handle_t *)&link->bell, on_closed);
        uv_close((uv_handle_t *)&link->timer, on_closed);
    }
    if (link->restricted) pl__zap_forget(link);
    if (link->socket) pl__context_close(link->socket, linger);
    link->socket = NULL;
    if (!watched) pl_free(link);
}

/* ---- Waiting ---- */

static bool has_events(struct pl__link *link, short events) {
    int there = 0;
    size_t size = sizeof(there);
    return zmq_getsockopt(link->socket, ZMQ_EVENTS, &there, &size) == 0 && (there & events);
}

bool pl__link_wait(struct pl__link *link, short events) {
    uv_poll_start(&link->bell, UV_READABLE, on_bell);
    if (!has_events(link, events)) return false;
    uv_poll_stop(&link->bell);
    return true;
}

void pl__link_remind(struct pl__link *link, pl_time delay) {
    uv_update_time(link->timer.loop);
    uv_timer_start(&link->timer, on_timer, (uint64_t)(delay / PL_MILLISECOND), 0);
}
