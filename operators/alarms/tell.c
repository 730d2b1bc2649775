/* tell.c: what happened to alarms, as events; the same rows go to gold. */
#include <potline/alloc.h>
#include <string.h>

#include "alarms.h"

enum { EVENT_ROWS = 256, EVENT_HEAP = 256 << 10 };

static const char *const note_kinds[NOTES] = {
    [ALARM_NORMAL] = "alarm.normal",
    [ALARM_UNACKNOWLEDGED] = "alarm.unacknowledged",
    [ALARM_ACKNOWLEDGED] = "alarm.acknowledged",
    [ALARM_RETURNED] = "alarm.returned",
    [ALARM_LATCHED_UNACKNOWLEDGED] = "alarm.latched-unacknowledged",
    [ALARM_LATCHED_ACKNOWLEDGED] = "alarm.latched-acknowledged",
    [ALARM_SHELVED] = "alarm.shelved",
    [ALARM_SUPPRESSED] = "alarm.suppressed",
    [ALARM_OUT_OF_SERVICE] = "alarm.out-of-service",
    [NOTE_CHATTERING] = "alarm.chattering",
    [NOTE_STALE] = "alarm.stale",
    [NOTE_OVERDUE] = "alarm.overdue",
    [NOTE_DROPPED] = "alarm.dropped",
    [NOTE_FLOOD] = "alarms.flood",
    [NOTE_FLOOD_OVER] = "alarms.flood-over",
    [NOTE_OVER_BUDGET] = "alarms.over-budget",
    [NOTE_WITHIN_BUDGET] = "alarms.within-budget",
};

static const uint16_t severities[PRIORITIES] = {950, 750, 500, 200};

