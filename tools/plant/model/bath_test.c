#include "bath.h"
#include "testing.h"

static void liquidus_is_solheims(void **state) {
    (void)state;
    static const struct {
        struct plant_bath bath;
        double celsius;
    } known[] = {
        {{2.5, 11, 5, 0, 0}, 962.733735},      {{3, 11, 6, 0, 1}, 953.666001},       {{4, 10.3, 7, 0, 0.3}, 951.731321},
        {{2.5, 12, 4.1, 0, 0.25}, 959.089871}, {{2.5, 12, 4.5, 2, 0.3}, 942.579113},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        CLOSE(plant_bath_liquidus(&known[i].bath), known[i].celsius, 5e-7);
}

static void saturation_ratio_and_activity(void **state) {
    (void)state;
    const struct plant_bath bath = {2.5, 12, 4.1, 0, 0.25};
    double saturation = plant_bath_saturation(&bath, 963);
    CLOSE(saturation, 8.36970288, 5e-9);
    CLOSE(plant_bath_activity(2.5 / saturation), 0.148036439, 5e-10);
    CLOSE(plant_bath_ratio(&bath), 1.0951417, 5e-8);
    CLOSE(plant_bath_conductivity(&bath, 963 + 273.15), 2.21501529, 5e-9);
}

static void lithium_raises_conductivity(void **state) {
    (void)state;
    const struct plant_bath plain = {2.5, 12, 4.1, 0, 0.25}, lithium = {2.5, 12, 4.1, 2, 0.25};
    double gain = plant_bath_conductivity(&lithium, 1236.15) - plant_bath_conductivity(&plain, 1236.15);
    BETWEEN(gain / 2, 0.02, 0.09); /* S/cm for each wt% */
    assert_true(plant_bath_saturation(&lithium, 963) < plant_bath_saturation(&plain, 963));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(liquidus_is_solheims),
        cmocka_unit_test(saturation_ratio_and_activity),
        cmocka_unit_test(lithium_raises_conductivity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
