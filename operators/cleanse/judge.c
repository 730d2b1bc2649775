#include <math.h>

#include "cleanse.h"

enum { CLOCK_SET_BACK = 8 };

/* A row fails a check. It may fail several; then drop wins over replace, and replace over flag. */
static void fail(struct cleanse *c, enum check check, enum count count, enum action *action) {
    c->counts[count]++;
    if (c->action[check] == ACTION_DROP || (c->action[check] == ACTION_REPLACE && *action == ACTION_FLAG))
        *action = c->action[check];
}

static void put(struct cleanse *c, struct verdict *v, double value) {
    v->value = value;
    v->quality = (uint16_t)((v->quality & ~PL_Q_SEVERITY) | PL_Q_UNCERTAIN | PL_Q_REPLACED);
    c->counts[COUNT_REPLACED]++;
}

static void drop(struct cleanse *c, struct verdict *v) {
    v->keep = false;
    c->counts[COUNT_DROPPED]++;
}

/* Is the row newer than those before? A clock that was set back shows as many older rows in their own order; then they
 * are the present. */
static bool in_order(struct cleanse *c, struct track *track, pl_time time) {
    if (!track->seen || time > track->last) {
        track->back_rows = 0;
        return true;
    }
    if (time == track->last) {
        c->counts[COUNT_DUPLICATE]++;
        return false;
    }
    c->counts[COUNT_DISORDER]++;
    track->back_rows = track->back_rows && time > track->back_time ? track->back_rows + 1 : 1;
    track->back_time = time;
    if (track->back_rows < CLOCK_SET_BACK) return false;
    track->back_rows = track->has_good = track->has_used = track->has_told = track->seen = 0;
    track->waiting = 0;
    track->same_rows = 0;
    return true;
}

static void note_time(const struct cleanse *c, struct track *track, pl_time time) {
    if (c->gaps_interval)
        track->interval = c->gaps_interval;
    else if (track->seen)
        fill_learn_interval(track, time_between(track->last, time));
    track->last = time;
    track->seen = 1;
}

static void judge_missing(struct cleanse *c, struct track *track, pl_time time, bool ordered, struct verdict *v) {
    double value;
    v->value = NAN;
    v->quality |= PL_Q_BAD | PL_Q_MISSING;
    c->counts[COUNT_MISSING]++;
    if (c->missing_fill == FILL_LINEAR) {
        if (ordered && track->has_used && track->waiting < c->missing_waiting)
            track_waiting(c, track)[track->waiting++] = time;
        else
            c->counts[COUNT_UNFILLED]++;
    } else if (c->missing_fill != FILL_NONE) {
        if (ordered && fill_at_once(c, track, time, &value)) {
            put(c, v, value);
            return;
        }
        c->counts[COUNT_UNFILLED]++;
    }
    if (c->action[CHECK_MISSING] == ACTION_DROP) drop(c, v);
}

static void judge_range(struct cleanse *c, const struct track *track, struct verdict *v) {
    enum action action = ACTION_FLAG;
    v->quality |= PL_Q_BAD | PL_Q_OUT_OF_RANGE;
    fail(c, CHECK_RANGE, COUNT_RANGE, &action);
    if (action == ACTION_DROP)
        drop(c, v);
    else if (action == ACTION_REPLACE && track->has_good)
        put(c, v, track->good);
}

static bool too_fast(const struct cleanse *c, const struct track *track, pl_time time, double value) {
    if (!track->has_good || time <= track->good_time) return false;
    double seconds = (double)time_between(track->good_time, time) / PL_SECOND;
    return fabs(value - track->good) > c->rate_max * seconds;
}

static bool is_frozen(const struct cleanse *c, struct track *track, pl_time time, double value) {
    if (track->same_rows == 0 || fabs(value - track->same) > c->frozen_tolerance) {
        track->same = value;
        track->same_since = time;
        track->same_rows = 0;
    }
    if (track->same_rows < UINT32_MAX) track->same_rows++;
    bool long_enough = c->frozen_for && time_between(track->same_since, time) >= c->frozen_for;
    bool often_enough = c->frozen_rows && track->same_rows >= (uint64_t)c->frozen_rows;
    return track->same_rows > 1 && (long_enough || often_enough);
}

/* The checks that look at the rows before. */
static void judge_history(struct cleanse *c, struct track *track, pl_time time, struct verdict *v) {
    enum action action = ACTION_FLAG;
    double raw = v->value, instead = track->good, median;
    bool suspect = false, replaceable = track->has_good;
    if (c->rate_given && too_fast(c, track, time, raw)) {
        suspect = true;
        v->quality |= PL_Q_BAD | PL_Q_RATE;
        fail(c, CHECK_RATE, COUNT_RATE, &action);
    }
    if (c->spike_given && hampel_judge(track_hampel(track), &c->hampel, raw, &median)) {
        suspect = replaceable = true;
        instead = median;
        v->quality |= PL_Q_BAD | PL_Q_SPIKE;
        fail(c, CHECK_SPIKE, COUNT_SPIKE, &action);
    }
    if (c->frozen_given && is_frozen(c, track, time, raw)) {
        v->quality = pl_quality_join(v->quality, PL_Q_UNCERTAIN | PL_Q_FROZEN);
        fail(c, CHECK_FROZEN, COUNT_FROZEN, &action);
    }
    if (action == ACTION_DROP)
        drop(c, v);
    else if (suspect && action == ACTION_REPLACE && replaceable)
        put(c, v, instead);
    if (suspect) return;
    track->good = raw;
    track->good_time = time;
    track->has_good = 1;
    bool certain = !(v->quality & PL_Q_SEVERITY);
    if (certain && (c->missing_fill == FILL_SEASONAL || c->gaps_fill == FILL_SEASONAL))
        season_learn(track_season(c, track), &c->season, time, raw);
}

/* Leaves out a row that says what was said. */
static void judge_deadband(struct cleanse *c, struct track *track, pl_time time, struct verdict *v) {
    bool same = track->has_told && v->quality == track->told_quality && fabs(v->value - track->told) <= c->deadband;
    if (same && c->deadband_max) same = time_between(track->told_time, time) < c->deadband_max;
    if (same) {
        v->keep = false;
        c->counts[COUNT_SUPPRESSED]++;
        return;
    }
    track->told = v->value;
    track->told_time = time;
    track->told_quality = v->quality;
    track->has_told = 1;
}

bool judge_row(struct cleanse *c, struct track *track, uint32_t tag, pl_time time, struct verdict *v) {
    bool missing = isnan(v->value);
    bool bad_before = pl_quality_bad(v->quality) && !missing;
    uint16_t before = v->quality;
    bool ordered = in_order(c, track, time);
    const struct limit *limit = &c->limits.limit[tag];
    if (ordered) note_time(c, track, time);
    if (missing)
        judge_missing(c, track, time, ordered, v);
    else if (bad_before)
        return ordered;
    else if (v->value < limit->low || v->value > limit->high)
        judge_range(c, track, v);
    else if (ordered)
        judge_history(c, track, time, v);
    c->counts[COUNT_FLAGGED] += missing || v->quality != before;
    if (ordered && v->keep && !isnan(c->deadband) && !pl_quality_bad(v->quality)) judge_deadband(c, track, time, v);
    return ordered;
}
