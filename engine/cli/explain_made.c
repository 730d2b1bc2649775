/* explain_made.c: what nodes on the way have made that is no sample passed on. */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>

enum { PORTS = PL__EXPLAIN_PORTS };

/* ---- Which samples there are ---- */

struct spot {
    pl_time time;
    uint32_t tag;
};

struct spots {
    struct spot *list; /* in order */
    size_t count;
};

static int by_spot(const void *a, const void *b) {
    const struct spot *l = a, *r = b;
    if (l->tag != r->tag) return l->tag < r->tag ? -1 : 1;
    return l->time < r->time ? -1 : l->time > r->time;
}

static bool has(const struct spots *spots, uint32_t tag, pl_time time) {
    const struct spot spot = {time, tag};
    return spots->count && bsearch(&spot, spots->list, spots->count, sizeof spot, by_spot);
}

static void put_in_order(struct spots *spots) {
    if (spots->list && spots->count) qsort(spots->list, spots->count, sizeof *spots->list, by_spot);
}

static bool spots_of_raws(const struct pl__raws *raws, struct spots *spots) {
    spots->list = pl_alloc((raws->count + 1) * sizeof *spots->list);
    for (size_t i = 0; spots->list && i < raws->count; i++)
        spots->list[spots->count++] = (struct spot){raws->rows[i].time, raws->rows[i].key};
    put_in_order(spots);
    return spots->list != NULL;
}

static size_t samples_in(const struct pl__trial_output *out) {
    size_t count = 0;
    for (uint32_t b = 0; out && b < out->count; b++)
        if (out->batches[b]->kind == PL_SAMPLES) count += out->batches[b]->rows;
    return count;
}

static void add_spots(const struct pl__trial_output *out, struct spots *spots) {
    for (uint32_t b = 0; out && b < out->count; b++)
        for (uint32_t i = 0; out->batches[b]->kind == PL_SAMPLES && i < out->batches[b]->rows; i++)
            spots->list[spots->count++] =
                (struct spot){out->batches[b]->samples.time[i], out->batches[b]->samples.tag[i]};
}

/* All that came to a node. */
static bool spots_of_inputs(const struct pl__explanation *e, const struct pl__trial_result *trial, unsigned index,
                            struct spots *spots) {
    const struct pl_graph_node *node = &e->section->graph.graph->nodes[index];
    size_t count = 0;
    for (unsigned k = 0; k < node->input_count; k++)
        count += samples_in(pl__explain_output(trial, node->inputs[k].from, node->inputs[k].from_port));
    spots->list = pl_alloc((count + 1) * sizeof *spots->list);
    for (unsigned k = 0; spots->list && k < node->input_count; k++)
        add_spots(pl__explain_output(trial, node->inputs[k].from, node->inputs[k].from_port), spots);
    put_in_order(spots);
    return spots->list != NULL;
}

/* ---- What is made ---- */

struct making {
    const struct pl__explanation *e;
    struct spots raws, inputs; /* inputs: of the node at hand */
    struct made {
        const struct pl_batch *batch;
        uint32_t row;
        unsigned node, port;
        size_t order;
    } * list;
    size_t count, room;
};

/* Did it come to the node as it is? */
static bool arrived(const struct making *m, unsigned index, const struct pl_batch *batch, uint32_t i) {
    const struct pl_graph_node *node = &m->e->section->graph.graph->nodes[index];
    for (unsigned k = 0; k < node->input_count; k++) {
        const struct pl__trial_output *out =
            pl__explain_output(&m->e->least->trial, node->inputs[k].from, node->inputs[k].from_port);
        if (pl__explain_passed(out, batch, i)) return true;
    }
    return false;
}

/* An event that is told only since the rows end here was not told then. */
static bool was_told(const struct making *m, unsigned index, unsigned port, const struct pl_batch *batch, uint32_t i) {
    const struct pl__trial_output *out = pl__explain_output(&m->e->again->trial, index, port);
    for (uint32_t b = 0; out && b < out->count; b++)
        for (uint32_t k = 0; k < out->batches[b]->rows; k++)
            if (pl__explain_same(out->batches[b], k, batch, i)) return true;
    return false;
}

