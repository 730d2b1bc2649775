#include "engine.h"

#include <string.h>
#include <time.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/tags.h"
#include "log/kafka_member.h"
#include "runtime/cluster.h"
#include "runtime/engine_impl.h"
#include "runtime/retell.h"
#include "store/store.h"

/* ---- Life ---- */

static void make_wiring_lock(pthread_mutex_t *lock) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

enum pl_code pl_engine_new(const struct pl_graph *graph, const struct pl_engine_options *options,
                           struct pl_engine **engine, struct pl_error **error) {
    struct pl_engine *e = *engine = PL_NEW(struct pl_engine);
    if (!e) return pl_error_set(error, PL_NO_MEMORY, "no memory for an engine");
    e->wired.graph = pl_graph_ref(graph);
    e->first = pl_graph_ref(graph);
    e->settled = pl_graph_ref(graph);
    e->options = *options;
    pthread_mutex_init(&e->lock, NULL);
    make_wiring_lock(&e->wiring);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&e->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    bool plant = graph->settings.clock == PL_GRAPH_CLOCK_PLANT && !options->replay;
    pl_clock_init(&e->clock, plant ? PL_CLOCK_PLANT : PL_CLOCK_WALL, 0);
    if (plant) {
        e->plant.clock = &e->clock;
        pl_diag(PL_WARN,
                "clock: plant: leases, freshness and all else go by the time of a simulated plant, which stands "
                "still while nobody answers; a real plant is never run like this");
    }
    pl_journal_init(&e->journal, graph, &e->clock);
    enum pl_code code = pl__engine_build(e, error);
    if (!code && e->options.cluster) pl_cluster_attach(e->options.cluster, e);
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
    pl_journal_close(&engine->journal, NULL, "the engine died meanwhile");
    if (engine->wired.graph->settings.audit_retention < PL_AUDIT_LEAST && engine->options.audit_below_minimum)
        pl_journal_retention(&engine->journal);
    if (engine->options.replay) return PL_OK; /* what is older than the graph keeps is just what may be wanted */
    const char *publish = engine->wired.graph->settings.audit_publish;
    if (publish && publish[0]) {
        enum pl_code code =
            pl_anchors_open(publish, engine->wired.graph->settings.name, &engine->journal.anchors, error);
        if (code) return code;
    }
    struct pl_upkeep_options options = {
        .trim = {.store = engine->store, .log = engine->log, .settings = &engine->first->settings},
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
    for (unsigned i = 0; i < engine->wired.plan.worker_count; i++) {
        enum pl_code code = pl_worker_start(engine->wired.workers[i], error);
        if (code) return code;
    }
    atomic_store(&engine->under_way, true);
    return PL_OK;
}

void pl__engine_stop_tasks(struct pl_engine *engine, bool drain) {
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        pl_task_pause(engine->wired.tasks[i], false);
        if (!engine->wired.tasks[i]->gate) pl_task_stop(engine->wired.tasks[i], drain);
    }
    pl_engine_release_wiring(engine);
}

static void stop_sources(struct pl_engine *engine, bool drain) {
    pthread_mutex_lock(&engine->lock);
    bool first = !engine->stopping;
    engine->stopping = true;
    if (first) engine->drains = drain;
    pthread_mutex_unlock(&engine->lock);
    if (first) pl__engine_stop_tasks(engine, drain);
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
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        pl_task_discard(engine->wired.tasks[i]);
    pl_free(engine->wired.tasks);
}

/* The record of the end, and the place of it. */
static void end_journal(struct pl_engine *engine) {
    struct pl_error *error = NULL;
    uint64_t none = 0;
    if (!engine->started || !engine->store) return;
    enum pl_code code = pl_engine_check(engine, &error);
    const char *outcome = code               ? error ? error->text : pl_code_text(code)
                                        : engine->relapsed ? "the graph on probation has failed: back to the one before"
                          : engine->fallen   ? "a node's process has died: back to the last epoch"
                          : engine->running  ? "ended before everything under way was worked off"
                                             : NULL;
    uint64_t rows = pl_stat_get(&pl_intake_stats(engine->intake)->rows);
    pl_journal_close(&engine->journal, NULL, "the engine ended meanwhile");
    pl_journal_ended(&engine->journal, rows, pl_engine_epochs(engine), outcome);
    if (!engine->options.temporary && !engine->fallen) pl_journal_anchor(&engine->journal, &none);
    pl_error_free(&error);
}

