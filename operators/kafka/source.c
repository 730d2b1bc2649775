/* source.kafka: messages of topics as rows, each of them once.
 *
 * The node reads at offsets of its own, which travel with the rows into the log, as a file's place does: no consumer
 * group decides, and nothing has to be committed. A job (look.h) asks for partitions and offsets at the start, every
 * `refresh`, and when something is wrong with one; what is read of them is put in order by shares.h.
 */
#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "kafka.h"
#include "source_impl.h"

enum { MESSAGES_A_CALL = 512, ROWS_A_CALL = 4096 };

/* ---- Messages ---- */

/* False: the node cannot go on. */
static bool take_value(struct source *s, struct pl__share *share, const rd_kafka_message_t *message) {
    pl_time newest;
    uint32_t refused;
    struct pl__why why;
    pl_count(s->node, MESSAGES, 1);
    pl_count(s->node, BYTES, message->len);
    if (!message->len) {
        pl_count(s->node, EMPTY, 1);
        return true;
    }
    switch (pl__values_take(&s->values, message, &newest, &refused, &why)) {
    case PL__TAKEN: break;
    case PL__REFUSED_VALUE:
        pl_count(s->node, BAD, 1);
        pl__values_refuse(&s->values, message, &why, s->last ? s->last : PL_TIME_MIN);
        return true;
    case PL__FAILED_VALUE: pl_fail(s->node, "no memory for the rows of a message"); return false;
    }
    if (newest > PL_TIME_MIN) s->last = newest;
    if (newest > share->newest) share->newest = newest;
    pl_count(s->node, REFUSED_ROWS, refused);
    if (refused) pl_lost(s->node, PL_LOSS_REJECTED, 0, s->last, refused, "max_tags");
    return true;
}

static void on_trouble(struct source *s, struct pl__share *share, const rd_kafka_message_t *message) {
    const char *name = s->topics.items[share->topic];
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (message->offset > share->next) share->next = message->offset;
        share->at_end = true;
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        share->check = true;
        s->look_at = 0;
        return;
    default:
        if (!pl__is_away(message->err))
            pl_node_diag(s->node, PL_WARN, "%s[%d]: %s", name, share->partition, rd_kafka_message_errstr(message));
    }
}

/* Behind the end as it stood at the start nothing is taken. */
static bool take_one(struct source *s, struct pl__share *share) {
    rd_kafka_message_t *message = share->taken[share->from++];
    bool ok = true;
    share->count--;
    if (message->err) {
        on_trouble(s, share, message);
    } else if (!pl__share_is_done(share)) {
        share->at_end = false;
        ok = take_value(s, share, message);
        share->next = message->offset + 1;
    }
    rd_kafka_message_destroy(message);
    return ok;
}

/* ---- Waiting ---- */

static void on_patience(void *user) {
    pl_wake(((struct source *)user)->node);
}

/* There are messages, and an earlier one may come: true when that has been waited for long enough. */
static bool waited_enough(struct source *s, struct pl__share *behind) {
    uint64_t now = uv_hrtime();
    if (!s->waiting_since) s->waiting_since = now;
    if (now - s->waiting_since < (uint64_t)s->align) {
        pl_later_in(s->patience, (uint64_t)(s->align / PL_MILLISECOND) + 1);
        return false;
    }
    behind->passed = true;
    s->waiting_since = 0;
    return true;
}

/* That one broker of several goes away is librdkafka's business. */
static void on_error(struct source *s, rd_kafka_resp_err_t code, const char *text) {
    bool away = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (s->told || (pl__is_away(code) && !away)) return;
    pl_node_diag(s->node, PL_WARN, away ? "no broker answers: %s; tried again until it works" : "Kafka: %s", text);
    s->told = away;
    if (away) {
        pl_reach(s->node, false);
        s->look_at = 0;
    }
}

