/* drift_watch.h: numbers of an asset that are counted by bin (drift.h), window by window, and what is told when they no
 * longer lie as they did.
 *
 *     detect.drifted   a window is beyond a limit for the first time; the three numbers that are farthest
 *     detect.settled   one is not, for the first time since; or what it was held against is there no more
 */
#ifndef POTLINE_DETECT_DRIFT_WATCH_H
#define POTLINE_DETECT_DRIFT_WATCH_H

#include "drift.h"
#include "verdict.h"

/* In an asset's record, with its counts: uint32_t seen[count][DRIFT_BINS]. */
struct drift_watch {
    pl_time since;
    uint32_t frames;  /* of the window at hand */
    uint32_t drifted; /* the last whole one was beyond its limit */
    uint32_t worst;   /* the number of it that was farthest */
    uint32_t reserved;
    double over; /* its index, over its limit; above 1: drifted */
};

/* What is counted: `count` numbers, the last of which is the score. */
struct drift_of {
    const struct drift_usual *usual;
    uint32_t count;
    uint32_t window; /* frames */
    double limit;    /* of the index, and one and a half times that of the training's own windows at least */
    uint32_t (*tag)(const void *self, uint32_t asset, uint32_t number); /* PL_NO_ID: no room */
    const void *self;
    const char *of_signal, *of_score; /* explanations */
};

/* A number of the frame at hand; NaN: it was not there. */
void drift_see(const struct drift_of *of, uint32_t *seen, uint32_t number, double value);

/* The frame at hand, of `time`, is whole. *closed: so is the window. False without memory, or without room for names.
 */
bool drift_close_frame(const struct drift_of *of, struct drift_watch *watch, uint32_t *seen, struct verdicts *verdicts,
                       uint32_t asset, pl_time time, bool *closed);

/* What numbers were held against is there no more: a drift that was told has settled. False without memory. */
bool drift_forget(struct drift_watch *watch, struct verdicts *verdicts, uint32_t asset, pl_time time,
                  const char *explanation);

#endif
