/* explain_again.c: the nodes that lead to a row at work once more, on rows of bronze: does it come out again? */
#include "explain.h"

#include <string.h>

#include <potline/alloc.h>

#include "trial_read.h"

/* ---- Rows that are the same ---- */

bool pl__explain_same(const struct pl_batch *a, uint32_t i, const struct pl_batch *b, uint32_t k) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    if (a->kind != b->kind) return false;
    for (unsigned c = 0; c < info->columns; c++) {
        if (info->heaps && c == info->end) continue;
        unsigned size = pl_type_size(info->column[c].type);
        if (memcmp((const char *)a->column[c] + (size_t)i * size, (const char *)b->column[c] + (size_t)k * size,
                   size) != 0)
            return false;
    }
    for (unsigned h = 0; h < info->heaps; h++) {
        uint32_t left, right;
        const void *mine = pl_batch_heap_row(a, h, i, &left), *other = pl_batch_heap_row(b, h, k, &right);
        if (left != right || memcmp(mine, other, (size_t)left * pl_type_size(info->heap[h].type)) != 0) return false;
    }
    return true;
}

static bool same_place(const struct pl_batch *a, uint32_t i, const struct pl_batch *b, uint32_t k) {
    bool same = a->kind == b->kind && pl_batch_times(a)[i] == pl_batch_times(b)[k] &&
                pl_batch_keys(a)[i] == pl_batch_keys(b)[k];
    return same && (a->kind != PL_WINDOWS || a->windows.start[i] == b->windows.start[k]);
}

/* ---- One run ---- */

struct feeding {
    const struct pl__raws *raws;
    const struct pl__explain_changes *changes;
    unsigned changed;    /* so many of them have been made */
    const uint8_t *keep; /* NULL: all */
    uint32_t *number;    /* [batch]: in the case, and 1; 0: it is not there yet */
    pl_time *last;       /* [feed][partition]: the watermark; PL_TIME_MAX: it says nothing */
};

static bool feed_row(const struct feeding *feeding, struct pl__fed *fed, const struct pl__raw *raw) {
    uint32_t *number = &feeding->number[raw->batch];
    if (!*number) *number = pl__fed_add_batch(fed, pl_batch_ref(feeding->raws->batches[raw->batch])) + 1;
    return *number && pl__fed_add_row(fed, raw->feed, *number - 1, raw->row);
}

/* Of several partitions a feed is as far as the last of them; one that says nothing holds nobody back. */
static pl_time joined(struct feeding *feeding, const struct pl__raw_mark *mark) {
    const struct pl__raws *raws = feeding->raws;
    pl_time least = PL_TIME_MAX, *last = feeding->last + (size_t)mark->feed * raws->partitions;
    last[mark->partition] = mark->idle ? PL_TIME_MAX : mark->time;
    for (unsigned p = 0; p < raws->partitions; p++)
        if (last[p] < least) least = last[p];
    return least;
}

static bool feed_mark(struct feeding *feeding, struct pl__fed *fed, const struct pl__raw_mark *mark) {
    pl_time time = joined(feeding, mark);
    bool idle = time == PL_TIME_MAX;
    return pl__fed_add_watermark(fed, mark->feed, idle ? PL_TIME_MIN : time, idle);
}

static bool make_room(struct feeding *feeding, unsigned feeds) {
    size_t count = (size_t)feeds * feeding->raws->partitions;
    feeding->number = pl_alloc((feeding->raws->batch_count + 1) * sizeof *feeding->number);
    feeding->last = pl_alloc((count + 1) * sizeof *feeding->last);
    for (size_t i = 0; feeding->last && i < count; i++)
        feeding->last[i] = PL_TIME_MAX;
    return feeding->number && feeding->last;
}

/* Changes up to a time of the engine's clock. */
static bool feed_changes(struct feeding *feeding, struct pl__fed *fed, pl_time until) {
    const struct pl__explain_changes *changes = feeding->changes;
    for (; feeding->changed < changes->count && changes->list[feeding->changed].time < until; feeding->changed++)
        if (!changes->list[feeding->changed].bad && !pl__fed_add_command(fed, feeding->changed)) return false;
    return true;
}

/* When the next barrier of its partition was written, about; what is changed until then is changed at this one. Behind
 * the last one of what was read, up to the last row. */
static pl_time next_barrier(const struct pl__raws *raws, size_t at) {
    for (size_t i = at + 1; i < raws->mark_count; i++)
        if (raws->marks[i].barrier && raws->marks[i].partition == raws->marks[at].partition)
            return raws->marks[i].received;
    return raws->count ? raws->batches[raws->rows[raws->count - 1].batch]->header->receive_time : PL_TIME_MIN;
}

