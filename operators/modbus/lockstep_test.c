/* A plant that owns time: every step exactly once, whatever happens to the connection. */
#include <math.h>
#include <modbus/modbus.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "testing/cmocka_first.h"
#include "testing/plc.h"
#include "testing/server.h"

#define START INT64_C(1700000000000000000)
#define STEP (10 * PL_SECOND)

static struct server plant;
static struct plc plc;
static uint32_t expected; /* step */

static void begin_slow(const char *more, const char *reads) {
    server_start(&plant, MODBUS_ORACLE, 0, "lockstep", "10000000000", reads);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 50ms\ntimeout: 5s\nbackoff: 1ms\nbackoff_max: 5ms\n"
             "clock: { table: input, time: 0, step: 4, acknowledge: 0 }\n"
             "registers: [{ tag: plant.step, address: 100, type: uint32 }, { tag: fixed, address: 500 }%s]\n",
             plant.port, more);
    expected = 1;
}

static void begin(const char *more) {
    begin_slow(more, NULL);
}

static void end(void) {
    plc_close(&plc);
    server_kill(&plant);
}

static void check_next(void) {
    plc_next(&plc);
    assert_true(plc_value(&plc, "plant.step") == expected);
    assert_true(plc_value(&plc, "fixed") == pattern_holding(500));
    for (uint32_t row = 0; row < plc.samples->rows; row++)
        assert_true(plc.samples->samples.time[row] == START + (int64_t)(expected - 1) * STEP);
    assert_int_equal(plc_quality(&plc, "plant.step"), PL_Q_GOOD);
    expected++;
}

static void test_every_step_once_with_the_plant_s_time(void **state) {
    (void)state;
    begin("");
    while (expected <= 2000)
        check_next();
    assert_int_equal(plc_count(&plc, "polls"), 2000);
    assert_int_equal(plc_count(&plc, "overruns"), 0);
    end();
}

/* The plant makes no step that was not taken: while nobody produces it stands still. */
static void test_the_plant_waits_for_us(void **state) {
    (void)state;
    begin("");
    check_next();
    modbus_t *other = modbus_new_tcp("127.0.0.1", plant.port);
    assert_int_equal(modbus_connect(other), 0);
    uint16_t step[2];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(modbus_read_input_registers(other, 4, 2, step), 2);
        assert_true(step[1] <= expected);
    }
    modbus_close(other);
    modbus_free(other);
    check_next();
    end();
}

static void test_broken_connections_lose_and_repeat_nothing(void **state) {
    (void)state;
    begin("");
    srand(11);
    while (expected <= 1500) {
        if (rand() % 5 == 0) kill(plant.pid, SIGUSR1);
        check_next();
    }
    assert_true(plc_count(&plc, "losses") > 50);
    end();
}

static void test_a_plant_that_stands_still_for_a_while(void **state) {
    (void)state;
    begin("");
    check_next();
    for (int i = 0; i < 3; i++) {
        server_pause(&plant);
        assert_int_equal(pl_harness_produce(plc.harness, 100 * PL_MILLISECOND) == PL_FLOW_FAIL, 0);
        server_continue(&plant);
        check_next();
    }
    end();
}

/* The plant takes its time for a step: it is asked again, at growing distances, and nothing is emitted twice. */
static void test_a_plant_that_is_slower_than_we(void **state) {
    (void)state;
    begin_slow("", "4");
    while (expected <= 50)
        check_next();
    assert_int_equal(plc_count(&plc, "polls"), 50);
    assert_true(plc_count(&plc, "requests") >= 49 * 8);
    end();
}

/* A refused range is the same in every run: stale, and the step is taken all the same. */
static void test_a_refused_range_does_not_hold_the_plant(void **state) {
    (void)state;
    begin(", { tag: refused, address: 2000, table: input }");
    for (int i = 0; i < 20; i++) {
        check_next();
        assert_int_equal(plc_quality(&plc, "refused"), PL_Q_BAD | PL_Q_STALE | PL_Q_MISSING);
        assert_true(isnan(plc_value(&plc, "refused")));
    }
    assert_int_equal(plc_events(&plc, "modbus.exception refused"), 1);
    end();
}

static void test_a_plant_that_starts_anew(void **state) {
    (void)state;
    begin("");
    while (expected <= 10)
        check_next();
    server_kill(&plant);
    server_start(&plant, MODBUS_ORACLE, plant.port, "lockstep", "10000000000", NULL);
    expected = 1;
    while (expected <= 10)
        check_next();
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step_once_with_the_plant_s_time),
        cmocka_unit_test(test_the_plant_waits_for_us),
        cmocka_unit_test(test_broken_connections_lose_and_repeat_nothing),
        cmocka_unit_test(test_a_plant_that_stands_still_for_a_while),
        cmocka_unit_test(test_a_plant_that_is_slower_than_we),
        cmocka_unit_test(test_a_refused_range_does_not_hold_the_plant),
        cmocka_unit_test(test_a_plant_that_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
