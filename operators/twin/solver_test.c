/* The solver by problems whose answers are known: events, limits, sensitivities, sparse against band, algebraic
 * unknowns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "solver.h"

struct decay {
    double rate, stop_below;
    const char *limit;
};

static int decaying(double t, const double *y, double *rate, void *self) {
    (void)t;
    struct decay *d = self;
    d->limit = y[0] < d->stop_below ? "nothing is left" : NULL;
    rate[0] = -d->rate * y[0];
    return d->limit != NULL;
}

static int half_left(double t, const double *y, double *value, void *self) {
    (void)t, (void)self;
    value[0] = y[0] - 0.5;
    return 0;
}

static void test_an_event_ends_an_advance_where_it_is(void **state) {
    (void)state;
    struct decay d = {.rate = 2};
    struct solver_problem problem = {
        .size = 1, .model = &d, .rate = decaying, .events = 1, .event = half_left, .relative = 1e-9, .absolute = 1e-12};
    struct solver *s;
    double y = 1;
    int found;
    assert_int_equal(solver_new(&s, &problem, 0, &y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, 10, &found, NULL), PL_OK);
    assert_int_equal(found, 0);
    assert_true(fabs(solver_time(s) - log(2) / 2) < 1e-8);
    assert_int_equal(solver_advance(s, 1, &found, NULL), PL_OK);
    assert_int_equal(found, -1);
    assert_true(solver_time(s) == 1);
    assert_true(fabs(solver_state(s)[0] - exp(-2)) < 1e-7);
    y = 5;
    assert_int_equal(solver_restart(s, 1, &y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, 2, &found, NULL), PL_OK);
    assert_true(fabs(solver_state(s)[0] - 5 * exp(-2)) < 1e-6);
    solver_free(s);
}

static void test_a_limit_is_named_and_work_is_bounded(void **state) {
    (void)state;
    struct decay d = {.rate = 1, .stop_below = 0.1};
    struct solver_problem problem = {
        .size = 1, .model = &d, .rate = decaying, .relative = 1e-6, .absolute = 1e-9, .limit = &d.limit};
    struct solver *s;
    struct pl_error *error = NULL;
    double y = 1;
    assert_int_equal(solver_new(&s, &problem, 0, &y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, 10, NULL, &error), PL_RANGE);
    assert_non_null(strstr(error->text, "nothing is left"));
    assert_true(isfinite(solver_state(s)[0]));
    pl_error_free(&error);
    solver_free(s);
    d.stop_below = -1;
    problem.relative = 1e-12;
    problem.steps = 5;
    assert_int_equal(solver_new(&s, &problem, 0, &y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, 10, NULL, &error), PL_LIMIT);
    assert_non_null(strstr(error->text, "5 steps"));
    pl_error_free(&error);
    solver_free(s);
}

static int by_parameter(double t, const double *y, double *rate, void *self) {
    (void)t;
    const double *p = self;
    rate[0] = -p[0] * y[0] + p[1];
    return 0;
}

/* y = b/a + (1 - b/a) e^(-a t) */
static void test_sensitivities_are_derivatives(void **state) {
    (void)state;
    double p[] = {0.7, 0.2}, scales[] = {0.7, 0.2}, y = 1, t = 3, a = p[0], b = p[1], e = exp(-a * t);
    struct solver_problem problem = {.size = 1,
                                     .model = p,
                                     .rate = by_parameter,
                                     .relative = 1e-9,
                                     .absolute = 1e-12,
                                     .sensitivities = 2,
                                     .parameters = p,
                                     .scales = scales};
    struct solver *s;
    assert_int_equal(solver_new(&s, &problem, 0, &y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, t, NULL, NULL), PL_OK);
    double by_a = -b / (a * a) * (1 - e) - (1 - b / a) * t * e, by_b = (1 - e) / a;
    assert_true(fabs(solver_sensitivity(s, 0)[0] / by_a - 1) < 1e-6);
    assert_true(fabs(solver_sensitivity(s, 1)[0] / by_b - 1) < 1e-6);
    solver_free(s);
}

enum { CHAIN = 40 };

static int chain(double t, const double *y, double *rate, void *self) {
    (void)t, (void)self;
    for (int i = 0; i < CHAIN; i++)
        rate[i] = 100 * ((i ? y[i - 1] : 1) - 2 * y[i] + (i + 1 < CHAIN ? y[i + 1] : 0)) - y[i] * y[i];
    return 0;
}

