/* pot.h: one pot of a line: the cell with its noise and anode effects, feeders, beam drive, controller and crew.
 *
 * A step decides by what is measured at its start, lets the cell go ahead, and leaves what is measured at its end:
 *
 *     plant_pot_init(&pot, &plant_practices[PLANT_PRACTICE_GOOD], seed, 1, 7, 20);
 *     plant_pot_begin(&pot, 180e3);                    the first measurement
 *     for (n = 1; ; n++) plant_pot_step(&pot, n, 1.0, line_current, line_target, &deeds);
 */
#ifndef PLANT_POT_H
#define PLANT_POT_H

#include "../model/cell.h"
#include "../model/effect.h"
#include "../model/noise.h"
#include "../model/purity.h"
#include "control.h"
#include "crew.h"
#include "feeders.h"
#include "practice.h"

#define PLANT_AMPERE 180e3 /* what the reference cell is built for */

/* V: what plants, and the slope method of their PFC emissions, call an anode effect. */
#define PLANT_EFFECT_VOLTAGE 8

enum plant_target { PLANT_TARGET_RESISTANCE, PLANT_TARGET_FEED, PLANT_TARGET_ALF3, PLANT_TARGETS };

struct plant_pot {
    struct plant_cell cell;
    struct plant_noise noise;
    struct plant_effect effect;
    struct plant_feeders feeders;
    struct plant_control control;
    struct plant_crew crew;
    struct plant_purity purity;

    /* Targets in force are the local ones, but for those that somebody outside has taken over. */
    struct plant_targets local, remote;
    unsigned remote_mask; /* bits of enum plant_target */

    double distance;       /* mm, that the nominal resistance stands for */
    double beam_left;      /* mm the drive still has to go */
    double feed_owed;      /* kg */
    double volts;          /* measured by the controller: with noise */
    double alf3_total;     /* kg, by the count of the doser */
    double feed_total;     /* kg, by the count of strokes */
    double effect_seconds; /* with more than PLANT_EFFECT_VOLTAGE */
    bool pumping;
};

/* What happened at the pot in a step, beside the crew's deeds. */
struct plant_happened {
    struct plant_deeds deeds;
    bool effect_began, effect_ended, feeders_changed;
};

void plant_pot_init(struct plant_pot *pot, const struct plant_practice *practice, uint64_t seed, unsigned line,
                    unsigned number, unsigned pots);
void plant_pot_begin(struct plant_pot *pot, double ampere);

/* Goes to the end of step `number` (1 for the first). `ampere` is the line's current then, `nominal` its target. */
void plant_pot_step(struct plant_pot *pot, uint64_t number, double seconds, double ampere, double nominal,
                    struct plant_happened *happened);

void plant_pot_set_remote(struct plant_pot *pot, enum plant_target which, double value);
void plant_pot_release(struct plant_pot *pot, unsigned mask); /* back to the local targets */
struct plant_targets plant_pot_targets(const struct plant_pot *pot);

#endif
