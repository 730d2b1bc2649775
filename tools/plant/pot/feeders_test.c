#include "../model/testing.h"
#include "feeders.h"

static void shots_scatter_by_five_percent(void **state) {
    (void)state;
    struct plant_feeders f;
    plant_feeders_init(&f, 1, 1, 1, 1);
    double sum = 0, squares = 0;
    const int n = 40000;
    for (int i = 0; i < n; i++) {
        double kg = plant_feeders_stroke(&f, 0);
        BETWEEN(kg, 1.0, 2.0);
        sum += kg;
        squares += kg * kg;
    }
    double mean = sum / n;
    CLOSE(mean, 1.5, 0.03 * 1.5);
    CLOSE(sqrt(squares / n - mean * mean) / mean, 0.05, 0.01);
}

static void a_blocked_feeder_strokes_in_vain(void **state) {
    (void)state;
    struct plant_feeders f;
    plant_feeders_init(&f, 1, 1, 1, 1);
    f.blocked_until[2] = 100;
    assert_int_equal(plant_feeders_blocked(&f, 50), 1u << 2);
    int empty = 0;
    for (int i = 0; i < 40; i++)
        empty += plant_feeders_stroke(&f, 50) == 0;
    assert_int_equal(empty, 10);
    plant_feeders_clear(&f, 50);
    assert_int_equal(plant_feeders_blocked(&f, 50), 0);
}

/* One blockage every 2.5 pot-days by itself, lasting two hours; their times do not depend on strokes. */
static void blockages_come_and_go(void **state) {
    (void)state;
    double blocked = 0, empty = 0, hours = 0;
    unsigned changes = 0;
    for (unsigned pot = 1; pot <= 50; pot++) {
        struct plant_feeders f, g;
        plant_feeders_init(&f, 1, 3, 1, pot);
        plant_feeders_init(&g, 1, 3, 1, pot);
        for (int minute = 0; minute < 30 * 1440; minute++) {
            double now = minute * 60.0;
            changes += plant_feeders_age(&f, now);
            plant_feeders_age(&g, now);
            plant_feeders_stroke(&g, now);
            unsigned bits = plant_feeders_blocked(&f, now);
            assert_int_equal(bits, plant_feeders_blocked(&g, now));
            if (bits == 15)
                empty++;
            else
                blocked += bits != 0;
            hours += 1.0 / 60;
        }
    }
    assert_true(changes > 100);
    BETWEEN(blocked / 60 / hours, 0.022, 0.044); /* 2 h of 2.5 days: 0.033 */
    BETWEEN(empty / 60 / hours, 0.0003, 0.0014); /* 0.6 h of 35 days: 0.0007 */
}

static void held_shut(void **state) {
    (void)state;
    struct plant_feeders f;
    plant_feeders_init(&f, 1, 1, 1, 1);
    f.held_until = INFINITY;
    assert_int_equal(plant_feeders_blocked(&f, 1e9), 15);
    assert_true(plant_feeders_stroke(&f, 10) == 0);
    plant_feeders_clear(&f, 20);
    assert_true(plant_feeders_stroke(&f, 20) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shots_scatter_by_five_percent),
        cmocka_unit_test(a_blocked_feeder_strokes_in_vain),
        cmocka_unit_test(blockages_come_and_go),
        cmocka_unit_test(held_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
