/* incoming.c: an event, as the list of alarms sees it.
 *
 *     kind ends in .raised, .high, .low and the body has `rule`      the condition of rule@place holds
 *     kind ends in .cleared and the body has `rule`                  it does not any more
 *     a kind that a definition names                                 an alarm of that kind, until `until` or at once
 */
#include <string.h>

#include "alarms.h"

enum effect { EFFECT_NONE, EFFECT_RAISE, EFFECT_CLEAR, EFFECT_PULSE };

struct text {
    const char *at;
    size_t length;
};

struct incoming {
    pl_time time;
    uint64_t event;
    const char *kind;
    bool has_rule;
    struct text rule, message;
    double value, limit;
    enum effect effect;
    struct text name;  /* the rule, or the kind */
    struct text place; /* a tag, an asset, or who said it */
    enum alarm_place at;
    uint32_t asset, tag;
};

static bool is(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

/* What a body says; one that is no map says nothing. */
static void read_body(struct incoming *in, const void *bytes, uint32_t size) {
    struct pl_unpack unpack;
    uint32_t pairs = 0;
    pl_unpack_init(&unpack, bytes, size);
    pl_unpack_map(&unpack, &pairs);
    for (uint32_t i = 0; i < pairs && !unpack.failed; i++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(&unpack, &key, &length)) return;
        struct pl_unpack value = unpack; /* a value of another type is passed over */
        if (is(key, length, "rule"))
            in->has_rule = pl_unpack_str(&value, &in->rule.at, &in->rule.length);
        else if (is(key, length, "message") && !pl_unpack_str(&value, &in->message.at, &in->message.length))
            in->message = (struct text){"", 0};
        else if (is(key, length, "value") && !pl_unpack_f64(&value, &in->value))
            in->value = __builtin_nan("");
        else if (is(key, length, "limit") && !pl_unpack_f64(&value, &in->limit))
            in->limit = __builtin_nan("");
        if (!pl_unpack_skip(&unpack)) return;
    }
}

static enum effect effect_of(const char *kind) {
    const char *end = strrchr(kind, '.');
    if (!end) return EFFECT_NONE;
    if (strcmp(end, ".cleared") == 0) return EFFECT_CLEAR;
    return strcmp(end, ".raised") == 0 || strcmp(end, ".high") == 0 || strcmp(end, ".low") == 0 ? EFFECT_RAISE
                                                                                                : EFFECT_NONE;
}

static void find_place(struct incoming *in, struct pl_tags *tags, uint32_t source) {
    const struct pl_tag *place = pl_tags_get(tags, in->tag ? in->tag : in->asset ? in->asset : source);
    in->at = in->tag ? ALARM_AT_TAG : in->asset ? ALARM_AT_ASSET : ALARM_AT_NODE;
    in->place = (struct text){place->name, place->length};
    if (in->at == ALARM_AT_NODE && in->has_rule && in->effect == EFFECT_NONE) in->place = in->rule;
}

/* An event without a rule: the definition that names its kind, or that it ends. */
static void find_other(struct incoming *in, const struct alarms *s) {
    const struct definition *definitions = s->definitions.items;
    char place[PL_NAME_MAX + 1];
    alarm_text(place, sizeof place, in->place.at, in->place.length);
    in->name = (struct text){in->kind, strlen(in->kind)};
    const struct definition *found = definition_find(s, in->kind, in->name.length, place);
    if (found) in->effect = *found->until ? EFFECT_RAISE : EFFECT_PULSE;
    for (uint32_t i = 0; !found && i < s->definitions.count && in->effect == EFFECT_NONE; i++) {
        const struct definition *d = &definitions[i];
        if (!*d->until || !pl_glob(d->until, in->kind)) continue;
        in->name = (struct text){d->match, strlen(d->match)};
        in->effect = EFFECT_CLEAR;
    }
}

static void read_event(struct incoming *in, const struct alarms *s, struct pl_tags *tags, const struct pl_batch *batch,
                       uint32_t row) {
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    const struct pl_events *events = &batch->events;
    *in = (struct incoming){.time = events->time[row],
                            .event = events->id[row],
                            .kind = pl_tags_get(tags, events->kind[row])->name,
                            .message = {"", 0},
                            .value = __builtin_nan(""),
                            .limit = __builtin_nan(""),
                            .tag = events->tag[row],
                            .asset = events->asset[row]};
    if (size) read_body(in, body, size);
    if (in->has_rule) in->effect = effect_of(in->kind);
    find_place(in, tags, batch->source);
    if (in->effect == EFFECT_NONE) {
        find_other(in, s);
        return;
    }
    in->name = in->rule;
    if (in->rule.length == 0) /* a rule without a name goes by what told of it: "threshold" */
        in->name = (struct text){in->kind, (size_t)(strrchr(in->kind, '.') - in->kind)};
}

