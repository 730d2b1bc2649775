/* decide.c: one set point: all the questions, in order; the first that speaks against it is the answer.
 *
 * What is let pass lies within the limits of its tag and of the set point itself, and no further from what stands there
 * than rate and step allow, also when it is clamped: a value that cannot be both is refused.
 */
#include <math.h>
#include <string.h>

#include "guard.h"

/* A pause in the set points of a tag does not save up a leap. */
static const pl_time RATE_MOST = 10 * PL_SECOND;

/* How far the clock of whoever sends may be from ours. */
static const pl_time AHEAD_MOST = 5 * PL_SECOND, BEHIND_MOST = PL_DAY;

/* ---- Who says so ---- */

static struct origin *origin_of(struct guard *s, uint32_t name) {
    for (unsigned i = 0; i < s->origin_count; i++)
        if (s->origins[i].name == name) return &s->origins[i];
    if (s->origin_count == ORIGINS_MAX) return NULL;
    s->origins[s->origin_count] = (struct origin){.name = name};
    return &s->origins[s->origin_count++];
}

/* A higher generation than ever seen fences off those before it, from now on and after any death. */
static const char *generation_why(struct guard *s, const struct wish *wish) {
    if (wish->origin == s->own) return NULL; /* by hand */
    struct origin *origin = origin_of(s, wish->origin);
    if (!origin) return "too many origins";
    if (wish->token < origin->token) return "an older generation than one seen";
    if (wish->token == origin->token) return NULL;
    uint64_t before = origin->token;
    origin->token = wish->token;
    if (keep_token(s, origin)) return NULL;
    origin->token = before;
    return "its generation could not be kept";
}

/* ---- Limits ---- */

/* A side of its own that is NaN is open; 0 and 0 is no range. */
static void range_of(const struct point *point, const struct wish *wish, double *low, double *high) {
    *low = point->limit->low;
    *high = point->limit->high;
    if (wish->lower == 0 && wish->upper == 0) return;
    if (wish->lower > *low) *low = wish->lower;
    if (wish->upper < *high) *high = wish->upper;
}

static const char *limits_why(const struct point *point, const struct wish *wish, double *value) {
    double low, high;
    range_of(point, wish, &low, &high);
    if (!isfinite(*value)) return "no finite number";
    if (!(low <= high)) return "its range and the limits have nothing in common";
    if (*value >= low && *value <= high) return NULL;
    if (point->limit->on_limit == BEYOND_REFUSE) return "outside of its limits";
    *value = *value < low ? low : high;
    return NULL;
}

double decide_move(struct guard *s, const struct point *point, pl_time now, double *from) {
    const struct limit *limit = point->limit;
    const struct live *live = live_watch(s, point->tag);
    *from = live && live_is_good(s, live, now) ? live->value : point->sent;
    pl_time since = isnan(point->sent) ? PL_SECOND : now - point->sent_at;
    pl_time alone = point->alone ? machine_now() - point->lease.taken : 0;
    if (since < alone) since = alone;
    if (since < 0) since = 0;
    if (since > RATE_MOST) since = RATE_MOST;
    double most = limit->rate > 0 ? limit->rate * (double)since / (double)PL_SECOND : INFINITY;
    return limit->step > 0 && limit->step < most ? limit->step : most;
}

static const char *rate_why(struct guard *s, const struct point *point, const struct wish *wish, pl_time now,
                            double *value) {
    double from, low, high, most = decide_move(s, point, now, &from);
    if (most == INFINITY) return NULL;
    if (isnan(from)) return "what stands there is not known, so no rate can be kept";
    if (fabs(*value - from) <= most) return NULL;
    if (point->limit->on_rate == BEYOND_REFUSE) return "faster than its rate";
    *value = *value > from ? from + most : from - most;
    range_of(point, wish, &low, &high);
    return *value >= low && *value <= high ? NULL : "its limits cannot be reached at its rate";
}

/* ---- All of it ---- */

const char *decide_why(struct guard *s, struct point *point, const struct wish *wish, pl_time now, double *value,
                       const char **detail) {
    const char *name = point_name(s, point);
    const struct override *override = override_of(s, name);
    *value = wish->value;
    *detail = override ? override->scope : NULL;
    if (override) return "an override is engaged";
    if (wish->time < now - BEHIND_MOST) return "its time is long past";
    if (wish->expiry <= now) return "it has expired, or has no expiry";
    const char *why = generation_why(s, wish);
    if (!why) why = limits_why(point, wish, value);
    if (!why) why = rate_why(s, point, wish, now, value);
    return why ? why : interlock_holds(s, point, *value, now, detail);
}

