/* engine_exchange.c: the streams of a group's engine into the global section (exchange.h), and that section's ways in.
 */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "runtime/engine_impl.h"
#include "runtime/exchange.h"

static const int64_t SPILL = INT64_C(16) << 30;

static unsigned partitions_of(const struct pl_engine *engine) {
    return (unsigned)engine->wired.graph->settings.partitions;
}

/* ---- Which there are ---- */

/* The place of a port among those that the global section takes from; their count: it is none of them. */
static unsigned place_of(const struct pl__exchange *exchange, unsigned node, unsigned port) {
    unsigned i = 0;
    while (i < exchange->port_count && (exchange->ports[i].node != node || exchange->ports[i].port != port))
        i++;
    return i;
}

static enum pl_code add_port(struct pl__exchange *exchange, unsigned node, unsigned port, struct pl_error **error) {
    if (place_of(exchange, node, port) < exchange->port_count) return PL_OK;
    struct pl__exchange_port *grown = pl_realloc(exchange->ports, (exchange->port_count + 1) * sizeof *grown);
    if (!grown) return pl__engine_no_memory(error);
    exchange->ports = grown;
    exchange->ports[exchange->port_count++] = (struct pl__exchange_port){node, port};
    return PL_OK;
}

static uint32_t intern(const struct pl_engine *engine, const char *node, const struct pl__exchange_port *port,
                       unsigned partition) {
    char feed[PL_FEED_NAME], name[PL_INPUT_NAME];
    pl_plan_feed_name(feed, node, engine->wired.graph->nodes[port->node].op->outputs, port->port);
    snprintf(name, sizeof name, "%s/%u", feed, partition);
    return pl_tags_intern(engine->tags, name, strlen(name));
}

static enum pl_code name_streams(struct pl_engine *engine, struct pl_error **error) {
    struct pl__exchange *exchange = &engine->exchange;
    unsigned partitions = partitions_of(engine), count = exchange->port_count * partitions;
    exchange->names = pl_alloc((count + 1) * sizeof *exchange->names);
    exchange->were = pl_alloc((count + 1) * sizeof *exchange->were);
    if (!exchange->names || !exchange->were) return pl__engine_no_memory(error);
    for (unsigned i = 0; i < count; i++) {
        const struct pl__exchange_port *port = &exchange->ports[i / partitions];
        const struct pl_graph_node *node = &engine->wired.graph->nodes[port->node];
        bool renamed = node->settings.was && node->settings.was[0];
        exchange->names[i] = intern(engine, node->name, port, i % partitions);
        exchange->were[i] = renamed ? intern(engine, node->settings.was, port, i % partitions) : PL_NO_ID;
        if (exchange->names[i] == PL_NO_ID)
            return pl_error_set(error, PL_LIMIT, "node %s: its name is too long, or there are more than max_tags",
                                node->name);
    }
    return PL_OK;
}

enum pl_code pl__exchange_plan(struct pl_engine *engine, struct pl_error **error) {
    const struct pl_graph *graph = engine->wired.graph;
    struct pl__exchange *exchange = &engine->exchange;
    enum pl_code code = PL_OK;
    if (!engine->wired.plan.exchanges) return PL_OK;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        for (unsigned k = 0; k < node->input_count && !code; k++)
            if (node->op->inputs && pl_plan_exchanges(graph, node, &node->inputs[k]))
                code = add_port(exchange, node->inputs[k].from, node->inputs[k].from_port, error);
    }
    unsigned owned = 0;
    for (unsigned p = 0; p < partitions_of(engine); p++)
        owned += engine->wired.plan.owned[p];
    exchange->stream_count = owned * exchange->port_count;
    return code ? code : name_streams(engine, error);
}

/* ---- Making them ---- */

