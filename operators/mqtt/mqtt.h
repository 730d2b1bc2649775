/* mqtt.h: the operators of this plugin. */
#ifndef MQTT_H
#define MQTT_H

#include <potline/plugin.h>

extern const struct pl_operator pl__source_mqtt;
extern const struct pl_operator pl__sink_mqtt;
extern const struct pl_operator pl__setpoint_mqtt;

#endif
