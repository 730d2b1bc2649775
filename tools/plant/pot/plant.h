/* plant.h: the lines of the plant and its time.
 *
 * Time is a count of steps of fixed length from `start`. Everything between two steps depends on the seed and on what
 * was written before, never on the machine's clock.
 */
#ifndef PLANT_PLANT_H
#define PLANT_PLANT_H

#include "line.h"

#define PLANT_SECOND INT64_C(1000000000)

struct plant_options {
    uint64_t seed;
    unsigned lines, pots; /* pots of a line */
    unsigned practice;    /* PLANT_PRACTICE_GOOD, ... */
    int64_t start;        /* ns since 1970 */
    int64_t step;         /* ns */
};

struct plant {
    struct plant_options options;
    struct plant_line *lines;
    uint64_t step;  /* taken so far */
    double seconds; /* of a step */
};

struct plant *plant_new(const struct plant_options *options); /* NULL: no memory */
void plant_free(struct plant *plant);                         /* NULL is fine */
void plant_step(struct plant *plant);

int64_t plant_time(const struct plant *plant);                                 /* ns since 1970 */
double plant_elapsed(const struct plant *plant);                               /* s since the start */
struct plant_pot *plant_pot(struct plant *plant, unsigned line, unsigned pot); /* numbers from 1; NULL: no such pot */
unsigned plant_effects(const struct plant_line *line);                         /* pots that have an anode effect now */

#endif
