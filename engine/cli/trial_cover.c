#include "trial_cover.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

struct node {
    char *name, *op;
    bool can_run;
    uint64_t cases, rows_in, rows_out;
};

struct rule {
    char *name, *place;
    uint64_t evaluated, raised, errors;
};

struct graph {
    char *name;
    struct node *nodes;
    unsigned node_count;
    struct rule *rules;
    unsigned rule_count;
};

struct pl__cover {
    struct graph *graphs;
    unsigned count;
};

/* ---- Adding ---- */

/* Room for one more behind `count`. */
static bool grow(void **list, unsigned count, size_t size) {
    void *grown = pl_realloc(*list, (count + 1) * size);
    if (grown) *list = grown;
    return grown != NULL;
}

static struct graph *graph_named(struct pl__cover *cover, const char *name) {
    for (unsigned i = 0; i < cover->count; i++)
        if (strcmp(cover->graphs[i].name, name) == 0) return &cover->graphs[i];
    char *own = pl_strdup(name);
    if (!own || !grow((void **)&cover->graphs, cover->count, sizeof *cover->graphs)) {
        pl_free(own);
        return NULL;
    }
    struct graph *made = &cover->graphs[cover->count++];
    *made = (struct graph){.name = own};
    return made;
}

static struct node *node_named(struct graph *graph, const struct pl_graph_node *of) {
    for (unsigned i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, of->name) == 0) return &graph->nodes[i];
    if (!grow((void **)&graph->nodes, graph->node_count, sizeof *graph->nodes)) return NULL;
    struct node *made = &graph->nodes[graph->node_count++];
    *made = (struct node){.name = pl_strdup(of->name), .op = pl_strdup(of->op->name)};
    made->can_run = of->op->inputs && of->op->outputs && !(of->op->flags & PL_OP_FIELD);
    return made->name && made->op ? made : NULL;
}

static struct rule *rule_named(struct graph *graph, const struct pl__trial_rule *of) {
    for (unsigned i = 0; i < graph->rule_count; i++)
        if (strcmp(graph->rules[i].name, of->name) == 0 && strcmp(graph->rules[i].place, of->place) == 0)
            return &graph->rules[i];
    if (!grow((void **)&graph->rules, graph->rule_count, sizeof *graph->rules)) return NULL;
    struct rule *made = &graph->rules[graph->rule_count++];
    *made = (struct rule){.name = pl_strdup(of->name), .place = pl_strdup(of->place)};
    return made->name && made->place ? made : NULL;
}

static bool add_nodes(struct graph *graph, const struct pl_trial_graph *of, const struct pl__trial_result *result) {
    for (unsigned i = 0; i < of->graph->node_count; i++) {
        struct node *node = node_named(graph, &of->graph->nodes[i]);
        if (!node) return false;
        node->cases += of->runs[i] && result->nodes && result->nodes[i].rows_in > 0;
        node->rows_in += result->nodes ? result->nodes[i].rows_in : 0;
        node->rows_out += result->nodes ? result->nodes[i].rows_out : 0;
    }
    return true;
}

bool pl__cover_add(struct pl__cover *cover, const struct pl_trial_file *file, const struct pl_trial_case *of,
                   const struct pl__trial_result *result) {
    bool rules = of->graph->graph->path == NULL || strcmp(of->graph->graph->path, file->path) == 0;
    struct graph *graph = graph_named(cover, rules ? file->graph_name : of->graph->graph->path);
    if (!graph || !add_nodes(graph, of->graph, result)) return false;
    for (unsigned i = 0; i < result->rules.count; i++) {
        struct rule *rule = rule_named(graph, &result->rules.list[i]);
        if (!rule) return false;
        rule->evaluated += result->rules.list[i].evaluated;
        rule->raised += result->rules.list[i].raised;
        rule->errors += result->rules.list[i].errors;
    }
    return true;
}

/* ---- Showing ---- */

static int width_of_nodes(const struct graph *graph) {
    size_t width = strlen("node");
    for (unsigned i = 0; i < graph->node_count; i++)
        if (strlen(graph->nodes[i].name) > width) width = strlen(graph->nodes[i].name);
    return (int)width;
}

static int width_of_rules(const struct graph *graph) {
    size_t width = strlen("rule");
    for (unsigned i = 0; i < graph->rule_count; i++)
        if (strlen(graph->rules[i].name) > width) width = strlen(graph->rules[i].name);
    return (int)width;
}

