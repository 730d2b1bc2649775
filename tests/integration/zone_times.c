/* Prints what clocks show: `zone_times ZONE PERIOD SHIFT...` reads seconds since 1970 from standard input and prints
 * for each the offset, when the clocks were last changed and will be next, and the calendar's window around it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"

static int fail(struct pl_error *error) {
    pl_error_print(stderr, error);
    return 2;
}

int main(int count, char **words) {
    static const char *const periods[] = {"shift", "day", "week", "month"};
    struct calendar calendar = {0};
    struct pl_error *error = NULL;
    if (count < 4) return 2;
    struct pl_strings shifts = {(const char **)words + 3, (uint32_t)count - 3};
    if (zone_open(words[1], &calendar.zone, &error)) return fail(error);
    if (calendar_set_shifts(&calendar, &shifts, &error)) return fail(error);
    for (unsigned i = 0; i < PL_COUNT_OF(periods); i++)
        if (strcmp(words[2], periods[i]) == 0) calendar.period = (enum calendar_period)i;
    for (int64_t time; scanf("%" SCNd64, &time) == 1;) {
        pl_time from, to;
        struct zone_span span = zone_at(calendar.zone, time);
        calendar_window(&calendar, time * PL_SECOND, &from, &to);
        printf("%" PRId32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", span.offset, span.from, span.until,
               from, to);
    }
    zone_free(calendar.zone);
    return 0;
}
