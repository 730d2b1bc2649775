/* metrics_nodes.c: what nodes do: the engine's figures of every node, and counters and gauges of their operators. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "http/metrics.h"
#include "runtime/sums.h"
#include "store/ledger.h"

/* Bounds of the buckets of lags: 100 us to 5 min. */
static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,   0.5,     1,      2.5,   5,      10,    30,   60,    300};
static const char *const bound_names[] = {"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
                                          "0.025",  "0.05",    "0.1",    "0.25",  "0.5",    "1",     "2.5",
                                          "5",      "10",      "30",     "60",    "300"};
enum { BOUNDS = PL_COUNT_OF(bounds), NAME = 192 };

/* A node as of now; of its lags only what is told of them, since a histogram is 10 KB. */
struct view {
    const struct pl_graph_node *node;
    struct {
        uint64_t at_most[BOUNDS], all, sum;
    } lag;
    double value[24]; /* by the rows of `figures` */
    bool has[24];
};

/* ---- Figures of every node ---- */

enum { OF_ALL, OF_INNER, OF_TOLD, OF_ISOLATED };

struct reading {
    const struct pl_engine *engine;
    const struct pl_graph_node *node;
    const struct pl_node_sums *sums;
};

#define FIGURE(function, expression)                                                                                   \
    static double function(const struct reading *at) {                                                                 \
        return (double)(expression);                                                                                   \
    }
FIGURE(rows_in, at->sums->rows_in)
FIGURE(rows_out, at->sums->rows_out)
FIGURE(batches_in, at->sums->batches_in)
FIGURE(batches_out, at->sums->batches_out)
FIGURE(bytes_in, at->sums->bytes_in)
FIGURE(bytes_out, at->sums->bytes_out)
FIGURE(busy, (double)at->sums->busy_ns * 1e-9)
FIGURE(blocked, (double)at->sums->blocked_ns * 1e-9)
FIGURE(queue_batches, at->sums->inputs.items)
FIGURE(queue_bytes, at->sums->inputs.bytes)
FIGURE(dropped, at->sums->inputs.dropped_rows)
FIGURE(spilled, at->sums->inputs.spilled_rows)
FIGURE(spilled_bytes, at->sums->inputs.spilled_bytes)
FIGURE(watermark_lag, (double)(pl_engine_now(at->engine) - at->sums->watermark) * 1e-9)
FIGURE(instances, at->sums->instances)
FIGURE(failed, at->sums->failed)
FIGURE(paused, at->sums->paused > 0)
FIGURE(process_down, at->sums->down)
FIGURE(process_deaths, pl_engine_deaths(at->engine, at->node->name))
FIGURE(process_nonsense, pl_engine_nonsense(at->engine, at->node->name))
FIGURE(process_skipped, pl_engine_skipped(at->engine, at->node->name))

static const struct figure {
    const char *name;
    enum pl__metric_type type;
    int of;
    double (*get)(const struct reading *at);
    const char *help;
} figures[] = {
    {"potline_node_rows_in_total", PL__COUNTER, OF_INNER, rows_in, "Rows that a node has taken in."},
    {"potline_node_rows_out_total", PL__COUNTER, OF_ALL, rows_out, "Rows that a node has given out."},
    {"potline_node_batches_in_total", PL__COUNTER, OF_INNER, batches_in, "Batches that a node has taken in."},
    {"potline_node_batches_out_total", PL__COUNTER, OF_ALL, batches_out, "Batches that a node has given out."},
    {"potline_node_in_bytes_total", PL__COUNTER, OF_INNER, bytes_in, "Bytes of the batches that a node has taken in."},
    {"potline_node_out_bytes_total", PL__COUNTER, OF_ALL, bytes_out, "Bytes of the batches that a node has given out."},
    {"potline_node_busy_seconds_total", PL__COUNTER, OF_ALL, busy, "Time that a node's operator has worked."},
    {"potline_node_blocked_seconds_total", PL__COUNTER, OF_ALL, blocked,
     "Time that a node had something to do and no room for what comes of it."},
    {"potline_node_queue_batches", PL__GAUGE, OF_INNER, queue_batches, "Batches that wait in front of a node."},
    {"potline_node_queue_bytes", PL__GAUGE, OF_INNER, queue_bytes, "Bytes that wait in front of a node."},
    {"potline_node_dropped_rows_total", PL__COUNTER, OF_INNER, dropped,
     "Rows that found no room in front of a node and were left out."},
    {"potline_node_spilled_rows_total", PL__COUNTER, OF_INNER, spilled,
     "Rows that found no room in front of a node and were put aside."},
    {"potline_node_spilled_bytes", PL__GAUGE, OF_INNER, spilled_bytes, "Bytes put aside that still wait for a node."},
    {"potline_node_watermark_lag_seconds", PL__GAUGE, OF_TOLD, watermark_lag,
     "How far a node's event time is behind the clock."},
    {"potline_node_instances", PL__GAUGE, OF_ALL, instances, "Copies of a node: one for each partition, or one."},
    {"potline_node_failed_instances", PL__GAUGE, OF_ALL, failed, "Copies of a node that have failed."},
    {"potline_node_paused", PL__GAUGE, OF_ALL, paused, "1 while somebody has paused a node."},
    {"potline_node_processes_down", PL__GAUGE, OF_ISOLATED, process_down,
     "Processes of an isolated node that are not there now."},
    {"potline_node_process_deaths_total", PL__COUNTER, OF_ISOLATED, process_deaths,
     "How often a process of an isolated node has died."},
    {"potline_node_process_nonsense_total", PL__COUNTER, OF_ISOLATED, process_nonsense,
     "How often a process of an isolated node was ended because of a message that made no sense."},
    {"potline_node_process_skipped_total", PL__COUNTER, OF_ISOLATED, process_skipped,
     "Records left out because the process of a node has died at them three times."},
};

