/* engine_build.c: an engine's parts, made of a graph and of what the data folder has. */
#include <string.h>
#include <sys/resource.h>
#include <zmq.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "log/kafka_member.h"
#include "runtime/engine_impl.h"
#include "runtime/mute.h"
#include "runtime/recovery.h"
#include "runtime/replay.h"
#include "runtime/retell.h"
#include "store/store.h"

/* What a task may keep that waits: of rows that are held back, of a slow sink's backlog. */
static const int64_t SPILL_STORE = INT64_C(16) << 30, SPILL_MEMORY = INT64_C(64) << 20;

/* What another graph may have more than this one is made room for: it costs a pointer each. */
enum { SPARE_SOCKETS = 8192, MORE_EDGES = 4, SPARE_FILES = 4096 };

/* Two descriptors an edge, and what the nodes open. */
static void raise_file_limit(unsigned edges) {
    struct rlimit limit;
    rlim_t wanted = 2 * (rlim_t)edges + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static enum pl_code make_tags(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->wired.graph->settings;
    engine->broadcast = pl_alloc((settings->broadcast.count + 1) * sizeof *engine->broadcast);
    if (!engine->broadcast) return pl_error_set(error, PL_NO_MEMORY, "no memory for the tags");
    for (uint32_t i = 0; i < settings->broadcast.count; i++)
        engine->broadcast[i] = settings->broadcast.items[i];
    struct pl_tags_options options = {
        .limit = (uint32_t)settings->max_tags,
        .key_depth = (unsigned)settings->key_depth,
        .rules = engine->wired.graph->tag_rules,
        .rule_count = engine->wired.graph->tag_rule_count,
        .broadcast = engine->broadcast,
    };
    engine->tags = pl_tags_new(&options);
    return engine->tags ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the tags");
}

/* The file is read before the folder is touched. */
static enum pl_code open_savepoint(struct pl_engine *engine, struct pl_error **error) {
    const char *path = engine->options.savepoint;
    if (!path) return PL_OK;
    if (!engine->options.data || engine->wired.graph->settings.log_kind != PL_LOG_EMBEDDED)
        return pl_error_set(error, PL_USAGE, "a graph without a log cannot begin with a savepoint");
    return pl_savepoint_open(path, engine->options.key, &engine->savepoint, error);
}

static enum pl_code open_kept_log(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->wired.graph->settings;
    if (settings->log_kind == PL_LOG_KAFKA) return pl__engine_open_kafka(engine, error);
    return pl_log_open_embedded(engine->store, engine->tags, (unsigned)settings->partitions, &engine->log, error);
}

static enum pl_code open_epochs(struct pl_engine *engine, struct pl_error **error) {
    struct pl_savepoint *savepoint = engine->savepoint;
    enum pl_code code =
        savepoint ? pl_savepoint_fill(savepoint, engine->store, error) : pl_savepoint_check(engine->store, error);
    if (!code) code = open_kept_log(engine, error);
    if (!code && savepoint) code = pl_savepoint_begin(savepoint, engine->store, engine->log, error);
    pl_savepoint_close(savepoint);
    engine->savepoint = NULL;
    if (!code) code = pl_epochs_open(engine->store, &engine->epochs, &engine->last, error);
    if (!code && !engine->options.member)
        code = pl_settings_open(engine->store, engine->last.number, &engine->settings, error);
    return code ? code : pl__engine_take_over(engine, error);
}

enum pl_code pl__engine_check_audit(const struct pl_engine_options *options, const struct pl_graph *graph,
                                    struct pl_error **error) {
    const pl_time retention = graph->settings.audit_retention;
    if (!retention || retention >= PL_AUDIT_LEAST || options->audit_below_minimum) return PL_OK;
    return pl_error_set(error, PL_USAGE,
                        "audit.retention: records of less than 730 days are only removed with "
                        "--audit-retention-below-minimum");
}

static enum pl_code open_log(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->wired.graph->settings;
    enum pl_code code = pl__engine_check_audit(&engine->options, engine->wired.graph, error);
    if (code) return code;
    bool none = settings->log_kind == PL_LOG_NONE || engine->options.replay;
    if (!engine->options.data) {
        if (none) return PL_OK;
        return pl_error_set(error, PL_USAGE, "a log needs a data folder");
    }
    struct pl_store_options options = {
        .sync_each = settings->log_sync_every == 0, .key = engine->options.key, .ship = engine->options.ship};
    code = open_savepoint(engine, error);
    if (!code) code = pl_store_open(engine->options.data, &options, &engine->store, error);
    if (!code) code = pl_audit_open(engine->store, &engine->journal.audit, error);
    if (code || none) return code;
    code = open_epochs(engine, error);
    if (code || settings->log_sync_every <= 0) return code;
    struct pl_syncer_events events = {pl__engine_on_sync, pl__engine_on_synced, engine};
    return pl_syncer_new(engine->log, settings->log_sync_every, &events, &engine->syncer, error);
}

enum pl_code pl__engine_name_tasks(struct pl__wired *wired, unsigned more, struct pl_error **error) {
    wired->names = pl_alloc((wired->plan.instance_count + more + 1) * sizeof *wired->names);
    if (!wired->names) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    for (unsigned i = 0; i < wired->plan.instance_count; i++) {
        const struct pl_plan_instance *instance = &wired->plan.instances[i];
        wired->names[i] =
            (struct pl_checkpoint_task){wired->graph->nodes[instance->node].name, (uint16_t)instance->lane};
    }
    return PL_OK;
}

struct pl_recovery pl__engine_recovery(const struct pl_engine *engine) {
    return (struct pl_recovery){.graph = engine->wired.graph,
                                .epochs = engine->epochs,
                                .store = engine->store,
                                .log = engine->log,
                                .tags = engine->tags,
                                .partitions = engine->wired.plan.lanes,
                                .reset = engine->options.reset,
                                .lenient = engine->options.lenient,
                                .agreed = engine->options.agreed,
                                .another = engine->options.another};
}

static enum pl_code make_checkpoints(struct pl_engine *engine, struct pl_error **error) {
    engine->wired.recall = pl_alloc((engine->wired.graph->node_count + 1) * sizeof *engine->wired.recall);
    engine->wired.now = PL_NEW(struct pl_epoch);
    if (!engine->wired.recall || !engine->wired.now)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    struct pl_recovery recovery = pl__engine_recovery(engine);
    unsigned streams = engine->exchange.stream_count;
    enum pl_code code =
        engine->epochs ? pl_recovery_match(&recovery, &engine->last, engine->wired.now, engine->wired.recall, error)
                       : pl_recovery_describe(engine->wired.graph, engine->wired.plan.lanes, engine->wired.now, error);
    if (code) return code;
    code = pl__engine_name_tasks(&engine->wired, streams, error);
    if (code) return code;
    pl__exchange_name(engine, engine->wired.names + engine->wired.plan.instance_count);
    struct pl_checkpoints_options options = {
        .store = engine->log ? engine->store : NULL,
        .epochs = engine->epochs,
        .changelog = engine->options.member ? &engine->changelog : NULL,
        .now = engine->wired.now,
        .clock = &engine->clock,
        .limit = engine->wired.graph->settings.checkpoint_timeout,
        .sync = engine->wired.graph->settings.log_sync_every >= 0,
        .owned = engine->works,
        .tasks = engine->wired.plan.instance_count + streams,
        .task = engine->wired.names,
        .counting = engine->epochs ? (unsigned)engine->wired.graph->settings.partitions : 0,
        .done = pl__engine_on_epoch,
        .failed = pl__engine_fail,
        .fenced = engine->options.member ? pl__engine_fenced : NULL,
        .engine = engine,
    };
    code = pl_checkpoints_new(&options, &engine->checkpoints, error);
    for (unsigned p = 0; !code && p < options.counting; p++)
        if (!engine->works[p]) pl_checkpoints_leave_out(engine->checkpoints, options.tasks + p);
    return code;
}

static enum pl_code make_workers(struct pl_engine *engine, struct pl_error **error) {
    for (unsigned i = 0; i < engine->wired.plan.worker_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "worker-%u", i);
        if (i == engine->wired.plan.intake_worker && engine->log) snprintf(name, sizeof name, "log");
        enum pl_code code = pl_worker_new(name, &engine->wired.workers[i], error);
        if (code) return code;
    }
    if (engine->plant.clock) pl_worker_when_still(engine->wired.workers[0], pl_plant_still, &engine->plant);
    return PL_OK;
}

