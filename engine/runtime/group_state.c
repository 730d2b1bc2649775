#include "runtime/group_state.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "store/ledger.h"

struct fit {
    const struct pl_recovery *recovery;
    struct pl_changelog *changelog;
    struct pl_epoch *found;
    struct pl_epoch now; /* the nodes of the graph */
    char **names;        /* of which the folder keeps something */
    unsigned count, room;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the state of a group");
}

static bool is_any(const struct fit *fit, unsigned partition) {
    return fit->found[partition].number != 0;
}

static enum pl_code note_name(void *arg, const char *name, struct pl_error **error) {
    struct fit *fit = arg;
    if (fit->count == fit->room) {
        unsigned room = fit->room ? 2 * fit->room : 64;
        char **grown = pl_realloc(fit->names, room * sizeof *grown);
        if (!grown) return no_memory(error);
        fit->names = grown;
        fit->room = room;
    }
    char *copy = pl_strdup(name);
    if (!copy) return no_memory(error);
    fit->names[fit->count++] = copy;
    return PL_OK;
}

static bool stays(const struct fit *fit, unsigned partition, const char *name) {
    return strcmp(name, PL_LEDGER_NODE) == 0 ||
           pl_recovery_goes_on(fit->recovery, &fit->found[partition], &fit->now, name);
}

/* ---- What leaves the changelog ---- */

static enum pl_code is_one(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    (void)arg, (void)entry, (void)error;
    return PL_BUSY;
}

/* Of a node that nobody describes it is of a graph long ago. */
static enum pl_code look_at(const struct fit *fit, unsigned partition, bool *changes, struct pl_error **error) {
    const struct pl_epoch *found = &fit->found[partition];
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < found->node_count && !*changes; i++)
        *changes = !stays(fit, partition, found->nodes[i].name);
    for (unsigned i = 0; i < fit->count && !code && !*changes; i++) {
        if (stays(fit, partition, fit->names[i])) continue;
        code = pl_epochs_load(fit->recovery->store, fit->names[i], (uint16_t)partition, is_one, NULL, error);
        *changes = code == PL_BUSY;
        if (code == PL_BUSY) code = PL_OK;
    }
    return code;
}

static enum pl_code put_change(struct fit *fit, unsigned partition, struct pl_error **error) {
    const struct pl_epoch *found = &fit->found[partition];
    struct pl_epoch described = fit->now;
    enum pl_code code = PL_OK;
    described.number = found->number;
    described.time = found->time;
    described.partitions = found->partitions;
    described.sequence = found->sequence;
    for (unsigned i = 0; i < fit->count && !code; i++)
        if (!stays(fit, partition, fit->names[i]))
            code = pl_changelog_forget(fit->changelog, fit->recovery->store, fit->names[i], (uint16_t)partition, error);
    return code ? code : pl_changelog_describe(fit->changelog, &described, partition, error);
}

/* A transaction of its own, as its state is: tombstones may be many. */
static enum pl_code change_partition(struct fit *fit, unsigned partition, struct pl_error **error) {
    bool done = true;
    enum pl_code code = PL_OK;
    while (!code && done) /* of a log that was opened just now none is under way */
        code = pl_changelog_begin(fit->changelog, &done, error);
    if (code) return code;
    code = put_change(fit, partition, error);
    PL_FAULT("group.leaving");
    if (!code)
        code = pl_changelog_settle(fit->changelog, error);
    else
        pl_changelog_drop(fit->changelog);
    return code;
}

static enum pl_code change_all(struct fit *fit, const bool *changes, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < fit->now.partitions && !code; p++)
        if (changes[p]) code = change_partition(fit, p, error);
    PL_FAULT("group.left");
    return code == PL_CONFLICT ? PL_UNAVAILABLE : code; /* who has lost its place meanwhile begins again */
}

/* ---- And the folder, by its next write ---- */

static void tell_afresh(const struct fit *fit, const char *name) {
    bool any = false;
    for (unsigned p = 0; p < fit->now.partitions; p++)
        any |= is_any(fit, p) && pl_recovery_kept(&fit->found[p], name) && !stays(fit, p, name);
    if (any && pl_recovery_kept(&fit->now, name)) pl_diag(PL_INFO, "node %s starts afresh", name);
}

