/* engine_move.c: a running engine goes from one graph to another (change.h). */
#include "runtime/engine_move.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"

enum { LOOK_NS = 1000000, TEXT = 1200 };
static const int64_t usual_patience = 60 * PL_SECOND, grace = 2 * PL_SECOND;

static void rest(void) {
    nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
}

/* ---- Whether it can be done ---- */

static enum pl_code check_isolation(struct pl_engine *engine, const struct pl_graph *to, struct pl_error **error) {
    if (!pl__engine_isolates(to) || pl__engine_isolates(engine->first)) return PL_OK;
    return pl_error_set(error, PL_CONFLICT,
                        "the engine was started without nodes in processes of their own (isolate): "
                        "the first one takes a restart");
}

bool pl_engine_is_ending(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    bool ending = engine->stopping || engine->fallen || engine->failure || !engine->running;
    pthread_mutex_unlock(&engine->lock);
    return ending;
}

/* A barrier does not pass a node that takes nothing in. */
static enum pl_code check_paused(struct pl_engine *engine, struct pl_error **error) {
    enum pl_code code = PL_OK;
    pl_engine_hold_wiring(engine);
    for (unsigned i = 0; i < engine->wired.task_count && !code; i++) {
        const struct pl_task *task = engine->wired.tasks[i];
        if (task->gate && !task->backlog && atomic_load(&task->paused))
            code = pl_error_set(error, PL_BUSY, "node %s is paused: no checkpoint passes it, so resume it first",
                                task->node.config.name);
    }
    pl_engine_release_wiring(engine);
    return code;
}

enum pl_code pl_engine_fits_group(struct pl_engine *engine, const struct pl_graph *to, struct pl_error **error) {
    const unsigned lanes = engine->wired.plan.lanes;
    enum pl_code code = engine->options.member ? pl__engine_check_audit(&engine->options, to, error) : PL_OK;
    if (code || !engine->options.member || pl_plan_lanes(to) == lanes) return code;
    return pl_error_set(error, PL_CONFLICT,
                        "the group's topic has %u partitions, and the graph wants %u: the first node of a global "
                        "section, and the last one, take another topic",
                        lanes, pl_plan_lanes(to));
}

enum pl_code pl_engine_can_move(struct pl_engine *engine, const struct pl_graph *to, struct pl_error **error) {
    if (engine->options.replay) return pl_error_set(error, PL_UNAVAILABLE, "a replay plays one graph to its end");
    if (!engine->epochs)
        return pl_error_set(error, PL_UNAVAILABLE,
                            "a graph without a log (log: none) cannot be changed while it runs: "
                            "rows would be lost, for nothing keeps them meanwhile");
    if (!atomic_load(&engine->under_way)) return pl_error_set(error, PL_BUSY, "the engine is being started");
    if (pl_engine_is_ending(engine)) return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
    enum pl_code code = check_paused(engine, error);
    if (!code) code = pl_engine_fits_group(engine, to, error);
    return code ? code : check_isolation(engine, to, error);
}

/* ---- Standing behind an epoch ---- */

/* Sources that are made anew, or go, make nothing any more from here on. */
static void stop_sources(const struct pl__step *step) {
    struct pl_engine *engine = step->engine;
    for (unsigned i = 0; i < engine->wired.task_count; i++) {
        struct pl_task *task = engine->wired.tasks[i];
        if (!task->gate && step->map[i] == PL_CHECKPOINT_GONE) pl_task_stand_still(task, true);
    }
}

enum pl_code pl__engine_wait_for_epoch(struct pl_engine *engine, uint64_t *epoch, int64_t *since,
                                       struct pl_error **error) {
    pl_time limit = engine->wired.graph->settings.checkpoint_timeout;
    int64_t until =
        pl_clock_monotonic() + (limit ? limit + grace : usual_patience); /* who is late has been said then */
    for (;;) {
        *epoch = pl_intake_held(engine->intake);
        if (*epoch && !*since) *since = pl_clock_monotonic();
        if (*epoch && pl_checkpoints_told(engine->checkpoints) >= *epoch) return PL_OK;
        if (pl_engine_is_ending(engine)) return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
        if (pl_clock_monotonic() > until)
            return pl_error_set(error, PL_BUSY,
                                "the checkpoint that it would be done at has not come to its end: is a node "
                                "paused, the disk full, or the graph far behind its sources?");
        rest();
    }
}

/* ---- One step ---- */

/* It is made anew, or ends by a failure. */
static bool is_lost(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    bool lost = engine->fallen || engine->failure;
    pthread_mutex_unlock(&engine->lock);
    return lost;
}

