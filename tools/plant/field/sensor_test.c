#include "../model/testing.h"
#include "disturb.h"
#include "sensor.h"

enum { VOLTAGE = 0, BATH_TEMP = 2, ANODE_POS = 3 };

struct rig {
    struct plant *plant;
    struct plant_faults faults;
    struct plant_sensors sensors;
};

static void rig_init(struct rig *rig, const char *const *specs) {
    char why[256];
    *rig = (struct rig){0};
    rig->plant = plant_new(&(struct plant_options){.seed = 1, .lines = 2, .pots = 3, .step = PLANT_SECOND});
    for (; specs && *specs; specs++)
        assert_true(plant_faults_add(&rig->faults, *specs, why, sizeof why));
    assert_true(plant_sensors_init(&rig->sensors, rig->plant, &rig->faults));
    plant_sensors_read(&rig->sensors);
}

static void rig_fini(struct rig *rig) {
    plant_sensors_fini(&rig->sensors);
    plant_faults_fini(&rig->faults);
    plant_free(rig->plant);
}

static void step(struct rig *rig) {
    plant_disturb(&rig->faults, rig->plant);
    plant_step(rig->plant);
    plant_sensors_read(&rig->sensors);
}

static const struct plant_sensor *shown(const struct rig *rig, unsigned pot, unsigned signal) {
    return plant_sensors_get(&rig->sensors, 1, pot, signal);
}

static double truth(const struct rig *rig, unsigned pot, unsigned signal) {
    return plant_pot_signals[signal].value(&rig->plant->lines[0], &rig->plant->lines[0].pots[pot - 1]);
}

static void noise_and_resolution(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    double squares = 0;
    for (int i = 0; i < 4000; i++) {
        step(&rig);
        double x = (double)shown(&rig, 1, BATH_TEMP)->value, off = x - truth(&rig, 1, BATH_TEMP);
        squares += off * off;
        CLOSE(x * 10, nearbyint(x * 10), 2e-3);
        assert_int_equal(shown(&rig, 1, BATH_TEMP)->labels, 0);
    }
    CLOSE(sqrt(squares / 4000), 0.4, 0.03);
    rig_fini(&rig);
}

/* Reading or not reading a step leaves the others as they are. */
static void readings_depend_on_their_step_alone(void **state) {
    (void)state;
    struct rig a, b;
    rig_init(&a, NULL);
    rig_init(&b, NULL);
    for (int i = 0; i < 50; i++)
        step(&a);
    for (int i = 0; i < 50; i++)
        plant_step(b.plant);
    plant_sensors_read(&b.sensors);
    for (unsigned pot = 1; pot <= 3; pot++)
        for (unsigned i = 0; i < plant_pot_signal_count; i++)
            assert_true(shown(&a, pot, i)->value == shown(&b, pot, i)->value);
    rig_fini(&a);
    rig_fini(&b);
}

static void each_fault_does_what_it_says(void **state) {
    (void)state;
    static const char *const specs[] = {"spike:line1.pot01.voltage:0:-:3,0.1", "dropout:line1.pot02.voltage:0:-:0.2",
                                        "frozen:line1.pot03.voltage:100:200",  "offset:line1.pot01.bath_temp:100:200:7",
                                        "drift:line1.pot02.bath_temp:0:-:36",  "stuck:line1.pot03.bath_temp:50:-:900",
                                        "noise:line1.pot01.anode_pos:0:-:5",   NULL};
    struct rig rig;
    rig_init(&rig, specs);
    int spikes = 0, missing = 0;
    float frozen = 0;
    double squares = 0;
    for (int i = 1; i <= 3000; i++) {
        step(&rig);
        const struct plant_sensor *v1 = shown(&rig, 1, VOLTAGE), *v2 = shown(&rig, 2, VOLTAGE);
        bool spike = v1->labels & 1u << PLANT_FAULT_SPIKE;
        CLOSE(fabs((double)v1->value - truth(&rig, 1, VOLTAGE)), spike ? 3 : 0, 0.02);
        spikes += spike;
        assert_int_equal(isnan(v2->value) != 0, (v2->labels & 1u << PLANT_FAULT_DROPOUT) != 0);
        missing += isnan(v2->value) != 0;

        if (i == 99) frozen = shown(&rig, 3, VOLTAGE)->value;
        if (i >= 100 && i < 300) {
            assert_true(shown(&rig, 3, VOLTAGE)->value == frozen);
            assert_int_equal(shown(&rig, 3, VOLTAGE)->labels, 1u << PLANT_FAULT_FROZEN);
            CLOSE((double)shown(&rig, 1, BATH_TEMP)->value - truth(&rig, 1, BATH_TEMP), 7, 2.5);
        }
        if (i >= 50) assert_true(shown(&rig, 3, BATH_TEMP)->value == 900);
        CLOSE((double)shown(&rig, 2, BATH_TEMP)->value - truth(&rig, 2, BATH_TEMP), 36.0 * i / 3600, 2.5);
        squares += pow((double)shown(&rig, 1, ANODE_POS)->value - truth(&rig, 1, ANODE_POS), 2);
    }
    BETWEEN(spikes, 250, 350);
    BETWEEN(missing, 520, 680);
    assert_true(shown(&rig, 3, VOLTAGE)->value != frozen);
    assert_int_equal(shown(&rig, 1, BATH_TEMP)->labels, 0);
    CLOSE(sqrt(squares / 3000), 5, 0.3);
    rig_fini(&rig);
}

