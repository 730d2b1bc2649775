/* sink.mqtt: rows as messages of an MQTT broker.
 *
 * Rows are held (waiting.h) until the broker has them: for QoS 1 and 2 until it says so, and no more than `in_flight`
 * are under way. What is held is part of the state, so that rows of a safe epoch are sent again after a death.
 */
#include <string.h>

#include <potline/alloc.h>
#include <potline/row.h>
#include <potline/text.h>

#include "events.h"
#include "link.h"
#include "mqtt.h"
#include "naming.h"
#include "waiting.h"

enum { MESSAGES, BYTES, REPEATED, UNFIT, TOO_LONG };
enum { JSON, PLAIN };
enum { ROWS_A_TURN = 4096 };

struct sent {
    uint64_t row;
    int id;
    bool done;
};

struct sink {
    struct pl_mqtt_options link_options; /* first */
    const char *topic;
    uint32_t payload;
    int64_t qos, in_flight, max_message;
    bool retain;
    struct pl_mqtt_waiting waiting;

    struct pl_node *node;
    struct pl_mqtt *link;
    struct pl_mqtt_naming naming;
    struct sent *window; /* a ring of in_flight: messages under way, by row */
    uint32_t first, count;
    char *text;
    size_t room;
};

/* ---- What waits ---- */

/* Rows in front of the oldest that is under way have gone. */
static void drop_done(struct sink *s) {
    while (s->count && s->window[s->first].done) {
        s->first = (s->first + 1) % (uint32_t)s->in_flight;
        s->count--;
    }
    pl_mqtt_waiting_drop(&s->waiting, s->count ? s->window[s->first].row : s->waiting.next);
}

/* ---- Messages ---- */

static char *make_room(struct sink *s, size_t size) {
    if (size <= s->room) return s->text;
    char *grown = pl_realloc(s->text, 2 * size);
    if (!grown) return NULL;
    s->text = grown;
    s->room = 2 * size;
    return grown;
}

/* The end of the payload; NULL without memory. */
static char *write_payload(struct sink *s, const struct pl_batch *batch, uint32_t row) {
    static const struct pl_row_form form = {.infinities = true};
    char *at = make_room(s, s->payload == PLAIN ? PL_TEXT_F64_MAX : 2 + pl_row_room(batch, row));
    if (!at) return NULL;
    if (s->payload == PLAIN) return pl_text_put_f64(at, batch->samples.value[row]);
    *at++ = '{';
    at = pl_row_put(at, &form, pl_node_tags(s->node), batch, row);
    if (at) *at++ = '}';
    return at;
}

enum outcome { SENT, LEFT_OUT, LATER, FAILED };

static enum outcome send_row(struct sink *s, const struct pl_batch *batch, uint32_t row, int *id) {
    char topic[PL_MQTT_TOPIC_MAX + 1];
    if (!pl_mqtt_naming_topic(&s->naming, pl_node_tags(s->node), batch, row, topic)) {
        pl_count(s->node, UNFIT, 1);
        return LEFT_OUT;
    }
    const char *end = write_payload(s, batch, row);
    if (!end) {
        pl_fail(s->node, "no memory for a message");
        return FAILED;
    }
    size_t size = (size_t)(end - s->text);
    if ((int64_t)size > s->max_message) {
        pl_count(s->node, TOO_LONG, 1);
        return LEFT_OUT;
    }
    *id = pl_mqtt_publish(s->link, topic, s->text, size, (unsigned)s->qos, s->retain);
    if (*id < 0) return LATER;
    pl_count(s->node, MESSAGES, 1);
    pl_count(s->node, BYTES, size);
    return SENT;
}

static void pump(void *user) {
    struct sink *s = user;
    struct pl_mqtt_waiting *w = &s->waiting;
    for (unsigned i = 0; pl_mqtt_is_up(s->link) && pl_mqtt_waiting_any(w) && s->count < s->in_flight; i++) {
        uint32_t row;
        int id = -1;
        if (i == ROWS_A_TURN) { /* the loop has others, and QoS 0 is to leave the process in between */
            pl_mqtt_waiting_soon(w);
            break;
        }
        const struct pl_batch *batch = pl_held_at(&w->queue, w->next, &row);
        enum outcome outcome = send_row(s, batch, row, &id);
        if (outcome == FAILED || outcome == LATER) break;
        if (outcome == SENT)
            s->window[(s->first + s->count++) % (uint32_t)s->in_flight] = (struct sent){.row = w->next, .id = id};
        w->next++;
    }
    drop_done(s);
}

/* Of QoS 0: it has left. The oldest is the one, mostly. */
static void on_published(void *user, int id) {
    struct sink *s = user;
    for (uint32_t i = 0; i < s->count; i++) {
        struct sent *sent = &s->window[(s->first + i) % (uint32_t)s->in_flight];
        if (sent->id != id || sent->done) continue;
        sent->done = true;
        break;
    }
    if (s->count && s->window[s->first].done) pl_mqtt_waiting_soon(&s->waiting); /* not from within libmosquitto */
}

/* ---- Connection ---- */

