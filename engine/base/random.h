/* random.h: numbers that look random and come again with the same seed (splitmix64): for tests and simulations, not for
 * secrets. */
#ifndef POTLINE_RANDOM_H
#define POTLINE_RANDOM_H

#include <stdint.h>

struct pl_random {
    uint64_t state; /* any seed */
};

static inline uint64_t pl_random_next(struct pl_random *random) {
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 0 to limit - 1, evenly as far as a test can tell; limit > 0. */
static inline uint64_t pl_random_below(struct pl_random *random, uint64_t limit) {
    return pl_random_next(random) % limit;
}

/* 0 <= x < 1 */
static inline double pl_random_unit(struct pl_random *random) {
    return (double)(pl_random_next(random) >> 11) * 0x1p-53;
}

#endif
