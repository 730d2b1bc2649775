/* engine_connect.c: the edges of an engine: from sources to the intake, from its lanes and from nodes to nodes. */
#include <stdio.h>

#include "runtime/engine_impl.h"

static void poke_task(void *task) {
    pl_poke(&((struct pl_task *)task)->runnable);
}

/* `before`: the edge that it had, which stays where it is as it is to be. */
static enum pl_code make_edge(struct pl_engine *engine, const struct pl_graph_node *to, struct pl_runnable *receiver,
                              struct pl_task *sender, struct pl_edge *before, struct pl_edge **edge,
                              struct pl_error **error) {
    const struct pl_graph_settings *settings = &engine->wired.graph->settings;
    struct pl_edge_options options = {
        .batches = (uint32_t)(to && to->settings.queue_batches ? to->settings.queue_batches : settings->queue_batches),
        .bytes = to && to->settings.queue_bytes ? to->settings.queue_bytes : settings->queue_bytes,
        .drop = to && to->settings.on_full == PL_DROP,
        .poke = sender ? poke_task : pl_intake_poke,
        .sender = sender ? (void *)sender : engine->intake,
    };
    if (before && pl_edge_fits(before, &options)) {
        pl_edge_mark(before, true);
        engine->wired.edges[engine->wired.edge_count++] = *edge = before;
        return PL_OK;
    }
    enum pl_code code = pl_edge_new(engine->zmq, &options, edge, error);
    if (code) return code;
    engine->wired.edges[engine->wired.edge_count++] = *edge;
    return pl_worker_watch(receiver->worker, *edge, receiver, error);
}

enum pl_code pl__engine_make_edge(struct pl_engine *engine, const struct pl_graph_node *to,
                                  struct pl_runnable *receiver, struct pl_task *sender, struct pl_edge **edge,
                                  struct pl_error **error) {
    return make_edge(engine, to, receiver, sender, NULL, edge, error);
}

enum pl_code pl__engine_no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for an edge");
}

/* Behind the ports that graphs can name: what did not become rows. */
static enum pl_code connect_letters(struct pl_engine *engine, const struct pl_task *source, struct pl_edge *edge,
                                    struct pl_error **error) {
    const struct pl_graph_node *node = source->graph_node;
    char name[2 * PL_NAME_MAX], was[2 * PL_NAME_MAX];
    bool renamed = node->settings.was && node->settings.was[0];
    snprintf(name, sizeof name, "%s.%s", node->name, PL_LETTERS_PORT_NAME);
    snprintf(was, sizeof was, "%s.%s", renamed ? node->settings.was : "", PL_LETTERS_PORT_NAME);
    struct pl_feed_options feed = {.name = name,
                                   .was = renamed ? was : NULL,
                                   .letters = true,
                                   .replayable = node->op->flags & PL_OP_REPLAYABLE,
                                   .slot = pl__engine_slot(engine, node->name)};
    return pl_intake_add_feed(engine->intake, edge, &feed) < 0 ? pl__engine_no_memory(error) : PL_OK;
}

/* source -> intake: one edge, a feed for each port. */
enum pl_code pl__engine_connect_source(struct pl_engine *engine, struct pl_task *source, struct pl_error **error) {
    const struct pl_graph_node *node = source->graph_node;
    const struct pl_node_settings *settings = &node->settings;
    struct pl_edge *edge;
    enum pl_code code = make_edge(engine, NULL, pl_intake_runnable(engine->intake), source,
                                  pl_outputs_first(&source->old_outputs), &edge, error);
    if (code) return code;
    if (!pl_outputs_add(&source->outputs, 0, edge)) return pl__engine_no_memory(error);
    for (unsigned port = 0; node->op->outputs && node->op->outputs[port].name; port++) {
        char name[PL_FEED_NAME], was[PL_FEED_NAME];
        bool renamed = settings->was && settings->was[0];
        pl_plan_feed_name(name, node->name, node->op->outputs, port);
        if (renamed) pl_plan_feed_name(was, settings->was, node->op->outputs, port);
        struct pl_feed_options feed = {
            .name = name,
            .was = renamed ? was : NULL,
            .disorder = settings->disorder,
            .idle = settings->idle,
            .replayable = node->op->flags & PL_OP_REPLAYABLE,
            .slot = pl__engine_slot(engine, node->name),
            .durable = source->durable,
        };
        if (pl_intake_add_feed(engine->intake, edge, &feed) < 0) return pl__engine_no_memory(error);
        source->letters_port = port + 1;
    }
    return connect_letters(engine, source, edge, error);
}

unsigned pl__engine_feed_of(const struct pl_engine *engine, unsigned node, unsigned port) {
    unsigned feed = 0;
    for (unsigned i = 0; i < node; i++) {
        const struct pl_operator *op = engine->wired.graph->nodes[i].op;
        for (unsigned k = 0; !op->inputs && op->outputs && op->outputs[k].name; k++)
            feed++;
        feed += !op->inputs; /* its letters */
    }
    return feed + port;
}

/* One way into an instance: from the intake's lane for a source, from the instance of the same partition, or from all
 * of them where a keyed node feeds a global one. */
static enum pl_code connect_input(struct pl_engine *engine, struct pl_task *task, const struct pl_graph_edge *from,
                                  unsigned partition, struct pl_error **error) {
    bool source = !engine->wired.graph->nodes[from->from].op->inputs;
    struct pl_task *sender = engine->wired.tasks[pl_plan_instance_of(
        &engine->wired.plan, &engine->wired.graph->nodes[from->from], from->from, partition)];
    struct pl_edge *edge = NULL;
    char name[PL_INPUT_NAME];
    pl_plan_input_name(name, engine->wired.graph, from, partition);
    struct pl_edge *before = task->old_gate ? pl_gate_edge(task->old_gate, name) : NULL;
    enum pl_code code =
        make_edge(engine, task->graph_node, &task->runnable, source ? NULL : sender, before, &edge, error);
    if (code) return code;
    unsigned feed = source ? pl__engine_feed_of(engine, from->from, from->from_port) : 0;
    bool added = source ? pl_intake_add_output(engine->intake, feed, partition, edge)
                        : pl_outputs_add(&sender->outputs, from->from_port, edge);
    if (engine->wired.fresh && edge != before)
        engine->wired.fresh[engine->wired.fresh_count++] =
            (struct pl__fresh){edge, source ? NULL : sender, task, feed, partition};
    return added && pl_gate_add(task->gate, edge, from->to_port, name) ? PL_OK : pl__engine_no_memory(error);
}

enum pl_code pl__engine_connect_task(struct pl_engine *engine, struct pl_task *task, struct pl_error **error) {
    const struct pl_graph_node *node = task->graph_node;
    unsigned partitions = (unsigned)engine->wired.graph->settings.partitions;
    for (unsigned i = 0; i < node->input_count; i++) {
        bool exchange = pl_plan_exchanges(engine->wired.graph, node, &node->inputs[i]);
        unsigned first = exchange ? 0 : task->node.config.partition;
        unsigned last = exchange ? partitions - 1 : first;
        for (unsigned p = first; p <= last; p++) {
            enum pl_code code = exchange && engine->wired.plan.exchanges
                                    ? pl__exchange_connect_input(engine, task, &node->inputs[i], p, error)
                                    : connect_input(engine, task, &node->inputs[i], p, error);
            if (code) return code;
        }
    }
    return PL_OK;
}
