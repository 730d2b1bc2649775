/* cell.h: one electrolysis cell: bath, metal, ledge, wall, anodes, and the alumina on its way into solution.
 *
 * Masses and temperatures are lumped; the wall is wall.h, the voltage voltage.h. Between two calls of plant_cell_step
 * the current, the voltage and what the crew and the controller do are held; shots and additions are impulses before a
 * step. Energy is conserved to round-off and kept in meters, so that anybody can close the balance:
 *
 *     plant_cell_energy(after) - plant_cell_energy(before) = sum of the meters' inputs - sum of their outputs
 *
 *     struct plant_cell cell;
 *     plant_cell_init(&cell, &plant_cell_reference);
 *     plant_cell_electrify(&cell, 180e3, 0);
 *     plant_cell_add_alumina(&cell, 1.5);
 *     plant_cell_step(&cell, &(struct plant_cell_hold){.alf3 = 6e-4}, 1.0);
 *
 * The usual mistake: stepping without plant_cell_electrify, so that the power is that of an older state.
 */
#ifndef PLANT_CELL_H
#define PLANT_CELL_H

#include "bath.h"
#include "voltage.h"
#include "wall.h"

#define PLANT_METAL_PER_COULOMB 9.3214647e-8   /* kg/C at full efficiency */
#define PLANT_ALUMINA_PER_COULOMB 1.7612362e-7 /* kg/C */
#define PLANT_CARBON_PER_METAL 0.33387         /* kg/kg */

enum { PLANT_ANODES_MAX = 48 };

/* What is built: constant for a cell. */
struct plant_cell_set {
    struct plant_electrodes electrodes;
    struct plant_wall wall;

    double cavity;                    /* m2, metal and bath seen from above */
    double distance;                  /* m, at the start */
    double bath_mass;                 /* kg, at the start */
    double metal_mass;                /* kg, at the start */
    double alumina, alf3, caf2, mgf2; /* wt%, at the start */
    double superheat;                 /* K, at the start */

    double cp_bath, cp_metal, cp_alumina, cp_alf3, cp_cryolite; /* J/kg/K; the last three from the cold */
    double dissolving;                                          /* J/kg alumina */
    double top, bottom, bars;                                   /* heat losses, W/K to the ambient of the wall */
    double cold_anode;                                          /* J that a new anode takes up */
    double effect_top; /* share of an anode effect's heat that leaves upwards */
    double cold_time;  /* s, time constant of that and of its current */

    double fast_share, fast_rate; /* of a shot: what dissolves at once, 1/s */
    double slow_rate;             /* 1/s, the rest */
    double settling;              /* share of the rest that becomes sludge */
    double sludge_time;           /* s */
    double floating;              /* loss of conductivity for a volume share of undissolved alumina */

    double efficiency;        /* current efficiency at 9 K, 12 % AlF3, 2.4 % alumina, calm metal */
    double effect_efficiency; /* and during an anode effect */
    double alf3_use;          /* kg lost per kg alumina */
    double cryolite_gain;     /* kg formed per kg alumina */
    double caf2_gain;         /* kg formed per kg alumina, of its calcium oxide */

    double anode_height;  /* m, new */
    double anode_density; /* kg/m3 */
    double carbon_excess; /* carbon used over Faraday's */
    double blocked;       /* share of the covered anode that carries no current */
};

enum plant_cell_state {
    PLANT_LEDGE,    /* kg */
    PLANT_ALUMINA,  /* kg, dissolved */
    PLANT_ALF3,     /* kg */
    PLANT_CRYOLITE, /* kg */
    PLANT_METAL,    /* kg */
    PLANT_BATH_TEMP,
    PLANT_LEDGE_TEMP,
    PLANT_WALL_TEMP,
    PLANT_FAST,   /* kg alumina, dissolving at once */
    PLANT_SLOW,   /* kg alumina, lumps and crust */
    PLANT_SLUDGE, /* kg alumina, under the metal */
    /* integrals over the run, kept by the same steps */
    PLANT_HEAT_TIME, /* K s of the bath over ambient: top, bottom and bars */
    PLANT_SIDE_HEAT, /* J through the wall */
    PLANT_CARRIED,   /* J in mass that came and went at bath temperature */
    PLANT_DISSOLVED, /* kg */
    PLANT_CELL_STATES
};

/* J and kg since the start. Inputs are positive into the cell, outputs positive out of it. */
struct plant_cell_meters {
    double electric; /* in */
    double added;    /* in: cold alumina, AlF3, bath (below zero: they cool) */
    double external; /* out: busbars */
    double reaction; /* out, the reaction from dissolved alumina */
    double anodes;   /* out: into cold anodes, and upwards in anode effects */
    double removed;  /* out: bath tapped */
    double charge;   /* C */
    double fed;      /* kg alumina */
    double alf3;     /* kg fed */
    double cryolite; /* kg bath constituents added less tapped */
    double used;     /* kg alumina electrolysed */
    double drawn;    /* kg alumina gone with tapped bath */
    double produced; /* kg metal */
    double tapped;   /* kg metal */
    double carbon;   /* kg */
};

/* Held during a step. */
struct plant_cell_hold {
    double alf3;            /* kg/s */
    double tapping;         /* kg/s of metal */
    double beam;            /* m/s, upwards */
    double efficiency_loss; /* by waves of the metal */
};

struct plant_cell {
    struct plant_cell_set set; /* first: what the rates read */
    double y[PLANT_CELL_STATES];
    double caf2, mgf2;               /* kg */
    double distance;                 /* m, anode to metal */
    double beam;                     /* m, position of the anode beam */
    double wear;                     /* m of carbon burnt off since the start */
    double cold;                     /* cold anodes: 1 for one just set, decaying */
    double set_at[PLANT_ANODES_MAX]; /* wear when each anode was set; negative: before the start */
    struct plant_cell_meters meters;

    /* of the present state, by plant_cell_electrify */
    struct plant_bath bath;
    struct plant_voltage voltage;
    double ampere;
    double volts; /* with the anode effect's share */
    double extra; /* that share */
    double liquidus;
    double efficiency; /* of the last step */
    double cold_decay; /* over one step of cold_step seconds */
    double cold_step;
};

extern const struct plant_cell_set plant_cell_reference; /* 180 kA */

void plant_cell_init(struct plant_cell *cell, const struct plant_cell_set *set);

/* Voltage, liquidus and composition of the present state at `ampere`, with `extra` volts of an anode effect. */
void plant_cell_electrify(struct plant_cell *cell, double ampere, double extra);

void plant_cell_step(struct plant_cell *cell, const struct plant_cell_hold *hold, double seconds);

void plant_cell_add_alumina(struct plant_cell *cell, double kg);
void plant_cell_add_cryolite(struct plant_cell *cell,
                             double kg);                 /* cold; negative: bath of the present mixture tapped */
double plant_cell_change_anode(struct plant_cell *cell); /* the oldest; returns the butt's height, m */

double plant_cell_energy(const struct plant_cell *cell);  /* J over bath at its melting point */
double plant_cell_balance(const struct plant_cell *cell); /* J: meters in less out */
double plant_cell_superheat(const struct plant_cell *cell);
double plant_cell_ledge(const struct plant_cell *cell);        /* m */
double plant_cell_metal_level(const struct plant_cell *cell);  /* m */
double plant_cell_bath_level(const struct plant_cell *cell);   /* m, over the metal */
double plant_cell_bath_mass(const struct plant_cell *cell);    /* kg, without what floats in it */
double plant_cell_effect_ratio(const struct plant_cell *cell); /* 1: an anode effect begins */

#endif
