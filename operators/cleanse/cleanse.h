/* cleanse.h: the operator `cleanse`: one instance, and the state it keeps of a tag.
 *
 *     missing -> range -> (order) -> rate -> spike -> frozen -> gaps -> deadband
 *
 * A check flags a row; what it does beyond that is its action: leave it (flag), leave it out (drop), put a better value
 * in its place with the flag `replaced` (replace). Where only the first two checks are asked for, nothing is kept of a
 * tag and a batch costs two comparisons a row.
 *
 * Rows that are filled in are made when the gap closes, so every row passes at once and only the watermark waits, as
 * long as a gap may still be filled.
 */
#ifndef POTLINE_CLEANSE_CLEANSE_H
#define POTLINE_CLEANSE_CLEANSE_H

#include <potline/potline.h>

#include "hampel.h"
#include "limits.h"
#include "season.h"
#include "span.h"

enum { CLEANSE_OUT, CLEANSE_EVENTS };
enum { TABLE_TRACKS, TABLE_PROGRESS };
enum { TRACK_VERSION = 1, FILL_ROWS = 1024 };

enum check { CHECK_MISSING, CHECK_RANGE, CHECK_RATE, CHECK_SPIKE, CHECK_FROZEN, CHECKS };
enum action { ACTION_FLAG, ACTION_DROP, ACTION_REPLACE };
enum fill { FILL_NONE, FILL_HOLD, FILL_LINEAR, FILL_SEASONAL };

#define CLEANSE_COUNTERS(XX)                                                                                           \
    XX(FLAGGED, "flagged", "Rows that failed any check.")                                                              \
    XX(MISSING, "missing", "Rows without a value.")                                                                    \
    XX(RANGE, "out_of_range", "Values outside of their tag's range, or infinite.")                                     \
    XX(RATE, "rate", "Values that changed too fast.")                                                                  \
    XX(SPIKE, "spike", "Values far from the median of their tag.")                                                     \
    XX(FROZEN, "frozen", "Values that had not changed for too long.")                                                  \
    XX(DUPLICATE, "duplicates", "Rows with the time of the row before.")                                               \
    XX(DISORDER, "out_of_order", "Rows older than one of their tag that came before.")                                 \
    XX(GAP, "gaps", "Silences of a tag longer than gaps.max.")                                                         \
    XX(FILLED, "filled", "Rows made to fill gaps.")                                                                    \
    XX(UNFILLED, "unfilled", "Missing values that were to be filled and could not be.")                                \
    XX(REPLACED, "replaced", "Values replaced.")                                                                       \
    XX(DROPPED, "dropped", "Rows left out by a check.")                                                                \
    XX(SUPPRESSED, "suppressed", "Rows left out by the deadband.")                                                     \
    XX(REFUSED, "refused", "Rows passed on unchecked for want of room for their tag's state.")

enum count {
#define CLEANSE_COUNT(id, name, doc) COUNT_##id,
    CLEANSE_COUNTERS(CLEANSE_COUNT)
#undef CLEANSE_COUNT
        COUNTS
};

/* What is kept of a tag. Behind it, as far as the options ask for them: a hampel window, a seasonal profile, the times
 * of missing values that wait for the gap to close. */
struct track {
    pl_time last;      /* the newest row */
    pl_time good_time; /* the last value that passed every check */
    double good;
    pl_time used_time; /* the last row told that is not bad */
    double used;
    pl_time interval;  /* how often rows come; 0: not known yet */
    pl_time back_time; /* the last row out of order */
    double same;       /* the value that may be frozen */
    pl_time same_since;
    double told; /* for the deadband */
    pl_time told_time;
    uint32_t same_rows;
    uint32_t waiting;
    uint16_t told_quality;
    uint8_t seen; /* the flags say which of the above hold */
    uint8_t has_good;
    uint8_t has_used;
    uint8_t has_told;
    uint8_t back_rows;
    uint8_t shorter; /* rows in a row that came faster than the interval, or slower */
    uint8_t longer;
    uint8_t reserved[7];
};

