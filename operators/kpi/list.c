/* list.c: `kpi list`: the period that runs so far, the one before it, and what is aimed at. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/command.h>
#include <potline/text.h>

#include "kpi.h"

struct list_args {
    const char *asset;
    uint32_t period;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, asset, "asset", "*", PL_FIXED, "A pattern of pots, lines and the plant."),
    PL_OPT_CHOICE(struct list_args, period, "period", "day", kpi_period_names, PL_FIXED, "Over what."),
    PL_OPT_END,
};

struct listing {
    const char *asset;
    struct pl_call *call;
};

static void put_number(struct pl_pack *row, const char *key, double value) {
    pl_pack_str(row, key);
    if (isfinite(value))
        pl_pack_f64(row, value);
    else
        pl_pack_nil(row);
}

static void put_time(struct pl_pack *row, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, (size_t)(pl_text_put_time(text, time) - text));
}

static bool list_one(struct kpi *k, struct pl_node *node, const struct kpi_told *t, void *arg) {
    const struct listing *listing = arg;
    double figure[FIGURES];
    const char *asset = pl_tags_get(k->tags, t->asset)->name;
    const struct kpi_last *last = pl_table_find(k->last, t->asset, (pl_time)t->period);
    (void)node;
    if (!pl_glob(listing->asset, asset)) return true;
    if (last && last->to != t->from) last = NULL; /* there is a gap between them */
    kpi_figures(&t->sums, &k->factors, t->pots, (double)(t->to - t->from) * 1e-9, figure);
    for (unsigned i = 0; i < FIGURES; i++) {
        double target = k->target[i] > 0 ? k->target[i] : NAN;
        struct pl_pack *row = pl_reply_row(listing->call, 10);
        pl_pack_pair_str(row, "asset", asset);
        pl_pack_pair_str(row, "period", kpi_period_names[t->period]);
        pl_pack_pair_str(row, "figure", kpi_figure_names[i]);
        pl_pack_pair_str(row, "unit", kpi_figure_units[i]);
        put_number(row, "value", figure[i]);
        pl_pack_pair_str(row, "quality", kpi_sure(k, t, figure, (enum kpi_figure)i) ? "good" : "uncertain");
        put_number(row, "before", last ? last->figure[i] : NAN);
        put_number(row, "target", i == FIGURE_THROUGHPUT ? target * t->pots : target);
        put_time(row, "from", t->from);
        put_time(row, "to", t->to);
    }
    return true;
}

/* What holds still at the watermark is not missing: its next reading is to come. */
static void go_on(const struct kpi *k, const struct kpi_pot *pot, struct kpi_told *told) {
    pl_time from = pot->until > told->from ? pot->until : told->from;
    if (from >= k->closed || kpi_holds_until(k, pot) < k->closed) return;
    double seconds = (double)(k->closed - from) * 1e-9, volts = pot->value[KPI_VOLTAGE],
           amperes = pot->value[KPI_CURRENT];
    told->sums.seconds += seconds;
    told->sums.watched += seconds;
    told->sums.coulomb += amperes * seconds;
    told->sums.volt_seconds += volts * seconds;
    told->sums.joule += volts * amperes * seconds;
}

/* The pots with something in the period that the watermark is in. */
static uint32_t collect(struct kpi *k, enum kpi_period period, struct kpi_told *all) {
    struct kpi_span span;
    uint32_t count = 0;
    kpi_span_of(k, period, k->closed, &span);
    for (struct pl_record *r = pl_table_next(k->pots, NULL); r; r = pl_table_next(k->pots, r)) {
        const struct kpi_sums *sums = pl_table_find(k->sums, r->id, span.from + (pl_time)period);
        if (!sums) continue;
        all[count] = (struct kpi_told){
            .from = span.from, .to = k->closed, .period = period, .asset = r->id, .pots = 1, .sums = *sums};
        go_on(k, pl_record_data(r), &all[count++]);
    }
    return count;
}

static int by_name(const void *a, const void *b, void *tags) {
    const struct kpi_told *x = a, *y = b;
    return strcmp(pl_tags_get(tags, x->asset)->name, pl_tags_get(tags, y->asset)->name);
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    struct kpi *k = self;
    const struct list_args *wanted = args;
    struct listing listing = {.asset = wanted->asset, .call = call};
    enum kpi_period period = (enum kpi_period)wanted->period;
    if (!(k->periods & 1u << period)) return PL_OK; /* none are told */
    if (k->closed == PL_TIME_MIN || k->closed == PL_TIME_MAX) return PL_OK;
    struct kpi_told *all = pl_alloc((pl_table_count(k->pots) + 1) * 2 * sizeof *all);
    if (!all) return pl_error_set(error, PL_NO_MEMORY, "no memory for the figures");
    uint32_t count = collect(k, period, all);
    qsort_r(all, count, sizeof *all, by_name, k->tags);
    kpi_each(k, node, all, count, all + count, list_one, &listing);
    pl_free(all);
    return PL_OK;
}

const struct pl_command kpi_commands[] = {
    {.name = "kpi list",
     .doc = "Shows key figures: of the period that runs, of the one before it, and what is aimed at.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = NULL},
};
