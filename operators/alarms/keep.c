/* keep.c: an alarm that people have decided about as a kept value: a map, so that a later version may add to it. */
#include <potline/alloc.h>
#include <stddef.h>
#include <string.h>

#include "alarms.h"

enum type { TIME, COUNT, NUMBER, FLAG, BYTE, TEXT, ACTION };

struct field {
    const char *key;
    enum type type;
    size_t offset, size;
};

#define FIELD(record, name, type)                                                                                      \
    { #name, type, offsetof(struct record, name), sizeof(((struct record *)0)->name) }
#define OF_ALARM(name, type) FIELD(alarm, name, type)
#define OF_DECISION(name, type) FIELD(decision, name, type)

static const struct field alarm_fields[] = {
    OF_ALARM(since, TIME),          OF_ALARM(raised, TIME),    OF_ALARM(changed, TIME),
    OF_ALARM(until, TIME),          OF_ALARM(value, NUMBER),   OF_ALARM(limit, NUMBER),
    OF_ALARM(activations, COUNT),   OF_ALARM(step, COUNT),     OF_ALARM(rule_length, BYTE),
    OF_ALARM(place, BYTE),          OF_ALARM(condition, FLAG), OF_ALARM(active, FLAG),
    OF_ALARM(unacknowledged, FLAG), OF_ALARM(latched, FLAG),   OF_ALARM(shelved, FLAG),
    OF_ALARM(suppressed, FLAG),     OF_ALARM(stale, FLAG),     OF_ALARM(out_of_service, FLAG),
    OF_ALARM(overdue, FLAG),        OF_ALARM(user, TEXT),      OF_ALARM(reason, TEXT),
    OF_ALARM(message, TEXT),
};
static const struct field decision_fields[] = {
    OF_DECISION(stamp, COUNT), OF_DECISION(step, COUNT),   OF_DECISION(action, ACTION),
    OF_DECISION(given, TIME),  OF_DECISION(reached, TIME), OF_DECISION(raised, TIME),
    OF_DECISION(until, TIME),  OF_DECISION(user, TEXT),    OF_DECISION(reason, TEXT),
};

/* ---- Out ---- */

static void pack_fields(const struct field *fields, unsigned count, const void *record, struct pl_pack *pack) {
    for (unsigned i = 0; i < count; i++) {
        const void *at = (const char *)record + fields[i].offset;
        pl_pack_str(pack, fields[i].key);
        switch (fields[i].type) {
        case TIME: pl_pack_int(pack, *(const pl_time *)at); break;
        case COUNT: pl_pack_uint(pack, *(const uint64_t *)at); break;
        case NUMBER: pl_pack_f64(pack, *(const double *)at); break;
        case FLAG: pl_pack_bool(pack, *(const bool *)at); break;
        case BYTE: pl_pack_int(pack, *(const uint8_t *)at); break;
        case TEXT: pl_pack_str(pack, at); break;
        case ACTION: pl_pack_str(pack, alarm_action_names[*(const uint64_t *)at]); break;
        }
    }
}

static void pack_entry(const struct decided *entry, struct pl_pack *pack) {
    pl_pack_reset(pack);
    pl_pack_map(pack, PL_COUNT_OF(alarm_fields) + 2);
    pack_fields(alarm_fields, PL_COUNT_OF(alarm_fields), &entry->image, pack);
    pl_pack_pair_int(pack, "reached", entry->reached);
    pl_pack_str(pack, "decisions");
    pl_pack_array(pack, entry->count);
    for (uint32_t i = 0; i < entry->count; i++) {
        pl_pack_map(pack, PL_COUNT_OF(decision_fields));
        pack_fields(decision_fields, PL_COUNT_OF(decision_fields), &entry->items[i], pack);
    }
}

/* What has come to an end, and is part of a checkpoint, is kept no longer. */
static enum pl_code flush_one(struct alarms *s, struct pl_node *node, struct decided *entry, struct pl_error **error) {
    const char *name = pl_tags_get(pl_node_tags(node), entry->id)->name;
    const struct alarm *alarm = list_find(node, entry->id);
    entry->dirty = false;
    entry->unneeded = entry->count == 0 && !(alarm && alarm_stands(alarm));
    if (entry->unneeded) return pl_kept_drop(node, name, error);
    if (!decided_waits(entry)) {
        entry->image = alarm ? *alarm : (struct alarm){0};
        entry->reached = s->reached;
    }
    pack_entry(entry, s->body);
    return pl_kept_put(node, name, s->body, error);
}

enum pl_code keep_flush(struct alarms *s, struct pl_node *node, struct pl_error **error) {
    enum pl_code first = PL_OK;
    if (!s->dirty) return PL_OK;
    s->dirty = s->unkept = false;
    for (uint32_t i = 0; i < s->decided_count; i++) {
        struct decided *entry = s->decided[i];
        if (!entry->dirty) continue;
        enum pl_code code = flush_one(s, node, entry, first ? NULL : error);
        if (!first) first = code;
        if (!code) continue;
        pl_count(node, COUNT_UNKEPT, 1);
        entry->dirty = s->unkept = true;
        entry->unneeded = false;
    }
    return first;
}

/* ---- In ---- */

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
    case ACTION:
        if (!pl_unpack_str(unpack, &text, &length)) return false;
        for (uint64_t i = 0; i < ACTIONS; i++) {
            *(uint64_t *)(void *)at = i;
            if (strlen(alarm_action_names[i]) == length && memcmp(alarm_action_names[i], text, length) == 0)
                return true;
        }
        return false;
    }
    return false;
}

