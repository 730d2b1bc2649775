/* take.c: an event to the notifications that come of it. */
#include <potline/alloc.h>
#include <string.h>

#include "notify.h"

struct event {
    const char *kind, *tag, *asset;
    uint64_t id;
    pl_time time;
    unsigned severity;
    const void *body;
    uint32_t size;
    char subject[PL_NAME_MAX + 1]; /* what it is about: an alarm, a scope, a tag, an asset */
    uint32_t name;
};

static bool body_text(const struct event *event, const char *key, char *to, size_t room) {
    const char *text;
    size_t length;
    if (!pl_unpack_text(event->body, event->size, key, &text, &length) || length == 0 || length >= room) return false;
    memcpy(to, text, length);
    to[length] = 0;
    return true;
}

static void find_subject(struct notify *s, struct event *event) {
    bool said = body_text(event, "alarm", event->subject, sizeof event->subject) ||
                body_text(event, "scope", event->subject, sizeof event->subject);
    const char *otherwise = *event->tag ? event->tag : *event->asset ? event->asset : event->kind;
    if (!said) pl_text_copy(event->subject, sizeof event->subject, otherwise, strlen(otherwise));
    event->name = outbox_name(s, event->subject);
    if (event->name == PL_NO_ID) event->name = outbox_name(s, otherwise);
    if (event->name == PL_NO_ID) event->name = 0; /* there is no room for names: all are one subject then */
}

static struct event event_of(struct notify *s, const struct pl_batch *batch, uint32_t row) {
    const struct pl_tags *tags = pl_node_tags(s->node);
    struct event event = {.kind = pl_tags_get(tags, batch->events.kind[row])->name,
                          .tag = pl_tags_get(tags, batch->events.tag[row])->name,
                          .asset = pl_tags_get(tags, batch->events.asset[row])->name,
                          .id = batch->events.id[row],
                          .time = batch->events.time[row],
                          .severity = batch->events.severity[row]};
    event.body = pl_batch_heap_row(batch, 0, row, &event.size);
    find_subject(s, &event);
    return event;
}

static bool fits_one(const struct pl_strings *patterns, const char *text) {
    for (uint32_t i = 0; i < patterns->count; i++)
        if (pl_glob(patterns->items[i], text)) return true;
    return false;
}

static bool route_fits(const struct route *route, const struct event *event) {
    bool where = strcmp(route->tags, "*") == 0 || pl_glob(route->tags, event->tag) ||
                 pl_glob(route->tags, event->asset) || pl_glob(route->tags, event->subject);
    return where && event->severity >= (uint64_t)route->severity && fits_one(&route->events, event->kind);
}

/* The first pairs of the body, as many as there is room for. */
static void keep_body(struct notify *s, const struct event *event, struct waiting *record) {
    enum { HEAD = 5 }; /* of a map */
    struct pl_unpack unpack;
    uint32_t pairs, kept = 0;
    pl_unpack_init(&unpack, event->body, event->size);
    if (!event->size || !pl_unpack_map(&unpack, &pairs)) return;
    const uint8_t *first = unpack.at, *end = first;
    for (; kept < pairs && pl_unpack_skip(&unpack) && pl_unpack_skip(&unpack); kept++) {
        if (unpack.at - first > BODY_MAX - HEAD) break;
        end = unpack.at;
    }
    pl_pack_reset(s->body);
    pl_pack_map(s->body, kept);
    pl_pack_raw(s->body, first, (size_t)(end - first));
    if (pl_pack_failed(s->body) || pl_pack_size(s->body) > BODY_MAX) return;
    record->body_size = (uint16_t)pl_pack_size(s->body);
    memcpy(record->body, pl_pack_data(s->body), record->body_size);
}

