/* guest_work.c: what a guest does with what it is given: items, calls, and what its operator asks for. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"
#include "runtime/call_wire.h"
#include "runtime/guest_impl.h"
#include "store/abroad.h"

enum { ITEMS_A_RUN = 16 };

/* ---- What the operator asks for ---- */

static enum pl_code send_rows(struct pl_guest *guest, enum pl_frame_type type, unsigned port,
                              const struct pl_batch *batch, struct pl_error **error) {
    struct pl_frame frame = {.type = (uint8_t)type, .port = (uint16_t)port};
    enum pl_code code = pl_codec_encode(guest->codec, PL_CAPNP, batch, &frame.body, &frame.size, error);
    if (code) return code;
    pl__guest_send(guest, &frame);
    guest->emitted += frame.size;
    return PL_OK;
}

static enum pl_flow emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct pl_error *error = NULL;
    unsigned sent_as = port == PL_PORT_LETTERS ? PL_FRAME_PORT_LETTERS : port;
    enum pl_code code = send_rows(node->owner, PL_FRAME_EMIT, sent_as, batch, &error);
    if (code) pl_fail(node, "%s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_batch_unref(batch);
    return code ? PL_FLOW_FAIL : PL_FLOW_OK;
}

static bool wanted(const struct pl_node *node, unsigned port) {
    const struct pl_guest *guest = node->owner;
    return port < 64 && guest->config.wanted >> port & 1;
}

static void wake(struct pl_node *node) {
    struct pl_guest *guest = node->owner;
    pl_ready(&guest->runnable);
}

/* ---- What it keeps and notes ---- */

static struct pl__guest_kept **find_kept(struct pl_guest *guest, const char *key) {
    struct pl__guest_kept **at = &guest->kept;
    while (*at && strcmp((*at)->key, key) < 0)
        at = &(*at)->next;
    return at;
}

static void drop_kept(struct pl__guest_kept **at) {
    struct pl__guest_kept *gone = *at;
    *at = gone->next;
    pl_buffer_fini(&gone->value);
    pl_free(gone->key);
    pl_free(gone);
}

static bool put_kept(struct pl_guest *guest, const char *key, const void *bytes, size_t size) {
    struct pl__guest_kept **at = find_kept(guest, key);
    if (!*at || strcmp((*at)->key, key) != 0) {
        struct pl__guest_kept *made = PL_NEW(struct pl__guest_kept);
        char *copy = made ? pl_strdup(key) : NULL;
        if (!copy) {
            pl_free(made);
            return false;
        }
        *made = (struct pl__guest_kept){.next = *at, .key = copy};
        pl_buffer_init(&made->value, PL_KEPT_VALUE_MAX);
        *at = made;
    }
    pl_buffer_reset(&(*at)->value);
    return pl_buffer_put(&(*at)->value, bytes, size);
}

static enum pl_code keep(struct pl_node *node, const char *key, const struct pl_pack *value, struct pl_error **error) {
    struct pl_guest *guest = node->owner;
    struct pl_pack *body = pl_pack_new();
    if (!body) return pl_error_set(error, PL_NO_MEMORY, "no memory to keep %s", key);
    pl_pack_str(body, key);
    if (value) pl_pack_bin(body, pl_pack_data(value), pl_pack_size(value));
    bool good = !pl_pack_failed(body);
    if (good && value) good = put_kept(guest, key, pl_pack_data(value), pl_pack_size(value));
    struct pl__guest_kept **at = find_kept(guest, key);
    if (!value && *at && strcmp((*at)->key, key) == 0) drop_kept(at);
    struct pl_frame frame = {.type = value ? PL_FRAME_KEEP : PL_FRAME_DROP, .body = pl_pack_data(body)};
    frame.size = pl_pack_size(body);
    if (good) pl__guest_send(guest, &frame);
    pl_pack_free(body);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory to keep %s", key);
}

/* What the engine had when this process began. */
static bool take_kept(struct pl_guest *guest) {
    struct pl_unpack *unpack = &guest->config.kept;
    for (; guest->config.kept_count; guest->config.kept_count--) {
        const char *key = pl_option_memory_text(&guest->config.memory, unpack);
        const void *bytes;
        size_t size;
        if (!key || !pl_unpack_bin(unpack, &bytes, &size) || !put_kept(guest, key, bytes, size)) return false;
    }
    return true;
}

static enum pl_code each_kept(struct pl_node *node, pl_kept_visitor *each, void *arg, struct pl_error **error) {
    struct pl_guest *guest = node->owner;
    enum pl_code code = PL_OK;
    for (const struct pl__guest_kept *kept = guest->kept; kept && !code; kept = kept->next) {
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, kept->value.data, kept->value.size);
        code = each(arg, kept->key, &unpack, error);
    }
    return code;
}

static bool has_zones(const struct pl_node *node) {
    const struct pl_guest *guest = node->owner;
    return guest->config.zones;
}

