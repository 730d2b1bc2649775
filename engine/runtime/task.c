#include "task.h"

#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "graph/graph.h"
#include "log/log.h"
#include "runtime/isolation.h"
#include "runtime/task_impl.h"
#include "store/epochs.h"

enum { ITEMS_A_RUN = 16, WATERMARK = 0, END = 1 };

static struct pl_task *task_of(struct pl_runnable *runnable) {
    return (struct pl_task *)(void *)runnable;
}

/* ---- What a source makes ---- */

static void send_last(struct pl_task *task, bool more) {
    struct pl_batch *batch = task->last;
    task->last = NULL;
    if (!batch) return;
    batch->more = more;
    pl_outputs_emit(&task->outputs, 0, batch);
}

/* Where the source stands now. Without memory the batch goes without: the log keeps an earlier position then, and rows
 * are doubled after a death; so the source cannot go on. */
static void attach_position(struct pl_task *task, struct pl_batch *batch) {
    const struct pl_operator *op = task->node.config.op;
    struct pl_pack *pack = pl_pack_new();
    if (pack && op->snapshot) op->snapshot(task->node.self, &task->node, pack);
    if (pack && !op->snapshot) pl_pack_nil(pack);
    if (pack && task->injected) pl_pack_uint(pack, task->injected);
    size_t size = pack ? pl_pack_size(pack) : 0;
    if (pack && !pl_pack_failed(pack) && size <= PL_LOG_POSITION_MAX) batch->position = pl_alloc(size);
    if (batch->position) {
        memcpy(batch->position, pl_pack_data(pack), size);
        batch->position_size = (uint16_t)size;
    } else {
        pl_fail(&task->node, "its position is too long, or there is no memory for it");
    }
    pl_pack_free(pack);
}

/* What one call of `produce` has made is whole. */
void pl__task_hand_on_whole(struct pl_task *task) {
    if (!task->last) return;
    attach_position(task, task->last);
    send_last(task, false);
}

static void hand_on(struct pl_task *task, unsigned port, struct pl_batch *batch) {
    batch->port = (uint8_t)port;
    if (!task->node.config.op->snapshot && !task->whole) { /* it has no position: a live source */
        pl_outputs_emit(&task->outputs, 0, batch);
        return;
    }
    send_last(task, true);
    task->last = batch;
}

/* ---- The node's host ---- */

