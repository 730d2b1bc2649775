/* source.modbus as the engine drives it, on devices in processes of their own. */
#include <math.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing/cmocka_first.h"
#include "testing/plc.h"
#include "testing/server.h"

enum { UNCERTAIN_STALE = PL_Q_UNCERTAIN | PL_Q_STALE, BAD_STALE = PL_Q_BAD | PL_Q_STALE };
enum { NOTHING = PL_Q_BAD | PL_Q_STALE | PL_Q_MISSING };

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

/* ---- Values ---- */

static void write_float_abcd(int address, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t registers[] = {(uint16_t)(bits >> 16), (uint16_t)bits};
    assert_int_equal(modbus_write_registers(other, address, 2, registers), 2);
}

static void write_words(int address, uint64_t bits, int count, bool words_little, bool bytes_little) {
    uint16_t registers[4];
    for (int i = 0; i < count; i++) {
        unsigned word = (unsigned)(bits >> 16 * (count - 1 - i)) & 0xFFFF;
        if (bytes_little) word = (word << 8 | word >> 8) & 0xFFFF;
        registers[words_little ? count - 1 - i : i] = (uint16_t)word;
    }
    assert_int_equal(modbus_write_registers(other, address, count, registers), count);
}

static void test_every_type_and_order(void **state) {
    (void)state;
    static const struct {
        const char *type;
        int registers;
        uint64_t bits;
        double value;
    } kind[] = {
        {"int16", 1, 0xFFD6, -42},
        {"uint16", 1, 0xFFD6, 65494},
        {"int32", 2, 0xFFFE1DC1, -123455},
        {"uint32", 2, 0xFFFE1DC1, 4294843841},
        {"int64", 4, 0xFFFFFFFFFFFFFF85, -123},
        {"uint64", 4, 0x0000010000000001, 1099511627777},
        {"float32", 2, 0xC0490FDB, -3.14159274101257324},
        {"float64", 4, 0x400921FB54442D18, 3.14159265358979312},
    };
    static const char *const order[] = {"big", "little"};
    char map[8192] = "";
    int address = 20000;
    for (size_t k = 0; k < PL_COUNT_OF(kind); k++)
        for (int o = 0; o < 4; o++, address += kind[k].registers) {
            write_words(address, kind[k].bits, kind[k].registers, o & 1, o & 2);
            sprintf(map + strlen(map), "  - { tag: %s.o%d, address: %d, type: %s, words: %s, bytes: %s }\n",
                    kind[k].type, o, address, kind[k].type, order[o & 1], order[o >> 1]);
        }
    struct plc plc;
    plc_open(&plc, "endpoint: 127.0.0.1:%d\npoll: 20ms\ntimeout: 10s\nregisters:\n%s", oracle.port, map);
    plc_next(&plc);
    assert_int_equal(plc.samples->rows, 4 * PL_COUNT_OF(kind));
    for (size_t k = 0; k < PL_COUNT_OF(kind); k++)
        for (int o = 0; o < 4; o++) {
            char tag[32];
            sprintf(tag, "%s.o%d", kind[k].type, o);
            assert_int_equal(plc_quality(&plc, tag), PL_Q_GOOD);
            assert_true(plc_value(&plc, tag) == kind[k].value);
        }
    assert_int_equal(plc_count(&plc, "requests"), 1); /* they all touch: one request of 72 registers */
    plc_close(&plc);
}

static void test_tables_bits_scale_and_the_node_s_order(void **state) {
    (void)state;
    struct plc plc;
    write_words(20100, 0x41424344, 2, true, false);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 20ms\ntimeout: 10s\nwords: little\nregisters:\n"
             "  - { tag: h, address: 7 }\n"
             "  - { tag: i, address: 7, table: input, scale: 0.1, offset: -5 }\n"
             "  - { tag: c0, address: 5, table: coil }\n"
             "  - { tag: c1, address: 6, table: coil, type: bool, scale: 100 }\n"
             "  - { tag: d0, address: 4, table: discrete }\n"
             "  - { tag: d1, address: 5, table: discrete }\n"
             "  - { tag: any, address: 7, type: bool }\n"
             "  - { tag: bit2, address: 7, type: bool, bit: 2 }\n"
             "  - { tag: bit3, address: 7, type: bool, bit: 3 }\n"
             "  - { tag: node, address: 20100, type: uint32 }\n"
             "  - { tag: row, address: 20100, type: uint32, words: big }\n",
             oracle.port);
    plc_next(&plc);
    assert_true(plc_value(&plc, "h") == pattern_holding(7));
    assert_true(plc_value(&plc, "i") == pattern_input(7) * 0.1 - 5);
    assert_true(plc_value(&plc, "c0") == pattern_coil(5));
    assert_true(plc_value(&plc, "c1") == 100 * pattern_coil(6));
    assert_int_not_equal(pattern_discrete(4), pattern_discrete(5));
    assert_true(plc_value(&plc, "d0") == pattern_discrete(4));
    assert_true(plc_value(&plc, "d1") == pattern_discrete(5));
    assert_true(plc_value(&plc, "any") == 1);
    assert_true(plc_value(&plc, "bit2") == (pattern_holding(7) >> 2 & 1));
    assert_true(plc_value(&plc, "bit3") == (pattern_holding(7) >> 3 & 1));
    assert_true(plc_value(&plc, "node") == 0x41424344);
    assert_true(plc_value(&plc, "row") == 0x43444142);
    plc_close(&plc);
}

