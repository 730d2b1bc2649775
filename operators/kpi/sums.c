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

static struct kpi_sums *sums_at(struct kpi *k, uint32_t asset, enum kpi_period period, pl_time time, bool begin,
                                pl_time *end) {
    struct kpi_span span;
    kpi_span_of(k, period, time, &span);
    *end = span.to;
    if (span.to <= k->closed) return NULL; /* it has been told */
    /* Periods begin at whole seconds: below them is room for which one it is. */
    if (!begin && !pl_table_find(k->sums, asset, span.from + period)) return NULL;
    struct kpi_sums *sums = pl_table_get(k->sums, asset, span.from + period);
    if (!sums) k->refused++;
    return sums;
}

static void put_part(struct kpi_sums *s, const struct kpi_part *p, double seconds) {
    s->joule += p->volts * p->amperes * seconds;
    s->coulomb += p->amperes * seconds;
    s->volt_seconds += p->volts * seconds;
    s->seconds += p->known * seconds;
    s->bridged += p->bridged * seconds;
    s->lost = fmax(s->lost + p->lost * seconds, 0);
    s->watched += p->watched * seconds;
    s->effect_seconds += p->effect * seconds;
    s->coulomb_doubt += square(p->amperes_doubt * seconds);
    s->joule_doubt += square(p->volts_doubt * p->amperes * seconds) + square(p->hidden);
}

void kpi_integrate(struct kpi *k, uint32_t asset, pl_time from, pl_time to, const struct kpi_part *p) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        if (!(k->periods & 1u << period)) continue;
        for (pl_time at = from, end; at < to; at = end) {
            struct kpi_sums *s = sums_at(k, asset, period, at, !p->only_open, &end);
            if (end > to) end = to;
            if (s) put_part(s, p, (double)(end - at) * 1e-9);
        }
    }
}

/* Something that happened at once. */
static void add(struct kpi *k, uint32_t asset, pl_time time, const struct kpi_sums *what) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        pl_time end;
        struct kpi_sums *s = k->periods & 1u << period ? sums_at(k, asset, period, time, true, &end) : NULL;
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
static void put_metal(struct kpi *k, uint32_t asset, const struct kpi_pot *pot, bool begin) {
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        pl_time end;
        bool counts = k->periods & 1u << period && pot->since[period] != PL_TIME_MIN;
        struct kpi_sums *s = counts ? sums_at(k, asset, period, pot->since[period], begin, &end) : NULL;
        if (!s) continue;
        s->made = pot->metal.x[METAL_SINCE + period];
        s->made_doubt = pot->metal.p[METAL_SINCE + period][METAL_SINCE + period];
    }
}

/* With the newest current, also where it holds no more: metal is made all the same, and levels say how much. */
static void grow_metal(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time from, pl_time to, bool lost,
                       bool begin) {
    double amperes = pot->value[KPI_CURRENT];
    bool effect = pot->effect && !lost;
    for (pl_time at = from, end; pot->levels && at < to; at = end) {
        end = enter(k, pot, at);
        if (end > to) end = to;
        double seconds = (double)(end - at) * 1e-9;
        kpi_metal_grow(&pot->metal, &k->metal, amperes * seconds * (effect ? IN_EFFECT : 1), seconds);
        if (effect) kpi_metal_doubt(&pot->metal, DOUBT_IN_EFFECT * MADE_BY_CHARGE * fabs(amperes) * seconds);
        if (lost) kpi_metal_doubt(&pot->metal, MADE_BY_CHARGE * fabs(amperes) * kpi_gap_doubt(pot, at, end));
        put_metal(k, asset, pot, begin);
    }
}

/* ---- A pot ---- */

static pl_time earlier(pl_time a, pl_time b) {
    return a < b ? a : b;
}

static pl_time held(const struct kpi *k, const struct kpi_pot *pot, enum kpi_signal signal) {
    return pot->at[signal] == PL_TIME_MIN ? PL_TIME_MIN : pot->at[signal] + k->hold;
}

