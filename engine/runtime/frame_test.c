/* Frames are read back as they were written, by the side that may get them, and nothing else is a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/frame.h"

enum { BODY = 5 };

static size_t write_frame(uint8_t bytes[PL_FRAME_HEAD + BODY], struct pl_frame frame, bool body) {
    pl_frame_write_head(&frame, bytes);
    memcpy(bytes + PL_FRAME_HEAD, "hello", BODY);
    return PL_FRAME_HEAD + (body ? BODY : 0);
}

static bool reads(struct pl_frame frame, bool body, bool from_engine) {
    uint8_t bytes[PL_FRAME_HEAD + BODY];
    struct pl_frame read;
    return pl_frame_read(bytes, write_frame(bytes, frame, body), from_engine, &read);
}

static void test_read_back(void **state) {
    (void)state;
    uint8_t bytes[PL_FRAME_HEAD + BODY];
    struct pl_frame read, frame = {.type = PL_FRAME_DONE,
                                   .flags = PL_FRAME_IS_BUSY,
                                   .code = 7,
                                   .number = UINT64_MAX - 1,
                                   .value = INT64_MIN,
                                   .nanoseconds = 3};
    assert_true(pl_frame_read(bytes, write_frame(bytes, frame, true), false, &read));
    assert_int_equal(read.type, PL_FRAME_DONE);
    assert_int_equal(read.flags, PL_FRAME_IS_BUSY);
    assert_int_equal(read.code, 7);
    assert_true(read.number == UINT64_MAX - 1 && read.value == INT64_MIN && read.nanoseconds == 3);
    assert_int_equal(read.size, BODY);
    assert_memory_equal(read.body, "hello", BODY);
}

/* Every type is of one direction, but for state. */
static void test_directions(void **state) {
    (void)state;
    assert_false(reads((struct pl_frame){.type = PL_FRAME_NONE}, false, true));
    assert_false(reads((struct pl_frame){.type = PL_FRAME_TYPES}, false, true));
    for (unsigned i = PL_FRAME_CONFIG; i < PL_FRAME_TYPES; i++) {
        uint8_t type = (uint8_t)i;
        bool down = reads((struct pl_frame){.type = type}, false, true);
        bool up = reads((struct pl_frame){.type = type}, false, false);
        assert_int_equal(down + up, type == PL_FRAME_STATE ? 2 : 1);
        assert_int_equal(down, type <= PL_FRAME_STATE);
    }
}

static void test_refused(void **state) {
    (void)state;
    uint8_t bytes[PL_FRAME_HEAD + BODY];
    struct pl_frame read;
    assert_false(reads((struct pl_frame){.type = PL_FRAME_HELLO}, true, false));
    assert_false(reads((struct pl_frame){.type = PL_FRAME_HELLO, .port = 1}, false, false));
    assert_false(reads((struct pl_frame){.type = PL_FRAME_EMIT, .flags = PL_FRAME_IS_BUSY}, true, false));
    assert_true(reads((struct pl_frame){.type = PL_FRAME_EMIT, .port = UINT16_MAX}, true, false));
    size_t size = write_frame(bytes, (struct pl_frame){.type = PL_FRAME_DONE}, false);
    for (size_t i = 0; i < size; i++)
        assert_false(pl_frame_read(bytes, i, false, &read));
    assert_false(pl_frame_read(bytes, (size_t)PL_FRAME_HEAD + PL_FRAME_BODY_MAX + 1, false, &read));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
