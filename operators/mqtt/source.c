/* source.mqtt: messages of topics as rows, acknowledged when the log has them.
 *
 * Messages are read in rounds, in `produce`. As soon as one of QoS 1 has come nothing is written to the broker any
 * more (link.h), so its acknowledgement stays here; the round ends, and the next one begins when the log has said that
 * the rows are safe (`durable`) and the answers have left. A round is what there is, `in_flight` messages at most, for
 * the broker sends no more without an answer.
 */
#include <math.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "events.h"
#include "link.h"
#include "mqtt.h"
#include "payload.h"
#include "template.h"

enum { PACKETS_A_CALL = 2048, ROWS_A_BATCH = 4096, ROWS_A_MESSAGE = 1024, TOPICS_MAX = 64, STATE_ITEMS = 2 };
enum { OUT, EVENTS };
enum { MESSAGES, BYTES, BAD, UNMATCHED, RETAINED, MISSING, ROUNDS, SESSIONS, EVENTS_LEFT_OUT };
enum { RETAINED_TAKE, RETAINED_SKIP };

struct topic_row {
    const char *topic, *tag;
    struct pl__payload payload;
};

struct source {
    struct pl_mqtt_options link_options; /* first */
    struct pl_list topics;
    int64_t qos, in_flight, max_message;
    pl_time session;
    uint32_t retained;

    struct pl_node *node;
    struct pl_mqtt *link;
    struct pl_pattern *patterns; /* of the topics */
    struct pl__payload_reader reader;
    struct pl_mqtt_events events;
    struct pl_batch *open;
    uint64_t run;   /* tells this instance's positions from those of an earlier one */
    uint64_t given; /* messages of QoS 1 so far */
    uint64_t owed;  /* of them: what has to be safe before they are acknowledged */
    uint64_t safe;  /* of them: those that the log has */
    pl_time last;   /* of a row that has come lately */
    bool known;     /* a session has been there before */
    bool news;      /* the call at hand gives rows, or letters */
    bool failed, stopping;
};

/* ---- Connection ---- */

static void on_up(void *user, bool session) {
    struct source *s = user;
    const struct topic_row *rows = s->topics.items;
    for (uint32_t i = 0; i < s->topics.count; i++) {
        char filter[PL_MQTT_TOPIC_MAX + 1];
        if (!pl_pattern_filter(&s->patterns[i], filter, sizeof filter) ||
            !pl_mqtt_subscribe(s->link, filter, (unsigned)s->qos))
            pl_node_diag(s->node, PL_ERROR, "cannot subscribe to %s", rows[i].topic);
    }
    if (s->known && s->qos > 0 && !session) {
        pl_count(s->node, SESSIONS, 1);
        pl_lost(s->node, PL_LOSS_MISSING, 0, s->last ? s->last : PL_TIME_MIN, 1, "session");
        pl_mqtt_events_put(&s->events, "mqtt.session_lost", 700, 0, "the broker has forgotten what it kept for us");
    }
    s->known = true;
    pl_mqtt_events_up(&s->events);
    pl_wake(s->node);
}

static void on_down(void *user, const char *why) {
    struct source *s = user;
    pl_mqtt_events_down(&s->events, why);
    pl_wake(s->node);
}

static void on_readable(void *user) {
    pl_wake(((struct source *)user)->node);
}

/* ---- Messages ---- */

static void refuse(struct source *s, const struct pl_mqtt_message *message, const char *cause, const char *reason) {
    struct pl_letter letter = {.place = message->topic,
                               .cause = cause,
                               .reason = reason,
                               .bytes = message->payload,
                               .size = message->size,
                               .time = s->last ? s->last : PL_TIME_MIN};
    s->news = true;
    pl_count(s->node, BAD, 1);
    pl_node_diag(s->node, PL_WARN, "%.200s: a message of %u bytes was refused: %s", message->topic, message->size,
                 reason);
    pl_letter(s->node, &letter);
}

static bool has_batch(struct source *s) {
    if (!s->open) s->open = pl_node_batch(s->node, PL_SAMPLES, ROWS_A_BATCH, 0);
    if (!s->open) {
        pl_fail(s->node, "no memory for a batch");
        s->failed = true;
    }
    return s->open != NULL;
}

/* The name for a topic; 0: none can be made. */
static size_t name_of(const struct topic_row *row, const char *topic, const struct pl_variables *variables,
                      char name[PL_NAME_MAX + 1]) {
    if (*row->tag) return pl_template_expand(row->tag, variables, name, PL_NAME_MAX + 1);
    size_t length = strlen(topic);
    if (length > PL_NAME_MAX) return 0;
    for (size_t i = 0; i < length; i++)
        name[i] = topic[i] == '/' ? '.' : topic[i];
    return length;
}

