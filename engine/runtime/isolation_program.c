/* isolation_program.c: a task whose operator is a program that is none of ours: what it is told first, and what its
 * rows are said to come from. */
#include "batch/batch_impl.h"
#include "graph/graph.h"
#include "runtime/isolation_impl.h"
#include "runtime/program_brief.h"
#include "runtime/task_impl.h"

enum pl_code pl__isolation_brief_program(struct pl_isolation *is, struct pl_error **error) {
    struct pl_task *task = is->task;
    const struct pl_node_config *config = &task->node.config;
    struct pl_program_brief brief = {.program = is->program,
                                     .node = config,
                                     .gives = config->op->outputs ? task->graph_node->kinds_out[0] : PL_SAMPLES,
                                     .partitions = (unsigned)is->options.graph->settings.partitions,
                                     .epoch = task->node.epoch,
                                     .hang = is->options.hang};
    struct pl_pack *pack = pl_pack_new();
    if (pack) pl_program_brief_pack(pack, &brief);
    enum pl_code code = !pack || pl_pack_failed(pack) ? PL_NO_MEMORY : PL_OK;
    struct pl_frame frame = {.type = PL_FRAME_CONFIG};
    pl_program_keys_fini(&is->keys); /* those it has now are to be noted */
    if (!code) {
        frame.body = pl_pack_data(pack);
        frame.size = pl_pack_size(pack);
        pl_child_send(&is->child, &frame);
    } else {
        pl_error_set(error, code, "no memory for what the program is told");
    }
    pl_pack_free(pack);
    return code;
}

/* A message each. */
void pl__isolation_send_entry(struct pl_isolation *is, const struct pl_state_entry *entry) {
    struct pl_buffer bytes;
    pl_buffer_init(&bytes, PL_FRAME_BODY_MAX);
    pl_state_put(&bytes, entry->key, entry->key_size, entry->value, entry->value_size);
    struct pl_frame frame = {.type = PL_FRAME_STATE, .body = bytes.data, .size = bytes.size};
    pl_program_keys_note(&is->keys, entry);
    bool sent = !pl_buffer_failed(&bytes) && pl_child_send(&is->child, &frame);
    if (!sent) pl_child_kill(&is->child, "its state could not be given to it");
    pl_buffer_fini(&bytes);
}

/* As pl_node_batch does it: a program cannot say that its rows are another's. */
void pl__isolation_stamp(struct pl_isolation *is, struct pl_batch *batch) {
    struct pl_node *node = &is->task->node;
    const struct pl__flight *flight = is->count ? &is->flights[is->from] : NULL;
    if (flight && flight->item.type == PL_ITEM_BATCH) {
        node->received = flight->item.batch->header->receive_time;
        node->sequence = flight->item.batch->header->first_sequence;
    }
    batch->source = node->source;
    batch->header->partition = (uint16_t)node->config.partition;
    batch->header->receive_time = node->received ? node->received : pl_now(node);
    batch->header->first_sequence = node->sequence;
    batch->header->generation = 0;
}