static void test_what_is_no_number_is_missing(void **state) {
    (void)state;
    struct plc plc;
    write_float_abcd(20200, NAN);
    write_float_abcd(20202, INFINITY);
    write_float_abcd(20204, 4.25f);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 10ms\ntimeout: 10s\nregisters:\n"
             "  - { tag: nan, address: 20200, type: float32 }\n"
             "  - { tag: inf, address: 20202, type: float32 }\n"
             "  - { tag: good, address: 20204, type: float32 }\n",
             oracle.port);
    plc_next(&plc);
    assert_true(isnan(plc_value(&plc, "nan")) && isnan(plc_value(&plc, "inf")));
    assert_int_equal(plc_quality(&plc, "nan"), PL_Q_BAD | PL_Q_MISSING);
    assert_int_equal(plc_quality(&plc, "inf"), PL_Q_BAD | PL_Q_MISSING);
    assert_int_equal(plc_quality(&plc, "good"), PL_Q_GOOD);
    assert_true(plc_value(&plc, "good") == 4.25);
    assert_true(plc_count(&plc, "missing") >= 2);
    write_float_abcd(20200, 1.5f);
    assert_true(plc_until(&plc, "nan", PL_Q_GOOD) == 1.5);
    plc_close(&plc);
}

static void test_the_map_from_a_csv_file(void **state) {
    (void)state;
    char path[] = "/tmp/modbus_map_XXXXXX.csv";
    int fd = mkstemps(path, 4);
    FILE *file = fdopen(fd, "w");
    fputs("tag,address,type,table,scale,offset,unit,description\n"
          "line1.pot01.voltage,100,uint16,holding,0.001,0,1,Cell voltage\n"
          "line1.pot01.current,101,uint16,input,1,0,2,\"Line current, kA\"\n"
          "line1.pot01.crust,3,bool,coil,1,0,1,\n",
          file);
    fclose(file);
    struct plc plc;
    plc_open(&plc, "endpoint: 127.0.0.1:%d\npoll: 10ms\ntimeout: 10s\nregisters: %s\n", oracle.port, path);
    plc_next(&plc);
    unlink(path);
    assert_int_equal(plc.samples->rows, 3);
    assert_true(plc_value(&plc, "line1.pot01.voltage") == pattern_holding(100) * 0.001);
    assert_true(plc_value(&plc, "line1.pot01.current") == pattern_input(101));
    assert_true(plc_value(&plc, "line1.pot01.crust") == pattern_coil(3));
    plc_close(&plc);
}

static void test_a_map_of_ten_thousand_tags(void **state) {
    (void)state;
    enum { TAGS = 10000 };
    static char map[TAGS * 64];
    char *at = map;
    for (int i = 0; i < TAGS; i++)
        at += sprintf(at, "  - { tag: t%d, address: %d }\n", i, 30000 + i);
    struct plc plc;
    plc_open(&plc, "endpoint: 127.0.0.1:%d\npoll: 10s\ntimeout: 5s\nin_flight: 16\nregisters:\n%s", oracle.port, map);
    unsigned rows = 0, batches = 0;
    while (rows < TAGS) {
        const struct pl_batch *batch = plc_next(&plc);
        for (uint32_t i = 0; i < batch->rows; i++, rows++) {
            const char *name = pl_tags_get(pl_harness_tags(plc.harness), batch->samples.tag[i])->name;
            assert_true(batch->samples.value[i] == pattern_holding(30000 + (unsigned)atoi(name + 1)));
            assert_int_equal(batch->samples.quality[i], PL_Q_GOOD);
        }
        batches++;
    }
    assert_int_equal(rows, TAGS);
    assert_int_equal(batches, 3);
    assert_int_equal(plc_count(&plc, "requests"), TAGS / 125);
    plc_close(&plc);
}

