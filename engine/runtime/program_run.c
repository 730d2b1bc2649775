#include "program_run.h"

#include <zmq.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"

static void free_run(struct pl_program_run *run) {
    if (run->zmq) zmq_ctx_term(run->zmq);
    pl_codec_free(run->codec);
    pl_buffer_fini(&run->position);
    pl_free(run);
}

static void pass_line_on(void *owner, const char *text, bool message) {
    const struct pl_program_run *run = owner;
    (void)message;
    if (!run->closing) pl_node_diag(run->node, PL_WARN, "its process writes: %s", text);
}

enum pl_code pl_program_run_new(struct pl_program *program, struct pl_node *node, pl_time hang,
                                pl_program_frame_take *take, void (*ready)(void *run),
                                void (*gone)(void *run, const char *why), struct pl_error **error) {
    struct pl_program_run *run = PL_NEW(struct pl_program_run);
    if (!run) return pl_error_set(error, PL_NO_MEMORY, "no memory for a program");
    run->node = node;
    run->program = program;
    run->codec = pl_codec_new(node->config.tags);
    run->zmq = zmq_ctx_new();
    pl_buffer_init(&run->position, SIZE_MAX / 2);
    if (!run->codec || !run->zmq) {
        free_run(run);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a program");
    }
    struct pl_child_options options = {.zmq = run->zmq,
                                       .loop = node->config.loop,
                                       .program = program,
                                       .name = node->config.name,
                                       .hang = hang,
                                       .ready = ready,
                                       .frame = take,
                                       .line = pass_line_on,
                                       .gone = gone,
                                       .owner = run};
    pl_child_init(&run->child, &options);
    uv_timer_init(node->config.loop, &run->again);
    run->again.data = run;
    run->timed = true;
    program->run = run;
    return PL_OK;
}

bool pl_program_run_is_over(struct pl_program_run *run) {
    if (!run->closing || run->timed || run->child.state != PL_CHILD_NONE) return false;
    free_run(run);
    return true;
}

static void timer_closed(uv_handle_t *handle) {
    struct pl_program_run *run = handle->data;
    run->timed = false;
    pl_program_run_is_over(run);
}

void pl_program_run_close(struct pl_program *program) {
    struct pl_program_run *run = program->run;
    if (!run) return;
    program->run = NULL;
    run->closing = true;
    pl_child_quit(&run->child);
    uv_close((uv_handle_t *)&run->again, timer_closed);
}

/* ---- Talking ---- */

void pl_program_run_brief(struct pl_program_run *run) {
    struct pl_program_brief brief = {.program = run->program,
                                     .node = &run->node->config,
                                     .gives = (enum pl_kind)run->program->gives,
                                     .partitions = 1,
                                     .epoch = run->node->epoch,
                                     .hang = run->child.options.hang,
                                     .position = run->position.size ? run->position.data : NULL,
                                     .position_size = run->position.size};
    struct pl_pack *pack = pl_pack_new();
    struct pl_frame open = {.type = PL_FRAME_OPEN}, config = {.type = PL_FRAME_CONFIG};
    if (pack) pl_program_brief_pack(pack, &brief);
    bool good = pack && !pl_pack_failed(pack);
    if (good) {
        config.body = pl_pack_data(pack);
        config.size = pl_pack_size(pack);
        good = pl_child_send(&run->child, &config) && pl_child_send(&run->child, &open);
    }
    pl_pack_free(pack);
    if (!good) pl_child_kill(&run->child, "it could not be told what it is to do");
}

struct pl_batch *pl_program_run_rows(struct pl_program_run *run, const struct pl_frame *frame,
                                     struct pl_error **error) {
    struct pl_node *node = run->node;
    struct pl_batch *batch;
    run->emitted += frame->size;
    if (pl_codec_decode(run->codec, (enum pl_encoding)run->program->format, frame->body, frame->size, &batch, error))
        return NULL;
    bool fits = node->config.op->outputs && frame->port == 0 && batch->rows && batch->kind == run->program->gives;
    if (!fits) {
        pl_error_set(error, PL_RANGE, "no %s", pl_kind_info[run->program->gives].name);
        pl_batch_unref(batch);
        return NULL;
    }
    batch->source = node->source;
    pl_models_stamp(node, batch);
    batch->header->partition = (uint16_t)node->config.partition;
    batch->header->receive_time = node->received ? node->received : pl_now(node);
    batch->header->first_sequence = node->sequence;
    batch->header->generation = 0;
    return batch;
}

void pl_program_run_credit(struct pl_program_run *run) {
    struct pl_frame credit = {.type = PL_FRAME_CREDIT, .value = (int64_t)run->emitted};
    if (run->emitted - run->credited < PL_PROGRAM_CEILING / 4) return;
    run->credited = run->emitted;
    pl_child_send(&run->child, &credit);
}
