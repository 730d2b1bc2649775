/* shadow_build.c: which nodes a shadow has, and what they are connected to. */
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/shadow_impl.h"

enum { TAP_ITEMS = 4096 };
static const int64_t tap_bytes = INT64_C(256) << 20, tap_least = INT64_C(4) << 20; /* of all, and of each */
static const int64_t spill = INT64_C(64) << 20;

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a shadow");
}

/* ---- Which nodes ---- */

static const struct pl_change_node *planned(const struct pl_change_plan *plan, const char *name) {
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind != PL_CHANGE_REMOVED && strcmp(plan->nodes[i].name, name) == 0) return &plan->nodes[i];
    return NULL;
}

static int find(const struct pl_graph *graph, const char *name) {
    for (unsigned i = 0; name && i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return (int)i;
    return -1;
}

/* Its own, or the one it was, in the live graph; -1: there is none. */
static int live_of(const struct pl_shadow *shadow, const struct pl_graph_node *node) {
    const struct pl_graph *live = shadow->engine->wired.graph;
    int at = find(live, node->name);
    if (at < 0) at = find(live, node->settings.was);
    return at >= 0 && live->nodes[at].op == node->op ? at : -1;
}

/* What takes from one that runs, or takes from others than before, runs too. */
static bool is_touched(const struct pl_shadow *shadow, const struct pl_graph_node *node) {
    const struct pl_graph *live = shadow->engine->wired.graph;
    int at = find(live, node->name);
    if (at < 0 || live->nodes[at].input_count != node->input_count) return true;
    for (unsigned i = 0; i < node->input_count; i++) {
        const struct pl_graph_edge *now = &node->inputs[i], *before = &live->nodes[at].inputs[i];
        if (shadow->runs[now->from]) return true;
        if (now->from_port != before->from_port || now->to_port != before->to_port ||
            strcmp(shadow->graph->nodes[now->from].name, live->nodes[before->from].name) != 0)
            return true;
    }
    return false;
}

static enum pl_code check_source(const struct pl_shadow *shadow, const struct pl_graph_node *node,
                                 const struct pl_change_node *change, struct pl_error **error) {
    if (live_of(shadow, node) < 0)
        return pl_error_at(error, PL_USAGE, node->place,
                           "source %s does not run yet: a shadow takes the rows of those that do", node->name);
    if (change->kind == PL_CHANGE_KEPT) return PL_OK;
    pl_diag_each(PL_WARN, "shadow: source %s is another one (%s): the rows are those of the one that runs", node->name,
                 change->why);
    return PL_OK;
}

static enum pl_code choose(struct pl_shadow *shadow, unsigned i, const struct pl_change_node *change,
                           struct pl_error **error) {
    const struct pl_graph_node *node = &shadow->graph->nodes[i];
    if (!node->op->inputs) return check_source(shadow, node, change, error);
    shadow->runs[i] = node->op->outputs && (change->kind != PL_CHANGE_KEPT || is_touched(shadow, node));
    if (shadow->runs[i] && node->op->flags & PL_OP_PROGRAM)
        return pl_error_at(error, PL_USAGE, node->place,
                           "node %s is a program of its own, which a shadow does not start: who knows what it does",
                           node->name);
    int live = live_of(shadow, node);
    if (live >= 0 && change->state) shadow->was[i] = shadow->engine->wired.graph->nodes[live].name;
    shadow->nodes += shadow->runs[i];
    return PL_OK;
}

enum pl_code pl__shadow_choose(struct pl_shadow *shadow, const struct pl_change_plan *plan, struct pl_error **error) {
    unsigned count = shadow->graph->node_count;
    shadow->runs = pl_alloc((count + 1) * sizeof *shadow->runs);
    shadow->was = pl_alloc((count + 1) * sizeof *shadow->was);
    if (!shadow->runs || !shadow->was) return no_memory(error);
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < count && !code; i++)
        code = choose(shadow, i, planned(plan, shadow->graph->nodes[i].name), error);
    if (!code && !shadow->nodes)
        code = pl_error_set(error, PL_USAGE,
                            "nothing would run in the shadow: no node that makes rows of others is changed");
    return code;
}

/* ---- Nodes ---- */

static void free_changes(struct pl_changes *changes) {
    pl_buffer_fini(&changes->entries); /* of a node that does not recover no files are open */
}

static void on_ended(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    (void)arg, (void)task, (void)epoch;
    free_changes(changes);
}

static void on_barrier(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    (void)arg, (void)task, (void)epoch;
    free_changes(changes);
}

