/* hampel.h: is a value a spike? The trailing Hampel filter: how far it lies from the median of the last n values, in
 * units of their median absolute deviation (MAD).
 *
 *     spike  <=>  |value - median| > k * max(1.4826 * MAD, floor)
 *
 * The window holds the value itself and up to n - 1 before it, spikes included: a step becomes the new level once it
 * fills half of the window. Where more than half of the values are equal the MAD is 0 and says nothing; then the
 * smallest step that this signal has been seen to make stands in, which for a sensor of limited resolution is its last
 * digit. The window judges from half full on.
 *
 * It is kept sorted beside the ring, so that a value costs one insertion and one pass over half of it.
 */
#ifndef POTLINE_CLEANSE_HAMPEL_H
#define POTLINE_CLEANSE_HAMPEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HAMPEL_MAX = 101 };

struct hampel { /* part of a record: no pointers, zeroed is empty */
    uint32_t count;
    uint32_t next;   /* place in the ring for the next value */
    double step;     /* the smallest change between values that were no spikes; 0: none yet */
    double before;   /* the last value that was no spike */
    double values[]; /* the ring of n, then n sorted */
};

static inline size_t hampel_size(uint32_t n) {
    return sizeof(struct hampel) + 2 * n * sizeof(double);
}

struct hampel_rule {
    uint32_t window; /* odd, 3 to HAMPEL_MAX */
    double k;
    double floor;
};

/* Takes in a finite value. True when it is a spike; *median is what the window says instead. */
bool hampel_judge(struct hampel *hampel, const struct hampel_rule *rule, double value, double *median);

#endif
