#include "outputs.h"

#include <potline/alloc.h>

#include "batch/batch_impl.h"

struct pl_output {
    unsigned port;
    struct pl_edge *edge;
};

bool pl_outputs_add(struct pl_outputs *outputs, unsigned port, struct pl_edge *edge) {
    struct pl_output *grown = pl_realloc(outputs->list, (outputs->count + 1) * sizeof *grown);
    if (!grown) return false;
    outputs->list = grown;
    outputs->list[outputs->count++] = (struct pl_output){.port = port, .edge = edge};
    return true;
}

void pl_outputs_remove(struct pl_outputs *outputs, const struct pl_edge *edge) {
    unsigned kept = 0;
    for (unsigned i = 0; i < outputs->count; i++)
        if (outputs->list[i].edge != edge) outputs->list[kept++] = outputs->list[i];
    outputs->count = kept;
}

void pl_outputs_fini(struct pl_outputs *outputs) {
    pl_free(outputs->list);
    *outputs = (struct pl_outputs){0};
}

struct pl_edge *pl_outputs_first(const struct pl_outputs *outputs) {
    return outputs->count ? outputs->list[0].edge : NULL;
}

bool pl_outputs_room(struct pl_outputs *outputs) {
    bool room = true;
    for (unsigned i = 0; i < outputs->count; i++)
        room &= pl_edge_room(outputs->list[i].edge); /* each one asked: each may have something to send on */
    return room;
}

bool pl_outputs_wanted(const struct pl_outputs *outputs, unsigned port) {
    for (unsigned i = 0; i < outputs->count; i++)
        if (outputs->list[i].port == port) return true;
    return false;
}

void pl_outputs_emit(struct pl_outputs *outputs, unsigned port, struct pl_batch *batch) {
    if (pl_batch_sole(batch)) pl_batch_seal(batch);
    for (unsigned i = 0; i < outputs->count; i++) {
        if (outputs->list[i].port != port) continue;
        struct pl_item item = {.type = PL_ITEM_BATCH, .batch = pl_batch_ref(batch)};
        pl_edge_send(outputs->list[i].edge, &item);
    }
    pl_batch_unref(batch);
}

void pl_outputs_signal(struct pl_outputs *outputs, const struct pl_item *item) {
    for (unsigned i = 0; i < outputs->count; i++)
        pl_edge_send(outputs->list[i].edge, item);
}

void pl_outputs_signal_port(struct pl_outputs *outputs, unsigned port, const struct pl_item *item) {
    for (unsigned i = 0; i < outputs->count; i++)
        if (outputs->list[i].port == port) pl_edge_send(outputs->list[i].edge, item);
}