static void test_a_sparse_jacobian_does_what_a_band_does(void **state) {
    (void)state;
    double y[CHAIN] = {0};
    struct pattern *pattern = pattern_new(CHAIN);
    for (int i = 0; i < CHAIN; i++) {
        pattern_add(pattern, i, i - 1);
        pattern_add(pattern, i, i + 1);
    }
    assert_true(pattern_finish(pattern));
    assert_int_equal(pattern->colours, 3);
    assert_int_equal(pattern->entries, 3 * CHAIN - 2);
    struct solver_problem problem = {
        .size = CHAIN, .rate = chain, .lower = 1, .upper = 1, .relative = 1e-9, .absolute = 1e-12};
    struct solver *band, *sparse;
    assert_int_equal(solver_new(&band, &problem, 0, y, NULL), PL_OK);
    problem.pattern = pattern;
    assert_int_equal(solver_new(&sparse, &problem, 0, y, NULL), PL_OK);
    assert_int_equal(solver_advance(band, 2, NULL, NULL), PL_OK);
    assert_int_equal(solver_advance(sparse, 2, NULL, NULL), PL_OK);
    for (int i = 0; i < CHAIN; i++)
        assert_true(fabs(solver_state(band)[i] - solver_state(sparse)[i]) < 1e-8);
    assert_true(solver_effort(sparse).steps < 2 * solver_effort(band).steps);
    solver_free(band);
    solver_free(sparse);
    pattern_free(pattern);
}

/* y' = z, 0 = z + y: the second unknown is algebraic, and starts wrong. */
static int algebraic(double t, const double *y, const double *speed, double *out, void *self) {
    (void)t, (void)self;
    out[0] = y[1] - speed[0];
    out[1] = y[1] + y[0];
    return 0;
}

/* From the same state on the same bits, whatever was factorised before. */
static void test_a_restart_depends_on_the_state_alone(void **state) {
    (void)state;
    double y[CHAIN], other[CHAIN];
    struct pattern *pattern = pattern_new(CHAIN);
    for (int i = 0; i < CHAIN; i++) {
        pattern_add(pattern, i, i - 1);
        pattern_add(pattern, i, i + 1);
        y[i] = sin(i);
        other[i] = 1e3 * cos(i);
    }
    assert_true(pattern_finish(pattern));
    struct solver_problem problem = {
        .size = CHAIN, .rate = chain, .pattern = pattern, .relative = 1e-6, .absolute = 1e-9};
    struct solver *fresh, *used;
    assert_int_equal(solver_new(&fresh, &problem, 0, y, NULL), PL_OK);
    assert_int_equal(solver_new(&used, &problem, 0, other, NULL), PL_OK);
    for (int round = 0; round < 3; round++) {
        solver_advance(used, solver_time(used) + 0.01 * (round + 1), NULL, NULL);
        assert_int_equal(solver_restart(used, 0, y, NULL), PL_OK);
    }
    assert_int_equal(solver_advance(fresh, 2, NULL, NULL), PL_OK);
    assert_int_equal(solver_advance(used, 2, NULL, NULL), PL_OK);
    assert_memory_equal(solver_state(fresh), solver_state(used), sizeof y);
    solver_free(fresh);
    solver_free(used);
    pattern_free(pattern);
}

static void test_algebraic_unknowns_are_made_consistent(void **state) {
    (void)state;
    static const double differential[] = {1, 0};
    double y[] = {1, 17};
    for (int sparse = 0; sparse < 2; sparse++) {
        struct pattern *pattern = pattern_new(2);
        pattern_add_block(pattern, 0, 2, 0, 2);
        assert_true(pattern_finish(pattern));
        struct solver_problem problem = {.size = 2,
                                         .residual = algebraic,
                                         .differential = differential,
                                         .lower = 1,
                                         .upper = 1,
                                         .pattern = sparse ? pattern : NULL,
                                         .relative = 1e-9,
                                         .absolute = 1e-12};
        struct solver *s;
        assert_int_equal(solver_new(&s, &problem, 0, y, NULL), PL_OK);
        assert_true(fabs(solver_state(s)[1] + 1) < 1e-8);
        assert_int_equal(solver_advance(s, 1, NULL, NULL), PL_OK);
        assert_true(fabs(solver_state(s)[0] - exp(-1)) < 1e-7);
        assert_true(fabs(solver_state(s)[1] + exp(-1)) < 1e-7);
        solver_free(s);
        pattern_free(pattern);
    }
}

/* ---- Sums that are kept ---- */

enum { LOSING = 40 };

/* Cells that lose by a law of their own, and what they have lost together. */
static int losing(double t, const double *y, double *rate, void *self) {
    (void)t, (void)self;
    rate[LOSING] = 0;
    for (int i = 0; i < LOSING; i++) {
        rate[i] = -pow(10, i % 7) * (y[i] * y[i] - 1e-4 * i);
        rate[LOSING] -= rate[i];
    }
    return 0;
}

