#include "engine.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/tags.h"
#include "log/kafka.h"
#include "runtime/engine_impl.h"
#include "runtime/recovery.h"
#include "runtime/replay.h"
#include "store/store.h"

/* What a task may keep that waits: of rows that are held back, of a slow sink's backlog. */
static const int64_t SPILL_STORE = INT64_C(16) << 30, SPILL_MEMORY = INT64_C(64) << 20;

enum { SPARE_SOCKETS = 64, SPARE_FILES = 4096 };

/* ---- What tasks and intake report, on their threads ---- */

void pl__engine_notify(struct pl_engine *engine) {
    pthread_cond_broadcast(&engine->changed);
    if (engine->options.notify) engine->options.notify(engine->options.notify_arg);
}

static void on_ended(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    struct pl_engine *engine = arg;
    pl_checkpoint_ended(engine->checkpoints, (unsigned)(task - engine->tasks), epoch, changes);
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

static void on_epoch(void *arg, uint64_t epoch) {
    struct pl_engine *engine = arg;
    for (unsigned i = 0; i < engine->task_count; i++)
        if (engine->tasks[i].node.config.op->commit || engine->tasks[i].spill) pl_task_commit(&engine->tasks[i], epoch);
    if (engine->intake) pl_intake_poke(engine->intake); /* the next barrier may go */
}

static void on_intake_ended(void *arg) {
    struct pl_engine *engine = arg;
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

static void on_intake_failed(void *arg, const char *why) {
    struct pl_engine *engine = arg;
    if (engine->checkpoints) pl_checkpoints_stop(engine->checkpoints);
    pthread_mutex_lock(&engine->lock);
    if (!engine->failure) engine->failure = pl_strdup(why);
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
    pl_engine_stop(engine);
}

static void on_failed(void *arg, struct pl_task *task, const char *why) {
    char text[1200];
    snprintf(text, sizeof text, "node %s: %s", task->node.config.name, why);
    on_intake_failed(arg, text);
}

static void on_barrier(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    struct pl_engine *engine = arg;
    pl_checkpoint_passed(engine->checkpoints, (unsigned)(task - engine->tasks), epoch, changes);
}

/* The engine is to be made anew: nothing becomes an epoch any more, and its owner is told. */
void pl__engine_fall(struct pl_engine *engine, pl_time delay) {
    pl_checkpoints_stop(engine->checkpoints);
    pthread_mutex_lock(&engine->lock);
    engine->fallen = true;
    if (delay > engine->delay) engine->delay = delay;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

bool pl_engine_fallen(struct pl_engine *engine, pl_time *delay) {
    pthread_mutex_lock(&engine->lock);
    bool fallen = engine->fallen && !engine->failure;
    *delay = engine->delay;
    pthread_mutex_unlock(&engine->lock);
    return fallen;
}

/* ---- Building ---- */

/* Two descriptors an edge, and what the nodes open. */
static void raise_file_limit(unsigned edges) {
    struct rlimit limit;
    rlim_t wanted = 2 * (rlim_t)edges + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static enum pl_code make_tags(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->graph->settings;
    engine->broadcast = pl_alloc((settings->broadcast.count + 1) * sizeof *engine->broadcast);
    if (!engine->broadcast) return pl_error_set(error, PL_NO_MEMORY, "no memory for the tags");
    for (uint32_t i = 0; i < settings->broadcast.count; i++)
        engine->broadcast[i] = settings->broadcast.items[i];
    struct pl_tags_options options = {
        .limit = (uint32_t)settings->max_tags,
        .key_depth = (unsigned)settings->key_depth,
        .rules = engine->graph->tag_rules,
        .rule_count = engine->graph->tag_rule_count,
        .broadcast = engine->broadcast,
    };
    engine->tags = pl_tags_new(&options);
    return engine->tags ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the tags");
}

/* The file is read before the folder is touched. */
static enum pl_code open_savepoint(struct pl_engine *engine, struct pl_error **error) {
    const char *path = engine->options.savepoint;
    if (!path) return PL_OK;
    if (!engine->options.data || engine->graph->settings.log_kind != PL_LOG_EMBEDDED)
        return pl_error_set(error, PL_USAGE, "a graph without a log cannot begin with a savepoint");
    return pl_savepoint_open(path, engine->options.key, &engine->savepoint, error);
}

static enum pl_code open_kept_log(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->graph->settings;
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
    return code ? code : pl__engine_take_over(engine, error);
}

static enum pl_code open_log(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->graph->settings;
    if (settings->audit_retention && settings->audit_retention < PL_AUDIT_LEAST && !engine->options.audit_below_minimum)
        return pl_error_set(error, PL_USAGE,
                            "audit.retention: records of less than 730 days are only removed with "
                            "--audit-retention-below-minimum");
    bool none = settings->log_kind == PL_LOG_NONE || engine->options.replay;
    if (!engine->options.data) {
        if (none) return PL_OK;
        return pl_error_set(error, PL_USAGE, "a log needs a data folder");
    }
    struct pl_store_options options = {
        .sync_each = settings->log_sync_every == 0, .key = engine->options.key, .ship = engine->options.ship};
    enum pl_code code = open_savepoint(engine, error);
    if (!code) code = pl_store_open(engine->options.data, &options, &engine->store, error);
    if (!code) code = pl_audit_open(engine->store, &engine->journal.audit, error);
    if (code || none) return code;
    code = open_epochs(engine, error);
    if (code || settings->log_sync_every <= 0) return code;
    return pl_syncer_new(engine->log, settings->log_sync_every, &engine->syncer, error);
}

static enum pl_code make_checkpoints(struct pl_engine *engine, struct pl_error **error) {
    engine->recall = pl_alloc((engine->graph->node_count + 1) * sizeof *engine->recall);
    if (!engine->recall) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    struct pl_recovery recovery = {.graph = engine->graph,
                                   .epochs = engine->epochs,
                                   .store = engine->store,
                                   .log = engine->log,
                                   .tags = engine->tags,
                                   .reset = engine->options.reset};
    enum pl_code code = engine->epochs
                            ? pl_recovery_match(&recovery, &engine->last, &engine->now, engine->recall, error)
                            : pl_recovery_describe(engine->graph, &engine->now, error);
    if (code) return code;
    engine->names = pl_alloc((engine->plan.instance_count + 1) * sizeof *engine->names);
    if (!engine->names) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    for (unsigned i = 0; i < engine->plan.instance_count; i++) {
        const struct pl_plan_instance *instance = &engine->plan.instances[i];
        engine->names[i] =
            (struct pl_checkpoint_task){engine->graph->nodes[instance->node].name, (uint16_t)instance->partition};
    }
    struct pl_checkpoints_options options = {
        .store = engine->log ? engine->store : NULL,
        .epochs = engine->epochs,
        .changelog = engine->options.member ? &engine->changelog : NULL,
        .now = &engine->now,
        .clock = &engine->clock,
        .limit = engine->graph->settings.checkpoint_timeout,
        .sync = engine->graph->settings.log_sync_every >= 0,
        .owned = engine->plan.owned,
        .tasks = engine->plan.instance_count,
        .task = engine->names,
        .counting = engine->epochs ? (unsigned)engine->graph->settings.partitions : 0,
        .done = on_epoch,
        .failed = on_intake_failed,
        .engine = engine,
    };
    code = pl_checkpoints_new(&options, &engine->checkpoints, error);
    for (unsigned p = 0; !code && p < options.counting; p++)
        if (!engine->plan.owned[p]) pl_checkpoints_leave_out(engine->checkpoints, options.tasks + p);
    return code;
}

static enum pl_code make_workers(struct pl_engine *engine, struct pl_error **error) {
    for (unsigned i = 0; i < engine->plan.worker_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "worker-%u", i);
        if (i == engine->plan.intake_worker && engine->log) snprintf(name, sizeof name, "log");
        enum pl_code code = pl_worker_new(name, &engine->workers[i], error);
        if (code) return code;
    }
    return PL_OK;
}

static enum pl_code make_task(struct pl_engine *engine, const struct pl_plan_instance *instance,
                              struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->graph->settings;
    const struct pl_graph_node *node = &engine->graph->nodes[instance->node];
    struct pl_task *task = &engine->tasks[engine->task_count];
    struct pl_node_config config = {
        .op = node->op,
        .name = node->name,
        .prototype = node->prototype,
        .partition = instance->partition,
        .kind = node->kind_in,
        .key_depth = (unsigned)settings->key_depth,
        .max_keys = (uint32_t)settings->max_keys,
        .tags = engine->tags,
        .clock = &engine->clock,
        .loop = pl_worker_loop(engine->workers[instance->worker]),
        .store = engine->store,
        .journal = &engine->journal,
        .recovers = engine->epochs && node->op->inputs,
        .keeps_losses = engine->epochs,
    };
    struct pl_task_events events = {.ended = on_ended, .failed = on_failed, .barrier = on_barrier, .engine = engine};
    struct pl_task_options options = {.hold = settings->hold,
                                      .spill = engine->store ? SPILL_STORE : SPILL_MEMORY,
                                      .backlog = node->settings.on_full == PL_SPILL};
    engine->task_count++; /* a half-made one is ended like the others */
    enum pl_code code = pl_task_init(task, &config, &events, &options, error);
    task->graph_node = node;
    task->rate = node->settings.rate;
    task->recall = engine->recall[instance->node];
    task->node.epoch = engine->epochs ? engine->last.number + 1 : 0;
    if (!node->op->inputs) pl_checkpoints_leave_out(engine->checkpoints, engine->task_count - 1);
    engine->running++;
    return code ? code : pl__engine_isolate(engine, task, error);
}

static enum pl_code make_tasks(struct pl_engine *engine, struct pl_error **error) {
    unsigned n = engine->plan.instance_count;
    engine->tasks = pl_alloc_aligned(64, (n + 1) * sizeof *engine->tasks);
    if (!engine->tasks) return pl_error_set(error, PL_NO_MEMORY, "no memory for the tasks");
    for (unsigned i = 0; i < n; i++) {
        enum pl_code code = make_task(engine, &engine->plan.instances[i], error);
        if (code) return code;
    }
    return PL_OK;
}

static enum pl_code make_intake(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->graph->settings;
    struct pl_intake_options options = {
        .log = engine->log,
        .replay = engine->options.replay,
        .tags = engine->tags,
        .clock = &engine->clock,
        .partitions = (unsigned)settings->partitions,
        .owned = engine->plan.owned,
        .shared = engine->options.member,
        .feeds_max = pl__engine_feed_of(engine, engine->graph->node_count, 0) + 1,
        .max_lag = settings->max_lag,
        .checkpoints = engine->checkpoints,
        .store = engine->epochs ? engine->store : NULL,
        .participant = engine->plan.instance_count,
        .checkpoint = engine->options.replay ? 0 : settings->checkpoint,
        .ended = on_intake_ended,
        .failed = on_intake_failed,
        .fenced = pl__engine_fenced,
        .syncer = engine->syncer,
        .engine = engine,
        .until_eof = engine->options.until_eof,
    };
    engine->running++;
    return pl_intake_new(&options, &engine->intake, error);
}

/* Ranks on a worker: sources, the intake, then the graph's order. */
static enum pl_code place(struct pl_engine *engine, bool sources, struct pl_error **error) {
    for (unsigned i = 0; i < engine->task_count; i++) {
        if (!engine->tasks[i].gate != sources) continue;
        struct pl_worker *worker = engine->workers[engine->plan.instances[i].worker];
        enum pl_code code = pl_worker_add(worker, &engine->tasks[i].runnable, error);
        if (code) return code;
    }
    return PL_OK;
}

/* What people have set holds for what is played too; but what they decided about an alarm was about that one. */
static enum pl_code take_settings(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < engine->graph->node_count && engine->store && !code; i++) {
        const struct pl_graph_node *node = &engine->graph->nodes[i];
        struct pl_store *from = engine->options.replay->store;
        const char *was = node->settings.was;
        if (strcmp(node->op->name, "alarms") == 0) continue;
        if (was && *was) code = pl_kept_copy(from, was, engine->store, node->name, error);
        if (!code) code = pl_kept_copy(from, node->name, engine->store, node->name, error);
    }
    return code;
}

/* What people have decided about a node goes on under the name that it has now: with epochs,
 * recovery.h sees to it. */
static enum pl_code rename_settings(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < engine->graph->node_count && engine->store && !code; i++) {
        const struct pl_graph_node *node = &engine->graph->nodes[i];
        if (node->settings.was && node->settings.was[0])
            code = pl_kept_move(engine->store, node->settings.was, node->name, error);
    }
    return code;
}

/* Nothing comes from the sources: they are over before they begin. */
static enum pl_code play(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = take_settings(engine, error);
    if (code) return code;
    for (unsigned i = 0; i < engine->task_count; i++)
        if (!engine->tasks[i].gate) engine->tasks[i].over = true;
    return pl_intake_replay(engine->intake, error);
}

/* Behind what an earlier run has done. */
static enum pl_code go_on(struct pl_engine *engine, struct pl_error **error) {
    bool group = engine->options.member;
    if (group) pl_kafka_on_arrival(engine->log, pl_intake_poke, engine->intake);
    enum pl_code code = group ? pl_intake_take_over(engine->intake, &engine->last, error)
                              : pl_intake_recover(engine->intake, &engine->last, error);
    for (unsigned i = 0; i < engine->task_count && !code; i++) {
        struct pl_task *task = &engine->tasks[i];
        if (task->gate) continue;
        const struct pl_inlet *inlet =
            pl_intake_inlet(engine->intake, pl__engine_feed_of(engine, engine->plan.instances[i].node, 0));
        task->position = &inlet->position;
        task->over = inlet->ended || !pl__engine_runs_source(engine, task->graph_node);
    }
    return code;
}

static enum pl_code build(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = pl__engine_ask_group(engine, error);
    if (!code) code = pl_plan_make(engine->graph, engine->owned, &engine->plan, error);
    if (code) return code;
    raise_file_limit(engine->plan.edge_count);
    engine->zmq = zmq_ctx_new();
    engine->edges = pl_alloc((engine->plan.edge_count + 1) * sizeof *engine->edges);
    if (!engine->zmq || !engine->edges) return pl__engine_no_memory(error);
    zmq_ctx_set(engine->zmq, ZMQ_IO_THREADS, pl__engine_isolates(engine->graph)); /* edges in the process need none */
    zmq_ctx_set(engine->zmq, ZMQ_MAX_SOCKETS, (int)(2 * engine->plan.edge_count + SPARE_SOCKETS));
    (void)((code = make_tags(engine, error)) || (code = open_log(engine, error)) ||
           (code = make_checkpoints(engine, error)) || (code = make_workers(engine, error)) ||
           (code = make_tasks(engine, error)) || (code = make_intake(engine, error)) ||
           (code = place(engine, true, error)) ||
           (code = pl_worker_add(engine->workers[engine->plan.intake_worker], pl_intake_runnable(engine->intake),
                                 error)) ||
           (code = place(engine, false, error)));
    for (unsigned i = 0; !code && i < engine->task_count; i++)
        if (!engine->tasks[i].gate) code = pl__engine_connect_source(engine, &engine->tasks[i], error);
    for (unsigned i = 0; !code && i < engine->task_count; i++)
        if (engine->tasks[i].gate) code = pl__engine_connect_task(engine, &engine->tasks[i], error);
    if (code) return code;
    if (engine->options.replay) return play(engine, error);
    return engine->epochs ? go_on(engine, error) : rename_settings(engine, error);
}

/* ---- Life ---- */

enum pl_code pl_engine_new(const struct pl_graph *graph, const struct pl_engine_options *options,
                           struct pl_engine **engine, struct pl_error **error) {
    struct pl_engine *e = *engine = PL_NEW(struct pl_engine);
    if (!e) return pl_error_set(error, PL_NO_MEMORY, "no memory for an engine");
    e->graph = graph;
    e->options = *options;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&e->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pl_clock_init(&e->clock, PL_CLOCK_WALL, 0);
    pl_journal_init(&e->journal, graph, &e->clock);
    enum pl_code code = build(e, error);
    if (!code) return PL_OK;
    if (e->journal.audit)
        pl_journal_started(&e->journal, options->data, &e->last, error && *error ? (*error)->text : pl_code_text(code));
    pl_engine_free(e);
    *engine = NULL;
    return code;
}

static bool checkpointed(const void *engine, uint64_t asked) {
    return pl_engine_checkpointed(engine, asked);
}

static enum pl_code start_upkeep(struct pl_engine *engine, struct pl_error **error) {
    if (!engine->store) return PL_OK;
    pl_journal_started(&engine->journal, engine->options.data, &engine->last, NULL);
    if (engine->graph->settings.audit_retention < PL_AUDIT_LEAST && engine->options.audit_below_minimum)
        pl_journal_retention(&engine->journal);
    if (engine->options.replay) return PL_OK; /* what is older than the graph keeps is just what may be wanted */
    const char *publish = engine->graph->settings.audit_publish;
    if (publish && publish[0]) {
        enum pl_code code = pl_anchors_open(publish, engine->graph->settings.name, &engine->journal.anchors, error);
        if (code) return code;
    }
    struct pl_upkeep_options options = {
        .trim = {.store = engine->store, .log = engine->log, .settings = &engine->graph->settings},
        .journal = &engine->journal,
        .clock = &engine->clock,
    };
    enum pl_code code = pl_upkeep_new(&options, &engine->upkeep, error);
    if (code) return code;
    struct pl_copies_options copies = {.store = engine->store,
                                       .journal = &engine->journal,
                                       .clock = &engine->clock,
                                       .checkpointed = checkpointed,
                                       .engine = engine};
    return pl_copies_new(&copies, &engine->copies, error);
}

enum pl_code pl_engine_start(struct pl_engine *engine, struct pl_error **error) {
    engine->started = true;
    enum pl_code upkeep = start_upkeep(engine, error);
    if (upkeep) return upkeep;
    for (unsigned i = 0; i < engine->plan.worker_count; i++) {
        enum pl_code code = pl_worker_start(engine->workers[i], error);
        if (code) return code;
    }
    return PL_OK;
}

static void stop_sources(struct pl_engine *engine, bool drain) {
    pthread_mutex_lock(&engine->lock);
    bool first = !engine->stopping;
    engine->stopping = true;
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; first && i < engine->task_count; i++) {
        pl_task_pause(&engine->tasks[i], false);
        if (!engine->tasks[i].gate) pl_task_stop(&engine->tasks[i], drain);
    }
    if (engine->intake) pl_intake_stop(engine->intake);
}

