/* kinds.c: which kind travels on each edge, and whether it fits. */
#include <stdio.h>
#include <string.h>

#include "draft.h"
#include "options.h"

const char *pl__kinds_text(char buffer[PL_KINDS_TEXT], unsigned set, const char *between) {
    size_t used = 0;
    buffer[0] = 0;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        if (!(set & PL_SET(kind))) continue;
        bool last = !(set >> (kind + 1));
        const char *joint = !used ? "" : last ? between : ",";
        int n = snprintf(buffer + used, PL_KINDS_TEXT - used, "%s%s%s%s", used && last ? " " : "", joint,
                         used ? " " : "", pl_kind_info[kind].name);
        if (n > 0 && (size_t)n < PL_KINDS_TEXT - used) used += (size_t)n;
    }
    return buffer;
}

static const struct pl_port *port_of(const struct pl_draft_input *input) {
    return &input->from->op->outputs[input->from_port];
}

/* What an edge gives: a set of one kind; more when it depends on what is not known; 0: nothing is known. */
static unsigned kinds_of(const struct pl_draft_input *input) {
    return input->from->op && input->from->kinds_out ? input->from->kinds_out[input->from_port] : 0;
}

static bool is_one(unsigned set) {
    return set && !(set & (set - 1));
}

static void check_fit(const struct pl_draft *draft, const struct pl_draft_node *node,
                      const struct pl_draft_input *input) {
    const struct pl_port *port = &node->op->inputs[input->to_port];
    unsigned gives = kinds_of(input);
    char wanted[PL_KINDS_TEXT], given[PL_KINDS_TEXT];
    if (!gives || gives & port->kinds) return;
    bool many = node->op->inputs[1].name != NULL;
    pl__draft_problem(draft, node, input->at, ".from", "%s takes %s%s%s, but %s%s%s (%s) gives %s", node->op->name,
                      pl__kinds_text(wanted, port->kinds, "or"), many ? " at " : "", many ? port->name : "",
                      input->from->name, input->from_port ? "." : "", input->from_port ? port_of(input)->name : "",
                      input->from->op->name, pl__kinds_text(given, gives, "or"));
}

/* All that comes into one port is of one kind, unless the operator looks at each batch. */
static void check_same(const struct pl_draft *draft, const struct pl_draft_node *node, unsigned index) {
    const struct pl_draft_input *input = &node->inputs[index];
    unsigned gives = kinds_of(input);
    char ours[PL_KINDS_TEXT], theirs[PL_KINDS_TEXT];
    if (node->op->flags & PL_OP_MIXED || !is_one(gives)) return;
    for (unsigned i = 0; i < index; i++) {
        const struct pl_draft_input *other = &node->inputs[i];
        unsigned before = kinds_of(other);
        if (other->to_port != input->to_port || !is_one(before)) continue;
        if (before != gives && before & node->op->inputs[input->to_port].kinds)
            pl__draft_problem(draft, node, input->at, ".from",
                              "one input takes one kind, but %s gives %s and %s gives %s; use a node for each",
                              other->from->name, pl__kinds_text(theirs, before, "or"), input->from->name,
                              pl__kinds_text(ours, gives, "or"));
        return; /* against the first is enough */
    }
}

/* Nothing reaches the field but what a guard has let pass, straight from it. */
static void check_guarded(const struct pl_draft *draft, const struct pl_draft_node *node,
                          const struct pl_draft_input *input) {
    const struct pl_operator *from = input->from->op;
    const char *guard = NULL;
    if (!(node->op->flags & PL_OP_FIELD) || !from || from->flags & PL_OP_GUARD) return;
    if (!(kinds_of(input) & PL_SET(PL_SETPOINTS))) return;
    for (unsigned i = 0; i < draft->count && !guard; i++)
        if (draft->nodes[i].op && draft->nodes[i].op->flags & PL_OP_GUARD) guard = draft->nodes[i].name;
    char hint[2 * PL_NAME_MAX];
    snprintf(hint, sizeof hint,
             guard ? "take them from %s" : "put one between, like guard: { op: guard, from: { in: %s } }",
             guard ? guard : input->from->name);
    pl__draft_problem(draft, node, input->at, ".from",
                      "set points go to the field (%s) straight from a guard only, and %s (%s) is none; %s",
                      node->op->name, input->from->name, from->name, hint);
}

static void take_kinds(const struct pl_draft *draft, struct pl_draft_node *node) {
    for (unsigned i = 0; i < node->input_count; i++) {
        const struct pl_draft_input *input = &node->inputs[i];
        check_fit(draft, node, input);
        check_same(draft, node, i);
        check_guarded(draft, node, input);
        if (input->to_port == 0 && !node->kind_in) node->kind_in = kinds_of(input) & node->op->inputs[0].kinds;
    }
}

/* Signals are no wishes: without any, a guard has only what people set by hand to judge. */
static void warn_idle_guard(const struct pl_draft *draft, const struct pl_draft_node *node) {
    if (!(node->op->flags & PL_OP_GUARD) || !node->input_count || node->inputs_unknown) return;
    for (unsigned i = 0; i < node->input_count; i++) {
        unsigned gives = kinds_of(&node->inputs[i]), takes = node->op->inputs[node->inputs[i].to_port].kinds;
        if (!(gives & takes) || gives & PL_SET(PL_SETPOINTS)) return;
    }
    pl__problem_warn(draft->yaml->problems, node->inputs[0].at,
                     "%s.from: no node gives it set points, so nothing but what people set (guard set) can go to the "
                     "field; samples are signals that set points are judged by",
                     node->name);
}

/* The kind that the option `kind` names. */
static unsigned chosen_kind(const struct pl_draft_node *node, unsigned kinds) {
    const struct pl_option *row = pl__option_find(node->op->options, "kind");
    if (!row || row->type != PL_TYPE_CHOICE || !node->prototype || node->vague) return kinds;
    uint32_t kind = *(const uint32_t *)((const char *)node->prototype + row->offset);
    return kind < PL_KINDS ? PL_SET(kind) : kinds;
}

static void give_kinds(struct pl_draft_node *node) {
    for (unsigned i = 0; node->kinds_out && node->op->outputs && node->op->outputs[i].name; i++) {
        const struct pl_port *port = &node->op->outputs[i];
        switch (port->gives) {
        case PL_PORT_FIXED: node->kinds_out[i] = port->kinds; break;
        case PL_PORT_SAME: node->kinds_out[i] = node->kind_in; break;
        case PL_PORT_OPTION: node->kinds_out[i] = chosen_kind(node, port->kinds); break;
        }
    }
}

void pl__draft_kinds(struct pl_draft *draft) {
    for (unsigned i = 0; i < draft->ordered_count; i++) {
        struct pl_draft_node *node = draft->ordered[i];
        if (!node->op) continue;
        take_kinds(draft, node);
        warn_idle_guard(draft, node);
        give_kinds(node);
    }
}
