#include "control/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "control/answer.h"

struct pl_client {
    void *context;
    void *socket;
    void *monitor;
    enum pl_client_state state;
    unsigned connections;
    uint64_t last_id;
    struct pl_pack *pack;
};

enum { REPLY_MAX = 64 << 20, KEY_TEXT = 40, RECONNECT_MS = 100, RECONNECT_MAX_MS = 1000, HEARTBEAT_MS = 2000 };

/* ---- Life cycle ---- */

static bool set_number(struct pl_client *client, int option, int value) {
    return zmq_setsockopt(client->socket, option, &value, sizeof value) == 0;
}

static bool set_text(struct pl_client *client, int option, const char *text) {
    return zmq_setsockopt(client->socket, option, text, strlen(text)) == 0;
}

static bool is_key(const char *text) {
    uint8_t bytes[KEY_TEXT];
    return strlen(text) == KEY_TEXT && zmq_z85_decode(bytes, text) != NULL;
}

static enum pl_code set_keys(struct pl_client *client, const struct pl_client_options *options,
                             struct pl_error **error) {
    char public[KEY_TEXT + 1], secret[KEY_TEXT + 1];
    if (!options->server_key) return PL_OK;
    if (!is_key(options->server_key) || (options->secret_key && !is_key(options->secret_key)))
        return pl_error_set(error, PL_USAGE, "a CURVE key is 40 characters of Z85");
    if (options->secret_key) memcpy(secret, options->secret_key, sizeof secret);
    bool good = options->secret_key ? zmq_curve_public(public, secret) == 0 : zmq_curve_keypair(public, secret) == 0;
    good = good && set_text(client, ZMQ_CURVE_SERVERKEY, options->server_key) &&
           set_text(client, ZMQ_CURVE_PUBLICKEY, public) && set_text(client, ZMQ_CURVE_SECRETKEY, secret);
    explicit_bzero(secret, sizeof secret);
    return good ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "no CURVE keys: %s", zmq_strerror(errno));
}

static bool watch_connection(struct pl_client *client) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://client-%p", (void *)client);
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (zmq_socket_monitor(client->socket, endpoint, events)) return false;
    client->monitor = zmq_socket(client->context, ZMQ_PAIR);
    int none = 0;
    return client->monitor && zmq_setsockopt(client->monitor, ZMQ_LINGER, &none, sizeof none) == 0 &&
           zmq_connect(client->monitor, endpoint) == 0;
}

/* Nothing waits in us for an engine that is away (ZMQ_IMMEDIATE), so that no command runs at a later time than it was
 * given. */
