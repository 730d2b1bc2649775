/* task_source.c: a source at work: at its pace, while there is room. */
#include "runtime/task_impl.h"

static void pace_over(uv_timer_t *timer) {
    struct pl_task *task = timer->data;
    task->pacing = false;
    pl_ready(&task->runnable);
}

/* With a rate: rows beyond the allowance are paid back by waiting. */
static bool may_produce(struct pl_task *task) {
    if (task->rate <= 0) return true;
    if (task->pacing) return false;
    uint64_t now = uv_hrtime();
    double burst = task->rate / 1000 > 1 ? task->rate / 1000 : 1; /* a millisecond's rows, at least one */
    task->allowance += (double)(now - task->allowance_at) * 1e-9 * task->rate;
    task->allowance_at = now;
    if (task->allowance > burst) task->allowance = burst;
    if (task->allowance > 0) return true;
    uint64_t wait = (uint64_t)(-task->allowance / task->rate * 1000) + 1;
    uv_update_time(task->pace.loop);
    uv_timer_start(&task->pace, pace_over, wait, 0);
    task->pacing = true;
    return false;
}

static void tell_progress(struct pl_task *task) {
    if (!task->node.progressed) return;
    task->node.progressed = false;
    pl__task_give_watermark(task, task->node.progress, false);
}

void pl__task_tell_durable(struct pl_task *task) {
    struct pl_buffer position;
    struct pl_unpack unpack;
    if (!task->durable || task->node.state != PL_NODE_OPEN) return;
    pl_buffer_init(&position, PL_LOG_POSITION_MAX);
    if (pl_durable_take(task->durable, &position)) {
        pl_unpack_init(&unpack, position.data, position.size);
        task->node.config.op->durable(task->node.self, &task->node, &unpack);
    }
    pl_buffer_fini(&position);
}

void pl__task_run_source(struct pl_runnable *runnable) {
    struct pl_task *task = pl__task_of(runnable);
    pl__task_tell_commit(task);
    pl__task_tell_durable(task);
    pl_calls_run(&task->calls, &task->node);
    if (pl__task_leaves(task)) {
        pl__task_leave(task);
        return;
    }
    if (task->node.failure) pl__task_fail(task);
    if (task->state == PL_TASK_FAILED) {
        pl__task_run_dry(task);
        return;
    }
    if (task->state == PL_TASK_RUNNING && atomic_load(&task->stop))
        pl__task_begin_stop(task, atomic_load(&task->drain));
    if (task->state != PL_TASK_RUNNING) {
        pl__task_try_end(task);
        return;
    }
    if (pl__task_is_paused(task) || pl__task_stands_still(task) || !pl__task_has_room(task) || !may_produce(task))
        return;
    if (PL_UNLIKELY(atomic_load_explicit(&task->orders, memory_order_relaxed))) {
        pl__task_take_order(task);
        pl_ready(runnable); /* one at a time, as room is */
        return;
    }
    uint64_t begun = uv_hrtime(), before = pl_stat_get(&task->stats.rows_out);
    enum pl_flow flow = pl_node_produce(&task->node);
    pl__task_hand_on_whole(task);
    tell_progress(task);
    pl_stat_add(&task->stats.busy_ns, uv_hrtime() - begun);
    task->allowance -= (double)(pl_stat_get(&task->stats.rows_out) - before);
    switch (flow) {
    case PL_FLOW_OK: pl_ready(runnable); break;
    case PL_FLOW_WAIT: pl__task_has_room(task); break; /* what found none is sent when there is */
    case PL_FLOW_END:
        pl__task_begin_stop(task, true);
        pl__task_try_end(task);
        break;
    case PL_FLOW_FAIL: pl__task_fail(task); break;
    }
}
