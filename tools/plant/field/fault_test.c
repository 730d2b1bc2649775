#include "../model/testing.h"
#include "fault.h"
#include "units.h"

static char why[256];

static void specs_are_understood(void **state) {
    (void)state;
    struct plant_faults f = {0};
    assert_true(plant_faults_add(&f, "spike:*.voltage:10m:1h:0.5,0.02", why, sizeof why));
    assert_true(plant_faults_add(&f, "frozen:line1.pot07.bath_temp:0:-", why, sizeof why));
    assert_true(plant_faults_add(&f, "dropout:*:5s::0.1", why, sizeof why));
    assert_true(plant_faults_add(&f, "starve:line2.pot*:1d:2h", why, sizeof why));
    assert_true(plant_faults_add_effect(&f, "line1.pot07@20s", why, sizeof why));
    assert_true(plant_faults_add_effect(&f, "line1.pot08@1h:starve", why, sizeof why));
    assert_int_equal(f.count, 6);
    assert_int_equal(f.items[0].kind, PLANT_FAULT_SPIKE);
    assert_true(f.items[0].from == 600 && f.items[0].until == 4200 && f.items[0].arg == 0.5);
    assert_true(f.items[0].chance == 0.02);
    assert_true(isinf(f.items[1].until));
    assert_true(f.items[2].chance == 0.1);
    assert_int_equal(f.items[4].kind, PLANT_FAULT_EFFECT);
    assert_int_equal(f.items[5].kind, PLANT_FAULT_STARVE);
    assert_string_equal(f.items[5].glob, "line1.pot08");
    plant_faults_fini(&f);
}

static void nonsense_is_refused_with_a_reason(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"spikes:*.voltage:0:1h:0.5", "no kind of fault"},
        {"spike", "is wanted"},
        {"spike:", "is wanted"},
        {"spike:*:0:1h", "takes a number"},
        {"spike:*:0:1h:x", "takes a number"},
        {"spike:*:0:1h:1,2", "probability"},
        {"spike:*:0:1h:1,0.5z", "too much"},
        {"spike:*:soon:1h:1", "no duration"},
        {"spike:*:0:later:1", "no duration"},
        {"frozen:*:0:1h:3", "no argument"},
        {"drift:*:0:1h:inf", "takes a number"},
        {"offset:*:0:1h:1:2", "found more"},
    };
    struct plant_faults f = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(plant_faults_add(&f, wrong[i][0], why, sizeof why));
        if (!strstr(why, wrong[i][1])) fail_msg("%s: '%s' says nothing of '%s'", wrong[i][0], why, wrong[i][1]);
    }
    assert_false(plant_faults_add_effect(&f, "line1.pot07", why, sizeof why));
    assert_false(plant_faults_add_effect(&f, "line1.pot07@x", why, sizeof why));
    assert_false(plant_faults_add_effect(&f, "line1.pot07@1s:boom", why, sizeof why));
    assert_int_equal(f.count, 0);
    plant_faults_fini(&f);
}

static void files_have_comments_and_line_numbers(void **state) {
    (void)state;
    char path[] = "/tmp/plant-faults-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs("# sensors\n\n  frozen:*.noise:1m:5m\nnoise:*.voltage:0:-:0.01\n", file);
    fclose(file);
    struct plant_faults f = {0};
    assert_true(plant_faults_load(&f, path, why, sizeof why));
    assert_int_equal(f.count, 2);

    file = fopen(path, "a");
    fputs("wobble:*:0:1\n", file);
    fclose(file);
    assert_false(plant_faults_load(&f, path, why, sizeof why));
    assert_non_null(strstr(why, ":5: 'wobble'"));
    remove(path);
    assert_false(plant_faults_load(&f, path, why, sizeof why));
    plant_faults_fini(&f);
}

static void durations_and_times(void **state) {
    (void)state;
    int64_t ns;
    assert_true(plant_duration_parse("90", &ns) && ns == 90 * INT64_C(1000000000));
    assert_true(plant_duration_parse("1h30m", &ns) && ns == 5400 * INT64_C(1000000000));
    assert_true(plant_duration_parse("250ms", &ns) && ns == 250000000);
    assert_true(plant_duration_parse("1.5d", &ns) && ns == 129600 * INT64_C(1000000000));
    assert_false(plant_duration_parse("", &ns));
    assert_false(plant_duration_parse("1x", &ns));
    assert_false(plant_duration_parse("-1s", &ns));
    assert_false(plant_duration_parse("1h30", &ns));
    assert_true(plant_instant_parse("2025-01-01", &ns) && ns == 1735689600 * INT64_C(1000000000));
    assert_true(plant_instant_parse("2025-01-01T06:00:00Z", &ns) && ns == 1735711200 * INT64_C(1000000000));
    assert_true(plant_instant_parse("@5", &ns) && ns == 5000000000);
    assert_true(plant_instant_parse("5", &ns) && ns == 5);
    assert_false(plant_instant_parse("2025-13-01", &ns));
    assert_false(plant_instant_parse("2025-01-01T06:00:00+01:00", &ns));
    assert_false(plant_instant_parse("yesterday", &ns));
    char text[32];
    plant_instant_format(text, sizeof text, 1735711200 * INT64_C(1000000000));
    assert_string_equal(text, "2025-01-01T06:00:00Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_are_understood),
        cmocka_unit_test(nonsense_is_refused_with_a_reason),
        cmocka_unit_test(files_have_comments_and_line_numbers),
        cmocka_unit_test(durations_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
