/* The law of the tail and the laws of chance.c: what they say is as rare as it turns out to be. */
#include "../testing.h"

#include "chance.c"
#include "tail.c"

enum { NUMBERS = 40000 };
static const double forever = 1e9;

static double uniform(void) {
    return (rand() + 1.0) / (RAND_MAX + 2.0);
}

static double exponential(void) {
    return -log(uniform());
}

static double normal(void) {
    return sqrt(2 * exponential()) * cos(2 * acos(-1) * uniform());
}

static double pareto(void) {
    return pow(uniform(), -0.4);
}

/* How often, in a thousand, a new number is said to be one in a thousand. */
static double rate_of(double (*next)(void)) {
    struct tail tail = {0};
    unsigned told = 0;
    for (unsigned i = 0; i < NUMBERS; i++) {
        double number = next();
        told += i >= NUMBERS / 2 && tail_surprise(&tail, number, 1) >= 3;
        tail_add(&tail, number, forever);
    }
    return told * 2000.0 / NUMBERS;
}

static void one_threshold_is_one_rate(void **state) {
    (void)state;
    double (*const laws[])(void) = {exponential, normal, pareto, uniform};
    for (unsigned i = 0; i < PL_COUNT_OF(laws); i++) {
        srand(7);
        double rate = rate_of(laws[i]);
        bool ends = laws[i] == uniform; /* a law that ends is taken for one that does not: no false alarms, then */
        if ((rate < 0.2 && !ends) || rate > 3) fail_msg("law %u: %g in 1000 are said to be 1 in 1000", i, rate);
    }
}

static void what_is_beyond_all_is_the_more_surprising(void **state) {
    (void)state;
    struct tail tail = {0};
    for (unsigned i = 0; i < 1000; i++)
        tail_add(&tail, exponential(), forever);
    double before = 0;
    for (unsigned number = 8; number < 40; number += 2) {
        double surprise = tail_surprise(&tail, number, 1);
        assert_true(surprise > before && surprise <= TAIL_SURPRISE_MAX);
        before = surprise;
    }
    assert_true(tail_surprise(&tail, 14, 200) < tail_surprise(&tail, 14, 1)); /* fewer numbers are independent */
    assert_true(tail_surprise(&tail, 0.5, 1) == 0);
    assert_true(tail_surprise(&tail, NAN, 1) == 0);
}

static void a_constant_is_surprised_by_anything_else(void **state) {
    (void)state;
    struct tail tail = {0};
    for (unsigned i = 0; i < 100; i++) {
        assert_true(tail_surprise(&tail, 45, 1) == 0);
        tail_add(&tail, 45, forever);
    }
    assert_true(tail_surprise(&tail, 45 + 1e-12, 1) < 3); /* rounding is no news */
    assert_true(tail_surprise(&tail, 46, 1) == TAIL_SURPRISE_MAX);
}

static void it_forgets(void **state) {
    (void)state;
    struct tail tail = {0};
    for (unsigned i = 0; i < 5000; i++)
        tail_add(&tail, 100 + normal(), 1000);
    assert_true(tail_surprise(&tail, 10, 1) == 0);
    for (unsigned i = 0; i < 20000; i++)
        tail_add(&tail, normal(), 1000);
    assert_true(tail_surprise(&tail, 20, 1) > 2);
    assert_true(tail.count <= 1001);
}

/* Against tables: two sides of Student's t, and Fisher's F. */
static void laws_are_those_of_the_tables(void **state) {
    (void)state;
    assert_true(fabs(chance_f(2.228 * 2.228, 1, 10) + log10(0.05)) < 1e-3);
    assert_true(fabs(chance_f(63.657 * 63.657, 1, 1) + log10(0.01)) < 1e-3);
    assert_true(fabs(chance_f(4.43, 4, 20) + log10(0.01)) < 1e-2);
    assert_true(fabs(chance_f(1.0, 12, 12) + log10(0.5)) < 1e-9);
    assert_true(chance_f(0, 3, 3) == 0 && chance_f(-1, 3, 3) == 0 && chance_f(NAN, 3, 3) == 0);
    assert_true(chance_f(1e300, 50, 400) <= 300);
    assert_true(fabs(chance_t_of(2, 5) - 4.032) < 1e-3);
    assert_true(isfinite(chance_t_of(12, 0.7)));
    assert_true(fabs(chance_sum(log(1000), 1) - 3) < 1e-12);
    assert_true(fabs(chance_sum(9.1535, 5) + log10(0.05)) < 1e-4); /* chi-square of 10 freedoms: 18.307 */
    assert_true(chance_sum(0, 5) == 0 && chance_sum(5, 0) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_threshold_is_one_rate),
        cmocka_unit_test(what_is_beyond_all_is_the_more_surprising),
        cmocka_unit_test(a_constant_is_surprised_by_anything_else),
        cmocka_unit_test(it_forgets),
        cmocka_unit_test(laws_are_those_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
