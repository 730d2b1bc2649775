#include "exchange.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/utf8.h"

enum {
    BODY_MAX = 64 << 20, /* of an answer */
    HEADERS_MAX = 4096,
    PIECE = 16 << 10,
    HEAD = 2048 + HEADERS_MAX,
    PATIENCE_S = 5,
    STREAM_PATIENCE_S = 30,
    FILL_MAX = 8 << 20,    /* of a stream's piece: a row may be long */
    DISCARD_MAX = 8 << 20, /* of a body that is refused: read, so that the answer is */
    UNDER_WAY = 128 << 20  /* of all answers that are being taken */
};
enum {
    OK = 200,
    BAD = 400,
    NOT_ALLOWED = 405,
    LENGTH_REQUIRED = 411,
    TOO_LARGE = 413,
    BROKEN = 500,
    NOT_DONE = 501,
    NOT_NOW = 503
};
enum { NOTED_ID = 129, NOTED_USER = 96 };
#define BODY_PATIENCE_NS (UINT64_C(10) * 1000000000)

const char *const pl_http_method_names[PL_HTTP_METHODS + 1] = {"GET",   "HEAD",   "POST",    "PUT",
                                                               "PATCH", "DELETE", "OPTIONS", "another"};

struct pl_http_exchange {
    struct pl_http_request request;
    struct pl_buffer text; /* of the request */
    struct pl_buffer body;
    uint64_t expected, taken; /* of the body */
    uint64_t begun;
    struct lws *wsi; /* NULL: the peer has left */
    struct pl_http_reply reply;
    size_t counted;                        /* of under_way */
    bool whole, answered, head_sent, bare; /* bare: the head is all */
    size_t sent;
    struct pl_http_stream stream;
    bool streams, waits; /* waits: until the peer takes what there is */
    const struct pl_http_listener *listener;
    char correlation[NOTED_ID], user[NOTED_USER];
};

static _Thread_local size_t under_way; /* bytes of answers; all of a server are on its thread */

/* ---- Replies ---- */

static const char room[LWS_PRE]; /* for libwebsockets, in front of what is written */

void pl_http_reply_init(struct pl_http_reply *reply, unsigned status, const char *type) {
    *reply = (struct pl_http_reply){.status = status, .type = type};
    pl_buffer_init(&reply->headers, HEADERS_MAX);
    pl_buffer_init(&reply->body, BODY_MAX);
    pl_buffer_put(&reply->body, room, sizeof room);
}

void pl_http_reply_fini(struct pl_http_reply *reply) {
    pl_buffer_fini(&reply->headers);
    pl_buffer_fini(&reply->body);
}

void pl_http_reply_header(struct pl_http_reply *reply, const char *name, const char *value) {
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) return;
    pl_buffer_puts(&reply->headers, name);
    pl_buffer_put(&reply->headers, ":", 2); /* and its 0 */
    pl_buffer_put(&reply->headers, value, strlen(value) + 1);
}

/* ---- Requests ---- */

static const enum lws_token_indexes paths[PL_HTTP_METHODS] = {
    [PL_HTTP_GET] = WSI_TOKEN_GET_URI,        [PL_HTTP_HEAD] = WSI_TOKEN_HEAD_URI,
    [PL_HTTP_POST] = WSI_TOKEN_POST_URI,      [PL_HTTP_PUT] = WSI_TOKEN_PUT_URI,
    [PL_HTTP_PATCH] = WSI_TOKEN_PATCH_URI,    [PL_HTTP_DELETE] = WSI_TOKEN_DELETE_URI,
    [PL_HTTP_OPTIONS] = WSI_TOKEN_OPTIONS_URI};

static enum pl_http_method method_of(struct lws *wsi) {
    for (unsigned i = 0; i < PL_HTTP_METHODS; i++)
        if (lws_hdr_total_length(wsi, paths[i]) > 0) return (enum pl_http_method)i;
    return PL_HTTP_METHODS;
}

