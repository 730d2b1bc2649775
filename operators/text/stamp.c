#include "stamp.h"

#include <math.h>
#include <strings.h>

/* A moment in a calendar, as text gives it. */
struct moment {
    int year, month, day; /* 1-based */
    int day_of_year;      /* 0: by month and day */
    int hour, minute, second;
    int64_t nanosecond;
    int64_t zone;    /* seconds east of UTC */
    int64_t seconds; /* since 1970, when `absolute` */
    bool has_zone, absolute, afternoon, twelve;
};

struct cursor {
    const char *at;
    const char *end;
};

static const pl_time unit_of[] = {
    [PL_STAMP_S] = PL_SECOND, [PL_STAMP_MS] = PL_MILLISECOND, [PL_STAMP_US] = PL_MICROSECOND, [PL_STAMP_NS] = 1};

static bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* ---- Calendar ---- */

/* Days from 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is the
 * last of its year and the months before it have the lengths (153 * month + 2) / 5 says. */
static int64_t days_from(int year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool finish(const struct pl_stamp *stamp, const struct moment *m, pl_time *time) {
    int64_t seconds = m->seconds;
    if (!m->absolute) {
        if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > days_in(m->year, m->month)) return false;
        if (m->hour > 24 || m->minute > 59 || m->second > 60) return false;
        if (m->hour == 24 && (m->minute || m->second || m->nanosecond)) return false;
        if (m->twelve && (m->hour < 1 || m->hour > 12)) return false;
        int hour = m->twelve ? m->hour % 12 + (m->afternoon ? 12 : 0) : m->hour;
        int64_t days =
            m->day_of_year ? days_from(m->year, 1, 1) + m->day_of_year - 1 : days_from(m->year, m->month, m->day);
        seconds = days * 86400 + hour * 3600 + m->minute * 60 + m->second;
        seconds -= m->has_zone ? m->zone : stamp->zone / PL_SECOND;
    }
    return !__builtin_mul_overflow(seconds, PL_SECOND, time) && !__builtin_add_overflow(*time, m->nanosecond, time);
}

/* ---- Pieces of text ---- */

/* A number of `least` to `most` digits. */
static bool take_number(struct cursor *c, int least, int most, int *value) {
    int n = 0;
    *value = 0;
    for (; n < most && c->at < c->end && is_digit(*c->at); n++)
        *value = *value * 10 + (*c->at++ - '0');
    return n >= least;
}

static bool take_char(struct cursor *c, char wanted) {
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

/* Decimals of a second; those beyond nanoseconds are cut off. */
static bool take_fraction(struct cursor *c, int64_t *nanosecond) {
    int64_t unit = PL_SECOND / 10;
    *nanosecond = 0;
    if (c->at == c->end || !is_digit(*c->at)) return false;
    for (; c->at < c->end && is_digit(*c->at); unit /= 10)
        *nanosecond += (*c->at++ - '0') * unit;
    return true;
}

/* "Z", "+01:00", "+0100", "+01". */
static bool take_zone(struct cursor *c, int64_t *seconds) {
    *seconds = 0;
    if (take_char(c, 'Z') || take_char(c, 'z')) return true;
    if (c->at == c->end || (*c->at != '+' && *c->at != '-')) return false;
    bool west = *c->at++ == '-';
    int hours, minutes = 0;
    if (!take_number(c, 2, 2, &hours) || hours > 18) return false;
    bool colon = take_char(c, ':');
    if (c->at < c->end && is_digit(*c->at)) {
        if (!take_number(c, 2, 2, &minutes) || minutes > 59) return false;
    } else if (colon) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return true;
}

static bool take_month_name(struct cursor *c, int *month) {
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    for (*month = 1; *month <= 12; ++*month) {
        const char *name = names[*month - 1];
        size_t whole = strlen(name), left = (size_t)(c->end - c->at);
        size_t length = left >= whole && strncasecmp(c->at, name, whole) == 0 ? whole : 3;
        if (left < length || strncasecmp(c->at, name, length) != 0) continue;
        c->at += length;
        return true;
    }
    return false;
}

static bool take_seconds(struct cursor *c, struct moment *m) {
    bool negative = take_char(c, '-');
    const char *first = c->at;
    for (; c->at < c->end && is_digit(*c->at) && c->at - first < 18; c->at++)
        m->seconds = m->seconds * 10 + (*c->at - '0');
    if (negative) m->seconds = -m->seconds;
    m->absolute = true;
    return c->at > first;
}

/* ---- The forms ---- */

/* The date and its ten characters are remembered: a recording stays on one day for long. */
static bool take_date(struct pl_stamp *stamp, struct cursor *c, struct moment *m) {
    uint64_t a = 0, b = 0;
    if (c->end - c->at >= 10) {
        a = pl_swar_load(c->at);
        memcpy(&b, c->at + 8, 2);
        if (a == stamp->date[0] && b == stamp->date[1]) {
            m->seconds = stamp->date_value;
            c->at += 10;
            return true;
        }
    }
    const char *first = c->at;
    if (!take_number(c, 4, 4, &m->year) || !take_char(c, '-') || !take_number(c, 1, 2, &m->month) ||
        !take_char(c, '-') || !take_number(c, 1, 2, &m->day)) {
        return false;
    }
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > days_in(m->year, m->month)) return false;
    m->seconds = days_from(m->year, m->month, m->day) * 86400;
    if (c->at - first == 10) {
        stamp->date[0] = a;
        stamp->date[1] = b;
        stamp->date_value = m->seconds;
    }
    return true;
}

