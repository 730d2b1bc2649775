/* gate.c: merging by event time and aligning barriers.
 *
 * Held rows are runs: batches whose rows are in order of event time (or are walked through an index that is). A heap
 * keeps the runs by their next row's (time, edge, arrival). Rows below the watermark of all edges, and those at it that
 * no other can precede any more, are taken from the top; consecutive rows of one run are copied at once, and a batch
 * that goes whole is passed on as it is.
 */
#include "gate_impl.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"
#include "runtime/models.h"

enum { MERGED_ROWS = 4096, MERGED_HEAP = 256 << 10, LATER_MAX = 1 << 20 };

struct pl_gate *pl_gate_new(const struct pl_gate_options *options) {
    struct pl_gate *gate = PL_NEW(struct pl_gate);
    if (!gate) return NULL;
    gate->options = *options;
    gate->watermark = gate->told = PL_TIME_MIN;
    return gate;
}

static void run_fini(struct pl__run *run) {
    if (run->batch) pl_batch_unref(run->batch);
    pl_free(run->order);
}

void pl_gate_free(struct pl_gate *gate) {
    if (!gate) return;
    for (uint32_t i = 0; i < gate->runs; i++)
        run_fini(&gate->heap[i]);
    for (unsigned i = 0; i < gate->count; i++) {
        struct pl__queue *later = &gate->inputs[i].later;
        for (uint32_t k = later->from; k < later->count; k++)
            if (later->items[k].type == PL_ITEM_BATCH) pl_batch_unref(later->items[k].batch);
        pl_free(later->items);
        pl_free(gate->inputs[i].name);
    }
    pl_free(gate->heap);
    pl_free(gate->inputs);
    pl_free(gate);
}

bool pl_gate_add(struct pl_gate *gate, struct pl_edge *edge, unsigned port, const char *name) {
    struct pl__input *grown = pl_realloc(gate->inputs, (gate->count + 1) * sizeof *grown);
    if (!grown) return false;
    gate->inputs = grown;
    struct pl__input input = {.edge = edge, .name = pl_strdup(name), .port = port, .watermark = PL_TIME_MIN};
    if (!input.name) return false;
    gate->inputs[gate->count++] = input;
    return true;
}

/* ---- The heap of runs ---- */

static bool before(const struct pl__run *a, const struct pl__run *b) {
    if (a->time != b->time) return a->time < b->time;
    if (a->input != b->input) return a->input < b->input;
    return a->arrival < b->arrival;
}

static void swap(struct pl__run *a, struct pl__run *b) {
    struct pl__run t = *a;
    *a = *b;
    *b = t;
}

static void sift_down(struct pl_gate *gate, uint32_t i) {
    for (;;) {
        uint32_t least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < gate->runs; child++)
            if (before(&gate->heap[child], &gate->heap[least])) least = child;
        if (least == i) return;
        swap(&gate->heap[i], &gate->heap[least]);
        i = least;
    }
}

