/* trial_graph.c: the graph of a case: loaded with what the case sets, and which of its nodes run. */
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/tag.h>
#include <potline/text.h>

#include "draft.h"
#include "file.h"
#include "trial_impl.h"

/* ---- Environment ---- */

bool pl__trial_environment_check(struct pl_trial_reading *reading, const struct pl_yaml *env) {
    if (!env) return true;
    bool good = env->type == PL_YAML_MAP && !env->any;
    if (!good) pl__problem(reading->yaml->problems, env, "env is a map of variables and texts, like { LOG: none }");
    for (const struct pl_yaml *value = env->first; value && good; value = value->next) {
        good = value->type == PL_YAML_SCALAR && *value->key && !strchr(value->key, '=');
        if (!good) pl__problem(reading->yaml->problems, value, "env.%s: expected a single text", value->key);
    }
    return good;
}

static bool set_variable(struct pl_trial_environment *before, const char *name, const char *value) {
    const char *now = getenv(name);
    char *kept = now ? pl_strdup(now) : NULL;
    if (now && !kept) return false;
    before->names[before->count] = name;
    before->values[before->count++] = kept;
    return setenv(name, value, 1) == 0;
}

bool pl__trial_environment_set(const struct pl_yaml *const maps[2], struct pl_trial_environment *before) {
    unsigned count = (maps[0] ? maps[0]->count : 0) + (maps[1] ? maps[1]->count : 0);
    *before = (struct pl_trial_environment){0};
    before->names = pl_alloc((count + 1) * sizeof *before->names);
    before->values = pl_alloc((count + 1) * sizeof *before->values);
    bool good = before->names && before->values;
    for (unsigned i = 0; i < 2; i++)
        for (const struct pl_yaml *value = maps[i] ? maps[i]->first : NULL; value && good; value = value->next)
            good = set_variable(before, value->key, value->text);
    return good;
}

void pl__trial_environment_restore(struct pl_trial_environment *before) {
    while (before->count > 0) {
        unsigned i = --before->count;
        if (before->values[i])
            setenv(before->names[i], before->values[i], 1);
        else
            unsetenv(before->names[i]);
        pl_free(before->values[i]);
    }
    pl_free(before->names);
    pl_free(before->values);
    *before = (struct pl_trial_environment){0};
}

/* ---- Loading ---- */

/* What is only there so that there is a graph: its source never runs. */
static const char rules_graph[] = "potline: 1\n"
                                  "name: rules\n"
                                  "nodes:\n"
                                  "  in: { op: source.generator, tags: [none] }\n"
                                  "  rules: { op: rules, from: in, scripts: [] }\n";

static void add_copies(struct pl_trial_reading *reading, struct pl_yaml *to, const struct pl_yaml *map) {
    for (const struct pl_yaml *value = map ? map->first : NULL; value; value = value->next) {
        struct pl_yaml *copy = pl__yaml_copy(reading->yaml, value);
        if (copy) pl__yaml_add(to, copy);
    }
}

/* Later ones are put in place of earlier ones. */
static struct pl_yaml *overrides_of(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                                    const struct pl_yaml *rules) {
    struct pl_yaml *map = pl__yaml_new(reading->yaml, PL_YAML_MAP, (struct pl_place){.file = reading->file->path});
    struct pl_yaml *scripts = map && rules ? pl__yaml_copy(reading->yaml, rules) : NULL;
    if (scripts) {
        scripts->key = "rules.scripts";
        scripts->key_place = rules->place;
        pl__yaml_add(map, scripts);
    }
    for (unsigned i = 0; map && i < 2; i++)
        add_copies(reading, map, setup->set[i]);
    return map;
}

static bool tell_errors(struct pl_trial_reading *reading, struct pl_problem *problems, unsigned count) {
    bool some = false;
    for (unsigned i = 0; i < count; i++) {
        if (problems[i].warning) continue;
        struct pl_place place = problems[i].place;
        place.file = pl__arena_text(reading->yaml->arena, place.file, strlen(place.file));
        if (place.file) pl__problem_at(reading->yaml->problems, place, "%s", problems[i].text);
        some = true;
    }
    pl_problems_free(problems, count);
    return some;
}

