#include "risk.h"

#include <math.h>

static const double LEAN = 0.75, LEAST = 0.65; /* of its hour, of what is used: fed less its feed is not lean but off */
static const double FEED_MEMORY = 3600; /* s: of the feed as its control makes it, which goes up and down within that */
static const double RECENT_MEMORY = 600;   /* s: of the feed as it is now, some strokes long */
static const double FAST = 60, SLOW = 300; /* s */
static const double BY_DENSITY = 0.9; /* wt% by the logarithm of the density: bubbles and the critical one together */
static const double STOOD_MEMORY = 7200; /* s: what the cell has stood without an effect; and how much ... */
static const double STOOD_MARGIN = 0.04; /* wt% ... of that an estimate may have been off in between */
static const double STOOD_MOST = 0.3;    /* wt% above the usual: higher says nothing */
static const double STOOD_LEAST = 3; /* deviations from cell to cell below it: lower still, the estimate is doubted */
enum { NODES = 8 };                  /* on either side, three to a deviation */
static const double NEAR = 0.10;     /* wt%: so near it is not over */
static const double SETTLING = 1800; /* s of a new cell without any alarm */

void risk_begin(struct risk *risk, double feed) {
    *risk = (struct risk){.feed = feed, .recent = feed, .most = feed, .stood = INFINITY, .level = NAN, .slow = NAN};
}

static double smoothed(double old, double now, double seconds, double memory) {
    if (isnan(now)) return old;
    if (isnan(old)) return now;
    return old + (now - old) * -expm1(-seconds / memory);
}

/* A feed that is off (an empty silo, a control that stands still) is not expected to come again by itself. */
static bool feeds(const struct risk *risk, const struct risk_input *in) {
    return risk->recent >= LEAN * risk->feed && risk->recent >= LEAST * in->used;
}

/* kg/s by the hour, or the last minutes: a control that feeds less now will feed more again, and one that feeds more
 * has seen why. */
static double fed(const struct risk *risk, const struct risk_input *in) {
    return feeds(risk, in) ? fmax(risk->feed, risk->recent) : risk->recent;
}

/* Alumina `seconds` from now, wt%, at so much feed: what lies undissolved comes too, and what is fed dissolves with a
 * delay. */
static double ahead(const struct risk_input *in, double feed, double seconds) {
    double k = fmax(in->dissolving, 1e-6), arriving = feed * in->share, late = (1 - in->at_once) * arriving;
    double from_lumps = (in->undissolved - late / k) * -expm1(-k * seconds) + late * seconds;
    return in->alumina + 100 / in->mass * (from_lumps + (in->at_once * arriving - in->used) * seconds);
}

/* Minutes until the alumina is that low, if all goes on as it does. */
static double minutes_to(const struct risk_input *in, double feed, double low) {
    if (in->alumina <= low) return 0;
    double from = 0, to = 120;
    while (to <= 60.0 * RISK_FAR && ahead(in, feed, to) > low) {
        from = to;
        to *= 1.25;
    }
    if (to > 60.0 * RISK_FAR) return RISK_FAR;
    for (int i = 0; i < 20; i++) {
        double middle = 0.5 * (from + to);
        if (ahead(in, feed, middle) > low)
            from = middle;
        else
            to = middle;
    }
    return to / 60;
}

/* ---- Probability ---- */

static double square(double x) {
    return x * x;
}

/* Of a normal variable above z deviations. */
static double above(double z) {
    return 0.5 * erfc(z / M_SQRT2);
}

/* The least that the cell has had lately without an effect: its own limit lies below that. */
static void remember_stood(struct risk *risk, const struct risk_setup *setup, const struct risk_input *in,
                           double shift) {
    double most = setup->alumina + STOOD_MOST, least = setup->alumina - STOOD_LEAST * setup->spread;
    double at = fmax(fmin(in->alumina - shift + in->deviation + STOOD_MARGIN, most), least);
    if (in->effect || !in->settled || !isfinite(risk->stood)) risk->stood = most;
    risk->stood = at < risk->stood ? at : smoothed(risk->stood, at, in->seconds, STOOD_MEMORY);
}

