#include "link.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "later.h"
#include "wall.h"
#include "watch.h"

enum {
    TICK_MS = 250,
    PACKETS = 64,
    PORT_PLAIN = 1883,
    PORT_TLS = 8883,
    OVERHEAD = 66 << 10,
    UNASKED = 64 << 10,
    ANSWERS_MAX = 16 << 10
};

struct pl_mqtt {
    struct pl_node *node;
    struct pl_mqtt_setup setup;
    struct mosquitto *mosquitto;
    SSL_CTX *tls; /* NULL: plain */
    struct pl_wall *wall;
    struct pl_watch *watch;
    struct pl_later *tick;
    int socket; /* -1: none */
    char host[PL_MQTT_HOST_MAX + 1];
    uint16_t port;
    bool up, held;
    bool begun;        /* an attempt has been made: the next ones are reconnects */
    bool told_down;    /* and nothing has been up since */
    bool reading;      /* in pl_mqtt_read */
    bool told;         /* that there is something to read, which has not been read yet */
    pl_time wait;      /* before the next attempt */
    uint64_t next;     /* of uv_hrtime */
    uint64_t given_up; /* of uv_hrtime: when there is no connection by then */
};

const char *const pl_mqtt_protocols[] = {"5", "3.1.1", NULL};

#define OPTIONS struct pl_mqtt_options
/* clang-format off */
const struct pl_option pl_mqtt_tls_options[] = {
    PL_OPT_FILE(OPTIONS, tls.ca, "ca", NULL, PL_FIXED, "Certificates of who may have signed the broker's, PEM."),
    PL_OPT_FILE(OPTIONS, tls.certificate, "certificate", "", PL_FIXED, "Our own, for a broker that asks for it, PEM."),
    PL_OPT_FILE(OPTIONS, tls.key, "key", "", PL_FIXED, "Its private key, PEM."),
    PL_OPT_SECRET(OPTIONS, tls.key_password, "key_password", "", PL_FIXED, "Of that key."),
    PL_OPT_BOOL(OPTIONS, tls.any_host, "any_host", "false", PL_FIXED, "Does not ask whether the certificate is of that host: for tests."),
    PL_OPT_END,
};
/* clang-format on */

/* ---- Names ---- */

static bool put_host(char *host, const char *text, size_t length) {
    if (length == 0 || length > PL_MQTT_HOST_MAX) return false;
    memcpy(host, text, length);
    host[length] = 0;
    return true;
}

bool pl_mqtt_server_parse(const char *text, bool tls, char *host, uint16_t *port) {
    int64_t number = tls ? PORT_TLS : PORT_PLAIN;
    const char *end = text + strlen(text), *behind;
    if (*text == '[') {
        const char *close = strchr(text, ']');
        if (!close || !put_host(host, text + 1, (size_t)(close - text - 1))) return false;
        behind = close + 1;
    } else {
        behind = strchr(text, ':') ? strchr(text, ':') : end;
        if (!put_host(host, text, (size_t)(behind - text))) return false;
    }
    if (*behind == ':' && !pl_text_int(behind + 1, (size_t)(end - behind - 1), &number)) return false;
    if ((*behind != 0 && *behind != ':') || number < 1 || number > UINT16_MAX) return false;
    *port = (uint16_t)number;
    return true;
}

bool pl_mqtt_topic_is_good(const char *topic) {
    size_t length = strlen(topic);
    return length <= PL_MQTT_TOPIC_MAX && mosquitto_pub_topic_check2(topic, length) == MOSQ_ERR_SUCCESS &&
           mosquitto_validate_utf8(topic, (int)length) == MOSQ_ERR_SUCCESS && length > 0;
}

bool pl_mqtt_filter_is_good(const char *filter) {
    size_t length = strlen(filter);
    return length <= PL_MQTT_TOPIC_MAX && mosquitto_sub_topic_check2(filter, length) == MOSQ_ERR_SUCCESS &&
           mosquitto_validate_utf8(filter, (int)length) == MOSQ_ERR_SUCCESS && length > 0;
}