void pl_engine_stop(struct pl_engine *engine) {
    stop_sources(engine, false);
}

void pl_engine_hand_over(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    engine->hands_over = true;
    pthread_mutex_unlock(&engine->lock);
    pl_engine_stop(engine);
}

void pl_engine_drain(struct pl_engine *engine) {
    pl_intake_drain(engine->intake);
    stop_sources(engine, true);
}

static struct timespec deadline(pl_time timeout) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    pl_time sum = at.tv_nsec + timeout;
    at.tv_sec += sum / PL_SECOND;
    at.tv_nsec = sum % PL_SECOND;
    return at;
}

enum pl_code pl_engine_wait(struct pl_engine *engine, pl_time timeout, struct pl_error **error) {
    struct timespec until = deadline(timeout);
    int late = 0;
    pthread_mutex_lock(&engine->lock);
    while (engine->running && !late)
        late = timeout ? pthread_cond_timedwait(&engine->changed, &engine->lock, &until)
                       : pthread_cond_wait(&engine->changed, &engine->lock);
    enum pl_code code = engine->running ? PL_BUSY : PL_OK;
    if (engine->failure && code == PL_OK) code = pl_error_set(error, PL_UNAVAILABLE, "%s", engine->failure);
    pthread_mutex_unlock(&engine->lock);
    return code;
}

