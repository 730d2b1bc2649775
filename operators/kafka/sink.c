/* sink.kafka: rows into a topic of Kafka, each of them once.
 *
 * With a log rows are part of the state until they are written, and are written when their epoch is safe, in one
 * transaction with the position (stream.h): a row that belongs to no safe epoch may come differently after a death.
 * Where that takes too long (no checkpoint for `ahead`, more than `hold` waits, or the data has ended, whose rows
 * belong to no epoch) rows are written ahead, and known again by their digests (ahead.h).
 */
#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "kafka.h"
#include "later.h"
#include "registry.h"
#include "stream.h"

enum { STATE_ITEMS = 3 + PL_HELD_ITEMS };

struct sink {
    struct pl__stream_options options;
    uint32_t encoding;
    uint32_t key;
    int64_t batch;
    int64_t max_message;
    pl_time ahead;
    pl_time linger;

    struct pl_node *node;
    struct pl_held queue;
    struct pl__stream stream;
    struct pl__writer writer;
    struct pl_codec *codec;
    struct pl__registry *registry; /* NULL: none */
    struct pl_later *gather;       /* a while, and rows are written ahead of their epoch */
    bool gathering;
    uint64_t gathered; /* rows in front of this one had come when that began */
    struct pl_later *end;
    uint64_t moved; /* of the stream, when the end was looked for last */
    bool opened;
    bool at_end; /* the watermark says that no more rows are to come */
};

/* ---- How much waits ---- */

static bool has_epochs(const struct sink *s) {
    return pl_node_epoch(s->node) != 0;
}

static void settle(void *user) {
    struct sink *s = user;
    bool ending = s->stream.ending && !pl__stream_done(&s->stream);
    pl_busy(s->node, !s->stream.failed && (ending || s->queue.bytes >= s->options.hold));
}

static void write_now(struct sink *s) {
    if (!s->stream.transactional) pl_held_seal_all(&s->queue);
    pl__stream_go_on(&s->stream);
}

static void gather(struct sink *s) {
    if (s->gathering) return;
    s->gathering = true;
    s->gathered = s->queue.taken;
    pl_later_in(s->gather, (uint64_t)(s->ahead / PL_MILLISECOND));
}

static void on_gathered(void *user) {
    struct sink *s = user;
    s->gathering = false;
    if (s->stream.failed) return;
    s->stream.early = s->gathered;
    if (s->queue.taken > s->gathered) gather(s);
    write_now(s);
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)node;
    (void)input;
    struct sink *s = self;
    if (s->stream.failed) {
        pl_batch_unref(batch);
        return PL_FLOW_FAIL;
    }
    bool ok = pl__stream_filter(&s->stream, &batch);
    if (ok && !batch) return PL_FLOW_OK;
    if (!ok || !pl_held_put(&s->queue, batch))
        return pl__stream_over(&s->stream, pl_fail(s->node, "no memory for rows that wait"));
    if (!s->stream.transactional || s->queue.bytes >= s->options.hold)
        write_now(s);
    else
        gather(s);
    settle(s);
    return s->stream.failed ? PL_FLOW_FAIL : PL_FLOW_OK;
}

static void sink_commit(void *self, struct pl_node *node, uint64_t epoch) {
    (void)node;
    struct sink *s = self;
    if (s->stream.failed || !s->stream.transactional) return;
    pl__stream_commit(&s->stream, epoch);
    settle(s);
}

/* ---- The schema ---- */

static void on_schema(void *user) {
    struct sink *s = user;
    const char *why;
    enum pl__lookup found = pl__registry_entered(s->registry, &s->writer.schema, &why);
    if (s->stream.failed || found == PL__SCHEMA_ASKED) return;
    if (found == PL__SCHEMA_NONE) {
        pl__stream_over(&s->stream, pl_fail(s->node, "the schema registry refuses: %s", why));
        return;
    }
    pl_reach(s->node, true);
    s->stream.has_schema = true;
    s->stream.moved++;
    pl__stream_go_on(&s->stream);
}

