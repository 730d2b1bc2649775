/* link.h: the socket of a caller: a standby, or an engine that looks for the one whose place it has taken. Over CURVE
 * always. For one thread.
 */
#ifndef POTLINE_STANDBY_LINK_H
#define POTLINE_STANDBY_LINK_H

#include <zmq.h>

#include "standby/secret.h"
#include "standby/wire.h"

struct pl__link {
    void *context, *socket;
    struct pl_pack *pack;
    zmq_msg_t held; /* what was received last; its bytes are borrowed from it */
    bool holds;
    uint64_t strange; /* messages that are none */
};

enum pl_code pl__link_open(struct pl__link *link, const char *endpoint, const struct pl_standby_secret *secret,
                           struct pl_error **error);
void pl__link_close(struct pl__link *link);

/* Nothing waits for a peer that is away: false, and it is lost. */
bool pl__link_send(struct pl__link *link, const struct pl__wire *message);
/* The next message, valid until the next call; false: none has come. */
bool pl__link_receive(struct pl__link *link, struct pl__wire *message);

#endif
