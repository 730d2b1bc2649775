#include "sparkplug.h"

PL_PLUGIN(sparkplug, "1.0", &pl__source_sparkplug, &pl__sink_sparkplug, &pl__setpoint_sparkplug)
