/* node_name.h: the name of a node that there is not, as a person gave it. */
#ifndef POTLINE_CONTROL_NODE_NAME_H
#define POTLINE_CONTROL_NODE_NAME_H

#include "graph/graph.h"

/* PL_NOT_FOUND says what was probably meant. */
enum pl_code pl__no_such_node(const struct pl_graph *graph, const char *name, struct pl_error **error);

#endif
