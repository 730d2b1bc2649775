#include "backtest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "graph/registry.h"
#include "runtime/node.h"

enum { STAGES_MAX = 1024, INPUTS_MAX = 32, FEED = 1 << 30, SLICE_ROWS_MAX = 100000000 };
static const pl_time slice = PL_HOUR;

/* What a stage takes from the lake. */
struct feed {
    enum pl_zone_id zone;
    enum pl_kind kind;
    const char *node;   /* NULL: every node's */
    const char *source; /* NULL: whoever made the rows */
    unsigned stage, input;
    uint64_t rows;
};

struct stage {
    struct pl_node node;
    const struct pl_operator *op;
    const char *name;
    const void *prototype;
    enum pl_kind kind;
    struct {
        unsigned from, port; /* a stage's, or FEED */
        unsigned input;
    } inputs[INPUTS_MAX];
    unsigned input_count;
    pl_time given;
    bool alarms, made;
    struct run *run;
};

struct ref {
    pl_time time;
    uint32_t feed, batch, row;
};

struct run {
    struct pl__backtest *b;
    struct stage *stages;
    unsigned stage_count;
    struct feed feeds[STAGES_MAX];
    unsigned feed_count;
    struct pl_options_owner *owners[2];
    void *own_prototypes[2];
    struct pl_clock clock;
    uv_loop_t loop;
    struct pl_batch **batches;
    uint32_t batch_count, batch_room;
    struct ref *refs;
    size_t ref_count, ref_room;
    bool no_memory;
};

/* ---- The stages' host ---- */

static enum pl_flow host_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct stage *from = node->owner;
    struct run *run = from->run;
    enum pl_flow flow = PL_FLOW_OK;
    if (from->alarms && port == 0 && !pl__activations_add(&run->b->found, run->b->tags, batch)) run->no_memory = true;
    for (unsigned i = 0; i < run->stage_count && flow != PL_FLOW_FAIL; i++) {
        struct stage *to = &run->stages[i];
        for (unsigned k = 0; k < to->input_count && flow != PL_FLOW_FAIL; k++)
            if (&run->stages[to->inputs[k].from & (FEED - 1)] == from && !(to->inputs[k].from & FEED) &&
                to->inputs[k].port == port)
                flow = pl_node_process(&to->node, to->inputs[k].input, pl_batch_ref(batch));
    }
    pl_batch_unref(batch);
    return flow;
}

static bool host_wanted(const struct pl_node *node, unsigned port) {
    (void)node, (void)port;
    return true;
}

static void host_wake(struct pl_node *node) {
    (void)node;
}

static const struct pl_node_host host = {.emit = host_emit, .wanted = host_wanted, .wake = host_wake};

/* ---- Which nodes run, and from what ---- */

static bool makes_alarms(const struct pl_graph_node *n) {
    return strcmp(n->op->name, "alarms") == 0;
}

static bool is_rule(const struct pl_graph_node *n) {
    bool gives = n->op->outputs && n->op->outputs[0].name && n->kinds_out[0] == PL_EVENTS;
    return gives && n->input_count && (n->kind_in == PL_SAMPLES || n->kind_in == PL_WINDOWS);
}

static enum pl_zone_id zone_of(const struct pl_graph_node *sink) {
    for (const struct pl_option *o = sink->op->options; o && o->name; o++)
        if (strcmp(o->name, "zone") == 0) {
            uint32_t choice = *(const uint32_t *)(const void *)((const char *)sink->prototype + o->offset);
            return strcmp(o->choices[choice], "gold") == 0 ? PL_GOLD : PL_SILVER;
        }
    return PL_SILVER;
}

/* The sink.lake that has recorded an output. */
static const struct pl_graph_node *recorder(const struct pl_graph *graph, unsigned from, unsigned port) {
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *n = &graph->nodes[i];
        if (strcmp(n->op->name, "sink.lake") != 0) continue;
        for (unsigned k = 0; k < n->input_count; k++)
            if (n->inputs[k].from == from && n->inputs[k].from_port == port) return n;
    }
    return NULL;
}

