#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pane.c"

enum { ROWS = 1000 };

static double uniform(void) {
    return rand() / (RAND_MAX + 1.0);
}

static void mean_is_bit_for_bit_that_of_a_plain_loop(void **state) {
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct pane pane = {0};
        double sum = 0;
        unsigned n = 1 + (unsigned)(uniform() * 100);
        for (unsigned i = 0; i < n; i++) {
            double value = floor(uniform() * 1e7) / 1e4;
            sum += value;
            pane_add(&pane, i, value, 0, false);
        }
        assert_true(pane_mean(&pane) == sum / n);
    }
}

static void cancelling_values_do_not_lose_the_mean(void **state) {
    (void)state;
    struct pane pane = {0};
    double values[] = {1e17, 3, -1e17, 4, 5};
    for (unsigned i = 0; i < 5; i++)
        pane_add(&pane, i, values[i], 0, true);
    assert_true(fabs(pane_mean(&pane) - 12.0 / 5) < 1e-12);
}

/* A deviation that is tiny beside the mean: the textbook formula of sums of squares gives noise here. */
static void deviation_is_that_of_two_passes(void **state) {
    (void)state;
    static double value[ROWS];
    struct pane pane = {0};
    long double mean = 0, m2 = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        value[i] = 1e9 + uniform();
        mean += value[i] / (long double)ROWS;
        pane_add(&pane, i, value[i], 0, true);
    }
    for (unsigned i = 0; i < ROWS; i++)
        m2 += (value[i] - mean) * (value[i] - mean);
    double expected = (double)sqrtl(m2 / (ROWS - 1)), found = sqrt(pane.m2 / (pane.count - 1));
    assert_true(fabs(found - expected) < 1e-7 * expected);
}

static void parts_merged_in_any_order_are_the_whole(void **state) {
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct pane whole = {0}, part[4] = {{0}}, merged = {0};
        unsigned n = 2 + (unsigned)(uniform() * 50);
        for (unsigned i = 0; i < n; i++) {
            double value = uniform() * 100 - 50;
            pane_add(&whole, i / 2, value, (uint16_t)(1u << i % 3), true);
            pane_add(&part[i * 4 / n], i / 2, value, (uint16_t)(1u << i % 3), true);
        }
        part[1].skipped = 3;
        bool backwards = round % 2;
        for (unsigned i = 0; i < 4; i++)
            pane_merge(&merged, &part[backwards ? 3 - i : i]);
        assert_int_equal(merged.count, whole.count);
        assert_int_equal(merged.skipped, 3);
        assert_true(merged.min == whole.min && merged.max == whole.max);
        assert_int_equal(merged.first_time, whole.first_time);
        assert_int_equal(merged.last_time, whole.last_time);
        assert_int_equal(merged.quality, whole.quality);
        assert_true(fabs(pane_mean(&merged) - pane_mean(&whole)) < 1e-12);
        assert_true(fabs(merged.m2 - whole.m2) < 1e-8);
    }
}

static void first_and_last_go_by_time_and_then_by_order(void **state) {
    (void)state;
    struct pane pane = {0};
    static const struct {
        pl_time time;
        double value;
    } rows[] = {{5, 50}, {3, 30}, {3, 31}, {9, 90}, {9, 91}, {7, 70}};
    for (unsigned i = 0; i < 6; i++)
        pane_add(&pane, rows[i].time, rows[i].value, 0, false);
    assert_true(pane.first == 30);
    assert_true(pane.last == 91);
}

static void infinite_values_stay_infinite(void **state) {
    (void)state;
    struct pane pane = {0};
    pane_add(&pane, 1, 1, 0, true);
    pane_add(&pane, 2, INFINITY, 0, true);
    assert_true(pane_mean(&pane) == INFINITY);
    assert_true(pane.max == INFINITY && pane.min == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_is_bit_for_bit_that_of_a_plain_loop),
        cmocka_unit_test(cancelling_values_do_not_lose_the_mean),
        cmocka_unit_test(deviation_is_that_of_two_passes),
        cmocka_unit_test(parts_merged_in_any_order_are_the_whole),
        cmocka_unit_test(first_and_last_go_by_time_and_then_by_order),
        cmocka_unit_test(infinite_values_stay_infinite),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
