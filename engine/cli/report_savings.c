/* report_savings.c: what the optimiser has foreseen, from the records of its runs in the gold zone: by asset the
 * energy, cost and emissions of a tonne as the pot was run, and as it was advised to be. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "report.h"

enum { SHOWN = 200, FIGURES = 3, TEXT = 32 };

static const char *const figures[FIGURES] = {"energy", "cost", "co2e"};

/* Of an asset: means over its runs. */
struct saving {
    const char *asset;
    char solver[PL__BODY_TEXT];
    uint64_t runs, answers; /* answers: those that better was found in */
    double before[FIGURES], after[FIGURES];
    pl_time last; /* the run that was counted last: two sinks may keep one */
};

struct gathering {
    struct pl__span *report;
    struct pl_tags *names;
    struct saving *savings; /* [asset] */
    uint32_t room;
    bool failed;
};

/* ---- A record ---- */

static bool figures_of(const void *body, size_t size, const char *when, double value[FIGURES]) {
    for (unsigned i = 0; i < FIGURES; i++) {
        struct pl_unpack in;
        pl_unpack_init(&in, body, size);
        if (!pl_unpack_find(&in, when) || !pl_unpack_find(&in, figures[i]) || !pl_unpack_f64(&in, &value[i]) ||
            !isfinite(value[i]))
            return false;
    }
    return true;
}

static bool is_answer(const void *body, size_t size) {
    char outcome[PL__BODY_TEXT];
    return pl__body_text(body, size, "outcome", outcome) &&
           (strcmp(outcome, "optimal") == 0 || strcmp(outcome, "relaxed") == 0);
}

/* ---- Adding up ---- */

static struct saving *saving_of(struct gathering *g, uint32_t asset) {
    if (asset >= g->room) {
        uint32_t room = asset + 64;
        struct saving *more = pl_realloc(g->savings, room * sizeof *more);
        if (!more) {
            g->failed = true;
            return NULL;
        }
        memset(more + g->room, 0, (room - g->room) * sizeof *more);
        g->savings = more;
        g->room = room;
    }
    return &g->savings[asset];
}

static void take_run(struct gathering *g, uint32_t asset, pl_time time, const void *body, size_t size) {
    struct saving *saving = saving_of(g, asset);
    double before[FIGURES], after[FIGURES];
    if (!saving || (saving->runs && saving->last >= time)) return;
    saving->asset = pl_tags_get(g->names, asset)->name;
    saving->last = time;
    saving->runs++;
    if (!pl__body_text(body, size, "solver", saving->solver)) saving->solver[0] = 0;
    if (!is_answer(body, size) || !figures_of(body, size, "before", before) || !figures_of(body, size, "after", after))
        return;
    saving->answers++;
    for (unsigned i = 0; i < FIGURES; i++) {
        saving->before[i] += before[i];
        saving->after[i] += after[i];
    }
}

static bool take(void *arg, const struct pl_batch *batch) {
    struct gathering *g = arg;
    for (uint32_t i = 0; i < batch->rows && !g->failed; i++) {
        pl_time time = batch->events.time[i];
        uint32_t size;
        const char *kind = pl_tags_get(g->names, batch->events.kind[i])->name;
        if (strcmp(kind, "optimize.run") != 0 && strcmp(kind, "optimize.line") != 0) continue;
        if (time < g->report->from || time >= g->report->to) continue;
        const void *body = pl_batch_heap_row(batch, 0, i, &size);
        take_run(g, batch->events.asset[i], time, body, size);
    }
    return !g->failed;
}

/* ---- Telling ---- */

static int by_asset(const void *a, const void *b) {
    const struct saving *one = a, *other = b;
    if (!one->answers || !other->answers) return (one->answers == 0) - (other->answers == 0);
    return strcmp(one->asset, other->asset);
}

static void tell(struct gathering *g) {
    static const char *const headings[] = {
        "Pot",      "Runs",          "Answers",          "kWh/t as run", "kWh/t advised", "Saved, kWh/t",
        "Saved, %", "Saved, cost/t", "Saved, kg CO2e/t", "Problem",      "Solver",        NULL};
    struct pl__span_table *table = NULL;
    if (g->room) qsort(g->savings, g->room, sizeof *g->savings, by_asset);
    for (uint32_t i = 0; i < g->room && i < SHOWN && g->savings[i].answers; i++) {
        const struct saving *s = &g->savings[i];
        double count = (double)s->answers, saved = s->before[0] - s->after[0];
        char text[8][TEXT];
        if (!table)
            table = pl__span_table(g->report, "Savings that the optimiser foresees",
                                   "Means over its answers, by the twin's steady state and at the baseline's "
                                   "throughput. What was really used is among the key figures.",
                                   headings);
        if (!table) return;
        snprintf(text[0], TEXT, "%" PRIu64, s->runs);
        snprintf(text[1], TEXT, "%" PRIu64, s->answers);
        snprintf(text[2], TEXT, "%.0f", s->before[0] / count);
        snprintf(text[3], TEXT, "%.0f", s->after[0] / count);
        snprintf(text[4], TEXT, "%.1f", saved / count);
        snprintf(text[5], TEXT, "%.2f", 100 * saved / s->before[0]);
        snprintf(text[6], TEXT, "%.2f", (s->before[1] - s->after[1]) / count);
        snprintf(text[7], TEXT, "%.1f", (s->before[2] - s->after[2]) / count);
        pl__span_row(g->report, table,
                     (const char *const[]){s->asset, text[0], text[1], text[2], text[3], text[4], text[5], text[6],
                                           text[7], strchr(s->asset, '.') ? "set points of a pot" : "current of a line",
                                           s->solver});
    }
}

enum pl_code pl__span_savings(struct pl__span *report, struct pl_store *store, struct pl_error **error) {
    struct gathering g = {.report = report};
    const struct pl__span_walk walk = {PL_EVENTS, &g.names, take, &g};
    enum pl_code code = pl__span_walk(report, store, &walk, error);
    if (!code) tell(&g);
    report->failed = report->failed || g.failed;
    pl_free(g.savings);
    pl_tags_free(g.names);
    return code;
}