static struct stage *add_stage(struct run *run, const struct pl_operator *op, const char *name, const void *prototype,
                               enum pl_kind kind) {
    struct stage *stage = &run->stages[run->stage_count++];
    *stage = (struct stage){.op = op,
                            .name = name,
                            .prototype = prototype,
                            .kind = kind,
                            .given = PL_TIME_MIN,
                            .alarms = strcmp(op->name, "alarms") == 0,
                            .run = run};
    return stage;
}

static void add_input(struct stage *stage, unsigned from, unsigned port, unsigned input) {
    if (stage->input_count == INPUTS_MAX) return;
    stage->inputs[stage->input_count].from = from;
    stage->inputs[stage->input_count].port = port;
    stage->inputs[stage->input_count++].input = input;
}

static void add_feed(struct run *run, struct stage *stage, struct feed feed) {
    if (run->feed_count == STAGES_MAX) return;
    feed.stage = (unsigned)(stage - run->stages);
    run->feeds[run->feed_count++] = feed;
    add_input(stage, FEED, 0, feed.input);
}

enum { SKIP, FROM_LAKE, FROM_STAGE };

static int origin(const struct pl_graph *graph, const struct pl_graph_edge *edge) {
    const struct pl_graph_node *from = &graph->nodes[edge->from];
    enum pl_kind kind = from->kinds_out[edge->from_port];
    bool source = !from->op->inputs;
    if (kind == PL_SAMPLES || kind == PL_WINDOWS)
        return source || recorder(graph, edge->from, edge->from_port) ? FROM_LAKE : FROM_STAGE;
    return source ? SKIP : FROM_STAGE;
}

static void connect_inputs(struct run *run, const struct pl_graph *graph, const unsigned *stage_of, unsigned index) {
    const struct pl_graph_node *n = &graph->nodes[index];
    struct stage *stage = &run->stages[stage_of[index] - 1];
    for (unsigned k = 0; k < n->input_count; k++) {
        const struct pl_graph_edge *edge = &n->inputs[k];
        const struct pl_graph_node *from = &graph->nodes[edge->from];
        const struct pl_graph_node *sink = recorder(graph, edge->from, edge->from_port);
        enum pl_kind kind = from->kinds_out[edge->from_port];
        switch (origin(graph, edge)) {
        case SKIP: fprintf(stderr, "%s: what source %s tells is left out\n", n->name, from->name); break;
        case FROM_STAGE: add_input(stage, stage_of[edge->from] - 1, edge->from_port, edge->to_port); break;
        default:
            add_feed(run, stage,
                     (struct feed){.zone = sink ? zone_of(sink) : PL_SILVER,
                                   .kind = kind,
                                   .input = edge->to_port,
                                   .node = sink ? sink->name : NULL,
                                   .source = sink && sink->input_count > 1 ? from->name : NULL});
        }
    }
}

static enum pl_code own_stage(struct run *run, const char *name, const char *options, enum pl_kind kind,
                              struct stage **stage, struct pl_error **error) {
    const struct pl_operator *op = pl_registry_find(name);
    if (!op) return pl_error_set(error, PL_UNKNOWN, "there is no operator %s", name);
    unsigned slot = run->own_prototypes[0] != NULL;
    run->own_prototypes[slot] = pl_alloc(op->instance_size);
    if (!run->own_prototypes[slot]) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    enum pl_code code = pl_options_parse(op, options, run->own_prototypes[slot], &run->owners[slot], error);
    if (code) return code;
    *stage = add_stage(run, op, name, run->own_prototypes[slot], kind);
    return PL_OK;
}

