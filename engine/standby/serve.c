/* serve.c: the server's thread, its socket, and those who wait for the standby. */
#include "standby/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "standby/serve_impl.h"

enum {
    LOOK_MS = 5, /* how late a write is seen that nobody waits for */
    IDLE_MS = 100,
    MESSAGES_A_TURN = 64,
    QUEUE = 16,
    LINGER_MS = 200,
};
static const int64_t TRIM_EVERY = PL_SECOND;
static const uint64_t LOGS_MAX = UINT64_C(1) << 30, LOGS_MAX_COPYING = UINT64_C(8) << 30;

/* ---- Who waits for the standby ---- */

void pl__serve_set_sync(struct pl_standby_server *server, bool in_sync, const char *why) {
    if (atomic_exchange(&server->in_sync, in_sync) == in_sync) return;
    pl_diag(in_sync ? PL_INFO : PL_WARN, "standby %s: %s; what is synced is %s", server->shown.peer, why,
            in_sync ? "there, too" : "only here now");
    pthread_cond_broadcast(&server->changed);
}

void pl__serve_note(struct pl_standby_server *server, const char *action, const char *detail) {
    struct pl_clock wall;
    struct pl_error *error = NULL;
    char generation[32];
    if (!server->audit) return;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    snprintf(generation, sizeof generation, "generation %" PRIu64, server->lineage.generation);
    struct pl_audit_record record = {.time = pl_clock_now(&wall),
                                     .origin = "standby",
                                     .action = action,
                                     .object = server->shown.peer,
                                     .to = generation,
                                     .outcome = "done",
                                     .detail = detail};
    if (pl_audit_append(server->audit, &record, &error)) pl_diag(PL_ERROR, "%s: %s", action, error ? error->text : "");
    pl_error_free(&error);
}

static struct timespec deadline(pl_time patience) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    pl_time sum = at.tv_nsec + patience;
    at.tv_sec += sum / PL_SECOND;
    at.tv_nsec = sum % PL_SECOND;
    return at;
}

static void wake(struct pl_standby_server *server) {
    uint64_t one = 1;
    (void)!write(server->wake, &one, sizeof one);
}

/* Everything that was written when this is called is there as well when it returns, or the engine is alone: then the
 * standby is not told that it is in sync before it has that, too. */
static void wait_for_standby(void *arg) {
    struct pl_standby_server *server = arg;
    if (pthread_equal(pthread_self(), server->thread)) return;
    uint64_t wanted = rocksdb_get_latest_sequence_number(server->options.store->db);
    struct timespec until = deadline(server->options.patience);
    int late = 0;
    pthread_mutex_lock(&server->lock);
    if (atomic_load(&server->in_sync)) wake(server);
    while (atomic_load(&server->in_sync) && server->acked < wanted && !late)
        late = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    if (atomic_load(&server->in_sync) && server->acked < wanted) {
        server->alone++;
        pl__serve_set_sync(server, false, "does not answer in time");
    }
    if (server->acked < wanted && wanted > server->owed) server->owed = wanted;
    pthread_mutex_unlock(&server->lock);
}

/* ---- The thread ---- */

/* One message; false when there is none. One of more than one frame is nobody's. */
static bool receive_one(struct pl_standby_server *server) {
    char peer[PL__PEER_MAX + 1];
    int size = zmq_recv(server->socket, peer, sizeof peer, ZMQ_DONTWAIT);
    if (size < 0) return false;
    int more = 1;
    for (unsigned frame = 0; more; frame++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, server->socket, ZMQ_DONTWAIT) < 0) return false;
        more = zmq_msg_more(&message);
        const char *address = zmq_msg_gets(&message, "Peer-Address");
        if (frame == 0 && !more && size <= PL__PEER_MAX)
            pl__session_receive(server, peer, (size_t)size, address ? address : "?", zmq_msg_data(&message),
                                zmq_msg_size(&message));
        zmq_msg_close(&message);
    }
    return true;
}

static void trim(struct pl_standby_server *server) {
    int64_t now = pl_clock_monotonic();
    if (now - server->trimmed < TRIM_EVERY) return;
    server->trimmed = now;
    pl_store_archive_trim(server->options.store, server->session.copying ? LOGS_MAX_COPYING : LOGS_MAX);
}

static void work(struct pl_standby_server *server, long timeout_ms) {
    zmq_pollitem_t items[] = {{server->socket, 0, ZMQ_POLLIN, 0},
                              {server->doorman.zap, 0, ZMQ_POLLIN, 0},
                              {server->doorman.monitor, 0, ZMQ_POLLIN, 0},
                              {NULL, server->wake, ZMQ_POLLIN, 0}};
    uint64_t woken;
    zmq_poll(items, PL_COUNT_OF(items), timeout_ms);
    if (items[3].revents) (void)!read(server->wake, &woken, sizeof woken);
    pl__doorman_work(&server->doorman);
    for (int n = 0; n < MESSAGES_A_TURN && receive_one(server); n++)
        ;
    pl__session_work(server);
    trim(server);
}

static bool is_closing(struct pl_standby_server *server) {
    pthread_mutex_lock(&server->lock);
    bool closing = server->closing;
    pthread_mutex_unlock(&server->lock);
    return closing;
}

static void *run(void *arg) {
    struct pl_standby_server *server = arg;
    pthread_setname_np(pthread_self(), "standby");
    while (!is_closing(server))
        work(server, server->session.pulls ? LOOK_MS : IDLE_MS);
    int64_t until = pl_clock_monotonic() + server->options.patience; /* the rest, if it is there to take it */
    while (!pl__session_has_all(server) && pl_clock_monotonic() < until)
        work(server, LOOK_MS);
    if (server->orderly) pl__session_bye(server);
    pl__session_end(server, "the engine ends");
    return NULL;
}

