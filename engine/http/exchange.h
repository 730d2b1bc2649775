/* exchange.h: a request and its answer.
 *
 *     const struct pl_http_request *request = pl_http_request(exchange);
 *     struct pl_http_reply reply;
 *     pl_http_reply_init(&reply, 200, "application/json");
 *     pl_buffer_puts(&reply.body, "{}");
 *     pl_http_answer(exchange, &reply);                      // the exchange is over
 *
 * An exchange lives until it is answered, also when its peer has left before; texts of the request live as long. All on
 * the server's thread.
 *
 * An answer that has no end (events) is a stream: `fill` is called when the peer can take more, so nothing waits in
 * memory for one that is slow.
 */
#ifndef POTLINE_HTTP_EXCHANGE_H
#define POTLINE_HTTP_EXCHANGE_H

#include "base/buffer.h"
#include "http/server.h"

enum pl_http_method {
    PL_HTTP_GET,
    PL_HTTP_HEAD,
    PL_HTTP_POST,
    PL_HTTP_PUT,
    PL_HTTP_PATCH,
    PL_HTTP_DELETE,
    PL_HTTP_OPTIONS,
    PL_HTTP_METHODS /* another one: its request has a path, and nothing else */
};
extern const char *const pl_http_method_names[PL_HTTP_METHODS + 1];

enum pl_http_header {
    PL_HTTP_AUTHORIZATION,
    PL_HTTP_CONTENT_TYPE,
    PL_HTTP_ACCEPT_ENCODING,
    PL_HTTP_IF_NONE_MATCH,
    PL_HTTP_IF_MATCH,
    PL_HTTP_ORIGIN,
    PL_HTTP_CORRELATION_ID,
    PL_HTTP_IDEMPOTENCY_KEY,
    PL_HTTP_LAST_EVENT_ID,
    PL_HTTP_REQUEST_HEADERS
};

enum { PL_HTTP_ARGUMENTS = 32 };

struct pl_http_request {
    enum pl_http_method method;
    const char *path;                        /* decoded */
    const char *argument[PL_HTTP_ARGUMENTS]; /* "name=value" of the query, decoded */
    unsigned arguments;
    const char *header[PL_HTTP_REQUEST_HEADERS]; /* "": not there */
    const char *body;                            /* a 0 behind it */
    size_t size;
    char peer[64];    /* its address, as a number */
    bool near;        /* on this machine */
    unsigned refused; /* the status that it has to be answered with, as it cannot be read whole; 0: it can */
};

struct pl_http_reply {
    unsigned status;
    const char *type; /* of the content, static; NULL: without any */
    struct pl_buffer headers;
    struct pl_buffer body; /* one that has failed becomes a 500 */
    const char *lasting;   /* instead of it: bytes that stay as long as the server does */
    size_t lasting_size;
    bool close; /* the connection ends behind it */
};

void pl_http_reply_init(struct pl_http_reply *reply, unsigned status, const char *type);
void pl_http_reply_fini(struct pl_http_reply *reply); /* one that is not given to an exchange */
/* A value with control characters in it is left out, with its header. */
void pl_http_reply_header(struct pl_http_reply *reply, const char *name, const char *value);

const struct pl_http_request *pl_http_request(const struct pl_http_exchange *exchange);
/* The value of an argument of the query; NULL without it. */
const char *pl_http_argument(const struct pl_http_request *request, const char *name);

void pl_http_answer(struct pl_http_exchange *exchange, struct pl_http_reply *reply); /* takes both */

/* ---- Streams ---- */

struct pl_http_stream {
    /* More for the peer, some 64 KiB, or nothing for now; false: that was the end. */
    bool (*fill)(void *arg, struct pl_buffer *out);
    void (*gone)(void *arg); /* the last call, always */
    void *arg;
};

/* The head of `reply` now, then what `fill` gives. Takes the reply; the exchange is the stream's until `gone`. */
void pl_http_stream(struct pl_http_exchange *exchange, struct pl_http_reply *reply,
                    const struct pl_http_stream *stream);
void pl_http_stream_wake(struct pl_http_exchange *exchange); /* there is more */

/* What the end of it is told with: copied; cut where it is longer. */
void pl_http_note(struct pl_http_exchange *exchange, const char *correlation, const char *user);

struct pl_http_served { /* borrowed for the call */
    const struct pl_http_request *request;
    unsigned status;                /* 0: the peer has left before */
    uint64_t bytes;                 /* of the body that were sent */
    uint64_t duration;              /* since its head had come, ns */
    const char *correlation, *user; /* as noted, else "" */
};

/* ---- Inside: what the server tells an exchange ---- */

struct lws;
struct pl_http_exchange *pl__exchange_new(struct lws *wsi, const char *path, const struct pl_http_listener *listener);
/* By the first bytes of a request with another method. */
struct pl_http_exchange *pl__exchange_strange(struct lws *wsi, const char *bytes, size_t size,
                                              const struct pl_http_listener *listener);
bool pl__exchange_wants_body(const struct pl_http_exchange *exchange);
bool pl__exchange_body(struct pl_http_exchange *exchange, const void *bytes, size_t size);
void pl__exchange_whole(struct pl_http_exchange *exchange);            /* the body has come */
int pl__exchange_write(struct pl_http_exchange *exchange, bool *over); /* not 0: the connection is lost */
bool pl__exchange_end(struct pl_http_exchange *exchange);  /* one that is over; does the connection go on? */
void pl__exchange_left(struct pl_http_exchange *exchange); /* the peer has */

#endif
