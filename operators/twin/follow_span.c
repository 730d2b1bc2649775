#include <math.h>

#include "follow_impl.h"

static const double BACK = 15;                        /* kg that a count may seem to go back */
static const double RAISED = 0.05;                    /* m: the beam was raised, the anodes were not */
static const double RATE_MEMORY = 900;                /* s */
static const double COUNTED_SELDOM = 300;             /* s: so far apart counts of the feed may be */
static const double SHOT = 5, THAWED = 0.3;           /* kg; of what usually comes in such a time */
static const double ANOTHER = 3, MEAL = 50;           /* times of what usually comes; kg */
static const double BY_CURRENT = 3, NO_CURRENT = 0.2; /* V; of the nominal one */
static const double JUMP = 6, JUMP_LASTS = 1800;      /* K, s */

bool follow_uncounted(const struct follow_record *r) {
    return r->unseen[FOLLOW_FEED] > COUNTED_SELDOM;
}

double follow_untold(const struct follow_record *r) {
    double quiet = fmax(r->unseen[FOLLOW_FEED], r->feed_quiet);
    return quiet > COUNTED_SELDOM ? quiet : r->unseen[FOLLOW_FEED];
}

/* ---- What is to be believed ---- */

/* A bath is too heavy to be so much warmer or colder at once, but in an anode effect. Until it has been followed for a
 * while it may be the readings before that were wrong. */
static bool has_jumped(const struct follow_record *r, const struct follow_reading *in, double t) {
    double unseen = r->unseen[FOLLOW_BATH_TEMP];
    bool effect = r->effect_since >= 0 || t < r->effect_over + FOLLOW_BY_HAND;
    return t > JUMP_LASTS && fabs(in->mean - r->warm) > JUMP && unseen < JUMP_LASTS && !effect;
}

/* No cell has its voltage without its current. Without, it has what its metal and carbon are worth, 1.2 to 2 V. */
static bool is_contradicted(const struct follow_record *r, const struct follow_setup *setup,
                            const struct follow_reading *reading) {
    const struct follow_reading *voltage = &reading[FOLLOW_VOLTAGE];
    bool told = voltage->count && r->unseen[FOLLOW_VOLTAGE] == 0; /* it is looked at first */
    return told && voltage->mean > BY_CURRENT &&
           reading[FOLLOW_CURRENT].mean < NO_CURRENT * follow_value(setup, "current");
}

/* A value that never changes any more is none. */
static bool usable(struct follow_record *r, const struct follow_setup *setup, const struct follow_reading *reading,
                   unsigned signal, double seconds, double t) {
    const struct follow_reading *in = &reading[signal];
    bool noisy = signal == FOLLOW_VOLTAGE || signal == FOLLOW_BATH_TEMP;
    if (in->count) {
        bool same = in->low == in->high && in->last == r->last[signal];
        r->same[signal] = same ? r->same[signal] + seconds : 0;
        if (noisy) r->last[signal] = in->last;
    }
    bool good = in->count && !(noisy && r->same[signal] >= setup->frozen);
    if (signal == FOLLOW_CURRENT && good) good = !is_contradicted(r, setup, reading);
    if (signal == FOLLOW_BATH_TEMP && good) good = !has_jumped(r, in, t);
    if (signal == FOLLOW_BATH_TEMP && good) r->warm = in->mean;
    r->unseen[signal] = good ? 0 : r->unseen[signal] + seconds;
    return good;
}

/* ---- Counts ---- */

/* What a count has grown by in a step. Where it is not told, what comes at its rate since it was told last, which the
 * next one corrects: what has been assumed too much is not assumed, or counted, again. `since`: s since it was told
 * last, at the end of the step. */
static double counted(struct follow_record *r, unsigned signal, bool good, const struct follow_reading *in,
                      double *rate, double since, bool *known) {
    double *last = &r->last[signal], *ahead = &r->ahead[signal], grown = in->last - *last;
    double back = BACK + (since <= COUNTED_SELDOM ? *rate * COUNTED_SELDOM : 0);
    *known = good && !isnan(*last) && grown > -back;
    if (*known) {
        *rate += (fmax(grown + *ahead, 0) / since - *rate) * -expm1(-since / RATE_MEMORY);
        *ahead = fmax(-grown, 0);
        if (grown < 0) return 0;
        *last = in->last;
        return grown;
    }
    double more = fmax(*rate * since - *ahead, 0);
    *ahead = good ? 0 : *ahead + more;
    *last = good ? in->last : *last + more;
    return more;
}

