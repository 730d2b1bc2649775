/* sink.zmq: batches to other programs. */
#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "link.h"
#include "operators.h"
#include "outbox.h"

enum { PUB, PUSH };
enum { SPLIT_NONE, SPLIT_ASSET };
enum { MESSAGES, BYTES, OVERFLOWS, TOO_LONG, GIVEN_UP };

enum { TOPIC_MAX = 3 * (PL_NAME_MAX + 1) };

/* How many rows of a stream have been sent: of one partition, on one topic. */
struct stream {
    uint64_t next;
};

struct sink {
    struct pl__link_options link_options;
    uint32_t socket; /* PUB or PUSH */
    uint32_t encoding;
    uint32_t split;
    const char *topic; /* "": the node's name */
    pl_time linger;

    struct pl_node *node;
    struct pl__link *link;
    struct pl_codec *codec;
    struct pl__outbox outbox;
    uint32_t *assets; /* of the rows of a batch, when it is split */
    bool stopping;
    uint64_t deadline; /* while stopping: when what waits is given up, of uv_hrtime */
};

/* ---- Life ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *sink = self;
    pl__link_check(&sink->link_options, check);
    if (strlen(sink->topic) > PL_NAME_MAX) pl_check_error(check, "topic", "at most %d bytes expected", PL_NAME_MAX);
}

static void on_ready(void *self);

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *sink = self;
    sink->node = node;
    if (!*sink->topic) sink->topic = pl_node_name(node);
    sink->codec = pl_codec_new(pl_node_tags(node));
    sink->assets = pl_alloc(PL_BATCH_ROWS_MAX * sizeof(*sink->assets));
    if (!sink->codec || !sink->assets) return pl_error_set(error, PL_NO_MEMORY, "no memory for an encoder");
    int type = sink->socket == PUSH ? ZMQ_PUSH : ZMQ_PUB;
    sink->link = pl__link_new(&sink->link_options, type, node, on_ready, sink, error);
    if (!sink->link) return PL_UNAVAILABLE;
    pl__outbox_init(&sink->outbox, sink->link->socket, sink->socket == PUB);
    return pl__link_open(sink->link, &sink->link_options, error);
}

static void sink_close(void *self, struct pl_node *node) {
    (void)node;
    struct sink *sink = self;
    pl__outbox_fini(&sink->outbox);
    pl__link_close(&sink->link, sink->linger);
    pl_codec_free(sink->codec);
    pl_free(sink->assets);
    sink->codec = NULL;
    sink->assets = NULL;
}

/* ---- Sending ---- */

static void give_up(struct sink *sink) {
    pl_count(sink->node, GIVEN_UP, sink->outbox.waiting);
    pl_node_diag(sink->node, PL_WARN, "%u messages were given up: nobody took them in time", sink->outbox.waiting);
    pl__outbox_fini(&sink->outbox);
    pl__outbox_init(&sink->outbox, sink->link->socket, sink->socket == PUB);
}

/* The node is busy while messages wait for a peer. */
static void settle(struct sink *sink) {
    bool broken = false;
    while (sink->outbox.waiting && !broken && pl__link_wait(sink->link, ZMQ_POLLOUT)) {
        broken = pl__outbox_flush(&sink->outbox) != PL_OK;
    }
    if (broken) pl_fail(sink->node, "the socket is broken: %s", zmq_strerror(errno));
    if (sink->outbox.waiting && sink->stopping && uv_hrtime() >= sink->deadline) give_up(sink);
    pl_busy(sink->node, sink->outbox.waiting > 0 && !broken);
}

static void on_ready(void *self) {
    settle(self);
}

/* The message says, as its first sequence, how many rows of this stream came before it. */
static void number(struct sink *sink, const struct pl_batch *batch, uint32_t asset, struct pl_batch_header *header) {
    int64_t sub = batch->header->partition | (int64_t)batch->kind << 16;
    struct stream *stream = pl_table_get(pl_node_table(sink->node, 0), asset, sub);
    *header = *batch->header;
    header->first_sequence = stream ? stream->next : 0;
    if (stream) stream->next += batch->rows;
}

