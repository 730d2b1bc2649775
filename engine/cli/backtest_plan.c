#include "backtest_plan.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "graph/registry.h"

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

/* ---- What a node of the graph is ---- */

static bool makes_alarms(const struct pl_graph_node *n) {
    return strcmp(n->op->name, "alarms") == 0;
}

static bool is_rule(const struct pl_graph_node *n) {
    bool gives = n->op->outputs && n->op->outputs[0].name && n->kinds_out[0] == PL_EVENTS;
    return gives && n->input_count && (n->kind_in == PL_SAMPLES || n->kind_in == PL_WINDOWS);
}

static enum pl_zone_id zone_of(const struct pl_graph_node *sink) {
    for (const struct pl_option *o = sink->op->options; o && o->name; o++)
        if (strcmp(o->name, "zone") == 0) {
            uint32_t choice = *(const uint32_t *)(const void *)((const char *)sink->prototype + o->offset);
            return strcmp(o->choices[choice], "gold") == 0 ? PL_GOLD : PL_SILVER;
        }
    return PL_SILVER;
}

/* The sink.lake that has recorded an output; NULL: none. */
static const struct pl_graph_node *recorder(const struct pl_graph *graph, const struct pl_graph_edge *edge) {
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *n = &graph->nodes[i];
        if (strcmp(n->op->name, "sink.lake") != 0) continue;
        for (unsigned k = 0; k < n->input_count; k++)
            if (n->inputs[k].from == edge->from && n->inputs[k].from_port == edge->from_port) return n;
    }
    return NULL;
}

enum origin { SKIP, FROM_LAKE, FROM_STAGE };

static enum origin origin_of(const struct pl_graph *graph, const struct pl_graph_edge *edge) {
    const struct pl_graph_node *from = &graph->nodes[edge->from];
    enum pl_kind kind = from->kinds_out[edge->from_port];
    bool source = !from->op->inputs || from->op->flags & (PL_OP_FIELD | PL_OP_GUARD); /* nothing is decided again */
    if (kind == PL_SAMPLES || kind == PL_WINDOWS) return source || recorder(graph, edge) ? FROM_LAKE : FROM_STAGE;
    return source ? SKIP : FROM_STAGE;
}

/* ---- Parts of a plan; there is room for them ---- */

static unsigned add_stage(struct pl__plan *plan, const struct pl_operator *op, const char *name, const void *prototype,
                          enum pl_kind kind) {
    plan->stages[plan->stage_count] = (struct pl__stage){
        .op = op, .name = name, .prototype = prototype, .kind = kind, .alarms = strcmp(op->name, "alarms") == 0};
    return plan->stage_count++;
}

static void add_link(struct pl__plan *plan, unsigned from, unsigned port, unsigned to, unsigned input) {
    plan->links[plan->link_count++] = (struct pl__link){.from = from, .port = port, .to = to, .input = input};
}

static void add_feed(struct pl__plan *plan, const struct pl_graph *graph, const struct pl_graph_edge *edge,
                     unsigned stage) {
    const struct pl_graph_node *from = &graph->nodes[edge->from], *sink = recorder(graph, edge);
    plan->feeds[plan->feed_count++] = (struct pl__feed){
        .zone = sink ? zone_of(sink) : PL_SILVER,
        .kind = from->kinds_out[edge->from_port],
        .node = sink ? sink->name : NULL,
        .source = sink && sink->input_count > 1 ? from->name : NULL,
        .stage = stage,
        .input = edge->to_port,
    };
}

/* A node that no graph has. */
static enum pl_code add_own(struct pl__plan *plan, const char *name, const char *options, enum pl_kind kind,
                            unsigned *stage, struct pl_error **error) {
    const struct pl_operator *op = pl_registry_find(name);
    if (!op) return pl_error_set(error, PL_UNKNOWN, "there is no operator %s", name);
    unsigned own = plan->prototypes[0] != NULL;
    plan->prototypes[own] = pl_alloc(op->instance_size);
    if (!plan->prototypes[own]) return no_memory(error);
    enum pl_code code = pl_options_parse(op, options, plan->prototypes[own], &plan->owners[own], error);
    if (!code) *stage = add_stage(plan, op, name, plan->prototypes[own], kind);
    return code;
}

static bool make_room(struct pl__plan *plan, unsigned stages, unsigned edges) {
    plan->stages = pl_alloc(stages * sizeof *plan->stages);
    plan->links = pl_alloc(edges * sizeof *plan->links);
    plan->feeds = pl_alloc(edges * sizeof *plan->feeds);
    return plan->stages && plan->links && plan->feeds;
}

/* ---- From a graph ---- */

/* Marks rules, alarms, and whatever they take rows from that nobody has recorded. Nodes come before those that take
 * from them. */
static void mark_wanted(const struct pl_graph *graph, bool *wanted) {
    for (unsigned i = graph->node_count; i-- > 0;) {
        const struct pl_graph_node *n = &graph->nodes[i];
        wanted[i] = wanted[i] || is_rule(n) || makes_alarms(n);
        for (unsigned k = 0; wanted[i] && k < n->input_count; k++)
            if (origin_of(graph, &n->inputs[k]) == FROM_STAGE) wanted[n->inputs[k].from] = true;
    }
}

