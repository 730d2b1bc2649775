/* A file of a time zone: whatever it says, each moment lies in the span it is given, and the first moment at which
 * clocks show a time is the first. The input is a whole file; the times asked for spread over those a window may have.
 */
#include <potline/time.h>

#include "expect.h"
#include "zone.h"

enum { TIMES = 200 };

static void ask(const struct zone *zone, int64_t time) {
    struct zone_span span = zone_at(zone, time);
    EXPECT(span.from <= time && time < span.until);
    int64_t first = zone_first(zone, time);
    EXPECT(first + zone_at(zone, first).offset >= time);
    EXPECT(first - 1 + zone_at(zone, first - 1).offset < time);
    EXPECT(zone_first(zone, time + 1) >= first);
    if (span.from > -ZONE_TIME_MAX) EXPECT(zone_at(zone, span.from - 1).until <= span.from);
    if (span.until < ZONE_TIME_MAX) EXPECT(zone_at(zone, span.until).from >= span.until);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct zone *zone = NULL;
    if (zone_read(bytes, size, &zone, NULL)) return 0;
    for (int i = -TIMES; i <= TIMES; i++)
        ask(zone, PL_TIME_MAX / PL_SECOND / TIMES * i + (int64_t)(size * 7919 % 100000));
    zone_free(zone);
    return 0;
}
