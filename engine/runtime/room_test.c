/* When a log that takes nothing is told of: a full disk at once, a group's log when it has lasted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/room.h"

static void test_disk(void **state) {
    (void)state;
    struct pl_room room = {.full = false};
    for (pl_time now = PL_SECOND; now < 3 * PL_SECOND; now += PL_SECOND) {
        assert_true(pl_room_refused(&room, now, now, 0));
        assert_true(room.full && room.told);
        assert_int_equal(room.since, now);
        assert_false(pl_room_refused(&room, now, now, 0)); /* once */
        assert_true(pl_room_found(&room));
        assert_false(room.full || room.told);
    }
}

/* Two engines that join within the time are two moments, not one that lasts. */
static void test_group(void **state) {
    (void)state;
    struct pl_room room = {.full = false};
    const pl_time begin = 5 * PL_SECOND;
    assert_false(pl_room_refused(&room, begin, begin, PL_ROOM_QUIET));
    assert_false(pl_room_refused(&room, begin + PL_ROOM_QUIET - 1, begin + PL_ROOM_QUIET - 1, PL_ROOM_QUIET));
    assert_true(room.full);
    assert_false(room.told);
    assert_false(pl_room_found(&room));
    assert_false(pl_room_refused(&room, begin + PL_ROOM_QUIET, begin + PL_ROOM_QUIET, PL_ROOM_QUIET));
    assert_false(pl_room_refused(&room, begin + 2 * PL_ROOM_QUIET - 1, begin + 2 * PL_ROOM_QUIET - 1, PL_ROOM_QUIET));
    assert_true(pl_room_refused(&room, begin + 2 * PL_ROOM_QUIET, begin + 2 * PL_ROOM_QUIET, PL_ROOM_QUIET));
    assert_false(pl_room_refused(&room, begin + 9 * PL_ROOM_QUIET, begin + 9 * PL_ROOM_QUIET, PL_ROOM_QUIET));
    assert_true(pl_room_found(&room));
    assert_false(pl_room_found(&room));
    /* Brokers that are gone let the first offer wait for as long as it may. */
    assert_true(pl_room_refused(&room, begin, begin + PL_ROOM_QUIET, PL_ROOM_QUIET));
}

/* A log that takes an append every moment but no sooner is never worth a word, but is counted. */
static void test_slow(void **state) {
    (void)state;
    struct pl_room room = {.full = false};
    for (pl_time now = PL_SECOND; now < 20 * PL_SECOND; now += PL_ROOM_QUIET) {
        assert_false(pl_room_refused(&room, now, now, PL_ROOM_QUIET));
        assert_false(pl_room_refused(&room, now, now + PL_ROOM_QUIET - 1, PL_ROOM_QUIET));
        assert_false(pl_room_found(&room));
    }
    assert_int_equal(room.times, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_disk), cmocka_unit_test(test_group),
                                       cmocka_unit_test(test_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
