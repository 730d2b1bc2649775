#include "../model/testing.h"
#include "options.h"

static char why[512];

static bool parse(struct plant_cli *cli, const char *line) {
    static char copy[512];
    char *argv[32] = {"potline-plant"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word && argc < 31; word = strtok(NULL, " "))
        argv[argc++] = word;
    return plant_cli_parse(cli, argc, argv, why, sizeof why);
}

static void defaults(void **state) {
    (void)state;
    struct plant_cli cli;
    assert_true(parse(&cli, ""));
    assert_int_equal(cli.plant.lines, 3);
    assert_int_equal(cli.plant.pots, 20);
    assert_int_equal(cli.pace, PLANT_PACED);
    assert_string_equal(cli.listen, "127.0.0.1:1502");
    assert_true(cli.lasts == 0);
    assert_true(cli.plant.start > 1735689600 * PLANT_SECOND); /* now */
    plant_cli_fini(&cli);
}

static void pace_and_start_go_together(void **state) {
    (void)state;
    struct plant_cli cli;
    assert_true(parse(&cli, "--no-server --for 30d"));
    assert_int_equal(cli.pace, PLANT_FREE);
    assert_null(cli.listen);
    assert_true(cli.plant.start == 1735689600 * PLANT_SECOND);
    assert_true(cli.lasts == 30 * 86400 * PLANT_SECOND);
    assert_true(parse(&cli, "--speed 60"));
    assert_true(cli.pace == PLANT_PACED && cli.speed == 60);
    assert_true(cli.plant.start == 1735689600 * PLANT_SECOND);
    assert_true(parse(&cli, "--speed max"));
    assert_int_equal(cli.pace, PLANT_FREE);
    assert_true(parse(&cli, "--lockstep=all --start @5"));
    assert_int_equal(cli.pace, PLANT_LOCKSTEP_ALL);
    assert_true(cli.plant.start == 5 * PLANT_SECOND);
    assert_true(parse(&cli, "--no-server --speed 2"));
    assert_int_equal(cli.pace, PLANT_PACED);
    assert_true(parse(&cli, "--port 0"));
    assert_string_equal(cli.listen, "127.0.0.1:0");
}

static void faults_are_collected(void **state) {
    (void)state;
    struct plant_cli cli;
    assert_true(
        parse(&cli, "--fault frozen:*.voltage:0:1h --fault spike:*.noise:0:-:5 --anode-effect line1.pot07@20s"));
    assert_int_equal(cli.faults.count, 3);
    plant_cli_fini(&cli);
}

static void wrong_usage_is_explained(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"--lines 0", "--lines"},
        {"--lines 1000", "--lines"},
        {"--pots x", "--pots"},
        {"--pots -1", "--pots"},
        {"--seed 1.5", "--seed"},
        {"--step 1h", "out of range"},
        {"--step soon", "--step"},
        {"--for x", "--for"},
        {"--for 0", "out of range"},
        {"--speed fast", "--speed"},
        {"--speed -1", "--speed"},
        {"--lockstep=some", "=all"},
        {"--lockstep --speed 2", "exclude"},
        {"--lockstep --no-server", "--no-server"},
        {"--start soon", "--start"},
        {"--fault boom", "boom"},
        {"--faults /nowhere/at/all", "/nowhere"},
        {"--print-map=some", "--print-map"},
        {"--port 70000", "--port"},
        {"something", "something"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct plant_cli cli;
        assert_false(parse(&cli, wrong[i][0]));
        if (!strstr(why, wrong[i][1])) fail_msg("%s: '%s' says nothing of '%s'", wrong[i][0], why, wrong[i][1]);
        plant_cli_fini(&cli);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(pace_and_start_go_together),
        cmocka_unit_test(faults_are_collected),
        cmocka_unit_test(wrong_usage_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