void pl_mqtt_check(const struct pl_mqtt_options *options, struct pl_check *check) {
    char host[PL_MQTT_HOST_MAX + 1];
    uint16_t port;
    if (!pl_mqtt_server_parse(options->server, options->tls_given, host, &port))
        pl_check_error(check, "server", "host:port is wanted, found '%s'", options->server);
    if (*options->password && !*options->user) pl_check_error(check, "password", "it is nobody's: say `user`");
    if (*options->password && !options->tls_given)
        pl_check_warning(check, "password", "without tls everybody on the way can read it");
    if (options->tls_given && !*options->tls.certificate != !*options->tls.key)
        pl_check_error(check, "tls", "certificate and key belong together");
    if (options->backoff > options->backoff_max) pl_check_error(check, "backoff", "it is longer than backoff_max");
    if (*options->client_id && mosquitto_validate_utf8(options->client_id, (int)strlen(options->client_id)))
        pl_check_error(check, "client_id", "it is not UTF-8");
}

/* ---- Losing it ---- */

static void drop_socket(struct pl_mqtt *link) {
    pl_watch_free(link->watch);
    link->watch = NULL;
    pl_wall_free(link->wall);
    link->wall = NULL;
    link->socket = -1;
}

static void try_later(struct pl_mqtt *link) {
    const struct pl_mqtt_options *o = link->setup.options;
    link->wait = link->wait ? 2 * link->wait : o->backoff;
    if (link->wait > o->backoff_max) link->wait = o->backoff_max;
    link->next = uv_hrtime() + (uint64_t)link->wait;
}

static void lost(struct pl_mqtt *link, const char *why) {
    bool first = !link->told_down;
    char reason[256];
    snprintf(reason, sizeof reason, "%s", why); /* it may be the wall's */
    drop_socket(link);
    link->up = link->held = link->told = false;
    link->told_down = true;
    try_later(link);
    if (first) link->setup.down(link->setup.user, reason);
}

/* What the broker itself has said comes first: it closes the connection behind it. */
static const char *reason_of(const struct pl_mqtt *link, int code) {
    bool broken =
        code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO || code == MOSQ_ERR_KEEPALIVE;
    if (broken && link->wall && *pl_wall_why(link->wall)) return pl_wall_why(link->wall);
    switch (code) {
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST: return "the connection was lost";
    case MOSQ_ERR_KEEPALIVE: return "the broker does not answer";
    case MOSQ_ERR_CONN_REFUSED: return "the broker refuses the connection";
    case MOSQ_ERR_TLS: return "the TLS handshake failed";
    case MOSQ_ERR_EAI: return "the name of the server cannot be resolved";
    case MOSQ_ERR_ERRNO: return errno ? strerror(errno) : "the connection was lost";
    case MQTT_RC_SESSION_TAKEN_OVER: return "another client with the same client_id has come";
    case MQTT_RC_SERVER_SHUTTING_DOWN: return "the broker shuts down";
    default: return code > 0x80 ? mosquitto_reason_string(code) : mosquitto_strerror(code);
    }
}

/* ---- Callbacks of libmosquitto ---- */

static void on_connect(struct mosquitto *mosquitto, void *user, int code, int flags, const mosquitto_property *props) {
    struct pl_mqtt *link = user;
    (void)mosquitto;
    (void)props;
    if (code) {
        lost(link, link->setup.options->protocol == PL_MQTT_5 ? mosquitto_reason_string(code)
                                                              : mosquitto_connack_string(code));
        return;
    }
    link->up = true;
    link->told_down = false;
    link->wait = 0;
    link->setup.up(link->setup.user, flags & 1);
}

static void on_disconnect(struct mosquitto *mosquitto, void *user, int code, const mosquitto_property *props) {
    (void)mosquitto;
    (void)props;
    lost(user, reason_of(user, code));
}

static void on_message(struct mosquitto *mosquitto, void *user, const struct mosquitto_message *m) {
    struct pl_mqtt *link = user;
    (void)mosquitto;
    struct pl_mqtt_message message = {.topic = m->topic,
                                      .payload = m->payload,
                                      .size = (uint32_t)m->payloadlen,
                                      .qos = (uint8_t)m->qos,
                                      .retained = m->retain};
    if (link->setup.message) link->setup.message(link->setup.user, &message);
}

static void on_publish(struct mosquitto *mosquitto, void *user, int id) {
    struct pl_mqtt *link = user;
    (void)mosquitto;
    if (link->setup.published) link->setup.published(link->setup.user, id);
}

