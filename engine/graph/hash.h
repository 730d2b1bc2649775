/* hash.h: one number for what a graph means. */
#ifndef POTLINE_GRAPH_HASH_H
#define POTLINE_GRAPH_HASH_H

#include "graph.h"

/* The same for graphs that do the same: comments, layout, the order of nodes, includes, foreach, defaults written out,
 * and from which folder the graph was loaded make no difference. Texts for people and secrets do not count. `room` is
 * for node_count pointers. */
uint64_t pl__graph_hash(const struct pl_graph *graph, const struct pl_graph_node **room);

/* One option with all that is below it, secrets too; and the rules for tags. */
uint64_t pl__graph_option_hash(const struct pl_option *row, const void *self);
uint64_t pl__graph_tags_hash(const struct pl_graph *graph);

#endif