static void format_topic(const struct sink *sink, const struct pl_batch *batch, uint32_t asset,
                         char topic[TOPIC_MAX + 1]) {
    const char *kind = pl_kind_info[batch->kind].name;
    if (asset) {
        const char *name = pl_tags_get(pl_node_tags(sink->node), asset)->name;
        snprintf(topic, TOPIC_MAX + 1, "%s/%s/%s", kind, sink->topic, name);
    } else {
        snprintf(topic, TOPIC_MAX + 1, "%s/%s", kind, sink->topic);
    }
}

/* Sends a batch (borrowed) whose rows are all of `asset`, or of any when it is 0. */
static enum pl_flow send_batch(struct sink *sink, const struct pl_batch *batch, uint32_t asset) {
    struct pl_batch_header header;
    number(sink, batch, asset, &header);
    struct pl_batch numbered = *batch;
    numbered.header = &header;

    const void *bytes;
    size_t size;
    struct pl_error *error = NULL;
    if (pl_codec_encode(sink->codec, (enum pl_encoding)sink->encoding, &numbered, &bytes, &size, &error)) {
        pl_count(sink->node, TOO_LONG, 1);
        pl_node_diag(sink->node, PL_WARN, "a batch was left out: %s", error ? error->text : "no memory");
        pl_error_free(&error);
        return PL_FLOW_OK;
    }
    char topic[TOPIC_MAX + 1];
    format_topic(sink, batch, asset, topic);
    uint64_t overflows = sink->outbox.overflows;
    enum pl_code code = pl__outbox_put(&sink->outbox, topic, bytes, size);
    if (code) return pl_fail(sink->node, "cannot send: %s", code == PL_IO ? zmq_strerror(errno) : pl_code_text(code));
    pl_count(sink->node, MESSAGES, 1);
    pl_count(sink->node, BYTES, size);
    pl_count(sink->node, OVERFLOWS, sink->outbox.overflows - overflows);
    return PL_FLOW_OK;
}

/* ---- Splitting by asset ---- */

/* The asset of each row: where a kind names assets, the one it names, else that of its tag. */
static void find_assets(struct sink *sink, const struct pl_batch *batch) {
    const struct pl_tags *tags = pl_node_tags(sink->node);
    const uint32_t *keys = pl_batch_keys(batch);
    bool by_asset = batch->kind == PL_PROFILES || batch->kind == PL_EVENTS;
    for (uint32_t i = 0; i < batch->rows; i++)
        sink->assets[i] = by_asset ? keys[i] : pl_tags_get(tags, keys[i])->asset;
}

/* A batch of the rows from `from` on that are of the same asset as that one; they are marked as taken. */
static struct pl_batch *take_asset(struct sink *sink, const struct pl_batch *batch, uint32_t from) {
    uint32_t asset = sink->assets[from];
    struct pl_batch *part = pl_batch_like(batch, batch->rows - from, batch->heap_used[0]);
    if (!part) return NULL;
    for (uint32_t i = from; i < batch->rows;) {
        uint32_t run = i;
        while (run < batch->rows && sink->assets[run] == asset)
            sink->assets[run++] = PL_NO_ID;
        if (run > i) pl_batch_append(part, batch, i, run - i);
        i = run > i ? run : i + 1;
    }
    return part;
}

static enum pl_flow send_by_asset(struct sink *sink, const struct pl_batch *batch) {
    enum pl_flow flow = PL_FLOW_OK;
    find_assets(sink, batch);
    for (uint32_t i = 0; i < batch->rows && !flow; i++) {
        uint32_t asset = sink->assets[i];
        if (asset == PL_NO_ID) continue;
        struct pl_batch *part = take_asset(sink, batch, i);
        if (!part) return pl_fail(sink->node, "no memory for a batch");
        flow = send_batch(sink, part, asset);
        pl_batch_unref(part);
    }
    return flow;
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)node;
    (void)input;
    struct sink *sink = self;
    enum pl_flow flow = sink->split == SPLIT_ASSET ? send_by_asset(sink, batch) : send_batch(sink, batch, 0);
    pl_batch_unref(batch);
    if (!flow && sink->outbox.waiting) settle(sink);
    return flow;
}

