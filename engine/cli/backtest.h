/* backtest.h: rules over recorded history, without the sources and sinks of their graph.
 *
 *     silver, gold (read-only) --by time--> rule nodes of the graph --> its `alarms` node --> activations
 *
 * backtest_plan.h says which nodes run, backtest_rows.h how rows come; the watermark goes right behind them.
 */
#ifndef POTLINE_CLI_BACKTEST_H
#define POTLINE_CLI_BACKTEST_H

#include "graph/graph.h"
#include "store/lake.h"
#include "trial_rules.h"

/* An alarm that became active. */
struct pl__activation {
    pl_time time;
    uint32_t alarm; /* name ids: "anode-effect@line1.pot07.voltage" */
    uint32_t rule;
    uint32_t asset, tag;
    bool matched; /* the judge's */
};

struct pl__activations {
    struct pl__activation *list;
    uint32_t count, room;
    uint64_t floods, chattering;
};

bool pl__activations_add(struct pl__activations *all, struct pl_tags *tags, const struct pl_batch *events);

struct pl__backtest {
    const char *rules;            /* the graph or script, for messages */
    const struct pl_graph *graph; /* NULL: `script` */
    const char *script;
    struct pl_store *store;
    struct pl_tags *tags;
    pl_time from, to; /* in: PL_TIME_MIN, PL_TIME_MAX for all; out: what was run over */
    uint64_t rows;
    struct pl__activations found;
    struct pl__trial_rules asked; /* what became of each rule of a `rules` node */
};

/* Runs it; says on standard error what it leaves out. */
enum pl_code pl__backtest_run(struct pl__backtest *backtest, struct pl_error **error);

#endif
