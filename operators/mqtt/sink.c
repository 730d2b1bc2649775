/* sink.mqtt: rows as messages of an MQTT broker.
 *
 * Rows are held (held.h) until the broker has them: for QoS 1 and 2 until it says so, and no more than `in_flight` are
 * under way. What is held is part of the state, so that rows of a safe epoch are sent again after a death.
 */
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/row.h>
#include <potline/text.h>

#include "events.h"
#include "held.h"
#include "later.h"
#include "link.h"
#include "mqtt.h"
#include "naming.h"

enum { MESSAGES, BYTES, REPEATED, UNFIT, TOO_LONG };
enum { JSON, PLAIN };
enum { LINGER_TICK = 50 /* ms */, ROWS_A_TURN = 4096 };

struct sent {
    uint64_t row;
    int id;
    bool done;
};

struct sink {
    struct pl_mqtt_options link_options;
    const char *topic;
    uint32_t payload;
    int64_t qos, in_flight, hold, max_message;
    bool retain;
    pl_time linger;

    struct pl_node *node;
    struct pl_mqtt *link;
    struct pl_mqtt_naming naming;
    struct pl_held queue;
    struct pl_codec *codec;
    struct pl_later *end, *again;
    struct sent *window; /* a ring of in_flight: messages under way, by row */
    uint32_t first, count;
    uint64_t next; /* the row that is sent next */
    uint64_t end_at;
    char *text;
    size_t room;
    bool ending, at_end, given_up;
};

/* ---- What waits ---- */

static bool is_done(const struct sink *s) {
    return s->queue.taken == s->queue.first;
}

static void settle(struct sink *s) {
    bool ending = s->ending && !s->given_up && !is_done(s);
    pl_busy(s->node, ending || s->queue.bytes >= s->hold);
}

/* Rows in front of the oldest that is under way have gone. */
static void drop_done(struct sink *s) {
    while (s->count && s->window[s->first].done) {
        s->first = (s->first + 1) % (uint32_t)s->in_flight;
        s->count--;
    }
    pl_held_drop(&s->queue, s->count ? s->window[s->first].row : s->next);
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

static void pump(struct sink *s) {
    for (unsigned i = 0; pl_mqtt_is_up(s->link) && s->next < s->queue.taken && s->count < s->in_flight; i++) {
        uint32_t row;
        int id = -1;
        if (i == ROWS_A_TURN) { /* the loop has others, and QoS 0 is to leave the process in between */
            pl_later_in(s->again, 0);
            break;
        }
        const struct pl_batch *batch = pl_held_at(&s->queue, s->next, &row);
        enum outcome outcome = send_row(s, batch, row, &id);
        if (outcome == FAILED || outcome == LATER) break;
        if (outcome == SENT)
            s->window[(s->first + s->count++) % (uint32_t)s->in_flight] = (struct sent){.row = s->next, .id = id};
        s->next++;
    }
    drop_done(s);
    settle(s);
}

static void on_again(void *user) {
    pump(user);
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
    if (s->count && s->window[s->first].done) pl_later_in(s->again, 0); /* not from within libmosquitto */
}

/* ---- Connection ---- */

static void on_up(void *user, bool session) {
    struct sink *s = user;
    (void)session;
    pl_count(s->node, REPEATED, s->count);
    pl_node_diag(s->node, PL_INFO, "%s: connected", s->link_options.server);
    pl_later_in(s->again, 0);
}

/* What has left without an answer is sent again by libmosquitto; of QoS 0 it is gone. */
static void on_down(void *user, const char *why) {
    struct sink *s = user;
    pl_node_diag(s->node, PL_WARN, "%s: %s; it is tried again", s->link_options.server, why);
    if (s->qos > 0) return;
    for (uint32_t i = 0; i < s->count; i++)
        s->window[(s->first + i) % (uint32_t)s->in_flight].done = true;
    drop_done(s);
    settle(s);
}

/* ---- Data path ---- */

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct sink *s = self;
    (void)input;
    if (!pl_held_put(&s->queue, batch)) return pl_fail(node, "no memory for rows that wait");
    pl_held_seal_all(&s->queue);
    pump(s);
    return PL_FLOW_OK;
}

