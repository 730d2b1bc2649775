/* Points in time as RFC 3339 writes them. */
#include <potline/text.h>

#include <string.h>

#include "base/decimal.h"

/* The calendar is the proleptic Gregorian one. Years count from March, so that the day which comes and goes is the
 * last; 400 of them are one cycle. */
enum { CYCLE_DAYS = 146097, CENTURY_DAYS = 36524, FOUR_YEARS_DAYS = 1461, YEAR_DAYS = 365, DAYS_TO_1970 = 719468 };

#define DAY_SECONDS (PL_DAY / PL_SECOND)

struct date {
    unsigned year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* Days since 1970-01-01. Months from March have 31 and 30 days in turn, which (153 m + 2) / 5 counts. */
static int days_of(struct date date) {
    unsigned year = date.year + 400 - (date.month < 3); /* a cycle more, so that there is one before the year 0 */
    unsigned in_cycle = year % 400;
    unsigned day = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    unsigned days = year / 400 * CYCLE_DAYS + in_cycle * YEAR_DAYS + in_cycle / 4 - in_cycle / 100 + day;
    return (int)days - CYCLE_DAYS - DAYS_TO_1970;
}

/* For the days that a pl_time reaches: they are all after the year 0. */
static struct date date_of(int days_since_1970) {
    unsigned days = (unsigned)(days_since_1970 + DAYS_TO_1970);
    unsigned cycle = days / CYCLE_DAYS;
    unsigned in_cycle = days % CYCLE_DAYS;
    /* the leap days before this one taken off, so that what is left divides into years of 365 days */
    unsigned leap_days = in_cycle / (FOUR_YEARS_DAYS - 1) - in_cycle / CENTURY_DAYS + in_cycle / (CYCLE_DAYS - 1);
    unsigned year = (in_cycle - leap_days) / YEAR_DAYS;
    unsigned in_year = in_cycle - (year * YEAR_DAYS + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153;
    return (struct date){.year = cycle * 400 + year + (month >= 10),
                         .month = month < 10 ? month + 3 : month - 9,
                         .day = in_year - (153 * month + 2) / 5 + 1};
}

static unsigned month_days(unsigned year, unsigned month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* ---- reading ---- */

struct cursor {
    const char *at;
    const char *end;
};

static bool read_number(struct cursor *c, unsigned digits, unsigned *value) {
    if (c->end - c->at < (ptrdiff_t)digits) return false;
    unsigned v = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned digit = (unsigned char)(c->at[i] - '0');
        if (digit > 9) return false;
        v = v * 10 + digit;
    }
    c->at += digits;
    *value = v;
    return true;
}

static bool read_byte(struct cursor *c, char byte) {
    if (c->at == c->end || *c->at != byte) return false;
    c->at++;
    return true;
}

static bool read_date(struct cursor *c, struct date *date) {
    if (!read_number(c, 4, &date->year) || !read_byte(c, '-') || !read_number(c, 2, &date->month) ||
        !read_byte(c, '-') || !read_number(c, 2, &date->day))
        return false;
    return date->month >= 1 && date->month <= 12 && date->day >= 1 && date->day <= month_days(date->year, date->month);
}

/* Seconds of the day; a leap second is told apart by *leap. */
static bool read_clock(struct cursor *c, int64_t *seconds, bool *leap) {
    unsigned hour, minute, second;
    if (!read_number(c, 2, &hour) || !read_byte(c, ':') || !read_number(c, 2, &minute) || !read_byte(c, ':') ||
        !read_number(c, 2, &second))
        return false;
    *leap = second == 60;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second <= 60;
}

/* ".5": digits below the nanosecond are dropped. */
static bool read_fraction(struct cursor *c, int64_t *nanoseconds) {
    *nanoseconds = 0;
    if (!read_byte(c, '.')) return true;
    int64_t unit = PL_SECOND / 10;
    const char *from = c->at;
    for (; c->at < c->end && (unsigned char)(*c->at - '0') < 10; c->at++, unit /= 10)
        *nanoseconds += unit * (*c->at - '0');
    return c->at > from;
}

/* Z, +01:00, +0100, +01 or nothing. */
static bool read_zone(struct cursor *c, int64_t *seconds) {
    *seconds = 0;
    if (c->at == c->end || read_byte(c, 'Z') || read_byte(c, 'z')) return true;
    bool west = *c->at == '-';
    if (!west && *c->at != '+') return false;
    c->at++;
    unsigned hours, minutes = 0;
    if (!read_number(c, 2, &hours)) return false;
    if (c->at < c->end && (read_byte(c, ':') || true) && !read_number(c, 2, &minutes)) return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return hours < 24 && minutes < 60;
}

bool pl_text_time(const char *text, size_t length, pl_time *value) {
    struct cursor c = {.at = text, .end = text + length};
    struct date date;
    int64_t seconds, nanoseconds, offset;
    bool leap;
    if (!read_date(&c, &date)) return false;
    if (!read_byte(&c, 'T') && !read_byte(&c, ' ') && !read_byte(&c, 't')) return false;
    if (!read_clock(&c, &seconds, &leap) || !read_fraction(&c, &nanoseconds) || !read_zone(&c, &offset)) return false;
    if (c.at != c.end) return false;
    seconds += days_of(date) * DAY_SECONDS - offset;
    if (leap && seconds % DAY_SECONDS) return false; /* there is one at the end of a UTC day only */
    if (seconds < 0 && nanoseconds) {                /* so that the product does not overflow where the sum would not */
        seconds++;
        nanoseconds -= PL_SECOND;
    }
    int64_t sum;
    if (__builtin_mul_overflow(seconds, PL_SECOND, &sum) || __builtin_add_overflow(sum, nanoseconds, &sum))
        return false;
    *value = sum;
    return true;
}

/* ---- writing ---- */

static char *put_fraction(char *at, unsigned nanoseconds) {
    if (!nanoseconds) return at;
    *at++ = '.';
    at = pl__put_padded(at, nanoseconds, 9);
    while (at[-1] == '0')
        at--;
    return at;
}

static char *put_part(char *at, char before, unsigned value) {
    *at++ = before;
    memcpy(at, &pl__digit_pairs[2 * value], 2);
    return at + 2;
}

char *pl_text_put_time(char *at, pl_time value) {
    int64_t days = value / PL_DAY - (value % PL_DAY < 0);
    uint64_t in_day = (uint64_t)value - (uint64_t)days * (uint64_t)PL_DAY;
    unsigned seconds = (unsigned)(in_day / PL_SECOND);
    struct date date = date_of((int)days);
    at = pl__put_padded(at, date.year, 4);
    at = put_part(put_part(at, '-', date.month), '-', date.day);
    at = put_part(put_part(put_part(at, 'T', seconds / 3600), ':', seconds / 60 % 60), ':', seconds % 60);
    at = put_fraction(at, (unsigned)(in_day % PL_SECOND));
    *at++ = 'Z';
    return at;
}
