/* cell.h: a whole cell as one system of equations: bath and metal as well-mixed, two side walls with ledges (at the
 * bath's and at the metal's level), the lining below, balances of heat and of each species.
 *
 * Energies count from the bath at its first liquidus. What freezes takes from the bath what its wall gets
 * (stack_from_melt), so that heat leaves the system only where a tally says so.
 */
#ifndef TWIN_CELL_H
#define TWIN_CELL_H

#include "lining.h"
#include "solver.h"
#include "stack.h"
#include "voltage.h"

enum cell_unknown { CELL_HEAT, CELL_ALUMINA, CELL_UNDISSOLVED, CELL_FLUORIDE, CELL_CRYOLITE, CELL_METAL, CELL_STACKS };
enum { CELL_WALLS = 2, CELL_EVENTS = 14 };
enum cell_event {
    CELL_HOT = 2 * STACK_EVENTS,
    CELL_COLD,
    CELL_EMPTY,
    CELL_DRY,
    CELL_THICK_0,
    CELL_THICK_1,
    CELL_TOUCH,
    CELL_FAR,
    CELL_ACID,
    CELL_EFFECT
};

struct cell_setup {
    struct voltage_cell voltage;
    double current, distance;            /* A, cm */
    double drift;                        /* cm/s */
    double cold;                         /* anodes that take no current yet */
    double feed, fluoride_feed, tapping; /* kg/s */
    double at_once;                      /* share of the feed that dissolves at once */
    double dissolution;                  /* 1/s */
    double calcium, lithium, magnesium;  /* kg */
    double efficiency;                   /* at 9 K superheat and 11 wt% excess */
    double feed_heat;                    /* J/kg: heats and dissolves alumina */
    double top;                          /* W/K to `gas` */
    double gas, ambient;
    double wall_area[CELL_WALLS], film[CELL_WALLS];
    double bottom_area, bottom_film;
    double bars,
        edges; /* W/K from the lower end of the blocks, along collector bars and through the side below the metal */
    double cathode_share; /* of the cathode's drop that warms the blocks */
    double effect_voltage;
    double bath_capacity, metal_capacity; /* J/kg/K */
    double fluoride_loss, cryolite_gain;  /* kg by kg alumina fed */
};

struct cell_flows { /* of the last rate */
    struct bath bath;
    struct voltage voltage;
    double u;    /* V, an anode effect included */
    double cold; /* V of it, by anodes that are cold */
    double liquidus, efficiency, bath_mass;
    double made, taken;                   /* kg/s of metal, of alumina */
    double heat;                          /* W set free inside */
    double wall[CELL_WALLS], bottom, top; /* W out of the bath */
    double bars, edges;                   /* W out of the blocks */
    double out;                           /* W out of the system */
};

struct cell {
    struct cell_setup set;
    struct stack wall[CELL_WALLS], lining;
    double zero; /* deg C of the bath whose heat is 0 */
    bool effect;
    double since; /* s: when `distance` and `cold` were set */
    struct cell_flows flows;
    int at[CELL_WALLS], lining_at, net, consumed, size;
    struct pattern *pattern;
    struct solver *solver;
    double *y;
    double begun_heat, begun_alumina, begun_cryolite, begun_metal, fed, tapped;
    double tolerance, fed_since;
    const char *limit;
};

/* Walls and lining are set up by the caller (stack_init, stack_front), with their temperatures in `t`. */
enum pl_code cell_open(struct cell *cell, const double *start, struct pl_error **error); /* CELL_STACKS numbers */
enum pl_code cell_advance(struct cell *cell, double until, struct pl_error **error);
enum pl_code cell_restart(struct cell *cell, struct pl_error **error); /* something set has changed */
void cell_close(struct cell *cell);

/* Its state, to and from numbers; returns the time of it. After loading, cell_resume there. */
double cell_carry(struct cell *cell, struct state *state);
enum pl_code cell_resume(struct cell *cell, double t, struct pl_error **error);

void cell_read(struct cell *cell);                              /* flows, walls and lining of the state at hand */
double cell_capacity(const struct cell *cell, const double *y); /* J/K of bath and metal */
double cell_temperature(const struct cell *cell, const double *y);
/* Bath, voltage and reaction alone, of a cell that needs no walls, lining or solver: into its flows. */
void cell_flows(struct cell *cell, const double *y);
double cell_liquidus(struct cell *cell, const double *y);
double cell_room(struct cell *cell, const double *y); /* kg: of alumina that can dissolve until it is saturated */

double cell_heat_balance(struct cell *cell);
double cell_alumina_balance(struct cell *cell);
double cell_charge_balance(struct cell *cell); /* that made metal, less that took alumina */

/* What is left at `t` of anodes that were cold at `since`, as a share. */
double cell_still_cold(const struct cell *cell, double t);

/* m: over which diffusion (Fick, six electrons by Al2O3) brings the alumina that the critical density takes; 0: none.
 */
double cell_diffusion_layer(const struct cell *cell);

#endif