/* Of one instance; PL_NOT_FOUND: nothing had been set. */
static enum pl_code take_back_override(struct pl_engine *engine, const struct pl_node_config *config,
                                       struct pl_error **error) {
    uint16_t partition = config->lane;
    struct pl_unpack unpack;
    void *value;
    size_t size;
    bool any = false;
    enum pl_code code =
        pl_epochs_find(engine->store, config->name, partition, PL_STATE_OVERRIDES, &value, &size, error);
    if (code) return code;
    struct pl_pack *lasting = pl_pack_new();
    pl_unpack_init(&unpack, value, size);
    bool good = lasting && pl_overrides_pack_lasting(&unpack, lasting, &any) && !pl_pack_failed(lasting);
    if (good && any)
        code = pl_epochs_replace(engine->epochs, config->name, partition, PL_STATE_OVERRIDES, lasting, error);
    else
        code = pl_epochs_drop(engine->epochs, config->name, partition, PL_STATE_OVERRIDES, error);
    pl_pack_free(lasting);
    pl_free(value);
    return code;
}

/* What people have set ends with the run, but for what is to last; a death is no end of it. */
static void take_back_overrides(struct pl_engine *engine) {
    bool any = false;
    if (!engine->started || engine->running || engine->failure || !engine->epochs || engine->hands_over) return;
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        const struct pl_node_config *config = &engine->wired.tasks[i]->node.config;
        struct pl_error *error = NULL;
        enum pl_code code = take_back_override(engine, config, &error);
        any |= code == PL_OK;
        if (code && code != PL_NOT_FOUND)
            pl_diag(PL_ERROR, "what was set of node %s holds for the next run too: %s", config->name,
                    error ? error->text : "no memory");
        pl_error_free(&error);
    }
    if (any) pl_retell_note_end(engine->settings, pl_engine_epochs(engine));
}

void pl_engine_free(struct pl_engine *engine) {
    if (!engine) return;
    if (engine->options.cluster) pl_cluster_detach(engine->options.cluster, engine);
    pl_follower_free(engine->follower);
    pl_copies_free(engine->copies);
    pl_savepoint_close(engine->savepoint);
    pl_upkeep_free(engine->upkeep);
    pl_checkpoints_close(engine->checkpoints); /* with the last one, while those who hear of it are there */
    if (engine->options.member && engine->log) pl_kafka_on_arrival(engine->log, NULL, NULL);
    if (engine->started) pl_syncer_now(engine->syncer); /* while those who hear of it are there */
    for (unsigned i = 0; i < PL_WORKERS_MAX && engine->started; i++)
        if (engine->wired.workers[i]) pl_worker_stop(engine->wired.workers[i]);
    for (unsigned i = 0; i < PL_WORKERS_MAX && engine->started; i++)
        if (engine->wired.workers[i]) pl_worker_join(engine->wired.workers[i]);
    pl_syncer_free(engine->syncer);
    take_back_overrides(engine);
    end_journal(engine);
    for (unsigned i = 0; i < PL_WORKERS_MAX; i++)
        pl_worker_free(engine->wired.workers[i]);
    for (unsigned i = 0; i < engine->wired.edge_count; i++)
        pl_edge_free(engine->wired.edges[i]);
    pl_intake_free(engine->intake);
    free_tasks(engine);
    pl_checkpoints_free(engine->checkpoints);
    pl__exchange_fini(engine);
    if (engine->zmq) zmq_ctx_term(engine->zmq);
    pl_settings_close(engine->settings);
    pl_epochs_close(engine->epochs);
    pl_epoch_fini(&engine->last);
    if (engine->wired.now) pl_epoch_fini(engine->wired.now);
    pl_free(engine->wired.now);
    pl_free(engine->wired.recall);
    pl_free(engine->wired.names);
    pl_free(engine->owned);
    pl_free(engine->works);
    if (engine->log) engine->log->ops->close(engine->log);
    pl_anchors_close(engine->journal.anchors);
    pl_audit_close(engine->journal.audit);
    pl_store_close(engine->store);
    pl_tags_free(engine->tags);
    pl_free(engine->broadcast);
    pl_free(engine->wired.edges);
    pl_plan_fini(&engine->wired.plan);
    pl_free(engine->failure);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->wiring);
    pl_graph_unref(engine->wired.graph);
    pl_graph_unref(engine->first);
    pl_graph_unref(engine->settled);
    pl_graph_unref(engine->relapse_to);
    pl_free(engine->trial_failure);
    pl_free(engine->relapsed);
    pl_free(engine);
}

void pl_engine_hold_wiring(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->wiring);
}

void pl_engine_release_wiring(struct pl_engine *engine) {
    pthread_mutex_unlock(&engine->wiring);
}

unsigned pl_engine_task_count(const struct pl_engine *engine) {
    return engine->wired.task_count;
}

struct pl_task *pl_engine_task(const struct pl_engine *engine, unsigned index) {
    return engine->wired.tasks[index];
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
    return engine->wired.graph;
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

struct pl_cluster *pl_engine_cluster(const struct pl_engine *engine) {
    return engine->options.cluster;
}

unsigned pl_engine_standby(const struct pl_engine *engine) {
    return engine->follower ? pl_replicas_count(engine->options.replicas) : 0;
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
