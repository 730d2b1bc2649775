/* backtest_plan.h: which nodes of a graph a backtest runs, and what they take from the lake.
 *
 *     silver "clean" --feed--> stage: rules --link--> stage: alarms
 *
 * Of a graph these are the nodes whose output is events and whose input is samples or windows, the `alarms` nodes
 * behind them, and what lies between a rule and the nearest output that a sink.lake has recorded. A graph without
 * `alarms` is given one; of a Lua script the nodes are `rules` over all of silver, and `alarms`.
 */
#ifndef POTLINE_CLI_BACKTEST_PLAN_H
#define POTLINE_CLI_BACKTEST_PLAN_H

#include "graph/graph.h"
#include "store/lake.h"

struct pl__stage {
    const struct pl_operator *op;
    const char *name;
    const void *prototype;
    enum pl_kind kind;
    bool alarms; /* its first output is what is judged */
};

/* What a stage takes from another one, which comes before it. */
struct pl__link {
    unsigned from, port, to, input;
};

/* What a stage takes from the lake. */
struct pl__feed {
    enum pl_zone_id zone;
    enum pl_kind kind;
    const char *node;   /* NULL: every node's */
    const char *source; /* NULL: whoever made the rows */
    unsigned stage, input;
};

struct pl__plan {
    struct pl__stage *stages;
    struct pl__link *links;
    struct pl__feed *feeds;
    unsigned stage_count, link_count, feed_count;
    struct pl_options_owner *owners[2]; /* of the stages that no graph has */
    void *prototypes[2];
};

/* From a graph, or (NULL) from the Lua script at `script`. Says on standard error what is left out. The plan borrows
 * the graph; pl__plan_free ends it, after a failure too. */
enum pl_code pl__plan_make(struct pl__plan *plan, const struct pl_graph *graph, const char *script,
                           struct pl_error **error);
void pl__plan_free(struct pl__plan *plan);

#endif
