/* zap.h: who may connect to sockets with a list of clients (https://rfc.zeromq.org/spec/27).
 *
 * ZeroMQ asks a handler in the same context about each new connection; ours is one thread, started at the first such
 * socket. Every socket is a domain of its own, named by its link's address.
 */
#ifndef POTLINE_ZMQ_ZAP_H
#define POTLINE_ZMQ_ZAP_H

#include "link.h"

/* Lets these public keys in at this link's socket, and nobody else. Before it binds. */
bool pl__zap_allow(struct pl__link *link, const struct pl_strings *clients);
void pl__zap_forget(const struct pl__link *link);

/* Ends the thread; no socket is open any more that needs it. */
void pl__zap_stop(void *context);

#endif
