/* source.socket: lines over TCP as samples.
 *
 *     peers --> a reader each --> one batch for what all of them have now
 *
 * Rows leave in the loop's turn in which they came. While the graph has no room nothing is read, so TCP slows the
 * peers.
 */
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"
#include "rejects.h"
#include "watch.h"

enum { BUFFER = 64 << 10, PEERS_MAX = 1024 };
enum { COUNT_MALFORMED, COUNT_MISSING, COUNT_CONNECTIONS, COUNT_REFUSED };

struct peer {
    struct source *source;
    int fd;
    struct pl_watch *watch;
    struct pl_reader reader;
    bool readable; /* it may have bytes; else it is watched */
    bool broken;   /* not by its end */
    char name[PL_PEER_MAX];
};

struct source {
    struct pl_link_options link_options;
    struct pl_layout layout;
    int64_t connections;
    int64_t batch;

    struct pl_node *node;
    struct pl_link *link;
    struct pl_names names;
    struct pl_rejects rejects;
    struct peer **peers;
    uint32_t peer_count;
    uint32_t turn;
    uint64_t missing_told; /* of readers that are gone */
    pl_time last;
    bool away; /* the other end, which has been told */
    bool stopping;
};

/* ---- Peers ---- */

static void peer_free(struct peer *peer) {
    pl_watch_free(peer->watch);
    close(peer->fd);
    pl_reader_fini(&peer->reader);
    pl_free(peer);
}

/* Once, not at every attempt. */
static void tell_away(struct source *s, const char *why) {
    if (!s->away) pl_node_diag(s->node, PL_WARN, "%s: %s; trying again", s->link_options.connect, why);
    s->away = true;
    pl_reach(s->node, false);
}

static void part(struct source *s, uint32_t index) {
    struct peer *peer = s->peers[index];
    if (peer->reader.values.counts.missing) pl_count(s->node, COUNT_MISSING, peer->reader.values.counts.missing);
    peer_free(peer);
    s->peers[index] = s->peers[--s->peer_count];
    if (!s->link_options.connect[0] || s->stopping) return;
    tell_away(s, "the connection is closed");
    pl_link_lost(s->link);
}

static void on_readable(void *user) {
    struct peer *peer = user;
    peer->readable = true;
    pl_wake(peer->source->node);
}

static bool peer_make(struct source *s, int fd, const char *name) {
    struct peer *peer = PL_NEW(struct peer);
    if (!peer) return false;
    peer->source = s;
    peer->fd = fd;
    peer->readable = true;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    peer->watch = pl_watch_new(pl_node_loop(s->node), fd, on_readable, peer);
    if (!pl_reader_init(&peer->reader, &s->layout, &s->names, BUFFER) || !peer->watch) {
        peer->fd = -1; /* the caller closes it */
        peer_free(peer);
        return false;
    }
    pl_reader_restart(&peer->reader, peer->name);
    s->peers[s->peer_count++] = peer;
    return true;
}

static void on_made(void *user, int fd, const char *name) {
    struct source *s = user;
    if (s->peer_count < s->connections && !s->stopping && peer_make(s, fd, name)) {
        pl_count(s->node, COUNT_CONNECTIONS, 1);
        if (s->away) pl_node_diag(s->node, PL_INFO, "%s: connected", s->link_options.connect);
        s->away = false;
        if (s->link_options.connect[0]) pl_reach(s->node, true);
        pl_wake(s->node);
        return;
    }
    pl_count(s->node, COUNT_REFUSED, 1);
    pl_node_diag(s->node, PL_WARN, "%s is refused: %u connections are open", name, s->peer_count);
    close(fd);
    if (s->link_options.connect[0] && !s->stopping) pl_link_lost(s->link);
}

static void on_failed(void *user, const char *why) {
    struct source *s = user;
    if (s->link_options.connect[0])
        tell_away(s, why);
    else
        pl_node_diag(s->node, PL_WARN, "accept: %s", why);
}

/* ---- Reading ---- */

/* Bytes for the reader. False: none now. */
static bool feed(struct peer *peer) {
    size_t room;
    char *space = pl_reader_space(&peer->reader, &room);
    ssize_t n = space ? read(peer->fd, space, room) : -1;
    if (n > 0) {
        pl_reader_filled(&peer->reader, (size_t)n);
        return true;
    }
    if (n < 0 && space && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        peer->readable = false;
        pl_watch_for(peer->watch, PL_WATCH_READ);
        return false;
    }
    peer->broken = n < 0;
    pl_reader_end(&peer->reader);
    return true;
}

