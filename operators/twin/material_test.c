/* Laws and enthalpies: the inverse of an integral is where it came from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "material.h"

static const struct law laws[] = {
    {1.5, 0, 1.5, 1.5}, {42, -0.026, 15, 42}, {700, 0.45, 700, 1150}, {800, 0.8, 600, 1900}};

static void test_a_law_keeps_its_bounds(void **state) {
    (void)state;
    assert_true(law_at(&laws[1], 100) == 42 - 2.6);
    assert_true(law_at(&laws[1], 2000) == 15);
    assert_true(law_at(&laws[1], -100) == 42);
    assert_true(law_at(&laws[2], 3000) == 1150);
}

static void test_integrals_are_integrals_and_invert(void **state) {
    (void)state;
    for (unsigned k = 0; k < sizeof laws / sizeof *laws; k++) {
        for (int i = -40; i < 400; i++) {
            double t = 7.3 * i, h = 1e-3;
            double slope = (law_integral(&laws[k], t + h) - law_integral(&laws[k], t - h)) / (2 * h);
            assert_true(fabs(slope / law_at(&laws[k], t) - 1) < 1e-4);
            assert_true(fabs(law_inverse(&laws[k], law_integral(&laws[k], t)) - t) < 1e-8 * (1 + fabs(t)));
        }
    }
}

static void test_melting_takes_its_heat_at_one_temperature(void **state) {
    (void)state;
    struct material m = {.density = 2800,
                         .conductivity = law(1.5),
                         .capacity = law(1320),
                         .latent = 5e5,
                         .melts = 955,
                         .liquid_conductivity = law(0.8),
                         .liquid_capacity = law(1750)};
    double solid = material_enthalpy(&m, 955);
    assert_true(solid == 1320 * 955.0);
    assert_true(material_temperature(&m, solid + 2e5) == 955);
    assert_true(fabs(material_melted(&m, solid + 2e5) - 0.4) < 1e-12);
    assert_true(material_melted(&m, solid - 1) == 0 && material_melted(&m, solid + 6e5) == 1);
    assert_true(fabs(material_temperature(&m, material_enthalpy(&m, 990)) - 990) < 1e-9);
    assert_true(fabs(material_enthalpy(&m, 990) - solid - 5e5 - 35 * 1750) < 1e-6);
    assert_true(fabs(material_conductivity(&m, 955, 0.5) - 1.15) < 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_law_keeps_its_bounds),
        cmocka_unit_test(test_integrals_are_integrals_and_invert),
        cmocka_unit_test(test_melting_takes_its_heat_at_one_temperature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
