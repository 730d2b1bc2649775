#include "task.h"

#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "graph/graph.h"
#include "runtime/isolation.h"
#include "runtime/task_impl.h"

enum { ITEMS_A_RUN = 16 };

/* ---- Ending ---- */

static void report_end(struct pl_task *task) {
    struct pl_changes changes = {0};
    if (task->reported) return;
    task->reported = true;
    pl_calls_close(&task->changes);
    bool ended = task->state == PL_TASK_ENDED && task->end_final;
    if (ended && !task->over) pl__task_save(task, true, &changes);
    task->events.ended(task->events.engine, task, task->node.epoch, &changes);
}

void pl__task_fail(struct pl_task *task) {
    if (task->state == PL_TASK_FAILED) return;
    task->state = PL_TASK_FAILED;
    task->taps = NULL; /* nobody can be asked to detach any more */
    const char *why = task->node.failure ? task->node.failure : "it could not go on";
    pl__task_hand_on_whole(task);
    task->events.failed(task->events.engine, task, why);
    if (atomic_load(&task->trial)) return; /* those behind it go on with another one */
    struct pl_item end = {.type = PL_ITEM_END, .idle = true};
    pl_outputs_signal(&task->outputs, &end);
    pl_ready(&task->runnable); /* to run dry, whoever has called */
}

void pl__task_begin_stop(struct pl_task *task, bool final) {
    task->state = PL_TASK_STOPPING;
    task->end_final = final;
    pl_node_stop(&task->node);
}

/* Once the operator has nothing in hand any more, the end goes out behind its last rows. */
void pl__task_try_end(struct pl_task *task) {
    if (task->node.failure) {
        pl__task_fail(task);
        return;
    }
    if (task->state == PL_TASK_STOPPING && !task->node.busy) {
        pl__task_hand_on_whole(task);
        struct pl_item end = {.type = PL_ITEM_END, .idle = !task->end_final};
        pl_outputs_signal(&task->outputs, &end);
        task->state = PL_TASK_ENDED;
    }
    if (task->state == PL_TASK_ENDED && pl_outputs_room(&task->outputs)) report_end(task);
}

/* A failed task takes and drops what still comes. */
void pl__task_run_dry(struct pl_task *task) {
    if (atomic_load(&task->trial)) return;
    if (task->gate) pl_gate_drain(task->gate);
    if (pl_outputs_room(&task->outputs)) report_end(task);
}

/* ---- Working ---- */

bool pl__task_has_room(struct pl_task *task) {
    bool room = pl_outputs_room(&task->outputs);
    if (room && task->blocked_at) {
        pl_stat_add(&task->stats.blocked_ns, uv_hrtime() - task->blocked_at);
        task->blocked_at = 0;
    } else if (!room && !task->blocked_at) {
        task->blocked_at = uv_hrtime();
    }
    return room;
}

void pl__task_give_watermark(struct pl_task *task, pl_time time, bool idle) {
    if (time < task->given) time = task->given;
    task->given = time;
    task->given_idle = idle;
    struct pl_item item = {.type = PL_ITEM_WATERMARK, .time = time, .idle = idle};
    pl_outputs_signal(&task->outputs, &item);
}

void pl__task_count_in(struct pl_task *task, const struct pl_batch *batch) {
    pl_stat_add(&task->stats.batches_in, 1);
    pl_stat_add(&task->stats.rows_in, batch->rows);
    pl_stat_add(&task->stats.bytes_in, batch->message_size);
    pl_histogram_record(&task->stats.lag, pl_clock_now(task->node.config.clock) - batch->header->receive_time);
}

static void on_batch(struct pl_task *task, unsigned port, struct pl_batch *batch) {
    pl__task_count_in(task, batch);
    if (pl_node_process(&task->node, port, batch) == PL_FLOW_FAIL) pl__task_fail(task);
}

void pl__task_note_watermark(struct pl_task *task, pl_time now) {
    task->watermark = now;
    atomic_store_explicit(&task->stats.watermark, now, memory_order_relaxed);
}

static void on_watermark(struct pl_task *task, pl_time now, bool idle) {
    pl__task_note_watermark(task, now);
    pl__task_give_watermark(task, pl_node_watermark(&task->node, now), idle);
    if (task->node.failure) pl__task_fail(task);
}

