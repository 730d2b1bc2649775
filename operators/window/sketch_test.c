#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sketch.c"

enum { VALUES = 50000 };

static double uniform(void) {
    return (rand() + 0.5) / (RAND_MAX + 1.0);
}

static double normal(void) {
    return sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

/* What a plant may send, and worse. */
static double bath(void) {
    return 960 + 5 * normal();
}
static double deviation(void) {
    return normal();
}
static double even(void) {
    return 10 * uniform() - 5;
}
static double skewed(void) {
    return exp(normal());
}
static double heavy_tail(void) {
    return pow(uniform(), -2);
}
static double below_zero(void) {
    return -exp(3 * normal());
}
static double steps(void) {
    return floor(uniform() * 40) / 4;
}
static double two_modes(void) {
    return uniform() < 0.97 ? 4.2 + 0.05 * normal() : 35 + normal();
}
static double with_zeros(void) {
    return uniform() < 0.5 ? 0 : uniform() < 0.5 ? -0.0 : normal();
}
static double every_scale(void) {
    double value = ldexp(uniform(), (int)(uniform() * 2000) - 1060);
    return uniform() < 0.5 ? value : -value;
}
static double ends(void) {
    return (uniform() < 0.5 ? -1 : 1) * 1.7976931348623157e308 * uniform();
}

static double (*const sources[])(void) = {bath,  deviation, even,       skewed,      heavy_tail, below_zero,
                                          steps, two_modes, with_zeros, every_scale, ends};
enum { SOURCES = sizeof sources / sizeof *sources };

static double value[VALUES];

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double exact(unsigned n, double q) {
    double rank = q * (n - 1), below = floor(rank), share = rank - below;
    double low = value[(unsigned)below], high = value[(unsigned)ceil(rank)];
    return low == high ? low : low * (1 - share) + high * share;
}

static void quantiles_keep_their_bound(void **state) {
    (void)state;
    static const double qs[] = {0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999};
    static const unsigned counts[] = {1, 2, 3, 100, 257, 300, 5000, VALUES};
    for (unsigned s = 0; s < SOURCES; s++)
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct sketch sketch = {0};
            unsigned n = counts[c];
            for (unsigned i = 0; i < n; i++)
                sketch_add(&sketch, value[i] = sources[s]());
            qsort(value, n, sizeof *value, ascending);
            double range = value[n - 1] / (SKETCH_BUCKETS - 1) - value[0] / (SKETCH_BUCKETS - 1);
            double error = sketch_error(&sketch);
            assert_true(error == 0 || error < range);
            for (unsigned i = 0; i < sizeof qs / sizeof *qs; i++) {
                double found = sketch_quantile(&sketch, qs[i]), wanted = exact(n, qs[i]);
                double rounding = 4e-16 * fabs(wanted); /* of the interpolation itself */
                if (!(fabs(found - wanted) <= error + rounding))
                    fail_msg("source %u, %u values, q %g: %.17g, not %.17g; bound %g", s, n, qs[i], found, wanted,
                             error);
            }
        }
}

static void few_different_values_are_exact(void **state) {
    (void)state;
    struct sketch sketch = {0};
    for (unsigned i = 0; i < VALUES; i++)
        sketch_add(&sketch, value[i] = (double)(rand() % SKETCH_BUCKETS - 100) / 3);
    qsort(value, VALUES, sizeof *value, ascending);
    assert_true(sketch_error(&sketch) == 0);
    for (unsigned percent = 0; percent <= 100; percent++)
        assert_true(sketch_quantile(&sketch, percent / 100.0) == exact(VALUES, percent / 100.0));
}

static void assert_same(const struct sketch *a, const struct sketch *b) {
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->used, b->used);
    assert_memory_equal(a->key, b->key, a->used * sizeof a->key[0]);
    assert_memory_equal(a->count, b->count, a->used * sizeof a->count[0]);
}

static void shuffle(unsigned n) {
    for (unsigned i = n; i > 1; i--) {
        unsigned k = (unsigned)(uniform() * i);
        double kept = value[k];
        value[k] = value[i - 1];
        value[i - 1] = kept;
    }
}

/* In any order, in parts cut anywhere, and the parts merged in any grouping: bit for bit the same. */
static void a_merge_is_the_whole(void **state) {
    (void)state;
    enum { PARTS = 7, COUNT = 4000 };
    for (unsigned round = 0; round < 110; round++) {
        struct sketch whole = {0}, part[PARTS] = {{0}};
        for (unsigned i = 0; i < COUNT; i++)
            sketch_add(&whole, value[i] = sources[round % SOURCES]());
        shuffle(COUNT);
        for (unsigned i = 0; i < COUNT; i++)
            sketch_add(&part[(unsigned)(uniform() * uniform() * PARTS)], value[i]);
        for (unsigned left = PARTS; left > 1; left--) {
            unsigned from = (unsigned)(uniform() * left), to = (from + 1 + (unsigned)(uniform() * (left - 1))) % left;
            sketch_merge(&part[to], &part[from]);
            part[from] = part[left - 1];
        }
        assert_same(&part[0], &whole);
    }
}

static void infinities_are_at_the_ends(void **state) {
    (void)state;
    struct sketch sketch = {0};
    for (unsigned i = 0; i < 1000; i++)
        sketch_add(&sketch, normal());
    sketch_add(&sketch, INFINITY);
    sketch_add(&sketch, -INFINITY);
    assert_true(sketch_quantile(&sketch, 0) == -INFINITY);
    assert_true(sketch_quantile(&sketch, 1) == INFINITY);
    assert_true(fabs(sketch_quantile(&sketch, 0.5)) < 1);
}

static void nothing_has_no_quantile(void **state) {
    (void)state;
    struct sketch empty = {0}, other = {0};
    assert_true(isnan(sketch_quantile(&empty, 0.5)));
    sketch_add(&other, 3);
    sketch_merge(&empty, &other);
    assert_true(sketch_quantile(&empty, 0.5) == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_keep_their_bound), cmocka_unit_test(few_different_values_are_exact),
        cmocka_unit_test(a_merge_is_the_whole),       cmocka_unit_test(infinities_are_at_the_ends),
        cmocka_unit_test(nothing_has_no_quantile),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
