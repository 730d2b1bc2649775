/* wall.h: what stands between libmosquitto and a broker: TLS, and a look at each packet before the library has it.
 *
 *     broker <-- TCP, TLS --> wall: pl_mqtt_packets_look <-- socketpair --> libmosquitto, which knows nothing of it
 *
 * libmosquitto makes its connection itself; the wall takes that over and puts an end of a pair in its place, under the
 * same descriptor. What breaks shows there as an end of file; pl_wall_why says why. A broker that is not read from is
 * held back: the wall takes no more than a packet's head ahead.
 *
 * Life-time: of one connection, from before its first byte. Thread: the loop's.
 */
#ifndef MQTT_WALL_H
#define MQTT_WALL_H

#include "packet.h"

struct uv_loop_s;
struct pl_error;
struct pl_mqtt_tls;
struct ssl_ctx_st;
struct pl_wall;

struct pl_wall_setup {
    struct uv_loop_s *loop;
    int fd;                 /* connected, or about to be; the caller's stays open, and is ours no more */
    struct ssl_ctx_st *tls; /* NULL: plain */
    const char *host;       /* whose certificate it has to be; NULL: anybody's */
    struct pl_mqtt_packets packets;
};

/* NULL: no memory or no descriptors. */
struct pl_wall *pl_wall_new(const struct pl_wall_setup *setup);

/* Passes on what libmosquitto has written, as far as the broker takes it. */
void pl_wall_flush(struct pl_wall *wall);

/* How many packets have passed that libmosquitto answers, since the caller has last seen that it has no answer left. */
uint32_t pl_wall_unanswered(const struct pl_wall *wall);
void pl_wall_answered(struct pl_wall *wall);

/* It takes too long: an end, and what it has been waiting for is the reason. */
void pl_wall_give_up(struct pl_wall *wall);

/* Why there is an end, when it was not libmosquitto's; "": it is not over. Good until pl_wall_free. */
const char *pl_wall_why(const struct pl_wall *wall);

void pl_wall_free(struct pl_wall *wall); /* NULL is fine */

/* Files are read once; NULL: `error` says why. SSL_CTX_free gives it back. */
struct ssl_ctx_st *pl_wall_tls(const struct pl_mqtt_tls *tls, struct pl_error **error);

#endif