static bool set_up(struct pl_client *client) {
    int64_t most = REPLY_MAX;
    return set_number(client, ZMQ_LINGER, 0) && set_number(client, ZMQ_IMMEDIATE, 1) &&
           set_number(client, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_number(client, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) &&
           set_number(client, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_number(client, ZMQ_HEARTBEAT_TIMEOUT, 2 * HEARTBEAT_MS) &&
           zmq_setsockopt(client->socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
}

static enum pl_code open_socket(struct pl_client *client, const struct pl_client_options *options,
                                struct pl_error **error) {
    client->pack = pl_pack_new();
    if (!client->pack) return pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
    client->context = zmq_ctx_new();
    client->socket = client->context ? zmq_socket(client->context, ZMQ_DEALER) : NULL;
    if (!client->socket || !set_up(client) || !watch_connection(client))
        return pl_error_set(error, PL_UNAVAILABLE, "no ZeroMQ socket: %s", zmq_strerror(errno));
    enum pl_code code = set_keys(client, options, error);
    if (code || zmq_connect(client->socket, options->endpoint) == 0) return code;
    return pl_error_set(error, PL_USAGE, "%s is no endpoint to connect to: %s", options->endpoint, zmq_strerror(errno));
}

enum pl_code pl_client_open(const struct pl_client_options *options, struct pl_client **made, struct pl_error **error) {
    struct pl_client *client = PL_NEW(struct pl_client);
    *made = NULL;
    if (!client) return pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
    enum pl_code code = open_socket(client, options, error);
    if (code)
        pl_client_close(client);
    else
        *made = client;
    return code;
}

void pl_client_close(struct pl_client *client) {
    if (!client) return;
    /* First nothing is told any more: of an event that finds nobody ZeroMQ leaks the address. */
    if (client->monitor) zmq_socket_monitor(client->socket, NULL, 0);
    if (client->monitor) zmq_close(client->monitor);
    if (client->socket) zmq_close(client->socket);
    if (client->context) zmq_ctx_term(client->context);
    pl_pack_free(client->pack);
    pl_free(client);
}

/* ---- Requests ---- */

static bool send_pack(struct pl_client *client) {
    return !pl_pack_failed(client->pack) &&
           zmq_send(client->socket, pl_pack_data(client->pack), pl_pack_size(client->pack), ZMQ_DONTWAIT) >= 0;
}

static void pack_request(struct pl_pack *pack, const struct pl_client_request *request, uint64_t id) {
    pl_pack_reset(pack);
    pl_pack_map(pack, 2 + (request->session != NULL) + (request->password != NULL));
    pl_pack_str(pack, "id");
    pl_pack_uint(pack, id);
    if (request->session) pl_pack_pair_str(pack, "session", request->session);
    if (request->password) pl_pack_pair_str(pack, "password", request->password);
    pl_pack_str(pack, "words");
    pl_pack_array(pack, request->count);
    for (unsigned i = 0; i < request->count; i++)
        pl_pack_str(pack, request->words[i]);
}

enum pl_code pl_client_send(struct pl_client *client, const struct pl_client_request *request, uint64_t *id,
                            struct pl_error **error) {
    *id = ++client->last_id;
    pack_request(client->pack, request, *id);
    if (pl_pack_failed(client->pack)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    if (send_pack(client)) return PL_OK;
    if (errno == EAGAIN) return pl_error_set(error, PL_UNAVAILABLE, "the engine is not connected");
    return pl_error_set(error, PL_IO, "the command was not sent: %s", zmq_strerror(errno));
}

/* What cannot be sent is missed by nobody: without a renewal the stream ends. */
static void send_flag(struct pl_client *client, uint64_t id, const char *flag) {
    pl_pack_reset(client->pack);
    pl_pack_map(client->pack, 2);
    pl_pack_str(client->pack, "id");
    pl_pack_uint(client->pack, id);
    pl_pack_str(client->pack, flag);
    pl_pack_bool(client->pack, true);
    send_pack(client);
}

void pl_client_renew(struct pl_client *client, uint64_t id) {
    send_flag(client, id, "renew");
}

void pl_client_cancel(struct pl_client *client, uint64_t id) {
    send_flag(client, id, "cancel");
}

/* ---- Replies ---- */

static void take_event(struct pl_client *client, uint16_t event) {
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        client->state = PL_CLIENT_CONNECTED;
        client->connections++;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (client->state == PL_CLIENT_CONNECTED) client->state = PL_CLIENT_LOST;
        break;
    default: client->state = PL_CLIENT_REFUSED;
    }
}

/* An event is two frames: its number and value, and an address. */
static void take_events(struct pl_client *client) {
    for (;;) {
        uint8_t frame[6];
        uint16_t event = 0;
        int size = zmq_recv(client->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
        if (size < 0) return;
        zmq_recv(client->monitor, NULL, 0, ZMQ_DONTWAIT);
        memcpy(&event, frame, sizeof event);
        if (size == sizeof frame) take_event(client, event);
    }
}

/* One frame is a message; of one with more, nothing is taken. */
static bool take_message(struct pl_client *client, zmq_msg_t *message) {
    bool whole = true;
    for (;;) {
        if (zmq_msg_recv(message, client->socket, ZMQ_DONTWAIT) < 0) return false;
        bool more = zmq_msg_more(message);
        if (whole && !more) return true;
        whole = !more;
    }
}

bool pl_client_receive(struct pl_client *client, struct pl_answer *answer) {
    zmq_msg_t message;
    bool taken = false;
    take_events(client);
    zmq_msg_init(&message);
    while (!taken && take_message(client, &message))
        taken = pl__answer_read(answer, zmq_msg_data(&message), zmq_msg_size(&message));
    zmq_msg_close(&message);
    if (!taken) take_events(client);
    return taken;
}

enum pl_client_state pl_client_state(const struct pl_client *client) {
    return client->state;
}

unsigned pl_client_connections(const struct pl_client *client) {
    return client->connections;
}

void pl_client_fds(const struct pl_client *client, int fds[2]) {
    size_t size = sizeof *fds;
    zmq_getsockopt(client->socket, ZMQ_FD, &fds[0], &size);
    zmq_getsockopt(client->monitor, ZMQ_FD, &fds[1], &size);
}

bool pl_client_listens(const char *endpoint) {
    static const char scheme[] = "ipc://";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strncmp(endpoint, scheme, strlen(scheme)) != 0) return true;
    const char *path = endpoint + strlen(scheme);
    if (strlen(path) >= sizeof address.sun_path) return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listens = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) close(fd);
    return listens;
}
