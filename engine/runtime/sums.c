#include "sums.h"

#include <math.h>
#include <string.h>

#include "runtime/isolation.h"

static void add_inputs(struct pl_task_input_stats *sum, const struct pl_task *task) {
    struct pl_task_input_stats inputs;
    pl_task_input_stats(task, &inputs);
    sum->items += inputs.items;
    sum->bytes += inputs.bytes;
    sum->dropped_rows += inputs.dropped_rows;
    sum->spilled_rows += inputs.spilled_rows;
    sum->spilled_bytes += inputs.spilled_bytes;
}

static void add_process(struct pl_node_sums *sums, const struct pl_task *task, bool ended) {
    struct pl_isolation_stats isolation;
    if (!task->isolation) return;
    pl_isolation_stats(task->isolation, &isolation);
    sums->isolated++;
    sums->down += !isolation.pid && !ended;
    if (!sums->pid) sums->pid = isolation.pid;
}

static void add(struct pl_node_sums *sums, const struct pl_task *task) {
    enum pl_task_state state = atomic_load(&task->state);
    const struct pl_node_stats *stats = &task->stats;
    if (!sums->instances++) sums->model = pl_node_model_name(&task->node);
    sums->opened += atomic_load(&task->opened);
    sums->ended += state == PL_TASK_ENDED;
    sums->failed += state == PL_TASK_FAILED;
    sums->paused += atomic_load(&task->paused);
    sums->rows_in += pl_stat_get(&stats->rows_in);
    sums->rows_out += pl_stat_get(&stats->rows_out);
    sums->batches_in += pl_stat_get(&stats->batches_in);
    sums->batches_out += pl_stat_get(&stats->batches_out);
    sums->bytes_in += pl_stat_get(&stats->bytes_in);
    sums->bytes_out += pl_stat_get(&stats->bytes_out);
    sums->busy_ns += pl_stat_get(&stats->busy_ns);
    sums->blocked_ns += pl_stat_get(&stats->blocked_ns);
    pl_histogram_merge(&sums->lag, &stats->lag);
    pl_time watermark = atomic_load(&stats->watermark);
    if (watermark < sums->watermark) sums->watermark = watermark;
    add_inputs(&sums->inputs, task);
    add_process(sums, task, state == PL_TASK_ENDED);
}

/* The next instance of a node, from *at on. */
static const struct pl_task *next_of(const struct pl_engine *engine, const char *node, unsigned *at) {
    for (; *at < pl_engine_task_count(engine); ++*at) {
        const struct pl_task *task = pl_engine_task(engine, *at);
        if (strcmp(task->node.config.name, node) == 0) return ++*at, task;
    }
    return NULL;
}

void pl_node_sums_make(const struct pl_engine *engine, const struct pl_graph_node *node, struct pl_node_sums *sums) {
    unsigned at = 0;
    memset(sums, 0, sizeof *sums);
    sums->model = "";
    sums->watermark = PL_TIME_MAX;
    sums->elsewhere = !pl_engine_has(engine, node);
    for (const struct pl_task *task; (task = next_of(engine, node->name, &at));)
        add(sums, task);
}

const char *pl_node_sums_state(const struct pl_node_sums *sums) {
    if (sums->failed) return "failed";
    if (sums->elsewhere) return "elsewhere";
    if (sums->ended == sums->instances) return "ended";
    return sums->paused ? "paused" : "running";
}

bool pl_node_sums_told(const struct pl_node_sums *sums) {
    return sums->watermark > PL_TIME_MIN && sums->watermark < PL_TIME_MAX;
}

uint64_t pl_node_sums_counter(const struct pl_engine *engine, const struct pl_graph_node *node, unsigned index) {
    uint64_t sum = 0;
    unsigned at = 0;
    for (const struct pl_task *task; (task = next_of(engine, node->name, &at));)
        sum += pl_node_counter(&task->node, index);
    return sum;
}

static double put_together(enum pl_gauge_over over, double all, double one) {
    if (isnan(all)) return one;
    if (isnan(one)) return all;
    return over == PL_GAUGE_SUM ? all + one : over == PL_GAUGE_MOST ? fmax(all, one) : fmin(all, one);
}

double pl_node_sums_gauge(const struct pl_engine *engine, const struct pl_graph_node *node, unsigned index) {
    double all = NAN;
    unsigned at = 0;
    for (const struct pl_task *task; (task = next_of(engine, node->name, &at));)
        all = put_together(node->op->gauges[index].over, all, pl_node_gauge(&task->node, index));
    return all;
}
