/* serve_session.c: the conversation with a standby, on the server's thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "standby/serve_impl.h"

static const int64_t HEARTBEAT = 250 * PL_MILLISECOND, CONTACT = PL_SECOND, COPYING = PL_MINUTE;

/* ---- Sending ---- */

static bool send_to(struct pl_standby_server *server, const char *peer, size_t peer_size,
                    const struct pl__wire *message) {
    pl__wire_write(message, server->pack);
    return !pl_pack_failed(server->pack) &&
           zmq_send(server->socket, peer, peer_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send(server->socket, pl_pack_data(server->pack), pl_pack_size(server->pack), ZMQ_DONTWAIT) >= 0;
}

/* What cannot be sent is asked for again. */
static void give(struct pl_standby_server *server, struct pl__wire *message) {
    struct pl__session *session = &server->session;
    message->number[PL__SESSION] = session->number;
    send_to(server, session->peer, session->peer_size, message);
    session->given = pl_clock_monotonic();
}

static void refuse(struct pl_standby_server *server, const char *peer, size_t peer_size, enum pl__refusal why,
                   const char *text) {
    struct pl__wire message = {.type = PL__REFUSED};
    message.number[PL__REFUSED_WHY] = why;
    message.number[PL__REFUSED_GENERATION] = server->lineage.passed ? 0 : server->lineage.generation;
    message.bytes[PL__REFUSED_TEXT].data = text;
    message.bytes[PL__REFUSED_TEXT].size = strlen(text);
    send_to(server, peer, peer_size, &message);
}

/* Is its connection no more? Asked with a word that says nothing. */
static bool is_gone(struct pl_standby_server *server) {
    struct pl__wire nothing = {.type = PL__BYE};
    return !send_to(server, server->session.peer, server->session.peer_size, &nothing) && errno == EHOSTUNREACH;
}

/* ---- The session's beginning and end ---- */

void pl__session_end(struct pl_standby_server *server, const char *why) {
    if (!server->session.peer_size) return;
    pthread_mutex_lock(&server->lock);
    bool told = atomic_load(&server->in_sync) && !server->closing;
    if (server->session.joined) pl__serve_note(server, "standby left", why);
    if (told)
        pl__serve_set_sync(server, false, why);
    else
        atomic_store(&server->in_sync, false);
    server->shown.peer[0] = 0;
    pthread_mutex_unlock(&server->lock);
    if (!told) pl_diag(server->closing ? PL_INFO : PL_WARN, "standby %s: %s", server->session.address, why);
    pl__tail_fini(&server->tail);
    pl__copy_free(server->copy);
    server->copy = NULL;
    server->session = (struct pl__session){0};
}

/* Are its writes the beginning of ours, and do we still have what comes behind them? */
static bool can_go_on(struct pl_standby_server *server, const struct pl__wire *hello) {
    const struct pl_lineage *lineage = &server->lineage;
    uint64_t position = hello->number[PL__HELLO_POSITION];
    const void *run = hello->bytes[PL__HELLO_RUN].data;
    bool now = memcmp(run, lineage->run, PL_LINEAGE_ID) == 0, before = memcmp(run, lineage->before, PL_LINEAGE_ID) == 0;
    uint64_t most = now ? rocksdb_get_latest_sequence_number(server->options.store->db) : lineage->since;
    if (!hello->number[PL__HELLO_COPY] || hello->number[PL__HELLO_GENERATION] != lineage->generation) return false;
    if (!(now || before) || position > most) return false;
    struct pl__tail tail;
    struct pl__batch batch;
    const char *data;
    size_t size;
    pl__tail_init(&tail, server->options.store, position);
    enum pl__tail_state state = pl__tail_next(&tail, &data, &size);
    bool good = state == PL__TAIL_END ||
                (state == PL__TAIL_BATCH && pl__wire_check_batch(data, size, PL__WIRE_FAMILIES, &batch));
    pl__tail_fini(&tail);
    return good;
}

/* PL_OK without a session: it was refused. */
static bool make_copy(struct pl_standby_server *server, const char *peer, size_t peer_size) {
    struct pl_error *error = NULL;
    if (pl__copy_new(server->options.store, &server->copy, &error) == PL_OK) return true;
    char *text = pl_error_text(error);
    pl_diag(PL_ERROR, "no copy for a standby could be made: %s", text ? text : "no memory");
    refuse(server, peer, peer_size, PL__TRY_AGAIN, "no copy could be made; the engine has said why");
    pl_free(text);
    pl_error_free(&error);
    return false;
}

static void welcome(struct pl_standby_server *server) {
    struct pl__wire message = {.type = PL__WELCOME};
    const struct pl_lineage *lineage = &server->lineage;
    message.number[PL__WELCOME_GENERATION] = lineage->generation;
    message.number[PL__WELCOME_WHOLE] = server->session.copying;
    message.number[PL__WELCOME_PATIENCE] = (uint64_t)server->options.patience;
    message.bytes[PL__WELCOME_ID].data = lineage->id;
    message.bytes[PL__WELCOME_RUN].data = lineage->run;
    message.bytes[PL__WELCOME_ID].size = message.bytes[PL__WELCOME_RUN].size = PL_LINEAGE_ID;
    message.bytes[PL__WELCOME_FAMILIES].data = server->families;
    message.bytes[PL__WELCOME_FAMILIES].size = strlen(server->families);
    give(server, &message);
}

static void begin(struct pl_standby_server *server, const char *peer, size_t peer_size, const char *address,
                  const struct pl__wire *hello) {
    struct pl__session *session = &server->session;
    bool whole = !can_go_on(server, hello);
    if (session->peer_size) pl__session_end(server, "begins again");
    if (whole && !make_copy(server, peer, peer_size)) return;
    *session = (struct pl__session){.peer_size = peer_size,
                                    .number = ++server->sessions,
                                    .nonce = hello->number[PL__HELLO_NONCE],
                                    .copying = whole,
                                    .position = whole ? 0 : hello->number[PL__HELLO_POSITION],
                                    .heard = pl_clock_monotonic()};
    memcpy(session->peer, peer, peer_size);
    snprintf(session->address, sizeof session->address, "%s", address);
    server->given_bytes = server->given_writes = 0;
    pl__tail_init(&server->tail, server->options.store, session->position);
    char detail[96];
    if (whole)
        snprintf(detail, sizeof detail, "starts from a copy of %u files", pl__copy_count(server->copy));
    else
        snprintf(detail, sizeof detail, "goes on at %" PRIu64, session->position);
    pthread_mutex_lock(&server->lock);
    server->acked = session->position;
    server->write_bytes = 0;
    server->had_all = pl_clock_monotonic();
    snprintf(server->shown.peer, sizeof server->shown.peer, "%s", session->address);
    pthread_mutex_unlock(&server->lock);
    pl_diag(PL_INFO, "standby %s: %s", session->address, detail);
    welcome(server);
}

/* ---- What it asks ---- */

/* Who asks has more right to the place. Two copies that have taken it independently are of one generation: one of them
 * has to end, and both must come to the same one. */
static bool is_passed_by(const struct pl_standby_server *server, const struct pl__wire *hello) {
    const struct pl_lineage *lineage = &server->lineage;
    uint64_t generation = hello->number[PL__HELLO_GENERATION];
    if (memcmp(hello->bytes[PL__HELLO_ID].data, lineage->id, PL_LINEAGE_ID) != 0) return false;
    if (generation != lineage->generation) return generation > lineage->generation;
    return hello->number[PL__HELLO_CALLER] == PL__WRITES_TOO &&
           memcmp(hello->bytes[PL__HELLO_RUN].data, lineage->run, PL_LINEAGE_ID) > 0;
}

/* Who has taken over comes and says so; from then on what this engine writes is worth nothing. */
static void give_way(struct pl_standby_server *server, uint64_t generation) {
    struct pl_error *error = NULL;
    if (server->lineage.passed) return;
    server->lineage.passed = generation;
    if (pl_lineage_pass(server->options.store, generation, &error) || pl_store_sync(server->options.store, &error)) {
        char *text = pl_error_text(error);
        pl_diag(PL_ERROR, "that another engine has taken over could not be noted: %s", text ? text : "no memory");
        pl_free(text);
        pl_error_free(&error);
    }
    server->options.passed(server->options.arg, generation);
}

static const char *what_is_wrong(const struct pl_standby_server *server, const struct pl__wire *hello) {
    static const uint8_t none[PL_LINEAGE_ID];
    const void *id = hello->bytes[PL__HELLO_ID].data, *key = hello->bytes[PL__HELLO_KEY].data;
    size_t key_size = hello->bytes[PL__HELLO_KEY].size;
    if (hello->number[PL__HELLO_VERSION] != PL__WIRE_VERSION)
        return "the engine is of another version than the standby";
    if (key_size != strlen(server->options.key_id) || memcmp(key, server->options.key_id, key_size) != 0)
        return "the folders are not encrypted with the same key (potline keys id)";
    if (memcmp(id, server->lineage.id, PL_LINEAGE_ID) != 0 && memcmp(id, none, PL_LINEAGE_ID) != 0)
        return "the standby's folder is a copy of another one; --fresh empties it";
    return NULL;
}

static void on_hello(struct pl_standby_server *server, const char *peer, size_t peer_size, const char *address,
                     const struct pl__wire *hello) {
    const struct pl__session *session = &server->session;
    const char *wrong = what_is_wrong(server, hello);
    bool writes = hello->number[PL__HELLO_CALLER] == PL__WRITES_TOO;
    if (is_passed_by(server, hello)) {
        give_way(server, hello->number[PL__HELLO_GENERATION]);
        refuse(server, peer, peer_size, PL__NOT_NEWER, "this engine's place has been taken: it ends");
    } else if (wrong) {
        atomic_fetch_add(&server->strange, 1);
        refuse(server, peer, peer_size, PL__NEVER, wrong);
    } else if (writes && memcmp(hello->bytes[PL__HELLO_RUN].data, server->lineage.run, PL_LINEAGE_ID) == 0) {
        refuse(server, peer, peer_size, PL__NEVER, "an engine asks itself: --standby names its own endpoint");
    } else if (writes) {
        refuse(server, peer, peer_size, PL__NOT_NEWER, "this engine is at work");
    } else if (session->peer_size && session->nonce != hello->number[PL__HELLO_NONCE] && !is_gone(server)) {
        refuse(server, peer, peer_size, PL__TRY_AGAIN, "there is another standby");
    } else {
        begin(server, peer, peer_size, address, hello);
    }
}

static void on_fetch(struct pl_standby_server *server, const struct pl__wire *fetch) {
    uint64_t file = fetch->number[PL__FETCH_FILE], offset = fetch->number[PL__FETCH_OFFSET];
    struct pl__wire piece = {.type = PL__PIECE};
    struct pl_error *error = NULL;
    size_t size = 0;
    if (!server->copy || file >= pl__copy_count(server->copy)) return;
    pl_buffer_reset(&server->out);
    char *bytes = pl_buffer_reserve(&server->out, PL__WIRE_PIECE);
    if (!bytes || pl__copy_read(server->copy, (unsigned)file, offset, bytes, PL__WIRE_PIECE, &size, &error)) {
        pl_diag(PL_ERROR, "standby: %s", error ? error->text : "no memory");
        pl_error_free(&error);
        pl__session_end(server, "its copy cannot be read");
        return;
    }
    const char *name = pl__copy_name(server->copy, (unsigned)file);
    piece.number[PL__PIECE_FILE] = file;
    piece.number[PL__PIECE_FILES] = pl__copy_count(server->copy);
    piece.number[PL__PIECE_OFFSET] = offset;
    piece.number[PL__PIECE_SIZE] = pl__copy_size(server->copy, (unsigned)file);
    piece.number[PL__PIECE_CHECKSUM] = pl_store_checksum(name, strlen(name), bytes, size);
    piece.bytes[PL__PIECE_NAME].data = name;
    piece.bytes[PL__PIECE_NAME].size = strlen(name);
    piece.bytes[PL__PIECE_BYTES].data = bytes;
    piece.bytes[PL__PIECE_BYTES].size = size;
    give(server, &piece);
}

/* What it has is counted; it keeps up when it has what there was when it asked the last time. */
static void acknowledge(struct pl_standby_server *server, uint64_t position) {
    struct pl__session *session = &server->session;
    uint64_t latest = rocksdb_get_latest_sequence_number(server->options.store->db);
    int64_t now = pl_clock_monotonic();
    session->position = position;
    pthread_mutex_lock(&server->lock);
    server->acked = position;
    if (server->given_writes) server->write_bytes = (double)server->given_bytes / (double)server->given_writes;
    if (session->target_at && position >= session->target) {
        server->had_all = session->target_at;
        pl__serve_set_sync(server, true, "has caught up");
        if (!session->joined) pl__serve_note(server, "standby joined", "has caught up");
        session->joined = true;
    }
    if (position == latest) server->had_all = now;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    session->target = latest;
    session->target_at = now;
}

static void on_pull(struct pl_standby_server *server, const struct pl__wire *pull) {
    struct pl__session *session = &server->session;
    uint64_t position = pull->number[PL__PULL_POSITION];
    if (position > rocksdb_get_latest_sequence_number(server->options.store->db)) return;
    if (session->copying) { /* it has the copy, and tells where that ends */
        session->copying = false;
        pl__copy_free(server->copy);
        server->copy = NULL;
        pl__tail_init(&server->tail, server->options.store, position);
    } else if (position + 1 != server->tail.next) {
        pl__tail_fini(&server->tail); /* an answer was lost */
        pl__tail_init(&server->tail, server->options.store, position);
    }
    acknowledge(server, position);
    session->pulls = true;
}

void pl__session_receive(struct pl_standby_server *server, const char *peer, size_t peer_size, const char *address,
                         const void *bytes, size_t size) {
    struct pl__session *session = &server->session;
    struct pl__wire message;
    if (!pl__wire_read(bytes, size, &message)) {
        atomic_fetch_add(&server->strange, 1);
        return;
    }
    if (message.type == PL__HELLO) {
        on_hello(server, peer, peer_size, address, &message);
        return;
    }
    bool ours = session->peer_size == peer_size && memcmp(session->peer, peer, peer_size) == 0;
    if (!ours || message.number[PL__SESSION] != session->number) {
        if (message.type == PL__FETCH || message.type == PL__PULL)
            refuse(server, peer, peer_size, PL__BEGIN_AGAIN, "was not heard for too long");
        return;
    }
    session->heard = pl_clock_monotonic();
    if (message.type == PL__FETCH) on_fetch(server, &message);
    if (message.type == PL__PULL) on_pull(server, &message);
}

/* ---- What it is given ---- */

static bool collect(struct pl_standby_server *server) {
    struct pl__batch batch;
    pl_buffer_reset(&server->out);
    while (server->out.size < PL__WIRE_WRITES) {
        const char *data;
        size_t size;
        enum pl__tail_state state = pl__tail_next(&server->tail, &data, &size);
        if (state == PL__TAIL_END) return true;
        if (state == PL__TAIL_GONE || !pl__wire_check_batch(data, size, PL__WIRE_FAMILIES, &batch)) return false;
        unsigned char head[4] = {(unsigned char)size, (unsigned char)(size >> 8), (unsigned char)(size >> 16),
                                 (unsigned char)(size >> 24)};
        pl_buffer_put(&server->out, head, sizeof head);
        pl_buffer_put(&server->out, data, size);
        server->given_bytes += size;
        server->given_writes += batch.count;
    }
    return true;
}

/* Once it has what is given now. */
static bool is_in_sync(struct pl_standby_server *server) {
    pthread_mutex_lock(&server->lock);
    bool in_sync = atomic_load(&server->in_sync) && server->owed < server->tail.next;
    pthread_mutex_unlock(&server->lock);
    return in_sync;
}

static void give_writes(struct pl_standby_server *server) {
    struct pl__wire message = {.type = PL__WRITES};
    if ((!collect(server) && !server->out.size) || pl_buffer_failed(&server->out)) {
        refuse(server, server->session.peer, server->session.peer_size, PL__TRY_AGAIN,
               "what comes next is not kept any more");
        pl__session_end(server, "too far behind: it needs a copy");
        return;
    }
    message.number[PL__WRITES_LATEST] = rocksdb_get_latest_sequence_number(server->options.store->db);
    message.number[PL__WRITES_IN_SYNC] = is_in_sync(server);
    message.bytes[PL__WRITES_BATCHES].data = server->out.data ? server->out.data : "";
    message.bytes[PL__WRITES_BATCHES].size = server->out.size;
    server->session.pulls = false;
    give(server, &message);
}

/* How long it may be silent: as long as a sync would wait for it. */
static int64_t silence(const struct pl_standby_server *server) {
    if (server->session.copying) return COPYING;
    return atomic_load(&server->in_sync) && server->options.patience > CONTACT ? server->options.patience : CONTACT;
}

void pl__session_work(struct pl_standby_server *server) {
    struct pl__session *session = &server->session;
    if (!session->peer_size) return;
    int64_t now = pl_clock_monotonic();
    bool more = rocksdb_get_latest_sequence_number(server->options.store->db) >= server->tail.next;
    if (session->pulls && (more || now - session->given >= HEARTBEAT)) give_writes(server);
    if (now - session->heard > silence(server)) pl__session_end(server, "is not heard any more");
}

bool pl__session_has_all(const struct pl_standby_server *server) {
    const struct pl__session *session = &server->session;
    return !session->peer_size || session->copying ||
           session->position >= rocksdb_get_latest_sequence_number(server->options.store->db);
}

void pl__session_bye(struct pl_standby_server *server) {
    struct pl__wire message = {.type = PL__BYE};
    if (server->session.peer_size) give(server, &message);
}
