#include "voltage.h"

#include <math.h>

static double covered_share(const struct plant_electrodes *e, double i, double ratio, double alumina) {
    double lean = alumina - e->effect_alumina;
    if (lean < -0.12) lean = -0.12; /* just before the pole of the formula */
    double share = 0.509 + i * (0.1823 + i * (-0.1723 + i * 0.05504)) +
                   (0.4322 - 0.3781 * ratio) / (1 + 1.637 * ratio) + (0.431 - 0.1437 * lean) / (1 + 7.353 * lean);
    share *= e->bubble_factor;
    return share < PLANT_COVERED ? share : PLANT_COVERED;
}

static double critical_density(const struct plant_electrodes *e, double alumina, double kelvin) {
    double one = e->anode_area / e->anodes;
    return (5.5 + 0.018 * (kelvin - 1323)) * exp(-0.1 * log(one)) * (sqrt(alumina) - 0.4);
}

static double concentration_overvoltage(double kelvin, double i, double critical) {
    double share = critical > 0 ? i / critical : 1;
    if (share > PLANT_CRITICAL) share = PLANT_CRITICAL;
    return -kelvin / 23209 * log(1 - share);
}

struct plant_voltage plant_voltage_of(const struct plant_electrodes *e, const struct plant_bath *bath, double celsius,
                                      double ampere, double distance, double area, double conducting) {
    struct plant_voltage v;
    double T = celsius + PLANT_KELVIN, c = bath->alumina, ratio = plant_bath_ratio(bath);
    double path = e->fan * e->anode_area * area;

    v.saturation = plant_bath_saturation(bath, celsius);
    v.activity = fmax(plant_bath_activity(c / v.saturation), 1e-3); /* the fit turns negative below 0.14 wt% */
    v.reversible = 1.896 - 0.000572 * T - PLANT_GAS * T / (6 * PLANT_FARADAY) * log(v.activity);

    v.density = ampere / path;
    v.critical = critical_density(e, c, T);
    v.anode_concentration = concentration_overvoltage(T, v.density, v.critical);
    v.anode_reaction = T / 12533 * (log(v.density / 0.0029) - 0.56 * log(c));
    v.cathode_concentration =
        5.744815304e-5 * T * (1.375 - 0.25 * ratio) * log(3.891050584 * ampere / e->cathode_area); /* 2R/3F */

    v.conductivity = plant_bath_conductivity(bath, T) * conducting;
    v.bubble_layer = (0.5517 + v.density) / (1 + 2.167 * v.density);
    v.covered = covered_share(e, v.density, ratio, c);
    double per_cm = ampere / (v.conductivity * path);
    v.bath = per_cm * distance;
    v.bubbles = per_cm * v.bubble_layer * v.covered / (1 - v.covered);

    v.anode = ampere * e->anode_ohm / area;
    v.cathode = ampere * e->cathode_ohm;
    v.external = ampere * e->external_ohm;
    v.total = v.reversible + v.anode_concentration + v.anode_reaction + v.cathode_concentration + v.bath + v.bubbles +
              v.anode + v.cathode + v.external;
    return v;
}

double plant_voltage_effect_ratio(const struct plant_voltage *v, double blocked) {
    if (v->critical <= 0) return 10;
    return v->density / (1 - blocked * v->covered) / v->critical;
}
