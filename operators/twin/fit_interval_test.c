/* Intervals of what is fitted: what several records tell of each other, and what wide steps cost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <potline/alloc.h>

#include "fit_testing.h"

static double offset_interval(const struct pl_fit *f) {
    return f->quantile * f->deviation[1];
}

/* Slopes by steps that are narrower than what the integration leaves open are noise, and make everything known. */
static void test_wide_steps_see_through_what_an_integration_leaves_open(void **state) {
    (void)state;
    const unsigned free_two[] = {GAIN, OFFSET};
    struct pl_fit smooth, uneven;
    struct pl_fit_file one = {.path = "a"}, other = {.path = "a"};
    fit_to(&smooth, &one, 1, 2, free_two);
    rough = 1e-3;
    experiment.step = 1e-2;
    fit_to(&uneven, &other, 1, 2, free_two);
    rough = experiment.step = 0;
    double ratio = offset_interval(&uneven) / offset_interval(&smooth);
    assert_true(ratio > 0.9 && ratio < 1.1);
    fit_release(&smooth);
    fit_release(&uneven);
}

static void test_records_that_differ_by_more_than_their_noise_widen_an_interval(void **state) {
    (void)state;
    const unsigned free_two[] = {GAIN, OFFSET};
    struct pl_fit alone, all;
    struct pl_fit_file one = {.path = "a"}, three[] = {{.path = "a"}, {.path = "higher"}, {.path = "lower"}};
    share = 1;
    fit_to(&alone, &one, 1, 2, free_two);
    fit_to(&all, three, 3, 2, free_two);
    share = 0.5;
    assert_int_equal(alone.records, 1);
    assert_int_equal(all.records, 3);
    assert_true(offset_interval(&alone) < 0.05);
    /* The mean of three that are 0.5 apart, by Student with two degrees of freedom: 4.30 * 0.5 / sqrt(3). */
    assert_true(fabs(offset_interval(&all) - 1.242) < 0.3);
    fit_release(&alone);
    fit_release(&all);
}

/* What another record is foreseen to be missed by holds it too. */
static void test_records_that_differ_are_foreseen_to_differ(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file files[] = {{.path = "a"}, {.path = "higher"}, {.path = "lower"}, {.path = "a", .judge = true}};
    fit_to(&f, files, 4, 2, (const unsigned[]){GAIN, OFFSET});
    double constants = offset_interval(&f);
    assert_true(constants > 0.9 && files[3].foreseen > constants && files[3].foreseen < 2 * constants);
    fit_release(&f);
}

/* Two records tell one constant together and another one alone: that has no spread between them. */
static void test_what_one_record_tells_alone_is_not_between_records(void **state) {
    (void)state;
    struct pl_fit f;
    struct pl_fit_file files[] = {{.path = "a"}, {.path = "narrow"}};
    share = 1;
    fit_to(&f, files, 2, 2, (const unsigned[]){GAIN, OFFSET});
    share = 0.5;
    assert_false(f.between[0]);
    assert_true(f.between[1]);
    fit_release(&f);
}

static double normal(struct pl_random *random) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += pl_random_unit(random);
    return sum;
}

/* As many constants as records: each interval by itself still holds what is true as often as it says. */
static void test_intervals_between_two_records_hold_what_is_true(void **state) {
    (void)state;
    enum { PAIRS = 200 };
    struct pl_random random = {11};
    int held[2] = {0};
    share = 1;
    for (int i = 0; i < PAIRS; i++) {
        for (int k = 0; k < 2; k++) {
            specimen[k][0] = 0.3 * normal(&random);
            specimen[k][1] = 0.2 * normal(&random);
        }
        struct pl_fit f;
        struct pl_fit_file files[] = {{.path = "first"}, {.path = "second"}};
        fit_to(&f, files, 2, 2, (const unsigned[]){GAIN, OFFSET});
        assert_true(f.between[0] && f.between[1]);
        held[0] += fabs(f.value[0] - SLOPE_TRUE) < f.quantile * f.deviation[0];
        held[1] += fabs(f.value[1] - OFFSET_TRUE) < f.quantile * f.deviation[1];
        fit_release(&f);
    }
    share = 0.5;
    print_message("of %d pairs: gain within its interval %d times, offset %d\n", PAIRS, held[0], held[1]);
    assert_true(held[0] >= PAIRS * 0.9 && held[1] >= PAIRS * 0.9);
}

/* The data leave scale and gain open but for what is expected of the scale: it is known no better than that, though
 * there is next to no noise. */
static void test_what_is_known_before_is_known_no_better(void **state) {
    (void)state;
    static const struct pl_model_expected expected[] = {{"scale", 2, 0.1, "a test"}, {.name = NULL}};
    struct pl_fit f;
    struct pl_fit_file file;
    experiment.expected = expected;
    experiment.scatter = NOISE;
    noise = NOISE / 100;
    fit(&f, &file, 3, (const unsigned[]){SCALE, GAIN, OFFSET});
    noise = NOISE;
    experiment.expected = NULL;
    assert_true(fabs(f.deviation[0] - 0.1) < 0.01);
    assert_true(fabs(f.deviation[1] / f.value[1] - 0.05) < 0.005);
    assert_true(f.deviation[2] < 0.001 && file.foreseen < 0.001);
    fit_release(&f);
}

/* Steps so wide that the model bends along them still end where narrow ones do. */
static void test_wide_steps_end_at_the_optimum(void **state) {
    (void)state;
    double value[2][2], interval[2];
    curved = true;
    share = 1;
    for (int wide = 0; wide < 2; wide++) {
        struct pl_fit f;
        struct pl_fit_file file;
        experiment.step = wide ? 3e-2 : 0;
        fit(&f, &file, 2, (const unsigned[]){GAIN, OFFSET});
        for (int i = 0; i < 2; i++) {
            value[wide][i] = f.value[i];
            if (!wide) interval[i] = f.quantile * f.deviation[i];
        }
        fit_release(&f);
    }
    curved = false;
    share = 0.5;
    experiment.step = 0;
    for (int i = 0; i < 2; i++) {
        print_message("moved by %.3g of an interval\n", fabs(value[1][i] - value[0][i]) / interval[i]);
        assert_true(fabs(value[1][i] - value[0][i]) < 0.005 * interval[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_steps_see_through_what_an_integration_leaves_open),
        cmocka_unit_test(test_records_that_differ_by_more_than_their_noise_widen_an_interval),
        cmocka_unit_test(test_records_that_differ_are_foreseen_to_differ),
        cmocka_unit_test(test_what_one_record_tells_alone_is_not_between_records),
        cmocka_unit_test(test_intervals_between_two_records_hold_what_is_true),
        cmocka_unit_test(test_what_is_known_before_is_known_no_better),
        cmocka_unit_test(test_wide_steps_end_at_the_optimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