static enum pl_code plan_graph(struct run *run, struct pl_error **error) {
    const struct pl_graph *graph = run->b->graph;
    unsigned *stage_of = pl_alloc((graph->node_count + 1) * sizeof *stage_of);
    bool *wanted = pl_alloc(graph->node_count + 1), alarms = false;
    unsigned rules = 0;
    if (!stage_of || !wanted) run->no_memory = true;
    for (unsigned i = graph->node_count; !run->no_memory && i-- > 0;) {
        const struct pl_graph_node *n = &graph->nodes[i];
        rules += is_rule(n);
        alarms = alarms || makes_alarms(n);
        wanted[i] = wanted[i] || is_rule(n) || makes_alarms(n);
        for (unsigned k = 0; wanted[i] && k < n->input_count; k++)
            if (origin(graph, &n->inputs[k]) == FROM_STAGE) wanted[n->inputs[k].from] = true;
    }
    for (unsigned i = 0; !run->no_memory && i < graph->node_count; i++) {
        const struct pl_graph_node *n = &graph->nodes[i];
        if (!wanted[i]) continue;
        add_stage(run, n->op, n->name, n->prototype, n->kind_in);
        stage_of[i] = run->stage_count;
        connect_inputs(run, graph, stage_of, i);
    }
    struct stage *own = NULL;
    enum pl_code code = run->no_memory ? pl_error_set(error, PL_NO_MEMORY, "out of memory") : PL_OK;
    if (!code && !rules)
        code = pl_error_set(error, PL_USAGE, "%s has no node that makes events of values", graph->path);
    if (!code && !alarms) code = own_stage(run, "alarms", "", PL_EVENTS, &own, error);
    for (unsigned i = 0; own && i < graph->node_count; i++)
        if (is_rule(&graph->nodes[i])) add_input(own, stage_of[i] - 1, 0, 0);
    pl_free(stage_of);
    pl_free(wanted);
    return code;
}

/* A Lua script by itself, over all of silver. */
static enum pl_code plan_script(struct run *run, struct pl_error **error) {
    char options[4200];
    struct stage *rules, *alarms;
    if (strchr(run->b->script, '\'')) return pl_error_set(error, PL_USAGE, "%s: a quote in its name", run->b->script);
    snprintf(options, sizeof options, "{scripts: ['%s']}", run->b->script);
    enum pl_code code = own_stage(run, "rules", options, PL_SAMPLES, &rules, error);
    if (!code) code = own_stage(run, "alarms", "", PL_EVENTS, &alarms, error);
    if (code) return code;
    add_feed(run, rules, (struct feed){.zone = PL_SILVER, .kind = PL_SAMPLES});
    add_input(alarms, 0, 0, 0);
    return PL_OK;
}

/* ---- Rows of the lake, an hour at a time, in order ---- */

static bool keep_batch(struct run *run, struct pl_batch *batch) {
    if (run->batch_count == run->batch_room) {
        uint32_t room = run->batch_room * 2 + 256;
        struct pl_batch **grown = pl_realloc(run->batches, room * sizeof *grown);
        if (!grown) return false;
        run->batches = grown;
        run->batch_room = room;
    }
    run->batches[run->batch_count++] = batch;
    return true;
}

static bool keep_refs(struct run *run, unsigned feed, const struct pl_batch *batch, pl_time from, pl_time to) {
    if (run->ref_count + batch->rows > run->ref_room) {
        size_t room = (run->ref_count + batch->rows) * 2;
        struct ref *grown = room > SLICE_ROWS_MAX ? NULL : pl_realloc(run->refs, room * sizeof *grown);
        if (!grown) return false;
        run->refs = grown;
        run->ref_room = room;
    }
    const pl_time *time = pl_batch_times(batch);
    for (uint32_t row = 0; row < batch->rows; row++)
        if (time[row] >= from && time[row] < to)
            run->refs[run->ref_count++] = (struct ref){time[row], feed, run->batch_count - 1, row};
    return true;
}

static bool feed_fits(const struct run *run, const struct feed *feed, const struct pl_zone_record *record) {
    const char *source = pl_tags_get(run->b->tags, record->batch->source)->name;
    return record->batch->kind == feed->kind && (!feed->node || strcmp(feed->node, record->node) == 0) &&
           (!feed->source || strcmp(feed->source, source) == 0);
}

