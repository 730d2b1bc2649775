/* calendar.h: windows as a plant counts them: shifts, days, weeks and months by the clocks of a time zone.
 *
 *     06:00      14:00      22:00      06:00             shifts: ["06:00", "14:00", "22:00"]
 *       |--------|----------|----------|--------         period: shift
 *       |------------------------------|--------         period: day; weeks begin on Monday, months on the 1st
 *
 * A day begins with its first shift. A window begins when clocks first show its time, so where they are set forward or
 * back windows have an hour less or more, and every moment lies in exactly one. A time that clocks leave out is the
 * moment of the change; of one that they show twice the first counts.
 */
#ifndef POTLINE_WINDOW_CALENDAR_H
#define POTLINE_WINDOW_CALENDAR_H

#include <potline/error.h>
#include <potline/option.h>
#include <potline/time.h>

#include "zone.h"

enum { CALENDAR_SHIFTS_MAX = 48 };
enum calendar_period { CALENDAR_SHIFT, CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH };

struct calendar {
    struct zone *zone; /* owned */
    enum calendar_period period;
    int64_t shifts;
    int32_t shift[CALENDAR_SHIFTS_MAX]; /* seconds from midnight, ascending */
};

/* Reads "06:00", "14:00", ...; false with the reason in *error when they are no shifts of a day. */
enum pl_code calendar_set_shifts(struct calendar *calendar, const struct pl_strings *texts, struct pl_error **error);

/* The window [*from, *to) that `time` falls into, cut at the ends of time. */
void calendar_window(const struct calendar *calendar, pl_time time, pl_time *from, pl_time *to);

/* How long its windows are at least, but for changes of clocks. */
pl_time calendar_shortest(const struct calendar *calendar);

#endif
