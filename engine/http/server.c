#include "server.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "http/exchange.h"

enum { PATIENCE_S = 5, KEEP_S = 15, PORT_MAX = 65535, SAID = 256, LISTENERS = 4, TICK_MS = 1000, HOST = 64, ENDS = 64 };

/* A TLS record is read whole: what OpenSSL had kept of one is not waited for by the loop, as the socket is empty. */
enum { RECORD = 20 << 10 };

/* Of TLS 1.2; those of 1.3 are OpenSSL's own. */
static const char ciphers[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct listener {
    struct pl_http_listener options;
    char host[HOST]; /* a number */
    char name[16];
};

struct pl_http_server {
    struct listener listeners[LISTENERS];
    unsigned count, connections;
    struct lws_context *context;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    void (*tick)(void *arg);
    void *tick_arg;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of what follows */
    struct pl_http_posted *posted, **last;
    bool ending;
};

/* What libwebsockets keeps for a connection, zeroed by it. */
struct connection {
    struct pl_http_exchange *exchange; /* NULL: between two */
    unsigned ends;                     /* of its body, as they are told again */
};

/* ---- What libwebsockets says: the first error of making a context tells why there is none ---- */

static _Thread_local char said[SAID];

static void hear(int level, const char *line) {
    const char *text = strchr(line, ':'); /* behind the time and the level */
    if (!(level & LLL_ERR) || said[0]) return;
    snprintf(said, sizeof said, "%s", text ? text + 1 + strspn(text + 1, " ") : line);
    said[strcspn(said, "\n")] = 0;
}

/* ---- Connections ---- */

static const struct listener *listener_of(struct lws *wsi) {
    const struct pl_http_server *server = lws_context_user(lws_get_context(wsi));
    const char *name = lws_get_vhost_name(lws_get_vhost(wsi));
    for (unsigned i = 0; i < server->count; i++)
        if (strcmp(server->listeners[i].name, name) == 0) return &server->listeners[i];
    return NULL;
}

static int hand_over(struct lws *wsi, struct connection *connection) {
    const struct listener *listener = listener_of(wsi);
    struct pl_http_exchange *exchange = connection->exchange;
    if (!listener) return -1;
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* it is ours to answer */
    pl__exchange_whole(exchange);
    listener->options.handle(listener->options.arg, exchange);
    return 0;
}

static int begin(struct lws *wsi, struct connection *connection, const char *path) {
    const struct listener *listener = listener_of(wsi);
    if (!listener || connection->exchange) return -1;
    struct pl_http_exchange *exchange = pl__exchange_new(wsi, path, &listener->options);
    if (!exchange) return -1;
    *connection = (struct connection){.exchange = exchange};
    if (!pl__exchange_wants_body(exchange)) return hand_over(wsi, connection);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, PATIENCE_S);
    return 0;
}

/* Whatever comes behind a body has libwebsockets (4.1.6) tell its end again, so it waits for the answer. A body that
 * comes with the answer to another request still owed is read from a wrong place, and its end told for ever: such a
 * connection is closed, as any may be behind an answer. */
static int end_body(struct lws *wsi, struct connection *connection) {
    if (!connection->exchange || !pl__exchange_wants_body(connection->exchange))
        return ++connection->ends > ENDS ? -1 : 0;
    lws_rx_flow_control(wsi, 0);
    return hand_over(wsi, connection);
}

static int take_body(struct connection *connection, const void *bytes, size_t size) {
    if (!size) return 0; /* of a length of 0, behind an exchange that was whole from the start */
    return connection->exchange && pl__exchange_body(connection->exchange, bytes, size) ? 0 : -1;
}

/* Not 0: the connection ends, or is lost. */
static int write_more(struct lws *wsi, struct connection *connection, bool (*go_on)(struct lws *wsi)) {
    bool over = false;
    struct pl_http_exchange *exchange = connection->exchange;
    if (!exchange) return 0;
    int status = pl__exchange_write(exchange, &over);
    if (!over) return status;
    connection->exchange = NULL; /* libwebsockets tells below that the connection's protocol ends */
    bool goes_on = pl__exchange_end(exchange);
    return go_on(wsi) && goes_on ? 0 : -1;
}

static bool is_completed(struct lws *wsi) {
    return !lws_http_transaction_completed(wsi);
}

static bool never(struct lws *wsi) {
    (void)wsi;
    return false;
}

