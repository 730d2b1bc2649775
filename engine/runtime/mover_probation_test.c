/* When a graph on probation is taken back, and when it has stood: by looks at whether the engine is well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/mover_impl.h"

static const int64_t begin = 5 * PL_SECOND, end = 35 * PL_SECOND;

static int64_t since;

static enum pl__verdict look(bool ill, int64_t now) {
    return pl__mover_judge(ill, &since, now, end);
}

static int fresh(void **state) {
    (void)state;
    since = 0;
    return 0;
}

static void stands_when_well_at_its_end(void **state) {
    (void)state;
    assert_int_equal(look(false, begin), PL__UNDECIDED);
    assert_int_equal(look(false, end - 1), PL__UNDECIDED);
    assert_int_equal(look(false, end), PL__STOOD);
}

static void is_taken_back_when_ill_for_two_seconds(void **state) {
    (void)state;
    assert_int_equal(look(true, begin), PL__UNDECIDED);
    assert_int_equal(look(true, begin + 2 * PL_SECOND - 1), PL__UNDECIDED);
    assert_int_equal(look(true, begin + 2 * PL_SECOND), PL__NOT_WELL);
}

static void what_passes_does_not_add_up(void **state) {
    (void)state;
    assert_int_equal(look(true, begin), PL__UNDECIDED);
    assert_int_equal(look(false, begin + PL_SECOND), PL__UNDECIDED);
    assert_int_equal(look(true, begin + 2 * PL_SECOND), PL__UNDECIDED);
    assert_int_equal(look(true, begin + 3 * PL_SECOND), PL__UNDECIDED);
}

/* As when partitions move in its last moment. */
static void what_begins_at_its_end_may_pass(void **state) {
    (void)state;
    assert_int_equal(look(true, end), PL__UNDECIDED);
    assert_int_equal(look(true, end + PL_SECOND), PL__UNDECIDED);
    assert_int_equal(look(false, end + PL_SECOND + 1), PL__STOOD);
}

static void what_begins_at_its_end_and_lasts_counts(void **state) {
    (void)state;
    assert_int_equal(look(true, end - PL_SECOND), PL__UNDECIDED);
    assert_int_equal(look(true, end), PL__UNDECIDED);
    assert_int_equal(look(true, end + PL_SECOND), PL__NOT_WELL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(stands_when_well_at_its_end, fresh),
        cmocka_unit_test_setup(is_taken_back_when_ill_for_two_seconds, fresh),
        cmocka_unit_test_setup(what_passes_does_not_add_up, fresh),
        cmocka_unit_test_setup(what_begins_at_its_end_may_pass, fresh),
        cmocka_unit_test_setup(what_begins_at_its_end_and_lasts_counts, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
