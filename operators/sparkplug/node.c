#include "node.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>

static bool add_device(struct pl__node *n, const char *name) {
    if (n->device_count == n->device_room) {
        uint32_t room = n->device_room ? 2 * n->device_room : 16;
        struct pl__node_device *grown = pl_realloc(n->device, room * sizeof *grown);
        if (!grown) return false;
        n->device = grown;
        n->device_room = room;
    }
    char *copy = pl_strdup(name);
    if (!copy) return false;
    n->device[n->device_count++] = (struct pl__node_device){.name = copy};
    return true;
}

bool pl__node_init(struct pl__node *node) {
    return add_device(node, "");
}

void pl__node_fini(struct pl__node *n) {
    for (uint32_t i = 0; i < n->count; i++)
        pl_free(n->metric[i].name);
    for (uint32_t i = 0; i < n->device_count; i++)
        pl_free(n->device[i].name);
    pl_free(n->metric);
    pl_free(n->device);
    pl_free(n->of_tag);
    pl__bytes_fini(&n->bytes);
    *n = (struct pl__node){.count = 0};
}

/* ---- Metrics ---- */

enum found { FOUND, NOT_ONE, NO_MEMORY };

static bool knows_tag(struct pl__node *n, uint32_t tag) {
    if (tag < n->tag_room) return true;
    uint32_t room = 2 * (tag + 32);
    uint32_t *grown = pl_realloc(n->of_tag, room * sizeof *grown);
    if (!grown) return false;
    memset(grown + n->tag_room, 0, (room - n->tag_room) * sizeof *grown);
    n->of_tag = grown;
    n->tag_room = room;
    return true;
}

static enum found device_named(struct pl__node *n, const char *name, uint32_t *index) {
    for (*index = 0; *index < n->device_count; ++*index)
        if (strcmp(n->device[*index].name, name) == 0) return FOUND;
    if (n->device_count == PL__NODE_DEVICES_MAX) return NOT_ONE;
    return add_device(n, name) ? FOUND : NO_MEMORY;
}

static enum found enter(struct pl__node *n, uint32_t tag, uint32_t *alias) {
    char device[PL__SP_TOPIC_MAX + 1] = "", metric[PL__SP_TOPIC_MAX + 1];
    const char *name = pl_tags_get(n->tags, tag)->name;
    uint32_t index;
    if (n->count == PL__NODE_METRICS_MAX || !pl_mqtt_naming_of(&n->metric_naming, name, "samples", metric))
        return NOT_ONE;
    if (*n->device_naming.template &&
        (!pl_mqtt_naming_of(&n->device_naming, name, "samples", device) || !pl__sp_name_is_good(device)))
        return NOT_ONE;
    enum found found = device_named(n, device, &index);
    if (found != FOUND) return found;
    if (n->count == n->room) {
        uint32_t room = n->room ? 2 * n->room : 64;
        struct pl__node_metric *grown = pl_realloc(n->metric, room * sizeof *grown);
        if (!grown) return NO_MEMORY;
        n->metric = grown;
        n->room = room;
    }
    char *copy = pl_strdup(metric);
    if (!copy) return NO_MEMORY;
    *alias = n->count++;
    n->metric[*alias] = (struct pl__node_metric){.tag = tag, .device = index, .name = copy, .value = NAN};
    n->device[index].born = false; /* it has more than it said */
    return FOUND;
}

static enum found alias_of(struct pl__node *n, uint32_t tag, uint32_t *alias) {
    if (!knows_tag(n, tag)) return NO_MEMORY;
    if (n->of_tag[tag] == UINT32_MAX) return NOT_ONE;
    if (n->of_tag[tag]) {
        *alias = n->of_tag[tag] - 1;
        return FOUND;
    }
    enum found found = enter(n, tag, alias);
    if (found == FOUND) n->of_tag[tag] = *alias + 1;
    if (found == NOT_ONE) n->of_tag[tag] = UINT32_MAX;
    return found;
}

/* ---- Messages ---- */

static uint32_t quality_of(uint16_t quality) {
    if (pl_quality_bad(quality)) return PL__SP_BAD;
    return quality & PL_Q_UNCERTAIN ? PL__SP_STALE : PL__SP_GOOD;
}

static bool publish(struct pl__node *n, enum pl__sp_message type, const char *device) {
    char topic[PL__SP_TOPIC_MAX + 1];
    if (n->bytes.failed || !pl__sp_topic_put(topic, n->group, type, n->edge, *device ? device : NULL) ||
        !n->send(n->user, topic, n->bytes.data, n->bytes.size))
        return false;
    n->seq++;
    return true;
}

static void put_birth_of(struct pl__node *n, uint32_t device, pl_time now) {
    for (uint32_t i = 0; i < n->count; i++) {
        const struct pl__node_metric *m = &n->metric[i];
        if (m->device != device) continue;
        const struct pl_tag *tag = pl_tags_get(n->tags, m->tag);
        struct pl__outgoing out = {.name = m->name,
                                   .has_alias = true,
                                   .alias = i,
                                   .time = m->any ? m->time : now,
                                   .type = PL__SP_DOUBLE,
                                   .value = m->value,
                                   .has_quality = m->any,
                                   .quality = quality_of(m->quality),
                                   .unit = tag->unit,
                                   .low = tag->low,
                                   .high = tag->high};
        pl__put_metric(&n->bytes, &out);
    }
}

