#include "random.h"
#include "testing.h"

static void moments_of_the_normal_draws(void **state) {
    (void)state;
    const int n = 1000000;
    uint64_t key = plant_random_key(1, 2, 3, PLANT_CAUSE_BUBBLES);
    double sum = 0, squares = 0, fourth = 0, lagged = 0, before = 0;
    for (int i = 0; i < n; i++) {
        double x = plant_random_normal(key, (uint64_t)i);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        lagged += x * before;
        before = x;
    }
    CLOSE(sum / n, 0, 0.005);
    CLOSE(squares / n, 1, 0.01);
    CLOSE(fourth / n, 3, 0.05);
    CLOSE(lagged / n, 0, 0.005);
}

static void quantiles(void **state) {
    (void)state;
    CLOSE(plant_random_quantile(0.5), 0, 1e-9);
    CLOSE(plant_random_quantile(0.975), 1.959963984540054, 1e-8);
    CLOSE(plant_random_quantile(0.001), -3.090232306167813, 1e-8);
    CLOSE(plant_random_quantile(0.02425), -1.9729610513118845, 5e-9);
}

static void keys_of_causes_and_places_are_unlike(void **state) {
    (void)state;
    uint64_t key = plant_random_key(1, 1, 1, PLANT_CAUSE_PAD);
    assert_true(key != plant_random_key(2, 1, 1, PLANT_CAUSE_PAD));
    assert_true(key != plant_random_key(1, 2, 1, PLANT_CAUSE_PAD));
    assert_true(key != plant_random_key(1, 1, 2, PLANT_CAUSE_PAD));
    assert_true(key != plant_random_key(1, 1, 1, PLANT_CAUSE_SHOT));
    assert_true(plant_random_key(1, 1, 2, 1) != plant_random_key(1, 2, 1, 1));
}

static void uniform_never_meets_its_ends(void **state) {
    (void)state;
    double low = 1, high = 0, waited = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double u = plant_random_uniform(7, i);
        low = u < low ? u : low;
        high = u > high ? u : high;
        waited += plant_random_wait(9, i, 20);
    }
    BETWEEN(low, 1e-16, 1e-3);
    BETWEEN(high, 0.999, 1 - 1e-16);
    CLOSE(waited / 100000, 20, 0.3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_of_the_normal_draws),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(keys_of_causes_and_places_are_unlike),
        cmocka_unit_test(uniform_never_meets_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
