#include "risk.h"

#include <math.h>

static const double FEED_MEMORY = 3600; /* s: of the feed as its control makes it, which goes up and down within that */
static const double FAST = 60, SLOW = 300; /* s */
static const double BY_DENSITY = 0.9; /* wt% by the logarithm of the density: bubbles and the critical one together */
static const double REGULATED = 0.30; /* of what is used: the feed changes by that whenever its control wants to */
static const double NEAR = 0.10;      /* wt%: so near it is not over */
static const double SETTLING = 1800;  /* s of a new cell without any alarm */

void risk_begin(struct risk *risk, double feed) {
    *risk = (struct risk){.feed = feed, .level = NAN, .slow = NAN};
}

static double smoothed(double old, double now, double seconds, double memory) {
    if (isnan(now)) return old;
    if (isnan(old)) return now;
    return old + (now - old) * -expm1(-seconds / memory);
}

/* Alumina `ahead` seconds from now, wt%: what lies undissolved comes too, and what is fed dissolves with a delay. */
static double ahead(const struct risk *risk, const struct risk_input *in, double seconds) {
    double k = fmax(in->dissolving, 1e-6), feed = risk->feed * in->share, late = (1 - in->at_once) * feed;
    double from_lumps = (in->undissolved - late / k) * -expm1(-k * seconds) + late * seconds;
    return in->alumina + 100 / in->mass * (from_lumps + (in->at_once * feed - in->used) * seconds);
}

/* Minutes until the alumina is that low, if all goes on as it does. */
static double minutes_to(const struct risk *risk, const struct risk_input *in, double low) {
    if (in->alumina <= low) return 0;
    double from = 0, to = 120;
    while (to <= 60.0 * RISK_FAR && ahead(risk, in, to) > low) {
        from = to;
        to *= 1.25;
    }
    if (to > 60.0 * RISK_FAR) return RISK_FAR;
    for (int i = 0; i < 20; i++) {
        double middle = 0.5 * (from + to);
        if (ahead(risk, in, middle) > low)
            from = middle;
        else
            to = middle;
    }
    return to / 60;
}

struct risk_outlook risk_step(struct risk *risk, const struct risk_setup *setup, const struct risk_input *in) {
    struct risk_outlook out = {0};
    risk->feed = smoothed(risk->feed, in->feed, in->seconds, FEED_MEMORY);
    risk->level = smoothed(risk->level, in->voltage, in->seconds, FAST);
    risk->slow = smoothed(risk->slow, in->voltage, in->seconds, SLOW);
    risk->slope = isnan(risk->level) ? 0 : (risk->level - risk->slow) / (SLOW - FAST);
    double low = setup->alumina + BY_DENSITY * log(fmin(fmax(in->density, 0.5), 2));
    double then = ahead(risk, in, setup->lead);
    double share = sqrt(in->share_deviation * in->share_deviation + REGULATED * REGULATED);
    double drift = 100 / in->mass * share * in->used * setup->lead;
    double deviation = sqrt(in->deviation * in->deviation + drift * drift + setup->spread * setup->spread);
    out.probability = 0.5 * erfc((then - low) / (deviation * M_SQRT2));
    out.rate = (then - in->alumina) / setup->lead * 3600;
    out.minutes = minutes_to(risk, in, low);
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