static enum pl_code put(struct pl_node *node, enum pl_zone_id zone, const struct pl_batch *batch,
                        struct pl_error **error) {
    return batch->rows ? send_rows(node->owner, PL_FRAME_ZONE, zone, batch, error) : PL_OK;
}

static void pack_optional(struct pl_pack *pack, const char *text) {
    if (text)
        pl_pack_str(pack, text);
    else
        pl_pack_nil(pack);
}

/* A set point leaves behind its record: that is waited for. */
static void note(struct pl_node *node, const struct pl_note *note, const struct pl_owed *owed) {
    struct pl_guest *guest = node->owner;
    struct pl_pack *body = pl_pack_new();
    if (!body) pl__guest_give_up("no memory for a record of the audit");
    const char *const texts[] = {note->action, note->object, note->from, note->to, note->reason, note->outcome};
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++)
        pack_optional(body, texts[i]);
    pl_pack_uint(body, owed->what);
    pl_pack_uint(body, owed->id);
    struct pl_frame frame = {.type = PL_FRAME_NOTE, .body = pl_pack_data(body), .size = pl_pack_size(body)};
    if (owed->what == PL_OWED_OPENS) frame.number = ++guest->notes;
    if (pl_pack_failed(body)) pl__guest_give_up("no memory for a record of the audit");
    pl__guest_send(guest, &frame);
    pl_pack_free(body);
    if (frame.number) pl__guest_wait_noted(guest, frame.number);
}

static const struct pl_node_abroad abroad = {
    .keep = keep, .each_kept = each_kept, .has_zones = has_zones, .put = put, .note = note};
const struct pl_node_host pl__guest_host = {.emit = emit, .wanted = wanted, .wake = wake, .abroad = &abroad};

bool pl__guest_begin_kept(struct pl_guest *guest) {
    return take_kept(guest);
}

void pl__guest_end_kept(struct pl_guest *guest) {
    while (guest->kept)
        drop_kept(&guest->kept);
}

/* ---- What it tells besides ---- */

/* Counters, when they have changed since they were told. */
static void add_counters(struct pl_guest *guest, struct pl_frame *frame) {
    bool changed = false;
    for (unsigned i = 0; i < guest->counter_count; i++) {
        uint64_t now = pl_node_counter(&guest->node, i);
        changed |= now != guest->counters[i];
        guest->counters[i] = now;
    }
    if (!changed) return;
    frame->body = guest->counters;
    frame->size = guest->counter_count * sizeof *guest->counters;
}

static void add_busy(struct pl_guest *guest, struct pl_frame *frame) {
    guest->told_busy = guest->made && guest->node.busy;
    if (guest->told_busy) frame->flags |= PL_FRAME_IS_BUSY;
}

void pl__guest_pong(struct pl_guest *guest, enum pl_frame_type type, uint64_t number) {
    struct pl_frame frame = {.type = (uint8_t)type, .number = number};
    if (type != PL_FRAME_CLOSED) add_busy(guest, &frame);
    bool tells = type == PL_FRAME_PONG || type == PL_FRAME_CLOSED; /* the others have no body */
    if (guest->made && tells) add_counters(guest, &frame);
    pl__guest_send(guest, &frame);
}

/* ---- Items ---- */

