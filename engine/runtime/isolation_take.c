/* isolation_take.c: what comes from the process of an isolated node: trusted in nothing. */
#include <string.h>

#include <potline/alloc.h>
#include <potline/kept.h>

#include "base/utf8.h"
#include "batch/batch_impl.h"
#include "graph/graph.h"
#include "runtime/call_wire.h"
#include "runtime/isolation_impl.h"
#include "runtime/note.h"
#include "runtime/task_impl.h"

static const size_t STATE_MAX = (size_t)1 << 30, PROGRAM_STATE_MAX = (size_t)256 << 20; /* of one barrier */
enum { FLOOD = 256 << 20 }; /* bytes of rows that nobody has made room for: no call makes as many */

static struct pl__flight *oldest(struct pl_isolation *is) {
    return is->count ? &is->flights[is->from] : NULL;
}

/* ---- Beginning ---- */

static void on_hello(struct pl_isolation *is) {
    struct pl_error *error = NULL;
    atomic_store(&is->pid, is->child.pid);
    atomic_store(&is->generation, is->child.generation);
    enum pl_code code = pl__isolation_brief(is, &error);
    if (code) pl__task_fail_to_start(is->task, error);
}

static bool on_ready(struct pl_isolation *is, const struct pl_frame *frame) {
    if (is->ready || is->finished) return is->finished;
    is->ready = true;
    is->task->node.busy = frame->flags & PL_FRAME_IS_BUSY;
    is->task->node.state = PL_NODE_OPEN;
    atomic_store(&is->task->opened, true);
    pl__isolation_resume(is);
    is->begun = true;
    return true;
}

/* ---- Rows ---- */

/* A port there is, with a kind that it may give: what is behind it relies on that. */
static bool port_gives(const struct pl_task *task, unsigned port, enum pl_kind kind) {
    const struct pl_operator *op = task->node.config.op;
    unsigned ports = 0;
    if (port == PL_FRAME_PORT_LETTERS) return kind == PL_EVENTS;
    while (op->outputs && op->outputs[ports].name)
        ports++;
    if (port >= ports) return false;
    if (op->flags & PL_OP_MIXED) return op->outputs[port].kinds & PL_SET(kind);
    return task->graph_node->kinds_out[port] == kind;
}

/* A guard says of each set point what led to it. What another operator gives on as it got it says where that comes
 * from, and not what the node works with. */
static void stamp_models(struct pl_isolation *is, struct pl_batch *batch) {
    struct pl_node *node = &is->task->node;
    const struct pl__flight *flight = oldest(is);
    uint32_t given = flight && flight->item.type == PL_ITEM_BATCH ? flight->item.batch->model : 0;
    if (node->config.op->flags & PL_OP_GUARD && batch->kind == PL_SETPOINTS) return;
    if (!is->program && (batch->model == given || batch->model == node->models.from)) batch->model = 0;
    pl_models_stamp(node, batch);
}

static bool on_emit(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl_task *task = is->task;
    struct pl_batch *batch;
    is->emitted += frame->size;
    if (is->finished) return true;
    if ((!is->ready && is->begun) || is->emitted - is->credited > FLOOD) return false;
    if (pl_codec_decode(task->codec, is->encoding, frame->body, frame->size, &batch, NULL)) return false;
    if (is->program) pl__isolation_stamp(is, batch);
    stamp_models(is, batch);
    bool good = batch->rows && batch->header->partition < is->options.graph->settings.partitions &&
                port_gives(task, frame->port, (enum pl_kind)batch->kind);
    if (!good) {
        pl_batch_unref(batch);
        return false;
    }
    if (batch->rows < batch->header->rows)
        pl_node_diag(&task->node, PL_WARN, "rows of its process are left out: the registry of tags is full");
    pl_batch_seal(batch);
    pl__isolation_note_ends(is, batch);
    unsigned port = frame->port == PL_FRAME_PORT_LETTERS ? PL_PORT_LETTERS : frame->port;
    task->node.host->emit(&task->node, port, batch);
    return true;
}

