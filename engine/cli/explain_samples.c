/* explain_samples.c: the raw samples that a row took, and what became of each in the nodes on the way. */
#include "explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/row.h>
#include <potline/text.h>

enum { QUALITY_TEXT = 160, PORTS = PL__EXPLAIN_PORTS };

/* ---- Rows as JSON ---- */

json_t *pl__explain_time(pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    *pl_text_put_time(text, time) = 0;
    return json_string(text);
}

json_t *pl__explain_row(const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_row_form form = {.infinities = true};
    char *text = pl_alloc(pl_row_room(batch, row) + 3), *at = text;
    json_t *object = NULL;
    if (at) *at++ = '{';
    if (at) at = pl_row_put(at, &form, tags, batch, row);
    if (at) {
        *at++ = '}';
        object = json_loadb(text, (size_t)(at - text), 0, NULL);
    }
    pl_free(text);
    return object;
}

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *quality_text(uint16_t quality) {
    char text[QUALITY_TEXT];
    pl_quality_format(quality, text, sizeof text);
    return json_string(text);
}

bool *pl__explain_leads(const struct pl__explanation *e) {
    const struct pl_graph *graph = e->section->graph.graph;
    unsigned last = e->again->equal ? e->again->maker : e->section->target;
    bool *leads = pl_alloc(graph->node_count * sizeof *leads);
    if (leads) leads[last] = true;
    for (unsigned i = last + 1; leads && i-- > 0;)
        for (unsigned k = 0; leads[i] && k < graph->nodes[i].input_count; k++)
            leads[graph->nodes[i].inputs[k].from] = true;
    return leads;
}

/* ---- What nodes gave ---- */

struct value {
    double value;
    uint16_t quality;
};

static bool same_value(struct value a, struct value b) {
    return a.quality == b.quality && (a.value == b.value || (isnan(a.value) && isnan(b.value)));
}

const struct pl__trial_output *pl__explain_output(const struct pl__trial_result *trial, unsigned node, unsigned port) {
    for (unsigned i = 0; i < trial->output_count; i++)
        if (trial->outputs[i].node == node && trial->outputs[i].port == port && !trial->outputs[i].sink)
            return &trial->outputs[i];
    return NULL;
}

/* The sample of a tag and time in an output; of several the one that is as `before`, if one is. *any: it has some of
 * that tag. */
static bool look_up(const struct pl__trial_output *out, uint32_t tag, pl_time time, const struct value *before,
                    struct value *value, bool *any) {
    bool found = false;
    for (uint32_t b = 0; out && b < out->count; b++) {
        const struct pl_batch *batch = out->batches[b];
        for (uint32_t i = 0; batch->kind == PL_SAMPLES && i < batch->rows; i++) {
            if (batch->samples.tag[i] != tag) continue;
            *any = true;
            struct value here = {batch->samples.value[i], batch->samples.quality[i]};
            if (batch->samples.time[i] != time || (found && !same_value(here, *before))) continue;
            found = true;
            *value = here;
        }
    }
    return found;
}

bool pl__explain_passed(const struct pl__trial_output *out, const struct pl_batch *batch, uint32_t row) {
    const struct value like = {batch->samples.value[row], batch->samples.quality[row]};
    struct value value;
    bool any = false;
    return look_up(out, batch->samples.tag[row], batch->samples.time[row], &like, &value, &any) &&
           same_value(value, like);
}

/* Where a sample is on its way: what each output that has it has of it. */
struct way {
    bool has[PORTS];
    struct value value[PORTS];
};

/* What a node gets of it. */
static bool arrives(const struct pl__explanation *e, const struct way *ways, unsigned index, struct value *value) {
    const struct pl_graph_node *node = &e->section->graph.graph->nodes[index];
    for (unsigned k = 0; k < node->input_count; k++) {
        unsigned port = node->inputs[k].from_port;
        if (port >= PORTS || !ways[node->inputs[k].from].has[port]) continue;
        *value = ways[node->inputs[k].from].value[port];
        return true;
    }
    return false;
}

/* A node has left a sample out, given it another value, or sent it somewhere else; else it says nothing. */
static json_t *step_of(const struct pl__explanation *e, struct way *ways, unsigned index, uint32_t tag, pl_time time) {
    const struct pl_graph_node *node = &e->section->graph.graph->nodes[index];
    struct value before;
    if (!arrives(e, ways, index, &before)) return NULL;
    bool anywhere = false, some = false;
    unsigned port = 0;
    for (unsigned p = 0; p < PORTS && node->op->outputs[p].name; p++) {
        ways[index].has[p] =
            look_up(pl__explain_output(&e->again->trial, index, p), tag, time, &before, &ways[index].value[p], &some);
        if (!ways[index].has[p] || anywhere) continue;
        anywhere = true;
        port = p;
    }
    if (!anywhere) return some ? json_pack("{s:s, s:s}", "node", node->name, "what", "left out") : NULL;
    const struct value *after = &ways[index].value[port];
    if (port)
        return json_pack("{s:s, s:s+, s:o}", "node", node->name, "what", "went to ", node->op->outputs[port].name,
                         "quality", quality_text(after->quality));
    if (same_value(before, *after)) return NULL;
    return json_pack("{s:s, s:s, s:o, s:o}", "node", node->name, "what",
                     before.value == after->value ? "flagged" : "changed", "value", number(after->value), "quality",
                     quality_text(after->quality));
}

