/* Means and covariances row by row, beside those of all rows at once. */
#include "covariance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 3, STRIDE = 4, ROWS = 400 };

static double random_number(void) {
    return rand() / (double)RAND_MAX - 0.5;
}

/* The third is the first less the second; far from 0, where squares lose digits. */
static void make_rows(double *rows) {
    srand(3);
    for (unsigned i = 0; i < ROWS; i++) {
        double *row = rows + (size_t)i * STRIDE;
        row[0] = 1e6 + random_number();
        row[1] = 1e6 + 2 * random_number() + row[0] - 1e6;
        row[2] = row[0] - row[1];
        row[3] = (double)NAN; /* behind the width: nobody looks at it */
    }
}

/* With weights that fall by 1 - w from row to row; those of the beginning are 1 / n each. */
static void compare(const struct covariance *c, const double *rows, const double *weight) {
    double mean[WIDTH] = {0}, total = 0, squares = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        total += weight[i];
        squares += weight[i] * weight[i];
        for (unsigned s = 0; s < WIDTH; s++)
            mean[s] += weight[i] * rows[(size_t)i * STRIDE + s];
    }
    assert_true(fabs(total - 1) < 1e-12);
    assert_true(fabs(covariance_rows(c) * squares - 1) < 1e-9);
    for (unsigned s = 0; s < WIDTH; s++) {
        assert_true(fabs(c->mean[s] - mean[s]) < 1e-8);
        for (unsigned o = 0; o <= s; o++) {
            double cross = 0;
            for (unsigned i = 0; i < ROWS; i++)
                cross +=
                    weight[i] * (rows[(size_t)i * STRIDE + s] - mean[s]) * (rows[(size_t)i * STRIDE + o] - mean[o]);
            assert_true(fabs(c->cross[(size_t)s * STRIDE + o] - cross) < 1e-8);
        }
    }
}

static void as_all_rows_at_once(void **state) {
    (void)state;
    enum { FIRST = 100 };
    static const double w = 1.0 / FIRST;
    double rows[ROWS * STRIDE], weight[ROWS], mean[WIDTH], cross[WIDTH * STRIDE], scratch[WIDTH], squares;
    struct covariance c = {mean, cross, &squares, WIDTH, STRIDE};
    make_rows(rows);
    covariance_learn(&c, rows, ROWS, scratch);
    for (unsigned i = 0; i < ROWS; i++)
        weight[i] = 1.0 / ROWS;
    compare(&c, rows, weight);

    covariance_learn(&c, rows, FIRST, scratch);
    for (unsigned i = FIRST; i < ROWS; i++)
        assert_true(covariance_add(&c, rows + (size_t)i * STRIDE, w, scratch));
    for (unsigned i = 0; i < ROWS; i++)
        weight[i] = (i < FIRST ? 1.0 / FIRST : w) * pow(1 - w, i < FIRST ? ROWS - FIRST : ROWS - 1 - i);
    compare(&c, rows, weight);
}

static void in_the_end_twice_the_memory(void **state) {
    (void)state;
    double mean, cross, scratch, squares, row = 1;
    struct covariance c = {&mean, &cross, &squares, 1, 1};
    covariance_learn(&c, &row, 1, &scratch);
    assert_true(covariance_rows(&c) == 1);
    for (unsigned i = 0; i < 5000; i++)
        assert_true(covariance_add(&c, &row, 1.0 / 300, &scratch));
    assert_true(fabs(covariance_rows(&c) - 599) < 1e-6);
    assert_true(mean == 1 && cross == 0);
}

static void numbers_without_a_square_change_nothing(void **state) {
    (void)state;
    double rows[ROWS * STRIDE], mean[WIDTH], cross[WIDTH * STRIDE], scratch[WIDTH], squares, before[WIDTH * STRIDE];
    struct covariance c = {mean, cross, &squares, WIDTH, STRIDE};
    make_rows(rows);
    covariance_learn(&c, rows, ROWS, scratch);
    memcpy(before, cross, sizeof before);
    for (unsigned k = 0; k < 3; k++) {
        double row[WIDTH] = {1e6, 1e6, 0};
        row[k] = k == 0 ? (double)NAN : k == 1 ? (double)INFINITY : -1e200;
        assert_false(covariance_add(&c, row, 0.01, scratch));
        assert_memory_equal(before, cross, sizeof before);
    }
}

/* Of a signal that is not known mean and variance stay as they are, however long; what is known of the others is as
 * without it, and no correlation becomes one that cannot be. */
static void a_signal_that_is_not_known_stays(void **state) {
    (void)state;
    enum { FIRST = 100 };
    static const bool none[WIDTH] = {false, false, false}, second[WIDTH] = {false, true, false};
    double rows[ROWS * STRIDE], mean[WIDTH], cross[WIDTH * STRIDE], scratch[WIDTH], squares;
    double mean_all[WIDTH], cross_all[WIDTH * STRIDE], squares_all;
    struct covariance c = {mean, cross, &squares, WIDTH, STRIDE},
                      all = {mean_all, cross_all, &squares_all, WIDTH, STRIDE};
    make_rows(rows);
    covariance_learn(&c, rows, FIRST, scratch);
    covariance_learn(&all, rows, FIRST, scratch);
    const double stays = mean[1], scatters = cross[STRIDE + 1], together = cross[STRIDE];
    for (unsigned i = FIRST; i < ROWS; i++) {
        double *row = rows + (size_t)i * STRIDE;
        assert_true(covariance_add_known(&all, row, none, 0.01, scratch));
        row[1] = 1e300;
        assert_true(covariance_add_known(&c, row, second, 0.01, scratch));
    }
    assert_true(mean[1] == stays && fabs(cross[STRIDE + 1] - scatters) < 1e-9 * scatters);
    assert_true(fabs(cross[STRIDE] - together * pow(0.99, (ROWS - FIRST) / 2.0)) < 1e-9);
    assert_true(mean[0] == mean_all[0] && mean[2] == mean_all[2]);
    assert_true(cross[0] == cross_all[0] && cross[2 * STRIDE] == cross_all[2 * STRIDE]);
    for (unsigned s = 0; s < WIDTH; s++)
        for (unsigned o = 0; o < s; o++)
            assert_true(cross[s * STRIDE + o] * cross[s * STRIDE + o] <=
                        cross[s * STRIDE + s] * cross[o * STRIDE + o] * (1 + 1e-12));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_all_rows_at_once),
        cmocka_unit_test(in_the_end_twice_the_memory),
        cmocka_unit_test(numbers_without_a_square_change_nothing),
        cmocka_unit_test(a_signal_that_is_not_known_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
