/* tell.c: set points out, events, notes for the audit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"

static void emit(struct guard *s, pl_time time, const char *kind, uint16_t severity, uint32_t tag) {
    uint32_t asset = pl_tags_get(pl_node_tags(s->node), tag)->asset;
    if (!pl_wanted(s->node, PORT_EVENTS)) return;
    if (pl_pack_failed(s->body) ||
        pl_emit_event(s->node, PORT_EVENTS, time, kind, severity, asset, tag, s->body) == PL_FLOW_FAIL)
        s->failed = true;
}

static void body_wish(struct guard *s, const struct wish *wish, const char *why, const char *detail) {
    char id[24], token[24];
    snprintf(id, sizeof id, "%" PRIu64, wish->id);
    snprintf(token, sizeof token, "%" PRIu64, wish->token);
    pl_pack_reset(s->body);
    pl_pack_map(s->body, wish->model ? 8 : 7);
    pl_pack_pair_str(s->body, "id", id);
    pl_pack_pair_f64(s->body, "value", wish->value);
    pl_pack_pair_str(s->body, "origin", pl_tags_get(pl_node_tags(s->node), wish->origin)->name);
    pl_pack_pair_str(s->body, "generation", token);
    if (wish->model) pl_pack_pair_str(s->body, "model", pl_tags_get(pl_node_tags(s->node), wish->model)->name);
    pl_pack_pair_str(s->body, "reason", wish->reason);
    pl_pack_pair_str(s->body, "why", why);
    pl_pack_pair_str(s->body, "what", detail ? detail : "");
}

void tell_refused(struct guard *s, uint32_t tag, const struct wish *wish, const char *why, const char *detail) {
    pl_count(s->node, COUNT_REFUSED, 1);
    body_wish(s, wish, why, detail);
    emit(s, wish->time, "guard.refused", 500, tag);
}

void tell_wish(struct guard *s, const char *kind, uint16_t severity, const struct point *point, const struct wish *wish,
               pl_time time, const char *why, const char *detail) {
    body_wish(s, wish, why, detail);
    emit(s, time, kind, severity, point->tag);
}

void tell_scope(struct guard *s, const char *kind, uint16_t severity, const char *scope, const char *user,
                const char *reason) {
    struct pl_tags *tags = pl_node_tags(s->node);
    uint32_t id = strcmp(scope, "ALL") == 0 ? 0 : pl_tags_find(tags, scope, strlen(scope));
    pl_pack_reset(s->body);
    pl_pack_map(s->body, 3);
    pl_pack_pair_str(s->body, "scope", scope);
    pl_pack_pair_str(s->body, "user", user);
    pl_pack_pair_str(s->body, "reason", reason);
    emit(s, pl_now(s->node), kind, severity, id == PL_NO_ID ? 0 : id);
}

static void put_row(struct guard *s, uint32_t tag, const struct wish *wish, const char *reason, double value,
                    pl_time expiry) {
    uint32_t length = (uint32_t)strlen(reason);
    struct pl_batch *b = pl_node_batch(s->node, PL_SETPOINTS, 1, length);
    if (!b || (length && !pl_batch_heap(b, 0, reason, length))) {
        pl_batch_unref(b);
        s->failed = true;
        return;
    }
    struct pl_setpoints *out = &b->setpoints;
    b->model = wish->model; /* not what the signals come from that it was judged by */
    b->header->first_sequence = wish->logged ? wish->sequence : UINT64_MAX;
    b->header->partition = wish->partition;
    out->time[0] = wish->time;
    out->id[0] = wish->id;
    out->tag[0] = tag;
    out->value[0] = value;
    out->lower[0] = wish->lower;
    out->upper[0] = wish->upper;
    out->expiry[0] = expiry;
    out->token[0] = wish->token;
    out->origin[0] = wish->origin;
    out->end[0] = length;
    b->rows = 1;
    if (pl_emit(s->node, PORT_OUT, &b) == PL_FLOW_FAIL) s->failed = true;
}

void tell_row(struct guard *s, const struct point *point, const struct wish *wish, double value, pl_time expiry) {
    char inputs[INPUTS_MAX] = "", reason[WISH_REASON_MAX + INPUTS_MAX + 16];
    if (wish->logged) interlock_inputs(s, point, inputs, sizeof inputs);
    snprintf(reason, sizeof reason, "%s%s%s%s", wish->reason, *wish->reason && *inputs ? "; " : "",
             *inputs ? "judged by " : "", inputs);
    put_row(s, point->tag, wish, reason, value, expiry);
}

void tell_withdraw(struct guard *s, const struct point *point) {
    struct wish none = point->lease;
    none.time = pl_now(s->node);
    snprintf(none.reason, sizeof none.reason, "withdrawn");
    put_row(s, point->tag, &none, none.reason, NAN, none.time);
}

void tell_pulse(struct guard *s, pl_time now) {
    struct wish pulse = {.time = now, .origin = s->own, .value = 1};
    put_row(s, s->pulse_tag, &pulse, "", 1, now + 3 * s->pulse);
}

void tell_note(struct guard *s, const char *action, const char *object, const char *from, const char *to,
               const char *reason) {
    pl_note(s->node, &(struct pl_note){.action = action, .object = object, .from = from, .to = to, .reason = reason});
}