static bool take_clock(struct cursor *c, struct moment *m) {
    if (!take_number(c, 1, 2, &m->hour) || !take_char(c, ':') || !take_number(c, 2, 2, &m->minute)) return false;
    if (take_char(c, ':')) {
        if (!take_number(c, 2, 2, &m->second)) return false;
        if ((take_char(c, '.') || take_char(c, ',')) && !take_fraction(c, &m->nanosecond)) return false;
    }
    if (m->hour == 24) return m->minute == 0 && m->second == 0 && m->nanosecond == 0;
    return m->hour < 24 && m->minute < 60 && m->second <= 60;
}

static bool read_iso(struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time) {
    struct cursor c = {text, text + length};
    struct moment m = {.absolute = true};
    if (!take_date(stamp, &c, &m)) return false;
    if (c.at < c.end) {
        if (!take_char(&c, 'T') && !take_char(&c, ' ') && !take_char(&c, 't')) return false;
        if (!take_clock(&c, &m)) return false;
        take_char(&c, ' ');
        m.has_zone = c.at < c.end;
        if (m.has_zone && (!take_zone(&c, &m.zone) || c.at < c.end)) return false;
    }
    m.seconds += m.hour * 3600 + m.minute * 60 + m.second - (m.has_zone ? m.zone : stamp->zone / PL_SECOND);
    return finish(stamp, &m, time);
}

static bool take_am_pm(struct cursor *c, struct moment *m) {
    if (c->end - c->at < 2 || (c->at[1] | 0x20) != 'm') return false;
    char half = *c->at | 0x20;
    if (half != 'a' && half != 'p') return false;
    m->afternoon = half == 'p';
    c->at += 2;
    return true;
}

static void skip_blanks(struct cursor *c) {
    while (c->at < c->end && *c->at == ' ')
        c->at++;
}

/* One conversion of a pattern, as strptime(3) has it. */
static bool take_conversion(struct cursor *c, char conversion, struct moment *m) {
    switch (conversion) {
    case 'Y': return take_number(c, 4, 4, &m->year);
    case 'y':
        if (!take_number(c, 2, 2, &m->year)) return false;
        m->year += m->year < 69 ? 2000 : 1900; /* POSIX */
        return true;
    case 'm': return take_number(c, 1, 2, &m->month);
    case 'b':
    case 'B':
    case 'h': return take_month_name(c, &m->month);
    case 'e': skip_blanks(c); return take_number(c, 1, 2, &m->day);
    case 'd': return take_number(c, 1, 2, &m->day);
    case 'j': return take_number(c, 1, 3, &m->day_of_year) && m->day_of_year >= 1 && m->day_of_year <= 366;
    case 'I': m->twelve = true; return take_number(c, 1, 2, &m->hour);
    case 'H': return take_number(c, 1, 2, &m->hour);
    case 'p': return take_am_pm(c, m);
    case 'M': return take_number(c, 1, 2, &m->minute);
    case 'S': return take_number(c, 1, 2, &m->second);
    case 'f': return take_fraction(c, &m->nanosecond);
    case 'z': m->has_zone = true; return take_zone(c, &m->zone);
    case 's': return take_seconds(c, m);
    case 'F':
        return take_number(c, 4, 4, &m->year) && take_char(c, '-') && take_number(c, 1, 2, &m->month) &&
               take_char(c, '-') && take_number(c, 1, 2, &m->day);
    case 'T':
        return take_number(c, 1, 2, &m->hour) && take_char(c, ':') && take_number(c, 2, 2, &m->minute) &&
               take_char(c, ':') && take_number(c, 2, 2, &m->second);
    default: return take_char(c, '%');
    }
}

static bool read_pattern(const struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time) {
    struct cursor c = {text, text + length};
    struct moment m = {.year = 1970, .month = 1, .day = 1};
    for (const char *p = stamp->pattern; *p; p++) {
        bool taken = true;
        if (*p == ' ') {
            skip_blanks(&c);
        } else if (*p == '%') {
            taken = take_conversion(&c, *++p, &m);
        } else {
            taken = take_char(&c, *p);
        }
        if (!taken) return false;
    }
    return c.at == c.end && finish(stamp, &m, time);
}