static void on_failed(void *arg, struct pl_task *task, const char *why) {
    pl__shadow_void(arg, "node %s has failed: %s", task->node.config.name, why);
}

static enum pl_code make_task(struct pl_shadow *shadow, unsigned index, struct pl_error **error) {
    const struct pl_plan_instance *instance = &shadow->plan.instances[index];
    const struct pl_graph_node *node = &shadow->graph->nodes[instance->node];
    struct pl_task *task = shadow->tasks[index] = pl_task_new(shadow->graph);
    if (!task) return no_memory(error);
    struct pl_node_config config = pl__engine_node_config(shadow->engine, shadow->graph, instance, shadow->worker);
    config.beside = true;
    struct pl_task_events events = {.ended = on_ended, .failed = on_failed, .barrier = on_barrier, .engine = shadow};
    struct pl_task_options options = {.hold = shadow->graph->settings.hold, .spill = spill};
    enum pl_code code = pl_task_init(task, &config, &events, &options, error);
    task->graph_node = node;
    task->index = index;
    task->beside = true;
    task->was = shadow->was[instance->node];
    task->recall = task->was != NULL;
    return code;
}

/* ---- Edges ---- */

static void poke_task(void *task) {
    pl_poke(&((struct pl_task *)task)->runnable);
}

static void poke_nobody(void *sender) {
    (void)sender;
}

/* Between two of its own; `to` NULL: to what compares. */
static enum pl_code link_up(struct pl_shadow *shadow, struct pl_task *from, unsigned port, struct pl_runnable *to,
                            struct pl_edge **edge, struct pl_error **error) {
    const struct pl_graph_settings *settings = &shadow->graph->settings;
    struct pl_edge_options options = {.batches = (uint32_t)settings->queue_batches,
                                      .bytes = settings->queue_bytes,
                                      .poke = poke_task,
                                      .sender = from};
    enum pl_code code = pl_edge_new(shadow->engine->zmq, &options, edge, error);
    if (code) return code;
    shadow->edges[shadow->edge_count++] = *edge;
    if (!pl_outputs_add(&from->outputs, port, *edge)) return no_memory(error);
    return pl_worker_watch(shadow->worker, *edge, to, error);
}

/* From the live graph; who sends over it is told when all is there. */
static enum pl_code tap(struct pl_shadow *shadow, const struct pl__tapped *from, struct pl_runnable *to,
                        struct pl_edge **edge, struct pl_error **error) {
    struct pl_edge_options options = {
        .batches = TAP_ITEMS, .bytes = tap_bytes, .poke = poke_nobody, .sender = shadow, .beside = true};
    enum pl_code code = pl_edge_new(shadow->engine->zmq, &options, edge, error);
    if (code) return code;
    struct pl__tapped *tapped = &shadow->tapped[shadow->tapped_count++];
    *tapped = *from;
    tapped->edge = *edge;
    return pl_worker_watch(shadow->worker, *edge, to, error);
}

static struct pl__tapped live_port(const struct pl_shadow *shadow, unsigned node, unsigned port, unsigned partition) {
    struct pl_engine *engine = shadow->engine;
    const struct pl_graph_node *of = &engine->wired.graph->nodes[node];
    if (!of->op->inputs)
        return (struct pl__tapped){
            .feed = pl__engine_feed_of(engine, node, port), .port = port, .partition = partition};
    return (struct pl__tapped){.sender =
                                   engine->wired.tasks[pl_plan_instance_of(&engine->wired.plan, of, node, partition)],
                               .port = port,
                               .partition = partition};
}

static enum pl_code connect_input(struct pl_shadow *shadow, struct pl_task *task, const struct pl_graph_edge *input,
                                  unsigned partition, struct pl_error **error) {
    const struct pl_graph_node *from = &shadow->graph->nodes[input->from];
    char name[PL_INPUT_NAME];
    struct pl_edge *edge = NULL;
    enum pl_code code;
    pl_plan_input_name(name, shadow->graph, input, partition);
    if (shadow->runs[input->from]) {
        struct pl_task *sender = shadow->tasks[pl_plan_instance_of(&shadow->plan, from, input->from, partition)];
        code = link_up(shadow, sender, input->from_port, &task->runnable, &edge, error);
    } else {
        struct pl__tapped live = live_port(shadow, (unsigned)live_of(shadow, from), input->from_port, partition);
        code = tap(shadow, &live, &task->runnable, &edge, error);
    }
    if (code) return code;
    return pl_gate_add(task->gate, edge, input->to_port, name) ? PL_OK : no_memory(error);
}