static void listen_to_client(struct source *s) {
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(pl__client_handle(s->client));
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(queue, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            on_error(s, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

static void on_ready(void *user) {
    struct source *s = user;
    listen_to_client(s);
    pl__topics_hear(s->all);
    pl_wake(s->node);
}

static enum pl_flow rest(struct source *s, bool took) {
    bool done = s->until == UNTIL_END && s->complete && pl__shares_done(&s->all->shares);
    if (done && !took) {
        s->over = true;
        return PL_FLOW_END;
    }
    return took || done ? PL_FLOW_OK : PL_FLOW_WAIT;
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *s = self;
    struct pl__share *behind = NULL;
    bool took = false;
    if (s->over) return PL_FLOW_END;
    if (s->registry_away == pl__registry_there(s->values.registry)) pl__source_reach(s);
    for (unsigned i = 0; i < MESSAGES_A_CALL; i++) {
        if (s->values.open && s->values.open->rows >= ROWS_A_CALL) break;
        pl__topics_fetch(s->all);
        struct pl__share *share = pl__shares_choose(&s->all->shares, &behind);
        if (!share && behind && waited_enough(s, behind)) continue;
        if (!share || (!pl__share_is_done(share) && !pl__values_ready(&s->values, share->taken[share->from]))) break;
        s->waiting_since = 0;
        took = true;
        if (!take_one(s, share)) return PL_FLOW_FAIL;
    }
    pl_count(node, MISSING, s->values.missing);
    s->values.missing = 0;
    enum pl_flow flow = pl__values_emit(&s->values);
    return flow ? flow : rest(s, took);
}

static void source_stop(void *self, struct pl_node *node) {
    (void)node;
    ((struct source *)self)->over = true;
}

static enum pl_code source_inject(void *self, struct pl_node *node, const void *bytes, size_t size,
                                  struct pl_error **error) {
    (void)node;
    return pl__values_again(&((struct source *)self)->values, bytes, size, error);
}

/* ---- State: [what the first line has decided, offsets] ---- */

static void source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct source *s = self;
    (void)node;
    pl_pack_array(pack, 2);
    pl_pack_uint(pack, s->values.has_lines ? pl_lines_position(&s->values.lines).form : 0);
    pl__shares_pack(&s->all->shares, s->topics.items, s->topics.count, pack);
}

static enum pl_code source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                   struct pl_error **error) {
    struct source *s = self;
    uint32_t items;
    uint64_t form;
    (void)node;
    if (!pl_unpack_array(unpack, &items) || items != 2 || !pl_unpack_uint(unpack, &form) || form > UINT32_MAX ||
        !pl__shares_unpack(&s->all->shares, s->topics.items, s->topics.count, unpack))
        return pl_error_set(error, PL_CORRUPT, "not the offsets of topics");
    struct pl_reader_position at = {.line = 1, .form = (uint32_t)form};
    if (s->values.has_lines) pl_lines_resume(&s->values.lines, &at);
    s->looked = s->all->shares.count > 0;
    return PL_OK;
}

/* ---- Life cycle ---- */

static void source_check(void *self, struct pl_check *check) {
    struct source *s = self;
    pl__client_check(&s->client_options, check);
    pl_shape_check(&s->values.shape, check);
    pl__registry_check(&s->values.registry_options, check);
    pl__encoding_check(s->values.encoding, s->values.registry_options.given, check);
    pl__topics_check(&s->topics, s->start, check);
    if (s->values.encoding >= PL__ROWS && s->values.kind != PL_SAMPLES)
        pl_check_error(check, "encoding", "rows as objects are samples; take another encoding for this kind");
}

/* What is fetched ahead is limited by bytes alone. */
static enum pl_code make_client(struct source *s, struct pl_error **error) {
    char kbytes[24];
    snprintf(kbytes, sizeof kbytes, "%" PRId64, s->buffer / 1024);
    const char *const own[][2] = {
        {"enable.partition.eof", "true"},    {"isolation.level", "read_committed"},
        {"auto.offset.reset", "error"},      {"queued.max.messages.kbytes", kbytes},
        {"queued.min.messages", "10000000"}, {"allow.auto.create.topics", "false"},
        {"fetch.wait.max.ms", "100"},        {NULL, NULL},
    };
    rd_kafka_conf_t *conf;
    enum pl_code code = pl__client_conf(&s->client_options, own, &conf, error);
    if (code) return code;
    s->client = pl__client_new(RD_KAFKA_CONSUMER, &conf, s->node, on_ready, s, error);
    if (!s->client) return PL_UNAVAILABLE;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(pl__client_handle(s->client));
    pl__client_ring_for(s->client, queue);
    rd_kafka_queue_destroy(queue);
    return pl__topics_make(s->all, pl__client_handle(s->client), &s->topics, error);
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    s->node = node;
    s->retry = SOURCE_TICK;
    pl_reach(node, false);
    s->all = PL_NEW(struct pl__topics);
    s->tick = pl_later_new(pl_node_loop(node), pl__source_tick, s);
    s->patience = pl_later_new(pl_node_loop(node), on_patience, s);
    if (!s->all || !s->tick || !s->patience) return pl_error_set(error, PL_NO_MEMORY, "no memory for topics");
    enum pl_code code = pl__values_init(&s->values, node, error);
    if (!code) code = make_client(s, error);
    if (!code) pl_later_in(s->tick, 0); /* behind `restore` */
    return code;
}

static void source_close(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    if (s->client)
        pl__client_free(s->client, pl__topics_end, s->all);
    else
        pl_free(s->all);
    s->client = NULL;
    s->all = NULL;
    pl_later_free(s->tick);
    pl_later_free(s->patience);
    s->tick = s->patience = NULL;
    pl__values_fini(&s->values);
}

/* ---- Descriptor ---- */

static const char *const kind_names[] = {"samples", "windows", "profiles", "setpoints", "events", NULL};
static const char *const until_names[] = {"never", "end", NULL};
static const char *const lost_names[] = {"earliest", "latest", "stop", NULL};
static const char *const prefix_names[] = {"none", "key", "topic", NULL};

/* clang-format off */
static const struct pl_option registry_options[] = {
    PL__REGISTRY_OPTIONS(struct source, values.registry_options),
    PL_OPT_END,
};

static const struct pl_option source_options[] = {
    PL__CLIENT_OPTIONS(struct source, client_options),
    PL_OPT_STRINGS(struct source, topics, "topic", NULL, PL_FIXED, "The topic, or a list of up to 16."),
    PL_OPT_CHOICE(struct source, values.kind, "kind", "samples", kind_names, PL_FIXED, "What the messages hold."),
    PL_OPT_CHOICE(struct source, values.encoding, "encoding", "capnp", pl__encoding_names, PL_FIXED,
        "Of messages without the header potline-encoding: a batch as schemas/batch.capnp, msgpack or JSON; or rows: one JSON object, read as source.ndjson reads a line. With a registry rows and avro are the same: the schema says which."),
    PL_OPT_GROUP(struct source, values.registry_options.given, "registry", "false", registry_options, PL_FIXED,
        "Schema registry that knows the schemas of rows, whose ids stand in front of messages; JSON Schema and Avro."),
    PL_OPT_CHOICE(struct source, values.prefix, "under", "none", prefix_names, PL_FIXED,
        "What stands, with a dot, in front of the names of tags and assets: the message's key, or its topic."),
    PL_OPT_STRING(struct source, start, "start", "earliest", PL_FIXED,
        "Where to begin when the log knows of nothing: earliest, latest, or a time (of the messages, as brokers keep it). Partitions that come later are read from their begin."),
    PL_OPT_CHOICE(struct source, until, "until", "never", until_names, PL_FIXED,
        "end: end where the topic ended when the run began."),
    PL_OPT_CHOICE(struct source, on_lost, "on_lost", "earliest", lost_names, PL_FIXED,
        "When the next message is not there any more (retention, a topic made anew): go on with the earliest or behind the latest one, counted as a loss, or stop the node."),
    PL_OPT_SIZE(struct source, buffer, "buffer", "16MiB", "64KiB", "1GiB", PL_FIXED,
        "Messages fetched ahead, of each partition. librdkafka looks once a second whether there is room again, so it is also what is read in a second at most."),
    PL_OPT_DURATION(struct source, refresh, "refresh", "30s", "1s", "1d", PL_FIXED, "How often new partitions are looked for."),
    PL_OPT_DURATION(struct source, align, "align", "2s", "0s", "1h", PL_FIXED,
        "How long a partition that is behind the others in event time, and has nothing at hand, is waited for."),
    PL_SHAPE_OPTIONS(struct source, values.shape),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__source_kafka = {
    PL_OPERATOR("source.kafka", "Takes rows from topics of Kafka, each of them once."),
    .doc =
        "A message is a batch, or with `encoding: rows` one JSON object; a header potline-encoding says it for itself. "
        "Nothing in it is trusted: what cannot be read is kept as a dead letter with its topic, partition and offset, "
        "counted, and the next one is taken. Messages without a value are passed over.\n\n"
        "With a `registry` a row has the id of its schema in front, as Confluent's serializers write it, and is JSON "
        "or Avro as the schema says; fields are named as in a line of JSON. While the registry does not answer, the "
        "source waits at that message; one whose schema is not known, cannot be read or does not fit is a dead "
        "letter.\n\n"
        "Partitions are read in order "
        "of event time as far as can be told, so that a backlog does not come late. Only what is committed is read. "
        "While no broker answers, or the topic is not there, it is tried again.",
    .guarantee =
        "Each message once, when the graph has a log, which keeps the offsets with the rows. Without a log a run "
        "begins at `start`. What brokers have deleted before it was read is counted as missing.",
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET_ALL, .gives = PL_PORT_OPTION, .doc = "The rows that came."}),
    .options = source_options,
    .counters =
        PL_COUNTERS({.name = "messages", .unit = "messages", .doc = "Messages that came."},
                    {.name = "bytes", .unit = "bytes", .doc = "Bytes of their values."},
                    {.name = "bad", .unit = "messages", .doc = "Messages that could not be read."},
                    {.name = "refused_rows", .unit = "rows", .doc = "Rows whose tag found no room in the registry."},
                    {.name = "missing", .unit = "rows", .doc = "Rows without a value."},
                    {.name = "empty", .unit = "messages", .doc = "Messages without a value of their own."},
                    {.name = "lost", .unit = "messages", .doc = "Messages that were deleted before they were read."},
                    {.name = "resets", .unit = "times", .doc = "How often an offset was not there any more."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .snapshot = source_snapshot,
    .restore = source_restore,
    .stop = source_stop,
    .close = source_close,
    .inject = source_inject,
};