static void leave(struct connection *connection) {
    if (connection && connection->exchange) pl__exchange_left(connection->exchange);
    if (connection) connection->exchange = NULL;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
    struct connection *connection = user;
    switch (reason) {
    case LWS_CALLBACK_HTTP: return begin(wsi, connection, in);
    case LWS_CALLBACK_HTTP_BODY: return take_body(connection, in, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return end_body(wsi, connection);
    case LWS_CALLBACK_HTTP_WRITEABLE: return write_more(wsi, connection, is_completed);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL: leave(connection); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* to nothing */
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return -1;
    default: return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

/* What libwebsockets does not take for HTTP, by the method in its first bytes, is read as far as an answer needs. */
static int begin_strange(struct lws *wsi, struct connection *connection, const char *bytes, size_t size) {
    const struct listener *listener = listener_of(wsi);
    if (connection->exchange) return 0; /* the rest of it */
    if (!listener) return -1;
    connection->exchange = pl__exchange_strange(wsi, bytes, size, &listener->options);
    return connection->exchange ? hand_over(wsi, connection) : -1;
}

static int on_strange_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
    switch (reason) {
    case LWS_CALLBACK_RAW_RX: return begin_strange(wsi, user, in, size);
    case LWS_CALLBACK_RAW_WRITEABLE: return write_more(wsi, user, never);
    case LWS_CALLBACK_RAW_CLOSE: leave(user); return 0;
    default: return 0;
    }
}

/* ---- Addresses ---- */

static bool read_address(const char *text, char host[HOST], int *port, bool *six) {
    const char *colon = strrchr(text, ':');
    int64_t number;
    if (!colon || !pl_text_int(colon + 1, strlen(colon + 1), &number) || number < 0 || number > PORT_MAX) return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (!bracketed && memchr(text, ':', length)) return false;
    if (length >= HOST) return false;
    snprintf(host, HOST, "%.*s", (int)(length - (bracketed ? 2 : 0)), text + bracketed);
    if (!length || strcmp(host, "localhost") == 0) strcpy(host, "127.0.0.1");
    *port = (int)number;
    struct in6_addr address;
    *six = inet_pton(AF_INET6, host, &address) == 1;
    return *six || inet_pton(AF_INET, host, &address) == 1;
}

bool pl_http_is_loopback(const char *address) {
    char host[HOST];
    int port;
    bool six;
    if (!read_address(address, host, &port, &six)) return false;
    return six ? strcmp(host, "::1") == 0 : strncmp(host, "127.", 4) == 0;
}

/* ---- Life ---- */

static void run_posted(struct pl_http_server *server) {
    pthread_mutex_lock(&server->lock);
    struct pl_http_posted *list = server->posted;
    server->posted = NULL;
    server->last = &server->posted;
    pthread_mutex_unlock(&server->lock);
    for (struct pl_http_posted *next; list; list = next) {
        pthread_mutex_lock(&server->lock);
        next = list->next;
        list->waits = false; /* from here on it may be posted again */
        pthread_mutex_unlock(&server->lock);
        list->run(list->arg);
    }
}

static void on_wake(uv_async_t *async) {
    struct pl_http_server *server = async->data;
    run_posted(server);
    pthread_mutex_lock(&server->lock);
    if (server->ending) uv_stop(async->loop);
    pthread_mutex_unlock(&server->lock);
}

static void on_timer(uv_timer_t *timer) {
    struct pl_http_server *server = timer->data;
    server->tick(server->tick_arg);
}

void pl_http_post(struct pl_http_server *server, struct pl_http_posted *posted, void (*run)(void *arg), void *arg) {
    pthread_mutex_lock(&server->lock);
    if (!posted->waits) {
        *posted = (struct pl_http_posted){.run = run, .arg = arg, .waits = true};
        *server->last = posted;
        server->last = &posted->next;
    }
    pthread_mutex_unlock(&server->lock);
    uv_async_send(&server->wake);
}

void pl_http_on_tick(struct pl_http_server *server, void (*tick)(void *arg), void *arg) {
    server->tick = tick;
    server->tick_arg = arg;
    if (!tick)
        uv_timer_stop(&server->timer);
    else
        uv_timer_start(&server->timer, on_timer, TICK_MS, TICK_MS);
}

static void *run(void *arg) {
    struct pl_http_server *server = arg;
    pthread_setname_np(pthread_self(), "http");
    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void fill_in(struct lws_context_creation_info *info, void **loops, struct pl_http_server *server) {
    *info = (struct lws_context_creation_info){
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
        .foreign_loops = loops,
        .pcontext = &server->context, /* NULL again when it is gone */
        .fd_limit_per_thread = server->connections,
        .max_http_header_pool = (unsigned short)server->connections,
        .max_http_header_data = PL_HTTP_HEADERS,
        .pt_serv_buf_size = RECORD,
        .timeout_secs = PATIENCE_S,
        .timeout_secs_ah_idle = PATIENCE_S,
        .keepalive_timeout = KEEP_S,
        .user = server,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
    };
}

enum pl_code pl_http_new(unsigned connections, struct pl_http_server **server, struct pl_error **error) {
    struct pl_http_server *s = *server = PL_NEW(struct pl_http_server);
    struct lws_context_creation_info info;
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for a listener");
    void *loops[] = {&s->loop};
    s->connections = connections < PL_HTTP_CONNECTIONS ? connections : PL_HTTP_CONNECTIONS;
    s->last = &s->posted;
    pthread_mutex_init(&s->lock, NULL);
    uv_loop_init(&s->loop);
    uv_async_init(&s->loop, &s->wake, on_wake);
    uv_timer_init(&s->loop, &s->timer);
    s->wake.data = s->timer.data = s;
    said[0] = 0;
    lws_set_log_level(LLL_ERR, hear);
    fill_in(&info, loops, s);
    s->context = lws_create_context(&info);
    if (s->context) return PL_OK;
    pl_error_set(error, PL_UNAVAILABLE, "no HTTP: %s", said);
    pl_http_free(s);
    *server = NULL;
    return PL_UNAVAILABLE;
}

static void put_identity(struct lws_context_creation_info *info, const struct pl_http_identity *identity) {
    info->server_ssl_cert_mem = identity->certificate;
    info->server_ssl_cert_mem_len = (unsigned)strlen(identity->certificate) + 1;
    info->server_ssl_private_key_mem = identity->key;
    info->server_ssl_private_key_mem_len = (unsigned)strlen(identity->key) + 1;
    info->ssl_cipher_list = ciphers;
    info->ssl_options_set = (long)(SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    info->alpn = "http/1.1";
}

/* The listener is made behind the context: where that fails (the port is taken), the context is there to be ended in
 * good order. One that could not be made has taken its code out of the process, with handles of it still in the loop.
 */
enum pl_code pl_http_listen(struct pl_http_server *server, const struct pl_http_listener *options, int *port,
                            struct pl_error **error) {
    static const struct lws_protocols protocols[] = {
        {"http", on_event, sizeof(struct connection), 0, 0, NULL, 0},
        {"strange", on_strange_event, sizeof(struct connection), 0, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info;
    struct listener *listener = &server->listeners[server->count];
    void *loops[] = {&server->loop};
    bool six;
    if (server->count == LISTENERS) return pl_error_set(error, PL_LIMIT, "at most %d listeners", LISTENERS);
    fill_in(&info, loops, server);
    if (!read_address(options->address, listener->host, &info.port, &six))
        return pl_error_set(error, PL_USAGE, "\"%s\" is no address to listen at; write 127.0.0.1:9464",
                            options->address);
    listener->options = *options;
    snprintf(listener->name, sizeof listener->name, "http%u", server->count);
    info.iface = listener->host;
    info.vhost_name = listener->name;
    info.protocols = protocols;
    info.listen_accept_role = "raw-skt";
    info.listen_accept_protocol = protocols[1].name;
    info.options |= LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG;
    info.options |= six ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6;
    if (options->identity) put_identity(&info, options->identity);
    said[0] = 0;
    struct lws_vhost *host = lws_create_vhost(server->context, &info);
    if (!host)
        return pl_error_set(error, PL_BUSY, "cannot listen at %s: it is in use, or no address of this machine%s%s",
                            options->address, options->identity ? ", or the certificate does not fit its key" : "", "");
    server->count++;
    *port = lws_get_vhost_listen_port(host);
    return PL_OK;
}

enum pl_code pl_http_start(struct pl_http_server *server, struct pl_error **error) {
    server->running = pthread_create(&server->thread, NULL, run, server) == 0;
    return server->running ? PL_OK : pl_error_set(error, PL_LIMIT, "cannot start the thread of a listener");
}

void pl_http_free(struct pl_http_server *server) {
    if (!server) return;
    pthread_mutex_lock(&server->lock);
    server->ending = true;
    pthread_mutex_unlock(&server->lock);
    uv_async_send(&server->wake);
    if (server->running) pthread_join(server->thread, NULL);
    if (server->context) lws_context_destroy(server->context);
    uv_close((uv_handle_t *)&server->wake, NULL);
    uv_close((uv_handle_t *)&server->timer, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    if (server->context) lws_context_destroy(server->context); /* in two steps: its handles had to be closed first */
    run_posted(server);
    uv_loop_close(&server->loop);
    pthread_mutex_destroy(&server->lock);
    pl_free(server);
}
