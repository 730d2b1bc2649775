/* sink.sparkplug: an edge node of Sparkplug B: rows as the data of its devices.
 *
 * Rows are held (waiting.h) until they have left, and while the primary host is away; what was held then leaves as
 * historical. What is held is part of the state. node.h knows how an edge node speaks.
 */
#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/kept.h>
#include <potline/text.h>

#include "link.h"
#include "node.h"
#include "sparkplug.h"
#include "waiting.h"

enum { MESSAGES, BYTES, BIRTHS, REBIRTHS, COMMANDS, UNFIT };
enum { IN_FLIGHT = 100, UNDER_WAY = 256, ROWS_A_MESSAGE = 500, MESSAGE_MAX = 1 << 20 };
static const char kept_bd[] = "bdSeq";

struct sink {
    struct pl_mqtt_options link_options; /* first */
    const char *group, *edge, *device, *metric, *host_id;
    struct pl_mqtt_waiting waiting;

    struct pl_node *node;
    struct pl_mqtt *link;
    struct pl__node edge_node;
    struct pl__spb wire; /* of commands */
    uint64_t live_from;  /* rows in front of it were held while nobody could hear them */
    uint64_t births_counted, unfit_counted;
    uint32_t under_way; /* messages that have not left yet */
    uint32_t given_up;  /* earlier ones that have not: their rows are sent again, whatever becomes of them */
    int64_t state_time; /* of what the primary host said last */
    bool host_there, rebirth;
};

static void count(struct sink *s) {
    pl_count(s->node, BIRTHS, s->edge_node.births - s->births_counted);
    pl_count(s->node, UNFIT, s->edge_node.unfit - s->unfit_counted);
    s->births_counted = s->edge_node.births;
    s->unfit_counted = s->edge_node.unfit;
}

static bool may_speak(const struct sink *s) {
    return pl_mqtt_is_up(s->link) && (!*s->host_id || s->host_there);
}

/* ---- Sending ---- */

static bool on_send(void *user, const char *topic, const void *bytes, size_t size) {
    struct sink *s = user;
    if (pl_mqtt_publish(s->link, topic, bytes, size, 0, false) < 0) return false;
    s->under_way++;
    pl_count(s->node, MESSAGES, 1);
    pl_count(s->node, BYTES, size);
    return true;
}

static bool send_rows(struct sink *s) {
    struct pl_mqtt_waiting *w = &s->waiting;
    uint32_t row;
    const struct pl_batch *batch = pl_held_at(&w->queue, w->next, &row);
    uint32_t rows = batch->rows - row < ROWS_A_MESSAGE ? batch->rows - row : ROWS_A_MESSAGE;
    bool historical = w->next < s->live_from;
    if (historical && s->live_from - w->next < rows) rows = (uint32_t)(s->live_from - w->next);
    if (!pl__node_data(&s->edge_node, batch, row, row + rows, historical, pl_now(s->node))) return false;
    w->next += rows;
    return true;
}

static void pump(void *user) {
    struct sink *s = user;
    bool ok = true;
    if (may_speak(s) && (!s->edge_node.born || s->rebirth)) {
        ok = pl__node_birth(&s->edge_node, pl_now(s->node));
        s->rebirth = false;
    }
    while (ok && may_speak(s) && s->edge_node.born && s->under_way < UNDER_WAY && pl_mqtt_waiting_any(&s->waiting))
        ok = send_rows(s);
    if (s->edge_node.bytes.failed) pl_fail(s->node, "no memory for a message");
    if (s->under_way == 0) pl_mqtt_waiting_drop(&s->waiting, s->waiting.next);
    count(s);
}

static void on_published(void *user, int id) {
    struct sink *s = user;
    (void)id;
    if (s->given_up) {
        s->given_up--;
        return;
    }
    if (s->under_way) s->under_way--;
    if (s->under_way < UNDER_WAY / 2) pl_mqtt_waiting_soon(&s->waiting); /* not from within libmosquitto */
}