void pl__task_on_barrier(struct pl_task *task, const struct pl_item *item) {
    struct pl_changes changes;
    pl_calls_run(&task->changes, &task->node);
    PL_FAULT("node.snapshot");
    pl__task_save(task, false, &changes);
    PL_FAULT("node.saved");
    if (task->spill) pl_spill_settle(task->spill, item->epoch);
    if (task->node.config.recovers) task->node.epoch = item->epoch + 1;
    task->events.barrier(task->events.engine, task, item->epoch, &changes);
    pl_outputs_signal(&task->outputs, item);
    if (task->node.failure) pl__task_fail(task); /* in a change */
}

static void on_end(struct pl_task *task, bool stopped) {
    if (!stopped && task->watermark < PL_TIME_MAX) on_watermark(task, PL_TIME_MAX, false);
    if (task->state != PL_TASK_RUNNING) return;
    pl__task_begin_stop(task, !stopped);
    pl__task_try_end(task);
}

static void handle(struct pl_task *task, unsigned port, const struct pl_item *item) {
    pl_models_from(&task->node, pl_gate_models(task->gate));
    if (task->isolation) {
        pl__isolation_give(task, port, item);
        return;
    }
    uint64_t begun = uv_hrtime();
    switch (item->type) {
    case PL_ITEM_BATCH: on_batch(task, port, item->batch); break;
    case PL_ITEM_WATERMARK: on_watermark(task, item->time, item->idle); break;
    case PL_ITEM_BARRIER: pl__task_on_barrier(task, item); break;
    case PL_ITEM_END: on_end(task, item->idle); break;
    }
    pl_stat_add(&task->stats.busy_ns, uv_hrtime() - begun);
}

void pl__task_tell_commit(struct pl_task *task) {
    uint64_t epoch = atomic_load(&task->committed);
    if (epoch == task->commit_told) return;
    task->commit_told = epoch;
    if (task->spill) pl_spill_done(task->spill, epoch);
    PL_FAULT("node.commit");
    if (task->isolation)
        pl__isolation_commit(task, epoch);
    else
        pl_node_commit(&task->node, epoch);
    PL_FAULT("node.committed");
}

/* What it has in hand goes where it goes; then it is left as it stands. */
void pl__task_leave(struct pl_task *task) {
    if (task->state == PL_TASK_RUNNING && task->node.state == PL_NODE_OPEN && !task->isolation) {
        pl__task_begin_stop(task, false);
        pl__task_hand_on_whole(task);
    }
    if (task->state != PL_TASK_STOPPING || !task->node.busy || task->node.failure) atomic_store(&task->left, true);
}

/* ---- With a backlog ---- */

/* While the operator can take nothing: rows are kept, a watermark stays behind them, a barrier has all of it saved. */
static void keep(struct pl_task *task, unsigned port, const struct pl_item *item) {
    switch (item->type) {
    case PL_ITEM_BATCH: pl_backlog_put(task->backlog, port, item->batch); break;
    case PL_ITEM_WATERMARK:
        task->waiting[PL__WAITS_WATERMARK] = *item;
        task->waits[PL__WAITS_WATERMARK] = true;
        break;
    case PL_ITEM_BARRIER: handle(task, port, item); break;
    case PL_ITEM_END:
        task->waiting[PL__WAITS_END] = *item;
        task->waits[PL__WAITS_END] = true;
        break;
    }
}

/* One that comes back: a later one may be there. */
void pl__task_keep_watermark(struct pl_task *task, const struct pl_item *item) {
    if (task->waits[PL__WAITS_WATERMARK]) return;
    task->waiting[PL__WAITS_WATERMARK] = *item;
    task->waits[PL__WAITS_WATERMARK] = true;
}

static bool take_waiting(struct pl_task *task, unsigned which, struct pl_item *item) {
    if (!task->waits[which]) return false;
    task->waits[which] = false;
    *item = task->waiting[which];
    return true;
}

