#include "summary.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include <potline/alloc.h>

/* Operators count what the summary shows under these names. Below 0: this one does not. */
static int counter_at(const struct pl_task *task, const char *name) {
    const struct pl_counter *counters = task->node.config.op->counters;
    for (int i = 0; counters && counters[i].name; i++)
        if (strcmp(counters[i].name, name) == 0) return i;
    return -1;
}

static uint64_t counter_named(const struct pl_task *task, const char *name) {
    int at = counter_at(task, name);
    return at < 0 ? 0 : pl_node_counter(&task->node, (unsigned)at);
}

static bool is_sink(const struct pl_task *task) {
    const struct pl_port *outputs = task->node.config.op->outputs;
    return !outputs || !outputs[0].name;
}

/* Rows leave window nodes as windows that came in as samples. */
static bool makes_windows(const struct pl_task *task) {
    const struct pl_graph_node *node = task->graph_node;
    return node->op->inputs && !is_sink(task) && node->kinds_out[0] == PL_WINDOWS && node->kind_in == PL_SAMPLES;
}

/* How many different ids `parent` leads to from the tags seen, where *last is the mark array. */
struct places {
    uint64_t lines, assets, tags;
};

static struct places count_places(const struct pl_engine *engine) {
    struct places places = {0};
    struct pl_tags *tags = pl_engine_tags(engine);
    uint32_t count = pl_tags_count(tags);
    uint8_t *assets = pl_alloc(count + 1), *lines = pl_alloc(count + 1);
    for (uint32_t id = 1; assets && lines && id < count; id++) {
        if (!pl_intake_seen(pl_engine_intake(engine), id)) continue;
        places.tags++;
        const struct pl_tag *tag = pl_tags_get(tags, id);
        if (!tag->asset) continue;
        places.assets += !assets[tag->asset];
        assets[tag->asset] = 1;
        uint32_t top = tag->asset;
        while (pl_tags_get(tags, top)->asset)
            top = pl_tags_get(tags, top)->asset;
        places.lines += !lines[top];
        lines[top] = 1;
    }
    pl_free(assets);
    pl_free(lines);
    return places;
}

void pl_summary_add_task(struct pl_summary_past *past, const struct pl_task *task) {
    past->rows_flagged += counter_named(task, "flagged");
    past->raised += counter_named(task, "raised");
    past->listed += counter_named(task, "activations");
    past->lists += counter_at(task, "activations") >= 0;
    past->rows_malformed += counter_named(task, "malformed");
    past->rows_refused += counter_named(task, "refused");
    if (makes_windows(task)) past->windows += pl_stat_get(&task->stats.rows_out);
    if (is_sink(task)) pl_histogram_merge(&past->lag, &task->stats.lag);
}

static void keep_most(uint64_t *most, uint64_t count) {
    if (count > *most) *most = count;
}

void pl_summary_add_engine(struct pl_summary_past *past, const struct pl_engine *engine) {
    const struct pl_intake_stats *intake = pl_intake_stats(pl_engine_intake(engine));
    struct places places = count_places(engine);
    past->rows_in += pl_stat_get(&intake->rows);
    past->rows_late += pl_stat_get(&intake->late_rows);
    keep_most(&past->tags, places.tags);
    keep_most(&past->assets, places.assets);
    keep_most(&past->lines, places.lines);
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++)
        pl_summary_add_task(past, pl_engine_task(engine, i));
}

static double seconds_of(const struct timeval *t) {
    return (double)t->tv_sec + (double)t->tv_usec * 1e-6;
}

void pl_summary_make(struct pl_summary *summary, struct pl_summary_past *past, const struct pl_engine *engine,
                     double seconds) {
    pl_summary_add_engine(past, engine);
    *summary = (struct pl_summary){.lines = past->lines,
                                   .assets = past->assets,
                                   .tags = past->tags,
                                   .rows_in = past->rows_in,
                                   .rows_flagged = past->rows_flagged,
                                   .rows_malformed = past->rows_malformed,
                                   .rows_refused = past->rows_refused,
                                   .rows_late = past->rows_late,
                                   .windows = past->windows,
                                   .alarms = past->lists ? past->listed : past->raised,
                                   .seconds = seconds};
    summary->lag_p50_ms = (double)pl_histogram_quantile(&past->lag, 0.50) * 1e-6;
    summary->lag_p99_ms = (double)pl_histogram_quantile(&past->lag, 0.99) * 1e-6;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    summary->cpu_seconds = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
    summary->peak_rss_mib = (double)usage.ru_maxrss / 1024;
    summary->rows_per_second = seconds > 0 ? (double)summary->rows_in / seconds : 0;
}

