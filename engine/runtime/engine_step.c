/* engine_step.c: a step from a graph to another: what is to be, made beside what is; and what leaves. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/engine_move.h"

enum { LOOK_NS = 1000000 };
static const int64_t leave_patience = 5 * PL_SECOND;

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for another graph");
}

/* ---- Planning ---- */

/* The instances of a node that is the same are the same, and in the same order. */
static bool map_tasks(struct pl__step *step) {
    const struct pl__wired *old = &step->engine->wired, *next = &step->next;
    step->map = pl_alloc((old->task_count + 1) * sizeof *step->map);
    if (!step->map) return false;
    for (unsigned i = 0; i < old->task_count; i++) {
        unsigned node = old->plan.instances[i].node;
        int same = pl_change_same(step->options, old->graph, next->graph, node);
        step->map[i] = same < 0 ? PL_CHECKPOINT_GONE : (int)(next->plan.first[same] + i - old->plan.first[node]);
    }
    return true;
}

static bool has_worker_of_its_own(const struct pl__wired *wired, unsigned task) {
    return wired->graph->nodes[wired->plan.instances[task].node].op->flags & PL_OP_BLOCKING;
}

/* Workers that nodes share, and the log's, are the same; one of a node's own goes with the node. */
static enum pl_code choose_workers(struct pl__step *step, struct pl_error **error) {
    const struct pl__wired *old = &step->engine->wired;
    struct pl__wired *next = &step->next;
    unsigned shared = next->plan.intake_worker + 1; /* there is a log, whose worker is the last of them */
    enum pl_code code = PL_OK;
    memcpy(next->workers, old->workers, shared * sizeof next->workers[0]);
    for (unsigned i = 0; i < old->task_count; i++) {
        if (step->map[i] == PL_CHECKPOINT_GONE || !has_worker_of_its_own(old, i)) continue;
        next->workers[next->plan.instances[step->map[i]].worker] = old->workers[old->plan.instances[i].worker];
    }
    for (unsigned i = 0; i < next->plan.worker_count && !code; i++) {
        char name[32];
        if (next->workers[i]) continue;
        snprintf(name, sizeof name, "worker-%u", i);
        code = pl_worker_new(name, &next->workers[i], error);
        step->fresh_worker[i] = !code;
    }
    return code;
}

enum pl_code pl__step_plan(struct pl__step *step, struct pl_error **error) {
    struct pl__wired *next = &step->next;
    next->graph = pl_graph_ref(step->options->graph);
    enum pl_code code = pl_plan_make(next->graph, step->engine->owned, &next->plan, error);
    if (code) return code;
    next->recall = pl_alloc((next->graph->node_count + 1) * sizeof *next->recall);
    next->now = PL_NEW(struct pl_epoch);
    next->edges = pl_alloc((next->plan.edge_count + 1) * sizeof(struct pl_edge *));
    next->fresh = pl_alloc((next->plan.edge_count + 1) * sizeof *next->fresh);
    next->tasks = pl_alloc((next->plan.instance_count + 1) * sizeof(struct pl_task *));
    step->room = pl_checkpoints_room(step->engine->checkpoints, next->plan.instance_count);
    step->fresh_worker = pl_alloc(PL_WORKERS_MAX * sizeof *step->fresh_worker);
    if (!next->recall || !next->now || !next->edges || !next->fresh || !next->tasks || !step->room ||
        !step->fresh_worker || !map_tasks(step))
        return no_memory(error);
    code = pl__engine_name_tasks(next, 0, error);
    return code ? code : choose_workers(step, error);
}

/* ---- What is new ---- */

/* What people have paused stays paused. */
static void pause_like(const struct pl__wired *old, struct pl_task *task) {
    for (unsigned i = 0; i < old->task_count; i++) {
        const struct pl_task *before = old->tasks[i];
        if (strcmp(before->node.config.name, task->node.config.name) == 0)
            atomic_store(&task->paused, atomic_load(&before->paused));
    }
}

enum pl_code pl__step_make(struct pl__step *step, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    struct pl__wired *next = &step->next;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        if (step->map[i] != PL_CHECKPOINT_GONE) next->tasks[step->map[i]] = engine->wired.tasks[i];
    for (unsigned i = 0; i < next->plan.instance_count && !code; i++) {
        if (next->tasks[i]) continue;
        code = pl__engine_make_task(engine, next, i, step->last->number, error);
        if (!next->tasks[i]) break;
        next->tasks[i]->runnable.worker = next->workers[next->plan.instances[i].worker]; /* for its edges */
        atomic_store(&next->tasks[i]->trial, true);
        pl_task_stand_still(next->tasks[i], true);
        pause_like(&engine->wired, next->tasks[i]);
    }
    if (!code) next->task_count = next->plan.instance_count;
    return code;
}

/* ---- What leaves ---- */

static bool all_have_left(const struct pl__step *step, const char **last) {
    const struct pl__wired *old = &step->engine->wired;
    bool all = true;
    for (unsigned i = 0; i < old->task_count; i++) {
        if (step->map[i] != PL_CHECKPOINT_GONE || pl_task_leave(old->tasks[i])) continue;
        *last = old->tasks[i]->node.config.name;
        all = false;
    }
    return all;
}

enum pl_code pl__step_leave(struct pl__step *step, bool *stopped, struct pl_error **error) {
    int64_t until = pl_clock_monotonic() + leave_patience;
    const char *last = "";
    (void)error;
    for (unsigned i = 0; i < step->engine->wired.task_count; i++)
        *stopped |= step->map[i] == PL_CHECKPOINT_GONE;
    while (!all_have_left(step, &last)) {
        if (pl_clock_monotonic() > until) {
            pl_diag(PL_WARN, "node %s still has rows in hand for its peer; they come again, or go with it", last);
            return PL_OK;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    return PL_OK;
}

/* ---- The end of it ---- */

static void free_wired(struct pl__wired *wired) {
    if (wired->now) pl_epoch_fini(wired->now);
    pl_free(wired->now);
    pl_free(wired->recall);
    pl_free(wired->names);
    pl_free(wired->edges);
    pl_free(wired->fresh);
    pl_free(wired->tasks);
    pl_plan_fini(&wired->plan);
    pl_graph_unref(wired->graph);
}

/* What was made for a step that was not done. */
static void free_made(struct pl__step *step) {
    for (unsigned i = 0; step->next.tasks && i < step->next.plan.instance_count; i++)
        if (step->next.tasks[i] && atomic_load(&step->next.tasks[i]->trial)) pl_task_discard(step->next.tasks[i]);
    for (unsigned i = 0; step->fresh_worker && i < PL_WORKERS_MAX; i++)
        if (step->fresh_worker[i]) pl_worker_free(step->next.workers[i]);
}

void pl__step_fini(struct pl__step *step) {
    if (!step->done) free_made(step);
    free_wired(&step->next);
    pl_checkpoints_room_free(step->room);
    pl_free(step->map);
    pl_free(step->fresh_worker);
    *step = (struct pl__step){0};
}
