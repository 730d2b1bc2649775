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

/* As many as the graph says; else one for each partition as far as there are cores. */
static unsigned keyed_workers(const struct pl_graph *graph) {
    unsigned partitions = (unsigned)graph->settings.partitions;
    if (graph->settings.workers) return (unsigned)graph->settings.workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && (unsigned)cores < partitions ? (unsigned)cores : partitions;
}

static bool is_source(const struct pl_graph_node *node) {
    return !node->op->inputs;
}

static unsigned count_edges(const struct pl_graph *graph) {
    unsigned edges = 0;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        for (unsigned k = 0; k < node->input_count; k++)
            edges += is_source(&graph->nodes[node->inputs[k].from])
                         ? (unsigned)graph->settings.partitions
                         : pl_plan_instances(graph, &graph->nodes[node->inputs[k].from]);
        edges += is_source(node);
    }
    return edges;
}

enum pl_code pl_plan_make(const struct pl_graph *graph, struct pl_plan *plan, struct pl_error **error) {
    unsigned keyed = keyed_workers(graph);
    *plan = (struct pl_plan){.worker_count = keyed, .edge_count = count_edges(graph)};
    for (unsigned i = 0; i < graph->node_count; i++)
        plan->instance_count += pl_plan_instances(graph, &graph->nodes[i]);
    plan->instances = pl_alloc((plan->instance_count + 1) * sizeof *plan->instances);
    plan->first = pl_alloc((graph->node_count + 1) * sizeof *plan->first);
    if (!plan->instances || !plan->first) {
        pl_plan_fini(plan);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    }
    if (graph->settings.log_kind != PL_LOG_NONE) plan->intake_worker = plan->worker_count++;
    unsigned at = 0;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        plan->first[i] = at;
        for (unsigned p = 0; p < pl_plan_instances(graph, node); p++) {
            bool own = node->op->flags & PL_OP_BLOCKING;
            plan->instances[at++] = (struct pl_plan_instance){
                .node = i,
                .partition = p,
                .worker = own ? plan->worker_count++ : p % keyed,
            };
        }
    }
    if (plan->worker_count <= PL_WORKERS_MAX) return PL_OK;
    enum pl_code code = pl_error_set(error, PL_LIMIT, "the graph wants %u threads; at most %d are allowed",
                                     plan->worker_count, PL_WORKERS_MAX);
    pl_plan_fini(plan);
    return code;
}

void pl_plan_fini(struct pl_plan *plan) {
    pl_free(plan->instances);
    pl_free(plan->first);
    *plan = (struct pl_plan){0};
}