/* ---- Which alarm it is ---- */

/* "rule@place"; where that is no name (too long, control characters), a hash of it stands for the rule. */
static size_t make_id(const struct incoming *in, bool plain, char id[PL_NAME_MAX + 1], uint8_t *rule_length) {
    struct text name = in->name, place = in->place;
    char hashed[32];
    if (!plain) {
        uint64_t hash = alarms_hash(ALARMS_HASH_START, name.at, name.length);
        hash = alarms_hash(hash, place.at, place.length);
        name.length = (size_t)snprintf(hashed, sizeof hashed, "rule-%016llx", (unsigned long long)hash);
        name.at = hashed;
        if (place.length > PL_NAME_MAX - 32) place.length = 0;
    }
    if (name.length + 1 + place.length > PL_NAME_MAX) return 0;
    memcpy(id, name.at, name.length);
    id[name.length] = '@';
    if (place.length) memcpy(id + name.length + 1, place.at, place.length);
    *rule_length = (uint8_t)name.length;
    return name.length + 1 + place.length;
}

static uint32_t id_of(const struct incoming *in, struct pl_tags *tags, bool enter, uint8_t *rule_length) {
    uint32_t id = PL_NO_ID;
    char text[PL_NAME_MAX + 1];
    for (int plain = 1; plain >= 0 && id == PL_NO_ID; plain--) {
        size_t length = make_id(in, plain, text, rule_length);
        if (length) id = enter ? pl_tags_intern(tags, text, length) : pl_tags_find(tags, text, length);
    }
    return id;
}

static struct alarm *find_alarm(struct alarms *s, struct pl_node *node, const struct incoming *in, uint32_t *id) {
    uint8_t rule_length;
    *id = id_of(in, pl_node_tags(node), in->effect != EFFECT_CLEAR, &rule_length);
    if (*id == PL_NO_ID) return NULL;
    if (list_find(node, *id)) return list_get(node, *id);
    if (in->effect == EFFECT_CLEAR) return NULL;
    struct alarm *alarm = list_add(s, node, *id);
    if (!alarm) return NULL;
    alarm->rule_length = rule_length;
    alarm->place = (uint8_t)in->at;
    alarm->step = (uint64_t)in->time ^ UINT64_C(1) << 63; /* later ones of this name go on higher */
    if (!definition_of(s, node, *id, alarm)) {
        pl_count(node, COUNT_UNDEFINED, 1);
        pl_node_diag(node, PL_WARN, "alarm %s has no definition: it is listed with priority low",
                     pl_tags_get(pl_node_tags(node), *id)->name);
    }
    return alarm;
}

/* What is late, or comes twice, changes nothing. */
static bool is_repeated(const struct incoming *in, const struct alarm *alarm) {
    return in->time < alarm->seen || (in->time == alarm->seen && in->event == alarm->seen_id);
}

bool incoming_take(struct alarms *s, struct pl_node *node, const struct pl_batch *batch, uint32_t row) {
    struct incoming in;
    uint32_t id;
    read_event(&in, s, pl_node_tags(node), batch, row);
    if (in.time > s->latest) s->latest = in.time;
    if (!decisions_reach(s, node, in.time)) return false;
    struct alarm *alarm = in.effect == EFFECT_NONE ? NULL : find_alarm(s, node, &in, &id);
    if (!alarm) {
        pl_count(node, COUNT_IGNORED, 1);
        return true;
    }
    if (is_repeated(&in, alarm)) {
        pl_count(node, COUNT_REPEATED, 1);
        return true;
    }
    /* What was due by then tells what held until then. */
    if (!step_settle(s, node, id, alarm, in.time) || !(alarm = list_get(node, id))) return false;
    alarm->seen = in.time;
    alarm->seen_id = in.event;
    alarm->value = in.value;
    alarm->limit = in.limit;
    if (in.effect != EFFECT_CLEAR) alarm_text(alarm->message, sizeof alarm->message, in.message.at, in.message.length);
    bool good = step_condition(s, node, id, in.time, in.effect != EFFECT_CLEAR);
    if (good && in.effect == EFFECT_PULSE) good = step_condition(s, node, id, in.time, false);
    return good && decisions_step(s, node, id, list_get(node, id));
}
