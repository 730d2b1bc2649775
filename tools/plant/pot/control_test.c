#include "../model/testing.h"
#include "control.h"

static const struct plant_targets targets = {.resistance = 14.4, .feed = 100, .alf3 = 2};

static double volts_of(double resistance) {
    return PLANT_BACK_EMF + resistance * 180e3 * 1e-6;
}

struct rig {
    struct plant_control c;
    double now, fed, moved;
    unsigned quick, pumped;
};

static void rig_init(struct rig *rig) {
    memset(rig, 0, sizeof *rig);
    plant_control_init(&rig->c, &targets);
}

static void step(struct rig *rig, double volts) {
    struct plant_orders orders = plant_control_step(&rig->c, rig->now, 1, volts, 180e3, 180e3);
    rig->now += 1;
    rig->fed += orders.feed;
    rig->quick += orders.quick;
    rig->pumped += orders.pumping;
    if (orders.move) {
        rig->moved += orders.beam;
        plant_control_beam_moved(&rig->c, orders.beam);
    }
}

static void run(struct rig *rig, int seconds, double resistance) {
    for (int i = 0; i < seconds; i++)
        step(rig, volts_of(resistance));
}

static void nominal_feed_is_what_the_current_uses(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 500, 14.4);
    assert_int_equal(rig.c.feeding, PLANT_FEED_NOMINAL);
    CLOSE(rig.fed / 500, 1.05 * 180e3 * 1.7612362e-7 * 0.94, 1e-6);
}

static void under_until_resistance_rises_then_over(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 660, 14.4);
    assert_int_equal(rig.c.feeding, PLANT_FEED_UNDER);
    run(&rig, 3600, 14.4);
    assert_int_equal(rig.c.feeding, PLANT_FEED_UNDER);
    rig.fed = 0;
    run(&rig, 60, 14.4);
    CLOSE(rig.fed / 60, 0.75 * 180e3 * 1.7612362e-7 * 0.94, 1e-6);

    double began = rig.now;
    for (int i = 0; i < 1500 && rig.c.feeding == PLANT_FEED_UNDER; i++)
        step(&rig, volts_of(14.4 + 0.012 / 60 * i));
    assert_int_equal(rig.c.feeding, PLANT_FEED_OVER);
    BETWEEN(rig.now - began, 300, 900); /* a slope of 1.5 times the threshold shows within a quarter of an hour */

    run(&rig, 44 * 60, 14.3);
    assert_int_equal(rig.c.feeding, PLANT_FEED_OVER);
    run(&rig, 3 * 60, 14.3);
    assert_int_equal(rig.c.feeding, PLANT_FEED_UNDER);
}

static void slope_is_that_of_a_ramp_whatever_the_beam_does(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 700, 14.4);
    for (int i = 0; i < 1200; i++) {
        step(&rig, volts_of(14.4 + 0.004 / 60 * i + PLANT_OHM_PER_MM * rig.c.beam));
        if (i == 600) plant_control_beam_moved(&rig.c, 0.7);
    }
    CLOSE(rig.c.slope, 0.004, 1e-6);
}

static void the_beam_brings_resistance_to_its_target(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    double offset = 0.6;
    for (int i = 0; i < 3 * 3600; i++)
        step(&rig, volts_of(14.4 + offset + PLANT_OHM_PER_MM * rig.c.beam));
    CLOSE(rig.moved, -offset / PLANT_OHM_PER_MM, 0.8);
    assert_true(fabs(14.4 + offset + PLANT_OHM_PER_MM * rig.c.beam - 14.4) <= 0.11);
}

static void inside_the_dead_band_nothing_moves(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 2 * 3600, 14.48);
    assert_true(rig.moved == 0);
}

static void tapping_is_followed(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 3600, 14.4);
    plant_control_disturb(&rig.c, PLANT_TAPPING, rig.now, 1200);
    for (int i = 0; i < 1200; i++) /* the metal falls by 24 mm */
        step(&rig, volts_of(14.4 + PLANT_OHM_PER_MM * (i * 0.020 + rig.c.beam)));
    CLOSE(rig.c.beam, -24, 1.0);
    assert_int_equal(rig.c.feeding, PLANT_FEED_NOMINAL);
}

static void an_anode_effect_is_quenched(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 3600, 14.4);
    double beam = rig.c.beam;
    for (int i = 0; i < 40; i++)
        step(&rig, 27);
    assert_int_equal(rig.c.feeding, PLANT_FEED_QUENCH);
    assert_int_equal(rig.quick, 12);
    assert_true(rig.pumped > 25);
    run(&rig, 6, 14.4);
    assert_int_equal(rig.c.feeding, PLANT_FEED_OVER);
    CLOSE(rig.c.beam, beam, 1e-9);
    double moved = rig.moved;
    run(&rig, 500, 15.5); /* let it settle before the beam is moved */
    assert_true(rig.moved == moved);
}

static void in_manual_it_does_nothing_by_itself(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.c.manual = true;
    run(&rig, 2 * 3600, 15.5);
    for (int i = 0; i < 60; i++)
        step(&rig, 27);
    assert_true(rig.moved == 0);
    assert_int_equal(rig.quick, 0);
    CLOSE(rig.fed / rig.now, 180e3 * 1.7612362e-7 * 0.94, 1e-6);
}

static void waves_ask_for_distance(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (int i = 0; i < 7200; i++)
        step(&rig, volts_of(14.4) + 0.06 * sin(i * 0.2));
    CLOSE(plant_control_noise(&rig.c), 60 / sqrt(2), 4);
    CLOSE(plant_control_target(&rig.c), 14.4 + 0.25, 1e-9);
}

static void a_current_cut_is_survived(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 3600, 14.4);
    for (int i = 0; i < 600; i++)
        plant_control_step(&rig.c, rig.now++, 1, 1.65, 0, 180e3);
    assert_true(isfinite(rig.c.resistance) && isfinite(rig.c.slope));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nominal_feed_is_what_the_current_uses),
        cmocka_unit_test(under_until_resistance_rises_then_over),
        cmocka_unit_test(slope_is_that_of_a_ramp_whatever_the_beam_does),
        cmocka_unit_test(the_beam_brings_resistance_to_its_target),
        cmocka_unit_test(inside_the_dead_band_nothing_moves),
        cmocka_unit_test(tapping_is_followed),
        cmocka_unit_test(an_anode_effect_is_quenched),
        cmocka_unit_test(in_manual_it_does_nothing_by_itself),
        cmocka_unit_test(waves_ask_for_distance),
        cmocka_unit_test(a_current_cut_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
