/* wall.h: a side wall as a stack: ledge, lining, contact, shell. */
#ifndef TWIN_WALL_H
#define TWIN_WALL_H

#include "stack.h"

struct wall {
    double ledge, least, most;
    double ledge_conductivity, ledge_density, ledge_capacity, latent;
    double lining, lining_conductivity, lining_slope, contact;
    double steel;
    int ledge_cells, lining_cells;
};

enum { WALL_STEEL_CELLS = 2 };

enum pl_code wall_init(struct stack *stack, const struct wall *wall, struct pl_error **error);

/* The temperatures of a stack whose left face has `face` and whose right side is set, when nothing changes any more. */
void wall_steady(const struct stack *stack, double face, double *t);

/* The thickness of a ledge through which a flux goes in the end; below 0: none could. */
double wall_ledge(const struct wall *wall, const struct stack_side *air, double freezing, double flux);

#endif
