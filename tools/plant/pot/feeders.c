#include "feeders.h"

#include "../model/random.h"

#define HOUR 3600.0
#define DAY 86400.0
#define BLOCK_EVERY (10 * DAY) /* one feeder */
#define BLOCK_LASTS (2 * HOUR)
#define EMPTY_EVERY (35 * DAY) /* the hopper of all */
#define EMPTY_LASTS (0.6 * HOUR)
#define SCATTER 0.05

void plant_feeders_init(struct plant_feeders *f, double blocks, uint64_t seed, unsigned line, unsigned pot) {
    uint64_t key = plant_random_key(seed, line, pot, PLANT_CAUSE_BLOCKAGE);
    *f = (struct plant_feeders){.key = plant_random_key(seed, line, pot, PLANT_CAUSE_SHOT),
                                .shot = 1.5,
                                .block_every = BLOCK_EVERY / blocks,
                                .empty_every = EMPTY_EVERY / blocks};
    for (unsigned i = 0; i < PLANT_FEEDERS; i++) {
        f->filled[i] = plant_random_between(key, i, 0.97, 1.03);
        f->next_block[i] = plant_random_wait(key + 1 + i, 0, f->block_every);
    }
    f->next_empty = plant_random_wait(key + 1 + PLANT_FEEDERS, 0, f->empty_every);
}

/* Event `n` of a stream of its own: lasts draw 2n+1, the next comes after draw 2n+2. */
static bool happens(uint64_t key, uint64_t *count, double now, double *next, double *until, double every,
                    double lasts) {
    if (now < *next) return false;
    uint64_t n = (*count)++;
    *until = *next + plant_random_wait(key, 2 * n + 1, lasts);
    *next = *until + plant_random_wait(key, 2 * n + 2, every);
    return true;
}

bool plant_feeders_age(struct plant_feeders *f, double now) {
    uint64_t key = f->key + UINT64_C(0x5bd1e995);
    for (unsigned i = 0; i < PLANT_FEEDERS; i++)
        happens(key + i, &f->blocks[i], now, &f->next_block[i], &f->blocked_until[i], f->block_every, BLOCK_LASTS);
    happens(key + PLANT_FEEDERS, &f->empties, now, &f->next_empty, &f->empty_until, f->empty_every, EMPTY_LASTS);
    unsigned before = f->seen;
    f->seen = plant_feeders_blocked(f, now);
    return f->seen != before;
}

double plant_feeders_stroke(struct plant_feeders *f, double now) {
    uint64_t number = f->strokes++;
    unsigned feeder = number % PLANT_FEEDERS;
    if (plant_feeders_blocked(f, now) & 1u << feeder) return 0;
    return f->shot * f->filled[feeder] * (1 + SCATTER * plant_random_normal(f->key, number));
}

void plant_feeders_clear(struct plant_feeders *f, double now) {
    for (unsigned i = 0; i < PLANT_FEEDERS; i++)
        if (f->blocked_until[i] > now) f->blocked_until[i] = now;
    if (f->empty_until > now) f->empty_until = now;
    if (f->held_until > now) f->held_until = now;
}

unsigned plant_feeders_blocked(const struct plant_feeders *f, double now) {
    if (now < f->empty_until || now < f->held_until) return (1u << PLANT_FEEDERS) - 1;
    unsigned blocked = 0;
    for (unsigned i = 0; i < PLANT_FEEDERS; i++)
        if (now < f->blocked_until[i]) blocked |= 1u << i;
    return blocked;
}
