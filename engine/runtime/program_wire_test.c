/* What the engine says to a program is a map that says it, and what a program says is a frame or refused, with a
 * reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "runtime/program_wire.h"
#include "store/state.h"

static struct pl_program_wire wire;

static int set_up(void **state) {
    (void)state;
    return pl_program_wire_init(&wire) ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    pl_program_wire_fini(&wire);
    return 0;
}

/* ---- Writing ---- */

static void expect_written(struct pl_frame frame, const char *json) {
    const void *bytes;
    size_t size;
    assert_true(pl_program_wire_write(&wire, &frame, &bytes, &size));
    char *text = pl_pack_json(bytes, size);
    assert_string_equal(text, json);
    pl_free(text);
}

static void test_written(void **state) {
    (void)state;
    expect_written((struct pl_frame){.type = PL_FRAME_OPEN}, "{\"type\":\"open\"}");
    expect_written((struct pl_frame){.type = PL_FRAME_BATCH, .number = 7, .body = "abc", .size = 3},
                   "{\"type\":\"rows\",\"number\":7,\"rows\":\"YWJj\"}");
    expect_written((struct pl_frame){.type = PL_FRAME_WATERMARK, .number = 8, .value = -5, .flags = PL_FRAME_IDLE},
                   "{\"type\":\"watermark\",\"number\":8,\"time\":-5,\"idle\":true}");
    expect_written((struct pl_frame){.type = PL_FRAME_BARRIER, .number = 9, .value = 4},
                   "{\"type\":\"barrier\",\"number\":9,\"epoch\":4}");
    expect_written((struct pl_frame){.type = PL_FRAME_END, .number = 10},
                   "{\"type\":\"end\",\"number\":10,\"stopped\":false}");
    expect_written((struct pl_frame){.type = PL_FRAME_CREDIT, .value = 1 << 20},
                   "{\"type\":\"credit\",\"bytes\":1048576}");
    expect_written((struct pl_frame){.type = PL_FRAME_COMMIT, .value = 4}, "{\"type\":\"commit\",\"epoch\":4}");
    expect_written((struct pl_frame){.type = PL_FRAME_PING, .number = 2}, "{\"type\":\"ping\",\"number\":2}");
    expect_written((struct pl_frame){.type = PL_FRAME_QUIT}, "{\"type\":\"quit\"}");
}

static void test_state_there_and_back(void **state) {
    (void)state;
    static const char message[] = "\x83\xa4type\xa5state\xa3key\xa3sum\xa5value\xc4\x02\x01\x02";
    struct pl_frame frame;
    assert_true(pl_program_wire_read(&wire, message, sizeof message - 1, &frame));
    assert_int_equal(frame.type, PL_FRAME_STATE);
    expect_written(frame, "{\"type\":\"state\",\"key\":\"c3Vt\",\"value\":\"AQI=\"}");
    const void *bytes;
    size_t size;
    struct pl_frame two = {.type = PL_FRAME_STATE, .body = "\1\0\0\0\0\0\0\0\2", .size = 9}; /* of a table */
    assert_false(pl_program_wire_write(&wire, &two, &bytes, &size));
    struct pl_frame call = {.type = PL_FRAME_CALL, .number = 1};
    assert_false(pl_program_wire_write(&wire, &call, &bytes, &size)); /* a program is asked nothing */
}

/* ---- Reading ---- */

#define READ(text, frame) pl_program_wire_read(&wire, "" text, sizeof text - 1, frame)