/* Of a node that is no source: into its zone, with the epoch at hand. */
static enum pl_flow put_letter(struct pl_task *task, struct pl_batch *batch) {
    struct pl_error *error = NULL;
    enum pl_code code = task->letters ? PL_OK : pl_zone_open(&task->node, PL_DEAD, &task->letters, &error);
    if (!code) code = pl_zone_put(task->letters, batch, &error);
    if (code)
        pl_node_diag(&task->node, PL_ERROR, "a dead letter is not kept: %s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

static enum pl_flow emit_letter(struct pl_task *task, struct pl_batch *batch) {
    if (task->gate) return put_letter(task, batch);
    hand_on(task, task->letters_port, batch);
    return PL_FLOW_OK;
}

static enum pl_flow task_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct pl_task *task = node->owner;
    if (PL_UNLIKELY(port == PL_PORT_LETTERS)) return emit_letter(task, batch);
    pl_stat_add(&task->stats.batches_out, 1);
    pl_stat_add(&task->stats.rows_out, batch->rows);
    pl_stat_add(&task->stats.bytes_out, batch->message_size);
    if (PL_UNLIKELY(task->taps)) pl_tap_offer(task->taps, port, batch);
    if (task->gate)
        pl_outputs_emit(&task->outputs, port, batch);
    else
        hand_on(task, port, batch);
    return PL_FLOW_OK;
}

static bool task_wanted(const struct pl_node *node, unsigned port) {
    const struct pl_task *task = node->owner;
    return !task->gate || pl_outputs_wanted(&task->outputs, port); /* all of a source goes into the log */
}

static void task_wake(struct pl_node *node) {
    struct pl_task *task = node->owner;
    pl_ready(&task->runnable);
}

const struct pl_node_host pl_task_node_host = {.emit = task_emit, .wanted = task_wanted, .wake = task_wake};

/* ---- State ---- */

static bool has_codec(struct pl_task *task) {
    if (!task->codec) task->codec = pl_codec_new(task->node.config.tags);
    return task->codec != NULL;
}

/* What waits in front of the operator. */
static bool save_inputs(struct pl_task *task, struct pl_pack *pack, struct pl_buffer *out) {
    struct pl_error *error = NULL;
    enum pl_code code = has_codec(task) ? PL_OK : PL_NO_MEMORY;
    if (!code && pl_gate_merges(task->gate)) {
        code = pl_gate_save(task->gate, task->codec, pack, &error);
        pl_state_put_pack(out, PL_STATE_GATE, pack);
        pl_pack_reset(pack);
    }
    if (!code && task->backlog) {
        code = pl_backlog_save(task->backlog, task->codec, pack, &error);
        pl_state_put_pack(out, PL_STATE_BACKLOG, pack);
        pl_pack_reset(pack);
    }
    pl_error_free(&error);
    return !code;
}

/* What has changed since the last barrier; the buffer fails when it is not all there. */
static void save(struct pl_task *task, bool ended, struct pl_changes *changes) {
    struct pl_buffer *out = &changes->entries;
    pl_buffer_init(out, SIZE_MAX / 2);
    changes->file_count = 0;
    if (!task->node.config.recovers) return;
    if (task->isolation)
        pl__isolation_save(task, out);
    else
        pl_node_save(&task->node, out);
    changes->file_count = task->node.sync_count;
    memcpy(changes->files, task->node.sync, sizeof changes->files);
    task->node.sync_count = 0;
    struct pl_pack *pack = pl_pack_new();
    bool inputs = pl_gate_merges(task->gate) || task->backlog;
    if (!pack || (inputs && !save_inputs(task, pack, out))) {
        out->failed = true;
        pl_pack_free(pack);
        return;
    }
    pl_pack_array(pack, 5);
    pl_pack_int(pack, task->watermark);
    pl_pack_int(pack, task->given);
    pl_pack_bool(pack, ended);
    pl_pack_int(pack, task->waits[WATERMARK] ? task->waiting[WATERMARK].time : PL_TIME_MIN);
    pl_pack_bool(pack, task->waits[WATERMARK] && task->waiting[WATERMARK].idle);
    pl_state_put_pack(out, PL_STATE_TASK, pack);
    pl_pack_free(pack);
}

/* How far it was. PL_NOT_FOUND: it has never passed a barrier. */
static enum pl_code load_progress(struct pl_task *task, struct pl_error **error) {
    const struct pl_node_config *config = &task->node.config;
    void *bytes;
    size_t size;
    struct pl_unpack unpack;
    uint32_t items;
    enum pl_code code =
        pl_epochs_find(config->store, config->name, (uint16_t)config->partition, PL_STATE_TASK, &bytes, &size, error);
    if (code) return code;
    pl_unpack_init(&unpack, bytes, size);
    struct pl_item *waiting = &task->waiting[WATERMARK];
    if (!pl_unpack_array(&unpack, &items) || items != 5 || !pl_unpack_int(&unpack, &task->watermark) ||
        !pl_unpack_int(&unpack, &task->given) || !pl_unpack_bool(&unpack, &task->over) ||
        !pl_unpack_int(&unpack, &waiting->time) || !pl_unpack_bool(&unpack, &waiting->idle))
        code = pl_error_set(error, PL_CORRUPT, "how far it was is damaged");
    waiting->type = PL_ITEM_WATERMARK;
    task->waits[WATERMARK] = !code && waiting->time > PL_TIME_MIN;
    atomic_store(&task->stats.watermark, task->watermark);
    pl_free(bytes);
    return code;
}

/* A sink that is to hold up the graph now works its backlog off all the same, before anything else. */
static enum pl_code load_backlog(struct pl_task *task, struct pl_unpack *unpack, struct pl_error **error) {
    if (!task->backlog) task->backlog = pl_backlog_new(task->spill);
    if (!task->backlog || !has_codec(task)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its state");
    return pl_backlog_load(task->backlog, task->codec, unpack, error);
}

enum pl_code pl__task_load_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_task *task = arg;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    switch (entry->key[0]) {
    case PL_STATE_TASK: return PL_OK; /* known before it was opened */
    case PL_STATE_GATE:
        if (!has_codec(task)) return pl_error_set(error, PL_NO_MEMORY, "no memory for its state");
        return pl_gate_load(task->gate, task->codec, &unpack, error);
    case PL_STATE_BACKLOG: return load_backlog(task, &unpack, error);
    default: return pl_node_load(&task->node, entry, error);
    }
}

static enum pl_code load(struct pl_task *task, struct pl_error **error) {
    const struct pl_node_config *config = &task->node.config;
    enum pl_code code = PL_OK;
    if (task->recall)
        code =
            pl_epochs_load(config->store, config->name, (uint16_t)config->partition, pl__task_load_entry, task, error);
    if (!code && task->spill) pl_spill_kept_all(task->spill);
    return code;
}

static enum pl_code restore_position(struct pl_task *task, struct pl_error **error) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, task->position->data, task->position->size);
    return task->node.config.op->restore(task->node.self, &task->node, &unpack, error);
}

