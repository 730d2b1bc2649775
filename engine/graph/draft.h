/* draft.h: a graph while it is being read: nodes that may still be wrong, in the order of the file.
 *
 *     nodes.c    operators and options          kinds.c     which kind travels where
 *     inputs.c   what `from` names              section.c   keyed or global
 *     order.c    circles, and the order               clock.c     whose time it is
 *
 * Every step looks at what the one before has found good and leaves the rest alone, so that one mistake makes one
 * message.
 */
#ifndef POTLINE_GRAPH_DRAFT_H
#define POTLINE_GRAPH_DRAFT_H

#include "graph.h"
#include "source.h"

enum {
    PL_GRAPH_NODES_MAX = 10000,
    PL_GRAPH_EDGES_MAX = 100000,
    PL_NODE_PORTS_MAX = 64,
};

struct pl_draft_node;

/* One edge into a node. */
struct pl_draft_input {
    const struct pl_yaml *at; /* where `from` names it */
    struct pl_draft_node *from;
    unsigned from_port, to_port;
};

struct pl_draft_node {
    const char *name;
    struct pl_yaml *yaml;
    const struct pl_operator *op; /* NULL: not known, nothing can be said about ports */
    struct pl_node_settings settings;
    void *prototype; /* NULL: its options are wrong or unknown */
    bool vague;      /* options that stand for any value */
    struct pl_draft_input *inputs;
    unsigned input_count, input_room;
    unsigned rank;   /* in the graph */
    unsigned walked; /* inputs that the walk through the graph has followed */
    enum { PL_DRAFT_NEW, PL_DRAFT_OPEN, PL_DRAFT_DONE } walk;
    struct pl_draft_node *walk_back;
    unsigned kind_in;    /* set of what input 0 may get; 0: not known */
    unsigned *kinds_out; /* the same for each output */
    bool inputs_unknown; /* `from` names something that is not there */
    bool taken;          /* some node takes from it */
    bool global;
};

struct pl_draft {
    struct pl_yaml_context *yaml;
    const struct pl_source *source;
    struct pl_graph *graph;
    struct pl_draft_node *nodes;
    unsigned count;
    struct pl_draft_node **by_name; /* sorted */
    struct pl_draft_node **ordered; /* every node behind those it takes from, where there is no circle */
    unsigned ordered_count;
    unsigned edges;
};

void pl__draft_nodes(struct pl_draft *draft);
void pl__draft_inputs(struct pl_draft *draft);
void pl__draft_order(struct pl_draft *draft);
void pl__draft_kinds(struct pl_draft *draft);
void pl__draft_sections(struct pl_draft *draft);
void pl__draft_clock(struct pl_draft *draft);

struct pl_draft_node *pl__draft_find(const struct pl_draft *draft, const char *name, size_t length);

unsigned pl__ports_count(const struct pl_port *ports);                            /* NULL: 0 */
int pl__ports_find(const struct pl_port *ports, const char *name, size_t length); /* -1: none */

/* "samples or windows"; returns `buffer`. */
enum { PL_KINDS_TEXT = 80 };
const char *pl__kinds_text(char buffer[PL_KINDS_TEXT], unsigned set, const char *between);

/* A problem of a node, with its name and what it is about in front: "win.from: ...". */
void pl__draft_problem(const struct pl_draft *draft, const struct pl_draft_node *node, const struct pl_yaml *at,
                       const char *about, const char *format, ...) PL_PRINTF(5, 6);

#endif
