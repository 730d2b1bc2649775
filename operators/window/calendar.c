#include "calendar.h"

#include <string.h>

#include "civil.h"

enum { WEEK = 7, FIRST_MONDAY = -3 /* 1969-12-29 */ };

/* HH:MM of 00:00 to 23:59; -1 for anything else. */
static int32_t seconds_of(const char *text) {
    if (strlen(text) != 5 || text[2] != ':') return -1;
    for (unsigned i = 0; i < 5; i++)
        if (i != 2 && (text[i] < '0' || text[i] > '9')) return -1;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    return hour < 24 && minute < 60 ? hour * 3600 + minute * 60 : -1;
}

enum pl_code calendar_set_shifts(struct calendar *calendar, const struct pl_strings *texts, struct pl_error **error) {
    if (texts->count == 0 || texts->count > CALENDAR_SHIFTS_MAX)
        return pl_error_set(error, PL_RANGE, "a day has 1 to %d shifts, not %u", CALENDAR_SHIFTS_MAX, texts->count);
    for (uint32_t i = 0; i < texts->count; i++) {
        calendar->shift[i] = seconds_of(texts->items[i]);
        if (calendar->shift[i] < 0)
            return pl_error_set(error, PL_RANGE, "'%s' is no time of day; write it like \"06:00\"", texts->items[i]);
        if (i && calendar->shift[i] <= calendar->shift[i - 1])
            return pl_error_set(error, PL_RANGE, "%s stands behind %s: give shifts in the order of the day, each once",
                                texts->items[i], texts->items[i - 1]);
    }
    calendar->shifts = texts->count;
    return PL_OK;
}

/* Windows are numbered, the first of 1970 with about 0. When the one of that number begins, by the clock. */
static int64_t beginning(const struct calendar *c, int64_t number) {
    int64_t cycle = c->period == CALENDAR_SHIFT ? c->shifts : c->period == CALENDAR_MONTH ? 12 : 1;
    int64_t whole = civil_floor(number, cycle), rest = number - whole * cycle;
    switch (c->period) {
    case CALENDAR_SHIFT: return whole * CIVIL_DAY + c->shift[rest];
    case CALENDAR_WEEK: return (whole * WEEK + FIRST_MONDAY) * CIVIL_DAY + c->shift[0];
    case CALENDAR_MONTH: return civil_days(1970 + whole, 1 + (int)rest, 1) * CIVIL_DAY + c->shift[0];
    default: return whole * CIVIL_DAY + c->shift[0];
    }
}

/* The number of a window about that day. */
static int64_t number_near(const struct calendar *c, int64_t day) {
    struct civil date = civil_of(day);
    switch (c->period) {
    case CALENDAR_SHIFT: return day * c->shifts;
    case CALENDAR_WEEK: return civil_floor(day - FIRST_MONDAY, WEEK);
    case CALENDAR_MONTH: return (date.year - 1970) * 12 + date.month - 1;
    default: return day;
    }
}

static pl_time cut(int64_t seconds) {
    if (seconds > PL_TIME_MAX / PL_SECOND) return PL_TIME_MAX;
    if (seconds < PL_TIME_MIN / PL_SECOND) return PL_TIME_MIN;
    return seconds * PL_SECOND;
}

void calendar_window(const struct calendar *c, pl_time time, pl_time *from, pl_time *to) {
    int64_t second = civil_floor(time, PL_SECOND);
    int64_t day = civil_floor(second + zone_at(c->zone, second).offset, CIVIL_DAY);
    int64_t number = number_near(c, day), begin, end;
    while ((begin = zone_first(c->zone, beginning(c, number))) > second)
        number--;
    while ((end = zone_first(c->zone, beginning(c, number + 1))) <= second) {
        begin = end;
        number++;
    }
    *from = cut(begin);
    *to = cut(end);
}

pl_time calendar_shortest(const struct calendar *c) {
    static const int64_t days[] = {[CALENDAR_DAY] = 1, [CALENDAR_WEEK] = WEEK, [CALENDAR_MONTH] = 28};
    if (c->period != CALENDAR_SHIFT) return days[c->period] * PL_DAY;
    int64_t shortest = c->shift[0] + CIVIL_DAY - c->shift[c->shifts - 1];
    for (int64_t i = 1; i < c->shifts; i++)
        if (c->shift[i] - c->shift[i - 1] < shortest) shortest = c->shift[i] - c->shift[i - 1];
    return shortest * PL_SECOND;
}
