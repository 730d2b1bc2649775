/* How far numbers lie from where they lay. */
#include "drift.h"

#include <math.h>
#include <stdlib.h>

#include "../testing.h"

enum { COUNT = 20000 };

static float uniform(void) {
    return (float)test_random(100000) / 1e5f;
}

static void count(const struct drift_usual *usual, unsigned rows, float scale, float offset,
                  uint32_t seen[DRIFT_BINS]) {
    memset(seen, 0, DRIFT_BINS * sizeof *seen);
    for (unsigned i = 0; i < rows; i++)
        seen[drift_bin(usual, uniform() * scale + offset)]++;
}

static void the_index_of_what_is_known(void **state) {
    (void)state;
    static float numbers[COUNT];
    struct drift_usual usual;
    uint32_t seen[DRIFT_BINS];
    srand(1);
    for (unsigned i = 0; i < COUNT; i++)
        numbers[i] = uniform();
    drift_learn(&usual, numbers, COUNT);
    for (unsigned i = 1; i + 1 < DRIFT_BINS; i++)
        assert_true(fabs(usual.share[i] - 0.1) < 0.001);
    assert_true(usual.share[0] == 0 && usual.share[DRIFT_BINS - 1] == 0);
    count(&usual, 5000, 1, 0, seen);
    assert_true(drift_index(&usual, seen) < 0.01);
    /* The upper half only, by hand: five bins have 0.2 where they had 0.1, five have 0.001. */
    count(&usual, 5000, 0.5f, 0.5f, seen);
    const double by_hand = 5 * (0.1 * log(2)) + 5 * ((0.001 - 0.1) * log(0.001 / 0.1));
    assert_true(fabs(drift_index(&usual, seen) - by_hand) < 0.1);
    /* A tenth lies above all that has been. */
    count(&usual, 5000, 1, 0.1f, seen);
    assert_true(drift_index(&usual, seen) > 0.25);
    memset(seen, 0, sizeof seen);
    assert_true(drift_index(&usual, seen) == 0);
}

static void signals_that_have_few_values(void **state) {
    (void)state;
    float constant[100], switched[100];
    struct drift_usual usual;
    for (unsigned i = 0; i < 100; i++) {
        constant[i] = 7;
        switched[i] = i % 10 == 0;
    }
    drift_learn(&usual, constant, 100);
    const uint32_t same[DRIFT_BINS] = {[1] = 50};
    assert_int_equal(drift_bin(&usual, 7), 1);
    assert_int_equal(drift_bin(&usual, 6.9f), 0);
    assert_int_equal(drift_bin(&usual, 7.1f), DRIFT_BINS - 1);
    assert_true(drift_index(&usual, same) == 0);
    uint32_t seen[DRIFT_BINS] = {0};
    seen[drift_bin(&usual, 8)] = 50;
    assert_true(drift_index(&usual, seen) > 5);
    drift_learn(&usual, switched, 100);
    memset(seen, 0, sizeof seen);
    seen[drift_bin(&usual, 0)] = 90;
    seen[drift_bin(&usual, 1)] = 10;
    assert_true(drift_index(&usual, seen) < 1e-9);
    seen[drift_bin(&usual, 1)] = 90;
    assert_true(drift_index(&usual, seen) > 0.5);
}

/* The second half stands still; it counts with an odd number of them, too. */
static void both_halves_count(void **state) {
    (void)state;
    for (uint64_t count = 200; count <= 201; count++) {
        float numbers[2 * 201];
        struct drift_usual usual;
        for (uint64_t i = 0; i < count; i++)
            numbers[i] = i <= 100 ? (float)i / 100 : 0.505f;
        drift_learn_course(&usual, numbers, count, 1000);
        assert_true(usual.index > 1.5);
    }
    float one[2] = {7};
    struct drift_usual usual;
    drift_learn_course(&usual, one, 1, 1000);
    assert_true(usual.index == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_of_what_is_known),
        cmocka_unit_test(signals_that_have_few_values),
        cmocka_unit_test(both_halves_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
