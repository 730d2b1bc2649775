/* setpoint.mqtt: set points that a guard has let pass, as messages; orders.h says what becomes of each. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/text.h>

#include "mqtt.h"
#include "naming.h"
#include "payload.h"
#include "way.h"

enum { IN_FLIGHT = 1000, MESSAGE_MAX = 64 << 10, READ_BACK_ROWS = 64 };
enum { JSON, PLAIN };

struct sink {
    struct pl_mqtt_way way; /* first */
    const char *topic, *read_back;
    uint32_t payload;
    struct pl__payload read;

    struct pl_mqtt_naming naming, looking;
    struct pl__payload_reader reader;
    struct pl_batch *found; /* what a message that was read back holds */
    uint64_t *looked_for;   /* hashes of the topics that are read back, by slot */
    unsigned hashed;        /* slots that have theirs */
};

/* ---- Sending ---- */

static char *put_pair(char *at, const char *key, const char *text) {
    at += sprintf(at, ",\"%s\":", key);
    return pl_json_put_string(at, text, strlen(text));
}

static size_t write_json(const struct sink *s, const struct pl_order *order, char *text) {
    char time[PL_TEXT_TIME_MAX + 1], id[24];
    char *at = text + sprintf(text, "{\"value\":");
    at = pl_json_put_f64(at, order->value, false);
    *pl_text_put_time(time, order->time) = 0;
    at = put_pair(at, "time", time);
    *pl_text_put_time(time, order->expiry) = 0;
    at = put_pair(at, "expiry", time);
    snprintf(id, sizeof id, "%" PRIu64, order->id);
    at = put_pair(at, "id", id);
    at = put_pair(at, "origin", pl_tags_get(pl_node_tags(s->way.node), order->origin)->name);
    at = put_pair(at, "reason", order->reason);
    *at++ = '}';
    return (size_t)(at - text);
}

static void subscribe_to(struct sink *s, uint32_t tag) {
    char topic[PL_MQTT_TOPIC_MAX + 1];
    if (*s->read_back &&
        pl_mqtt_naming_of(&s->looking, pl_tags_get(pl_node_tags(s->way.node), tag)->name, "samples", topic))
        pl_mqtt_subscribe(s->way.link, topic, 1);
}

static bool on_has(void *user, const char *name) {
    const struct sink *s = user;
    char topic[PL_MQTT_TOPIC_MAX + 1];
    return pl_mqtt_naming_of(&s->naming, name, "setpoints", topic);
}

static int on_send(void *user, const struct pl_order *order, pl_time left) {
    struct sink *s = user;
    char topic[PL_MQTT_TOPIC_MAX + 1], text[6 * (PL_ORDER_REASON_MAX + PL_NAME_MAX) + 512];
    const char *name = pl_tags_get(pl_node_tags(s->way.node), order->tag)->name;
    if (!pl_mqtt_is_up(s->way.link) || !pl_mqtt_naming_of(&s->naming, name, "setpoints", topic)) return -1;
    subscribe_to(s, order->tag);
    size_t size =
        s->payload == PLAIN ? (size_t)(pl_text_put_f64(text, order->value) - text) : write_json(s, order, text);
    return pl_mqtt_command(s->way.link, topic, text, size, left);
}

/* ---- Hearing ---- */

static void on_up(void *user) {
    struct sink *s = user;
    for (unsigned i = 0; i < s->way.orders.count; i++)
        subscribe_to(s, s->way.orders.slot[i].tag);
}

/* FNV-1a: a message is held against thousands of topics, which are not to be written out each time. */
static uint64_t hash_of(const char *topic) {
    uint64_t hash = 0xCBF29CE484222325;
    for (; *topic; topic++)
        hash = (hash ^ (unsigned char)*topic) * 0x100000001B3;
    return hash;
}

static bool looked_for(struct sink *s, unsigned slot, char topic[PL_MQTT_TOPIC_MAX + 1]) {
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(s->way.node), s->way.orders.slot[slot].tag);
    return pl_mqtt_naming_of(&s->looking, tag->name, "samples", topic);
}

static void hash_topics(struct sink *s) {
    char topic[PL_MQTT_TOPIC_MAX + 1];
    for (; s->hashed < s->way.orders.count; s->hashed++)
        s->looked_for[s->hashed] = looked_for(s, s->hashed, topic) ? hash_of(topic) : 0;
}