/* ---- Connection ---- */

static void keep_bd(struct sink *s) {
    struct pl_pack *value = pl_pack_new();
    if (value) pl_pack_uint(value, s->edge_node.bd);
    if (value && !pl_pack_failed(value)) pl_kept_put(s->node, kept_bd, value, NULL);
    pl_pack_free(value);
}

static void on_connecting(void *user, struct pl_mqtt *link) {
    struct sink *s = user;
    char topic[PL__SP_TOPIC_MAX + 1];
    s->edge_node.bd++;
    keep_bd(s);
    if (pl__node_death(&s->edge_node, pl_now(s->node), topic))
        pl_mqtt_will(link, topic, s->edge_node.bytes.data, s->edge_node.bytes.size, 1, false);
}

static void on_up(void *user, bool session) {
    struct sink *s = user;
    char filter[PL__SP_TOPIC_MAX + 1];
    (void)session;
    if (pl__sp_topic_put(filter, s->group, PL__NCMD, s->edge, NULL)) pl_mqtt_subscribe(s->link, filter, 1);
    if (pl__sp_topic_put(filter, s->group, PL__DCMD, s->edge, "+")) pl_mqtt_subscribe(s->link, filter, 1);
    s->host_there = false;
    s->state_time = 0;
    s->live_from = s->waiting.queue.taken;
    if (*s->host_id && snprintf(filter, sizeof filter, PL__SP_NAMESPACE "/STATE/%s", s->host_id) > 0)
        pl_mqtt_subscribe(s->link, filter, 1);
    pl_node_diag(s->node, PL_INFO, "%s: connected", s->link_options.server);
    pl_mqtt_waiting_soon(&s->waiting);
}

/* What had not left is sent again. */
static void nobody_hears(struct sink *s) {
    pl__node_lost(&s->edge_node);
    s->given_up += s->under_way;
    s->under_way = 0;
    s->waiting.next = s->waiting.queue.first;
    s->live_from = s->waiting.queue.taken;
}

static void on_down(void *user, const char *why) {
    struct sink *s = user;
    nobody_hears(s);
    s->given_up = 0; /* they went with the connection */
    pl_node_diag(s->node, PL_WARN, "%s: %s; it is tried again", s->link_options.server, why);
}

/* ---- What it is told ---- */

static void on_command(struct sink *s, const struct pl_mqtt_message *message) {
    const char *why;
    if (!pl__spb_read(&s->wire, message->payload, message->size, &why)) {
        pl_node_diag(s->node, PL_WARN, "%.200s: a command was refused: %s", message->topic, why);
        return;
    }
    for (size_t i = 0; i < pl__spb_count(&s->wire); i++) {
        struct pl__metric m;
        pl__spb_metric(&s->wire, i, PL__SP_BOOLEAN, &m);
        bool rebirth =
            m.name && strcmp(m.name, "Node Control/Rebirth") == 0 && m.holds == PL__HOLDS_NUMBER && m.value != 0;
        pl_count(s->node, rebirth ? REBIRTHS : COMMANDS, 1);
        s->rebirth |= rebirth;
        if (!rebirth)
            pl_node_diag(s->node, PL_WARN, "%.200s: '%.100s' is no set point of ours: it was refused", message->topic,
                         m.name ? m.name : "");
    }
    if (s->rebirth) pl_mqtt_waiting_soon(&s->waiting);
}

