/* task_impl.h: across the files of a task (task.h). */
#ifndef POTLINE_TASK_IMPL_H
#define POTLINE_TASK_IMPL_H

#include "runtime/task.h"

/* What a source has made since the last time goes on, as one group with the place where it stands now. */
void pl__task_hand_on_whole(struct pl_task *task);

/* The next letter that is to be given in again; when there is none, `orders` is false. */
void pl__task_take_order(struct pl_task *task);

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