/* Of the whole node, under the empty name. */
struct cleanse_progress {
    pl_time held;    /* the watermark told last */
    pl_time scanned; /* the watermark that came in when it was worked out */
    uint64_t begun;
};

struct cleanse {
    /* options */
    struct pl_strings include;
    struct pl_strings exclude;
    uint32_t on_bad;
    bool missing_given;
    uint32_t check_action[CHECKS]; /* as given: 0 the node's, else 1 + action */
    uint32_t missing_fill;
    pl_time missing_max;
    int64_t missing_waiting;
    bool range_given;
    double range_low, range_high;
    bool rate_given;
    double rate_max;
    bool spike_given;
    uint32_t spike_method;
    int64_t spike_window;
    double spike_k, spike_floor;
    bool frozen_given;
    pl_time frozen_for;
    int64_t frozen_rows;
    double frozen_tolerance;
    bool gaps_given;
    pl_time gaps_max;
    uint32_t gaps_fill;
    pl_time gaps_interval;
    int64_t gaps_limit;
    bool season_given;
    pl_time season_period;
    int64_t season_bins;
    double season_weight;
    double deadband;
    pl_time deadband_max;

    /* derived */
    enum action action[CHECKS];
    struct limits limits;
    struct hampel_rule hampel;
    struct season_rule season;
    struct pl_table *tracks;
    bool stateful;           /* something is asked for that looks at more than the row */
    pl_time hold;            /* how long the watermark may wait for a gap to close */
    pl_time held;            /* rows filled in are not older */
    uint64_t counts[COUNTS]; /* of the batch at hand */

    /* the batch at hand (output.c) */
    struct pl_batch *batch;
    struct pl_batch *fills;
    uint32_t dropped;
    uint32_t emitted; /* rows of it that have left already, with fills */
    uint8_t keep[PL_BATCH_ROWS_MAX];
    uint16_t before[FILL_ROWS]; /* [fill]: the row it goes in front of */
};

extern const struct pl_option cleanse_options[];
size_t cleanse_track_size(const void *self);
void cleanse_check(void *self, struct pl_check *check);
void cleanse_derive(struct cleanse *c); /* what follows from the options */

static inline struct hampel *track_hampel(struct track *track) {
    return (struct hampel *)(track + 1);
}
struct season_bin *track_season(const struct cleanse *c, struct track *track);
pl_time *track_waiting(const struct cleanse *c, struct track *track);

/* judge.c: what becomes of a row. */
struct verdict {
    double value;
    uint16_t quality;
    bool keep;
};
/* Returns whether the row is in order. */
bool judge_row(struct cleanse *c, struct track *track, uint32_t tag, pl_time time, struct verdict *verdict);

/* fill.c: values for what is missing. */
void fill_learn_interval(struct track *track, pl_time between);
bool fill_at_once(const struct cleanse *c, struct track *track, pl_time time, double *value);

/* Row `row` of the batch at hand is usable: fills the gap before it. False without memory. */
bool fill_gap(struct cleanse *c, struct pl_node *node, struct track *track, uint32_t row,
              const struct season_point *to);

/* The watermark of the output: no row filled in will be older. */
pl_time fill_watermark(struct cleanse *c, struct pl_node *node, pl_time now);

/* output.c: the batch at hand: what is changed, left out and put in between. */
void output_begin(struct cleanse *c, struct pl_batch *batch); /* takes it */
bool output_change(struct cleanse *c, uint32_t row, double value, uint16_t quality);
void output_drop(struct cleanse *c, uint32_t row);
bool output_fill(struct cleanse *c, struct pl_node *node, uint32_t row, uint32_t tag, pl_time time, double value);
enum pl_flow output_end(struct cleanse *c, struct pl_node *node);
void output_discard(struct cleanse *c);

#endif