/* In its order among all else, so with the epoch at hand. */
static void put_into_zone(struct pl_isolation *is, unsigned zone, const struct pl_batch *batch) {
    struct pl_node *node = &is->task->node;
    struct pl_error *error = NULL;
    enum pl_code code = is->zones[zone] ? PL_OK : pl_zone_open(node, (enum pl_zone_id)zone, &is->zones[zone], &error);
    if (!code) code = pl_zone_put(is->zones[zone], batch, &error);
    if (code) pl_fail(node, "zone %s: %s", pl_zone_names[zone], error ? error->text : pl_code_text(code));
    pl_error_free(&error);
}

static bool on_zone(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl_batch *batch;
    is->emitted += frame->size;
    bool allowed = frame->port > PL_BRONZE && frame->port < PL_ZONES && is->task->node.config.store;
    if (!allowed || pl_codec_decode(is->task->codec, PL_CAPNP, frame->body, frame->size, &batch, NULL)) return false;
    if (batch->rows) put_into_zone(is, frame->port, batch);
    pl_batch_unref(batch);
    return true;
}

/* ---- What else it knows ---- */

static bool take_counters(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl_node *node = &is->task->node;
    unsigned count = pl_node_numbers(node->config.op);
    if (!frame->size) return true;
    if (frame->size != count * sizeof(uint64_t)) return false;
    for (unsigned i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)frame->body + i * sizeof value, sizeof value);
        atomic_store_explicit(&node->counters[i], value, memory_order_relaxed);
    }
    return true;
}

static void take_busy(struct pl_isolation *is, const struct pl_frame *frame) {
    is->task->node.busy = frame->flags & PL_FRAME_IS_BUSY;
}

/* ---- State ---- */

static bool on_state(struct pl_isolation *is, const struct pl_frame *frame) {
    const struct pl__flight *flight = oldest(is);
    if (is->finished) return true;
    if (!flight || !is->task->node.config.recovers) return false;
    bool saves = flight->item.type == PL_ITEM_BARRIER || (flight->item.type == PL_ITEM_END && !flight->item.idle);
    if (!saves || is->state.size + frame->size > (is->program ? PROGRAM_STATE_MAX : STATE_MAX)) return false;
    pl_buffer_put(&is->state, frame->body, frame->size);
    return true;
}

static bool may_keep(const struct pl_isolation *is, enum pl_state_part part) {
    if (is->program) return part == PL_STATE_PROGRAM;
    return (part >= PL_STATE_TABLE && part <= PL_STATE_SELF) || part == PL_STATE_OVERRIDES;
}

/* Whole entries, and none that is the task's own. */
static bool is_state(struct pl_isolation *is) {
    struct pl_state_entry entry;
    if (!is->state.size) return true;
    const char *at = is->state.data, *end = at + is->state.size;
    while (pl_state_next(&at, end, &entry)) {
        if (!may_keep(is, (enum pl_state_part)entry.key[0]) || entry.key_size > UINT16_MAX) return false;
        if (is->program) pl_program_keys_note(&is->keys, &entry);
    }
    return at == end;
}

/* Of a program: what it keeps altogether. It is ended, and what it brought is not saved. */
static bool keeps_too_much(struct pl_isolation *is) {
    if (!is->program || pl_program_keys_fit(&is->keys, is->program->limited ? is->program->state : 0)) return false;
    pl_child_kill(&is->child, is->keys.failed ? "no memory for the keys of its state"
                                              : "its state is more than limits.state allows");
    return true;
}

/* ---- Items that are done ---- */

/* It was not looked at: in front of what waits. */
static bool come_back(struct pl_isolation *is, const struct pl__flight *flight) {
    struct pl_task *task = is->task;
    if (!task->backlog) return false;
    switch (flight->item.type) {
    case PL_ITEM_BATCH: pl_backlog_put_back(task->backlog, flight->port, flight->item.batch); return true;
    case PL_ITEM_WATERMARK: pl__task_keep_watermark(task, &flight->item); return true;
    default: return false;
    }
}

