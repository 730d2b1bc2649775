/* Eigenvalues and eigenvectors against their definition: A v = value v, vectors of length 1 at right angles. */
#include "symmetric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../testing.h"

static double entry(unsigned kind, unsigned i, unsigned j) {
    const double low = i < j ? i : j, high = i < j ? j : i;
    switch (kind) {
    case 0: return i == j ? 1 : 0.3 * cos(7.3 * low + high * high);
    case 1: return i == j ? low : 0;                      /* diagonal already */
    case 2: return 1;                                     /* one direction only */
    case 3: return i == j || high - low == 3 ? 0.5 : 0;   /* in blocks, values more than once */
    default: return pow(10, -low / 4) * (i == j ? 1 : 0); /* of all sizes */
    }
}

static void check(unsigned kind, uint32_t n) {
    enum { STRIDE = 45 };
    double a[40 * STRIDE], value[40], scratch[40];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            a[i * STRIDE + j] = j <= i ? entry(kind, i, j) : (double)NAN; /* the upper triangle is not looked at */
    assert_true(symmetric_eigen(a, n, STRIDE, value, scratch));
    double trace = 0, size = 0;
    for (uint32_t k = 0; k < n; k++) {
        trace += value[k] - entry(kind, k, k);
        for (uint32_t i = 0; i < n; i++) {
            double product = 0, cross = 0;
            for (uint32_t j = 0; j < n; j++) {
                product += entry(kind, i, j) * a[k * STRIDE + j];
                cross += a[i * STRIDE + j] * a[k * STRIDE + j];
                size = fmax(size, fabs(entry(kind, i, j)) * n);
            }
            assert_true(fabs(product - value[k] * a[k * STRIDE + i]) <= 1e-13 * size);
            assert_true(fabs(cross - (i == k)) < 1e-12);
        }
        assert_true(k == 0 || value[k] <= value[k - 1]);
    }
    assert_true(fabs(trace) <= 1e-12 * size);
}

static void vectors_are_eigenvectors(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++)
        for (uint32_t n = 0; n <= 40; n += n < 6 ? 1 : 17)
            check(kind, n);
}

static void what_is_no_number_ends(void **state) {
    (void)state;
    double a[] = {1, 0, 0, (double)NAN, 1, 0, 0, (double)INFINITY, 1}, value[3], scratch[3];
    assert_false(symmetric_eigen(a, 3, 3, value, scratch));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_eigenvectors),
        cmocka_unit_test(what_is_no_number_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
