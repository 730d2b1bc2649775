/* time.h: time as the engine counts it.
 *
 * A pl_time is nanoseconds since 1970-01-01T00:00:00Z (UTC, no leap seconds) in 64 bits. It is *event* time (when the
 * plant measured) unless a name says otherwise. Durations use the same unit.
 */
#ifndef POTLINE_TIME_H
#define POTLINE_TIME_H

#include <stdint.h>

typedef int64_t pl_time;

#define PL_TIME_MIN INT64_MIN /* before every row: the watermark of a stream that has said nothing */
#define PL_TIME_MAX INT64_MAX /* after every row: the watermark of a stream that has ended */

#define PL_MICROSECOND INT64_C(1000)
#define PL_MILLISECOND (1000 * PL_MICROSECOND)
#define PL_SECOND (1000 * PL_MILLISECOND)
#define PL_MINUTE (60 * PL_SECOND)
#define PL_HOUR (60 * PL_MINUTE)
#define PL_DAY (24 * PL_HOUR)

#endif
