/* report_figures.c: what the node kpi has told of lines and the plant: sums over the span, and a plot of each figure.
 *
 * Over the span energy and metal are sums, and what is by tonne is weighted by metal: sum(x_i m_i) / sum(m_i). Current
 * efficiency is metal by what the charge would have made: sum(m_i) / sum(m_i / ce_i). What is by day or pot-day is
 * weighted by how much of each period was covered. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/text.h>

#include "report.h"

enum { ASSETS = 64 };
enum figure { ENERGY, SPECIFIC, PRODUCTION, THROUGHPUT, EFFICIENCY, EFFECTS, MINUTES, PFC, CO2E, COVERED, FIGURES };

static const struct {
    const char *name, *title, *unit; /* title NULL: it has no plot */
} figures[FIGURES] = {
    [ENERGY] = {"energy", NULL, ""},
    [SPECIFIC] = {"kwh_per_t", "Energy", "kWh/t"},
    [PRODUCTION] = {"production", NULL, ""},
    [THROUGHPUT] = {"throughput", "Throughput", "t/d"},
    [EFFICIENCY] = {"current_efficiency", "Current efficiency", "%"},
    [EFFECTS] = {"anode_effects", "Anode effects", "by pot-day"},
    [MINUTES] = {"anode_effect_minutes", NULL, ""},
    [PFC] = {"pfc", NULL, ""},
    [CO2E] = {"co2e", "CO2e", "kg/t"},
    [COVERED] = {"covered", NULL, ""},
};

struct told { /* of an asset in a period */
    pl_time time;
    unsigned asset;
    double value[FIGURES];
    bool sure;
};

struct gathering {
    struct pl__span *report;
    const char *period;
    struct pl_tags *names;
    char *asset[ASSETS];
    unsigned assets;
    struct told *told;
    size_t count, room;
    bool failed;
};

static unsigned asset_of(struct gathering *g, const char *name, size_t length) {
    for (unsigned i = 0; i < g->assets; i++)
        if (strlen(g->asset[i]) == length && memcmp(g->asset[i], name, length) == 0) return i;
    if (g->assets == ASSETS || !(g->asset[g->assets] = pl_strndup(name, length))) return ASSETS;
    return g->assets++;
}

/* Rows of one period come together, so it is among the last. */
static struct told *told_of(struct gathering *g, unsigned asset, pl_time time) {
    for (size_t i = g->count; i > 0 && g->count - i < 2 * ASSETS; i--)
        if (g->told[i - 1].asset == asset && g->told[i - 1].time == time) return &g->told[i - 1];
    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : 256;
        struct told *more = pl_realloc(g->told, room * sizeof *more);
        if (!more) {
            g->failed = true;
            return NULL;
        }
        g->told = more;
        g->room = room;
    }
    struct told *told = &g->told[g->count++];
    *told = (struct told){.time = time, .asset = asset, .sure = true};
    for (unsigned i = 0; i < FIGURES; i++)
        told->value[i] = NAN;
    return told;
}

/* "line1.kpi.day.kwh_per_t": of lines and the plant, so no dot in front of ".kpi.". */
static void take_row(struct gathering *g, const char *tag, pl_time time, double value, uint16_t quality) {
    const char *at = strstr(tag, ".kpi.");
    size_t period = strlen(g->period);
    if (!at || memchr(tag, '.', (size_t)(at - tag))) return;
    const char *name = at + strlen(".kpi.");
    if (strncmp(name, g->period, period) != 0 || name[period] != '.') return;
    for (unsigned i = 0; i < FIGURES; i++) {
        if (strcmp(name + period + 1, figures[i].name) != 0) continue;
        unsigned asset = asset_of(g, tag, (size_t)(at - tag));
        struct told *told = asset < ASSETS ? told_of(g, asset, time) : NULL;
        if (!told) return;
        told->value[i] = value;
        told->sure = told->sure && (quality & PL_Q_SEVERITY) == PL_Q_GOOD;
        return;
    }
}

static bool take(void *arg, const struct pl_batch *batch) {
    struct gathering *g = arg;
    for (uint32_t i = 0; i < batch->rows; i++) {
        pl_time time = batch->samples.time[i];
        if (time > g->report->from && time <= g->report->to) /* at a period's end */
            take_row(g, pl_tags_get(g->names, batch->samples.tag[i])->name, time, batch->samples.value[i],
                     batch->samples.quality[i]);
    }
    return !g->failed;
}

static int by_time(const void *a, const void *b) {
    const struct told *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->asset < y->asset ? -1 : x->asset > y->asset;
}

