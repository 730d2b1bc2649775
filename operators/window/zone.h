/* zone.h: what clocks show in a time zone, from the system's database (/usr/share/zoneinfo, or where TZDIR says).
 *
 * The C library's own functions work on one zone a process, so the files are read here: TZif as RFC 8536 describes it,
 * versions 1 to 4, with the rule for times behind the table. A file is bytes from outside: whatever is in it, it is
 * read within its bounds or refused. Times are seconds since 1970-01-01T00:00Z, and at most ZONE_TIME_MAX away from
 * then.
 *
 *     struct zone *zone;
 *     if (zone_open("Europe/Berlin", &zone, &error)) return ...;
 *     int64_t six = zone_first(zone, day * 86400 + 6 * 3600);     // when clocks there show 06:00 of that day
 *     zone_free(zone);
 *
 * Life-time: the caller's; immutable, any thread.
 */
#ifndef POTLINE_WINDOW_ZONE_H
#define POTLINE_WINDOW_ZONE_H

#include <potline/error.h>
#include <stdint.h>

#include "zone_rule.h"

#define ZONE_TIME_MAX INT64_C(100000000000)

struct zone;

/* UTC is there without any file. An unknown name is NOT_FOUND, with one that is like it. */
enum pl_code zone_open(const char *name, struct zone **zone, struct pl_error **error);
enum pl_code zone_read(const void *bytes, size_t size, struct zone **zone, struct pl_error **error);
void zone_free(struct zone *zone); /* NULL is fine */

/* The span around `time` in which clocks do not change. */
struct zone_span zone_at(const struct zone *zone, int64_t time);

/* The first time at which clocks show `local` or later (seconds from 1970-01-01T00:00 by the clock): of a local time
 * that is there twice the first, and the change itself for one that is left out. */
int64_t zone_first(const struct zone *zone, int64_t local);

#endif
