#include "book.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>

#include "template.h"

enum { SEVERITY_BORN = 100, SEVERITY_DEAD = 700, NAME_ROOM = 4 * (PL__SP_NAME_MAX + 1) };

/* ---- Numbers to metrics ---- */

static uint32_t place_of(const struct pl__slots *s, uint64_t key) {
    uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t at = (uint32_t)(mixed >> 32) & (s->room - 1);
    while (s->index[at] && s->key[at] != key)
        at = (at + 1) & (s->room - 1);
    return at;
}

static bool slots_find(const struct pl__slots *s, uint64_t key, uint32_t *index) {
    uint32_t at = s->room ? place_of(s, key) : 0;
    if (!s->room || !s->index[at]) return false;
    *index = s->index[at] - 1;
    return true;
}

static bool slots_grow(struct pl__slots *s) {
    struct pl__slots grown = {.room = s->room ? 2 * s->room : 64};
    grown.key = pl_alloc(grown.room * sizeof *grown.key);
    grown.index = pl_alloc(grown.room * sizeof *grown.index);
    if (!grown.key || !grown.index) {
        pl_free(grown.key);
        pl_free(grown.index);
        return false;
    }
    for (uint32_t i = 0; i < s->room; i++) {
        if (!s->index[i]) continue;
        uint32_t at = place_of(&grown, s->key[i]);
        grown.key[at] = s->key[i];
        grown.index[at] = s->index[i];
    }
    grown.count = s->count;
    pl_free(s->key);
    pl_free(s->index);
    *s = grown;
    return true;
}

static bool slots_put(struct pl__slots *s, uint64_t key, uint32_t index) {
    if (2 * s->count >= s->room && !slots_grow(s)) return false;
    uint32_t at = place_of(s, key);
    s->count += !s->index[at];
    s->key[at] = key;
    s->index[at] = index + 1;
    return true;
}

static void slots_fini(struct pl__slots *s) {
    pl_free(s->key);
    pl_free(s->index);
    *s = (struct pl__slots){.key = NULL};
}

/* ---- Nodes ---- */

static void edge_empty(struct pl__book *book, struct pl__edge *e) {
    for (uint32_t i = 0; i < e->count; i++)
        pl_free(e->metric[i].name);
    book->metrics -= e->count;
    e->count = 0;
    slots_fini(&e->by_alias);
    slots_fini(&e->by_tag);
}

static void edge_free(struct pl__book *book, struct pl__edge *e) {
    if (!e) return;
    edge_empty(book, e);
    for (uint32_t i = 0; i < e->device_count; i++)
        pl_free(e->device[i]);
    pl_free(e->device);
    pl_free(e->device_lives);
    pl_free(e->metric);
    pl_free(e->group);
    pl_free(e->name);
    pl_free(e);
}

static bool add_device(struct pl__edge *e, const char *name) {
    char **names = pl_realloc(e->device, (e->device_count + 1) * sizeof *names);
    if (names) e->device = names;
    bool *lives = pl_realloc(e->device_lives, (e->device_count + 1) * sizeof *lives);
    if (lives) e->device_lives = lives;
    char *copy = pl_strdup(name);
    if (!names || !lives || !copy) {
        pl_free(copy);
        return false;
    }
    e->device[e->device_count] = copy;
    e->device_lives[e->device_count++] = false;
    return true;
}

static struct pl__edge *edge_new(struct pl__book *book, const struct pl__sp_topic *topic) {
    struct pl__edge **grown = pl_realloc(book->edge, (book->count + 1) * sizeof *grown);
    if (!grown) return NULL;
    book->edge = grown;
    struct pl__edge *e = PL_NEW(struct pl__edge);
    if (!e) return NULL;
    e->group = pl_strdup(topic->group);
    e->name = pl_strdup(topic->edge);
    if (!e->group || !e->name || !add_device(e, "")) {
        edge_free(book, e);
        return NULL;
    }
    book->edge[book->count++] = e;
    return e;
}

