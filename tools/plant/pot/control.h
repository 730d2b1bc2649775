/* control.h: the pot controller as plants run it today: demand feeding by resistance, and the beam.
 *
 * It sees the measured voltage and current, nothing of the model. Pseudo-resistance R = (U - 1.65 V) / I, corrected for
 * the controller's own beam moves; means of a minute; the slope over the last twelve of them:
 *
 *     UNDER (75 %) --slope of R above the threshold--> OVER (135 % for 45 min) --> UNDER ...
 *     anything that disturbs (tapping, anode change, start) --> NOMINAL until half an hour after
 *     U > 8 V --> QUENCH: a dozen quick shots, anodes down and up; then OVER
 *
 * The beam moves by what R is off its set point, outside a dead band, every five minutes while R does not tell of
 * alumina; every fifteen seconds while the crew taps.
 */
#ifndef PLANT_CONTROL_H
#define PLANT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#define PLANT_BACK_EMF 1.65    /* V */
#define PLANT_OHM_PER_MM 0.186 /* micro-ohm that a millimetre of distance is worth at 180 kA */

enum { PLANT_MINUTES = 16 }; /* minute means kept */

enum plant_feeding { PLANT_FEED_NOMINAL, PLANT_FEED_UNDER, PLANT_FEED_OVER, PLANT_FEED_QUENCH };

enum plant_disturbance { PLANT_CALM, PLANT_TAPPING, PLANT_ANODE_CHANGE };

/* What it is told to keep. */
struct plant_targets {
    double resistance; /* micro-ohm */
    double feed;       /* % of what the current uses */
    double alf3;       /* kg/h */
};

struct plant_control {
    struct plant_targets targets;
    bool manual; /* the crew moves everything: nominal feed, no beam, no quench */

    enum plant_feeding feeding;
    enum plant_disturbance disturbance;
    double since;           /* s: when this feeding began */
    double disturbed_until; /* no tracking before */
    double feed_due;        /* kg that the feeders owe */
    unsigned quick_shots;   /* of the quench, left */
    double next_quick;
    double next_beam;
    double beam_hold;    /* no move before */
    double compensation; /* micro-ohm for cold anodes, decaying */
    double now;          /* s, of this step */
    double calm_until;   /* more distance against waves until then */
    double over_volts;   /* s above the limit of an anode effect */
    double under_volts;  /* s below it again */
    double pump_from;    /* when the anodes began to move in the quench */
    double pump_shift;   /* mm moved by that */
    unsigned over_extended;

    /* what it measures */
    double resistance;   /* smoothed over 20 s */
    double mean, square; /* of the voltage at nominal current, over a minute */
    double beam;         /* mm moved since the start, by its own count */
    double sum;
    double sum_time;
    double ring[PLANT_MINUTES]; /* minute means, corrected for the beam */
    unsigned minutes;           /* taken since the last disturbance */
    double next_minute;
    double slope;                     /* micro-ohm a minute */
    double lowest;                    /* minute mean in this UNDER */
    double trigger;                   /* minute mean that ended the last UNDER */
    double quarter_sum, quarter_time; /* for tapping */
};

/* What it wants done in this step. */
struct plant_orders {
    double feed;  /* kg: strokes are made of it */
    double beam;  /* mm to move, up positive; replaces what is left of earlier moves */
    bool move;    /* `beam` counts */
    bool pumping; /* quench: anodes down and up */
    unsigned quick;
};

void plant_control_init(struct plant_control *c, const struct plant_targets *targets);

/* `ampere_nominal` is the line's set point: what nominal feed is for. */
struct plant_orders plant_control_step(struct plant_control *c, double now, double seconds, double volts, double ampere,
                                       double ampere_nominal);

void plant_control_disturb(struct plant_control *c, enum plant_disturbance what, double now, double lasts);
void plant_control_cold_anode(struct plant_control *c, double share); /* allows for one that is still so cold */
void plant_control_beam_moved(struct plant_control *c, double mm);
double plant_control_noise(const struct plant_control *c);  /* mV rms */
double plant_control_target(const struct plant_control *c); /* resistance, with compensations */

#endif
