/* season.h: what a signal does over a day (or another period), learned from its good values, to fill gaps with.
 *
 * The period is cut into bins; each keeps the mean of the values that fell into it, older ones fading. A gap is filled
 * with the shape of the profile, shifted so that it meets the values at both ends of the gap.
 */
#ifndef POTLINE_CLEANSE_SEASON_H
#define POTLINE_CLEANSE_SEASON_H

#include <potline/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct season_bin { /* part of a record: zeroed is unknown */
    double mean;
    uint64_t count;
};

struct season_rule {
    pl_time period;
    uint32_t bins;
    double weight; /* of a new value, at least; before that the mean of all */
};

static inline size_t season_size(uint32_t bins) {
    return bins * sizeof(struct season_bin);
}

void season_learn(struct season_bin *bins, const struct season_rule *rule, pl_time time, double value);

/* A value at `time` from the good one at `from` and, where there is one, that at `to` (else `to` is `from`). False when
 * the profile does not know these times yet. */
struct season_point {
    pl_time time;
    double value;
};
bool season_fill(const struct season_bin *bins, const struct season_rule *rule, struct season_point from,
                 struct season_point to, pl_time time, double *value);

#endif
