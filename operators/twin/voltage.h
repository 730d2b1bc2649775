/* voltage.h: what a cell's voltage is made of (Haupin 1998). */
#ifndef TWIN_VOLTAGE_H
#define TWIN_VOLTAGE_H

#include <stdbool.h>

#include "bath.h"

struct voltage_cell {
    double anode_area, cathode_area; /* cm2 */
    double fanning;                  /* how much wider than the anodes the current's way is */
    int anodes;
    double anode, cathode, external; /* ohm */
    double effect_alumina;           /* wt% at which bubbles cover all */
};

struct voltage {
    double reversible, anode_concentration, anode_reaction, cathode_concentration;
    double bath, bubbles, anode, cathode, external;
    double total;
    double density, critical;          /* A/cm2 at the anode, and where it polarises */
    double conductivity, cover, layer; /* S/cm, share, cm */
    double margin;                     /* how far from an anode effect, as a share; below 0: there is one */
    bool effect; /* beyond the critical density, or bubbles cover all: an anode effect; `total` has no meaning then */
};

/* `distance` is the anode-cathode distance in cm. */
struct voltage voltage_of(const struct voltage_cell *cell, const struct bath *bath, double current, double distance);

/* V/wt%: by how much the total of `v`, which is that of this bath, grows with its alumina; of that, `in_bath` is in the
 * bath and its bubbles. */
double voltage_by_alumina(const struct voltage_cell *cell, const struct bath *bath, const struct voltage *v,
                          double *in_bath);

/* V: by how much the total grows with each anode of as many that takes no current yet, so that the others take its
 * share. A new one is cold; what it does not take falls by e in VOLTAGE_ANODE_WARMS s. */
double voltage_by_cold_anode(const struct voltage_cell *cell, const struct voltage *v, double t);
enum { VOLTAGE_ANODE_WARMS = 8 * 3600 };

extern const struct voltage_cell voltage_cell_126; /* the 126.5 kA pot of the published constants */
extern const struct voltage_cell voltage_cell_180; /* the 180 kA reference cell */

#endif
