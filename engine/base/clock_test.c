#include "base/clock.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void the_wall_clock_is_the_machines(void **state) {
    (void)state;
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_WALL, 5);
    int64_t before = (int64_t)time(NULL);
    pl_time now = pl_clock_now(&clock);
    int64_t after = (int64_t)time(NULL);
    assert_in_range(now / PL_SECOND, before - 1, after + 1); /* the two may read different ticks */
    assert_false(pl_clock_set(&clock, PL_TIME_MAX));
}

static void a_set_clock_goes_forward_only(void **state) {
    (void)state;
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_LOG, PL_TIME_MIN);
    assert_int_equal(PL_TIME_MIN, pl_clock_now(&clock));
    assert_true(pl_clock_set(&clock, -5));
    assert_true(pl_clock_set(&clock, 100));
    assert_true(pl_clock_set(&clock, 100));
    assert_false(pl_clock_set(&clock, 99));
    assert_int_equal(100, pl_clock_now(&clock));
    assert_true(pl_clock_set(&clock, PL_TIME_MAX));
    assert_int_equal(PL_TIME_MAX, pl_clock_now(&clock));
}

static void monotonic_time_passes(void **state) {
    (void)state;
    int64_t last = pl_clock_monotonic();
    for (unsigned i = 0; i < 1000; i++) {
        int64_t now = pl_clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
}

enum { STEPS = 20000 };

static void *push_forward(void *clock) {
    for (pl_time t = 0; t < STEPS; t++)
        pl_clock_set(clock, t);
    return NULL;
}

static void nobody_sees_time_go_back(void **state) {
    (void)state;
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_PLANT, 0);
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, push_forward, &clock));
    pl_time last = 0;
    while (last < STEPS - 1) {
        pl_time now = pl_clock_now(&clock);
        assert_true(now >= last);
        last = now;
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(STEPS - 1, pl_clock_now(&clock));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_clock_is_the_machines),
        cmocka_unit_test(a_set_clock_goes_forward_only),
        cmocka_unit_test(monotonic_time_passes),
        cmocka_unit_test(nobody_sees_time_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
