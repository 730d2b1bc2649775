#include "number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static const uint64_t points = PL_SWAR_ONES * '.';

static uint64_t random_state = 5;

static uint64_t next_random(void) {
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return random_state >> 11;
}

/* Reads `text` as it stands between other fields. */
static bool read(const char *text, uint64_t with, double *value) {
    char bytes[256 + PL_SLACK];
    snprintf(bytes, sizeof(bytes), "%s,9.9,9\n9.9999,99999", text);
    return pl_number(bytes, (uint32_t)strlen(text), with, value);
}

static void expect(const char *text) {
    double value = 0, truth = strtod(text, NULL);
    if (!read(text, points, &value) || memcmp(&value, &truth, sizeof(value)) != 0) {
        fail_msg("%s: read %.17g, expected %.17g", text, value, truth);
    }
}

static void short_numbers_are_exact(void **state) {
    (void)state;
    char text[64];
    for (int i = 0; i < 2000000; i++) {
        uint64_t digits = next_random() % 100000000;
        int decimals = (int)(next_random() % 8);
        for (int n = (int)(next_random() % 7); n; n--)
            digits /= 10;
        snprintf(text, sizeof(text), "%s%.*f", next_random() % 4 ? "" : "-", decimals,
                 (double)digits / pow(10, decimals));
        expect(text);
    }
}

static void long_numbers_are_exact(void **state) {
    (void)state;
    static const char *const forms[] = {"%.17g", "%.15g", "%.9e", "%.12f", "%.7e", "%+.3f", "%g"};
    char text[400];
    for (int i = 0; i < 300000; i++) {
        uint64_t bits = next_random() << 11 ^ next_random();
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) continue;
        if (i % 2) value = (double)(int64_t)bits / 1e6;
        if (fabs(value) > 1e100) value = 1 / value;
        snprintf(text, sizeof(text), forms[i % 7], value);
        if (strlen(text) < 200) expect(text);
    }
}

static void odd_forms_of_numbers(void **state) {
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        ".5",
                                        "5.",
                                        "-.25",
                                        "+7.5",
                                        "00012",
                                        "1e5",
                                        "1E+05",
                                        "-2.5e-3",
                                        "1e22",
                                        "1e23",
                                        "12345678",
                                        "1234567.",
                                        ".1234567",
                                        "123456789",
                                        "9007199254740993",
                                        "18446744073709551616",
                                        "0.000001"};
    for (unsigned i = 0; i < PL_COUNT_OF(texts); i++)
        expect(texts[i]);
    double value;
    assert_true(read("  4.5 ", points, &value));
    assert_true(value == 4.5);
    assert_true(read("NaN", points, &value));
    assert_true(isnan(value));
    assert_true(read("-inf", points, &value));
    assert_true(isinf(value) && value < 0);
}

static void what_is_no_number(void **state) {
    (void)state;
    static const char *const texts[] = {"",      ".",    "-",    "+",   "-.",     "1.2.3",       "1..2",
                                        "12a",   "a12",  "1e",   "1e+", "--1",    "1-2",         "1,2",
                                        "0x10 ", "4:2",  "4/2",  "1 2", "NA",     "e5",          "12;4",
                                        "\"1\"", "1.5V", "1\t2", "..",  "-1.2.3", "12345678901x"};
    double value;
    for (unsigned i = 0; i < PL_COUNT_OF(texts); i++) {
        if (read(texts[i], points, &value)) fail_msg("\"%s\" was read as %g", texts[i], value);
    }
}

static void every_byte_but_digits_is_refused(void **state) {
    (void)state;
    double value;
    for (int c = 1; c < 256; c++) {
        for (int at = 0; at < 6; at++) {
            char text[] = "100006";
            text[at] = (char)c;
            bool digit = c >= '0' && c <= '9', ends = at == 0 || at == 5;
            bool exponent = (c | 0x20) == 'e' && !ends;
            bool fine = digit || exponent || c == '.' || (c == ' ' && ends) || (at == 0 && (c == '-' || c == '+'));
            if (read(text, points, &value) != fine) fail_msg("byte %d at %d: expected %d", c, at, fine);
        }
    }
}

static void a_comma_for_the_point(void **state) {
    (void)state;
    const uint64_t commas = PL_SWAR_ONES * ',';
    static const char *const texts[] = {"4,25", "-4,25", "1234,5678901234", "-2,5e-3", "17,000000000000000001"};
    static const double values[] = {4.25, -4.25, 1234.5678901234, -2.5e-3, 17};
    double value;
    for (unsigned i = 0; i < PL_COUNT_OF(texts); i++) {
        char bytes[256] = {0};
        snprintf(bytes, sizeof(bytes), "%s;1,5\n", texts[i]);
        assert_true(pl_number(bytes, (uint32_t)strlen(texts[i]), commas, &value));
        assert_true(value == values[i]);
    }
    assert_false(pl_number("4.25;1,5,,,,,,,,,,,,,,", 4, commas, &value));
}

static void eight_digits_there_and_back(void **state) {
    (void)state;
    char text[16];
    for (uint32_t value = 0; value < 100000000; value += value % 1000 ? 331 : 1) {
        snprintf(text, sizeof(text), "%08u", value);
        assert_int_equal(pl_swar_value(pl_swar_load(text)), value);
        assert_int_equal(pl_swar_text(value), pl_swar_load(text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_numbers_are_exact),
        cmocka_unit_test(long_numbers_are_exact),
        cmocka_unit_test(odd_forms_of_numbers),
        cmocka_unit_test(what_is_no_number),
        cmocka_unit_test(every_byte_but_digits_is_refused),
        cmocka_unit_test(a_comma_for_the_point),
        cmocka_unit_test(eight_digits_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
