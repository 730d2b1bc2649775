/* plane.h: a dissolved species in a shallow layer, averaged over its depth: advection by a given circulation,
 * diffusion, what is fed and dissolves, and what an electrode takes.
 *
 *     d c / dt = - div(u c) + div(D grad c) + k m (1 - c/saturation) + feed - demand      d m / dt = - k m (...)
 *
 * What is fed where the bath is saturated does not dissolve (it adds to m), and what is beyond saturation falls out.
 *
 * Finite volumes on a rectangle; walls are closed, but the ends in x may be held at a concentration. Velocities come
 * from a stream function at corners, so the discrete flow brings as much into each volume as out of it. Advection is of
 * second order where the field is smooth and makes no new extremes elsewhere (van Albada's limiter).
 *
 * Unknowns: c and m of each volume in turn, then what has been taken and what came through the ends.
 */
#ifndef TWIN_PLANE_H
#define TWIN_PLANE_H

#include "solver.h"
#include "state.h"

enum { PLANE_CELLS = 3000 };

struct plane {
    int nx, ny;
    double length, width, depth; /* m */
    double diffusivity;          /* m2/s */
    double speed;                /* m/s: uniform, along x (for open ends) */
    double circulation;          /* m/s: the most of `loops` vortices side by side */
    int loops;
    double demand;      /* kg/m3/s, where there is enough */
    double least;       /* kg/m3: much below it nothing is taken */
    double feed;        /* kg/m3/s, everywhere */
    double dissolution; /* 1/s */
    double saturation;  /* kg/m3; 0: none */
    double loss;        /* 1/s: of first order */
    bool held[2];       /* ends at x = 0 and x = length */
    double end[2];      /* kg/m3 there */
    double tolerance;   /* relative; 0: 1e-6 */

    double *along, *across; /* m2/s: flow through faces, by depth: (nx+1)*ny and nx*(ny+1) */
    struct pattern *pattern;
    struct solver *solver;
    double *y, *weights;
    double begun, entered; /* kg at the start, and put in by shots since */
    double *memory;
};

enum pl_code plane_open(struct plane *plane, double (*start)(double x, double y, void *context), void *context,
                        struct pl_error **error);
void plane_close(struct plane *plane);
enum pl_code plane_advance(struct plane *plane, double until, struct pl_error **error);
enum pl_code plane_restart(struct plane *plane, struct pl_error **error);

/* Mass that lands around a place within about `radius`: a share dissolves at once. */
enum pl_code plane_shot(struct plane *plane, double x, double y, double radius, double kilograms, double at_once,
                        struct pl_error **error);

/* Its state, to and from numbers, onto whatever grid this plane has; returns the time of it. After loading,
 * plane_resume there. */
double plane_carry(struct plane *plane, struct state *state);
enum pl_code plane_resume(struct plane *plane, double t, struct pl_error **error);

double plane_at(struct plane *plane, double x, double y); /* straight between centres */
double plane_cell(struct plane *plane, int i, int j);
double plane_dissolved(struct plane *plane);   /* kg */
double plane_undissolved(struct plane *plane); /* kg */
double plane_taken(struct plane *plane);       /* kg since the start, less what was fed evenly */
double plane_balance(struct plane *plane);
void plane_range(struct plane *plane, double *low, double *high); /* kg/m3 */
double plane_fullest(struct plane *plane);                        /* kg/m3, dissolved or not, where there is most */

#endif