static void on_up(void *user, bool session) {
    struct sink *s = user;
    (void)session;
    pl_count(s->node, REPEATED, s->count);
    pl_node_diag(s->node, PL_INFO, "%s: connected", s->link_options.server);
    pl_mqtt_waiting_soon(&s->waiting);
}

/* What has left without an answer is sent again by libmosquitto; of QoS 0 it is gone. */
static void on_down(void *user, const char *why) {
    struct sink *s = user;
    pl_node_diag(s->node, PL_WARN, "%s: %s; it is tried again", s->link_options.server, why);
    if (s->qos > 0) return;
    for (uint32_t i = 0; i < s->count; i++)
        s->window[(s->first + i) % (uint32_t)s->in_flight].done = true;
    drop_done(s);
}

/* ---- Data path ---- */

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct sink *s = self;
    (void)node;
    (void)input;
    if (!pl_mqtt_waiting_put(&s->waiting, batch)) return PL_FLOW_FAIL;
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
    (void)node;
    return pl_mqtt_waiting_load(&((struct sink *)self)->waiting, unpack, error);
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    const struct sink *s = self;
    pl_mqtt_check(&s->link_options, check);
    pl_mqtt_naming_check(s->topic, "topic", check);
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->node = node;
    s->naming.template = s->topic;
    if (s->payload == PLAIN && pl_node_kind(node) != PL_SAMPLES)
        return pl_error_set(error, PL_USAGE, "payload: plain is for samples; rows of %s have more than a value",
                            pl_kind_info[pl_node_kind(node)].name);
    enum pl_code code = pl_mqtt_waiting_init(&s->waiting, node, pump, s, error);
    if (code) return code;
    s->window = pl_alloc((size_t)s->in_flight * sizeof *s->window);
    if (!s->window) return pl_error_set(error, PL_NO_MEMORY, "no memory for messages under way");
    struct pl_mqtt_setup setup = {
        .options = &s->link_options,
        .in_flight = (uint16_t)s->in_flight,
        .up = on_up,
        .down = on_down,
        .published = on_published,
        .user = s,
    };
    s->link = pl_mqtt_new(node, &setup, error);
    return s->link ? PL_OK : PL_UNAVAILABLE;
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_mqtt_free(s->link);
    s->link = NULL;
    pl_mqtt_waiting_fini(&s->waiting);
    pl_free(s->window);
    pl_free(s->text);
    s->window = NULL;
    s->text = NULL;
}

/* ---- Descriptor ---- */

static const char *const payload_names[] = {"json", "plain", NULL};

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_MQTT_OPTIONS(struct sink, link_options),
    PL_OPT_STRING(struct sink, topic, "topic", "potline/{path}", PL_FIXED,
        "Of a row's message: {tag}, {path} (with / for each dot), {asset}, {signal} (the last part), {kind}, and {p1}, {p2}, ... the parts."),
    PL_OPT_CHOICE(struct sink, payload, "payload", "json", payload_names, PL_FIXED, "json: the row as an object; plain: the value of a sample as text."),
    PL_OPT_INT(struct sink, qos, "qos", "1", "0", "2", PL_FIXED, "0 at most once, 1 at least once, 2 each once while the engine lives."),
    PL_OPT_BOOL(struct sink, retain, "retain", "false", PL_FIXED, "The broker keeps the last message of a topic for who subscribes later."),
    PL_OPT_INT(struct sink, in_flight, "in_flight", "100", "1", "65535", PL_FIXED, "Messages under way without an answer."),
    PL_OPT_SIZE(struct sink, max_message, "max_message", "256KiB", "64", "16MiB", PL_FIXED, "A row that makes a longer message is left out."),
    PL_MQTT_WAITING_OPTIONS(struct sink, waiting),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__sink_mqtt = {
    PL_OPERATOR("sink.mqtt", "Publishes rows to an MQTT broker."),
    .doc =
        "A row is a message under a topic made of its tag or asset. Set points do not go this way: setpoint.mqtt\n"
        "takes them, from a guard. While the broker is away rows wait: here up to `hold`, then in the node's backlog\n"
        "(on_full: spill).",
    .guarantee =
        "QoS 1 at least once: rows that the broker has not acknowledged are part of the state, and are sent again "
        "after "
        "a break of the connection or a death of the engine (with a log). QoS 2: each once over breaks of the "
        "connection; after a death some come again. QoS 0: at most once, and lost while the connection breaks.",
    .inputs = PL_PORTS(
        {.name = "in", .kinds = PL_SET_ALL & ~PL_SET(PL_SETPOINTS), .doc = "Rows of one kind that is not set points."}),
    .options = sink_options,
    .counters = PL_COUNTERS({.name = "messages", .unit = "messages", .doc = "Messages handed to the connection."},
                            {.name = "bytes", .unit = "bytes", .doc = "Bytes of their payloads."},
                            {.name = "repeated",
                             .unit = "messages",
                             .doc = "Messages under way when the connection broke: they leave again."},
                            {.name = "unfit", .unit = "rows", .doc = "Rows whose tag makes no topic."},
                            {.name = "too_long", .unit = "rows", .doc = "Rows longer than max_message."}),
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
