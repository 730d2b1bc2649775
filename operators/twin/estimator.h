/* estimator.h: what is not measured in a cell and has a measurement of its own to be found by: an unknown heat loss by
 * the bath's temperature, the masses of bath and metal by their levels. Alumina has none: see horizon.h.
 *
 * Small Kalman filters beside the model, which carries the state itself forward. Flat: lies in a record.
 */
#ifndef TWIN_ESTIMATOR_H
#define TWIN_ESTIMATOR_H

#include <stdbool.h>

enum { HEAT_TEMPERATURE, HEAT_LOSS, HEAT_STATES }; /* K, W */

struct estimator {
    double loss; /* W beyond what the model says */
    double heat[HEAT_STATES][HEAT_STATES];
    double bath, metal; /* kg2: how exactly the masses are known */
    double added;       /* kg/h of alumina that corrections have added, over an hour */
};

void estimator_begin(struct estimator *e);

/* `capacity` of bath and metal in J/K. In an anode effect the temperature goes where it likes. */
void estimator_predict(struct estimator *e, double seconds, double capacity, bool effect);

/* Measured less predicted; returns the correction of the temperature, and sets `loss`. */
double estimator_see_temperature(struct estimator *e, double innovation, double variance);
double estimator_see_mass(double *known, double innovation, double variance);

#endif