/* What was meant by a path that is not there to its end is not known. libwebsockets ends one at a %0d or %0a, as if the
 * line had ended there: the version of HTTP, which stands behind a whole one, is not found then. A %00 ends the text.
 */
static bool is_cut(struct lws *wsi, enum pl_http_method method, const char *path) {
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP) <= 0 || method == PL_HTTP_METHODS ||
           (size_t)lws_hdr_total_length(wsi, paths[method]) != strlen(path);
}

/* Behind the texts that are there; SIZE_MAX without memory, or when it holds a 0 or no UTF-8. */
static size_t keep(struct pl_http_exchange *exchange, const char *text, size_t length) {
    size_t at = exchange->text.size;
    if (memchr(text, 0, length) || !pl_utf8_check(text, length)) return SIZE_MAX;
    if (!pl_buffer_put(&exchange->text, text, length) || !pl_buffer_putc(&exchange->text, 0)) return SIZE_MAX;
    return at;
}

static size_t keep_custom(struct pl_http_exchange *exchange, const char *name) {
    char value[PL_HTTP_HEADERS];
    int length = lws_hdr_custom_length(exchange->wsi, name, (int)strlen(name));
    if (length <= 0) return keep(exchange, "", 0);
    if (length >= (int)sizeof value ||
        lws_hdr_custom_copy(exchange->wsi, value, sizeof value, name, (int)strlen(name)) < 0)
        return SIZE_MAX;
    return keep(exchange, value, (size_t)length);
}

static size_t keep_known(struct pl_http_exchange *exchange, enum lws_token_indexes token) {
    char value[PL_HTTP_HEADERS];
    int length = lws_hdr_total_length(exchange->wsi, token);
    if (length <= 0) return keep(exchange, "", 0);
    if (length >= (int)sizeof value || lws_hdr_copy(exchange->wsi, value, sizeof value, token) < 0) return SIZE_MAX;
    return keep(exchange, value, (size_t)length);
}

/* Texts move while they are gathered: places first, pointers at the end. */
struct places {
    size_t path, header[PL_HTTP_REQUEST_HEADERS], argument[PL_HTTP_ARGUMENTS];
};

static bool gather_headers(struct pl_http_exchange *exchange, struct places *at) {
    static const enum lws_token_indexes known[] = {[PL_HTTP_AUTHORIZATION] = WSI_TOKEN_HTTP_AUTHORIZATION,
                                                   [PL_HTTP_CONTENT_TYPE] = WSI_TOKEN_HTTP_CONTENT_TYPE,
                                                   [PL_HTTP_ACCEPT_ENCODING] = WSI_TOKEN_HTTP_ACCEPT_ENCODING,
                                                   [PL_HTTP_IF_NONE_MATCH] = WSI_TOKEN_HTTP_IF_NONE_MATCH,
                                                   [PL_HTTP_IF_MATCH] = WSI_TOKEN_HTTP_IF_MATCH,
                                                   [PL_HTTP_ORIGIN] = WSI_TOKEN_ORIGIN};
    static const char *const custom[PL_HTTP_REQUEST_HEADERS] = {[PL_HTTP_CORRELATION_ID] = "x-correlation-id:",
                                                                [PL_HTTP_IDEMPOTENCY_KEY] = "idempotency-key:",
                                                                [PL_HTTP_LAST_EVENT_ID] = "last-event-id:"};
    for (unsigned i = 0; i < PL_HTTP_REQUEST_HEADERS; i++) {
        at->header[i] = custom[i] ? keep_custom(exchange, custom[i]) : keep_known(exchange, known[i]);
        if (at->header[i] == SIZE_MAX) return false;
    }
    return true;
}

static bool gather_arguments(struct pl_http_exchange *exchange, struct places *at) {
    char text[PL_HTTP_HEADERS];
    for (int i = 0;; i++) {
        int length = lws_hdr_copy_fragment(exchange->wsi, text, sizeof text, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length < 0) return i == 0 || lws_hdr_fragment_length(exchange->wsi, WSI_TOKEN_HTTP_URI_ARGS, i) == 0;
        if (length == 0) return true;
        if (exchange->request.arguments == PL_HTTP_ARGUMENTS) return false;
        size_t place = keep(exchange, text, (size_t)length);
        if (place == SIZE_MAX) return false;
        at->argument[exchange->request.arguments++] = place;
    }
}

