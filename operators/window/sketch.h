/* sketch.h: quantiles of any number of values in fixed memory: a histogram that doubles the width of its buckets.
 *
 * A bucket holds the values of one sign whose magnitudes are equal once everything below 2^k is cut off. While no more
 * than SKETCH_BUCKETS different values have come, nothing is cut off and quantiles are exact. When another bucket would
 * be needed, k rises to the least at which two of them fall together, for all buckets alike. That is the uniform
 * collapse of UDDSketch (Epicoco, Melle, Cafaro, Pulimeno, Aloisio: UDDSketch: Accurate Tracking of Quantiles in Data
 * Streams, IEEE Access 8, 2020), which made of DDSketch (Masson, Rim, Lee, VLDB 2019) one of fixed size, with buckets
 * of equal width in place of equal ratio: what a plant measures has an offset (a bath at 960 degC, plus or minus 5), so
 * that an error relative to the value says little, and one relative to the range is how instruments are rated.
 *
 * Accuracy. A value is told at its bucket's middle, so wrong by at most w = 2^(k-1) (sketch_error), and 0 while k has
 * not risen. At half the width more than SKETCH_BUCKETS buckets had values; buckets in a row span their number less
 * two, so that w < (max - min) / (SKETCH_BUCKETS - 1): less than 0.4 % of the range of the finite values. Between two
 * neighbours in rank a quantile is interpolated linearly, which keeps the bound.
 *
 * Merging. Cutting to k and then to k' > k is the same as cutting to k' at once, and which k is needed follows from the
 * set of values alone: more of them never need less. So the sketch is a function of the values, whatever their order
 * and however they were split: a merge of parts is, bit for bit, the sketch of the whole.
 *
 * It is part of a record of a state table: zeroed memory is an empty one, and it holds no pointers. NaN must not be
 * added; infinities have buckets of their own.
 */
#ifndef POTLINE_WINDOW_SKETCH_H
#define POTLINE_WINDOW_SKETCH_H

#include <stdint.h>

enum { SKETCH_BUCKETS = 256 };

struct sketch {
    uint32_t level; /* k + 1075; 0: nothing was cut off */
    uint32_t used;
    int64_t key[SKETCH_BUCKETS]; /* ascending; sketch.c says how a value becomes one */
    uint32_t count[SKETCH_BUCKETS];
};

void sketch_add(struct sketch *sketch, double value);
void sketch_merge(struct sketch *sketch, const struct sketch *other);

/* The value below which the share q (0 to 1) of the values lies, interpolated between ranks as NumPy, Excel
 * (PERCENTILE.INC) and SQL (percentile_cont) do by default; NaN for an empty sketch. */
double sketch_quantile(const struct sketch *sketch, double q);

double sketch_error(const struct sketch *sketch); /* what the values told are wrong by, at most */

#endif
