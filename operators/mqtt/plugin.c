#include "mqtt.h"

PL_PLUGIN(mqtt, "1.0", &pl__source_mqtt, &pl__sink_mqtt, &pl__setpoint_mqtt)