/* Do all that are new work? Whoever ends the engine meanwhile waits a little for them. */
static enum pl_code wait_for_nodes(struct pl_engine *engine, struct pl_error **error) {
    int64_t until = pl_clock_monotonic() + usual_patience;
    for (;;) {
        if (pl_engine_is_ending(engine) && until > pl_clock_monotonic() + grace) until = pl_clock_monotonic() + grace;
        const char *missing = NULL;
        pthread_mutex_lock(&engine->lock);
        const char *why = engine->trial_failure;
        enum pl_code code = why ? pl_error_set(error, PL_UNAVAILABLE, "%s", why) : PL_OK;
        pthread_mutex_unlock(&engine->lock);
        if (code) return code;
        for (unsigned i = 0; i < engine->wired.task_count && !missing; i++)
            if (!atomic_load(&engine->wired.tasks[i]->opened)) missing = engine->wired.tasks[i]->node.config.name;
        if (!missing) return PL_OK;
        if (is_lost(engine)) return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
        if (pl_clock_monotonic() > until)
            return pl_error_set(error, PL_BUSY, "node %s does not open: it has been waited for", missing);
        rest();
    }
}

static struct pl_recovery recovery_of(const struct pl__step *step) {
    return (struct pl_recovery){.graph = step->options->graph,
                                .epochs = step->engine->epochs,
                                .store = step->engine->store,
                                .log = step->engine->log,
                                .tags = step->engine->tags,
                                .partitions = step->next.plan.lanes,
                                .reset = step->options->remembers ? NULL : step->options->reset,
                                .lenient = step->options->lenient};
}

static void forget_trial(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    pl_free(engine->trial_failure);
    engine->trial_failure = NULL;
    pthread_mutex_unlock(&engine->lock);
}

/* A place where a test has it die, or fail. */
static enum pl_code pass(const char *place, enum pl_code code, struct pl_error **error) {
    if (code || !PL_FAULT_FAILS(place)) return code;
    return pl_error_set(error, PL_UNAVAILABLE, "POTLINE_FAULT: %s", place);
}

/* From where the engine stands to where all nodes of the other graph are open. *touched: it is not as it was. */
static enum pl_code take(struct pl__step *step, bool *touched, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    struct pl_recovery recovery = recovery_of(step);
    *touched = false;
    forget_trial(engine);
    enum pl_code code = pl_recovery_prepare(&recovery, step->last, step->next.now, step->next.recall, error);
    code = pass("move.prepared", code, error);
    if (!code) code = pl__step_make(step, error);
    code = pass("move.made", code, error);
    if (!code) code = pl__step_leave(step, touched, error);
    code = pass("move.left", code, error);
    if (!code) code = pl__step_switch(step, error);
    *touched |= step->done;
    code = pass("move.switched", code, error);
    if (!code) code = wait_for_nodes(engine, error);
    return pass("move.opened", code, error);
}

/* ---- Back ---- */

/* From a step that was done, or that had begun, to the graph before it. */
static enum pl_code take_back(struct pl__step *done, const struct pl_graph *to, struct pl_error **error) {
    struct pl_change_options options = *done->options;
    options.graph = to;
    options.remembers = true; /* nothing was forgotten */
    struct pl__step back = {.engine = done->engine, .options = &options, .last = done->last};
    bool touched;
    enum pl_code code = pl__step_plan(&back, error);
    if (!code) code = take(&back, &touched, error);
    pl__step_fini(&back);
    return code;
}

/* ---- The whole ---- */

/* From here on a node that fails is no trial's, but the graph's; one that has done so meanwhile, too. */
static void settle_tasks(struct pl_engine *engine) {
    char why[TEXT] = "";
    pl_engine_hold_wiring(engine);
    pthread_mutex_lock(&engine->lock);
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        atomic_store(&engine->wired.tasks[i]->trial, false);
    if (engine->trial_failure) snprintf(why, sizeof why, "%s", engine->trial_failure);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; i < engine->wired.task_count; i++)
        pl_task_stand_still(engine->wired.tasks[i], false);
    pl_free(engine->wired.fresh);
    engine->wired.fresh = NULL;
    engine->wired.fresh_count = 0;
    pl_engine_release_wiring(engine);
    if (*why) pl__engine_failed(engine, why);
}

/* In the same breath it is known what to go back to. */
static void settle_graph(struct pl_engine *engine, const struct pl_graph *relapse_to) {
    pthread_mutex_lock(&engine->lock);
    const struct pl_graph *before = engine->settled, *no_more = engine->relapse_to;
    engine->settled = pl_graph_ref(engine->wired.graph);
    engine->relapse_to = pl_graph_ref(relapse_to);
    pthread_mutex_unlock(&engine->lock);
    pl_graph_unref(before);
    pl_graph_unref(no_more);
}

const struct pl_graph *pl_engine_settled(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    const struct pl_graph *graph = pl_graph_ref(engine->settled);
    pthread_mutex_unlock(&engine->lock);
    return graph;
}

