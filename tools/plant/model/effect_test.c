#include "effect.h"
#include "testing.h"

static void begins_at_the_critical_density(void **state) {
    (void)state;
    struct plant_effect e;
    plant_effect_init(&e, 1, 1, 1);
    plant_effect_step(&e, 1, 0.999, false, 1);
    assert_false(e.on);
    assert_true(e.volts == 0);
    plant_effect_step(&e, 2, 1.0, false, 1);
    assert_true(e.on);
}

/* 15 to 40 V with the cell's own four, within seconds. */
static void reaches_its_voltage_within_seconds(void **state) {
    (void)state;
    for (unsigned pot = 1; pot <= 200; pot++) {
        struct plant_effect e;
        plant_effect_init(&e, 1, 1, pot);
        for (uint64_t n = 1; n <= 8; n++)
            plant_effect_step(&e, n, 1.1, false, 1);
        BETWEEN(e.height, 14, 34);
        BETWEEN(4.4 + e.volts, 15, 42);
        assert_true(e.film > 0.99);
    }
}

static double lasts(unsigned pot, double ratio, bool moving) {
    struct plant_effect e;
    plant_effect_init(&e, 2, 1, pot);
    e.force = true;
    uint64_t n = 0;
    do
        plant_effect_step(&e, n++, ratio, moving, 1);
    while (e.on && n < 100000);
    return e.lasted;
}

static void ends_by_alumina_and_moving_anodes(void **state) {
    (void)state;
    double quenched = 0, alone = 0, starved = 0;
    for (unsigned pot = 1; pot <= 100; pot++) {
        quenched += lasts(pot, 0.85, true) / 100;
        alone += lasts(pot, 0.7, false) / 100;
        starved += lasts(pot, 1.05, true) / 100;
    }
    BETWEEN(quenched, 8, 25);
    assert_true(alone > 10 * quenched);
    CLOSE(starved, 99999, 1e-6); /* never */
}

static void film_goes_away(void **state) {
    (void)state;
    struct plant_effect e;
    plant_effect_init(&e, 1, 1, 1);
    for (uint64_t n = 1; n <= 10; n++)
        plant_effect_step(&e, n, 1.1, false, 1);
    e.on = false;
    for (uint64_t n = 11; n <= 20; n++)
        plant_effect_step(&e, n, 0.8, false, 1);
    assert_true(e.volts == 0 && e.film == 0);
    assert_int_equal(e.count, 1);
}

static void force_during_one_does_not_begin_the_next(void **state) {
    (void)state;
    struct plant_effect e;
    plant_effect_init(&e, 1, 1, 1);
    e.force = true;
    plant_effect_step(&e, 1, 0.5, false, 1);
    e.force = true;
    plant_effect_step(&e, 2, 0.5, false, 1);
    assert_false(e.force);
    assert_int_equal(e.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_at_the_critical_density),
        cmocka_unit_test(reaches_its_voltage_within_seconds),
        cmocka_unit_test(ends_by_alumina_and_moving_anodes),
        cmocka_unit_test(film_goes_away),
        cmocka_unit_test(force_during_one_does_not_begin_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
