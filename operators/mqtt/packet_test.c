/* Which bytes of a broker may pass, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "packet.h"

enum {
    CONNACK = 0x20,
    PUBLISH = 0x30,
    PUBLISH_QOS1 = 0x32,
    PUBLISH_QOS2 = 0x34,
    PUBACK = 0x40,
    PUBREC = 0x50,
    PUBREL = 0x62,
    SUBACK = 0x90,
    PINGRESP = 0xD0,
    DISCONNECT = 0xE0
};

/* As they come, a piece of so many bytes after another, what does not pass again in front of the next: as the wall
 * does. How many have passed; -1: refused. */
static long pass(bool five, const uint8_t *bytes, size_t size, size_t piece) {
    struct pl_mqtt_packets packets = {.properties = five};
    size_t passed = 0;
    for (size_t there = 0; there < size;) {
        there = there + piece < size ? there + piece : size;
        passed += pl_mqtt_packets_look(&packets, bytes + passed, there - passed);
        if (packets.problem) return -1;
    }
    return (long)passed;
}

/* The same in pieces of any size. */
static long pass_cut(bool five, const uint8_t *bytes, size_t size) {
    long whole = pass(five, bytes, size, size);
    for (size_t piece = 1; piece < size; piece++)
        assert_int_equal(pass(five, bytes, size, piece), whole);
    return whole;
}

#define BYTES(...)                                                                                                     \
    (const uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]) {                                                                \
        __VA_ARGS__                                                                                                    \
    }

static void packets_of_a_broker_pass(void **state) {
    (void)state;
    assert_int_equal(pass_cut(false, BYTES(CONNACK, 2, 0, 0, PINGRESP, 0)), 6);
    assert_int_equal(pass_cut(true, BYTES(CONNACK, 6, 0, 0, 3, 33, 0, 9)), 8);
    assert_int_equal(pass_cut(true, BYTES(CONNACK, 2, 0, 0x84)), 4); /* a broker of 3.1.1 says no */
    assert_int_equal(pass_cut(false, BYTES(PUBLISH, 6, 0, 1, 'a', 1, 2, 3)), 8);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH_QOS1, 11, 0, 1, 'a', 0, 7, 2, 1, 1, 'x', 'y', 'z')), 13);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 15, 0, 1, 'a', 10, 38, 0, 2, 'k', 'k', 0, 1, 'v', 11, 5, 9)), 17);
    assert_int_equal(pass_cut(true, BYTES(PUBACK, 2, 0, 7, PUBACK, 3, 0, 7, 0, PUBACK, 4, 0, 7, 0, 0)), 15);
    assert_int_equal(pass_cut(true, BYTES(SUBACK, 4, 0, 1, 0, 1)), 6);
    assert_int_equal(pass_cut(true, BYTES(DISCONNECT, 0, DISCONNECT, 1, 0x8E, DISCONNECT, 2, 0x8E, 0)), 9);
}

/* Nothing of a packet before its last byte that is looked at; of a payload what there is. */
static void what_is_not_there_yet_waits(void **state) {
    (void)state;
    assert_int_equal(pass(true, BYTES(PUBLISH, 200, 1, 0, 3, 'a', 'b'), 7), 0);
    assert_int_equal(pass(true, BYTES(PUBLISH, 200, 1, 0, 1, 'a', 2, 1), 8), 0);
    assert_int_equal(pass(true, BYTES(PUBLISH, 200, 1, 0, 1, 'a', 2, 1, 1, 'p'), 10), 10);
    assert_int_equal(pass(true, BYTES(SUBACK, 4, 0, 1, 0), 5), 0);
    assert_int_equal(pass(false, BYTES(PINGRESP, 0, CONNACK), 3), 2);
}

static void properties_that_mqtt_has_not_are_refused(void **state) {
    (void)state;
    assert_int_equal(pass_cut(true, BYTES(CONNACK, 5, 0, 0, 2, 0x7f, 1)), -1);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 6, 0, 1, 'a', 2, 4, 1)), -1);
    assert_int_equal(pass_cut(true, BYTES(PUBACK, 6, 0, 7, 0, 2, 0, 1)), -1);
    assert_int_equal(pass_cut(true, BYTES(SUBACK, 6, 0, 1, 2, 43, 1, 0)), -1);
    assert_int_equal(pass_cut(true, BYTES(DISCONNECT, 4, 0, 2, 0x80, 1)), -1);
    assert_int_equal(pass_cut(false, BYTES(CONNACK, 5, 0, 0, 2, 0x7f, 1)), 7); /* 3.1.1 has none: nobody looks */
}

/* The library would read on behind the properties, or stop within them. */
static void lengths_that_do_not_add_up_are_refused(void **state) {
    (void)state;
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 7, 0, 1, 'a', 1, 1, 0, 0x7f)), -1);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 8, 0, 1, 'a', 3, 3, 0, 9, 'x')), -1);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 5, 0, 1, 'a', 9, 1)), -1);
    assert_int_equal(pass_cut(true, BYTES(PUBLISH, 3, 0, 9, 'a')), -1);
    assert_int_equal(pass_cut(true, BYTES(CONNACK, 0xff, 0xff, 0xff, 0xff, 1)), -1);
    assert_int_equal(pass_cut(true, BYTES(CONNACK, 6, 0, 0, 0xff, 0xff, 0xff, 0xff)), -1);
}

