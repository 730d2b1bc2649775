/* sink.socket: rows as lines of text over TCP.
 *
 *     batch --> a writer --> an outlet a peer --> peers
 *
 * What one turn of the loop brings leaves at its end. A peer that takes nothing more holds the batch at hand, and so
 * makes the node busy; what the edge in front does then is its on_full. Nobody else waits.
 */
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outlet.h"
#include "turn.h"
#include "watch.h"
#include "writer.h"

enum { COUNT_CONNECTIONS, COUNT_BROKEN, COUNT_REFUSED };

struct peer {
    struct sink *sink;
    struct pl_outlet outlet;
    struct pl_watch *watch; /* for room while something waits, else for the peer's end */
    bool waits;
    uint32_t row; /* of the batch at hand, the next one */
    char name[PL_PEER_MAX];
};

struct sink {
    struct pl_link_options link_options;
    struct pl_writing writing;
    int64_t connections;
    int64_t buffer;

    struct pl_node *node;
    struct pl_link *link;
    struct pl_writer writer;
    struct pl_turn *turn;
    struct peer **peers; /* connect: one, kept while it is away, with what it has not got */
    uint32_t peer_count;
    struct pl_batch *batch; /* at hand; NULL: none */
    bool away;              /* the peer we connect to, which has been told */
    bool stopping;
};

static bool connects(const struct sink *s) {
    return s->link_options.connect[0] != 0;
}

/* ---- Writing ---- */

enum got { ALL, SOME, GONE };

/* Gives a peer the rows of the batch at hand as far as it takes them. */
static enum got give(struct sink *s, struct peer *peer) {
    while (s->batch && peer->row < s->batch->rows) {
        size_t least = pl_writer_room(&s->writer, s->batch, peer->row), room;
        if (!pl_outlet_space(&peer->outlet, least)) {
            enum pl_outlet_state state = pl_outlet_flush(&peer->outlet);
            if (state == PL_OUTLET_BROKEN) return GONE;
            if (!pl_outlet_space(&peer->outlet, least)) return SOME;
        }
        char *text = pl_outlet_rest(&peer->outlet, &room);
        pl_outlet_put(&peer->outlet, pl_writer_rows(&s->writer, s->batch, &peer->row, text, room));
        if (s->writer.failed) {
            pl_fail(s->node, "no memory for a line of text");
            return SOME;
        }
    }
    return ALL;
}

static enum got flush(struct peer *peer) {
    enum pl_outlet_state state = pl_outlet_flush(&peer->outlet);
    if (state == PL_OUTLET_BROKEN) return GONE;
    peer->waits = state == PL_OUTLET_WAIT;
    if (peer->watch) pl_watch_for(peer->watch, peer->waits ? PL_WATCH_WRITE : PL_WATCH_READ);
    return peer->waits ? SOME : ALL;
}

static void peer_free(struct peer *peer) {
    pl_watch_free(peer->watch);
    if (peer->outlet.fd >= 0) close(peer->outlet.fd);
    pl_outlet_fini(&peer->outlet);
    pl_free(peer);
}

/* Once, not at every attempt. */
static void tell_away(struct sink *s, const char *why) {
    if (!s->away) pl_node_diag(s->node, PL_WARN, "%s: %s; trying again, and rows wait", s->link_options.connect, why);
    s->away = true;
}

/* A peer has gone. The one we connect to comes back, and gets the line again that it has only in part. */
static void part(struct sink *s, uint32_t index) {
    struct peer *peer = s->peers[index];
    pl_count(s->node, COUNT_BROKEN, 1);
    if (!connects(s)) {
        pl_node_diag(s->node, PL_INFO, "%s: %s", peer->name, strerror(peer->outlet.error));
        peer_free(peer);
        s->peers[index] = s->peers[--s->peer_count];
        return;
    }
    tell_away(s, strerror(peer->outlet.error));
    pl_watch_free(peer->watch);
    peer->watch = NULL;
    close(peer->outlet.fd);
    peer->outlet.fd = -1;
    pl_outlet_rewind(&peer->outlet);
    pl_link_lost(s->link);
}

