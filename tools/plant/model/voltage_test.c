#include "testing.h"
#include "voltage.h"

static const struct plant_electrodes measured_pot = {
    .anode_area = 104652,
    .cathode_area = 115348,
    .anodes = 20,
    .fan = 1.1382,
    .anode_ohm = 3.02e-6,
    .cathode_ohm = 2.15e-6,
    .external_ohm = 2.01e-6,
    .effect_alumina = 1.80,
    .bubble_factor = 0.9,
};

static struct plant_voltage at(double alumina, double distance) {
    const struct plant_bath bath = {alumina, 12, 4.1, 0, 0.25};
    return plant_voltage_of(&measured_pot, &bath, 963, 126500, distance, 1, 1);
}

/* Half a unit of the last digit given. */
static void every_drop_of_the_test_vector(void **state) {
    (void)state;
    struct plant_voltage v = at(2.5, 2.7);
    CLOSE(v.reversible, 1.2228375, 5e-8);
    CLOSE(v.anode_concentration, 0.0410968332, 5e-11);
    CLOSE(v.anode_reaction, 0.53163183, 5e-9);
    CLOSE(v.cathode_concentration, 0.113468937, 5e-10);
    CLOSE(v.bath, 1.294528, 5e-7);
    CLOSE(v.bubbles, 0.311926808, 5e-10);
    CLOSE(v.anode, 0.38203, 5e-6);
    CLOSE(v.cathode, 0.271975, 5e-7);
    CLOSE(v.external, 0.254265, 5e-7);
    CLOSE(v.total, 4.4237599, 5e-8);
    CLOSE(v.saturation, 8.36970288, 5e-9);
    CLOSE(v.activity, 0.148036439, 5e-10);
    CLOSE(v.conductivity, 2.21501529, 5e-9);
    CLOSE(v.density, 1.06199974, 5e-9);
    CLOSE(v.critical, 1.9749746, 5e-8);
    CLOSE(v.bubble_layer, 0.488799449, 5e-10);
    CLOSE(v.covered, 0.570997458, 5e-10);
}

static void the_curve_over_alumina(void **state) {
    (void)state;
    static const double known[][3] = {
        {1.9, 4.790298, 24.824491}, {2.0, 4.599692, 23.317725}, {2.2, 4.482752, 22.393295}, {2.4, 4.437622, 22.036541},
        {2.6, 4.413011, 21.841983}, {3.0, 4.386843, 21.635121}, {3.5, 4.371852, 21.516618}, {4.0, 4.365653, 21.467612},
        {4.5, 4.364278, 21.456741}, {5.0, 4.366005, 21.470394}, {6.0, 4.375492, 21.545393},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double U = at(known[i][0], 2.7).total;
        CLOSE(U, known[i][1], 5e-7);
        CLOSE((U - 1.65) / 126500 * 1e6, known[i][2], 5e-7);
    }
}

static void voltage_follows_the_distance(void **state) {
    (void)state;
    CLOSE((at(2.5, 2.71).total - at(2.5, 2.70).total) / 0.01, 0.4795, 5e-5);
}

static void the_180_kA_reference_cell(void **state) {
    (void)state;
    const struct plant_electrodes cell = {220000, 260000, 20, 1.10, 0.30 / 180e3, 0.30 / 180e3, 0.16 / 180e3, 1.8, 0.9};
    struct plant_bath bath = {2.8, 11, 5, 0, 0.25};
    double celsius = plant_bath_liquidus(&bath) + 9;
    CLOSE(celsius - 9, 959.98, 5e-3);
    struct plant_voltage v = plant_voltage_of(&cell, &bath, celsius, 180e3, 4.3, 1, 1);
    CLOSE(v.total, 4.2086, 5e-5);
    CLOSE(v.density, 0.744, 5e-4);
    CLOSE(v.critical, 2.031, 5e-4);

    static const double known[][2] = {{1.9, 4.47543}, {2.0, 4.34619}, {2.2, 4.26647}, {2.5, 4.22626},
                                      {3.0, 4.20161}, {3.5, 4.19255}, {4.0, 4.19002}, {5.0, 4.19493}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bath.alumina = known[i][0];
        CLOSE(plant_voltage_of(&cell, &bath, celsius, 180e3, 4.3, 1, 1).total, known[i][1], 5e-6);
    }
}

static void stays_finite_without_alumina(void **state) {
    (void)state;
    for (int i = 1; i < 300; i++) {
        struct plant_voltage v = at(i / 100.0, 2.7);
        BETWEEN(v.total, 4, 12);
        BETWEEN(v.covered, 0.4, PLANT_COVERED);
    }
}

static void anode_effect_ratio_passes_one_as_alumina_falls(void **state) {
    (void)state;
    struct plant_voltage rich = at(3.0, 2.7), lean = at(1.75, 2.7);
    assert_true(plant_voltage_effect_ratio(&rich, 0.7) < 1);
    assert_true(plant_voltage_effect_ratio(&lean, 0.7) > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_drop_of_the_test_vector),
        cmocka_unit_test(the_curve_over_alumina),
        cmocka_unit_test(voltage_follows_the_distance),
        cmocka_unit_test(the_180_kA_reference_cell),
        cmocka_unit_test(stays_finite_without_alumina),
        cmocka_unit_test(anode_effect_ratio_passes_one_as_alumina_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
