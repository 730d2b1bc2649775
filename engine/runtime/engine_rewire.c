/* engine_rewire.c: a step from a graph to another, with every worker standing still. */
#include <potline/alloc.h>

#include "runtime/engine_move.h"
#include "runtime/isolation.h"

/* ---- Other edges ---- */

/* Gates and outputs of those who stay are put aside. */
static bool put_aside(struct pl__step *step) {
    struct pl__wired *old = &step->engine->wired;
    for (unsigned i = 0; i < old->edge_count; i++)
        pl_edge_mark(old->edges[i], false);
    for (unsigned i = 0; i < old->task_count; i++) {
        struct pl_task *task = old->tasks[i];
        if (step->map[i] == PL_CHECKPOINT_GONE) continue;
        struct pl_gate *gate = task->gate ? pl_gate_anew(task->gate) : NULL;
        if (task->gate && !gate) return false;
        task->old_gate = task->gate;
        task->gate = gate;
        task->old_outputs = task->outputs;
        task->outputs = (struct pl_outputs){0};
        task->aside = true;
    }
    return true;
}

static void take_back(struct pl_task *task) {
    if (!task->aside) return;
    pl_gate_free(task->gate);
    pl_outputs_fini(&task->outputs);
    task->gate = task->old_gate;
    task->outputs = task->old_outputs;
    task->old_gate = NULL;
    task->old_outputs = (struct pl_outputs){0};
    task->aside = false;
}

static void drop_edge(const struct pl__wired *wired, struct pl_edge *edge) {
    for (unsigned i = 0; i < wired->plan.worker_count; i++)
        pl_worker_unwatch(wired->workers[i], edge);
    pl_edge_free(edge);
}

/* Edges are made by what a task is in the graph that is wired. */
static void number_tasks(const struct pl__wired *wired) {
    for (unsigned i = 0; i < wired->task_count; i++) {
        wired->tasks[i]->index = i;
        wired->tasks[i]->graph_node = &wired->graph->nodes[wired->plan.instances[i].node];
    }
}

static void swap_wired(struct pl__step *step) {
    struct pl__wired t = step->engine->wired;
    step->engine->wired = step->next;
    step->next = t;
    number_tasks(&step->engine->wired);
}

/* As if nothing had been. The engine has its old wiring again. */
static void undo(struct pl__step *step, bool intake) {
    struct pl_engine *engine = step->engine;
    if (intake) pl_intake_rewire_undo(engine->intake);
    swap_wired(step);
    for (unsigned i = 0; i < step->next.edge_count; i++)
        if (!pl_edge_marked(step->next.edges[i])) drop_edge(&step->next, step->next.edges[i]);
    step->next.edge_count = 0;
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        take_back(engine->wired.tasks[i]);
}

static bool is_kept(void *arg, struct pl_edge *edge) {
    (void)arg;
    return pl_edge_marked(edge);
}

static enum pl_code connect_anew(struct pl__step *step, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    bool aside = put_aside(step), intake = false;
    enum pl_code code = aside ? PL_OK : pl__engine_no_memory(error);
    swap_wired(step); /* edges are made by what is to be */
    if (!code)
        intake = pl_intake_rewire(engine->intake, pl__engine_feed_of(engine, engine->wired.graph->node_count, 0) + 1);
    if (!code && !intake) code = pl__engine_no_memory(error);
    if (!code) code = pl__engine_connect(engine, error);
    if (!code) code = pl_intake_rewired(engine->intake, step->last->number, is_kept, NULL, error);
    if (code) undo(step, intake);
    return code;
}

/* ---- What leaves, and what stays ---- */

static void finish(void *arg) {
    struct pl_task *task = arg;
    task->runnable.finish(&task->runnable);
    atomic_store(&task->state, PL_TASK_ENDED);
}

/* A process of its own takes its time to end. */
static bool settled(const struct pl_runnable *runnable) {
    const struct pl_task *task = (const struct pl_task *)(const void *)runnable;
    return !task->isolation || pl_isolation_is_over(task->isolation);
}

static void release(struct pl_runnable *runnable) {
    pl_task_discard((struct pl_task *)(void *)runnable);
}

static void part(struct pl__step *step, struct pl_task *task) {
    struct pl_engine *engine = step->engine;
    struct pl_worker *worker = task->runnable.worker;
    if (engine->options.left) engine->options.left(engine->options.left_arg, task);
    if (task->runnable.started) pl_worker_do(worker, finish, task);
    pthread_mutex_lock(&engine->lock);
    engine->running -= !task->reported;
    pthread_mutex_unlock(&engine->lock);
    task->runnable.settled = settled;
    task->runnable.release = release;
    pl_worker_bury(worker, &task->runnable);
}