static bool gather(struct pl_http_exchange *exchange, const char *path) {
    struct places at;
    struct pl_http_request *request = &exchange->request;
    at.path = keep(exchange, path, strlen(path));
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) return false;
    if (at.path == SIZE_MAX || !gather_headers(exchange, &at) || !gather_arguments(exchange, &at)) return false;
    request->path = exchange->text.data + at.path;
    for (unsigned i = 0; i < PL_HTTP_REQUEST_HEADERS; i++)
        request->header[i] = exchange->text.data + at.header[i];
    for (unsigned i = 0; i < request->arguments; i++)
        request->argument[i] = exchange->text.data + at.argument[i];
    return true;
}

/* "Content-Length : 5" is another header for libwebsockets; who is between may take it for the length. */
static bool hides_length(struct lws *wsi) {
    static const char *const names[] = {
        "content-length :", "content-length\t:", "transfer-encoding :", "transfer-encoding\t:"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (lws_hdr_custom_length(wsi, names[i], (int)strlen(names[i])) >= 0) return true;
    return false;
}

/* The status of a refusal, or 0 with what the body is to be. A body without a length, or with two ways to tell it, is
 * how one request is hidden in another. */
static unsigned length_of(struct pl_http_exchange *exchange, uint64_t *length) {
    char text[24];
    int64_t value;
    struct lws *wsi = exchange->wsi;
    enum pl_http_method method = exchange->request.method;
    bool wants = method == PL_HTTP_POST || method == PL_HTTP_PUT || method == PL_HTTP_PATCH;
    int size = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    *length = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) return wants ? LENGTH_REQUIRED : NOT_DONE;
    if (size <= 0) return wants ? LENGTH_REQUIRED : 0;
    if (size >= (int)sizeof text || lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0) return BAD;
    if (strspn(text, "0123456789") != (size_t)size || !pl_text_int(text, (size_t)size, &value)) return BAD;
    *length = (uint64_t)value;
    return *length > PL_HTTP_BODY ? TOO_LARGE : 0;
}

static bool is_near(const char *peer) {
    return strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 || strncmp(peer, "::ffff:127.", 11) == 0;
}

static struct pl_http_exchange *make(struct lws *wsi, enum pl_http_method method,
                                     const struct pl_http_listener *listener) {
    struct pl_http_exchange *exchange = PL_NEW(struct pl_http_exchange);
    if (!exchange) return NULL;
    struct pl_http_request *request = &exchange->request;
    exchange->wsi = wsi;
    exchange->listener = listener;
    exchange->begun = uv_hrtime();
    pl_buffer_init(&exchange->text, 4 * PL_HTTP_HEADERS);
    pl_buffer_init(&exchange->body, PL_HTTP_BODY + 1);
    request->method = method;
    request->body = request->path = "";
    for (unsigned i = 0; i < PL_HTTP_REQUEST_HEADERS; i++)
        request->header[i] = "";
    lws_get_peer_simple(wsi, request->peer, sizeof request->peer);
    request->near = is_near(request->peer);
    return exchange;
}

struct pl_http_exchange *pl__exchange_new(struct lws *wsi, const char *path, const struct pl_http_listener *listener) {
    struct pl_http_exchange *exchange = make(wsi, method_of(wsi), listener);
    if (!exchange) return NULL;
    struct pl_http_request *request = &exchange->request;
    bool bad = is_cut(wsi, request->method, path) || hides_length(wsi) || !gather(exchange, path);
    request->refused = bad ? BAD : 0;
    unsigned length = length_of(exchange, &exchange->expected);
    if (!request->refused && !listener->bodies && request->method > PL_HTTP_HEAD) request->refused = NOT_ALLOWED;
    if (!request->refused) request->refused = length;
    if (exchange->expected > DISCARD_MAX || (length && length != TOO_LARGE)) exchange->expected = 0;
    exchange->reply.close = request->refused != 0;
    return exchange;
}

