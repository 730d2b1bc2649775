#include "backoff.h"

#include "testing/cmocka_first.h"

static void test_delays_double_to_the_most_with_jitter(void **state) {
    (void)state;
    int64_t expected[] = {100, 200, 400, 800, 1000, 1000, 1000};
    for (uint64_t seed = 1; seed < 500; seed++) {
        struct pl_modbus_backoff backoff = {100, 1000, 0, seed};
        for (int i = 0; i < 7; i++) {
            int64_t delay = pl_modbus_backoff_next(&backoff);
            assert_true(delay >= expected[i] / 2 && delay <= expected[i]);
        }
        pl_modbus_backoff_reset(&backoff);
        assert_true(pl_modbus_backoff_next(&backoff) <= 100);
    }
}

static void test_delays_differ_between_clients(void **state) {
    (void)state;
    unsigned same = 0;
    for (uint64_t seed = 1; seed < 1000; seed++) {
        struct pl_modbus_backoff a = {1000000, 1000000, 0, seed}, b = {1000000, 1000000, 0, seed + 7919};
        same += pl_modbus_backoff_next(&a) == pl_modbus_backoff_next(&b);
    }
    assert_true(same < 10);
}

static void test_the_extremes_do_not_overflow(void **state) {
    (void)state;
    struct pl_modbus_backoff backoff = {1, INT64_MAX, 0, 1};
    for (int i = 0; i < 200; i++)
        assert_true(pl_modbus_backoff_next(&backoff) >= 0);
    backoff = (struct pl_modbus_backoff){50, 10, 0, 1};
    assert_true(pl_modbus_backoff_next(&backoff) <= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays_double_to_the_most_with_jitter),
        cmocka_unit_test(test_delays_differ_between_clients),
        cmocka_unit_test(test_the_extremes_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