static struct pl_graph *load(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                             const struct pl_yaml *at) {
    const struct pl_yaml *rules = setup->rules.count ? pl__yaml_find(at, "rules") : NULL;
    struct pl_graph_options options = {.checking = true, .overrides = overrides_of(reading, setup, rules)};
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    struct pl_trial_environment before;
    unsigned count = 0;
    const char *beside = pl__file_beside(reading->yaml->arena, reading->file->path, setup->graph);
    if (!beside || !options.overrides) return NULL;
    if (!pl__trial_environment_set(setup->env, &before)) {
        pl__trial_environment_restore(&before);
        pl__arena_fail(reading->yaml->arena, PL_NO_MEMORY);
        return NULL;
    }
    enum pl_code code = rules ? pl_graph_parse(rules_graph, strlen(rules_graph), reading->file->path, &options, &graph,
                                               &problems, &count)
                              : pl_graph_load(beside, &options, &graph, &problems, &count);
    pl__trial_environment_restore(&before);
    bool told = tell_errors(reading, problems, count);
    if (code == PL_NO_MEMORY) pl__arena_fail(reading->yaml->arena, code);
    if (code && !told) pl__problem(reading->yaml->problems, at, "%s: %s", beside, pl_code_text(code));
    return graph;
}

/* ---- Which nodes run ---- */