/* Whole and decimal numbers of at most 18 digits before the point, exactly; others as doubles. */
static bool read_number(const struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time) {
    struct cursor c = {text, text + length};
    const int64_t unit = unit_of[stamp->form];
    bool negative = take_char(&c, '-');
    int64_t whole = 0, part = 0;
    const char *first = c.at;
    while (c.at < c.end && is_digit(*c.at) && !__builtin_mul_overflow(whole, 10, &whole) &&
           !__builtin_add_overflow(whole, *c.at - '0', &whole)) {
        c.at++;
    }
    bool plain = c.at > first;
    if (plain && take_char(&c, stamp->point)) {
        int64_t nanosecond = 0;
        if (c.at < c.end) plain = take_fraction(&c, &nanosecond);
        part = nanosecond / (PL_SECOND / unit);
    }
    if (plain && c.at == c.end) {
        if (__builtin_mul_overflow(whole, unit, &whole) || __builtin_add_overflow(whole, part, &whole)) return false;
        return !__builtin_add_overflow(negative ? -whole : whole, stamp->origin, time);
    }
    double value;
    if (!pl_number_any(text, length, stamp->point, &value)) return false;
    value *= (double)unit;
    if (!(fabs(value) < 9.2e18)) return false;
    return !__builtin_add_overflow((int64_t)llround(value), stamp->origin, time);
}

static bool read_ns19(struct pl_stamp *stamp, const char *text, pl_time *time) {
    uint64_t first = pl_swar_load(text), second = pl_swar_load(text + 3), tail = pl_swar_load(text + 11);
    if (!pl_swar_digits(first) || !pl_swar_digits(second) || !pl_swar_digits(tail)) return false;
    int64_t head = (int64_t)pl_swar_value(first) * 1000 + pl_swar_value(second) % 1000, value;
    if (__builtin_mul_overflow(head, 100000000, &head) || __builtin_add_overflow(head, stamp->origin, &value))
        return false;
    /* The head serves other tails too, the largest among them. */
    if (head > INT64_MAX - 99999999 || value > INT64_MAX - 99999999) return false;
    stamp->head[0] = first;
    stamp->head[1] = second;
    stamp->head_value = value;
    *time = value + pl_swar_value(tail);
    return true;
}

static enum pl_stamp_form guess(const char *text, uint32_t length, char point) {
    double value;
    if (!pl_number_any(text, length, point, &value) || !isfinite(value)) return PL_STAMP_ISO;
    value = fabs(value);
    return value < 1e11 ? PL_STAMP_S : value < 1e14 ? PL_STAMP_MS : value < 1e17 ? PL_STAMP_US : PL_STAMP_NS;
}

bool pl_stamp_read_any(struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time) {
    while (length && *text == ' ')
        text++, length--;
    while (length && text[length - 1] == ' ')
        length--;
    if (length == 0) return false;
    enum pl_stamp_form form = stamp->form;
    if (form == PL_STAMP_AUTO) stamp->form = guess(text, length, stamp->point);
    bool read;
    switch (stamp->form) {
    case PL_STAMP_ISO: read = read_iso(stamp, text, length, time); break;
    case PL_STAMP_PATTERN: read = read_pattern(stamp, text, length, time); break;
    case PL_STAMP_NS:
        read = (length == 19 && read_ns19(stamp, text, time)) || read_number(stamp, text, length, time);
        break;
    default: read = read_number(stamp, text, length, time); break;
    }
    if (!read) stamp->form = form; /* what could not be read decides nothing */
    return read;
}

/* ---- Set-up ---- */

static const char *check_pattern(const char *pattern) {
    for (const char *p = pattern; *p; p++) {
        if (*p != '%') continue;
        if (*++p == 0 || !strchr("YymbBhdejHIpMSfzsFT%", *p))
            return "has a conversion other than %Y%y%m%b%d%e%j%H%I%p%M%S%f%z%s%F%T";
    }
    return NULL;
}

const char *pl_stamp_init(struct pl_stamp *stamp, const char *format, const char *zone, pl_time origin) {
    static const char *const names[] = {"auto", "s", "ms", "us", "ns", "iso"};
    *stamp = (struct pl_stamp){.form = PL_STAMP_PATTERN, .pattern = format, .origin = origin, .point = '.'};
    /* Nothing remembered: the two heads overlap, and a date's second word has two bytes, so no text equals these. */
    stamp->head[1] = UINT64_MAX;
    stamp->date[1] = UINT64_MAX;
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++) {
        if (strcmp(format, names[i]) == 0) stamp->form = (enum pl_stamp_form)i;
    }
    struct cursor c = {zone, zone + strlen(zone)};
    int64_t seconds;
    if (!take_zone(&c, &seconds) || c.at < c.end) return "is no zone like Z, +01:00 or -03:30";
    stamp->zone = seconds * PL_SECOND;
    if (stamp->form != PL_STAMP_PATTERN) return NULL;
    if (!strchr(format, '%')) return "is none of auto, s, ms, us, ns, iso, and no pattern with '%'";
    return check_pattern(format);
}

void pl_stamp_named(struct pl_stamp *stamp, const char *column) {
    static const char *const endings[] = {"_s", "_ms", "_us", "_ns"};
    size_t length = strlen(column);
    if (stamp->form != PL_STAMP_AUTO) return;
    for (unsigned i = 0; i < PL_COUNT_OF(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(column + length - ending, endings[i]) == 0)
            stamp->form = (enum pl_stamp_form)(PL_STAMP_S + i);
    }
}
