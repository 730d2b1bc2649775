/* events.h: what is told of a connection: one event when it is lost, one when it is there again, by source and sink.
 *
 * Those of a source wait in a ring until `produce` may emit; past it they are counted. Thread: the node's.
 */
#ifndef MQTT_EVENTS_H
#define MQTT_EVENTS_H

#include <potline/operator.h>

enum { PL_MQTT_EVENTS_MAX = 16, PL_MQTT_WHY_MAX = 120 };

struct pl_mqtt_event {
    const char *kind;
    uint16_t severity;
    pl_time time;
    uint32_t asset;
    char why[PL_MQTT_WHY_MAX];
};

struct pl_mqtt_events {
    struct pl_node *node;
    const char *server;
    struct pl_pack *body;
    uint32_t first, count;
    unsigned counter; /* of those that found no room */
    struct pl_mqtt_event ring[PL_MQTT_EVENTS_MAX];
};

enum pl_code pl_mqtt_events_init(struct pl_mqtt_events *events, struct pl_node *node, const char *server,
                                 unsigned counter, struct pl_error **error);
void pl_mqtt_events_fini(struct pl_mqtt_events *events);

/* `asset` is an id or 0; `why` may be NULL. */
void pl_mqtt_events_put(struct pl_mqtt_events *events, const char *kind, uint16_t severity, uint32_t asset,
                        const char *why);
enum pl_flow pl_mqtt_events_emit(struct pl_mqtt_events *events, unsigned port);

/* The connection is there, or is lost: an event, and a line for people. */
void pl_mqtt_events_up(struct pl_mqtt_events *events);
void pl_mqtt_events_down(struct pl_mqtt_events *events, const char *why);

#endif