static void test_read(void **state) {
    (void)state;
    struct pl_frame frame;
    assert_true(READ("\x82\xa4type\xa5hello\xa8protocol\x01", &frame));
    assert_true(frame.type == PL_FRAME_HELLO && frame.number == 1);
    assert_true(READ("\x81\xa4type\xa5ready", &frame));
    assert_int_equal(frame.type, PL_FRAME_READY);
    assert_true(READ("\x83\xa4type\xa4rows\xa4rows\xc4\x03"
                     "abc"
                     "\xa8position\x92\x01\x02",
                     &frame));
    assert_true(frame.type == PL_FRAME_EMIT && frame.port == 0 && frame.size == 3 && frame.place_size == 3);
    assert_memory_equal(frame.body, "abc", 3);
    assert_memory_equal(frame.place, "\x92\x01\x02", 3);
    assert_true(READ("\x82\xa4type\xa4"
                     "done\xa6number\x07",
                     &frame));
    assert_true(frame.type == PL_FRAME_DONE && frame.number == 7 && frame.value == INT64_MAX);
    assert_true(READ("\x84\xa4type\xa4"
                     "done\xa6number\x07\xa9watermark\xff\xa6"
                     "beyond\x91\xc0",
                     &frame));
    assert_int_equal(frame.value, -1);
    assert_true(READ("\x82\xa4type\xa6"
                     "failed\xa4text\xa2no",
                     &frame));
    assert_true(frame.type == PL_FRAME_FAILED && frame.size == 2);
    assert_true(READ("\x82\xa4type\xa8progress\xa4time\x05", &frame));
    assert_true(frame.type == PL_FRAME_PROGRESS && frame.value == 5);
    assert_true(READ("\x81\xa4type\xa3"
                     "end",
                     &frame));
    assert_int_equal(frame.type, PL_FRAME_OVER);
}

static void test_dropped_key(void **state) {
    (void)state;
    struct pl_frame frame;
    struct pl_state_entry entry;
    assert_true(READ("\x83\xa4type\xa5state\xa3key\xa1k\xa5value\xc0", &frame));
    const char *at = frame.body, *end = at + frame.size;
    assert_true(pl_state_next(&at, end, &entry));
    assert_true(at == end && entry.value == NULL && entry.key_size == 2 && entry.key[0] == PL_STATE_PROGRAM);
}

static void expect_refused(const char *bytes, size_t size, const char *why) {
    struct pl_frame frame;
    assert_false(pl_program_wire_read(&wire, bytes, size, &frame));
    assert_string_equal(wire.problem, why);
}

#define REFUSED(text, why) expect_refused("" text, sizeof text - 1, why)

static void test_refused(void **state) {
    (void)state;
    static char longest[PL_PROGRAM_MESSAGE_MAX + 1];
    REFUSED("", "no msgpack map");
    REFUSED("\x93\x01\x02\x03", "no msgpack map");
    REFUSED("\x80", "a type that is not known");
    REFUSED("\x81\xa4type\x07", "a value of another type, or one that is too large: type");
    REFUSED("\x81\xa4type\xa4rows", "without rows");
    REFUSED("\x81\xa4type\xa6"
            "batter",
            "a type that is not known");
    REFUSED("\x81\xa4type\xa7"
            "barrier",
            "a type that is not known"); /* only the engine says it */
    REFUSED("\x81\xa4type\xa5ready\x01", "bytes behind its map");
    REFUSED("\x81\x01\x02", "a key that is no text");
    REFUSED("\x82\xa4type\xa5ready\xa3new\x92\x01", "no whole msgpack map");
    REFUSED("\x82\xa4type\xa4"
            "done\xa6number\xff",
            "a value of another type, or one that is too large: number");
    REFUSED("\x83\xa4type\xa4rows\xa4rows\xa1x\xa6output\x40",
            "a value of another type, or one that is too large: output");
    REFUSED("\x83\xa4type\xa5state\xa3key\xa0\xa5value\xa1v", "an empty key");
    expect_refused(longest, sizeof longest, "a message that is too long");
}

/* Cut anywhere it is no message. */
static void test_cut(void **state) {
    (void)state;
    static const char whole[] = "\x83\xa4type\xa4rows\xa4rows\xc4\x03"
                                "abc"
                                "\xa8position\x92\x01\x02";
    struct pl_frame frame;
    for (size_t size = 0; size < sizeof whole - 1; size++)
        assert_false(pl_program_wire_read(&wire, whole, size, &frame));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written), cmocka_unit_test(test_state_there_and_back),
        cmocka_unit_test(test_read),    cmocka_unit_test(test_dropped_key),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