/* Two nodes may both have kept a row: of an asset and a time there is one. */
static void merge_same(struct gathering *g) {
    size_t last = 0;
    qsort(g->told, g->count, sizeof *g->told, by_time);
    for (size_t i = 1; i < g->count; i++) {
        struct told *t = &g->told[last];
        if (by_time(t, &g->told[i]) != 0) {
            g->told[++last] = g->told[i];
            continue;
        }
        for (unsigned f = 0; f < FIGURES; f++)
            if (isnan(t->value[f])) t->value[f] = g->told[i].value[f];
        t->sure = t->sure && g->told[i].sure;
    }
    g->count = last + 1;
}

/* ---- Over the span ---- */

struct sums {
    double energy, made, by_tonne[FIGURES], tonnes[FIGURES], charge, charged, rate[FIGURES], covered[FIGURES];
    unsigned periods, unsure;
};

static void add(struct sums *s, const struct told *t) {
    double made = t->value[PRODUCTION], covered = t->value[COVERED];
    s->periods++;
    s->unsure += !t->sure;
    if (isfinite(t->value[ENERGY])) s->energy += t->value[ENERGY];
    if (isfinite(made)) s->made += made;
    for (unsigned i = 0; i < FIGURES; i++) {
        if (!isfinite(t->value[i])) continue;
        if (isfinite(made)) s->by_tonne[i] += t->value[i] * made, s->tonnes[i] += made;
        if (isfinite(covered)) s->rate[i] += t->value[i] * covered, s->covered[i] += covered;
    }
    if (isfinite(made) && t->value[EFFICIENCY] > 0) s->charge += made / t->value[EFFICIENCY], s->charged += made;
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : NAN;
}

static void tell_asset(struct pl__span *report, struct pl__span_table *table, const char *asset, const struct sums *s) {
    char text[11][PL__SPAN_NUMBER];
    double co2e = ratio(s->by_tonne[CO2E], s->tonnes[CO2E]);
    snprintf(text[10], sizeof text[10], "%u (%u uncertain)", s->periods, s->unsure);
    const char *cells[] = {asset,
                           pl__span_number(text[0], s->energy / 1000, 1),
                           pl__span_number(text[1], s->made / 1000, 2),
                           pl__span_number(text[2], ratio(s->by_tonne[SPECIFIC], s->tonnes[SPECIFIC]), 0),
                           pl__span_number(text[3], ratio(s->rate[THROUGHPUT], s->covered[THROUGHPUT]), 2),
                           pl__span_number(text[4], ratio(s->charged, s->charge), 2),
                           pl__span_number(text[5], ratio(s->rate[EFFECTS], s->covered[EFFECTS]), 3),
                           pl__span_number(text[6], ratio(s->by_tonne[PFC], s->tonnes[PFC]), 0),
                           pl__span_number(text[7], co2e, 0),
                           pl__span_number(text[8], co2e * s->made / 1e6, 1),
                           text[10]};
    pl__span_row(report, table, cells);
}

static void tell_all(struct gathering *g) {
    static const char *const headings[] = {"Of",
                                           "Energy, MWh",
                                           "Metal, t",
                                           "kWh/t",
                                           "Throughput, t/d",
                                           "Current efficiency, %",
                                           "Anode effects by pot-day",
                                           "PFC, kg CO2e/t",
                                           "CO2e, kg/t",
                                           "CO2e, t",
                                           "Periods",
                                           NULL};
    if (!g->count) return;
    merge_same(g);
    struct pl__span_table *table = pl__span_table(
        g->report, "Energy, emissions, anode effects, throughput",
        "Uncertain: less than 95 % of the time is covered, or the metal is known to less than 0.5 %.", headings);
    for (unsigned a = 0; a < g->assets; a++) {
        struct sums sums = {0};
        for (size_t i = 0; i < g->count; i++)
            if (g->told[i].asset == a) add(&sums, &g->told[i]);
        tell_asset(g->report, table, g->asset[a], &sums);
    }
    for (unsigned f = 0; f < FIGURES; f++) {
        struct pl__span_plot *plot =
            figures[f].title ? pl__span_plot(g->report, figures[f].title, figures[f].unit) : NULL;
        for (size_t i = 0; plot && i < g->count; i++)
            if (isfinite(g->told[i].value[f]))
                pl__span_point(g->report, plot, g->asset[g->told[i].asset], g->told[i].time, g->told[i].value[f]);
    }
}

enum pl_code pl__span_figures(struct pl__span *report, struct pl_store *store, const char *period,
                              struct pl_error **error) {
    struct gathering g = {.report = report, .period = period};
    const struct pl__span_walk walk = {PL_SAMPLES, &g.names, take, &g};
    enum pl_code code = pl__span_walk(report, store, &walk, error);
    if (!code) tell_all(&g);
    report->failed = report->failed || g.failed;
    for (unsigned i = 0; i < g.assets; i++)
        pl_free(g.asset[i]);
    pl_free(g.told);
    pl_tags_free(g.names);
    return code;
}