/* ---- Time ---- */

static void test_time_of_the_answer(void **state) {
    (void)state;
    struct plc plc;
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 5ms\ntimeout: 10s\nregisters: [{ tag: a, address: 1 }, { tag: b, address: "
             "900 }]\n",
             oracle.port);
    pl_harness_clock(plc.harness, 1000 * PL_SECOND);
    plc_next(&plc);
    assert_true(plc.samples->samples.time[0] == 1000 * PL_SECOND);
    assert_true(plc.samples->header->receive_time == 1000 * PL_SECOND);
    pl_harness_clock(plc.harness, 2000 * PL_SECOND);
    plc_next(&plc);
    plc_next(&plc); /* the poll that was under way may have the old time */
    assert_true(plc.samples->samples.time[1] == 2000 * PL_SECOND);
    plc_close(&plc);
}

static void test_time_of_the_schedule_has_no_drift(void **state) {
    (void)state;
    struct plc plc;
    plc_open(&plc, "endpoint: 127.0.0.1:%d\npoll: 10ms\ntime: schedule\nregisters: [{ tag: a, address: 1 }]\n",
             oracle.port);
    pl_time first = plc_next(&plc)->samples.time[0], last = first;
    for (int i = 1; i < 100; i++) {
        pl_time time = plc_next(&plc)->samples.time[0];
        assert_true(time > last);
        /* On a busy machine a slot may be left out, and the clock may be corrected; the grid stays. */
        pl_time off = (time - first) % (10 * PL_MILLISECOND);
        if (off > 5 * PL_MILLISECOND) off -= 10 * PL_MILLISECOND;
        assert_true(llabs(off) < 2 * PL_MILLISECOND);
        last = time;
    }
    plc_close(&plc);
}

static void test_aligned_to_the_clock(void **state) {
    (void)state;
    struct plc plc;
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 50ms\nalign: true\ntime: schedule\nregisters: [{ tag: a, address: 1 }]\n",
             oracle.port);
    for (int i = 0; i < 10; i++)
        assert_int_equal(plc_next(&plc)->samples.time[0] % (50 * PL_MILLISECOND), 0);
    plc_close(&plc);
}

/* A poll that takes longer than its slot: the slots it runs into are left out and counted, not made up for. */
static void test_overruns_are_counted(void **state) {
    (void)state;
    struct server slow = {0};
    struct plc plc;
    server_start(&slow, MODBUS_ROGUE, 0, "slow", "40", NULL);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 100ms\ntimeout: 10s\nin_flight: 1\ntime: schedule\nregisters:\n"
             "  [{ tag: a, address: 1 }, { tag: b, address: 11 }, { tag: c, address: 21 }, { tag: d, address: 31 },\n"
             "   { tag: e, address: 41 }, { tag: f, address: 51 }]\n",
             slow.port);
    pl_time last = PL_TIME_MIN;
    for (int i = 0; i < 4; i++) {
        plc_next(&plc);
        if (last != PL_TIME_MIN) assert_true(plc.samples->samples.time[0] - last >= 199 * PL_MILLISECOND);
        last = plc.samples->samples.time[0];
    }
    assert_int_equal(plc_count(&plc, "polls"), 4);
    assert_true(plc_count(&plc, "overruns") >= 6);
    plc_close(&plc);
    server_kill(&slow);
}

/* ---- Devices that fail ---- */

