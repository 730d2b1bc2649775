/* engine_group.c: an engine that shares a graph with others: its log on Kafka, and the partitions that are its own.
 *
 * Each works off the partitions that the group gives it, with their state (changelog.h), and runs the sources that
 * follow one of them; what sources give goes to all partitions. The global section follows the partition behind those
 * of the graph (exchange.h). When the group hands them out anew, this engine ends, with a last checkpoint, and another
 * one is made for what is its own then.
 */
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/tags.h"
#include "log/kafka_member.h"
#include "runtime/engine_impl.h"
#include "runtime/group_state.h"

static unsigned slot_of(const struct pl_engine *engine, const char *node) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a, the same everywhere */
    for (; *node; node++)
        hash = (hash ^ (unsigned char)*node) * 1099511628211u;
    return (unsigned)(hash % (uint64_t)engine->wired.graph->settings.partitions);
}

unsigned pl__engine_slot(const struct pl_engine *engine, const char *node) {
    return engine->options.member ? slot_of(engine, node) : 0;
}

void pl__engine_fenced(void *arg) {
    struct pl_engine *engine = arg;
    pl_diag(PL_WARN, "the brokers do not let this engine go on, which begins anew with what is its own now");
    pl__engine_fall(engine, PL_SECOND);
}

enum pl_code pl__engine_ask_group(struct pl_engine *engine, struct pl_error **error) {
    unsigned partitions = pl_plan_lanes(engine->wired.graph);
    if (!engine->options.member) return PL_OK;
    engine->owned = pl_alloc((partitions + 1) * sizeof *engine->owned);
    if (!engine->owned) return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    for (unsigned p = 0; p < partitions; p++)
        engine->owned[p] = pl_kafka_member_owns(engine->options.member, p);
    return PL_OK;
}

bool pl__engine_runs_source(const struct pl_engine *engine, const struct pl_graph_node *node) {
    return !engine->owned || engine->owned[slot_of(engine, node->name)];
}

bool pl_engine_has(const struct pl_engine *engine, const struct pl_graph_node *node) {
    if (!node->op->inputs) return pl__engine_runs_source(engine, node);
    bool any = false;
    for (unsigned i = 0; i < engine->wired.plan.instance_count; i++)
        any |= &engine->wired.graph->nodes[engine->wired.plan.instances[i].node] == node;
    return any;
}

/* ---- The log ---- */

enum pl_code pl_engine_kafka_options(const struct pl_graph *graph, struct pl_log_kafka_options *options,
                                     struct pl_error **error) {
    const struct pl_graph_settings *settings = &graph->settings;
    const struct pl_graph_log_setting *given = settings->log_settings.items;
    struct pl_kafka_setting *copy = pl_alloc((settings->log_settings.count + 1) * sizeof *copy);
    if (!copy) return pl_error_set(error, PL_NO_MEMORY, "no memory for the log");
    for (unsigned i = 0; i < settings->log_settings.count; i++)
        copy[i] = (struct pl_kafka_setting){given[i].name, given[i].value};
    *options = (struct pl_log_kafka_options){
        .brokers = settings->log_brokers,
        .topic = *settings->log_topic ? settings->log_topic : settings->name,
        .writer = settings->name,
        .group = *settings->log_group ? settings->log_group : NULL,
        .session = settings->log_session,
        .settings = copy,
        .setting_count = settings->log_settings.count,
        .replication = (int)settings->log_replication,
        .timeout = settings->log_timeout,
    };
    return PL_OK;
}

static const char writer_key[] = "group.writer";

/* Before it writes anything: what it may leave under way is to be decided before this folder goes on. */
static enum pl_code keep_writer(struct pl_engine *engine, struct pl_error **error) {
    const char *name = pl_kafka_writer(engine->log);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, engine->store->family[PL_STORE_META], writer_key, sizeof writer_key - 1, name,
                              strlen(name) + 1);
    enum pl_code code = pl_store_write(engine->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code ? code : pl_store_sync(engine->store, error);
}

/* The engine that was started last writes: one that is still there is told so, and ends. In a group each has a name of
 * its own, and only writes while the partitions are its own. */
static enum pl_code open_log(struct pl_engine *engine, struct pl_error **error) {
    struct pl_log_kafka_options options = {.settings = NULL};
    void *before = NULL;
    enum pl_code code = pl_engine_kafka_options(engine->wired.graph, &options, error);
    if (code) return code;
    if (engine->options.member) {
        size_t size;
        code = pl_store_get(engine->store, PL_STORE_META, writer_key, sizeof writer_key - 1, &before, &size, error);
        options.before = before;
        options.member = engine->options.member;
    } else {
        options.group = NULL;
    }
    if (code && code != PL_NOT_FOUND) goto done;
    code = pl_log_open_kafka(&options, engine->tags, engine->wired.plan.lanes, &engine->log, error);
    if (!code && engine->options.member) code = keep_writer(engine, error);
done:
    pl_free(before);
    pl_free((void *)(uintptr_t)options.settings);
    return code;
}

enum pl_code pl__engine_open_kafka(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = pl_store_identity(engine->store, engine->changelog.engine, error);
    if (!code) code = open_log(engine, error);
    if (code || !engine->options.member) return code;
    engine->changelog.log = engine->log;
    if (engine->log->partitions != engine->wired.plan.lanes)
        return pl_error_set(error, PL_CONFLICT,
                            "the topic has %u partitions, and the graph wants %u%s: engines of a group have to agree",
                            engine->log->partitions, engine->wired.plan.lanes,
                            engine->wired.plan.exchanges ? ", one of them for its global section" : "");
    return pl_changelog_decide(&engine->changelog, engine->store, error);
}

static enum pl_code take_over(struct pl_engine *engine, struct pl_error **error) {
    const unsigned partitions = engine->wired.plan.lanes;
    const struct pl_recovery recovery = pl__engine_recovery(engine);
    struct pl_epoch *found = pl_alloc((partitions + 1) * sizeof *found);
    if (!found) return pl_error_set(error, PL_NO_MEMORY, "no memory for the state of a group");
    enum pl_code code = pl_changelog_take_over(&engine->changelog, engine->epochs, &engine->last, engine->owned,
                                               partitions, found, error);
    if (!code) code = pl_group_state_fit(&recovery, &engine->changelog, found, &engine->last, error);
    for (unsigned p = 0; p < partitions; p++)
        pl_epoch_fini(&found[p]);
    pl_free(found);
    return code;
}

enum pl_code pl__engine_take_over(struct pl_engine *engine, struct pl_error **error) {
    struct pl_replicas *replicas = engine->options.replicas;
    if (!engine->options.member) return PL_OK;
    if (replicas && !pl_replicas_fit(replicas, engine->wired.graph->hash, engine->owned, engine->wired.plan.lanes))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for the state of a group");
    engine->changelog.replicas = replicas;
    enum pl_code code = take_over(engine, error);
    /* The group has decided by now about all that those before us have written, so where their sources stood stands in
     * front of this. */
    return code ? code : pl_kafka_settle(engine->log, error);
}

enum pl_code pl__engine_follow(struct pl_engine *engine, struct pl_error **error) {
    if (!engine->changelog.replicas || !engine->wired.graph->settings.log_standby) return PL_OK;
    return pl_follower_new(engine->changelog.replicas, engine->log, engine->store, engine->owned, &engine->follower,
                           error);
}
