/* operators.h: the operators of this plugin. */
#ifndef POTLINE_ZMQ_OPERATORS_H
#define POTLINE_ZMQ_OPERATORS_H

#include <potline/plugin.h>

extern const struct pl_operator pl__source_zmq;
extern const struct pl_operator pl__sink_zmq;

#endif
