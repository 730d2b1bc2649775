/* Frames against bytes written out by hand from the protocol's definition, and every way in which one can be wrong. */
#include "pdu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing/cmocka_first.h"

static void check_bytes(const struct pl_modbus_call *call, const char *expected) {
    uint8_t frame[PL_MODBUS_ADU_MAX];
    char text[3 * PL_MODBUS_ADU_MAX + 1] = "";
    size_t size = pl_modbus_encode(call, 0x1234, frame);
    for (size_t i = 0; i < size; i++)
        sprintf(text + 3 * i, "%02X ", frame[i]);
    assert_string_equal(text, expected);
}

static void test_requests_are_the_protocol_s(void **state) {
    (void)state;
    uint16_t registers[] = {0x000A, 0x0102}, coils[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0}, on = 1, off = 0, value = 3;
    check_bytes(&(struct pl_modbus_call){17, 1, 0x0013, 0x0025, NULL}, "12 34 00 00 00 06 11 01 00 13 00 25 ");
    check_bytes(&(struct pl_modbus_call){17, 2, 0x00C4, 0x0016, NULL}, "12 34 00 00 00 06 11 02 00 C4 00 16 ");
    check_bytes(&(struct pl_modbus_call){1, 3, 0x006B, 3, NULL}, "12 34 00 00 00 06 01 03 00 6B 00 03 ");
    check_bytes(&(struct pl_modbus_call){255, 4, 0xFFFF, 1, NULL}, "12 34 00 00 00 06 FF 04 FF FF 00 01 ");
    check_bytes(&(struct pl_modbus_call){1, 5, 0x00AC, 1, &on}, "12 34 00 00 00 06 01 05 00 AC FF 00 ");
    check_bytes(&(struct pl_modbus_call){1, 5, 0x00AC, 1, &off}, "12 34 00 00 00 06 01 05 00 AC 00 00 ");
    check_bytes(&(struct pl_modbus_call){1, 6, 1, 1, &value}, "12 34 00 00 00 06 01 06 00 01 00 03 ");
    check_bytes(&(struct pl_modbus_call){1, 15, 0x0013, 10, coils}, "12 34 00 00 00 09 01 0F 00 13 00 0A 02 CD 01 ");
    check_bytes(&(struct pl_modbus_call){1, 16, 1, 2, registers},
                "12 34 00 00 00 0B 01 10 00 01 00 02 04 00 0A 01 02 ");
}

static void test_calls_beyond_the_protocol_are_refused(void **state) {
    (void)state;
    static const uint16_t values[PL_MODBUS_READ_BITS_MAX + 1];
    static const struct {
        uint8_t function;
        uint16_t most;
    } limit[] = {{1, 2000}, {2, 2000}, {3, 125}, {4, 125}, {5, 1}, {6, 1}, {15, 1968}, {16, 123}};
    uint8_t frame[PL_MODBUS_ADU_MAX];
    for (size_t i = 0; i < sizeof limit / sizeof limit[0]; i++) {
        struct pl_modbus_call call = {1, limit[i].function, 0, limit[i].most, values};
        assert_true(pl_modbus_encode(&call, 1, frame) <= PL_MODBUS_ADU_MAX);
        assert_true(pl_modbus_encode(&call, 1, frame) >= 12);
        call.count++;
        assert_int_equal(pl_modbus_encode(&call, 1, frame), 0);
        call.count = 0;
        assert_int_equal(pl_modbus_encode(&call, 1, frame), 0);
        call.count = limit[i].most;
        call.address = (uint16_t)(65536 - limit[i].most);
        assert_true(pl_modbus_call_check(&call));
        call.address++;
        assert_int_equal(pl_modbus_call_check(&call), limit[i].most == 1 && call.address == 0);
        call = (struct pl_modbus_call){1, limit[i].function, 0, 1, NULL};
        assert_int_equal(pl_modbus_call_check(&call), limit[i].function <= 4);
    }
    for (unsigned function = 0; function < 256; function++) {
        struct pl_modbus_call call = {1, (uint8_t)function, 0, 1, values};
        bool known = (function >= 1 && function <= 6) || function == 15 || function == 16;
        assert_int_equal(pl_modbus_call_check(&call), known);
    }
}