/* A count that goes on behind a gap tells what came in it, if not when: nothing at all, too. One that was told all
 * along and stood still had frozen only where it goes on by too much for the moment: else the feed had stopped, and
 * comes again. */
static bool tells_a_gap(const struct follow_record *r, double grown, double gap, double untold) {
    if (!(gap > COUNTED_SELDOM) || !(grown >= 0)) return false;
    return untold > COUNTED_SELDOM || grown > SHOT + THAWED * r->feed_usual * gap;
}

/* What came in the gap, for the time behind us as well; returns kg of it in the step. */
static double tell_gap(struct follow_record *r, double grown, double gap, double count, double seconds) {
    double rate = grown / gap;
    horizon_feed(&r->horizon, gap - seconds - r->minute.seconds, rate);
    r->minute.feed = rate * r->minute.seconds;
    r->minute.uncounted = 0;
    r->feed_rate = r->feed_usual + (rate - r->feed_usual) * -expm1(-gap / RATE_MEMORY);
    r->last[FOLLOW_FEED] = count;
    r->ahead[FOLLOW_FEED] = 0;
    return rate * seconds;
}

/* kg in the step. `untold`: s without a count before it. */
static double feed_of(struct follow_record *r, bool told, const struct follow_reading *in, double untold,
                      struct follow_span *s) {
    double grown = in->last - r->feed_told, gap = r->feed_quiet + s->seconds, feed = 0, rate = r->feed_rate;
    bool changed = told && grown != 0, known = true;            /* NaN: the first one, a change */
    if (told && grown > ANOTHER * r->feed_usual * gap + MEAL) { /* another count: nobody feeds that much */
        r->last[FOLLOW_FEED] = in->last;
        r->ahead[FOLLOW_FEED] = 0;
        feed = rate * s->seconds;
    } else if (told && tells_a_gap(r, grown, gap, untold)) {
        feed = tell_gap(r, grown, gap, in->last, s->seconds);
        s->gap_told = true;
    } else {
        feed = counted(r, FOLLOW_FEED, told, in, &r->feed_rate, untold + s->seconds, &known);
        if (known && untold + s->seconds > COUNTED_SELDOM) s->caught_up = feed - rate * s->seconds;
    }
    if (told) r->feed_told = in->last;
    r->feed_quiet = changed ? 0 : gap;
    if (changed && known) r->feed_usual = r->risk.feed;
    return feed;
}

struct follow_span follow_span_of(struct follow_record *r, const struct follow_setup *setup,
                                  const struct follow_reading *in, bool *good, pl_time end) {
    struct follow_span s = {.seconds = (double)(end - r->at) * 1e-9};
    double untold = r->unseen[FOLLOW_FEED], fluoride = r->unseen[FOLLOW_FLUORIDE] + s.seconds;
    double nothing = 0, t = (double)(end - r->begun) * 1e-9;
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++)
        good[i] = usable(r, setup, in, i, s.seconds, t);
    if (good[FOLLOW_CURRENT]) r->current = in[FOLLOW_CURRENT].mean;
    s.current = r->current;
    bool other;
    s.feed = feed_of(r, good[FOLLOW_FEED], &in[FOLLOW_FEED], untold, &s);
    s.fluoride =
        counted(r, FOLLOW_FLUORIDE, good[FOLLOW_FLUORIDE], &in[FOLLOW_FLUORIDE], &r->fluoride_rate, fluoride, &other);
    s.tapped = counted(r, FOLLOW_TAPPED, good[FOLLOW_TAPPED], &in[FOLLOW_TAPPED], &nothing, s.seconds, &other);
    const struct follow_reading *anode = &in[FOLLOW_ANODE];
    if (good[FOLLOW_ANODE]) {
        double moved = anode->mean - r->last[FOLLOW_ANODE];
        bool raised = fabs(moved) > RAISED || anode->high - anode->low > RAISED;
        /* What is left of a raise in the next step is no move either. */
        if (!isnan(moved) && !raised && !r->raised) s.moved = moved * 100;
        s.range = raised || r->raised ? 0.1 : (anode->high - anode->low) * 100;
        r->raised = raised;
        r->last[FOLLOW_ANODE] = anode->mean;
    }
    s.moved += s.tapped / (FOLLOW_METAL_DENSITY * follow_value(setup, "bottom")) * 100;
    return s;
}