static void pass(struct pl_isolation *is, const struct pl__flight *flight) {
    void *engine = is->task->events.engine;
    if (!is->careful || flight->item.type != PL_ITEM_BATCH) return;
    is->options.passed(engine, is->task, flight->record);
    is->careful = is->options.still_careful(engine, is->task);
}

static bool finish_item(struct pl_isolation *is, const struct pl_frame *frame, const struct pl__flight *flight) {
    struct pl_task *task = is->task;
    switch (flight->item.type) {
    case PL_ITEM_BATCH:
        pass(is, flight);
        pl_batch_unref(flight->item.batch);
        return true;
    case PL_ITEM_WATERMARK:
        pl__task_give_watermark(task, frame->value < flight->item.time ? frame->value : flight->item.time,
                                flight->item.idle);
        return true;
    case PL_ITEM_BARRIER:
        if (!is_state(is)) return false;
        if (keeps_too_much(is)) return true;
        is->barrier = false;
        pl__task_on_barrier(task, &flight->item);
        return true;
    case PL_ITEM_END:
        if (!is_state(is)) return false;
        if (keeps_too_much(is)) return true;
        pl__task_end(task);
        return true;
    }
    return false;
}

/* A program does not say it: since it was given this, or was done with the one before. */
static uint64_t worked_for(struct pl_isolation *is, const struct pl__flight *flight) {
    uint64_t since = flight->given > is->done_at ? flight->given : is->done_at;
    is->done_at = uv_hrtime();
    return is->done_at - since;
}

static bool on_done(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl__flight *first = oldest(is);
    if (is->finished) return take_counters(is, frame);
    if (!is->ready || !first || first->number != frame->number) return false;
    if (frame->nanoseconds > (uint64_t)PL_DAY || !take_counters(is, frame)) return false;
    take_busy(is, frame);
    struct pl__flight flight = *first;
    is->from = (is->from + 1) % PL__FLIGHTS;
    is->count--;
    if (flight.item.type == PL_ITEM_BATCH) {
        is->batches--;
        is->bytes -= (int64_t)flight.item.batch->message_size;
    }
    if (frame->flags & PL_FRAME_RETURNED) {
        bool back = come_back(is, &flight);
        if (!back && flight.item.type == PL_ITEM_BATCH) pl_batch_unref(flight.item.batch);
        return back;
    }
    is->done++;
    pl_stat_add(&is->task->stats.busy_ns, is->program ? worked_for(is, &flight) : frame->nanoseconds);
    return finish_item(is, frame, &flight);
}

/* ---- What it asks for ---- */

static bool read_key(struct pl_unpack *unpack, char key[PL_KEPT_KEY_MAX + 1]) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length) || length > PL_KEPT_KEY_MAX || memchr(text, 0, length) ||
        !pl_utf8_check(text, length))
        return false;
    memcpy(key, text, length);
    key[length] = 0;
    return true;
}

/* One whole value, or nothing: it will be read again. */
static bool read_value(struct pl_unpack *unpack, struct pl_pack *value) {
    const void *bytes;
    size_t size;
    struct pl_unpack whole;
    if (!pl_unpack_bin(unpack, &bytes, &size) || size > PL_KEPT_VALUE_MAX || unpack->at != unpack->end) return false;
    pl_unpack_init(&whole, bytes, size);
    if (!pl_unpack_skip(&whole) || whole.at != whole.end) return false;
    pl_pack_raw(value, bytes, size);
    return true;
}

