/* kafka.h: what `log: { kind: kafka, ... }` may say, checked before any broker is asked. */
#ifndef POTLINE_GRAPH_KAFKA_H
#define POTLINE_GRAPH_KAFKA_H

#include "graph.h"
#include "options.h"

void pl__kafka_check(struct pl_options_reader *reader, const struct pl_graph_settings *settings);

#endif
