/* clock.h: the one place that knows what time it is.
 *
 *   wall    the machine's clock: live runs
 *   log     the time of the record at hand: replay and tests. Whoever reads the log sets it.
 *   plant   the simulated plant's time: it owns time and sets it, step by step
 *
 * A clock that is set only goes forward: a reading never lies before an earlier one. The wall clock may jump; what must
 * not (rate limits, latencies, time-outs) uses pl_clock_monotonic, which has nothing to do with the time of day.
 *
 * Any thread may read and set. Life-time: the caller's memory, nothing to release.
 */
#ifndef POTLINE_CLOCK_H
#define POTLINE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include <potline/time.h>

enum pl_clock_kind { PL_CLOCK_WALL, PL_CLOCK_LOG, PL_CLOCK_PLANT };

struct pl_clock {
    enum pl_clock_kind kind;
    _Atomic pl_time now; /* of a clock that is set */
};

void pl_clock_init(struct pl_clock *clock, enum pl_clock_kind kind, pl_time start); /* `start` is not for wall */
pl_time pl_clock_now(const struct pl_clock *clock);

/* False when `now` lies before the clock's time, or for the wall clock; nothing changes then. */
bool pl_clock_set(struct pl_clock *clock, pl_time now);

int64_t pl_clock_monotonic(void); /* nanoseconds since some moment */
int64_t pl_clock_boottime(void);  /* the same, and what the machine was suspended for counts */
int64_t pl_clock_worked(void);    /* nanoseconds that this thread has computed: what else runs does not count */

#endif