static void on_subscribe(struct mosquitto *mosquitto, void *user, int id, int count, const int *granted) {
    struct pl_mqtt *link = user;
    (void)mosquitto;
    (void)id;
    for (int i = 0; i < count; i++)
        if (granted[i] >= 0x80)
            pl_node_diag(link->node, PL_ERROR, "%s refuses a subscription: no messages will come of it",
                         link->setup.options->server);
}

/* ---- The socket ---- */

/* libmosquitto queues an answer to each message, whether the broker takes them or not. */
static bool may_read(const struct pl_mqtt *link) {
    if (!mosquitto_want_write(link->mosquitto)) pl_wall_answered(link->wall);
    return pl_wall_unanswered(link->wall) < ANSWERS_MAX;
}

static void arm(struct pl_mqtt *link) {
    if (!link->watch || mosquitto_socket(link->mosquitto) < 0) return;
    bool reads = !link->reading && !link->told && !link->held && may_read(link); /* what comes meanwhile waits there */
    bool writes = !link->held && mosquitto_want_write(link->mosquitto);
    int wanted = (reads ? PL_WATCH_READ : 0) | (writes ? PL_WATCH_WRITE : 0);
    if (wanted) pl_watch_for(link->watch, (enum pl_watch_event)wanted);
}

static void write_out(struct pl_mqtt *link) {
    if (link->held || link->socket < 0) return;
    mosquitto_loop_write(link->mosquitto, 1);
    if (link->wall) pl_wall_flush(link->wall);
}

static void on_ready(void *user) {
    struct pl_mqtt *link = user;
    write_out(link);
    if (link->socket < 0) return;
    if (!link->setup.readable || !link->up) {
        pl_mqtt_read(link, PACKETS, NULL);
        return;
    }
    if (!link->told && !link->held) link->setup.readable(link->setup.user);
    link->told = true;
    arm(link);
}

/* Bytes of a packet to us; 0: as many as the protocol has. With 3.1.1 no broker can be told, but nothing has to come to
 * who has not subscribed. */
static uint32_t longest(const struct pl_mqtt *link) {
    const struct pl_mqtt_setup *s = &link->setup;
    if (!s->message) return UNASKED;
    return s->options->protocol == PL_MQTT_5 && s->max_message ? s->max_message + OVERHEAD : 0;
}

static struct pl_wall *make_wall(const struct pl_mqtt *link) {
    const struct pl_mqtt_setup *s = &link->setup;
    struct pl_wall_setup setup = {.loop = pl_node_loop(link->node),
                                  .fd = link->socket,
                                  .tls = link->tls,
                                  .host = s->options->tls.any_host ? NULL : link->host,
                                  .packets.greeting = PL_MQTT_GREETING_WANTED,
                                  .packets.properties = s->options->protocol == PL_MQTT_5,
                                  .packets.longest = longest(link)};
    return link->socket < 0 ? NULL : pl_wall_new(&setup);
}

static void watch_socket(struct pl_mqtt *link) {
    link->socket = mosquitto_socket(link->mosquitto);
    link->wall = make_wall(link);
    link->watch = link->wall ? pl_watch_new(pl_node_loop(link->node), link->socket, on_ready, link) : NULL;
    if (!link->watch)
        lost(link, "the socket cannot be watched");
    else
        pl_watch_for(link->watch, PL_WATCH_BOTH);
}

/* errno says nothing: libmosquitto also writes into a pipe of its own that nobody reads. */
static bool has_bytes(int socket) {
    int bytes = 0;
    return ioctl(socket, FIONREAD, &bytes) == 0 && bytes > 0;
}

bool pl_mqtt_read(struct pl_mqtt *link, unsigned packets, bool (*go_on)(void *user)) {
    bool more = link->socket >= 0 && may_read(link);
    link->reading = true;
    link->told = false;
    for (unsigned i = 0; i < packets && more && link->socket >= 0 && (!go_on || go_on(link->setup.user)); i++) {
        int code = mosquitto_loop_read(link->mosquitto, 1);
        more = link->socket >= 0 && has_bytes(link->socket);
        if (code && link->socket >= 0 && mosquitto_socket(link->mosquitto) < 0) lost(link, reason_of(link, code));
    }
    link->reading = false;
    write_out(link);
    arm(link);
    return more && link->socket >= 0;
}

/* ---- Connecting ---- */

