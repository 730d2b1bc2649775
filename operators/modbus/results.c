#include "results.h"

#include <inttypes.h>
#include <math.h>
#include <potline/setpoint.h>
#include <potline/text.h>
#include <stdio.h>

static const struct told {
    const char *kind;
    uint16_t severity;
    enum pl__sink_count count;
    const char *outcome; /* for the audit */
} told[PL__OUTCOMES] = {
    [PL__VERIFIED] = {"setpoint.verified", 100, PL__SINK_COUNT_VERIFIED, "verified"},
    [PL__RENEWED] = {NULL, 0, PL__SINK_COUNT_RENEWED, "there already"},
    [PL__REFUSED] = {"setpoint.refused", 600, PL__SINK_COUNT_REFUSED, "refused"},
    [PL__FAILED] = {"setpoint.failed", 700, PL__SINK_COUNT_FAILED, "failed"},
    [PL__EXPIRED] = {"setpoint.expired", 400, PL__SINK_COUNT_EXPIRED, "expired"},
    [PL__SUPERSEDED] = {"setpoint.superseded", 200, PL__SINK_COUNT_SUPERSEDED, "superseded"},
    [PL__WITHDRAWN] = {"setpoint.withdrawn", 200, PL__SINK_COUNT_WITHDRAWN, "withdrawn"},
};

enum { OUT = 0 };

/* ---- The audit ---- */

static const char *number(double value, char text[PL_TEXT_F64_MAX + 1]) {
    if (isnan(value)) return NULL;
    *pl_text_put_f64(text, value) = 0;
    return text;
}

static void note(struct pl__sink *sink, const struct pl__slot *slot, const struct pl__order *order, const char *action,
                 const char *outcome) {
    struct pl_setpoint_note entry = {.action = action,
                                     .outcome = outcome,
                                     .reason = order->reason,
                                     .id = order->id,
                                     .token = order->token,
                                     .sequence = order->sequence,
                                     .partition = order->partition,
                                     .tag = slot->target->tag,
                                     .origin = order->origin,
                                     .model = order->model,
                                     .old = slot->old,
                                     .value = order->value};
    pl_note_setpoint(sink->node, &entry);
}

void pl__results_begin(void *user, const struct pl__slot *slot) {
    note(user, slot, &slot->order, PL_SETPOINT_WRITE, "sent");
}

static void note_end(struct pl__sink *sink, const struct pl__slot *slot, const struct pl__ending *ending) {
    char text[256], found[PL_TEXT_F64_MAX + 1];
    const char *read = number(slot->found, found);
    bool good = ending->outcome == PL__VERIFIED;
    snprintf(text, sizeof text, "%s: read back %s after %.3f ms, %u write%s%s%s", told[ending->outcome].outcome,
             read ? read : "nothing", (double)slot->latency / 1e6, slot->attempts, slot->attempts == 1 ? "" : "s",
             good ? "" : "; ", good ? "" : ending->why);
    note(sink, slot, ending->order, PL_SETPOINT_RESULT, text);
}

/* ---- Events ---- */

static void emit(struct pl__sink *sink, pl_time time, const char *kind, uint16_t severity, uint32_t tag) {
    uint32_t asset = pl_tags_get(pl_node_tags(sink->node), tag)->asset;
    if (!pl_wanted(sink->node, OUT)) return;
    if (pl_pack_failed(sink->body) ||
        pl_emit_event(sink->node, OUT, time, kind, severity, asset, tag, sink->body) == PL_FLOW_FAIL)
        pl_fail(sink->node, "no memory for an event");
}

static void body_order(struct pl__sink *sink, const struct pl__order *order, uint32_t more) {
    struct pl_pack *body = sink->body;
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, order->id);
    pl_pack_reset(body);
    pl_pack_map(body, 4 + (order->model != 0) + more);
    pl_pack_pair_str(body, "id", id);
    pl_pack_pair_f64(body, "value", order->value);
    pl_pack_pair_str(body, "origin", pl_tags_get(pl_node_tags(sink->node), order->origin)->name);
    pl_pack_pair_str(body, "reason", order->reason);
    if (order->model) pl_pack_pair_str(body, "model", pl_tags_get(pl_node_tags(sink->node), order->model)->name);
}

