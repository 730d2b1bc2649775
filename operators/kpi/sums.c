#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "kpi.h"

static const double MADE_BY_CHARGE = 9.3214647e-8; /* kg/C */
/* In an anode effect a pot makes some half of its metal; how much is not measured. */
static const double IN_EFFECT = 0.45, DOUBT_IN_EFFECT = 0.15;

static double square(double x) {
    return x * x;
}

/* ---- Sums of a pot, by period ---- */

static struct kpi_sums *sums_at(struct kpi *k, uint32_t asset, enum kpi_period period, pl_time time, pl_time *end) {
    struct kpi_span span;
    kpi_span_of(k, period, time, &span);
    *end = span.to;
    if (span.to <= k->closed) return NULL; /* it has been told */
    /* Periods begin at whole seconds: below them is room for which one it is. */
    struct kpi_sums *sums = pl_table_get(k->sums, asset, span.from + period);
    if (!sums) k->refused++;
    return sums;
}

struct part {
    double volts, amperes, effect; /* effect: 1 while one goes on */
    bool again;                    /* the time has been counted */
};

static void integrate(struct kpi *k, uint32_t asset, pl_time from, pl_time to, const struct part *p) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        if (!(k->periods & 1u << period)) continue;
        for (pl_time at = from, end; at < to; at = end) {
            struct kpi_sums *s = sums_at(k, asset, period, at, &end);
            if (end > to) end = to;
            if (!s) continue;
            double seconds = (double)(end - at) * 1e-9;
            s->joule += p->volts * p->amperes * seconds;
            s->coulomb += p->amperes * seconds;
            s->volt_seconds += p->volts * seconds;
            if (!p->again) s->seconds += seconds;
            s->effect_seconds += p->effect * seconds;
        }
    }
}

/* Something that happened at once. */
static void add(struct kpi *k, uint32_t asset, pl_time time, const struct kpi_sums *what) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        pl_time end;
        struct kpi_sums *s = k->periods & 1u << period ? sums_at(k, asset, period, time, &end) : NULL;
        if (s) kpi_add(s, what);
    }
}

/* ---- Metal ---- */

/* The periods that `time` is in, never back to one that is over; returns the first end of one. */
static pl_time enter(struct kpi *k, struct kpi_pot *pot, pl_time time) {
    pl_time first = PL_TIME_MAX;
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        struct kpi_span span;
        if (!(k->periods & 1u << period)) continue;
        kpi_span_of(k, period, time, &span);
        if (span.from > pot->since[period]) {
            kpi_metal_period(&pot->metal, period);
            pot->since[period] = span.from;
        }
        if (span.to < first) first = span.to;
    }
    return first;
}

/* What is known of them by now. */
static void put_metal(struct kpi *k, uint32_t asset, const struct kpi_pot *pot) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        pl_time end;
        bool counts = k->periods & 1u << period && pot->since[period] != PL_TIME_MIN;
        struct kpi_sums *s = counts ? sums_at(k, asset, period, pot->since[period], &end) : NULL;
        if (!s) continue;
        s->made = pot->metal.x[METAL_SINCE + period];
        s->made_doubt = pot->metal.p[METAL_SINCE + period][METAL_SINCE + period];
    }
}

static void grow_metal(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time from, pl_time to, double amperes) {
    for (pl_time at = from, end; pot->levels && at < to; at = end) {
        end = enter(k, pot, at);
        if (end > to) end = to;
        double seconds = (double)(end - at) * 1e-9;
        kpi_metal_grow(&pot->metal, &k->metal, amperes * seconds * (pot->effect ? IN_EFFECT : 1), seconds);
        if (pot->effect) kpi_metal_doubt(&pot->metal, DOUBT_IN_EFFECT * MADE_BY_CHARGE * fabs(amperes) * seconds);
        put_metal(k, asset, pot);
    }
}

/* ---- A pot ---- */

/* Until then the newest voltage and current hold. */
static pl_time holds_until(const struct kpi *k, const struct kpi_pot *pot) {
    pl_time v = pot->at[KPI_VOLTAGE], c = pot->at[KPI_CURRENT], older = v < c ? v : c;
    return older == PL_TIME_MIN ? older : older + k->hold;
}

/* Voltage and current have held until then, or as long as they may. */
static void hold(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time until) {
    pl_time from = pot->until, to = holds_until(k, pot) < until ? holds_until(k, pot) : until;
    pl_time uncovered = until - (from < to ? to : from);
    if (until > pot->until) pot->until = until;
    if (pot->levels && uncovered > 0 && from > PL_TIME_MIN / 2)
        kpi_metal_doubt(&pot->metal, MADE_BY_CHARGE * fabs(pot->value[KPI_CURRENT]) * (double)uncovered * 1e-9);
    if (from >= to) return;
    struct part part = {.volts = pot->value[KPI_VOLTAGE], .amperes = pot->value[KPI_CURRENT], .effect = pot->effect};
    integrate(k, asset, from, to, &part);
    grow_metal(k, asset, pot, from, to, part.amperes);
}