static bool device_birth(struct pl__node *n, uint32_t device, pl_time now) {
    if (device == 0) return true; /* the node's own: with the node's birth */
    pl__put_payload(&n->bytes, now, n->seq);
    put_birth_of(n, device, now);
    n->births++;
    n->device[device].born = publish(n, PL__DBIRTH, n->device[device].name);
    return n->device[device].born;
}

static void put_bd(struct pl__node *n, pl_time now) {
    struct pl__outgoing bd = {.name = "bdSeq", .time = now, .type = PL__SP_INT64, .value = n->bd};
    pl__put_metric(&n->bytes, &bd);
}

bool pl__node_death(struct pl__node *n, pl_time now, char topic[PL__SP_TOPIC_MAX + 1]) {
    pl__put_payload(&n->bytes, now, -1);
    put_bd(n, now);
    return !n->bytes.failed && pl__sp_topic_put(topic, n->group, PL__NDEATH, n->edge, NULL);
}

bool pl__node_birth(struct pl__node *n, pl_time now) {
    n->seq = 0;
    n->births++;
    pl__put_payload(&n->bytes, now, 0);
    put_bd(n, now);
    struct pl__outgoing control = {.name = "Node Control/Rebirth", .time = now, .type = PL__SP_BOOLEAN, .value = 0};
    pl__put_metric(&n->bytes, &control);
    put_birth_of(n, 0, now);
    n->born = n->device[0].born = publish(n, PL__NBIRTH, "");
    for (uint32_t i = 1; i < n->device_count; i++)
        if (n->born) n->born = device_birth(n, i, now);
    return n->born;
}

void pl__node_lost(struct pl__node *n) {
    n->born = false;
    for (uint32_t i = 0; i < n->device_count; i++)
        n->device[i].born = false;
}

/* ---- Data ---- */

static void note(struct pl__node_metric *m, const struct pl_samples *s, uint32_t row) {
    m->value = s->value[row];
    m->time = s->time[row];
    m->quality = s->quality[row];
    m->any = true;
}

/* Which devices have rows; the aliases stand in of_tag. A birth says what there was before, or the first there is, so
 * that times go forward. */
static bool look_at(struct pl__node *n, const struct pl_batch *batch, uint32_t from, uint32_t to) {
    const struct pl_samples *s = &batch->samples;
    for (uint32_t i = from; i < to; i++) {
        uint32_t alias = 0;
        enum found found = alias_of(n, s->tag[i], &alias);
        if (found == NO_MEMORY) return false;
        n->unfit += found == NOT_ONE;
        if (found != FOUND) continue;
        struct pl__node_metric *m = &n->metric[alias];
        n->device[m->device].at_hand = true;
        if (!m->any) note(m, s, i);
    }
    return true;
}

static bool births_due(struct pl__node *n, pl_time now) {
    if (n->device[0].at_hand && !n->device[0].born) return pl__node_birth(n, now);
    for (uint32_t i = 1; i < n->device_count; i++)
        if (n->device[i].at_hand && !n->device[i].born && !device_birth(n, i, now)) return false;
    return true;
}

static bool device_data(struct pl__node *n, uint32_t device, const struct pl_batch *batch, uint32_t from, uint32_t to,
                        bool historical, pl_time now) {
    const struct pl_samples *s = &batch->samples;
    pl__put_payload(&n->bytes, now, n->seq);
    for (uint32_t i = from; i < to; i++) {
        uint32_t alias = n->of_tag[s->tag[i]] - 1;
        if (alias >= n->count || n->metric[alias].device != device) continue;
        if (s->time[i] >= n->metric[alias].time) note(&n->metric[alias], s, i);
        struct pl__outgoing out = {.has_alias = true,
                                   .alias = alias,
                                   .time = s->time[i],
                                   .type = PL__SP_DOUBLE,
                                   .value = s->value[i],
                                   .historical = historical,
                                   .has_quality = s->quality[i] != 0,
                                   .quality = quality_of(s->quality[i])};
        pl__put_metric(&n->bytes, &out);
    }
    return publish(n, device ? PL__DDATA : PL__NDATA, n->device[device].name);
}

bool pl__node_data(struct pl__node *n, const struct pl_batch *batch, uint32_t from, uint32_t to, bool historical,
                   pl_time now) {
    for (uint32_t i = 0; i < n->device_count; i++)
        n->device[i].at_hand = false;
    bool ok = look_at(n, batch, from, to) && births_due(n, now);
    for (uint32_t i = 0; i < n->device_count && ok; i++)
        if (n->device[i].at_hand) ok = device_data(n, i, batch, from, to, historical, now);
    return ok;
}
