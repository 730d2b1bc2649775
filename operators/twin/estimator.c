#include "estimator.h"

#include <math.h>
#include <string.h>

/* How far it may wander in an hour where nothing else is said. */
static const double TEMPERATURE_WANDERS = 1, IN_EFFECT = 60, LOSS_WANDERS = 6000; /* K, K, W */
static const double BATH_WANDERS = 60, METAL_WANDERS = 15;                        /* kg */
static const double LOSS_MOST = 150e3;                                            /* W */

static double square(double x) {
    return x * x;
}

void estimator_begin(struct estimator *e) {
    memset(e, 0, sizeof *e);
    e->heat[HEAT_TEMPERATURE][HEAT_TEMPERATURE] = square(10);
    e->heat[HEAT_LOSS][HEAT_LOSS] = square(15000);
    e->bath = square(300);
    e->metal = square(3000);
}

void estimator_predict(struct estimator *e, double seconds, double capacity, bool effect) {
    double hours = seconds / 3600, by = -seconds / capacity; /* K by W */
    double(*p)[HEAT_STATES] = e->heat;
    p[0][0] += 2 * by * p[0][1] + by * by * p[1][1] + square(effect ? IN_EFFECT : TEMPERATURE_WANDERS) * hours;
    p[0][1] = p[1][0] = p[0][1] + by * p[1][1];
    p[1][1] += square(LOSS_WANDERS) * hours;
    e->bath += square(BATH_WANDERS) * hours;
    e->metal += square(METAL_WANDERS) * hours;
    e->added *= exp(-hours);
}

double estimator_see_temperature(struct estimator *e, double innovation, double variance) {
    double(*p)[HEAT_STATES] = e->heat;
    double s = p[0][0] + variance, gain = p[0][0] / s, to_loss = p[1][0] / s;
    p[1][1] -= to_loss * p[1][0];
    p[0][1] = p[1][0] = (1 - gain) * p[0][1];
    p[0][0] *= 1 - gain;
    e->loss = fmin(fmax(e->loss + to_loss * innovation, -LOSS_MOST), LOSS_MOST);
    return gain * innovation;
}

double estimator_see_mass(double *known, double innovation, double variance) {
    double gain = *known / (*known + variance);
    *known *= 1 - gain;
    return gain * innovation;
}
