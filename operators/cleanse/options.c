#include <math.h>

#include "cleanse.h"

static const char *const action_names[] = {"flag", "drop", "replace", NULL};
static const char *const check_action_names[] = {"same", "flag", "drop", "replace", NULL};
static const char *const frozen_action_names[] = {"same", "flag", "drop", NULL};
static const char *const method_names[] = {"hampel", NULL};
static const char *const fill_names[] = {"none", "hold", "linear", "seasonal", NULL};

#define ON_BAD(check, names)                                                                                           \
    PL_OPT_CHOICE(struct cleanse, check_action[check], "on_bad", "same", names, PL_FIXED,                              \
                  "What becomes of the row; same: as the node's on_bad says.")

static const struct pl_option missing_options[] = {
    ON_BAD(CHECK_MISSING, check_action_names),
    PL_OPT_CHOICE(
        struct cleanse, missing_fill, "fill", "none", fill_names, PL_FIXED,
        "A value for the row: hold and seasonal put it in at once; linear passes the row as it is and adds one "
        "of the same time when the next good value is there."),
    PL_OPT_DURATION(
        struct cleanse, missing_max, "max", "0s", "0s", "30d", PL_FIXED,
        "How old the last good value may be for it (hold, seasonal: 0 is without limit), or how long the gap "
        "(linear)."),
    PL_OPT_INT(struct cleanse, missing_waiting, "waiting", "64", "1", "4096", PL_STATE,
               "Missing values of one tag that may wait for a linear fill; more of them stay missing."),
    PL_OPT_END,
};

static const struct pl_option range_options[] = {
    PL_OPT_NUMBER(struct cleanse, range_low, "low", ".nan", NULL, NULL, PL_FIXED, "Least value; .nan: the tag's own."),
    PL_OPT_NUMBER(struct cleanse, range_high, "high", ".nan", NULL, NULL, PL_FIXED,
                  "Greatest value; .nan: the tag's own."),
    ON_BAD(CHECK_RANGE, check_action_names),
    PL_OPT_END,
};

static const struct pl_option rate_options[] = {
    PL_OPT_NUMBER(struct cleanse, rate_max, "max", NULL, "0", NULL, PL_LIVE,
                  "Units per second that a value may be away from the last good one."),
    ON_BAD(CHECK_RATE, check_action_names),
    PL_OPT_END,
};

static const struct pl_option spike_options[] = {
    PL_OPT_CHOICE(struct cleanse, spike_method, "method", "hampel", method_names, PL_STATE,
                  "hampel: distance from the median of the last values in units of their median absolute deviation."),
    PL_OPT_INT(struct cleanse, spike_window, "window", "11", "3", "101", PL_STATE,
               "Values in the window, the one judged included; odd."),
    PL_OPT_NUMBER(struct cleanse, spike_k, "k", "3.5", "0", NULL, PL_LIVE, "Deviations (as sigma) that make a spike."),
    PL_OPT_NUMBER(struct cleanse, spike_floor, "floor", "0", "0", NULL, PL_LIVE,
                  "The least deviation to reckon with, in the tag's unit."),
    ON_BAD(CHECK_SPIKE, check_action_names),
    PL_OPT_END,
};

static const struct pl_option frozen_options[] = {
    PL_OPT_DURATION(struct cleanse, frozen_for, "for", "0s", "0s", "365d", PL_LIVE,
                    "The value has been the same for so long; 0: does not matter."),
    PL_OPT_INT(struct cleanse, frozen_rows, "samples", "0", "0", "1000000000", PL_LIVE,
               "The value has been the same in so many rows; 0: does not matter."),
    PL_OPT_NUMBER(struct cleanse, frozen_tolerance, "tolerance", "0", "0", NULL, PL_LIVE,
                  "Changes up to this are no change."),
    ON_BAD(CHECK_FROZEN, frozen_action_names),
    PL_OPT_END,
};

static const struct pl_option gaps_options[] = {
    PL_OPT_DURATION(struct cleanse, gaps_max, "max", NULL, "1ms", "30d", PL_FIXED,
                    "The longest silence that is filled; a longer one is counted and told as an event."),
    PL_OPT_CHOICE(struct cleanse, gaps_fill, "fill", "none", fill_names, PL_FIXED,
                  "Rows between the last usable row and the first one after it."),
    PL_OPT_DURATION(struct cleanse, gaps_interval, "interval", "0s", "0s", "30d", PL_FIXED,
                    "Time between rows of a tag; 0: learned."),
    PL_OPT_INT(struct cleanse, gaps_limit, "limit", "10000", "1", "1000000", PL_FIXED,
               "Rows that one gap may be filled with; a gap that needs more is left."),
    PL_OPT_END,
};

static const struct pl_option season_options[] = {
    PL_OPT_DURATION(struct cleanse, season_period, "period", "1d", "1s", "3650d", PL_STATE,
                    "After which values repeat."),
    PL_OPT_INT(struct cleanse, season_bins, "bins", "24", "1", "4096", PL_STATE, "Parts of the period."),
    PL_OPT_NUMBER(struct cleanse, season_weight, "weight", "0.05", "0", "1", PL_LIVE,
                  "Weight of a new value in its bin's mean, once there are enough."),
    PL_OPT_END,
};

