/* source.sparkplug: a host application of Sparkplug B: what edge nodes publish as rows. book.h knows what they mean. */
#include <string.h>
#include <uv.h>

#include "book.h"
#include "events.h"
#include "host.h"
#include "sparkplug.h"

enum { PACKETS_A_CALL = 512, ROWS_A_BATCH = 4096, IN_FLIGHT = 100 };
enum { SEVERITY_UNIT = 400 };
enum { OUT, EVENTS };
enum { MESSAGES, BYTES, BAD, GAPS, REBIRTHS, BIRTHS, DEATHS, MISSING, EVENTS_LEFT_OUT };

struct source {
    struct pl_mqtt_options link_options; /* first */
    struct pl_strings groups;
    const char *host_id, *tag;
    int64_t metrics, max_message;
    pl_time again;
    bool rebirth;

    struct pl_node *node;
    struct pl__host host;
    struct pl__book book;
    struct pl_mqtt_events events;
    struct pl_batch *open;
    const struct pl_mqtt_message *message; /* at hand */
    pl_time last;
    bool failed, stopping;
};

/* ---- Connection ---- */

static void on_connecting(void *user, struct pl_mqtt *link) {
    pl__host_connecting(&((struct source *)user)->host, link);
}

static void on_up(void *user, bool session) {
    struct source *s = user;
    (void)session;
    pl__host_up(&s->host);
    pl_mqtt_events_up(&s->events);
    pl_wake(s->node);
}

/* Whatever they say meanwhile is not heard. */
static void on_down(void *user, const char *why) {
    struct source *s = user;
    pl__book_forget(&s->book);
    pl_mqtt_events_down(&s->events, why);
    pl_wake(s->node);
}

static void on_readable(void *user) {
    pl_wake(((struct source *)user)->node);
}

/* ---- What the book says ---- */

static pl_time on_now(void *user) {
    return pl_now(((const struct source *)user)->node);
}

static bool on_row(void *user, const struct pl__book_row *row) {
    struct source *s = user;
    if (s->open && s->open->rows == s->open->capacity) pl_emit(s->node, OUT, &s->open);
    if (!s->open) s->open = pl_node_batch(s->node, PL_SAMPLES, ROWS_A_BATCH, 0);
    if (!s->open) return false;
    uint32_t at = s->open->rows++;
    s->open->samples.time[at] = row->time;
    s->open->samples.tag[at] = row->tag;
    s->open->samples.value[at] = row->value;
    s->open->samples.quality[at] = row->quality;
    s->last = row->time;
    return true;
}

static void on_rebirth(void *user, const char *group, const char *edge) {
    struct source *s = user;
    if (s->rebirth && pl__host_rebirth(&s->host, group, edge)) pl_count(s->node, REBIRTHS, 1);
}

static void on_refused(void *user, const char *cause, const char *reason, uint32_t samples) {
    struct source *s = user;
    struct pl_letter letter = {.place = s->message->topic,
                               .cause = cause,
                               .reason = reason,
                               .bytes = s->message->payload,
                               .size = s->message->size,
                               .samples = samples,
                               .time = s->last ? s->last : PL_TIME_MIN};
    pl_count(s->node, BAD, 1);
    pl_node_diag(s->node, PL_WARN, "%.200s: %u metrics were refused: %s", s->message->topic, samples, reason);
    pl_letter(s->node, &letter);
}

static void on_missing(void *user, const char *edge, uint32_t messages) {
    struct source *s = user;
    pl_count(s->node, GAPS, messages);
    pl_lost(s->node, PL_LOSS_MISSING, 0, s->last ? s->last : PL_TIME_MIN, messages, "gap");
    pl_node_diag(s->node, PL_WARN, "%s: %u messages are missing", edge, messages);
}

static void on_told(void *user, const char *kind, uint16_t severity, const char *group, const char *edge,
                    const char *device) {
    struct source *s = user;
    char text[3 * PL__SP_NAME_MAX + 8];
    snprintf(text, sizeof text, "%s/%s%s%s", group, edge, *device ? "/" : "", device);
    pl_count(s->node, strcmp(kind, "sparkplug.born") == 0 ? BIRTHS : DEATHS, 1);
    pl_mqtt_events_put(&s->events, kind, severity, 0, text);
    pl_mqtt_events_emit(&s->events, EVENTS);
}

/* Of a tag with a unit of the graph's own that one is shown, whatever nodes say. */
static void on_unit(void *user, uint32_t tag, const struct pl_tag_text told[2]) {
    struct source *s = user;
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(s->node), tag);
    bool changes = *told[0].unit; /* else it is another one than the graph's */
    char text[PL_MQTT_WHY_MAX + PL_NAME_MAX];
    snprintf(text, sizeof text, "told in %s, %s %.*s: %s", told[1].unit, changes ? "before in" : "declared in",
             PL_TAG_UNIT_MAX, changes ? told[0].unit : entry->unit, entry->name);
    pl_node_diag(s->node, PL_WARN, "%s", text);
    pl_mqtt_events_put(&s->events, "sparkplug.unit", SEVERITY_UNIT, entry->asset, text);
    pl_mqtt_events_emit(&s->events, EVENTS);
}

