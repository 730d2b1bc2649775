/* layer.h: diffusion of one species before an electrode, as finite volumes.
 *
 *     electrode | cells, which may grow away from it | bulk
 *       x = 0                                          x = thickness
 *
 * At the electrode the flux is what its current consumes, i/(n F). What is known there:
 *     LAYER_CURRENT     the current; the overpotential is an algebraic unknown (IDAS)
 *     LAYER_POTENTIAL   the overpotential, or any law i = a c - b that `line` gives; the current follows (CVODES)
 *     LAYER_DEPLETED    nothing is left at the surface: the current is what diffusion brings
 * With a radius the layer is a shell around a sphere of it: what is near the electrode spreads over more and more. A
 * small disk's edge brings in as much as a sphere of the disk's own radius does, to the first order (Soos and Lingane
 * 1964; Aoki and Osteryoung 1981).
 *
 * Where the solution mixes, eddies carry too, and more and more with the fourth power of the distance (Amatore et al.,
 * J. Electroanal. Chem. 500 (2001) 62).
 *
 * The far side has the bulk's concentration, or is closed. Amounts that have passed either side are unknowns too, so
 * that the balance is kept by the integration itself.
 */
#ifndef TWIN_LAYER_H
#define TWIN_LAYER_H

#include <complex.h>

#include "kinetics.h"
#include "solver.h"
#include "state.h"

enum { LAYER_CELLS = 2000 };
enum layer_control { LAYER_CURRENT, LAYER_POTENTIAL, LAYER_DEPLETED };

struct layer {
    int cells;
    double thickness, growth; /* m; width of a cell by that of the one before it, 0: all alike */
    double radius;            /* m: of a sphere that is the electrode; 0: a plane */
    double mixing;            /* m: where the solution begins to mix by itself; 0: it rests */
    double diffusivity;       /* m2/s */
    double electrons;         /* by molecule consumed */
    double bulk;              /* mol/m3 */
    double scale;             /* mol/m3: what is much, where the bulk has little; 0: the bulk's */
    bool closed;              /* no flux on the far side */
    struct kinetics kinetics;
    enum layer_control control;
    double current, potential; /* A/m2, V: the one that is known */
    double tolerance;          /* relative; 0: 1e-6 */
    double least;              /* mol/m3 at the surface where an advance ends with an event; 0: none */

    /* May set current, potential or bulk for a time. */
    void (*drive)(double t, struct layer *layer, void *context);
    struct kinetics_line (*line)(const struct layer *layer, void *context); /* NULL: kinetics at the potential */
    double (*source)(double t, double x, void *context);                    /* mol/m3/s; NULL: none */
    void *context;

    double *memory, *width, *place;
    double *volume, *gate; /* of cells (m3), and of their far sides (m2), by m2 of the electrode */
    struct solver *solver;
    double *y;
    double begun; /* mol/m2 at the start */
    double whole; /* mol/m2: of a full layer at the start */
};

enum pl_code layer_open(struct layer *layer, double start, struct pl_error **error); /* uniform at the start */
enum pl_code layer_open_at(struct layer *layer, const double *start, struct pl_error **error);
enum pl_code layer_place(struct layer *layer, struct pl_error **error); /* before layer_open_at: width and place */
/* *depleted: the surface has come down to `least`; may be NULL. */
enum pl_code layer_advance(struct layer *layer, double until, bool *depleted, struct pl_error **error);
/* Something that is known has changed, `control` perhaps. */
enum pl_code layer_restart(struct layer *layer, struct pl_error **error);
/* What all advances from now on may take, whatever solver the control asks for. */
void layer_allow(struct layer *layer, const struct pl_model_allowance *allowance);
/* Its state, to and from numbers; returns the time of it. After loading, layer_resume there. */
double layer_carry(struct layer *layer, struct state *state);
enum pl_code layer_resume(struct layer *layer, double t, struct pl_error **error);
void layer_close(struct layer *layer);

double layer_current(struct layer *layer);
double layer_potential(struct layer *layer); /* overpotential */
double layer_surface(struct layer *layer);   /* mol/m3 */
const double *layer_cells(struct layer *layer);
double layer_balance(struct layer *layer);
double layer_limit(const struct layer *layer); /* A/m2 that diffusion can bring in the end */

/* Concentration at the surface by flux out of it (s/m), at a frequency, of the discrete layer; what an impedance needs.
 */
double complex layer_response(const struct layer *layer, double hertz);

#endif