/* Not the row itself, nor a sample that was passed on. One that fills a gap is made also where a late one came to fill
 * it, too. */
static bool is_made(const struct making *m, unsigned index, unsigned port, const struct pl_batch *batch, uint32_t i) {
    const struct pl__explanation *e = m->e;
    pl_time time = pl_batch_times(batch)[i];
    if (time < e->from || time > e->to || pl__explain_same(batch, i, e->found->batch, e->found->row)) return false;
    if (batch->kind == PL_EVENTS) return was_told(m, index, port, batch, i);
    if (batch->kind != PL_SAMPLES) return true;
    if (batch->samples.quality[i] & PL_Q_BACKFILLED) return !arrived(m, index, batch, i);
    return !has(&m->raws, batch->samples.tag[i], time) && !has(&m->inputs, batch->samples.tag[i], time);
}

static bool add(struct making *m, struct made made) {
    if (m->count == m->room) {
        const size_t room = m->room ? 2 * m->room : 256;
        struct made *grown = pl_realloc(m->list, room * sizeof *grown);
        if (!grown) return false;
        m->list = grown;
        m->room = room;
    }
    made.order = m->count;
    m->list[m->count++] = made;
    return true;
}

static bool gather(struct making *m, unsigned index) {
    const struct pl_graph_node *node = &m->e->section->graph.graph->nodes[index];
    m->inputs = (struct spots){0};
    bool good = spots_of_inputs(m->e, &m->e->least->trial, index, &m->inputs);
    for (unsigned port = 0; good && port < PORTS && node->op->outputs[port].name; port++) {
        const struct pl__trial_output *out = pl__explain_output(&m->e->least->trial, index, port);
        for (uint32_t b = 0; good && out && b < out->count; b++)
            for (uint32_t i = 0; good && i < out->batches[b]->rows; i++)
                if (is_made(m, index, port, out->batches[b], i))
                    good = add(m, (struct made){.batch = out->batches[b], .row = i, .node = index, .port = port});
    }
    pl_free(m->inputs.list);
    return good;
}

static int by_order(const void *a, const void *b) {
    const struct made *l = a, *r = b;
    return l->order < r->order ? -1 : l->order > r->order;
}

static int newest_last(const void *a, const void *b) {
    const struct made *l = a, *r = b;
    const pl_time left = pl_batch_times(l->batch)[l->row], right = pl_batch_times(r->batch)[r->row];
    return left != right ? (left < right ? -1 : 1) : by_order(a, b);
}

/* Of more than are listed, those that are next to the row. */
static void list(struct making *m, json_t *made) {
    const struct pl__explanation *e = m->e;
    const struct pl_graph *graph = e->section->graph.graph;
    const size_t first = pl__explain_first(e, m->count),
                 shown = m->count - first < e->rows ? m->count - first : e->rows;
    if (first && m->list) {
        qsort(m->list, m->count, sizeof *m->list, newest_last);
        qsort(m->list + first, shown, sizeof *m->list, by_order);
    }
    for (size_t i = first; m->list && i < first + shown; i++) {
        const struct made *row = &m->list[i];
        json_array_append_new(made, json_pack("{s:s, s:s, s:o}", "node", graph->nodes[row->node].name, "port",
                                              graph->nodes[row->node].op->outputs[row->port].name, "row",
                                              pl__explain_row(e->tags, row->batch, row->row)));
    }
}

/* By a run with nothing but the samples that it takes: then all of them are on the way to it. */
bool pl__explain_made(const struct pl__explanation *e, json_t *into) {
    struct making m = {.e = e};
    json_t *made = json_array();
    bool *leads = pl__explain_leads(e), good = leads && spots_of_raws(e->raws, &m.raws);
    for (unsigned n = 0; good && e->least && n < e->section->graph.graph->node_count; n++)
        if (leads[n] && e->section->graph.runs[n]) good = gather(&m, n);
    if (good) list(&m, made);
    json_object_set_new(into, "made_total", json_integer((json_int_t)m.count));
    json_object_set_new(into, "made", made);
    pl_free(m.raws.list);
    pl_free(m.list);
    pl_free(leads);
    return good;
}
