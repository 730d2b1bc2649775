/* fill.c: the interval of a tag's rows, the rows that close its gaps, and how long the watermark waits for them.
 *
 *     rows     x   x   x               x   x         interval 1, gap of 4: 3 rows are made when the gap closes
 *                      ^used           ^to
 */
#include <math.h>

#include "cleanse.h"

enum { SHORTER_ROWS = 3, LONGER_ROWS = 8, SCANS = 32 };

/* Follows slow changes; a few rows that come twice as fast, or several that come much slower, are a new interval. */
void fill_learn_interval(struct track *track, pl_time between) {
    if (!track->interval) track->interval = between;
    bool shorter = between<track->interval / 2, longer = between> track->interval + track->interval / 2;
    track->shorter = shorter ? track->shorter + 1 : 0;
    track->longer = longer ? track->longer + 1 : 0;
    if (track->shorter == SHORTER_ROWS || track->longer == LONGER_ROWS) {
        track->interval = between;
        track->shorter = track->longer = 0;
    } else if (!shorter && !longer) {
        track->interval += (between - track->interval) / 8;
    }
}

bool fill_at_once(const struct cleanse *c, struct track *track, pl_time time, double *value) {
    if (!track->has_good || time < track->good_time) return false;
    if (c->missing_max && time_between(track->good_time, time) > c->missing_max) return false;
    struct season_point good = {.time = track->good_time, .value = track->good};
    if (c->missing_fill != FILL_SEASONAL || !season_fill(track_season(c, track), &c->season, good, good, time, value))
        *value = track->good;
    return true;
}

/* ---- Closing a gap ---- */

struct gap {
    struct track *track;
    uint32_t row;
    struct season_point from;
    struct season_point to;
};

static double value_at(const struct cleanse *c, const struct gap *gap, enum fill fill, pl_time time) {
    double value;
    if (fill == FILL_HOLD) return gap->from.value;
    if (fill == FILL_SEASONAL && season_fill(track_season(c, gap->track), &c->season, gap->from, gap->to, time, &value))
        return value;
    double share = (double)(time - gap->from.time) / (double)(gap->to.time - gap->from.time);
    return gap->from.value + share * (gap->to.value - gap->from.value);
}

/* A row whose time the watermark has passed would be late: nothing is put in its place. */
static bool put_row(struct cleanse *c, struct pl_node *node, const struct gap *gap, enum fill fill, pl_time time) {
    if (time < c->held) {
        c->counts[COUNT_UNFILLED]++;
        return true;
    }
    return output_fill(c, node, gap->row, c->batch->samples.tag[gap->row], time, value_at(c, gap, fill, time));
}

static bool too_many(const struct cleanse *c, const struct gap *gap) {
    return gap->track->interval <= 0 || (gap->to.time - gap->from.time) / gap->track->interval > c->gaps_limit;
}

/* Goes from one known time to the next, with rows of the interval in between and one for each value that waits. */
static bool put_rows(struct cleanse *c, struct pl_node *node, const struct gap *gap, bool regular, bool waiting) {
    const pl_time interval = gap->track->interval, *waits = track_waiting(c, gap->track);
    uint32_t count = waiting ? gap->track->waiting : 0;
    pl_time at = gap->from.time;
    for (uint32_t i = 0; i <= count; i++) {
        pl_time next = i < count ? waits[i] : gap->to.time;
        while (regular && next - at > interval + interval / 2) {
            at += interval;
            if (!put_row(c, node, gap, (enum fill)c->gaps_fill, at)) return false;
        }
        if (i < count && !put_row(c, node, gap, FILL_LINEAR, next)) return false;
        at = next;
    }
    return true;
}

static bool tell_gap(struct pl_node *node, uint32_t tag, pl_time from, pl_time to) {
    if (!pl_wanted(node, CLEANSE_EVENTS)) return true;
    struct pl_pack *body = pl_pack_new();
    if (!body) return false;
    pl_pack_map(body, 2);
    pl_pack_pair_int(body, "from", from);
    pl_pack_pair_f64(body, "seconds", (double)time_between(from, to) / PL_SECOND);
    uint32_t asset = pl_tags_get(pl_node_tags(node), tag)->asset;
    enum pl_flow flow = pl_emit_event(node, CLEANSE_EVENTS, to, "cleanse.gap", 200, asset, tag, body);
    pl_pack_free(body);
    return flow != PL_FLOW_FAIL;
}

bool fill_gap(struct cleanse *c, struct pl_node *node, struct track *track, uint32_t row,
              const struct season_point *to) {
    struct gap gap = {.track = track, .row = row, .from = {.time = track->used_time, .value = track->used}, .to = *to};
    bool good = true;
    if (track->has_used) {
        pl_time silence = time_between(gap.from.time, gap.to.time);
        bool waiting = track->waiting && silence <= c->missing_max;
        bool gap_here = c->gaps_given && silence > c->gaps_max;
        bool regular = c->gaps_given && c->gaps_fill != FILL_NONE && !gap_here && !too_many(c, &gap);
        if (regular || waiting) good = put_rows(c, node, &gap, regular, waiting);
        if (gap_here) {
            c->counts[COUNT_GAP]++;
            good = good && tell_gap(node, c->batch->samples.tag[row], gap.from.time, gap.to.time);
        }
        if (!waiting) c->counts[COUNT_UNFILLED] += track->waiting;
    }
    track->waiting = 0;
    track->used = to->value;
    track->used_time = to->time;
    track->has_used = 1;
    return good;
}

/* ---- The watermark ---- */

/* The oldest row that may still be made for this tag, given that its next row is not older than `now`. */
static pl_time oldest_fill(const struct cleanse *c, struct track *track, pl_time now) {
    if (!track->has_used) return PL_TIME_MAX;
    pl_time silence = time_between(track->used_time, now);
    pl_time oldest = PL_TIME_MAX;
    if (c->gaps_given && c->gaps_fill != FILL_NONE && silence <= c->gaps_max && track->interval > 0)
        oldest = track->used_time + track->interval;
    if (track->waiting && silence <= c->missing_max && track_waiting(c, track)[0] < oldest)
        oldest = track_waiting(c, track)[0];
    return oldest;
}

static pl_time oldest_of_all(const struct cleanse *c, pl_time now) {
    pl_time oldest = now;
    for (struct pl_record *r = pl_table_next(c->tracks, NULL); r; r = pl_table_next(c->tracks, r)) {
        pl_time of_tag = oldest_fill(c, pl_record_data(r), now);
        if (of_tag < oldest) oldest = of_tag;
    }
    return oldest;
}

/* All tags are looked at a few times in each `hold` of event time, not at every watermark. */
pl_time fill_watermark(struct cleanse *c, struct pl_node *node, pl_time now) {
    struct cleanse_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (!progress) return c->held;
    bool first = !progress->begun;
    if (first || now == PL_TIME_MAX || time_between(progress->scanned, now) >= c->hold / SCANS) {
        pl_time held = oldest_of_all(c, now);
        if (first || held > progress->held) progress->held = held;
        progress->scanned = now;
        progress->begun = 1;
    }
    c->held = progress->held;
    return c->held;
}
