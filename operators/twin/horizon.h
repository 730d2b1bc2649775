/* horizon.h: alumina and what else the voltage depends on, from the last hours of it: a moving horizon estimator.
 *
 *     stage 0 ... stage n-1        one a minute: what was measured, fed, used and moved in it
 *     prior --> forward (Kalman) --> backward (Bryson, Frazier) --> linearised anew, twice
 *
 * A single voltage says next to nothing of alumina: the distance between anodes and metal explains it as well. How it
 * curves while the feed goes up and down does. A filter that keeps only the last minute has to trust slopes that it
 * took where it believed to be then, and grows sure of what is wrong. So all minutes of the horizon are looked at
 * again, each at the alumina that all of them together say that it had; what falls out of the horizon stays as the
 * prior.
 *
 * Where the voltage is steep, just above an anode effect, everything can be explained by alumina, and a search by
 * slopes alone may end there. So from time to time, and whenever minutes surprise, other beginnings are tried: more
 * alumina, or less; feeders that have stopped some minutes ago; near a new anode, a way of the anodes that nobody has
 * measured. The most probable one is what counts. Where there is plenty the voltage rises with alumina, too: what has
 * come there is held against the usual.
 *
 * Where nobody counts the feed, the balance says nothing, and the voltage alone does not tell alumina from distance.
 * What is known then is that somebody keeps the alumina about where it usually is: so it is drawn there, uncertain by
 * how far it swings, and explains what the distance would have to otherwise.
 *
 * Unknowns, with linear dynamics: alumina dissolved (wt%) and not (kg), the share of the counted feed that arrives, the
 * distance (cm), and how many anodes are new and carry no current yet. The voltage is their only nonlinear function.
 */
#ifndef TWIN_HORIZON_H
#define TWIN_HORIZON_H

#include <stdint.h>

#include "voltage.h"

enum { HORIZON_ALUMINA, HORIZON_UNDISSOLVED, HORIZON_SHARE, HORIZON_DISTANCE, HORIZON_COLD, HORIZON_STATES };
enum { HORIZON_STAGES = 180 };

struct horizon_stage {
    float seconds;
    float feed, used;                                             /* kg counted; kg electrolysed */
    float gone;                                                   /* share of what lay undissolved that dissolves */
    float moved;                                                  /* cm, by beam, metal, wear */
    float doubt_alumina, doubt_share, doubt_distance, doubt_cold; /* variances beside the usual ones */
    float new_anodes;                                             /* set in it, which carry no current yet */
    float attended;                                               /* 1: somebody has freed the feeders in it */
    float uncounted;                                              /* s of it without a count: `feed` is the usual one */
    float voltage, variance;                                      /* V, V2; variance 0: there was none */
    float alumina, alumina_variance;                              /* wt%, known otherwise; 0: not */
    float current, mass, temperature, excess;                     /* at its end: A, kg, deg C, wt% */
    float at[HORIZON_STATES];                                     /* where it is linearised */
};

struct horizon_matrix {
    double at[HORIZON_STATES][HORIZON_STATES];
};

/* Kept: flat. */
struct horizon {
    double x[HORIZON_STATES]; /* before the first stage */
    struct horizon_matrix p;
    double now[HORIZON_STATES]; /* behind the last one */
    struct horizon_matrix now_p;
    double surprise;       /* mean square of the normalised innovations, over an hour; 1 is usual */
    double recent;         /* mean of them, over some minutes: above 0 where the voltage is higher than expected */
    double cost;           /* how badly all stages fit: -2 log of their probability */
    double usual;          /* cm between anodes and metal, when it began */
    uint32_t count, first; /* stages: a ring */
    uint64_t age;          /* stages ever */
    struct horizon_stage stage[HORIZON_STAGES];
};

struct horizon_cell { /* what does not change from stage to stage */
    struct voltage_cell voltage;
    double usual;                       /* wt% of alumina */
    double at_once;                     /* share of the feed that dissolves at once */
    double calcium, magnesium, lithium; /* kg */
};

void horizon_begin(struct horizon *h, double alumina, double undissolved, double distance);

/* One more minute; sets `now`. */
void horizon_step(struct horizon *h, const struct horizon_cell *cell, const struct horizon_stage *stage);

/* What was fed in its last `seconds` is known anew: so much a second in the mean, how it came in between is not. */
void horizon_feed(struct horizon *h, double seconds, double rate);

/* Anodes that were set within it. */
double horizon_new_anodes(const struct horizon *h);

/* The voltage, and how it answers to each unknown (may be NULL). */
double horizon_voltage(const struct horizon_cell *cell, const struct horizon_stage *stage, const double *x,
                       double *slope);

#endif
