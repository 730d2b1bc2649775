#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guess.c"

enum { ROWS = 600 };

struct run {
    struct guess_rule rule;
    pl_time delay;
    struct trail *trail;
    void *scratch;
    unsigned decided;
    enum guess_verdict verdict[ROWS];
    double value[ROWS][GUESS_DIMS];
};

static struct run *make(uint32_t dims, pl_time delay, pl_time longest) {
    struct run *r = calloc(1, sizeof *r);
    r->rule = (struct guess_rule){
        .dims = dims, .guesses = 24, .rows = 64, .noise = 0.1, .speed = 0.5, .memory = 20, .k = 4, .longest = longest};
    r->delay = delay;
    r->trail = calloc(1, trail_size(&r->rule));
    r->scratch = malloc(trail_size(&r->rule));
    return r;
}

static void end(struct run *r) {
    free(r->trail);
    free(r->scratch);
    free(r);
}

static void decide_one(struct run *r) {
    r->verdict[r->decided] = trail_decide(&r->rule, r->trail, r->value[r->decided]);
    r->decided++;
}

static void take(struct run *r, pl_time time, const double *value) {
    trail_follow(&r->rule, r->trail, r->scratch);
    while (r->trail->decided < r->trail->pushed &&
           (time - trail_row(&r->rule, r->trail, r->trail->decided)->time >= r->delay ||
            r->trail->pushed - r->trail->decided == r->rule.rows))
        decide_one(r);
    struct guess_row *row = trail_push(&r->rule, r->trail, time);
    for (uint32_t d = 0; d < r->rule.dims; d++) {
        row->value[d] = value[d];
        row->known |= 1u << d;
        if (!isnan(value[d])) row->present |= 1u << d;
    }
}

static void finish(struct run *r) {
    trail_follow(&r->rule, r->trail, r->scratch);
    while (r->trail->decided < r->trail->pushed)
        decide_one(r);
}

/* A signal that moves as the model thinks: slowly, with a little scatter. */
static double truth_at(unsigned i) {
    return 5 * sin(i / 40.0) + 2 * cos(i / 23.0);
}

static double scatter(void) {
    double sum = 0;
    for (unsigned i = 0; i < 3; i++)
        sum += rand() / (RAND_MAX + 1.0);
    return 0.1 * (sum - 1.5);
}

static unsigned wrong_between(const struct run *r, unsigned from, unsigned to) {
    unsigned wrong = 0;
    for (unsigned i = from; i < to; i++)
        wrong += r->verdict[i] != GUESS_KEPT;
    return wrong;
}

static void good_rows_are_kept(void **state) {
    (void)state;
    struct run *r = make(1, 10 * PL_SECOND, 10 * PL_SECOND);
    double given[ROWS];
    for (unsigned i = 0; i < ROWS; i++) {
        given[i] = truth_at(i) + scatter();
        take(r, i * PL_SECOND, &given[i]);
    }
    finish(r);
    assert_int_equal(r->decided, ROWS);
    assert_int_equal(wrong_between(r, 0, ROWS), 0);
    for (unsigned i = 0; i < ROWS; i++)
        assert_true(r->value[i][0] == given[i]);
    end(r);
}

static void single_errors_are_found_and_put_on_the_line(void **state) {
    (void)state;
    struct run *r = make(1, 10 * PL_SECOND, 10 * PL_SECOND);
    unsigned found = 0, false_alarms = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        double value = truth_at(i) + scatter() + (i % 50 == 25 ? 4 : 0);
        take(r, i * PL_SECOND, &value);
    }
    finish(r);
    for (unsigned i = 0; i < ROWS; i++) {
        bool wrong = i % 50 == 25;
        found += wrong && r->verdict[i] != GUESS_KEPT;
        false_alarms += !wrong && r->verdict[i] != GUESS_KEPT;
        assert_true(fabs(r->value[i][0] - truth_at(i)) < 0.4);
    }
    assert_int_equal(found, 12);
    assert_int_equal(false_alarms, 0);
    end(r);
}

/* Off by a constant for 40 rows, longer than the look-ahead: found as a shift, which is taken away. */
static void a_shift_that_comes_back_is_taken_away(void **state) {
    (void)state;
    struct run *r = make(1, 10 * PL_SECOND, 60 * PL_SECOND);
    for (unsigned i = 0; i < ROWS; i++) {
        double value = truth_at(i) + scatter() + (i >= 200 && i < 240 ? 3 : 0);
        take(r, i * PL_SECOND, &value);
    }
    finish(r);
    assert_int_equal(wrong_between(r, 200, 240), 40);
    assert_int_equal(wrong_between(r, 0, ROWS), 40);
    for (unsigned i = 200; i < 240; i++)
        assert_true(fabs(r->value[i][0] - truth_at(i)) < 0.5);
    end(r);
}