static void on_message(void *user, const struct pl_mqtt_message *message) {
    struct source *s = user;
    struct pl__sp_topic topic;
    pl_count(s->node, MESSAGES, 1);
    pl_count(s->node, BYTES, message->size);
    s->message = message;
    if (!pl__sp_topic_parse(message->topic, &topic)) {
        on_refused(s, "topic", "its topic is none of Sparkplug B", 1);
        return;
    }
    if (topic.type == PL__STATE) {
        pl__host_state(&s->host, message);
        return;
    }
    if (message->size > s->max_message) {
        on_refused(s, "too_long", "it is longer than max_message", 1);
        return;
    }
    uint32_t missing = s->book.missing_rows;
    if (!pl__book_take(&s->book, &topic, message->payload, message->size)) {
        pl_fail(s->node, "no memory for what edge nodes say");
        s->failed = true;
    }
    pl_count(s->node, MISSING, s->book.missing_rows - missing);
}

/* ---- Data path ---- */

static bool goes_on(void *user) {
    const struct source *s = user;
    return !s->failed && (!s->open || s->open->rows < s->open->capacity / 2);
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *s = self;
    if (s->stopping) return PL_FLOW_WAIT;
    bool more = pl_mqtt_read(s->host.link, PACKETS_A_CALL, goes_on);
    if (s->failed) return PL_FLOW_FAIL;
    enum pl_flow flow = s->open ? pl_emit(node, OUT, &s->open) : PL_FLOW_OK;
    if (flow == PL_FLOW_OK) flow = pl_mqtt_events_emit(&s->events, EVENTS);
    return flow ? flow : more ? PL_FLOW_OK : PL_FLOW_WAIT;
}

static void source_stop(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    if (!s->stopping) pl__host_farewell(&s->host);
    s->stopping = true;
}

/* ---- What people ask ---- */

struct list_args {
    const char *tag;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, tag, "tag", "*", PL_FIXED, "Name or pattern of the tags."),
    PL_OPT_END,
};

static const char *type_name(uint32_t type) {
    static const char *const names[] = {"",       "Int8",    "Int16",  "Int32",    "Int64",
                                        "UInt8",  "UInt16",  "UInt32", "UInt64",   "Float",
                                        "Double", "Boolean", "String", "DateTime", "Text"};
    return type < PL_COUNT_OF(names) ? names[type] : "other";
}

static void list_edge(const struct source *s, const struct pl__edge *e, const char *tags, struct pl_call *call) {
    for (uint32_t i = 0; i < e->count; i++) {
        const struct pl__book_metric *m = &e->metric[i];
        const char *name = pl_tags_get(pl_node_tags(s->node), m->tag)->name;
        if (!pl_glob(tags, name)) continue;
        struct pl_tag_text told;
        pl_tags_told(pl_node_tags(s->node), m->tag, &told);
        struct pl_pack *row = pl_reply_row(call, 12);
        pl_pack_pair_str(row, "tag", name);
        pl_pack_pair_f64(row, "value", m->value);
        pl_pack_pair_str(row, "type", type_name(m->type));
        pl_pack_pair_str(row, "unit", told.unit);
        pl_pack_pair_f64(row, "low", m->low);
        pl_pack_pair_f64(row, "high", m->high);
        pl_pack_pair_str(row, "description", told.description);
        pl_pack_pair_str(row, "group", e->group);
        pl_pack_pair_str(row, "edge", e->name);
        pl_pack_pair_str(row, "device", e->device[m->device]);
        pl_pack_pair_str(row, "metric", m->name);
        pl_pack_pair_str(row, "state",
                         !e->lives || !e->device_lives[m->device] ? "dead"
                         : m->stale                               ? "stale"
                                                                  : "alive");
    }
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct source *s = self;
    (void)node;
    (void)error;
    for (uint32_t i = 0; i < s->book.count; i++)
        list_edge(s, s->book.edge[i], ((const struct list_args *)args)->tag, call);
    return PL_OK;
}

/* ---- Life cycle ---- */

static void source_check(void *self, struct pl_check *check) {
    const struct source *s = self;
    pl_mqtt_check(&s->link_options, check);
    pl__host_check(s->host_id, &s->groups, check);
    const char *why = pl__book_template_check(s->tag);
    if (why) pl_check_error(check, "tag", "%s", why);
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    s->node = node;
    s->host = (struct pl__host){.id = s->host_id, .groups = &s->groups, .node = node};
    struct pl__book_setup book = {.tag = s->tag,
                                  .metrics = (uint64_t)s->metrics,
                                  .again = s->again,
                                  .now = on_now,
                                  .row = on_row,
                                  .rebirth = on_rebirth,
                                  .refused = on_refused,
                                  .missing = on_missing,
                                  .unit = on_unit,
                                  .told = on_told,
                                  .user = s};
    pl__book_init(&s->book, &book, pl_node_tags(node));
    enum pl_code code = pl_mqtt_events_init(&s->events, node, s->link_options.server, EVENTS_LEFT_OUT, error);
    if (code) return code;
    struct pl_mqtt_setup setup = {.options = &s->link_options,
                                  .in_flight = IN_FLIGHT,
                                  .max_message = (uint32_t)s->max_message,
                                  .connecting = on_connecting,
                                  .up = on_up,
                                  .down = on_down,
                                  .readable = on_readable,
                                  .message = on_message,
                                  .user = s};
    s->host.link = pl_mqtt_new(node, &setup, error);
    return s->host.link ? PL_OK : PL_UNAVAILABLE;
}