static bool applies(int of, const struct reading *at) {
    bool inner = at->node->op->inputs;
    switch (of) {
    case OF_INNER: return inner;
    case OF_TOLD: return inner && pl_node_sums_told(at->sums);
    case OF_ISOLATED: return at->sums->isolated;
    default: return true;
    }
}

static void take_view(struct view *view, const struct reading *at) {
    view->node = at->node;
    for (unsigned i = 0; i < PL_COUNT_OF(figures); i++) {
        view->has[i] = applies(figures[i].of, at);
        if (view->has[i]) view->value[i] = figures[i].get(at);
    }
    const struct pl_histogram *lag = &at->sums->lag;
    for (unsigned i = 0; i < BOUNDS; i++)
        view->lag.at_most[i] = pl_histogram_at_most(lag, (int64_t)(bounds[i] * 1e9 + 0.5));
    view->lag.all = pl_histogram_count(lag);
    view->lag.sum = pl_histogram_sum(lag);
    if (view->lag.all < view->lag.at_most[BOUNDS - 1]) view->lag.all = view->lag.at_most[BOUNDS - 1]; /* it goes on */
}

static void put_figure(struct pl_buffer *out, const struct view *views, unsigned count, unsigned index) {
    const struct figure *figure = &figures[index];
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (!views[i].has[index]) continue;
        if (!any) pl__metric_head(out, figure->name, figure->type, figure->help);
        any = true;
        pl__metric_put(out, figure->name, views[i].value[index],
                       PL__LABELS("node", views[i].node->name, "op", views[i].node->op->name));
    }
}

static void put_lag(struct pl_buffer *out, const struct view *view) {
    static const char bucket[] = "potline_node_lag_seconds_bucket";
    const char *node = view->node->name, *op = view->node->op->name;
    for (unsigned i = 0; i < BOUNDS; i++)
        pl__metric_put(out, bucket, (double)view->lag.at_most[i],
                       PL__LABELS("node", node, "op", op, "le", bound_names[i]));
    pl__metric_put(out, bucket, (double)view->lag.all, PL__LABELS("node", node, "op", op, "le", "+Inf"));
    pl__metric_put(out, "potline_node_lag_seconds_sum", (double)view->lag.sum * 1e-9,
                   PL__LABELS("node", node, "op", op));
    pl__metric_put(out, "potline_node_lag_seconds_count", (double)view->lag.all, PL__LABELS("node", node, "op", op));
}

static void put_lags(struct pl_buffer *out, const struct view *views, unsigned count) {
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (!views[i].node->op->inputs) continue;
        if (!any)
            pl__metric_head(out, "potline_node_lag_seconds", PL__HISTOGRAM,
                            "From when a batch was taken in at the source to when a node takes it.");
        any = true;
        put_lag(out, &views[i]);
    }
}

/* ---- Counters and gauges of operators ---- */

/* "window.tumbling", "late" -> "potline_operator_window_tumbling_late_total"; of a gauge without the end. */
static void metric_name(char name[NAME], const struct pl_operator *op, const char *row, const char *end) {
    snprintf(name, NAME, "potline_operator_%s_%s%s", op->name, row, end);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
}

static void put_counter(struct pl_buffer *out, const struct pl_engine *engine, const struct pl_operator *op,
                        unsigned index) {
    const struct pl_graph *graph = pl_engine_graph(engine);
    const struct pl_counter *counter = &op->counters[index];
    char name[NAME], help[512];
    metric_name(name, op, counter->name, "_total");
    snprintf(help, sizeof help, "%s (%s; operator %s)", counter->doc, counter->unit, op->name);
    pl__metric_head(out, name, PL__COUNTER, help);
    for (unsigned i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].op == op)
            pl__metric_put(out, name, (double)pl_node_sums_counter(engine, &graph->nodes[i], index),
                           PL__LABELS("node", graph->nodes[i].name));
}

