#include "server.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { BODY_MAX = 64 << 20, PIECE = 16 << 10, HEAD = 1024, PATIENCE_S = 5, KEEP_S = 15, PORT_MAX = 65535, SAID = 256 };
enum { OK = 200, NOT_FOUND = 404, NOT_ALLOWED = 405, BROKEN = 500 };

struct pl_http_server {
    struct pl_http_options options;
    char host[64]; /* a number */
    bool six;      /* of IPv6 */
    int port;
    struct lws_context *context;
    uv_loop_t loop;
    uv_async_t end;
    pthread_t thread;
    bool running;
};

/* What libwebsockets keeps for a connection, zeroed by it. */
struct exchange {
    struct pl_buffer body; /* LWS_PRE bytes of room for libwebsockets in front */
    size_t sent;
    bool open;  /* there is a body to be released */
    bool close; /* and the connection ends behind it */
};

/* ---- What libwebsockets says: the first error of making a context tells why there is none ---- */

static _Thread_local char said[SAID];

static void hear(int level, const char *line) {
    const char *text = strchr(line, ':'); /* behind the time and the level */
    if (!(level & LLL_ERR) || said[0]) return;
    snprintf(said, sizeof said, "%s", text ? text + 1 + strspn(text + 1, " ") : line);
    said[strcspn(said, "\n")] = 0;
}

/* ---- Answers ---- */

static const struct pl_http_route *find(const struct pl_http_server *server, const char *path) {
    const struct pl_http_route *route = server->options.routes;
    while (route->path && strcmp(route->path, path) != 0)
        route++;
    return route->path ? route : NULL;
}

static void end_exchange(struct exchange *exchange) {
    if (exchange->open) pl_buffer_fini(&exchange->body);
    *exchange = (struct exchange){0};
}

static void refuse(struct pl_http_reply *reply, unsigned status, const char *text) {
    static const char room[LWS_PRE];
    pl_buffer_fini(&reply->body);
    pl_buffer_init(&reply->body, BODY_MAX);
    pl_buffer_put(&reply->body, room, sizeof room);
    pl_buffer_puts(&reply->body, text);
    reply->status = status;
    reply->type = "text/plain; charset=utf-8";
}

static void make_reply(struct pl_http_server *server, const char *path, bool reads, struct pl_http_reply *reply) {
    static const char room[LWS_PRE];
    const struct pl_http_route *route = find(server, path);
    *reply = (struct pl_http_reply){.status = OK, .type = "text/plain; charset=utf-8"};
    pl_buffer_init(&reply->body, BODY_MAX);
    pl_buffer_put(&reply->body, room, sizeof room);
    if (!route)
        refuse(reply, NOT_FOUND, "not found\n");
    else if (!reads)
        refuse(reply, NOT_ALLOWED, "only GET and HEAD\n");
    else
        route->answer(server->options.arg, reply);
    if (pl_buffer_failed(&reply->body)) refuse(reply, BROKEN, "no memory for the answer\n");
}

static bool write_head(struct lws *wsi, const struct pl_http_reply *reply, bool close) {
    unsigned char head[LWS_PRE + HEAD], *at = head + LWS_PRE, *start = at, *end = head + sizeof head - 1;
    static const unsigned char allowed[] = "GET, HEAD", closed[] = "close";
    if (lws_add_http_common_headers(wsi, reply->status | LWSAHH_FLAG_NO_SERVER_NAME, reply->type,
                                    reply->body.size - LWS_PRE, &at, end))
        return false;
    if (reply->status == NOT_ALLOWED && lws_add_http_header_by_name(wsi, (const unsigned char *)"allow:", allowed,
                                                                    (int)strlen((const char *)allowed), &at, end))
        return false;
    if (close && lws_add_http_header_by_name(wsi, (const unsigned char *)"connection:", closed,
                                             (int)strlen((const char *)closed), &at, end))
        return false;
    return lws_finalize_write_http_header(wsi, start, &at, end) == 0;
}

/* 0: the connection goes on; libwebsockets closes it for anything else. */
static int complete(struct lws *wsi, struct exchange *exchange) {
    bool close = exchange->close;
    end_exchange(exchange);
    return lws_http_transaction_completed(wsi) || close ? -1 : 0;
}

