/* Integers and doubles as text. */
#include <potline/text.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

static char *put_text(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

char *pl_text_put_int(char *at, int64_t value) {
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    return pl__put_unsigned(at, magnitude);
}

/* A finite double is mantissa * 2^exponent. */
struct parts {
    uint64_t mantissa;
    int exponent;
};

enum { MANTISSA_BITS = DBL_MANT_DIG - 1, EXPONENT_BIAS = 1023 + MANTISSA_BITS };

static struct parts parts_of(double magnitude) {
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    int biased = (int)(bits >> MANTISSA_BITS);
    if (biased == 0) return (struct parts){.mantissa = mantissa, .exponent = 1 - EXPONENT_BIAS};
    return (struct parts){.mantissa = mantissa | UINT64_C(1) << MANTISSA_BITS, .exponent = biased - EXPONENT_BIAS};
}

/* Writes the sign, and all of it when it is no number; *done says so. */
static char *put_special(char *at, double *value, bool *done) {
    *done = !isfinite(*value);
    if (isnan(*value)) return put_text(at, "nan");
    if (signbit(*value)) {
        *at++ = '-';
        *value = -*value;
    }
    return *done ? put_text(at, "inf") : at;
}

/* ---- fixed decimals ---- */

enum { DECIMALS_MAX = 9 };

/* From 2^63 on a double is an integer of up to 309 digits; printf without decimals needs no locale. */
static char *put_huge(char *at, double value, unsigned decimals) {
    at += snprintf(at, DBL_MAX_10_EXP + 2, "%.0f", value);
    if (!decimals) return at;
    *at++ = '.';
    memset(at, '0', decimals);
    return at + decimals;
}

/* fraction / 2^shift to `decimals` digits, half to even on the exact value. 10^decimals stands for a carry. */
static uint64_t round_fraction(uint64_t fraction, int shift, unsigned decimals, bool whole_odd) {
    pl__wide scaled = (pl__wide)fraction * pl__ten_to[decimals]; /* below 2^53 * 2^30 */
    if (shift > 84) return 0;                                    /* so this is below a quarter */
    uint64_t quotient = (uint64_t)(scaled >> shift);
    pl__wide rest = scaled & (((pl__wide)1 << shift) - 1);
    pl__wide half = (pl__wide)1 << (shift - 1);
    bool odd = decimals ? quotient & 1 : whole_odd;
    return quotient + (rest > half || (rest == half && odd));
}

char *pl_text_put_fixed(char *at, double value, unsigned decimals) {
    if (decimals > DECIMALS_MAX) decimals = DECIMALS_MAX;
    bool done;
    at = put_special(at, &value, &done);
    if (done) return at;
    if (PL_UNLIKELY(value >= 0x1p63)) return put_huge(at, value, decimals);
    struct parts p = parts_of(value);
    uint64_t whole, fraction = 0;
    if (p.exponent >= 0) {
        whole = p.mantissa << p.exponent;
    } else {
        int shift = -p.exponent;
        whole = shift < 64 ? p.mantissa >> shift : 0;
        fraction = shift < 64 ? p.mantissa & ((UINT64_C(1) << shift) - 1) : p.mantissa;
        fraction = round_fraction(fraction, shift, decimals, whole & 1);
        if (fraction == pl__ten_to[decimals]) {
            whole++;
            fraction = 0;
        }
    }
    at = pl__put_unsigned(at, whole);
    if (!decimals) return at;
    *at++ = '.';
    return pl__put_padded(at, fraction, decimals);
}

/* ---- the shortest text ---- */

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

static inline bool holds_multiple(uint64_t low, uint64_t high, uint64_t unit) {
    return high - high % unit >= low;
}

/* How many zeros at the end of a number in [low, high] there can be, at most. What has n + 1 has n, so halving finds
 * it; the few that a number with all its digits has are looked for first, by constants. */
static unsigned zeros_between(uint64_t low, uint64_t high) {
    if (PL_LIKELY(!holds_multiple(low, high, 10000))) {
        if (!holds_multiple(low, high, 100)) return holds_multiple(low, high, 10);
        return 2 + holds_multiple(low, high, 1000);
    }
    unsigned zeros = 0;
    for (unsigned step = 16; step; step /= 2)
        if (zeros + step < PL__TENS && holds_multiple(low, high, pl__ten_to[zeros + step])) zeros += step;
    return zeros;
}

enum { KEEP_DIGITS = 17 }; /* always tell two doubles apart */

/* How many times `unit` makes the multiple of it in [low, high] that is nearest to mid / 2^shift. */
static uint64_t nearest_multiple(pl__wide mid, int shift, uint64_t low, uint64_t high, uint64_t unit) {
    uint64_t times = (uint64_t)(mid >> shift) / unit;
    uint64_t down = times * unit;
    pl__wide rest = mid - ((pl__wide)down << shift);
    pl__wide missing = ((pl__wide)unit << shift) - rest; /* to the next one */
    bool up = rest > missing || (rest == missing && times % 2);
    return times + (down < low || (up && high - down >= unit));
}

/* For 1e-11 < value < 1e17. All decimals that read back as the value lie within half a step to its neighbours. These
 * bounds, scaled by a power of ten so that 17 digits or more stand before the point, are exact in 128 bits. */
static bool shortest_exact(struct parts p, struct decimal *shortest) {
    int log10_low = ((p.exponent + MANTISSA_BITS) * 1233) >> 12; /* log10(value), at most two too low */
    int scale = KEEP_DIGITS - 1 - log10_low;
    if (scale < 0 || scale >= PL__FIVES) return false;
    uint64_t five = pl__five_to[scale];
    bool narrow = p.mantissa == UINT64_C(1) << MANTISSA_BITS; /* the step below a power of two is half as long */
    pl__wide mid = (pl__wide)(4 * p.mantissa) * five;
    pl__wide low = (pl__wide)(4 * p.mantissa - (narrow ? 1 : 2)) * five;
    pl__wide high = (pl__wide)(4 * p.mantissa + 2) * five;
    int shift = 2 - p.exponent - scale;
    if (shift < 0) {
        mid <<= -shift;
        low <<= -shift;
        high <<= -shift;
        shift = 0;
    }
    pl__wide below_point = ((pl__wide)1 << shift) - 1;
    bool with_bounds = p.mantissa % 2 == 0; /* a tie is read as the even one */
    uint64_t from = (uint64_t)(low >> shift) + ((low & below_point) || !with_bounds);
    uint64_t to = (uint64_t)(high >> shift) - (!(high & below_point) && !with_bounds);
    unsigned zeros = zeros_between(from, to);
    shortest->digits = nearest_multiple(mid, shift, from, to, pl__ten_to[zeros]);
    shortest->exponent = (int)zeros - scale;
    return true;
}

static bool reads_back(struct decimal d, double value) {
    char text[64];
    char *end = pl_text_put_int(text, (int64_t)d.digits);
    *end++ = 'e';
    end = pl_text_put_int(end, d.exponent);
    double read;
    return pl_text_f64(text, (size_t)(end - text), &read) && read == value;
}

/* Is there a decimal of precision + 1 digits that reads back as the value? */
static bool rounds_to(double value, int precision, struct decimal *d) {
    char text[64];
    snprintf(text, sizeof text, "%.*e", precision, value);
    const char *at = text;
    for (d->digits = 0; *at != 'e'; at++) /* the decimal point is the locale's */
        if (*at >= '0' && *at <= '9') d->digits = d->digits * 10 + (uint64_t)(*at - '0');
    d->exponent = (int)strtol(at + 1, NULL, 10) - precision;
    if (reads_back(*d, value)) return true;
    d->digits++; /* above a power of two the step is longer than below: the next one up may do */
    return reads_back(*d, value);
}

/* The rest, which plants seldom measure, with the C library's digits: as few as read back. */
static struct decimal shortest_slow(double value) {
    struct decimal d;
    int low = 0, high = KEEP_DIGITS - 1; /* which always does */
    while (low < high) {
        int middle = (low + high) / 2;
        if (rounds_to(value, middle, &d))
            high = middle;
        else
            low = middle + 1;
    }
    rounds_to(value, low, &d);
    return d;
}

/* 0.00012, 120, 1.2 within [1e-6, 1e17), 1.2e-7 and 1.2e20 outside. */
static char *put_decimal(char *at, struct decimal d) {
    char digits[PL__TENS];
    int count = (int)(pl__put_unsigned(digits, d.digits) - digits);
    int point = count + d.exponent; /* of DIGITS, where the point stands */
    if (point > KEEP_DIGITS || point < -5) {
        *at++ = digits[0];
        if (count > 1) *at++ = '.';
        memcpy(at, digits + 1, (size_t)count - 1);
        at += count - 1;
        *at++ = 'e';
        return pl_text_put_int(at, point - 1);
    }
    int before = point < 0 ? 0 : point < count ? point : count;
    memcpy(at, digits, (size_t)before);
    at += before;
    if (point >= count) {
        memset(at, '0', (size_t)(point - count));
        return at + (point - count);
    }
    if (!before) *at++ = '0';
    *at++ = '.';
    if (point < 0) memset(at, '0', (size_t)-point);
    if (point < 0) at += -point;
    memcpy(at, digits + before, (size_t)(count - before));
    return at + (count - before);
}

/* Most values were once written by someone, in a few decimals. If value is the double nearest to n / 10^9, with n of 15
 * digits at most, then these are its digits: two decimals of up to 15 digits are never the same double. */
static char *put_short(char *at, double value) {
    if (!(value < 1e6 && value >= 1e-6)) return NULL;
    uint64_t n = (uint64_t)(value * 1e9 + 0.5);
    if ((double)n / 1e9 != value) return NULL;
    at = pl__put_unsigned(at, n / 1000000000);
    if (n % 1000000000 == 0) return at;
    *at++ = '.';
    at = pl__put_padded(at, n % 1000000000, 9);
    while (at[-1] == '0')
        at--;
    return at;
}

char *pl_text_put_f64(char *at, double value) {
    bool done;
    at = put_special(at, &value, &done);
    if (done) return at;
    char *end = put_short(at, value);
    if (end) return end;
    if (value < 0x1p53 && value == (double)(uint64_t)value) return pl__put_unsigned(at, (uint64_t)value);
    struct decimal shortest;
    if (!shortest_exact(parts_of(value), &shortest)) shortest = shortest_slow(value);
    return put_decimal(at, shortest);
}