static void test_a_dead_device_is_stale_on_schedule_and_comes_back(void **state) {
    (void)state;
    struct server mortal = {0};
    struct plc plc;
    server_start(&mortal, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 20ms\ntimeout: 10s\nstale_after: 300ms\nbackoff: 5ms\nbackoff_max: "
             "20ms\nregisters:\n"
             "  [{ tag: a, address: 1 }, { tag: b, address: 900, table: input }]\n",
             mortal.port);
    assert_true(plc_until(&plc, "a", PL_Q_GOOD) == pattern_holding(1));
    assert_int_equal(plc_events(&plc, "modbus.connected"), 1);
    for (unsigned death = 1; death <= 2; death++) {
        server_kill(&mortal);
        assert_true(plc_until(&plc, "a", UNCERTAIN_STALE) == pattern_holding(1));
        assert_int_equal(plc_quality(&plc, "b"), UNCERTAIN_STALE);
        assert_true(plc_value(&plc, "b") == pattern_input(900));
        pl_time before = plc.samples->samples.time[0];
        plc_next(&plc);
        assert_true(plc.samples->samples.time[0] > before);
        assert_true(plc_until(&plc, "a", BAD_STALE) == pattern_holding(1));
        for (int i = 0; i < 10; i++) {
            plc_next(&plc);
            assert_int_equal(plc_quality(&plc, "a"), BAD_STALE);
        }
        assert_int_equal(plc_events(&plc, "modbus.disconnected"), death);
        server_start(&mortal, MODBUS_ORACLE, mortal.port, NULL, NULL, NULL);
        assert_true(plc_until(&plc, "a", PL_Q_GOOD) == pattern_holding(1));
        assert_int_equal(plc_quality(&plc, "b"), PL_Q_GOOD);
        assert_int_equal(plc_events(&plc, "modbus.connected"), death + 1);
    }
    assert_int_equal(plc_events(&plc, ""), 5);
    assert_true(plc_count(&plc, "stale") >= 40);
    plc_close(&plc);
    server_kill(&mortal);
}

static void test_a_device_that_was_never_there(void **state) {
    (void)state;
    struct server nobody = {0};
    struct plc plc;
    char expected[256];
    server_start(&nobody, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    server_kill(&nobody);
    plc_open(
        &plc,
        "endpoint: 127.0.0.1:%d\npoll: 10ms\nbackoff: 2ms\nbackoff_max: 5ms\nregisters: [{ tag: a, address: 1 }]\n",
        nobody.port);
    for (int i = 0; i < 20; i++) {
        plc_next(&plc);
        assert_true(isnan(plc_value(&plc, "a")));
        assert_int_equal(plc_quality(&plc, "a"), NOTHING);
    }
    sprintf(expected, "modbus.disconnected  {\"endpoint\":\"127.0.0.1:%d\",\"why\":\"connection refused\"}\n",
            nobody.port);
    assert_string_equal(plc.events, expected);
    server_start(&nobody, MODBUS_ORACLE, nobody.port, NULL, NULL, NULL);
    assert_true(plc_until(&plc, "a", PL_Q_GOOD) == pattern_holding(1));
    plc_close(&plc);
    server_kill(&nobody);
}

/* It accepts and hangs up, a hundred times: one event. */
static void test_a_device_that_hangs_up_is_one_event(void **state) {
    (void)state;
    struct server moody = {0};
    struct plc plc;
    server_start(&moody, MODBUS_ROGUE, 0, "close-at-once", NULL, NULL);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 10ms\ntimeout: 10s\nbackoff: 1ms\nbackoff_max: 2ms\n"
             "registers: [{ tag: a, address: 1 }]\n",
             moody.port);
    for (int turn = 0; turn < 3000 && plc_count(&plc, "connects") < 100; turn++) {
        plc_next(&plc);
        assert_int_equal(plc_quality(&plc, "a"), NOTHING);
    }
    assert_true(plc_count(&plc, "connects") >= 100);
    assert_int_equal(plc_events(&plc, ""), 1);
    assert_int_equal(plc_events(&plc, "modbus.disconnected"), 1);
    plc_close(&plc);
    server_kill(&moody);
}

static void test_a_refused_range_touches_only_its_tags(void **state) {
    (void)state;
    struct plc plc;
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 10ms\ntimeout: 10s\nregisters:\n"
             "  [{ tag: good, address: 999, table: input }, { tag: x.refused, address: 1001, table: input },\n"
             "   { tag: x.too, address: 1002, table: input }, { tag: after, address: 5 }]\n",
             oracle.port);
    for (int i = 0; i < 20; i++) {
        plc_next(&plc);
        assert_int_equal(plc_quality(&plc, "good"), PL_Q_GOOD);
        assert_int_equal(plc_quality(&plc, "after"), PL_Q_GOOD);
        assert_int_equal(plc_quality(&plc, "x.refused"), NOTHING);
        assert_int_equal(plc_quality(&plc, "x.too"), NOTHING);
    }
    assert_int_equal(plc_events(&plc, "modbus.exception x.refused "), 1);
    assert_int_equal(plc_events(&plc, "\"unit\":1,\"function\":4,\"address\":1001,\"count\":2,\"exception\":2,"
                                      "\"meaning\":\"illegal data address\""),
                     1);
    assert_int_equal(plc_events(&plc, ""), 2);
    assert_true(plc_count(&plc, "exceptions") >= 20);
    plc_close(&plc);
}