static void on_ended(void *arg) {
    struct pl_engine *engine = arg;
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

static enum pl_code make_stream(struct pl_engine *engine, unsigned i, unsigned place, unsigned partition,
                                struct pl_error **error) {
    struct pl__exchange *exchange = &engine->exchange;
    unsigned participant = engine->wired.plan.instance_count + i, keyed = engine->wired.plan.keyed_workers;
    struct pl_stream_options options = {
        .name = exchange->names[place * partitions_of(engine) + partition],
        .lane = (uint16_t)(engine->wired.plan.lanes - 1),
        .hold = engine->wired.graph->settings.hold,
        .spill = SPILL,
        .store = engine->store,
        .tags = engine->tags,
        .checkpoints = engine->checkpoints,
        .participant = participant,
        .ended = on_ended,
        .failed = pl__engine_fail,
        .engine = engine,
    };
    enum pl_code code = pl_stream_new(&options, &exchange->streams[i], error);
    if (code) return code;
    engine->running++;
    return pl_worker_add(engine->wired.workers[engine->wired.plan.rank[partition] % keyed],
                         pl_stream_runnable(exchange->streams[i]), error);
}

enum pl_code pl__exchange_make(struct pl_engine *engine, struct pl_error **error) {
    struct pl__exchange *exchange = &engine->exchange;
    enum pl_code code = PL_OK;
    unsigned made = 0;
    exchange->streams = pl_alloc((exchange->stream_count + 1) * sizeof(struct pl_stream *));
    if (!exchange->streams) return pl__engine_no_memory(error);
    for (unsigned i = 0; i < exchange->port_count; i++)
        for (unsigned p = 0; p < partitions_of(engine) && !code; p++)
            if (engine->wired.plan.owned[p]) code = make_stream(engine, made++, i, p, error);
    return code;
}

void pl__exchange_name(const struct pl_engine *engine, struct pl_checkpoint_task *names) {
    const struct pl__exchange *exchange = &engine->exchange;
    unsigned named = 0;
    for (unsigned i = 0; i < exchange->port_count; i++)
        for (unsigned p = 0; p < partitions_of(engine); p++)
            if (engine->wired.plan.owned[p])
                names[named++] =
                    (struct pl_checkpoint_task){engine->wired.graph->nodes[exchange->ports[i].node].name, (uint16_t)p};
}

void pl__exchange_fini(struct pl_engine *engine) {
    struct pl__exchange *exchange = &engine->exchange;
    for (unsigned i = 0; exchange->streams && i < exchange->stream_count; i++)
        pl_stream_free(exchange->streams[i]);
    pl_free(exchange->streams);
    pl_free(exchange->ports);
    pl_free(exchange->names);
    pl_free(exchange->were);
    *exchange = (struct pl__exchange){0};
}

/* ---- Connecting them ---- */

static enum pl_code connect_stream(struct pl_engine *engine, struct pl_stream *stream,
                                   const struct pl__exchange_port *port, unsigned partition, struct pl_error **error) {
    const struct pl_graph_node *node = &engine->wired.graph->nodes[port->node];
    unsigned instance = pl_plan_instance_of(&engine->wired.plan, node, port->node, partition);
    struct pl_task *sender = node->op->inputs ? engine->wired.tasks[instance] : NULL;
    struct pl_edge *edge;
    enum pl_code code = pl__engine_make_edge(engine, NULL, pl_stream_runnable(stream), sender, &edge, error);
    if (code) return code;
    pl_stream_connect(stream, edge);
    bool added = sender ? pl_outputs_add(&sender->outputs, port->port, edge)
                        : pl_intake_add_output(engine->intake, pl__engine_feed_of(engine, port->node, port->port),
                                               partition, edge);
    return added ? PL_OK : pl__engine_no_memory(error);
}

enum pl_code pl__exchange_connect(struct pl_engine *engine, struct pl_error **error) {
    struct pl__exchange *exchange = &engine->exchange;
    enum pl_code code = PL_OK;
    unsigned i = 0;
    for (unsigned k = 0; k < exchange->port_count; k++)
        for (unsigned p = 0; p < partitions_of(engine) && !code; p++)
            if (engine->wired.plan.owned[p])
                code = connect_stream(engine, exchange->streams[i++], &exchange->ports[k], p, error);
    return code;
}

enum pl_code pl__exchange_connect_input(struct pl_engine *engine, struct pl_task *task,
                                        const struct pl_graph_edge *from, unsigned partition, struct pl_error **error) {
    struct pl_edge *edge;
    unsigned place = place_of(&engine->exchange, from->from, from->from_port);
    enum pl_code code = pl__engine_make_edge(engine, task->graph_node, &task->runnable, NULL, &edge, error);
    if (code) return code;
    bool added = pl_intake_add_output(engine->intake, place * partitions_of(engine) + partition,
                                      engine->wired.plan.lanes - 1, edge);
    char name[PL_INPUT_NAME];
    pl_plan_input_name(name, engine->wired.graph, from, partition);
    return added && pl_gate_add(task->gate, edge, from->to_port, name) ? PL_OK : pl__engine_no_memory(error);
}
