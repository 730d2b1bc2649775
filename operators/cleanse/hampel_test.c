#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hampel.c"

enum { ROWS = 2000 };

static struct hampel *make(uint32_t window) {
    return calloc(1, hampel_size(window));
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double plain_median(double *values, unsigned n) {
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The definition, by sorting twice. */
static bool plain_spike(const double *values, unsigned at, const struct hampel_rule *rule, double step,
                        double *median) {
    double window[HAMPEL_MAX] = {0}, distance[HAMPEL_MAX] = {0};
    unsigned n = at + 1 < rule->window ? at + 1 : rule->window;
    memcpy(window, values + at + 1 - n, n * sizeof *window);
    *median = plain_median(window, n);
    for (unsigned i = 0; i < n; i++)
        distance[i] = fabs(window[i] - *median);
    double mad = plain_median(distance, n);
    if (n < 3 || n <= rule->window / 2) return false;
    double scale = mad > 0 ? 1.4826 * mad : step;
    if (scale < rule->floor) scale = rule->floor;
    return fabs(values[at] - *median) > rule->k * scale;
}

static double signal(unsigned shape, unsigned i) {
    double random = rand() / (RAND_MAX + 1.0);
    double outlier = rand() % 40 == 0 ? 50 * (random - 0.5) : 0;
    switch (shape) {
    case 0: return sin(i / 30.0) + random / 5 + outlier;
    case 1: return floor(8 * sin(i / 50.0)) / 2 + outlier; /* a coarse sensor */
    case 2: return i / 300 % 2 + (rand() % 60 == 0);       /* a switch */
    default: return outlier;                               /* nothing, and now and then something */
    }
}

static void judges_as_the_definition_does(void **state) {
    (void)state;
    static const uint32_t windows[] = {3, 5, 11, 25, 51, 101};
    static double values[ROWS];
    for (unsigned w = 0; w < 6; w++)
        for (unsigned shape = 0; shape < 4; shape++) {
            struct hampel_rule rule = {.window = windows[w], .k = 3, .floor = shape == 1 ? 0.6 : 0};
            struct hampel *h = make(rule.window);
            double step = 0, before = 0;
            unsigned spikes = 0, accepted = 0;
            for (unsigned i = 0; i < ROWS; i++) {
                double median, expected_median;
                values[i] = signal(shape, i);
                bool expected = plain_spike(values, i, &rule, step, &expected_median);
                bool found = hampel_judge(h, &rule, values[i], &median);
                assert_true(median == expected_median);
                assert_int_equal(found, expected);
                spikes += found;
                if (found) continue;
                double change = fabs(values[i] - before);
                if (accepted++ && change > 0 && (step == 0 || change < step)) step = change;
                before = values[i];
            }
            assert_true((spikes > 0 || shape == 2) && spikes < ROWS / 2);
            free(h);
        }
}

static void a_spike_on_a_flat_line_is_found(void **state) {
    (void)state;
    struct hampel_rule rule = {.window = 11, .k = 3.5};
    struct hampel *h = make(11);
    double median;
    for (unsigned i = 0; i < 20; i++)
        assert_false(hampel_judge(h, &rule, 5, &median));
    assert_true(hampel_judge(h, &rule, 5.001, &median));
    assert_true(median == 5);
    assert_false(hampel_judge(h, &rule, 5, &median));
    free(h);
}

/* A sensor with a coarse last digit: its steps are no spikes once one is known, a jump of many is. */
static void the_last_digit_is_no_spike(void **state) {
    (void)state;
    struct hampel_rule rule = {.window = 11, .k = 3.5};
    struct hampel *h = make(11);
    double median;
    hampel_judge(h, &rule, 20.0, &median);
    hampel_judge(h, &rule, 20.1, &median);
    for (unsigned i = 0; i < 20; i++)
        assert_false(hampel_judge(h, &rule, 20.0, &median));
    assert_false(hampel_judge(h, &rule, 20.1, &median));
    assert_false(hampel_judge(h, &rule, 19.9, &median));
    assert_true(hampel_judge(h, &rule, 21.0, &median));
    free(h);
}

static void a_step_becomes_the_new_level(void **state) {
    (void)state;
    struct hampel_rule rule = {.window = 11, .k = 3.5};
    struct hampel *h = make(11);
    double median;
    unsigned spikes = 0;
    for (unsigned i = 0; i < 30; i++)
        assert_false(hampel_judge(h, &rule, i % 3 * 0.1, &median));
    for (unsigned i = 0; i < 30; i++)
        spikes += hampel_judge(h, &rule, 10 + i % 3 * 0.1, &median);
    assert_int_equal(spikes, 5);
    free(h);
}

static void equal_values_zeroes_and_huge_ones(void **state) {
    (void)state;
    struct hampel_rule rule = {.window = 5, .k = 3};
    struct hampel *h = make(5);
    double median, values[] = {0.0, -0.0, 0.0, -0.0, 1e308, -1e308, 1e308, 5e-324, 0.0, 0.0, 0.0, 0.0};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        hampel_judge(h, &rule, values[i], &median);
        for (unsigned k = 1; k < h->count; k++)
            assert_true(h->values[5 + k - 1] <= h->values[5 + k]);
    }
    assert_true(median == 0);
    free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_as_the_definition_does),     cmocka_unit_test(a_spike_on_a_flat_line_is_found),
        cmocka_unit_test(the_last_digit_is_no_spike),        cmocka_unit_test(a_step_becomes_the_new_level),
        cmocka_unit_test(equal_values_zeroes_and_huge_ones),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
