#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "grid.c"

static struct grid make(pl_time size, pl_time slide, pl_time offset) {
    struct grid grid;
    grid_init(&grid, size, slide, offset);
    return grid;
}

static void panes_are_aligned_to_1970_and_before(void **state) {
    (void)state;
    struct grid grid = make(10, 10, 0);
    static const struct {
        pl_time time, from, to;
    } cases[] = {{0, 0, 10}, {9, 0, 10}, {10, 10, 20}, {-1, -10, 0}, {-10, -10, 0}, {-11, -20, -10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pl_time from, to;
        grid_pane(&grid, cases[i].time, &from, &to);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
    }
}

static void offset_moves_panes_either_way(void **state) {
    (void)state;
    pl_time from, to;
    struct grid later = make(10, 10, 3), earlier = make(10, 10, -3);
    grid_pane(&later, 2, &from, &to);
    assert_int_equal(from, -7);
    grid_pane(&earlier, 7, &from, &to);
    assert_int_equal(from, 7);
    assert_int_equal(to, 17);
}

static void nothing_overflows_at_the_ends_of_time(void **state) {
    (void)state;
    struct grid grid = make(PL_DAY, PL_HOUR, -PL_MINUTE);
    pl_time from, to;
    grid_pane(&grid, PL_TIME_MAX, &from, &to);
    assert_true(from < PL_TIME_MAX);
    assert_int_equal(to, PL_TIME_MAX);
    grid_pane(&grid, PL_TIME_MIN, &from, &to);
    assert_int_equal(from, PL_TIME_MIN);
    assert_true(to > PL_TIME_MIN);
    assert_int_equal(grid_end_after(&grid, PL_TIME_MAX), PL_TIME_MAX);
    assert_int_equal(grid_end_until(&grid, PL_TIME_MIN), PL_TIME_MIN);
    assert_int_equal(grid_last_end(&grid, PL_TIME_MAX), PL_TIME_MAX);
    assert_int_equal(grid_start(&grid, PL_TIME_MIN), PL_TIME_MIN);
    assert_int_equal(grid_minus(PL_TIME_MIN, 1), PL_TIME_MIN);
}

/* Against windows written down one by one. */
static void windows_and_panes_fit(pl_time size, pl_time slide, pl_time offset) {
    struct grid grid = make(size, slide, offset);
    for (pl_time t = -60; t < 60; t++) {
        pl_time from, to, until = PL_TIME_MIN, after = PL_TIME_MAX, last = PL_TIME_MIN;
        grid_pane(&grid, t, &from, &to);
        for (pl_time k = -40; k <= 40; k++) {
            pl_time start = offset + k * slide, end = start + size;
            if (end <= t && end > until) until = end;
            if (end > t && end < after) after = end;
            if (start <= t && t < end && end > last) last = end;
            if ((start > from && start < to) || (end > from && end < to)) fail_msg("a window's end cuts a pane");
        }
        assert_int_equal(grid_end_until(&grid, t), until);
        assert_int_equal(grid_end_after(&grid, t), after);
        assert_int_equal(grid_last_end(&grid, from), last);
        assert_int_equal(grid_start(&grid, after), after - size);
    }
}

static void ends_are_those_of_the_windows(void **state) {
    (void)state;
    windows_and_panes_fit(10, 10, 0);
    windows_and_panes_fit(10, 5, 2);
    windows_and_panes_fit(15, 10, 0);
    windows_and_panes_fit(7, 3, -1);
    windows_and_panes_fit(12, 8, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panes_are_aligned_to_1970_and_before),
        cmocka_unit_test(offset_moves_panes_either_way),
        cmocka_unit_test(nothing_overflows_at_the_ends_of_time),
        cmocka_unit_test(ends_are_those_of_the_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