/* What is played again is not written to the field again. *muted is owned by the caller. */
static const struct pl_operator *operator_of(const struct pl_engine *engine, const struct pl_graph_node *node,
                                             struct pl_operator **muted) {
    bool silent = engine->options.replay && node->op->flags & PL_OP_FIELD;
    *muted = silent ? pl_mute(node->op) : NULL;
    return silent ? *muted : node->op;
}

struct pl_node_config pl__engine_node_config(const struct pl_engine *engine, const struct pl_graph *graph,
                                             const struct pl_plan_instance *instance, struct pl_worker *worker) {
    const struct pl_graph_node *node = &graph->nodes[instance->node];
    return (struct pl_node_config){
        .op = node->op,
        .name = node->name,
        .prototype = node->prototype,
        .partition = instance->partition,
        .lane = (uint16_t)instance->lane,
        .kind = node->kind_in,
        .key_depth = (unsigned)graph->settings.key_depth,
        .max_keys = (uint32_t)graph->settings.max_keys,
        .tags = engine->tags,
        .clock = &engine->clock,
        .loop = pl_worker_loop(worker),
    };
}

enum pl_code pl__engine_make_task(struct pl_engine *engine, struct pl__wired *wired, unsigned index, uint64_t epoch,
                                  struct pl_error **error) {
    const struct pl_plan_instance *instance = &wired->plan.instances[index];
    const struct pl_graph_settings *settings = &wired->graph->settings;
    const struct pl_graph_node *node = &wired->graph->nodes[instance->node];
    struct pl_task *task = wired->tasks[index] = pl_task_new(wired->graph);
    const struct pl_operator *op = task ? operator_of(engine, node, &task->muted) : NULL;
    if (!op) return pl_error_set(error, PL_NO_MEMORY, "no memory for a task");
    struct pl_node_config config =
        pl__engine_node_config(engine, wired->graph, instance, wired->workers[instance->worker]);
    config.op = op;
    config.plant = engine->plant.clock ? &engine->plant : NULL;
    config.store = engine->store;
    config.journal = &engine->journal;
    config.lease = engine->options.member ? pl_kafka_member_lease(engine->options.member) : NULL;
    config.recovers = engine->epochs && node->op->inputs;
    config.keeps_losses = engine->epochs;
    struct pl_task_events events = {.ended = pl__engine_on_ended,
                                    .failed = pl__engine_on_failed,
                                    .barrier = pl__engine_on_barrier,
                                    .engine = engine};
    struct pl_task_options options = {.hold = settings->hold,
                                      .spill = engine->store ? SPILL_STORE : SPILL_MEMORY,
                                      .backlog = node->settings.on_full == PL_SPILL,
                                      .moves = engine->options.member};
    enum pl_code code = pl_task_init(task, &config, &events, &options, error);
    task->graph_node = node;
    task->index = index;
    task->rate = node->settings.rate;
    task->recall = wired->recall[instance->node];
    task->node.epoch = engine->epochs ? epoch + 1 : 0;
    return code || task->muted ? code : pl__engine_isolate(engine, task, error);
}

