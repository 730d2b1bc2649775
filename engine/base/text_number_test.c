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

static void integers_are_read_to_their_limits(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"12345678", 12345678},
        {"123456789", 123456789},
        {"-1234567890123456", -1234567890123456},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"000000000000000000000000000000000042", 42},
        {"00000000", 0},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        int64_t value = -1;
        if (!pl_text_int(rows[i].text, strlen(rows[i].text), &value)) fail_msg("'%s' refused", rows[i].text);
        assert_int_equal(rows[i].value, value);
    }
}

static void what_is_no_integer_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "-",
        "+",
        "--1",
        "+-1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "a",
        "1a",
        "1234567/",
        "1234567:",
        "12345678x",
        "x12345678",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000000",
        "\xd9\xa1",
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        int64_t value = 77;
        if (pl_text_int(rows[i], strlen(rows[i]), &value)) fail_msg("'%s' read as %lld", rows[i], (long long)value);
        assert_int_equal(77, value);
    }
    int64_t value;
    assert_false(pl_text_int("12\0", 3, &value));
    assert_false(pl_text_int(NULL, 0, &value));
}

/* Any byte in any place of a run of digits. */
static void only_digits_are_digits(void **state) {
    (void)state;
    for (size_t length = 1; length <= 18; length++)
        for (size_t place = 0; place < length; place++)
            for (int byte = 0; byte < 256; byte++) {
                char text[18];
                memset(text, '3', sizeof text);
                text[place] = (char)byte;
                bool sign = place == 0 && length > 1 && (byte == '-' || byte == '+');
                int64_t value;
                assert_int_equal((byte >= '0' && byte <= '9') || sign, pl_text_int(text, length, &value));
            }
}

/* What stands behind a field is not part of it, digits neither. */
static void a_field_ends_where_it_ends(void **state) {
    (void)state;
    static const char line[] = "27182818284590452353602874713526624977572470936999";
    for (size_t length = 1; length <= 19; length++)
        for (size_t from = 0; from + length < sizeof line; from++) {
            char copy[24], field[sizeof line];
            int64_t integer;
            double value;
            snprintf(copy, sizeof copy, "%.*s", (int)length, line + from);
            bool fits = strtoull(copy, NULL, 10) <= INT64_MAX;
            assert_int_equal(fits, pl_text_int(line + from, length, &integer));
            if (fits) assert_int_equal(strtoll(copy, NULL, 10), integer);
            for (size_t point = 0; point < length; point++) {
                memcpy(field, line, sizeof line);
                field[from + point] = copy[point] = '.';
                assert_int_equal(length > 1, pl_text_f64(field + from, length, &value));
                if (length > 1) assert_true(value == strtod(copy, NULL));
                copy[point] = line[from + point];
            }
        }
}

static bool same(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void decimals_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0.0},
        {"-0.0", -0.0},
        {"-0e99999", -0.0},
        {"4.12", 4.12},
        {".5", 0.5},
        {"5.", 5.0},
        {"+1.5e3", 1500.0},
        {"1E-2", 0.01},
        {"1e+2", 100.0},
        {"inf", INFINITY},
        {"-Inf", -INFINITY},
        {"INFINITY", INFINITY},
        {"9007199254740993", 9007199254740992.0},                   /* a tie, to even */
        {"9007199254740993.00000000000000001", 9007199254740994.0}, /* above it */
        {"9007199254740995", 9007199254740996.0},
        {"1.7976931348623157e308", DBL_MAX},
        {"1.7976931348623158e308", DBL_MAX},
        {"4.9e-324", 0x1p-1074},
        {"2.4703282292062327e-324", 0.0},
        {"2.4703282292062328e-324", 0x1p-1074},
        {"2.2250738585072011e-308", 0x0.fffffffffffffp-1022},
        {"1e-400", 0.0},
        {"-1e-9999999999999999999999", -0.0},
        {"0.1e-99999999999999999999", 0.0},
        {"18446744073709551615", 0x1p64},
        {"18446744073709551616", 0x1p64},
        {"9999999999999999999", 1e19},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        double value = 77;
        if (!pl_text_f64(rows[i].text, strlen(rows[i].text), &value)) fail_msg("'%s' refused", rows[i].text);
        if (!same(rows[i].value, value)) fail_msg("'%s': %.17g", rows[i].text, value);
    }
    static const char *const nans[] = {"nan", "NaN", "-nan", "+NAN"};
    for (size_t i = 0; i < PL_COUNT_OF(nans); i++) {
        double value = 0;
        assert_true(pl_text_f64(nans[i], strlen(nans[i]), &value));
        assert_true(isnan(value));
    }
}

static void what_is_no_decimal_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        ".",
        "-",
        "+.",
        "e5",
        ".e5",
        "1e",
        "1e+",
        "1e-",
        "1e5.",
        "1.2.3",
        "1,5",
        " 1",
        "1 ",
        "1..2",
        "--1",
        "0x1p3",
        "1f",
        "nan()",
        "na",
        "in",
        "infi",
        "infinit",
        "nano",
        "NULL",
        "1e5e5",
        "1e 5",
        "1_000",
        "-",
        "1.7976931348623159e308",
        "1e309",
        "-1e309",
        "1e99999999999999999999",
        "\xe2\x88\2221",
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        double value = 77;
        if (pl_text_f64(rows[i], strlen(rows[i]), &value)) fail_msg("'%s' read as %g", rows[i], value);
        assert_true(value == 77);
    }
    double value;
    assert_false(pl_text_f64("1\0", 2, &value));
    assert_false(pl_text_f64(NULL, 0, &value));
}