bool pl__guest_put(struct pl_guest *guest, const struct pl_frame *frame) {
    struct pl__guest_item *slot = &guest->items[(guest->from + guest->count) % PL__GUEST_ITEMS];
    if (!guest->open || guest->count == PL__GUEST_ITEMS) return false;
    *slot = (struct pl__guest_item){.port = frame->port, .number = frame->number};
    slot->item.idle = frame->flags & PL_FRAME_IDLE;
    struct pl_error *error = NULL;
    enum pl_code code = PL_OK;
    switch (frame->type) {
    case PL_FRAME_BATCH:
        slot->item.type = PL_ITEM_BATCH;
        code = pl_codec_decode(guest->codec, PL_CAPNP, frame->body, frame->size, &slot->item.batch, &error);
        if (!code) pl_batch_seal(slot->item.batch);
        break;
    case PL_FRAME_WATERMARK:
        slot->item.type = PL_ITEM_WATERMARK;
        slot->item.time = frame->value;
        break;
    case PL_FRAME_BARRIER:
        slot->item.type = PL_ITEM_BARRIER;
        slot->item.epoch = (uint64_t)frame->value;
        break;
    default: slot->item.type = PL_ITEM_END; break;
    }
    if (code) pl__guest_fail(guest, error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    guest->count += !code;
    return true;
}

static void done(struct pl_guest *guest, const struct pl_frame *how) {
    struct pl_frame frame = *how;
    struct pl__guest_item *slot = &guest->items[guest->from];
    frame.type = PL_FRAME_DONE;
    frame.number = slot->number;
    add_busy(guest, &frame);
    add_counters(guest, &frame);
    guest->from = (guest->from + 1) % PL__GUEST_ITEMS;
    guest->count--;
    pl__guest_send(guest, &frame);
}

/* In pieces, in front of the DONE that it belongs to. */
static void send_state(struct pl_guest *guest, const struct pl_buffer *state) {
    for (size_t at = 0; at < state->size; at += PL_FRAME_PIECE) {
        size_t left = state->size - at;
        struct pl_frame frame = {.type = PL_FRAME_STATE, .body = state->data + at};
        frame.size = left < PL_FRAME_PIECE ? left : PL_FRAME_PIECE;
        pl__guest_send(guest, &frame);
    }
}

static void sync_files(struct pl_node *node) {
    while (node->sync_count) {
        int file = node->sync[--node->sync_count];
        if (fdatasync(file)) pl_fail(node, "its file cannot be synced: %s", strerror(errno));
        close(file);
    }
}

/* What has changed since the last barrier. The files are safe before the engine hears of it. */
static void save(struct pl_guest *guest) {
    struct pl_buffer state;
    if (!guest->node.config.recovers) return;
    pl_buffer_init(&state, SIZE_MAX / 2);
    pl_node_save(&guest->node, &state);
    if (pl_buffer_failed(&state)) pl_fail(&guest->node, "no memory for a checkpoint");
    sync_files(&guest->node);
    if (!guest->node.failure) send_state(guest, &state);
    pl_buffer_fini(&state);
}

/* False: it waits for the operator. */
static bool do_end(struct pl_guest *guest, const struct pl_item *end) {
    if (!guest->stopping) pl_node_stop(&guest->node);
    guest->stopping = true;
    if (guest->node.busy) return false;
    if (!end->idle) save(guest);
    return true;
}

static bool do_item(struct pl_guest *guest, struct pl__guest_item *slot, struct pl_frame *how) {
    struct pl_item *item = &slot->item;
    bool waits = guest->node.busy && item->type != PL_ITEM_END;
    if (waits && guest->config.returns && item->type != PL_ITEM_BARRIER) {
        how->flags = PL_FRAME_RETURNED;
        if (item->type == PL_ITEM_BATCH) pl_batch_unref(item->batch);
        return true;
    }
    if (waits && !guest->config.returns) return false;
    switch (item->type) {
    case PL_ITEM_BATCH: pl_node_process(&guest->node, slot->port, item->batch); return true;
    case PL_ITEM_WATERMARK: how->value = pl_node_watermark(&guest->node, item->time); return true;
    case PL_ITEM_BARRIER:
        save(guest);
        if (guest->node.config.recovers) guest->node.epoch = item->epoch + 1;
        return true;
    case PL_ITEM_END: return do_end(guest, item);
    }
    return true;
}

static bool may_work(const struct pl_guest *guest) {
    return guest->count && !guest->failed && guest->emitted - guest->credited < PL_GUEST_CEILING;
}

void pl__guest_work(struct pl_guest *guest) {
    for (int i = 0; i < ITEMS_A_RUN && may_work(guest); i++) {
        struct pl_frame how = {0};
        uint64_t begun = uv_hrtime();
        if (!do_item(guest, &guest->items[guest->from], &how)) break;
        if (guest->node.failure) break;
        how.nanoseconds = uv_hrtime() - begun;
        done(guest, &how);
    }
    if (guest->made && guest->node.failure) pl__guest_fail(guest, guest->node.failure);
    if (may_work(guest) && !guest->node.busy) pl_ready(&guest->runnable);
    if (guest->open && guest->node.busy != guest->told_busy) pl__guest_pong(guest, PL_FRAME_BUSY, 0);
}

/* ---- Calls ---- */

static void carry_out(struct pl_guest *guest, struct pl_call *call) {
    switch (call->where) {
    case PL_CALL_SET: call->run = guest->options.set; break;
    case PL_CALL_OPTIONS: call->run = guest->options.options; break;
    default: call->run = pl_call_run_command; break;
    }
    if (call->run)
        pl_call_carry_out(call, &guest->node);
    else
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "its process knows no such command");
}

void pl__guest_call(struct pl_guest *guest, const struct pl_frame *frame) {
    struct pl_option_memory memory = {0};
    struct pl_call *call = pl_call_unpack(frame->body, frame->size, guest->node.config.op, &memory);
    struct pl_pack *body = pl_pack_new();
    if (call) carry_out(guest, call);
    if (call && body) pl_call_pack_outcome(body, call);
    struct pl_frame answer = {.type = PL_FRAME_CALLED, .number = frame->number};
    bool good = call && body && !pl_pack_failed(body) && pl_pack_size(body) <= PL_FRAME_BODY_MAX;
    answer.code = call && call->code ? (uint32_t)call->code : PL_OK;
    if (good) {
        answer.body = pl_pack_data(body);
        answer.size = pl_pack_size(body);
    }
    pl__guest_send(guest, &answer); /* without a body: it could not be read, or its answer is too long */
    pl_pack_free(body);
    pl_call_free(call);
    pl_option_memory_fini(&memory);
}