static enum pl_code make_tasks(struct pl_engine *engine, struct pl_error **error) {
    unsigned n = engine->wired.plan.instance_count;
    engine->wired.tasks = pl_alloc((n + 1) * sizeof(struct pl_task *));
    if (!engine->wired.tasks) return pl_error_set(error, PL_NO_MEMORY, "no memory for the tasks");
    for (unsigned i = 0; i < n; i++) {
        enum pl_code code = pl__engine_make_task(engine, &engine->wired, i, engine->last.number, error);
        const struct pl_task *task = engine->wired.tasks[i];
        engine->wired.task_count += task != NULL; /* a half-made one is ended like the others */
        if (code || !task) return code;
        if (!task->node.config.op->inputs) pl_checkpoints_leave_out(engine->checkpoints, i);
        engine->running++;
    }
    return PL_OK;
}

static enum pl_code set_again(void *arg, const struct pl_settings_entry *entry, struct pl_error **error) {
    const struct pl_engine *engine = arg;
    return pl_retell(engine->wired.tasks, engine->wired.task_count, entry, error);
}

static enum pl_code make_intake(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->wired.graph->settings;
    const struct pl__exchange *exchange = &engine->exchange;
    unsigned exchanged = exchange->port_count * (unsigned)settings->partitions;
    struct pl_intake_options options = {
        .log = engine->log,
        .replay = engine->options.replay,
        .tags = engine->tags,
        .clock = &engine->clock,
        .partitions = (unsigned)settings->partitions,
        .lanes = engine->wired.plan.lanes,
        .owned = engine->works,
        .shared = engine->options.member,
        .exchanged = {exchange->names, exchange->were, exchanged},
        .feeds_max = pl__engine_feed_of(engine, engine->wired.graph->node_count, 0) + 1,
        .max_lag = settings->max_lag,
        .checkpoints = engine->checkpoints,
        .store = engine->epochs ? engine->store : NULL,
        .participant = engine->wired.plan.instance_count + exchange->stream_count,
        .checkpoint = engine->options.replay ? 0 : settings->checkpoint,
        .ended = pl__engine_on_intake_ended,
        .failed = pl__engine_fail,
        .fenced = pl__engine_fenced,
        .settings = engine->settings,
        .retell = set_again,
        .syncer = engine->syncer,
        .engine = engine,
        .until_eof = engine->options.until_eof,
    };
    engine->running++;
    return pl_intake_new(&options, &engine->intake, error);
}

