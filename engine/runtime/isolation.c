#include "isolation.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include <potline/alloc.h>

#include "base/message.h"
#include "batch/batch_impl.h"
#include "runtime/isolation_impl.h"
#include "runtime/task_impl.h"

static struct pl__flight *flight_at(struct pl_isolation *is, unsigned i) {
    return &is->flights[(is->from + i) % PL__FLIGHTS];
}

uint64_t pl_isolation_record(const struct pl_batch *batch, unsigned port) {
    struct {
        uint64_t sequence;
        pl_time time;
        uint32_t partition, port;
    } parts = {batch->header->first_sequence, batch->rows ? pl_batch_times(batch)[0] : 0, batch->header->partition,
               port};
    return XXH3_64bits(&parts, sizeof parts) | 1; /* never 0 */
}

/* ---- Giving ---- */

bool pl__isolation_takes(const struct pl_task *task, bool busy) {
    const struct pl_isolation *is = task->isolation;
    if (!is->ready || is->barrier || is->count >= PL__FLIGHTS - 2) return false; /* an end may be two */
    if (busy) return true;                                                       /* into the backlog, or a barrier */
    if (is->careful || task->backlog) return is->count == 0;
    return is->batches < PL__FLIGHT_BATCHES && is->bytes < PL__FLIGHT_BYTES;
}

static void send_item(struct pl_isolation *is, const struct pl__flight *flight) {
    static const uint8_t types[] = {[PL_ITEM_BATCH] = PL_FRAME_BATCH,
                                    [PL_ITEM_WATERMARK] = PL_FRAME_WATERMARK,
                                    [PL_ITEM_BARRIER] = PL_FRAME_BARRIER,
                                    [PL_ITEM_END] = PL_FRAME_END};
    const struct pl_item *item = &flight->item;
    struct pl_frame frame = {.type = types[item->type], .number = flight->number};
    struct pl_error *error = NULL;
    enum pl_code code = PL_OK;
    switch (item->type) {
    case PL_ITEM_BATCH:
        pl__isolation_note_orders(is, item->batch);
        frame.port = (uint16_t)flight->port;
        code = pl_codec_encode(is->task->codec, is->encoding, item->batch, &frame.body, &frame.size, &error);
        break;
    case PL_ITEM_BARRIER: frame.value = (int64_t)item->epoch; break;
    case PL_ITEM_WATERMARK: frame.value = item->time; /* fall through */
    case PL_ITEM_END: frame.flags = item->idle ? PL_FRAME_IDLE : 0; break;
    }
    if (code)
        pl_fail(&is->task->node, "rows cannot be given to its process: %s", error ? error->text : pl_code_text(code));
    else
        pl_child_send(&is->child, &frame);
    pl_error_free(&error);
}

static void take_off(struct pl_isolation *is, unsigned port, const struct pl_item *item) {
    struct pl__flight *flight = flight_at(is, is->count++);
    *flight = (struct pl__flight){.item = *item, .port = port, .number = ++is->number, .given = uv_hrtime()};
    if (item->type == PL_ITEM_BATCH) {
        is->batches++;
        is->bytes += (int64_t)item->batch->message_size;
        flight->record = pl_isolation_record(item->batch, port);
    }
    is->barrier |= item->type == PL_ITEM_BARRIER;
    send_item(is, flight);
}

/* All behind the barriers before it has been done, so its letter belongs to the epoch at hand. */
static bool leaves_out(struct pl_isolation *is, unsigned port, const struct pl_item *item) {
    struct pl_task *task = is->task;
    if (!is->program || item->type != PL_ITEM_BATCH) return false;
    if (!is->options.skips(task->events.engine, task, pl_isolation_record(item->batch, port))) return false;
    pl_isolation_bury(task, item->batch, "the program has died at it three times", true);
    pl_batch_unref(item->batch);
    return true;
}

void pl__isolation_give(struct pl_task *task, unsigned port, const struct pl_item *item) {
    struct pl_isolation *is = task->isolation;
    struct pl_item last = {.type = PL_ITEM_WATERMARK, .time = PL_TIME_MAX};
    if (item->type == PL_ITEM_BATCH) pl__task_count_in(task, item->batch);
    if (leaves_out(is, port, item)) return;
    if (item->type == PL_ITEM_BARRIER) pl__isolation_changes(task); /* in front of it, so part of its epoch */
    if (item->type == PL_ITEM_WATERMARK) pl__task_note_watermark(task, item->time);
    if (item->type == PL_ITEM_END) {
        if (!item->idle && task->watermark < PL_TIME_MAX) {
            pl__task_note_watermark(task, PL_TIME_MAX);
            take_off(is, 0, &last);
        }
        task->state = PL_TASK_STOPPING;
        task->end_final = !item->idle;
    }
    take_off(is, port, item);
}

