/* schedule.h: when to poll: an absolute grid of slots, so that no delay adds up, and no slot is ever made up for later.
 *
 * A slot has a due moment on the monotonic clock, which is what a timer waits for, and a stamp on the engine's clock,
 * which is what its samples may carry. Aligned slots stand on multiples of the period of the engine's clock (a poll of
 * 10s comes at :00, :10, ...) and follow it when it is set; others count from the start. Pure.
 */
#ifndef MODBUS_SCHEDULE_H
#define MODBUS_SCHEDULE_H

#include <potline/time.h>
#include <stdbool.h>

struct pl__schedule {
    pl_time period;
    bool aligned;
    int64_t due;   /* monotonic, ns */
    pl_time stamp; /* engine clock */
};

/* The first slot: now, or the next multiple of the period when aligned. */
void pl__schedule_start(struct pl__schedule *schedule, pl_time period, bool aligned, int64_t monotonic, pl_time now);

/* Moves on to the first slot after `monotonic`. Returns how many slots in between had to be left out. */
uint64_t pl__schedule_next(struct pl__schedule *schedule, int64_t monotonic, pl_time now);

#endif
