/* explain_section.c: the nodes of a graph that lead to one of them, as a case that they can run in (graph/trial.h). */
#include "explain.h"

#include <string.h>

#include <potline/alloc.h>

static const struct pl_graph_node *node_at(const struct pl__explain_section *section, unsigned index) {
    return &section->graph.graph->nodes[index];
}

/* By its name, or one that it had before. */
static int find_node(const struct pl_graph *graph, const char *name) {
    int found = -1;
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (strcmp(graph->nodes[i].name, name) == 0) return (int)i;
        if (graph->nodes[i].settings.was && strcmp(graph->nodes[i].settings.was, name) == 0) found = (int)i;
    }
    return found;
}

static unsigned ports_of(const struct pl_port *ports) {
    unsigned count = 0;
    while (ports && ports[count].name)
        count++;
    return count;
}

/* Every node stands behind those it takes from. */
static unsigned mark_ancestors(const struct pl__explain_section *section, bool *leads) {
    unsigned ports = 1;
    leads[section->target] = true;
    for (unsigned i = section->target + 1; i-- > 0;) {
        if (!leads[i]) continue;
        ports += ports_of(node_at(section, i)->op->outputs);
        for (unsigned k = 0; k < node_at(section, i)->input_count; k++)
            leads[node_at(section, i)->inputs[k].from] = true;
    }
    return ports;
}

static bool add_feed(struct pl__explain_section *section, const struct pl_graph_edge *edge) {
    const struct pl_graph_node *from = node_at(section, edge->from);
    struct pl_trial_graph *graph = &section->graph;
    char name[2 * PL_NAME_MAX + 2];
    for (unsigned i = 0; i < graph->feed_count; i++)
        if (graph->feeds[i].node == edge->from && graph->feeds[i].port == edge->from_port) return true;
    snprintf(name, sizeof name, "%s%s%s", from->name, edge->from_port ? "." : "",
             edge->from_port ? from->op->outputs[edge->from_port].name : "");
    struct pl_trial_feed *feed = &graph->feeds[graph->feed_count];
    *feed = (struct pl_trial_feed){.node = edge->from,
                                   .port = edge->from_port,
                                   .kind = from->kinds_out[edge->from_port],
                                   .disorder = from->settings.disorder,
                                   .name = pl_strdup(name)};
    graph->feed_count += feed->name != NULL;
    return feed->name != NULL;
}

/* What comes out of a node, or into a sink, is kept. */
static void expect(struct pl__explain_section *section, unsigned index) {
    const struct pl_graph_node *node = node_at(section, index);
    struct pl_trial_case *of = &section->of;
    if (!node->op->outputs)
        of->expectations[of->expectation_count++] = (struct pl_trial_expectation){.node = index, .sink = true};
    for (unsigned port = 0; port < ports_of(node->op->outputs); port++)
        of->expectations[of->expectation_count++] = (struct pl_trial_expectation){.node = index, .port = port};
}

static bool add_nodes(struct pl__explain_section *section, const bool *leads) {
    bool good = true;
    for (unsigned i = 0; i < section->graph.graph->node_count; i++) {
        const struct pl_graph_node *node = node_at(section, i);
        if (!leads[i] || !node->op->inputs) continue;
        section->graph.runs[i] = node->op->outputs != NULL;
        expect(section, i);
        for (unsigned k = 0; k < node->input_count && good; k++)
            if (!node_at(section, node->inputs[k].from)->op->inputs) good = add_feed(section, &node->inputs[k]);
    }
    return good;
}

enum pl_code pl__explain_section(struct pl_graph *graph, const char *node, struct pl__explain_section *section,
                                 struct pl_error **error) {
    *section = (struct pl__explain_section){.graph.graph = graph};
    int target = find_node(graph, node);
    if (target < 0)
        return pl_error_set(error, PL_NOT_FOUND, "the graph %s has no node %s, which made it: another graph was run",
                            graph->path, node);
    section->target = (unsigned)target;
    bool *leads = pl_alloc(graph->node_count * sizeof *leads);
    unsigned ports = leads ? mark_ancestors(section, leads) : 0, edges = 1;
    for (unsigned i = 0; i < graph->node_count; i++)
        edges += graph->nodes[i].input_count;
    section->graph.runs = pl_alloc(graph->node_count * sizeof *section->graph.runs);
    section->graph.feeds = pl_alloc(edges * sizeof *section->graph.feeds);
    section->of.expectations = pl_alloc((ports + 1) * sizeof *section->of.expectations);
    section->of.graph = &section->graph;
    section->of.name = "explain";
    section->of.until = PL_TIME_MAX;
    section->of.start = PL_TIME_MAX; /* the clock begins with the rows */
    section->of.listed = true;
    bool good =
        leads && section->graph.runs && section->graph.feeds && section->of.expectations && add_nodes(section, leads);
    pl_free(leads);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

void pl__explain_section_fini(struct pl__explain_section *section) {
    for (unsigned i = 0; i < section->graph.feed_count; i++)
        pl_free((char *)(uintptr_t)section->graph.feeds[i].name);
    pl_free(section->graph.runs);
    pl_free(section->graph.feeds);
    pl_free(section->of.expectations);
    pl_free(section->of.inputs);
    *section = (struct pl__explain_section){0};
}