void pl_summary_print(const struct pl_summary *s, FILE *out) {
    fprintf(out,
            "%" PRIu64 " rows in %.2f s (%.0f rows/s) of %" PRIu64 " tags, %" PRIu64 " assets, %" PRIu64 " lines\n",
            s->rows_in, s->seconds, s->rows_per_second, s->tags, s->assets, s->lines);
    fprintf(out, "%" PRIu64 " flagged, %" PRIu64 " late, %" PRIu64 " windows, %" PRIu64 " alarms\n", s->rows_flagged,
            s->rows_late, s->windows, s->alarms);
    if (s->rows_malformed) fprintf(out, "%" PRIu64 " could not be read as rows\n", s->rows_malformed);
    if (s->rows_refused)
        fprintf(out, "%" PRIu64 " rows found no room in a node (--nodes tells which) and were left out\n",
                s->rows_refused);
    fprintf(out, "lag p50 %.3f ms, p99 %.3f ms; CPU %.2f s; peak memory %.0f MiB\n", s->lag_p50_ms, s->lag_p99_ms,
            s->cpu_seconds, s->peak_rss_mib);
}

void pl_summary_print_json(const struct pl_summary *s, FILE *out) {
    fprintf(out,
            "{\"lines\": %" PRIu64 ", \"assets\": %" PRIu64 ", \"tags\": %" PRIu64 ", \"rows_in\": %" PRIu64
            ", \"rows_flagged\": %" PRIu64 ", \"rows_late\": %" PRIu64 ", \"windows\": %" PRIu64
            ", \"alarms\": %" PRIu64 ", \"rows_malformed\": %" PRIu64 ", \"rows_refused\": %" PRIu64
            ", \"lag_p50_ms\": %.6f, \"lag_p99_ms\": %.6f, \"seconds\": %.3f, \"rows_per_second\": %.1f"
            ", \"cpu_seconds\": %.3f, \"peak_rss_mib\": %.1f}\n",
            s->lines, s->assets, s->tags, s->rows_in, s->rows_flagged, s->rows_late, s->windows, s->alarms,
            s->rows_malformed, s->rows_refused, s->lag_p50_ms, s->lag_p99_ms, s->seconds, s->rows_per_second,
            s->cpu_seconds, s->peak_rss_mib);
}

/* What the operator itself counted, and what found no room in front of it; nothing when all of it is 0. */
static void print_counters(const struct pl_task *task, FILE *out) {
    const struct pl_counter *counters = task->node.config.op->counters;
    struct pl_task_input_stats inputs;
    const char *before = "  ";
    for (unsigned i = 0; counters && counters[i].name; i++) {
        uint64_t value = pl_node_counter(&task->node, i);
        if (!value) continue;
        fprintf(out, "%s%s %" PRIu64, before, counters[i].name, value);
        before = ", ";
    }
    pl_task_input_stats(task, &inputs);
    if (inputs.dropped_rows) fprintf(out, "%sno room, dropped %" PRIu64, before, inputs.dropped_rows);
    if (inputs.dropped_rows) before = ", ";
    if (inputs.spilled_rows) fprintf(out, "%sno room, spilled %" PRIu64, before, inputs.spilled_rows);
    if (inputs.spilled_rows || before[0] == ',') fputc('\n', out);
}

void pl_summary_print_nodes(const struct pl_engine *engine, FILE *out) {
    fprintf(out, "%-20s %4s %12s %12s %12s %10s %10s %10s %8s\n", "node", "part", "rows in", "rows out", "batches in",
            "busy ms", "blocked ms", "lag p99 ms", "ns/row");
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
        const struct pl_task *task = pl_engine_task(engine, i);
        uint64_t in = pl_stat_get(&task->stats.rows_in), rows = pl_stat_get(&task->stats.rows_out);
        double busy = (double)pl_stat_get(&task->stats.busy_ns);
        uint64_t worked = in ? in : rows;
        fprintf(out, "%-20s %4u %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10.1f %10.1f %10.3f %8.1f\n",
                task->node.config.name, task->node.config.partition, in, rows, pl_stat_get(&task->stats.batches_in),
                busy * 1e-6, (double)pl_stat_get(&task->stats.blocked_ns) * 1e-6,
                (double)pl_histogram_quantile(&task->stats.lag, 0.99) * 1e-6, worked ? busy / (double)worked : 0);
        print_counters(task, out);
    }
}