static const uint8_t answer_bytes[] = {0x12, 0x34, 0, 0, 0, 7, 1, 3, 4, 0xAB, 0xCD, 0x00, 0x01};

static void test_a_frame_is_found_when_it_is_whole(void **state) {
    (void)state;
    struct pl_modbus_frame frame;
    for (size_t size = 0; size < sizeof answer_bytes; size++)
        assert_int_equal(pl_modbus_find(answer_bytes, size, &frame), PL_MODBUS_MORE);
    assert_int_equal(pl_modbus_find(answer_bytes, sizeof answer_bytes, &frame), PL_MODBUS_FRAME);
    assert_int_equal(frame.transaction, 0x1234);
    assert_int_equal(frame.unit, 1);
    assert_int_equal(frame.pdu_size, 6);
    assert_int_equal(frame.size, sizeof answer_bytes);
    assert_ptr_equal(frame.pdu, answer_bytes + 7);
}

static void test_what_is_no_frame_is_garbage(void **state) {
    (void)state;
    struct pl_modbus_frame frame;
    uint8_t bytes[300] = {0, 1, 0, 0, 0, 3};
    assert_int_equal(pl_modbus_find((const uint8_t *)"HTTP", 4, &frame), PL_MODBUS_GARBAGE);
    assert_int_equal(pl_modbus_find((const uint8_t *)"HTTP/1.1 400", 12, &frame), PL_MODBUS_GARBAGE);
    for (unsigned length = 0; length < 65536; length++) {
        bytes[4] = (uint8_t)(length >> 8);
        bytes[5] = (uint8_t)length;
        enum pl_modbus_found found = pl_modbus_find(bytes, sizeof bytes, &frame);
        assert_int_equal(found, length >= 3 && length <= 254 ? PL_MODBUS_FRAME : PL_MODBUS_GARBAGE);
    }
}

/* The answer, with one byte replaced and a size of its own, to a request for 2 registers at 0x6B. */
static bool matches(size_t at, uint8_t byte, size_t pdu_size, struct pl_modbus_answer *answer) {
    uint8_t request[PL_MODBUS_ADU_MAX], bytes[sizeof answer_bytes + 8] = {0};
    struct pl_modbus_call call = {1, 3, 0x6B, 2, NULL};
    pl_modbus_encode(&call, 0x1234, request);
    memcpy(bytes, answer_bytes, sizeof answer_bytes);
    bytes[at] = byte;
    struct pl_modbus_frame frame = {0x1234, bytes[6], bytes + 7, pdu_size, 7 + pdu_size};
    bool match = pl_modbus_match(request, &frame, answer);
    if (match && answer->status == PL_MODBUS_OK) {
        assert_int_equal(pl_modbus_register(answer->data, 0), 0xABCD);
        assert_int_equal(pl_modbus_register(answer->data, 1), 1);
    }
    return match;
}

static void test_an_answer_must_fit_its_request(void **state) {
    (void)state;
    struct pl_modbus_answer answer;
    assert_true(matches(0, 0x12, 6, &answer));
    assert_int_equal(answer.status, PL_MODBUS_OK);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.size, 4);
    assert_false(matches(6, 2, 6, &answer)); /* unit */
    assert_false(matches(7, 4, 6, &answer)); /* function */
    assert_false(matches(8, 3, 6, &answer)); /* bytes that follow */
    assert_false(matches(8, 6, 6, &answer));
    assert_false(matches(8, 4, 5, &answer)); /* fewer or more than that */
    assert_false(matches(8, 4, 7, &answer));
    assert_false(matches(8, 4, 1, &answer));
}

