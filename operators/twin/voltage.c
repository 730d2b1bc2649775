#include "voltage.h"

#include <math.h>

/* Gas constant as the published constants have been fitted with. */
static const double KELVIN = 273.15, GAS = 8.3145, FARADAY = 96485.3329;
static const double COVER_MOST = 0.95, ALUMINA_LEAST = 1e-3;

const struct voltage_cell voltage_cell_126 = {104652, 115348, 1.1382, 20, 3.02e-6, 2.15e-6, 2.01e-6, 1.80};
const struct voltage_cell voltage_cell_180 = {22e4, 26e4, 1.10, 20, 0.30 / 180e3, 0.30 / 180e3, 0.16 / 180e3, 1.80};

static double cover_of(const struct voltage_cell *cell, const struct bath *bath, double i) {
    double above = bath->alumina - cell->effect_alumina, ratio = bath_ratio(bath);
    double lean = 1 + 7.353 * above; /* has a pole just below the concentration of the effect */
    double by_alumina = lean > 0.05 ? (0.431 - 0.1437 * above) / lean : 10;
    return 0.9 * (0.509 + 0.1823 * i - 0.1723 * i * i + 0.05504 * i * i * i +
                  (0.4322 - 0.3781 * ratio) / (1 + 1.637 * ratio) + by_alumina);
}

struct voltage voltage_of(const struct voltage_cell *cell, const struct bath *given, double current, double distance) {
    struct bath bath = *given;
    bath.alumina = fmax(bath.alumina, ALUMINA_LEAST);
    struct voltage v = {0};
    double kelvin = bath.t + KELVIN, area = cell->fanning * cell->anode_area, activity = bath_activity(&bath);
    v.reversible =
        1.896 - 0.000572 * kelvin + GAS * kelvin / (12 * FARADAY) * log(1 / fmax(activity * activity, 1e-12));
    v.conductivity = bath_conductivity(&bath);
    v.density = current / area;
    v.critical =
        (5.5 + 0.018 * (kelvin - 1323)) * pow(cell->anode_area / cell->anodes, -0.1) * (sqrt(bath.alumina) - 0.4);
    double cover = cover_of(cell, &bath, v.density);
    v.margin = fmin(0.999 - (v.critical > 0 ? v.density / v.critical : current > 0 ? 10 : 0), COVER_MOST - cover);
    v.effect = current > 0 && v.margin < 0;
    v.cover = fmin(cover, COVER_MOST);
    v.layer = (0.5517 + v.density) / (1 + 2.167 * v.density);
    if (current > 0) {
        double left = v.effect ? 0.001 : 1 - v.density / v.critical;
        v.anode_concentration = -kelvin / 23209 * log(left);
        v.anode_reaction = fmax(kelvin / 12533 * (log(v.density / 0.0029) - 0.56 * log(bath.alumina)), 0);
        v.cathode_concentration = fmax(5.744815304e-5 * kelvin * (1.375 - 0.25 * bath_ratio(&bath)) *
                                           log(3.891050584 * current / cell->cathode_area),
                                       0);
    }
    v.bath = current * distance / (v.conductivity * area);
    v.bubbles = current * v.layer * v.cover / (v.conductivity * area * (1 - v.cover));
    v.anode = current * cell->anode;
    v.cathode = current * cell->cathode;
    v.external = current * cell->external;
    v.total = v.reversible + v.anode_concentration + v.anode_reaction + v.cathode_concentration + v.bath + v.bubbles +
              v.anode + v.cathode + v.external;
    return v;
}

double voltage_by_cold_anode(const struct voltage_cell *cell, const struct voltage *v, double t) {
    double by_reaction = v->density > 0 ? (t + KELVIN) / 12533 : 0; /* Tafel's slope, as in anode_reaction */
    return (v->bath + v->bubbles + v->anode + by_reaction) / cell->anodes;
}

/* ---- How it answers to alumina ---- */

static double cover_by_alumina(const struct voltage_cell *cell, const struct bath *bath, double by_ratio) {
    double above = bath->alumina - cell->effect_alumina, lean = 1 + 7.353 * above;
    double wide = 1 + 1.637 * bath_ratio(bath);
    double by_composition = by_ratio * (-0.3781 - 0.4322 * 1.637) / (wide * wide);
    return 0.9 * (by_composition + (lean > 0.05 ? (-0.1437 - 0.431 * 7.353) / (lean * lean) : 0));
}

double voltage_by_alumina(const struct voltage_cell *cell, const struct bath *bath, const struct voltage *v,
                          double *in_bath) {
    *in_bath = 0;
    if (!(bath->alumina > ALUMINA_LEAST)) return 0;
    struct bath_slopes by = bath_by_alumina(bath);
    double kelvin = bath->t + KELVIN, root = sqrt(bath->alumina), activity = bath_activity(bath);
    double slope = activity * activity > 1e-12 ? -GAS * kelvin / (6 * FARADAY) * by.activity / activity : 0;
    if (v->anode_reaction > 0) slope -= kelvin / 12533 * 0.56 / bath->alumina;
    if (v->anode_concentration > 0 && !v->effect) {
        double share = v->density / v->critical;
        slope -= kelvin / 23209 * share / (1 - share) / (2 * root * (root - 0.4));
    }
    double flow = 1.375 - 0.25 * bath_ratio(bath);
    if (v->cathode_concentration > 0) slope -= v->cathode_concentration * 0.25 * by.ratio / flow;
    *in_bath = -(v->bath + v->bubbles) * by.log_conductivity;
    if (v->cover < COVER_MOST)
        *in_bath += v->bubbles * cover_by_alumina(cell, bath, by.ratio) / (v->cover * (1 - v->cover));
    return slope + *in_bath;
}