/* The store is about to close: RocksDB is not touched from here on. */
static void end(void *arg) {
    struct pl_standby_server *server = arg;
    if (!server->has_thread) return;
    pthread_mutex_lock(&server->lock);
    server->closing = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
    pthread_join(server->thread, NULL);
    server->has_thread = false;
}

/* ---- Life ---- */

static bool set_number(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static enum pl_code open_socket(struct pl_standby_server *server, struct pl_error **error) {
    const struct pl_standby_server_options *options = &server->options;
    int64_t longest = PL__WIRE_ASK_MAX;
    server->zmq = zmq_ctx_new();
    server->socket = server->zmq ? zmq_socket(server->zmq, ZMQ_ROUTER) : NULL;
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->socket || server->wake < 0)
        return pl_error_set(error, PL_LIMIT, "standby: no socket: %s", zmq_strerror(errno));
    enum pl_code code = pl__doorman_init(&server->doorman, server->zmq, server->socket, options->secret, error);
    if (code) return code;
    bool good = set_number(server->socket, ZMQ_LINGER, LINGER_MS) && set_number(server->socket, ZMQ_SNDHWM, QUEUE) &&
                set_number(server->socket, ZMQ_RCVHWM, QUEUE) && set_number(server->socket, ZMQ_ROUTER_MANDATORY, 1) &&
                zmq_setsockopt(server->socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest) == 0 &&
                pl__secret_serve(server->socket, options->secret);
    if (!good) return pl_error_set(error, PL_UNAVAILABLE, "standby: %s", zmq_strerror(errno));
    if (zmq_bind(server->socket, options->endpoint) == 0) return PL_OK;
    return pl_error_set(error, errno == EADDRINUSE ? PL_BUSY : PL_USAGE, "cannot serve a standby at %s: %s",
                        options->endpoint, zmq_strerror(errno));
}

void pl__families_text(const struct pl_store *store, char *text, size_t room) {
    size_t used = 0;
    *text = 0;
    for (int i = 0; i < PL_STORE_FAMILIES; i++) {
        size_t length;
        char *name = rocksdb_column_family_handle_get_name(store->family[i], &length);
        int added = snprintf(text + used, room - used, "%u %.*s\n",
                             rocksdb_column_family_handle_get_id(store->family[i]), (int)length, name);
        rocksdb_free(name);
        if (added < 0 || (size_t)added >= room - used) return;
        used += (size_t)added;
    }
}

static enum pl_code set_up(struct pl_standby_server *server, struct pl_error **error) {
    pl__families_text(server->options.store, server->families, sizeof server->families);
    server->pack = pl_pack_new();
    if (!server->pack) return pl_error_set(error, PL_NO_MEMORY, "no memory to serve a standby");
    enum pl_code code = pl_lineage_read(server->options.store, &server->lineage, error);
    if (!code) code = open_socket(server, error);
    if (code) return code;
    server->has_thread = pthread_create(&server->thread, NULL, run, server) == 0;
    return server->has_thread ? PL_OK : pl_error_set(error, PL_LIMIT, "cannot start a thread to serve a standby");
}

enum pl_code pl_standby_server_new(const struct pl_standby_server_options *options, struct pl_standby_server **server,
                                   struct pl_error **error) {
    struct pl_standby_server *s = *server = PL_NEW(struct pl_standby_server);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory to serve a standby");
    s->options = *options;
    s->audit = options->audit;
    s->wake = -1;
    s->watch = (struct pl_store_watch){.synced = wait_for_standby, .closing = end, .arg = s};
    pl_buffer_init(&s->out, PL__WIRE_ANSWER_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    enum pl_code code = set_up(s, error);
    if (!code) {
        pl_store_set_watch(options->store, &s->watch);
        return PL_OK;
    }
    pl_standby_server_free(s);
    *server = NULL;
    return code;
}

void pl_standby_server_ending(struct pl_standby_server *server, bool orderly) {
    if (!server) return;
    pthread_mutex_lock(&server->lock);
    server->audit = NULL;
    server->orderly = orderly;
    pthread_mutex_unlock(&server->lock);
}

void pl_standby_server_free(struct pl_standby_server *server) {
    if (!server) return;
    end(server);
    pl__doorman_fini(&server->doorman);
    if (server->socket) zmq_close(server->socket);
    if (server->zmq) zmq_ctx_term(server->zmq);
    if (server->wake >= 0) close(server->wake);
    pl_pack_free(server->pack);
    pl_buffer_fini(&server->out);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    pl_free(server);
}

void pl_standby_server_look(struct pl_standby_server *server, struct pl_standby_view *view) {
    uint64_t latest = rocksdb_get_latest_sequence_number(server->options.store->db);
    pthread_mutex_lock(&server->lock);
    *view = server->shown;
    view->generation = server->lineage.generation;
    view->in_sync = atomic_load(&server->in_sync) && server->acked >= server->owed;
    view->alone = server->alone;
    if (view->peer[0] && server->acked < latest) {
        view->lag_writes = latest - server->acked;
        view->lag_bytes = (uint64_t)((double)view->lag_writes * server->write_bytes);
        view->lag_s = (double)(pl_clock_monotonic() - server->had_all) * 1e-9;
    }
    pthread_mutex_unlock(&server->lock);
    view->turned_away = atomic_load(&server->doorman.turned_away) + atomic_load(&server->strange);
}