static struct pl__edge *edge_of(struct pl__book *book, const struct pl__sp_topic *topic) {
    for (uint32_t i = 0; i < book->count; i++) {
        struct pl__edge *e = book->edge[i];
        if (strcmp(e->name, topic->edge) == 0 && strcmp(e->group, topic->group) == 0) return e;
    }
    if (book->count == PL__EDGES_MAX) return NULL;
    struct pl__edge *e = edge_new(book, topic);
    book->failed |= !e;
    return e;
}

/* Its index; -1: it is not there, and was not to be made, or there is no room. */
static int64_t device_of(struct pl__book *book, struct pl__edge *e, const char *name, bool make) {
    for (uint32_t i = 0; i < e->device_count; i++)
        if (strcmp(e->device[i], name) == 0) return i;
    if (!make || e->device_count == PL__DEVICES_MAX) return -1;
    if (add_device(e, name)) return e->device_count - 1;
    book->failed = true;
    return -1;
}

/* ---- Names ---- */

static void add_variable(struct pl_variables *v, const char *name, const char *text) {
    v->item[v->count++] = (struct pl_variable){{name, strlen(name)}, {text, strlen(text)}};
}

const char *pl__book_template_check(const char *template) {
    static const char *const known[] = {"group", "edge", "device", "metric"};
    struct pl_span name;
    const char *at = template, *why;
    bool metric = false;
    while (pl_template_next(&at, &name, &why)) {
        bool found = false;
        for (size_t i = 0; i < PL_COUNT_OF(known); i++)
            found |= strlen(known[i]) == name.length && memcmp(known[i], name.text, name.length) == 0;
        if (!found) return "there are {group} {edge} {device} {metric}";
        metric |= name.length == 6 && memcmp(name.text, "metric", 6) == 0;
    }
    return why ? why : metric ? NULL : "without {metric} all metrics of a device are one tag";
}

/* Takes out what empty parts have left: two dots in a row, one in front, one at the end. */
static size_t tidy(char *text, size_t length) {
    size_t used = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '.' || (used && text[used - 1] != '.')) text[used++] = text[i];
    while (used && text[used - 1] == '.')
        used--;
    return used;
}

/* The id of the tag; PL_NO_ID: no name can be made of it, or there is no room for it. */
static uint32_t tag_of(const struct pl__book *book, const struct pl__edge *e, uint32_t device, const char *metric) {
    char text[NAME_ROOM], dotted[PL__SP_NAME_MAX + 1];
    struct pl_variables v = {.count = 0};
    size_t length = strlen(metric);
    if (length == 0 || length > PL__SP_NAME_MAX) return PL_NO_ID;
    for (size_t i = 0; i <= length; i++)
        dotted[i] = metric[i] == '/' ? '.' : metric[i];
    add_variable(&v, "group", e->group);
    add_variable(&v, "edge", e->name);
    add_variable(&v, "device", e->device[device]);
    add_variable(&v, "metric", dotted);
    length = tidy(text, pl_template_expand(book->setup.tag, &v, text, sizeof text));
    return length && length <= PL_NAME_MAX ? pl_tags_intern(book->tags, text, length) : PL_NO_ID;
}

/* ---- Births ---- */

/* Metrics that speak of the node's own business. */
static bool is_control(const char *name) {
    return strcmp(name, "bdSeq") == 0 || strncmp(name, "Node Control/", 13) == 0 ||
           strncmp(name, "Device Control/", 15) == 0;
}

static bool grow_metrics(struct pl__edge *e) {
    if (e->count < e->room) return true;
    uint32_t room = e->room ? 2 * e->room : 32;
    struct pl__book_metric *grown = pl_realloc(e->metric, room * sizeof *grown);
    if (!grown) return false;
    e->metric = grown;
    e->room = room;
    return true;
}

