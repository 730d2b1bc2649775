#include "zone_rule.h"

#include <string.h>

#include "civil.h"

struct cursor {
    const char *at;
    const char *end;
};

/* ---- Reading ---- */

static bool take(struct cursor *c, char wanted) {
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool take_number(struct cursor *c, int low, int high, int *number) {
    const char *from = c->at;
    int value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - from < 4)
        value = value * 10 + (*c->at++ - '0');
    *number = value;
    return c->at > from && value >= low && value <= high;
}

/* Three letters or more, or letters, digits and signs between < and >. */
static bool take_name(struct cursor *c) {
    bool quoted = take(c, '<');
    const char *from = c->at;
    for (; c->at < c->end; c->at++) {
        char lower = *c->at | 0x20;
        bool letter = lower >= 'a' && lower <= 'z';
        bool other = (*c->at >= '0' && *c->at <= '9') || *c->at == '+' || *c->at == '-';
        if (!letter && !(quoted && other)) break;
    }
    return c->at - from >= 3 && (!quoted || take(c, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct cursor *c, int hours_max, int32_t *seconds) {
    int sign = take(c, '-') ? -1 : 1, hour, minute = 0, second = 0;
    if (sign > 0) take(c, '+');
    if (!take_number(c, 0, hours_max, &hour)) return false;
    if (take(c, ':')) {
        if (!take_number(c, 0, 59, &minute)) return false;
        if (take(c, ':') && !take_number(c, 0, 59, &second)) return false;
    }
    *seconds = sign * (hour * 3600 + minute * 60 + second);
    return true;
}

static bool take_offset(struct cursor *c, int32_t *offset) {
    if (!take_time(c, 24, offset)) return false;
    *offset = -*offset;
    return true;
}

/* ,Mm.w.d[/time]   ,Jn[/time]   ,n[/time] */
static bool take_day(struct cursor *c, struct zone_day *day) {
    *day = (struct zone_day){.form = ZONE_DAY, .time = 2 * 3600};
    bool good = take(c, ',');
    if (good && take(c, 'M')) {
        day->form = ZONE_WEEKDAY;
        good = take_number(c, 1, 12, &day->month) && take(c, '.') && take_number(c, 1, 5, &day->week) && take(c, '.') &&
               take_number(c, 0, 6, &day->day);
    } else if (good && take(c, 'J')) {
        day->form = ZONE_DAY_NO_LEAP;
        good = take_number(c, 1, 365, &day->day);
    } else if (good) {
        good = take_number(c, 0, 365, &day->day);
    }
    return good && (!take(c, '/') || take_time(c, 167, &day->time));
}

static bool take_saving(struct cursor *c, struct zone_rule *rule) {
    rule->saves = true;
    rule->saving = rule->standard + 3600;
    if (!take_name(c)) return false;
    if (c->at < c->end && *c->at != ',' && !take_offset(c, &rule->saving)) return false;
    return take_day(c, &rule->begin) && take_day(c, &rule->end);
}

bool zone_rule_read(struct zone_rule *rule, const char *text, size_t length) {
    struct cursor c = {text, text + length};
    *rule = (struct zone_rule){0};
    if (!take_name(&c) || !take_offset(&c, &rule->standard)) return false;
    if (c.at < c.end && !take_saving(&c, rule)) return false;
    return c.at == c.end;
}

/* ---- Times ---- */

/* Seconds from 1970-01-01T00:00 to the change in that year, by the clock that is changed. */
static int64_t change_of(const struct zone_day *day, int64_t year) {
    int64_t first = civil_days(year, 1, 1);
    if (day->form == ZONE_DAY_NO_LEAP)
        first += day->day - 1 + (day->day > 59 && civil_days(year, 3, 1) - first == 60);
    else if (day->form == ZONE_DAY)
        first += day->day;
    else {
        int64_t month = civil_days(year, day->month, 1);
        int64_t next = day->month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, day->month + 1, 1);
        int64_t weekday = month + 4 - 7 * civil_floor(month + 4, 7); /* 1970-01-01 was a Thursday */
        first = month + (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
        while (first >= next)
            first -= 7;
    }
    return first * CIVIL_DAY + day->time;
}

/* Where saving ends in the very second in which it begins again (it lasts all the year), it goes on. */
struct zone_span zone_rule_at(const struct zone_rule *rule, int64_t time) {
    struct zone_span span = {.from = INT64_MIN, .until = INT64_MAX, .offset = rule->standard};
    if (!rule->saves) return span;
    int64_t year = civil_of(civil_floor(time, CIVIL_DAY)).year;
    for (int64_t y = year - 2; y <= year + 2; y++) {
        int64_t end = change_of(&rule->end, y) - rule->saving, begin = change_of(&rule->begin, y) - rule->standard;
        if (end <= time && end > span.from) span = (struct zone_span){end, span.until, rule->standard};
        if (begin <= time && begin >= span.from) span = (struct zone_span){begin, span.until, rule->saving};
        if (end > time && end < span.until) span.until = end;
        if (begin > time && begin < span.until) span.until = begin;
    }
    return span;
}