/* What was kept in memory, in its order. */
static bool take_kept(struct pl_task *task, struct pl_item *item, unsigned *port) {
    if (!task->backlog) return false;
    struct pl_batch *batch = pl_backlog_take(task->backlog, port);
    if (!batch) return take_waiting(task, PL__WAITS_WATERMARK, item);
    *item = (struct pl_item){.type = PL_ITEM_BATCH, .batch = batch};
    return true;
}

/* What comes when nothing newer is there: what was spilled, then the end. */
static bool take_old(struct pl_task *task, struct pl_item *item, unsigned *port) {
    if (!task->backlog) return false;
    struct pl_batch *batch = pl_backlog_take_spilled(task->backlog, port);
    if (!batch) return take_waiting(task, PL__WAITS_END, item);
    *item = (struct pl_item){.type = PL_ITEM_BATCH, .batch = batch};
    return true;
}

/* The end of the data is behind all that waits. The end of a run is not, where another run goes on with it. */
static bool end_waits(const struct pl_task *task, const struct pl_item *item) {
    return item->type == PL_ITEM_END && task->backlog && !pl_backlog_empty(task->backlog) &&
           !(item->idle && task->node.config.recovers);
}

/* ---- Running ---- */

/* One step; false: nothing to do, and what changes that wakes the task. */
static bool step(struct pl_task *task) {
    struct pl_item item;
    unsigned port;
    bool able = !task->node.busy && !pl__task_is_paused(task); /* else woken by pl_busy, poked when it is resumed */
    if (!pl__task_has_room(task) || (!able && !task->backlog)) return false;
    if (task->isolation && !pl__isolation_takes(task, !able)) return false;
    if (able && take_kept(task, &item, &port)) {
        handle(task, port, &item);
        return true;
    }
    if (pl_gate_take(task->gate, &item, &port)) {
        bool now = able || (item.type == PL_ITEM_END && !end_waits(task, &item));
        if (now && !end_waits(task, &item))
            handle(task, port, &item);
        else
            keep(task, port, &item);
        return true;
    }
    if (!pl_gate_sound(task->gate)) {
        pl_fail(&task->node, "no room to keep rows that wait for another input");
        pl__task_fail(task);
        return true;
    }
    if (!able || !take_old(task, &item, &port)) return false;
    handle(task, port, &item);
    return true;
}

static void run_node(struct pl_runnable *runnable) {
    struct pl_task *task = pl__task_of(runnable);
    pl__task_tell_commit(task);
    if (pl__task_stands_still(task) && !pl__task_leaves(task)) {
        if (task->node.failure) pl__task_fail(task);
        return;
    }
    pl_calls_run(&task->calls, &task->node);
    if (pl__task_leaves(task)) {
        pl__task_leave(task);
        return;
    }
    if (task->node.failure) pl__task_fail(task); /* in a callback of the loop */
    for (int i = 0; i < ITEMS_A_RUN; i++) {
        if (task->state == PL_TASK_FAILED) {
            pl__task_run_dry(task);
            return;
        }
        if (task->state != PL_TASK_RUNNING) {
            pl__task_try_end(task);
            return;
        }
        if (!step(task)) return;
    }
    pl_ready(runnable);
}

/* The same with the operator in another process: what comes back from there is taken first. */
static void run_isolated(struct pl_runnable *runnable) {
    struct pl_task *task = pl__task_of(runnable);
    pl__isolation_receive(task);
    pl__task_tell_commit(task);
    pl__isolation_calls(task);
    if (pl__task_leaves(task)) {
        pl__task_leave(task);
        return;
    }
    if (task->node.failure) pl__task_fail(task);
    for (int i = 0; i < ITEMS_A_RUN && task->state == PL_TASK_RUNNING && !pl__task_stands_still(task) && step(task);
         i++)
        if (task->node.failure) pl__task_fail(task);
    if (task->state == PL_TASK_FAILED)
        pl__task_run_dry(task);
    else if (task->state == PL_TASK_ENDED)
        pl__task_try_end(task);
    if (pl__isolation_sent(task)) pl_ready(runnable); /* to find nothing there behind the last send */
}

/* The process has nothing in hand any more. */
void pl__task_end(struct pl_task *task) {
    struct pl_item end = {.type = PL_ITEM_END, .idle = !task->end_final};
    pl_outputs_signal(&task->outputs, &end);
    task->state = PL_TASK_ENDED;
    pl__task_try_end(task);
}

