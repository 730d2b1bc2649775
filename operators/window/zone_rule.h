/* zone_rule.h: when clocks change in a year, as POSIX writes it in TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * A file of a time zone ends with such a rule, which holds for all times behind its table (RFC 8536, 3.3). Offsets are
 * seconds east of Greenwich, the other way round than in the text. Times of day reach from -167 to 167 hours.
 */
#ifndef POTLINE_WINDOW_ZONE_RULE_H
#define POTLINE_WINDOW_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds [from, until) since 1970-01-01T00:00Z in which clocks are `offset` seconds ahead of UTC. */
struct zone_span {
    int64_t from;
    int64_t until;
    int32_t offset;
};

struct zone_day {
    enum { ZONE_WEEKDAY, ZONE_DAY, ZONE_DAY_NO_LEAP } form;
    int day; /* 0 to 365; 1 to 365, never the leap day; 0 Sunday to 6 */
    int week;
    int month;
    int32_t time; /* seconds from the day's start */
};

struct zone_rule {
    int32_t standard;
    int32_t saving; /* offset between `begin` and `end` */
    bool saves;
    struct zone_day begin; /* in standard time */
    struct zone_day end;   /* in daylight saving time */
};

/* Reads the whole of the text; false when it is no such rule. */
bool zone_rule_read(struct zone_rule *rule, const char *text, size_t length);

struct zone_span zone_rule_at(const struct zone_rule *rule, int64_t time);

#endif