static void test_a_silent_unit_touches_only_its_tags(void **state) {
    (void)state;
    struct plc plc;
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 400ms\ntimeout: 300ms\nin_flight: 2\nstale_after: 1h\nregisters:\n"
             "  [{ tag: one.a, address: 5, unit: 1 }, { tag: one.b, address: 50, unit: 1 },\n"
             "   { tag: two.a, address: 5, unit: 2 }, { tag: two.b, address: 50, unit: 2 }, { tag: two.c, address: "
             "500, unit: 2 },\n"
             "   { tag: two.d, address: 550, unit: 2 }, { tag: six.a, address: 5, unit: 6 }]\n",
             oracle.port);
    plc_until(&plc, "two.d", PL_Q_GOOD);
    assert_int_equal(modbus_write_bit(other, SWITCH_SILENT + 2, 1), 1);
    assert_true(plc_until(&plc, "two.a", UNCERTAIN_STALE) == pattern_holding(5));
    plc_until(&plc, "two.d", UNCERTAIN_STALE);
    uint64_t requests = plc_count(&plc, "requests"), polls = plc_count(&plc, "polls");
    for (int i = 0; i < 4; i++) {
        plc_next(&plc);
        assert_int_equal(plc_quality(&plc, "one.a"), PL_Q_GOOD);
        assert_int_equal(plc_quality(&plc, "one.b"), PL_Q_GOOD);
        assert_int_equal(plc_quality(&plc, "six.a"), PL_Q_GOOD);
        assert_int_equal(plc_quality(&plc, "two.a"), UNCERTAIN_STALE);
        assert_int_equal(plc_quality(&plc, "two.d"), UNCERTAIN_STALE);
    }
    /* Three ranges of the others, and one question to the silent unit instead of four. */
    assert_true(plc_count(&plc, "requests") - requests <= 4 * (plc_count(&plc, "polls") - polls + 1));
    assert_int_equal(modbus_write_bit(other, SWITCH_SILENT + 2, 0), 1);
    plc_until(&plc, "two.a", PL_Q_GOOD);
    assert_int_equal(plc_quality(&plc, "two.d"), PL_Q_GOOD); /* in the same poll */
    assert_int_equal(plc_events(&plc, "modbus.timeout two.a"), 1);
    assert_int_equal(plc_events(&plc, "modbus.recovered two.a"), 1);
    assert_int_equal(plc_events(&plc, ""), 3);
    plc_close(&plc);
}

static void test_a_device_that_hangs_does_not_stall(void **state) {
    (void)state;
    struct server hanging = {0};
    struct plc plc;
    server_start(&hanging, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\npoll: 250ms\ntimeout: 200ms\nstale_after: 1h\nbackoff: 5ms\nbackoff_max: "
             "20ms\nregisters: [{ tag: "
             "a, address: 1 }]\n",
             hanging.port);
    plc_until(&plc, "a", PL_Q_GOOD);
    server_pause(&hanging);
    plc_until(&plc, "a", UNCERTAIN_STALE);
    for (int i = 0; i < 8; i++) {
        plc_next(&plc);
        assert_int_equal(plc_quality(&plc, "a"), UNCERTAIN_STALE);
    }
    assert_int_equal(plc_events(&plc, "modbus.timeout"), 1);
    assert_int_equal(plc_events(&plc, "modbus.disconnected"), 1);
    server_continue(&hanging);
    plc_until(&plc, "a", PL_Q_GOOD);
    assert_int_equal(plc_events(&plc, "modbus.recovered"), 1);
    plc_close(&plc);
    server_kill(&hanging);
}

/* ---- Life ---- */

/* A poll that is emitted in part when the engine stops is emitted whole; then nothing comes any more. */
static void test_the_end(void **state) {
    (void)state;
    enum { TAGS = 9000 };
    static char map[TAGS * 64];
    char *at = map;
    for (int i = 0; i < TAGS; i++)
        at += sprintf(at, "  - { tag: t%d, address: %d }\n", i, 30000 + i);
    struct plc plc;
    plc_open(&plc, "endpoint: 127.0.0.1:%d\npoll: 1s\ntimeout: 10s\nregisters:\n%s", oracle.port, map);
    unsigned rows = plc_next(&plc)->rows;
    assert_true(rows < TAGS);
    pl_harness_end(plc.harness);
    for (struct pl_batch *batch; (batch = pl_harness_pull(plc.harness, 0)); pl_batch_unref(batch))
        rows += batch->rows;
    assert_int_equal(rows, TAGS);
    assert_int_equal(pl_harness_produce(plc.harness, 50 * PL_MILLISECOND), PL_FLOW_END);
    assert_null(pl_harness_pull(plc.harness, 0));
    plc_close(&plc);
}