static pl_time sink_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    if (now == PL_TIME_MAX) ((struct sink *)self)->at_end = true;
    return now;
}

/* ---- The end ---- */

static void end_over(void *user) {
    struct sink *s = user;
    if (is_done(s)) return;
    if (uv_hrtime() < s->end_at) {
        pl_later_in(s->end, LINGER_TICK);
        return;
    }
    uint64_t rows = s->queue.taken - s->queue.first;
    s->given_up = true;
    if (s->at_end || !pl_node_epoch(s->node))
        pl_fail(s->node, "%llu rows could not be sent in time: the broker is away or slow", (unsigned long long)rows);
    else
        pl_node_diag(s->node, PL_WARN, "%llu rows wait for the next run: the broker is away or slow",
                     (unsigned long long)rows);
    settle(s);
}

static void sink_stop(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    if (s->ending) return;
    s->ending = true;
    s->end_at = uv_hrtime() + (uint64_t)s->linger;
    pump(s);
    if (!is_done(s)) pl_later_in(s->end, LINGER_TICK);
}

/* ---- State: [base, first, [batch, ...]] ---- */

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct sink *s = self;
    struct pl_error *error = NULL;
    pl_pack_array(pack, PL_HELD_ITEMS);
    if (pl_held_save(&s->queue, s->codec, pack, &error))
        pl_fail(node, "rows that wait cannot be saved: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != PL_HELD_ITEMS)
        return pl_error_set(error, PL_CORRUPT, "not the rows that a sink holds");
    enum pl_code code = pl_held_load(&s->queue, s->codec, pl_node_kind(node), unpack, error);
    s->next = s->queue.first;
    return code;
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
    s->codec = pl_codec_new(pl_node_tags(node));
    s->end = pl_later_new(pl_node_loop(node), end_over, s);
    s->again = pl_later_new(pl_node_loop(node), on_again, s);
    s->window = pl_alloc((size_t)s->in_flight * sizeof *s->window);
    if (!s->codec || !s->end || !s->again || !s->window)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for messages under way");
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
    pl_later_free(s->end);
    pl_later_free(s->again);
    s->end = s->again = NULL;
    pl_codec_free(s->codec);
    s->codec = NULL;
    pl_held_fini(&s->queue);
    pl_free(s->window);
    pl_free(s->text);
    s->window = NULL;
    s->text = NULL;
}

/* ---- Descriptor ---- */

static const char *const payload_names[] = {"json", "plain", NULL};
static const struct pl_option tls_options[] = PL_MQTT_TLS_OPTIONS(struct sink, link_options);

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_MQTT_OPTIONS(struct sink, link_options, tls_options),
    PL_OPT_STRING(struct sink, topic, "topic", "potline/{path}", PL_FIXED,
        "Of a row's message: {tag}, {path} (with / for each dot), {asset}, {signal} (the last part), {kind}, and {p1}, {p2}, ... the parts."),
    PL_OPT_CHOICE(struct sink, payload, "payload", "json", payload_names, PL_FIXED, "json: the row as an object; plain: the value of a sample as text."),
    PL_OPT_INT(struct sink, qos, "qos", "1", "0", "2", PL_FIXED, "0 at most once, 1 at least once, 2 each once while the engine lives."),
    PL_OPT_BOOL(struct sink, retain, "retain", "false", PL_FIXED, "The broker keeps the last message of a topic for who subscribes later."),
    PL_OPT_INT(struct sink, in_flight, "in_flight", "100", "1", "65535", PL_FIXED, "Messages under way without an answer."),
    PL_OPT_SIZE(struct sink, max_message, "max_message", "256KiB", "64", "16MiB", PL_FIXED, "A row that makes a longer message is left out."),
    PL_OPT_SIZE(struct sink, hold, "hold", "16MiB", "64KiB", "1GiB", PL_FIXED, "Rows that wait here and are part of the state; more makes the node busy."),
    PL_OPT_DURATION(struct sink, linger, "linger", "5s", "0s", "10m", PL_FIXED, "How long the last rows may take to leave at the end."),
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
