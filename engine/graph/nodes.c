/* nodes.c: reads each node by the tables of its operator. */
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "graph/registry.h"
#include "options.h"
#include "settings.h"

void pl__draft_problem(const struct pl_draft *draft, const struct pl_draft_node *node, const struct pl_yaml *at,
                       const char *about, const char *format, ...) {
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s%s: ", node->name, about);
    struct pl_problem_at where = {at->place, at->repeated, false};
    if (at == node->yaml) where.place = at->key_place;
    va_list arguments;
    va_start(arguments, format);
    pl__problem_put(draft->yaml->problems, where, prefix, format, arguments);
    va_end(arguments);
}

unsigned pl__ports_count(const struct pl_port *ports) {
    unsigned count = 0;
    while (ports && ports[count].name)
        count++;
    return count;
}

int pl__ports_find(const struct pl_port *ports, const char *name, size_t length) {
    for (int i = 0; ports && ports[i].name; i++)
        if (strlen(ports[i].name) == length && memcmp(ports[i].name, name, length) == 0) return i;
    return -1;
}

/* ---- One node ---- */

static void check_node_name(struct pl_draft *draft, struct pl_draft_node *node) {
    char quoted[PL_QUOTE_MAX];
    if (pl__name_fits(node->name)) return;
    const char *brace = strchr(node->name, '{');
    pl__problem_at(
        draft->yaml->problems, node->yaml->key_place, "%s is no name for a node; %s", pl__quote(quoted, node->name),
        brace ? "the braces hold no variable of a foreach" : "a letter, then up to 62 letters, digits, '-' and '_'");
    node->name = pl__arena_text(draft->yaml->arena, quoted, strlen(quoted)); /* printable, in what else is reported */
    if (!node->name) node->name = "";
}

static void find_operator(struct pl_draft *draft, struct pl_draft_node *node) {
    const struct pl_yaml *op = pl__yaml_find(node->yaml, "op");
    char quoted[PL_QUOTE_MAX];
    if (!op) {
        pl__draft_problem(draft, node, node->yaml, "", "op is missing: what the node does, like op: cleanse");
    } else if (!op->any) {
        bool text = op->type == PL_YAML_SCALAR;
        node->op = text ? pl_registry_find(op->text) : NULL;
        if (node->op) return;
        const char *nearest =
            text && pl__problems_wanted(draft->yaml->problems, op) ? pl_registry_nearest(op->text) : NULL;
        pl__draft_problem(draft, node, op, ".op", "there is no operator %s%s%s%s",
                          text ? pl__quote(quoted, op->text) : "of that form", nearest ? "; did you mean " : "",
                          nearest ? nearest : "", nearest ? "?" : "");
    }
}

static enum pl_on_full default_on_full(const struct pl_operator *op) {
    return op->flags & PL_OP_OUTSIDE ? PL_SPILL : op->flags & PL_OP_LOSSY ? PL_DROP : PL_BLOCK;
}

/* No operator has an option of the name of a common one: a test over all of them sees to it. */
static void add_table(struct pl_options_reader *reader, const struct pl_option *rows, void *self,
                      const char *misplaced) {
    reader->tables[reader->table_count++] = (struct pl_option_table){rows, self, misplaced};
}

/* Whoever writes so wants a field side that outlives the engine, and would not have it. */
static void warn_isolated(const struct pl_draft *draft, const struct pl_draft_node *node) {
    const struct pl_yaml *at = pl__yaml_find(node->yaml, "isolate");
    bool field = node->op->flags & (PL_OP_GUARD | PL_OP_FIELD) && !(node->op->flags & PL_OP_PROGRAM);
    if (!field || !at || node->settings.isolate != PL_ISOLATE_PROCESS) return;
    pl__problem_warn(
        draft->yaml->problems, at,
        "%s.isolate: this process ends with its engine; guard and sinks that are to outlive it are a graph "
        "of their own: potline run GRAPH --field FILE",
        node->name);
}