static bool take_record(struct run *run, enum pl_zone_id zone, const struct pl_zone_record *record, pl_time from,
                        pl_time to) {
    if (!keep_batch(run, record->batch)) {
        pl_batch_unref(record->batch);
        return false;
    }
    for (unsigned f = 0; f < run->feed_count; f++)
        if (run->feeds[f].zone == zone && feed_fits(run, &run->feeds[f], record) &&
            !keep_refs(run, f, record->batch, from, to))
            return false;
    return true;
}

static enum pl_code read_slice(struct run *run, pl_time from, pl_time to, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (enum pl_zone_id zone = PL_SILVER; zone <= PL_GOLD && (!code || code == PL_NOT_FOUND); zone++) {
        struct pl_zone_range range = {.from = from, .to = to};
        struct pl_zone_record record;
        struct pl_zone_scan *scan;
        code = pl_zone_scan_new(run->b->store, run->b->tags, zone, &range, &scan, error);
        while (!code && !(code = pl_zone_scan_next(scan, &record, error)))
            if (!take_record(run, zone, &record, from, to))
                code = pl_error_set(error, PL_NO_MEMORY, "no memory for an hour of rows");
        pl_zone_scan_free(scan);
    }
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static int by_time(const void *a, const void *b) {
    const struct ref *l = a, *r = b;
    if (l->time != r->time) return l->time < r->time ? -1 : 1;
    if (l->feed != r->feed) return l->feed < r->feed ? -1 : 1;
    if (l->batch != r->batch) return l->batch < r->batch ? -1 : 1;
    return l->row < r->row ? -1 : l->row > r->row;
}

/* ---- Driving ---- */

static void watermark(struct run *run, pl_time now) {
    for (unsigned i = 0; i < run->stage_count; i++) {
        struct stage *stage = &run->stages[i];
        pl_time least = now;
        for (unsigned k = 0; k < stage->input_count; k++) {
            unsigned from = stage->inputs[k].from;
            if (!(from & FEED) && run->stages[from].given < least) least = run->stages[from].given;
        }
        stage->given = pl_node_watermark(&stage->node, least);
    }
}

static bool push(struct run *run, const struct ref *first, size_t count) {
    struct feed *feed = &run->feeds[first->feed];
    struct pl_batch *batch = pl_batch_like(run->batches[first->batch], (uint32_t)count, 0);
    if (!batch) return false;
    for (size_t i = 0; i < count; i++)
        pl_batch_append(batch, run->batches[first[i].batch], first[i].row, 1);
    feed->rows += count;
    run->b->rows += count;
    return pl_node_process(&run->stages[feed->stage].node, feed->input, batch) != PL_FLOW_FAIL;
}

static const char *failure(const struct run *run) {
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].node.failure) return run->stages[i].node.failure;
    return "out of memory";
}

static enum pl_code push_slice(struct run *run, struct pl_error **error) {
    qsort(run->refs, run->ref_count, sizeof *run->refs, by_time);
    for (size_t i = 0, n; i < run->ref_count; i += n) {
        const struct ref *first = &run->refs[i];
        for (n = 1; i + n < run->ref_count && n < PL_BATCH_ROWS_MAX; n++)
            if (first[n].time != first->time || first[n].feed != first->feed) break;
        pl_clock_set(&run->clock, first->time);
        if (i == 0 || first[-1].time != first->time) watermark(run, first->time);
        if (!push(run, first, n) || run->no_memory) return pl_error_set(error, PL_UNAVAILABLE, "%s", failure(run));
    }
    return PL_OK;
}

static void forget_slice(struct run *run) {
    for (uint32_t i = 0; i < run->batch_count; i++)
        pl_batch_unref(run->batches[i]);
    run->batch_count = 0;
    run->ref_count = 0;
}

