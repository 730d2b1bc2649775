#include <potline/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

static void is_time(const char *text, pl_time time) {
    pl_time value = 77;
    if (!pl_text_time(text, strlen(text), &value)) fail_msg("'%s' refused", text);
    if (value != time) fail_msg("'%s': %lld", text, (long long)value);
}

static void times_are_read(void **state) {
    (void)state;
    is_time("1970-01-01T00:00:00Z", 0);
    is_time("1970-01-01 00:00:00", 0);
    is_time("1970-01-01t00:00:00z", 0);
    is_time("1970-01-01T00:00:00.000000001Z", 1);
    is_time("1969-12-31T23:59:59.999999999Z", -1);
    is_time("1970-01-01T01:00:00+01:00", 0);
    is_time("1970-01-01T01:00:00+0100", 0);
    is_time("1970-01-01 01:00:00+01", 0);
    is_time("1969-12-31T18:30:00.5-05:30", PL_SECOND / 2);
    is_time("2000-02-29T12:00:00Z", 951825600 * PL_SECOND);
    is_time("2026-11-23T06:00:00.25Z", 1795413600 * PL_SECOND + PL_SECOND / 4);
    is_time("1970-01-01T00:00:00.1234567899999Z", 123456789); /* what lies below a nanosecond is dropped */
    is_time("1970-01-01T00:00:00-00:00", 0);
    is_time("2016-12-31T23:59:60Z", 1483228800 * PL_SECOND); /* a leap second is the first one after it */
    is_time("2017-01-01T00:59:60.5+01:00", 1483228800 * PL_SECOND + PL_SECOND / 2);
    is_time("1677-09-21T00:12:43.145224192Z", PL_TIME_MIN);
    is_time("2262-04-11T23:47:16.854775807Z", PL_TIME_MAX);
}

static void what_is_no_time_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T",
        "2026-11-23T06:00",
        "2026-11-23T06:00Z",
        "2026-11-23T06:00:00.",
        "2026-11-23T06:00:00.Z",
        "2026-11-23T06:00:00.5:Z",
        "2026-11-23T06:00:00.Z",
        "2026-11-23T06:00:00.5:Z",
        "2026-11-23T06:00:00.Z",
        "2026-11-23T06:00:00.5:Z",
        "2026-11-23T06:00:00+",
        "2026-11-23T06:00:00+1",
        "2026-11-23T06:00:00+01:",
        "2026-11-23T06:00:00+01:0",
        "2026-11-23T06:00:00+24:00",
        "2026-11-23T06:00:00+01:60",
        "2026-11-23T06:00:00+01:000",
        "2026-11-23T24:00:00Z",
        "2026-11-23T06:60:00Z",
        "2026-11-23T06:00:61Z",
        "2026-11-23T06:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "26-01-01T00:00:00Z",
        "2026/11/23 06:00:00",
        "-2026-11-23T06:00:00Z",
        " 2026-11-23T06:00:00Z",
        "2026-11-23T06:00:00,5Z",
        "2026-11-23T06-00-00Z",
        "2026-11-23X06:00:00Z",
        "1677-09-21T00:12:43.145224191Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        pl_time value = 77;
        if (pl_text_time(rows[i], strlen(rows[i]), &value)) fail_msg("'%s' read", rows[i]);
        assert_int_equal(77, value);
    }
    pl_time value;
    assert_false(pl_text_time("2026-11-23T06:00:00\0", 20, &value));
    assert_false(pl_text_time(NULL, 0, &value));
}

static void is_written(pl_time time, const char *text) {
    char at[PL_TEXT_TIME_MAX];
    char *end = pl_text_put_time(at, time);
    assert_true(end < at + sizeof at);
    *end = '\0';
    assert_string_equal(text, at);
}

static void times_are_written(void **state) {
    (void)state;
    is_written(0, "1970-01-01T00:00:00Z");
    is_written(-1, "1969-12-31T23:59:59.999999999Z");
    is_written(1795413600 * PL_SECOND + PL_SECOND / 4, "2026-11-23T06:00:00.25Z");
    is_written(951782400 * PL_SECOND + PL_MICROSECOND, "2000-02-29T00:00:00.000001Z");
    is_written(PL_TIME_MIN, "1677-09-21T00:12:43.145224192Z");
    is_written(PL_TIME_MAX, "2262-04-11T23:47:16.854775807Z");
}

/* The C library's calendar: every day there is, and any nanosecond. */
static void check_against_gmtime(pl_time time) {
    char at[PL_TEXT_TIME_MAX], calendar[64];
    char *end = pl_text_put_time(at, time);
    pl_time back;
    assert_true(pl_text_time(at, (size_t)(end - at), &back));
    assert_int_equal(time, back);
    time_t seconds = (time_t)(time / PL_SECOND - (time % PL_SECOND < 0));
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t length = strftime(calendar, sizeof calendar, "%Y-%m-%dT%H:%M:%S", &tm);
    assert_int_equal(19, length);
    if (memcmp(calendar, at, length) != 0) fail_msg("%lld: %.19s, not %s", (long long)time, at, calendar);
}

static void the_calendar_is_the_c_librarys(void **state) {
    (void)state;
    for (int64_t day = PL_TIME_MIN / PL_DAY; day <= PL_TIME_MAX / PL_DAY; day++)
        check_against_gmtime(day * PL_DAY);
    struct pl_random random = {.state = 8};
    for (unsigned i = 0; i < 100000; i++)
        check_against_gmtime((pl_time)pl_random_next(&random));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_written),
        cmocka_unit_test(the_calendar_is_the_c_librarys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