pl_time kpi_holds_until(const struct kpi *k, const struct kpi_pot *pot) {
    return earlier(held(k, pot, KPI_VOLTAGE), held(k, pot, KPI_CURRENT));
}

static void lose(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time from, pl_time to, bool begin) {
    if (from >= to) return;
    kpi_gap_lose(k, asset, pot, from, to, begin);
    grow_metal(k, asset, pot, from, to, true, begin);
}

/* Voltage and current have held until then, or as long as they may. */
static void hold(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time until) {
    pl_time from = pot->until, to = earlier(kpi_holds_until(k, pot), until);
    if (until <= from) return;
    pot->until = until;
    if (from <= PL_TIME_MIN / 2) return;
    if (from < to) {
        kpi_integrate(k, asset, from, to,
                      &(struct kpi_part){.volts = pot->value[KPI_VOLTAGE],
                                         .amperes = pot->value[KPI_CURRENT],
                                         .effect = pot->effect,
                                         .known = 1,
                                         .watched = 1});
        grow_metal(k, asset, pot, from, to, false, true);
        from = to;
    }
    if (from >= until) return;
    pl_time there = earlier(kpi_gap_there(pot, from), until); /* a row with a wrong clock is years ahead */
    lose(k, asset, pot, from, there, true);
    lose(k, asset, pot, there > from ? there : from, until, false);
}

/* An effect came or went at any time since the voltage before, evenly likely: in the middle, then, and a twelfth of the
 * time squared is the variance. From the middle on it was what is seen now, and not what was held. */
static void put_edge(struct kpi *k, uint32_t asset, const struct kpi_pot *pot, pl_time time, bool began) {
    pl_time gap = time - pot->at[KPI_VOLTAGE], at = time - gap / 2, to = held(k, pot, KPI_VOLTAGE);
    add(k, asset, time, &(struct kpi_sums){.effect_doubt = square((double)gap * 1e-9) / 12});
    if (to > time) to = time;
    kpi_integrate(k, asset, at, to, &(struct kpi_part){.effect = began ? 1 : -1});
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

/* The first level: what charge has made before it, in periods that have begun, is known as far as efficiency is. */
static void begin_metal(struct kpi *k, uint32_t asset, struct kpi_pot *pot, double seen) {
    kpi_metal_begin(&pot->metal, &k->metal, seen);
    enter(k, pot, pot->until);
    for (enum kpi_period period = 0; period < KPI_PERIODS; period++) {
        pl_time end;
        bool counts = k->periods & 1u << period;
        struct kpi_sums *s = counts ? sums_at(k, asset, period, pot->until, false, &end) : NULL;
        if (s) kpi_metal_before(&pot->metal, period, s->coulomb);
    }
}

/* A level falls when metal is tapped: without a count of that it says nothing of what was made. */
static bool tapped_known(const struct kpi *k, const struct kpi_pot *pot, pl_time time) {
    pl_time at = pot->at[KPI_TAPPED];
    return at == PL_TIME_MIN || !k->tapped_hold || time - at <= k->tapped_hold;
}

/* A level and what was tapped say how much the pot has ever made: a number that only grows. */
static void see_level(struct kpi *k, uint32_t asset, struct kpi_pot *pot, pl_time time, double meters) {
    double seen = meters * k->cavity * k->density + pot->tapped;
    if (pot->at[KPI_CURRENT] == PL_TIME_MIN || pot->at[KPI_VOLTAGE] == PL_TIME_MIN) return; /* it grows unseen */
    if (!tapped_known(k, pot, time)) return;
    if (!pot->levels++) {
        begin_metal(k, asset, pot, seen);
        return;
    }
    enter(k, pot, time > pot->until ? time : pot->until);
    kpi_metal_see(&pot->metal, &k->metal, seen);
    put_metal(k, asset, pot, true);
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
    if (pot->gap != PL_TIME_MIN && kpi_holds_until(k, pot) >= time) kpi_gap_end(k, asset, pot, time);
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
    if (pot && !there) pot->until = pot->effect_until = PL_TIME_MIN / 2, pot->gap = PL_TIME_MIN;
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