static void faults_leave_the_pots_alone(void **state) {
    (void)state;
    static const char *const specs[] = {"stuck:*.voltage:0:-:9", "dropout:*:0:-", NULL};
    struct rig a, b;
    rig_init(&a, NULL);
    rig_init(&b, specs);
    for (int i = 0; i < 600; i++) {
        step(&a);
        step(&b);
    }
    assert_memory_equal(a.plant->lines[0].pots, b.plant->lines[0].pots, 3 * sizeof(struct plant_pot));
    rig_fini(&a);
    rig_fini(&b);
}

static void labels_as_text(void **state) {
    (void)state;
    char text[64];
    plant_sensor_labels(text, sizeof text, 0);
    assert_string_equal(text, "");
    plant_sensor_labels(text, sizeof text, 1u << PLANT_FAULT_SPIKE | 1u << PLANT_FAULT_DRIFT);
    assert_string_equal(text, "spike+drift");
}

static void pot_faults_begin_and_end(void **state) {
    (void)state;
    static const char *const specs[] = {"roll:line1.pot01:10:20:40", "starve:line2.pot*:5:-", "effect:line1.pot03:30",
                                        NULL};
    struct rig rig;
    rig_init(&rig, specs);
    for (int i = 0; i < 15; i++)
        step(&rig);
    CLOSE(rig.plant->lines[0].pots[0].noise.roll, 0.040, 1e-12);
    assert_int_equal(plant_feeders_blocked(&rig.plant->lines[1].pots[2].feeders, 15), 15);
    assert_int_equal(plant_feeders_blocked(&rig.plant->lines[0].pots[2].feeders, 15), 0);
    for (int i = 0; i < 20; i++)
        step(&rig);
    assert_true(rig.plant->lines[0].pots[0].noise.roll == 0);
    assert_true(rig.plant->lines[0].pots[2].effect.on);
    assert_int_equal(plant_effects(&rig.plant->lines[0]), 1);
    rig_fini(&rig);
}

static void faults_of_nobody_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        bool good;
    } known[] = {
        {"frozen:line1.pot03.voltage:0", true},  {"frozen:line1.pot04.voltage:0", false},
        {"frozen:line1.pot01:0", false},         {"starve:line2.pot01:0", true},
        {"starve:line2.pot01.voltage:0", false}, {"frozen:line2.line_voltage:0", true},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *const specs[] = {known[i].spec, NULL};
        char why[256];
        struct rig rig;
        rig_init(&rig, specs);
        assert_int_equal(plant_disturb_check(&rig.faults, rig.plant, why, sizeof why), known[i].good);
        rig_fini(&rig);
    }
}

static void names_are_padded(void **state) {
    (void)state;
    char name[PLANT_NAME];
    plant_name(name, 3, 7, 20, "voltage");
    assert_string_equal(name, "line3.pot07.voltage");
    plant_name(name, 12, 7, 150, NULL);
    assert_string_equal(name, "line12.pot007");
    plant_name(name, 1, 0, 20, "line_current");
    assert_string_equal(name, "line1.line_current");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_and_resolution),
        cmocka_unit_test(readings_depend_on_their_step_alone),
        cmocka_unit_test(each_fault_does_what_it_says),
        cmocka_unit_test(faults_leave_the_pots_alone),
        cmocka_unit_test(labels_as_text),
        cmocka_unit_test(pot_faults_begin_and_end),
        cmocka_unit_test(faults_of_nobody_are_refused),
        cmocka_unit_test(names_are_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
