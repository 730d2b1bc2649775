#include "base/histogram.h"

#include <math.h>

enum { HALF = 1 << PL_HISTOGRAM_BITS };

/* There is one writer: it needs no atomic addition, only that readers see whole numbers. */
static void add(_Atomic uint64_t *total, uint64_t change) {
    atomic_store_explicit(total, atomic_load_explicit(total, memory_order_relaxed) + change, memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *max, uint64_t value) {
    if (value > atomic_load_explicit(max, memory_order_relaxed))
        atomic_store_explicit(max, value, memory_order_relaxed);
}

/* The leading bits of a value choose its bucket: up to 2 * HALF the value itself, then HALF buckets for each further
 * bit. */
static unsigned bucket_of(uint64_t value) {
    unsigned top = 63 - (unsigned)__builtin_clzll(value | HALF);
    if (top > PL_HISTOGRAM_LAST) return PL_HISTOGRAM_BUCKETS - 1;
    unsigned shift = top - PL_HISTOGRAM_BITS;
    return (shift << PL_HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static uint64_t bucket_middle(unsigned bucket) {
    if (bucket < 2 * HALF) return bucket;
    unsigned shift = (bucket >> PL_HISTOGRAM_BITS) - 1;
    return ((uint64_t)(HALF + bucket % HALF) << shift) + (UINT64_C(1) << shift) / 2;
}

void pl_histogram_record(struct pl_histogram *histogram, int64_t nanoseconds) {
    uint64_t value = nanoseconds < 0 ? 0 : (uint64_t)nanoseconds;
    add(&histogram->bucket[bucket_of(value)], 1);
    add(&histogram->count, 1);
    add(&histogram->sum, value);
    raise_to(&histogram->max, value);
}

void pl_histogram_merge(struct pl_histogram *into, const struct pl_histogram *from) {
    for (unsigned i = 0; i < PL_HISTOGRAM_BUCKETS; i++)
        add(&into->bucket[i], atomic_load_explicit(&from->bucket[i], memory_order_relaxed));
    add(&into->count, atomic_load_explicit(&from->count, memory_order_relaxed));
    add(&into->sum, atomic_load_explicit(&from->sum, memory_order_relaxed));
    raise_to(&into->max, atomic_load_explicit(&from->max, memory_order_relaxed));
}

uint64_t pl_histogram_count(const struct pl_histogram *histogram) {
    return atomic_load_explicit(&histogram->count, memory_order_relaxed);
}

int64_t pl_histogram_max(const struct pl_histogram *histogram) {
    return (int64_t)atomic_load_explicit(&histogram->max, memory_order_relaxed);
}

double pl_histogram_mean(const struct pl_histogram *histogram) {
    uint64_t count = pl_histogram_count(histogram);
    return count ? (double)atomic_load_explicit(&histogram->sum, memory_order_relaxed) / (double)count : 0;
}

int64_t pl_histogram_quantile(const struct pl_histogram *histogram, double q) {
    uint64_t counts[PL_HISTOGRAM_BUCKETS]; /* as they are now: the writer goes on */
    uint64_t total = 0;
    for (unsigned i = 0; i < PL_HISTOGRAM_BUCKETS; i++)
        total += counts[i] = atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
    if (!total) return 0;
    double rank = ceil(fmin(fmax(q, 0), 1) * (double)total); /* the rank-th smallest is meant, or the first there is */
    unsigned at = 0;
    for (uint64_t seen = counts[0]; !seen || (double)seen < rank; seen += counts[at])
        at++;
    uint64_t middle = bucket_middle(at), max = (uint64_t)pl_histogram_max(histogram);
    return (int64_t)(middle < max ? middle : max);
}

/* Behind the largest value of it. */
static uint64_t bucket_end(unsigned bucket) {
    if (bucket < 2 * HALF) return bucket + 1;
    unsigned shift = (bucket >> PL_HISTOGRAM_BITS) - 1;
    return (uint64_t)(HALF + bucket % HALF + 1) << shift;
}

uint64_t pl_histogram_at_most(const struct pl_histogram *histogram, int64_t nanoseconds) {
    uint64_t count = 0;
    for (unsigned i = 0; i < PL_HISTOGRAM_BUCKETS - 1 && nanoseconds >= 0; i++) {
        if (bucket_end(i) > (uint64_t)nanoseconds + 1) break;
        count += atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
    }
    return count;
}

uint64_t pl_histogram_sum(const struct pl_histogram *histogram) {
    return atomic_load_explicit(&histogram->sum, memory_order_relaxed);
}
