/* server.h: a listener for HTTP, on a thread and a loop of its own (libwebsockets).
 *
 *     static const struct pl_http_route routes[] = {{"/healthz", answer_health}, {NULL, NULL}};
 *     struct pl_http_options options = {.address = "127.0.0.1:9464", .routes = routes, .arg = engine};
 *     code = pl_http_open(&options, &server, &error);
 *     ...
 *     pl_http_close(server);
 *
 * Routes are asked with GET or HEAD; other methods are 405, other paths 404. An answer is made whole, in memory, and
 * sent as the peer takes it. Handlers run on the server's thread: nothing of the data path waits for a peer, and one
 * that dawdles waits for nobody.
 *
 * Limits: PL_HTTP_CONNECTIONS at a time (more wait in the kernel's queue), headers of PL_HTTP_HEADERS bytes, five
 * seconds for a request to arrive and for each piece of the answer to leave; a connection that is kept open without
 * requests is closed after fifteen.
 */
#ifndef POTLINE_HTTP_SERVER_H
#define POTLINE_HTTP_SERVER_H

#include <potline/error.h>

#include "base/buffer.h"

enum { PL_HTTP_CONNECTIONS = 64, PL_HTTP_HEADERS = 4096 };

struct pl_http_server;

struct pl_http_reply {
    unsigned status;       /* 200 when it is not set */
    const char *type;      /* of the content, static */
    struct pl_buffer body; /* one that has failed becomes a 500 */
};

struct pl_http_route {
    const char *path; /* whole; the array ends in NULL */
    void (*answer)(void *arg, struct pl_http_reply *reply);
};

struct pl_http_options {
    const char *address;                /* "127.0.0.1:9464", "[::1]:9464", ":9464" (127.0.0.1); port 0: any */
    const struct pl_http_route *routes; /* borrowed */
    void *arg;
};

/* PL_USAGE: the address is none; PL_BUSY: somebody else has it. */
enum pl_code pl_http_open(const struct pl_http_options *options, struct pl_http_server **server,
                          struct pl_error **error);
int pl_http_port(const struct pl_http_server *server);
void pl_http_close(struct pl_http_server *server); /* NULL is fine */

#endif
