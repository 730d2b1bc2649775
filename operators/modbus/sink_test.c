/* sink.modbus in a harness against a correct device of libmodbus, and against the same device when it is away. */
#include <math.h>
#include <modbus/modbus.h>
#include <time.h>
#include <unistd.h>

#include "../testing.h"
#include "testing/server.h"

static struct server oracle;
static modbus_t *other;

static int setup(void **state) {
    (void)state;
    server_start(&oracle, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    other = modbus_new_tcp("127.0.0.1", oracle.port);
    return modbus_connect(other);
}

static int teardown(void **state) {
    (void)state;
    modbus_close(other);
    modbus_free(other);
    server_kill(&oracle);
    return 0;
}

struct sink {
    struct pl_harness *h;
    uint64_t id;
    char events[1 << 15];
};

static struct sink *sink_new(const char *more) {
    struct sink *sink = calloc(1, sizeof *sink);
    struct pl_error *error = NULL;
    char options[1024];
    snprintf(options, sizeof options,
             "{endpoint: '127.0.0.1:%u', deadline: 2s, timeout: 300ms, backoff: 5ms, registers: ["
             "{tag: p.word, address: 10, type: int16, scale: 0.1}, {tag: p.float, address: 12, type: float32, "
             "tolerance: 1e-4},"
             "{tag: p.low, address: 16, type: uint32, words: little}, {tag: p.coil, address: 5, table: coil},"
             "{tag: p.switched, address: 20, type: uint16, manual: 21}]%s}",
             oracle.port, more);
    sink->h = pl_harness_new("sink.modbus", options, PL_SETPOINTS, &error);
    if (!sink->h) fail_msg("%s", pl_error_text(error));
    pl_harness_self(sink->h);
    return sink;
}

static void sink_free(struct sink *sink) {
    if (pl_harness_failure(sink->h)) fail_msg("%s", pl_harness_failure(sink->h));
    pl_harness_free(sink->h);
    free(sink);
}

static void pull(struct sink *sink) {
    for (struct pl_batch *b; (b = pl_harness_pull(sink->h, 0)); pl_batch_unref(b))
        for (uint32_t i = 0; i < b->rows; i++) {
            uint32_t length;
            const void *body = pl_batch_heap_row(b, 0, i, &length);
            char *json = pl_pack_json(body, length);
            size_t used = strlen(sink->events);
            snprintf(sink->events + used, sizeof sink->events - used, "%s %s %s\n",
                     pl_tags_get(pl_harness_tags(sink->h), b->events.kind[i])->name,
                     pl_tags_get(pl_harness_tags(sink->h), b->events.tag[i])->name, json);
            pl_free(json);
        }
}

static void give_at(struct sink *sink, const char *tag, double value, pl_time lasts, pl_time age) {
    struct pl_batch *b = pl_batch_new(PL_SETPOINTS, 1, 4);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pl_time time = (pl_time)now.tv_sec * PL_SECOND + now.tv_nsec - age;
    b->header->receive_time = time;
    b->setpoints.time[0] = time;
    b->setpoints.id[0] = ++sink->id;
    b->setpoints.tag[0] = pl_harness_tag(sink->h, tag);
    b->setpoints.value[0] = value;
    b->setpoints.lower[0] = b->setpoints.upper[0] = 0;
    b->setpoints.expiry[0] = time + lasts;
    b->setpoints.token[0] = 1;
    b->setpoints.origin[0] = pl_harness_tag(sink->h, "test");
    b->setpoints.end[0] = 0;
    b->rows = 1;
    assert_int_equal(pl_harness_push(sink->h, 0, b), PL_FLOW_OK);
}

static void give(struct sink *sink, const char *tag, double value, pl_time lasts) {
    give_at(sink, tag, value, lasts, 0);
}

static void turn(struct sink *sink, int times) {
    for (int i = 0; i < times; i++) {
        pl_harness_turn(sink->h);
        usleep(1000);
    }
}

static void until(struct sink *sink, const char *text) {
    for (int i = 0; i < 30000 && !strstr(sink->events, text); i++) {
        pl_harness_turn(sink->h);
        pull(sink);
        usleep(1000);
    }
    if (!strstr(sink->events, text)) fail_msg("no '%s' in:\n%s", text, sink->events);
    sink->events[0] = 0;
}

static uint16_t word(int address) {
    uint16_t value = 0;
    assert_int_equal(modbus_read_registers(other, address, 1, &value), 1);
    return value;
}

static void values_arrive(void **state) {
    (void)state;
    struct sink *sink = sink_new("");
    give(sink, "p.word", -12.3, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    assert_int_equal((int16_t)word(10), -123);
    give(sink, "p.float", 43.25, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.float");
    assert_int_equal(word(12), 0x422D);
    assert_int_equal(word(13), 0);
    give(sink, "p.low", 65536 * 3 + 2, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.low");
    assert_int_equal(word(16), 2);
    assert_int_equal(word(17), 3);
    give(sink, "p.coil", 1, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.coil");
    uint8_t bit;
    assert_int_equal(modbus_read_bits(other, 5, 1, &bit), 1);
    assert_int_equal(bit, 1);
    give(sink, "p.word", 4000, 5 * PL_SECOND);
    until(sink, "setpoint.refused p.word");
    give(sink, "p.coil", 0.5, 5 * PL_SECOND);
    until(sink, "its type cannot hold the value");
    give(sink, "p.nobody", 1, 5 * PL_SECOND);
    until(sink, "setpoint.unmapped p.nobody");
    sink_free(sink);
}

static void the_device_may_be_in_manual(void **state) {
    (void)state;
    struct sink *sink = sink_new("");
    assert_int_equal(modbus_write_register(other, 21, 1), 1);
    assert_int_equal(modbus_write_register(other, 20, 7), 1);
    give(sink, "p.switched", 9, 5 * PL_SECOND);
    until(sink, "the device is in manual");
    assert_int_equal(word(20), 7);
    assert_int_equal(modbus_write_register(other, 21, 0), 1);
    give(sink, "p.switched", 9, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.switched");
    assert_int_equal(word(20), 9);
    sink_free(sink);
}

static void what_stands_there_is_not_written_again(void **state) {
    (void)state;
    struct sink *sink = sink_new("");
    give(sink, "p.word", 5, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    give(sink, "p.word", 5, 5 * PL_SECOND);
    for (int i = 0; i < 30000 && pl_harness_counter(sink->h, "renewed") == 0; i++) {
        pl_harness_turn(sink->h);
        usleep(1000);
    }
    assert_int_equal(pl_harness_counter(sink->h, "verified"), 1);
    assert_int_equal(modbus_write_register(other, 10, 1), 1); /* somebody else has */
    give(sink, "p.word", 5, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    assert_int_equal(word(10), 50);
    sink_free(sink);
}

static void nothing_is_written_late(void **state) {
    (void)state;
    struct sink *sink = sink_new("");
    give(sink, "p.word", 5, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    server_pause(&oracle);
    give(sink, "p.word", 6, 200 * PL_MILLISECOND);
    give(sink, "p.float", 7, 30 * PL_SECOND);
    give(sink, "p.low", 8, 30 * PL_SECOND);
    give(sink, "p.low", 9, 30 * PL_SECOND);
    until(sink, "setpoint.expired p.word");
    give(sink, "p.low", NAN, 0);
    until(sink, "setpoint.withdrawn p.low");
    until(sink, "setpoint.failed p.float");
    server_continue(&oracle);
    give(sink, "p.coil", 0, 30 * PL_SECOND);
    for (int i = 0; i < 30000 && !strstr(sink->events, "setpoint.verified p.coil"); i++) {
        pl_harness_turn(sink->h);
        pull(sink);
        if (strstr(sink->events, "setpoint.failed p.coil")) { /* it was not back in time */
            sink->events[0] = 0;
            give(sink, "p.coil", 0, 30 * PL_SECOND);
        }
        usleep(1000);
    }
    assert_int_equal(word(10), 50);
    assert_true(word(16) != 9 && word(16) != 8);
    sink_free(sink);
}

static void hearts_beat_while_there_is_a_pulse(void **state) {
    (void)state;
    struct sink *sink = sink_new(", heartbeats: [{address: 30}], heartbeat: 10ms, pulse: safe.pulse");
    give(sink, "safe.pulse", 1, 300 * PL_MILLISECOND);
    until(sink, "heartbeat.given");
    uint16_t first = word(30);
    for (int i = 0; i < 30000 && word(30) == first; i++) {
        pl_harness_turn(sink->h);
        usleep(1000);
    }
    assert_true(word(30) != first);
    until(sink, "heartbeat.stopped");
    sink_free(sink);
}

static void a_late_pulse_is_none(void **state) {
    (void)state;
    struct sink *sink = sink_new(", heartbeats: [{address: 30}], heartbeat: 10ms, pulse: safe.pulse");
    give_at(sink, "safe.pulse", 1, 3 * PL_SECOND, PL_MINUTE);
    give(sink, "p.word", 3, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    turn(sink, 50);
    assert_int_equal(pl_harness_counter(sink->h, "heartbeats"), 0);
    give(sink, "safe.pulse", 1, 3 * PL_SECOND);
    until(sink, "heartbeat.given");
    sink_free(sink);
}

static void who_may_not_act_writes_nothing(void **state) {
    (void)state;
    struct sink *sink = sink_new(", heartbeats: [{address: 30}], heartbeat: 10ms");
    give(sink, "p.word", 5, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    pl_harness_owns(sink->h, false);
    turn(sink, 50); /* what is under way arrives */
    uint16_t beat = word(30);
    give(sink, "p.word", 6, 200 * PL_MILLISECOND);
    until(sink, "setpoint.expired p.word");
    assert_int_equal(word(10), 50);
    assert_int_equal(word(30), beat);
    pl_harness_owns(sink->h, true);
    give(sink, "p.word", 6, 5 * PL_SECOND);
    until(sink, "setpoint.verified p.word");
    sink_free(sink);
}

static void refuses_what_makes_no_sense(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"registers: []", "at least one register"},
        {"registers: [{tag: a.b, address: 1, type: float32}, {tag: a.c, address: 2}]", "it overlaps with another row"},
        {"registers: [{tag: a.b, address: 1}, {tag: a.b, address: 2}]", "it is there already"},
        {"registers: [{tag: a.b, address: 65535, type: float32}]", "reaches beyond 65535"},
        {"registers: [{tag: a.b, address: 1, scale: 0}]", "a scale of 0"},
        {"registers: [{tag: a.b, address: 1}], pulse: x", "there are no heartbeats"},
        {"registers: [{tag: a.b, address: 1, type: float32}], heartbeats: [{address: 2}]", "a.b or its switch"},
        {"registers: [{tag: a.b, address: 1, manual: 9}], heartbeats: [{address: 9, unit: 1}]", "a.b or its switch"},
        {"registers: [{tag: a.b, address: 1}], heartbeats: [{address: 9}, {address: 9, unit: 1}]", "there already"},
        {"registers: [{tag: a.b, address: 1}], timeout: 5s", "longer than a set point"},
        {"registers: [{tag: a.b, address: 1, manual_bit: 3}]", "only a register has bits"},
    };
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        char options[256];
        snprintf(options, sizeof options, "{endpoint: '127.0.0.1:1', %s}", wrong[i][0]);
        char *text = test_refusal("sink.modbus", options);
        if (!strstr(text, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], text);
        pl_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(the_device_may_be_in_manual),
        cmocka_unit_test(what_stands_there_is_not_written_again),
        cmocka_unit_test(nothing_is_written_late),
        cmocka_unit_test(hearts_beat_while_there_is_a_pulse),
        cmocka_unit_test(a_late_pulse_is_none),
        cmocka_unit_test(who_may_not_act_writes_nothing),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
