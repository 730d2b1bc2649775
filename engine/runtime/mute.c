#include "mute.h"

#include <potline/alloc.h>

static enum pl_flow drop(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)node;
    (void)input;
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

struct pl_operator *pl_mute(const struct pl_operator *op) {
    struct pl_operator *muted = PL_NEW(struct pl_operator);
    if (!muted) return NULL;
    *muted = (struct pl_operator){
        .size = op->size,
        .name = op->name,
        .summary = op->summary,
        .inputs = op->inputs,
        .outputs = op->outputs,
        .options = op->options,
        .counters = op->counters,
        .gauges = op->gauges,
        .tables = op->tables,
        .scope = op->scope,
        .flags = op->flags,
        .instance_size = op->instance_size,
        .process = drop,
    };
    return muted;
}
