/* draw.c: mermaid, dot and json. */
#include "draw.h"

#include <inttypes.h>

#include "json.h"

const char *const pl_drawing_names[] = {"mermaid", "dot", "json", NULL};

enum section { SOURCES, KEYED, GLOBAL, SECTIONS };

static const struct {
    const char *name, *title;
} sections[SECTIONS] = {
    [SOURCES] = {"source", "sources"},
    [KEYED] = {"keyed", "once a partition"},
    [GLOBAL] = {"global", "once"},
};

static enum section section_of(const struct pl_graph_node *node) {
    return !node->op->inputs ? SOURCES : node->global ? GLOBAL : KEYED;
}

static bool has_section(const struct pl_graph *graph, enum section section) {
    for (unsigned i = 0; i < graph->node_count; i++)
        if (section_of(&graph->nodes[i]) == section) return true;
    return false;
}

static const char *kind_of(const struct pl_graph *graph, const struct pl_graph_edge *edge) {
    return pl_kind_info[graph->nodes[edge->from].kinds_out[edge->from_port]].name;
}

/* The name of an output, where it is not the first. */
static const char *port_of(const struct pl_graph *graph, const struct pl_graph_edge *edge) {
    return edge->from_port ? graph->nodes[edge->from].op->outputs[edge->from_port].name : "";
}

/* What is said of where it works, behind its operator's name. */
static const char *process_of(const struct pl_graph_node *node) {
    return node->settings.isolate == PL_ISOLATE_PROCESS ? ", own process" : "";
}

/* ---- Mermaid ---- */

/* Names of nodes may be words of Mermaid's own ("end"), so its ids are numbers. */
static void mermaid_nodes(const struct pl_graph *graph, enum section section, FILE *out) {
    static const char *const open[] = {"([", "[", "["}, *const close[] = {"])", "]", "]"};
    fprintf(out, "    subgraph %s[\"%s\"]\n", sections[section].name, sections[section].title);
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        if (section_of(node) != section) continue;
        bool sink = !node->op->outputs;
        fprintf(out, "        n%u%s\"%s<br/><small>%s%s</small>\"%s\n", i, sink ? "[/" : open[section], node->name,
                node->op->name, process_of(node), sink ? "/]" : close[section]);
    }
    fputs("    end\n", out);
}

static void draw_mermaid(const struct pl_graph *graph, FILE *out) {
    fputs("flowchart LR\n", out);
    for (enum section section = SOURCES; section < SECTIONS; section++)
        if (has_section(graph, section)) mermaid_nodes(graph, section, out);
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++) {
            const struct pl_graph_edge *edge = &graph->nodes[i].inputs[k];
            const char *port = port_of(graph, edge);
            fprintf(out, "    n%u -->|%s%s%s| n%u\n", edge->from, port, *port ? ": " : "", kind_of(graph, edge), i);
        }
}

/* ---- Graphviz ---- */

static void dot_nodes(const struct pl_graph *graph, enum section section, FILE *out) {
    fprintf(out, "    subgraph cluster_%s {\n        label=\"%s\"; style=dashed; color=gray;\n", sections[section].name,
            sections[section].title);
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        if (section_of(node) != section) continue;
        const char *shape = section == SOURCES ? "oval" : !node->op->outputs ? "parallelogram" : "box";
        fprintf(out, "        \"%s\" [label=\"%s\\n%s%s\", shape=%s];\n", node->name, node->name, node->op->name,
                process_of(node), shape);
    }
    fputs("    }\n", out);
}

static void draw_dot(const struct pl_graph *graph, FILE *out) {
    fprintf(out, "digraph \"%s\" {\n    rankdir=LR;\n    node [fontname=\"sans-serif\"];\n", graph->settings.name);
    for (enum section section = SOURCES; section < SECTIONS; section++)
        if (has_section(graph, section)) dot_nodes(graph, section, out);
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++) {
            const struct pl_graph_edge *edge = &graph->nodes[i].inputs[k];
            const char *port = port_of(graph, edge);
            fprintf(out, "    \"%s\" -> \"%s\" [label=\"%s%s%s\"];\n", graph->nodes[edge->from].name,
                    graph->nodes[i].name, port, *port ? ": " : "", kind_of(graph, edge));
        }
    fputs("}\n", out);
}

/* ---- JSON ---- */

static json_t *json_inputs(const struct pl_graph_node *node) {
    json_t *list = json_array();
    for (const struct pl_port *port = node->op->inputs; port && port->name; port++)
        list = pl__json_append(list, pl__json_with_text(json_object(), "name", port->name));
    return list;
}

static json_t *json_outputs(const struct pl_graph_node *node) {
    json_t *list = json_array();
    for (unsigned i = 0; node->op->outputs && node->op->outputs[i].name; i++) {
        json_t *port = pl__json_with_text(json_object(), "name", node->op->outputs[i].name);
        list = pl__json_append(list, pl__json_with_text(port, "kind", pl_kind_info[node->kinds_out[i]].name));
    }
    return list;
}

static json_t *json_node(const struct pl_graph_node *node) {
    json_t *object = pl__json_with_text(json_object(), "name", node->name);
    object = pl__json_with_text(object, "op", node->op->name);
    object = pl__json_with_text(object, "section", sections[section_of(node)].name);
    object = pl__json_with(object, "inputs", json_inputs(node));
    object = pl__json_with(object, "outputs", json_outputs(node));
    if (node->settings.isolate == PL_ISOLATE_PROCESS) object = pl__json_with_text(object, "isolate", "process");
    if (*node->settings.doc) object = pl__json_with_text(object, "doc", node->settings.doc);
    return object;
}

static json_t *json_edge(const struct pl_graph *graph, unsigned to, const struct pl_graph_edge *edge) {
    const struct pl_graph_node *from = &graph->nodes[edge->from];
    json_t *object = pl__json_with_text(json_object(), "from", from->name);
    object = pl__json_with_text(object, "output", from->op->outputs[edge->from_port].name);
    object = pl__json_with_text(object, "to", graph->nodes[to].name);
    object = pl__json_with_text(object, "input", graph->nodes[to].op->inputs[edge->to_port].name);
    return pl__json_with_text(object, "kind", kind_of(graph, edge));
}

static bool draw_json(const struct pl_graph *graph, FILE *out) {
    json_t *nodes = json_array(), *edges = json_array();
    for (unsigned i = 0; i < graph->node_count; i++) {
        nodes = pl__json_append(nodes, json_node(&graph->nodes[i]));
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++)
            edges = pl__json_append(edges, json_edge(graph, i, &graph->nodes[i].inputs[k]));
    }
    char hash[20];
    snprintf(hash, sizeof hash, "%016" PRIx64, graph->hash);
    json_t *object = pl__json_with_text(json_object(), "name", graph->settings.name);
    object = pl__json_with_text(object, "hash", hash);
    object = pl__json_with(object, "partitions", json_integer(graph->settings.partitions));
    object = pl__json_with(object, "nodes", nodes);
    return pl__json_print(pl__json_with(object, "edges", edges), out);
}

bool pl_graph_draw(const struct pl_graph *graph, enum pl_drawing drawing, FILE *out) {
    switch (drawing) {
    case PL_DRAW_MERMAID: draw_mermaid(graph, out); return true;
    case PL_DRAW_DOT: draw_dot(graph, out); return true;
    case PL_DRAW_JSON: return draw_json(graph, out);
    }
    return false;
}