static void print_nodes(const struct graph *graph, FILE *out) {
    int width = width_of_nodes(graph);
    fprintf(out, "  %-*s  %-16s %6s %10s %10s\n", width, "node", "operator", "cases", "rows in", "rows out");
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        if (!node->can_run) continue;
        fprintf(out, "  %-*s  %-16s %6" PRIu64 " %10" PRIu64 " %10" PRIu64 "%s\n", width, node->name, node->op,
                node->cases, node->rows_in, node->rows_out, node->cases ? "" : "  not run");
    }
}

static void print_rules(const struct graph *graph, FILE *out) {
    int width = width_of_rules(graph);
    if (!graph->rule_count) return;
    fprintf(out, "  %-*s  %10s %7s %7s  file\n", width, "rule", "asked", "raised", "failed");
    for (unsigned i = 0; i < graph->rule_count; i++) {
        const struct rule *rule = &graph->rules[i];
        fprintf(out, "  %-*s  %10" PRIu64 " %7" PRIu64 " %7" PRIu64 "  %s%s\n", width, rule->name, rule->evaluated,
                rule->raised, rule->errors, rule->place,
                !rule->evaluated ? "  not run"
                : !rule->raised  ? "  never raised"
                                 : "");
    }
}

static void print_sum(const struct graph *graph, FILE *out) {
    unsigned nodes = 0, ran = 0, asked = 0, raised = 0;
    for (unsigned i = 0; i < graph->node_count; i++) {
        nodes += graph->nodes[i].can_run;
        ran += graph->nodes[i].can_run && graph->nodes[i].cases;
    }
    for (unsigned i = 0; i < graph->rule_count; i++) {
        asked += graph->rules[i].evaluated > 0;
        raised += graph->rules[i].raised > 0;
    }
    fprintf(out, "%s: %u of %u nodes ran", graph->name, ran, nodes);
    if (graph->rule_count) fprintf(out, "; of %u rules %u were asked, %u raised", graph->rule_count, asked, raised);
    fputc('\n', out);
}

void pl__cover_print(const struct pl__cover *cover, FILE *out) {
    for (unsigned i = 0; i < cover->count; i++) {
        print_sum(&cover->graphs[i], out);
        print_nodes(&cover->graphs[i], out);
        print_rules(&cover->graphs[i], out);
    }
}

static json_t *graph_json(const struct graph *graph) {
    json_t *nodes = json_array(), *rules = json_array();
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        if (node->can_run)
            json_array_append_new(nodes, json_pack("{s:s, s:s, s:I, s:I, s:I}", "node", node->name, "operator",
                                                   node->op, "cases", (json_int_t)node->cases, "rows_in",
                                                   (json_int_t)node->rows_in, "rows_out", (json_int_t)node->rows_out));
    }
    for (unsigned i = 0; i < graph->rule_count; i++) {
        const struct rule *rule = &graph->rules[i];
        json_array_append_new(rules, json_pack("{s:s, s:s, s:I, s:I, s:I}", "rule", rule->name, "file", rule->place,
                                               "evaluated", (json_int_t)rule->evaluated, "raised",
                                               (json_int_t)rule->raised, "errors", (json_int_t)rule->errors));
    }
    return json_pack("{s:s, s:o, s:o}", "graph", graph->name, "nodes", nodes, "rules", rules);
}

json_t *pl__cover_json(const struct pl__cover *cover) {
    json_t *all = json_array();
    for (unsigned i = 0; i < cover->count; i++)
        json_array_append_new(all, graph_json(&cover->graphs[i]));
    return all;
}

/* ---- Life cycle ---- */

struct pl__cover *pl__cover_new(void) {
    return PL_NEW(struct pl__cover);
}

static void free_graph(struct graph *graph) {
    for (unsigned i = 0; i < graph->node_count; i++) {
        pl_free(graph->nodes[i].name);
        pl_free(graph->nodes[i].op);
    }
    for (unsigned i = 0; i < graph->rule_count; i++) {
        pl_free(graph->rules[i].name);
        pl_free(graph->rules[i].place);
    }
    pl_free(graph->nodes);
    pl_free(graph->rules);
    pl_free(graph->name);
}

void pl__cover_free(struct pl__cover *cover) {
    for (unsigned i = 0; cover && i < cover->count; i++)
        free_graph(&cover->graphs[i]);
    if (cover) pl_free(cover->graphs);
    pl_free(cover);
}