/* A birth may come again with other aliases: the metric keeps its place. NULL: not this one. */
static struct pl__book_metric *enter(struct pl__book *book, struct pl__edge *e, uint32_t device,
                                     const struct pl__metric *m, uint32_t tag) {
    uint32_t index;
    if (!slots_find(&e->by_tag, tag, &index)) {
        if (book->metrics >= book->setup.metrics) return NULL;
        char *name = pl_strdup(m->name);
        if (!name || !grow_metrics(e) || !slots_put(&e->by_tag, tag, e->count)) {
            pl_free(name);
            book->failed = true;
            return NULL;
        }
        index = e->count++;
        book->metrics++;
        e->metric[index] = (struct pl__book_metric){.tag = tag, .value = NAN, .name = name};
    }
    struct pl__book_metric *metric = &e->metric[index];
    metric->device = device;
    metric->type = m->type;
    metric->low = m->low;
    metric->high = m->high;
    metric->has_alias = m->has_alias;
    metric->alias = m->alias;
    if (m->has_alias && !slots_put(&e->by_alias, m->alias, index)) book->failed = true;
    return metric;
}

/* Where the graph declares a unit that one holds: another is told of once. */
static void describe(struct pl__book *book, uint32_t tag, const struct pl__metric *m) {
    struct pl_tag_text told[2];
    if (!pl_tags_tell(book->tags, tag, m->unit, m->description, told)) {
        book->failed = true;
        return;
    }
    const char *own = pl_tags_get(book->tags, tag)->unit;
    if (strcmp(told[0].unit, told[1].unit) == 0) return;
    if (*told[0].unit || (*own && strcmp(own, told[1].unit) != 0)) book->setup.unit(book->setup.user, tag, told);
}

/* ---- Rows ---- */

static uint16_t quality_of(const struct pl__metric *m) {
    uint16_t quality = m->historical ? PL_Q_BACKFILLED : 0;
    if (!m->has_quality || m->quality == PL__SP_GOOD) return quality;
    return m->quality == PL__SP_STALE ? quality | PL_Q_UNCERTAIN | PL_Q_STALE : quality | PL_Q_BAD;
}

/* What is neither a number nor a state of its tag is no sample. */
static bool value_of(const struct pl__book *book, uint32_t tag, const struct pl__metric *m, double *value) {
    *value = m->value;
    if (m->null || m->holds == PL__HOLDS_NUMBER) return true;
    int state = m->holds == PL__HOLDS_TEXT ? pl_tag_state(pl_tags_get(book->tags, tag), m->text, strlen(m->text)) : -1;
    *value = state;
    return state >= 0;
}

static void give(struct pl__book *book, struct pl__book_metric *metric, const struct pl__metric *m, pl_time time) {
    struct pl__book_row row = {.tag = metric->tag, .time = m->has_time ? m->time : time, .quality = quality_of(m)};
    if (!value_of(book, metric->tag, m, &row.value)) return;
    if (m->null || !isfinite(row.value)) {
        row.value = NAN;
        row.quality = pl_quality_join(row.quality, PL_Q_BAD | PL_Q_MISSING);
        book->missing_rows++;
    } else if (!m->historical) {
        metric->value = row.value;
    }
    metric->stale = false;
    book->failed |= !book->setup.row(book->setup.user, &row);
}

/* It has died: what it said last is what is known. */
static void give_stale(struct pl__book *book, struct pl__edge *e, uint32_t device, bool all) {
    pl_time now = book->setup.now(book->setup.user);
    for (uint32_t i = 0; i < e->count; i++) {
        struct pl__book_metric *m = &e->metric[i];
        if (m->stale || (!all && m->device != device)) continue;
        m->stale = true;
        struct pl__book_row row = {now, m->value, m->tag, PL_Q_UNCERTAIN | PL_Q_STALE};
        if (isnan(row.value)) row.quality = PL_Q_BAD | PL_Q_STALE | PL_Q_MISSING;
        book->failed |= !book->setup.row(book->setup.user, &row);
    }
}

/* ---- Messages ---- */

static void ask(struct pl__book *book, struct pl__edge *e) {
    pl_time now = book->setup.now(book->setup.user);
    if (e->asked && now - e->asked < book->setup.again && now >= e->asked) return;
    e->asked = now;
    book->setup.rebirth(book->setup.user, e->group, e->name);
}

