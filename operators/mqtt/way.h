/* way.h: the way of set points over a broker: what `setpoint.mqtt` and `setpoint.sparkplug` have in common: a
 * connection that sends nothing twice by itself, the orders under way (orders.h), and the node's life.
 *
 *     struct mine {
 *         struct pl_mqtt_way way; // first
 *         ...
 *     };
 *
 * The owner says how one is sent, and tells what it reads back (pl_orders_seen). Thread: the node's.
 */
#ifndef MQTT_WAY_H
#define MQTT_WAY_H

#include "events.h"
#include "link.h"
#include "orders.h"

struct pl_mqtt_way_setup {
    uint16_t in_flight;
    uint32_t max_message; /* bytes of a message to us */
    bool reads_back;
    bool (*has)(void *user, const char *name); /* a place for a tag of that name, where `tags` means it. NULL: always */
    int (*send)(void *user, const struct pl_order *order, pl_time left); /* as in orders.h */
    void (*up)(void *user);                                              /* to subscribe. May be NULL, as `down` may */
    void (*down)(void *user);
    void (*message)(void *user, const struct pl_mqtt_message *message);
};

struct pl_mqtt_way {
    struct pl_mqtt_options link_options; /* first; options as their tables fill them in */
    struct pl_strings tags;
    double tolerance;
    pl_time deadline;

    struct pl_node *node;
    struct pl_mqtt_way_setup setup;
    struct pl_mqtt *link;
    struct pl_orders orders;
    struct pl_mqtt_events events;
};

/* clang-format off */
#define PL_MQTT_WAY_OPTIONS(S)                                                                                         \
    PL_OPT_STRINGS(S, way.tags, "tags", "[\"*\"]", PL_FIXED, "Patterns of the tags that have a place here."),          \
    PL_OPT_NUMBER(S, way.tolerance, "tolerance", "0", "0", NULL, PL_FIXED, "How far what is read back may be from what was sent."), \
    PL_OPT_DURATION(S, way.deadline, "deadline", "2s", "10ms", "10m", PL_FIXED, "Time for a set point to be confirmed; past it, it has failed.")
/* clang-format on */

/* Of a descriptor; `self` is the owner's instance, and the user of its callbacks. */
void pl_mqtt_way_check(const struct pl_mqtt_way *way, struct pl_check *check);
enum pl_code pl_mqtt_way_open(struct pl_mqtt_way *way, struct pl_node *node, const struct pl_mqtt_way_setup *setup,
                              struct pl_error **error);
enum pl_flow pl_mqtt_way_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch);
void pl_mqtt_way_stop(void *self, struct pl_node *node);
void pl_mqtt_way_close(struct pl_mqtt_way *way); /* of one whose open failed, too */

extern const struct pl_counter pl_mqtt_way_counters[];
extern const struct pl_command pl_mqtt_way_commands[]; /* setpoints list */

#endif