/* A peer's rows into the batch. FULL: the batch is; MORE: the peer has no more now; else it is done with. */
static enum pl_reader_state take(struct source *s, struct peer *peer, struct pl_batch *batch) {
    struct pl_error *error = NULL;
    for (;;) {
        enum pl_reader_state state = peer->reader.ready ? PL_READER_FULL : pl_reader_prepare(&peer->reader, &error);
        if (state == PL_READER_FULL) {
            if (pl_reader_rows_least(&peer->reader) > batch->capacity - batch->rows) return PL_READER_FULL;
            state = pl_reader_read(&peer->reader, batch, &error);
        }
        if (state == PL_READER_MORE && feed(peer)) continue;
        if (state == PL_READER_REJECTED) {
            pl_count(s->node, COUNT_MALFORMED, 1);
            pl_rejects_take(&s->rejects, s->node, 1, peer->name, &peer->reader.reject,
                            batch->rows ? batch->samples.time[batch->rows - 1] : s->last);
            continue;
        }
        if (state == PL_READER_FAILED) {
            pl_node_diag(s->node, PL_WARN, "%s: %s; the connection is closed", peer->name, error ? error->text : "?");
            pl_error_free(&error);
        }
        return state;
    }
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    struct source *s = self;
    struct pl_batch *batch = NULL;
    bool full = false, parted = false;
    uint32_t capacity = (uint32_t)s->batch;
    for (uint32_t n = 0; n < s->peer_count && !full;) {
        uint32_t index = (s->turn + n) % s->peer_count;
        struct peer *peer = s->peers[index];
        if (!peer->readable) {
            n++;
            continue;
        }
        uint32_t least = peer->reader.ready ? pl_reader_rows_least(&peer->reader) : 1;
        if (!batch) batch = pl_node_batch(node, PL_SAMPLES, capacity > least ? capacity : least, 0);
        if (!batch) return pl_fail(node, "no memory for a batch");
        enum pl_reader_state state = take(s, peer, batch);
        full = state == PL_READER_FULL;
        if (state == PL_READER_MORE)
            n++;
        else if (!full) {
            part(s, index);
            parted = true; /* who has taken its place may have been passed over */
        }
    }
    s->turn++;
    if (!batch) return PL_FLOW_WAIT;
    if (batch->rows) s->last = batch->samples.time[batch->rows - 1];
    enum pl_flow flow = pl_emit(node, 0, &batch);
    return flow == PL_FLOW_OK && !full && !parted ? PL_FLOW_WAIT : flow;
}

/* ---- Life cycle ---- */

static void source_check(void *self, struct pl_check *check) {
    struct source *s = self;
    pl_link_check(&s->link_options, check);
    pl_layout_check(&s->layout, check);
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    struct pl_link_events events = {.made = on_made, .failed = on_failed, .user = s};
    s->node = node;
    s->layout.multiline = false; /* a peer that leaves a quote open must not swallow the lines behind it */
    s->peers = pl_alloc((size_t)s->connections * sizeof *s->peers);
    if (!s->peers || !pl_names_init(&s->names, pl_node_tags(node), &s->layout.naming, pl_layout_quote(&s->layout)))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for connections");
    if (s->link_options.connect[0]) pl_reach(node, false);
    s->link = pl_link_new(pl_node_loop(node), &s->link_options, &events);
    return s->link ? pl_link_open(s->link, error) : pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
}

/* As some peer's lines are read: all have the same layout, and with a header, one has told its columns. */
static enum pl_code source_inject(void *self, struct pl_node *node, const void *bytes, size_t size,
                                  struct pl_error **error) {
    struct source *s = self;
    struct pl_reader fresh = {.layout = &s->layout, .names = &s->names};
    const struct pl_reader *model = &fresh;
    for (uint32_t i = 0; i < s->peer_count && !model->ready; i++)
        if (s->peers[i]->reader.ready) model = &s->peers[i]->reader;
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, PL_BATCH_ROWS_MAX, 0);
    if (!batch) return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch");
    enum pl_code code = pl_reader_again(model, bytes, size, batch, error);
    if (!code) return pl_emit(node, 0, &batch) == PL_FLOW_OK ? PL_OK : PL_NO_MEMORY;
    pl_batch_unref(batch);
    return code;
}

static void source_stop(void *self, struct pl_node *node) {
    (void)node;
    ((struct source *)self)->stopping = true;
}

static void source_close(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    while (s->peer_count)
        peer_free(s->peers[--s->peer_count]);
    pl_free(s->peers);
    pl_link_free(s->link);
    pl_rejects_fini(&s->rejects);
    pl_names_fini(&s->names);
}

/* ---- Descriptor ---- */

static const struct pl_option source_options[] = {
    PL_LINK_OPTIONS(struct source, link_options),
    PL_OPT_INT(struct source, connections, "connections", "64", "1", "1024", PL_FIXED,
               "Peers at a time; more are refused."),
    PL_LAYOUT_OPTIONS(struct source, layout),
    PL_OPT_INT(struct source, batch, "batch", "4096", "1", "8192", PL_FIXED, "Rows in a batch, at most."),
    PL_OPT_END,
};

const struct pl_operator pl__source_socket = {
    PL_OPERATOR("source.socket", "Reads lines of delimited text over TCP."),
    .doc =
        "Every peer sends a stream of its own, with a header of its own where there is one. Rows leave as they come: "
        "what all peers have sent in one turn of the loop makes one batch. A line that cannot be read is counted and "
        "sent to `rejected`; the peer stays connected.",
    .guarantee =
        "Rows that were read are in the log before they are processed. TCP has no acknowledgement of ours: what "
        "was on its way when the engine or the connection died is lost.",
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "A row a line (long), or a row a field (wide)."},
                        {"rejected", PL_SET(PL_EVENTS), PL_PORT_FIXED, "source.rejected: lines that were not read."}),
    .options = source_options,
    .counters = PL_COUNTERS({"malformed", "lines", "Lines that could not be read."},
                            {"missing", "rows", "Rows without a value, of peers that have gone."},
                            {"connections", "connections", "Connections made."},
                            {"refused", "connections", "Peers refused for want of room."}),
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .stop = source_stop,
    .close = source_close,
    .inject = source_inject,
};