static enum pl_code enter_schema(struct sink *s, struct pl_error **error) {
    s->stream.has_schema = !s->options.registry.given;
    if (s->stream.has_schema) return PL_OK;
    pl_reach(s->node, false); /* a graph with a wrong url or password does not stand its probation */
    s->registry = pl__registry_new(&s->options.registry, s->node, on_schema, s);
    if (!s->registry) return pl_error_set(error, PL_NO_MEMORY, "no memory for a registry");
    return pl__registry_enter(s->registry, s->options.topic,
                              s->encoding == PL__AVRO ? PL__SCHEMA_AVRO : PL__SCHEMA_JSON, pl_node_kind(s->node),
                              error);
}

/* ---- The end ---- */

static pl_time sink_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    if (now == PL_TIME_MAX) ((struct sink *)self)->at_end = true;
    return now;
}

/* While it goes forward it may take as long as it takes. What is part of the state is written by the next run. */
static void end_over(void *user) {
    struct sink *s = user;
    if (s->stream.failed || pl__stream_done(&s->stream)) return;
    if (s->moved != s->stream.moved) {
        s->moved = s->stream.moved;
        pl_later_in(s->end, (uint64_t)(s->linger / PL_MILLISECOND));
        return;
    }
    uint64_t rows = s->queue.taken - s->queue.first;
    const char *why = s->stream.has_schema ? "Kafka is away or slow" : "the schema registry gives no id";
    if (s->stream.final || !has_epochs(s)) {
        pl__stream_over(&s->stream, pl_fail(s->node, "%" PRIu64 " rows could not be written in time: %s", rows, why));
        return;
    }
    pl_node_diag(s->node, PL_WARN, "%" PRIu64 " rows wait for the next run: %s", rows, why);
    s->stream.ending = false;
    settle(s);
}

static void sink_stop(void *self, struct pl_node *node) {
    (void)node;
    struct sink *s = self;
    if (s->stream.ending || s->stream.failed) return;
    s->stream.ending = true;
    s->stream.final = s->at_end && has_epochs(s);
    s->moved = s->stream.moved;
    write_now(s);
    if (!s->stream.failed && !pl__stream_done(&s->stream)) pl_later_in(s->end, (uint64_t)(s->linger / PL_MILLISECOND));
    settle(s);
}

/* ---- State: [name, owed, numbered, base, first, [batch, ...]] ---- */

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    struct sink *s = (struct sink *)(uintptr_t)self;
    struct pl_error *error = NULL;
    pl_pack_array(pack, STATE_ITEMS);
    pl_pack_str(pack, s->stream.name);
    pl__digests_pack(&s->stream.owed, pack);
    pl_pack_uint(pack, pl__stream_numbered(&s->stream));
    if (pl_held_save(&s->queue, s->codec, pack, &error))
        pl__stream_over(&s->stream,
                        pl_fail(s->node, "rows that wait cannot be saved: %s", error ? error->text : "no memory"));
    pl_error_free(&error);
    pl_held_mark(&s->queue, pl_node_epoch(node));
}