static int begin(struct lws *wsi, struct exchange *exchange, const char *path) {
    struct pl_http_server *server = lws_context_user(lws_get_context(wsi));
    bool get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
    bool head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    struct pl_http_reply reply;
    end_exchange(exchange);
    make_reply(server, path, get || head, &reply);
    exchange->body = reply.body;
    exchange->sent = LWS_PRE;
    exchange->open = true;
    exchange->close = !(get || head); /* whatever comes with it is not read */
    if (pl_buffer_failed(&reply.body) || !write_head(wsi, &reply, exchange->close)) return -1;
    if (head) return complete(wsi, exchange);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, PATIENCE_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static int go_on(struct lws *wsi, struct exchange *exchange) {
    if (!exchange->open) return 0;
    size_t left = exchange->body.size - exchange->sent, piece = left < PIECE ? left : PIECE;
    bool last = piece == left;
    unsigned char *at = (unsigned char *)exchange->body.data + exchange->sent;
    if (lws_write(wsi, at, piece, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)piece) return -1;
    exchange->sent += piece;
    if (last) return complete(wsi, exchange);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, PATIENCE_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
    switch (reason) {
    case LWS_CALLBACK_HTTP: return begin(wsi, user, in);
    case LWS_CALLBACK_HTTP_WRITEABLE: return go_on(wsi, user);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (user) end_exchange(user);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* to nothing */
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return -1;
    case LWS_CALLBACK_HTTP_BODY: /* what came with a request that is refused: the end follows the answer */
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return 0;
    default: return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

/* ---- Life ---- */

static bool read_address(struct pl_http_server *server, const char *text) {
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !pl_text_int(colon + 1, strlen(colon + 1), &port) || port < 0 || port > PORT_MAX) return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (!bracketed && memchr(text, ':', length)) return false;
    if (length >= sizeof server->host) return false;
    snprintf(server->host, sizeof server->host, "%.*s", (int)(length - (bracketed ? 2 : 0)), text + bracketed);
    if (!length || strcmp(server->host, "localhost") == 0) strcpy(server->host, "127.0.0.1");
    server->port = (int)port;
    struct in6_addr address;
    server->six = inet_pton(AF_INET6, server->host, &address) == 1;
    return server->six || inet_pton(AF_INET, server->host, &address) == 1;
}

static void on_end(uv_async_t *async) {
    uv_stop(async->loop);
}

static void *run(void *arg) {
    struct pl_http_server *server = arg;
    pthread_setname_np(pthread_self(), "http");
    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* The listener is made behind the context: where that fails (the port is taken), the context is there to be ended in
 * good order. One that could not be made has taken its code out of the process, with handles of it still in the loop.
 */
static enum pl_code listen_there(struct pl_http_server *server, struct pl_error **error) {
    static const struct lws_protocols protocols[] = {{"http", on_event, sizeof(struct exchange), 0, 0, NULL, 0},
                                                     {NULL, NULL, 0, 0, 0, NULL, 0}};
    void *loops[] = {&server->loop};
    struct lws_context_creation_info info = {
        .port = server->port,
        .iface = server->host,
        .vhost_name = "http",
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE |
                   (server->six ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .foreign_loops = loops,
        .pcontext = &server->context, /* NULL again when it is gone */
        .fd_limit_per_thread = PL_HTTP_CONNECTIONS,
        .max_http_header_pool = PL_HTTP_CONNECTIONS,
        .max_http_header_data = PL_HTTP_HEADERS,
        .timeout_secs = PATIENCE_S,
        .timeout_secs_ah_idle = PATIENCE_S,
        .keepalive_timeout = KEEP_S,
        .user = server,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
    };
    said[0] = 0;
    lws_set_log_level(LLL_ERR, hear);
    server->context = lws_create_context(&info);
    struct lws_vhost *host = server->context ? lws_create_vhost(server->context, &info) : NULL;
    if (!server->context) return pl_error_set(error, PL_UNAVAILABLE, "no HTTP: %s", said);
    if (!host)
        return pl_error_set(error, PL_BUSY, "cannot listen at %s: it is in use, or no address of this machine",
                            server->options.address);
    server->port = lws_get_vhost_listen_port(host);
    return PL_OK;
}

enum pl_code pl_http_open(const struct pl_http_options *options, struct pl_http_server **server,
                          struct pl_error **error) {
    struct pl_http_server *s = *server = PL_NEW(struct pl_http_server);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for a listener");
    s->options = *options;
    if (!read_address(s, options->address)) {
        pl_free(s);
        *server = NULL;
        return pl_error_set(error, PL_USAGE, "\"%s\" is no address to listen at; write 127.0.0.1:9464",
                            options->address);
    }
    uv_loop_init(&s->loop);
    uv_async_init(&s->loop, &s->end, on_end);
    enum pl_code code = listen_there(s, error);
    if (!code) s->running = pthread_create(&s->thread, NULL, run, s) == 0;
    if (!code && !s->running) code = pl_error_set(error, PL_LIMIT, "cannot start the thread of a listener");
    if (!code) return PL_OK;
    pl_http_close(s);
    *server = NULL;
    return code;
}

int pl_http_port(const struct pl_http_server *server) {
    return server->port;
}

void pl_http_close(struct pl_http_server *server) {
    if (!server) return;
    if (server->running) {
        uv_async_send(&server->end);
        pthread_join(server->thread, NULL);
    }
    if (server->context) lws_context_destroy(server->context);
    uv_close((uv_handle_t *)&server->end, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    if (server->context) lws_context_destroy(server->context); /* in two steps: its handles had to be closed first */
    uv_loop_close(&server->loop);
    pl_free(server);
}
