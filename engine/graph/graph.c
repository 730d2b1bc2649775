/* graph.c: from a file to a graph: read, merged, checked, put into order. */
#include "graph.h"

#include <stdatomic.h>
#include <string.h>

#include <potline/alloc.h>

#include "draft.h"
#include "file_log.h"
#include "hash.h"
#include "set.h"
#include "settings.h"

enum { GRAPH_MEMORY_MAX = 512 << 20 };

struct pl_graph_impl {
    struct pl_arena *arena; /* holds the graph itself too */
    _Atomic unsigned refs;
};

/* ---- The result ---- */

static enum pl_kind kind_of(unsigned set) {
    return set ? (enum pl_kind)__builtin_ctz(set) : PL_SAMPLES;
}

static bool finish_ports(struct pl_arena *arena, const struct pl_draft_node *draft, struct pl_graph_node *node) {
    unsigned outputs = pl__ports_count(node->op->outputs);
    node->kind_in = kind_of(draft->kind_in);
    node->kinds_out = pl__arena_alloc(arena, outputs * sizeof *node->kinds_out);
    node->inputs = pl__arena_alloc(arena, draft->input_count * sizeof *node->inputs);
    if (!node->kinds_out || !node->inputs) return false;
    for (unsigned i = 0; i < outputs; i++)
        node->kinds_out[i] = kind_of(draft->kinds_out[i]);
    for (unsigned i = 0; i < draft->input_count; i++) {
        const struct pl_draft_input *input = &draft->inputs[i];
        if (!input->from->op) continue;
        node->inputs[node->input_count++] =
            (struct pl_graph_edge){.from = input->from->rank, .from_port = input->from_port, .to_port = input->to_port};
    }
    return true;
}

/* A node whose operator stands for any (only while checking) is no part of the graph. */
static unsigned rank_nodes(struct pl_draft *draft) {
    unsigned count = 0;
    for (unsigned i = 0; i < draft->ordered_count; i++)
        if (draft->ordered[i]->op) draft->ordered[i]->rank = count++;
    return count;
}

static bool holds_any(const struct pl_yaml *value) {
    bool found = value->any;
    for (const struct pl_yaml *child = value->first; child && !found; child = child->next)
        found = holds_any(child);
    return found;
}

static void finish(struct pl_draft *draft) {
    struct pl_graph *graph = draft->graph;
    struct pl_arena *arena = draft->yaml->arena;
    const struct pl_graph_node **room = pl__arena_alloc(arena, draft->count * sizeof *room);
    graph->nodes = pl__arena_alloc(arena, draft->count * sizeof *graph->nodes);
    if (!graph->nodes || !room) return;
    graph->node_count = rank_nodes(draft);
    for (unsigned i = 0; i < draft->ordered_count; i++) {
        const struct pl_draft_node *from = draft->ordered[i];
        if (!from->op) continue;
        struct pl_graph_node *node = &graph->nodes[from->rank];
        *node = (struct pl_graph_node){
            .name = from->name,
            .op = from->op,
            .place = from->yaml->key_place,
            .settings = from->settings,
            .prototype = from->prototype,
            .global = from->global,
            .vague = holds_any(from->yaml),
        };
        if (!node->settings.queue_batches) node->settings.queue_batches = graph->settings.queue_batches;
        if (!node->settings.queue_bytes) node->settings.queue_bytes = graph->settings.queue_bytes;
        if (!finish_ports(arena, from, node)) return;
    }
    graph->hash = pl__graph_hash(graph, room);
}

static const char *const *keep_set(struct pl_arena *arena, const char *const *set) {
    unsigned count = 0;
    while (set && set[count])
        count++;
    const char **kept = pl__arena_alloc(arena, (count + 1) * sizeof *kept);
    for (unsigned i = 0; kept && i < count; i++)
        kept[i] = pl__arena_text(arena, set[i], strlen(set[i]));
    return kept;
}

/* ---- The steps ---- */

static void read_graph(struct pl_yaml_context *yaml, const struct pl_graph_options *options, struct pl_graph *graph,
                       const char *text, size_t length) {
    struct pl_source source;
    struct pl_draft draft = {.yaml = yaml, .source = &source, .graph = graph};
    pl__source_load(yaml, options && options->checking, graph->path, text, length, &source);
    if (!source.root) return;
    graph->set = keep_set(yaml->arena, options ? options->set : NULL);
    for (const char *const *set = options ? options->set : NULL; set && *set; set++)
        pl__set_apply(yaml, &source, *set);
    pl__set_apply_map(yaml, &source, options ? options->overrides : NULL);
    pl__settings_read(yaml, &source, graph);
    static void (*const steps[])(struct pl_draft *) = {pl__draft_nodes, pl__draft_inputs,   pl__draft_order,
                                                       pl__draft_kinds, pl__draft_sections, pl__draft_clock};
    for (size_t i = 0; i < PL_COUNT_OF(steps) && !pl__arena_code(yaml->arena); i++)
        steps[i](&draft);
    if (!pl__problems_errors(yaml->problems) && !pl__arena_code(yaml->arena)) finish(&draft);
}

