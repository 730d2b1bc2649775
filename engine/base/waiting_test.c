/* Who waits, and who does not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/waiting.h"

static void a_wait_is_seen_until_its_end(void **state) {
    (void)state;
    struct pl_waiting waiting = {0};
    pl_waiting_here(&waiting);
    assert_false(pl_waiting_is(&waiting));
    pl_waiting_begin();
    pl_waiting_begin(); /* a call inside another one */
    pl_waiting_end();
    assert_true(pl_waiting_is(&waiting));
    assert_int_equal(pl_waiting_last(&waiting), 0);
    pl_waiting_end();
    assert_false(pl_waiting_is(&waiting));
    assert_true(pl_waiting_last(&waiting) > 0);
    pl_waiting_here(NULL);
}

static void a_thread_without_a_mark_may_wait(void **state) {
    (void)state;
    pl_waiting_begin();
    pl_waiting_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_is_seen_until_its_end),
        cmocka_unit_test(a_thread_without_a_mark_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
