/* control.c: the control thread: its sockets, its loop, its end. */
#include "control/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "control/control_impl.h"
#include "control/users.h"

enum { TICK_MS = 250, LOOK_MS = 10, MESSAGES_A_TURN = 64, REPLIES_A_PEER = 256, PUBLIC_KEY = 41 };

/* ---- Sockets ---- */

static enum pl_code open_socket(struct pl__face *face, struct pl_error **error) {
    int yes = 1, none = 0, replies = REPLIES_A_PEER;
    int64_t longest = PL__FRAME_MAX;
    face->socket = zmq_socket(face->control->zmq, ZMQ_ROUTER);
    if (!face->socket) return pl_error_set(error, PL_LIMIT, "control: no socket: %s", zmq_strerror(errno));
    zmq_setsockopt(face->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(face->socket, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    zmq_setsockopt(face->socket, ZMQ_SNDHWM, &replies, sizeof replies);
    zmq_setsockopt(face->socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest);
    return PL_OK;
}

static enum pl_code bind_to(struct pl__face *face, const char *endpoint, struct pl_error **error) {
    if (zmq_bind(face->socket, endpoint) == 0) return PL_OK;
    return pl_error_set(error, errno == EADDRINUSE ? PL_BUSY : PL_IO, "control: cannot listen at %s: %s", endpoint,
                        zmq_strerror(errno));
}

/* In the data folder, whose lock is ours: a socket that is there was left by an engine that died. */
static enum pl_code open_local(struct pl_control *control, const char *folder, struct pl_error **error) {
    struct pl__face *face = &control->faces[0];
    char path[4096], endpoint[4110];
    face->local = true;
    int length = snprintf(path, sizeof path, "%s/" PL_CONTROL_SOCKET, folder);
    if (length >= (int)sizeof((struct sockaddr_un *)0)->sun_path) {
        pl_diag(PL_WARN, "%s: the path is too long for a socket; commands are only taken at --control", folder);
        return PL_OK;
    }
    enum pl_code code = open_socket(face, error);
    if (code) return code;
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    unlink(path);
    mode_t mask = umask(0177);
    code = bind_to(face, endpoint, error);
    umask(mask);
    return code;
}

/* Who connects has to know it, and cannot be told by the engine. */
static void tell_public_key(const struct pl_control_options *options) {
    char public[PUBLIC_KEY];
    if (zmq_curve_public(public, options->secret_key) == 0)
        pl_diag(PL_INFO, "control: listening at %s; its public key, for potline shell --server-key: %s",
                options->endpoint, public);
}

static enum pl_code open_remote(struct pl_control *control, struct pl_error **error) {
    struct pl__face *face = &control->faces[1];
    const struct pl_control_options *options = &control->options;
    int yes = 1;
    if (!options->endpoint) return PL_OK;
    if (!options->secret_key)
        return pl_error_set(
            error, PL_USAGE,
            "control: %s needs a secret key: nothing is sent in the clear (potline keys curve --out FILE "
            "makes one, --control-key FILE gives it)",
            options->endpoint);
    enum pl_code code = open_socket(face, error);
    if (code) return code;
    if (zmq_setsockopt(face->socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) ||
        zmq_setsockopt(face->socket, ZMQ_CURVE_SECRETKEY, options->secret_key, strlen(options->secret_key) + 1))
        return pl_error_set(error, PL_USAGE, "control: the secret key is not one: 40 characters of Z85 expected");
    enum pl_code bound = bind_to(face, options->endpoint, error);
    if (!bound) tell_public_key(options);
    return bound;
}

/* One message of a face; false when there is none. A message of more than one frame is nobody's. */
static bool receive_one(struct pl_control *control, struct pl__face *face) {
    struct pl_peer peer = {.socket = face->socket, .local = face->local};
    int size = zmq_recv(face->socket, peer.name, sizeof peer.name, ZMQ_DONTWAIT);
    if (size < 0) return false;
    peer.size = (uint8_t)(size > PL_PEER_MAX ? PL_PEER_MAX : size);
    int more = 1;
    for (unsigned frame = 0; more; frame++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, face->socket, ZMQ_DONTWAIT) < 0) return false;
        more = zmq_msg_more(&message);
        if (frame == 0 && !more) pl__request_receive(control, &peer, zmq_msg_data(&message), zmq_msg_size(&message));
        zmq_msg_close(&message);
    }
    return true;
}

/* ---- The loop: what came back, what came in; ZMQ_FD is edge-triggered, so before the loop sleeps ZMQ_EVENTS is read
 */

