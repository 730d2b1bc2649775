/* hash.h: one number for what a graph means. */
#ifndef POTLINE_GRAPH_HASH_H
#define POTLINE_GRAPH_HASH_H

#include "graph.h"

/* The same for graphs that do the same: comments, layout, the order of nodes, includes, foreach, and defaults written
 * out make no difference. Texts for people and secrets do not count. `room` is for node_count pointers. */
uint64_t pl__graph_hash(const struct pl_graph *graph, const struct pl_graph_node **room);

#endif
