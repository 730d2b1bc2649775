/* stack.h: heat conduction through layers, hot side first, as finite volumes for the method of lines.
 *
 *        left | layer 0 |  layer 1  | ... | right           cells of a layer may grow in width (`growth`)
 *
 *     struct stack_layer layers[] = {{.material = ledge, .thickness = 0.05, .cells = 20}, {...}};
 *     stack_init(&stack, layers, 2, STACK_PLANE, &error);
 *     stack_start(&stack, y, temperature_at, context);      the state that has these temperatures
 *     stack.left = ...; stack.right = ...;
 *     stack_rate(&stack, y, rate);                          returns non-zero beyond a limit
 *
 * What a cell's heat makes of it is kept while that does not change: whoever changes a material sets `heat` to NaN.
 *
 * The unknowns are heat contents of cells, divided by each cell's heat capacity at the start: where properties are
 * constant, y is the temperature. Heat contents and not temperatures, because then what flows out of one cell is what
 * flows into the next, whatever properties, phase change or a moving face do: the balance closes to round-off.
 *
 * With a front (`stack_front`) layer 0 is frozen from a melt on its left and its thickness is an unknown of its own,
 * y[cells]. Its cells keep their shares of it (Landau's map) and faces carry the heat content of what they sweep over.
 * While the front is at its least thickness and the melt heats more than the layer conducts, it stands still and the
 * melt heats its face instead: `bare`; stack_events has the two roots where that changes.
 */
#ifndef TWIN_STACK_H
#define TWIN_STACK_H

#include <potline/error.h>
#include <stdbool.h>

#include "material.h"
#include "pattern.h"
#include "state.h"

enum { STACK_LAYERS = 8, STACK_CELLS = 2000 };
enum stack_shape { STACK_PLANE, STACK_CYLINDER };
enum { STACK_EVENTS = 2 };

struct stack_layer {
    struct material material;
    double thickness; /* m */
    int cells;
    double growth;  /* width of a cell by that of the one before; 0: all alike */
    double contact; /* m2 K/W behind it */
};

enum stack_kind { STACK_FLUX, STACK_TEMPERATURE, STACK_FILM };
struct stack_side {
    enum stack_kind kind;
    double flux;              /* W/m2, into the stack */
    double temperature;       /* of the face, or of the fluid */
    double film;              /* W/m2/K */
    double emissivity, walls; /* radiation to walls of this temperature; 0: none */
};

struct stack_front {
    bool is; /* there is one */
    bool bare;
    double film, melt; /* W/m2/K, deg C of the melt */
    double freezing;   /* deg C */
    double least, most;
    double reference; /* J/kg: of the melt, counts as 0 in balances */
    double thickness; /* of the last rate */
    double speed;     /* m/s, of growth */
};

struct stack {
    int cells, layers;
    enum stack_shape shape;
    struct stack_layer layer[STACK_LAYERS];
    struct stack_side left, right;
    double inner_radius; /* cylinder: of the left face */
    struct stack_front front;
    double *memory;       /* all arrays below */
    double *volume;       /* m3 by m2 (plane), or by m length */
    double *toward;       /* half a cell's resistance times its conductivity, toward the left face, */
    double *away;         /* and toward the right one */
    double *area;         /* cells + 1: of faces */
    double *place;        /* m, of centres from the left face */
    double *edge;         /* cells + 1: m, of faces from the left one */
    double *share;        /* cells + 1: of layer 0's thickness to the right of a face */
    double *capacity;     /* J/K of a cell at the start: unit of y */
    double *source;       /* W into a cell */
    double *loss;         /* W/K from a cell to `loss_to` */
    double *flux;         /* cells + 1: W through faces, to the right, of the last rate */
    double *t;            /* of the last rate */
    double *heat;         /* J/m3 of the last rate; NaN: there was none, or the material is another */
    double *conductivity; /* W/m/K, of the last rate */
    unsigned char *of;    /* the layer of a cell */
    double loss_to;
    double loss_power, loss_rise; /* `loss` holds at this rise above loss_to and goes with a power of it; 0: linear */
    double left_face, right_face; /* deg C, of the last rate */
};

enum pl_code stack_init(struct stack *stack, const struct stack_layer *layers, int count, enum stack_shape shape,
                        double inner_radius, struct pl_error **error);
void stack_fini(struct stack *stack);
void stack_front(struct stack *stack, double film, double melt, double freezing, double least, double most);

int stack_unknowns(const struct stack *stack); /* cells, and the front */
void stack_start(struct stack *stack, double *y, double (*at)(double place, void *context), void *context);
void stack_start_profile(struct stack *stack, double *y, const double *t); /* a temperature a cell */

double stack_lost(const struct stack *stack, int cell, double t);   /* W from a cell as warm as that */
int stack_rate(struct stack *stack, const double *y, double *rate); /* 0, or 1: no temperature */
void stack_temperatures(struct stack *stack, const double *y);      /* t, heat: without fluxes */
void stack_events(struct stack *stack, const double *y, double *value);
/* Behind an event, and where sides have jumped: true when the front has gone or come back. */
bool stack_switch(struct stack *stack, const double *y);

double stack_heat(const struct stack *stack,
                  const double *y); /* J by m2 or m; the melt at its first freezing point is 0 */
/* To and from numbers; a stack of the same layers takes it whatever its cells are. */
void stack_carry(struct stack *stack, struct state *state, double *y);
double stack_from_melt(const struct stack *stack); /* W/m2 that a front takes from its melt, of the last rate */
void stack_pattern(const struct stack *stack, struct pattern *pattern, long row); /* of unknowns from `row` on */
double stack_at(const struct stack *stack, double place); /* deg C of the last rate, m from the fixed left face */
double stack_place(const struct stack *stack, int cell);  /* m of its centre from the left face, front included */
double stack_end(const struct stack *stack);              /* m: the right face */

#endif
