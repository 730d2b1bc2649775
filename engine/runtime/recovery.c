#include "recovery.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "runtime/plan.h"
#include "runtime/regroup.h"
#include "store/history.h"

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
}

enum pl_code pl_recovery_describe(const struct pl_graph *graph, unsigned partitions, struct pl_epoch *now,
                                  struct pl_error **error) {
    *now = (struct pl_epoch){.graph = graph->hash, .partitions = partitions};
    now->nodes = pl_alloc((graph->node_count + 1) * sizeof *now->nodes);
    if (!now->nodes) return no_memory(error);
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        struct pl_epoch_node *described = &now->nodes[now->node_count++];
        described->name = pl_strdup(node->name);
        described->op = pl_strdup(node->op->name);
        described->options = pl_graph_state_hash(node);
        described->instances = (uint16_t)pl_plan_instances(graph, node);
        if (!described->name || !described->op) {
            pl_epoch_fini(now);
            return no_memory(error);
        }
    }
    return PL_OK;
}

static bool is_among(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

const struct pl_epoch_node *pl_recovery_kept(const struct pl_epoch *last, const char *name) {
    for (unsigned i = 0; i < last->node_count; i++)
        if (strcmp(last->nodes[i].name, name) == 0) return &last->nodes[i];
    return NULL;
}

/* What was kept of a node: under its name, or else under the one that it had before. */
static const struct pl_epoch_node *kept_of(const struct pl_epoch *last, const struct pl_graph_node *node) {
    const struct pl_epoch_node *kept = pl_recovery_kept(last, node->name);
    return kept || !node->settings.was || !node->settings.was[0] ? kept : pl_recovery_kept(last, node->settings.was);
}

static bool in_group(const struct pl_graph *graph) {
    const struct pl_graph_settings *settings = &graph->settings;
    return settings->log_kind == PL_LOG_KAFKA && settings->log_group && *settings->log_group;
}

/* From a copy a partition to one for the plant, or back: in a group nobody has the state of all partitions. */
static bool is_reshaped(const struct pl_recovery *recovery, const struct pl_epoch_node *kept,
                        const struct pl_epoch_node *now) {
    return in_group(recovery->graph) && kept->instances != now->instances;
}

static bool knows_anything(const struct pl_operator *op) {
    return op->tables || op->snapshot;
}

/* In a group the changelog has it under its old name: who took it over would have what has changed since, and no more.
 */
static enum pl_code check_node(const struct pl_recovery *recovery, const struct pl_graph_node *node,
                               const struct pl_epoch_node *kept, const struct pl_epoch_node *now,
                               struct pl_error **error) {
    const char *way_out = "; go back, or start it afresh with --reset";
    if (in_group(recovery->graph) && strcmp(kept->name, now->name) != 0)
        return pl_error_at(error, PL_CONFLICT, node->place,
                           "node %s: it was %s, and a group keeps state under the name that it was made with; go back, "
                           "or leave `was` out, and it starts afresh",
                           now->name, kept->name);
    if (is_reshaped(recovery, kept, now))
        return pl_error_at(error, PL_CONFLICT, node->place,
                           "node %s: its state was shared out among %u instances, now there are %u, which a group "
                           "cannot do; go back, or give it another name, and it starts afresh",
                           now->name, kept->instances, now->instances);
    if (strcmp(kept->op, now->op) != 0)
        return pl_error_at(error, PL_CONFLICT, node->place, "node %s: its state was made by %s, it is %s now%s %s",
                           now->name, kept->op, now->op, way_out, now->name);
    if (!pl_graph_state_fits(node, kept->options))
        return pl_error_at(error, PL_CONFLICT, node->place,
                           "node %s: its state was made with other values of options that give it its meaning%s %s",
                           now->name, way_out, now->name);
    return PL_OK;
}

/* Is what is kept of a node not wanted? */
static bool is_reset(const struct pl_recovery *recovery, const struct pl_graph_node *node,
                     const struct pl_epoch_node *kept, const struct pl_epoch_node *now) {
    return is_among(recovery->reset, node->name) || (recovery->without_sinks && !node->op->outputs) ||
           (kept && is_reshaped(recovery, kept, now) && !knows_anything(node->op)) ||
           (kept && recovery->agreed && strcmp(kept->op, now->op) != 0) ||
           (kept && recovery->lenient && check_node(recovery, node, kept, now, NULL) != PL_OK);
}

bool pl_recovery_goes_on(const struct pl_recovery *recovery, const struct pl_epoch *last, const struct pl_epoch *now,
                         const char *name) {
    const struct pl_graph *graph = recovery->graph;
    const struct pl_epoch_node *kept = pl_recovery_kept(last, name);
    for (unsigned i = 0; kept && i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return !is_reset(recovery, &graph->nodes[i], kept, &now->nodes[i]);
    return false;
}

enum pl_code pl_recovery_no_such_node(const struct pl_graph *graph, const char *option, const char *name,
                                      struct pl_error **error) {
    const char **names = pl_alloc((graph->node_count + 1) * sizeof *names);
    for (unsigned i = 0; names && i < graph->node_count; i++)
        names[i] = graph->nodes[i].name;
    const char *nearest = names ? pl_text_nearest(name, names, graph->node_count) : NULL;
    enum pl_code code = pl_error_set(error, PL_UNKNOWN, "--%s %s: the graph has no such node%s%s%s", option, name,
                                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    pl_free(names);
    return code;
}

static enum pl_code check_reset(const struct pl_graph *graph, const char *const *reset, struct pl_error **error) {
    for (; reset && *reset; reset++) {
        const struct pl_graph_node *found = NULL;
        for (unsigned i = 0; i < graph->node_count && !found; i++)
            if (strcmp(graph->nodes[i].name, *reset) == 0) found = &graph->nodes[i];
        if (!found) return pl_recovery_no_such_node(graph, "reset", *reset, error);
        if (!found->op->inputs)
            return pl_error_set(error, PL_USAGE, "--reset %s: it is a source, whose place is in the log; see --fresh",
                                *reset);
    }
    return PL_OK;
}

enum pl_code pl_recovery_check(const struct pl_recovery *recovery, const struct pl_epoch *last,
                               const struct pl_epoch *now, struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    enum pl_code code = check_reset(graph, recovery->reset, error);
    if (code) return code;
    for (unsigned i = 0; i < graph->node_count && !code; i++) {
        const struct pl_epoch_node *kept = kept_of(last, &graph->nodes[i]);
        if (kept && !is_reset(recovery, &graph->nodes[i], kept, &now->nodes[i]))
            code = check_node(recovery, &graph->nodes[i], kept, &now->nodes[i], error);
    }
    return code;
}

/* ---- Nodes that the graph does not have ---- */

enum { NAMES_TOLD = 2000 };

static bool is_gone(const struct pl_graph *graph, const struct pl_epoch *last, const struct pl_epoch_node *node) {
    for (unsigned k = 0; k < graph->node_count; k++)
        if (kept_of(last, &graph->nodes[k]) == node) return false;
    return true;
}

/* "a, b, c"; how many there are. */
static unsigned name_gone(const struct pl_graph *graph, const struct pl_epoch *last, char names[NAMES_TOLD]) {
    unsigned count = 0;
    size_t used = 0;
    names[0] = 0;
    for (unsigned i = 0; i < last->node_count; i++) {
        const char *name = last->nodes[i].name;
        if (!is_gone(graph, last, &last->nodes[i])) continue;
        if (used < NAMES_TOLD)
            used += (size_t)snprintf(names + used, NAMES_TOLD - used, "%s%s", count ? ", " : "", name);
        count++;
    }
    return count;
}

/* ---- Whose folder it is ---- */

struct owner {
    const char *name; /* of the graph that is to run */
    char was[PL_NAME_MAX + 1], path[512];
};

static enum pl_code look_at_newest(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    struct owner *owner = arg;
    (void)error;
    snprintf(owner->was, sizeof owner->was, "%s", entry->name);
    snprintf(owner->path, sizeof owner->path, "%s", entry->path);
    return PL_BUSY;
}

/* A file that was taken by mistake would empty the folder of what another graph knows. */
static enum pl_code check_owner(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    struct owner owner = {.was = ""};
    char names[NAMES_TOLD];
    if (!last->number || recovery->lenient || recovery->another) return PL_OK;
    enum pl_code code = pl_history_each(recovery->store, look_at_newest, &owner, error);
    if (code && code != PL_BUSY) return code;
    if (!owner.was[0] || strcmp(owner.was, graph->settings.name) == 0) return PL_OK;
    unsigned count = name_gone(graph, last, names);
    return pl_error_set(error, PL_CONFLICT,
                        "the data folder is of the graph %s (%s), and this one is %s%s%s; give it a folder of its own "
                        "(--data), or take this one over with --another-graph",
                        owner.was, owner.path, graph->settings.name,
                        count ? ": what is kept of nodes that it does not have would go, of " : "", names);
}

static void tell_node(const struct pl_epoch_node *kept, const char *name, bool recalled) {
    if (!recalled)
        pl_diag(PL_INFO, "node %s starts afresh", name);
    else if (strcmp(kept->name, name) != 0)
        pl_diag(PL_INFO, "node %s takes over what was kept of %s", name, kept->name);
}

/* Names of which nothing is to be left. */
struct gone {
    const char **names; /* ends in NULL, as there is room for one more */
    unsigned count;
};

static void let_go(struct gone *gone, const char *name) {
    gone->names[gone->count++] = name;
}

/* Under a name that is new, a death on the way to another graph may have left what it had copied. */
static bool is_renamed(const struct pl_epoch_node *kept, const struct pl_graph_node *node) {
    return kept && strcmp(kept->name, node->name) != 0;
}

static enum pl_code take_over(const struct pl_recovery *recovery, const struct pl_epoch *last, unsigned i,
                              const struct pl_epoch *now, bool *recall, struct pl_error **error) {
    const struct pl_graph_node *node = &recovery->graph->nodes[i];
    const struct pl_epoch_node *kept = kept_of(last, node);
    *recall = kept && !is_reset(recovery, node, kept, &now->nodes[i]);
    if (kept) tell_node(kept, node->name, *recall);
    return *recall && is_renamed(kept, node) ? pl_epochs_copy(recovery->epochs, kept->name, node->name, error) : PL_OK;
}

static void let_go_of(const struct pl_recovery *recovery, const struct pl_epoch *last, unsigned i,
                      const struct pl_epoch *now, struct gone *gone) {
    const struct pl_graph_node *node = &recovery->graph->nodes[i];
    const struct pl_epoch_node *kept = kept_of(last, node);
    if (!kept || is_reset(recovery, node, kept, &now->nodes[i])) let_go(gone, node->name);
    if (is_renamed(kept, node)) let_go(gone, kept->name);
}

/* All of them in one message, as far as it has room. */
static void tell_gone(const struct pl_graph *graph, const struct pl_epoch *last) {
    char names[NAMES_TOLD];
    unsigned count = name_gone(graph, last, names);
    if (count == 1) pl_diag(PL_WARN, "node %s is not in the graph any more: what was kept of it goes", names);
    if (count > 1) pl_diag(PL_WARN, "nodes %s are not in the graph any more: what was kept of them goes", names);
}

/* A node that the graph does not have any more would come back with what it knew long ago. */
static void forget_others(const struct pl_graph *graph, const struct pl_epoch *last, struct gone *gone) {
    tell_gone(graph, last);
    for (unsigned i = 0; i < last->node_count; i++)
        if (is_gone(graph, last, &last->nodes[i])) let_go(gone, last->nodes[i].name);
}

/* ---- With another number of partitions ---- */

/* Has a node that is to go on another number of instances than it had? */
static bool is_shared_out_anew(const struct pl_graph *graph, const struct pl_epoch *last, const struct pl_epoch *now) {
    if (!last->number) return false;
    bool anew = last->partitions != now->partitions;
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_epoch_node *kept = kept_of(last, &graph->nodes[i]);
        anew |= kept && kept->instances != now->nodes[i].instances;
    }
    return anew;
}

static bool is_wanted(const struct pl_epoch_node *const *kept, unsigned count, const struct pl_epoch_node *node) {
    for (unsigned i = 0; i < count; i++)
        if (kept[i] == node) return true;
    return false;
}

/* What was kept of each node, and the names of those of which nothing is wanted. */
static void choose_nodes(const struct pl_recovery *recovery, const struct pl_epoch *last, const struct pl_epoch *now,
                         const struct pl_epoch_node **kept, const char **forgotten, bool *recall) {
    const struct pl_graph *graph = recovery->graph;
    unsigned count = 0;
    tell_gone(graph, last);
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_epoch_node *found = kept_of(last, &graph->nodes[i]);
        recall[i] = found && !is_reset(recovery, &graph->nodes[i], found, &now->nodes[i]);
        kept[i] = recall[i] ? found : NULL;
        if (found) tell_node(found, graph->nodes[i].name, recall[i]);
    }
    for (unsigned i = 0; i < last->node_count; i++)
        if (!is_wanted(kept, graph->node_count, &last->nodes[i])) forgotten[count++] = last->nodes[i].name;
}

static enum pl_code share_out(const struct pl_recovery *recovery, struct pl_epoch *last, const struct pl_epoch *now,
                              bool *recall, struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    const struct pl_epoch_node **kept = pl_alloc((graph->node_count + 1) * sizeof(struct pl_epoch_node *));
    const char **forgotten = pl_alloc((last->node_count + 1) * sizeof *forgotten);
    enum pl_code code;
    if (!kept || !forgotten) {
        code = no_memory(error);
    } else {
        choose_nodes(recovery, last, now, kept, forgotten, recall);
        code = pl_regroup(recovery, kept, forgotten, last, now, error);
    }
    pl_free(kept);
    pl_free(forgotten);
    return code;
}

/* ---- Before the first epoch ---- */

static const char shared_key[] = "log.shared"; /* among how many partitions rows are shared out until the first epoch */

static enum pl_code keep_shared(const struct pl_recovery *recovery, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    const uint16_t partitions = (uint16_t)recovery->partitions;
    rocksdb_writebatch_put_cf(writes, recovery->store->family[PL_STORE_META], shared_key, sizeof shared_key - 1,
                              (const char *)&partitions, sizeof partitions);
    enum pl_code code = pl_store_write(recovery->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* A death may leave rows in the log and no epoch that says how they are shared out. In a group the topic says it. */
static enum pl_code match_rows(const struct pl_recovery *recovery, struct pl_error **error) {
    if (in_group(recovery->graph)) return PL_OK;
    void *value = NULL;
    size_t size = 0;
    uint16_t partitions = (uint16_t)recovery->partitions;
    enum pl_code code =
        pl_store_get(recovery->store, PL_STORE_META, shared_key, sizeof shared_key - 1, &value, &size, error);
    if (!code && size == sizeof partitions) memcpy(&partitions, value, size);
    pl_free(value);
    if (code && code != PL_NOT_FOUND) return code;
    const struct pl_epoch none = {.partitions = partitions};
    code = PL_OK;
    if (partitions != recovery->partitions) code = pl_regroup_check_log(recovery, &none, recovery->partitions, error);
    return code ? code : keep_shared(recovery, error);
}

/* ---- What people have decided ---- */

/* That goes with a new name, also where the node starts afresh: under the new one before, and not any more under the
 * old one behind everything else. */
static enum pl_code each_renamed(const struct pl_recovery *recovery, const struct pl_epoch *last, bool before,
                                 struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < graph->node_count && !code; i++) {
        const char *name = graph->nodes[i].name;
        const struct pl_epoch_node *kept = kept_of(last, &graph->nodes[i]);
        if (!kept || strcmp(kept->name, name) == 0) continue;
        code = pl_kept_forget(recovery->store, before ? name : kept->name, error);
        if (!code && before) code = pl_kept_copy(recovery->store, kept->name, recovery->store, name, error);
    }
    return code;
}

/* ---- The whole ---- */

static enum pl_code copy_renamed(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                 const struct pl_epoch *now, bool *recall, struct pl_error **error) {
    enum pl_code code = each_renamed(recovery, last, true, error);
    for (unsigned i = 0; i < recovery->graph->node_count && !code; i++)
        code = take_over(recovery, last, i, now, &recall[i], error);
    return code;
}

static enum pl_code describe_anew(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                  const struct pl_epoch *now, struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    struct gone gone = {.names = pl_alloc((2 * graph->node_count + last->node_count + 1) * sizeof *gone.names)};
    if (!gone.names) return no_memory(error);
    for (unsigned i = 0; i < graph->node_count; i++)
        let_go_of(recovery, last, i, now, &gone);
    forget_others(graph, last, &gone);
    struct pl_epoch described = *now;
    described.sequence = last->sequence;
    enum pl_code code = last->number ? pl_epochs_describe(recovery->epochs, &described, gone.names, error) : PL_OK;
    pl_free(gone.names);
    return code;
}

static enum pl_code describe_and_check(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                       struct pl_epoch *now, struct pl_error **error) {
    enum pl_code code = pl_recovery_describe(recovery->graph, recovery->partitions, now, error);
    if (code) return code;
    now->number = last->number;
    now->time = last->time;
    code = pl_recovery_check(recovery, last, now, error);
    if (code) pl_epoch_fini(now);
    return code;
}

enum pl_code pl_recovery_prepare(const struct pl_recovery *recovery, const struct pl_epoch *last, struct pl_epoch *now,
                                 bool *recall, struct pl_error **error) {
    enum pl_code code = describe_and_check(recovery, last, now, error);
    if (code) return code;
    code = copy_renamed(recovery, last, now, recall, error);
    if (code) pl_epoch_fini(now);
    return code;
}

enum pl_code pl_recovery_settle(const struct pl_recovery *recovery, const struct pl_epoch *last,
                                const struct pl_epoch *now, struct pl_error **error) {
    struct pl_error *left = NULL;
    enum pl_code code = describe_anew(recovery, last, now, error);
    if (!code && each_renamed(recovery, last, false, &left))
        pl_diag(PL_WARN, "what people have decided is kept under a name that is none any more, too: %s",
                left ? left->text : "no memory");
    pl_error_free(&left);
    return code;
}

void pl_recovery_withdraw(const struct pl_recovery *recovery, const struct pl_epoch *last) {
    for (unsigned i = 0; i < recovery->graph->node_count; i++) {
        const struct pl_graph_node *node = &recovery->graph->nodes[i];
        if (is_renamed(kept_of(last, node), node)) pl_kept_forget(recovery->store, node->name, NULL);
    }
}

enum pl_code pl_recovery_match(const struct pl_recovery *recovery, struct pl_epoch *last, struct pl_epoch *now,
                               bool *recall, struct pl_error **error) {
    enum pl_code code = last->number ? PL_OK : match_rows(recovery, error);
    if (!code) code = check_owner(recovery, last, error);
    if (!code) code = describe_and_check(recovery, last, now, error);
    if (code) return code;
    if (is_shared_out_anew(recovery->graph, last, now)) {
        code = each_renamed(recovery, last, true, error);
        if (!code) code = share_out(recovery, last, now, recall, error);
        if (!code) code = each_renamed(recovery, last, false, error);
    } else {
        code = copy_renamed(recovery, last, now, recall, error);
        if (!code) code = pl_recovery_settle(recovery, last, now, error);
    }
    if (code) pl_epoch_fini(now);
    return code;
}
