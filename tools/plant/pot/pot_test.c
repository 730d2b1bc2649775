#include "../model/testing.h"
#include "pot.h"

struct rig {
    struct plant_pot pot;
    uint64_t step;
    unsigned deeds, began, ended;
};

static void rig_init(struct rig *rig, unsigned number) {
    memset(rig, 0, sizeof *rig);
    plant_pot_init(&rig->pot, &plant_practices[PLANT_PRACTICE_GOOD], 1, 1, number, 20);
    plant_pot_begin(&rig->pot, PLANT_AMPERE);
}

static void run(struct rig *rig, int seconds) {
    for (int i = 0; i < seconds; i++) {
        struct plant_happened h;
        plant_pot_step(&rig->pot, ++rig->step, 1, PLANT_AMPERE, PLANT_AMPERE, &h);
        rig->deeds |= h.deeds.what;
        rig->began += h.effect_began;
        rig->ended += h.effect_ended;
    }
}

static void pots_differ(void **state) {
    (void)state;
    struct rig a, b;
    rig_init(&a, 1);
    rig_init(&b, 2);
    assert_true(a.pot.cell.set.efficiency != b.pot.cell.set.efficiency);
    assert_true(a.pot.cell.y[PLANT_METAL] != b.pot.cell.y[PLANT_METAL]);
    BETWEEN(a.pot.volts, 4.1, 4.5);
}

static void feeding_swings_the_alumina(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, 11);
    unsigned changes = 0;
    double low = 10, high = 0;
    enum plant_feeding before = rig.pot.control.feeding;
    for (int minute = 0; minute < 12 * 60; minute++) {
        run(&rig, 60);
        double c = rig.pot.cell.bath.alumina;
        low = c < low ? c : low;
        high = c > high ? c : high;
        changes += rig.pot.control.feeding != before;
        before = rig.pot.control.feeding;
    }
    BETWEEN(changes, 6, 24);
    BETWEEN(low, 1.95, 2.4);
    BETWEEN(high, 2.4, 3.0);
    BETWEEN(high - low, 0.2, 0.9);
}

static void a_forced_effect_is_seen_and_quenched(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, 4);
    run(&rig, 3600);
    rig.pot.effect.force = true;
    run(&rig, 6);
    assert_int_equal(rig.began, 1);
    assert_true(rig.pot.volts > 8);
    run(&rig, 300);
    assert_int_equal(rig.ended, 1);
    assert_true(rig.pot.volts < 5);
    BETWEEN(rig.pot.effect.lasted, 5, 150);
    BETWEEN(rig.pot.effect_seconds - rig.pot.effect.lasted, 0, 3); /* the film takes a moment to go */
}

static void a_starved_pot_gets_one_by_itself(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, 4);
    run(&rig, 600);
    rig.pot.feeders.held_until = INFINITY;
    double fed = rig.pot.cell.meters.fed;
    run(&rig, 60);
    assert_true(rig.pot.cell.meters.fed == fed);
    int minutes = 0;
    while (!rig.began && minutes < 60) {
        run(&rig, 60);
        minutes++;
    }
    BETWEEN(minutes, 8, 40); /* 0.03 wt% a minute from 2.3 or so down to 1.9 */
    BETWEEN(rig.pot.cell.bath.alumina, 1.7, 2.1);
    run(&rig, 3600);
    assert_true(rig.deeds & PLANT_FEEDERS_CLEARED);
    assert_false(rig.pot.effect.on);
    BETWEEN(rig.pot.cell.bath.alumina, 2.0, 3.5);
}

static void set_points_are_taken_over_one_by_one(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, 9);
    run(&rig, 1800);
    struct plant_targets local = plant_pot_targets(&rig.pot);
    plant_pot_set_remote(&rig.pot, PLANT_TARGET_RESISTANCE, local.resistance - 0.5);
    struct plant_targets now = plant_pot_targets(&rig.pot);
    CLOSE(now.resistance, local.resistance - 0.5, 1e-12);
    assert_true(now.feed == local.feed && now.alf3 == local.alf3);

    run(&rig, 2 * 3600);
    double off = 0;
    for (int minute = 0; minute < 180; minute++) {
        run(&rig, 60);
        off += (rig.pot.control.resistance - plant_control_target(&rig.pot.control)) / 180;
    }
    CLOSE(off, 0, 0.15);
    plant_pot_release(&rig.pot, ~0u);
    run(&rig, 1);
    assert_true(rig.pot.control.targets.resistance == rig.pot.local.resistance);
}

static void remote_feed_scales_the_strokes(void **state) {
    (void)state;
    struct rig usual, more;
    rig_init(&usual, 9);
    rig_init(&more, 9);
    plant_pot_set_remote(&more.pot, PLANT_TARGET_FEED, 120);
    run(&usual, 600);
    run(&more, 600);
    CLOSE(more.pot.feed_total / usual.pot.feed_total, 1.2, 0.15);
}

static void the_crew_keeps_its_plan(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    run(&rig, 2 * 86400);
    assert_true(rig.deeds & PLANT_TAP_BEGINS && rig.deeds & PLANT_TAP_ENDS);
    assert_true(rig.deeds & PLANT_ANODE_CHANGED && rig.deeds & PLANT_ANODE_DONE);
    assert_true(rig.deeds & PLANT_SHIFT_CORRECTED);
    BETWEEN(rig.pot.crew.taps, 1, 2);
    BETWEEN(rig.pot.crew.anodes, 1, 2);
    BETWEEN(rig.pot.crew.shifts, 5, 6);
    BETWEEN(rig.pot.cell.meters.tapped, 1000, 4500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pots_differ),
        cmocka_unit_test(feeding_swings_the_alumina),
        cmocka_unit_test(a_forced_effect_is_seen_and_quenched),
        cmocka_unit_test(a_starved_pot_gets_one_by_itself),
        cmocka_unit_test(set_points_are_taken_over_one_by_one),
        cmocka_unit_test(remote_feed_scales_the_strokes),
        cmocka_unit_test(the_crew_keeps_its_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