/* That the cell's limit, which is below what it has stood, is above what there will be: both at the usual density. */
static double probability_of(const struct risk *risk, const struct risk_setup *setup, const struct risk_input *in,
                             double then) {
    double share = sqrt(square(in->share_deviation) + square(setup->feed_spread));
    double drift = 100 / in->mass * share * in->used * setup->lead;
    double spread = sqrt(square(in->deviation) + square(setup->spread));
    bool borne = risk->stood < setup->alumina + STOOD_MOST;
    double ruled_out = borne ? above((risk->stood - setup->alumina) / spread) : 0, sum = 0, weights = 0;
    for (int i = -NODES; i <= NODES; i++) {
        double off = i / 3.0, weight = exp(-0.5 * square(off));
        sum += weight * fmax(above((then + off * drift - setup->alumina) / spread) - ruled_out, 0);
        weights += weight;
    }
    return sum / weights / fmax(1 - ruled_out, 1e-6);
}

/* Is there still time for its answer? Neither once it has had `answer`, nor where less than that is left. */
static bool waits(const struct risk *risk, const struct risk_setup *setup, const struct risk_input *in, double low) {
    return risk->unanswered < setup->answer && 60 * minutes_to(in, fed(risk, in), low) >= setup->answer;
}

/* What is expected of the control: kg/s. `probability`: of an effect if it goes on as it does; `low`: wt% of one. */
static double expected(struct risk *risk, const struct risk_setup *setup, const struct risk_input *in,
                       double probability, double low) {
    bool usual = in->settled && !in->effect;
    risk->most =
        usual ? fmax(smoothed(risk->most, risk->recent, in->seconds, setup->feed_memory), risk->recent) : risk->recent;
    bool hoped = usual && feeds(risk, in) && !in->held && !risk->raised && waits(risk, setup, in, low);
    double more = probability > setup->raise ? in->seconds : -in->seconds;
    risk->unanswered = usual ? fmin(fmax(risk->unanswered + more, 0), setup->answer) : 0;
    return hoped ? fmax(fed(risk, in), risk->most) : fed(risk, in);
}

struct risk_outlook risk_step(struct risk *risk, const struct risk_setup *setup, const struct risk_input *in) {
    struct risk_outlook out = {0};
    risk->feed = smoothed(risk->feed, in->feed, in->seconds, FEED_MEMORY);
    risk->recent = smoothed(risk->recent, in->feed, in->seconds, RECENT_MEMORY);
    risk->level = smoothed(risk->level, in->voltage, in->seconds, FAST);
    risk->slow = smoothed(risk->slow, in->voltage, in->seconds, SLOW);
    risk->slope = isnan(risk->level) ? 0 : (risk->level - risk->slow) / (SLOW - FAST);
    double shift = BY_DENSITY * log(fmin(fmax(in->density, 0.5), 2)), low = setup->alumina + shift;
    remember_stood(risk, setup, in, shift);
    double unhelped = probability_of(risk, setup, in, ahead(in, fed(risk, in), setup->lead) - shift);
    double feed = expected(risk, setup, in, unhelped, low), then = ahead(in, feed, setup->lead);
    out.probability = probability_of(risk, setup, in, then - shift);
    out.rate = (then - in->alumina) / setup->lead * 3600;
    out.minutes = minutes_to(in, feed, low);
    if (in->effect) {
        out.probability = 1;
        out.minutes = 0;
        risk->above = 0;
        out.cleared = risk->raised != 0;
        risk->raised = 0;
        return out;
    }
    risk->above = out.probability > setup->raise && in->settled && in->t > SETTLING ? risk->above + 1 : 0;
    if (!risk->raised && risk->above >= setup->patience) {
        out.raised = true;
        risk->raised = 1;
        risk->since = in->t;
    } else if (risk->raised && out.probability < setup->clear && in->alumina > low + NEAR) {
        out.cleared = true;
        risk->raised = 0;
    }
    return out;
}
