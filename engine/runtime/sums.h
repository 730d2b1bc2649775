/* sums.h: what a node of the graph does, its instances together, for those who show it. Any thread. */
#ifndef POTLINE_SUMS_H
#define POTLINE_SUMS_H

#include "runtime/engine.h"

struct pl_node_sums {
    uint64_t rows_in, rows_out, batches_in, batches_out, bytes_in, bytes_out, busy_ns, blocked_ns;
    struct pl_task_input_stats inputs;
    pl_time watermark; /* the lowest; PL_TIME_MIN: one of them has none yet */
    unsigned instances, opened, ended, failed, paused;
    const char *model;       /* it says it works with (pl_node_model); "": none */
    bool elsewhere;          /* another engine of the group has it */
    unsigned isolated, down; /* instances in processes of their own, and those whose process is not there */
    int pid;                 /* of the process of the first instance; 0: none is at work */
    struct pl_histogram lag;
};

/* It is 10 KB: not for the stack. */
void pl_node_sums_make(const struct pl_engine *engine, const struct pl_graph_node *node, struct pl_node_sums *sums);

const char *pl_node_sums_state(const struct pl_node_sums *sums); /* running, paused, ended, failed, elsewhere */
bool pl_node_sums_told(const struct pl_node_sums *sums);         /* there is a watermark to be behind */

/* Of the operator's counter `index`, its place in the descriptor's table. */
uint64_t pl_node_sums_counter(const struct pl_engine *engine, const struct pl_graph_node *node, unsigned index);

/* Likewise of a gauge, put together as its row says; NAN: no instance has a value now. */
double pl_node_sums_gauge(const struct pl_engine *engine, const struct pl_graph_node *node, unsigned index);

#endif