/* How far the sum has moved at the end. */
static double lost_track(bool closed, int *colours) {
    struct pattern *pattern = pattern_new(LOSING + 1);
    double y[LOSING + 1], absolutes[LOSING + 1], weights[LOSING + 1], sum = 0;
    for (int i = 0; i <= LOSING; i++) {
        y[i] = i < LOSING ? 1 + 0.1 * i : 0;
        absolutes[i] = i < LOSING ? 1e-5 : 1e6;
        weights[i] = 1;
        sum += y[i];
    }
    if (closed) pattern_close(pattern, LOSING);
    assert_true(pattern_finish(pattern));
    *colours = pattern->colours;
    struct solver_problem problem = {.size = LOSING + 1,
                                     .rate = losing,
                                     .pattern = pattern,
                                     .weights = weights,
                                     .relative = 1e-3,
                                     .absolute = 1e-5,
                                     .absolutes = absolutes};
    struct solver *s;
    assert_int_equal(solver_new(&s, &problem, 0, y, NULL), PL_OK);
    assert_int_equal(solver_advance(s, 100, NULL, NULL), PL_OK);
    for (int i = 0; i <= LOSING; i++)
        sum -= solver_state(s)[i];
    solver_free(s);
    pattern_free(pattern);
    return fabs(sum);
}

static void test_a_closing_row_keeps_the_sum_and_costs_no_colour(void **state) {
    (void)state;
    int colours, closed;
    double left_out = lost_track(false, &colours), kept = lost_track(true, &closed);
    print_message("a tally whose slopes are left out is %.1e off, the closing row %.1e\n", left_out, kept);
    assert_int_equal(closed, colours);
    assert_true(kept < 1e-10);
    assert_true(left_out > 1e-6);
}

static int draining(double t, const double *y, double *rate, void *self) {
    (void)t, (void)self;
    rate[0] = -10;
    return !(y[0] > 0);
}

/* What cannot go on is not there in time: steps that shrink for ever end, and the time stays. */
static void test_steps_that_shrink_to_nothing_are_no_way_on(void **state) {
    (void)state;
    struct solver_problem problem = {.size = 1, .rate = draining, .relative = 1e-2, .absolute = 10};
    struct solver *s;
    double y = 0.33;
    assert_int_equal(solver_new(&s, &problem, 20, &y, NULL), PL_OK);
    for (int turn = 0; turn < 3; turn++) {
        struct pl_model_allowance allowance = {.longest = turn * 0.3};
        solver_allow(s, &allowance);
        assert_int_equal(solver_advance(s, 25, NULL, NULL), PL_LIMIT);
        assert_true(solver_time(s) < 20.034 && solver_state(s)[0] > 0);
        assert_int_equal(solver_restart(s, solver_time(s), solver_state(s), NULL), PL_OK);
    }
    solver_free(s);
}

/* No algebraic unknown fits, and each evaluation says something else, so that a search never knows that it is lost. */
static int astray(double t, const double *y, const double *speed, double *residual, void *self) {
    (void)t;
    long *asked = self;
    residual[0] = speed[0] + y[1];
    residual[1] = 2 + sin(1e3 * y[1] + (double)++*asked);
    return 0;
}

static void test_opening_is_bounded(void **state) {
    (void)state;
    static const double differential[] = {1, 0};
    long asked = 0;
    struct solver_problem problem = {.size = 2,
                                     .model = &asked,
                                     .residual = astray,
                                     .differential = differential,
                                     .lower = 1,
                                     .upper = 1,
                                     .relative = 1e-6,
                                     .absolute = 1e-6};
    struct solver *s;
    struct pl_error *error = NULL;
    double y[2] = {1, 1};
    enum pl_code code = solver_new(&s, &problem, 0, y, &error);
    assert_true(code == PL_LIMIT || code == PL_RANGE);
    assert_non_null(error);
    assert_null(s);
    print_message("%ld evaluations: %s\n", asked, error->text);
    assert_true(asked <= SOLVER_OPENING);
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_ends_an_advance_where_it_is),
        cmocka_unit_test(test_a_limit_is_named_and_work_is_bounded),
        cmocka_unit_test(test_sensitivities_are_derivatives),
        cmocka_unit_test(test_a_sparse_jacobian_does_what_a_band_does),
        cmocka_unit_test(test_a_restart_depends_on_the_state_alone),
        cmocka_unit_test(test_algebraic_unknowns_are_made_consistent),
        cmocka_unit_test(test_a_closing_row_keeps_the_sum_and_costs_no_colour),
        cmocka_unit_test(test_steps_that_shrink_to_nothing_are_no_way_on),
        cmocka_unit_test(test_opening_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