/* {"online":true,"timestamp":1764150000000}; an older one than before says nothing. */
static bool read_state(const struct pl_mqtt_message *message, bool *online, int64_t *time) {
    struct pl_json json;
    const char *key, *number;
    size_t length, digits;
    bool has_online = false;
    *time = 0;
    if (memchr(message->payload ? message->payload : "\\", '\\', message->size)) return false;
    pl_json_init(&json, message->payload, message->size, NULL);
    if (!pl_json_enter(&json, '{')) return false;
    while (pl_json_more(&json, '}') && pl_json_key(&json, &key, &length)) {
        if (length == 6 && memcmp(key, "online", 6) == 0) {
            *online = pl_json_peek(&json) == 't';
            has_online = true;
            if (!pl_json_word(&json, *online ? "true" : "false")) return false;
        } else if (length == 9 && memcmp(key, "timestamp", 9) == 0) {
            if (!pl_json_number(&json, &number, &digits) || !pl_text_int(number, digits, time)) return false;
        } else if (!pl_json_skip(&json)) {
            return false;
        }
    }
    return has_online && !json.failed && pl_json_end(&json);
}

/* A host that has gone hears nothing: the node dies, and waits for it. */
static void on_state(struct sink *s, const struct pl_mqtt_message *message) {
    char topic[PL__SP_TOPIC_MAX + 1];
    bool online = false;
    int64_t time = 0;
    if (!read_state(message, &online, &time) || time < s->state_time) return;
    s->state_time = time;
    if (online == s->host_there) return;
    s->host_there = online;
    if (online) {
        pl_mqtt_waiting_soon(&s->waiting);
        return;
    }
    if (s->edge_node.born && pl__node_death(&s->edge_node, pl_now(s->node), topic))
        on_send(s, topic, s->edge_node.bytes.data, s->edge_node.bytes.size);
    nobody_hears(s);
}

static void on_message(void *user, const struct pl_mqtt_message *message) {
    struct sink *s = user;
    struct pl__sp_topic topic;
    if (message->size > MESSAGE_MAX || !pl__sp_topic_parse(message->topic, &topic)) return;
    if (topic.type == PL__STATE)
        on_state(s, message);
    else
        on_command(s, message);
}

/* ---- Data path ---- */

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct sink *s = self;
    (void)node;
    (void)input;
    if (!pl_mqtt_waiting_put(&s->waiting, batch)) return PL_FLOW_FAIL;
    if (!may_speak(s)) s->live_from = s->waiting.queue.taken;
    pump(s);
    return PL_FLOW_OK;
}

static pl_time sink_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    pl_mqtt_waiting_watermark(&((struct sink *)self)->waiting, now);
    return now;
}

static void sink_stop(void *self, struct pl_node *node) {
    (void)node;
    pl_mqtt_waiting_stop(&((struct sink *)self)->waiting);
}

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl_mqtt_waiting_save(&((const struct sink *)self)->waiting, pack);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    (void)node;
    enum pl_code code = pl_mqtt_waiting_load(&s->waiting, unpack, error);
    s->live_from = s->waiting.queue.taken;
    return code;
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    const struct sink *s = self;
    pl_mqtt_check(&s->link_options, check);
    if (!pl__sp_name_is_good(s->group)) pl_check_error(check, "group", "a name without / + # is wanted");
    if (!pl__sp_name_is_good(s->edge)) pl_check_error(check, "edge", "a name without / + # is wanted");
    if (*s->host_id && !pl__sp_name_is_good(s->host_id))
        pl_check_error(check, "host", "a name without / + # is wanted");
    if (*s->device) pl_mqtt_naming_check(s->device, "device", check);
    pl_mqtt_naming_check(s->metric, "metric", check);
}

