/* rates.h: how many alarms there were within a time, against a limit: floods, and the alarm-rate budget.
 *
 * It is over the limit from the alarm that is one too many in the window, until fewer than `end` are left in it. Of the
 * times only the newest limit + 1 are kept.
 */
#ifndef POTLINE_ALARMS_RATES_H
#define POTLINE_ALARMS_RATES_H

#include <potline/pack.h>
#include <potline/time.h>

enum { RATE_LIMIT_MAX = 10000 };

struct rate_watch {
    pl_time window;
    uint32_t limit; /* 0: not watched */
    uint32_t end;   /* 1 .. limit */
    pl_time *times; /* a ring of limit + 1 */
    uint32_t next, used;
    bool over;
    pl_time since;  /* over the limit since */
    uint64_t count; /* alarms since then, with those in the window before */
};

bool rate_init(struct rate_watch *watch, uint32_t limit, uint32_t end, pl_time window); /* false without memory */
void rate_fini(struct rate_watch *watch);

/* One more. True when it is the one too many. */
bool rate_add(struct rate_watch *watch, pl_time time);

/* While over: when it will have ended, if nothing more comes. */
pl_time rate_ends(const struct rate_watch *watch);
/* True when it has ended by `now`. */
bool rate_settle(struct rate_watch *watch, pl_time now);

void rate_pack(const struct rate_watch *watch, struct pl_pack *pack);
bool rate_unpack(struct rate_watch *watch, struct pl_unpack *unpack); /* what does not fit another limit is left out */

#endif
