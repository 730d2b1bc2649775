#include <potline/beta.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
/* cmocka wants the above */
#include <cmocka.h>

#include <potline/alloc.h>

static void test_shares_are_those_of_closed_forms(void **state) {
    (void)state;
    static const double x[] = {1e-9, 0.1, 0.5, 0.9, 1 - 1e-9};
    for (unsigned i = 0; i < PL_COUNT_OF(x); i++) {
        assert_true(fabs(pl_beta_log_share(x[i], 1, 1) - log(x[i])) < 1e-12);
        assert_true(fabs(pl_beta_log_share(x[i], 3, 1) - 3 * log(x[i])) < 1e-12 * fabs(log(x[i])) + 1e-12);
        double both = exp(pl_beta_log_share(x[i], 7.5, 40)) + exp(pl_beta_log_share(1 - x[i], 40, 7.5));
        assert_true(fabs(both - 1) < 1e-12);
    }
}

/* Detectors ask for it in the stream: what is no number is told at once, and not looked for in many rounds. */
static void test_outside_it_ends_at_once(void **state) {
    (void)state;
    enum { CALLS = 20000 };
    static const double outside[] = {-INFINITY, -1, 0, 1, 2, INFINITY};
    for (unsigned i = 0; i < PL_COUNT_OF(outside); i++) {
        double is = pl_beta_log_share(outside[i], 2, 3);
        assert_true(outside[i] <= 0 ? is == -INFINITY : is == 0);
    }
    clock_t begun = clock();
    for (int i = 0; i < CALLS; i++) {
        assert_true(isnan(pl_beta_log_share(NAN, 2, 3)));
        assert_true(isnan(pl_beta_log_share(0.5, NAN, 3)));
        assert_true(isnan(pl_beta_log_share(0.5, 2, NAN)));
    }
    assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 5); /* a hundred thousand rounds each were minutes */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_are_those_of_closed_forms),
        cmocka_unit_test(test_outside_it_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
