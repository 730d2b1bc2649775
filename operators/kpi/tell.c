#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "kpi.h"

enum { ROWS = 2048 };
static const double EXACT = 0.005; /* of a figure, by two deviations: less exact is uncertain */
static const double COVERED = 0.95;
static const double WATCHED =
    1; /* s of a period that no voltage may be missing for: an effect may be as short as that */
static const double ALUMINA_BY_METAL = 1.889441, AGREES = 0.05;
const char *const kpi_period_names[] = {"hour", "shift", "day", NULL};

bool kpi_flush(struct kpi *k, struct pl_node *node) {
    return !k->out || pl_emit(node, KPI_OUT, &k->out) != PL_FLOW_FAIL;
}

static bool tell_value(struct kpi *k, struct pl_node *node, const struct kpi_told *t, const char *figure, double value,
                       uint16_t quality) {
    char name[PL_NAME_MAX + 1];
    const char *asset = pl_tags_get(k->tags, t->asset)->name;
    int length = snprintf(name, sizeof name, "%s.kpi.%s.%s", asset, kpi_period_names[t->period], figure);
    uint32_t tag = length > 0 && length < (int)sizeof name ? pl_tags_intern(k->tags, name, (size_t)length) : PL_NO_ID;
    if (tag == PL_NO_ID) {
        k->refused++;
        return true;
    }
    if (k->out && k->out->rows == k->out->capacity && !kpi_flush(k, node)) return false;
    if (!k->out) k->out = pl_node_batch(node, PL_SAMPLES, ROWS, 0);
    if (!k->out) return false;
    uint32_t i = k->out->rows++;
    k->out->samples.time[i] = t->to;
    k->out->samples.tag[i] = tag;
    k->out->samples.value[i] = value;
    k->out->samples.quality[i] = isfinite(value) ? quality : (uint16_t)(PL_Q_BAD | PL_Q_MISSING);
    return true;
}

/* Does a figure rest on how much metal was made? */
static bool by_metal(const struct kpi *k, enum kpi_figure figure) {
    if (figure == FIGURE_CO2E) return k->factors.grid > 0;
    return figure == FIGURE_SPECIFIC || figure == FIGURE_PRODUCTION || figure == FIGURE_THROUGHPUT ||
           figure == FIGURE_EFFICIENCY || figure == FIGURE_ALUMINA;
}

/* A feeder that is blocked counts strokes that bring nothing; the metal tells, once what the bath may hold more or less
 * is little beside what was fed. */
static bool feeders_agree(const struct kpi_sums *s) {
    return fabs(s->fed - ALUMINA_BY_METAL * s->made) <= AGREES * s->fed;
}

/* Does a figure that rests on how long effects were bear how exactly that is known? */
static bool effects_known(const struct kpi *k, const struct kpi_sums *s, const double figure[FIGURES],
                          enum kpi_figure one) {
    double off = 2 * sqrt(s->effect_doubt);
    switch (one) {
    case FIGURE_EFFECT_MINUTES: return off <= EXACT * s->effect_seconds;
    case FIGURE_PFC:
    case FIGURE_CO2E: return s->effect_doubt <= 0 || off * kpi_pfc_by_second(s, &k->factors) <= EXACT * figure[one];
    default: return true;
    }
}

static double share(double variance, double of) {
    return variance > 0 ? variance / (of * of) : 0;
}

/* One deviation of a figure's numerator and denominator together, as a share of it. */
static double share_off(const struct kpi *k, const struct kpi_sums *s, enum kpi_figure one) {
    double made = share(s->made_doubt, s->made), charge = share(s->coulomb_doubt, s->coulomb);
    double volts = share(s->joule_doubt, s->joule), off = 0;
    if (one == FIGURE_ENERGY || one == FIGURE_SPECIFIC || one == FIGURE_VOLTAGE) off += volts;
    if (one == FIGURE_ENERGY || one == FIGURE_SPECIFIC || one == FIGURE_EFFICIENCY) off += charge;
    if (one == FIGURE_CO2E && k->factors.grid > 0) off += volts + charge;
    return sqrt(by_metal(k, one) ? off + made : off);
}

/* What is neither covered nor bridged is missing from it. */
static double missing(const double figure[FIGURES]) {
    return fmax(1 - figure[FIGURE_COVERED] - figure[FIGURE_BRIDGED], 0);
}

/* No voltage was missing so long that an effect may have come and gone. */
static bool watched(const struct kpi_told *t) {
    return t->pots * (double)(t->to - t->from) * 1e-9 - t->sums.watched <= WATCHED;
}

bool kpi_sure(const struct kpi *k, const struct kpi_told *t, const double figure[FIGURES], enum kpi_figure one) {
    bool effects = one == FIGURE_EFFECTS || one == FIGURE_EFFECT_MINUTES || one == FIGURE_PFC || one == FIGURE_CO2E;
    bool watching = effects && !by_metal(k, one); /* that rests on the voltage alone */
    if (figure[FIGURE_COVERED] < COVERED && !watching) return false;
    if (one == FIGURE_ALUMINA && !feeders_agree(&t->sums)) return false;
    if (effects && !watched(t)) return false;
    double off = 2 * share_off(k, &t->sums, one) + (watching ? 0 : missing(figure));
    return off <= EXACT && effects_known(k, &t->sums, figure, one);
}

/* For who asks later: rows are gone. */
static void remember(struct kpi *k, const struct kpi_told *t, const double figure[FIGURES]) {
    struct kpi_last *last = pl_table_get(k->last, t->asset, (pl_time)t->period);
    if (!last) { /* no room for another name: it is told all the same */
        k->refused++;
        return;
    }
    *last = (struct kpi_last){.from = t->from, .to = t->to};
    memcpy(last->figure, figure, sizeof last->figure);
}