static void what_only_clients_send_is_refused(void **state) {
    static const uint8_t types[] = {0x00, 0x10, 0x82, 0xA2, 0xC0};
    (void)state;
    for (size_t i = 0; i < sizeof types; i++)
        assert_int_equal(pass_cut(true, BYTES(types[i], 2, 0, 1)), -1);
    assert_int_equal(pass_cut(false, BYTES(DISCONNECT, 0)), -1);
    assert_int_equal(pass_cut(false, BYTES(0xF0, 0)), -1);
    assert_int_equal(pass_cut(true, BYTES(0x36, 5, 0, 1, 'a', 0, 1)), -1); /* QoS 3 */
}

/* libmosquitto would keep them for ever. */
static void messages_of_qos_2_are_refused(void **state) {
    (void)state;
    assert_int_equal(pass_cut(true, BYTES(PUBLISH_QOS2, 6, 0, 1, 'a', 0, 7, 0)), -1);
    assert_int_equal(pass_cut(false, BYTES(PUBLISH_QOS2, 5, 0, 1, 'a', 0, 7)), -1);
    assert_int_equal(pass_cut(false, BYTES(PUBREL, 2, 0, 7)), -1);
}

static void what_gets_an_answer_is_counted(void **state) {
    struct pl_mqtt_packets packets = {0};
    (void)state;
    assert_int_equal(pl_mqtt_packets_look(&packets, BYTES(PUBLISH, 4, 0, 1, 'a', 1, PINGRESP, 0, PUBACK, 2, 0, 7)), 12);
    assert_int_equal(packets.unanswered, 0);
    assert_int_equal(pl_mqtt_packets_look(&packets, BYTES(PUBLISH_QOS1, 5, 0, 1, 'a', 0, 7, PUBREC, 2, 0, 7)), 11);
    assert_int_equal(packets.unanswered, 2);
}

static void what_is_too_long_is_refused_at_once(void **state) {
    struct pl_mqtt_packets packets = {.longest = 100};
    (void)state;
    assert_int_equal(pl_mqtt_packets_look(&packets, BYTES(PUBLISH, 98, 0, 1, 'a')), 5);
    packets.payload = 0;
    assert_int_equal(pl_mqtt_packets_look(&packets, BYTES(PUBLISH, 99)), 0);
    assert_non_null(packets.problem);
    assert_int_equal(pass(false, BYTES(SUBACK, 0xff, 0xff, 0xff, 0x7f), 5), -1);
}

/* A head that does not end, byte for byte up to its limit. */
static void a_head_has_a_limit(void **state) {
    struct pl_mqtt_packets packets = {.properties = true};
    uint8_t *bytes = pl_alloc(PL_MQTT_HEAD_MAX);
    (void)state;
    assert_non_null(bytes);
    memset(bytes, 1, PL_MQTT_HEAD_MAX);
    memcpy(bytes, (const uint8_t[]){PUBLISH, 0xff, 0xff, 0xff, 0x7f, 0, 1, 'a', 0xff, 0xff, 0xff, 0x7f}, 12);
    assert_int_equal(pl_mqtt_packets_look(&packets, bytes, PL_MQTT_HEAD_MAX - 1), 0);
    assert_null(packets.problem);
    assert_int_equal(pl_mqtt_packets_look(&packets, bytes, PL_MQTT_HEAD_MAX), 0);
    assert_non_null(packets.problem);
    pl_free(bytes);
}

static void a_connack_comes_first_and_once(void **state) {
    struct pl_mqtt_packets early = {.greeting = PL_MQTT_GREETING_WANTED}, twice = early, late = early;
    (void)state;
    assert_int_equal(pl_mqtt_packets_look(&early, BYTES(PUBLISH, 4, 0, 1, 'a', 1)), 0);
    assert_non_null(early.problem);
    assert_int_equal(pl_mqtt_packets_look(&late, BYTES(CONNACK, 2, 0)), 0);
    assert_int_equal(pl_mqtt_packets_look(&late, BYTES(CONNACK, 2, 0, 0, PINGRESP, 0)), 6);
    assert_null(late.problem);
    assert_int_equal(pl_mqtt_packets_look(&twice, BYTES(CONNACK, 2, 0, 0)), 4);
    assert_int_equal(pl_mqtt_packets_look(&twice, BYTES(CONNACK, 2, 0, 0)), 0);
    assert_non_null(twice.problem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_a_broker_pass),
        cmocka_unit_test(what_is_not_there_yet_waits),
        cmocka_unit_test(properties_that_mqtt_has_not_are_refused),
        cmocka_unit_test(lengths_that_do_not_add_up_are_refused),
        cmocka_unit_test(what_only_clients_send_is_refused),
        cmocka_unit_test(messages_of_qos_2_are_refused),
        cmocka_unit_test(what_gets_an_answer_is_counted),
        cmocka_unit_test(what_is_too_long_is_refused_at_once),
        cmocka_unit_test(a_head_has_a_limit),
        cmocka_unit_test(a_connack_comes_first_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
