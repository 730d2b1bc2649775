#include "orders.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/setpoint.h>
#include <potline/text.h>

enum { TICK_MS = 20, EVENTS = 0 };

/* A send that had no answer, or a value that did not come, is made again after so long. */
static const pl_time AGAIN = 500 * PL_MILLISECOND;

static const struct told {
    const char *name, *kind;
    uint16_t severity;
} told[] = {
#define TOLD(id, name, kind, severity, doc) {name, kind, severity},
    PL_ORDER_OUTCOMES(TOLD)
#undef TOLD
};

static pl_time monotonic(void) {
    return (pl_time)uv_hrtime();
}

static const char *name_of(const struct pl_orders *o, uint32_t id) {
    return pl_tags_get(pl_node_tags(o->node), id)->name;
}

/* ---- What is told ---- */

static const char *number(double value, char text[PL_TEXT_F64_MAX + 1]) {
    if (isnan(value)) return NULL;
    *pl_text_put_f64(text, value) = 0;
    return text;
}

static void note(struct pl_orders *o, const struct pl_order_slot *slot, const char *action, const char *outcome) {
    const struct pl_order *order = &slot->order;
    struct pl_setpoint_note entry = {.action = action,
                                     .outcome = outcome,
                                     .reason = order->reason,
                                     .id = order->id,
                                     .token = order->token,
                                     .sequence = order->sequence,
                                     .partition = order->partition,
                                     .tag = order->tag,
                                     .origin = order->origin,
                                     .model = order->model,
                                     .old = slot->old,
                                     .value = order->value};
    pl_note_setpoint(o->node, &entry);
}

static void tell(struct pl_orders *o, const struct pl_order *order, enum pl_order_outcome outcome, const char *why,
                 const struct pl_order_slot *slot) {
    struct pl_pack *body = o->body;
    char id[24];
    pl_count(o->node, (unsigned)outcome, 1);
    if (!pl_wanted(o->node, EVENTS)) return;
    snprintf(id, sizeof id, "%" PRIu64, order->id);
    pl_pack_reset(body);
    pl_pack_map(body, (slot ? 9 : 5) + (order->model != 0));
    pl_pack_pair_str(body, "id", id);
    pl_pack_pair_f64(body, "value", order->value);
    pl_pack_pair_str(body, "origin", name_of(o, order->origin));
    pl_pack_pair_str(body, "reason", order->reason);
    if (order->model) pl_pack_pair_str(body, "model", name_of(o, order->model));
    pl_pack_pair_str(body, "why", why);
    if (slot) {
        pl_pack_pair_f64(body, "latency_ms", (double)slot->latency / 1e6);
        pl_pack_pair_f64(body, "old", slot->old);
        pl_pack_pair_f64(body, "read_back", slot->found);
        pl_pack_pair_int(body, "sends", slot->sends);
    }
    uint32_t asset = pl_tags_get(pl_node_tags(o->node), order->tag)->asset;
    pl_time time = slot ? pl_now(o->node) : order->time; /* without one nothing has been done about it */
    if (pl_pack_failed(body) || pl_emit_event(o->node, EVENTS, time, told[outcome].kind, told[outcome].severity, asset,
                                              order->tag, body) == PL_FLOW_FAIL)
        pl_fail(o->node, "no memory for an event");
}

/* ---- An order's life ---- */

static void end(struct pl_orders *o, struct pl_order_slot *slot, enum pl_order_outcome outcome, const char *why) {
    char text[200], found[PL_TEXT_F64_MAX + 1];
    slot->latency = pl_now(o->node) - slot->order.received;
    slot->last = (uint8_t)outcome;
    slot->any = true;
    slot->phase = PL_ORDER_IDLE;
    slot->message = -1;
    if (slot->noted) {
        const char *read = number(slot->found, found);
        snprintf(text, sizeof text, "%s: read back %s after %.3f ms, sent %u time%s%s%s", told[outcome].name,
                 read ? read : "nothing", (double)slot->latency / 1e6, slot->sends, slot->sends == 1 ? "" : "s",
                 *why ? "; " : "", why);
        note(o, slot, PL_SETPOINT_RESULT, text);
    }
    tell(o, &slot->order, outcome, why, slot);
}

static bool is_expired(const struct pl_orders *o, const struct pl_order *order) {
    return pl_now(o->node) >= order->expiry || monotonic() >= order->ends;
}

