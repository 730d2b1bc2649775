#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/diag.h>

enum { STATE_ROOM = 64 };

void pl__host_check(const char *id, const struct pl_strings *groups, struct pl_check *check) {
    if (*id && !pl__sp_name_is_good(id)) pl_check_error(check, "host", "a name without / + # is wanted");
    if (groups->count == 0) pl_check_error(check, "groups", "it would hear nobody");
    for (uint32_t i = 0; i < groups->count; i++)
        if (strcmp(groups->items[i], "+") != 0 && !pl__sp_name_is_good(groups->items[i]))
            pl_check_error(check, "groups", "names without / + # are wanted, or \"+\" for all");
}

void pl__host_fini(struct pl__host *host) {
    pl__bytes_fini(&host->bytes);
}

static size_t state_text(const struct pl__host *host, bool online, char text[STATE_ROOM]) {
    return (size_t)snprintf(text, STATE_ROOM, "{\"online\":%s,\"timestamp\":%" PRId64 "}", online ? "true" : "false",
                            host->since / PL_MILLISECOND);
}

static bool state_topic(const struct pl__host *host, char topic[PL__SP_TOPIC_MAX + 1]) {
    return snprintf(topic, PL__SP_TOPIC_MAX + 1, PL__SP_NAMESPACE "/STATE/%s", host->id) <= PL__SP_TOPIC_MAX;
}

void pl__host_connecting(struct pl__host *host, struct pl_mqtt *link) {
    char topic[PL__SP_TOPIC_MAX + 1], text[STATE_ROOM];
    host->since = pl_now(host->node);
    if (*host->id && state_topic(host, topic)) pl_mqtt_will(link, topic, text, state_text(host, false, text), 1, true);
}

static void say_state(struct pl__host *host, bool online) {
    char topic[PL__SP_TOPIC_MAX + 1], text[STATE_ROOM];
    if (*host->id && state_topic(host, topic))
        pl_mqtt_publish(host->link, topic, text, state_text(host, online, text), 1, true);
}

/* Births, deaths and data of nodes and devices; commands are for them alone. */
static void subscribe_group(struct pl__host *host, const char *group) {
    char filter[PL__SP_TOPIC_MAX + 1];
    for (enum pl__sp_message type = PL__NBIRTH; type < PL__STATE; type++) {
        if (type == PL__NCMD || type == PL__DCMD) continue;
        if (!pl__sp_topic_put(filter, group, type, "+", type >= PL__DBIRTH ? "+" : NULL) ||
            !pl_mqtt_subscribe(host->link, filter, 0))
            pl_node_diag(host->node, PL_ERROR, "cannot subscribe to %.200s", filter);
    }
}

void pl__host_up(struct pl__host *host) {
    char topic[PL__SP_TOPIC_MAX + 1];
    if (*host->id && state_topic(host, topic)) pl_mqtt_subscribe(host->link, topic, 1);
    for (uint32_t i = 0; i < host->groups->count; i++)
        subscribe_group(host, host->groups->items[i]);
    say_state(host, true);
}

/* The will of our own last connection may come late. */
void pl__host_state(struct pl__host *host, const struct pl_mqtt_message *message) {
    static const char offline[] = "\"online\":false";
    bool says_so = message->size >= sizeof offline - 1 &&
                   memmem(message->payload, message->size, offline, sizeof offline - 1) != NULL;
    if (says_so && *host->id) say_state(host, true);
}

bool pl__host_rebirth(struct pl__host *host, const char *group, const char *edge) {
    char topic[PL__SP_TOPIC_MAX + 1];
    pl_time now = pl_now(host->node);
    struct pl__outgoing order = {.name = "Node Control/Rebirth", .time = now, .type = PL__SP_BOOLEAN, .value = 1};
    pl__put_payload(&host->bytes, now, -1);
    pl__put_metric(&host->bytes, &order);
    return !host->bytes.failed && pl__sp_topic_put(topic, group, PL__NCMD, edge, NULL) &&
           pl_mqtt_publish(host->link, topic, host->bytes.data, host->bytes.size, 0, false) >= 0;
}

void pl__host_farewell(struct pl__host *host) {
    if (host->link && pl_mqtt_is_up(host->link)) say_state(host, false);
}
