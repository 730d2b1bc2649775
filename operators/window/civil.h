/* civil.h: days since 1970-01-01 and dates of the Gregorian calendar, also before it was in use. */
#ifndef POTLINE_WINDOW_CIVIL_H
#define POTLINE_WINDOW_CIVIL_H

#include <stdint.h>

enum { CIVIL_DAY = 24 * 60 * 60 }; /* seconds */

struct civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Years are counted from March, so that the leap day is the last of its year; an era has 400 of them. */
static inline int64_t civil_days(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline struct civil civil_of(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t rest = days - era * 146097;
    int64_t of_era = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t of_year = rest - (365 * of_era + of_era / 4 - of_era / 100);
    int from_march = (int)((5 * of_year + 2) / 153);
    int month = from_march < 10 ? from_march + 3 : from_march - 9;
    return (struct civil){.year = of_era + era * 400 + (month <= 2),
                          .month = month,
                          .day = (int)(of_year - (153 * from_march + 2) / 5) + 1};
}

/* The largest multiple of `step` that is not above `value`, as a factor. */
static inline int64_t civil_floor(int64_t value, int64_t step) {
    int64_t quotient = value / step;
    return value % step < 0 ? quotient - 1 : quotient;
}

#endif