enum pl_code pl_engine_check(struct pl_engine *engine, struct pl_error **error) {
    pthread_mutex_lock(&engine->lock);
    enum pl_code code = engine->failure ? pl_error_set(error, PL_UNAVAILABLE, "%s", engine->failure) : PL_OK;
    pthread_mutex_unlock(&engine->lock);
    return code;
}

static void free_tasks(struct pl_engine *engine) {
    for (unsigned i = 0; i < engine->task_count; i++)
        pl_task_fini(&engine->tasks[i]);
    pl_free(engine->tasks);
}

/* The record of the end, and the place of it. */
static void end_journal(struct pl_engine *engine) {
    struct pl_error *error = NULL;
    uint64_t none = 0;
    if (!engine->started || !engine->store) return;
    enum pl_code code = pl_engine_check(engine, &error);
    const char *outcome = code              ? error ? error->text : pl_code_text(code)
                                       : engine->fallen ? "a node's process has died: back to the last epoch"
                          : engine->running ? "ended before everything under way was worked off"
                                            : NULL;
    uint64_t rows = pl_stat_get(&pl_intake_stats(engine->intake)->rows);
    pl_journal_ended(&engine->journal, rows, pl_engine_epochs(engine), outcome);
    if (!engine->options.temporary && !engine->fallen) pl_journal_anchor(&engine->journal, &none);
    pl_error_free(&error);
}

