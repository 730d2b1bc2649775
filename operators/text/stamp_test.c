#include "stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static bool read_by(struct pl_stamp *stamp, const char *text, pl_time *time) {
    char bytes[256 + PL_SLACK] = {0};
    snprintf(bytes, sizeof(bytes), "%s,4.2,99", text);
    return pl_stamp_read(stamp, bytes, (uint32_t)strlen(text), time);
}

static pl_time read(const char *format, const char *zone, const char *text) {
    struct pl_stamp stamp;
    pl_time time;
    const char *problem = pl_stamp_init(&stamp, format, zone, 0);
    if (problem) fail_msg("%s: %s", format, problem);
    if (!read_by(&stamp, text, &time)) fail_msg("\"%s\" is not a time by %s", text, format);
    return time;
}

static void refuse(const char *format, const char *text) {
    struct pl_stamp stamp;
    pl_time time;
    assert_null(pl_stamp_init(&stamp, format, "Z", 0));
    if (read_by(&stamp, text, &time)) fail_msg("\"%s\" was read by %s as %lld", text, format, (long long)time);
}

static void numbers_by_their_unit(void **state) {
    (void)state;
    assert_int_equal(read("ns", "Z", "1700000000123456789"), 1700000000123456789);
    assert_int_equal(read("ns", "Z", "42"), 42);
    assert_int_equal(read("us", "Z", "1700000000123456.789"), 1700000000123456789);
    assert_int_equal(read("ms", "Z", "1700000000123.456789"), 1700000000123456789);
    assert_int_equal(read("s", "Z", "1700000000.123456789"), 1700000000123456789);
    assert_int_equal(read("s", "Z", "1700000000.1234567899"), 1700000000123456789);
    assert_int_equal(read("s", "Z", "-0.5"), -500000000);
    assert_int_equal(read("s", "Z", "7."), 7 * PL_SECOND);
    assert_int_equal(read("s", "Z", " 12 "), 12 * PL_SECOND);
    assert_int_equal(read("s", "Z", "1.5e3"), 1500 * PL_SECOND);
    assert_int_equal(read("ns", "Z", "-9223372036854775807"), -INT64_MAX);
    refuse("ns", "9223372036854775808");
    refuse("s", "9223372037");
    refuse("s", "nan");
    refuse("s", "1e300");
    refuse("s", "");
    refuse("s", "12:00");
    refuse("ns", "17000000001234567x9");
    refuse("ns", "170000000012345678x");
}

static void numbers_count_from_the_origin(void **state) {
    (void)state;
    struct pl_stamp stamp;
    pl_time time, origin = read("iso", "Z", "2024-01-01");
    pl_stamp_init(&stamp, "s", "Z", origin);
    assert_true(read_by(&stamp, "90.5", &time));
    assert_int_equal(time, origin + 90 * PL_SECOND + PL_SECOND / 2);
    pl_stamp_init(&stamp, "ns", "Z", 7);
    for (int i = 0; i < 2; i++) {
        assert_true(read_by(&stamp, "1700000000123456789", &time));
        assert_int_equal(time, 1700000000123456796);
    }
    pl_stamp_init(&stamp, "ns", "Z", INT64_MAX - 1000);
    assert_false(read_by(&stamp, "1700000000123456789", &time));
}

static void neighbours_share_their_head(void **state) {
    (void)state;
    struct pl_stamp stamp;
    pl_stamp_init(&stamp, "ns", "Z", 0);
    uint64_t step = 1;
    for (uint64_t t = 1000000000000000000; t < 9200000000000000000u; t += step, step = step * 5 % 999999937 * 1000003) {
        char text[24];
        pl_time time;
        snprintf(text, sizeof(text), "%llu", (unsigned long long)t);
        assert_true(read_by(&stamp, text, &time));
        assert_int_equal(time, (pl_time)t);
    }
    pl_time time;
    assert_false(read_by(&stamp, "9999999999999999999", &time));
    assert_true(read_by(&stamp, "9223372036854775807", &time));
    assert_int_equal(time, INT64_MAX);
}

