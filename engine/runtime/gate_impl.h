/* gate_impl.h: a gate's insides, for merging (gate.c) and for what is saved of them (gate_state.c). */
#ifndef POTLINE_GATE_IMPL_H
#define POTLINE_GATE_IMPL_H

#include "runtime/gate.h"

struct pl__run {
    pl_time time; /* of the next row */
    uint64_t arrival;
    unsigned input;
    uint32_t next; /* rows before it are gone */
    uint32_t rows;
    struct pl_batch *batch; /* NULL: spilled */
    uint32_t *order;        /* NULL: the rows are in order */
    uint64_t ticket;        /* of the spill */
    int64_t bytes;
};

struct pl__queue { /* items behind a barrier that the other edges have not reached */
    struct pl_item *items;
    uint32_t from, count, capacity;
};

struct pl__input {
    struct pl_edge *edge;
    char *name;
    unsigned port;
    uint32_t model; /* of the last rows that had one */
    pl_time watermark;
    bool idle;
    bool blocked; /* at a barrier */
    bool ended;
    bool stopped; /* ended without the end of the data */
    struct pl__queue later;
};

struct pl_gate {
    struct pl_gate_options options;
    struct pl__input *inputs;
    unsigned count;
    unsigned turn; /* the input looked at first */
    struct pl__run *heap;
    uint32_t runs, run_capacity;
    uint64_t arrivals;
    int64_t held_bytes;
    uint64_t held_rows;
    pl_time watermark; /* of all edges: rows below are free to go */
    pl_time told;      /* the last one given */
    bool idle_told;
    uint64_t epoch;
    bool end_told;
    bool broken;
    bool models_new; /* an input brings another model */
    uint32_t models; /* of all inputs */
    bool merges;     /* one input, but rows of several wait: until another run */
};

/* Takes the batch; rows that have to wait are in the heap afterwards, or the gate is broken. */
void pl__gate_hold(struct pl_gate *gate, unsigned input, struct pl_batch *batch);
bool pl__gate_push(struct pl_gate *gate, const struct pl__run *run); /* false without memory */

/* Copies the next rows of a run, in their order; how many there was room for. */
uint32_t pl__gate_copy(struct pl_batch *out, const struct pl__run *run, uint32_t rows);

#endif
