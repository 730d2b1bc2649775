#include "backoff.h"

/* xorshift64: good enough to spread arrivals. */
static uint64_t random_next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

int64_t pl_modbus_backoff_next(struct pl_modbus_backoff *backoff) {
    int64_t delay = backoff->first < backoff->most ? backoff->first : backoff->most;
    for (unsigned i = 0; i < backoff->attempts && delay < backoff->most; i++)
        delay = delay > backoff->most / 2 ? backoff->most : 2 * delay;
    if (delay < backoff->most) backoff->attempts++;
    int64_t half = delay / 2;
    return delay - (int64_t)(random_next(&backoff->random) % (uint64_t)(half + 1));
}

void pl_modbus_backoff_reset(struct pl_modbus_backoff *backoff) {
    backoff->attempts = 0;
}
