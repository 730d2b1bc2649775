/* plant_time.h: a simulated plant's time as the clock of a graph (`clock: plant`), in lockstep.
 *
 *     source: it is t ──> rows of t ──> every node ──> sinks write ──> all is answered ──> source: go on, plant
 *
 * All nodes work on one thread. When that has nothing to do, no edge holds anything and no sink has anything under way,
 * what was given has been answered, and the source that has asked for it is run.
 *
 * Thread: the worker's.
 */
#ifndef POTLINE_PLANT_TIME_H
#define POTLINE_PLANT_TIME_H

#include "base/clock.h"
#include "runtime/worker.h"

struct pl_plant_time {
    struct pl_clock *clock;
    struct pl_runnable *source; /* who has asked */
    enum { PL_PLANT_GOES_ON, PL_PLANT_WAITS, PL_PLANT_ANSWERED } state;
    unsigned pending; /* nodes that have something under way outside */
};

/* The worker's thread has nothing to do (pl_worker_when_still). */
void pl_plant_still(void *plant);

bool pl_plant_answered(struct pl_plant_time *plant, struct pl_runnable *source);

#endif
