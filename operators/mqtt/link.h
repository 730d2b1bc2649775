/* link.h: a connection to an MQTT broker on a libuv loop, on libmosquitto.
 *
 *     pl_mqtt_new --> up          the broker has taken us (again); `session`: it still knows what we subscribed to
 *                 --> readable    there may be messages: pl_mqtt_read gives them to `message`
 *                 --> published   a message of ours has been acknowledged (QoS 0: has left)
 *                 --> down        once for each loss; it is tried again by itself, until pl_mqtt_free
 *
 * libmosquitto answers a message before anybody has seen it: the acknowledgement of QoS 1 is queued in front of the
 * callback. It is told that the application has threads (which it has not), for then nothing is written but by
 * mosquitto_loop_write, and that is called here alone: between pl_mqtt_hold and pl_mqtt_release nothing leaves, so no
 * message is acknowledged whose rows are not safe. A connection that breaks meanwhile takes the queued answers along,
 * and the broker sends again what it has no answer for. Nor does it read anything that wall.h has not looked at, nor
 * at all while thousands of answers wait that the broker does not take; keepalive ends that.
 *
 * Resolving a name may block, so the node has a thread of its own (PL_OP_BLOCKING). Thread: the loop's.
 *
 * The usual mistake: two clients with one id at a broker, which kick each other out for ever.
 */
#ifndef MQTT_LINK_H
#define MQTT_LINK_H

#include <potline/operator.h>

enum { PL_MQTT_HOST_MAX = 255, PL_MQTT_TOPIC_MAX = 1024, PL_MQTT_MESSAGE_MAX = 16 << 20 };

enum pl_mqtt_protocol { PL_MQTT_5, PL_MQTT_311 };

struct pl_mqtt_tls {
    const char *ca, *certificate, *key, *key_password;
    bool any_host;
};

/* As the option table fills it in: the first member of an instance. */
struct pl_mqtt_options {
    const char *server;
    const char *client_id; /* "": made of the node's name */
    const char *user, *password;
    bool tls_given;
    struct pl_mqtt_tls tls;
    uint32_t protocol; /* enum pl_mqtt_protocol */
    pl_time connect_timeout, keepalive, backoff, backoff_max;
};

/* clang-format off */
#define PL_MQTT_OPTIONS(S, at)                                                                                        \
    PL_OPT_STRING(S, at.server, "server", NULL, PL_FIXED, "host:port of the broker; without a port 1883, with tls 8883."), \
    PL_OPT_STRING(S, at.client_id, "client_id", "", PL_FIXED,                                                          \
        "By which the broker knows this client, one for each node and engine; none: potline.NODE."),                   \
    PL_OPT_STRING(S, at.user, "user", "", PL_FIXED, "Who logs in; none: nobody does."),                                \
    PL_OPT_SECRET(S, at.password, "password", "", PL_FIXED, "With that user."),                                        \
    PL_OPT_GROUP(S, at.tls_given, "tls", "false", pl_mqtt_tls_options, PL_FIXED, "TLS 1.2 or later."),                 \
    PL_OPT_CHOICE(S, at.protocol, "protocol", "5", pl_mqtt_protocols, PL_FIXED, "MQTT 5, or 3.1.1 for older brokers."), \
    PL_OPT_DURATION(S, at.connect_timeout, "connect_timeout", "10s", "100ms", "10m", PL_FIXED,                         \
        "How long a connection may take to come about: TCP, TLS and the broker's CONNACK together."),                  \
    PL_OPT_DURATION(S, at.keepalive, "keepalive", "15s", "5s", "1h", PL_FIXED,                                         \
        "How often a silent connection is tried; a broker that does not answer for as long is gone."),                 \
    PL_OPT_DURATION(S, at.backoff, "backoff", "200ms", "10ms", "1m", PL_FIXED,                                         \
        "Wait before connecting is tried again; doubles."),                                                            \
    PL_OPT_DURATION(S, at.backoff_max, "backoff_max", "5s", "10ms", "1h", PL_FIXED, "The longest such wait.")
/* clang-format on */
extern const struct pl_option pl_mqtt_tls_options[]; /* of the group `tls` */
extern const char *const pl_mqtt_protocols[];

void pl_mqtt_check(const struct pl_mqtt_options *options, struct pl_check *check);

/* "host", "host:port", "[::1]:port". `host` has PL_MQTT_HOST_MAX + 1. */
bool pl_mqtt_server_parse(const char *text, bool tls, char *host, uint16_t *port);

/* A topic without wildcards; one that may be subscribed to. */
bool pl_mqtt_topic_is_good(const char *topic);
bool pl_mqtt_filter_is_good(const char *filter);

struct pl_mqtt_message {
    const char *topic;
    const void *payload;
    uint32_t size;
    uint8_t qos;
    bool retained;
};

struct pl_mqtt;

struct pl_mqtt_setup {
    const struct pl_mqtt_options *options;
    bool keep_session;    /* the broker keeps what comes while we are away */
    pl_time session;      /* for so long (MQTT 5) */
    uint16_t in_flight;   /* messages of QoS 1 under way to us, of 1 and 2 from us */
    uint32_t max_message; /* bytes of a message to us (MQTT 5); without `message` a small one is chosen */
    bool forgets;         /* what has left without an answer is not sent again on a new connection */
    void (*up)(void *user, bool session);
    void (*down)(void *user, const char *why);
    void (*readable)(void *user);
    void (*message)(void *user, const struct pl_mqtt_message *message);
    void (*published)(void *user, int id);
    void (*connecting)(void *user, struct pl_mqtt *link); /* before each attempt: to set the will anew. May be NULL */
    void *user;
};

/* Begins to connect. Callbacks come from the loop, and from pl_mqtt_read. */
struct pl_mqtt *pl_mqtt_new(struct pl_node *node, const struct pl_mqtt_setup *setup, struct pl_error **error);

/* Says farewell when it is connected; what is queued leaves as far as the socket takes it. NULL is fine. */
void pl_mqtt_free(struct pl_mqtt *link);

bool pl_mqtt_is_up(const struct pl_mqtt *link);

/* Up to `packets` packets from the broker; less when `go_on` says no in between. Then `readable` comes again when there
 * is more. True: there may be more at once. */
bool pl_mqtt_read(struct pl_mqtt *link, unsigned packets, bool (*go_on)(void *user));

void pl_mqtt_hold(struct pl_mqtt *link);
void pl_mqtt_release(struct pl_mqtt *link);
bool pl_mqtt_holds(const struct pl_mqtt *link);

bool pl_mqtt_subscribe(struct pl_mqtt *link, const char *filter, unsigned qos);

/* The id that `published` gets, or -1: it cannot be sent now. */
int pl_mqtt_publish(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, unsigned qos,
                    bool retain);

/* The same, of QoS 1, not kept, and with MQTT 5 not delivered to anybody once `left` has passed. */
int pl_mqtt_command(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, pl_time left);

/* What the broker publishes for us when we are lost; for `connecting`. */
bool pl_mqtt_will(struct pl_mqtt *link, const char *topic, const void *payload, size_t size, unsigned qos, bool retain);

#endif
