/* line.h: the pots of a line in series, and the rectifier that drives one current through them all.
 *
 * The rectifier follows its target by ramps, ripples a little, and gives way for some seconds when an anode effect asks
 * for more volts than it has.
 */
#ifndef PLANT_LINE_H
#define PLANT_LINE_H

#include "pot.h"

struct plant_line {
    uint64_t key;
    unsigned number, pot_count;
    struct plant_pot *pots;          /* owned */
    struct plant_happened *happened; /* owned: of the last step, one a pot */
    double local, remote;            /* A: targets */
    bool remote_given;
    double ramped;    /* A, on the way to the target */
    double wander;    /* relative, slow ripple */
    double regulated; /* V of anode effects that the rectifier has made up for */
    double ampere;    /* now */
    double volts;     /* of all pots, measured */
};

bool plant_line_init(struct plant_line *line, const struct plant_practice *practice, uint64_t seed, unsigned number,
                     unsigned pots); /* false: no memory */
void plant_line_fini(struct plant_line *line);
void plant_line_step(struct plant_line *line, uint64_t number, double seconds);
double plant_line_target(const struct plant_line *line); /* A */

#endif
