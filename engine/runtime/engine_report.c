/* engine_report.c: what tasks and the intake report, on their threads; and what becomes of an engine then. */
#include <stdio.h>

#include <potline/alloc.h>

#include "runtime/engine_impl.h"

void pl__engine_notify(struct pl_engine *engine) {
    pthread_cond_broadcast(&engine->changed);
    if (engine->options.notify) engine->options.notify(engine->options.notify_arg);
}

void pl__engine_on_ended(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    struct pl_engine *engine = arg;
    pl_checkpoint_ended(engine->checkpoints, task->index, epoch, changes);
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

void pl__engine_on_epoch(void *arg, uint64_t epoch) {
    struct pl_engine *engine = arg;
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        struct pl_task *task = engine->wired.tasks[i];
        if (task->node.config.op->commit || task->spill) pl_task_commit(task, epoch);
    }
    pl_engine_release_wiring(engine);
    if (engine->intake) pl_intake_poke(engine->intake); /* the next barrier may go */
}

/* ---- The log is synced: sources that acknowledge hear of it ---- */

static void each_durable(struct pl_engine *engine, void (*each)(struct pl_durable *durable)) {
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        if (engine->wired.tasks[i]->durable) each(engine->wired.tasks[i]->durable);
    pl_engine_release_wiring(engine);
}

void pl__engine_on_sync(void *engine) {
    each_durable(engine, pl_durable_begin);
}

void pl__engine_on_synced(void *engine) {
    each_durable(engine, pl_durable_done);
}

void pl__engine_on_intake_ended(void *arg) {
    struct pl_engine *engine = arg;
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

void pl__engine_fail(void *arg, const char *why) {
    struct pl_engine *engine = arg;
    if (engine->checkpoints) pl_checkpoints_stop(engine->checkpoints);
    pthread_mutex_lock(&engine->lock);
    if (!engine->failure) engine->failure = pl_strdup(why);
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
    pl_engine_stop(engine);
}

/* A node that a change of the graph has made: that is taken back. */
static bool is_of_trial(struct pl_engine *engine, struct pl_task *task, const char *why) {
    pthread_mutex_lock(&engine->lock);
    bool trial = atomic_load(&task->trial);
    if (trial && !engine->trial_failure) engine->trial_failure = pl_strdup(why);
    pthread_mutex_unlock(&engine->lock);
    return trial;
}

void pl__engine_failed(struct pl_engine *engine, const char *why) {
    if (!pl__engine_relapse(engine, why)) pl__engine_fail(engine, why);
}

void pl__engine_on_failed(void *arg, struct pl_task *task, const char *why) {
    char text[1200];
    snprintf(text, sizeof text, "node %s: %s", task->node.config.name, why);
    if (!is_of_trial(arg, task, text)) pl__engine_failed(arg, text);
}

void pl__engine_on_barrier(void *arg, struct pl_task *task, uint64_t epoch, struct pl_changes *changes) {
    struct pl_engine *engine = arg;
    pl_checkpoint_passed(engine->checkpoints, task->index, epoch, changes);
}

/* The engine is to be made anew: nothing becomes an epoch any more, and its owner is told. */
void pl__engine_fall(struct pl_engine *engine, pl_time delay) {
    pl_checkpoints_stop(engine->checkpoints);
    pthread_mutex_lock(&engine->lock);
    engine->fallen = true;
    if (delay > engine->delay) engine->delay = delay;
    pl__engine_notify(engine);
    pthread_mutex_unlock(&engine->lock);
}

bool pl_engine_fallen(struct pl_engine *engine, pl_time *delay) {
    pthread_mutex_lock(&engine->lock);
    bool fallen = engine->fallen && !engine->failure;
    *delay = engine->delay;
    pthread_mutex_unlock(&engine->lock);
    return fallen;
}
