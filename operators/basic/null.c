/* sink.null: where rows go that nobody wants: for measuring what comes before. */
#include "basic.h"

struct null {
    bool unused; /* an instance has at least a byte */
};

enum { COUNT_ROWS };

static enum pl_flow null_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)input;
    pl_count(node, COUNT_ROWS, batch->rows);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

const struct pl_operator pl__sink_null = {
    PL_OPERATOR("sink.null", "Takes rows and does nothing with them."),
    .guarantee = "None: every row is dropped, and counted.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "Anything."}),
    .counters = PL_COUNTERS({"rows", "rows", "Rows dropped."}),
    .flags = PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct null),
    .process = null_process,
};
