/* engine_move.h: inside of a change of the graph (change.h): one step from a graph to another, at an epoch that stands
 * still. Going back is the same step the other way. */
#ifndef POTLINE_ENGINE_MOVE_H
#define POTLINE_ENGINE_MOVE_H

#include "runtime/change.h"
#include "runtime/engine_impl.h"
#include "runtime/recovery.h"

struct pl__step {
    struct pl_engine *engine;
    const struct pl_change_options *options;
    struct pl_epoch *last; /* the one that all stand behind */
    struct pl__wired next; /* then what was, until the step is done with it */
    int *map;              /* [task before]: which one it is then; PL_CHECKPOINT_GONE */
    struct pl_checkpoints_room *room;
    bool *fresh_worker; /* [worker of next]: made for it */
    bool done;          /* `next` is what was */
    uint64_t lost;
};

/* The graph's plan, with memory for all that follows; nothing of the engine is touched. */
enum pl_code pl__step_plan(struct pl__step *step, struct pl_error **error);
/* The nodes that are new, not opened yet. `next.recall` and `next.now` are filled in. */
enum pl_code pl__step_make(struct pl__step *step, struct pl_error **error);
/* Nodes that leave end; *stopped: from here on they cannot be gone on with as they are. */
enum pl_code pl__step_leave(struct pl__step *step, bool *stopped, struct pl_error **error);
/* Every worker stands still behind the epoch, with nothing under way and the wiring held; or all goes on. */
enum pl_code pl__step_halt(struct pl__step *step, struct pl_error **error);
/* With all workers standing still: from one wiring to the other. After an error nothing has changed. */
enum pl_code pl__step_switch(struct pl__step *step, struct pl_error **error);
void pl__step_fini(struct pl__step *step);

/* ---- engine_still.c ---- */

enum pl_code pl__engine_halt(struct pl_engine *engine, struct pl_error **error);
void pl__engine_resume(const struct pl__wired *wired, unsigned count); /* the first of its workers */

/* `what` is done at an epoch that all stand behind, with every worker standing still; *pause: for so long lanes held.
 */
enum pl_code pl__engine_at_epoch(struct pl_engine *engine, enum pl_code (*what)(void *arg, struct pl_error **error),
                                 void *arg, pl_time *pause, struct pl_error **error);
/* The same, wherever they stand. */
enum pl_code pl__engine_between_rounds(struct pl_engine *engine, void (*what)(void *arg), void *arg,
                                       struct pl_error **error);

/* engine_rewire.c: who is new to a sender hears what the others have heard. */
void pl__engine_tell(struct pl_engine *engine, const struct pl__fresh *fresh);

/* engine_move.c. *since: when the lanes have come to hold. */
enum pl_code pl__engine_wait_for_epoch(struct pl_engine *engine, uint64_t *epoch, int64_t *since,
                                       struct pl_error **error);

#endif