/* METHOD /path?arguments HTTP/1.1: its path, as it is written. */
static bool gather_line(struct pl_http_exchange *exchange, const char *bytes, size_t size) {
    const char *end = memchr(bytes, '\r', size), *method = memchr(bytes, ' ', size);
    if (!end || !method || method == bytes || method > end || method[1] != '/') return false;
    for (const char *c = bytes; c < method; c++)
        if (*c < 'A' || *c > 'Z') return false;
    const char *path = method + 1, *version = memchr(path, ' ', (size_t)(end - path));
    if (!version || end - version != sizeof " HTTP/1.1" - 1 || memcmp(version, " HTTP/1.", 8) != 0) return false;
    const char *arguments = memchr(path, '?', (size_t)(version - path));
    if (keep(exchange, path, (size_t)((arguments ? arguments : version) - path)) == SIZE_MAX) return false;
    exchange->request.path = exchange->text.data;
    return true;
}

struct pl_http_exchange *pl__exchange_strange(struct lws *wsi, const char *bytes, size_t size,
                                              const struct pl_http_listener *listener) {
    struct pl_http_exchange *exchange = make(wsi, PL_HTTP_METHODS, listener);
    if (!exchange) return NULL;
    exchange->request.refused = !gather_line(exchange, bytes, size) ? BAD : listener->bodies ? 0 : NOT_ALLOWED;
    exchange->reply.close = true;
    return exchange;
}

bool pl__exchange_wants_body(const struct pl_http_exchange *exchange) {
    return exchange->expected > 0 && !exchange->whole;
}

/* Of what is refused everything that comes is let go, so that the answer is read. */
bool pl__exchange_body(struct pl_http_exchange *exchange, const void *bytes, size_t size) {
    bool refused = exchange->request.refused != 0;
    exchange->taken += size;
    if (uv_hrtime() - exchange->begun > BODY_PATIENCE_NS || (exchange->answered && !refused)) return false;
    if (refused) return exchange->taken <= DISCARD_MAX;
    return exchange->taken <= exchange->expected && pl_buffer_put(&exchange->body, bytes, size);
}

void pl__exchange_whole(struct pl_http_exchange *exchange) {
    exchange->whole = true;
    exchange->request.size = exchange->body.size;
    if (exchange->request.refused || !pl_buffer_putc(&exchange->body, 0)) exchange->request.size = 0;
    exchange->request.body = exchange->request.size ? exchange->body.data : "";
}

const struct pl_http_request *pl_http_request(const struct pl_http_exchange *exchange) {
    return &exchange->request;
}

const char *pl_http_argument(const struct pl_http_request *request, const char *name) {
    size_t length = strlen(name);
    for (unsigned i = 0; i < request->arguments; i++)
        if (strncmp(request->argument[i], name, length) == 0 && request->argument[i][length] == '=')
            return request->argument[i] + length + 1;
    return NULL;
}

/* ---- Answering ---- */

void pl_http_note(struct pl_http_exchange *exchange, const char *correlation, const char *user) {
    snprintf(exchange->correlation, sizeof exchange->correlation, "%s", correlation);
    snprintf(exchange->user, sizeof exchange->user, "%s", user);
}

static void tell_end(const struct pl_http_exchange *exchange) {
    const struct pl_http_listener *listener = exchange->listener;
    if (!listener->served || !exchange->whole) return;
    listener->served(listener->arg, &(struct pl_http_served){.request = &exchange->request,
                                                             .status = exchange->head_sent ? exchange->reply.status : 0,
                                                             .bytes = exchange->sent,
                                                             .duration = uv_hrtime() - exchange->begun,
                                                             .correlation = exchange->correlation,
                                                             .user = exchange->user});
}

static void free_exchange(struct pl_http_exchange *exchange) {
    tell_end(exchange);
    if (exchange->streams) exchange->stream.gone(exchange->stream.arg);
    under_way -= exchange->counted;
    if (exchange->answered) pl_http_reply_fini(&exchange->reply);
    pl_buffer_fini(&exchange->text);
    pl_buffer_fini(&exchange->body);
    pl_free(exchange);
}