/* Every step in which something has become of it. */
static json_t *became(const struct pl__explanation *e, const struct pl__raw *raw, struct way *ways) {
    const struct pl_graph *graph = e->section->graph.graph;
    const struct pl_trial_feed *feed = &e->section->graph.feeds[raw->feed];
    const struct pl_samples *rows = &e->raws->batches[raw->batch]->samples;
    json_t *steps = json_array();
    memset(ways, 0, graph->node_count * sizeof *ways);
    if (feed->port < PORTS) {
        ways[feed->node].has[feed->port] = true;
        ways[feed->node].value[feed->port] = (struct value){rows->value[raw->row], rows->quality[raw->row]};
    }
    for (unsigned i = 0; i < graph->node_count; i++) {
        json_t *step = e->section->graph.runs[i] ? step_of(e, ways, i, raw->key, raw->time) : NULL;
        if (step) json_array_append_new(steps, step);
    }
    return steps;
}

/* ---- Which samples ---- */

/* By id: is it a tag of a row that is needed? */
static bool *needed_keys(const struct pl__explanation *e) {
    bool *keys = pl_alloc((pl_tags_count(e->tags) + 1) * sizeof *keys);
    for (size_t i = 0; keys && e->needed && i < e->raws->count; i++)
        if (e->needed[i]) keys[e->raws->rows[i].key] = true;
    if (keys) keys[pl_batch_keys(e->found->batch)[e->found->row]] = true;
    return keys;
}

/* All in a window count among its samples, also those that were left out of it. */
static bool in_window(const struct pl__explanation *e, const bool *keys, const struct pl__raw *raw) {
    const struct pl_batch *batch = e->found->batch;
    if (batch->kind != PL_WINDOWS || !keys[raw->key]) return false;
    return batch->windows.start[e->found->row] <= raw->time && raw->time < batch->windows.end[e->found->row];
}

static bool is_listed(const struct pl__explanation *e, const bool *keys, size_t i) {
    const struct pl__raw *raw = &e->raws->rows[i];
    if (e->needed) return e->needed[i] || in_window(e, keys, raw);
    return keys[raw->key] && e->from <= raw->time && raw->time <= e->to;
}

static json_t *sample(const struct pl__explanation *e, size_t i, struct way *ways) {
    const struct pl__raw *raw = &e->raws->rows[i];
    const struct pl_batch *batch = e->raws->batches[raw->batch];
    char place[48];
    snprintf(place, sizeof place, "%u:%" PRIu64, raw->partition, raw->sequence);
    json_t *object = json_pack("{s:o, s:s, s:s, s:s}", "time", pl__explain_time(raw->time), "tag",
                               pl_tags_get(e->tags, raw->key)->name, "source", e->section->graph.feeds[raw->feed].name,
                               "place", place);
    if (batch->kind == PL_SAMPLES) {
        json_object_set_new(object, "value", number(batch->samples.value[raw->row]));
        json_object_set_new(object, "quality", quality_text(batch->samples.quality[raw->row]));
        json_object_set_new(object, "became", became(e, raw, ways));
    } else {
        json_object_set_new(object, "row", pl__explain_row(e->tags, batch, raw->row));
    }
    if (e->needed) json_object_set_new(object, "needed", json_boolean(e->needed[i]));
    return object;
}

struct listed {
    const struct pl__raws *raws;
    size_t *rows;
    size_t count;
};

static int by_time(const void *a, const void *b, void *all) {
    const struct pl__raws *raws = all;
    const size_t l = *(const size_t *)a, r = *(const size_t *)b;
    if (raws->rows[l].time != raws->rows[r].time) return raws->rows[l].time < raws->rows[r].time ? -1 : 1;
    return l < r ? -1 : l > r;
}

/* One that came behind another of its tag and time. */
static void mark_twice(const struct pl__raws *raws, const size_t *rows, size_t i, json_t *object) {
    const struct pl__raw *raw = &raws->rows[rows[i]];
    for (size_t k = i; k-- > 0 && raws->rows[rows[k]].time == raw->time;)
        if (raws->rows[rows[k]].key == raw->key) {
            json_object_set_new(object, "duplicate", json_true());
            return;
        }
}

/* Of a window the first ones are listed; of any other row those next to it, which are the last that it took. */
size_t pl__explain_first(const struct pl__explanation *e, uint64_t count) {
    return e->found->batch->kind == PL_WINDOWS || count <= e->rows ? 0 : (size_t)(count - e->rows);
}

static void put_samples(const struct pl__explanation *e, const bool *keys, struct listed *listed, struct way *ways,
                        json_t *into) {
    json_t *samples = json_array();
    uint64_t needed = 0;
    for (size_t i = 0; i < e->raws->count; i++) {
        if (is_listed(e, keys, i)) listed->rows[listed->count++] = i;
        needed += e->needed && e->needed[i];
    }
    if (listed->count) qsort_r(listed->rows, listed->count, sizeof *listed->rows, by_time, (void *)(uintptr_t)e->raws);
    const size_t first = pl__explain_first(e, listed->count);
    for (size_t i = first; i < listed->count && i < first + e->rows; i++) {
        json_t *object = sample(e, listed->rows[i], ways);
        mark_twice(e->raws, listed->rows, i, object);
        json_array_append_new(samples, object);
    }
    json_object_set_new(into, "samples_total", json_integer((json_int_t)listed->count));
    if (e->needed) json_object_set_new(into, "samples_needed", json_integer((json_int_t)needed));
    json_object_set_new(into, "samples", samples);
}

bool pl__explain_samples(const struct pl__explanation *e, json_t *into) {
    struct listed listed = {.raws = e->raws, .rows = pl_alloc((e->raws->count + 1) * sizeof(size_t))};
    struct way *ways = pl_alloc(e->section->graph.graph->node_count * sizeof *ways);
    bool *keys = needed_keys(e);
    bool good = listed.rows && ways && keys;
    if (good) put_samples(e, keys, &listed, ways, into);
    good = good && pl__explain_made(e, into);
    pl_free(listed.rows);
    pl_free(ways);
    pl_free(keys);
    return good;
}