static void check_refused(const char *options, const char *expected) {
    char *text = plc_refusal(options);
    if (!text || !strstr(text, expected)) fail_msg("wanted '%s', found '%s'", expected, text ? text : "");
    pl_free(text);
}

static void test_what_is_refused(void **state) {
    (void)state;
    check_refused("endpoint: 'nowhere:x'\nregisters: [{ tag: a, address: 1 }]",
                  "host:port is wanted, found 'nowhere:x'");
    check_refused("endpoint: a:1\nregisters: []", "at least one register is wanted");
    check_refused("endpoint: a:1\nregisters: [{ tag: '', address: 1 }]", "a name of 1 to 255 bytes is wanted");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 65533, type: int64 }]",
                  "reaches beyond register 65535");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 65536 }]", "65536");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 1, table: coil, type: int16 }]",
                  "are bool, not int16");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 1, bit: 3 }]", "only a bool in a register has bits");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 1, scale: 0 }]", "a scale of 0");
    check_refused("endpoint: a:1\nregisters: [{ tag: a, address: 1 }, { tag: b, address: 2 }, { tag: a, address: 3 }]",
                  "'a' is there already, in registers[0]");
    check_refused("endpoint: a:1\nmax_registers: 2\nregisters: [{ tag: a, address: 1, type: float64 }]",
                  "float64 takes 4 registers, more than max_registers (2)");
    check_refused("endpoint: a:1\nbackoff: 1m\nbackoff_max: 1s\nregisters: [{ tag: a, address: 1 }]",
                  "longer than backoff_max");
    check_refused("endpoint: a:1\nclock: { time: 0, step: 2, acknowledge: 0 }\nregisters: [{ tag: a, address: 1 }]",
                  "lies within the 4 registers of time");
    check_refused("endpoint: a:1\nclock: { time: 0, step: 200, acknowledge: 0 }\nregisters: [{ tag: a, address: 1 }]",
                  "time and step are read in one request");
    check_refused(
        "endpoint: a:1\nalign: true\nclock: { time: 0, step: 4, acknowledge: 0 }\nregisters: [{ tag: a, address: 1 }]",
        "no schedule where the plant owns time");
}

/* Each allocation of opening fails in turn; nothing is left behind (the sanitizer looks). */
static void test_without_memory(void **state) {
    (void)state;
    char options[256];
    bool opened = false;
    sprintf(options, "endpoint: 127.0.0.1:%d\nregisters: [{ tag: a, address: 1 }, { tag: b, address: 900 }]\n",
            oracle.port);
    for (int64_t n = 0; n < 10000 && !opened; n++) {
        struct pl_error *error = NULL;
        struct pl_harness *harness = pl_harness_new("source.modbus", options, PL_SAMPLES, &error);
        assert_non_null(harness);
        pl_alloc_fail_after(n);
        opened = pl_harness_produce(harness, 0) != PL_FLOW_FAIL;
        pl_alloc_fail_after(-1);
        pl_harness_free(harness);
    }
    assert_true(opened);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_and_order),
        cmocka_unit_test(test_tables_bits_scale_and_the_node_s_order),
        cmocka_unit_test(test_what_is_no_number_is_missing),
        cmocka_unit_test(test_the_map_from_a_csv_file),
        cmocka_unit_test(test_a_map_of_ten_thousand_tags),
        cmocka_unit_test(test_time_of_the_answer),
        cmocka_unit_test(test_time_of_the_schedule_has_no_drift),
        cmocka_unit_test(test_aligned_to_the_clock),
        cmocka_unit_test(test_overruns_are_counted),
        cmocka_unit_test(test_a_dead_device_is_stale_on_schedule_and_comes_back),
        cmocka_unit_test(test_a_device_that_was_never_there),
        cmocka_unit_test(test_a_device_that_hangs_up_is_one_event),
        cmocka_unit_test(test_a_refused_range_touches_only_its_tags),
        cmocka_unit_test(test_a_silent_unit_touches_only_its_tags),
        cmocka_unit_test(test_a_device_that_hangs_does_not_stall),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
