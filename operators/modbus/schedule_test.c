/* Slots over long times, with timers that come late, loops that hang, and clocks that jump. */
#include "schedule.h"

#include <stdlib.h>

#include "testing/cmocka_first.h"

#define START INT64_C(1700000000123456789)

static void test_no_drift_over_a_million_slots(void **state) {
    (void)state;
    struct pl__schedule s;
    int64_t monotonic = 1000;
    srand(1);
    pl__schedule_start(&s, PL_SECOND, false, monotonic, START);
    assert_int_equal(s.due, 1000);
    assert_int_equal(s.stamp, START);
    for (int64_t i = 0; i < 1000000; i++) {
        assert_int_equal(s.due, 1000 + i * PL_SECOND);
        assert_int_equal(s.stamp, START + i * PL_SECOND);
        monotonic = s.due + rand() % PL_MILLISECOND; /* a timer is late by up to a millisecond */
        assert_int_equal(pl__schedule_next(&s, monotonic, START + (monotonic - 1000)), 0);
    }
}

static void test_slots_that_passed_are_left_out(void **state) {
    (void)state;
    struct pl__schedule s;
    pl__schedule_start(&s, PL_SECOND, false, 0, START);
    int64_t monotonic = 3 * PL_SECOND + PL_SECOND / 2;
    assert_int_equal(pl__schedule_next(&s, monotonic, START + monotonic), 3);
    assert_int_equal(s.due, 4 * PL_SECOND);
    assert_int_equal(s.stamp, START + 4 * PL_SECOND);
}

static void test_aligned_slots_stand_on_multiples(void **state) {
    (void)state;
    struct pl__schedule s;
    pl_time period = 10 * PL_SECOND, now = START;
    int64_t monotonic = 0;
    pl__schedule_start(&s, period, true, monotonic, now);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(s.stamp % period, 0);
        assert_int_equal(s.stamp - now, s.due - monotonic);
        assert_true(s.due >= monotonic && s.due - monotonic <= period);
        pl_time last = s.stamp;
        now += s.due - monotonic + 300000;
        monotonic = s.due + 300000;
        assert_int_equal(pl__schedule_next(&s, monotonic, now), 0);
        assert_int_equal(s.stamp, last + period);
    }
    pl__schedule_start(&s, period, true, 5, 20 * PL_SECOND); /* on the slot itself */
    assert_int_equal(s.due, 5);
    assert_int_equal(s.stamp, 20 * PL_SECOND);
    pl__schedule_start(&s, period, true, 5, -3 * PL_SECOND); /* before 1970 */
    assert_int_equal(s.stamp, 0);
}

/* The clock is set by any amount, forwards and back: slots go on, on multiples, never two at once, never a long pause.
 */
static void test_aligned_slots_follow_a_clock_that_is_set(void **state) {
    (void)state;
    struct pl__schedule s;
    pl_time period = PL_SECOND, offset = START;
    int64_t monotonic = 0;
    srand(5);
    pl__schedule_start(&s, period, true, monotonic, offset);
    for (int i = 0; i < 100000; i++) {
        monotonic = s.due + rand() % (rand() % 4 ? PL_MILLISECOND : 3 * period);
        if (rand() % 10 == 0) offset += ((int64_t)rand() - RAND_MAX / 2) * 10;
        pl__schedule_next(&s, monotonic, offset + monotonic);
        assert_int_equal(s.stamp % period, 0);
        assert_true(s.due > monotonic);
        assert_true(s.due - monotonic <= 2 * period);
        assert_true(llabs(offset + s.due - s.stamp) < PL_MICROSECOND);
    }
}

static void test_free_slots_are_stamped_anew_when_the_clock_is_set(void **state) {
    (void)state;
    struct pl__schedule s;
    pl__schedule_start(&s, PL_SECOND, false, 0, START);
    pl__schedule_next(&s, 100, START + 500100); /* drifted by half a millisecond: still even */
    assert_int_equal(s.stamp, START + PL_SECOND);
    pl__schedule_next(&s, PL_SECOND, START + PL_HOUR);
    assert_int_equal(s.due, 2 * PL_SECOND);
    assert_int_equal(s.stamp, START + PL_HOUR + PL_SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_drift_over_a_million_slots),
        cmocka_unit_test(test_slots_that_passed_are_left_out),
        cmocka_unit_test(test_aligned_slots_stand_on_multiples),
        cmocka_unit_test(test_aligned_slots_follow_a_clock_that_is_set),
        cmocka_unit_test(test_free_slots_are_stamped_anew_when_the_clock_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