void pl__isolation_resume(struct pl_isolation *is) {
    struct pl_item watermark = {.type = PL_ITEM_WATERMARK, .time = is->task->watermark};
    unsigned count = is->count;
    bool tells = false;
    pl__isolation_set_again(is);
    pl__isolation_calls(is->task);
    for (unsigned i = 0; i < count; i++)
        tells |= flight_at(is, i)->item.type == PL_ITEM_WATERMARK;
    for (unsigned i = 0; i < count; i++) {
        struct pl__flight *flight = flight_at(is, i);
        flight->number = ++is->number;
        send_item(is, flight);
    }
    if (is->begun && !tells && is->task->watermark > PL_TIME_MIN && is->task->state == PL_TASK_RUNNING)
        take_off(is, 0, &watermark);
}

void pl__isolation_commit(struct pl_task *task, uint64_t epoch) {
    struct pl_isolation *is = task->isolation;
    struct pl_frame frame = {.type = PL_FRAME_COMMIT, .value = (int64_t)epoch};
    if (is->ready && task->node.config.op->commit) pl_child_send(&is->child, &frame);
}

/* ---- State ---- */

void pl__isolation_save(struct pl_task *task, struct pl_buffer *out) {
    struct pl_isolation *is = task->isolation;
    if (is->state.failed) out->failed = true;
    pl_buffer_put(out, is->state.data, is->state.size);
    pl_buffer_fini(&is->state);
}

/* ---- Its process ---- */

static void ready(void *owner) {
    struct pl_isolation *is = owner;
    if (!is->finished) pl_ready(&is->task->runnable);
}

static void pass_line_on(void *owner, const char *text, bool message) {
    const struct pl_isolation *is = owner;
    if (message)
        pl__diag_pass_on(text);
    else
        pl_node_diag(&is->task->node, PL_WARN, "its process writes: %s", text);
}

static void start_again(uv_timer_t *timer) {
    struct pl_isolation *is = timer->data;
    struct pl_error *error = NULL;
    if (is->finished || pl_child_start(&is->child, &error) == PL_OK) return;
    pl_fail(&is->task->node, "%s", error ? error->text : "no memory");
    pl_error_free(&error);
}

/* Rows that were under way; the rest stays, to be given again. */
static void lose_rows(struct pl_isolation *is) {
    uint64_t rows = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < is->count; i++) {
        struct pl__flight *flight = flight_at(is, i);
        if (flight->item.type == PL_ITEM_BATCH) {
            rows += flight->item.batch->rows;
            pl_batch_unref(flight->item.batch);
        } else {
            *flight_at(is, kept++) = *flight;
        }
    }
    is->count = kept;
    is->batches = 0;
    is->bytes = 0;
    atomic_fetch_add(&is->lost_rows, rows);
    if (rows) pl_node_diag(&is->task->node, PL_ERROR, "%" PRIu64 " rows that its process had are lost", rows);
}

static void begin_again(struct pl_isolation *is, pl_time delay) {
    lose_rows(is);
    pl_buffer_fini(&is->state);
    pl_buffer_init(&is->state, SIZE_MAX / 2);
    is->emitted = is->credited = 0;
    is->task->node.busy = false;
    uv_update_time(is->again.loop);
    uv_timer_start(&is->again, start_again, (uint64_t)(delay / PL_MILLISECOND), 0);
}

static void ask_what_next(struct pl_isolation *is, const char *why) {
    uint64_t records[PL__FLIGHTS];
    struct pl_task_death death = {.why = why, .records = records, .done = is->done, .nonsense = is->child.nonsense};
    for (unsigned i = 0; i < is->count; i++) {
        const struct pl__flight *flight = flight_at(is, i);
        if (flight->item.type != PL_ITEM_BATCH) continue;
        if (!death.count) death.first = flight->item.batch;
        records[death.count++] = flight->record;
    }
    switch (is->options.died(is->task->events.engine, is->task, &death)) {
    case PL_DIED_WAITS: break;
    case PL_DIED_AGAIN: begin_again(is, death.delay); break;
    case PL_DIED_FAILS: pl_fail(&is->task->node, "%s", death.text); break;
    }
    is->careful = is->options.still_careful(is->task->events.engine, is->task);
}

/* At a death without an epoch: the one at hand will never be complete. */
void pl_isolation_bury(struct pl_task *task, const struct pl_batch *batch, const char *why, bool with_epoch) {
    struct pl_node *node = &task->node;
    char place[PL_LETTER_TEXT_MAX];
    struct pl_letter letter = {.place = place, .cause = "process died", .reason = why, .samples = batch->rows};
    uint64_t epoch = node->epoch;
    snprintf(place, sizeof place, "%s, record %" PRIu64 " of partition %u", node->config.name,
             batch->header->first_sequence, batch->header->partition);
    if (pl_codec_encode(task->codec, PL_JSON, batch, &letter.bytes, &letter.size, NULL)) return;
    if (batch->rows) {
        letter.time = pl_batch_times(batch)[0];
        letter.tag = pl_batch_keys(batch)[0];
    }
    if (!with_epoch) node->epoch = 0;
    pl_letter(node, &letter);
    node->epoch = epoch;
}

