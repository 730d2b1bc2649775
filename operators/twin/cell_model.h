/* cell_model.h: what the files of CellModel share: cell_parameters.c (its table of parameters), cell_model.c (its
 * life), cell_outputs.c (what is read of it) and cell_follow.c (what twin.cell does with one that follows a cell).
 */
#ifndef TWIN_CELL_MODEL_H
#define TWIN_CELL_MODEL_H

#include <potline/model.h>

#include "cell.h"

enum {
    CURRENT,
    DISTANCE,
    DRIFT,
    COLD_ANODES,
    FEED,
    SHOT,
    FLUORIDE_FEED,
    TAPPING,
    ALUMINA,
    EXCESS,
    CALCIUM,
    LITHIUM,
    MAGNESIUM,
    BATH,
    METAL,
    SUPERHEAT,
    EFFICIENCY,
    ANODE_AREA,
    CATHODE_AREA,
    FANNING,
    ANODES,
    ANODE_R,
    CATHODE_R,
    EXTERNAL_R,
    EFFECT_ALUMINA,
    EFFECT_VOLTAGE,
    SLOW,
    DISSOLUTION,
    FEED_HEAT,
    TOP,
    GAS,
    AMBIENT,
    BATH_WALL,
    METAL_WALL,
    BATH_FILM,
    METAL_FILM,
    LEDGE_K,
    LINING,
    LINING_K,
    SHELL_FILM,
    BOTTOM,
    BARS,
    EDGES,
    CATHODE_SHARE,
    MOST,
    LEDGE_CELLS,
    TOLERANCE,
    PARAMETERS
};

extern const struct pl_model_parameter cell_parameters[];
extern const struct pl_model_quantity cell_outputs[], cell_profiles[];
extern const struct pl_model_told cell_told[];

struct cell_instance {
    struct cell cell;
    double p[PARAMETERS];
};

/* Parameters that may change while it runs, into the set-up; the solver is to be restarted. */
void cell_put_inputs(struct cell_instance *instance);
/* What has gone on evenly up to now is accounted for, before something else goes on. */
void cell_settle(struct cell *cell);

void cell_read_outputs(void *self, double *out);
unsigned cell_profile(void *self, unsigned index, double *position, double *value);

#endif