/* A topic is read for the tags that it was made of. */
static void on_message(void *user, const struct pl_mqtt_message *message) {
    struct sink *s = user;
    char topic[PL_MQTT_TOPIC_MAX + 1];
    uint64_t hash = hash_of(message->topic);
    hash_topics(s);
    for (unsigned i = 0; i < s->hashed; i++) {
        if (s->looked_for[i] != hash || !looked_for(s, i, topic) || strcmp(topic, message->topic) != 0) continue;
        const struct pl_tag *tag = pl_tags_get(pl_node_tags(s->way.node), s->way.orders.slot[i].tag);
        s->found->rows = 0;
        s->reader.now = pl_now(s->way.node);
        if (message->size > MESSAGE_MAX ||
            pl__payload_read(&s->reader, &s->read, tag->name, tag->length, message->payload, message->size, s->found))
            continue;
        for (uint32_t r = 0; r < s->found->rows; r++)
            if (s->found->samples.tag[r] == tag->id && !isnan(s->found->samples.value[r]))
                pl_orders_seen(&s->way.orders, tag->id, s->found->samples.value[r]);
    }
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    const struct sink *s = self;
    pl_mqtt_way_check(&s->way, check);
    pl_mqtt_naming_check(s->topic, "topic", check);
    if (*s->read_back) pl_mqtt_naming_check(s->read_back, "read_back", check);
    if (!*s->read_back && pl_check_given(check, "tolerance"))
        pl_check_error(check, "tolerance", "nothing is read back: say `read_back`");
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    struct pl_mqtt_way_setup setup = {.in_flight = IN_FLIGHT,
                                      .max_message = MESSAGE_MAX,
                                      .reads_back = *s->read_back != 0,
                                      .has = on_has,
                                      .send = on_send,
                                      .up = on_up,
                                      .message = on_message};
    s->naming.template = s->topic;
    s->looking.template = s->read_back;
    s->reader.tags = pl_node_tags(node);
    s->found = pl_batch_new(PL_SAMPLES, READ_BACK_ROWS, 0);
    s->looked_for = pl_alloc(PL_ORDERS_MAX * sizeof *s->looked_for);
    if (!s->found || !s->looked_for) return pl_error_set(error, PL_NO_MEMORY, "no memory for what is read back");
    return pl_mqtt_way_open(&s->way, node, &setup, error);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_mqtt_way_close(&s->way);
    pl__payload_fini(&s->reader);
    pl_batch_unref(s->found);
    pl_free(s->looked_for);
    s->found = NULL;
    s->looked_for = NULL;
}

/* ---- Descriptor ---- */

static const char *const payload_names[] = {"json", "plain", NULL};

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_MQTT_OPTIONS(struct sink, way.link_options),
    PL_OPT_STRING(struct sink, topic, "topic", NULL, PL_FIXED, "Where a set point goes: {path}/set; {tag}, {path}, {asset}, {signal}, {p1}, ... as in sink.mqtt."),
    PL_OPT_CHOICE(struct sink, payload, "payload", "json", payload_names, PL_FIXED,
        "json: an object with value, time, expiry, id, origin, reason; plain: the value as text, whose receiver does not see when it expires."),
    PL_OPT_STRING(struct sink, read_back, "read_back", "", PL_FIXED, "Topic under which the device says the value that it has; none: nothing is read back."),
    PL_OPT_CHOICE(struct sink, read.form, "read_payload", "json", payload_names, PL_FIXED, "How it says it."),
    PL_OPT_STRING(struct sink, read.value, "read_value", "value", PL_FIXED, "Path of the value in an object that is read back."),
    PL_OPT_STRING(struct sink, read.time, "read_time", "", PL_FIXED, "Path of its time; it is not needed."),
    PL_OPT_STRING(struct sink, read.quality, "read_quality", "", PL_FIXED, "Path of its quality; it is not needed."),
    PL_MQTT_WAY_OPTIONS(struct sink),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__setpoint_mqtt = {
    PL_OPERATOR("setpoint.mqtt", "Sends set points over an MQTT broker, and reads back what became of them."),
    .doc =
        "A set point leaves with QoS 1, is not retained, and with MQTT 5 the broker delivers it to nobody past its\n"
        "expiry. With read_back it has arrived when the device says the value; without, when the broker has it. Every\n"
        "end is an event, setpoint.verified, .delivered, .failed, .expired, .superseded, .withdrawn or .unmapped, and\n"
        "is in the audit. `setpoints list` shows what stands where.",
    .guarantee =
        "A set point is verified or its event says why not. None leaves after its expiry; one that had left on "
        "a connection that broke may be delivered twice. What was under way when the process died is in the "
        "audit as sent, and from the next start on as not known.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SETPOINTS), .doc = "Set points that a guard has let pass."}),
    .outputs = PL_PORTS(
        {.name = "out", .kinds = PL_SET(PL_EVENTS), .doc = "How each set point ended; the connection, lost and made."}),
    .options = sink_options,
    .counters = pl_mqtt_way_counters,
    .scope = PL_GLOBAL,
    .flags = PL_OP_FIELD | PL_OP_ANY_ORDER | PL_OP_BLOCKING,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = pl_mqtt_way_process,
    .stop = pl_mqtt_way_stop,
    .close = sink_close,
    .commands = pl_mqtt_way_commands,
};
