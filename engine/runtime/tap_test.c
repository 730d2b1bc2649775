#include "runtime/tap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants four of the above */
#include <cmocka.h>

static void count_wake(void *arg) {
    ++*(unsigned *)arg;
}

static void a_full_tap_counts_the_rows_it_drops(void **state) {
    (void)state;
    unsigned wakes = 0, taken = 0;
    struct pl_tap *list = NULL, *tap = pl_tap_new(1, count_wake, &wakes);
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 4, 0);
    batch->rows = 3;
    pl_tap_attach(&list, tap);
    pl_tap_offer(list, 0, batch); /* of another port */
    assert_null(pl_tap_take(tap));
    for (unsigned i = 0; i < PL_TAP_BATCHES + 5; i++)
        pl_tap_offer(list, 1, batch);
    assert_int_equal(wakes, 1);
    assert_int_equal(pl_tap_dropped(tap), 15);
    for (struct pl_batch *got; (got = pl_tap_take(tap)); taken++) {
        assert_ptr_equal(got, batch);
        pl_batch_unref(got);
    }
    assert_int_equal(taken, PL_TAP_BATCHES);
    pl_tap_offer(list, 1, batch);
    assert_int_equal(wakes, 2);
    pl_tap_detach(&list, tap);
    assert_null(list);
    pl_tap_free(tap); /* with a batch in it */
    pl_batch_unref(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_tap_counts_the_rows_it_drops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