static bool tell_one(struct kpi *k, struct pl_node *node, const struct kpi_told *t, void *arg) {
    double figure[FIGURES];
    (void)arg;
    kpi_figures(&t->sums, &k->factors, t->pots, (double)(t->to - t->from) * 1e-9, figure);
    bool good = true;
    remember(k, t, figure);
    for (unsigned i = 0; good && i < FIGURES; i++)
        good = tell_value(k, node, t, kpi_figure_names[i], figure[i],
                          kpi_sure(k, t, figure, (enum kpi_figure)i) ? PL_Q_GOOD : PL_Q_UNCERTAIN);
    pl_count(node, COUNT_ROWS_TOLD, FIGURES);
    return good;
}

/* ---- Lines and the plant ---- */

/* The asset's path to the depth of a line; PL_NO_ID: it has no more parts than that, it is one itself. */
static uint32_t line_of(struct kpi *k, uint32_t asset) {
    const struct pl_tag *entry = pl_tags_get(k->tags, asset);
    unsigned parts = 0;
    for (size_t i = 1; i < entry->length; i++)
        if (entry->name[i] == '.' && ++parts == k->depth) return pl_tags_intern(k->tags, entry->name, i);
    return PL_NO_ID;
}

static void add_to(struct kpi_told *all, uint32_t *count, uint32_t asset, const struct kpi_told *pot) {
    uint32_t i = 0;
    while (i < *count && all[i].asset != asset)
        i++;
    if (i == *count) {
        all[i] = *pot;
        all[i].asset = asset;
        all[i].pots = 0;
        all[i].sums = (struct kpi_sums){0};
        (*count)++;
    }
    kpi_add(&all[i].sums, &pot->sums);
    if (pot->sums.coulomb > 0 && !(pot->sums.made > 0)) all[i].sums.unmade += pot->sums.coulomb;
    all[i].pots++;
}

static int by_name(const void *a, const void *b, void *tags) {
    const struct kpi_told *x = a, *y = b;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    if (x->period != y->period) return x->period < y->period ? -1 : 1;
    return strcmp(pl_tags_get(tags, x->asset)->name, pl_tags_get(tags, y->asset)->name);
}

bool kpi_each(struct kpi *k, struct pl_node *node, const struct kpi_told *pots, uint32_t count, struct kpi_told *room,
              kpi_teller *tell, void *arg) {
    uint32_t groups = 0;
    bool good = true;
    for (uint32_t i = 0; good && i < count; i++) {
        uint32_t line = line_of(k, pots[i].asset);
        good = tell(k, node, &pots[i], arg);
        if (line != PL_NO_ID) add_to(room, &groups, line, &pots[i]);
    }
    qsort_r(room, groups, sizeof *room, by_name, k->tags);
    for (uint32_t i = 0; good && i < groups; i++) {
        kpi_complete(&room[i].sums, &k->metal);
        good = tell(k, node, &room[i], arg);
    }
    uint32_t plant = *k->plant ? pl_tags_intern(k->tags, k->plant, strlen(k->plant)) : PL_NO_ID;
    if (plant == PL_NO_ID) return good;
    uint32_t whole = 0;
    for (uint32_t i = 0; i < count; i++)
        add_to(room, &whole, plant, &pots[i]);
    if (whole) kpi_complete(&room[0].sums, &k->metal);
    return good && (!whole || tell(k, node, &room[0], arg));
}

/* ---- Periods that have ended ---- */

static bool ended(struct kpi *k, const struct pl_record *r, pl_time now, struct kpi_told *out) {
    enum kpi_period period =
        (enum kpi_period)((r->sub % 1000 + 1000) % 1000); /* ns beside whole seconds, before 1970 too */
    struct kpi_span span;
    kpi_span_of(k, period, r->sub - (pl_time)period, &span);
    *out = (struct kpi_told){.to = span.to, .from = span.from, .period = period, .asset = r->id, .pots = 1};
    return span.to <= now;
}

static bool any_ended(struct kpi *k, pl_time now) {
    struct kpi_told one;
    for (struct pl_record *r = pl_table_next(k->sums, NULL); r; r = pl_table_next(k->sums, r))
        if (ended(k, r, now, &one)) return true;
    return false;
}

static struct kpi_told *collect(struct kpi *k, pl_time now, uint32_t *count) {
    uint64_t most = pl_table_count(k->sums);
    struct kpi_told *all = pl_alloc((most ? most : 1) * 2 * sizeof *all);
    *count = 0;
    for (struct pl_record *r = pl_table_next(k->sums, NULL), *next; all && r; r = next) {
        next = pl_table_next(k->sums, r);
        if (!ended(k, r, now, &all[*count])) continue;
        all[*count].sums = *(const struct kpi_sums *)pl_record_data(r);
        (*count)++;
        pl_table_drop(k->sums, r->id, r->sub);
    }
    return all;
}

bool kpi_close(struct kpi *k, struct pl_node *node, pl_time now) {
    if (!any_ended(k, now)) return true;
    if (now != PL_TIME_MAX && !kpi_carry_on(k, now)) return false;
    uint32_t count;
    struct kpi_told *all = collect(k, now, &count);
    if (!all) return false;
    qsort_r(all, count, sizeof *all, by_name, k->tags);
    bool good = true;
    for (uint32_t i = 0, n; good && i < count; i += n) {
        for (n = 1; i + n < count && all[i + n].to == all[i].to && all[i + n].period == all[i].period;)
            n++;
        good = kpi_each(k, node, all + i, n, all + count, tell_one, NULL);
    }
    pl_free(all);
    return good && kpi_flush(k, node);
}
