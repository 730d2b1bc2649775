/* Text is the same under a locale with a decimal comma. One is made for the test, as few machines have any. */
#include <locale.h>
#include <potline/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

static int use_comma_locale(void **state) {
    static char folder[] = "/tmp/potline-locale-XXXXXX";
    char command[256];
    if (!mkdtemp(folder)) return -1;
    *state = folder;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null", folder);
    if (system(command) != 0) return 0;
    setenv("LOCPATH", folder, 1);
    setlocale(LC_ALL, "de_DE.UTF-8");
    return 0;
}

static int drop_locale(void **state) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    return system(command);
}

static void need_comma(void) {
    if (strcmp(localeconv()->decimal_point, ",") == 0) return;
    print_message("skipped: localedef cannot make a locale here (package locales)\n");
    skip();
}

static void points_are_read(void **state) {
    (void)state;
    need_comma();
    double value;
    assert_true(pl_text_f64("3.25", 4, &value) && value == 3.25);
    assert_true(pl_text_f64("3.14159265358979323846264338327950288", 37, &value) && value == 3.14159265358979323846);
    assert_true(pl_text_f64("2.5e-200", 8, &value) && value == 2.5e-200);
    assert_false(pl_text_f64("3,25", 4, &value));
    assert_false(pl_text_f64("3,14159265358979323846264338327950288", 37, &value));
    assert_true(pl_text_rate("1.5/s", 5, &value) && value == 1.5);
}

static void points_are_written(void **state) {
    (void)state;
    need_comma();
    static const double values[] = {0.25, 1.5e200, 5e-324, 1e20, 1234567.125, 0.1 + 0.2};
    static const char *const shortest[] = {"0.25", "1.5e200", "5e-324", "1e20", "1234567.125", "0.30000000000000004"};
    for (size_t i = 0; i < PL_COUNT_OF(values); i++) {
        char text[336];
        *pl_text_put_f64(text, values[i]) = '\0';
        assert_string_equal(shortest[i], text);
        char *end = pl_text_put_fixed(text, values[i], 3);
        assert_int_equal('.', end[-4]);
        assert_null(memchr(text, ',', (size_t)(end - text)));
    }
}

static void any_double_comes_back(void **state) {
    (void)state;
    need_comma();
    struct pl_random random = {.state = 14};
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t bits = pl_random_next(&random) >> 1;
        if (bits >= UINT64_C(0x7FF) << 52) continue; /* infinite or no number */
        double value, back;
        memcpy(&value, &bits, sizeof value);
        char text[PL_TEXT_F64_MAX];
        char *end = pl_text_put_f64(text, value);
        assert_true(pl_text_f64(text, (size_t)(end - text), &back));
        assert_memory_equal(&value, &back, sizeof value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_read),
        cmocka_unit_test(points_are_written),
        cmocka_unit_test(any_double_comes_back),
    };
    return cmocka_run_group_tests(tests, use_comma_locale, drop_locale);
}
