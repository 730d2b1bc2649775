/* commands_nodes.c: commands about nodes: what they do, and their options. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/carried.h"
#include "control/control_impl.h"
#include "control/node_name.h"
#include "runtime/live_option.h"
#include "runtime/sums.h"

struct node_args {
    const char *node;
};

struct nodes_args {
    bool cluster;
};

static struct pl_task *next_task(const struct pl_engine *engine, const char *name, unsigned *at) {
    for (; *at < pl_engine_task_count(engine); ++*at) {
        struct pl_task *task = pl_engine_task(engine, *at);
        if (strcmp(task->node.config.name, name) == 0) return ++*at, task;
    }
    return NULL;
}

static enum pl_code no_such_node(const struct pl_request *request, const char *name, struct pl_error **error) {
    return pl__no_such_node(pl_engine_graph(request->control->options.engine), name, error);
}

/* ---- nodes: a row a node, its instances together ---- */

static void put_node(struct pl_request *request, const struct pl_graph_node *node, const struct pl_node_sums *sums) {
    const struct pl_engine *engine = request->control->options.engine;
    struct pl_pack *pack = pl_request_row(request, 23);
    pl_time now = pl_engine_now(request->control->options.engine);
    bool told = pl_node_sums_told(sums) && node->op->inputs;
    pl_pack_pair_str(pack, "node", node->name);
    pl_pack_pair_str(pack, "op", node->op->name);
    pl_pack_pair_str(pack, "state", pl_node_sums_state(sums));
    pl_pack_pair_int(pack, "partitions", sums->instances);
    pl_pack_pair_int(pack, "rows_in", (int64_t)sums->rows_in);
    pl_pack_pair_int(pack, "rows_out", (int64_t)sums->rows_out);
    pl_pack_pair_int(pack, "batches_in", (int64_t)sums->batches_in);
    pl_pack_pair_f64(pack, "busy_ms", (double)sums->busy_ns * 1e-6);
    pl_pack_pair_f64(pack, "blocked_ms", (double)sums->blocked_ns * 1e-6);
    pl_pack_pair_f64(pack, "lag_p50_ms", (double)pl_histogram_quantile(&sums->lag, 0.5) * 1e-6);
    pl_pack_pair_f64(pack, "lag_p99_ms", (double)pl_histogram_quantile(&sums->lag, 0.99) * 1e-6);
    pl_pack_pair_int(pack, "queue_batches", sums->inputs.items);
    pl_pack_pair_int(pack, "queue_bytes", sums->inputs.bytes);
    pl_pack_pair_int(pack, "dropped_rows", (int64_t)sums->inputs.dropped_rows);
    pl_pack_pair_int(pack, "spilled_rows", (int64_t)sums->inputs.spilled_rows);
    const struct pl_graph_settings *settings = &pl_engine_graph(request->control->options.engine)->settings;
    int64_t room = node->settings.queue_batches ? node->settings.queue_batches : settings->queue_batches;
    pl_pack_pair_int(pack, "queue_limit", room * (node->input_count ? node->input_count : 1) * sums->instances);
    pl_pack_str(pack, "watermark_lag_s");
    if (told)
        pl_pack_f64(pack, (double)(now - sums->watermark) * 1e-9);
    else
        pl_pack_nil(pack);
    pl_pack_pair_int(pack, "pid", sums->pid);
    pl_pack_pair_int(pack, "process_deaths", (int64_t)pl_engine_deaths(engine, node->name));
    pl_pack_pair_int(pack, "process_nonsense", (int64_t)pl_engine_nonsense(engine, node->name));
    pl_pack_pair_int(pack, "process_skipped", (int64_t)pl_engine_skipped(engine, node->name));
    pl_pack_pair_str(pack, "model", sums->model);
    pl_pack_pair_str(pack, "doc", node->settings.doc);
}

static enum pl_code run_nodes(struct pl_request *request, struct pl_error **error) {
    if (((const struct nodes_args *)request->args)->cluster) return pl__cluster_rows(request, error);
    const struct pl_engine *engine = request->control->options.engine;
    const struct pl_graph *graph = pl_engine_graph(engine);
    struct pl_node_sums *sums = PL_NEW(struct pl_node_sums);
    if (!sums) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    for (unsigned i = 0; i < graph->node_count; i++) {
        pl_node_sums_make(engine, &graph->nodes[i], sums);
        put_node(request, &graph->nodes[i], sums);
    }
    pl_free(sums);
    return PL_OK;
}

/* ---- stats: what one node, or every node, has counted ---- */

static struct pl_pack *begin_stat(struct pl_request *request, const char *node, const char *name, const char *type) {
    struct pl_pack *pack = pl_request_row(request, 6);
    pl_pack_pair_str(pack, "node", node);
    pl_pack_pair_str(pack, "counter", name);
    pl_pack_pair_str(pack, "type", type);
    return pack;
}

