/* program_run.h: a program (potline/program.h) that an operator's callbacks talk to, on the loop of their node: of a
 * source (program_source.c), and of a node outside of an engine (program_here.c).
 *
 * It outlives the operator's `close` by the turns of the loop that its process takes to end, and goes by itself.
 */
#ifndef POTLINE_PROGRAM_RUN_H
#define POTLINE_PROGRAM_RUN_H

#include "runtime/child.h"
#include "runtime/node.h"
#include "runtime/program_brief.h"

struct pl_program_run {
    struct pl_child child;
    struct pl_node *node;
    const struct pl_program *program;
    struct pl_codec *codec;
    void *zmq;
    uv_timer_t again; /* before another try */
    bool timed;       /* it is there */
    bool closing;
    bool ready; /* the program is at work */
    uint64_t emitted, credited;

    /* Of a source: */
    struct pl_buffer position; /* where it stands behind the last rows taken; empty: it begins */
    bool started, over, stopped;
    bool producing, taken; /* within `produce`, which has taken something to be told */
    unsigned in_vain;      /* deaths since rows were taken */
    uint64_t refused_hash; /* of the rows refused last */
    unsigned refused;      /* how often in a row these */

    /* Of a node outside of an engine: */
    bool gone;
    uint64_t number, done;
    pl_time watermark;
};

typedef bool pl_program_frame_take(void *run, const struct pl_frame *frame);

enum pl_code pl_program_run_new(struct pl_program *program, struct pl_node *node, pl_time hang,
                                pl_program_frame_take *take, void (*ready)(void *run),
                                void (*gone)(void *run, const char *why), struct pl_error **error);
void pl_program_run_close(struct pl_program *program);
/* From `gone`: true when that was the last of a run that closes, which is not there any more then. */
bool pl_program_run_is_over(struct pl_program_run *run);

void pl_program_run_brief(struct pl_program_run *run); /* what follows its hello */
/* Rows of its own, as pl_node_batch makes them; NULL: they cannot be read, or are not what it gives. */
struct pl_batch *pl_program_run_rows(struct pl_program_run *run, const struct pl_frame *frame, struct pl_error **error);
void pl_program_run_credit(struct pl_program_run *run); /* for what it has emitted */

#endif
