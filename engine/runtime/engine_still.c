/* engine_still.c: every worker of the engine stands still, between two rounds; behind an epoch, with nothing under way.
 */
#include <time.h>

#include <potline/alloc.h>

#include "runtime/engine_move.h"

enum { SETTLE_NS = 2000000, TRIES = 1000 };
static const int64_t halt_patience = 10 * PL_SECOND;

void pl__engine_resume(const struct pl__wired *wired, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        pl_worker_resume(wired->workers[i]);
}

enum pl_code pl__engine_halt(struct pl_engine *engine, struct pl_error **error) {
    const struct pl__wired *wired = &engine->wired;
    for (unsigned i = 0; i < wired->plan.worker_count; i++) {
        if (pl_worker_halt(wired->workers[i], halt_patience)) continue;
        pl__engine_resume(wired, i);
        return pl_error_set(error, PL_BUSY, "thread %s is at work on something long",
                            pl_worker_name(wired->workers[i]));
    }
    return PL_OK;
}

struct rest {
    struct pl_intake *intake;
    struct pl_edge *edge;
};

static void take_rest(void *arg) {
    const struct rest *rest = arg;
    pl_intake_take_rest(rest->intake, rest->edge);
}

static void drain(void *edge) {
    struct pl_item item;
    while (pl_edge_receive(edge, &item))
        if (item.type == PL_ITEM_BATCH) pl_batch_unref(item.batch);
}

/* What sources that leave have made; and, on the way back, what a change that has failed has told those who stand still
 * until it is known to stay. */
static void take_rests(struct pl__step *step) {
    struct pl_engine *engine = step->engine;
    for (unsigned i = 0; i < engine->wired.fresh_count; i++) {
        const struct pl__fresh *fresh = &engine->wired.fresh[i];
        pl_worker_do(fresh->receiver->runnable.worker, drain, fresh->edge);
    }
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        const struct pl_task *task = engine->wired.tasks[i];
        if (task->gate || step->map[i] != PL_CHECKPOINT_GONE) continue;
        struct rest rest = {engine->intake, pl_outputs_first(&task->outputs)};
        pl_worker_do(pl_intake_runnable(engine->intake)->worker, take_rest, &rest);
    }
}

/* Of a source that stays there may well be rows on the way to the log. */
static bool stays_in_use(const struct pl__step *step, const struct pl_edge *edge) {
    const struct pl__wired *old = &step->engine->wired;
    for (unsigned i = 0; i < old->task_count; i++)
        if (!old->tasks[i]->gate && step->map[i] != PL_CHECKPOINT_GONE &&
            pl_outputs_first(&old->tasks[i]->outputs) == edge)
            return true;
    return false;
}

static bool is_empty(const struct pl__step *step) {
    const struct pl__wired *old = &step->engine->wired;
    for (unsigned i = 0; i < old->edge_count; i++)
        if (!pl_edge_idle(old->edges[i]) && !stays_in_use(step, old->edges[i])) return false;
    return true;
}

/* Somebody may have said something behind the barrier (an alarm that was acknowledged): it is worked off. */
enum pl_code pl__step_halt(struct pl__step *step, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    for (int i = 0; i < TRIES; i++) {
        enum pl_code code = pl__engine_halt(engine, error);
        if (code) return code;
        take_rests(step);
        pl_engine_hold_wiring(engine);
        if (is_empty(step)) return PL_OK;
        pl_engine_release_wiring(engine);
        pl__engine_resume(&engine->wired, engine->wired.plan.worker_count);
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
    }
    return pl_error_set(error, PL_BUSY, "rows are still under way behind the barrier");
}

/* ---- For whoever looks on ---- */

/* As a step that changes nothing. */
static enum pl_code rest_at(struct pl__step *step, enum pl_code (*what)(void *arg, struct pl_error **error), void *arg,
                            struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    step->map = pl_alloc((engine->wired.task_count + 1) * sizeof *step->map);
    if (!step->map) return pl_error_set(error, PL_NO_MEMORY, "no memory to stand still");
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        step->map[i] = (int)i;
    enum pl_code code = pl__step_halt(step, error);
    if (!code) {
        code = what(arg, error);
        pl_engine_release_wiring(engine);
        pl__engine_resume(&engine->wired, engine->wired.plan.worker_count);
    }
    pl_free(step->map);
    return code;
}

enum pl_code pl__engine_at_epoch(struct pl_engine *engine, enum pl_code (*what)(void *arg, struct pl_error **error),
                                 void *arg, pl_time *pause, struct pl_error **error) {
    struct pl__step step = {.engine = engine};
    uint64_t epoch;
    int64_t since = 0;
    if (atomic_exchange(&engine->moving, true))
        return pl_error_set(error, PL_BUSY, "another change of the graph is under way");
    pl_intake_hold(engine->intake);
    enum pl_code code = pl__engine_wait_for_epoch(engine, &epoch, &since, error);
    if (!code) code = rest_at(&step, what, arg, error);
    pl_intake_go_on(engine->intake);
    *pause = since ? pl_clock_monotonic() - since : 0;
    atomic_store(&engine->moving, false);
    return code;
}

enum pl_code pl__engine_between_rounds(struct pl_engine *engine, void (*what)(void *arg), void *arg,
                                       struct pl_error **error) {
    enum pl_code code = pl__engine_halt(engine, error);
    if (code) return code;
    pl_engine_hold_wiring(engine);
    what(arg);
    pl_engine_release_wiring(engine);
    pl__engine_resume(&engine->wired, engine->wired.plan.worker_count);
    return PL_OK;
}
