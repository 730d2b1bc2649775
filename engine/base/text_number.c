/* Integers, and decimals read to the nearest double. */
#include <potline/text.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* Eight bytes of text at a time, first character in the lowest byte. */
static inline uint64_t load8(const char *text) {
    uint64_t chunk;
    memcpy(&chunk, text, sizeof chunk);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    chunk = __builtin_bswap64(chunk);
#endif
    return chunk;
}

/* Digits are 0x30 to 0x39: their high half is 3, and stays 3 when 6 is added. */
static inline bool are_digits8(uint64_t chunk) {
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0);
    return ((chunk & high) | (((chunk + UINT64_C(0x0606060606060606)) & high) >> 4)) == UINT64_C(0x3333333333333333);
}

/* Pairs, then fours, then all eight: three multiplications instead of eight. */
static inline uint32_t value8(uint64_t chunk) {
    chunk = (chunk & UINT64_C(0x0F0F0F0F0F0F0F0F)) * (1 + (10 << 8)) >> 8;
    chunk = (chunk & UINT64_C(0x00FF00FF00FF00FF)) * (1 + (100 << 16)) >> 16;
    return (uint32_t)((chunk & UINT64_C(0x0000FFFF0000FFFF)) * (1 + (UINT64_C(10000) << 32)) >> 32);
}

/* Appends the digits at `at` to *value (modulo 2^64); returns the first place that is none. */
static inline const char *read_digits(const char *at, const char *end, uint64_t *value) {
    uint64_t v = *value;
    while (end - at >= 8) {
        uint64_t chunk = load8(at);
        if (!are_digits8(chunk)) break;
        v = v * 100000000 + value8(chunk);
        at += 8;
    }
    while (at < end && is_digit(*at))
        v = v * 10 + (uint64_t)(*at++ - '0');
    *value = v;
    return at;
}

static inline const char *skip_zeros(const char *at, const char *end) {
    while (at < end && *at == '0')
        at++;
    return at;
}

static inline const char *read_sign(const char *at, const char *end, bool *negative) {
    *negative = at < end && *at == '-';
    return at < end && (*at == '-' || *at == '+') ? at + 1 : at;
}

