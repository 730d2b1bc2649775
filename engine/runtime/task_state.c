/* task_state.c: what a task brings to a checkpoint, and takes from one. */
#include <string.h>

#include <potline/alloc.h>

#include "runtime/isolation.h"
#include "runtime/task_impl.h"
#include "store/epochs.h"

static bool has_codec(struct pl_task *task) {
    if (!task->codec) task->codec = pl_codec_new(task->node.config.tags);
    return task->codec != NULL;
}

/* What waits in front of the operator. */
static bool save_inputs(struct pl_task *task, struct pl_pack *pack, struct pl_buffer *out) {
    struct pl_error *error = NULL;
    enum pl_code code = has_codec(task) ? PL_OK : PL_NO_MEMORY;
    if (!code && pl_gate_merges(task->gate)) {
        code = pl_gate_save(task->gate, task->codec, pack, &error);
        pl_state_put_pack(out, PL_STATE_GATE, pack);
        pl_pack_reset(pack);
    }
    if (!code && task->backlog) {
        code = pl_backlog_save(task->backlog, task->codec, pack, &error);
        pl_state_put_pack(out, PL_STATE_BACKLOG, pack);
        pl_pack_reset(pack);
    }
    pl_error_free(&error);
    return !code;
}

/* What has changed since the last barrier; the buffer fails when it is not all there. */
void pl__task_save(struct pl_task *task, bool ended, struct pl_changes *changes) {
    struct pl_buffer *out = &changes->entries;
    pl_buffer_init(out, SIZE_MAX / 2);
    changes->file_count = 0;
    changes->exchanged = NULL;
    if (!task->node.config.recovers) return;
    if (task->isolation)
        pl__isolation_save(task, out);
    else
        pl_node_save(&task->node, out);
    changes->file_count = task->node.sync_count;
    memcpy(changes->files, task->node.sync, sizeof changes->files);
    task->node.sync_count = 0;
    struct pl_pack *pack = pl_pack_new();
    bool inputs = pl_gate_merges(task->gate) || task->backlog;
    if (!pack || (inputs && !save_inputs(task, pack, out))) {
        out->failed = true;
        pl_pack_free(pack);
        return;
    }
    pl_pack_array(pack, 5);
    pl_pack_int(pack, task->watermark);
    pl_pack_int(pack, task->given);
    pl_pack_bool(pack, ended);
    pl_pack_int(pack, task->waits[PL__WAITS_WATERMARK] ? task->waiting[PL__WAITS_WATERMARK].time : PL_TIME_MIN);
    pl_pack_bool(pack, task->waits[PL__WAITS_WATERMARK] && task->waiting[PL__WAITS_WATERMARK].idle);
    pl_state_put_pack(out, PL_STATE_TASK, pack);
    pl_pack_free(pack);
}

/* How far it was. PL_NOT_FOUND: it has never passed a barrier. */
static enum pl_code unpack_progress(struct pl_task *task, const void *bytes, size_t size, struct pl_error **error) {
    enum pl_code code = PL_OK;
    struct pl_unpack unpack;
    uint32_t items;
    pl_unpack_init(&unpack, bytes, size);
    struct pl_item *waiting = &task->waiting[PL__WAITS_WATERMARK];
    if (!pl_unpack_array(&unpack, &items) || items != 5 || !pl_unpack_int(&unpack, &task->watermark) ||
        !pl_unpack_int(&unpack, &task->given) || !pl_unpack_bool(&unpack, &task->over) ||
        !pl_unpack_int(&unpack, &waiting->time) || !pl_unpack_bool(&unpack, &waiting->idle))
        code = pl_error_set(error, PL_CORRUPT, "how far it was is damaged");
    waiting->type = PL_ITEM_WATERMARK;
    task->waits[PL__WAITS_WATERMARK] = !code && waiting->time > PL_TIME_MIN;
    atomic_store(&task->stats.watermark, task->watermark);
    return code;
}

static enum pl_code view_progress(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    if (entry->key[0] != PL_STATE_TASK) return PL_OK;
    return unpack_progress(arg, entry->value, entry->value_size, error);
}

enum pl_code pl__task_load_progress(struct pl_task *task, struct pl_error **error) {
    const struct pl_node_config *config = &task->node.config;
    uint16_t partition = config->lane;
    void *bytes;
    size_t size;
    if (task->view) return pl_epochs_load_view(task->view, task->was, partition, view_progress, task, error);
    enum pl_code code = pl_epochs_find(config->store, config->name, partition, PL_STATE_TASK, &bytes, &size, error);
    if (code) return code;
    code = unpack_progress(task, bytes, size, error);
    pl_free(bytes);
    return code;
}

/* A sink that is to hold up the graph now works its backlog off all the same, before anything else. */
static enum pl_code load_backlog(struct pl_task *task, struct pl_unpack *unpack, struct pl_error **error) {
    if (!task->backlog) task->backlog = pl_backlog_new(task->spill);
    if (!task->backlog || !has_codec(task)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its state");
    return pl_backlog_load(task->backlog, task->codec, unpack, error);
}

enum pl_code pl__task_load_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_task *task = arg;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    switch (entry->key[0]) {
    case PL_STATE_TASK: return PL_OK; /* known before it was opened */
    case PL_STATE_GATE:
        if (!has_codec(task)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its state");
        return pl_gate_load(task->gate, task->codec, &unpack, error);
    case PL_STATE_BACKLOG: return load_backlog(task, &unpack, error);
    default: return pl_node_load(&task->node, entry, error);
    }
}

enum pl_code pl__task_load(struct pl_task *task, struct pl_error **error) {
    const struct pl_node_config *config = &task->node.config;
    uint16_t partition = config->lane;
    enum pl_code code = PL_OK;
    if (task->recall && task->view)
        code = pl_epochs_load_view(task->view, task->was, partition, pl__task_load_entry, task, error);
    else if (task->recall)
        code = pl_epochs_load(config->store, config->name, partition, pl__task_load_entry, task, error);
    if (!code && task->spill && !task->view) pl_spill_kept_all(task->spill);
    return code;
}

static enum pl_code restore_position(struct pl_task *task, struct pl_error **error) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, task->position->data, task->position->size);
    return task->node.config.op->restore(task->node.self, &task->node, &unpack, error);
}

/* What the source says, nil where it says nothing; then the last letter that was given in again, where one was. */
enum pl_code pl__task_go_to_position(struct pl_task *task, struct pl_error **error) {
    const struct pl_operator *op = task->node.config.op;
    struct pl_unpack unpack, letters;
    atomic_store(&task->orders, op->inject && task->node.config.keeps_losses);
    if (!task->position || !task->position->size) return PL_OK;
    pl_unpack_init(&unpack, task->position->data, task->position->size);
    letters = unpack;
    if (!pl_unpack_skip(&letters) || (letters.at < letters.end && !pl_unpack_uint(&letters, &task->injected)))
        return pl_error_set(error, PL_CORRUPT, "where it stood is damaged");
    return op->restore && !pl_unpack_nil(&unpack) ? restore_position(task, error) : PL_OK;
}