/* ---- Life ---- */

void pl__task_fail_to_start(struct pl_task *task, struct pl_error *error) {
    char *text = pl_error_text(error);
    bool afresh = error && task->gate && task->recall && (error->code == PL_CONFLICT || error->code == PL_CORRUPT);
    pl_fail(&task->node, "%s%s%s", text ? text : "no memory", afresh ? "; to start it afresh: --reset " : "",
            afresh ? task->node.config.name : "");
    pl_free(text);
    pl_error_free(&error);
    pl__task_fail(task);
}

/* Those behind it are told once more. */
static void end_again(struct pl_task *task) {
    struct pl_item end = {.type = PL_ITEM_END};
    task->state = PL_TASK_ENDED;
    task->opened = true;
    task->end_final = true;
    pl_outputs_signal(&task->outputs, &end);
    pl_ready(&task->runnable);
}

static void start(struct pl_runnable *runnable) {
    struct pl_task *task = pl__task_of(runnable);
    struct pl_error *error = NULL;
    if (!task->gate) {
        uv_timer_init(pl_worker_loop(runnable->worker), &task->pace);
        task->pace.data = task;
        task->allowance_at = uv_hrtime();
    }
    enum pl_code code = task->recall ? pl__task_load_progress(task, &error) : PL_OK;
    if (code == PL_NOT_FOUND) code = PL_OK;
    if (!code && task->over) {
        end_again(task);
        return;
    }
    if (task->isolation) { /* it goes on when the process is there */
        if (!code) code = pl__isolation_start(task, &error);
        if (code) pl__task_fail_to_start(task, error);
        return;
    }
    if (!code) code = pl_node_open(&task->node, &error);
    if (!code) code = task->gate ? pl__task_load(task, &error) : pl__task_go_to_position(task, &error);
    PL_FAULT("open.node");
    atomic_store(&task->opened, !code);
    if (code) pl__task_fail_to_start(task, error);
}

static void finish(struct pl_runnable *runnable) {
    struct pl_task *task = pl__task_of(runnable);
    if (!task->gate) uv_close((uv_handle_t *)&task->pace, NULL);
    task->taps = NULL;
    pl_calls_close(&task->calls);
    pl_calls_close(&task->changes);
    if (task->node.state == PL_NODE_OPEN) pl__task_tell_commit(task);
    pl__task_tell_durable(task);
    if (task->isolation) pl__isolation_finish(task);
    pl_node_close(&task->node);
}

static enum pl_code make_inputs(struct pl_task *task, const struct pl_node_config *config,
                                const struct pl_task_options *options, struct pl_error **error) {
    struct pl_spill_options spill = {.store = config->store,
                                     .tags = config->tags,
                                     .limit = options->spill,
                                     .lasting = config->recovers ? config->name : NULL,
                                     .partition = config->lane};
    struct pl_gate_options gate = {.tags = config->tags,
                                   .any_order = config->op->flags & PL_OP_ANY_ORDER,
                                   .by_source = config->op->flags & PL_OP_BY_SOURCE,
                                   .hold = options->hold,
                                   .moves = options->moves};
    gate.spill = task->spill = pl_spill_new(&spill);
    task->gate = pl_gate_new(&gate);
    if (options->backlog && task->spill) task->backlog = pl_backlog_new(task->spill);
    bool made = task->spill && task->gate && (task->backlog || !options->backlog);
    return made ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a task");
}

static void poke_source(void *task) {
    pl_poke(&((struct pl_task *)task)->runnable);
}

enum pl_code pl_task_init(struct pl_task *task, const struct pl_node_config *config,
                          const struct pl_task_events *events, const struct pl_task_options *options,
                          struct pl_error **error) {
    const struct pl_graph *graph = task->graph;
    unsigned refs = atomic_load(&task->refs);
    *task = (struct pl_task){.events = *events, .watermark = PL_TIME_MIN, .given = PL_TIME_MIN, .graph = graph};
    atomic_init(&task->refs, refs);
    task->runnable.start = start;
    task->runnable.run = config->op->inputs ? run_node : pl__task_run_source;
    task->runnable.finish = finish;
    atomic_store(&task->stats.watermark, PL_TIME_MIN);
    task->stats.since = pl_clock_monotonic();
    enum pl_code code = config->op->inputs ? make_inputs(task, config, options, error) : PL_OK;
    if (code) return code;
    if (!config->op->inputs && config->op->durable && !(task->durable = pl_durable_new(poke_source, task)))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a source");
    return pl_node_init(&task->node, config, &pl_task_node_host, task, error);
}