static bool on_keep(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl_node *node = &is->task->node;
    char key[PL_KEPT_KEY_MAX + 1];
    struct pl_unpack unpack;
    struct pl_error *error = NULL;
    pl_unpack_init(&unpack, frame->body, frame->size);
    if (!read_key(&unpack, key)) return false;
    struct pl_pack *value = pl_pack_new();
    bool drops = frame->type == PL_FRAME_DROP;
    bool read = value && (drops ? unpack.at == unpack.end : read_value(&unpack, value));
    enum pl_code code = !read ? PL_OK : drops ? pl_kept_drop(node, key, &error) : pl_kept_put(node, key, value, &error);
    if (code)
        pl_node_diag(node, PL_ERROR, "what it wants kept as %s is not: %s", key,
                     error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_pack_free(value);
    return read;
}

static bool read_optional(struct pl_unpack *unpack, char *text, const char **result) {
    struct pl_unpack nil = *unpack;
    const char *found;
    size_t length;
    *result = NULL;
    if (pl_unpack_nil(&nil)) {
        *unpack = nil;
        return true;
    }
    if (!pl_unpack_str(unpack, &found, &length) || length >= PL_FRAME_TEXT_MAX || memchr(found, 0, length) ||
        !pl_utf8_check(found, length))
        return false;
    memcpy(text, found, length);
    text[length] = 0;
    *result = text;
    return true;
}

static bool on_note(struct pl_isolation *is, const struct pl_frame *frame) {
    static const unsigned count = 6;
    char text[6][PL_FRAME_TEXT_MAX];
    struct pl_note note = {0};
    const char **const texts[] = {&note.action, &note.object, &note.from, &note.to, &note.reason, &note.outcome};
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, frame->body, frame->size);
    for (unsigned i = 0; i < count; i++)
        if (!read_optional(&unpack, text[i], texts[i])) return false;
    uint64_t what;
    struct pl_owed owed;
    if (!note.action || !pl_unpack_uint(&unpack, &what) || what > PL_OWED_CLOSES || !pl_unpack_uint(&unpack, &owed.id))
        return false;
    owed.what = (unsigned)what;
    pl_note_owed(&is->task->node, &note, &owed);
    struct pl_frame noted = {.type = PL_FRAME_NOTED, .number = frame->number};
    if (frame->number && !pl_child_send(&is->child, &noted))
        pl_child_kill(&is->child, "it could not be told that its record is there");
    return true;
}

static bool on_called(struct pl_isolation *is, const struct pl_frame *frame) {
    struct pl_call **at = &is->calls;
    while (*at && (*at)->number != frame->number)
        at = &(*at)->next;
    struct pl_call *call = *at;
    if (!call) return frame->number <= is->call_number; /* nobody waits for it: the task has ended, or set_again */
    *at = call->next;
    bool read = pl_call_unpack_outcome(frame->body, frame->size, frame->code, call);
    if (read && !call->code && call->where == PL_CALL_SET) pl__isolation_remember_set(is, call);
    call->done(call);
    return read || frame->size == 0;
}

static bool on_failed(struct pl_isolation *is, const struct pl_frame *frame) {
    const char *text = frame->size ? frame->body : "it could not go on";
    int length = frame->size ? (int)frame->size : (int)strlen(text);
    if (frame->size > PL_FRAME_TEXT_MAX || !pl_utf8_check(text, (size_t)length)) return false;
    if (is->finished) return true;
    bool starts = !is->ready && is->task->recall;
    is->ready = false;
    pl_fail(&is->task->node, "%.*s%s%s", length, text, starts ? "; to start it afresh: --reset " : "",
            starts ? is->task->node.config.name : "");
    return true;
}

bool pl__isolation_take(void *owner, const struct pl_frame *frame) {
    struct pl_isolation *is = owner;
    switch (frame->type) {
    case PL_FRAME_HELLO: on_hello(is); return true;
    case PL_FRAME_READY: return on_ready(is, frame);
    case PL_FRAME_EMIT: return on_emit(is, frame);
    case PL_FRAME_ZONE: return on_zone(is, frame);
    case PL_FRAME_STATE: return on_state(is, frame);
    case PL_FRAME_DONE: return on_done(is, frame);
    case PL_FRAME_BUSY:
    case PL_FRAME_PONG: take_busy(is, frame); return take_counters(is, frame);
    case PL_FRAME_CLOSED: return take_counters(is, frame);
    case PL_FRAME_FAILED: return on_failed(is, frame);
    case PL_FRAME_KEEP:
    case PL_FRAME_DROP: return on_keep(is, frame);
    case PL_FRAME_NOTE: return on_note(is, frame);
    case PL_FRAME_CALLED: return on_called(is, frame);
    default: return false;
    }
}