/* What was changed before the first barrier at hand holds from the beginning. */
static pl_time first_barrier(const struct pl__raws *raws) {
    for (size_t i = 0; i < raws->mark_count; i++)
        if (raws->marks[i].barrier && raws->marks[i].received != PL_TIME_MIN) return raws->marks[i].received;
    return raws->count ? raws->batches[raws->rows[0].batch]->header->receive_time : PL_TIME_MIN;
}

/* Watermarks are told where they were, whichever rows are left out. */
static enum pl_code feed(void *arg, struct pl__fed *fed, struct pl_error **error) {
    struct feeding *feeding = arg;
    const struct pl__raws *raws = feeding->raws;
    bool good = make_room(feeding, fed->of->graph->feed_count);
    fed->recorded = true;
    size_t mark = 0;
    good = good && feed_changes(feeding, fed, first_barrier(raws));
    for (size_t i = 0; i <= raws->count && good; i++) {
        const struct pl__raw *raw = &raws->rows[i];
        for (; good && mark < raws->mark_count; mark++) {
            const struct pl__raw_mark *at = &raws->marks[mark];
            if (i < raws->count && pl__raw_before(raws, raw, at)) break;
            good = at->barrier ? feed_changes(feeding, fed, next_barrier(raws, mark)) : feed_mark(feeding, fed, at);
        }
        if (good && i < raws->count && (!feeding->keep || feeding->keep[i])) good = feed_row(feeding, fed, raw);
    }
    pl_free(feeding->number);
    pl_free(feeding->last);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the rows of bronze");
}

/* The row in what came out of a port or into a sink. */
static bool find_in(const struct pl__trial_output *out, const struct pl__explain_found *found,
                    struct pl__again_result *result) {
    for (uint32_t b = 0; b < out->count; b++)
        for (uint32_t row = 0; row < out->batches[b]->rows; row++) {
            if (pl__explain_same(out->batches[b], row, found->batch, found->row)) return true;
            if (!same_place(out->batches[b], row, found->batch, found->row)) continue;
            result->near = out->batches[b];
            result->near_row = row;
        }
    return false;
}

static const struct pl__trial_output *output_of(const struct pl__trial_result *trial, unsigned node, unsigned port) {
    for (unsigned i = 0; i < trial->output_count; i++)
        if (trial->outputs[i].node == node && !trial->outputs[i].sink && trial->outputs[i].port == port)
            return &trial->outputs[i];
    return NULL;
}

/* A sink has it from one of the nodes in front of it. */
static void find_again(const struct pl__again *again, struct pl__again_result *result) {
    unsigned target = again->section->target;
    const struct pl_graph_node *node = &again->section->graph.graph->nodes[target];
    bool sink = !node->op->outputs;
    for (unsigned i = 0; i < result->trial.output_count && !result->equal; i++) {
        const struct pl__trial_output *out = &result->trial.outputs[i];
        if (out->node != target || out->sink != sink || !find_in(out, again->found, result)) continue;
        result->equal = true;
        result->maker = target;
        result->port = out->port;
    }
    if (!result->equal || !sink) return;
    for (unsigned k = 0; k < node->input_count; k++) {
        const struct pl__trial_output *out = output_of(&result->trial, node->inputs[k].from, node->inputs[k].from_port);
        if (!out || !find_in(out, again->found, result)) continue;
        result->maker = out->node;
        result->port = out->port;
        return;
    }
}

bool pl__again_made_like(const struct pl__again *again, const struct pl__again_result *result, const char *name) {
    const struct pl_graph *graph = again->section->graph.graph;
    const struct pl__explain_found *found = again->found;
    for (unsigned i = 0; i < result->trial.output_count; i++) {
        const struct pl__trial_output *out = &result->trial.outputs[i];
        if (out->sink || strcmp(graph->nodes[out->node].name, name) != 0) continue;
        for (uint32_t b = 0; b < out->count; b++)
            for (uint32_t row = 0; row < out->batches[b]->rows; row++)
                if (same_place(out->batches[b], row, found->batch, found->row)) return true;
    }
    return false;
}

enum pl_code pl__again_run(struct pl__again *again, const uint8_t *keep, struct pl__again_result *result,
                           struct pl_error **error) {
    struct feeding feeding = {.raws = again->raws, .changes = again->changes, .keep = keep};
    struct pl__trial_options options = {.zmq = again->zmq, .tags = again->tags, .feed = feed, .arg = &feeding};
    *result = (struct pl__again_result){0};
    enum pl_code code = pl__trial_run(&again->section->of, &options, &result->trial, error);
    if (code) return code;
    again->fed += result->trial.rows;
    find_again(again, result);
    return PL_OK;
}

enum pl_code pl__again_equal(struct pl__again *again, const uint8_t *keep, bool *equal, struct pl_error **error) {
    struct pl__again_result result;
    enum pl_code code = pl__again_run(again, keep, &result, error);
    *equal = result.equal;
    pl__trial_result_fini(&result.trial);
    return code;
}