/* The times that the lake reaches over. */
static enum pl_code find_range(struct pl__backtest *b, pl_time *low, pl_time *high, struct pl_error **error) {
    enum pl_code code = PL_OK;
    *low = PL_TIME_MAX;
    *high = PL_TIME_MIN;
    for (enum pl_zone_id zone = PL_SILVER; zone <= PL_GOLD && (!code || code == PL_NOT_FOUND); zone++) {
        struct pl_zone_range range = {.from = b->from, .to = b->to};
        struct pl_zone_record record;
        struct pl_zone_scan *scan;
        code = pl_zone_scan_new(b->store, b->tags, zone, &range, &scan, error);
        while (!code && !(code = pl_zone_scan_next(scan, &record, error))) {
            const pl_time *time = pl_batch_times(record.batch);
            bool values = record.batch->kind == PL_SAMPLES || record.batch->kind == PL_WINDOWS;
            for (uint32_t i = 0; values && i < record.batch->rows; i++) {
                if (time[i] < b->from || (time[i] >= b->to && b->to != PL_TIME_MAX)) continue;
                if (time[i] < *low) *low = time[i];
                if (time[i] > *high) *high = time[i];
            }
            pl_batch_unref(record.batch);
        }
        pl_zone_scan_free(scan);
    }
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static enum pl_code drive(struct run *run, struct pl_error **error) {
    struct pl__backtest *b = run->b;
    pl_time low, high;
    enum pl_code code = find_range(b, &low, &high, error);
    for (pl_time at = low; !code && at <= high; at += slice) {
        pl_time to = at > high - slice ? high + 1 : at + slice;
        code = read_slice(run, at, to, error);
        if (!code) code = push_slice(run, error);
        forget_slice(run);
        if (to == high + 1) break;
    }
    if (code) return code;
    if (b->rows == 0) return pl_error_set(error, PL_NOT_FOUND, "the folder has no recorded rows that the rules take");
    for (unsigned f = 0; f < run->feed_count; f++)
        if (!run->feeds[f].rows)
            fprintf(stderr, "nothing is recorded of %s\n", run->feeds[f].node ? run->feeds[f].node : "silver");
    watermark(run, high + 1);
    b->from = low;
    b->to = high + 1;
    return run->no_memory ? pl_error_set(error, PL_NO_MEMORY, "out of memory") : PL_OK;
}

static enum pl_code open_stages(struct run *run, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < run->stage_count && !code; i++) {
        struct stage *stage = &run->stages[i];
        struct pl_node_config config = {.op = stage->op,
                                        .name = stage->name,
                                        .prototype = stage->prototype,
                                        .kind = stage->kind,
                                        .key_depth = 1,
                                        .max_keys = 1000000,
                                        .tags = run->b->tags,
                                        .clock = &run->clock,
                                        .loop = &run->loop};
        stage->made = true;
        code = pl_node_init(&stage->node, &config, &host, stage, error);
        if (!code) code = pl_node_open(&stage->node, error);
    }
    return code;
}

static void end_run(struct run *run) {
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].made && run->stages[i].node.self) pl_node_close(&run->stages[i].node);
    while (uv_run(&run->loop, UV_RUN_DEFAULT))
        ;
    uv_loop_close(&run->loop);
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].made) pl_node_fini(&run->stages[i].node);
    pl_options_free(run->owners[0]);
    pl_options_free(run->owners[1]);
    pl_free(run->own_prototypes[0]);
    pl_free(run->own_prototypes[1]);
    forget_slice(run);
    pl_free(run->batches);
    pl_free(run->refs);
    pl_free(run->stages);
    pl_free(run);
}

enum pl_code pl__backtest_run(struct pl__backtest *backtest, struct pl_error **error) {
    struct run *run = PL_NEW(struct run);
    if (!run) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    run->b = backtest;
    uv_loop_init(&run->loop);
    pl_clock_init(&run->clock, PL_CLOCK_LOG, 0);
    unsigned nodes = backtest->graph ? backtest->graph->node_count : 0;
    run->stages = pl_alloc((nodes + 2) * sizeof *run->stages);
    enum pl_code code = run->stages ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
    if (!code) code = backtest->graph ? plan_graph(run, error) : plan_script(run, error);
    if (!code) code = open_stages(run, error);
    if (!code) code = drive(run, error);
    end_run(run);
    return code;
}
