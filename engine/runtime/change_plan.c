/* change_plan.c: what becomes of every node on the way from one graph to another. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/change.h"
#include "runtime/plan.h"
#include "runtime/recovery.h"

const char *const pl_change_kinds[PL_CHANGE_KINDS] = {"kept", "restarted", "renamed", "added", "removed"};

static int find(const struct pl_graph *graph, const char *name) {
    for (unsigned i = 0; name && i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return (int)i;
    return -1;
}

static bool is_among(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

static bool is_same(const struct pl_change_options *options, const struct pl_graph_node *from,
                    const struct pl_graph_node *to, char *why, size_t room) {
    if (pl_graph_node_differs(from, to, why, room)) return false;
    bool reset = is_among(options->reset, to->name), asked = reset || is_among(options->restart, to->name);
    if (asked && room) snprintf(why, room, "%s", reset ? "it starts afresh" : "asked for");
    return !asked;
}

int pl_change_same(const struct pl_change_options *options, const struct pl_graph *from, const struct pl_graph *to,
                   unsigned node) {
    int at = find(to, from->nodes[node].name);
    return at >= 0 && is_same(options, &from->nodes[node], &to->nodes[at], NULL, 0) ? at : -1;
}

/* ---- Whether it can be done ---- */

static enum pl_code check_names(const struct pl_graph *graph, const char *const *names, const char *option,
                                struct pl_error **error) {
    for (; names && *names; names++)
        if (find(graph, *names) < 0) return pl_recovery_no_such_node(graph, option, *names, error);
    return PL_OK;
}

static enum pl_code check_state(const struct pl_change_options *options, const struct pl_graph *from,
                                struct pl_error **error) {
    struct pl_recovery recovery = {.graph = options->graph,
                                   .reset = options->reset,
                                   .lenient = options->lenient,
                                   .without_sinks = options->shadow};
    struct pl_epoch last, now;
    enum pl_code code = pl_recovery_describe(from, (unsigned)from->settings.partitions, &last, error);
    if (code) return code;
    code = pl_recovery_describe(options->graph, (unsigned)options->graph->settings.partitions, &now, error);
    if (!code) {
        code = pl_recovery_check(&recovery, &last, &now, error);
        pl_epoch_fini(&now);
    }
    pl_epoch_fini(&last);
    return code;
}

static enum pl_code check(const struct pl_change_options *options, const struct pl_graph *from,
                          struct pl_error **error) {
    const struct pl_graph *to = options->graph;
    const char *setting = pl_graph_settings_differ(from, to, options->anew);
    if (setting)
        return pl_error_set(error, PL_CONFLICT, "%s is another one than the running engine has, which takes a restart",
                            setting);
    enum pl_code code = check_names(to, options->restart, "restart", error);
    return code ? code : check_state(options, from, error);
}

/* ---- The plan ---- */

/* Going back lets go of what does not fit, and only says so (pl_recovery.lenient). */
static bool is_carried(const struct pl_graph_node *from, const struct pl_graph_node *to) {
    return strcmp(from->op->name, to->op->name) == 0 && pl_graph_state_fits(to, pl_graph_state_hash(from));
}

static void plan_node(const struct pl_change_options *options, const struct pl_graph *from, unsigned i,
                      struct pl_change_node *planned) {
    const struct pl_graph_node *node = &options->graph->nodes[i];
    int same = find(from, node->name), was = find(from, node->settings.was);
    planned->name = node->name;
    planned->op = node->op->name;
    planned->instances = pl_plan_instances(options->graph, node);
    if (same >= 0) {
        bool kept = is_same(options, &from->nodes[same], node, planned->why, sizeof planned->why);
        planned->kind = kept ? PL_CHANGE_KEPT : PL_CHANGE_RESTARTED;
    } else if (was >= 0) {
        planned->kind = PL_CHANGE_RENAMED;
        snprintf(planned->why, sizeof planned->why, "it was %s", node->settings.was);
    } else {
        planned->kind = PL_CHANGE_ADDED;
    }
    planned->state = planned->kind != PL_CHANGE_ADDED && !is_among(options->reset, node->name) &&
                     is_carried(&from->nodes[same >= 0 ? same : was], node);
}

static void plan_removed(const struct pl_change_options *options, const struct pl_graph *from,
                         struct pl_change_plan *plan) {
    for (unsigned i = 0; i < from->node_count; i++) {
        const struct pl_graph_node *node = &from->nodes[i];
        bool renamed = false;
        for (unsigned k = 0; k < options->graph->node_count && !renamed; k++) {
            const struct pl_graph_node *to = &options->graph->nodes[k];
            renamed = to->settings.was && strcmp(to->settings.was, node->name) == 0 && find(from, to->name) < 0;
        }
        if (renamed || find(options->graph, node->name) >= 0) continue;
        plan->nodes[plan->count++] = (struct pl_change_node){.name = node->name,
                                                             .op = node->op->name,
                                                             .kind = PL_CHANGE_REMOVED,
                                                             .instances = pl_plan_instances(from, node)};
    }
}

enum pl_code pl_change_plan_make(const struct pl_change_options *options, const struct pl_graph *from,
                                 struct pl_change_plan *plan, struct pl_error **error) {
    *plan = (struct pl_change_plan){0};
    enum pl_code code = check(options, from, error);
    if (code) return code;
    plan->nodes = pl_alloc((options->graph->node_count + from->node_count + 1) * sizeof *plan->nodes);
    if (!plan->nodes) return pl_error_set(error, PL_NO_MEMORY, "no memory for a plan");
    for (unsigned i = 0; i < options->graph->node_count; i++)
        plan_node(options, from, i, &plan->nodes[plan->count++]);
    plan_removed(options, from, plan);
    for (unsigned i = 0; i < plan->count; i++)
        plan->counts[plan->nodes[i].kind]++;
    return PL_OK;
}

void pl_change_plan_fini(struct pl_change_plan *plan) {
    pl_free(plan->nodes);
    *plan = (struct pl_change_plan){0};
}
