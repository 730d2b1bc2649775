/* task_impl.h: across the files of a task (task.h). */
#ifndef POTLINE_TASK_IMPL_H
#define POTLINE_TASK_IMPL_H

#include "runtime/task.h"

/* What a source has made since the last time goes on, as one group with the place where it stands now. */
void pl__task_hand_on_whole(struct pl_task *task);

/* The next letter that is to be given in again; when there is none, `orders` is false. */
void pl__task_take_order(struct pl_task *task);

#endif
