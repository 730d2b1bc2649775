/* keep.c: an alarm as a kept value: a map of what must survive, so that a later version may add to it. */
#include <stddef.h>
#include <string.h>

#include "alarms.h"

enum type { TIME, COUNT, NUMBER, FLAG, BYTE, TEXT };

static const struct field {
    const char *key;
    enum type type;
    size_t offset, size;
} fields[] = {
#define FIELD(name, type)                                                                                              \
    { #name, type, offsetof(struct alarm, name), sizeof(((struct alarm *)0)->name) }
    FIELD(seen, TIME),         FIELD(seen_id, COUNT),       FIELD(since, TIME),      FIELD(raised, TIME),
    FIELD(changed, TIME),      FIELD(until, TIME),          FIELD(value, NUMBER),    FIELD(limit, NUMBER),
    FIELD(activations, COUNT), FIELD(rule_length, BYTE),    FIELD(place, BYTE),      FIELD(condition, FLAG),
    FIELD(active, FLAG),       FIELD(unacknowledged, FLAG), FIELD(latched, FLAG),    FIELD(shelved, FLAG),
    FIELD(suppressed, FLAG),   FIELD(out_of_service, FLAG), FIELD(chattering, FLAG), FIELD(stale, FLAG),
    FIELD(overdue, FLAG),      FIELD(user, TEXT),           FIELD(reason, TEXT),     FIELD(message, TEXT),
#undef FIELD
};

static void pack_field(const struct field *field, const char *at, struct pl_pack *pack) {
    pl_pack_str(pack, field->key);
    switch (field->type) {
    case TIME: pl_pack_int(pack, *(const pl_time *)(const void *)at); break;
    case COUNT: pl_pack_uint(pack, *(const uint64_t *)(const void *)at); break;
    case NUMBER: pl_pack_f64(pack, *(const double *)(const void *)at); break;
    case FLAG: pl_pack_bool(pack, *(const bool *)at); break;
    case BYTE: pl_pack_int(pack, *(const uint8_t *)at); break;
    case TEXT: pl_pack_str(pack, at); break;
    }
}

void keep_pack(const struct alarm *alarm, struct pl_pack *pack) {
    pl_pack_map(pack, PL_COUNT_OF(fields));
    for (unsigned i = 0; i < PL_COUNT_OF(fields); i++)
        pack_field(&fields[i], (const char *)alarm + fields[i].offset, pack);
}

static bool unpack_field(const struct field *field, char *at, struct pl_unpack *unpack) {
    int64_t integer;
    const char *text;
    size_t length;
    switch (field->type) {
    case TIME: return pl_unpack_int(unpack, (pl_time *)(void *)at);
    case COUNT: return pl_unpack_uint(unpack, (uint64_t *)(void *)at);
    case NUMBER: return pl_unpack_f64(unpack, (double *)(void *)at);
    case FLAG: return pl_unpack_bool(unpack, (bool *)at);
    case BYTE:
        if (!pl_unpack_int(unpack, &integer) || integer < 0 || integer > UINT8_MAX) return false;
        *(uint8_t *)at = (uint8_t)integer;
        return true;
    case TEXT:
        if (!pl_unpack_str(unpack, &text, &length)) return false;
        alarm_text(at, field->size, text, length);
        return true;
    }
    return false;
}

static const struct field *field_named(const char *key, size_t length) {
    for (unsigned i = 0; i < PL_COUNT_OF(fields); i++)
        if (strlen(fields[i].key) == length && memcmp(fields[i].key, key, length) == 0) return &fields[i];
    return NULL;
}

bool keep_unpack(struct alarm *alarm, struct pl_unpack *unpack) {
    uint32_t pairs;
    *alarm = (struct alarm){.seen = PL_TIME_MIN};
    if (!pl_unpack_map(unpack, &pairs)) return false;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(unpack, &key, &length)) return false;
        const struct field *field = field_named(key, length);
        if (!(field ? unpack_field(field, (char *)alarm + field->offset, unpack) : pl_unpack_skip(unpack)))
            return false;
    }
    return true;
}

/* ---- Into the list ---- */

struct load {
    struct alarms *s;
    struct pl_node *node;
    bool confirmed;
};

/* The ids behind its place, as far as they are known. */
static void find_place(struct pl_tags *tags, const char *id, const struct alarm *alarm, struct alarm_side *side) {
    const char *place = alarm_place_of(id, alarm);
    uint32_t found = alarm->place == ALARM_AT_NODE ? 0 : pl_tags_intern(tags, place, strlen(place));
    if (found == PL_NO_ID) found = 0;
    side->tag = alarm->place == ALARM_AT_TAG ? found : 0;
    side->asset = alarm->place == ALARM_AT_TAG ? pl_tags_get(tags, found)->asset : found;
}

static enum pl_code load_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct load *load = arg;
    struct pl_tags *tags = pl_node_tags(load->node);
    struct alarm kept;
    if (!keep_unpack(&kept, value)) return pl_error_set(error, PL_CORRUPT, "alarm %s: what was kept is damaged", key);
    uint32_t id = pl_tags_intern(tags, key, strlen(key));
    struct alarm *alarm = id == PL_NO_ID ? NULL : list_get(load->node, id);
    if (!alarm) return pl_error_set(error, PL_LIMIT, "alarm %s: no room for it; raise max_tags or max_keys", key);
    *alarm = kept;
    alarm->unconfirmed = alarm->active && !load->confirmed;
    struct alarm_side *side = list_side(load->s, load->node, id);
    if (!side) return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory");
    find_place(tags, key, alarm, side);
    step_arm(load->s, load->node, id, alarm);
    return PL_OK;
}

enum pl_code keep_load(struct alarms *s, struct pl_node *node, bool confirmed, struct pl_error **error) {
    struct load load = {.s = s, .node = node, .confirmed = confirmed};
    return pl_kept_each(node, load_one, &load, error);
}
