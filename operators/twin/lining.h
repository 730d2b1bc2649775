/* lining.h: the stack below the metal, for the model of it and for the cell's. */
#ifndef TWIN_LINING_H
#define TWIN_LINING_H

#include <potline/model.h>

#include "stack.h"

enum {
    LINING_METAL,
    LINING_FILM,
    LINING_JOULE,
    LINING_BARS,
    LINING_BLOCK,
    LINING_BLOCK_K,
    LINING_BLOCK_SLOPE,
    LINING_BARRIER,
    LINING_BARRIER_K,
    LINING_INSULATION,
    LINING_INSULATION_K,
    LINING_STEEL,
    LINING_SHELL_FILM,
    LINING_EMISSIVITY,
    LINING_AMBIENT,
    LINING_FREEZES,
    LINING_CELLS,
    LINING_TOLERANCE,
    LINING_PARAMETERS
};

const struct pl_model_parameter *lining_parameters(void);
enum pl_code lining_stack(struct stack *stack, const double *p, struct pl_error **error); /* and its steady t */
void lining_inputs(struct stack *stack, const double *p);

#endif
