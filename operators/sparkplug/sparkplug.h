/* sparkplug.h: the operators of this plugin. */
#ifndef SPARKPLUG_H
#define SPARKPLUG_H

#include <potline/plugin.h>

extern const struct pl_operator pl__source_sparkplug;
extern const struct pl_operator pl__sink_sparkplug;
extern const struct pl_operator pl__setpoint_sparkplug;

#endif
