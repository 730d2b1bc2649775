/* doorman.h: who may connect to a server: the one client whose public key is derived from the shared key file. He
 * answers ZeroMQ's questions (ZAP) in the thread of the server, and counts who was turned away.
 */
#ifndef POTLINE_STANDBY_DOORMAN_H
#define POTLINE_STANDBY_DOORMAN_H

#include <stdint.h>

#include "standby/secret.h"

struct pl__doorman {
    void *zap, *monitor; /* to be polled */
    uint8_t client[32];
    _Atomic uint64_t turned_away;
};

/* Before `socket` is bound. */
enum pl_code pl__doorman_init(struct pl__doorman *doorman, void *context, void *socket,
                              const struct pl_standby_secret *secret, struct pl_error **error);
void pl__doorman_fini(struct pl__doorman *doorman);
void pl__doorman_work(struct pl__doorman *doorman); /* everything that waits */

#endif
