/* task_impl.h: across the files of a task (task.h). */
#ifndef POTLINE_TASK_IMPL_H
#define POTLINE_TASK_IMPL_H

#include "runtime/task.h"

enum { PL__WAITS_WATERMARK = 0, PL__WAITS_END = 1 }; /* in `waiting` */

static inline struct pl_task *pl__task_of(struct pl_runnable *runnable) {
    return (struct pl_task *)(void *)runnable;
}

static inline bool pl__task_is_paused(const struct pl_task *task) {
    return PL_UNLIKELY(atomic_load_explicit(&task->paused, memory_order_relaxed));
}

static inline bool pl__task_leaves(const struct pl_task *task) {
    return PL_UNLIKELY(atomic_load_explicit(&task->leaves, memory_order_relaxed));
}

static inline bool pl__task_stands_still(const struct pl_task *task) {
    return PL_UNLIKELY(atomic_load_explicit(&task->still, memory_order_relaxed));
}

/* ---- task_host.c ---- */

/* What a source has made since the last time goes on, as one group with the place where it stands now. */
void pl__task_hand_on_whole(struct pl_task *task);

/* The next letter that is to be given in again; when there is none, `orders` is false. */
void pl__task_take_order(struct pl_task *task);

/* ---- task_state.c ---- */

/* What has changed since the last barrier; the buffer fails when it is not all there. */
void pl__task_save(struct pl_task *task, bool ended, struct pl_changes *changes);
/* How far it was. PL_NOT_FOUND: it has never passed a barrier. */
enum pl_code pl__task_load_progress(struct pl_task *task, struct pl_error **error);
enum pl_code pl__task_load(struct pl_task *task, struct pl_error **error);
enum pl_code pl__task_go_to_position(struct pl_task *task, struct pl_error **error); /* of a source */

/* ---- task_source.c ---- */

void pl__task_run_source(struct pl_runnable *runnable);

/* ---- task.c ---- */

void pl__task_fail(struct pl_task *task);
void pl__task_begin_stop(struct pl_task *task, bool final);
void pl__task_try_end(struct pl_task *task);
void pl__task_run_dry(struct pl_task *task);
bool pl__task_has_room(struct pl_task *task);
void pl__task_tell_commit(struct pl_task *task);
void pl__task_tell_durable(struct pl_task *task); /* task_source.c */
void pl__task_leave(struct pl_task *task);

/* ---- For a task whose operator is in another process (isolation.h): the parts of its work ---- */

void pl__task_count_in(struct pl_task *task, const struct pl_batch *batch);
void pl__task_note_watermark(struct pl_task *task, pl_time now);
void pl__task_give_watermark(struct pl_task *task, pl_time time, bool idle);
void pl__task_keep_watermark(struct pl_task *task, const struct pl_item *item);
void pl__task_on_barrier(struct pl_task *task, const struct pl_item *item);
void pl__task_end(struct pl_task *task);
void pl__task_fail_to_start(struct pl_task *task, struct pl_error *error);
enum pl_code pl__task_load_entry(void *task, const struct pl_state_entry *entry, struct pl_error **error);

#endif