static void replace(struct pl_http_reply *reply, unsigned status, const char *text) {
    struct pl_http_reply other;
    pl_http_reply_init(&other, status, "application/problem+json");
    pl_buffer_puts(&other.body, text);
    for (size_t i = 0; !pl_buffer_failed(&reply->headers) && i < reply->headers.size;) {
        const char *name = reply->headers.data + i, *value = name + strlen(name) + 1;
        size_t size = strlen(name) + strlen(value) + 2;
        bool stays = strcmp(name, "x-request-id:") == 0 || strcmp(name, "cache-control:") == 0;
        if (stays) pl_buffer_put(&other.headers, name, size); /* else it is of the answer that is not given */
        i += size;
    }
    if (status == NOT_NOW) pl_http_reply_header(&other, "retry-after", "1");
    pl_http_reply_fini(reply);
    *reply = other;
}

/* What there is no room for becomes another answer. */
static void fit(struct pl_http_reply *reply) {
    if (pl_buffer_failed(&reply->body) || pl_buffer_failed(&reply->headers))
        replace(reply, BROKEN,
                "{\"type\":\"about:blank\",\"title\":\"Internal error\",\"status\":500,\"code\":\"ERR-5000\","
                "\"detail\":\"The answer is too long, or there is no memory for it.\"}");
    else if (reply->body.size > PIECE && under_way + reply->body.size > UNDER_WAY)
        replace(reply, NOT_NOW,
                "{\"type\":\"about:blank\",\"title\":\"Not available now\",\"status\":503,\"code\":\"ERR-5031\","
                "\"detail\":\"Too many large answers are being taken at once.\"}");
}

static void give(struct pl_http_exchange *exchange, struct pl_http_reply *reply) {
    bool close = exchange->reply.close;
    fit(reply);
    under_way += exchange->counted = reply->body.size;
    exchange->reply = *reply;
    exchange->reply.close |= close;
    exchange->answered = true;
    if (!exchange->wsi) {
        free_exchange(exchange);
        return;
    }
    lws_rx_flow_control(exchange->wsi, 1); /* nor is anything written while it is off */
    lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_HTTP_CONTENT, PATIENCE_S);
    lws_callback_on_writable(exchange->wsi);
}

void pl_http_answer(struct pl_http_exchange *exchange, struct pl_http_reply *reply) {
    exchange->bare = exchange->request.method == PL_HTTP_HEAD;
    give(exchange, reply);
}

void pl_http_stream(struct pl_http_exchange *exchange, struct pl_http_reply *reply,
                    const struct pl_http_stream *stream) {
    exchange->streams = true;
    exchange->stream = *stream;
    reply->close = true;
    give(exchange, reply);
}

void pl_http_stream_wake(struct pl_http_exchange *exchange) {
    if (!exchange->wsi || !exchange->head_sent) return;
    if (!exchange->waits) lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_HTTP_CONTENT, STREAM_PATIENCE_S);
    exchange->waits = true; /* more rows are no more patience */
    lws_callback_on_writable(exchange->wsi);
}

void pl__exchange_left(struct pl_http_exchange *exchange) {
    exchange->wsi = NULL;
    if (exchange->answered || !exchange->whole) free_exchange(exchange); /* else who has it answers it */
}

/* ---- Writing ---- */

static size_t size_of(const struct pl_http_reply *reply) {
    if (reply->lasting) return reply->lasting_size;
    return pl_buffer_failed(&reply->body) ? 0 : reply->body.size - LWS_PRE; /* no memory, not even to say so */
}

static bool add_header(struct lws *wsi, const char *name, const char *value, unsigned char **at, unsigned char *end) {
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value,
                                       (int)strlen(value), at, end) == 0;
}

