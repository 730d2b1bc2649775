#include "schedule.h"

/* Stamps of a free-running schedule keep their even distance unless the clocks have drifted apart by more than this. */
#define STAMP_SLACK PL_MILLISECOND

static pl_time next_multiple(pl_time now, pl_time period) {
    pl_time rest = now % period;
    return now - (rest < 0 ? rest + period : rest) + period;
}

void pl__schedule_start(struct pl__schedule *schedule, pl_time period, bool aligned, int64_t monotonic, pl_time now) {
    *schedule = (struct pl__schedule){.period = period, .aligned = aligned, .due = monotonic, .stamp = now};
    if (!aligned) return;
    schedule->stamp = next_multiple(now - 1, period);
    schedule->due = monotonic + (schedule->stamp - now);
}

uint64_t pl__schedule_next(struct pl__schedule *schedule, int64_t monotonic, pl_time now) {
    pl_time period = schedule->period;
    int64_t late = monotonic - schedule->due;
    int64_t steps = late < 0 ? 1 : late / period + 1;
    pl_time nominal = now + (schedule->due + steps * period - monotonic);
    schedule->due += steps * period;
    if (schedule->aligned) {
        pl_time stamp = next_multiple(nominal - period / 2 - 1, period);
        schedule->due += stamp - nominal;
        schedule->stamp = stamp;
        if (schedule->due <=
            monotonic) { /* the engine's clock was set back: its next multiple, not this moment again */
            schedule->due += period;
            schedule->stamp += period;
        }
    } else {
        schedule->stamp += steps * period;
        pl_time off = nominal - schedule->stamp;
        if (off > STAMP_SLACK || off < -STAMP_SLACK) schedule->stamp = nominal;
    }
    return (uint64_t)(steps - 1);
}
