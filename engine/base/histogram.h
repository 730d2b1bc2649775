/* histogram.h: how long things took: a log-linear histogram of nanoseconds.
 *
 * Each power of two is cut into 32 buckets, so that a quantile is at most 1.6 % off, from 1 ns to 1 h; what is longer
 * counts in the last bucket (the maximum and the mean stay exact). One thread records and merges into it, any thread
 * reads, without locks: a reader may see a value in one total and not yet in another, never a wrong one for good.
 *
 *     pl_histogram_record(&node->latency, pl_clock_monotonic() - start);
 *     int64_t p99 = pl_histogram_quantile(&node->latency, 0.99);
 *
 * Zeroed memory is an empty histogram; it is 10 KB and owns nothing.
 */
#ifndef POTLINE_HISTOGRAM_H
#define POTLINE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    PL_HISTOGRAM_BITS = 5,  /* buckets a power of two */
    PL_HISTOGRAM_LAST = 41, /* the power of two that holds an hour */
    PL_HISTOGRAM_BUCKETS = (PL_HISTOGRAM_LAST - PL_HISTOGRAM_BITS + 2) << PL_HISTOGRAM_BITS,
};

struct pl_histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t bucket[PL_HISTOGRAM_BUCKETS];
};

/* Adds one value; a negative one counts as 0. */
void pl_histogram_record(struct pl_histogram *histogram, int64_t nanoseconds);

/* Adds what `from` holds to `into`. */
void pl_histogram_merge(struct pl_histogram *into, const struct pl_histogram *from);

uint64_t pl_histogram_count(const struct pl_histogram *histogram);
int64_t pl_histogram_max(const struct pl_histogram *histogram);
double pl_histogram_mean(const struct pl_histogram *histogram); /* 0 when it is empty */

/* How many of its values are surely at most so many nanoseconds: those of the buckets that end there or before. */
uint64_t pl_histogram_at_most(const struct pl_histogram *histogram, int64_t nanoseconds);
uint64_t pl_histogram_sum(const struct pl_histogram *histogram); /* nanoseconds */

/* The value that the share `q` (0 to 1) of the values does not exceed; 0 when it is empty. */
int64_t pl_histogram_quantile(const struct pl_histogram *histogram, double q);

#endif