static bool any_event(struct pl__face *face) {
    int events = 0;
    size_t size = sizeof events;
    return face->socket && zmq_getsockopt(face->socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLIN;
}

static void nothing(uv_idle_t *idle) {
    (void)idle;
}

static void before_poll(uv_prepare_t *prepare) {
    struct pl_control *control = prepare->data;
    bool ready = any_event(&control->faces[0]) || any_event(&control->faces[1]);
    if (ready && !control->closed)
        uv_idle_start(&control->idle, nothing);
    else
        uv_idle_stop(&control->idle);
}

static void take_back(struct pl_control *control) {
    for (struct pl_call *call = pl_calls_take(&control->back), *next; call; call = next) {
        next = call->next;
        pl__request_came_back(control, call);
    }
}

static void unlink_socket(const struct pl_control *control) {
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    int length = snprintf(path, sizeof path, "%s/" PL_CONTROL_SOCKET, pl_engine_data(control->options.engine));
    if (length < (int)sizeof path) unlink(path);
}

/* Nothing is asked or answered from here on; calls that are under way still come back. */
static void close_faces(struct pl_control *control) {
    pl__requests_end(control);
    for (unsigned i = 0; i < PL__FACES; i++) {
        if (!control->faces[i].socket) continue;
        if (control->faces[i].watched) uv_poll_stop(&control->faces[i].poll);
        zmq_close(control->faces[i].socket);
        if (control->faces[i].local) unlink_socket(control);
        control->faces[i].socket = NULL;
    }
    control->audit = NULL;
    pthread_mutex_lock(&control->lock);
    control->closed = true;
    pthread_cond_signal(&control->changed);
    pthread_mutex_unlock(&control->lock);
    pl__asks_refuse(control);
}

static void on_tick(uv_timer_t *timer) {
    struct pl_control *control = timer->data;
    if (control->closed) return;
    pl_engine_hold_wiring(control->options.engine);
    pl__requests_tick(control, uv_hrtime());
    pl_engine_release_wiring(control->options.engine);
}

/* Who waits for a checkpoint has the answer soon behind it. */
static void set_pace(struct pl_control *control) {
    uint64_t every = TICK_MS;
    for (const struct pl_request *r = control->requests; r; r = r->next)
        if (r->look && !r->answered) every = LOOK_MS;
    if (uv_timer_get_repeat(&control->tick) != every) uv_timer_start(&control->tick, on_tick, every, every);
}

/* Nodes of another graph have other commands. */
static void renew_commands(struct pl_control *control) {
    const struct pl_graph *graph = pl_engine_graph(control->options.engine);
    struct pl_command_table table;
    if (graph == control->graph || !pl_commands_init(&table, graph)) return;
    pl_commands_fini(&control->commands);
    control->commands = table;
    pl_graph_unref(control->graph);
    control->graph = pl_graph_ref(graph);
}

static void work(struct pl_control *control) {
    renew_commands(control);
    take_back(control);
    if (!control->closed) pl__asks_begin(control);
    for (unsigned i = 0; i < PL__FACES && !control->closed; i++)
        for (int n = 0; control->faces[i].socket && n < MESSAGES_A_TURN && receive_one(control, &control->faces[i]);
             n++)
            ;
    for (struct pl_request *r = control->requests; r && !control->closed; r = r->next)
        if (r->stream) pl__stream_pump(r);
    set_pace(control);
}

static void after_poll(uv_check_t *check) {
    struct pl_control *control = check->data;
    if (control->closed) { /* the engine may be gone */
        take_back(control);
        return;
    }
    pl_engine_hold_wiring(control->options.engine);
    work(control);
    pl_engine_release_wiring(control->options.engine);
    if (atomic_load(&control->closing) && !control->closed && control->logins == 0) close_faces(control);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void woken(uv_async_t *async) {
    struct pl_control *control = async->data; /* after_poll looks at what has come back */
    if (atomic_load(&control->ending)) uv_walk(&control->loop, close_handle, NULL);
}

static void readable(uv_poll_t *poll, int status, int events) {
    (void)poll, (void)status, (void)events; /* the same */
}

static void *run(void *arg) {
    struct pl_control *control = arg;
    pthread_setname_np(pthread_self(), "control");
    uv_run(&control->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void make_loop(struct pl_control *control) {
    uv_loop_init(&control->loop);
    uv_prepare_init(&control->loop, &control->prepare);
    uv_check_init(&control->loop, &control->check);
    uv_idle_init(&control->loop, &control->idle);
    uv_async_init(&control->loop, &control->async, woken);
    uv_timer_init(&control->loop, &control->tick);
    control->prepare.data = control->check.data = control->tick.data = control->async.data = control;
    uv_prepare_start(&control->prepare, before_poll);
    uv_check_start(&control->check, after_poll);
    uv_timer_start(&control->tick, on_tick, TICK_MS, TICK_MS);
}

static enum pl_code watch(struct pl__face *face, struct pl_error **error) {
    int fd;
    size_t size = sizeof fd;
    if (!face->socket) return PL_OK;
    zmq_getsockopt(face->socket, ZMQ_FD, &fd, &size);
    int status = uv_poll_init(&face->control->loop, &face->poll, fd);
    if (status) return pl_error_set(error, PL_LIMIT, "control: %s", uv_strerror(status));
    uv_poll_start(&face->poll, UV_READABLE, readable);
    face->watched = true;
    return PL_OK;
}

/* ---- Life ---- */

static void look_for_admin(void *arg, const struct pl_user *user) {
    *(bool *)arg |= user->role == PL_ROLE_ADMIN;
}

/* Nobody could do anything, and nobody could be let in. */
static enum pl_code check_login(const struct pl_control *control, struct pl_error **error) {
    struct pl_store *store = pl_engine_store(control->options.engine);
    bool admin = false;
    if (!control->options.login) return PL_OK;
    if (!store) return pl_error_set(error, PL_USAGE, "--require-login needs a data folder, where users are kept");
    enum pl_code code = pl_users_each(store, look_for_admin, &admin, error);
    if (code || admin) return code;
    return pl_error_set(error, PL_USAGE,
                        "--require-login, and there is no admin yet: potline user add NAME --role admin --data DIR");
}

static enum pl_code open_all(struct pl_control *control, struct pl_error **error) {
    struct pl_engine *engine = control->options.engine;
    const char *folder = pl_engine_data(engine);
    control->zmq = zmq_ctx_new();
    control->sessions = pl_sessions_new();
    if (!control->zmq || !control->sessions || !pl_commands_init(&control->commands, pl_engine_graph(engine)))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for the control plane");
    control->graph = pl_graph_ref(pl_engine_graph(engine));
    control->audit = pl_engine_journal(engine)->audit;
    enum pl_code code = check_login(control, error);
    if (!code && folder) code = open_local(control, folder, error);
    if (!code) code = open_remote(control, error);
    for (unsigned i = 0; i < PL__FACES && !code; i++)
        code = watch(&control->faces[i], error);
    return code;
}

enum pl_code pl_control_new(const struct pl_control_options *options, struct pl_control **control,
                            struct pl_error **error) {
    *control = NULL;
    if (!pl_engine_data(options->engine) && !options->endpoint) return PL_OK;
    struct pl_control *c = PL_NEW(struct pl_control);
    if (!c) return pl_error_set(error, PL_NO_MEMORY, "no memory for the control plane");
    c->options = *options;
    c->begun = uv_hrtime();
    c->faces[0].control = c->faces[1].control = c;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    make_loop(c);
    enum pl_code code = open_all(c, error);
    if (code) {
        pl_control_free(c);
        return code;
    }
    *control = c;
    return PL_OK;
}

enum pl_code pl_control_start(struct pl_control *control, struct pl_error **error) {
    if (!control) return PL_OK;
    control->running = pthread_create(&control->thread, NULL, run, control) == 0;
    return control->running ? PL_OK : pl_error_set(error, PL_LIMIT, "cannot start the control thread");
}

void pl_control_close(struct pl_control *control) {
    if (!control) return;
    if (!control->running) {
        close_faces(control);
        return;
    }
    atomic_store(&control->closing, true);
    uv_async_send(&control->async);
    pthread_mutex_lock(&control->lock);
    while (!control->closed)
        pthread_cond_wait(&control->changed, &control->lock);
    pthread_mutex_unlock(&control->lock);
}

void pl_control_free(struct pl_control *control) {
    if (!control) return;
    if (!control->closed) pl_control_close(control);
    atomic_store(&control->ending, true);
    uv_async_send(&control->async);
    if (control->running)
        pthread_join(control->thread, NULL);
    else
        uv_run(&control->loop, UV_RUN_DEFAULT);
    take_back(control);
    pl__requests_free(control);
    uv_loop_close(&control->loop);
    if (control->zmq) zmq_ctx_term(control->zmq);
    pl_commands_fini(&control->commands);
    pl_graph_unref(control->graph);
    pl_sessions_free(control->sessions);
    pthread_mutex_destroy(&control->lock);
    pthread_cond_destroy(&control->changed);
    pl_free(control);
}