bool pl__gate_push(struct pl_gate *gate, const struct pl__run *run) {
    if (gate->runs == gate->run_capacity) {
        uint32_t capacity = gate->run_capacity ? gate->run_capacity * 2 : 64;
        struct pl__run *grown = pl_realloc(gate->heap, capacity * sizeof *grown);
        if (!grown) return false;
        gate->heap = grown;
        gate->run_capacity = capacity;
    }
    uint32_t i = gate->runs++;
    gate->heap[i] = *run;
    for (; i && before(&gate->heap[i], &gate->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&gate->heap[i], &gate->heap[(i - 1) / 2]);
    return true;
}

static void drop_top(struct pl_gate *gate) {
    struct pl__run *top = &gate->heap[0];
    gate->held_bytes -= top->bytes;
    run_fini(top);
    *top = gate->heap[--gate->runs];
    sift_down(gate, 0);
}

static uint32_t row_at(const struct pl__run *run, uint32_t i) {
    return run->order ? run->order[i] : i;
}

/* ---- Taking in ---- */

static int by_time(const void *a, const void *b, void *times) {
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const pl_time *t = times;
    if (t[i] != t[k]) return t[i] < t[k] ? -1 : 1;
    return i < k ? -1 : 1;
}

/* Sets the order of a batch's rows; false without memory. */
static bool put_in_order(struct pl__run *run) {
    const pl_time *times = pl_batch_times(run->batch);
    uint32_t i = 1;
    while (i < run->rows && times[i - 1] <= times[i])
        i++;
    if (i < run->rows) {
        run->order = pl_alloc(run->rows * sizeof *run->order);
        if (!run->order) return false;
        for (i = 0; i < run->rows; i++)
            run->order[i] = i;
        qsort_r(run->order, run->rows, sizeof *run->order, by_time, (void *)(uintptr_t)times);
    }
    run->time = times[row_at(run, run->next)];
    return true;
}

void pl__gate_hold(struct pl_gate *gate, unsigned input, struct pl_batch *batch) {
    struct pl__run run = {.arrival = gate->arrivals++, .input = input, .rows = batch->rows, .batch = batch};
    if (!put_in_order(&run)) goto lost;
    gate->held_rows += run.rows;
    if (gate->held_bytes > gate->options.hold && run.time >= gate->watermark && gate->options.spill &&
        pl_spill_room(gate->options.spill, batch)) { /* on a full disk sources stand still, so that little comes */
        pl_free(run.order);
        run.order = NULL;
        run.batch = NULL;
        run.ticket = pl_spill_put(gate->options.spill, batch);
        if (!run.ticket) {
            gate->broken = true;
            return;
        }
    } else {
        run.bytes = (int64_t)batch->message_size;
        gate->held_bytes += run.bytes;
    }
    if (pl__gate_push(gate, &run)) return;
lost:
    run_fini(&run);
    gate->broken = true;
}

static void settle_watermark(struct pl_gate *gate) {
    pl_time least = PL_TIME_MAX;
    bool any = false, all_ended = true, stopped = false;
    for (unsigned i = 0; i < gate->count; i++) {
        const struct pl__input *in = &gate->inputs[i];
        all_ended &= in->ended;
        stopped |= in->stopped;
        if ((in->ended && !in->stopped) || in->idle) continue;
        any = true;
        if (in->watermark < least) least = in->watermark;
    }
    if (!any && !(all_ended && !stopped)) return; /* everyone is idle: time stands still */
    if (least > gate->watermark) gate->watermark = least;
}

/* False: the item is a batch that may pass at once. */
static bool integrate(struct pl_gate *gate, unsigned index, const struct pl_item *item) {
    struct pl__input *in = &gate->inputs[index];
    switch (item->type) {
    case PL_ITEM_BATCH:
        in->idle = false;
        if (PL_UNLIKELY(item->batch->model && item->batch->model != in->model)) {
            in->model = item->batch->model;
            gate->models_new = true;
        }
        if (gate->options.any_order) return false;
        pl__gate_hold(gate, index, item->batch);
        break;
    case PL_ITEM_WATERMARK:
        in->idle = item->idle;
        if (item->time > in->watermark) in->watermark = item->time;
        settle_watermark(gate);
        break;
    case PL_ITEM_BARRIER:
        in->blocked = true;
        if (item->epoch > gate->epoch) gate->epoch = item->epoch;
        break;
    case PL_ITEM_END:
        in->ended = true;
        in->stopped = item->idle;
        settle_watermark(gate);
        break;
    }
    return true;
}

/* What was taken makes room; a queue that is never empty would grow for ever. */
static void close_up(struct pl__queue *queue) {
    memmove(queue->items, queue->items + queue->from, (queue->count - queue->from) * sizeof *queue->items);
    queue->count -= queue->from;
    queue->from = 0;
}

static bool put_later(struct pl_gate *gate, struct pl__queue *queue, const struct pl_item *item) {
    if (queue->from == queue->count) queue->from = queue->count = 0;
    if (queue->count == queue->capacity && queue->from > queue->capacity / 2) close_up(queue);
    if (queue->count == queue->capacity) {
        uint32_t capacity = queue->capacity ? queue->capacity * 2 : 16;
        struct pl_item *grown = capacity > LATER_MAX ? NULL : pl_realloc(queue->items, capacity * sizeof *grown);
        if (!grown) {
            if (item->type == PL_ITEM_BATCH) pl_batch_unref(item->batch);
            gate->broken = true;
            return false;
        }
        queue->items = grown;
        queue->capacity = capacity;
    }
    queue->items[queue->count++] = *item;
    return true;
}

/* One item of an input, from behind the last barrier or from its edge. */
static bool next_of(struct pl__input *in, struct pl_item *item) {
    if (in->later.from < in->later.count) {
        *item = in->later.items[in->later.from++];
        return true;
    }
    return pl_edge_receive(in->edge, item);
}

/* Takes one item from each edge that has one. False: none had. With any order, a batch that may pass ends the look. */
static bool take_in(struct pl_gate *gate, struct pl_item *item, unsigned *port, bool *passes) {
    bool some = false;
    for (unsigned n = 0; n < gate->count; n++) {
        unsigned i = (gate->turn + n) % gate->count;
        struct pl__input *in = &gate->inputs[i];
        struct pl_item got;
        if (in->blocked) {
            if (pl_edge_receive(in->edge, &got)) some |= put_later(gate, &in->later, &got);
            continue;
        }
        if (!next_of(in, &got)) continue;
        some = true;
        if (integrate(gate, i, &got)) continue;
        gate->turn = (i + 1) % gate->count;
        *item = got;
        *port = in->port;
        *passes = true;
        return true;
    }
    return some;
}

/* ---- Giving ---- */

static bool load(struct pl_gate *gate, struct pl__run *run) {
    if (run->batch) return true;
    run->batch = pl_spill_take(gate->options.spill, run->ticket);
    if (run->batch) {
        run->bytes = (int64_t)run->batch->message_size;
        gate->held_bytes += run->bytes;
    }
    if (run->batch && run->batch->rows == run->rows && put_in_order(run)) return true;
    gate->broken = true;
    return false;
}

/* The key that the top run must stay below to go on: the better of its two children in the heap. */
static const struct pl__run *rival(const struct pl_gate *gate) {
    const struct pl__run *best = NULL;
    for (uint32_t i = 1; i <= 2 && i < gate->runs; i++)
        if (!best || before(&gate->heap[i], best)) best = &gate->heap[i];
    return best;
}

/* Of rows at the watermark itself: may one of this input go, as nothing that stands before it can come any more? An
 * input whose watermark is there may still bring rows of that time, which go behind those of inputs before it. */
static bool is_next_at_watermark(const struct pl_gate *gate, unsigned input) {
    for (unsigned i = 0; i < gate->count; i++) {
        const struct pl__input *in = &gate->inputs[i];
        if ((in->ended && !in->stopped) || in->idle) continue;
        if (in->watermark < gate->watermark || (in->watermark == gate->watermark && i < input)) return false;
    }
    return true;
}

static bool is_free(const struct pl_gate *gate, pl_time time, unsigned input) {
    if (time < gate->watermark || gate->watermark == PL_TIME_MAX) return true;
    return time == gate->watermark && is_next_at_watermark(gate, input);
}

/* How many rows of the top run go before the rival's next one and below the watermark. */
static uint32_t free_rows(const struct pl_gate *gate, const struct pl__run *run) {
    const struct pl__run *other = rival(gate);
    const pl_time *times = pl_batch_times(run->batch);
    struct pl__run row = *run;
    uint32_t i = run->next;
    for (; i < run->rows; i++) {
        row.time = times[row_at(run, i)];
        if (!is_free(gate, row.time, row.input)) break;
        if (other && !before(&row, other)) break;
    }
    return i - run->next;
}

static bool top_is_free(const struct pl_gate *gate) {
    return gate->runs && is_free(gate, gate->heap[0].time, gate->heap[0].input);
}

static void advance(struct pl_gate *gate, uint32_t rows) {
    struct pl__run *top = &gate->heap[0];
    top->next += rows;
    gate->held_rows -= rows;
    if (top->next == top->rows) {
        drop_top(gate);
        return;
    }
    top->time = pl_batch_times(top->batch)[row_at(top, top->next)];
    sift_down(gate, 0);
}

static struct pl_batch *take_whole(struct pl_gate *gate) {
    struct pl_batch *batch = pl_batch_ref(gate->heap[0].batch);
    advance(gate, gate->heap[0].rows);
    return batch;
}

uint32_t pl__gate_copy(struct pl_batch *out, const struct pl__run *run, uint32_t rows) {
    if (!run->order) return pl_batch_append(out, run->batch, run->next, rows);
    uint32_t done = 0;
    while (done < rows && pl_batch_append(out, run->batch, run->order[run->next + done], 1))
        done++;
    return done;
}

static uint32_t heap_wanted(const struct pl_batch *batch) {
    uint32_t wanted = 0;
    for (unsigned h = 0; h < pl_kind_info[batch->kind].heaps; h++)
        if (batch->heap_used[h] > wanted) wanted = batch->heap_used[h];
    return wanted > MERGED_HEAP ? wanted : pl_kind_info[batch->kind].heaps ? MERGED_HEAP : 0;
}

/* May its rows be put behind those of `out`? A batch has one source, an event is nothing without who said it, and of a
 * set point it is audited which models it comes from. */
static bool goes_with(const struct pl_gate *gate, const struct pl__run *run, const struct pl_batch *out,
                      unsigned port) {
    if (gate->inputs[run->input].port != port || run->batch->kind != out->kind) return false;
    if (out->kind == PL_SETPOINTS && run->batch->model != out->model) return false;
    return run->batch->source == out->source || (out->kind != PL_EVENTS && !gate->options.by_source);
}

/* The next batch of rows that are free to go, all for one port. */
static struct pl_batch *release(struct pl_gate *gate, unsigned *port) {
    struct pl_batch *out = NULL;
    while (top_is_free(gate) && !gate->broken) {
        struct pl__run *top = &gate->heap[0];
        if (!load(gate, top)) break;
        if (!is_free(gate, top->time, top->input)) break; /* a spilled run's time is its least */
        if (out && !goes_with(gate, top, out, *port)) break;
        *port = gate->inputs[top->input].port;
        uint32_t rows = free_rows(gate, top);
        if (!out && rows == top->rows && !top->order) return take_whole(gate);
        if (!out) {
            out = pl_batch_like(top->batch, MERGED_ROWS, heap_wanted(top->batch));
            if (!out) {
                gate->broken = true;
                break;
            }
        }
        if (PL_UNLIKELY(top->batch->model != out->model))
            out->model = pl_models_join(gate->options.tags, out->model, top->batch->model);
        if (top->batch->header->receive_time > out->header->receive_time)
            out->header->receive_time = top->batch->header->receive_time;
        uint32_t copied = pl__gate_copy(out, top, rows);
        if (copied) advance(gate, copied);
        if (copied < rows) break; /* `out` is full */
    }
    if (out) pl_batch_seal(out);
    return out;
}

uint32_t pl_gate_models(struct pl_gate *gate) {
    if (PL_LIKELY(!gate->models_new)) return gate->models;
    gate->models_new = false;
    gate->models = 0;
    for (unsigned i = 0; i < gate->count; i++)
        gate->models = pl_models_join(gate->options.tags, gate->models, gate->inputs[i].model);
    return gate->models;
}

static bool at_barrier(const struct pl_gate *gate) {
    bool any = false;
    for (unsigned i = 0; i < gate->count; i++) {
        if (gate->inputs[i].ended) continue;
        if (!gate->inputs[i].blocked) return false;
        any = true;
    }
    return any;
}

static bool all_ended(const struct pl_gate *gate, bool *stopped) {
    *stopped = false;
    for (unsigned i = 0; i < gate->count; i++) {
        if (!gate->inputs[i].ended) return false;
        *stopped |= gate->inputs[i].stopped;
    }
    return true;
}

static bool all_idle(const struct pl_gate *gate) {
    bool idle = false;
    for (unsigned i = 0; i < gate->count; i++) {
        if (gate->inputs[i].ended) continue;
        if (!gate->inputs[i].idle) return false;
        idle = true;
    }
    return idle;
}

/* What is due beside rows, in order: the watermark that the rows have reached, the barrier, the end. */
static bool signal_due(struct pl_gate *gate, struct pl_item *item) {
    bool idle = all_idle(gate), stopped;
    if (gate->watermark > gate->told || idle != gate->idle_told) {
        gate->told = gate->watermark;
        gate->idle_told = idle;
        *item = (struct pl_item){.type = PL_ITEM_WATERMARK, .time = gate->told, .idle = idle};
        return true;
    }
    if (at_barrier(gate)) {
        for (unsigned i = 0; i < gate->count; i++)
            gate->inputs[i].blocked = false;
        *item = (struct pl_item){.type = PL_ITEM_BARRIER, .epoch = gate->epoch};
        return true;
    }
    if (!gate->end_told && all_ended(gate, &stopped)) {
        gate->end_told = true;
        *item = (struct pl_item){.type = PL_ITEM_END, .idle = stopped};
        return true;
    }
    return false;
}

static bool take_merged(struct pl_gate *gate, struct pl_item *item, unsigned *port) {
    for (;;) {
        struct pl_batch *batch = release(gate, port);
        if (batch) {
            *item = (struct pl_item){.type = PL_ITEM_BATCH, .batch = batch};
            return true;
        }
        if (gate->broken) return false;
        if (signal_due(gate, item)) return true;
        bool passes = false;
        if (!take_in(gate, item, port, &passes)) return false;
        if (passes) return true;
    }
}

bool pl_gate_merges(const struct pl_gate *gate) {
    return gate->count != 1 || gate->merges;
}

bool pl_gate_take(struct pl_gate *gate, struct pl_item *item, unsigned *port) {
    *port = 0;
    if (pl_gate_merges(gate)) return take_merged(gate, item, port);
    *port = gate->inputs[0].port;
    return pl_edge_receive(gate->inputs[0].edge, item);
}

static void drop_held(struct pl_gate *gate) {
    for (uint32_t i = 0; i < gate->runs; i++)
        run_fini(&gate->heap[i]);
    gate->runs = 0;
    gate->held_bytes = 0;
    gate->held_rows = 0;
}

void pl_gate_drain(struct pl_gate *gate) {
    struct pl_item item;
    drop_held(gate);
    for (unsigned i = 0; i < gate->count; i++)
        while (next_of(&gate->inputs[i], &item))
            if (item.type == PL_ITEM_BATCH) pl_batch_unref(item.batch);
}

bool pl_gate_sound(const struct pl_gate *gate) {
    return !gate->broken;
}

uint64_t pl_gate_held_rows(const struct pl_gate *gate) {
    return gate->held_rows;
}

void pl_gate_stats(const struct pl_gate *gate, struct pl_edge_stats *stats) {
    *stats = (struct pl_edge_stats){0};
    for (unsigned i = 0; i < gate->count; i++) {
        struct pl_edge_stats edge;
        pl_edge_stats(gate->inputs[i].edge, &edge);
        stats->items += edge.items;
        stats->bytes += edge.bytes;
        stats->dropped_rows += edge.dropped_rows;
    }
}
