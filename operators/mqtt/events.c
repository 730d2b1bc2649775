#include "events.h"

#include <string.h>

#include <potline/text.h>

enum { SEVERITY_WELL = 100, SEVERITY_LOST = 700 };

enum pl_code pl_mqtt_events_init(struct pl_mqtt_events *events, struct pl_node *node, const char *server,
                                 unsigned counter, struct pl_error **error) {
    *events = (struct pl_mqtt_events){.node = node, .server = server, .counter = counter, .body = pl_pack_new()};
    return events->body ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for what is told");
}

void pl_mqtt_events_fini(struct pl_mqtt_events *events) {
    pl_pack_free(events->body);
    events->body = NULL;
}

void pl_mqtt_events_put(struct pl_mqtt_events *events, const char *kind, uint16_t severity, uint32_t asset,
                        const char *why) {
    if (events->count == PL_MQTT_EVENTS_MAX) {
        pl_count(events->node, events->counter, 1);
        return;
    }
    struct pl_mqtt_event *event = &events->ring[(events->first + events->count++) % PL_MQTT_EVENTS_MAX];
    *event = (struct pl_mqtt_event){.kind = kind, .severity = severity, .time = pl_now(events->node), .asset = asset};
    pl_text_copy(event->why, sizeof event->why, why ? why : "", why ? strlen(why) : 0);
}

enum pl_flow pl_mqtt_events_emit(struct pl_mqtt_events *events, unsigned port) {
    enum pl_flow flow = PL_FLOW_OK;
    while (events->count > 0 && flow == PL_FLOW_OK) {
        const struct pl_mqtt_event *event = &events->ring[events->first];
        events->first = (events->first + 1) % PL_MQTT_EVENTS_MAX;
        events->count--;
        if (!pl_wanted(events->node, port)) continue;
        pl_pack_reset(events->body);
        pl_pack_map(events->body, 2);
        pl_pack_pair_str(events->body, "server", events->server);
        pl_pack_pair_str(events->body, "why", event->why);
        flow =
            pl_emit_event(events->node, port, event->time, event->kind, event->severity, event->asset, 0, events->body);
    }
    return flow;
}

void pl_mqtt_events_up(struct pl_mqtt_events *events) {
    pl_mqtt_events_put(events, "mqtt.connected", SEVERITY_WELL, 0, NULL);
    pl_node_diag(events->node, PL_INFO, "%s: connected", events->server);
}

void pl_mqtt_events_down(struct pl_mqtt_events *events, const char *why) {
    pl_mqtt_events_put(events, "mqtt.disconnected", SEVERITY_LOST, 0, why);
    pl_node_diag(events->node, PL_WARN, "%s: %s; it is tried again", events->server, why);
}