static void test_exceptions(void **state) {
    (void)state;
    uint8_t request[PL_MODBUS_ADU_MAX], pdu[] = {0x83, 2, 0};
    struct pl_modbus_call call = {9, 3, 0, 1, NULL};
    struct pl_modbus_answer answer;
    struct pl_modbus_frame frame = {0, 9, pdu, 2, 9};
    pl_modbus_encode(&call, 0, request);
    assert_true(pl_modbus_match(request, &frame, &answer));
    assert_int_equal(answer.status, PL_MODBUS_EXCEPTION);
    assert_int_equal(answer.exception, 2);
    assert_null(answer.data);
    frame.pdu_size = 3;
    assert_false(pl_modbus_match(request, &frame, &answer));
    frame.pdu_size = 2;
    pdu[1] = 0;
    assert_false(pl_modbus_match(request, &frame, &answer));
    pdu[0] = 0x84;
    assert_false(pl_modbus_match(request, &frame, &answer));
    assert_string_equal(pl_modbus_exception_name(2), "illegal data address");
    assert_string_equal(pl_modbus_exception_name(200), "unknown exception");
}

static void test_a_write_is_echoed_exactly(void **state) {
    (void)state;
    static const uint16_t values[4] = {1, 2, 3, 4};
    static const uint8_t functions[] = {5, 6, 15, 16};
    for (size_t f = 0; f < sizeof functions; f++) {
        struct pl_modbus_call call = {1, functions[f], 300, functions[f] > 6 ? 4 : 1, values};
        uint8_t request[PL_MODBUS_ADU_MAX];
        struct pl_modbus_answer answer;
        pl_modbus_encode(&call, 7, request);
        for (size_t wrong = 0; wrong < 6; wrong++) {
            uint8_t pdu[5];
            memcpy(pdu, request + 7, 5);
            if (wrong < 5) pdu[wrong] ^= 1;
            struct pl_modbus_frame frame = {7, 1, pdu, 5, 12};
            assert_int_equal(pl_modbus_match(request, &frame, &answer), wrong == 5);
        }
        assert_int_equal(answer.count, call.count);
        assert_null(answer.data);
    }
}

static void test_bits(void **state) {
    (void)state;
    const uint8_t data[] = {0xCD, 0x6B, 0x01};
    const char *expected = "1011001111010110100000";
    for (unsigned i = 0; expected[i]; i++)
        assert_int_equal(pl_modbus_bit(data, i), expected[i] == '1');
}

/* Whatever comes: no byte beyond the given size is touched (the sanitizers watch), and what is taken is consistent. */
static void test_random_bytes(void **state) {
    (void)state;
    srand(4711);
    unsigned frames = 0, answers = 0;
    for (int round = 0; round < 200000; round++) {
        size_t size = (size_t)rand() % 40;
        uint8_t *bytes = malloc(size + 1), request[PL_MODBUS_ADU_MAX];
        struct pl_modbus_call call = {1, (uint8_t)(1 + rand() % 4), 0, (uint16_t)(1 + rand() % 8), NULL};
        struct pl_modbus_frame frame;
        struct pl_modbus_answer answer;
        pl_modbus_encode(&call, 1, request);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(i == 2 || i == 3 || i == 4 ? 0 : i == 6 ? 1 : rand() % (i == 5 || i == 8 ? 24 : 5));
        if (pl_modbus_find(bytes, size, &frame) == PL_MODBUS_FRAME) {
            frames++;
            assert_true(frame.size <= size && frame.pdu + frame.pdu_size == bytes + frame.size);
            if (pl_modbus_match(request, &frame, &answer) && answer.data) {
                answers++;
                assert_true(answer.data + answer.size <= bytes + size);
            }
        }
        free(bytes);
    }
    assert_true(frames > 1000 && answers > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_the_protocol_s),
        cmocka_unit_test(test_calls_beyond_the_protocol_are_refused),
        cmocka_unit_test(test_a_frame_is_found_when_it_is_whole),
        cmocka_unit_test(test_what_is_no_frame_is_garbage),
        cmocka_unit_test(test_an_answer_must_fit_its_request),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_a_write_is_echoed_exactly),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