static enum pl_code connect_task(struct pl_shadow *shadow, struct pl_task *task, struct pl_error **error) {
    const struct pl_graph_node *node = task->graph_node;
    unsigned partitions = (unsigned)shadow->graph->settings.partitions;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < node->input_count && !code; i++) {
        bool exchange = pl_plan_exchanges(shadow->graph, node, &node->inputs[i]);
        unsigned first = exchange ? 0 : task->node.config.partition;
        unsigned last = exchange ? partitions - 1 : first;
        for (unsigned p = first; p <= last && !code; p++)
            code = connect_input(shadow, task, &node->inputs[i], p, error);
    }
    return code;
}

/* ---- What is compared ---- */

static bool is_wanted(const struct pl_shadow *shadow, unsigned live, unsigned port) {
    struct pl__tapped of = live_port(shadow, live, port, 0);
    return pl_outputs_wanted(&of.sender->outputs, port);
}

static struct pl__watched *watch(struct pl_shadow *shadow, bool live) {
    struct pl__watched *watched = &shadow->watched[shadow->watched_count++];
    *watched = (struct pl__watched){.port = shadow->compared_count, .live = live, .watermark = PL_TIME_MIN};
    return watched;
}

static enum pl_code watch_shadow(struct pl_shadow *shadow, unsigned node, unsigned port, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = shadow->plan.first[node]; i < shadow->plan.instance_count && !code; i++) {
        if (shadow->plan.instances[i].node != node) break;
        code = link_up(shadow, shadow->tasks[i], port, &shadow->runnable, &watch(shadow, false)->edge, error);
    }
    return code;
}

static enum pl_code watch_live(struct pl_shadow *shadow, unsigned node, unsigned port, struct pl_error **error) {
    const struct pl__wired *wired = &shadow->engine->wired;
    enum pl_code code = PL_OK;
    for (unsigned i = wired->plan.first[node]; i < wired->plan.instance_count && !code; i++) {
        if (wired->plan.instances[i].node != node) break;
        struct pl__tapped of = {
            .sender = wired->tasks[i], .port = port, .partition = wired->plan.instances[i].partition};
        code = tap(shadow, &of, &shadow->runnable, &watch(shadow, true)->edge, error);
    }
    return code;
}

/* Of a port that nobody takes from, live, no rows are made. */
static enum pl_code compare_port(struct pl_shadow *shadow, unsigned node, unsigned port, struct pl_error **error) {
    const struct pl_graph_node *of = &shadow->graph->nodes[node];
    int live = live_of(shadow, of);
    if (live >= 0 && !is_wanted(shadow, (unsigned)live, port)) return PL_OK;
    bool alone = live < 0 || shadow->engine->wired.graph->nodes[live].kinds_out[port] != of->kinds_out[port];
    struct pl_shadow_port_options options = {
        .tags = shadow->engine->tags, .pool = &shadow->pool, .examples = shadow->examples, .alone = alone};
    struct pl__compared *compared = &shadow->compared[shadow->compared_count];
    *compared = (struct pl__compared){
        .node = of->name, .name = of->op->outputs[port].name, .alone = alone, .rows = pl_shadow_port_new(&options)};
    if (!compared->rows) return no_memory(error);
    enum pl_code code = watch_shadow(shadow, node, port, error);
    if (!code && !alone) code = watch_live(shadow, (unsigned)live, port, error);
    shadow->compared_count++;
    return code;
}

static enum pl_code compare_node(struct pl_shadow *shadow, unsigned node, struct pl_error **error) {
    const struct pl_port *ports = shadow->graph->nodes[node].op->outputs;
    enum pl_code code = PL_OK;
    for (unsigned port = 0; ports[port].name && !code; port++)
        code = compare_port(shadow, node, port, error);
    return code;
}

/* ---- All of it ---- */

/* No more edges than every instance and port could have with every partition. */
static bool make_room(struct pl_shadow *shadow) {
    size_t ports = 0, partitions = (size_t)shadow->graph->settings.partitions;
    for (unsigned i = 0; i < shadow->graph->node_count; i++)
        for (unsigned k = 0; shadow->runs[i] && shadow->graph->nodes[i].op->outputs[k].name; k++)
            ports++;
    size_t inputs = shadow->plan.edge_count + 1, watched = 2 * ports * partitions + 1;
    shadow->tasks = pl_alloc((shadow->plan.instance_count + 1) * sizeof(struct pl_task *));
    shadow->edges = pl_alloc((inputs + watched) * sizeof(struct pl_edge *));
    shadow->tapped = pl_alloc((inputs + watched) * sizeof *shadow->tapped);
    shadow->watched = pl_alloc(watched * sizeof *shadow->watched);
    shadow->compared = pl_alloc((ports + 1) * sizeof *shadow->compared);
    return shadow->tasks && shadow->edges && shadow->tapped && shadow->watched && shadow->compared;
}