static void put_stat(struct pl_request *request, const char *node, const char *name, uint64_t value, const char *unit,
                     const char *doc) {
    struct pl_pack *pack = begin_stat(request, node, name, "counter");
    pl_pack_pair_int(pack, "value", (int64_t)value);
    pl_pack_pair_str(pack, "unit", unit);
    pl_pack_pair_str(pack, "doc", doc);
}

/* Those that have a value now. */
static void put_gauges(struct pl_request *request, const struct pl_graph_node *node) {
    const struct pl_gauge *gauges = node->op->gauges;
    for (unsigned i = 0; gauges && gauges[i].name; i++) {
        double value = pl_node_sums_gauge(request->control->options.engine, node, i);
        if (isnan(value)) continue;
        struct pl_pack *pack = begin_stat(request, node->name, gauges[i].name, "gauge");
        pl_pack_pair_f64(pack, "value", value);
        pl_pack_pair_str(pack, "unit", gauges[i].unit);
        pl_pack_pair_str(pack, "doc", gauges[i].doc);
    }
}

/* Of a source that is counted: what its samples have become in this run. */
static void put_losses(struct pl_request *request, const char *node) {
    static const char *const docs[PL_LEDGER_COUNTS] = {
        "Samples that came, and those that were due and did not.",
        "Of the expected: taken.",
        "Of the expected: behind the watermark; they are in the log all the same.",
        "Of the expected: with the time of the one before.",
        "Of the expected: they could not be read.",
        "Of the expected: due, and without a value.",
        "Of the rejected: no letter was kept.",
    };
    int64_t totals[PL_LEDGER_COUNTS];
    if (!pl_intake_losses(pl_engine_intake(request->control->options.engine), node, totals)) return;
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++) {
        char name[48];
        snprintf(name, sizeof name, "ledger_%s", pl_ledger_names[i]);
        put_stat(request, node, name, (uint64_t)totals[i], "samples", docs[i]);
    }
}

static void put_stats(struct pl_request *request, const struct pl_graph_node *of) {
    const char *node = of->name;
    const struct pl_engine *engine = request->control->options.engine;
    unsigned at = 0;
    struct pl_task *first = next_task(engine, node, &at);
    const struct pl_counter *counters = first->node.config.op->counters;
    uint64_t rows_in = 0, rows_out = 0, bytes_in = 0;
    for (struct pl_task *task = first; task; task = next_task(engine, node, &at)) {
        rows_in += pl_stat_get(&task->stats.rows_in);
        rows_out += pl_stat_get(&task->stats.rows_out);
        bytes_in += pl_stat_get(&task->stats.bytes_in);
    }
    put_stat(request, node, "rows_in", rows_in, "rows", "Taken in.");
    put_stat(request, node, "rows_out", rows_out, "rows", "Given out.");
    put_stat(request, node, "bytes_in", bytes_in, "bytes", "Of the batches taken in.");
    for (unsigned i = 0; counters && counters[i].name; i++) {
        uint64_t value = 0;
        at = 0;
        for (struct pl_task *task; (task = next_task(engine, node, &at));)
            value += pl_node_counter(&task->node, i);
        put_stat(request, node, counters[i].name, value, counters[i].unit, counters[i].doc);
    }
    put_gauges(request, of);
    put_losses(request, node);
}

static enum pl_code run_stats(struct pl_request *request, struct pl_error **error) {
    const struct node_args *args = request->args;
    const struct pl_graph *graph = pl_engine_graph(request->control->options.engine);
    bool any = false;
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (args->node[0] && !pl_glob(args->node, graph->nodes[i].name)) continue;
        put_stats(request, &graph->nodes[i]);
        any = true;
    }
    return any ? PL_OK : no_such_node(request, args->node, error);
}

/* ---- pause, resume ---- */

static enum pl_code pause_or_not(struct pl_request *request, bool paused, struct pl_error **error) {
    const struct node_args *args = request->args;
    unsigned at = 0, found = 0;
    bool was = false;
    for (struct pl_task *task; (task = next_task(request->control->options.engine, args->node, &at)); found++) {
        was = atomic_load(&task->paused);
        pl_task_pause(task, paused);
    }
    if (!found) return no_such_node(request, args->node, error);
    pl_carried_pause(request->control->options.carried, args->node, paused);
    pl_request_changed(request, args->node, was ? "paused" : "running", paused ? "paused" : "running");
    return PL_OK;
}

static enum pl_code run_pause(struct pl_request *request, struct pl_error **error) {
    return pause_or_not(request, true, error);
}

static enum pl_code run_resume(struct pl_request *request, struct pl_error **error) {
    return pause_or_not(request, false, error);
}

