/* practice.h: how well a plant is run, as far as it can be told in figures: what its pots are like, what its crews
 * steer for.
 *
 * `good` is what cell.h and pot.c have. `ordinary` is a line of the same technology as many are run: older cathodes and
 * worn contacts (40 to 50 mV a pot), anodes kept 4 mm higher because the metal is restless, less AlF3, thinner anode
 * cover, feeders that block more often. It comes to 4.5 V, 91 to 92 % current efficiency and anode effects every few
 * days a pot.
 */
#ifndef PLANT_PRACTICE_H
#define PLANT_PRACTICE_H

struct plant_practice {
    const char *name;
    double distance;                 /* mm, that pots are set up with */
    double anode, cathode, external; /* resistances, of the reference's */
    double top;                      /* heat loss through the cover, of the reference's */
    double efficiency;               /* added */
    double pad;                      /* waves of the calm metal, of the usual */
    double blocks;                   /* feeders block so many times as often */
    double alf3, bath_temp;          /* wt%, Celsius: what the shift steers for */
};

enum { PLANT_PRACTICE_GOOD, PLANT_PRACTICE_ORDINARY, PLANT_PRACTICES };
extern const struct plant_practice plant_practices[PLANT_PRACTICES];

#endif