/* What people have set ends with the run; a death is no end of it. */
static void take_back_overrides(struct pl_engine *engine) {
    if (!engine->started || engine->running || engine->failure || !engine->epochs || engine->hands_over) return;
    for (unsigned i = 0; i < engine->task_count; i++) {
        const struct pl_node *node = &engine->tasks[i].node;
        struct pl_error *error = NULL;
        if (!node->overrides.count) continue;
        if (pl_epochs_drop(engine->epochs, node->config.name, (uint16_t)node->config.partition, PL_STATE_OVERRIDES,
                           &error))
            pl_diag(PL_ERROR, "what was set of node %s holds for the next run too: %s", node->config.name,
                    error ? error->text : "no memory");
        pl_error_free(&error);
    }
}

void pl_engine_free(struct pl_engine *engine) {
    if (!engine) return;
    pl_copies_free(engine->copies);
    pl_savepoint_close(engine->savepoint);
    pl_upkeep_free(engine->upkeep);
    pl_checkpoints_close(engine->checkpoints); /* with the last one, while those who hear of it are there */
    if (engine->options.member && engine->log) pl_kafka_on_arrival(engine->log, NULL, NULL);
    for (unsigned i = 0; i < PL_WORKERS_MAX && engine->started; i++)
        if (engine->workers[i]) pl_worker_stop(engine->workers[i]);
    for (unsigned i = 0; i < PL_WORKERS_MAX && engine->started; i++)
        if (engine->workers[i]) pl_worker_join(engine->workers[i]);
    pl_syncer_free(engine->syncer);
    take_back_overrides(engine);
    end_journal(engine);
    for (unsigned i = 0; i < PL_WORKERS_MAX; i++)
        pl_worker_free(engine->workers[i]);
    for (unsigned i = 0; i < engine->edge_count; i++)
        pl_edge_free(engine->edges[i]);
    pl_intake_free(engine->intake);
    free_tasks(engine);
    pl_checkpoints_free(engine->checkpoints);
    if (engine->zmq) zmq_ctx_term(engine->zmq);
    pl_epochs_close(engine->epochs);
    pl_epoch_fini(&engine->last);
    pl_epoch_fini(&engine->now);
    pl_free(engine->recall);
    pl_free(engine->names);
    pl_free(engine->owned);
    if (engine->log) engine->log->ops->close(engine->log);
    pl_anchors_close(engine->journal.anchors);
    pl_audit_close(engine->journal.audit);
    pl_store_close(engine->store);
    pl_tags_free(engine->tags);
    pl_free(engine->broadcast);
    pl_free(engine->edges);
    pl_plan_fini(&engine->plan);
    pl_free(engine->failure);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    pl_free(engine);
}