/* What the source says, nil where it says nothing; then the last letter that was given in again, where one was. */
static enum pl_code go_to_position(struct pl_task *task, struct pl_error **error) {
    const struct pl_operator *op = task->node.config.op;
    struct pl_unpack unpack, letters;
    atomic_store(&task->orders, op->inject && task->node.config.keeps_losses);
    if (!task->position || !task->position->size) return PL_OK;
    pl_unpack_init(&unpack, task->position->data, task->position->size);
    letters = unpack;
    if (!pl_unpack_skip(&letters) || (letters.at < letters.end && !pl_unpack_uint(&letters, &task->injected)))
        return pl_error_set(error, PL_CORRUPT, "where it stood is damaged");
    return op->restore && !pl_unpack_nil(&unpack) ? restore_position(task, error) : PL_OK;
}

/* ---- Ending ---- */

static void report_end(struct pl_task *task) {
    struct pl_changes changes = {0};
    if (task->reported) return;
    task->reported = true;
    pl_calls_close(&task->changes);
    bool ended = task->state == PL_TASK_ENDED && task->end_final;
    if (ended && !task->over) save(task, true, &changes);
    task->events.ended(task->events.engine, task, task->node.epoch, &changes);
}

static void fail(struct pl_task *task) {
    if (task->state == PL_TASK_FAILED) return;
    task->state = PL_TASK_FAILED;
    task->taps = NULL; /* nobody can be asked to detach any more */
    const char *why = task->node.failure ? task->node.failure : "it could not go on";
    pl__task_hand_on_whole(task);
    task->events.failed(task->events.engine, task, why);
    struct pl_item end = {.type = PL_ITEM_END, .idle = true};
    pl_outputs_signal(&task->outputs, &end);
    pl_ready(&task->runnable); /* to run dry, whoever has called */
}

static void begin_stop(struct pl_task *task, bool final) {
    task->state = PL_TASK_STOPPING;
    task->end_final = final;
    pl_node_stop(&task->node);
}

