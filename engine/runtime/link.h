/* link.h: the edge between the engine and the process of an isolated node: a ZeroMQ pair over ipc://, with frames.
 *
 *     engine: bind  ====== ipc:///tmp/potline-xxxxxx/link ======  connect :process
 *
 * A program that is none of ours has two endpoints, one for each direction, and what passes there are its messages
 * (program_wire.h): a pair each, so that nobody else can join in.
 *
 * Each process has an endpoint of its own, in a folder that only this user may enter, and that goes as soon as both
 * ends have found each other: nobody else gets there, and no earlier process comes back to it.
 *
 * ZeroMQ's own limits are off, but for a message's size and what a process may be ahead of its reader; how much is
 * under way is bounded by those who send (child.h, guest.c). As on every edge the descriptor is edge-triggered, and
 * sending may eat its signal: before its user sleeps, a receive has failed behind the last send.
 *
 * Threads: one. The message received last is borrowed until the next receive.
 */
#ifndef POTLINE_LINK_H
#define POTLINE_LINK_H

#include <potline/error.h>

#include "runtime/frame.h"

struct pl_link;

enum { PL_LINK_ENDPOINT_MAX = 108 + 8 };

/* The two endpoints of a program, as it sees them: it reads from `in`, and writes to `out`. */
struct pl_link_endpoints {
    char in[PL_LINK_ENDPOINT_MAX], out[PL_LINK_ENDPOINT_MAX];
};

enum pl_code pl_link_bind(void *zmq, struct pl_link **link, struct pl_error **error); /* the engine's end */
enum pl_code pl_link_bind_program(void *zmq, struct pl_link **link, struct pl_error **error);
enum pl_code pl_link_connect(void *zmq, const char *endpoint, struct pl_link **link, struct pl_error **error);
void pl_link_free(struct pl_link *link); /* NULL is fine */

const char *pl_link_endpoint(const struct pl_link *link);
void pl_link_endpoints(const struct pl_link *link, struct pl_link_endpoints *endpoints); /* of a program */
int pl_link_fd(const struct pl_link *link);

/* Of a program: whether it listens yet; the descriptor that says when (-1: of no program), edge-triggered too. */
bool pl_link_listens(struct pl_link *link);
int pl_link_out_fd(const struct pl_link *link);

/* The ends have found each other: the way there is taken away. */
void pl_link_found(struct pl_link *link);

/* False: there is nobody to take it, or no memory. */
bool pl_link_send(struct pl_link *link, const struct pl_frame *frame);

enum pl_received { PL_RECEIVED_NOTHING, PL_RECEIVED_FRAME, PL_RECEIVED_GARBAGE };
enum pl_received pl_link_receive(struct pl_link *link, struct pl_frame *frame);
/* What was wrong with what a program has sent last; "": of no program. */
const char *pl_link_problem(struct pl_link *link);

/* The way is long enough for every message to leave before the process ends: waits for it, up to `ms`. */
void pl_link_linger(struct pl_link *link, int ms);

#endif