static void let_go(struct fit *fit) {
    for (unsigned i = 0; i < fit->count; i++) {
        for (unsigned p = 0; p < fit->now.partitions; p++)
            if (is_any(fit, p) && !stays(fit, p, fit->names[i]))
                pl_epochs_let_go(fit->recovery->epochs, fit->names[i], (uint16_t)p);
        tell_afresh(fit, fit->names[i]);
    }
}

/* ---- What it goes on from ---- */

static enum pl_code add_node(struct pl_epoch *last, const struct pl_epoch_node *node, struct pl_error **error) {
    struct pl_epoch_node *nodes = pl_realloc(last->nodes, (last->node_count + 1) * sizeof *nodes);
    if (!nodes) return no_memory(error);
    last->nodes = nodes;
    struct pl_epoch_node *added = &nodes[last->node_count];
    *added = *node;
    added->name = pl_strdup(node->name);
    added->op = pl_strdup(node->op);
    last->node_count++; /* which frees both */
    return added->name && added->op ? PL_OK : no_memory(error);
}

/* All nodes of the graph, whose state is in order now, and those that it does not have: so they are told of. */
static enum pl_code describe(const struct fit *fit, struct pl_epoch *last, struct pl_error **error) {
    const struct pl_epoch before = *last;
    uint64_t *sequence = pl_alloc((fit->now.partitions + 1) * sizeof *sequence);
    enum pl_code code = PL_OK;
    if (!sequence) return no_memory(error);
    *last = (struct pl_epoch){.number = before.number, .time = before.time, .graph = fit->now.graph};
    last->partitions = fit->now.partitions;
    last->sequence = sequence;
    for (unsigned i = 0; i < fit->now.node_count && !code; i++)
        code = add_node(last, &fit->now.nodes[i], error);
    for (unsigned p = 0; p < last->partitions && !code; p++) {
        const struct pl_epoch *found = &fit->found[p];
        sequence[p] = is_any(fit, p) ? found->sequence[p] : UINT64_MAX;
        if (found->number > last->number) {
            last->number = found->number;
            last->time = found->time;
        }
        for (unsigned i = 0; i < found->node_count && !code; i++)
            if (!pl_recovery_kept(last, found->nodes[i].name)) code = add_node(last, &found->nodes[i], error);
    }
    pl_epoch_fini(
        &(struct pl_epoch){.nodes = before.nodes, .node_count = before.node_count, .sequence = before.sequence});
    return code;
}

/* ---- The whole ---- */

static enum pl_code check(const struct fit *fit, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < fit->now.partitions && !code; p++)
        if (is_any(fit, p)) code = pl_recovery_check(fit->recovery, &fit->found[p], &fit->now, error);
    return code;
}

static enum pl_code fit_all(struct fit *fit, bool *changes, struct pl_epoch *last, struct pl_error **error) {
    bool change = false;
    enum pl_code code = check(fit, error);
    if (!code) code = pl_epochs_each_node(fit->recovery->store, note_name, fit, error);
    for (unsigned p = 0; p < fit->now.partitions && !code; p++) {
        if (is_any(fit, p)) code = look_at(fit, p, &changes[p], error);
        change |= changes[p];
    }
    if (!code && change) code = change_all(fit, changes, error);
    if (!code && change) let_go(fit);
    if (!code) code = describe(fit, last, error);
    return code || !last->number ? code
                                 : pl_epochs_describe(fit->recovery->epochs, last, (const char *const[]){NULL}, error);
}

enum pl_code pl_group_state_fit(const struct pl_recovery *recovery, struct pl_changelog *changelog,
                                struct pl_epoch *found, struct pl_epoch *last, struct pl_error **error) {
    struct fit fit = {.recovery = recovery, .changelog = changelog, .found = found};
    enum pl_code code = pl_recovery_describe(recovery->graph, recovery->partitions, &fit.now, error);
    if (code) return code;
    bool *changes = pl_alloc((recovery->partitions + 1) * sizeof *changes);
    code = changes ? fit_all(&fit, changes, last, error) : no_memory(error);
    for (unsigned i = 0; i < fit.count; i++)
        pl_free(fit.names[i]);
    pl_free(fit.names);
    pl_free(changes);
    pl_epoch_fini(&fit.now);
    return code;
}