/* Once the operator has nothing in hand any more, the end goes out behind its last rows. */
static void try_end(struct pl_task *task) {
    if (task->node.failure) {
        fail(task);
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
static void run_dry(struct pl_task *task) {
    if (task->gate) pl_gate_drain(task->gate);
    if (pl_outputs_room(&task->outputs)) report_end(task);
}

/* ---- Working ---- */

static bool has_room(struct pl_task *task) {
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
    if (pl_node_process(&task->node, port, batch) == PL_FLOW_FAIL) fail(task);
}

void pl__task_note_watermark(struct pl_task *task, pl_time now) {
    task->watermark = now;
    atomic_store_explicit(&task->stats.watermark, now, memory_order_relaxed);
}

static void on_watermark(struct pl_task *task, pl_time now, bool idle) {
    pl__task_note_watermark(task, now);
    pl__task_give_watermark(task, pl_node_watermark(&task->node, now), idle);
    if (task->node.failure) fail(task);
}

void pl__task_on_barrier(struct pl_task *task, const struct pl_item *item) {
    struct pl_changes changes;
    pl_calls_run(&task->changes, &task->node);
    PL_FAULT("node.snapshot");
    save(task, false, &changes);
    PL_FAULT("node.saved");
    if (task->spill) pl_spill_settle(task->spill, item->epoch);
    if (task->node.config.recovers) task->node.epoch = item->epoch + 1;
    task->events.barrier(task->events.engine, task, item->epoch, &changes);
    pl_outputs_signal(&task->outputs, item);
    if (task->node.failure) fail(task); /* in a change */
}

static void on_end(struct pl_task *task, bool stopped) {
    if (!stopped && task->watermark < PL_TIME_MAX) on_watermark(task, PL_TIME_MAX, false);
    if (task->state != PL_TASK_RUNNING) return;
    begin_stop(task, !stopped);
    try_end(task);
}

static void handle(struct pl_task *task, unsigned port, const struct pl_item *item) {
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

static void tell_commit(struct pl_task *task) {
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

static bool is_paused(const struct pl_task *task) {
    return PL_UNLIKELY(atomic_load_explicit(&task->paused, memory_order_relaxed));
}

/* ---- With a backlog ---- */

/* While the operator can take nothing: rows are kept, a watermark stays behind them, a barrier has all of it saved. */
static void keep(struct pl_task *task, unsigned port, const struct pl_item *item) {
    switch (item->type) {
    case PL_ITEM_BATCH: pl_backlog_put(task->backlog, port, item->batch); break;
    case PL_ITEM_WATERMARK:
        task->waiting[WATERMARK] = *item;
        task->waits[WATERMARK] = true;
        break;
    case PL_ITEM_BARRIER: handle(task, port, item); break;
    case PL_ITEM_END:
        task->waiting[END] = *item;
        task->waits[END] = true;
        break;
    }
}

/* One that comes back: a later one may be there. */
void pl__task_keep_watermark(struct pl_task *task, const struct pl_item *item) {
    if (task->waits[WATERMARK]) return;
    task->waiting[WATERMARK] = *item;
    task->waits[WATERMARK] = true;
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
    if (!batch) return take_waiting(task, WATERMARK, item);
    *item = (struct pl_item){.type = PL_ITEM_BATCH, .batch = batch};
    return true;
}

/* What comes when nothing newer is there: what was spilled, then the end. */
static bool take_old(struct pl_task *task, struct pl_item *item, unsigned *port) {
    if (!task->backlog) return false;
    struct pl_batch *batch = pl_backlog_take_spilled(task->backlog, port);
    if (!batch) return take_waiting(task, END, item);
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
    bool able = !task->node.busy && !is_paused(task); /* else woken by pl_busy, poked when it is resumed */
    if (!has_room(task) || (!able && !task->backlog)) return false;
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
        fail(task);
        return true;
    }
    if (!able || !take_old(task, &item, &port)) return false;
    handle(task, port, &item);
    return true;
}

static void run_node(struct pl_runnable *runnable) {
    struct pl_task *task = task_of(runnable);
    tell_commit(task);
    pl_calls_run(&task->calls, &task->node);
    if (task->node.failure) fail(task); /* in a callback of the loop */
    for (int i = 0; i < ITEMS_A_RUN; i++) {
        if (task->state == PL_TASK_FAILED) {
            run_dry(task);
            return;
        }
        if (task->state != PL_TASK_RUNNING) {
            try_end(task);
            return;
        }
        if (!step(task)) return;
    }
    pl_ready(runnable);
}

/* The same with the operator in another process: what comes back from there is taken first. */
static void run_isolated(struct pl_runnable *runnable) {
    struct pl_task *task = task_of(runnable);
    pl__isolation_receive(task);
    tell_commit(task);
    pl__isolation_calls(task);
    if (task->node.failure) fail(task);
    for (int i = 0; i < ITEMS_A_RUN && task->state == PL_TASK_RUNNING && step(task); i++)
        if (task->node.failure) fail(task);
    if (task->state == PL_TASK_FAILED)
        run_dry(task);
    else if (task->state == PL_TASK_ENDED)
        try_end(task);
    if (pl__isolation_sent(task)) pl_ready(runnable); /* to find nothing there behind the last send */
}

/* The process has nothing in hand any more. */
void pl__task_end(struct pl_task *task) {
    struct pl_item end = {.type = PL_ITEM_END, .idle = !task->end_final};
    pl_outputs_signal(&task->outputs, &end);
    task->state = PL_TASK_ENDED;
    try_end(task);
}

/* ---- Sources ---- */

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

static void run_source(struct pl_runnable *runnable) {
    struct pl_task *task = task_of(runnable);
    tell_commit(task);
    pl_calls_run(&task->calls, &task->node);
    if (task->node.failure) fail(task);
    if (task->state == PL_TASK_FAILED) {
        run_dry(task);
        return;
    }
    if (task->state == PL_TASK_RUNNING && atomic_load(&task->stop)) begin_stop(task, atomic_load(&task->drain));
    if (task->state != PL_TASK_RUNNING) {
        try_end(task);
        return;
    }
    if (is_paused(task) || !has_room(task) || !may_produce(task)) return;
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
    case PL_FLOW_WAIT: has_room(task); break; /* what found none is sent when there is */
    case PL_FLOW_END:
        begin_stop(task, true);
        try_end(task);
        break;
    case PL_FLOW_FAIL: fail(task); break;
    }
}

/* ---- Life ---- */

void pl__task_fail_to_start(struct pl_task *task, struct pl_error *error) {
    char *text = pl_error_text(error);
    bool afresh = error && task->gate && task->recall && (error->code == PL_CONFLICT || error->code == PL_CORRUPT);
    pl_fail(&task->node, "%s%s%s", text ? text : "no memory", afresh ? "; to start it afresh: --reset " : "",
            afresh ? task->node.config.name : "");
    pl_free(text);
    pl_error_free(&error);
    fail(task);
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
    struct pl_task *task = task_of(runnable);
    struct pl_error *error = NULL;
    if (!task->gate) {
        uv_timer_init(pl_worker_loop(runnable->worker), &task->pace);
        task->pace.data = task;
        task->allowance_at = uv_hrtime();
    }
    enum pl_code code = task->recall ? load_progress(task, &error) : PL_OK;
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
    if (!code) code = task->gate ? load(task, &error) : go_to_position(task, &error);
    PL_FAULT("open.node");
    atomic_store(&task->opened, !code);
    if (code) pl__task_fail_to_start(task, error);
}

static void finish(struct pl_runnable *runnable) {
    struct pl_task *task = task_of(runnable);
    if (!task->gate) uv_close((uv_handle_t *)&task->pace, NULL);
    task->taps = NULL;
    pl_calls_close(&task->calls);
    pl_calls_close(&task->changes);
    if (task->node.state == PL_NODE_OPEN) tell_commit(task);
    if (task->isolation) pl__isolation_finish(task);
    pl_node_close(&task->node);
}

static enum pl_code make_inputs(struct pl_task *task, const struct pl_node_config *config,
                                const struct pl_task_options *options, struct pl_error **error) {
    struct pl_spill_options spill = {.store = config->store,
                                     .tags = config->tags,
                                     .limit = options->spill,
                                     .lasting = config->recovers ? config->name : NULL,
                                     .partition = config->partition};
    struct pl_gate_options gate = {.any_order = config->op->flags & PL_OP_ANY_ORDER,
                                   .by_source = config->op->flags & PL_OP_BY_SOURCE,
                                   .hold = options->hold};
    gate.spill = task->spill = pl_spill_new(&spill);
    task->gate = pl_gate_new(&gate);
    if (options->backlog && task->spill) task->backlog = pl_backlog_new(task->spill);
    bool made = task->spill && task->gate && (task->backlog || !options->backlog);
    return made ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a task");
}

enum pl_code pl_task_init(struct pl_task *task, const struct pl_node_config *config,
                          const struct pl_task_events *events, const struct pl_task_options *options,
                          struct pl_error **error) {
    *task = (struct pl_task){.events = *events, .watermark = PL_TIME_MIN, .given = PL_TIME_MIN};
    task->runnable.start = start;
    task->runnable.run = config->op->inputs ? run_node : run_source;
    task->runnable.finish = finish;
    atomic_store(&task->stats.watermark, PL_TIME_MIN);
    enum pl_code code = config->op->inputs ? make_inputs(task, config, options, error) : PL_OK;
    if (code) return code;
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
    pl_backlog_free(task->backlog);
    pl_spill_free(task->spill);
    pl_codec_free(task->codec);
    pl_batch_unref(task->last);
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