enum pl_code pl_task_isolate(struct pl_task *task, const struct pl_isolation_options *options,
                             struct pl_error **error) {
    task->runnable.run = run_isolated;
    return pl_isolation_new(task, options, error);
}

void pl_task_fini(struct pl_task *task) {
    pl_isolation_free(task->isolation);
    pl_gate_free(task->gate);
    pl_gate_free(task->old_gate);
    pl_outputs_fini(&task->old_outputs);
    pl_backlog_free(task->backlog);
    pl_spill_free(task->spill);
    pl_codec_free(task->codec);
    pl_batch_unref(task->last);
    pl_durable_free(task->durable);
    pl_zone_close(task->letters);
    pl_outputs_fini(&task->outputs);
    pl_node_fini(&task->node);
}

void pl_task_stop(struct pl_task *task, bool final) {
    if (final) atomic_store(&task->drain, true);
    atomic_store(&task->stop, true);
    pl_poke(&task->runnable);
}

void pl_task_pause(struct pl_task *task, bool paused) {
    atomic_store(&task->paused, paused);
    pl_poke(&task->runnable);
}

void pl_task_stand_still(struct pl_task *task, bool still) {
    atomic_store(&task->still, still);
    if (!still) pl_poke(&task->runnable);
}

bool pl_task_leave(struct pl_task *task) {
    atomic_store(&task->leaves, true);
    pl_poke(&task->runnable);
    return atomic_load(&task->left);
}

struct pl_task *pl_task_new(const struct pl_graph *graph) {
    struct pl_task *task = pl_alloc_aligned(64, sizeof *task);
    if (!task) return NULL;
    memset(task, 0, sizeof *task);
    atomic_init(&task->refs, 1);
    task->graph = pl_graph_ref(graph);
    return task;
}

struct pl_task *pl_task_ref(struct pl_task *task) {
    atomic_fetch_add(&task->refs, 1);
    return task;
}

void pl_task_unref(struct pl_task *task) {
    if (task && atomic_fetch_sub(&task->refs, 1) == 1) pl_free(task);
}

void pl_task_discard(struct pl_task *task) {
    pl_task_fini(task);
    pl_free(task->muted);
    task->muted = NULL;
    pl_graph_unref(task->graph);
    task->graph = NULL;
    pl_task_unref(task);
}

bool pl_task_call(struct pl_task *task, struct pl_call *call) {
    if (!pl_calls_put(&task->calls, call)) return false;
    pl_poke(&task->runnable);
    return true;
}

bool pl_task_change(struct pl_task *task, struct pl_call *call) {
    return pl_calls_put(&task->changes, call);
}

void pl_task_commit(struct pl_task *task, uint64_t epoch) {
    atomic_store(&task->committed, epoch);
    pl_poke(&task->runnable);
}

void pl_task_input_stats(const struct pl_task *task, struct pl_task_input_stats *stats) {
    *stats = (struct pl_task_input_stats){0};
    if (!task->gate) return;
    struct pl_edge_stats edges;
    pl_gate_stats(task->gate, &edges);
    stats->items = edges.items;
    stats->bytes = edges.bytes;
    stats->dropped_rows = edges.dropped_rows;
    if (task->isolation) {
        struct pl_isolation_stats isolation;
        pl_isolation_stats(task->isolation, &isolation);
        stats->dropped_rows += isolation.lost_rows;
    }
    if (!task->backlog) return;
    struct pl_backlog_stats backlog;
    pl_backlog_stats(task->backlog, &backlog);
    stats->dropped_rows += backlog.dropped_rows;
    stats->spilled_rows = backlog.spilled_rows;
    stats->spilled_bytes = backlog.spilled_bytes;
}
