/* setpoint.sparkplug: set points that a guard has let pass, as commands to the nodes and devices whose metrics they
 * are. Births say where a tag stands and of what type it is (book.h); orders.h what becomes of each set point. */
#include <math.h>
#include <string.h>

#include <potline/quality.h>

#include "book.h"
#include "host.h"
#include "sparkplug.h"
#include "way.h"

enum { IN_FLIGHT = 100, MESSAGE_MAX = 1 << 20, METRICS_MAX = 1000000 };

struct sink {
    struct pl_mqtt_way way; /* first */
    struct pl_strings groups;
    const char *tag;

    struct pl__host host;
    struct pl__book book;
    struct pl__bytes bytes;
};

/* ---- Sending ---- */

/* Of a node that is not alive nothing is known: it waits for its birth. */
static int on_send(void *user, const struct pl_order *order, pl_time left) {
    struct sink *s = user;
    char topic[PL__SP_TOPIC_MAX + 1];
    const struct pl__edge *edge;
    const struct pl__book_metric *metric = pl__book_find(&s->book, order->tag, &edge);
    (void)left;
    if (!metric || !pl_mqtt_is_up(s->host.link)) return -1;
    const char *device = edge->device[metric->device];
    struct pl__outgoing command = {.name = metric->name,
                                   .has_alias = metric->has_alias,
                                   .alias = metric->alias,
                                   .time = pl_now(s->way.node),
                                   .type = metric->type,
                                   .value = order->value};
    pl__put_payload(&s->bytes, command.time, -1);
    pl__put_metric(&s->bytes, &command);
    if (s->bytes.failed ||
        !pl__sp_topic_put(topic, edge->group, *device ? PL__DCMD : PL__NCMD, edge->name, *device ? device : NULL))
        return -1;
    return pl_mqtt_publish(s->host.link, topic, s->bytes.data, s->bytes.size, 0, false);
}

/* ---- Hearing ---- */

static pl_time on_now(void *user) {
    return pl_now(((const struct sink *)user)->way.node);
}

static bool on_row(void *user, const struct pl__book_row *row) {
    struct sink *s = user;
    /* What a dead node has said last, or what it has kept, says nothing of now. */
    bool old = row->quality & (PL_Q_STALE | PL_Q_BACKFILLED);
    if (!isnan(row->value) && !old) pl_orders_seen(&s->way.orders, row->tag, row->value);
    return true;
}

static void on_rebirth(void *user, const char *group, const char *edge) {
    pl__host_rebirth(&((struct sink *)user)->host, group, edge);
}

static void on_refused(void *user, const char *cause, const char *reason, uint32_t samples) {
    (void)user;
    (void)cause;
    (void)reason;
    (void)samples; /* source.sparkplug has them as letters */
}

static void on_missing(void *user, const char *edge, uint32_t messages) {
    (void)user;
    (void)edge;
    (void)messages;
}

static void on_told(void *user, const char *kind, uint16_t severity, const char *group, const char *edge,
                    const char *device) {
    struct sink *s = user;
    (void)severity;
    (void)group;
    (void)edge;
    (void)device;
    if (strcmp(kind, "sparkplug.born") == 0) pl_orders_up(&s->way.orders);
}

static void on_up(void *user) {
    pl__host_up(&((struct sink *)user)->host);
}

static void on_down(void *user) {
    pl__book_forget(&((struct sink *)user)->book);
}

static void on_message(void *user, const struct pl_mqtt_message *message) {
    struct sink *s = user;
    struct pl__sp_topic topic;
    if (message->size > MESSAGE_MAX || !pl__sp_topic_parse(message->topic, &topic)) return;
    if (!pl__book_take(&s->book, &topic, message->payload, message->size))
        pl_fail(s->way.node, "no memory for what edge nodes say");
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    const struct sink *s = self;
    pl_mqtt_way_check(&s->way, check);
    pl__host_check("", &s->groups, check);
    const char *why = pl__book_template_check(s->tag);
    if (why) pl_check_error(check, "tag", "%s", why);
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    struct pl__book_setup book = {.tag = s->tag,
                                  .metrics = METRICS_MAX,
                                  .again = PL_SECOND,
                                  .now = on_now,
                                  .row = on_row,
                                  .rebirth = on_rebirth,
                                  .refused = on_refused,
                                  .missing = on_missing,
                                  .told = on_told,
                                  .user = s};
    struct pl_mqtt_way_setup setup = {.in_flight = IN_FLIGHT,
                                      .max_message = MESSAGE_MAX,
                                      .reads_back = true,
                                      .send = on_send,
                                      .up = on_up,
                                      .down = on_down,
                                      .message = on_message};
    s->host = (struct pl__host){.id = "", .groups = &s->groups, .node = node};
    pl__book_init(&s->book, &book, pl_node_tags(node));
    enum pl_code code = pl_mqtt_way_open(&s->way, node, &setup, error);
    s->host.link = s->way.link;
    return code;
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_mqtt_way_close(&s->way);
    s->host.link = NULL;
    pl__host_fini(&s->host);
    pl__book_fini(&s->book);
    pl__bytes_fini(&s->bytes);
}

/* ---- Descriptor ---- */

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_MQTT_OPTIONS(struct sink, way.link_options),
    PL_OPT_STRINGS(struct sink, groups, "groups", "[\"+\"]", PL_FIXED, "Groups of edge nodes that set points are for; \"+\": all."),
    PL_OPT_STRING(struct sink, tag, "tag", "{edge}.{device}.{metric}", PL_FIXED, "A metric's tag, as in source.sparkplug."),
    PL_MQTT_WAY_OPTIONS(struct sink),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__setpoint_sparkplug = {
    PL_OPERATOR("setpoint.sparkplug", "Sends set points as commands (NCMD, DCMD) to edge nodes of Sparkplug B."),
    .doc =
        "A set point goes to the node or device whose birth has its tag, in the type that the birth says, and has\n"
        "arrived when that publishes the value. While the node is not alive it waits, until it expires. Every end is\n"
        "an event, setpoint.verified, .failed, .expired, .superseded, .withdrawn or .unmapped, and in the audit.",
    .guarantee = "A set point is verified or its event says why not. None leaves after its expiry. What was under way "
                 "when the process died is in the audit as sent, and from the next start on as not known.",
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