void pl__trial_unknown(struct pl_trial_reading *reading, struct pl_place place, const char *what, const char *name,
                       const char *const *names, size_t count) {
    char quoted[PL_QUOTE_MAX];
    const char *nearest = pl_text_nearest(name, names, count);
    pl__problem_at(reading->yaml->problems, place, "%s %s%s%s%s", what, pl__quote(quoted, name),
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void report_no_node(struct pl_trial_reading *reading, const struct pl_graph *graph, struct pl_place place,
                           const char *name) {
    const char **names = pl__arena_alloc(reading->yaml->arena, (graph->node_count + 1) * sizeof *names);
    for (unsigned i = 0; names && i < graph->node_count; i++)
        names[i] = graph->nodes[i].name;
    if (names) pl__trial_unknown(reading, place, "there is no node", name, names, graph->node_count);
}

static bool can_run(const struct pl_graph_node *node) {
    return node->op->inputs && !pl__is_outlet(node->op);
}

static const struct pl_yaml *nth(const struct pl_yaml *list, uint32_t index) {
    if (!list || list->type != PL_YAML_LIST) return list;
    const struct pl_yaml *item = list->first;
    while (item && index-- > 0)
        item = item->next;
    return item ? item : list;
}

static bool choose_nodes(struct pl_trial_reading *reading, const struct pl_trial_setup *setup, const struct pl_yaml *at,
                         struct pl_trial_graph *made) {
    const struct pl_graph *graph = made->graph;
    bool good = true;
    for (unsigned i = 0; i < graph->node_count; i++)
        made->runs[i] = setup->nodes.count == 0 && can_run(&graph->nodes[i]);
    for (uint32_t k = 0; k < setup->nodes.count; k++) {
        const char *pattern = setup->nodes.items[k];
        const struct pl_yaml *place = nth(pl__yaml_find(at, "nodes"), k);
        bool found = false;
        for (unsigned i = 0; i < graph->node_count; i++) {
            const struct pl_graph_node *node = &graph->nodes[i];
            if (!pl_glob(pattern, node->name)) continue;
            found = made->runs[i] = true;
            if (can_run(node)) continue;
            pl__problem(reading->yaml->problems, place, "%s is a %s: it does not run in a test, %s", node->name,
                        node->op->inputs ? "sink" : "source",
                        node->op->inputs ? "what it would get can be expected of it" : "rows are fed in its place");
            good = false;
        }
        if (!found) report_no_node(reading, graph, place->place, pattern);
        good = good && found;
    }
    return good;
}

static bool check_vague(struct pl_trial_reading *reading, const struct pl_yaml *at, const struct pl_trial_graph *made) {
    for (unsigned i = 0; i < made->graph->node_count; i++) {
        const struct pl_graph_node *node = &made->graph->nodes[i];
        if (!made->runs[i] || !node->vague) continue;
        pl__problem(reading->yaml->problems, at,
                    "node %s (%s:%d) takes values from variables that are not set; say them in env", node->name,
                    node->place.file, node->place.line);
        return false;
    }
    return true;
}

/* ---- Feeds ---- */

static bool add_feed(struct pl_trial_reading *reading, struct pl_trial_graph *made, const struct pl_graph_edge *edge) {
    const struct pl_graph_node *from = &made->graph->nodes[edge->from];
    for (unsigned i = 0; i < made->feed_count; i++)
        if (made->feeds[i].node == edge->from && made->feeds[i].port == edge->from_port) return true;
    const char *name = edge->from_port ? pl__arena_print(reading->yaml->arena, "%s.%s", from->name,
                                                         from->op->outputs[edge->from_port].name)
                                       : from->name;
    made->feeds[made->feed_count++] = (struct pl_trial_feed){.node = edge->from,
                                                             .port = edge->from_port,
                                                             .kind = from->kinds_out[edge->from_port],
                                                             .disorder = from->settings.disorder,
                                                             .name = name};
    return name != NULL;
}

/* Of what runs, and of sinks. */
static bool find_feeds(struct pl_trial_reading *reading, struct pl_trial_graph *made) {
    const struct pl_graph *graph = made->graph;
    unsigned edges = 0;
    bool good = true;
    for (unsigned i = 0; i < graph->node_count; i++)
        edges += graph->nodes[i].input_count;
    made->feeds = pl__arena_alloc(reading->yaml->arena, (edges + 1) * sizeof *made->feeds);
    for (unsigned i = 0; made->feeds && i < graph->node_count; i++)
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++) {
            const struct pl_graph_edge *edge = &graph->nodes[i].inputs[k];
            bool wanted = made->runs[i] || pl__is_outlet(graph->nodes[i].op);
            if (wanted && !made->runs[edge->from]) good = add_feed(reading, made, edge) && good;
        }
    return made->feeds && good;
}

const struct pl_trial_graph *pl__trial_graph(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                                             const struct pl_yaml *at) {
    struct pl_trial_graph *made = PL__ARENA_NEW(reading->yaml->arena, struct pl_trial_graph);
    if (!made || !(made->graph = load(reading, setup, at))) return NULL;
    made->runs = pl__arena_alloc(reading->yaml->arena, made->graph->node_count * sizeof *made->runs);
    bool good = made->runs && choose_nodes(reading, setup, at, made) && check_vague(reading, at, made) &&
                find_feeds(reading, made);
    if (good) return made;
    pl__trial_graph_free(made);
    return NULL;
}

void pl__trial_graph_free(struct pl_trial_graph *graph) {
    if (!graph) return;
    pl_graph_free(graph->graph);
    graph->graph = NULL;
}

/* ---- Ports ---- */

bool pl__trial_port(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *text, unsigned *node,
                    unsigned *port) {
    const struct pl_graph *graph = reading->graph->graph;
    struct pl_place place = at->key ? at->key_place : at->place;
    size_t length = strcspn(text, ".");
    for (*node = 0; *node < graph->node_count; ++*node)
        if (strlen(graph->nodes[*node].name) == length && memcmp(graph->nodes[*node].name, text, length) == 0) break;
    const char *name = pl__arena_text(reading->yaml->arena, text, length);
    if (*node == graph->node_count || !name) {
        if (name) report_no_node(reading, graph, place, name);
        return false;
    }
    const struct pl_operator *op = graph->nodes[*node].op;
    const struct pl_port *ports = op->outputs ? op->outputs : op->inputs;
    int found = text[length] ? pl__ports_find(ports, text + length + 1, strlen(text + length + 1)) : 0;
    *port = (unsigned)found;
    if (found >= 0) return true;
    const char *names[PL_NODE_PORTS_MAX];
    size_t count = 0;
    for (const struct pl_port *p = ports; p->name && count < PL_NODE_PORTS_MAX; p++)
        names[count++] = p->name;
    const char *what = pl__arena_print(reading->yaml->arena, "%s has no %s", name, op->outputs ? "output" : "input");
    if (what) pl__trial_unknown(reading, place, what, text + length + 1, names, count);
    return false;
}