static struct pl_graph *graph_new(const char *path) {
    struct pl_arena *arena = pl__arena_new(GRAPH_MEMORY_MAX);
    struct pl_graph *graph = arena ? PL__ARENA_NEW(arena, struct pl_graph) : NULL;
    struct pl_graph_impl *impl = graph ? PL__ARENA_NEW(arena, struct pl_graph_impl) : NULL;
    const char *own_path = impl ? pl__arena_text(arena, path, strlen(path)) : NULL;
    if (!own_path) {
        pl__arena_free(arena);
        return NULL;
    }
    impl->arena = arena;
    atomic_init(&impl->refs, 1);
    graph->impl = impl;
    graph->path = own_path;
    return graph;
}

void pl_graph_free(struct pl_graph *graph) {
    pl_graph_unref(graph);
}

/* One without an arena is its maker's. */
const struct pl_graph *pl_graph_ref(const struct pl_graph *graph) {
    if (graph && graph->impl) atomic_fetch_add(&graph->impl->refs, 1);
    return graph;
}

void pl_graph_unref(const struct pl_graph *graph) {
    if (graph && graph->impl && atomic_fetch_sub(&graph->impl->refs, 1) == 1) pl__arena_free(graph->impl->arena);
}

static bool is_taken_from(const struct pl_graph *graph, unsigned node) {
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].inputs[k].from == node) return true;
    return false;
}

void pl_graph_leave_out(struct pl_graph *graph, bool (*keep)(void *arg, const struct pl_graph_node *node), void *arg) {
    for (unsigned i = graph->node_count; i-- > 0;) {
        if (is_taken_from(graph, i) || keep(arg, &graph->nodes[i])) continue;
        graph->node_count--;
        memmove(&graph->nodes[i], &graph->nodes[i + 1], (graph->node_count - i) * sizeof *graph->nodes);
        for (unsigned k = i; k < graph->node_count; k++)
            for (unsigned input = 0; input < graph->nodes[k].input_count; input++)
                if (graph->nodes[k].inputs[input].from > i) graph->nodes[k].inputs[input].from--;
    }
}

/* PL_OK when nothing speaks against the graph. */
static enum pl_code verdict(struct pl_yaml_context *yaml, const struct pl_graph *graph) {
    enum pl_code code = pl__arena_code(yaml->arena);
    if (code == PL_LIMIT)
        pl__problem_at(yaml->problems, (struct pl_place){.file = graph->path},
                       "the graph becomes too large: more than 1,000,000 values or 512 MiB");
    return code ? code : pl__problems_errors(yaml->problems) ? PL_SYNTAX : PL_OK;
}

enum pl_code pl_graph_parse(const char *text, size_t length, const char *path, const struct pl_graph_options *options,
                            struct pl_graph **graph, struct pl_problem **problems, unsigned *problem_count) {
    *graph = NULL;
    *problems = NULL;
    *problem_count = 0;
    struct pl_graph *made = graph_new(path);
    struct pl_yaml_context yaml = {.arena = made ? made->impl->arena : NULL, .problems = pl__problems_new()};
    enum pl_code code = PL_NO_MEMORY;
    struct pl_file_log files = {.arena = yaml.arena,
                                .given = options ? options->files : NULL,
                                .given_count = options ? options->file_count : 0};
    yaml.files = &files;
    if (made && yaml.problems) {
        read_graph(&yaml, options, made, text, length);
        made->files = files.files;
        made->file_count = files.count;
        code = verdict(&yaml, made);
        if (!pl__problems_take(yaml.problems, problems, problem_count)) code = PL_NO_MEMORY;
    }
    pl__problems_free(yaml.problems);
    if (code)
        pl_graph_free(made);
    else
        *graph = made;
    return code;
}

enum pl_code pl_graph_load(const char *path, const struct pl_graph_options *options, struct pl_graph **graph,
                           struct pl_problem **problems, unsigned *problem_count) {
    return pl_graph_parse(NULL, 0, path, options, graph, problems, problem_count);
}
