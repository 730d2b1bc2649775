/* gate_regroup.c: what waited in front of a node's instances, for another number of them. */
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "batch/batch_impl.h"
#include "runtime/gate_impl.h"
#include "runtime/models.h"
#include "runtime/plan.h"
#include "runtime/regroup.h"
#include "runtime/split.h"

enum { PARTITIONS_MAX = 256 };

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to share out rows that wait");
}

/* ---- The gates, old and new ---- */

/* How many ways in an input has, of a graph with so many partitions. */
static unsigned ways_of(const struct pl_regroup_gates *gates, const struct pl_graph_edge *input, unsigned partitions) {
    return pl_plan_exchanges(gates->recovery->graph, gates->node, input) ? partitions : 1;
}

/* The inputs stand in the order of the graph, and of partitions, as they do in the engine. */
static struct pl_gate *make_gate(const struct pl_regroup_gates *gates, unsigned instance, unsigned partitions) {
    struct pl_gate *gate = pl_gate_new(&(struct pl_gate_options){.tags = gates->recovery->tags, .hold = INT64_MAX});
    for (unsigned i = 0; gate && i < gates->node->input_count; i++) {
        const struct pl_graph_edge *input = &gates->node->inputs[i];
        unsigned ways = ways_of(gates, input, partitions);
        bool exchange = pl_plan_exchanges(gates->recovery->graph, gates->node, input);
        for (unsigned p = 0; gate && p < ways; p++) {
            char name[PL_INPUT_NAME];
            pl_plan_input_name(name, gates->recovery->graph, input, exchange ? p : instance);
            if (pl_gate_add(gate, NULL, input->to_port, name)) continue;
            pl_gate_free(gate);
            gate = NULL;
        }
    }
    return gate;
}

/* Where the ways of the graph's input `i` begin among a gate's. */
static unsigned first_of(const struct pl_regroup_gates *gates, unsigned i, unsigned partitions) {
    unsigned first = 0;
    for (unsigned k = 0; k < i; k++)
        first += ways_of(gates, &gates->node->inputs[k], partitions);
    return first;
}

enum pl_code pl_regroup_gates_init(struct pl_regroup_gates *gates, struct pl_error **error) {
    gates->codec = pl_codec_new(gates->recovery->tags);
    gates->old = pl_alloc((gates->from + 1) * sizeof(struct pl_gate *));
    gates->made = pl_alloc((gates->to + 1) * sizeof(struct pl_gate *));
    bool made = gates->codec && gates->old && gates->made;
    for (unsigned p = 0; made && p < gates->from; p++)
        made = (gates->old[p] = make_gate(gates, p, gates->from_partitions)) != NULL;
    for (unsigned p = 0; made && p < gates->to; p++)
        made = (gates->made[p] = make_gate(gates, p, gates->to_partitions)) != NULL;
    return made ? PL_OK : no_memory(error);
}

void pl_regroup_gates_fini(struct pl_regroup_gates *gates) {
    for (unsigned p = 0; gates->old && p < gates->from; p++)
        pl_gate_free(gates->old[p]);
    for (unsigned p = 0; gates->made && p < gates->to; p++)
        pl_gate_free(gates->made[p]);
    pl_free(gates->old);
    pl_free(gates->made);
    pl_codec_free(gates->codec);
}

enum pl_code pl_regroup_gate_add(struct pl_regroup_gates *gates, unsigned instance, const void *bytes, size_t size,
                                 struct pl_error **error) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    gates->any = true;
    return pl_gate_load(gates->old[instance], gates->codec, &unpack, error);
}

/* ---- How far they were ---- */

static void share_input(struct pl_regroup_gates *gates, unsigned i) {
    const struct pl_graph_edge *input = &gates->node->inputs[i];
    struct pl__input all = {.watermark = PL_TIME_MAX, .idle = true, .ended = true};
    unsigned first = first_of(gates, i, gates->from_partitions);
    unsigned ways = ways_of(gates, input, gates->from_partitions);
    for (unsigned p = 0; p < gates->from; p++)
        for (unsigned k = first; k < first + ways; k++) {
            const struct pl__input *one = &gates->old[p]->inputs[k];
            if (one->watermark < all.watermark) all.watermark = one->watermark;
            all.idle &= one->idle;
            all.ended &= one->ended;
            all.stopped |= one->stopped;
            all.model = pl_models_join(gates->recovery->tags, all.model, one->model);
        }
    first = first_of(gates, i, gates->to_partitions);
    ways = ways_of(gates, input, gates->to_partitions);
    for (unsigned p = 0; p < gates->to; p++)
        for (unsigned k = first; k < first + ways; k++) {
            struct pl__input *one = &gates->made[p]->inputs[k];
            one->watermark = all.watermark;
            one->idle = all.idle;
            one->ended = all.ended;
            one->stopped = all.stopped;
            one->model = all.model;
        }
}

