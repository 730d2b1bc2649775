/* feeders.h: the point feeders of a pot. A shot is a stroke of one feeder, in turn; a blocked feeder strokes in vain.
 *
 * Feeders block by themselves now and then (one alone, or the hopper of all), at times that nothing else shifts.
 */
#ifndef PLANT_FEEDERS_H
#define PLANT_FEEDERS_H

#include <stdbool.h>
#include <stdint.h>

enum { PLANT_FEEDERS = 4 };

struct plant_feeders {
    uint64_t key;
    double shot;                      /* kg that the controller counts for a stroke */
    double filled[PLANT_FEEDERS];     /* true mean over that */
    double next_block[PLANT_FEEDERS]; /* s since the start */
    double blocked_until[PLANT_FEEDERS];
    double next_empty, empty_until;  /* the common hopper */
    double block_every, empty_every; /* s, on the average */
    uint64_t blocks[PLANT_FEEDERS], empties;
    uint64_t strokes;
    double held_until; /* all held shut from outside: starving */
    unsigned seen;     /* blocked at the last plant_feeders_age */
};

/* `blocks` times as often as usual they block. */
void plant_feeders_init(struct plant_feeders *f, double blocks, uint64_t seed, unsigned line, unsigned pot);

/* Lets what is due at `now` happen. Returns true when the set of blocked feeders has changed. */
bool plant_feeders_age(struct plant_feeders *f, double now);

double plant_feeders_stroke(struct plant_feeders *f, double now); /* kg that fell */
void plant_feeders_clear(struct plant_feeders *f, double now);
unsigned plant_feeders_blocked(const struct plant_feeders *f, double now); /* bits, one a feeder */

#endif