uint64_t alarms_hash(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool tell_open(struct alarms *s, struct pl_node *node, struct pl_error **error) {
    s->body = pl_pack_new();
    bool good = s->body != NULL;
    for (unsigned i = 0; i < NOTES && good; i++) {
        s->kind[i] = pl_tags_intern(pl_node_tags(node), note_kinds[i], strlen(note_kinds[i]));
        good = s->kind[i] != PL_NO_ID;
    }
    if (!good) return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory"), false;
    struct pl_error *cause = NULL;
    enum pl_code code = pl_zone_open(node, PL_GOLD, &s->zone, &cause);
    if (!code || code == PL_UNAVAILABLE) {
        pl_error_free(&cause);
        return true;
    }
    if (error)
        *error = cause;
    else
        pl_error_free(&cause);
    return false;
}

void tell_close(struct alarms *s) {
    pl_zone_close(s->zone);
    pl_pack_free(s->body);
    pl_batch_unref(s->out);
    decided_free(s);
    pl_free(s->side);
    s->zone = NULL;
    s->body = NULL;
    s->out = NULL;
    s->side = NULL;
    s->sides = 0;
}

/* ---- On its way ---- */

/* A full disk takes no alarm from the operators: it is told, counted, and the list goes on in memory. What people
 * decided is tried again with the next command, event or checkpoint. */
static bool hand_on(struct alarms *s, struct pl_node *node, enum pl_code *kept, struct pl_error **error) {
    struct pl_error *cause = NULL;
    s->dirty = s->dirty || (s->unkept && (kept || s->out));
    enum pl_code code = keep_flush(s, node, &cause);
    enum pl_code second = s->zone && s->out ? pl_zone_put(s->zone, s->out, code ? NULL : &cause) : PL_OK;
    if (second) pl_count(node, COUNT_UNKEPT, s->out->rows);
    if (!code) code = second;
    if (code) {
        char *text = pl_error_text(cause);
        pl_node_diag(node, PL_ERROR, "what happened to alarms is not kept: %s", text ? text : pl_code_text(code));
        pl_free(text);
    }
    if (kept) *kept = code;
    if (error && code)
        *error = cause;
    else
        pl_error_free(&cause);
    return !s->out || pl_emit(node, 0, &s->out) != PL_FLOW_FAIL;
}

bool tell_flush(struct alarms *s, struct pl_node *node, enum pl_code *kept, struct pl_error **error) {
    bool good = hand_on(s, node, kept, error);
    decided_remove_unneeded(s);
    return good;
}

/* ---- Events ---- */

static uint64_t event_id(const struct pl_node *node, const char *alarm, unsigned kind, enum alarm_state from,
                         pl_time time) {
    const char *name = pl_node_name(node);
    uint64_t hash = alarms_hash(ALARMS_HASH_START, name, strlen(name) + 1);
    hash = alarms_hash(hash, alarm, strlen(alarm) + 1);
    hash = alarms_hash(hash, note_kinds[kind], strlen(note_kinds[kind]) + 1);
    hash = alarms_hash(hash, alarm_state_names[from], strlen(alarm_state_names[from]));
    hash = alarms_hash(hash, &time, sizeof time);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

static struct pl_batch *event_batch(struct alarms *s, struct pl_node *node, uint32_t body) {
    bool full = s->out && (s->out->rows == s->out->capacity || body > s->out->heap_capacity[0] - s->out->heap_used[0]);
    if (full && !hand_on(s, node, NULL, NULL)) return NULL;
    if (!s->out) s->out = pl_node_batch(node, PL_EVENTS, EVENT_ROWS, EVENT_HEAP);
    return s->out;
}

struct event {
    unsigned kind;
    enum alarm_state from;
    pl_time time;
    const char *alarm;
    uint16_t severity;
    uint32_t asset, tag;
};

/* One more row, with the body at hand. A body may need the room in `body` again when the batch is full, so it is
 * copied behind the check. */
static bool add_event(struct alarms *s, struct pl_node *node, const struct event *event) {
    uint32_t size = (uint32_t)pl_pack_size(s->body);
    if (pl_pack_failed(s->body) || size > EVENT_HEAP) return false;
    void *bytes = pl_alloc(size);
    if (bytes) memcpy(bytes, pl_pack_data(s->body), size);
    struct pl_batch *out = bytes ? event_batch(s, node, size) : NULL;
    bool good = out && pl_batch_heap(out, 0, bytes, size);
    pl_free(bytes);
    if (!good) return false;
    uint32_t i = out->rows++;
    out->events.time[i] = event->time;
    out->events.id[i] = event_id(node, event->alarm, event->kind, event->from, event->time);
    out->events.kind[i] = s->kind[event->kind];
    out->events.severity[i] = event->severity;
    out->events.asset[i] = event->asset;
    out->events.tag[i] = event->tag;
    out->events.end[i] = out->heap_used[0];
    return true;
}

static void pack_time(struct pl_pack *pack, const char *key, pl_time time, bool there) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(pack, key);
    if (there)
        pl_pack_strn(pack, text, (size_t)(pl_text_put_time(text, time) - text));
    else
        pl_pack_nil(pack);
}

static void pack_definition(struct pl_pack *body, const struct definition *d) {
    pl_pack_str(body, "defined");
    pl_pack_bool(body, d != NULL);
    pl_pack_pair_str(body, "consequence", d ? d->consequence : "");
    pl_pack_pair_str(body, "action", d ? d->action : "");
    pl_pack_pair_f64(body, "respond", d ? (double)d->respond / (double)PL_SECOND : __builtin_nan(""));
    pl_pack_pair_str(body, "class", d ? d->class : "");
    pl_pack_pair_str(body, "owner", d ? d->owner : "");
}

static void pack_alarm(struct pl_pack *body, const char *id, const struct alarm *a, enum alarm_state from,
                       const struct definition *definition) {
    pl_pack_reset(body);
    pl_pack_map(body, 18);
    pl_pack_pair_str(body, "alarm", id);
    pl_pack_pair_str(body, "state", alarm_state_names[alarm_state(a)]);
    pl_pack_pair_str(body, "from", alarm_state_names[from]);
    pl_pack_pair_str(body, "priority", alarm_priority_names[definition_priority(definition)]);
    pl_pack_str(body, "rule");
    pl_pack_strn(body, id, a->rule_length);
    pl_pack_pair_str(body, "message", a->message);
    pl_pack_pair_f64(body, "value", a->value);
    pl_pack_pair_f64(body, "limit", a->limit);
    pl_pack_pair_str(body, "user", a->user);
    pl_pack_pair_str(body, "reason", a->reason);
    pack_time(body, "raised", a->raised, a->raised != 0);
    pack_time(body, "until", a->until, a->shelved);
    pack_definition(body, definition);
}

bool tell_alarm(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm, unsigned kind,
                enum alarm_state from, pl_time time) {
    const char *name = pl_tags_get(pl_node_tags(node), id)->name;
    const struct definition *definition = definition_of(s, node, id, alarm);
    struct alarm_side *side = list_side(s, node, id);
    if (!side) return false;
    pack_alarm(s->body, name, alarm, from, definition);
    struct event event = {.kind = kind,
                          .from = from,
                          .time = time,
                          .alarm = name,
                          .severity = severities[definition_priority(definition)],
                          .asset = side->asset,
                          .tag = side->tag};
    return add_event(s, node, &event);
}

bool tell_rate(struct alarms *s, struct pl_node *node, unsigned kind, const struct rate_watch *watch, pl_time time) {
    pl_pack_reset(s->body);
    pl_pack_map(s->body, 4);
    pl_pack_pair_int(s->body, "count", (int64_t)watch->count);
    pl_pack_pair_int(s->body, "limit", watch->limit);
    pl_pack_pair_f64(s->body, "window", (double)watch->window / (double)PL_SECOND);
    pack_time(s->body, "since", watch->since, true);
    bool over = kind == NOTE_FLOOD || kind == NOTE_OVER_BUDGET;
    struct event event = {.kind = kind,
                          .from = ALARM_NORMAL,
                          .time = time,
                          .alarm = "",
                          .severity = severities[over ? PRIORITY_HIGH : PRIORITY_LOW]};
    return add_event(s, node, &event);
}