static void read_options(struct pl_draft *draft, struct pl_draft_node *node) {
    const struct pl_operator *op = node->op;
    struct pl_node_settings *settings = &node->settings;
    void *prototype = pl__arena_alloc(draft->yaml->arena, op->instance_size);
    struct pl_options_reader reader = {
        .yaml = draft->yaml, .subject = node->name, .map = node->yaml, .others = pl__node_keys};
    if (!prototype) return;
    add_table(&reader, op->options, prototype, NULL);
    add_table(&reader, pl__node_options, settings, NULL);
    add_table(&reader, pl__source_options, op->inputs ? NULL : settings,
              "is an option of sources; this node has an input");
    add_table(&reader, pl__sink_options, op->outputs ? NULL : settings,
              "is an option of sinks; this node has an output");
    add_table(&reader, pl__inner_options, op->inputs ? settings : NULL,
              "is an option of nodes with an input; a source stays in the engine");
    pl__options_read(&reader);
    pl__options_check(&reader, op->check, prototype);
    if (!op->outputs && !pl__yaml_find(node->yaml, "on_full")) settings->on_full = default_on_full(op);
    if (op->flags & PL_OP_PROGRAM && op->inputs) settings->isolate = PL_ISOLATE_PROCESS; /* it cannot work elsewhere */
    warn_isolated(draft, node);
    node->vague = reader.vague;
    if (!reader.failed) node->prototype = prototype;
}

static void read_node(struct pl_draft *draft, struct pl_draft_node *node, struct pl_yaml *yaml) {
    node->yaml = yaml;
    node->name = yaml->key;
    check_node_name(draft, node);
    if (yaml->any) {
        node->inputs_unknown = true;
        return;
    }
    if (yaml->type != PL_YAML_MAP) {
        pl__draft_problem(draft, node, yaml, "", "a node is a map, like { op: cleanse, from: in }");
        return;
    }
    find_operator(draft, node);
    if (!node->op) return;
    read_options(draft, node);
    node->kinds_out = pl__arena_alloc(draft->yaml->arena, pl__ports_count(node->op->outputs) * sizeof *node->kinds_out);
}

/* ---- All ---- */

static void report_nodes(struct pl_draft *draft, const char *text) {
    const struct pl_yaml *root = draft->source->root, *nodes = pl__yaml_find(root, "nodes");
    const struct pl_yaml *at = nodes ? nodes : root;
    pl__problem_at(draft->yaml->problems, nodes ? nodes->key_place : at->place, "%s", text);
}

static int compare_names(const void *left, const void *right) {
    const struct pl_draft_node *const *a = left, *const *b = right;
    return strcmp((*a)->yaml->key, (*b)->yaml->key);
}

struct pl_draft_node *pl__draft_find(const struct pl_draft *draft, const char *name, size_t length) {
    unsigned low = 0, high = draft->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const char *key = draft->by_name[middle]->yaml->key;
        int order = strncmp(key, name, length);
        if (order == 0 && key[length]) order = 1;
        if (order == 0) return draft->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A former name is taken once, and by no other node. */
static void check_former_names(const struct pl_draft *draft) {
    for (unsigned i = 0; i < draft->count; i++) {
        const struct pl_draft_node *node = &draft->nodes[i];
        const char *was = node->settings.was;
        if (!was || !*was || node->vague) continue;
        const struct pl_yaml *at = pl__yaml_find(node->yaml, "was");
        if (pl__draft_find(draft, was, strlen(was)))
            pl__draft_problem(draft, node, at, ".was", "there is a node %s in this graph", was);
        for (unsigned k = 0; k < i; k++)
            if (draft->nodes[k].settings.was && strcmp(draft->nodes[k].settings.was, was) == 0)
                pl__draft_problem(draft, node, at, ".was", "%s was %s too", draft->nodes[k].name, was);
    }
}

void pl__draft_nodes(struct pl_draft *draft) {
    struct pl_arena *arena = draft->yaml->arena;
    unsigned count = draft->source->nodes->count;
    if (count == 0 && !draft->source->lost)
        report_nodes(draft, "a graph needs nodes, like in: { op: source.csv, ... }");
    if (count > PL_GRAPH_NODES_MAX) report_nodes(draft, "more than 10,000 nodes");
    if (count == 0 || count > PL_GRAPH_NODES_MAX) return;
    draft->nodes = pl__arena_alloc(arena, count * sizeof *draft->nodes);
    draft->by_name = pl__arena_alloc(arena, count * sizeof *draft->by_name);
    draft->ordered = pl__arena_alloc(arena, count * sizeof *draft->ordered);
    if (!draft->nodes || !draft->by_name || !draft->ordered) return;
    for (struct pl_yaml *yaml = draft->source->nodes->first; yaml; yaml = yaml->next) {
        struct pl_draft_node *node = &draft->nodes[draft->count];
        draft->by_name[draft->count++] = node;
        read_node(draft, node, yaml);
    }
    qsort(draft->by_name, draft->count, sizeof *draft->by_name, compare_names);
    check_former_names(draft);
}