static void share_progress(struct pl_regroup_gates *gates) {
    struct pl_gate all = {.told = PL_TIME_MAX, .watermark = PL_TIME_MAX, .idle_told = true, .end_told = true};
    for (unsigned p = 0; p < gates->from; p++) {
        const struct pl_gate *one = gates->old[p];
        if (one->told < all.told) all.told = one->told;
        if (one->watermark < all.watermark) all.watermark = one->watermark;
        all.idle_told &= one->idle_told;
        all.end_told &= one->end_told;
    }
    for (unsigned p = 0; p < gates->to; p++) {
        gates->made[p]->told = all.told;
        gates->made[p]->watermark = all.watermark;
        gates->made[p]->idle_told = all.idle_told;
        gates->made[p]->end_told = all.end_told;
    }
}

/* ---- Rows ---- */

/* Rows of a broadcast tag wait in every partition; only those of the first are shared out again. Takes the batch. */
static bool without_broadcast(const struct pl_tags *tags, struct pl_batch **batch) {
    const uint32_t *keys = pl_batch_keys(*batch);
    uint32_t left = 0;
    for (uint32_t i = 0; i < (*batch)->rows; i++)
        left += !pl_tags_get(tags, keys[i])->broadcast;
    if (left == (*batch)->rows) return true;
    struct pl_batch *rest = left ? pl_batch_like(*batch, left, (*batch)->heap_used[0]) : NULL;
    bool good = !left || rest;
    for (uint32_t i = 0; good && left && i < (*batch)->rows; i++)
        if (!pl_tags_get(tags, keys[i])->broadcast) good = pl_batch_append(rest, *batch, i, 1) == 1;
    if (rest) pl_batch_seal(rest);
    pl_batch_unref(*batch);
    *batch = rest;
    return good;
}

/* Takes the batch, of one way into an old instance. */
static bool share_rows(struct pl_regroup_gates *gates, unsigned i, bool broadcast, struct pl_batch *batch) {
    const struct pl_graph_edge *input = &gates->node->inputs[i];
    unsigned first = first_of(gates, i, gates->to_partitions), ways = ways_of(gates, input, gates->to_partitions);
    unsigned parts = gates->to > 1 ? gates->to : ways;
    struct pl_batch *split[PARTITIONS_MAX];
    if (!broadcast && !without_broadcast(gates->recovery->tags, &batch)) {
        pl_batch_unref(batch);
        return false;
    }
    if (!batch) return true;
    if (!pl_split(batch, gates->recovery->tags, parts, split)) return false;
    bool sound = true;
    for (unsigned p = 0; p < parts; p++) {
        if (!split[p]) continue;
        struct pl_gate *gate = gates->made[gates->to > 1 ? p : 0];
        pl__gate_hold(gate, gates->to > 1 ? first : first + p, split[p]);
        sound &= pl_gate_sound(gate);
    }
    return sound;
}

static int by_arrival(const void *a, const void *b) {
    const struct pl__run *x = a, *y = b;
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/* Of the graph's inputs, which one an old gate's way belongs to. */
static unsigned input_of(const struct pl_regroup_gates *gates, unsigned way) {
    unsigned i = 0;
    while (i + 1 < gates->node->input_count && way >= first_of(gates, i + 1, gates->from_partitions))
        i++;
    return i;
}

/* Sorting ends the heap: nothing is taken from an old gate any more. */
static enum pl_code share_runs(struct pl_regroup_gates *gates, unsigned instance, struct pl_error **error) {
    struct pl_gate *old = gates->old[instance];
    if (old->runs) qsort(old->heap, old->runs, sizeof *old->heap, by_arrival);
    for (uint32_t r = 0; r < old->runs; r++) {
        unsigned way = old->heap[r].input, i = input_of(gates, way);
        bool first = instance == 0 && way == first_of(gates, i, gates->from_partitions);
        if (!share_rows(gates, i, first, pl_batch_ref(old->heap[r].batch))) return no_memory(error);
    }
    return PL_OK;
}

enum pl_code pl_regroup_gates_share(struct pl_regroup_gates *gates, struct pl_error **error) {
    enum pl_code code = PL_OK;
    if (!gates->any) return PL_OK;
    share_progress(gates);
    for (unsigned i = 0; i < gates->node->input_count; i++)
        share_input(gates, i);
    for (unsigned p = 0; p < gates->from && !code; p++)
        code = share_runs(gates, p, error);
    return code;
}

enum pl_code pl_regroup_gate_pack(struct pl_regroup_gates *gates, unsigned instance, struct pl_pack *pack, bool *wanted,
                                  struct pl_error **error) {
    struct pl_gate *gate = gates->made[instance];
    *wanted = gates->any && (gate->count != 1 || gate->runs);
    return *wanted ? pl_gate_save(gate, gates->codec, pack, error) : PL_OK;
}
