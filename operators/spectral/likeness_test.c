/* The distance to the most similar window is that of the definition, whatever is in the series. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "likeness.h"

enum { ROOM = 700, WINDOW = 12 };

static double ring[ROOM];

/* A window of mean 0 that is divided by its deviation, or by `floor`. */
static void shape(uint64_t end, double floor, double shape[WINDOW]) {
    double mean = 0, squares = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        mean += (shape[i] = ring[(end + 1 - WINDOW + i) % ROOM]) / WINDOW;
    for (unsigned i = 0; i < WINDOW; i++)
        squares += (shape[i] - mean) * (shape[i] - mean) / WINDOW;
    for (unsigned i = 0; i < WINDOW; i++)
        shape[i] = (shape[i] - mean) / fmax(sqrt(squares), floor);
}

static double by_definition(uint64_t rows, uint64_t held, double floor) {
    double newest[WINDOW], other[WINDOW], best = INFINITY;
    shape(rows - 1, floor, newest);
    for (uint64_t end = rows - held + WINDOW - 1; end + WINDOW < rows; end++) {
        double sum = 0;
        shape(end, floor, other);
        for (unsigned i = 0; i < WINDOW; i++)
            sum += (newest[i] - other[i]) * (newest[i] - other[i]) / WINDOW;
        best = fmin(best, sum);
    }
    return sqrt(best);
}

static void it_is_the_definition(void **state) {
    (void)state;
    struct likeness l;
    assert_true(likeness_init(&l, WINDOW));
    srand(1);
    unsigned compared = 0;
    for (uint64_t rows = 1; rows <= 3000; rows++) {
        const double level = rows % 1000 < 100 ? 5 : sin((double)rows * 0.3) + rand() / (double)RAND_MAX;
        ring[(rows - 1) % ROOM] = 1e3 + level;
        const struct likeness_series series = {ring, ROOM, rows, rows < ROOM ? rows : ROOM};
        struct likeness_found found;
        if (!likeness_find(&l, &series, 0.1, 0, &found)) {
            assert_true(rows < 2 * WINDOW);
            continue;
        }
        const double expected = by_definition(rows, series.held, 0.1);
        if (fabs(found.distance - expected) > 1e-5) fail_msg("row %d: %g, not %g", (int)rows, found.distance, expected);
        if (found.distance > 1e-3) { /* the place, too, where it is the only one */
            double here[WINDOW], there[WINDOW], sum = 0;
            shape(rows - 1, 0.1, here);
            shape(found.row, 0.1, there);
            for (unsigned i = 0; i < WINDOW; i++)
                sum += (here[i] - there[i]) * (here[i] - there[i]) / WINDOW;
            assert_true(fabs(sqrt(sum) - expected) < 1e-5);
        }
        compared++;
    }
    assert_true(compared > 2900);
    likeness_fini(&l);
}

/* Near enough is near enough: fewer blocks, and never a distance that is less than the true one. */
static void it_ends_when_near_enough(void **state) {
    (void)state;
    struct likeness l;
    assert_true(likeness_init(&l, WINDOW));
    srand(2);
    for (uint64_t row = 0; row < ROOM; row++)
        ring[row] = sin((double)row * 0.4) + 0.05 * rand() / (double)RAND_MAX;
    const struct likeness_series series = {ring, ROOM, ROOM, ROOM};
    struct likeness_found all, near;
    assert_true(likeness_find(&l, &series, 0.01, 0, &all) && likeness_find(&l, &series, 0.01, 0.5, &near));
    assert_true(near.distance <= 0.5 && near.distance >= all.distance);
    assert_int_equal(near.blocks, 1);
    assert_true(all.blocks > 5);
    likeness_fini(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_definition),
        cmocka_unit_test(it_ends_when_near_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
