/* isolation_brief.c: what a process is told before its first item: which node it is, what that keeps, its state. */
#include <potline/kept.h>

#include "base/message.h"
#include "batch/tags.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "runtime/guest_config.h"
#include "runtime/isolation_impl.h"
#include "runtime/task_impl.h"
#include "store/epochs.h"

enum { STATE_PIECE = 256 << 10 };

static enum pl_code pack_kept_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct pl_pack *pack = arg;
    (void)error;
    pl_pack_str(pack, key);
    pl_pack_bin(pack, value->at, (size_t)(value->end - value->at));
    return PL_OK;
}

static enum pl_code count_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    (void)key;
    (void)value;
    (void)error;
    ++*(uint32_t *)arg;
    return PL_OK;
}

static enum pl_code pack_kept(struct pl_node *node, struct pl_pack *pack, struct pl_error **error) {
    uint32_t count = 0;
    enum pl_code code = pl_kept_each(node, count_one, &count, error);
    if (code) return code;
    pl_pack_map(pack, count);
    return pl_kept_each(node, pack_kept_one, pack, error);
}

static uint64_t wanted_ports(const struct pl_task *task) {
    uint64_t wanted = 0;
    for (unsigned port = 0; port < 64; port++)
        if (pl_outputs_wanted(&task->outputs, port)) wanted |= UINT64_C(1) << port;
    return wanted;
}

static enum pl_code send_config(struct pl_isolation *is, struct pl_error **error) {
    struct pl_task *task = is->task;
    const struct pl_graph *graph = is->options.graph;
    struct pl_guest_config config = {.node = task->node.config,
                                     .plugin = pl_registry_plugin(task->node.config.op),
                                     .epoch = task->node.epoch,
                                     .wanted = wanted_ports(task),
                                     .returns = task->backlog != NULL,
                                     .zones = task->node.config.store != NULL,
                                     .json = pl__diag_json(),
                                     .least = pl__diag_least(),
                                     .rules = graph->tag_rules,
                                     .rule_count = graph->tag_rule_count,
                                     .broadcast = is->options.broadcast,
                                     .tag_limit = pl_tags_limit(task->node.config.tags)};
    struct pl_pack *pack = pl_pack_new(), *kept = pl_pack_new();
    enum pl_code code = pack && kept ? pack_kept(&task->node, kept, error) : PL_NO_MEMORY;
    if (!code) pl_guest_config_pack(pack, &config, is->settings, kept);
    if (!code && (pl_pack_failed(pack) || pl_pack_failed(kept))) code = PL_NO_MEMORY;
    if (!code && pl_pack_size(pack) > PL_FRAME_BODY_MAX)
        code = pl_error_set(error, PL_LIMIT, "its options are too long for a process of its own");
    struct pl_frame frame = {.type = PL_FRAME_CONFIG};
    if (!code) {
        frame.body = pl_pack_data(pack);
        frame.size = pl_pack_size(pack);
        pl_child_send(&is->child, &frame);
    }
    pl_pack_free(pack);
    pl_pack_free(kept);
    return code;
}

struct loading {
    struct pl_isolation *is;
    struct pl_buffer piece;
};

static enum pl_code send_pieces(struct loading *loading, struct pl_error **error) {
    struct pl_buffer *piece = &loading->piece;
    if (pl_buffer_failed(piece)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its state");
    for (size_t at = 0; at < piece->size; at += PL_FRAME_PIECE) {
        struct pl_frame frame = {.type = PL_FRAME_STATE, .body = piece->data + at, .size = piece->size - at};
        if (frame.size > PL_FRAME_PIECE) frame.size = PL_FRAME_PIECE;
        pl_child_send(&loading->is->child, &frame);
    }
    pl_buffer_reset(piece);
    return PL_OK;
}

/* What is the operator's goes to its process, the rest is the task's. */
static enum pl_code load_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct loading *loading = arg;
    switch (entry->key[0]) {
    case PL_STATE_PROGRAM:
        if (loading->is->program) pl__isolation_send_entry(loading->is, entry);
        return PL_OK;
    case PL_STATE_TABLE:
    case PL_STATE_RECORD:
    case PL_STATE_TIMERS:
    case PL_STATE_SELF:
    case PL_STATE_OVERRIDES:
        pl_state_put(&loading->piece, entry->key, entry->key_size, entry->value, entry->value_size);
        return loading->piece.size < STATE_PIECE ? PL_OK : send_pieces(loading, error);
    default: return pl__task_load_entry(loading->is->task, entry, error);
    }
}

static enum pl_code send_state(struct pl_isolation *is, struct pl_error **error) {
    const struct pl_task *task = is->task;
    const struct pl_node_config *config = &task->node.config;
    struct loading loading = {.is = is};
    if (is->begun || !config->recovers) return PL_OK;
    pl_buffer_init(&loading.piece, SIZE_MAX / 2);
    enum pl_code code = PL_OK;
    if (task->recall) code = pl_epochs_load(config->store, config->name, config->lane, load_entry, &loading, error);
    if (!code) code = send_pieces(&loading, error);
    pl_buffer_fini(&loading.piece);
    if (!code && task->spill) pl_spill_kept_all(task->spill);
    return code;
}

enum pl_code pl__isolation_brief(struct pl_isolation *is, struct pl_error **error) {
    struct pl_frame open = {.type = PL_FRAME_OPEN};
    enum pl_code code = is->program ? pl__isolation_brief_program(is, error) : send_config(is, error);
    if (!code) code = send_state(is, error);
    if (!code) pl_child_send(&is->child, &open);
    return code;
}
