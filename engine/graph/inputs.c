/* inputs.c: what `from` names.
 *
 *     from: clean                     the first output of clean
 *     from: [clean, tenths.late]      several into the one input of this node, merged
 *     from: [left, right]             one each, for an operator with two inputs
 *     from: { in: clean, limits: l }  by the names of this node's inputs
 *     from: "clean-*"                 every node of that pattern
 */
#include <stdlib.h>
#include <string.h>

#include <potline/tag.h>
#include <potline/text.h>

#include "draft.h"

/* ---- Adding ---- */

static bool has_input(const struct pl_draft_node *node, const struct pl_draft_input *input) {
    for (unsigned i = 0; i < node->input_count; i++) {
        const struct pl_draft_input *other = &node->inputs[i];
        if (other->from == input->from && other->from_port == input->from_port && other->to_port == input->to_port)
            return true;
    }
    return false;
}

static bool add_input(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_draft_input *input) {
    if (draft->edges == PL_GRAPH_EDGES_MAX) {
        pl__draft_problem(draft, node, input->at, ".from", "more than 100,000 edges in the graph");
        return false;
    }
    if (node->input_count == node->input_room) {
        unsigned room = node->input_room ? node->input_room * 2 : 4;
        struct pl_draft_input *grown = pl__arena_alloc(draft->yaml->arena, room * sizeof *grown);
        if (!grown) return false;
        if (node->input_count) memcpy(grown, node->inputs, node->input_count * sizeof *grown);
        node->inputs = grown;
        node->input_room = room;
    }
    node->inputs[node->input_count++] = *input;
    draft->edges++;
    input->from->taken = true;
    return true;
}

/* ---- Names ---- */

