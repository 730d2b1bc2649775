#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"

static bool setup(const char *place, const char *kib) {
    place ? setenv("POTLINE_FAULT", place, 1) : unsetenv("POTLINE_FAULT");
    kib ? setenv("POTLINE_FAULT_BUFFER", kib, 1) : unsetenv("POTLINE_FAULT_BUFFER");
    return pl_fault_setup();
}

static void test_nothing_happens_unasked(void **state) {
    (void)state;
    assert_true(setup(NULL, NULL));
    assert_false(PL_FAULT_FAILS("a"));
    assert_int_equal(pl_fault_buffer(1 << 20), 1 << 20);
}

static void test_the_nth_pass_fails_once(void **state) {
    (void)state;
    assert_true(setup("log.append:3:eio", NULL));
    for (int i = 1; i < 10; i++) {
        assert_false(PL_FAULT_FAILS("log.appended"));
        assert_int_equal(PL_FAULT_FAILS("log.append"), i == 3);
    }
}

static void test_the_process_dies(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        setup("here:2", NULL);
        PL_FAULT("here");
        PL_FAULT("here");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_what_is_no_place_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "a", "a:", ":1", "a:0", "a:-1", "a:x", "a:1:", "a:1:stop", "a:1:eio:"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(setup(wrong[i], NULL));
        assert_false(PL_FAULT_FAILS("a"));
    }
}

static void test_buffers_shrink_only(void **state) {
    (void)state;
    assert_true(setup(NULL, "64"));
    assert_int_equal(pl_fault_buffer(1 << 20), 64 << 10);
    assert_int_equal(pl_fault_buffer(4 << 10), 4 << 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happens_unasked), cmocka_unit_test(test_the_nth_pass_fails_once),
        cmocka_unit_test(test_the_process_dies),        cmocka_unit_test(test_what_is_no_place_is_refused),
        cmocka_unit_test(test_buffers_shrink_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
