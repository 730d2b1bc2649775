/* span.h: differences of times that do not overflow. */
#ifndef POTLINE_CLEANSE_SPAN_H
#define POTLINE_CLEANSE_SPAN_H

#include <potline/time.h>

/* to - from, cut at the ends of time. */
static inline pl_time time_between(pl_time from, pl_time to) {
    pl_time between;
    if (!__builtin_sub_overflow(to, from, &between)) return between;
    return to > from ? PL_TIME_MAX : PL_TIME_MIN;
}

#endif
