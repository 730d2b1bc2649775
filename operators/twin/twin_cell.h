/* twin_cell.h: the operator twin.cell: rows of a cell's signals are gathered by steps; when the watermark has passed a
 * step, its cell is taken there (follow.h), and what it is like is told.
 *
 *     rows -> table `steps` (asset, begin of step) -> watermark -> follow_step -> table `cells` (asset) -> rows
 *
 * Steps of all cells leave in order of (end, name of the asset), whatever the batches were.
 */
#ifndef TWIN_TWIN_CELL_H
#define TWIN_TWIN_CELL_H

#include <potline/potline.h>

#include "../signals.h"
#include "follow.h"

enum { TWIN_OUT, TWIN_PROFILES, TWIN_EVENTS };
enum { TABLE_STEPS, TABLE_CELLS, TABLE_PROGRESS };
enum { TWIN_BALANCES = 3 }; /* energy, alumina, charge */
enum {
    COUNT_STEPS,
    COUNT_SHORT,
    COUNT_LOOSE,
    COUNT_COARSE,
    COUNT_HELD,
    COUNT_LOST,
    COUNT_UNCERTAIN,
    COUNT_IGNORED,
    COUNT_LATE,
    COUNT_REFUSED,
    COUNT_RISKS,
    COUNT_EFFECTS,
    COUNT_UNBALANCED, /* three of them: energy, alumina, charge */
    COUNT_SOLVER_STEPS = COUNT_UNBALANCED + TWIN_BALANCES
};
enum { GAUGE_CELLS, GAUGE_HEALTH, GAUGE_RESIDUAL /* as many as balances */ };
enum { TWIN_TAGS = 48, TWIN_OPEN_STEPS = 512 };

/* Samples of one signal in one step, summed up. */
struct twin_sum {
    pl_time first_at, last_at;
    double sum, squares, offset, low, high, last;
    uint64_t count;
};

struct twin_step { /* a record */
    struct twin_sum signal[FOLLOW_SIGNALS];
};

struct twin_progress { /* a record, one for all: what is late */
    pl_time closed;
};

struct twin_cell { /* of an asset, in memory */
    uint32_t asset;
    struct follow follow;
    pl_time resumed;             /* begin of the first step since the engine was started; 0: none yet */
    struct risk_outlook outlook; /* of the last step, where one has been since the engine was started */
    bool stepped;
    uint32_t tag[TWIN_TAGS]; /* of what is told; 0: not named yet */
};

/* What gauges show: the worst of the cells in the steps that were taken last. */
struct twin_worst {
    double residual[TWIN_BALANCES], health;
};

struct twin_due {
    pl_time begin;
    struct twin_cell *cell;
};

struct twin {
    /* options */
    const char *signal[FOLLOW_SIGNALS];
    struct pl_list values;
    pl_time step, every, profile_every, state_every, lead, feed_memory, answer, attended, frozen, hold;
    int64_t budget, patience;
    double effect_voltage, effect_alumina, effect_spread, feed_spread, raise, clear;

    struct follow_setup setup;
    char fingerprint[17];
    struct pl_tags *tags;
    struct pl_table *steps, *cells;
    struct signals signals;
    struct twin_cell **cell; /* by name of the asset, once sorted */
    uint32_t count, room;
    uint32_t *of_asset; /* [asset]: place in `cell` + 1 */
    uint32_t asset_room;
    struct twin_due *due;
    uint32_t due_count, due_room;
    bool sorted, found, told_refused;
    pl_time closed; /* steps that end until then are over */
    uint64_t ignored, late, refused;
    struct twin_worst worst;

    struct pl_batch *out[3];
    struct pl_pack *body;
    double position[PL_MODEL_PROFILE_MAX], value[PL_MODEL_PROFILE_MAX];
};

/* twin_take.c */
bool twin_take(struct twin *twin, const struct pl_batch *batch); /* false without memory */
struct twin_cell *twin_cell_named(struct twin *twin, uint32_t asset);
pl_time twin_begin(const struct twin *twin, pl_time time);

/* twin_step.c: takes every cell through the steps that end until `now`. False: the node has failed. */
bool twin_find(struct twin *twin, struct pl_node *node);
bool twin_close_steps(struct twin *twin, struct pl_node *node, pl_time now);

/* twin_tell.c */
bool twin_tell(struct twin *twin, struct pl_node *node, struct twin_cell *cell, const struct follow_record *record,
               const struct follow_result *result);
bool twin_tell_event(struct twin *twin, struct pl_node *node, const struct twin_cell *cell, pl_time time,
                     const char *kind, uint16_t severity, const struct follow_record *record,
                     const struct follow_result *result, const char *why);
bool twin_tell_state(struct twin *twin, struct pl_node *node, const struct twin_cell *cell,
                     const struct follow_record *record);
/* What the model has lost or won out of nothing: counted, and kept for the gauges where it is the most. */
void twin_see_residuals(struct twin *twin, struct pl_node *node, const struct follow_result *result);
/* Into a command's reply: the same, and of what and when. */
void twin_reply_state(const struct twin *twin, const struct twin_cell *cell, const struct follow_record *record,
                      struct pl_call *call);
bool twin_flush(struct twin *twin, struct pl_node *node);

#endif
