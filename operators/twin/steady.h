/* steady.h: what a cell comes to when nothing is changed any more, as algebra, with sensitivities.
 *
 *     steady_open(&steady, model, 150000, 200000, &error);       from a CellModel at its present state
 *     steady_at(&steady, &point, &state, slope);                 false: no such state
 *
 * The equations are those of cell.c with their rates at 0, for a cell that is fed what it uses and tapped what it
 * makes, so that alumina and AlF3 are what they are held at: two unknowns are left, the superheat and the mass of
 * liquid bath (heat balance; what has frozen is not in the bath). A ledge is as thick as lets through what its bath
 * gives. Slopes are by the implicit function theorem: dz/dx = -(dR/dz)^-1 dR/dx, from central differences of the
 * residuals.
 *
 * The lining below is not solved each time: what it takes is interpolated in temperature and heat of the cathode, from
 * nine steady profiles; `lining_error` is the largest error found in between them.
 */
#ifndef TWIN_STEADY_H
#define TWIN_STEADY_H

#include "cell.h"

enum steady_input { STEADY_DISTANCE, STEADY_ALUMINA, STEADY_EXCESS, STEADY_CURRENT, STEADY_INPUTS };
enum steady_output {
    STEADY_TEMPERATURE, /* deg C */
    STEADY_SUPERHEAT,   /* K */
    STEADY_LEDGE_BATH,  /* m; below 0: none */
    STEADY_LEDGE_METAL,
    STEADY_SHELL, /* deg C: the hotter of the two */
    STEADY_BATH,  /* kg of liquid */
    STEADY_VOLTAGE,
    STEADY_EFFICIENCY,
    STEADY_ENERGY,     /* kWh/t */
    STEADY_PRODUCTION, /* kg/h */
    STEADY_USED,       /* kg/h of alumina */
    STEADY_FLUORIDE,   /* kg/h of AlF3 that keeps the excess as it is */
    STEADY_POWER,      /* kW */
    STEADY_MARGIN,     /* to an anode effect */
    STEADY_OUTPUTS
};

struct steady_point {
    double in[STEADY_INPUTS]; /* m, wt%, wt%, A */
};
struct steady_state {
    double out[STEADY_OUTPUTS];
};

enum { STEADY_NODES = 3 };
struct steady {
    struct cell cell; /* its set-up and flows: it has no solver */
    double y[CELL_STACKS];
    double ledge_k, others, shell_film, ambient, density;
    double cryolite;                           /* kg, liquid and frozen */
    double begin[2];                           /* where the search for superheat and bath begins */
    double low, high;                          /* deg C of the nodes */
    double weak, strong;                       /* W of the cathode, likewise */
    double bottom[STEADY_NODES][STEADY_NODES]; /* W out of the bath, by temperature and heat of the cathode */
    double lining_error;                       /* W */
};

enum pl_code steady_open(struct steady *steady, void *model, double least_current, double most_current,
                         struct pl_error **error);
/* `slope` may be NULL. */
bool steady_at(struct steady *steady, const struct steady_point *point, struct steady_state *state,
               double slope[STEADY_OUTPUTS][STEADY_INPUTS]);

#endif
