/* pane.h: the running aggregates of one key over one piece of time.
 *
 * The mean is what any program gets that adds the values up in their order and divides: bit for bit the same. The
 * rounding errors of the additions are collected beside the sum, and correct it where they matter (values that cancel
 * each other, a huge value that comes and goes). The deviation is Welford's, which needs no correction; it costs a
 * division a row and is left out where nobody asked for it.
 *
 * A pane is the record of a state table: zeroed memory is an empty one, and it holds no pointers.
 */
#ifndef POTLINE_WINDOW_PANE_H
#define POTLINE_WINDOW_PANE_H

#include <potline/batch.h>
#include <potline/quality.h>

enum { PANE_VERSION = 1 };

struct pane {
    double sum;
    double lost; /* what rounding took from sum */
    double mean; /* Welford's, for m2 */
    double m2;   /* sum of squared deviations from the mean */
    double min;
    double max;
    double first;
    double last;
    pl_time first_time;
    pl_time last_time;
    uint32_t count;
    uint32_t skipped;
    uint32_t shown; /* count + skipped as last told provisionally */
    uint16_t quality;
    uint16_t reserved;
};

/* Which aggregates a node was asked for, as bits of its option. */
enum pane_aggregate { PANE_COUNT, PANE_MEAN, PANE_MIN, PANE_MAX, PANE_STDDEV, PANE_FIRST, PANE_LAST };
#define PANE_HAS(set, aggregate) (((set) >> (aggregate)) & 1u)

/* Takes in one value. Of equal times the row that came first is `first` and the one that came last is `last`. */
static inline void pane_add(struct pane *pane, pl_time time, double value, uint16_t quality, bool deviation) {
    if (PL_UNLIKELY(pane->count == 0)) {
        pane->min = pane->max = pane->first = pane->last = value;
        pane->first_time = pane->last_time = time;
    }
    pane->count++;
    double sum = pane->sum + value;
    double part = sum - pane->sum;
    pane->lost += (pane->sum - (sum - part)) + (value - part);
    pane->sum = sum;
    if (deviation) {
        double from_old = value - pane->mean;
        pane->mean += from_old / pane->count;
        pane->m2 += from_old * (value - pane->mean);
    }
    pane->min = value < pane->min ? value : pane->min;
    pane->max = value > pane->max ? value : pane->max;
    if (PL_LIKELY(time >= pane->last_time)) {
        pane->last_time = time;
        pane->last = value;
    }
    if (PL_UNLIKELY(time < pane->first_time)) {
        pane->first_time = time;
        pane->first = value;
    }
    pane->quality |= quality;
}

/* Takes in another pane, of another time. */
void pane_merge(struct pane *pane, const struct pane *other);

/* Takes in row `row` of a windows batch, whose values lie at its start and end. */
void pane_add_window(struct pane *pane, const struct pl_windows *windows, uint32_t row);

/* Writes row `row` of a windows batch: the columns that the aggregates give. */
void pane_write(const struct pane *pane, struct pl_windows *windows, uint32_t row, unsigned aggregates);

#endif
