/* link.h: how a node comes to its TCP connections: it listens, or it connects and tries again.
 *
 *     listen:  every peer that comes gives `made`; the owner may refuse (and then closes the descriptor)
 *     connect: one peer; gives `made`, and again after each pl_link_lost, with growing waits
 *
 * The descriptors given are the owner's: non-blocking, without Nagle's delay. Nothing here blocks; names are looked up
 * on libuv's threads. Thread: the loop's. Memory goes when the loop has closed the handles.
 */
#ifndef POTLINE_SOCKET_LINK_H
#define POTLINE_SOCKET_LINK_H

#include <potline/error.h>
#include <potline/time.h>
#include <stdbool.h>

struct uv_loop_s;
struct pl_link;

enum { PL_PEER_MAX = 64 };

struct pl_link_options {
    const char *listen;  /* "127.0.0.1:7001", ":7001" for every address, "[::1]:7001"; port 0: any free one */
    const char *connect; /* the same with a host's name; exactly one of the two is not "" */
    pl_time backoff;     /* before the second attempt; doubles with each */
    pl_time backoff_max;
};

struct pl_link_events {
    void (*made)(void *user, int fd, const char *peer);
    void (*failed)(void *user, const char *why); /* an attempt; there will be another */
    void *user;
};

struct pl_link *pl_link_new(struct uv_loop_s *loop, const struct pl_link_options *options,
                            const struct pl_link_events *events); /* NULL without memory */

/* Listens (an address that cannot be had is an error) or begins to connect. */
enum pl_code pl_link_open(struct pl_link *link, struct pl_error **error);
void pl_link_lost(struct pl_link *link); /* connect: the connection is gone, make another */
void pl_link_free(struct pl_link *link); /* NULL is fine */

int pl_link_port(const struct pl_link *link); /* listening: the port there is */

/* Is it an address as above? For an operator's `check`. */
bool pl_link_address(const char *text);

#endif