static void source_close(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    pl_mqtt_free(s->host.link);
    s->host.link = NULL;
    pl__host_fini(&s->host);
    pl__book_fini(&s->book);
    pl_batch_unref(s->open);
    s->open = NULL;
    pl_mqtt_events_fini(&s->events);
}

/* ---- Descriptor ---- */

/* clang-format off */
static const struct pl_option source_options[] = {
    PL_MQTT_OPTIONS(struct source, link_options),
    PL_OPT_STRINGS(struct source, groups, "groups", "[\"+\"]", PL_FIXED, "Groups of edge nodes that are listened to; \"+\": all."),
    PL_OPT_STRING(struct source, host_id, "host", "", PL_FIXED, "By which edge nodes know this host (STATE): theirs keep what they measure while it is away. None: it says nothing."),
    PL_OPT_STRING(struct source, tag, "tag", "{edge}.{device}.{metric}", PL_FIXED, "A metric's tag, of {group} {edge} {device} {metric}; slashes become dots."),
    PL_OPT_BOOL(struct source, rebirth, "rebirth", "true", PL_FIXED, "Asks nodes to be born again when something of them is missing; false: it only listens."),
    PL_OPT_DURATION(struct source, again, "rebirth_after", "5s", "100ms", "1h", PL_FIXED, "Between two such requests to one node, at least."),
    PL_OPT_INT(struct source, metrics, "max_metrics", "100000", "1", "1000000", PL_FIXED, "Metrics of all nodes together; more are refused."),
    PL_OPT_SIZE(struct source, max_message, "max_message", "1MiB", "64", "16MiB", PL_FIXED, "A longer message is refused."),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__source_sparkplug = {
    PL_OPERATOR("source.sparkplug", "Takes what edge nodes publish over MQTT as Sparkplug B."),
    .doc =
        "A host application: births say which metrics there are, data comes by name or alias, a death makes all that\n"
        "the node or device has said stale. Numbers of messages that are missing, or data before a birth, have the\n"
        "node asked to be born again. Metrics that are\n"
        "neither numbers nor states of their tag give no rows; values that nodes have kept (is_historical) are\n"
        "backfilled, a null is missing, and the property Quality is the quality (0 bad, 192 good, 500 stale).\n\n"
        "Units and descriptions of births (properties engUnit, documentation or description; MetaData) are shown with "
        "the\n"
        "tag (`tags`, REST, dashboard) where the graph's own `tags` say none; the graph's hold otherwise. They are "
        "for\n"
        "people: nothing is computed with them, and another run knows them from its first birth on. A unit that "
        "another\n"
        "birth changes, or that differs from the graph's own, is told once, as a warning and the event "
        "sparkplug.unit.\n"
        "`sparkplug metrics` lists what births say: types, units, limits (engLow, engHigh), descriptions, states.",
    .guarantee = "At most once, as Sparkplug's QoS 0 is: what is lost while the connection breaks or the engine is not "
                 "there comes again only from nodes that keep it for this host (`host`). Gaps in a node's numbers are "
                 "counted as missing, one for each message; what was sent while nobody listened has no numbers here.",
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "A row for each value of a metric."},
                        {.name = "events",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "Births and deaths of nodes and devices; units that change; the connection."}),
    .options = source_options,
    .counters = PL_COUNTERS(
        {.name = "messages", .unit = "messages", .doc = "Messages that came."},
        {.name = "bytes", .unit = "bytes", .doc = "Bytes of their payloads."},
        {.name = "bad", .unit = "messages", .doc = "Messages of which something was refused."},
        {.name = "gaps", .unit = "messages", .doc = "Messages that are missing by their numbers, at least."},
        {.name = "rebirths", .unit = "times", .doc = "Requests to be born again."},
        {.name = "births", .unit = "times", .doc = "Births of nodes and devices."},
        {.name = "deaths", .unit = "times", .doc = "Deaths of nodes and devices."},
        {.name = "missing", .unit = "rows", .doc = "Rows without a value."},
        {.name = "events_left_out", .unit = "events", .doc = "Events that found no room."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_BLOCKING,
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .stop = source_stop,
    .close = source_close,
    .commands = PL_COMMANDS({.name = "sparkplug metrics",
                             .doc = "Lists the metrics of edge nodes that have been born.",
                             .roles = PL_MAY_SEE,
                             .args = list_args,
                             .args_size = sizeof(struct list_args),
                             .run = list_run}),
};