static void take(struct source *s, const struct topic_row *row, const struct pl_variables *variables,
                 const struct pl_mqtt_message *message) {
    char name[PL_NAME_MAX + 1];
    size_t length = name_of(row, message->topic, variables, name);
    if (!length || length > PL_NAME_MAX) {
        refuse(s, message, "tag", "no tag of 1 to 255 bytes can be made of its topic");
        return;
    }
    if (!has_batch(s)) return;
    uint32_t missing = s->reader.missing, before = s->open->rows;
    s->reader.now = pl_now(s->node);
    enum pl__payload_verdict verdict =
        pl__payload_read(&s->reader, &row->payload, name, length, message->payload, message->size, s->open);
    if (verdict == PL__PAYLOAD_FULL && pl_emit(s->node, OUT, &s->open) == PL_FLOW_OK && has_batch(s)) {
        s->news = true;
        before = 0;
        verdict = pl__payload_read(&s->reader, &row->payload, name, length, message->payload, message->size, s->open);
    }
    switch (verdict) {
    case PL__PAYLOAD_TAKEN: break;
    case PL__PAYLOAD_REFUSED:
    case PL__PAYLOAD_FULL: refuse(s, message, s->reader.cause, s->reader.reason); return;
    case PL__PAYLOAD_NO_MEMORY:
        pl_fail(s->node, "no memory for a message");
        s->failed = true;
        return;
    }
    pl_count(s->node, MISSING, s->reader.missing - missing);
    if (s->open->rows > before) s->last = s->open->samples.time[s->open->rows - 1];
}

static void on_message(void *user, const struct pl_mqtt_message *message) {
    struct source *s = user;
    const struct topic_row *rows = s->topics.items;
    struct pl_variables variables;
    pl_count(s->node, MESSAGES, 1);
    pl_count(s->node, BYTES, message->size);
    if (message->qos > 0) {
        s->given++;
        if (pl_node_epoch(s->node)) pl_mqtt_hold(s->link);
    }
    if (message->retained && s->retained == RETAINED_SKIP) {
        pl_count(s->node, RETAINED, 1);
        return;
    }
    if (message->size > s->max_message) {
        refuse(s, message, "too_long", "it is longer than max_message");
        return;
    }
    for (uint32_t i = 0; i < s->topics.count; i++) {
        if (!pl_pattern_match(&s->patterns[i], message->topic, &variables)) continue;
        take(s, &rows[i], &variables, message);
        return;
    }
    pl_count(s->node, UNMATCHED, 1);
}

/* ---- Data path ---- */

static bool goes_on(void *user) {
    const struct source *s = user;
    return !s->failed && (!s->open || s->open->capacity - s->open->rows >= ROWS_A_MESSAGE);
}

static void release(struct source *s) {
    if (!s->link || !pl_mqtt_holds(s->link) || s->safe < s->owed) return;
    pl_count(s->node, ROUNDS, 1);
    pl_mqtt_release(s->link);
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *s = self;
    if (s->stopping) return PL_FLOW_WAIT;
    s->news = false;
    /* What has been read while answers are held back would have to wait for the next ones. */
    bool more = !pl_mqtt_holds(s->link) && pl_mqtt_read(s->link, PACKETS_A_CALL, goes_on);
    if (s->failed) return PL_FLOW_FAIL;
    s->news |= s->open && s->open->rows > 0;
    enum pl_flow flow = s->open ? pl_emit(node, OUT, &s->open) : PL_FLOW_OK;
    if (flow == PL_FLOW_OK) flow = pl_mqtt_events_emit(&s->events, EVENTS);
    if (flow) return flow;
    if (s->news) s->owed = s->given;
    release(s); /* nothing came of those that have come */
    return more && !pl_mqtt_holds(s->link) ? PL_FLOW_OK : PL_FLOW_WAIT;
}

static void source_durable(void *self, struct pl_node *node, struct pl_unpack *position) {
    struct source *s = self;
    uint32_t items;
    uint64_t run, safe;
    (void)node;
    if (!pl_unpack_array(position, &items) || items != STATE_ITEMS || !pl_unpack_uint(position, &run) ||
        !pl_unpack_uint(position, &safe) || run != s->run)
        return;
    s->safe = safe;
    release(s);
}

static void source_stop(void *self, struct pl_node *node) {
    (void)node;
    ((struct source *)self)->stopping = true;
}