void pl_engine_relapses_to(struct pl_engine *engine, const struct pl_graph *graph) {
    pl_graph_ref(graph);
    pthread_mutex_lock(&engine->lock);
    const struct pl_graph *before = engine->relapse_to;
    engine->relapse_to = graph;
    pthread_mutex_unlock(&engine->lock);
    pl_graph_unref(before);
}

bool pl__engine_relapse(struct pl_engine *engine, const char *why) {
    pthread_mutex_lock(&engine->lock);
    const struct pl_graph *to = engine->relapse_to, *before = to ? engine->settled : NULL;
    if (to) {
        engine->settled = to;
        engine->relapse_to = NULL;
        engine->relapsed = pl_strdup(why);
    }
    bool again = to || engine->relapsed; /* others fail behind the first one */
    pthread_mutex_unlock(&engine->lock);
    pl_graph_unref(before);
    if (to) {
        pl_diag_each(PL_ERROR, "%s: the graph is on probation, and the engine goes back to the one before", why);
        pl__engine_fall(engine, 0);
    }
    return again;
}

bool pl_engine_relapse(struct pl_engine *engine, const struct pl_graph *graph, const char *why) {
    if (pl_engine_is_ending(engine) && !is_lost(engine)) return false;
    pl_engine_relapses_to(engine, graph);
    return pl__engine_relapse(engine, why);
}

bool pl_engine_has_relapsed(struct pl_engine *engine, char *why, size_t room) {
    pthread_mutex_lock(&engine->lock);
    bool relapsed = engine->relapsed != NULL;
    snprintf(why, room, "%s", relapsed ? engine->relapsed : "");
    pthread_mutex_unlock(&engine->lock);
    return relapsed;
}

/* Behind the epoch that all stand at. */
static enum pl_code move_at(struct pl__step *step, struct pl_change_result *result, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    const struct pl_graph *from = pl_graph_ref(engine->wired.graph);
    struct pl_recovery recovery = recovery_of(step);
    struct pl_error *worse = NULL;
    bool touched;
    enum pl_code code = take(step, &touched, error);
    if (!code) code = pl_recovery_settle(&recovery, step->last, engine->wired.now, error);
    result->lost = step->lost;
    if (!code) {
        PL_FAULT("move.settled");
        settle_graph(engine, step->options->probation ? from : NULL);
    } else {
        pl_recovery_withdraw(&recovery, step->last);
        forget_trial(engine);
        if (touched && (!step->done || take_back(step, from, &worse))) {
            pl_diag_each(PL_ERROR,
                         "the old graph cannot be gone back to in place%s%s: it is begun anew from epoch %llu",
                         worse ? ": " : "", worse ? worse->text : "", (unsigned long long)step->last->number);
            result->fallen = true;
            pl__engine_fall(engine, 0);
        }
    }
    pl_error_free(&worse);
    pl_graph_unref(from);
    return code;
}

/* Who has ended the engine meanwhile has told those that were there. */
static void stop_anew(struct pl_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    bool stopping = engine->stopping, drains = engine->drains;
    pthread_mutex_unlock(&engine->lock);
    if (stopping) pl__engine_stop_tasks(engine, drains);
}

static enum pl_code move(struct pl__step *step, struct pl_change_result *result, struct pl_error **error) {
    struct pl_engine *engine = step->engine;
    int64_t since = 0;
    stop_sources(step);
    pl_intake_hold(engine->intake);
    enum pl_code code = pl__engine_wait_for_epoch(engine, &result->epoch, &since, error);
    bool held = !code;
    code = pass("move.held", code, error);
    if (!code) code = pl_epochs_last(engine->store, step->last, error);
    if (!code) code = move_at(step, result, error);
    if (!result->fallen) {
        settle_tasks(engine);
        if (held) pl_intake_settle(engine->intake);
        stop_anew(engine);
        pl_intake_go_on(engine->intake);
    }
    result->pause = since ? pl_clock_monotonic() - since : 0;
    return code;
}

enum pl_code pl_engine_move(struct pl_engine *engine, const struct pl_change_options *options,
                            struct pl_change_result *result, struct pl_error **error) {
    struct pl_epoch last = {0};
    struct pl__step step = {.engine = engine, .options = options, .last = &last};
    *result = (struct pl_change_result){0};
    if (atomic_exchange(&engine->moving, true))
        return pl_error_set(error, PL_BUSY, "another change of the graph is under way");
    enum pl_code code = pl_engine_can_move(engine, options->graph, error);
    if (!code) code = pl__step_plan(&step, error);
    if (!code) code = move(&step, result, error);
    pl__step_fini(&step);
    pl_epoch_fini(&last);
    atomic_store(&engine->moving, false);
    return code;
}