/* A point and digits on both sides of where doubles end, in texts of any length. */
static void a_text_may_be_longer_than_any_number(void **state) {
    (void)state;
    enum { LONG = 100000 };
    static char text[LONG + 16];
    double value;

    memset(text, '0', LONG);
    memcpy(text + LONG, "2.5", 3);
    assert_true(pl_text_f64(text, LONG + 3, &value));
    assert_true(value == 2.5);

    text[1] = '.';
    memcpy(text + LONG, "25e99999", 8);
    assert_true(pl_text_f64(text, LONG + 8, &value));
    assert_true(same(value, 2.5));

    memset(text, '9', LONG);
    assert_false(pl_text_f64(text, LONG, &value));
    text[1] = '.';
    assert_true(pl_text_f64(text, LONG, &value));
    assert_true(value == 10);

    memset(text, '0', LONG); /* 1 + 2^-53 is a tie; the digit that breaks it is the last one */
    static const char tie[] = "1.00000000000000011102230246251565404236316680908203125";
    memcpy(text, tie, sizeof tie - 1);
    assert_true(pl_text_f64(text, LONG, &value));
    assert_true(value == 1);
    text[LONG - 1] = '1';
    assert_true(pl_text_f64(text, LONG, &value));
    assert_true(value == 1 + DBL_EPSILON);
}

/* Digits, points and exponents as people, programs and nobody would write them. */
static int random_decimal(struct pl_random *random, char *text, size_t size) {
    uint64_t digits = pl_random_next(random) >> pl_random_below(random, 64);
    uint64_t more = pl_random_next(random) >> pl_random_below(random, 64);
    switch (pl_random_below(random, 6)) {
    case 0:
        return snprintf(text, size, "%llu.%06llu", (unsigned long long)(digits % 10000),
                        (unsigned long long)(more % 1000000));
    case 1: return snprintf(text, size, "%llue%d", (unsigned long long)digits, (int)pl_random_below(random, 700) - 350);
    case 2:
        return snprintf(text, size, "%llu.%llue%d", (unsigned long long)digits, (unsigned long long)more,
                        (int)pl_random_below(random, 60) - 30);
    case 3: return snprintf(text, size, "0.%0*llu", (int)pl_random_below(random, 40) + 1, (unsigned long long)digits);
    case 4: return snprintf(text, size, "%llu", (unsigned long long)digits);
    default: break;
    }
    double value; /* and halfway between two doubles, or a little off it */
    uint64_t bits = pl_random_next(random) & INT64_MAX;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) value = 1.0;
    return snprintf(text, size, "%.*e", (int)pl_random_below(random, 40), value);
}

static void the_c_library_reads_the_same(void **state) {
    (void)state;
    struct pl_random random = {.state = 2};
    for (long i = rounds(400000); i; i--) {
        char text[512];
        int length = random_decimal(&random, text, sizeof text);
        double expected = strtod(text, NULL), value;
        bool read = pl_text_f64(text, (size_t)length, &value);
        if (read != (bool)isfinite(expected)) fail_msg("%s: %s", text, read ? "read" : "refused");
        if (read && !same(expected, value)) fail_msg("%s: %.17g, not %.17g", text, value, expected);
    }
}

/* The exact middle of two neighbours, written out, and one digit further. */
static void ties_go_to_even_and_no_further(void **state) {
    (void)state;
    struct pl_random random = {.state = 3};
    for (long i = rounds(20000); i; i--) {
        int exponent = (int)pl_random_below(&random, 200) - 100;
        uint64_t mantissa = pl_random_next(&random) >> 12 | UINT64_C(1) << 52;
        long double middle = ldexpl((long double)(2 * mantissa + 1), exponent - 53);
        char text[512];
        int length = snprintf(text, sizeof text, "%.*Lf", 200, middle);
        double value, expected = ldexp((double)(mantissa + mantissa % 2), exponent - 52);
        assert_true(pl_text_f64(text, (size_t)length, &value));
        if (!same(expected, value)) fail_msg("%s: %a", text, value);
        text[length] = '1';
        assert_true(pl_text_f64(text, (size_t)length + 1, &value));
        assert_true(same(ldexp((double)(mantissa + 1), exponent - 52), value));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_to_their_limits),
        cmocka_unit_test(what_is_no_integer_is_refused),
        cmocka_unit_test(only_digits_are_digits),
        cmocka_unit_test(a_field_ends_where_it_ends),
        cmocka_unit_test(decimals_are_read),
        cmocka_unit_test(what_is_no_decimal_is_refused),
        cmocka_unit_test(a_text_may_be_longer_than_any_number),
        cmocka_unit_test(the_c_library_reads_the_same),
        cmocka_unit_test(ties_go_to_even_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