static int connect_properties(const struct pl_mqtt *link, mosquitto_property **properties) {
    const struct pl_mqtt_setup *s = &link->setup;
    int code = 0;
    if (s->options->protocol != PL_MQTT_5) return 0;
    uint32_t seconds = s->keep_session ? (uint32_t)(s->session / PL_SECOND) : 0;
    code |= mosquitto_property_add_int32(properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, seconds);
    if (s->in_flight) code |= mosquitto_property_add_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, s->in_flight);
    if (longest(link)) code |= mosquitto_property_add_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, longest(link));
    return code;
}

/* Only mosquitto_connect_bind_v5 takes properties, and it waits for the connection; but it has taken them before it
 * finds that there is no such port. The attempts that follow have them. */
static bool tell_properties(struct pl_mqtt *link) {
    mosquitto_property *properties = NULL;
    int code = connect_properties(link, &properties);
    if (!code && properties)
        mosquitto_connect_bind_v5(link->mosquitto, link->host, -1, (int)(link->setup.options->keepalive / PL_SECOND),
                                  NULL, properties);
    mosquitto_property_free_all(&properties);
    return code == 0;
}

static enum pl_code make_client(struct pl_mqtt *link, struct pl_error **error);

/* libmosquitto keeps what has no answer, and sends it again: so for who does not want that it begins anew. */
static bool forget(struct pl_mqtt *link) {
    struct pl_error *error = NULL;
    if (link->mosquitto) mosquitto_destroy(link->mosquitto);
    link->begun = false;
    enum pl_code code = make_client(link, &error);
    if (code) pl_node_diag(link->node, PL_ERROR, "no new connection: %s", error ? error->text : "no memory");
    pl_error_free(&error);
    return !code;
}

static void try_connect(struct pl_mqtt *link) {
    const struct pl_mqtt_setup *s = &link->setup;
    if ((s->forgets && link->begun) || !link->mosquitto) {
        if (!forget(link)) {
            if (link->mosquitto) mosquitto_destroy(link->mosquitto);
            link->mosquitto = NULL;
            try_later(link);
            return;
        }
    }
    if (s->connecting) s->connecting(s->user, link);
    int seconds = (int)(s->options->keepalive / PL_SECOND);
    int code = link->begun ? mosquitto_reconnect_async(link->mosquitto)
                           : mosquitto_connect_async(link->mosquitto, link->host, link->port, seconds);
    link->begun = true;
    link->held = link->up = false;
    link->given_up = uv_hrtime() + (uint64_t)s->options->connect_timeout;
    if (code == MOSQ_ERR_SUCCESS || mosquitto_socket(link->mosquitto) >= 0)
        watch_socket(link);
    else
        lost(link, reason_of(link, code));
}

static void on_tick(void *user) {
    struct pl_mqtt *link = user;
    if (link->socket >= 0) {
        int code = mosquitto_loop_misc(link->mosquitto);
        if (code && link->socket >= 0) lost(link, reason_of(link, code));
        if (link->socket >= 0 && !link->up && uv_hrtime() >= link->given_up) pl_wall_give_up(link->wall);
        arm(link);
    } else if (uv_hrtime() >= link->next) {
        try_connect(link);
    }
    uint64_t left = link->socket < 0 && link->wait < TICK_MS * PL_MILLISECOND ? (uint64_t)link->wait / 1000000 + 1 : 0;
    pl_later_in(link->tick, left ? left : TICK_MS);
}

/* ---- Life ---- */

static void library_init(void) {
    mosquitto_lib_init();
}

static enum pl_code make_client(struct pl_mqtt *link, struct pl_error **error) {
    const struct pl_mqtt_setup *s = &link->setup;
    const struct pl_mqtt_options *o = s->options;
    char id[PL_NAME_MAX + 16];
    snprintf(id, sizeof id, "potline.%s", pl_node_name(link->node));
    link->mosquitto = mosquitto_new(*o->client_id ? o->client_id : id, !s->keep_session, link);
    struct mosquitto *m = link->mosquitto;
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for a client of MQTT");
    int version = o->protocol == PL_MQTT_5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
    int code = mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, version);
    if (!code && s->in_flight) code = mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, s->in_flight);
    if (!code) code = mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    if (!code) code = mosquitto_threaded_set(m, true);
    if (!code && *o->user) code = mosquitto_username_pw_set(m, o->user, *o->password ? o->password : NULL);
    if (code) return pl_error_set(error, PL_UNAVAILABLE, "a client of MQTT: %s", mosquitto_strerror(code));
    mosquitto_connect_v5_callback_set(m, on_connect);
    mosquitto_disconnect_v5_callback_set(m, on_disconnect);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    return tell_properties(link) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a client of MQTT");
}