/* An effect came or went at any time since the voltage before, evenly likely: in the middle, then, and a twelfth of the
 * time squared is the variance. From the middle on it was what is seen now, and not what was held. */
static void put_edge(struct kpi *k, uint32_t asset, const struct kpi_pot *pot, pl_time time, bool began) {
    pl_time gap = time - pot->at[KPI_VOLTAGE], at = time - gap / 2, to = holds_until(k, pot);
    add(k, asset, time, &(struct kpi_sums){.effect_doubt = square((double)gap * 1e-9) / 12});
    if (to > time) to = time;
    struct part part = {.effect = began ? 1 : -1, .again = true};
    integrate(k, asset, at, to, &part);
}

/* It begins above the limit, and is a new one when the last was over for some time. */
static void watch(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time time, double volts) {
    bool now = volts > k->effect_voltage;
    if (now != (bool)pot->effect && pot->at[KPI_VOLTAGE] != PL_TIME_MIN) put_edge(k, asset, pot, time, now);
    if (now && !pot->effect && time - pot->effect_until > k->effect_apart)
        add(k, asset, time, &(struct kpi_sums){.effects = 1});
    if (now) pot->effect_until = time;
    pot->effect = now;
}

/* A level and what was tapped say how much the pot has ever made: a number that only grows. */
static void see_level(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time time, double meters) {
    double seen = meters * k->cavity * k->density + pot->tapped;
    if (!pot->levels++) {
        kpi_metal_begin(&pot->metal, &k->metal, seen);
        return;
    }
    enter(k, pot, time > pot->until ? time : pot->until);
    kpi_metal_see(&pot->metal, &k->metal, seen);
    put_metal(k, asset, pot);
}

/* What a count has grown by; one that falls was set back. */
static double grown(const struct kpi_pot *pot, enum kpi_signal signal, double value) {
    if (pot->at[signal] == PL_TIME_MIN) return 0;
    double by = value - pot->value[signal];
    return by >= 0 ? by : value;
}

static void see(struct kpi *k, uint32_t asset, struct kpi_pot *pot, enum kpi_signal signal, pl_time time,
                double value) {
    switch (signal) {
    case KPI_VOLTAGE:
    case KPI_CURRENT:
        hold(k, asset, pot, time);
        if (signal == KPI_VOLTAGE) watch(k, asset, pot, time, value);
        break;
    case KPI_FEED: add(k, asset, time, &(struct kpi_sums){.fed = grown(pot, signal, value)}); break;
    case KPI_TAPPED: pot->tapped += grown(pot, signal, value); break;
    case KPI_LEVEL: see_level(k, asset, pot, time, value); break;
    default: break;
    }
    pot->at[signal] = time;
    pot->value[signal] = value;
}

/* ---- Rows ---- */

static double scale_of(const struct pl_tag *tag, enum kpi_signal signal) {
    if (signal == KPI_CURRENT) return signals_current(tag->unit);
    if (signal == KPI_FEED || signal == KPI_TAPPED) return strcmp(tag->unit, "t") == 0 ? 1000 : 1;
    return signal == KPI_LEVEL ? signals_length(tag->unit, 1e-2) : 1;
}

static struct kpi_pot *pot_of(struct kpi *k, uint32_t asset) {
    bool there = pl_table_first(k->pots, asset) != NULL;
    struct kpi_pot *pot = pl_table_get(k->pots, asset, 0);
    for (unsigned i = 0; pot && !there && i < KPI_SIGNALS; i++)
        pot->at[i] = PL_TIME_MIN;
    for (unsigned i = 0; pot && !there && i < KPI_PERIODS; i++)
        pot->since[i] = PL_TIME_MIN;
    if (pot && !there) pot->until = pot->effect_until = PL_TIME_MIN / 2;
    return pot;
}

bool kpi_take(struct kpi *k, const struct pl_batch *batch) {
    if (!signals_prepare(&k->signals, k->tags)) return false;
    const struct pl_samples *rows = &batch->samples;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t tag = rows->tag[i];
        int signal = signals_of(&k->signals, k->tags, tag);
        if (signal < 0) continue;
        if (pl_quality_bad(rows->quality[i]) || !isfinite(rows->value[i])) {
            k->ignored++;
            continue;
        }
        const struct pl_tag *entry = pl_tags_get(k->tags, tag);
        struct kpi_pot *pot = pot_of(k, entry->asset);
        if (!pot) {
            k->refused++;
            continue;
        }
        enum kpi_signal which = (enum kpi_signal)signal;
        if (rows->time[i] < pot->at[which] || rows->time[i] < k->closed) {
            k->late++;
            continue;
        }
        see(k, entry->asset, pot, which, rows->time[i], rows->value[i] * scale_of(entry, which));
    }
    return true;
}

bool kpi_carry_on(struct kpi *k, pl_time now) {
    for (struct pl_record *r = pl_table_next(k->pots, NULL); r; r = pl_table_next(k->pots, r)) {
        struct kpi_pot *pot = pl_table_get(k->pots, r->id, 0);
        if (!pot) return false;
        hold(k, r->id, pot, now);
    }
    return true;
}
