#include <float.h>
#include <math.h>
#include <potline/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

/* POTLINE_LONG makes the property tests twenty times as long. */
static long rounds(long usual) {
    return getenv("POTLINE_LONG") ? 20 * usual : usual;
}

static void integers_as_printf_writes_them(void **state) {
    (void)state;
    struct pl_random random = {.state = 4};
    for (long i = 0; i < rounds(200000); i++) {
        int64_t value = (int64_t)(pl_random_next(&random) >> pl_random_below(&random, 64));
        if (i % 2) value = (int64_t)(0 - (uint64_t)value);
        if (i < 64) value = (int64_t)((uint64_t)INT64_MAX >> i);
        if (i >= 64 && i < 128) value = -(int64_t)((uint64_t)INT64_MAX >> (i - 64)) - 1;
        if (i >= 128 && i < 147) value = (int64_t)pow(10, (double)(i - 128));
        if (i >= 147 && i < 166) value = (int64_t)pow(10, (double)(i - 147)) - 1;
        char ours[32], theirs[32];
        *pl_text_put_int(ours, value) = '\0';
        snprintf(theirs, sizeof theirs, "%lld", (long long)value);
        assert_string_equal(theirs, ours);
    }
}

/* Values as plants measure them, values of every size, ties at any digit, powers of two, bare bits. */
static double random_value(struct pl_random *random) {
    uint64_t bits = pl_random_next(random);
    double value;
    switch (pl_random_below(random, 6)) {
    case 0: return (double)(int64_t)(bits % 20000000000) / 1e6 - 10000;
    case 1:
        return (double)(int64_t)(bits >> pl_random_below(random, 60)) / pow(10, (double)pl_random_below(random, 28));
    case 2: return ldexp((double)(bits % 1000003), -(int)pl_random_below(random, 34));
    case 3: return ldexp(1, (int)pl_random_below(random, 2098) - 1074);
    case 4: return nextafter(ldexp(1, (int)pl_random_below(random, 200) - 100), bits % 2 ? 0 : INFINITY);
    default: break;
    }
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 0.5;
}

static void fixed_as_printf_writes_them(void **state) {
    (void)state;
    struct pl_random random = {.state = 5};
    for (long i = rounds(1000000); i; i--) {
        double value = random_value(&random);
        unsigned decimals = (unsigned)pl_random_below(&random, 10);
        char ours[336], theirs[336];
        char *end = pl_text_put_fixed(ours, value, decimals);
        assert_true(end < ours + sizeof ours);
        *end = '\0';
        snprintf(theirs, sizeof theirs, "%.*f", (int)decimals, value);
        if (strcmp(ours, theirs) != 0) fail_msg("%a: %s, not %s", value, ours, theirs);
    }
}

static void is_fixed(double value, unsigned decimals, const char *text) {
    char at[336];
    *pl_text_put_fixed(at, value, decimals) = '\0';
    assert_string_equal(text, at);
}

static void fixed_at_the_edges(void **state) {
    (void)state;
    is_fixed(0.5, 0, "0");
    is_fixed(1.5, 0, "2");
    is_fixed(2.5, 0, "2");
    is_fixed(0.125, 2, "0.12");
    is_fixed(-0.375, 2, "-0.38");
    is_fixed(0.9999999999, 9, "1.000000000");
    is_fixed(-0.0, 1, "-0.0");
    is_fixed(-0.001, 2, "-0.00");
    is_fixed(DBL_TRUE_MIN, 9, "0.000000000");
    is_fixed(0x1p53 + 2, 3, "9007199254740994.000");
    is_fixed(0x1p63, 1, "9223372036854775808.0");
    is_fixed(-0x1p64, 0, "-18446744073709551616");
    is_fixed(1.25, 200, "1.250000000");
    is_fixed(NAN, 3, "nan");
    is_fixed(-NAN, 3, "nan");
    is_fixed(-INFINITY, 3, "-inf");
    char at[336];
    assert_int_equal(1 + 309 + 1 + 9, pl_text_put_fixed(at, -DBL_MAX, 9) - at);
}

static void is_shortest(double value, const char *text) {
    char at[PL_TEXT_F64_MAX];
    *pl_text_put_f64(at, value) = '\0';
    assert_string_equal(text, at);
}

static void doubles_as_people_write_them(void **state) {
    (void)state;
    is_shortest(0, "0");
    is_shortest(-0.0, "-0");
    is_shortest(1, "1");
    is_shortest(4.12, "4.12");
    is_shortest(-960.5, "-960.5");
    is_shortest(0.1, "0.1");
    is_shortest(0.1 + 0.2, "0.30000000000000004");
    is_shortest(100000, "100000");
    is_shortest(1e16, "10000000000000000");
    is_shortest(12345678901234567890.0, "1.2345678901234567e19");
    is_shortest(1e17, "1e17");
    is_shortest(0.000001, "0.000001");
    is_shortest(0.0000012345678901, "0.0000012345678901");
    is_shortest(0.00000012345678901, "1.2345678901e-7");
    is_shortest(0.00000012, "1.2e-7");
    is_shortest(1e300, "1e300");
    is_shortest(DBL_MAX, "1.7976931348623157e308");
    is_shortest(DBL_MIN, "2.2250738585072014e-308");
    is_shortest(DBL_TRUE_MIN, "5e-324");
    is_shortest(9007199254740993.0, "9007199254740992");
    is_shortest(0x1p-44, "5.684341886080802e-14"); /* 16 digits; the nearest of 16 lies beyond the narrow side */
    is_shortest(NAN, "nan");
    is_shortest(-NAN, "nan");
    is_shortest(-INFINITY, "-inf");
}

/* How many digits count in a number as text, without zeros at either end. */
static int significant(const char *text) {
    int digits = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && !digits)) continue;
        digits++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return digits - zeros;
}

static double printed(double value, int digits) {
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    return strtod(text, NULL);
}

/* Reads back the same; no text with a digit less would; none with as many digits lies nearer. */
static void check_shortest(double value) {
    char text[PL_TEXT_F64_MAX + 1], nearest[64];
    char *end = pl_text_put_f64(text, value);
    assert_true(end < text + PL_TEXT_F64_MAX);
    *end = '\0';
    double read = strtod(text, NULL);
    if (memcmp(&read, &value, sizeof value) != 0) fail_msg("%a: %s reads as %a", value, text, read);
    int digits = significant(text);
    if (digits > 1 && printed(value, digits - 1) == value) fail_msg("%a: %s is not the shortest", value, text);
    if (digits == 0 || printed(value, digits) != value) return;
    snprintf(nearest, sizeof nearest, "%.*e", digits - 1, value);
    long double off = fabsl(strtold(text, NULL) - (long double)value);
    long double least = fabsl(strtold(nearest, NULL) - (long double)value);
    if (off > least * (1 + 1e-6L)) fail_msg("%a: %s, but %s is nearer", value, text, nearest);
}

static void doubles_are_told_in_the_fewest_digits(void **state) {
    (void)state;
    struct pl_random random = {.state = 6};
    for (long i = rounds(300000); i; i--)
        check_shortest(random_value(&random));
    for (int exponent = -1074; exponent < 1024; exponent++)
        check_shortest(ldexp(1, exponent));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_as_printf_writes_them),
        cmocka_unit_test(fixed_as_printf_writes_them),
        cmocka_unit_test(fixed_at_the_edges),
        cmocka_unit_test(doubles_as_people_write_them),
        cmocka_unit_test(doubles_are_told_in_the_fewest_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
