/* engine_group.c: an engine that shares a graph with others: its log on Kafka, and the partitions that are its own.
 *
 * Each works off the partitions that the group gives it, with their state (changelog.h), and runs the sources that
 * follow one of them; what sources give goes to all partitions. When the group hands them out anew, this engine ends,
 * with a last checkpoint, and another one is made for what is its own then.
 */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/tags.h"
#include "log/kafka_member.h"
#include "runtime/engine_impl.h"

static unsigned slot_of(const struct pl_engine *engine, const char *node) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a, the same everywhere */
    for (; *node; node++)
        hash = (hash ^ (unsigned char)*node) * 1099511628211u;
    return (unsigned)(hash % (uint64_t)engine->graph->settings.partitions);
}

unsigned pl__engine_slot(const struct pl_engine *engine, const char *node) {
    return engine->options.member ? slot_of(engine, node) : 0;
}

void pl__engine_fenced(void *arg) {
    struct pl_engine *engine = arg;
    pl_diag(PL_WARN, "the group has gone on without this engine, which begins anew with what is its own now");
    pl__engine_fall(engine, PL_SECOND);
}

/* What gathers all partitions would have to read what others work off. */
static enum pl_code check_graph(const struct pl_graph *graph, struct pl_error **error) {
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        if (node->op->inputs && node->global)
            return pl_error_at(
                error, PL_UNAVAILABLE, node->place,
                "node %s gathers all partitions, which engines of a group cannot do: write what it needs "
                "to a topic, and let a graph of its own read that",
                node->name);
    }
    return PL_OK;
}

enum pl_code pl__engine_ask_group(struct pl_engine *engine, struct pl_error **error) {
    unsigned partitions = (unsigned)engine->graph->settings.partitions;
    if (!engine->options.member) return PL_OK;
    enum pl_code code = check_graph(engine->graph, error);
    if (code) return code;
    engine->owned = pl_alloc((partitions + 1) * sizeof *engine->owned);
    if (!engine->owned) return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    for (unsigned p = 0; p < partitions; p++)
        engine->owned[p] = pl_kafka_member_owns(engine->options.member, p);
    return PL_OK;
}

bool pl__engine_runs_source(const struct pl_engine *engine, const struct pl_graph_node *node) {
    return !engine->owned || engine->owned[slot_of(engine, node->name)];
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

/* The engine that was started last writes: one that is still there is told so, and ends. In a group each has a name of
 * its own, and only writes while the partitions are its own. */
static enum pl_code open_log(struct pl_engine *engine, struct pl_error **error) {
    struct pl_log_kafka_options options;
    char writer[2 * PL_NAME_MAX + PL_STORE_IDENTITY];
    enum pl_code code = pl_engine_kafka_options(engine->graph, &options, error);
    if (code) return code;
    if (engine->options.member) {
        snprintf(writer, sizeof writer, "%.500s/%s", options.group, engine->changelog.engine);
        options.writer = writer;
        options.member = engine->options.member;
    } else {
        options.group = NULL;
    }
    code = pl_log_open_kafka(&options, engine->tags, (unsigned)engine->graph->settings.partitions, &engine->log, error);
    pl_free((void *)(uintptr_t)options.settings);
    return code;
}

enum pl_code pl__engine_open_kafka(struct pl_engine *engine, struct pl_error **error) {
    unsigned partitions = (unsigned)engine->graph->settings.partitions;
    enum pl_code code = pl_store_identity(engine->store, engine->changelog.engine, error);
    if (!code) code = open_log(engine, error);
    if (code || !engine->options.member) return code;
    engine->changelog.log = engine->log;
    if (engine->log->partitions != partitions)
        return pl_error_set(error, PL_CONFLICT,
                            "the topic has %u partitions, and the graph says %u: engines of a group have to agree",
                            engine->log->partitions, partitions);
    return pl_changelog_decide(&engine->changelog, engine->store, error);
}

enum pl_code pl__engine_take_over(struct pl_engine *engine, struct pl_error **error) {
    if (!engine->options.member) return PL_OK;
    return pl_changelog_take_over(&engine->changelog, engine->epochs, engine->owned,
                                  (unsigned)engine->graph->settings.partitions, &engine->last, error);
}
