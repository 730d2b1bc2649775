/* Integers, and decimals read to the nearest double. */
#include <potline/text.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"

enum { LEAD_DIGITS = 19 }; /* fit 64 bits */

static inline bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* ---- eight characters at a time: bytes in a word, the first character in the lowest ---- */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t load8(const char *text) {
    uint64_t chunk;
    memcpy(&chunk, text, sizeof chunk);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    chunk = __builtin_bswap64(chunk);
#endif
    return chunk;
}

static inline uint32_t load4(const char *text) {
    uint32_t chunk;
    memcpy(&chunk, text, sizeof chunk);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    chunk = __builtin_bswap32(chunk);
#endif
    return chunk;
}

/* Are all bytes 0 to 9? 0x76 takes ten and more over 0x7F. */
static inline bool are_digits(uint64_t bytes) {
    return !(((bytes + EACH_BYTE(0x76)) | bytes) & EACH_BYTE(0x80));
}

/* The number that eight digits make: pairs, then fours, then all eight, with three multiplications. */
static inline uint32_t value8(uint64_t digits) {
    digits = digits * (1 + (10 << 8)) >> 8;
    digits = (digits & UINT64_C(0x00FF00FF00FF00FF)) * (1 + (100 << 16)) >> 16;
    return (uint32_t)((digits & UINT64_C(0x0000FFFF0000FFFF)) * (1 + (UINT64_C(10000) << 32)) >> 32);
}

/* One to eight characters less '0', behind zeros that make them eight. The pieces overlap in the middle. */
static inline uint64_t load_behind_zeros(const char *at, size_t length) {
    uint64_t bytes;
    if (length >= 4)
        bytes = load4(at) | (uint64_t)load4(at + length - 4) << 8 * (length - 4);
    else
        bytes = (uint64_t)(unsigned char)at[0] | (uint64_t)(unsigned char)at[length / 2] << 8 * (length / 2) |
                (uint64_t)(unsigned char)at[length - 1] << 8 * (length - 1);
    return (bytes ^ EACH_BYTE('0')) << 8 * (8 - length);
}

/* 0x80 in each byte that is `byte`. */
static inline uint64_t find_byte(uint64_t bytes, unsigned byte) {
    uint64_t other = bytes ^ EACH_BYTE(byte);
    return ~(((other & EACH_BYTE(0x7F)) + EACH_BYTE(0x7F)) | other) & EACH_BYTE(0x80);
}

/* Appends the digits at `at` to *value (modulo 2^64); returns the first place that is none. */
static inline const char *read_digits(const char *at, const char *end, uint64_t *value) {
    uint64_t v = *value;
    while (end - at >= 8) {
        uint64_t bytes = load8(at) ^ EACH_BYTE('0');
        if (!are_digits(bytes)) break;
        v = v * 100000000 + value8(bytes);
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

/* One to 16 digits and nothing else, whatever their number without a branch on it. */
static inline bool read_short(const char *at, size_t length, uint64_t *value) {
    if (length <= 8) {
        uint64_t bytes = load_behind_zeros(at, length);
        *value = value8(bytes);
        return are_digits(bytes);
    }
    uint64_t front = (load8(at) ^ EACH_BYTE('0')) << 8 * (16 - length);
    uint64_t back = load8(at + length - 8) ^ EACH_BYTE('0');
    *value = value8(front) * UINT64_C(100000000) + value8(back);
    return are_digits(front) && are_digits(back);
}

static bool read_long(const char *at, const char *end, uint64_t *value) {
    if (end - at > LEAD_DIGITS) at = skip_zeros(at, end);
    *value = 0;
    return end - at <= LEAD_DIGITS && read_digits(at, end, value) == end;
}

bool pl_text_int(const char *text, size_t length, int64_t *value) {
    const char *end = text + length;
    bool negative;
    const char *at = read_sign(text, end, &negative);
    if (at == end) return false;
    uint64_t magnitude;
    if (!(end - at <= 16 ? read_short(at, (size_t)(end - at), &magnitude) : read_long(at, end, &magnitude)))
        return false;
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

#define EXACT_MAX (UINT64_C(1) << 53) /* integers up to here are doubles */
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
        bool simple = d->lead <= EXACT_MAX;
        if (PL_LIKELY(simple && d->exponent <= 0 && d->exponent >= -22)) {
            *value = (double)d->lead / ten_to[-d->exponent];
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

/* Digits and at most one point, as nearly all measured values are, in up to 8 and 9 to 16 characters: read without a
 * branch on how many there are and where the point is, as these change from value to value. The point is taken out of
 * the row of bytes by moving those before it. */
static inline bool read_8(const char *at, size_t length, uint64_t *lead, unsigned *decimals) {
    uint64_t bytes = load_behind_zeros(at, length);
    uint64_t point = find_byte(bytes, '.' ^ '0');
    uint64_t before = ((point & (0 - point)) >> 7) - 1; /* all bytes where there is no point */
    bytes = (bytes & before) << (point ? 8 : 0) | (bytes & ~(before << 8 | 0xFF));
    *lead = value8(bytes);
    *decimals = 7 - (unsigned)__builtin_ctzll(point | UINT64_C(1) << 63) / 8;
    return are_digits(bytes) && length > (point != 0);
}

static inline bool read_16(const char *at, size_t length, uint64_t *lead, unsigned *decimals) {
    uint64_t front = (load8(at) ^ EACH_BYTE('0')) << 8 * (16 - length);
    uint64_t back = load8(at + length - 8) ^ EACH_BYTE('0');
    uint64_t front_point = find_byte(front, '.' ^ '0');
    uint64_t back_point = find_byte(back, '.' ^ '0');
    pl__wide point = front_point | (pl__wide)back_point << 64;
    pl__wide before = ((point & (0 - point)) >> 7) - 1;
    pl__wide bytes = front | (pl__wide)back << 64;
    bytes = (bytes & before) << (point ? 8 : 0) | (bytes & ~(before << 8 | 0xFF));
    *lead = value8((uint64_t)bytes) * UINT64_C(100000000) + value8((uint64_t)(bytes >> 64));
    *decimals = 7 - (unsigned)__builtin_ctzll(back_point | UINT64_C(1) << 63) / 8;
    if (front_point) *decimals = 15 - (unsigned)__builtin_ctzll(front_point) / 8;
    return are_digits((uint64_t)bytes) && are_digits((uint64_t)(bytes >> 64));
}

static bool short_read(const char *at, size_t length, double *value) {
    uint64_t lead;
    unsigned decimals;
    if (length == 0 || length > 16) return false;
    if (!(length <= 8 ? read_8(at, length, &lead, &decimals) : read_16(at, length, &lead, &decimals))) return false;
    if (lead > EXACT_MAX) return false;
    *value = (double)lead / ten_to[decimals]; /* both exact, so that the one rounding is the right one */
    return true;
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
    if (!short_read(at, (size_t)(end - at), &magnitude) &&
        !(decimal_read(&d, at, end) ? decimal_value(&d, &magnitude) : word_value(at, (size_t)(end - at), &magnitude)))
        return false;
    *value = negative ? -magnitude : magnitude;
    return true;
}
