/* published.h: the eight-state simulator as its authors published it, constants and defects included.
 *
 * It holds our integrator and our wall against a known table; the plant itself runs cell.h. The corrected set repairs
 * Faraday's law, the liquidus and the latent heat and leaves the form alone.
 */
#ifndef PLANT_PUBLISHED_H
#define PLANT_PUBLISHED_H

#include <stdbool.h>

#include "wall.h"

enum plant_published_state {
    PLANT_PUB_LEDGE,   /* kg */
    PLANT_PUB_ALUMINA, /* kg, dissolved */
    PLANT_PUB_ALF3,    /* kg */
    PLANT_PUB_CRYOLITE,
    PLANT_PUB_METAL,
    PLANT_PUB_BATH,       /* Celsius */
    PLANT_PUB_LEDGE_TEMP, /* Celsius, middle of the ledge */
    PLANT_PUB_WALL_TEMP,
    PLANT_PUB_STATES
};

struct plant_published {
    struct plant_wall wall;
    double cp_bath, cp_liquid;
    double alumina_use, alf3_use, cryolite_gain, metal_gain; /* k3, k4, k5, k6 */
    bool solheim; /* liquidus after Solheim; otherwise as coded by the authors */
    /* inputs */
    double feed, ampere, alf3, tapping, distance; /* kg/s, A, kg/s, kg/s, m */
};

struct plant_published_voltage {
    double liquidus, conductivity, covered, bubble_layer, bubbles, bath; /* g1..g5, and the bath's drop */
};

extern const struct plant_published plant_published_set;
extern const struct plant_published plant_published_corrected;

struct plant_published_voltage plant_published_voltage_of(const struct plant_published *p, const double *x);
void plant_published_rates(const void *published, const double *x, double *dx);

#endif
