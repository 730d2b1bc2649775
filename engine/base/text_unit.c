/* Numbers with units: durations, sizes, rates. */
#include <potline/text.h>

#include <math.h>
#include <string.h>

#include "base/decimal.h"

struct cursor {
    const char *at;
    const char *end;
};

struct unit {
    const char *name;
    int64_t size;
};

/* digits / 10^decimals. Negative (or zero), as 64 bits reach one further there. */
struct amount {
    int64_t digits;
    unsigned decimals;
};

static bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

static bool read_digits(struct cursor *c, int64_t *digits) {
    const char *from = c->at;
    for (; c->at < c->end && is_digit(*c->at); c->at++)
        if (__builtin_mul_overflow(*digits, 10, digits) || __builtin_sub_overflow(*digits, *c->at - '0', digits))
            return false;
    return c->at > from;
}

/* "12" or "1.5". */
static bool read_amount(struct cursor *c, struct amount *amount) {
    *amount = (struct amount){.digits = 0};
    if (!read_digits(c, &amount->digits)) return false;
    if (c->at == c->end || *c->at != '.') return true;
    const char *from = ++c->at;
    if (!read_digits(c, &amount->digits)) return false;
    amount->decimals = (unsigned)(c->at - from);
    return true;
}

/* amount * unit, where that is a whole number. */
static bool amount_times(struct amount amount, int64_t unit, int64_t *product) {
    for (; amount.decimals && amount.digits % 10 == 0; amount.decimals--)
        amount.digits /= 10;
    if (amount.decimals >= PL__TENS) return false;
    pl__signed_wide exact = (pl__signed_wide)amount.digits * unit;
    pl__signed_wide divisor = pl__ten_to[amount.decimals];
    if (exact % divisor) return false;
    exact /= divisor;
    *product = (int64_t)exact;
    return *product == exact;
}

static const struct unit *unit_find(const struct unit *units, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0) return &units[i];
    return NULL;
}

static size_t letters(const struct cursor *c) {
    const char *at = c->at;
    while (at < c->end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
        at++;
    return (size_t)(at - c->at);
}

/* ---- durations ---- */

static const struct unit duration_units[] = {
    {"d", PL_DAY},          {"h", PL_HOUR},         {"m", PL_MINUTE}, {"s", PL_SECOND},
    {"ms", PL_MILLISECOND}, {"us", PL_MICROSECOND}, {"ns", 1},
};

/* "1h30m": amounts with units, each smaller than the one before, the sum negated. */
static bool read_parts(struct cursor *c, int64_t *sum) {
    *sum = 0;
    size_t next = 0;
    while (c->at < c->end) {
        struct amount amount;
        if (!read_amount(c, &amount)) return false;
        size_t length = letters(c);
        const struct unit *unit = unit_find(duration_units + next, PL_COUNT_OF(duration_units) - next, c->at, length);
        int64_t part;
        if (!unit || !amount_times(amount, unit->size, &part) || __builtin_add_overflow(*sum, part, sum)) return false;
        c->at += length;
        next = (size_t)(unit - duration_units) + 1;
    }
    return next > 0;
}

bool pl_text_duration(const char *text, size_t length, pl_time *value) {
    struct cursor c = {.at = text, .end = text + length};
    if (length == 1 && *text == '0') return *value = 0, true;
    bool negative = length && *text == '-';
    if (negative) c.at++;
    int64_t sum;
    if (!read_parts(&c, &sum)) return false;
    if (!negative && __builtin_sub_overflow(0, sum, &sum)) return false;
    *value = sum;
    return true;
}

char *pl_text_put_duration(char *at, pl_time value) {
    uint64_t rest = (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        rest = 0 - rest;
    }
    if (!rest) *at++ = '0', *at++ = 's';
    for (size_t i = 0; i < PL_COUNT_OF(duration_units) && rest; i++) {
        const struct unit *unit = &duration_units[i];
        uint64_t count = rest / (uint64_t)unit->size;
        if (!count) continue;
        rest -= count * (uint64_t)unit->size;
        at = pl_text_put_int(at, (int64_t)count);
        for (const char *letter = unit->name; *letter; letter++)
            *at++ = *letter;
    }
    return at;
}

/* ---- sizes ---- */

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"kB", INT64_C(1000)},
    {"KB", INT64_C(1000)},
    {"MB", INT64_C(1000000)},
    {"GB", INT64_C(1000000000)},
    {"TB", INT64_C(1000000000000)},
};

bool pl_text_size(const char *text, size_t length, int64_t *value) {
    struct cursor c = {.at = text, .end = text + length};
    struct amount amount;
    if (!read_amount(&c, &amount)) return false;
    const struct unit *unit = unit_find(size_units, PL_COUNT_OF(size_units), c.at, (size_t)(c.end - c.at));
    int64_t bytes;
    if (!unit || !amount_times(amount, unit->size, &bytes) || __builtin_sub_overflow(0, bytes, &bytes)) return false;
    *value = bytes;
    return true;
}

/* ---- rates ---- */

static const struct unit rate_units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};

bool pl_text_rate(const char *text, size_t length, double *value) {
    if (length == 1 && *text == '0') return *value = 0, true;
    const char *slash = length ? memchr(text, '/', length) : NULL;
    if (!slash) return false;
    size_t before = (size_t)(slash - text);
    const struct unit *unit = unit_find(rate_units, PL_COUNT_OF(rate_units), slash + 1, length - before - 1);
    double count;
    if (!unit || !pl_text_f64(text, before, &count) || !isfinite(count) || signbit(count)) return false;
    *value = count / (double)unit->size;
    return true;
}
