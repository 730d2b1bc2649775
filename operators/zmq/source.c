/* source.zmq: batches from other programs. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <zmq.h>

#include "link.h"
#include "numbers.h"
#include "operators.h"
#include "peers.h"

/* Messages of few rows are put together; one of at least LARGE goes on as it is. */
enum { LARGE = 1024, OPEN_ROWS = 4096, OPEN_HEAP = 64 << 10, MESSAGES_A_CALL = 256, FRAMES_MAX = 2 };

enum { SUB, PULL };
enum { MESSAGES, BAD, OTHER_KIND, REFUSED_ROWS };

struct source {
    struct pl__link_options link_options;
    uint32_t socket; /* SUB or PULL */
    uint32_t encoding;
    uint32_t kind;
    struct pl_strings topics;
    bool numbered;

    struct pl_node *node;
    struct pl__link *link;
    struct pl__peers *peers; /* NULL: it waits for them to come */
    struct pl_codec *codec;
    struct pl_batch *open;      /* rows of small messages, not emitted yet; NULL: none */
    struct pl__numbers numbers; /* of the sender's rows */
    uint64_t topic;             /* of the message at hand: the stream of partition 0 */
    pl_time last;               /* the time of a row that has come lately; 0: none has */
};

/* ---- Life ---- */

static void source_check(void *self, struct pl_check *check) {
    struct source *source = self;
    pl__link_check(&source->link_options, check);
    if (source->socket == PULL && source->topics.count) {
        pl_check_error(check, "topics", "topics are for sub sockets; a pull socket takes everything");
    }
}

static void on_ready(void *self) {
    pl_wake(((struct source *)self)->node);
}

static enum pl_code subscribe(struct source *source, struct pl_error **error) {
    if (source->socket == PULL) return PL_OK;
    static const char *all[] = {""};
    struct pl_strings topics = source->topics.count ? source->topics : (struct pl_strings){all, 1};
    for (uint32_t i = 0; i < topics.count; i++) {
        const char *topic = topics.items[i];
        if (zmq_setsockopt(source->link->socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) == 0) continue;
        return pl_error_set(error, PL_UNAVAILABLE, "cannot subscribe to '%s': %s", topic, zmq_strerror(errno));
    }
    return PL_OK;
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *source = self;
    source->node = node;
    source->codec = pl_codec_new(pl_node_tags(node));
    if (!source->codec) return pl_error_set(error, PL_NO_MEMORY, "no memory for a decoder");
    int type = source->socket == PULL ? ZMQ_PULL : ZMQ_SUB;
    source->link = pl__link_new(&source->link_options, type, node, on_ready, source, error);
    if (!source->link) return PL_UNAVAILABLE;
    enum pl_code code = subscribe(source, error);
    if (!code && source->link_options.connect.count) code = pl__peers_watch(source->link, node, &source->peers, error);
    return code ? code : pl__link_open(source->link, &source->link_options, error);
}

static void source_close(void *self, struct pl_node *node) {
    (void)node;
    struct source *source = self;
    pl_batch_unref(source->open);
    source->open = NULL;
    pl__peers_free(source->peers);
    source->peers = NULL;
    pl__link_close(&source->link, 0);
    pl_codec_free(source->codec);
    source->codec = NULL;
}

/* ---- Messages ---- */

enum received { NONE, MESSAGE, BROKEN };

/* Takes a message whole. Its last frame is the batch; a frame in front is the topic. */
static enum received receive(struct source *source, zmq_msg_t *payload, unsigned *frames) {
    *frames = 0;
    do {
        while (zmq_msg_recv(payload, source->link->socket, ZMQ_DONTWAIT) < 0) {
            if (errno != EINTR) return errno == EAGAIN ? NONE : BROKEN;
        }
        bool topic = !*frames && zmq_msg_more(payload);
        if (topic || !*frames)
            source->topic = pl__numbers_stream(topic ? zmq_msg_data(payload) : NULL, zmq_msg_size(payload));
        ++*frames;
    } while (zmq_msg_more(payload));
    return MESSAGE;
}

/* A missing value is NaN and says so in its quality, whoever sent it. */
static void mark_missing(struct pl_batch *batch) {
    if (batch->kind != PL_SAMPLES) return;
    uint16_t *quality = batch->samples.quality;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (isnan(batch->samples.value[i])) quality[i] = pl_quality_join(quality[i], PL_Q_BAD | PL_Q_MISSING);
    }
}

static void refuse(struct source *source, zmq_msg_t *payload, const char *cause, const char *reason, uint32_t samples);

static struct pl_batch *decode(struct source *source, zmq_msg_t *payload) {
    struct pl_error *error = NULL;
    struct pl_batch *batch = NULL;
    enum pl_code code = pl_codec_decode(source->codec, (enum pl_encoding)source->encoding, zmq_msg_data(payload),
                                        zmq_msg_size(payload), &batch, &error);
    if (!code) return batch;
    const char *why = error ? error->text : pl_code_text(code);
    pl_count(source->node, BAD, 1);
    pl_node_diag(source->node, PL_WARN, "a message of %zu bytes was refused: %s", zmq_msg_size(payload), why);
    refuse(source, payload, "no_batch", why, 1);
    pl_error_free(&error);
    return NULL;
}