static enum pl_code place(struct pl_shadow *shadow, struct pl_error **error) {
    enum pl_code code = pl_worker_add(shadow->worker, &shadow->runnable, error);
    for (unsigned i = 0; i < shadow->plan.instance_count && !code; i++)
        if (shadow->tasks[i]) code = pl_worker_add(shadow->worker, &shadow->tasks[i]->runnable, error);
    return code;
}

enum pl_code pl__shadow_make(struct pl_shadow *shadow, struct pl_error **error) {
    enum pl_code code = pl_plan_make(shadow->graph, shadow->engine->owned, &shadow->plan, error);
    if (!code && !make_room(shadow)) code = no_memory(error);
    if (!code) code = pl_worker_new("shadow", &shadow->worker, error);
    for (unsigned i = 0; i < shadow->plan.instance_count && !code; i++)
        if (shadow->runs[shadow->plan.instances[i].node]) code = make_task(shadow, i, error);
    if (!code) code = place(shadow, error);
    for (unsigned i = 0; i < shadow->plan.instance_count && !code; i++)
        if (shadow->tasks[i]) code = connect_task(shadow, shadow->tasks[i], error);
    for (unsigned i = 0; i < shadow->graph->node_count && !code; i++)
        if (shadow->runs[i]) code = compare_node(shadow, i, error);
    for (unsigned i = 0; i < shadow->tapped_count && !code; i++)
        pl_edge_limit(shadow->tapped[i].edge,
                      tap_bytes / shadow->tapped_count > tap_least ? tap_bytes / shadow->tapped_count : tap_least);
    return code;
}

void pl__shadow_unmake(struct pl_shadow *shadow) {
    for (unsigned i = 0; shadow->tasks && i < shadow->plan.instance_count; i++)
        if (shadow->tasks[i]) pl_task_discard(shadow->tasks[i]);
    pl_worker_free(shadow->worker);
    for (unsigned i = 0; i < shadow->edge_count; i++)
        pl_edge_free(shadow->edges[i]);
    for (unsigned i = 0; i < shadow->tapped_count; i++)
        pl_edge_free(shadow->tapped[i].edge);
    pl_store_iter_free(shadow->view);
    pl_free(shadow->tasks);
    pl_free(shadow->edges);
    pl_free(shadow->tapped);
    pl_free(shadow->watched);
    pl_free(shadow->runs);
    pl_free(shadow->was);
    pl_plan_fini(&shadow->plan);
    shadow->tasks = NULL;
    shadow->worker = NULL;
    shadow->edges = NULL;
    shadow->tapped = NULL;
    shadow->watched = NULL;
    shadow->runs = NULL;
    shadow->was = NULL;
    shadow->view = NULL;
    shadow->edge_count = shadow->tapped_count = shadow->watched_count = 0;
}

/* ---- With the live graph standing still ---- */

static bool attach_one(struct pl_shadow *shadow, const struct pl__tapped *tapped) {
    struct pl_intake *intake = shadow->engine->intake;
    if (tapped->sender) return pl_outputs_add(&tapped->sender->outputs, tapped->port, tapped->edge);
    return pl_intake_add_output(intake, tapped->feed, tapped->partition, tapped->edge);
}

bool pl__shadow_attach(struct pl_shadow *shadow) {
    bool good = true;
    for (unsigned i = 0; i < shadow->tapped_count && good; i++) {
        const struct pl__tapped *tapped = &shadow->tapped[i];
        struct pl__fresh fresh = {tapped->edge, tapped->sender, NULL, tapped->feed, tapped->partition};
        good = attach_one(shadow, tapped);
        if (good) pl__engine_tell(shadow->engine, &fresh);
    }
    if (!good) pl__shadow_detach(shadow);
    return good;
}

void pl__shadow_detach(struct pl_shadow *shadow) {
    for (unsigned i = 0; i < shadow->tapped_count; i++) {
        const struct pl__tapped *tapped = &shadow->tapped[i];
        if (tapped->sender)
            pl_outputs_remove(&tapped->sender->outputs, tapped->edge);
        else
            pl_intake_remove_output(shadow->engine->intake, tapped->partition, tapped->edge);
    }
}
