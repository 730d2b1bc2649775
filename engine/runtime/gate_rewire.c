/* gate_rewire.c: a gate that takes another one's place, with other inputs. */
#include <string.h>

#include <potline/alloc.h>

#include "runtime/gate_impl.h"

enum { GONE = -1 };

struct pl_gate *pl_gate_anew(const struct pl_gate *gate) {
    return pl_gate_new(&gate->options);
}

static int find(const struct pl_gate *gate, const char *name) {
    for (unsigned i = 0; i < gate->count; i++)
        if (strcmp(gate->inputs[i].name, name) == 0) return (int)i;
    return GONE;
}

struct pl_edge *pl_gate_edge(const struct pl_gate *gate, const char *name) {
    int i = find(gate, name);
    return i == GONE ? NULL : gate->inputs[i].edge;
}

static void take_input(struct pl__input *to, const struct pl__input *from, bool merged, pl_time watermark) {
    to->watermark = merged ? from->watermark : watermark;
    to->idle = from->idle;
    to->ended = from->ended;
    to->stopped = from->stopped;
    to->model = from->model;
}

/* Runs of inputs that are gone are closed up over, the others go by the places that their inputs have now. */
static void take_runs(struct pl_gate *gate, struct pl_gate *old, uint64_t *lost) {
    struct pl__run *runs = old->heap;
    uint32_t count = old->runs;
    gate->heap = runs;
    gate->run_capacity = old->run_capacity;
    gate->arrivals = old->arrivals;
    old->heap = NULL;
    old->runs = old->run_capacity = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct pl__run run = runs[i];
        int place = find(gate, old->inputs[run.input].name);
        if (place == GONE) {
            *lost += run.rows - run.next;
            if (run.batch) pl_batch_unref(run.batch);
            pl_free(run.order);
            continue;
        }
        run.input = (unsigned)place;
        gate->held_rows += run.rows - run.next;
        gate->held_bytes += run.bytes;
        pl__gate_push(gate, &run); /* there is room for all of them, and never more than have been looked at */
    }
}

void pl_gate_take_over(struct pl_gate *gate, struct pl_gate *old, pl_time watermark, uint64_t *lost) {
    bool merged = pl_gate_merges(old);
    gate->models_new = true;
    for (unsigned i = 0; i < gate->count; i++) {
        int place = find(old, gate->inputs[i].name);
        if (place != GONE) take_input(&gate->inputs[i], &old->inputs[place], merged, watermark);
    }
    gate->watermark = merged ? old->watermark : watermark;
    gate->told = merged ? old->told : watermark;
    gate->idle_told = old->idle_told;
    gate->end_told = old->end_told && gate->count > 0;
    gate->epoch = old->epoch;
    gate->broken = old->broken;
    gate->merges = merged && gate->count == 1;
    take_runs(gate, old, lost);
}