static bool is(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

static bool unpack_pair(const struct field *fields, unsigned count, void *record, const char *key, size_t length,
                        struct pl_unpack *unpack) {
    for (unsigned i = 0; i < count; i++)
        if (is(key, length, fields[i].key)) return unpack_field(&fields[i], (char *)record + fields[i].offset, unpack);
    return pl_unpack_skip(unpack);
}

static bool unpack_decision(struct decision *decision, struct pl_unpack *unpack) {
    uint32_t pairs;
    bool good = pl_unpack_map(unpack, &pairs);
    for (uint32_t i = 0; good && i < pairs; i++) {
        const char *key;
        size_t length;
        good = pl_unpack_str(unpack, &key, &length) &&
               unpack_pair(decision_fields, PL_COUNT_OF(decision_fields), decision, key, length, unpack);
    }
    return good;
}

static bool unpack_decisions(struct decided *entry, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > DECISIONS_MAX) return false;
    entry->items = pl_alloc((count + 1) * sizeof *entry->items);
    for (uint32_t i = 0; entry->items && i < count; i++, entry->count++)
        if (!unpack_decision(&entry->items[i], unpack)) return false;
    return entry->items != NULL;
}

static bool unpack_entry(struct decided *entry, struct pl_unpack *unpack) {
    uint32_t pairs;
    if (entry->items || !pl_unpack_map(unpack, &pairs)) return false;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *key;
        size_t length;
        bool good = pl_unpack_str(unpack, &key, &length);
        if (good && is(key, length, "decisions"))
            good = !entry->items && unpack_decisions(entry, unpack);
        else if (good && is(key, length, "reached"))
            good = pl_unpack_int(unpack, &entry->reached);
        else if (good)
            good = unpack_pair(alarm_fields, PL_COUNT_OF(alarm_fields), &entry->image, key, length, unpack);
        if (!good) return false;
    }
    return true;
}

struct load {
    struct alarms *s;
    struct pl_node *node;
};

static enum pl_code load_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct load *load = arg;
    struct alarms *s = load->s;
    uint32_t id = pl_tags_intern(pl_node_tags(load->node), key, strlen(key));
    if (id == PL_NO_ID) return pl_error_set(error, PL_LIMIT, "alarm %s: no room for it; raise max_tags", key);
    struct decided *entry = decided_get(s, load->node, id);
    if (!entry) return pl_error_set(error, PL_NO_MEMORY, "alarms: no memory");
    if (!unpack_entry(entry, value)) return pl_error_set(error, PL_CORRUPT, "alarm %s: what was kept is damaged", key);
    entry->image_waits = alarm_stands(&entry->image);
    if (entry->image.rule_length > strlen(key) || entry->image.place > ALARM_AT_NODE)
        return pl_error_set(error, PL_CORRUPT, "alarm %s: what was kept is damaged", key);
    if (entry->count && entry->items[entry->count - 1].stamp > s->stamp)
        s->stamp = entry->items[entry->count - 1].stamp;
    return PL_OK;
}

enum pl_code keep_load(struct alarms *s, struct pl_node *node, struct pl_error **error) {
    struct load load = {.s = s, .node = node};
    return pl_kept_each(node, load_one, &load, error);
}