static uint64_t id_of(const struct notify *s, const struct event *event, const char *user, pl_time step) {
    const char *name = pl_node_name(s->node);
    uint64_t hash = text_hash(0, name, strlen(name) + 1);
    hash = text_hash(hash, &event->id, sizeof event->id);
    hash = text_hash(hash, event->kind, strlen(event->kind) + 1);
    hash = text_hash(hash, user, strlen(user) + 1);
    hash = text_hash(hash, &step, sizeof step);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

static struct waiting *add(struct notify *s, const struct event *event, const struct person *person, const char *to,
                           pl_time step) {
    pl_time now = pl_now(s->node);
    uint64_t id = id_of(s, event, person->user, step);
    if (outbox_change(s, event->name, id)) return NULL; /* the same event again */
    struct waiting *record = outbox_put(s, event->name, id, event->severity);
    if (!record) {
        pl_count(s->node, COUNT_DROPPED, 1);
        pl_node_diag(s->node, PL_ERROR, "%s of %s: there is no room for a notification to %s", event->kind,
                     event->subject, person->user);
        return NULL;
    }
    record->event = event->id;
    record->time = event->time;
    record->made = now;
    record->due = now + step;
    record->wait = record->step = step;
    record->severity = (uint16_t)event->severity;
    pl_text_copy(record->user, sizeof record->user, person->user, strlen(person->user));
    pl_text_copy(record->to, sizeof record->to, to, strlen(to));
    pl_text_copy(record->kind, sizeof record->kind, event->kind, strlen(event->kind));
    pl_text_copy(record->tag, sizeof record->tag, event->tag, strlen(event->tag));
    pl_text_copy(record->asset, sizeof record->asset, event->asset, strlen(event->asset));
    keep_body(s, event, record);
    return record;
}

static void tell(struct notify *s, const struct event *event, const struct route *route, const struct person *person,
                 const char *to) {
    uint32_t alike = 0;
    bool news = route->after > 0 ? !outbox_escalates(s, event->name, person->user, event->kind, route->after)
                                 : outbox_news(s, event->name, person->user, event->kind, event->time, &alike);
    bool counts = route->after == 0;
    if (!news) {
        if (counts) outbox_told(s, event->name, person->user, event->kind, event->time, false);
        pl_count(s->node, COUNT_ALIKE, 1);
        return;
    }
    struct waiting *record = add(s, event, person, to, route->after);
    if (!record) return; /* there was no room: the next one is told */
    record->alike = alike;
    if (counts) outbox_told(s, event->name, person->user, event->kind, event->time, true);
}

/* Everybody once a step, however many entries mean him; the first counts. */
static bool meant_before(const struct route *route, uint32_t entry, const struct person *person) {
    for (uint32_t i = 0; i < entry; i++)
        if (person_meant(person, route->to.items[i])) return true;
    return false;
}

static void follow(struct notify *s, const struct event *event, const struct route *route) {
    const struct person *people = s->people.items;
    for (uint32_t entry = 0; entry < route->to.count; entry++)
        for (uint32_t i = 0; i < s->people.count; i++)
            if (person_meant(&people[i], route->to.items[entry]) && !meant_before(route, entry, &people[i]))
                tell(s, event, route, &people[i], route->to.items[entry]);
}

void take_row(struct notify *s, const struct pl_batch *batch, uint32_t row) {
    const struct route *routes = s->routes.items;
    struct event event = event_of(s, batch, row);
    if (fits_one(&s->until, event.kind)) outbox_end(s, event.name);
    for (uint32_t i = 0; i < s->routes.count; i++)
        if (route_fits(&routes[i], &event)) follow(s, &event, &routes[i]);
}

uint64_t take_test(struct notify *s, const struct person *person, const char *reason, pl_time now) {
    struct event event = {
        .kind = "notify.test", .tag = "", .asset = "", .id = (uint64_t)now, .time = now, .severity = 500};
    pl_text_copy(event.subject, sizeof event.subject, "notify.test", strlen("notify.test"));
    event.name = outbox_name(s, event.subject);
    if (event.name == PL_NO_ID) return 0;
    struct waiting *record = add(s, &event, person, person->user, 0);
    if (!record) return 0;
    record->chosen = record->test = true;
    pl_pack_reset(s->body);
    pl_pack_map(s->body, 1);
    pl_pack_pair_str(s->body, "reason", reason);
    if (!pl_pack_failed(s->body) && pl_pack_size(s->body) <= BODY_MAX) {
        record->body_size = (uint16_t)pl_pack_size(s->body);
        memcpy(record->body, pl_pack_data(s->body), record->body_size);
    }
    return record->id;
}