static bool is_name(const char *text, size_t length) {
    return length == PL__STREAM_NAME_MAX && strspn(text, "0123456789abcdef") >= length;
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    const char *name;
    size_t length;
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != STATE_ITEMS || !pl_unpack_str(unpack, &name, &length) ||
        !is_name(name, length) || !pl__digests_unpack(&s->stream.owed, unpack) ||
        !pl_unpack_uint(unpack, &s->stream.restored))
        return pl_error_set(error, PL_CORRUPT, "not the state of a stream of rows");
    memcpy(s->stream.name, name, length);
    s->stream.fresh = false;
    s->stream.known = true;
    enum pl_code code = pl_held_load(&s->queue, s->codec, pl_node_kind(node), unpack, error);
    if (!code && (s->stream.restored < s->queue.first || s->stream.restored > s->queue.taken))
        code = pl_error_set(error, PL_CORRUPT, "not the state of a stream of rows");
    return code;
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    pl__client_check(&s->options.client, check);
    if (!*s->options.topic) pl_check_error(check, "topic", "is empty");
    if (!*s->options.job) pl_check_error(check, "job", "is empty");
    pl__registry_check(&s->options.registry, check);
    pl__encoding_check(s->encoding, s->options.registry.given, check);
    if (s->encoding >= PL__ROWS && pl_check_given(check, "batch"))
        pl_check_warning(check, "batch", "has no meaning with this encoding: a message is a row");
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->node = node;
    s->opened = true;
    s->writer.topic = s->options.topic;
    s->writer.encoding = s->encoding;
    s->writer.key = s->key;
    s->writer.rows = (uint32_t)s->batch;
    s->writer.size = s->max_message;
    s->writer.stream = s->stream.name;
    s->writer.framed = s->options.registry.given;
    s->stream.options = &s->options;
    s->stream.node = node;
    s->stream.queue = &s->queue;
    s->stream.writer = &s->writer;
    s->stream.transactional = s->options.transactions && has_epochs(s);
    s->stream.known = !s->stream.transactional;
    s->stream.settled = settle;
    s->stream.user = s;
    s->codec = pl_codec_new(pl_node_tags(node));
    s->gather = pl_later_new(pl_node_loop(node), on_gathered, s);
    s->end = pl_later_new(pl_node_loop(node), end_over, s);
    if (!s->codec || !s->gather || !s->end || !pl__writer_init(&s->writer, pl_node_tags(node)))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream of rows");
    enum pl_code code = pl__stream_open(&s->stream, error);
    return code ? code : enter_schema(s, error);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    if (!s->opened) return;
    pl__registry_free(s->registry);
    s->registry = NULL;
    pl__stream_close(&s->stream);
    pl_later_free(s->gather);
    pl_later_free(s->end);
    pl__writer_fini(&s->writer);
    pl_codec_free(s->codec);
    pl_held_fini(&s->queue);
}

/* ---- Descriptor ---- */

static const char *const key_names[] = {"none", "tag", "asset", NULL};
static const char *const compression_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

/* clang-format off */
static const struct pl_option registry_options[] = {
    PL__REGISTRY_OPTIONS(struct sink, options.registry),
    PL_OPT_STRING(struct sink, options.registry.subject, "subject", "", PL_FIXED, "Of our schema; by default the topic's name with -value behind."),
    PL_OPT_BOOL(struct sink, options.registry.auto_register, "auto_register", "true", PL_FIXED,
        "Registers our schema where the registry does not have it; false: it has to be there, and the node ends where it is not."),
    PL_OPT_END,
};