static void a_level_that_stays_is_believed(void **state) {
    (void)state;
    struct run *r = make(1, 10 * PL_SECOND, 10 * PL_SECOND);
    for (unsigned i = 0; i < ROWS; i++) {
        double value = truth_at(i) + scatter() + (i >= 200 ? 30 : 0);
        take(r, i * PL_SECOND, &value);
    }
    finish(r);
    assert_true(wrong_between(r, 0, 200) == 0);
    assert_true(wrong_between(r, 200, ROWS) <= 11); /* no error lasts longer than `longest` */
    end(r);
}

/* An error of 0.37 in each of two coordinates is less than 4 sigma (0.43) in either alone, and more in both. */
static void two_coordinates_find_what_one_does_not(void **state) {
    (void)state;
    unsigned found[3] = {0};
    for (uint32_t dims = 1; dims <= 2; dims++) {
        struct run *r = make(dims, 10 * PL_SECOND, 10 * PL_SECOND);
        r->rule.speed = 0.05;
        for (unsigned i = 0; i < ROWS; i++) {
            double off = i % 50 == 25 ? 0.37 : 0, value[GUESS_DIMS] = {scatter() + off, scatter() - off};
            take(r, i * PL_SECOND, value);
        }
        finish(r);
        for (unsigned i = 0; i < ROWS; i++)
            found[dims] += i % 50 == 25 && r->verdict[i] != GUESS_KEPT;
        end(r);
    }
    assert_true(found[2] > found[1] + 3);
}

static void missing_values_lie_on_the_line(void **state) {
    (void)state;
    struct run *r = make(1, 10 * PL_SECOND, 10 * PL_SECOND);
    for (unsigned i = 0; i < 100; i++) {
        double value = i >= 50 && i < 55 ? NAN : i * 0.1;
        take(r, i * PL_SECOND, &value);
    }
    finish(r);
    for (unsigned i = 50; i < 55; i++)
        assert_true(fabs(r->value[i][0] - i * 0.1) < 1e-9);
    end(r);
}

static void a_coordinate_that_begins_later_is_learned(void **state) {
    (void)state;
    struct run *r = make(2, 5 * PL_SECOND, 5 * PL_SECOND);
    for (unsigned i = 0; i < 200; i++) {
        double value[2] = {truth_at(i), i < 100 ? NAN : 1000 + truth_at(i)};
        take(r, i * PL_SECOND, value);
    }
    finish(r);
    assert_int_equal(wrong_between(r, 0, 200), 0);
    assert_true(isnan(r->value[99][1]));
    assert_true(r->value[100][1] == 1000 + truth_at(100));
    end(r);
}

static void too_many_waiting_rows_are_decided_early(void **state) {
    (void)state;
    struct run *r = make(1, PL_HOUR, PL_HOUR);
    for (unsigned i = 0; i < ROWS; i++) {
        double value = truth_at(i) + (i % 100 == 50 ? 9 : 0);
        take(r, i * PL_SECOND, &value);
        assert_true(r->trail->pushed - r->trail->decided <= 64);
    }
    finish(r);
    assert_int_equal(wrong_between(r, 0, ROWS), 6);
    end(r);
}

static void anything_leaves_finite_estimates(void **state) {
    (void)state;
    struct run *r = make(2, 3 * PL_SECOND, 6 * PL_SECOND);
    pl_time time = -1000 * PL_DAY;
    for (unsigned i = 0; i < ROWS; i++) {
        double value[2] = {(rand() % 1000 - 500) * pow(10, rand() % 12 - 3), rand() % 5 ? 0 : NAN};
        time += 1 + (pl_time)(rand() % 7 ? rand() % 1000 : rand()) * PL_MILLISECOND;
        take(r, time, value);
    }
    finish(r);
    assert_int_equal(r->decided, ROWS);
    for (unsigned i = 0; i < ROWS; i++)
        assert_true(isfinite(r->value[i][0]));
    end(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_rows_are_kept),
        cmocka_unit_test(single_errors_are_found_and_put_on_the_line),
        cmocka_unit_test(a_shift_that_comes_back_is_taken_away),
        cmocka_unit_test(a_level_that_stays_is_believed),
        cmocka_unit_test(two_coordinates_find_what_one_does_not),
        cmocka_unit_test(missing_values_lie_on_the_line),
        cmocka_unit_test(a_coordinate_that_begins_later_is_learned),
        cmocka_unit_test(too_many_waiting_rows_are_decided_early),
        cmocka_unit_test(anything_leaves_finite_estimates),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
