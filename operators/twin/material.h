/* material.h: properties of matter by temperature (deg C), and its enthalpy both ways.
 *
 * A law is a straight line in the temperature between two bounds, so its integral and the inverse of that are closed
 * forms and a heat content gives its temperature without iteration.
 *
 *     struct material ledge = {.density = 2800, .conductivity = law(1.5), .capacity = law(1320)};
 *
 * A material that melts has a latent heat and laws for the melt: its enthalpy has a step at `melts`, which is all that
 * the enthalpy form of a phase change needs. Enthalpies are per kg and count from 0 deg C of the solid.
 */
#ifndef TWIN_MATERIAL_H
#define TWIN_MATERIAL_H

#include <stdbool.h>

struct law {
    double at0, slope; /* value = at0 + slope * T, */
    double low, high;  /* and within these */
};

static inline struct law law(double value) {
    return (struct law){.at0 = value, .low = value, .high = value};
}

double law_at(const struct law *law, double t);
double law_integral(const struct law *law, double t); /* from 0 deg C */
double law_inverse(const struct law *law, double integral);

struct material {
    double density;
    struct law conductivity, capacity;
    double latent; /* J/kg; 0: it does not melt */
    double melts;  /* deg C */
    struct law liquid_conductivity, liquid_capacity;
};

double material_enthalpy(const struct material *m, double t); /* of the solid at the melting point */
double material_temperature(const struct material *m, double enthalpy);
double material_melted(const struct material *m, double enthalpy); /* 0 solid .. 1 liquid */
double material_conductivity(const struct material *m, double t, double melted);

#endif
