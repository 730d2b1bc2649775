/* gaps.c: time without a voltage or a current. Where both are back soon, energy and charge of it are taken for the mean
 * of both sides. How far that is off was measured on the simulated plant (README.md): voltage by 2.4 % at most, current
 * by 0.6 %. But an anode effect that nobody saw may be in it, which takes ten minutes' energy. */
#include <math.h>

#include "kpi.h"

static const double MADE_BY_CHARGE = 9.3214647e-8; /* kg/C */
/* A pot without values for so long is not there any more; until then its line is short of it, and is told so. */
static const pl_time GONE = 24 * PL_HOUR;
/* Deviations of a mean of both sides, as shares. */
static const double VOLTS_OFF = 0.0125, AMPERES_OFF = 0.005;
/* Of the charge by which metal grows; as much again for each hour. */
static const double METAL_OFF = 0.01, HOUR = 3600;
/* An effect that nobody saw: V, s at most, and the share of metal that is not made in it. */
static const double EFFECT_VOLTS = 32, EFFECT_SECONDS = 150, LOST_IN_EFFECT = 0.55;

static double square(double x) {
    return x * x;
}

static double seconds_between(pl_time from, pl_time to) {
    return to > from ? (double)(to - from) * 1e-9 : 0;
}

/* One deviation of metal by then, as seconds of the current: it is off the same way all along. */
static double off_after(double seconds) {
    double effect = LOST_IN_EFFECT / 2 * fmin(seconds, EFFECT_SECONDS);
    return hypot(METAL_OFF * (1 + seconds / HOUR) * seconds, effect);
}

double kpi_gap_doubt(const struct kpi_pot *pot, pl_time from, pl_time to) {
    double before = off_after(seconds_between(pot->gap, from)), after = off_after(seconds_between(pot->gap, to));
    return sqrt(fmax(square(after) - square(before), 0));
}

static double side(const struct kpi_pot *pot, enum kpi_signal signal) {
    return pot->at[signal] == PL_TIME_MIN ? NAN : pot->value[signal];
}

pl_time kpi_gap_there(const struct kpi_pot *pot, pl_time from) {
    if (pot->at[KPI_VOLTAGE] == PL_TIME_MIN || pot->at[KPI_CURRENT] == PL_TIME_MIN) return from; /* a line, no pot */
    return (pot->gap == PL_TIME_MIN ? from : pot->gap) + GONE;
}

void kpi_gap_lose(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time from, pl_time to, bool begin) {
    if (pot->gap == PL_TIME_MIN) {
        pot->gap = from;
        pot->side[KPI_VOLTAGE] = side(pot, KPI_VOLTAGE);
        pot->side[KPI_CURRENT] = side(pot, KPI_CURRENT);
        pot->gap_watched = pot->gap_volts = 0;
    }
    kpi_integrate(k, asset, from, to, &(struct kpi_part){.lost = 1, .only_open = !begin});
    if (pot->at[KPI_VOLTAGE] == PL_TIME_MIN) return;
    pl_time seen = pot->at[KPI_VOLTAGE] + k->hold;
    if (seen > to) seen = to;
    if (seen <= from) return;
    kpi_integrate(k, asset, from, seen, &(struct kpi_part){.watched = 1, .effect = pot->effect});
    pot->gap_watched += seconds_between(from, seen);
    pot->gap_volts += pot->value[KPI_VOLTAGE] * seconds_between(from, seen);
}

/* The mean of both sides; a voltage within an effect says nothing of the other side. */
static double between(double before, double after, double limit) {
    if (before > limit) return after;
    return after > limit ? before : (before + after) / 2;
}

static bool in_one_period(struct kpi *k, pl_time from, pl_time to) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        struct kpi_span span;
        kpi_span_of(k, period, from, &span);
        if (k->periods & 1u << period && span.to < to) return false;
    }
    return true;
}

static struct kpi_part bridge_of(struct kpi *k, const struct kpi_pot *pot, double seconds, bool whole) {
    double before = pot->side[KPI_VOLTAGE], after = pot->value[KPI_VOLTAGE];
    double amperes = (pot->side[KPI_CURRENT] + pot->value[KPI_CURRENT]) / 2;
    double volts = between(before, after, k->effect_voltage), unseen = fmax(1 - pot->gap_watched / seconds, 0);
    struct kpi_part part = {.amperes = amperes, .bridged = 1, .lost = -1};
    part.volts = pot->gap_volts / seconds + volts * unseen;
    part.volts_doubt = (VOLTS_OFF * volts + fabs(after - before) / 4) * unseen;
    /* What was seen of the voltage is spread over the gap: in which period an effect was is not known any more. */
    if (!whole && pot->gap_watched > 0) part.volts_doubt += fabs(pot->gap_volts / pot->gap_watched - volts);
    part.amperes_doubt = AMPERES_OFF * fabs(amperes) + fabs(pot->value[KPI_CURRENT] - pot->side[KPI_CURRENT]) / 4;
    /* As two deviations; the last value was held, an effect may have been within that too. */
    double longest = fmin(seconds + (double)k->hold * 1e-9, EFFECT_SECONDS);
    if (unseen > 1e-6) part.hidden = fmax(EFFECT_VOLTS - volts, 0) * fabs(amperes) * longest / 2;
    return part;
}

void kpi_gap_end(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time time) {
    pl_time from = pot->gap;
    double moved = fabs(pot->value[KPI_CURRENT] - pot->side[KPI_CURRENT]);
    double seconds = seconds_between(from, time);
    pot->gap = PL_TIME_MIN;
    if (seconds <= 0 || !isfinite(pot->side[KPI_VOLTAGE] + pot->side[KPI_CURRENT])) return; /* one had never come */
    /* Metal grew by the current before. */
    if (pot->levels) kpi_metal_doubt(&pot->metal, MADE_BY_CHARGE * moved / 2 * seconds);
    if (time - from > k->bridge) return;
    bool effects = pot->side[KPI_VOLTAGE] > k->effect_voltage && pot->value[KPI_VOLTAGE] > k->effect_voltage;
    if (effects && seconds > EFFECT_SECONDS)
        return; /* none lasts so long: they are two, and what lies between is not seen */
    struct kpi_part part = bridge_of(k, pot, seconds, in_one_period(k, from, time));
    kpi_integrate(k, asset, from, time, &part);
}