static void take_node(struct pl__plan *plan, const struct pl_graph *graph, unsigned index, unsigned *stage_of) {
    const struct pl_graph_node *n = &graph->nodes[index];
    unsigned stage = stage_of[index] = add_stage(plan, n->op, n->name, n->prototype, n->kind_in);
    for (unsigned k = 0; k < n->input_count; k++) {
        const struct pl_graph_edge *edge = &n->inputs[k];
        switch (origin_of(graph, edge)) {
        case FROM_LAKE: add_feed(plan, graph, edge, stage); break;
        case FROM_STAGE: add_link(plan, stage_of[edge->from], edge->from_port, stage, edge->to_port); break;
        case SKIP: break; /* said in one line for all: tell_skipped */
        }
    }
}

static bool is_skipped(const struct pl_graph *graph, const bool *wanted, unsigned source) {
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned k = 0; wanted[i] && k < graph->nodes[i].input_count; k++) {
            const struct pl_graph_edge *edge = &graph->nodes[i].inputs[k];
            if (edge->from == source && origin_of(graph, edge) == SKIP) return true;
        }
    return false;
}

static void tell_skipped(const struct pl_graph *graph, const bool *wanted) {
    bool some = false;
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (!is_skipped(graph, wanted, i)) continue;
        fprintf(stderr, "%s%s", some ? ", " : "left out: alarms of events that the sources themselves make (",
                graph->nodes[i].name);
        some = true;
    }
    if (some) fputs("), like a lost connection; what is judged are the rules\n", stderr);
}

static enum pl_code take_nodes(struct pl__plan *plan, const struct pl_graph *graph, const bool *wanted,
                               unsigned *stage_of, struct pl_error **error) {
    unsigned rules = 0, alarms = 0, own = 0;
    tell_skipped(graph, wanted);
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (wanted[i]) take_node(plan, graph, i, stage_of);
        rules += is_rule(&graph->nodes[i]);
        alarms += makes_alarms(&graph->nodes[i]);
    }
    if (!rules) return pl_error_set(error, PL_USAGE, "%s has no node that makes events of values", graph->path);
    if (alarms) return PL_OK;
    enum pl_code code = add_own(plan, "alarms", "", PL_EVENTS, &own, error);
    for (unsigned i = 0; !code && i < graph->node_count; i++)
        if (is_rule(&graph->nodes[i])) add_link(plan, stage_of[i], 0, own, 0);
    return code;
}

static enum pl_code plan_graph(struct pl__plan *plan, const struct pl_graph *graph, struct pl_error **error) {
    unsigned edges = graph->node_count;
    for (unsigned i = 0; i < graph->node_count; i++)
        edges += graph->nodes[i].input_count;
    unsigned *stage_of = pl_alloc(graph->node_count * sizeof *stage_of);
    bool *wanted = pl_alloc(graph->node_count);
    enum pl_code code = PL_OK;
    if (!stage_of || !wanted || !make_room(plan, graph->node_count + 1, edges)) {
        code = no_memory(error);
    } else {
        mark_wanted(graph, wanted);
        code = take_nodes(plan, graph, wanted, stage_of, error);
    }
    pl_free(stage_of);
    pl_free(wanted);
    return code;
}

/* ---- From a Lua script ---- */

static enum pl_code plan_script(struct pl__plan *plan, const char *script, struct pl_error **error) {
    char options[4200];
    unsigned rules = 0, alarms = 0;
    if (!make_room(plan, 2, 1)) return no_memory(error);
    if (strchr(script, '\'')) return pl_error_set(error, PL_USAGE, "%s: a quote in its name", script);
    if (snprintf(options, sizeof options, "{scripts: ['%s']}", script) >= (int)sizeof options)
        return pl_error_set(error, PL_USAGE, "the script's name is too long");
    enum pl_code code = add_own(plan, "rules", options, PL_SAMPLES, &rules, error);
    if (!code) code = add_own(plan, "alarms", "", PL_EVENTS, &alarms, error);
    if (code) return code;
    plan->feeds[plan->feed_count++] = (struct pl__feed){.zone = PL_SILVER, .kind = PL_SAMPLES, .stage = rules};
    add_link(plan, rules, 0, alarms, 0);
    return PL_OK;
}

enum pl_code pl__plan_make(struct pl__plan *plan, const struct pl_graph *graph, const char *script,
                           struct pl_error **error) {
    *plan = (struct pl__plan){0};
    return graph ? plan_graph(plan, graph, error) : plan_script(plan, script, error);
}

void pl__plan_free(struct pl__plan *plan) {
    for (unsigned i = 0; i < 2; i++) {
        pl_options_free(plan->owners[i]);
        pl_free(plan->prototypes[i]);
    }
    pl_free(plan->stages);
    pl_free(plan->links);
    pl_free(plan->feeds);
}