/* Ranks on a worker: sources, the intake, then the graph's order. */
static enum pl_code place_tasks(struct pl_engine *engine, bool sources, struct pl_error **error) {
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        if (!engine->wired.tasks[i]->gate != sources) continue;
        struct pl_worker *worker = engine->wired.workers[engine->wired.plan.instances[i].worker];
        enum pl_code code = pl_worker_add(worker, &engine->wired.tasks[i]->runnable, error);
        if (code) return code;
    }
    return PL_OK;
}

enum pl_code pl__engine_place(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = place_tasks(engine, true, error);
    if (!code)
        code = pl_worker_add(engine->wired.workers[engine->wired.plan.intake_worker],
                             pl_intake_runnable(engine->intake), error);
    return code ? code : place_tasks(engine, false, error);
}

/* Sources first, for outputs are added to their feeds. */
enum pl_code pl__engine_connect(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; !code && i < engine->wired.task_count; i++)
        if (!engine->wired.tasks[i]->gate) code = pl__engine_connect_source(engine, engine->wired.tasks[i], error);
    for (unsigned i = 0; !code && i < engine->wired.task_count; i++)
        if (engine->wired.tasks[i]->gate) code = pl__engine_connect_task(engine, engine->wired.tasks[i], error);
    return code;
}

static bool has_state_commands(const struct pl_operator *op) {
    for (const struct pl_command *command = op->commands; command && command->name; command++)
        if (command->flags & PL_COMMAND_STATE) return true;
    return false;
}

/* What people have decided holds for what is played too, but for what is set again on the way; and what they decided
 * about an alarm was about that one. */
static enum pl_code take_settings(struct pl_engine *engine, struct pl_error **error) {
    bool known = engine->options.replay->plain || pl_replay_knows_settings(pl_intake_replayed(engine->intake));
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < engine->wired.graph->node_count && engine->store && !code; i++) {
        const struct pl_graph_node *node = &engine->wired.graph->nodes[i];
        struct pl_store *from = engine->options.replay->store;
        const char *was = node->settings.was;
        if (strcmp(node->op->name, "alarms") == 0 || (known && has_state_commands(node->op))) continue;
        if (was && *was) code = pl_kept_copy(from, was, engine->store, node->name, error);
        if (!code) code = pl_kept_copy(from, node->name, engine->store, node->name, error);
    }
    return code;
}

