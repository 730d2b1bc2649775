#include <potline/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

static void durations_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        pl_time value;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"10s", 10 * PL_SECOND},
        {"250ms", 250 * PL_MILLISECOND},
        {"1h30m", 90 * PL_MINUTE},
        {"-5s", -5 * PL_SECOND},
        {"2d", 2 * PL_DAY},
        {"1d2h3m4s5ms6us7ns", PL_DAY + 2 * PL_HOUR + 3 * PL_MINUTE + 4 * PL_SECOND + 5006007},
        {"1.5h", 90 * PL_MINUTE},
        {"0.25d", 6 * PL_HOUR},
        {"1h0.5s", PL_HOUR + PL_SECOND / 2},
        {"90m", 90 * PL_MINUTE},
        {"0.000000001s", 1},
        {"1.000000000000s", PL_SECOND},
        {"9223372036854775807ns", INT64_MAX},
        {"-9223372036854775808ns", INT64_MIN},
        {"-106751d23h47m16s854ms775us808ns", INT64_MIN},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        pl_time value = 77;
        if (!pl_text_duration(rows[i].text, strlen(rows[i].text), &value)) fail_msg("'%s' refused", rows[i].text);
        if (value != rows[i].value) fail_msg("'%s': %lld", rows[i].text, (long long)value);
    }
}

static void what_is_no_duration_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "-",
        "s",
        "10",
        "00",
        "-0",
        "10 s",
        "10sec",
        "10S",
        "1m1h",
        "1s1s",
        "+5s",
        "5s-3s",
        "--5s",
        "1e3s",
        ".5s",
        "5.s",
        "1.s",
        "0.5ns",
        "5s ",
        " 5s",
        "1h30",
        "1:s",
        "1/s",
        "1w",
        "1.2.3s",
        "5\xc2\xb5s",
        "9223372036854775808ns",
        "-9223372036854775809ns",
        "106752d",
        "1h,5m",
        "106751d24h",
        "99999999999999999999s",
        "0.12345678901234567890123s",
        "0.0000000001s",
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        pl_time value = 77;
        if (pl_text_duration(rows[i], strlen(rows[i]), &value)) fail_msg("'%s': %lld", rows[i], (long long)value);
        assert_int_equal(77, value);
    }
    pl_time value;
    assert_false(pl_text_duration("5s\0", 3, &value));
    assert_false(pl_text_duration(NULL, 0, &value));
}

static void is_written(pl_time duration, const char *text) {
    char at[48];
    *pl_text_put_duration(at, duration) = '\0';
    assert_string_equal(text, at);
}

static void durations_are_written_and_come_back(void **state) {
    (void)state;
    is_written(0, "0s");
    is_written(90 * PL_MINUTE, "1h30m");
    is_written(250 * PL_MILLISECOND, "250ms");
    is_written(-PL_SECOND, "-1s");
    is_written(PL_TIME_MAX, "106751d23h47m16s854ms775us807ns");
    is_written(PL_TIME_MIN, "-106751d23h47m16s854ms775us808ns");
    struct pl_random random = {.state = 10};
    for (unsigned i = 0; i < 100000; i++) {
        pl_time duration = (pl_time)pl_random_next(&random) >> pl_random_below(&random, 64), back;
        char at[48];
        char *end = pl_text_put_duration(at, duration);
        assert_true(end <= at + sizeof at);
        assert_true(pl_text_duration(at, (size_t)(end - at), &back));
        assert_int_equal(duration, back);
    }
}

static void sizes_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"512", 512},
        {"1B", 1},
        {"64KiB", 65536},
        {"2MB", 2000000},
        {"1.5KiB", 1536},
        {"0.5GiB", 1 << 29},
        {"1kB", 1000},
        {"1KB", 1000},
        {"1TiB", INT64_C(1) << 40},
        {"3TB", 3000000000000},
        {"1.25MB", 1250000},
        {"9223372036854775807", INT64_MAX},
        {"0.0009765625KiB", 1},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        int64_t value = 77;
        if (!pl_text_size(rows[i].text, strlen(rows[i].text), &value)) fail_msg("'%s' refused", rows[i].text);
        if (value != rows[i].value) fail_msg("'%s': %lld", rows[i].text, (long long)value);
    }
    static const char *const wrong[] = {
        "",      "-1",  "-1KiB",      "+1",     "KiB", "1 KiB", "1K",    "1M",         "1kib",
        "1KIB",  "1.5", "1.5B",       "0.3KiB", "1e6", "0x10",  "1KiBB", "8388608TiB", "9223372036854775808",
        "1.KiB", "1PB", "10000000TB",
    };
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        int64_t value = 77;
        if (pl_text_size(wrong[i], strlen(wrong[i]), &value)) fail_msg("'%s': %lld", wrong[i], (long long)value);
        assert_int_equal(77, value);
    }
}

static void rates_are_read_per_second(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},       {"0/s", 0},        {"100/s", 100},
        {"60/m", 1},    {"30/min", 0.5},   {"7200/h", 2},
        {"86400/d", 1}, {"1.5e3/s", 1500}, {"50000/min", 50000.0 / 60},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        double value = 77;
        if (!pl_text_rate(rows[i].text, strlen(rows[i].text), &value)) fail_msg("'%s' refused", rows[i].text);
        if (value != rows[i].value) fail_msg("'%s': %g", rows[i].text, value);
    }
    static const char *const wrong[] = {"",     "100",  "/s",  "1/",    "-1/s",  "-0/s", "nan/s", "inf/s",
                                        "1 /s", "1/ s", "1/S", "1/sec", "1/s/s", "1/ms", "00",    "1/s "};
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        double value = 77;
        if (pl_text_rate(wrong[i], strlen(wrong[i]), &value)) fail_msg("'%s': %g", wrong[i], value);
        assert_true(value == 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(durations_are_written_and_come_back),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(rates_are_read_per_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
