/* server.h: listeners for HTTP/1.1, on a thread and a loop of their own (libwebsockets).
 *
 *     code = pl_http_new(PL_HTTP_WATCHERS, &server, &error);
 *     if (!code) code = pl_http_listen(server, &(struct pl_http_listener){.address = "127.0.0.1:9464",
 *                                                                         .handle = answer, .arg = pages}, &error);
 *     if (!code) code = pl_http_start(server, &error);
 *     ...
 *     pl_http_free(server);
 *
 * A request arrives whole, and is handed over as an exchange (exchange.h), which is answered at once or later. Handlers
 * run on the server's thread: nothing of the data path waits for a peer, and one that dawdles waits for nobody. Work
 * that takes a while belongs to other threads (workers.h), which come back by pl_http_post.
 *
 * Limits: as many connections as it is made for, at most PL_HTTP_CONNECTIONS, at a time (more wait in the kernel's
 * queue), headers of PL_HTTP_HEADERS bytes, bodies of PL_HTTP_BODY; five seconds for a request to arrive, ten with its
 * body, and five for each piece of the answer to leave; a connection that is kept open without requests is closed after
 * fifteen.
 */
#ifndef POTLINE_HTTP_SERVER_H
#define POTLINE_HTTP_SERVER_H

#include <stdbool.h>

#include <potline/error.h>

enum { PL_HTTP_CONNECTIONS = 512, PL_HTTP_WATCHERS = 64, PL_HTTP_HEADERS = 8192, PL_HTTP_BODY = 1 << 20 };

struct pl_http_server;
struct pl_http_exchange;
struct pl_http_served;

/* A certificate (or a chain) and its key, both as PEM. */
struct pl_http_identity {
    const char *certificate, *key;
};

struct pl_http_listener {
    const char *address;                     /* "127.0.0.1:9464", "[::1]:9464", ":9464" (127.0.0.1); port 0: any */
    const struct pl_http_identity *identity; /* NULL: in the clear. Borrowed for the call */
    bool bodies;                             /* may come with a request; else only GET and HEAD are answered */
    void (*handle)(void *arg, struct pl_http_exchange *exchange);
    void (*served)(void *arg, const struct pl_http_served *served); /* behind each that was handled; NULL is fine */
    void *arg;
};

enum pl_code pl_http_new(unsigned connections, struct pl_http_server **server, struct pl_error **error);
/* Before the start. PL_USAGE: the address is none, or the identity; PL_BUSY: somebody else has the address. */
enum pl_code pl_http_listen(struct pl_http_server *server, const struct pl_http_listener *listener, int *port,
                            struct pl_error **error);
enum pl_code pl_http_start(struct pl_http_server *server, struct pl_error **error);
void pl_http_free(struct pl_http_server *server); /* ends every exchange; NULL is fine */

/* Is the address one of this machine only? False for what is no address. */
bool pl_http_is_loopback(const char *address);

/* Has `run` called on the server's thread; from any. The caller's `posted`, zeroed before its first use, stays until
 * then; one that still waits is called once for both. What is left at the end is called by pl_http_free. */
struct pl_http_posted {
    void (*run)(void *arg);
    void *arg;
    struct pl_http_posted *next;
    bool waits;
};
void pl_http_post(struct pl_http_server *server, struct pl_http_posted *posted, void (*run)(void *arg), void *arg);

/* Calls `tick` about once a second, on the server's thread; NULL: not any more. Before the start. */
void pl_http_on_tick(struct pl_http_server *server, void (*tick)(void *arg), void *arg);

#endif