static void iso_in_its_forms(void **state) {
    (void)state;
    const pl_time base = INT64_C(1583770590) * PL_SECOND; /* 2020-03-09T16:16:30Z */
    assert_int_equal(read("iso", "Z", "2020-03-09 16:16:30"), base);
    assert_int_equal(read("iso", "Z", "2020-03-09T16:16:30Z"), base);
    assert_int_equal(read("iso", "Z", "2020-03-09T16:16:30.5Z"), base + PL_SECOND / 2);
    assert_int_equal(read("iso", "Z", "2020-03-09 16:16:30,123456789"), base + 123456789);
    assert_int_equal(read("iso", "Z", "2020-03-09 18:16:30+02:00"), base);
    assert_int_equal(read("iso", "Z", "2020-03-09 18:16:30 +0200"), base);
    assert_int_equal(read("iso", "Z", "2020-03-09T11:16:30-05"), base);
    assert_int_equal(read("iso", "+01:00", "2020-03-09 17:16:30"), base);
    assert_int_equal(read("iso", "+01:00", "2020-03-09T16:16:30Z"), base);
    assert_int_equal(read("iso", "Z", "2020-03-09 16:16"), base - 30 * PL_SECOND);
    assert_int_equal(read("iso", "Z", "2020-3-9 6:16:30"), base - 10 * PL_HOUR);
    assert_int_equal(read("iso", "Z", "1970-01-01"), 0);
    assert_int_equal(read("iso", "Z", "1969-12-31T23:59:59.999999999Z"), -1);
    assert_int_equal(read("iso", "Z", "2000-02-29 24:00:00"), read("iso", "Z", "2000-03-01"));
    assert_int_equal(read("iso", "Z", "2016-12-31 23:59:60"), read("iso", "Z", "2017-01-01"));
    static const char *const wrong[] = {"2020-02-30",
                                        "2021-02-29",
                                        "2020-13-01",
                                        "2020-00-10",
                                        "2020-03-09 25:00:00",
                                        "2020-03-09 24:01",
                                        "2020-03-09 10:60",
                                        "2020-03-09T",
                                        "2020-03-09 10:00:61",
                                        "2020-03-09X10:00",
                                        "20-03-09",
                                        "2020-03-09 10:00:00.",
                                        "2020-03-09 10:00:00+1",
                                        "2020-03-09 10:00:00Zx",
                                        "2300-01-01",
                                        "1600-01-01",
                                        "now",
                                        "2020-03-0910:00"};
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++)
        refuse("iso", wrong[i]);
}

static void the_calendar_is_that_of_the_c_library(void **state) {
    (void)state;
    struct pl_stamp stamp;
    pl_stamp_init(&stamp, "iso", "Z", 0);
    for (time_t t = -9000000000; t < 9000000000; t += 86400 * 3 + 4001) {
        struct tm tm;
        char text[64];
        pl_time time;
        gmtime_r(&t, &tm);
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        assert_true(read_by(&stamp, text, &time));
        assert_int_equal(time, t * PL_SECOND);
    }
}

static void patterns(void **state) {
    (void)state;
    const pl_time base = INT64_C(1583770590) * PL_SECOND;
    assert_int_equal(read("%d.%m.%Y %H:%M:%S", "Z", "09.03.2020 16:16:30"), base);
    assert_int_equal(read("%d.%m.%Y %H:%M:%S", "+01:00", "9.3.2020 17:16:30"), base);
    assert_int_equal(read("%Y %m %d %H", "Z", "2020 3 9 16"), base - 16 * PL_MINUTE - 30 * PL_SECOND);
    assert_int_equal(read("%m/%d/%y %I:%M:%S %p", "Z", "3/9/20 4:16:30 PM"), base);
    assert_int_equal(read("%m/%d/%y %I:%M:%S %p", "Z", "3/9/20 12:16:30 am"), base - 16 * PL_HOUR);
    assert_int_equal(read("%d-%b-%Y %T.%f", "Z", "09-Mar-2020 16:16:30.25"), base + PL_SECOND / 4);
    assert_int_equal(read("%e %B %Y, %H:%M:%S", "Z", " 9 march 2020,   16:16:30"), base);
    assert_int_equal(read("%Y%m%dT%H%M%S%z", "Z", "20200309T181630+0200"), base);
    assert_int_equal(read("%F %T", "Z", "2020-03-09 16:16:30"), base);
    assert_int_equal(read("%Y-%j", "Z", "2020-366"), read("iso", "Z", "2020-12-31"));
    assert_int_equal(read("%s", "Z", "1583770590"), base);
    assert_int_equal(read("[%s.%f]", "+01:00", "[1583770590.5]"), base + PL_SECOND / 2);
    assert_int_equal(read("%H:%M %%", "Z", "01:30 %"), 90 * PL_MINUTE);
    refuse("%d.%m.%Y", "31.04.2020");
    refuse("%d.%m.%Y", "1.1.2020x");
    refuse("%d.%m.%Y", "1.1.2020 12");
    refuse("%d.%m.%Y", "1.1.202");
    refuse("%H:%M", "24:30");
    refuse("%I:%M %p", "13:00 pm");
    refuse("%I:%M %p", "1:00 xm");
    refuse("%d %b %Y", "1 Foo 2020");
    refuse("%Y-%j", "2020-367");
    refuse("%d.%m.%Y", "");
}

