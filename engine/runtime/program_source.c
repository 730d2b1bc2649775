/* program_source.c: a source that is a program (potline/program.h).
 *
 * Rows are taken within `produce` alone, each with the place behind it. What has come and was not taken when the
 * program ends is let go: another one begins at the place of what was taken, so it comes again.
 */
#include <potline/letter.h>
#include <potline/program.h>

#include <string.h>
#include <xxhash.h>

#include "batch/batch_impl.h"
#include "runtime/program_run.h"

enum { IN_VAIN_MAX = 10, REFUSED_MAX = 3, DOUBLINGS_MAX = 7, FIRST_DELAY_MS = 100, LONG_MS = 60000 };

static bool note_place(struct pl_program_run *run, const struct pl_frame *frame) {
    if (!frame->place) return true;
    pl_buffer_reset(&run->position);
    pl_buffer_put(&run->position, frame->place, frame->place_size);
    return !pl_buffer_failed(&run->position);
}

/* The same rows, refused for the third time: a letter, and the program goes on behind them. */
static bool give_up(struct pl_program_run *run, const struct pl_frame *frame, const struct pl_error *error) {
    uint64_t hash = XXH3_64bits(frame->body, frame->size);
    run->refused = hash == run->refused_hash ? run->refused + 1 : 1;
    run->refused_hash = hash;
    pl_count(run->node, PL_PROGRAM_NONSENSE, 1);
    if (run->refused < REFUSED_MAX || !frame->place) return false;
    struct pl_letter letter = {.place = run->node->config.name,
                               .cause = "program",
                               .reason = error ? error->text : "rows that cannot be read",
                               .bytes = frame->body,
                               .size = frame->size,
                               .time = PL_TIME_MIN};
    pl_letter(run->node, &letter);
    run->refused = run->in_vain = 0;
    run->taken = true;
    return note_place(run, frame);
}

static bool on_rows(struct pl_program_run *run, const struct pl_frame *frame) {
    struct pl_error *error = NULL;
    if (!run->ready || run->over) return false;
    if (!run->producing) return true;
    struct pl_batch *batch = pl_program_run_rows(run, frame, &error);
    bool good = batch || give_up(run, frame, error);
    pl_error_free(&error);
    if (!batch) return good;
    run->taken = true;
    run->in_vain = run->refused = 0;
    if (!note_place(run, frame)) pl_fail(run->node, "no memory for its place");
    pl_emit(run->node, 0, &batch);
    pl_program_run_credit(run);
    return true;
}

static bool take(void *owner, const struct pl_frame *frame) {
    struct pl_program_run *run = owner;
    if (run->closing) return true;
    switch (frame->type) {
    case PL_FRAME_HELLO: pl_program_run_brief(run); return true;
    case PL_FRAME_READY:
        run->ready = true;
        pl_reach(run->node, true);
        return true;
    case PL_FRAME_EMIT: return on_rows(run, frame);
    case PL_FRAME_PROGRESS:
        if (run->producing) pl_progress(run->node, frame->value);
        return run->ready;
    case PL_FRAME_OVER: run->over = run->over || run->producing; return run->ready;
    case PL_FRAME_FAILED: pl_fail(run->node, "%.*s", (int)frame->size, (const char *)frame->body); return true;
    case PL_FRAME_PONG:
    case PL_FRAME_CLOSED: return true;
    default: return false;
    }
}

static void ready(void *owner) {
    struct pl_program_run *run = owner;
    if (!run->closing) pl_wake(run->node);
}

/* ---- Its death ---- */

static void try_again(uv_timer_t *timer) {
    struct pl_program_run *run = timer->data;
    run->started = false;
    pl_wake(run->node);
}

static void gone(void *owner, const char *why) {
    struct pl_program_run *run = owner;
    run->ready = false;
    run->emitted = run->credited = 0;
    if (pl_program_run_is_over(run) || run->closing || run->over || run->stopped) return;
    pl_count(run->node, PL_PROGRAM_DEATHS, 1);
    pl_reach(run->node, false);
    if (uv_now(run->again.loop) - run->child.started >= LONG_MS) run->in_vain = 0; /* a quiet one that worked */
    pl_node_diag(run->node, PL_ERROR, "%s", why);
    if (++run->in_vain >= IN_VAIN_MAX) {
        pl_fail(run->node, "its program has died %u times without a row between, the last time: %s", run->in_vain, why);
        pl_wake(run->node);
        return;
    }
    unsigned doublings = run->in_vain - 1 < DOUBLINGS_MAX ? run->in_vain - 1 : DOUBLINGS_MAX;
    uv_timer_start(&run->again, try_again, (uint64_t)FIRST_DELAY_MS << doublings, 0);
}

/* ---- Callbacks ---- */

enum pl_code pl_program_source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct pl_program *program = self;
    pl_reach(node, false);
    return pl_program_run_new(program, node, program->hang, take, ready, gone, error);
}

static bool start(struct pl_program_run *run) {
    struct pl_error *error = NULL;
    run->started = true;
    if (pl_child_start(&run->child, &error) == PL_OK) return true;
    pl_fail(run->node, "%s", error ? error->text : "no memory");
    pl_error_free(&error);
    return false;
}

enum pl_flow pl_program_source_produce(void *self, struct pl_node *node) {
    struct pl_program_run *run = ((struct pl_program *)self)->run;
    if (run->over) return PL_FLOW_END;
    if (node->failure || (!run->started && !start(run))) return PL_FLOW_FAIL;
    run->producing = true;
    run->taken = false;
    while (!run->taken && !run->over && !node->failure && pl_child_receive_one(&run->child)) {
    }
    run->producing = false;
    if (node->failure) return PL_FLOW_FAIL;
    if (run->over) return PL_FLOW_END;
    return run->taken ? PL_FLOW_OK : PL_FLOW_WAIT;
}

void pl_program_source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct pl_program_run *run = ((const struct pl_program *)self)->run;
    (void)node;
    if (run->position.size)
        pl_pack_raw(pack, run->position.data, run->position.size);
    else
        pl_pack_nil(pack);
}

enum pl_code pl_program_source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                       struct pl_error **error) {
    struct pl_program_run *run = ((struct pl_program *)self)->run;
    const uint8_t *begun = unpack->at;
    (void)node;
    if (!pl_unpack_skip(unpack)) return pl_error_set(error, PL_CORRUPT, "the place of its program cannot be read");
    pl_buffer_reset(&run->position);
    if (*begun != 0xC0) pl_buffer_put(&run->position, begun, (size_t)(unpack->at - begun));
    return pl_buffer_failed(&run->position) ? pl_error_set(error, PL_NO_MEMORY, "no memory for its place") : PL_OK;
}

void pl_program_source_stop(void *self, struct pl_node *node) {
    struct pl_program_run *run = ((struct pl_program *)self)->run;
    (void)node;
    run->stopped = true;
    uv_timer_stop(&run->again);
    pl_child_quit(&run->child);
}

void pl_program_source_close(void *self, struct pl_node *node) {
    (void)node;
    pl_program_run_close(self);
}