bool decide_pass(struct guard *s, struct point *point, const struct wish *wish, double value, pl_time now) {
    struct point before = *point;
    point->lease = *wish;
    point->lease.value = value;
    point->lease.taken = machine_now();
    if (wish->expiry - now > s->lease_max) point->lease.expiry = now + s->lease_max;
    bool moved = !(point->sent == value);
    point->sent = value;
    if (moved) point->sent_at = now;
    point->leased = true;
    point->returning = point->waits = point->shed = false;
    point->why = NULL;
    if (!keep_point(s, point)) {
        *point = before;
        return false;
    }
    if (before.shed) {
        s->shed--;
        s->pulsed = 0; /* the device takes nothing before its watchdog is fed */
    }
    pl_count(s->node, COUNT_PASSED, 1);
    if (value != wish->value) pl_count(s->node, COUNT_CLAMPED, 1);
    tell_row(s, point, wish, value, point->lease.expiry);
    return true;
}

/* Where it is to come to: one step may be shorter. */
static struct wish target_of(const struct point *point, const struct wish *wish) {
    struct wish target = *wish;
    double low, high;
    range_of(point, wish, &low, &high);
    target.value = wish->value < low ? low : wish->value > high ? high : wish->value;
    return target;
}

/* It is good, but people want to be asked: once for where it is to come to. What they have approved may be renewed, and
 * the steps on the way are covered by that. */
static void wait_for_approval(struct guard *s, struct point *point, const struct wish *wish, pl_time now,
                              double value) {
    struct wish target = target_of(point, wish);
    if (point->approved == target.value) {
        if (!decide_pass(s, point, wish, value, now)) tell_refused(s, point->tag, wish, "it could not be kept", NULL);
        return;
    }
    bool news = !point->waits || point->wish.value != target.value;
    point->waits = true;
    point->wish = target;
    point->wish.taken = machine_now();
    pl_count(s->node, COUNT_WAITING, 1);
    if (news) tell_wish(s, "guard.waiting", 400, point, &point->wish, wish->time, "", NULL);
}

static void advise(struct guard *s, struct point *point, const struct wish *wish) {
    bool news = point->advised != target_of(point, wish).value;
    pl_count(s->node, COUNT_ADVISED, 1);
    if (point->waits) return; /* until that is decided */
    point->wish = target_of(point, wish);
    point->advised = point->wish.value;
    if (news) tell_wish(s, "guard.advised", 100, point, &point->wish, wish->time, "", NULL);
}

static void refuse(struct guard *s, struct point *point, const struct wish *wish, const char *why, const char *detail) {
    point->why = why;
    tell_refused(s, point->tag, wish, why, detail);
}

/* In auto: what people have approved before that is over. */
static void pass_unasked(struct guard *s, struct point *point, const struct wish *wish, double value, pl_time now) {
    point->approved = NAN;
    if (!decide_pass(s, point, wish, value, now)) refuse(s, point, wish, "what passed could not be kept", NULL);
}

void decide(struct guard *s, uint32_t tag, const struct wish *wish, pl_time clock) {
    bool own = wish->origin == s->own || tag == s->pulse_tag;
    struct point *point = own ? NULL : point_get(s, tag);
    pl_time now = wish->time > clock ? wish->time : clock; /* where time is that of the rows, the clock may be behind */
    const char *detail = NULL;
    double value;
    if (!point) {
        tell_refused(s, tag, wish, own ? "it is given in the guard's own name" : "no limits are known for it", NULL);
        return;
    }
    enum mode mode = mode_of(s, point_name(s, point));
    const char *why = mode == MODE_MANUAL && !override_of(s, point_name(s, point)) ? "it is in manual" : NULL;
    generation_why(s, wish); /* it is seen, whatever else speaks against the set point */
    if (wish->time > clock + AHEAD_MOST) why = "its time is yet to come";
    if (!why) why = decide_why(s, point, wish, now, &value, &detail);
    if (why) {
        refuse(s, point, wish, why, detail);
        return;
    }
    point->why = NULL;
    if (mode == MODE_ADVISE)
        advise(s, point, wish);
    else if (mode == MODE_APPROVE)
        wait_for_approval(s, point, wish, now, value);
    else
        pass_unasked(s, point, wish, value, now);
}