static void emit_end(struct pl__sink *sink, const struct pl__slot *slot, const struct pl__ending *ending) {
    const struct told *as = &told[ending->outcome];
    body_order(sink, ending->order, ending->own ? 6 : 2);
    pl_pack_pair_f64(sink->body, "latency_ms", (double)(pl_now(sink->node) - ending->order->received) / 1e6);
    pl_pack_pair_str(sink->body, "why", ending->outcome == PL__VERIFIED ? "" : ending->why);
    if (ending->own) {
        pl_pack_pair_f64(sink->body, "old", slot->old);
        pl_pack_pair_f64(sink->body, "read_back", slot->found);
        pl_pack_pair_int(sink->body, "writes", slot->attempts);
        pl_pack_pair_int(sink->body, "exception", slot->exception);
    }
    emit(sink, pl_now(sink->node), as->kind, as->severity, slot->target->tag);
}

static void count_latency(struct pl__sink *sink, pl_time latency) {
    static const pl_time within[] = {1, 2, 5, 10, 20, 50, 100, 500, 2000};
    for (unsigned i = 0; i < PL_COUNT_OF(within); i++)
        if (latency <= within[i] * PL_MILLISECOND) pl_count(sink->node, PL__SINK_COUNT_MS_1 + i, 1);
}

void pl__results_ended(void *user, const struct pl__slot *slot, const struct pl__ending *ending) {
    struct pl__sink *sink = user;
    pl_count(sink->node, told[ending->outcome].count, 1);
    if (ending->own && slot->begun) note_end(sink, slot, ending);
    if (ending->outcome == PL__VERIFIED) count_latency(sink, slot->latency);
    if (told[ending->outcome].kind) emit_end(sink, slot, ending);
}

void pl__results_manual(void *user, const struct pl__slot *slot) {
    struct pl__sink *sink = user;
    pl_pack_reset(sink->body);
    pl_pack_map(sink->body, 1);
    pl_pack_pair_str(sink->body, "endpoint", sink->endpoint);
    emit(sink, pl_now(sink->node), slot->manual ? "device.manual" : "device.automatic", slot->manual ? 500 : 100,
         slot->target->tag);
}

void pl__results_unmapped(struct pl__sink *sink, uint32_t tag, const struct pl__order *order) {
    if (sink->others) return;
    pl_count(sink->node, PL__SINK_COUNT_UNMAPPED, 1);
    body_order(sink, order, 1);
    pl_pack_pair_str(sink->body, "endpoint", sink->endpoint);
    emit(sink, order->time, "setpoint.unmapped", 600, tag);
}

/* A device that is away for long is one event, not one for each attempt to reach it. */
void pl__results_link(struct pl__sink *sink, bool up, const char *why) {
    if (up ? sink->up : sink->down) return;
    sink->up = up;
    sink->down = !up;
    pl_pack_reset(sink->body);
    pl_pack_map(sink->body, 2);
    pl_pack_pair_str(sink->body, "endpoint", sink->endpoint);
    pl_pack_pair_str(sink->body, "why", why ? why : "");
    emit(sink, pl_now(sink->node), up ? "modbus.connected" : "modbus.disconnected", up ? 100 : 700, 0);
    if (up)
        pl_node_diag(sink->node, PL_INFO, "%s: connected", sink->endpoint);
    else
        pl_node_diag(sink->node, PL_WARN, "%s: %s; it is tried again", sink->endpoint, why);
}

void pl__results_silent(struct pl__sink *sink, bool silent) {
    pl_pack_reset(sink->body);
    pl_pack_map(sink->body, 2);
    pl_pack_pair_str(sink->body, "endpoint", sink->endpoint);
    pl_pack_pair_str(sink->body, "pulse", sink->pulse);
    emit(sink, pl_now(sink->node), silent ? "heartbeat.stopped" : "heartbeat.given", silent ? 700 : 100, 0);
}

/* ---- Counters ---- */

static void count_to(struct pl__sink *sink, unsigned index, uint64_t total) {
    pl_count(sink->node, index, total - sink->counted[index]);
    sink->counted[index] = total;
}

void pl__results_count(struct pl__sink *sink) {
    for (unsigned i = 0; sink->client && i < PL_MODBUS_COUNTS; i++)
        count_to(sink, i, pl_modbus_client_count(sink->client, (enum pl_modbus_count)i));
    count_to(sink, PL__SINK_COUNT_WRITES, sink->writes.sent);
    count_to(sink, PL__SINK_COUNT_READS, sink->writes.read);
    count_to(sink, PL__SINK_COUNT_BEATS, sink->beats.sent);
    count_to(sink, PL__SINK_COUNT_BEATS_FAILED, sink->beats.failed);
}