static void stay(struct pl__step *step, struct pl_task *task) {
    if (task->gate) pl_gate_take_over(task->gate, task->old_gate, task->watermark, &step->lost);
    if (task->gate) pl_task_stand_still(task, true);
    pl_gate_free(task->old_gate);
    pl_outputs_fini(&task->old_outputs);
    task->old_gate = NULL;
    task->aside = false;
}

/* A source goes on where the log has it. */
static void begin(struct pl_engine *engine, struct pl_task *task) {
    if (!task->gate) {
        unsigned feed = pl__engine_feed_of(engine, engine->wired.plan.instances[task->index].node, 0);
        const struct pl_inlet *inlet = pl_intake_inlet(engine->intake, feed);
        task->position = &inlet->position;
        task->over = inlet->ended;
        pl_checkpoints_leave_out(engine->checkpoints, task->index);
    }
    pthread_mutex_lock(&engine->lock);
    engine->running++;
    pthread_mutex_unlock(&engine->lock);
}

/* Who is new to a sender hears what the others have heard. */
void pl__engine_tell(struct pl_engine *engine, const struct pl__fresh *fresh) {
    const struct pl_task *sender = fresh->sender;
    if (!sender) {
        pl_intake_tell(engine->intake, fresh->feed, fresh->partition, fresh->edge);
        return;
    }
    struct pl_item told = {.type = PL_ITEM_WATERMARK, .time = sender->given, .idle = sender->given_idle};
    struct pl_item end = {.type = PL_ITEM_END, .idle = !sender->end_final};
    if (told.time > PL_TIME_MIN || told.idle) pl_edge_send(fresh->edge, &told);
    if (atomic_load(&sender->state) == PL_TASK_ENDED) pl_edge_send(fresh->edge, &end);
}

static bool is_in(const struct pl__wired *wired, const struct pl_worker *worker) {
    for (unsigned i = 0; i < wired->plan.worker_count; i++)
        if (wired->workers[i] == worker) return true;
    return false;
}

static void change_checkpoints(struct pl__step *step) {
    const struct pl__wired *now = &step->engine->wired;
    struct pl_checkpoints_change change = {.now = now->now,
                                           .tasks = now->task_count,
                                           .task = now->names,
                                           .limit = now->graph->settings.checkpoint_timeout,
                                           .map = step->map,
                                           .room = step->room};
    step->room = NULL;
    pl_checkpoints_change(step->engine->checkpoints, &change);
}

/* `step->next` is what was. */
static enum pl_code take_effect(struct pl__step *step, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    struct pl__wired *was = &step->next;
    engine->plant.state = PL_PLANT_GOES_ON; /* its source may leave; who is there then asks again */
    change_checkpoints(step);
    pl_intake_part(engine->intake);
    for (unsigned i = 0; i < was->plan.worker_count; i++)
        pl_worker_clear(was->workers[i]);
    for (unsigned i = 0; i < was->task_count; i++) {
        if (step->map[i] == PL_CHECKPOINT_GONE)
            part(step, was->tasks[i]);
        else
            stay(step, was->tasks[i]);
    }
    for (unsigned i = 0; i < was->edge_count; i++)
        if (!pl_edge_marked(was->edges[i])) drop_edge(was, was->edges[i]);
    pl_intake_participate(engine->intake, engine->wired.task_count);
    pl_intake_set_checkpoint(engine->intake, engine->wired.graph->settings.checkpoint);
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        if (!engine->wired.tasks[i]->runnable.started) begin(engine, engine->wired.tasks[i]);
    for (unsigned i = 0; i < engine->wired.fresh_count; i++)
        pl__engine_tell(engine, &engine->wired.fresh[i]);
    return pl__engine_place(engine, error);
}

static void end_worker(struct pl_worker *worker) {
    pl_worker_stop(worker);
    pl_worker_join(worker);
    pl_worker_free(worker);
}

static enum pl_code go_on(struct pl__step *step, struct pl_error **error) {
    const struct pl__wired *now = &step->engine->wired, *was = &step->next;
    enum pl_code code = PL_OK;
    pl__engine_resume(was, was->plan.worker_count);
    for (unsigned i = 0; i < was->plan.worker_count; i++)
        if (!is_in(now, was->workers[i])) end_worker(was->workers[i]);
    for (unsigned i = 0; i < now->plan.worker_count; i++)
        if (step->fresh_worker[i] && !code) code = pl_worker_start(now->workers[i], error);
    return code;
}

enum pl_code pl__step_switch(struct pl__step *step, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    enum pl_code code = pl__step_halt(step, error);
    if (code) return code;
    code = connect_anew(step, error);
    if (code) {
        pl_engine_release_wiring(engine);
        pl__engine_resume(&engine->wired, engine->wired.plan.worker_count);
        return code;
    }
    step->done = true;
    code = take_effect(step, error);
    pl_engine_release_wiring(engine);
    enum pl_code started = go_on(step, code ? NULL : error);
    return code ? code : started;
}
