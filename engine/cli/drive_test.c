/* drive_test.c: what a group asks of an engine between two engines. */
#include "drive.h"

#include "store/batch_testing.h"

static struct pl_drive drive;
static unsigned rests;
static bool gives_at_once;

static void rested(struct pl_drive *asked) {
    rests++;
    if (gives_at_once) pl_drive_begin(asked);
}

static int setup(void **state) {
    (void)state;
    rests = 0;
    gives_at_once = true;
    pl_drive_init(&drive);
    drive.rested = rested;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_drive_fini(&drive);
    return 0;
}

static void it_rests_and_then_begins(void **state) {
    (void)state;
    pl_drive_hand_over(&drive, false);
    assert_true(pl_drive_await(&drive));
    assert_int_equal(rests, 1);
}

static void give(uv_timer_t *timer) {
    gives_at_once = true;
    pl_drive_begin(timer->data);
}

/* Two changes, one behind the other: what was known before the second one is no reason to begin. */
static void it_begins_behind_the_last_change(void **state) {
    (void)state;
    static uv_timer_t later;
    gives_at_once = false;
    pl_drive_begin(&drive);
    pl_drive_hand_over(&drive, false);
    uv_timer_init(&drive.loop, &later);
    later.data = &drive;
    uv_timer_start(&later, give, 50, 0);
    assert_true(pl_drive_await(&drive));
    assert_int_equal(rests, 1);
    assert_true(gives_at_once);
    uv_close((uv_handle_t *)&later, NULL);
}

static void ask(uv_timer_t *timer) {
    pl_drive_hand_over(timer->data, false);
}

/* An engine that has fallen waits for its next try: the group does not wait with it. */
static void a_rest_ends_when_the_group_changes(void **state) {
    (void)state;
    static uv_timer_t soon;
    drive.delay = PL_HOUR;
    uv_timer_init(&drive.loop, &soon);
    soon.data = &drive;
    uv_timer_start(&soon, ask, 20, 0);
    assert_true(pl_drive_go_on(&drive));
    assert_int_equal(rests, 1);
    uv_close((uv_handle_t *)&soon, NULL);
}

static void a_change_in_front_of_a_rest_is_heard(void **state) {
    (void)state;
    drive.delay = PL_HOUR;
    pl_drive_hand_over(&drive, true);
    assert_true(pl_drive_go_on(&drive));
    assert_int_equal(rests, 1);
}

static void one_that_is_to_stop_is_not_tried_again(void **state) {
    (void)state;
    assert_true(pl_drive_try_again(&drive));
    assert_int_equal(drive.delay, PL_SECOND);
    drive.stopping = true;
    assert_false(pl_drive_try_again(&drive));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_rests_and_then_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(it_begins_behind_the_last_change, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rest_ends_when_the_group_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_in_front_of_a_rest_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_to_stop_is_not_tried_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
