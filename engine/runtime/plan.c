#include "plan.h"

#include <stdio.h>
#include <unistd.h>

#include <potline/alloc.h>

unsigned pl_plan_instances(const struct pl_graph *graph, const struct pl_graph_node *node) {
    return node->op->inputs && !node->global ? (unsigned)graph->settings.partitions : 1;
}

void pl_plan_feed_name(char name[PL_FEED_NAME], const char *node, const struct pl_port *ports, unsigned port) {
    snprintf(name, PL_FEED_NAME, "%s%s%s", node, port ? "." : "", port ? ports[port].name : "");
}

bool pl_plan_exchanges(const struct pl_graph *graph, const struct pl_graph_node *node,
                       const struct pl_graph_edge *input) {
    const struct pl_graph_node *from = &graph->nodes[input->from];
    return node->global && (!from->op->inputs || !from->global);
}

void pl_plan_input_name(char name[PL_INPUT_NAME], const struct pl_graph *graph, const struct pl_graph_edge *input,
                        unsigned partition) {
    const struct pl_graph_node *from = &graph->nodes[input->from];
    char feed[PL_FEED_NAME];
    pl_plan_feed_name(feed, from->name, from->op->outputs, input->from_port);
    snprintf(name, PL_INPUT_NAME, "%s/%u>%u", feed, partition, input->to_port);
}

unsigned pl_plan_lanes(const struct pl_graph *graph) {
    bool any = false;
    for (unsigned i = 0; i < graph->node_count; i++)
        any |= graph->nodes[i].global && graph->nodes[i].op->inputs;
    return (unsigned)graph->settings.partitions + any;
}

/* As many as the graph says; else one for each partition as far as there are cores. */
static unsigned keyed_workers(const struct pl_graph *graph) {
    unsigned partitions = (unsigned)graph->settings.partitions;
    if (graph->settings.clock == PL_GRAPH_CLOCK_PLANT) return 1;
    if (graph->settings.workers) return (unsigned)graph->settings.workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && (unsigned)cores < partitions ? (unsigned)cores : partitions;
}

static bool is_source(const struct pl_graph_node *node) {
    return !node->op->inputs;
}

/* In a group what is exchanged goes over two: to its stream, and from the lane that reads that. */
static unsigned count_edges(const struct pl_graph *graph, bool exchanges) {
    unsigned edges = 0;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        for (unsigned k = 0; k < node->input_count; k++) {
            if (exchanges && pl_plan_exchanges(graph, node, &node->inputs[k]))
                edges += (unsigned)graph->settings.partitions;
            edges += is_source(&graph->nodes[node->inputs[k].from])
                         ? (unsigned)graph->settings.partitions
                         : pl_plan_instances(graph, &graph->nodes[node->inputs[k].from]);
        }
        edges += is_source(node);
    }
    return edges;
}

/* The partition of the log that an instance follows. */
static unsigned lane_of(const struct pl_plan *plan, const struct pl_graph_node *node, unsigned partition) {
    return plan->exchanges && node->global && !is_source(node) ? plan->lanes - 1 : partition;
}

static bool has_instance(const struct pl_plan *plan, const struct pl_graph_node *node, unsigned partition) {
    return is_source(node) || plan->owned[lane_of(plan, node, partition)];
}

unsigned pl_plan_instance_of(const struct pl_plan *plan, const struct pl_graph_node *node, unsigned index,
                             unsigned partition) {
    return plan->first[index] + (is_source(node) || node->global ? 0 : plan->rank[partition]);
}

static bool make_lists(const struct pl_graph *graph, const bool *owned, struct pl_plan *plan) {
    unsigned partitions = (unsigned)graph->settings.partitions, instances = 0, rank = 0;
    for (unsigned i = 0; i < graph->node_count; i++)
        instances += pl_plan_instances(graph, &graph->nodes[i]);
    plan->instances = pl_alloc((instances + 1) * sizeof *plan->instances);
    plan->first = pl_alloc((graph->node_count + 1) * sizeof *plan->first);
    plan->rank = pl_alloc((partitions + 1) * sizeof *plan->rank);
    plan->owned = pl_alloc((plan->lanes + 1) * sizeof *plan->owned);
    if (!plan->instances || !plan->first || !plan->rank || !plan->owned) return false;
    for (unsigned p = 0; p < plan->lanes; p++)
        plan->owned[p] = !owned || owned[p];
    for (unsigned p = 0; p < partitions; p++) {
        plan->rank[p] = rank;
        rank += plan->owned[p];
    }
    return true;
}

/* What a plant waits for is answered on one thread: only so does its order depend on nothing but rows. */
static bool has_own_thread(const struct pl_graph *graph, const struct pl_graph_node *node) {
    return node->op->flags & PL_OP_BLOCKING && graph->settings.clock != PL_GRAPH_CLOCK_PLANT;
}

static void place_node(const struct pl_graph *graph, struct pl_plan *plan, unsigned i, unsigned keyed) {
    const struct pl_graph_node *node = &graph->nodes[i];
    bool own = has_own_thread(graph, node);
    plan->first[i] = plan->instance_count;
    for (unsigned p = 0; p < pl_plan_instances(graph, node); p++) {
        if (!has_instance(plan, node, p)) continue;
        plan->instances[plan->instance_count++] = (struct pl_plan_instance){
            .node = i,
            .partition = p,
            .lane = lane_of(plan, node, p),
            .worker = own ? plan->worker_count++ : plan->rank[p] % keyed,
        };
    }
}

enum pl_code pl_plan_make(const struct pl_graph *graph, const bool *owned, struct pl_plan *plan,
                          struct pl_error **error) {
    unsigned keyed = keyed_workers(graph);
    unsigned partitions = (unsigned)graph->settings.partitions, lanes = owned ? pl_plan_lanes(graph) : partitions;
    *plan = (struct pl_plan){
        .worker_count = keyed, .keyed_workers = keyed, .lanes = lanes, .exchanges = lanes > partitions};
    plan->edge_count = count_edges(graph, plan->exchanges);
    if (!make_lists(graph, owned, plan)) {
        pl_plan_fini(plan);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    }
    if (graph->settings.log_kind != PL_LOG_NONE && graph->settings.clock != PL_GRAPH_CLOCK_PLANT)
        plan->intake_worker = plan->worker_count++;
    for (unsigned i = 0; i < graph->node_count; i++)
        place_node(graph, plan, i, keyed);
    if (plan->worker_count <= PL_WORKERS_MAX) return PL_OK;
    enum pl_code code = pl_error_set(error, PL_LIMIT, "the graph wants %u threads; at most %d are allowed",
                                     plan->worker_count, PL_WORKERS_MAX);
    pl_plan_fini(plan);
    return code;
}

void pl_plan_fini(struct pl_plan *plan) {
    pl_free(plan->instances);
    pl_free(plan->first);
    pl_free(plan->rank);
    pl_free(plan->owned);
    *plan = (struct pl_plan){0};
}