static pl_time time_of(const struct pl__book *book) {
    pl_time time;
    return pl__spb_time(&book->wire, &time) ? time : book->setup.now(book->setup.user);
}

static void take_birth(struct pl__book *book, struct pl__edge *e, uint32_t device) {
    pl_time time = time_of(book);
    uint32_t refused = 0;
    for (size_t i = 0; i < pl__spb_count(&book->wire) && !book->failed; i++) {
        struct pl__metric m;
        pl__spb_metric(&book->wire, i, 0, &m);
        if (m.name && strcmp(m.name, "bdSeq") == 0 && m.holds == PL__HOLDS_NUMBER && m.value >= 0) {
            e->has_bd = true;
            e->bd = m.value;
        }
        if (m.name && is_control(m.name)) continue;
        uint32_t tag = m.name ? tag_of(book, e, device, m.name) : PL_NO_ID;
        struct pl__book_metric *metric = tag == PL_NO_ID ? NULL : enter(book, e, device, &m, tag);
        if (metric) {
            describe(book, tag, &m);
            give(book, metric, &m, time);
        } else {
            refused++;
        }
    }
    if (refused) book->setup.refused(book->setup.user, "metric", "metrics that make no tag, or too many", refused);
}

static void node_born(struct pl__book *book, struct pl__edge *e) {
    edge_empty(book, e); /* aliases begin anew; devices are born behind it */
    for (uint32_t i = 0; i < e->device_count; i++)
        e->device_lives[i] = false;
    e->lives = e->device_lives[0] = true;
    e->asked = 0;
    e->has_bd = false;
    take_birth(book, e, 0);
    book->setup.told(book->setup.user, "sparkplug.born", SEVERITY_BORN, e->group, e->name, "");
}

static void device_born(struct pl__book *book, struct pl__edge *e, const char *name) {
    int64_t device = e->lives ? device_of(book, e, name, true) : -1;
    if (device < 0) {
        book->setup.refused(book->setup.user, "no_birth", "a device of a node that has not been born",
                            (uint32_t)pl__spb_count(&book->wire));
        return;
    }
    e->device_lives[device] = true;
    take_birth(book, e, (uint32_t)device);
    book->setup.told(book->setup.user, "sparkplug.born", SEVERITY_BORN, e->group, e->name, name);
}

/* The will of an earlier connection may come behind the birth of this one. */
static void node_dead(struct pl__book *book, struct pl__edge *e) {
    for (size_t i = 0; i < pl__spb_count(&book->wire); i++) {
        struct pl__metric m;
        pl__spb_metric(&book->wire, i, 0, &m);
        if (m.name && strcmp(m.name, "bdSeq") == 0 && e->has_bd && m.value != e->bd) return;
    }
    if (!e->lives) return;
    e->lives = false;
    give_stale(book, e, 0, true);
    book->setup.told(book->setup.user, "sparkplug.died", SEVERITY_DEAD, e->group, e->name, "");
}

static void device_dead(struct pl__book *book, struct pl__edge *e, const char *name) {
    int64_t device = device_of(book, e, name, false);
    if (device < 0 || !e->device_lives[device]) return;
    e->device_lives[device] = false;
    give_stale(book, e, (uint32_t)device, false);
    book->setup.told(book->setup.user, "sparkplug.died", SEVERITY_DEAD, e->group, e->name, name);
}

static struct pl__book_metric *metric_of(struct pl__book *book, struct pl__edge *e, uint32_t device,
                                         const struct pl__metric *m) {
    uint32_t index;
    if (m->has_alias && slots_find(&e->by_alias, m->alias, &index) && (!m->name || e->metric[index].device == device))
        return &e->metric[index];
    uint32_t tag = m->name ? tag_of(book, e, device, m->name) : PL_NO_ID;
    return tag != PL_NO_ID && slots_find(&e->by_tag, tag, &index) ? &e->metric[index] : NULL;
}