unsigned pl_engine_task_count(const struct pl_engine *engine) {
    return engine->task_count;
}

struct pl_task *pl_engine_task(const struct pl_engine *engine, unsigned index) {
    return &engine->tasks[index];
}

const struct pl_intake *pl_engine_intake(const struct pl_engine *engine) {
    return engine->intake;
}

struct pl_tags *pl_engine_tags(const struct pl_engine *engine) {
    return engine->tags;
}

pl_time pl_engine_now(const struct pl_engine *engine) {
    return pl_clock_now(&engine->clock);
}

const struct pl_graph *pl_engine_graph(const struct pl_engine *engine) {
    return engine->graph;
}

struct pl_copies *pl_engine_copies(const struct pl_engine *engine) {
    return engine->copies;
}

struct pl_store *pl_engine_store(const struct pl_engine *engine) {
    return engine->store;
}

const char *pl_engine_data(const struct pl_engine *engine) {
    return engine->options.data;
}

const struct pl_journal *pl_engine_journal(const struct pl_engine *engine) {
    return &engine->journal;
}

bool pl_engine_zones(const struct pl_engine *engine, struct pl_trim_zone zones[PL_ZONES]) {
    return engine->upkeep && pl_upkeep_zones(engine->upkeep, zones);
}

uint64_t pl_engine_epochs(const struct pl_engine *engine) {
    return atomic_load(pl_checkpoints_done(engine->checkpoints));
}

void pl_engine_checkpoint_stats(struct pl_engine *engine, struct pl_checkpoint_stats *stats) {
    pl_checkpoints_stats(engine->checkpoints, stats);
}

bool pl_engine_change(struct pl_engine *engine, struct pl_task *task, struct pl_call *call) {
    call->task = task;
    return (task->gate && pl_intake_change(engine->intake, call)) || pl_task_call(task, call);
}

uint64_t pl_engine_checkpoint(struct pl_engine *engine) {
    return pl_intake_barrier(engine->intake);
}

bool pl_engine_checkpointed(const struct pl_engine *engine, uint64_t asked) {
    uint64_t epoch = pl_intake_barrier_epoch(engine->intake, asked);
    return epoch && pl_engine_epochs(engine) >= epoch;
}

bool pl_engine_recovers(const struct pl_engine *engine) {
    return engine->epochs != NULL;
}
