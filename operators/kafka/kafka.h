/* kafka.h: the operators of this plugin. */
#ifndef POTLINE_KAFKA_H
#define POTLINE_KAFKA_H

#include <potline/operator.h>

extern const struct pl_operator pl__source_kafka;
extern const struct pl_operator pl__sink_kafka;

#endif