/* Everything that can be done now. `now`: what waits goes out, else at the end of the turn. */
static void go_on(struct sink *s, bool now) {
    bool waits = s->peer_count == 0, unsent = false;
    for (uint32_t i = s->peer_count; i-- > 0;) {
        enum got got = give(s, s->peers[i]);
        waits |= got == SOME;
        if (got != GONE && (now || got == SOME)) got = flush(s->peers[i]);
        unsent |= got == SOME;
        if (got != GONE) continue;
        if (connects(s)) waits = unsent = true; /* it comes back for what it has not got */
        part(s, i);
    }
    if (s->batch && !waits && s->peer_count) {
        pl_batch_unref(s->batch);
        s->batch = NULL;
    }
    if (!now) pl_turn_ask(s->turn);
    pl_busy(s->node, s->batch || (s->stopping && unsent));
}

static void on_turn(void *user) {
    go_on(user, true);
}

/* Peers have nothing to say; what they send is read only to see them go. */
static bool has_gone(struct peer *peer) {
    char unheard[1024];
    ssize_t n = recv(peer->outlet.fd, unheard, sizeof unheard, MSG_DONTWAIT);
    peer->outlet.error = n < 0 ? errno : ECONNRESET;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void on_ready(void *user) {
    struct peer *peer = user;
    struct sink *s = peer->sink;
    uint32_t index = 0;
    while (s->peers[index] != peer)
        index++;
    if (!peer->waits && has_gone(peer)) part(s, index);
    go_on(s, true);
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct sink *s = self;
    (void)input;
    (void)node;
    s->batch = batch;
    for (uint32_t i = 0; i < s->peer_count; i++)
        s->peers[i]->row = 0;
    go_on(s, false);
    return PL_FLOW_OK;
}

static void sink_stop(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    s->stopping = true;
    go_on(s, true);
}

/* ---- Peers ---- */

static bool take_peer(struct sink *s, struct peer *peer, int fd, const char *name) {
    struct pl_watch *watch = pl_watch_new(pl_node_loop(s->node), fd, on_ready, peer);
    if (!watch) return false;
    peer->watch = watch;
    peer->outlet.fd = fd;
    peer->outlet.no_socket = false;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    return true;
}

/* With room for `least` bytes that wait already. */
static struct peer *bare_peer(struct sink *s, size_t least) {
    struct peer *peer = PL_NEW(struct peer);
    if (!peer) return NULL;
    peer->sink = s;
    if (pl_outlet_init(&peer->outlet, least > (size_t)s->buffer ? least : (size_t)s->buffer)) return peer;
    peer_free(peer);
    return NULL;
}

static struct peer *new_peer(struct sink *s) {
    struct peer *peer = bare_peer(s, 0);
    if (!peer) return NULL;
    char *at = s->writing.header ? pl_outlet_space(&peer->outlet, pl_writer_header_room(&s->writer)) : NULL;
    if (at) pl_outlet_put(&peer->outlet, (size_t)(pl_writer_header(&s->writer, at) - at));
    return peer;
}

static void on_made(void *user, int fd, const char *name) {
    struct sink *s = user;
    bool known = connects(s) && s->peer_count == 1;
    struct peer *peer = known ? s->peers[0] : s->peer_count < s->connections ? new_peer(s) : NULL;
    if (!peer || !take_peer(s, peer, fd, name)) {
        pl_count(s->node, COUNT_REFUSED, 1);
        pl_node_diag(s->node, PL_WARN, "%s is refused: %u connections are open", name, s->peer_count);
        close(fd);
        if (peer && !known) peer_free(peer);
        if (connects(s)) pl_link_lost(s->link);
        return;
    }
    if (!known) s->peers[s->peer_count++] = peer;
    pl_count(s->node, COUNT_CONNECTIONS, 1);
    if (s->away) pl_node_diag(s->node, PL_INFO, "%s: connected", s->link_options.connect);
    s->away = false;
    go_on(s, true);
}

static void on_failed(void *user, const char *why) {
    struct sink *s = user;
    if (connects(s))
        tell_away(s, why);
    else
        pl_node_diag(s->node, PL_WARN, "accept: %s", why);
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    pl_link_check(&s->link_options, check);
    pl_writing_check(&s->writing, check);
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    struct pl_link_events events = {.made = on_made, .failed = on_failed, .user = s};
    s->node = node;
    enum pl_code code = pl_writer_init(&s->writer, pl_node_kind(node), &s->writing, pl_node_tags(node), error);
    if (code) return code;
    s->peers = pl_alloc((size_t)s->connections * sizeof *s->peers);
    s->turn = pl_turn_new(pl_node_loop(node), on_turn, s);
    s->link = pl_link_new(pl_node_loop(node), &s->link_options, &events);
    if (!s->peers || !s->turn || !s->link) return pl_error_set(error, PL_NO_MEMORY, "no memory for connections");
    return pl_link_open(s->link, error);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_batch_unref(s->batch);
    s->batch = NULL;
    while (s->peer_count)
        peer_free(s->peers[--s->peer_count]);
    pl_free(s->peers);
    pl_link_free(s->link);
    pl_turn_free(s->turn);
    pl_writer_fini(&s->writer);
}

/* ---- State: what has been taken and not sent: [text for the peer that we connect to, rows at hand] ---- */

static void pack_batch(struct sink *s, struct pl_pack *pack) {
    const void *bytes = NULL;
    size_t size = 0;
    uint32_t from = connects(s) && s->peer_count ? s->peers[0]->row : 0;
    uint32_t rows = s->batch ? s->batch->rows - from : 0;
    struct pl_codec *codec = rows ? pl_codec_new(pl_node_tags(s->node)) : NULL;
    struct pl_batch *rest = codec ? pl_batch_like(s->batch, rows, s->batch->heap_used[0]) : NULL;
    if (rest) pl_batch_append(rest, s->batch, from, rows);
    if (rows && (!rest || pl_codec_encode(codec, PL_CAPNP, rest, &bytes, &size, NULL)))
        pl_fail(s->node, "no memory for rows that wait");
    pl_pack_bin(pack, bytes ? bytes : "", size);
    pl_batch_unref(rest);
    pl_codec_free(codec);
}

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    struct sink *s = (struct sink *)(uintptr_t)self;
    (void)node;
    const struct pl_outlet *outlet = connects(s) && s->peer_count ? &s->peers[0]->outlet : NULL;
    bool waits = outlet && outlet->to > outlet->from;
    pl_pack_array(pack, 2);
    pl_pack_bin(pack, waits ? outlet->bytes + outlet->line : "", waits ? outlet->to - outlet->line : 0);
    pack_batch(s, pack);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    const void *text, *bytes;
    size_t length, size;
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != 2 || !pl_unpack_bin(unpack, &text, &length) ||
        !pl_unpack_bin(unpack, &bytes, &size))
        return pl_error_set(error, PL_CORRUPT, "not what waited for a peer");
    struct pl_codec *codec = size ? pl_codec_new(pl_node_tags(node)) : NULL;
    enum pl_code code = !size   ? PL_OK
                        : codec ? pl_codec_decode(codec, PL_CAPNP, bytes, size, &s->batch, error)
                                : pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
    pl_codec_free(codec);
    if (code) return code;
    if (connects(s) && !s->peer_count) {
        struct peer *peer = bare_peer(s, length);
        if (!peer) return pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
        memcpy(peer->outlet.bytes, text, length);
        pl_outlet_put(&peer->outlet, length);
        s->peers[s->peer_count++] = peer;
    }
    pl_busy(node, s->batch != NULL);
    return PL_OK;
}