static void gone(void *owner, const char *why) {
    struct pl_isolation *is = owner;
    struct pl_task *task = is->task;
    bool orderly = is->child.farewell;
    is->ready = false;
    atomic_store(&is->pid, 0);
    pl__isolation_drop_calls(is, "the node's process is gone");
    pl__isolation_note_orphans(is, why);
    if (is->finished || task->state == PL_TASK_ENDED || task->state == PL_TASK_FAILED) {
        if (!orderly) pl_node_diag(&task->node, PL_WARN, "%s", why);
        return;
    }
    pl_node_diag(&task->node, PL_ERROR, "%s", why);
    ask_what_next(is, why);
    pl_ready(&task->runnable);
}

/* ---- Receiving ---- */

static void give_credit(struct pl_isolation *is) {
    struct pl_frame credit = {.type = PL_FRAME_CREDIT, .value = (int64_t)is->emitted};
    if (is->emitted - is->credited < PL_GUEST_CEILING / 4 || !pl_outputs_room(&is->task->outputs)) return;
    is->credited = is->emitted;
    pl_child_send(&is->child, &credit);
}

void pl__isolation_receive(struct pl_task *task) {
    struct pl_isolation *is = task->isolation;
    pl_child_receive(&is->child);
    give_credit(is);
}

bool pl__isolation_sent(const struct pl_task *task) {
    return task->isolation->child.sent;
}

/* ---- Life ---- */

enum pl_code pl_isolation_new(struct pl_task *task, const struct pl_isolation_options *options,
                              struct pl_error **error) {
    const struct pl_node_config *config = &task->node.config;
    struct pl_isolation *is = task->isolation = PL_NEW(struct pl_isolation);
    if (!is) return pl_error_set(error, PL_NO_MEMORY, "no memory for a task");
    is->options = *options;
    is->task = task;
    is->careful = options->careful;
    is->program = config->op->flags & PL_OP_PROGRAM ? config->prototype : NULL;
    is->encoding = is->program ? (enum pl_encoding)is->program->format : PL_CAPNP;
    pl_buffer_init(&is->state, SIZE_MAX / 2);
    is->settings = pl_pack_new();
    task->codec = pl_codec_new(config->tags);
    if (is->settings) pl_options_pack(is->settings, config->op->options, config->prototype);
    if (!is->settings || pl_pack_failed(is->settings) || !task->codec)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a task");
    struct pl_child_options child = {.zmq = options->zmq,
                                     .loop = config->loop,
                                     .subcommand = PL_GUEST_SUBCOMMAND,
                                     .program = is->program,
                                     .name = config->name,
                                     .hang = options->hang,
                                     .ready = ready,
                                     .frame = pl__isolation_take,
                                     .line = pass_line_on,
                                     .gone = gone,
                                     .owner = is};
    pl_child_init(&is->child, &child);
    return PL_OK;
}

enum pl_code pl__isolation_start(struct pl_task *task, struct pl_error **error) {
    struct pl_isolation *is = task->isolation;
    uv_timer_init(task->node.config.loop, &is->again);
    is->again.data = is;
    is->timed = true;
    return pl_child_start(&is->child, error);
}

void pl__isolation_finish(struct pl_task *task) {
    struct pl_isolation *is = task->isolation;
    is->finished = true;
    is->ready = false;
    if (is->timed) uv_close((uv_handle_t *)&is->again, NULL);
    pl_child_quit(&is->child);
    pl__isolation_drop_calls(is, "the node has ended");
    task->node.state = PL_NODE_CLOSED; /* what was opened is in the process, which closes it */
}

bool pl_isolation_is_over(const struct pl_isolation *is) {
    return is->child.state == PL_CHILD_NONE;
}

void pl_isolation_free(struct pl_isolation *is) {
    if (!is) return;
    for (unsigned i = 0; i < is->count; i++)
        if (flight_at(is, i)->item.type == PL_ITEM_BATCH) pl_batch_unref(flight_at(is, i)->item.batch);
    pl_child_fini(&is->child);
    for (unsigned i = 0; i < PL_ZONES; i++)
        pl_zone_close(is->zones[i]);
    pl__isolation_forget_sets(is);
    pl_free(is->orders);
    pl_buffer_fini(&is->state);
    pl_program_keys_fini(&is->keys);
    pl_pack_free(is->settings);
    pl_free(is);
}

void pl_isolation_stats(const struct pl_isolation *is, struct pl_isolation_stats *stats) {
    stats->pid = atomic_load_explicit(&is->pid, memory_order_relaxed);
    stats->generation = atomic_load_explicit(&is->generation, memory_order_relaxed);
    stats->lost_rows = atomic_load_explicit(&is->lost_rows, memory_order_relaxed);
}