bool pl_text_int(const char *text, size_t length, int64_t *value) {
    const char *end = text + length;
    bool negative;
    const char *at = read_sign(text, end, &negative);
    if (at == end) return false;
    const char *digits = end - at > 19 ? skip_zeros(at, end) : at;
    if (end - digits > 19) return false; /* 19 digits fit 64 bits */
    uint64_t magnitude = 0;
    if (read_digits(digits, end, &magnitude) != end) return false;
    if (magnitude > (uint64_t)INT64_MAX + negative) return false;
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* ---- decimals ---- */

/* A decimal number taken apart: its digits, read as one integer, times 10^exponent. */
struct decimal {
    uint64_t lead;      /* the digits as an integer; right when there are no more than LEAD_DIGITS */
    const char *digits; /* the first one that is not a leading zero */
    const char *end;    /* behind the last; a '.' may stand between */
    int64_t count;      /* of the digits from `digits` */
    int64_t exponent;
};

enum {
    LEAD_DIGITS = 19,  /* fit 64 bits */
    COPY_DIGITS = 800, /* a double between two doubles has at most 767: what follows only says 'more than' */
    POINT_LIMIT = 400, /* 0.1 * 10^400 is no double, nor is 10^-400 */
};
#define EXPONENT_LIMIT INT64_C(1000000000000000) /* more than any text in memory has digits */

static const char *read_exponent(const char *at, const char *end, int64_t *exponent) {
    bool negative;
    at = read_sign(at, end, &negative);
    if (at == end) return NULL;
    int64_t value = 0;
    for (; at < end && is_digit(*at); at++)
        if (value < EXPONENT_LIMIT) value = value * 10 + (*at - '0');
    *exponent += negative ? -value : value;
    return at;
}

static void skip_leading_zeros(struct decimal *d) {
    for (; d->count && (*d->digits == '0' || *d->digits == '.'); d->digits++)
        if (*d->digits == '0') d->count--;
}

/* [digits][.digits][e[sign]digits], with a digit before the e; false when the text is anything else. */
static bool decimal_read(struct decimal *d, const char *at, const char *end) {
    *d = (struct decimal){.digits = at};
    const char *from = at;
    at = read_digits(at, end, &d->lead);
    d->count = at - from;
    if (at < end && *at == '.') {
        from = ++at;
        at = read_digits(at, end, &d->lead);
        d->count += at - from;
        d->exponent = from - at;
    }
    d->end = at;
    if (d->count == 0) return false;
    if (at < end && (*at | 0x20) == 'e') at = read_exponent(at + 1, end, &d->exponent);
    if (at != end) return false;
    if (d->count > LEAD_DIGITS) skip_leading_zeros(d);
    return true;
}

static const double ten_to[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { FIVE_MAX = PL__FIVES - 1 };

/* value * 2^exponent to the nearest double, where `more` says that a little was cut off below value's last bit (then it
 * has 55 bits at least). The conversion from 64 bits rounds; the bit that stands for what was cut off breaks a tie. */
static double nearest(pl__wide value, bool more, int exponent) {
    uint64_t high = (uint64_t)(value >> 64);
    if (high) {
        int shift = 64 - __builtin_clzll(high);
        more |= (value & (((pl__wide)1 << shift) - 1)) != 0;
        value >>= shift;
        exponent += shift;
    }
    return ldexp((double)((uint64_t)value | more), exponent);
}

/* lead * 10^exponent for |exponent| <= FIVE_MAX, lead > 0: 10^n is 5^n * 2^n, and 5^n is exact. */
static double scale_exact(uint64_t lead, int exponent) {
    if (exponent >= 0) return nearest((pl__wide)lead * pl__five_to[exponent], false, exponent);
    uint64_t divisor = pl__five_to[-exponent];
    int up = __builtin_clzll(lead);
    int down = __builtin_clzll(divisor);
    pl__wide numerator = (pl__wide)(lead << up)
                         << 63; /* less than divisor * 2^64, so that the quotient fits 64 bits, */
    divisor <<= down;           /* and has 63 at least */
    uint64_t quotient = (uint64_t)(numerator / divisor);
    bool rest = numerator != (pl__wide)quotient * divisor;
    return nearest(quotient, rest, exponent - up + down - 63);
}

/* The C library rounds right for any number of digits. What it gets has no decimal point, so no locale matters. */
static bool decimal_slow(const struct decimal *d, double *value) {
    int64_t point = d->exponent + d->count; /* 0.DIGITS * 10^point */
    if (point > POINT_LIMIT) return false;
    if (point < -POINT_LIMIT) return *value = 0, true;
    char copy[COPY_DIGITS + 32];
    char *to = copy;
    bool more = false;
    for (const char *from = d->digits; from < d->end; from++) {
        if (*from == '.') continue;
        if (to < copy + COPY_DIGITS)
            *to++ = *from;
        else
            more |= *from != '0';
    }
    if (more) *to++ = '1';
    int64_t exponent = point - (to - copy);
    *to++ = 'e';
    *pl_text_put_int(to, exponent) = '\0';
    *value = strtod(copy, NULL);
    return *value <= DBL_MAX;
}

static bool decimal_value(const struct decimal *d, double *value) {
    if (PL_LIKELY(d->count <= LEAD_DIGITS)) {
        bool simple = d->lead <= (UINT64_C(1) << 53);
        if (PL_LIKELY(simple && d->exponent <= 0 && d->exponent >= -22)) {
            *value = (double)d->lead / ten_to[-d->exponent]; /* both exact, so the one rounding is the right one */
            return true;
        }
        if (simple && d->exponent > 0 && d->exponent <= 22) {
            *value = (double)d->lead * ten_to[d->exponent];
            return true;
        }
        if (d->lead == 0) return *value = 0, true;
        if (d->exponent >= -FIVE_MAX && d->exponent <= FIVE_MAX)
            return *value = scale_exact(d->lead, (int)d->exponent), true;
    }
    return decimal_slow(d, value);
}

static bool word_value(const char *at, size_t length, double *value) {
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", NAN}, {"inf", INFINITY}, {"infinity", INFINITY}};
    for (size_t i = 0; i < PL_COUNT_OF(words); i++)
        if (strlen(words[i].word) == length && strncasecmp(at, words[i].word, length) == 0)
            return *value = words[i].value, true;
    return false;
}

bool pl_text_f64(const char *text, size_t length, double *value) {
    const char *end = text + length;
    bool negative;
    const char *at = read_sign(text, end, &negative);
    struct decimal d;
    double magnitude;
    if (!(decimal_read(&d, at, end) ? decimal_value(&d, &magnitude) : word_value(at, (size_t)(end - at), &magnitude)))
        return false;
    *value = negative ? -magnitude : magnitude;
    return true;
}
