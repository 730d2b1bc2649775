#include <math.h>

#include "follow_impl.h"

static const double BACK = 15;            /* kg that a count may seem to go back */
static const double RAISED = 0.05;        /* m: the beam was raised, the anodes were not */
static const double RATE_MEMORY = 900;    /* s */
static const double COUNTED_SELDOM = 300; /* s: so far apart counts of the feed may be */

bool follow_uncounted(const struct follow_record *r) {
    return r->unseen[FOLLOW_FEED] > COUNTED_SELDOM;
}

/* A value that never changes any more is none. */
static bool usable(struct follow_record *r, const struct follow_setup *setup, const struct follow_reading *reading,
                   unsigned signal, double seconds) {
    const struct follow_reading *in = &reading[signal];
    bool noisy = signal == FOLLOW_VOLTAGE || signal == FOLLOW_BATH_TEMP;
    if (in->count) {
        bool same = in->low == in->high && in->last == r->last[signal];
        r->same[signal] = same ? r->same[signal] + seconds : 0;
        if (noisy) r->last[signal] = in->last;
    }
    bool good = in->count && !(noisy && r->same[signal] >= setup->frozen);
    r->unseen[signal] = good ? 0 : r->unseen[signal] + seconds;
    return good;
}

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

struct follow_span follow_span_of(struct follow_record *r, const struct follow_setup *setup,
                                  const struct follow_reading *in, bool *good, pl_time end) {
    struct follow_span s = {.seconds = (double)(end - r->at) * 1e-9};
    double fed = r->unseen[FOLLOW_FEED] + s.seconds, fluoride = r->unseen[FOLLOW_FLUORIDE] + s.seconds;
    double rate = r->feed_rate, nothing = 0;
    for (unsigned i = 0; i < FOLLOW_SIGNALS; i++)
        good[i] = usable(r, setup, in, i, s.seconds);
    if (good[FOLLOW_CURRENT]) r->current = in[FOLLOW_CURRENT].mean;
    s.current = r->current;
    bool known, other;
    s.feed = counted(r, FOLLOW_FEED, good[FOLLOW_FEED], &in[FOLLOW_FEED], &r->feed_rate, fed, &known);
    if (known && fed > COUNTED_SELDOM) s.caught_up = s.feed - rate * s.seconds;
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
