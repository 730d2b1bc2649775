/* timers.h: the event-time timers of one node: a heap ordered by (at, id, cookie), so that they fire in one order. */
#ifndef POTLINE_TIMERS_H
#define POTLINE_TIMERS_H

#include <potline/error.h>
#include <potline/pack.h>
#include <potline/tag.h>
#include <potline/time.h>
#include <stdbool.h>

struct pl_timer {
    pl_time at;
    uint64_t cookie;
    uint32_t id;
};

struct pl_timers {
    struct pl_timer *heap;
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;
};

void pl_timers_fini(struct pl_timers *timers);
bool pl_timers_add(struct pl_timers *timers, struct pl_timer timer); /* false: over the limit or without memory */

/* Takes the first timer that `now` has passed. */
bool pl_timers_take_due(struct pl_timers *timers, pl_time now, struct pl_timer *timer);

void pl_timers_pack(const struct pl_timers *timers, const struct pl_tags *tags, struct pl_pack *pack);
enum pl_code pl_timers_unpack(struct pl_timers *timers, struct pl_tags *tags, struct pl_unpack *unpack,
                              struct pl_error **error);

#endif
