/* plan.h: which instances a graph has, on which worker each runs, and how they are connected.
 *
 *     graph node (keyed)  -> one instance a partition        source -> one instance
 *     graph node (global) -> one instance                    rows of a source reach the others through the intake
 *
 * Instances of one partition share a worker, so that a chain stays on one thread. Sources, the intake of a graph
 * without a log, and the global section share the first worker with partition 0; a log has a worker of its own, because
 * its writes wait for the kernel; so has every node whose operator blocks.
 */
#ifndef POTLINE_PLAN_H
#define POTLINE_PLAN_H

#include "graph/graph.h"

enum { PL_WORKERS_MAX = 256 };

struct pl_plan_instance {
    unsigned node; /* of the graph */
    unsigned partition;
    unsigned lane; /* of the log: as whose its state is kept; its partition, or that of the global section */
    unsigned worker;
};

struct pl_plan {
    struct pl_plan_instance *instances; /* in the graph's order, so upstream first */
    unsigned instance_count;
    unsigned *first; /* [graph node]: its first instance */
    unsigned *rank;  /* [partition]: which of a keyed node's instances; those that are not ours have none */
    bool *owned;     /* [lane] */
    unsigned lanes;  /* partitions of the log; one more than of the graph where `exchanges` */
    bool exchanges;  /* what the global section takes from others comes by the log (exchange.h) */
    unsigned worker_count;
    unsigned keyed_workers; /* the first ones: partitions in turn */
    unsigned intake_worker;
    unsigned edge_count; /* how many edges the engine will make */
};

/* How many instances a node has. */
unsigned pl_plan_instances(const struct pl_graph *graph, const struct pl_graph_node *node);

/* "plc", or "plc.events" of another port than the first. */
enum { PL_FEED_NAME = 2 * PL_NAME_MAX, PL_INPUT_NAME = 3 * PL_NAME_MAX };
void pl_plan_feed_name(char name[PL_FEED_NAME], const char *node, const struct pl_port *ports, unsigned port);

/* A node's ways in by one of its inputs: from all partitions where a keyed node or a source feeds a global one, else
 * from its own. */
bool pl_plan_exchanges(const struct pl_graph *graph, const struct pl_graph_node *node,
                       const struct pl_graph_edge *input);
/* What such a way is called in what a gate saves: "plc.events/3>0". */
void pl_plan_input_name(char name[PL_INPUT_NAME], const struct pl_graph *graph, const struct pl_graph_edge *input,
                        unsigned partition);

/* How many partitions the log of a group's graph has: one for each of the graph's, and one behind them for the global
 * section, if there is one. */
unsigned pl_plan_lanes(const struct pl_graph *graph);

/* `owned` [lane], in a group: the ones that are worked off here, by which nodes have an instance; NULL: there is no
 * group. Sources have theirs in any case. */
enum pl_code pl_plan_make(const struct pl_graph *graph, const bool *owned, struct pl_plan *plan,
                          struct pl_error **error);

/* The index of a node's instance, which there is. */
unsigned pl_plan_instance_of(const struct pl_plan *plan, const struct pl_graph_node *node, unsigned index,
                             unsigned partition);
void pl_plan_fini(struct pl_plan *plan);

#endif