/* What waits has the linger time to go out. */
static void sink_stop(void *self, struct pl_node *node) {
    (void)node;
    struct sink *sink = self;
    if (sink->stopping) return;
    sink->stopping = true;
    sink->deadline = uv_hrtime() + (uint64_t)sink->linger;
    if (!sink->outbox.waiting) return;
    pl__link_remind(sink->link, sink->linger + PL_MILLISECOND);
    settle(sink);
}

/* ---- Descriptor ---- */

static const char *const socket_names[] = {"pub", "push", NULL};
static const char *const split_names[] = {"none", "asset", NULL};

static const struct pl_option sink_curve[] = {PL__CURVE_OPTIONS(struct sink), PL_OPT_END};

static const struct pl_option sink_options[] = {
    PL_OPT_CHOICE(
        struct sink, socket, "socket", "pub", socket_names, PL_FIXED,
        "pub sends to all who subscribe and waits for nobody; push sends each message to one and waits for it."),
    PL__LINK_OPTIONS(struct sink, sink_curve,
                     "Messages that wait for a peer before a subscriber misses them and a push socket waits."),
    PL_OPT_CHOICE(struct sink, encoding, "encoding", "capnp", pl_encoding_names, PL_FIXED,
                  "Of the messages: schemas/batch.capnp, or the same as msgpack or JSON."),
    PL_OPT_STRING(struct sink, topic, "topic", "", PL_FIXED, "Second part of the topic; none: this node's name."),
    PL_OPT_CHOICE(struct sink, split, "split", "none", split_names, PL_FIXED,
                  "asset: a message holds rows of one asset, whose name ends the topic."),
    PL_OPT_DURATION(struct sink, linger, "linger", "1s", "0s", "1m", PL_FIXED,
                    "How long the last messages may take to go out when the node ends."),
    PL_OPT_END,
};

const struct pl_operator pl__sink_zmq = {
    PL_OPERATOR("sink.zmq", "Sends batches to other programs over ZeroMQ."),
    .doc =
        "A message is two frames: a topic and a batch. The topic is KIND/TOPIC, or KIND/TOPIC/ASSET where batches are\n"
        "split: samples/out/line1.pot07. A subscriber gets every topic that begins with what it asks for.\n"
        "The batch's sequence counts the rows sent before it with the same topic and partition: a higher one than\n"
        "expected is a gap, a lower one a repeat. The counts are part of the state, so rows that are sent once more\n"
        "after a recovery have the numbers they had.\n"
        "A pub socket never waits: who reads too slowly misses messages. With socket: push say\n"
        "on_full: block or spill, for the rows then wait at the edge.",
    .guarantee =
        "pub: at most once to each subscriber. push: at least once with on_full: block or spill, but for what ZeroMQ "
        "holds when a process dies. Rows of a stream (partition, kind, and asset with split) are numbered, also across "
        "restarts: a subscriber tells gaps, and rows that come again behind a checkpoint, by the sequence.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "Rows of any kind, of several kinds too."}),
    .options = sink_options,
    .counters =
        PL_COUNTERS({.name = "messages", .unit = "messages", .doc = "Messages given to the socket."},
                    {.name = "bytes", .unit = "bytes", .doc = "Bytes of their batches."},
                    {.name = "overflows",
                     .unit = "times",
                     .doc = "A subscriber's queue was full: it misses messages until it has read half of it."},
                    {.name = "too_long", .unit = "messages", .doc = "Batches that make no message within the limit."},
                    {.name = "given_up", .unit = "messages", .doc = "Messages that nobody took before the end."}),
    .tables = PL_TABLES({.name = "streams",
                         .version = 1,
                         .record_size = sizeof(struct stream),
                         .doc = "Rows sent, by asset, partition and kind."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_LOSSY | PL_OP_ANY_ORDER | PL_OP_MIXED,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .stop = sink_stop,
    .close = sink_close,
};
