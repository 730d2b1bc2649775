/* engine_isolate.c: nodes in processes of their own: made, and what becomes of the engine when one of them dies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/note.h>

#include "runtime/engine_impl.h"
#include "runtime/isolation.h"

static struct pl_engine *engine_of(void *arg) {
    return arg;
}

static void give_up(const struct pl_verdict *verdict, struct pl_task_death *death) {
    const char *what = verdict->at_record ? "while it was at the same record" : "without a step forward between";
    snprintf(death->text, sizeof death->text, "its process has died %u times %s, the last time: %s", verdict->times,
             what, death->why);
}

/* For those who ask later why a run began anew. */
static void note_death(struct pl_task *task, const char *why, const char *outcome) {
    struct pl_note note = {.action = "process died", .reason = why, .outcome = outcome};
    pl_note(&task->node, &note);
}

static enum pl_died decide(struct pl_engine *engine, struct pl_task *task, const struct pl_verdict *verdict,
                           struct pl_task_death *death) {
    if (verdict->skip && !engine->epochs && death->first) pl_isolation_bury(task, death->first, death->why, false);
    if (verdict->stop) {
        give_up(verdict, death);
        if (verdict->at_record && death->first) pl_isolation_bury(task, death->first, death->why, false);
        return PL_DIED_FAILS;
    }
    if (engine->options.replay || !engine->options.deaths) {
        snprintf(death->text, sizeof death->text, "%s", death->why);
        return PL_DIED_FAILS;
    }
    death->delay = verdict->delay;
    if (!engine->epochs) return PL_DIED_AGAIN;
    pl__engine_fall(engine, verdict->delay);
    return PL_DIED_WAITS;
}

static enum pl_died on_died(void *arg, struct pl_task *task, struct pl_task_death *death) {
    static const char *const outcomes[] = {[PL_DIED_WAITS] = "back to the last epoch",
                                           [PL_DIED_AGAIN] = "another begins afresh",
                                           [PL_DIED_FAILS] = "the node is stopped"};
    struct pl_engine *engine = engine_of(arg);
    const struct pl_node_config *config = &task->node.config;
    struct pl_death noted = {.node = config->name,
                             .partition = config->partition,
                             .records = death->records,
                             .count = death->count,
                             .nonsense = death->nonsense,
                             .skips = config->op->flags & PL_OP_PROGRAM,
                             .progress = engine->epochs ? pl_engine_epochs(engine) : death->done};
    struct pl_verdict verdict = {0};
    if (atomic_load(&task->trial)) { /* of a change of the graph, which is taken back */
        snprintf(death->text, sizeof death->text, "%s", death->why);
        return PL_DIED_FAILS;
    }
    if (engine->options.deaths) pl_deaths_note(engine->options.deaths, &noted, &verdict);
    enum pl_died died = decide(engine, task, &verdict, death);
    note_death(task, death->why, outcomes[died]);
    return died;
}

static void passed(void *arg, struct pl_task *task, uint64_t record) {
    struct pl_deaths *deaths = engine_of(arg)->options.deaths;
    if (deaths) pl_deaths_passed(deaths, task->node.config.name, task->node.config.partition, record);
}

static bool still_careful(void *arg, struct pl_task *task) {
    struct pl_deaths *deaths = engine_of(arg)->options.deaths;
    return deaths && pl_deaths_careful(deaths, task->node.config.name, task->node.config.partition);
}

static bool skips(void *arg, struct pl_task *task, uint64_t record) {
    struct pl_deaths *deaths = engine_of(arg)->options.deaths;
    return deaths && pl_deaths_skips(deaths, task->node.config.name, task->node.config.partition, record);
}

bool pl__engine_isolates(const struct pl_graph *graph) {
    bool any = false;
    for (unsigned i = 0; i < graph->node_count; i++)
        any |= graph->nodes[i].settings.isolate == PL_ISOLATE_PROCESS;
    return any;
}

enum pl_code pl__engine_isolate(struct pl_engine *engine, struct pl_task *task, struct pl_error **error) {
    const struct pl_node_settings *settings = &task->graph_node->settings;
    struct pl_isolation_options options = {.zmq = engine->zmq,
                                           .hang = settings->hang,
                                           .graph = task->graph,
                                           .broadcast = engine->broadcast,
                                           .careful = still_careful(engine, task),
                                           .died = on_died,
                                           .passed = passed,
                                           .still_careful = still_careful,
                                           .skips = skips};
    return settings->isolate == PL_ISOLATE_PROCESS ? pl_task_isolate(task, &options, error) : PL_OK;
}

uint64_t pl_engine_deaths(const struct pl_engine *engine, const char *node) {
    return engine->options.deaths ? pl_deaths_count(engine->options.deaths, node) : 0;
}

uint64_t pl_engine_nonsense(const struct pl_engine *engine, const char *node) {
    return engine->options.deaths ? pl_deaths_nonsense(engine->options.deaths, node) : 0;
}

uint64_t pl_engine_skipped(const struct pl_engine *engine, const char *node) {
    return engine->options.deaths ? pl_deaths_skipped(engine->options.deaths, node) : 0;
}