static enum pl_code read_kept(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    uint64_t number;
    (void)error;
    if (strcmp(key, kept_bd) == 0 && pl_unpack_uint(value, &number))
        ((struct sink *)arg)->edge_node.bd = (uint8_t)number;
    return PL_OK;
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->node = node;
    s->edge_node = (struct pl__node){.group = s->group,
                                     .edge = s->edge,
                                     .device_naming = {s->device},
                                     .metric_naming = {s->metric},
                                     .tags = pl_node_tags(node),
                                     .send = on_send,
                                     .user = s,
                                     .bd = UINT8_MAX};
    if (!pl__node_init(&s->edge_node)) return pl_error_set(error, PL_NO_MEMORY, "no memory for an edge node");
    enum pl_code code = pl_mqtt_waiting_init(&s->waiting, node, pump, s, error);
    if (!code) code = pl_kept_each(node, read_kept, s, error);
    if (code) return code;
    struct pl_mqtt_setup setup = {.options = &s->link_options,
                                  .in_flight = IN_FLIGHT,
                                  .max_message = MESSAGE_MAX,
                                  .connecting = on_connecting,
                                  .up = on_up,
                                  .down = on_down,
                                  .message = on_message,
                                  .published = on_published,
                                  .user = s};
    s->link = pl_mqtt_new(node, &setup, error);
    return s->link ? PL_OK : PL_UNAVAILABLE;
}

/* An orderly farewell has the broker forget the will: so the death is said in front of it. */
static void say_death(struct sink *s) {
    char topic[PL__SP_TOPIC_MAX + 1];
    if (s->link && s->edge_node.born && pl_mqtt_is_up(s->link) && pl__node_death(&s->edge_node, pl_now(s->node), topic))
        pl_mqtt_publish(s->link, topic, s->edge_node.bytes.data, s->edge_node.bytes.size, 0, false);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    say_death(s);
    pl_mqtt_free(s->link);
    s->link = NULL;
    pl_mqtt_waiting_fini(&s->waiting);
    pl__node_fini(&s->edge_node);
    pl__spb_fini(&s->wire);
}

/* ---- Descriptor ---- */

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_MQTT_OPTIONS(struct sink, link_options),
    PL_OPT_STRING(struct sink, group, "group", "potline", PL_FIXED, "The group that it belongs to."),
    PL_OPT_STRING(struct sink, edge, "edge", NULL, PL_FIXED, "The name of the edge node, one in the group."),
    PL_OPT_STRING(struct sink, device, "device", "{asset}", PL_FIXED, "A tag's device: {asset}, {p1}, {p2}, ...; \"\": metrics of the node itself."),
    PL_OPT_STRING(struct sink, metric, "metric", "{signal}", PL_FIXED, "A tag's metric: {signal}, {path}, {tag}, ..."),
    PL_OPT_STRING(struct sink, host_id, "host", "", PL_FIXED, "The primary host: while it is away rows are held, and leave as historical when it is back. None: nobody is waited for."),
    PL_MQTT_WAITING_OPTIONS(struct sink, waiting),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__sink_sparkplug = {
    PL_OPERATOR("sink.sparkplug", "Publishes samples over MQTT as an edge node of Sparkplug B."),
    .doc =
        "The node is born with its devices and metrics, and a device is born again when it gets a new one; data goes\n"
        "by alias, with the time and quality of each sample, units and ranges are in the births. It is born again "
        "when\n"
        "a host asks for it (Node Control/Rebirth). Other commands are refused: set points come into a graph through\n"
        "a source, and leave it through a guard.",
    .guarantee = "At most once, as Sparkplug's QoS 0 is, while somebody is connected. Rows that have not left when the "
                 "connection breaks, or while the primary host is away, are held, part of the state, and sent later as "
                 "historical.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "The samples."}),
    .options = sink_options,
    .counters = PL_COUNTERS({.name = "messages", .unit = "messages", .doc = "Messages handed to the connection."},
                            {.name = "bytes", .unit = "bytes", .doc = "Bytes of their payloads."},
                            {.name = "births", .unit = "times", .doc = "Births of the node and its devices."},
                            {.name = "rebirths", .unit = "times", .doc = "Requests to be born again."},
                            {.name = "commands_refused", .unit = "metrics", .doc = "Other commands."},
                            {.name = "unfit", .unit = "rows", .doc = "Rows whose tag makes no device or metric."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_OUTSIDE | PL_OP_ANY_ORDER | PL_OP_BLOCKING,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .watermark = sink_watermark,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .stop = sink_stop,
    .close = sink_close,
};
