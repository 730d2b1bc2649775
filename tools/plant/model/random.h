/* random.h: noise that can be asked for in any order.
 *
 * A draw is a hash of (key, number): no stream has a position, so a sensor that nobody reads, a fault or a second
 * client shifts no other draw. A key belongs to one cause in one place (plant_random_key); the number is the step or
 * the count of the event it decides. Two runs that differ in their set points see the same noise, cause by cause.
 */
#ifndef PLANT_RANDOM_H
#define PLANT_RANDOM_H

#include <stdint.h>

enum plant_cause {
    PLANT_CAUSE_SPREAD = 1, /* what makes one pot differ from the next */
    PLANT_CAUSE_BUBBLES,
    PLANT_CAUSE_PAD,
    PLANT_CAUSE_SHOT,
    PLANT_CAUSE_BLOCKAGE,
    PLANT_CAUSE_CREW,
    PLANT_CAUSE_EFFECT,
    PLANT_CAUSE_CURRENT,
    PLANT_CAUSE_FAULT,
    PLANT_CAUSE_SENSOR = 64, /* + index of the signal */
};

/* One step of splitmix64's output function. */
static inline uint64_t plant_random_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t plant_random_bits(uint64_t key, uint64_t number) {
    return plant_random_mix(key + (number + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* In (0, 1), never an end. */
static inline double plant_random_uniform(uint64_t key, uint64_t number) {
    return ((double)(plant_random_bits(key, number) >> 12) + 0.5) * 0x1p-52;
}

uint64_t plant_random_key(uint64_t seed, unsigned line, unsigned pot, unsigned cause);
double plant_random_between(uint64_t key, uint64_t number, double low, double high);
double plant_random_normal(uint64_t key, uint64_t number);            /* mean 0, deviation 1 */
double plant_random_wait(uint64_t key, uint64_t number, double mean); /* exponential */
double plant_random_quantile(double p);                               /* of the normal distribution, 0 < p < 1 */

#endif