static void report_no_node(struct pl_draft *draft, const struct pl_draft_node *node, const struct pl_yaml *at,
                           const char *name) {
    char quoted[PL_QUOTE_MAX];
    const char *nearest = NULL;
    if (draft->source->lost) return;
    const char **names = pl__problems_wanted(draft->yaml->problems, at)
                             ? pl__arena_alloc(draft->yaml->arena, draft->count * sizeof *names)
                             : NULL;
    if (names) {
        size_t count = 0;
        for (unsigned i = 0; i < draft->count; i++)
            if (&draft->nodes[i] != node) names[count++] = draft->nodes[i].yaml->key;
        nearest = pl_text_nearest(name, names, count);
    }
    pl__draft_problem(draft, node, at, ".from", "there is no node %s%s%s%s", pl__quote(quoted, name),
                      nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void report_no_port(struct pl_draft *draft, const struct pl_draft_node *node, const struct pl_yaml *at,
                           const struct pl_draft_node *from, const char *port) {
    const char *names[PL_NODE_PORTS_MAX];
    char quoted[PL_QUOTE_MAX], all[256] = "";
    size_t count = 0, used = 0;
    for (const struct pl_port *p = from->op->outputs; p && p->name && count < PL_NODE_PORTS_MAX; p++) {
        int n = snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", p->name);
        if (n > 0 && (size_t)n < sizeof all - used) used += (size_t)n;
        names[count++] = p->name;
    }
    const char *nearest = pl_text_nearest(port, names, count);
    pl__draft_problem(draft, node, at, ".from", "%s has no output %s%s%s%s%s%s", from->name, pl__quote(quoted, port),
                      nearest ? "; did you mean " : "; its outputs: ", nearest ? from->name : "", nearest ? "." : "",
                      nearest ? nearest : all, nearest ? "?" : "");
}

/* The output that a reference to a node means; -1 after reporting. */
static int output_of(struct pl_draft *draft, const struct pl_draft_node *node, const struct pl_yaml *at,
                     const struct pl_draft_node *from, const char *port) {
    if (!from->op) return 0;
    if (!from->op->outputs) {
        pl__draft_problem(draft, node, at, ".from", "%s is a sink (%s): it has no output", from->name, from->op->name);
        return -1;
    }
    int index = port ? pl__ports_find(from->op->outputs, port, strlen(port)) : 0;
    if (index < 0) report_no_port(draft, node, at, from, port);
    return index;
}

static void take_from(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *at,
                      struct pl_draft_node *from, const char *port, unsigned to_port) {
    int from_port = output_of(draft, node, at, from, port);
    if (from_port < 0) {
        node->inputs_unknown = true;
        return;
    }
    struct pl_draft_input input = {at, from, (unsigned)from_port, to_port};
    if (has_input(node, &input))
        pl__draft_problem(draft, node, at, ".from", "%s is given twice", at->text);
    else if (!add_input(draft, node, &input))
        node->inputs_unknown = true;
}

/* "clean-*": every node of the pattern but this one, in the order of the file. */
static void take_from_all(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *at,
                          const char *pattern, const char *port, unsigned to_port) {
    bool found = false;
    char quoted[PL_QUOTE_MAX];
    for (unsigned i = 0; i < draft->count; i++) {
        if (&draft->nodes[i] == node || !pl_glob(pattern, draft->nodes[i].yaml->key)) continue;
        found = true;
        take_from(draft, node, at, &draft->nodes[i], port, to_port);
        if (node->inputs_unknown) return;
    }
    if (found) return;
    node->inputs_unknown = true;
    if (!draft->source->lost)
        pl__draft_problem(draft, node, at, ".from", "no node fits %s", pl__quote(quoted, pattern));
}

static void take_reference(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *at,
                           unsigned to_port) {
    if (pl__problems_enough(draft->yaml->problems)) { /* and enough looking up of names */
        node->inputs_unknown = true;
        return;
    }
    if (at->any || at->type != PL_YAML_SCALAR || pl__yaml_null(at)) {
        node->inputs_unknown = true;
        if (!at->any) pl__draft_problem(draft, node, at, ".from", "expected the name of a node, or node.output");
        return;
    }
    const char *dot = strchr(at->text, '.');
    size_t length = dot ? (size_t)(dot - at->text) : strlen(at->text);
    char *name = pl__arena_text(draft->yaml->arena, at->text, length);
    struct pl_draft_node *from = pl__draft_find(draft, at->text, length);
    if (!name) return;
    if (from) {
        take_from(draft, node, at, from, dot ? dot + 1 : NULL, to_port);
    } else if (strpbrk(name, "*?{")) {
        take_from_all(draft, node, at, name, dot ? dot + 1 : NULL, to_port);
    } else {
        node->inputs_unknown = true;
        report_no_node(draft, node, at, name);
    }
}

/* ---- Forms of `from` ---- */

static void take_list(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *list,
                      unsigned to_port) {
    if (list->type != PL_YAML_LIST) {
        take_reference(draft, node, list, to_port);
        return;
    }
    for (const struct pl_yaml *item = list->first; item; item = item->next)
        take_reference(draft, node, item, to_port);
}

static void take_positions(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *list) {
    unsigned ports = pl__ports_count(node->op->inputs), port = 0;
    if (list->count > ports) {
        node->inputs_unknown = true;
        pl__draft_problem(draft, node, list, ".from", "%u nodes for the %u inputs of %s; name the inputs in a map",
                          list->count, ports, node->op->name);
        return;
    }
    for (const struct pl_yaml *item = list->first; item; item = item->next)
        take_reference(draft, node, item, port++);
}

static void list_ports(char *text, size_t room, const struct pl_port *ports) {
    size_t used = 0;
    for (const struct pl_port *p = ports; p->name; p++) {
        int n = snprintf(text + used, room - used, "%s%s", p == ports ? "" : ", ", p->name);
        if (n > 0 && (size_t)n < room - used) used += (size_t)n;
    }
}

static void take_named(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *map) {
    char quoted[PL_QUOTE_MAX], all[256] = "";
    list_ports(all, sizeof all, node->op->inputs);
    for (const struct pl_yaml *value = map->first; value; value = value->next) {
        int port = pl__ports_find(node->op->inputs, value->key, strlen(value->key));
        struct pl_yaml key = {.place = value->key_place, .repeated = value->repeated};
        if (port >= 0) {
            take_list(draft, node, value, (unsigned)port);
            continue;
        }
        node->inputs_unknown = true;
        pl__draft_problem(draft, node, &key, ".from", "%s has no input %s; its inputs: %s", node->op->name,
                          pl__quote(quoted, value->key), all);
    }
}

static void report_no_from(struct pl_draft *draft, struct pl_draft_node *node) {
    char kinds[PL_KINDS_TEXT];
    pl__draft_problem(draft, node, node->yaml, "", "from is missing: which node it takes %s from",
                      pl__kinds_text(kinds, node->op->inputs[0].kinds, "or"));
    node->inputs_unknown = true;
}

static void check_connected(struct pl_draft *draft, struct pl_draft_node *node, const struct pl_yaml *from) {
    for (unsigned port = 0; node->op->inputs[port].name && !node->inputs_unknown; port++) {
        bool connected = false;
        for (unsigned i = 0; i < node->input_count && !connected; i++)
            connected = node->inputs[i].to_port == port;
        if (connected) continue;
        char all[256] = "";
        list_ports(all, sizeof all, node->op->inputs);
        if (port == 0 && !node->op->inputs[1].name)
            pl__draft_problem(draft, node, from, ".from", "names no node");
        else
            pl__draft_problem(draft, node, from, ".from", "input %s gets nothing; the inputs of %s: %s",
                              node->op->inputs[port].name, node->op->name, all);
    }
}

static void read_from(struct pl_draft *draft, struct pl_draft_node *node) {
    const struct pl_yaml *from = node->yaml->type == PL_YAML_MAP ? pl__yaml_find(node->yaml, "from") : NULL;
    if (!node->op) {
        node->inputs_unknown = true;
        if (from && from->type != PL_YAML_MAP) take_list(draft, node, from, 0);
        return;
    }
    if (!node->op->inputs) {
        if (from)
            pl__draft_problem(draft, node, from, ".from", "%s is a source and takes from no node", node->op->name);
        return;
    }
    if (!from) {
        report_no_from(draft, node);
        return;
    }
    bool single = !node->op->inputs[1].name;
    if (from->any)
        node->inputs_unknown = true;
    else if (from->type == PL_YAML_MAP)
        take_named(draft, node, from);
    else if (single || from->type == PL_YAML_SCALAR)
        take_list(draft, node, from, 0);
    else
        take_positions(draft, node, from);
    if (!from->any) check_connected(draft, node, from);
}

static void collect_names(struct pl_draft *draft, struct pl_draft_node *node) {
    struct pl_strings *names = &node->settings.from;
    names->items = pl__arena_alloc(draft->yaml->arena, (node->input_count + 1) * sizeof *names->items);
    for (unsigned i = 0; names->items && i < node->input_count; i++) {
        const struct pl_draft_input *input = &node->inputs[i];
        names->items[names->count++] = input->from_port == 0 || !input->from->op
                                           ? input->from->name
                                           : pl__arena_print(draft->yaml->arena, "%s.%s", input->from->name,
                                                             input->from->op->outputs[input->from_port].name);
    }
}

static void warn_unused(const struct pl_draft *draft, const struct pl_draft_node *node) {
    struct pl_yaml key = {.place = node->yaml->key_place, .repeated = node->yaml->repeated};
    if (node->op && !node->op->inputs && !node->taken)
        pl__problem_warn(draft->yaml->problems, &key, "%s: no node takes from this source", node->name);
}

void pl__draft_inputs(struct pl_draft *draft) {
    bool all_known = true;
    for (unsigned i = 0; i < draft->count; i++) {
        read_from(draft, &draft->nodes[i]);
        collect_names(draft, &draft->nodes[i]);
        all_known = all_known && !draft->nodes[i].inputs_unknown;
    }
    for (unsigned i = 0; i < draft->count && all_known; i++)
        warn_unused(draft, &draft->nodes[i]);
}