/* What people have decided about a node goes on under the name that it has now: with epochs,
 * recovery.h sees to it. */
static enum pl_code rename_settings(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < engine->wired.graph->node_count && engine->store && !code; i++) {
        const struct pl_graph_node *node = &engine->wired.graph->nodes[i];
        if (node->settings.was && node->settings.was[0])
            code = pl_kept_move(engine->store, node->settings.was, node->name, error);
    }
    return code;
}

/* Nothing comes from the sources: they are over before they begin. */
static enum pl_code play(struct pl_engine *engine, struct pl_error **error) {
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        if (!engine->wired.tasks[i]->gate) engine->wired.tasks[i]->over = true;
    enum pl_code code = pl_intake_replay(engine->intake, error);
    return code ? code : take_settings(engine, error);
}

/* Behind what an earlier run has done. */
static enum pl_code go_on(struct pl_engine *engine, struct pl_error **error) {
    bool group = engine->options.member;
    if (group) pl_kafka_on_arrival(engine->log, pl_intake_poke, engine->intake);
    enum pl_code code = group ? pl_intake_take_over(engine->intake, &engine->last, error)
                              : pl_intake_recover(engine->intake, &engine->last, error);
    for (unsigned i = 0; i < engine->wired.task_count && !code; i++) {
        struct pl_task *task = engine->wired.tasks[i];
        if (task->gate) continue;
        const struct pl_inlet *inlet =
            pl_intake_inlet(engine->intake, pl__engine_feed_of(engine, engine->wired.plan.instances[i].node, 0));
        task->position = &inlet->position;
        task->over = inlet->ended || !pl__engine_runs_source(engine, task->graph_node);
    }
    return code ? code : pl__engine_follow(engine, error);
}

/* For those who outlive the plan. */
static bool *copy_flags(const bool *flags, unsigned count) {
    bool *copy = pl_alloc((count + 1) * sizeof *copy);
    if (copy) memcpy(copy, flags, count * sizeof *copy);
    return copy;
}

enum pl_code pl__engine_build(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = pl__engine_ask_group(engine, error);
    if (!code) code = pl_plan_make(engine->wired.graph, engine->owned, &engine->wired.plan, error);
    if (code) return code;
    engine->works = copy_flags(engine->wired.plan.owned, engine->wired.plan.lanes);
    if (!engine->works) return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    raise_file_limit(engine->wired.plan.edge_count);
    engine->zmq = zmq_ctx_new();
    engine->wired.edges = pl_alloc((engine->wired.plan.edge_count + 1) * sizeof *engine->wired.edges);
    if (!engine->zmq || !engine->wired.edges) return pl__engine_no_memory(error);
    zmq_ctx_set(engine->zmq, ZMQ_IO_THREADS,
                pl__engine_isolates(engine->wired.graph)); /* edges in the process need none */
    zmq_ctx_set(engine->zmq, ZMQ_MAX_SOCKETS, (int)(2 * MORE_EDGES * engine->wired.plan.edge_count + SPARE_SOCKETS));
    (void)((code = make_tags(engine, error)) || (code = pl__exchange_plan(engine, error)) ||
           (code = open_log(engine, error)) || (code = make_checkpoints(engine, error)) ||
           (code = make_workers(engine, error)) || (code = make_tasks(engine, error)) ||
           (code = make_intake(engine, error)) || (code = pl__engine_place(engine, error)) ||
           (code = pl__exchange_make(engine, error)) || (code = pl__engine_connect(engine, error)) ||
           (code = pl__exchange_connect(engine, error)));
    if (code) return code;
    if (engine->options.replay) return play(engine, error);
    return engine->epochs ? go_on(engine, error) : rename_settings(engine, error);
}