/* ---- State: [run, messages] ---- */

static void source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct source *s = self;
    (void)node;
    pl_pack_array(pack, STATE_ITEMS);
    pl_pack_uint(pack, s->run);
    pl_pack_uint(pack, s->given);
}

/* Where an earlier run stood is the broker's to know; that there was one tells a lost session. */
static enum pl_code source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                   struct pl_error **error) {
    struct source *s = self;
    uint32_t items;
    uint64_t run, given;
    (void)node;
    if (!pl_unpack_array(unpack, &items) || items != STATE_ITEMS || !pl_unpack_uint(unpack, &run) ||
        !pl_unpack_uint(unpack, &given))
        return pl_error_set(error, PL_CORRUPT, "not the place of a source of messages");
    s->known = true;
    return PL_OK;
}

/* ---- Life cycle ---- */

static void check_row(const struct topic_row *row, uint32_t index, struct pl_check *check) {
    char option[48], filter[PL_MQTT_TOPIC_MAX + 1];
    struct pl_pattern pattern;
    struct pl_span name;
    const char *why = pl_pattern_parse(&pattern, row->topic);
    snprintf(option, sizeof option, "topics[%u].topic", index);
    if (!why && (!pl_pattern_filter(&pattern, filter, sizeof filter) || !pl_mqtt_filter_is_good(filter)))
        why = "no topic can be made of it";
    if (why) pl_check_error(check, option, "%s", why);
    snprintf(option, sizeof option, "topics[%u].tag", index);
    const char *at = row->tag, *problem;
    while (pl_template_next(&at, &name, &problem))
        if (!why && !pl_pattern_has(&pattern, name.text, name.length))
            pl_check_error(check, option, "{%.*s} is no part of the topic", (int)name.length, name.text);
    if (problem) pl_check_error(check, option, "%s", problem);
}

static void source_check(void *self, struct pl_check *check) {
    const struct source *s = self;
    pl_mqtt_check(&s->link_options, check);
    if (s->topics.count < 1 || s->topics.count > TOPICS_MAX)
        pl_check_error(check, "topics", "1 to %d topics are wanted", TOPICS_MAX);
    for (uint32_t i = 0; i < s->topics.count && i < TOPICS_MAX; i++)
        check_row(&((const struct topic_row *)s->topics.items)[i], i, check);
    if (s->qos == 0 && pl_check_given(check, "session"))
        pl_check_warning(check, "session", "with QoS 0 the broker keeps nothing");
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    s->node = node;
    s->reader.tags = pl_node_tags(node);
    if (uv_random(NULL, NULL, &s->run, sizeof s->run, 0, NULL)) s->run = uv_hrtime();
    s->patterns = pl_alloc(s->topics.count * sizeof *s->patterns);
    if (!s->patterns) return pl_error_set(error, PL_NO_MEMORY, "no memory for topics");
    for (uint32_t i = 0; i < s->topics.count; i++)
        pl_pattern_parse(&s->patterns[i], ((const struct topic_row *)s->topics.items)[i].topic);
    enum pl_code code = pl_mqtt_events_init(&s->events, node, s->link_options.server, EVENTS_LEFT_OUT, error);
    if (code) return code;
    struct pl_mqtt_setup setup = {
        .options = &s->link_options,
        .keep_session = s->qos > 0,
        .session = s->session,
        .in_flight = (uint16_t)s->in_flight,
        .max_message = (uint32_t)s->max_message,
        .up = on_up,
        .down = on_down,
        .readable = on_readable,
        .message = on_message,
        .user = s,
    };
    s->link = pl_mqtt_new(node, &setup, error);
    return s->link ? PL_OK : PL_UNAVAILABLE;
}

static void source_close(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    pl_mqtt_free(s->link);
    s->link = NULL;
    pl_batch_unref(s->open);
    s->open = NULL;
    pl_mqtt_events_fini(&s->events);
    pl__payload_fini(&s->reader);
    pl_free(s->patterns);
    s->patterns = NULL;
}

/* ---- Descriptor ---- */

static const char *const form_names[] = {"json", "plain", NULL};
static const char *const unit_names[] = {"auto", "s", "ms", "us", "ns", NULL};
static const char *const retained_names[] = {"take", "skip", NULL};