static void auto_is_decided_by_the_first_text(void **state) {
    (void)state;
    assert_int_equal(read("auto", "Z", "1700000000"), INT64_C(1700000000) * PL_SECOND);
    assert_int_equal(read("auto", "Z", "1700000000123"), INT64_C(1700000000123) * PL_MILLISECOND);
    assert_int_equal(read("auto", "Z", "1700000000123456"), INT64_C(1700000000123456) * PL_MICROSECOND);
    assert_int_equal(read("auto", "Z", "1700000000123456789"), 1700000000123456789);
    assert_int_equal(read("auto", "Z", "2020-03-09 16:16:30"), INT64_C(1583770590) * PL_SECOND);
    struct pl_stamp stamp;
    pl_time time;
    pl_stamp_init(&stamp, "auto", "Z", 0);
    assert_false(read_by(&stamp, "rubbish", &time));
    assert_true(read_by(&stamp, "1700000000", &time));
    assert_true(read_by(&stamp, "1700", &time)); /* seconds it stays */
    assert_int_equal(time, 1700 * PL_SECOND);
    assert_false(read_by(&stamp, "1700000000123456", &time));
    assert_false(read_by(&stamp, "2020-03-09", &time));
}

static void a_column_may_say_its_unit(void **state) {
    (void)state;
    static const char *const columns[] = {"time_s", "t_ms", "time_us", "time_ns"};
    static const pl_time units[] = {PL_SECOND, PL_MILLISECOND, PL_MICROSECOND, 1};
    for (unsigned i = 0; i < 4; i++) {
        struct pl_stamp stamp;
        pl_time time;
        pl_stamp_init(&stamp, "auto", "Z", 0);
        pl_stamp_named(&stamp, columns[i]);
        assert_true(read_by(&stamp, "12", &time));
        assert_int_equal(time, 12 * units[i]);
    }
    struct pl_stamp stamp;
    pl_stamp_init(&stamp, "iso", "Z", 0);
    pl_stamp_named(&stamp, "time_ms");
    assert_int_equal(stamp.form, PL_STAMP_ISO);
}

static void set_up_says_what_is_wrong(void **state) {
    (void)state;
    struct pl_stamp stamp;
    assert_non_null(pl_stamp_init(&stamp, "seconds", "Z", 0));
    assert_non_null(pl_stamp_init(&stamp, "%Y-%q", "Z", 0));
    assert_non_null(pl_stamp_init(&stamp, "%Y-%", "Z", 0));
    assert_non_null(pl_stamp_init(&stamp, "iso", "CET", 0));
    assert_non_null(pl_stamp_init(&stamp, "iso", "+1", 0));
    assert_non_null(pl_stamp_init(&stamp, "iso", "+19:00", 0));
    assert_non_null(pl_stamp_init(&stamp, "iso", "", 0));
    assert_null(pl_stamp_init(&stamp, "iso", "-03:30", 0));
    assert_int_equal(stamp.zone, -(3 * PL_HOUR + 30 * PL_MINUTE));
}

static void nothing_is_remembered_at_first(void **state) {
    (void)state;
    char zeros[PL_SLACK] = {0};
    struct pl_stamp stamp;
    pl_time time;
    memcpy(zeros + 11, "12345678", 8);
    pl_stamp_init(&stamp, "ns", "Z", 0);
    assert_false(pl_stamp_read(&stamp, zeros, 19, &time));
    pl_stamp_init(&stamp, "iso", "Z", 0);
    assert_false(pl_stamp_read(&stamp, zeros, 10, &time));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_by_their_unit),
        cmocka_unit_test(numbers_count_from_the_origin),
        cmocka_unit_test(neighbours_share_their_head),
        cmocka_unit_test(iso_in_its_forms),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(patterns),
        cmocka_unit_test(auto_is_decided_by_the_first_text),
        cmocka_unit_test(a_column_may_say_its_unit),
        cmocka_unit_test(set_up_says_what_is_wrong),
        cmocka_unit_test(nothing_is_remembered_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
