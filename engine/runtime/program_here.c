/* program_here.c: a node whose operator is a program, outside of an engine: given an item, the callback waits until it
 * is done (potline/program.h). */
#include <potline/program.h>

#include "batch/batch_impl.h"
#include "runtime/program_run.h"

static const pl_time HANG = 60 * PL_SECOND;

static bool take(void *owner, const struct pl_frame *frame) {
    struct pl_program_run *run = owner;
    struct pl_batch *batch;
    switch (frame->type) {
    case PL_FRAME_HELLO: pl_program_run_brief(run); return true;
    case PL_FRAME_READY: run->ready = true; return true;
    case PL_FRAME_EMIT:
        batch = run->ready ? pl_program_run_rows(run, frame, NULL) : NULL;
        if (!batch) return false;
        if (!run->closing && !run->node->failure)
            pl_emit(run->node, 0, &batch);
        else
            pl_batch_unref(batch);
        pl_program_run_credit(run);
        return true;
    case PL_FRAME_DONE:
        if (run->done == run->number || frame->number != run->done + 1) return false;
        run->done++;
        run->watermark = frame->value;
        return true;
    case PL_FRAME_FAILED: pl_fail(run->node, "%.*s", (int)frame->size, (const char *)frame->body); return true;
    case PL_FRAME_PONG:
    case PL_FRAME_STATE:
    case PL_FRAME_CLOSED: return true;
    default: return false;
    }
}

static void ready(void *owner) {
    (void)owner; /* who waits runs the loop */
}

static void gone(void *owner, const char *why) {
    struct pl_program_run *run = owner;
    run->gone = true;
    if (!pl_program_run_is_over(run) && !run->closing) pl_fail(run->node, "%s", why);
}

/* Until the program is ready and all items are done, or never will be. */
static bool waits(const struct pl_program_run *run) {
    return !run->gone && !run->node->failure && (!run->ready || run->done < run->number);
}

static bool wait_for(struct pl_program_run *run) {
    while (waits(run)) {
        pl_child_receive(&run->child);
        if (waits(run)) uv_run(run->child.options.loop, UV_RUN_ONCE);
    }
    return !run->gone && !run->node->failure;
}

static bool give(struct pl_program_run *run, struct pl_frame *frame) {
    frame->number = ++run->number;
    if (!pl_child_send(&run->child, frame)) pl_fail(run->node, "the program takes nothing any more");
    return wait_for(run);
}

enum pl_code pl_program_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct pl_program *program = self;
    enum pl_code code = pl_program_run_new(program, node, HANG, take, ready, gone, error);
    if (!code) code = pl_child_start(&program->run->child, error);
    if (code || wait_for(program->run)) return code;
    return pl_error_set(error, PL_UNAVAILABLE, "%s", node->failure ? node->failure : "no memory");
}

enum pl_flow pl_program_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct pl_program *program = self;
    struct pl_program_run *run = program->run;
    struct pl_frame frame = {.type = PL_FRAME_BATCH};
    struct pl_error *error = NULL;
    (void)input;
    enum pl_code code =
        pl_codec_encode(run->codec, (enum pl_encoding)program->format, batch, &frame.body, &frame.size, &error);
    if (code) pl_fail(node, "rows cannot be given to the program: %s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_batch_unref(batch);
    return !code && give(run, &frame) ? PL_FLOW_OK : PL_FLOW_FAIL;
}

pl_time pl_program_watermark(void *self, struct pl_node *node, pl_time now) {
    struct pl_program *program = self;
    struct pl_frame frame = {.type = PL_FRAME_WATERMARK, .value = now};
    (void)node;
    if (!give(program->run, &frame) || program->run->watermark > now) return now;
    return program->run->watermark;
}

void pl_program_stop(void *self, struct pl_node *node) {
    struct pl_program *program = self;
    struct pl_frame frame = {.type = PL_FRAME_END};
    (void)node;
    give(program->run, &frame);
}

void pl_program_close(void *self, struct pl_node *node) {
    (void)node;
    pl_program_run_close(self);
}