#define ROW struct topic_row
/* clang-format off */
static const struct pl_option topic_options[] = {
    PL_OPT_STRING(ROW, topic, "topic", NULL, PL_FIXED, "Its levels; {name} is any text of a level, and # as the last one all that follow: plant/{line}/{pot}/{signal}."),
    PL_OPT_STRING(ROW, tag, "tag", "", PL_FIXED, "The tag, of the topic's parts: {line}.{pot}.{signal}; none: the whole topic, with dots."),
    PL_OPT_CHOICE(ROW, payload.form, "payload", "json", form_names, PL_FIXED, "json: a number, an object or an array of them; plain: a number or a state as text."),
    PL_OPT_STRING(ROW, payload.value, "value", "value", PL_FIXED, "Path of the value in an object."),
    PL_OPT_STRING(ROW, payload.time, "time", "time", PL_FIXED, "Path of its time; where there is none, the moment that it came counts."),
    PL_OPT_CHOICE(ROW, payload.unit, "time_unit", "auto", unit_names, PL_FIXED, "Of a time that is a number since 1970; auto tells by its size."),
    PL_OPT_STRING(ROW, payload.quality, "quality", "quality", PL_FIXED, "Path of its quality, as words (bad|missing) or our number; it need not be there."),
    PL_OPT_BOOL(ROW, payload.members, "members", "false", PL_FIXED, "Each other member of an object is a sample, its name behind the tag."),
    PL_OPT_END,
};
static const struct pl_option source_options[] = {
    PL_MQTT_OPTIONS(struct source, link_options),
    PL_OPT_LIST(struct source, topics, "topics", NULL, ROW, topic_options, PL_FIXED, "What is subscribed to; the first that fits a message says how it is read."),
    PL_OPT_INT(struct source, qos, "qos", "1", "0", "1", PL_FIXED, "Asked of the broker: 0 at most once, 1 at least once. What was published with 2 comes with it."),
    PL_OPT_INT(struct source, in_flight, "in_flight", "1000", "1", "65535", PL_FIXED,
        "Messages that the broker sends ahead of their acknowledgements (MQTT 5; with 3.1.1 it decides itself). What can pass in the time of a log's sync."),
    PL_OPT_DURATION(struct source, session, "session", "1d", "1m", "100d", PL_FIXED, "How long the broker keeps messages while nobody is here (MQTT 5)."),
    PL_OPT_SIZE(struct source, max_message, "max_message", "256KiB", "64", "16MiB", PL_FIXED,
        "A longer message is refused; one of 66 KiB more the broker does not send at all (MQTT 5)."),
    PL_OPT_CHOICE(struct source, retained, "retained", "take", retained_names, PL_FIXED, "What the broker has kept as the last value of a topic, sent to new subscriptions."),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__source_mqtt = {
    PL_OPERATOR("source.mqtt", "Takes samples from an MQTT broker, acknowledged when the log has them."),
    .doc =
        "A topic's levels make the tag, its message the value: a number, text, or JSON with time and quality. Nothing\n"
        "in it is trusted: what cannot be read is a dead letter under its topic, counted, and acknowledged with the\n"
        "others. The connection is made anew as often as it takes; the broker keeps the session meanwhile.",
    .guarantee =
        "QoS 1 at least once: a message is acknowledged only when its rows are in the log, as safe as log.sync says, "
        "so "
        "a death of engine, connection or broker (with persistence) loses none; it may come again. QoS 0: at most "
        "once. What a broker drops (its queue is full, the session has expired) nobody is told; a session that is gone "
        "counts as one missing sample. Without a log messages are acknowledged when they have been read.",
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "A row for each value."},
                        {.name = "events", .kinds = PL_SET(PL_EVENTS), .doc = "The connection, lost and made."}),
    .options = source_options,
    .counters = PL_COUNTERS(
        {.name = "messages", .unit = "messages", .doc = "Messages that came."},
        {.name = "bytes", .unit = "bytes", .doc = "Bytes of their payloads."},
        {.name = "bad", .unit = "messages", .doc = "Messages that could not be read."},
        {.name = "unmatched", .unit = "messages", .doc = "Messages of topics that no pattern fits, as with prefixes."},
        {.name = "retained", .unit = "messages", .doc = "Retained messages that were skipped."},
        {.name = "missing", .unit = "rows", .doc = "Rows without a value."},
        {.name = "rounds", .unit = "times", .doc = "How often acknowledgements have left together."},
        {.name = "sessions_lost", .unit = "times", .doc = "How often the broker had forgotten the session."},
        {.name = "events_left_out", .unit = "events", .doc = "Events that found no room."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_BLOCKING,
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .durable = source_durable,
    .snapshot = source_snapshot,
    .restore = source_restore,
    .stop = source_stop,
    .close = source_close,
};