/* A message that is not taken. Of one that cannot be read nobody knows how many samples it held; it counts as one. */
static void refuse(struct source *source, zmq_msg_t *payload, const char *cause, const char *reason, uint32_t samples) {
    const struct pl_strings *connect = &source->link_options.connect;
    struct pl_letter letter = {.place = connect->count == 1 ? connect->items[0] : "-",
                               .cause = cause,
                               .reason = reason,
                               .bytes = zmq_msg_data(payload),
                               .size = zmq_msg_size(payload),
                               .samples = samples,
                               .time = source->last ? source->last : PL_TIME_MIN};
    pl_letter(source->node, &letter);
    if (source->numbered) pl__numbers_refused(&source->numbers, samples);
}

/* The rows of a batch whose tag found no room are gone, and what its numbers tell of others is counted. */
static void count_losses(struct source *source, const struct pl_batch *batch) {
    uint32_t refused = batch->header->rows - batch->rows;
    if (batch->rows) source->last = pl_batch_times(batch)[batch->rows - 1];
    pl_time near = source->last ? source->last : PL_TIME_MIN;
    pl_count(source->node, REFUSED_ROWS, refused);
    pl_lost(source->node, PL_LOSS_REJECTED, 0, near, refused, "max_tags");
    if (!source->numbered) return;
    uint64_t stream = pl__numbers_of_partition(source->topic, batch->header->partition);
    uint64_t missing = pl__numbers_take(&source->numbers, stream, batch->header->first_sequence, batch->header->rows);
    pl_lost(source->node, PL_LOSS_MISSING, 0, near, missing, "gap");
}

static struct pl_batch *of_our_kind(struct source *source, zmq_msg_t *payload, struct pl_batch *batch) {
    char reason[PL_LETTER_TEXT_MAX + 1];
    if (batch->kind == source->kind) return batch;
    snprintf(reason, sizeof reason, "%s expected, a batch of %s was refused", pl_kind_info[source->kind].name,
             pl_kind_info[batch->kind].name);
    pl_count(source->node, OTHER_KIND, 1);
    pl_node_diag(source->node, PL_WARN, "%s", reason);
    refuse(source, payload, "other_kind", reason, batch->rows);
    pl_batch_unref(batch);
    return NULL;
}

/* The batch in a message, or NULL when there is none that fits. */
static struct pl_batch *read_message(struct source *source, zmq_msg_t *payload, unsigned frames) {
    pl_count(source->node, MESSAGES, 1);
    if (frames > FRAMES_MAX) {
        pl_count(source->node, BAD, 1);
        pl_node_diag(source->node, PL_WARN, "one or two frames expected, a message of %u was refused", frames);
        refuse(source, payload, "frames", "a message has one frame, or a topic in front of it; this is its last", 1);
        return NULL;
    }
    struct pl_batch *batch = decode(source, payload);
    if (batch) batch = of_our_kind(source, payload, batch);
    if (!batch) return NULL;
    count_losses(source, batch);
    mark_missing(batch);
    return batch;
}

/* ---- Rows ---- */

static enum pl_flow emit_open(struct source *source) {
    return pl_emit(source->node, 0, &source->open);
}

/* The sender's header has done its work: here the rows come from this node, now. */
static enum pl_flow emit_as_ours(struct source *source, struct pl_batch *batch) {
    struct pl_batch *model = pl_node_batch(source->node, (enum pl_kind)source->kind, 0, 0);
    if (!model) {
        pl_batch_unref(batch);
        return pl_fail(source->node, "no memory for a batch");
    }
    *batch->header = *model->header;
    batch->source = model->source;
    pl_batch_unref(model);
    return pl_emit(source->node, 0, &batch);
}

static bool fits(const struct pl_batch *open, const struct pl_batch *batch) {
    return batch->model == open->model && batch->rows <= open->capacity - open->rows &&
           (!pl_kind_info[open->kind].heaps || batch->heap_used[0] <= open->heap_capacity[0] - open->heap_used[0]);
}

