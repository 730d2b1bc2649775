/* peers.h: does a socket that connects reach anybody? The node says so to the engine (pl_reach).
 *
 * ZeroMQ tells of connections on a socket of its own, which is looked at now and then: who asks has time. One thread:
 * the node's. Freed before the socket that it watches is closed.
 */
#ifndef POTLINE_ZMQ_PEERS_H
#define POTLINE_ZMQ_PEERS_H

#include "link.h"

struct pl__peers;

/* Before the socket connects. */
enum pl_code pl__peers_watch(struct pl__link *link, struct pl_node *node, struct pl__peers **peers,
                             struct pl_error **error);
void pl__peers_free(struct pl__peers *peers); /* NULL is fine */

#endif
