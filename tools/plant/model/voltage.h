/* voltage.h: the cell voltage and where it goes (Haupin 1998).
 *
 * Lengths in cm and areas in cm2, as the correlations are written. Two places are held within bounds so that the model
 * stays defined where a real cell would already be in anode effect: bubbles cover at most PLANT_COVERED of the anode,
 * and the concentration overvoltage takes at most PLANT_CRITICAL of the critical density.
 */
#ifndef PLANT_VOLTAGE_H
#define PLANT_VOLTAGE_H

#include "bath.h"

#define PLANT_FARADAY 96485.3329
#define PLANT_GAS 8.3145
#define PLANT_KELVIN 273.15
#define PLANT_COVERED 0.95
#define PLANT_CRITICAL 0.98

struct plant_electrodes {
    double anode_area;   /* cm2, all anodes, geometric */
    double cathode_area; /* cm2 */
    double anodes;
    double fan;       /* widening of the current's path in the bath */
    double anode_ohm; /* resistances */
    double cathode_ohm;
    double external_ohm;
    double effect_alumina; /* wt% where bubbles start to stick (c_AE) */
    double bubble_factor;
};

struct plant_voltage {
    double reversible;
    double anode_concentration;
    double anode_reaction;
    double cathode_concentration;
    double bath;
    double bubbles;
    double anode;
    double cathode;
    double external;
    double total;
    /* what these came from */
    double saturation; /* wt% */
    double activity;
    double conductivity; /* S/cm */
    double density;      /* A/cm2 at the anode */
    double critical;     /* A/cm2 */
    double bubble_layer; /* cm */
    double covered;      /* share of the anode under bubbles */
};

/* `distance` is between anode and metal. `area` scales the anode area (1: all anodes carry), `conducting` the bath's
 * conductivity (1: nothing floats in it). */
struct plant_voltage plant_voltage_of(const struct plant_electrodes *e, const struct plant_bath *bath, double celsius,
                                      double ampere, double distance, double area, double conducting);

/* Density where the anode is bare over the critical one: 1 is the onset of an anode effect. Of what bubbles cover,
 * `blocked` carries nothing. */
double plant_voltage_effect_ratio(const struct plant_voltage *v, double blocked);

#endif