static void take_data(struct pl__book *book, struct pl__edge *e, const char *name) {
    int64_t device = device_of(book, e, name, false);
    pl_time time = time_of(book);
    uint32_t strangers = 0;
    for (size_t i = 0; i < pl__spb_count(&book->wire) && !book->failed; i++) {
        struct pl__metric m;
        pl__spb_metric(&book->wire, i, 0, &m);
        if (m.name && is_control(m.name)) continue;
        struct pl__book_metric *metric = device < 0 || !e->lives ? NULL : metric_of(book, e, (uint32_t)device, &m);
        if (metric && m.type == 0) pl__spb_metric(&book->wire, i, metric->type, &m); /* signs depend on it */
        if (metric)
            give(book, metric, &m, time);
        else
            strangers++;
    }
    if (!strangers) return;
    book->setup.refused(book->setup.user, "no_birth", "metrics whose birth has not been heard of", strangers);
    ask(book, e);
}

/* What is missing in front of this message; its own number is due then. */
static void count(struct pl__book *book, struct pl__edge *e) {
    uint64_t seq;
    if (!e->lives) return;
    if (!pl__spb_seq(&book->wire, &seq) || seq > UINT8_MAX) {
        ask(book, e);
        return;
    }
    uint8_t gap = (uint8_t)(seq - e->next);
    e->next = (uint8_t)(seq + 1);
    if (gap == 0) return;
    book->setup.missing(book->setup.user, e->name, gap);
    ask(book, e);
}

static void take_message(struct pl__book *book, struct pl__edge *e, const struct pl__sp_topic *topic) {
    uint64_t seq = 0;
    if (topic->type == PL__NBIRTH) {
        pl__spb_seq(&book->wire, &seq);
        e->next = (uint8_t)(seq + 1);
    } else if (topic->type != PL__NDEATH) {
        count(book, e);
    }
    switch (topic->type) {
    case PL__NBIRTH: node_born(book, e); break;
    case PL__NDEATH: node_dead(book, e); break;
    case PL__DBIRTH: device_born(book, e, topic->device); break;
    case PL__DDEATH: device_dead(book, e, topic->device); break;
    default: take_data(book, e, topic->device); break;
    }
    if (!e->lives && topic->type != PL__NDEATH) ask(book, e);
}

bool pl__book_take(struct pl__book *book, const struct pl__sp_topic *topic, const void *bytes, size_t size) {
    const char *why;
    if (topic->type == PL__NCMD || topic->type == PL__DCMD || topic->type == PL__STATE) return true;
    if (!pl__spb_read(&book->wire, bytes, size, &why)) {
        book->setup.refused(book->setup.user, "no_payload", why, 1);
        return true;
    }
    book->failed = false;
    struct pl__edge *e = edge_of(book, topic);
    if (e)
        take_message(book, e, topic);
    else if (!book->failed)
        book->setup.refused(book->setup.user, "edges", "there are too many edge nodes",
                            (uint32_t)pl__spb_count(&book->wire));
    return !book->failed;
}

void pl__book_forget(struct pl__book *book) {
    for (uint32_t i = 0; i < book->count; i++) {
        book->edge[i]->lives = false;
        book->edge[i]->asked = 0;
    }
}

const struct pl__book_metric *pl__book_find(const struct pl__book *book, uint32_t tag, const struct pl__edge **edge) {
    uint32_t index;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct pl__edge *e = book->edge[i];
        if (!e->lives || !slots_find(&e->by_tag, tag, &index)) continue;
        *edge = e;
        return e->device_lives[e->metric[index].device] ? &e->metric[index] : NULL;
    }
    return NULL;
}

/* ---- Life ---- */

void pl__book_init(struct pl__book *book, const struct pl__book_setup *setup, struct pl_tags *tags) {
    *book = (struct pl__book){.setup = *setup, .tags = tags};
}

void pl__book_fini(struct pl__book *book) {
    for (uint32_t i = 0; i < book->count; i++)
        edge_free(book, book->edge[i]);
    pl_free(book->edge);
    pl__spb_fini(&book->wire);
    *book = (struct pl__book){.count = 0};
}
