/* link.h: a ZeroMQ socket of a node, on the libuv loop of the node's thread.
 *
 * ZeroMQ tells that something has changed through a descriptor that is only a doorbell: it stays readable until the
 * socket is looked at, and it rings once for any number of messages. So the bell is watched only while the node waits,
 * and whoever begins to wait looks at the socket once more after the watch is on:
 *
 *     receive until there is nothing -> pl__link_wait: 'already' ? receive again : return, `ready` will be called
 *
 * All sockets of the plugin share one context, which ends with the process and then waits for what was sent last, at
 * most the linger time. One thread: the node's. The usual mistake: receiving only as many messages as the bell rang.
 */
#ifndef POTLINE_ZMQ_LINK_H
#define POTLINE_ZMQ_LINK_H

#include <potline/potline.h>
#include <uv.h>

/* The options that every node with a ZeroMQ socket has. */
struct pl__link_options {
    struct pl_strings bind;
    struct pl_strings connect;
    int64_t hwm; /* messages */
    bool curve;
    const char *secret_key;  /* "" */
    const char *secret_file; /* "" */
    const char *server_key;  /* "" */
    struct pl_strings clients;
};

/* clang-format off */
#define PL__CURVE_OPTIONS(S)                                                                                           \
    PL_OPT_SECRET(S, link_options.secret_key, "secret_key", "", PL_FIXED,                                                      \
                  "This side's secret key, 40 characters of Z85; none for a client: a new pair at each start."),       \
    PL_OPT_FILE(S, link_options.secret_file, "secret_file", "", PL_FIXED, "The file with it, instead."),                       \
    PL_OPT_STRING(S, link_options.server_key, "server_key", "", PL_FIXED,                                                      \
                  "The public key of the side that binds, for the side that connects."),                               \
    PL_OPT_STRINGS(S, link_options.clients, "clients", "[]", PL_FIXED,                                                         \
                   "Public keys of those who may connect; none: all who know the server's.")

#define PL__LINK_OPTIONS(S, curve_rows, queue_doc)                                                                     \
    PL_OPT_STRINGS(S, link_options.bind, "bind", "[]", PL_FIXED, "Endpoints to listen at, like tcp://127.0.0.1:5556."),        \
    PL_OPT_STRINGS(S, link_options.connect, "connect", "[]", PL_FIXED, "Endpoints to connect to, tried for ever; or bind."),   \
    PL_OPT_INT(S, link_options.hwm, "hwm", "256", "1", "100000", PL_FIXED, queue_doc),                                     \
    PL_OPT_GROUP(S, link_options.curve, "curve", "false", curve_rows, PL_FIXED,                                                \
                 "Encrypts and authenticates with CURVE; the side that binds is the server.")
/* clang-format on */

struct pl__link {
    void *socket;
    void (*ready)(void *self); /* the awaited has come, or the time is over: look */
    void *self;
    uv_poll_t bell;
    uv_timer_t timer;
    unsigned handles; /* of libuv, not closed yet */
    bool restricted;  /* has clients in zap.h */
};

/* What `check` can say about the options. */
void pl__link_check(const struct pl__link_options *options, struct pl_check *check);

/* A socket without endpoints yet, so that options of its type can be set. NULL and *error: no such. */
struct pl__link *pl__link_new(const struct pl__link_options *options, int type, struct pl_node *node,
                              void (*ready)(void *self), void *self, struct pl_error **error);
enum pl_code pl__link_open(struct pl__link *link, const struct pl__link_options *options, struct pl_error **error);

/* What was sent goes out in the background for at most `linger`. Sets *link to NULL; NULL is fine. */
void pl__link_close(struct pl__link **link, pl_time linger);

/* True: one of `events` (ZMQ_POLLIN, ZMQ_POLLOUT) is there already. Else `ready` is called, once, when it may be. */
bool pl__link_wait(struct pl__link *link, short events);

/* `ready` is called after `delay`, whatever comes before. */
void pl__link_remind(struct pl__link *link, pl_time delay);

#endif