struct pl_mqtt *pl_mqtt_new(struct pl_node *node, const struct pl_mqtt_setup *setup, struct pl_error **error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
    struct pl_mqtt *link = PL_NEW(struct pl_mqtt);
    if (!link) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
        return NULL;
    }
    link->node = node;
    link->setup = *setup;
    link->socket = -1;
    link->tick = pl_later_new(pl_node_loop(node), on_tick, link);
    enum pl_code code = link->tick ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
    if (!code && !pl_mqtt_server_parse(setup->options->server, setup->options->tls_given, link->host, &link->port))
        code = pl_error_set(error, PL_SYNTAX, "host:port is wanted, found '%s'", setup->options->server);
    if (!code && setup->options->tls_given && !(link->tls = pl_wall_tls(&setup->options->tls, error))) code = PL_IO;
    if (!code) code = make_client(link, error);
    if (!code) {
        pl_later_in(link->tick, 0);
        return link;
    }
    pl_mqtt_free(link);
    return NULL;
}

/* The farewell takes the place of the will. */
static void say_farewell(struct pl_mqtt *link) {
    if (!link->up || link->socket < 0) return;
    mosquitto_disconnect_v5_callback_set(link->mosquitto, NULL);
    if (link->held) return; /* behind answers that must not leave */
    mosquitto_disconnect(link->mosquitto);
    mosquitto_loop_write(link->mosquitto, 1);
    pl_wall_flush(link->wall);
}

void pl_mqtt_free(struct pl_mqtt *link) {
    if (!link) return;
    if (link->mosquitto) {
        mosquitto_disconnect_v5_callback_set(link->mosquitto, NULL);
        say_farewell(link);
    }
    drop_socket(link);
    pl_later_free(link->tick);
    if (link->mosquitto) mosquitto_destroy(link->mosquitto);
    SSL_CTX_free(link->tls);
    pl_free(link);
}

/* ---- What it is asked ---- */

bool pl_mqtt_is_up(const struct pl_mqtt *link) {
    return link->up;
}

void pl_mqtt_hold(struct pl_mqtt *link) {
    link->held = true;
}

void pl_mqtt_release(struct pl_mqtt *link) {
    if (!link->held) return;
    link->held = false;
    write_out(link);
    arm(link);
}

bool pl_mqtt_holds(const struct pl_mqtt *link) {
    return link->held;
}

bool pl_mqtt_subscribe(struct pl_mqtt *link, const char *filter, unsigned qos) {
    int options = link->setup.options->protocol == PL_MQTT_5 ? MQTT_SUB_OPT_SEND_RETAIN_NEW : 0;
    int code = mosquitto_subscribe_v5(link->mosquitto, NULL, filter, (int)qos, options, NULL);
    arm(link);
    return code == MOSQ_ERR_SUCCESS;
}

int pl_mqtt_publish(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, unsigned qos,
                    bool retain) {
    int id = -1;
    if (!link->up || size > PL_MQTT_MESSAGE_MAX) return -1;
    int code = mosquitto_publish(link->mosquitto, &id, topic, (int)size, payload, (int)qos, retain);
    arm(link);
    return code ? -1 : id;
}

int pl_mqtt_command(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, pl_time left) {
    mosquitto_property *properties = NULL;
    int id = -1, code = 0;
    if (!link->up) return -1;
    pl_time seconds = (left + PL_SECOND - 1) / PL_SECOND;
    if (link->setup.options->protocol == PL_MQTT_5 && seconds < UINT32_MAX)
        code = mosquitto_property_add_int32(&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, (uint32_t)seconds);
    if (!code) code = mosquitto_publish_v5(link->mosquitto, &id, topic, (int)size, payload, 1, false, properties);
    mosquitto_property_free_all(&properties);
    arm(link);
    return code ? -1 : id;
}

bool pl_mqtt_will(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, unsigned qos,
                  bool retain) {
    mosquitto_will_clear(link->mosquitto);
    return mosquitto_will_set(link->mosquitto, topic, (int)size, payload, (int)qos, retain) == MOSQ_ERR_SUCCESS;
}
