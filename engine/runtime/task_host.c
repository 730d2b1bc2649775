/* task_host.c: what an operator emits, and where it goes. */
#include <string.h>

#include <potline/alloc.h>

#include "log/log.h"
#include "runtime/plant_time.h"
#include "runtime/task_impl.h"

/* ---- What a source makes ---- */

static void send_last(struct pl_task *task, bool more) {
    struct pl_batch *batch = task->last;
    task->last = NULL;
    if (!batch) return;
    batch->more = more;
    pl_outputs_emit(&task->outputs, 0, batch);
}

/* Where the source stands now. Without memory the batch goes without: the log keeps an earlier position then, and rows
 * are doubled after a death; so the source cannot go on. */
static void attach_position(struct pl_task *task, struct pl_batch *batch) {
    const struct pl_operator *op = task->node.config.op;
    struct pl_pack *pack = pl_pack_new();
    if (pack && op->snapshot) op->snapshot(task->node.self, &task->node, pack);
    if (pack && !op->snapshot) pl_pack_nil(pack);
    if (pack && task->injected) pl_pack_uint(pack, task->injected);
    size_t size = pack ? pl_pack_size(pack) : 0;
    if (pack && !pl_pack_failed(pack) && size <= PL_LOG_POSITION_MAX) batch->position = pl_alloc(size);
    if (batch->position) {
        memcpy(batch->position, pl_pack_data(pack), size);
        batch->position_size = (uint16_t)size;
    } else {
        pl_fail(&task->node, "its position is too long, or there is no memory for it");
    }
    pl_pack_free(pack);
}

/* What one call of `produce` has made is whole. */
void pl__task_hand_on_whole(struct pl_task *task) {
    if (!task->last) return;
    attach_position(task, task->last);
    send_last(task, false);
}

static void hand_on(struct pl_task *task, unsigned port, struct pl_batch *batch) {
    batch->port = (uint8_t)port;
    if (!task->node.config.op->snapshot && !task->whole) { /* it has no position: a live source */
        pl_outputs_emit(&task->outputs, 0, batch);
        return;
    }
    send_last(task, true);
    task->last = batch;
}

/* ---- The node's host ---- */

/* Of a node that is no source: into its zone, with the epoch at hand. */
static enum pl_flow put_letter(struct pl_task *task, struct pl_batch *batch) {
    struct pl_error *error = NULL;
    enum pl_code code = task->letters ? PL_OK : pl_zone_open(&task->node, PL_DEAD, &task->letters, &error);
    if (!code) code = pl_zone_put(task->letters, batch, &error);
    if (code)
        pl_node_diag(&task->node, PL_ERROR, "a dead letter is not kept: %s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

static enum pl_flow emit_letter(struct pl_task *task, struct pl_batch *batch) {
    if (task->beside) {
        pl_batch_unref(batch);
        return PL_FLOW_OK;
    }
    if (task->gate) return put_letter(task, batch);
    hand_on(task, task->letters_port, batch);
    return PL_FLOW_OK;
}

static enum pl_flow task_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct pl_task *task = node->owner;
    if (PL_UNLIKELY(port == PL_PORT_LETTERS)) return emit_letter(task, batch);
    pl_stat_add(&task->stats.batches_out, 1);
    pl_stat_add(&task->stats.rows_out, batch->rows);
    pl_stat_add(&task->stats.bytes_out, batch->message_size);
    if (PL_UNLIKELY(task->taps)) pl_tap_offer(task->taps, port, batch);
    if (task->gate) {
        pl_outputs_emit(&task->outputs, port, batch);
        return PL_FLOW_OK;
    }
    pl_stat_add(&task->stats.given, port == 0);
    hand_on(task, port, batch);
    return PL_FLOW_OK;
}

static bool task_wanted(const struct pl_node *node, unsigned port) {
    const struct pl_task *task = node->owner;
    return !task->gate || pl_outputs_wanted(&task->outputs, port); /* all of a source goes into the log */
}

static void task_wake(struct pl_node *node) {
    struct pl_task *task = node->owner;
    pl_ready(&task->runnable);
}

static bool task_answered(struct pl_node *node) {
    struct pl_task *task = node->owner;
    return pl_plant_answered(node->config.plant, &task->runnable);
}

const struct pl_node_host pl_task_node_host = {
    .emit = task_emit, .wanted = task_wanted, .wake = task_wake, .answered = task_answered};