/* Of every answer. No Strict-Transport-Security: it would hold for every port of the host, so for /metrics too. */
static const char *const always[][2] = {
    {"content-security-policy:", "default-src 'none'; img-src 'self' data:; script-src 'self'; font-src 'self'; "
                                 "style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
                                 "form-action 'self'"},
    {"x-content-type-options:", "nosniff"},
    {"x-frame-options:", "deny"},
    {"referrer-policy:", "no-referrer"}};

static bool write_head(struct pl_http_exchange *exchange) {
    const struct pl_http_reply *reply = &exchange->reply;
    unsigned char head[LWS_PRE + HEAD], *at = head + LWS_PRE, *start = at, *end = head + sizeof head - 1;
    lws_filepos_t size = exchange->streams ? LWS_ILLEGAL_HTTP_CONTENT_LEN : size_of(reply);
    bool good = lws_add_http_common_headers(exchange->wsi, reply->status | LWSAHH_FLAG_NO_SERVER_NAME, reply->type,
                                            size, &at, end) == 0;
    for (size_t i = 0; good && i < sizeof always / sizeof *always; i++)
        good = add_header(exchange->wsi, always[i][0], always[i][1], &at, end);
    for (size_t i = 0; good && i < reply->headers.size;) {
        const char *name = reply->headers.data + i, *value = name + strlen(name) + 1;
        good = add_header(exchange->wsi, name, value, &at, end);
        i += strlen(name) + strlen(value) + 2;
    }
    if (good && reply->close) good = add_header(exchange->wsi, "connection:", "close", &at, end);
    return good && lws_finalize_write_http_header(exchange->wsi, start, &at, end) == 0;
}

/* What the server does next is to end it. */
static int complete(bool *over) {
    *over = true;
    return 0;
}

bool pl__exchange_end(struct pl_http_exchange *exchange) {
    bool close = exchange->reply.close;
    free_exchange(exchange);
    return !close;
}

static int write_stream(struct pl_http_exchange *exchange, bool *over) {
    struct pl_buffer out;
    pl_buffer_init(&out, FILL_MAX + LWS_PRE);
    pl_buffer_put(&out, room, sizeof room);
    bool more = exchange->stream.fill(exchange->stream.arg, &out), failed = pl_buffer_failed(&out);
    size_t size = failed ? 0 : out.size - LWS_PRE;
    int status = failed || (size && lws_write(exchange->wsi, (unsigned char *)out.data + LWS_PRE, size,
                                              LWS_WRITE_HTTP) < (int)size);
    pl_buffer_fini(&out);
    if (status) return -1;
    exchange->sent += size;
    if (!more) return complete(over);
    lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
    exchange->waits = false;
    if (size) pl_http_stream_wake(exchange); /* until there is nothing more */
    return 0;
}

static bool write_piece(struct pl_http_exchange *exchange, bool *last) {
    const struct pl_http_reply *reply = &exchange->reply;
    unsigned char copy[LWS_PRE + PIECE], *at;
    size_t left = size_of(reply) - exchange->sent, piece = left < PIECE ? left : PIECE;
    if (reply->lasting) {
        memcpy(copy + LWS_PRE, reply->lasting + exchange->sent, piece);
        at = copy + LWS_PRE;
    } else {
        at = (unsigned char *)reply->body.data + LWS_PRE + exchange->sent;
    }
    *last = piece == left;
    exchange->sent += piece;
    return lws_write(exchange->wsi, at, piece, *last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >= (int)piece;
}

int pl__exchange_write(struct pl_http_exchange *exchange, bool *over) {
    bool last = false;
    *over = false;
    if (!exchange->answered) return 0;
    if (exchange->head_sent && exchange->streams) return write_stream(exchange, over);
    if (!exchange->head_sent) {
        if (!write_head(exchange)) return -1;
        exchange->head_sent = true;
        if (exchange->bare || (!exchange->streams && !size_of(&exchange->reply))) return complete(over);
    } else {
        if (!write_piece(exchange, &last)) return -1;
        if (last) return complete(over);
    }
    lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_HTTP_CONTENT, PATIENCE_S);
    lws_callback_on_writable(exchange->wsi);
    return 0;
}