const struct pl_option cleanse_options[] = {
    PL_OPT_STRINGS(struct cleanse, include, "include", "[]", PL_FIXED, "Globs of the tags to look at. None: all."),
    PL_OPT_STRINGS(struct cleanse, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to pass on as they are."),
    PL_OPT_CHOICE(
        struct cleanse, on_bad, "on_bad", "flag", action_names, PL_FIXED,
        "What becomes of a row that fails a check: flag it only; drop it; replace its value (by the median for "
        "a spike, else by the last good value)."),
    PL_OPT_GROUP(struct cleanse, missing_given, "missing", "true", missing_options, PL_FIXED,
                 "Rows without a value; looked for in any case."),
    PL_OPT_GROUP(struct cleanse, range_given, "range", "false", range_options, PL_FIXED,
                 "Values outside of the tag's declared range, or of the one given here."),
    PL_OPT_GROUP(struct cleanse, rate_given, "rate", "false", rate_options, PL_FIXED, "Values that change too fast."),
    PL_OPT_GROUP(struct cleanse, spike_given, "spike", "false", spike_options, PL_FIXED,
                 "Values far from those before."),
    PL_OPT_GROUP(struct cleanse, frozen_given, "frozen", "false", frozen_options, PL_FIXED,
                 "Values that do not change."),
    PL_OPT_GROUP(struct cleanse, gaps_given, "gaps", "false", gaps_options, PL_FIXED, "Silences of a tag."),
    PL_OPT_GROUP(struct cleanse, season_given, "season", "true", season_options, PL_FIXED,
                 "The profile of the seasonal fill."),
    PL_OPT_NUMBER(struct cleanse, deadband, "deadband", ".nan", NULL, NULL, PL_LIVE,
                  "Rows within this of the last one told are left out; 0: equal values; .nan: none."),
    PL_OPT_DURATION(struct cleanse, deadband_max, "deadband_max", "0s", "0s", "30d", PL_LIVE,
                    "After so long a row is told in any case; 0: never for its age."),
    PL_OPT_END,
};

static bool seasonal(const struct cleanse *c) {
    return c->missing_fill == FILL_SEASONAL || (c->gaps_given && c->gaps_fill == FILL_SEASONAL);
}

void cleanse_check(void *self, struct pl_check *check) {
    const struct cleanse *c = self;
    if (c->spike_given && c->spike_window % 2 == 0)
        pl_check_error(check, "spike.window", "the window must hold an odd number of values, this one would %d",
                       (int)c->spike_window);
    if (c->frozen_given && c->frozen_for == 0 && c->frozen_rows == 0)
        pl_check_error(check, "frozen", "say how long (for) or in how many rows (samples) a value must be the same");
    if (c->missing_fill == FILL_LINEAR && c->missing_max == 0)
        pl_check_error(check, "missing.fill", "a linear fill needs max: how long the watermark may wait for it");
    if (c->range_low > c->range_high) pl_check_error(check, "range", "low is greater than high: no value is in range");
    if (c->deadband < 0) pl_check_error(check, "deadband", "must not be negative");
    if (pl_check_given(check, "season") && !seasonal(c))
        pl_check_warning(check, "season", "nothing is filled from the profile: neither missing nor gaps says seasonal");
}

static size_t season_bytes(const struct cleanse *c) {
    return seasonal(c) ? season_size((uint32_t)c->season_bins) : 0;
}

static size_t hampel_bytes(const struct cleanse *c) {
    return c->spike_given ? hampel_size((uint32_t)c->spike_window) : 0;
}

static size_t waiting_bytes(const struct cleanse *c) {
    return c->missing_fill == FILL_LINEAR ? (size_t)c->missing_waiting * sizeof(pl_time) : 0;
}

size_t cleanse_track_size(const void *self) {
    const struct cleanse *c = self;
    return sizeof(struct track) + hampel_bytes(c) + season_bytes(c) + waiting_bytes(c);
}

struct season_bin *track_season(const struct cleanse *c, struct track *track) {
    return (struct season_bin *)(void *)((char *)(track + 1) + hampel_bytes(c));
}

pl_time *track_waiting(const struct cleanse *c, struct track *track) {
    return (pl_time *)(void *)((char *)(track + 1) + hampel_bytes(c) + season_bytes(c));
}

void cleanse_derive(struct cleanse *c) {
    bool replaces = false;
    for (unsigned i = 0; i < CHECKS; i++) {
        c->action[i] = c->check_action[i] ? (enum action)(c->check_action[i] - 1) : (enum action)c->on_bad;
        if (c->action[i] == ACTION_REPLACE && (i == CHECK_MISSING || i == CHECK_RANGE)) replaces = true;
    }
    if (c->action[CHECK_FROZEN] == ACTION_REPLACE) c->action[CHECK_FROZEN] = ACTION_FLAG;
    if (c->action[CHECK_MISSING] == ACTION_REPLACE && c->missing_fill == FILL_NONE) c->missing_fill = FILL_HOLD;
    c->hampel = (struct hampel_rule){.window = (uint32_t)c->spike_window, .k = c->spike_k, .floor = c->spike_floor};
    c->season =
        (struct season_rule){.period = c->season_period, .bins = (uint32_t)c->season_bins, .weight = c->season_weight};
    c->stateful = replaces || c->rate_given || c->spike_given || c->frozen_given || c->gaps_given ||
                  c->missing_fill != FILL_NONE || !isnan(c->deadband);
    c->hold = c->gaps_given && c->gaps_fill != FILL_NONE ? c->gaps_max : 0;
    if (c->missing_fill == FILL_LINEAR && c->missing_max > c->hold) c->hold = c->missing_max;
}