static const struct pl_option sink_options[] = {
    PL__CLIENT_OPTIONS(struct sink, options.client),
    PL_OPT_STRING(struct sink, options.topic, "topic", NULL, PL_FIXED, "The topic; it is there before."),
    PL_OPT_STRING(struct sink, options.job, "job", "potline", PL_FIXED,
        "Whose stream it is, beside the node's name: two engines that share brokers have different ones."),
    PL_OPT_CHOICE(struct sink, encoding, "encoding", "capnp", pl__encoding_names, PL_FIXED,
        "Of a message: a batch as schemas/batch.capnp, as msgpack or JSON; or rows: one row as a JSON object; or avro: one row as Avro, with a registry."),
    PL_OPT_GROUP(struct sink, options.registry.given, "registry", "false", registry_options, PL_FIXED,
        "Schema registry that gets the schema of rows; its id goes in front of each message."),
    PL_OPT_CHOICE(struct sink, key, "key", "asset", key_names, PL_FIXED,
        "What is a message's key, so that rows of one stay in order: their asset or tag; none spreads messages over the partitions."),
    PL_OPT_INT(struct sink, batch, "batch", "1000", "1", "8192", PL_FIXED, "Rows from which messages are made at a time; a message has at most so many."),
    PL_OPT_SIZE(struct sink, max_message, "max_message", "900KiB", "1KiB", "16MiB", PL_FIXED,
        "A longer message becomes two; a row that is longer is left out. Below the topic's max.message.bytes."),
    PL_OPT_CHOICE(struct sink, options.compression, "compression", "lz4", compression_names, PL_FIXED, "Of messages on their way and in the topic."),
    PL_OPT_BOOL(struct sink, options.transactions, "transactions", "true", PL_FIXED,
        "With a log: rows in transactions with their position, each once. false: sooner, and rows may come again after a death."),
    PL_OPT_INT(struct sink, options.rows, "rows", "100000", "1", "1000000", PL_FIXED, "Most rows in a transaction."),
    PL_OPT_DURATION(struct sink, options.gather, "gather", "5ms", "0s", "10s", PL_FIXED, "How long messages wait for others to go with."),
    PL_OPT_DURATION(struct sink, ahead, "ahead", "1m", "0s", "1d", PL_FIXED,
        "With transactions: how long a row waits for its checkpoint before it is written ahead of it."),
    PL_OPT_SIZE(struct sink, options.hold, "hold", "16MiB", "64KiB", "1GiB", PL_FIXED,
        "Rows that wait here until they are written, and are part of the state; more makes the node busy."),
    PL_OPT_DURATION(struct sink, options.retry, "retry", "10s", "100ms", "10m", PL_FIXED,
        "Most that is waited between two attempts; the first comes after 100 ms."),
    PL_OPT_DURATION(struct sink, linger, "linger", "10s", "0s", "10m", PL_FIXED,
        "How long the end may stand still while rows are still to be written."),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_operator pl__sink_kafka = {
    PL_OPERATOR("sink.kafka", "Writes rows to a topic of Kafka, each of them once."),
    .doc =
        "Rows go through an idempotent producer and wait for all copies. With a log they are written in transactions "
        "once the checkpoint behind them is safe, so they are there about `checkpoint` after they came; readers with "
        "isolation.level read_committed see each once. Headers say what a message is: potline-schema, "
        "potline-encoding, potline-stream, potline-position.\n\nWith a `registry` each row has the id of its schema in "
        "front, in Confluent's wire format: `rows` are described by JSON Schema, `avro` by Avro (times as "
        "timestamp-nanos). "
        "Rows wait until the registry has given the id; a registry that refuses the schema ends the node.\n\nWhile no "
        "broker answers rows wait: here up to `hold`, "
        "then in the node's backlog (on_full: spill). What brokers refuse, such as a topic that is not there, ends the "
        "node when nothing of the run has been written yet; later it is said and tried again, and the rows wait.",
    .guarantee =
        "Exactly once, by transactions, when the graph has a log: rows and their position are committed together, and "
        "after any death of engine, connection or broker the position is read back. Rows that had to be written ahead "
        "of their checkpoint, as at the end of the data, are known again by what they say. Brokers keep a position for "
        "offsets.retention.minutes after the engine has ended; beyond it rows of the last checkpoint may come twice. "
        "transactions: false: at least once; rows that come again have the stream and position that they had. Without "
        "a log: each row at most once.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "The rows, of one kind."}),
    .options = sink_options,
    .counters = PL_COUNTERS(
        {.name = "written", .unit = "rows", .doc = "Rows that are in the topic."},
        {.name = "messages",
         .unit = "messages",
         .doc = "Messages handed to the producer, also those of transactions that failed."},
        {.name = "bytes", .unit = "bytes", .doc = "Bytes of their values."},
        {.name = "rounds",
         .unit = "times",
         .doc = "Transactions that have been committed; without them: rows that went together."},
        {.name = "repeats", .unit = "rows", .doc = "Rows that turned out to be there already."},
        {.name = "doubtful", .unit = "rows", .doc = "Rows written that may be there already: their position was gone."},
        {.name = "too_long", .unit = "rows", .doc = "Rows that were left out: longer than max_message."},
        {.name = "failures",
         .unit = "times",
         .doc = "Attempts to join, and transactions, that failed and were made again."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_OUTSIDE | PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .watermark = sink_watermark,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .commit = sink_commit,
    .stop = sink_stop,
    .close = sink_close,
};
