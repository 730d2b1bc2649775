/* counter.h: what an operator counts, declared as rows; the engine adds its own for every node (rows, batches, time).
 *
 * Totals only grow and are never reset. One thread writes (the node's); anyone reads.
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

/* Adds to the node's counter `index`, its place in the descriptor's array. */
PL_API void pl_count(struct pl_node *node, unsigned index, uint64_t n);

#endif
