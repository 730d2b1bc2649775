/* crew.h: what people do at a pot: tap metal, change anodes, raise the beam, keep the bath level, measure once a shift
 * and correct what the controller keeps, come to a pot that has an anode effect: free its feeders, feed it by hand.
 *
 * The times follow a plan that is staggered over the line and shaken a little; what happens at a pot does not shift it.
 */
#ifndef PLANT_CREW_H
#define PLANT_CREW_H

#include <stdbool.h>
#include <stdint.h>

struct plant_crew {
    uint64_t key;
    double first_tap, next_tap, tap_until; /* s */
    double first_anode, next_anode, anode_until;
    double next_shift, next_bath;
    double next_rescue, next_check; /* s; infinite while there is no anode effect */
    uint64_t taps, anodes, shifts;
    double metal_target;             /* kg just before a tap */
    double bath_target;              /* m */
    double steers_temp, steers_alf3; /* Celsius and wt% that the shift steers for */
    /* measured at the last shift */
    double bath_temp, alf3;
    double resistance_base, resistance_trim; /* micro-ohm */
};

/* What one step of the crew did: for the journal. */
enum plant_deed {
    PLANT_TAP_BEGINS = 1 << 0,
    PLANT_TAP_ENDS = 1 << 1,
    PLANT_ANODE_CHANGED = 1 << 2,
    PLANT_ANODE_DONE = 1 << 3,
    PLANT_BEAM_RAISED = 1 << 4,
    PLANT_BATH_TAPPED = 1 << 5,
    PLANT_BATH_ADDED = 1 << 6,
    PLANT_SHIFT_CORRECTED = 1 << 7,
    PLANT_RESCUED = 1 << 8,
    PLANT_FEEDERS_CLEARED = 1 << 9,
};

struct plant_deeds {
    unsigned what; /* enum plant_deed */
    double tapped; /* kg to be tapped, or just tapped */
    double butt;   /* m */
    double bath;   /* kg added; negative: tapped */
};

struct plant_cell;
struct plant_practice;
struct plant_control;
struct plant_effect;
struct plant_feeders;
struct plant_noise;
struct plant_targets;

struct plant_site {
    struct plant_cell *cell;
    struct plant_control *control;
    struct plant_noise *noise;
    struct plant_feeders *feeders;
    const struct plant_effect *effect;
    struct plant_targets *local; /* what the shift corrects */
};

/* Sets how much metal lies in the cell and how cold its newest anode is, as the plan has it at the start. */
void plant_crew_init(struct plant_crew *crew, const struct plant_practice *practice, uint64_t seed, unsigned line,
                     unsigned pot, unsigned pots, const struct plant_site *site);
struct plant_deeds plant_crew_step(struct plant_crew *crew, const struct plant_site *site, double now);
double plant_crew_tapping(const struct plant_crew *crew, double now); /* kg/s of metal */

#endif
