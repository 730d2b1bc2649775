/* backoff.h: how long to wait before the next attempt: doubled each time up to a most, with jitter so that the clients
 * of a device that comes back do not all arrive at once. Pure.
 */
#ifndef MODBUS_BACKOFF_H
#define MODBUS_BACKOFF_H

#include <stdint.h>

struct pl_modbus_backoff {
    int64_t first; /* ns, > 0 */
    int64_t most;  /* ns */
    unsigned attempts;
    uint64_t random; /* seed, not 0 */
};

/* The next delay, between half and all of min(most, first * 2^attempts). */
int64_t pl_modbus_backoff_next(struct pl_modbus_backoff *backoff);

/* The other side has answered: the next delay is the first again. */
void pl_modbus_backoff_reset(struct pl_modbus_backoff *backoff);

#endif