/* Emits the batch, or puts its rows behind those that wait. */
static enum pl_flow add(struct source *source, struct pl_batch *batch) {
    enum pl_flow flow = PL_FLOW_OK;
    bool large = batch->rows >= LARGE || batch->heap_used[0] > OPEN_HEAP; /* worth more than a copy of it */
    if (source->open && (large || !fits(source->open, batch))) flow = emit_open(source);
    if (!flow && !source->open && !large) {
        source->open = pl_node_batch(source->node, (enum pl_kind)source->kind, OPEN_ROWS, OPEN_HEAP);
        if (source->open) source->open->model = batch->model;
    }
    if (flow || !source->open) {
        enum pl_flow last = emit_as_ours(source, batch);
        return flow ? flow : last;
    }
    pl_batch_append(source->open, batch, 0, batch->rows);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

/* Nothing is there: what waits goes on; else the node sleeps, unless something has just come. */
static enum pl_flow rest(struct source *source) {
    if (source->open) return emit_open(source);
    return pl__link_wait(source->link, ZMQ_POLLIN) ? PL_FLOW_OK : PL_FLOW_WAIT;
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *source = self;
    enum pl_flow flow = PL_FLOW_OK;
    zmq_msg_t payload;
    zmq_msg_init(&payload);
    bool large = false;
    for (unsigned i = 0; !flow && !large && i < MESSAGES_A_CALL; i++) {
        unsigned frames;
        enum received received = receive(source, &payload, &frames);
        if (received == NONE) flow = rest(source);
        if (received == BROKEN) flow = pl_fail(node, "the socket is broken: %s", zmq_strerror(errno));
        if (received != MESSAGE) break;
        struct pl_batch *batch = read_message(source, &payload, frames);
        large = batch && batch->rows >= LARGE;
        if (batch) flow = add(source, batch);
    }
    zmq_msg_close(&payload);
    /* What the numbers say is known with the rows that they are of. */
    if (source->numbered && source->open && flow == PL_FLOW_OK) flow = emit_open(source);
    return flow;
}

static void source_stop(void *self, struct pl_node *node) {
    (void)node;
    struct source *source = self;
    if (source->open) emit_open(source);
}

/* ---- State: the numbers that the sender's next rows have ---- */

static void source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl__numbers_pack(&((const struct source *)self)->numbers, pack);
}

static enum pl_code source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                   struct pl_error **error) {
    struct source *source = self;
    (void)node;
    return pl__numbers_unpack(&source->numbers, unpack)
               ? PL_OK
               : pl_error_set(error, PL_CORRUPT, "not the numbers of a sender's rows");
}

/* ---- Messages that were refused ---- */

static enum pl_code source_inject(void *self, struct pl_node *node, const void *bytes, size_t size,
                                  struct pl_error **error) {
    struct source *source = self;
    struct pl_batch *batch = NULL;
    (void)node;
    enum pl_code code = pl_codec_decode(source->codec, (enum pl_encoding)source->encoding, bytes, size, &batch, error);
    if (code) return code == PL_NO_MEMORY ? code : PL_SYNTAX;
    if (batch->kind != source->kind || !batch->rows) {
        pl_batch_unref(batch);
        return pl_error_set(error, PL_SYNTAX, "not a batch of %s", pl_kind_info[source->kind].name);
    }
    mark_missing(batch);
    return emit_as_ours(source, batch) == PL_FLOW_OK ? PL_OK : PL_NO_MEMORY;
}

/* ---- Descriptor ---- */

static const char *const socket_names[] = {"sub", "pull", NULL};
static const char *const kind_names[] = {"samples", "windows", "profiles", "setpoints", "events", NULL};

static const struct pl_option source_curve[] = {PL__CURVE_OPTIONS(struct source), PL_OPT_END};

static const struct pl_option source_options[] = {
    PL_OPT_CHOICE(struct source, kind, "kind", "samples", kind_names, PL_FIXED, "What the messages hold."),
    PL_OPT_CHOICE(struct source, socket, "socket", "sub", socket_names, PL_FIXED,
                  "sub takes part in what a publisher sends to all; pull has each message for itself."),
    PL__LINK_OPTIONS(struct source, source_curve,
                     "Messages that wait before a publisher's are dropped and a pusher's held back."),
    PL_OPT_CHOICE(struct source, encoding, "encoding", "capnp", pl_encoding_names, PL_FIXED,
                  "Of the messages: schemas/batch.capnp, or the same as msgpack or JSON."),
    PL_OPT_STRINGS(struct source, topics, "topics", "[]", PL_FIXED,
                   "What a sub socket asks for: messages whose topic begins with one of these; none: all."),
    PL_OPT_BOOL(struct source, numbered, "numbered", "false", PL_FIXED,
                "The one sender numbers the rows of each topic and partition without gaps, as sink.zmq does, so that "
                "the ledger counts what is missing."),
    PL_OPT_END,
};

const struct pl_operator pl__source_zmq = {
    PL_OPERATOR("source.zmq", "Takes batches from other programs over ZeroMQ."),
    .doc =
        "A message is a batch in one frame, or a topic and a batch in two. Nothing in it is trusted: what does not\n"
        "decode, is of another kind or breaks a limit is refused, counted and reported, and the next one is taken.\n"
        "Rows keep their time, tag, value and quality; a value that is NaN is marked as missing. Small messages that\n"
        "wait together become one batch.",
    .guarantee =
        "At most once: what is sent while the engine is down, or to a full sub socket, is lost. Taken rows are "
        "in the log before they are processed.",
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET_ALL, .gives = PL_PORT_OPTION, .doc = "The rows that came."}),
    .options = source_options,
    .counters =
        PL_COUNTERS({.name = "messages", .unit = "messages", .doc = "Messages that came."},
                    {.name = "bad", .unit = "messages", .doc = "Messages that are no batch."},
                    {.name = "other_kind", .unit = "messages", .doc = "Batches of another kind."},
                    {.name = "refused_rows", .unit = "rows", .doc = "Rows whose tag found no room in the registry."}),
    .scope = PL_GLOBAL,
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
