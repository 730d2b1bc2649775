/* counter.h: what an operator counts, and what it measures of itself, declared as rows; the engine adds its own for
 * every node (rows, batches, time). Both are shown by `stats`, over REST and to Prometheus, under the names given here.
 *
 * Totals of counters only grow and are never reset. A gauge is what it was set to last. One thread writes (the node's);
 * anyone reads. Neither is state: after a restart counters begin at 0, and gauges are not there until they are set.
 */
#ifndef POTLINE_COUNTER_H
#define POTLINE_COUNTER_H

#include <stdint.h>

#include "abi.h"

struct pl_node;

struct pl_counter {
    const char *name; /* "out_of_range": a noun, snake case; the array ends in NULL */
    const char *unit; /* "rows" */
    const char *doc;  /* one sentence */
};

/* What a node's copies, one for each partition, say together. */
enum pl_gauge_over { PL_GAUGE_SUM, PL_GAUGE_MOST, PL_GAUGE_LEAST };

struct pl_gauge {
    const char *name; /* "energy_residual": as of counters */
    const char *unit; /* "kW"; "": a share, or no unit */
    const char *doc;
    enum pl_gauge_over over;
};

/* Adds to the node's counter `index`, its place in the descriptor's array. */
PL_API void pl_count(struct pl_node *node, unsigned index, uint64_t n);

/* Sets the node's gauge `index`, its place in the descriptor's array; NAN: there is no value now, and none is shown. */
PL_API void pl_gauge_set(struct pl_node *node, unsigned index, double value);

#endif
