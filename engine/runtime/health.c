#include "health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/engine_impl.h"
#include "runtime/sums.h"

void pl_health_add(struct pl_health *health, const char *what, const char *node, const char *format, ...) {
    if (health->count == PL_HEALTH_REASONS) return;
    struct pl_health_reason *reason = &health->reasons[health->count++];
    va_list arguments;
    reason->what = what;
    reason->node = node;
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof reason->text, format, arguments);
    va_end(arguments);
}

/* ---- Signs of life ---- */

static bool may_block(const struct pl_engine *engine, unsigned worker) {
    for (unsigned i = 0; i < engine->wired.plan.instance_count; i++) {
        const struct pl_plan_instance *instance = &engine->wired.plan.instances[i];
        if (instance->worker == worker && engine->wired.graph->nodes[instance->node].op->flags & PL_OP_BLOCKING)
            return true;
    }
    return false;
}

void pl_engine_pulse(struct pl_engine *engine) {
    for (unsigned i = 0; i < engine->wired.plan.worker_count; i++)
        if (!may_block(engine, i)) pl_worker_ask(engine->wired.workers[i]);
}

static void look_at_threads(const struct pl_engine *engine, struct pl_health *health) {
    for (unsigned i = 0; i < engine->wired.plan.worker_count; i++) {
        pl_time silence = (pl_time)pl_worker_silence(engine->wired.workers[i]);
        if (silence <= health->silence) continue;
        health->silence = silence;
        health->thread = pl_worker_name(engine->wired.workers[i]);
    }
    health->alive = health->silence < PL_HEALTH_PATIENCE;
}

/* ---- Ready? ---- */

static void look_at_node(const struct pl_engine *engine, const struct pl_graph_node *node, struct pl_node_sums *sums,
                         struct pl_health *health) {
    pl_node_sums_make(engine, node, sums);
    if (sums->failed)
        pl_health_add(health, "node_failed", node->name, "it has failed");
    else if (sums->down)
        pl_health_add(health, "process_down", node->name, "its process is not there");
    else if (sums->opened < sums->instances)
        pl_health_add(health, "node_not_open", node->name, "it is not open yet");
}

static void look_at_nodes(const struct pl_engine *engine, struct pl_health *health) {
    struct pl_node_sums *sums = PL_NEW(struct pl_node_sums);
    if (!sums) pl_health_add(health, "no_memory", "", "no memory to look at the nodes");
    for (unsigned i = 0; sums && i < engine->wired.graph->node_count; i++)
        look_at_node(engine, &engine->wired.graph->nodes[i], sums, health);
    pl_free(sums);
}

static void look_at_log(struct pl_engine *engine, struct pl_health *health) {
    struct pl_checkpoint_stats checkpoint;
    double limit = (double)engine->wired.graph->settings.checkpoint_timeout / (double)PL_SECOND;
    pl_engine_checkpoint_stats(engine, &checkpoint);
    if (atomic_load(&pl_intake_stats(engine->intake)->full))
        pl_health_add(health, "disk_full", "", "the log has no room: sources wait");
    if (limit > 0 && checkpoint.under_way > limit)
        pl_health_add(health, "checkpoint_overdue", "", "a checkpoint has been under way for %.0f s",
                      checkpoint.under_way);
}

static void look_at_end(struct pl_engine *engine, struct pl_health *health) {
    struct pl_error *error = NULL;
    if (pl_engine_check(engine, &error))
        pl_health_add(health, "failed", "", "%s", error ? error->text : "no memory to say why");
    pl_error_free(&error);
    pthread_mutex_lock(&engine->lock);
    bool stopping = engine->stopping, fallen = engine->fallen, ended = !engine->running;
    pthread_mutex_unlock(&engine->lock);
    if (fallen)
        pl_health_add(health, "fallen", "", "a process of a node has died: it goes back to the last epoch");
    else if (stopping || ended)
        pl_health_add(health, "stopping", "", "it is ending");
}

void pl_health_look(struct pl_engine *engine, struct pl_health *health) {
    memset(health, 0, sizeof *health);
    look_at_threads(engine, health);
    if (!health->alive)
        pl_health_add(health, "thread_silent", "", "the thread %s has not answered for %.0f s", health->thread,
                      (double)health->silence / (double)PL_SECOND);
    look_at_end(engine, health);
    look_at_nodes(engine, health);
    look_at_log(engine, health);
}