/* ---- options, set ---- */

static enum pl_code call_first(struct pl_request *request, const char *node,
                               enum pl_code (*run)(struct pl_call *, struct pl_node *, struct pl_error **), bool all,
                               struct pl_error **error) {
    unsigned at = 0, asked = 0;
    for (struct pl_task *task; (all || !asked) && (task = next_task(request->control->options.engine, node, &at));) {
        enum pl_code code = pl_request_call(request, task, run, error);
        if (code) return code;
        asked++;
    }
    if (!asked) return no_such_node(request, node, error);
    pl_request_later(request);
    return PL_BUSY;
}

static enum pl_code run_options(struct pl_request *request, struct pl_error **error) {
    const struct node_args *args = request->args;
    return call_first(request, args->node, pl_live_options_show, false, error);
}

/* What is set is part of a node's state, so there must be one. */
static enum pl_code check_persist(const struct pl_request *request, const char *node, struct pl_error **error) {
    const struct pl_engine *engine = request->control->options.engine;
    unsigned at = 0;
    const struct pl_task *task = next_task(engine, node, &at);
    if (!pl_engine_recovers(engine))
        return pl_error_set(error, PL_UNAVAILABLE, "--persist: a graph without a log keeps nothing for another run");
    if (task && !task->gate)
        return pl_error_set(error, PL_UNAVAILABLE,
                            "--persist: %s is a source, which keeps nothing but its place: change "
                            "the graph file",
                            node);
    return PL_OK;
}

static enum pl_code run_set(struct pl_request *request, struct pl_error **error) {
    const struct pl_set_args *args = request->args;
    const char *dot = strchr(args->option, '.');
    char node[PL_NAME_MAX + 1];
    if (!dot || (size_t)(dot - args->option) >= sizeof node)
        return pl_error_set(error, PL_USAGE, "set NODE.OPTION VALUE, as in: set clean.spike.k 4");
    snprintf(node, sizeof node, "%.*s", (int)(dot - args->option), args->option);
    enum pl_code code = args->persist ? check_persist(request, node, error) : PL_OK;
    if (code) return code;
    return call_first(request, node, pl_live_option_call, true, error);
}

static const struct pl_option node_args[] = {
    PL_OPT_STRING(struct node_args, node, "node", NULL, PL_FIXED, "The node's name."),
    PL_OPT_END,
};

static const struct pl_option nodes_args[] = {
    PL_OPT_BOOL(struct nodes_args, cluster, "cluster", "false", PL_FIXED,
                "The engines of the group instead: whose partitions and sources are whose, lag, last epochs."),
    PL_OPT_END,
};

static const struct pl_option any_node_args[] = {
    PL_OPT_STRING(struct node_args, node, "node", "", PL_FIXED, "The node's name, or a pattern; none: every node."),
    PL_OPT_END,
};

static const struct pl_option set_args[] = {
    PL_OPT_STRING(struct pl_set_args, option, "option", NULL, PL_FIXED, "NODE.OPTION, as clean.spike.k."),
    PL_OPT_STRING(struct pl_set_args, value, "value", NULL, PL_FIXED, "As in a graph file."),
    PL_OPT_BOOL(struct pl_set_args, persist, "persist", "false", PL_FIXED,
                "It also holds for the next runs, until the graph file says something else than now."),
    PL_OPT_END,
};

const struct pl_control_command pl__commands_nodes[] = {
    {.spec = {.name = "nodes",
              .doc = "What every node does: rows, time, queues, lag; or the engines of a group.",
              .roles = PL_MAY_SEE,
              .args = nodes_args,
              .args_size = sizeof(struct nodes_args)},
     .run = run_nodes},
    {.spec = {.name = "stats",
              .doc = "What nodes have counted.",
              .roles = PL_MAY_SEE,
              .args = any_node_args,
              .args_size = sizeof(struct node_args)},
     .run = run_stats},
    {.spec = {.name = "options",
              .doc = "The options of a node and what they are now.",
              .roles = PL_MAY_SEE,
              .args = node_args,
              .args_size = sizeof(struct node_args)},
     .run = run_options},
    {.spec = {.name = "set",
              .doc = "Gives a live option of a running node another value.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
              .args = set_args,
              .args_size = sizeof(struct pl_set_args)},
     .run = run_set},
    {.spec = {.name = "pause",
              .doc = "Has a node take nothing in; what comes for it waits.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = node_args,
              .args_size = sizeof(struct node_args)},
     .run = run_pause},
    {.spec = {.name = "resume",
              .doc = "Has a paused node go on.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = node_args,
              .args_size = sizeof(struct node_args)},
     .run = run_resume},
    PL_CONTROL_COMMANDS_END,
};
