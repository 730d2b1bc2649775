#include "base/histogram.h"
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/time.h>

#include "base/random.h"

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_are_within_three_percent(void **state) {
    (void)state;
    enum { VALUES = 20001 };
    static int64_t values[VALUES];
    static struct pl_histogram histogram;
    struct pl_random random = {.state = 7};
    double sum = 0;
    for (unsigned i = 0; i < VALUES; i++) { /* evenly over all orders of magnitude from 1 ns to 1 h */
        values[i] = (int64_t)exp(pl_random_unit(&random) * log((double)PL_HOUR));
        sum += (double)values[i];
        pl_histogram_record(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof values[0], by_size);
    assert_int_equal(VALUES, pl_histogram_count(&histogram));
    assert_int_equal(values[VALUES - 1], pl_histogram_max(&histogram));
    assert_true(fabs(pl_histogram_mean(&histogram) - sum / VALUES) < 1e-9 * sum);
    for (unsigned i = 0; i <= 1024; i++) {
        double q = i / 1024.0;
        size_t rank = (size_t)ceil(q * VALUES);
        double exact = (double)values[rank ? rank - 1 : 0];
        double told = (double)pl_histogram_quantile(&histogram, q);
        if (fabs(told - exact) > 0.016 * exact) fail_msg("q %g: %g told, %g exact", q, told, exact);
    }
    assert_int_equal(values[VALUES - 1], pl_histogram_quantile(&histogram, 1));
}

static void a_single_value_of_any_size_is_told_again(void **state) {
    (void)state;
    static struct pl_histogram histogram;
    for (int64_t value = 1; value < PL_HOUR; value += value / 3 + 1) {
        memset(&histogram, 0, sizeof histogram);
        pl_histogram_record(&histogram, value);
        pl_histogram_record(&histogram, PL_HOUR); /* so that the maximum does not bound it */
        double told = (double)pl_histogram_quantile(&histogram, 0.5);
        if (fabs(told - (double)value) > 0.016 * (double)value) fail_msg("%lld: %g", (long long)value, told);
    }
}

/* A bound never counts what is above it, and misses at most the bucket that it cuts. */
static void a_bound_counts_what_is_below_it(void **state) {
    (void)state;
    static struct pl_histogram histogram;
    memset(&histogram, 0, sizeof histogram);
    uint64_t sum = 0;
    for (int64_t value = 0; value < 100000; value++) {
        pl_histogram_record(&histogram, value);
        sum += (uint64_t)value;
    }
    for (int64_t bound = 0; bound < 100000; bound += 7) {
        double told = (double)pl_histogram_at_most(&histogram, bound), exact = (double)bound + 1;
        if (told > exact || told < exact * (1 - 1.0 / 32) - 1) fail_msg("at most %lld: %g", (long long)bound, told);
    }
    assert_int_equal(0, pl_histogram_at_most(&histogram, -1));
    assert_int_equal(100000, pl_histogram_at_most(&histogram, PL_HOUR));
    assert_true(sum == pl_histogram_sum(&histogram));
}

static void the_ends_are_safe(void **state) {
    (void)state;
    static struct pl_histogram histogram;
    assert_int_equal(0, pl_histogram_quantile(&histogram, 0.99));
    assert_int_equal(0, pl_histogram_max(&histogram));
    assert_true(pl_histogram_mean(&histogram) == 0);
    pl_histogram_record(&histogram, -5);
    pl_histogram_record(&histogram, INT64_MIN);
    assert_int_equal(0, pl_histogram_quantile(&histogram, 1));
    pl_histogram_record(&histogram, 24 * PL_HOUR);
    pl_histogram_record(&histogram, INT64_MAX);
    assert_int_equal(INT64_MAX, pl_histogram_max(&histogram));
    assert_int_equal(4, pl_histogram_count(&histogram));
    assert_true(pl_histogram_quantile(&histogram, 1) > PL_HOUR);
    assert_int_equal(0, pl_histogram_quantile(&histogram, -1));
    assert_true(pl_histogram_quantile(&histogram, 7) > PL_HOUR);
    assert_int_equal(0, pl_histogram_quantile(&histogram, NAN));
}

static void merged_is_as_if_recorded_in_one(void **state) {
    (void)state;
    static struct pl_histogram parts[3], all, sum;
    struct pl_random random = {.state = 9};
    for (unsigned i = 0; i < 30000; i++) {
        int64_t value = (int64_t)(pl_random_next(&random) >> (20 + pl_random_below(&random, 40)));
        pl_histogram_record(&parts[i % 3], value);
        pl_histogram_record(&all, value);
    }
    for (unsigned i = 0; i < 3; i++)
        pl_histogram_merge(&sum, &parts[i]);
    assert_memory_equal(&all, &sum, sizeof all);
}

enum { RECORDS = 300000 };

static void *record_many(void *histogram) {
    for (int64_t i = 0; i < RECORDS; i++)
        pl_histogram_record(histogram, 1000 + i % 1000);
    return NULL;
}

static void readers_do_not_disturb(void **state) {
    (void)state;
    static struct pl_histogram histogram;
    pthread_t writer;
    assert_int_equal(0, pthread_create(&writer, NULL, record_many, &histogram));
    uint64_t last = 0;
    while (last < RECORDS) {
        uint64_t count = pl_histogram_count(&histogram);
        int64_t median = pl_histogram_quantile(&histogram, 0.5);
        assert_true(count >= last);
        assert_true(median == 0 || (median >= 980 && median <= 2032));
        last = count;
    }
    pthread_join(writer, NULL);
    assert_int_equal(1999, pl_histogram_max(&histogram));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_three_percent),
        cmocka_unit_test(a_single_value_of_any_size_is_told_again),
        cmocka_unit_test(a_bound_counts_what_is_below_it),
        cmocka_unit_test(the_ends_are_safe),
        cmocka_unit_test(merged_is_as_if_recorded_in_one),
        cmocka_unit_test(readers_do_not_disturb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
