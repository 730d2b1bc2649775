/* naming.h: the topic of a row, from a template over its tag: {tag} {path} {asset} {signal} {kind} {p1} {p2} ...
 *
 *     line1.pot07.voltage    path line1/pot07/voltage   asset line1.pot07   signal voltage   p1 line1   p2 pot07
 */
#ifndef MQTT_NAMING_H
#define MQTT_NAMING_H

#include <potline/operator.h>

#include "template.h"

struct pl_mqtt_naming {
    const char *template;
};

void pl_mqtt_naming_check(const char *template, const char *option, struct pl_check *check);

/* Into `topic`, of PL_MQTT_TOPIC_MAX + 1. False: the name makes none. */
bool pl_mqtt_naming_of(const struct pl_mqtt_naming *naming, const char *name, const char *kind, char *topic);
bool pl_mqtt_naming_topic(const struct pl_mqtt_naming *naming, const struct pl_tags *tags, const struct pl_batch *batch,
                          uint32_t row, char *topic);

#endif