/* The record is made in front of the message; then what is left of it is looked at anew. */
static void send_it(struct pl_orders *o, struct pl_order_slot *slot) {
    if (monotonic() < slot->due || !pl_may_act(o->node)) return;
    if (!slot->noted) {
        slot->noted = true;
        slot->old = slot->live;
        note(o, slot, PL_SETPOINT_WRITE, "sent");
    }
    if (is_expired(o, &slot->order)) return;
    slot->found = NAN;
    int id = o->setup.send(o->setup.user, &slot->order, slot->order.ends - monotonic());
    slot->due = monotonic() + (id < 0 ? AGAIN / 10 : AGAIN);
    if (id < 0) return;
    slot->sends++;
    slot->message = id;
    slot->phase = PL_ORDER_SENT;
}

static void turn(struct pl_orders *o, struct pl_order_slot *slot) {
    bool left = slot->sends > 0;
    if (slot->phase == PL_ORDER_IDLE) return;
    if (slot->phase == PL_ORDER_WAITS && is_expired(o, &slot->order)) {
        end(o, slot, left ? PL_ORDER_FAILED : PL_ORDER_EXPIRED, left ? "it was not confirmed before it expired" : "");
    } else if (monotonic() >= slot->deadline) {
        const char *why = !left                           ? "no connection"
                          : slot->phase != PL_ORDER_LOOKS ? "the broker has not answered"
                          : isnan(slot->found)            ? "nothing was read back"
                                                          : "another value is read back";
        end(o, slot, PL_ORDER_FAILED, why);
    } else if (slot->phase == PL_ORDER_WAITS) {
        send_it(o, slot);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct pl_orders *o = timer->data;
    bool any = false;
    for (unsigned i = 0; i < o->count; i++) {
        turn(o, &o->slot[i]);
        any |= o->slot[i].phase != PL_ORDER_IDLE;
    }
    if (!any) uv_timer_stop(timer);
}

/* ---- Taking ---- */

static struct pl_order_slot *slot_of(struct pl_orders *o, uint32_t tag, bool make) {
    for (unsigned i = 0; i < o->count; i++)
        if (o->slot[i].tag == tag) return &o->slot[i];
    if (!make || o->count == PL_ORDERS_MAX) return NULL;
    struct pl_order_slot *slot = &o->slot[o->count++];
    *slot = (struct pl_order_slot){.tag = tag, .message = -1, .found = NAN, .old = NAN, .live = NAN};
    return slot;
}

static struct pl_order order_of(const struct pl_batch *batch, uint32_t row, pl_time now) {
    const struct pl_setpoints *s = &batch->setpoints;
    uint32_t length;
    const char *reason = pl_batch_heap_row(batch, 0, row, &length);
    pl_time left = s->expiry[row] > now ? s->expiry[row] - now : 0, steady = monotonic();
    struct pl_order order = {.time = s->time[row],
                             .received = batch->header->receive_time,
                             .expiry = s->expiry[row],
                             .ends = left > PL_TIME_MAX - steady ? PL_TIME_MAX : steady + left,
                             .id = s->id[row],
                             .token = s->token[row],
                             .sequence = batch->header->first_sequence + row,
                             .origin = s->origin[row],
                             .model = batch->model,
                             .tag = s->tag[row],
                             .partition = batch->header->partition,
                             .value = s->value[row]};
    bool cut = length >= sizeof order.reason;
    if (cut) length = sizeof order.reason - 1;
    while (cut && length > 0 && ((unsigned char)reason[length] & 0xC0) == 0x80)
        length--; /* not in the middle of a character */
    if (length) memcpy(order.reason, reason, length);
    return order;
}

/* What has left cannot be called back, but is not sent again. */
static void take_back(struct pl_orders *o, struct pl_order_slot *slot, enum pl_order_outcome outcome) {
    if (slot->phase != PL_ORDER_IDLE)
        end(o, slot, outcome,
            slot->sends == 0                ? ""
            : outcome == PL_ORDER_WITHDRAWN ? "it had left, and is not sent again"
                                            : "it had left; a newer one has come");
}

void pl_orders_take(struct pl_orders *o, const struct pl_batch *batch, uint32_t row) {
    struct pl_order order = order_of(batch, row, pl_now(o->node));
    bool has = o->setup.has(o->setup.user, order.tag);
    struct pl_order_slot *slot = slot_of(o, order.tag, has && !isnan(order.value));
    if (!slot) {
        if (!isnan(order.value))
            tell(o, &order, PL_ORDER_UNMAPPED, has ? "no room for another tag" : "its tag has no place here", NULL);
        return;
    }
    take_back(o, slot, isnan(order.value) ? PL_ORDER_WITHDRAWN : PL_ORDER_SUPERSEDED);
    if (isnan(order.value)) return;
    slot->order = order;
    slot->phase = PL_ORDER_WAITS;
    slot->noted = false;
    slot->sends = 0;
    slot->due = 0;
    slot->found = slot->old = NAN;
    slot->deadline = monotonic() + o->setup.deadline;
    turn(o, slot);
    uv_update_time(o->timer.loop);
    if (!uv_is_active((uv_handle_t *)&o->timer)) uv_timer_start(&o->timer, on_timer, TICK_MS, TICK_MS);
}

/* ---- What is heard ---- */

void pl_orders_answered(struct pl_orders *o, int message) {
    for (unsigned i = 0; i < o->count; i++) {
        struct pl_order_slot *slot = &o->slot[i];
        if (slot->phase != PL_ORDER_SENT || slot->message != message) continue;
        slot->phase = PL_ORDER_LOOKS;
        if (!o->setup.reads_back)
            end(o, slot, PL_ORDER_DELIVERED, "");
        else if (!isnan(slot->live)) /* it was quicker than the broker's answer, or has it already and says nothing */
            pl_orders_seen(o, slot->tag, slot->live);
        return;
    }
}

void pl_orders_seen(struct pl_orders *o, uint32_t tag, double value) {
    struct pl_order_slot *slot = slot_of(o, tag, false);
    if (!slot) return;
    slot->live = value;
    if (slot->phase != PL_ORDER_SENT && slot->phase != PL_ORDER_LOOKS) return;
    slot->found = value;
    if (slot->phase == PL_ORDER_LOOKS && fabs(value - slot->order.value) <= o->setup.tolerance)
        end(o, slot, PL_ORDER_VERIFIED, "");
}

void pl_orders_up(struct pl_orders *o) {
    for (unsigned i = 0; i < o->count; i++) {
        o->slot[i].due = 0;
        turn(o, &o->slot[i]);
    }
}

/* Whether it had arrived nobody knows: it waits, and leaves once more while it holds. What was read may change
 * meanwhile, and is no proof of anything later. */
void pl_orders_down(struct pl_orders *o) {
    for (unsigned i = 0; i < o->count; i++) {
        o->slot[i].live = NAN;
        if (o->slot[i].phase == PL_ORDER_SENT) o->slot[i].phase = PL_ORDER_WAITS;
    }
}

void pl_orders_withdraw(struct pl_orders *o) {
    for (unsigned i = 0; i < o->count; i++)
        if (o->slot[i].phase == PL_ORDER_WAITS) take_back(o, &o->slot[i], PL_ORDER_WITHDRAWN);
}

/* ---- People ---- */

const struct pl_option pl_orders_list_options[] = {
    PL_OPT_STRING(struct pl_orders_list_args, tag, "tag", "*", PL_FIXED, "Name or pattern of the set points."),
    PL_OPT_END,
};

void pl_orders_list(const struct pl_orders *o, const char *tags, const char *place, struct pl_call *call) {
    static const char *const phases[] = {"", "waits", "sent", "looked for"};
    for (unsigned i = 0; i < o->count; i++) {
        const struct pl_order_slot *slot = &o->slot[i];
        if (!pl_glob(tags, name_of(o, slot->tag))) continue;
        struct pl_pack *row = pl_reply_row(call, 8);
        pl_pack_pair_str(row, "tag", name_of(o, slot->tag));
        pl_pack_pair_f64(row, "value", slot->order.value);
        pl_pack_pair_f64(row, "read_back", slot->found);
        pl_pack_pair_str(row, "state", slot->phase ? phases[slot->phase] : slot->any ? told[slot->last].name : "");
        pl_pack_pair_str(row, "origin", name_of(o, slot->order.origin));
        pl_pack_pair_str(row, "model", slot->order.model ? name_of(o, slot->order.model) : "");
        pl_pack_pair_f64(row, "latency_ms", slot->any ? (double)slot->latency / 1e6 : NAN);
        pl_pack_pair_str(row, "endpoint", place);
    }
}

/* ---- Life ---- */

enum pl_code pl_orders_init(struct pl_orders *o, struct pl_node *node, const struct pl_orders_setup *setup,
                            struct pl_error **error) {
    *o = (struct pl_orders){.node = node, .setup = *setup};
    o->body = pl_pack_new();
    o->slot = pl_alloc(PL_ORDERS_MAX * sizeof *o->slot);
    if (!o->body || !o->slot) return pl_error_set(error, PL_NO_MEMORY, "no memory for set points");
    int status = uv_timer_init(pl_node_loop(node), &o->timer);
    if (status) return pl_error_set(error, PL_UNAVAILABLE, "a timer: %s", uv_strerror(status));
    o->timer.data = o;
    o->timer_open = true;
    return PL_OK;
}

void pl_orders_fini(struct pl_orders *o) {
    if (o->timer_open) uv_close((uv_handle_t *)&o->timer, NULL);
    o->timer_open = false;
    pl_pack_free(o->body);
    pl_free(o->slot);
    o->body = NULL;
    o->slot = NULL;
}