static void put_gauge(struct pl_buffer *out, const struct pl_engine *engine, const struct pl_operator *op,
                      unsigned index) {
    const struct pl_graph *graph = pl_engine_graph(engine);
    const struct pl_gauge *gauge = &op->gauges[index];
    bool any = false;
    char name[NAME], help[512];
    metric_name(name, op, gauge->name, "");
    snprintf(help, sizeof help, "%s (%s%soperator %s)", gauge->doc, gauge->unit, *gauge->unit ? "; " : "", op->name);
    for (unsigned i = 0; i < graph->node_count; i++) {
        double value = graph->nodes[i].op == op ? pl_node_sums_gauge(engine, &graph->nodes[i], index) : NAN;
        if (isnan(value)) continue;
        if (!any) pl__metric_head(out, name, PL__GAUGE, help);
        any = true;
        pl__metric_put(out, name, value, PL__LABELS("node", graph->nodes[i].name));
    }
}

static bool seen_before(const struct pl_graph *graph, unsigned index) {
    for (unsigned i = 0; i < index; i++)
        if (graph->nodes[i].op == graph->nodes[index].op) return true;
    return false;
}

static void put_counters(struct pl_buffer *out, const struct pl_engine *engine) {
    const struct pl_graph *graph = pl_engine_graph(engine);
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_operator *op = graph->nodes[i].op;
        if (seen_before(graph, i)) continue;
        for (unsigned c = 0; op->counters && op->counters[c].name; c++)
            put_counter(out, engine, op, c);
        for (unsigned g = 0; op->gauges && op->gauges[g].name; g++)
            put_gauge(out, engine, op, g);
    }
}

/* ---- Sources ---- */

static void put_staleness(struct pl_buffer *out, const struct pl_engine *engine) {
    static const char name[] = "potline_source_silence_seconds";
    const struct pl_graph *graph = pl_engine_graph(engine);
    pl__metric_head(out, name, PL__GAUGE, "Since something was last heard of a source.");
    for (unsigned i = 0; i < graph->node_count; i++) {
        pl_time heard =
            graph->nodes[i].op->inputs ? 0 : pl_intake_heard(pl_engine_intake(engine), graph->nodes[i].name);
        if (heard > 0)
            pl__metric_put(out, name, (double)(pl_engine_now(engine) - heard) * 1e-9,
                           PL__LABELS("source", graph->nodes[i].name));
    }
}

static void put_reach(struct pl_buffer *out, const struct pl_engine *engine) {
    static const char name[] = "potline_source_reached";
    pl__metric_head(out, name, PL__GAUGE, "1: a source reaches what it reads from; 0: not. Of those that tell.");
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
        const struct pl_task *task = pl_engine_task(engine, i);
        int reach = atomic_load(&task->node.reach);
        if (!task->gate && reach != PL_REACH_UNTOLD)
            pl__metric_put(out, name, reach == PL_REACH_THERE, PL__LABELS("source", task->node.config.name));
    }
}

/* By what became of them, as `stats` shows it; those that were not kept are part of the rejected. */
static void put_samples(struct pl_buffer *out, const struct pl_engine *engine) {
    static const char name[] = "potline_source_samples_total", unkept[] = "potline_source_unkept_samples_total";
    const struct pl_graph *graph = pl_engine_graph(engine);
    int64_t totals[PL_LEDGER_COUNTS];
    pl__metric_head(out, name, PL__COUNTER, "What has become of a source's samples; `missing` ones were due.");
    for (unsigned i = 0; i < graph->node_count; i++) {
        const char *source = graph->nodes[i].name;
        if (graph->nodes[i].op->inputs || !pl_intake_losses(pl_engine_intake(engine), source, totals)) continue;
        for (unsigned c = PL_LEDGER_ACCEPTED; c <= PL_LEDGER_MISSING; c++)
            pl__metric_put(out, name, (double)totals[c], PL__LABELS("source", source, "outcome", pl_ledger_names[c]));
    }
    pl__metric_head(out, unkept, PL__COUNTER, "Of the rejected samples of a source: no letter was kept.");
    for (unsigned i = 0; i < graph->node_count; i++) {
        const char *source = graph->nodes[i].name;
        if (graph->nodes[i].op->inputs || !pl_intake_losses(pl_engine_intake(engine), source, totals)) continue;
        pl__metric_put(out, unkept, (double)totals[PL_LEDGER_UNKEPT], PL__LABELS("source", source));
    }
}

void pl__metrics_nodes(struct pl_buffer *out, const struct pl_engine *engine) {
    const struct pl_graph *graph = pl_engine_graph(engine);
    struct pl_node_sums *sums = PL_NEW(struct pl_node_sums);
    struct view *views = pl_alloc((graph->node_count + 1) * sizeof *views);
    _Static_assert(PL_COUNT_OF(figures) <= PL_COUNT_OF(((struct view *)0)->value), "room for every figure");
    if (sums && views) {
        for (unsigned i = 0; i < graph->node_count; i++) {
            pl_node_sums_make(engine, &graph->nodes[i], sums);
            take_view(&views[i], &(struct reading){engine, &graph->nodes[i], sums});
        }
        for (unsigned i = 0; i < PL_COUNT_OF(figures); i++)
            put_figure(out, views, graph->node_count, i);
        put_lags(out, views, graph->node_count);
        put_counters(out, engine);
        put_staleness(out, engine);
        put_reach(out, engine);
        put_samples(out, engine);
    } else {
        out->failed = true;
    }
    pl_free(views);
    pl_free(sums);
}