/* ---- Descriptor ---- */

static const struct pl_option sink_options[] = {
    PL_LINK_OPTIONS(struct sink, link_options),
    PL_OPT_INT(struct sink, connections, "connections", "16", "1", "1024", PL_FIXED,
               "Peers at a time; more are refused."),
    PL_OPT_SIZE(struct sink, buffer, "buffer", "256KiB", "4KiB", "64MiB", PL_FIXED,
                "Text that waits for one peer; with more the node is busy."),
    PL_WRITING_OPTIONS(struct sink, writing),
    PL_OPT_END,
};

const struct pl_operator pl__sink_socket = {
    PL_OPERATOR("sink.socket", "Writes rows as lines of delimited text over TCP."),
    .doc = "Every peer gets every row from the moment it is connected. Rows leave at the end of the loop's turn that "
           "brought them. While nobody is connected, or a peer takes nothing, the rows wait: the edge's on_full says "
           "what becomes of those behind them.",
    .guarantee =
        "At least once: rows that wait are part of a checkpoint, and after a death those behind the last one are sent "
        "again. In order. A peer we connect to gets a row again, whole, that was cut in two by a broken connection; "
        "what TCP had taken and not delivered is lost.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_WRITER_KINDS, .doc = "The rows."}),
    .options = sink_options,
    .counters = PL_COUNTERS({"connections", "connections", "Connections made."},
                            {"broken", "connections", "Connections that ended."},
                            {"refused", "connections", "Peers refused for want of room."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_OUTSIDE,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .stop = sink_stop,
    .close = sink_close,
};
