#include "trial_run.h"

#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"
#include "runtime/call.h"
#include "runtime/gate.h"
#include "runtime/live_option.h"
#include "runtime/node.h"
#include "trial_feed.h"
#include "trial_rules.h"

enum { CUT_MOST = 200 /* rows of a batch, where cuts are drawn */ };

/* A node of the graph: at work, or a sink, which only keeps what comes. */
struct stage {
    struct pl_node node;
    struct pl_gate *gate; /* NULL: it has no part in this */
    struct run *run;
    unsigned index; /* in the graph */
    bool made, runs, ended;
    pl_time given;
};

struct edge {
    struct pl_edge *edge;
    unsigned from, port;
};

struct feed {
    pl_time highest, watermark;
    bool fed;
};

struct run {
    const struct pl_trial_case *of;
    const struct pl_graph *graph;
    const struct pl__trial_options *options;
    struct pl__trial_result *result;
    struct stage *stages; /* [node] */
    struct edge *edges;   /* those of a node one behind the other */
    unsigned *first_edge; /* [node], and one more */
    struct feed *feeds;
    struct pl__fed fed;
    struct pl_spill *spill;
    struct pl_clock clock;
    uv_loop_t loop;
    uint64_t random;
    bool no_memory;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

/* ---- What is kept ---- */

static struct pl__trial_output *output_at(const struct pl__trial_result *result, unsigned node, unsigned port,
                                          bool sink) {
    for (unsigned i = 0; i < result->output_count; i++) {
        struct pl__trial_output *out = &result->outputs[i];
        if (out->node == node && out->sink == sink && (sink || out->port == port)) return out;
    }
    return NULL;
}

const struct pl__trial_output *pl__trial_output_of(const struct pl__trial_result *result,
                                                   const struct pl_trial_expectation *expectation) {
    return output_at(result, expectation->node, expectation->port, expectation->sink);
}

static bool make_outputs(struct run *run) {
    struct pl__trial_result *result = run->result;
    result->outputs = pl_alloc((run->of->expectation_count + 1) * sizeof *result->outputs);
    for (unsigned i = 0; result->outputs && i < run->of->expectation_count; i++) {
        const struct pl_trial_expectation *e = &run->of->expectations[i];
        if (!output_at(result, e->node, e->port, e->sink))
            result->outputs[result->output_count++] =
                (struct pl__trial_output){.node = e->node, .port = e->port, .sink = e->sink};
    }
    return result->outputs != NULL;
}

static void keep(struct run *run, struct pl__trial_output *out, struct pl_batch *batch) {
    if (!out) return;
    if (out->count == out->room) {
        uint32_t room = out->room ? 2 * out->room : 16;
        struct pl_batch **grown = pl_realloc(out->batches, room * sizeof *grown);
        if (!grown) {
            run->no_memory = true;
            return;
        }
        out->batches = grown;
        out->room = room;
    }
    out->batches[out->count++] = pl_batch_ref(batch);
    out->rows += batch->rows;
}

/* ---- Edges ---- */

static void give(const struct run *run, unsigned from, unsigned port, bool all, const struct pl_item *item) {
    for (unsigned i = run->first_edge[from]; i < run->first_edge[from + 1]; i++) {
        const struct edge *edge = &run->edges[i];
        if (!edge->edge || (!all && edge->port != port)) continue;
        struct pl_item own = *item;
        if (item->batch) own.batch = pl_batch_ref(item->batch);
        pl_edge_send(edge->edge, &own);
    }
}

static enum pl_flow host_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct stage *stage = node->owner;
    struct run *run = stage->run;
    pl_batch_seal(batch);
    run->result->nodes[stage->index].rows_out += batch->rows;
    keep(run, output_at(run->result, stage->index, port, false), batch);
    give(run, stage->index, port, false, &(struct pl_item){.type = PL_ITEM_BATCH, .batch = batch});
    pl_batch_unref(batch);
    return run->no_memory ? pl_fail(node, "out of memory") : PL_FLOW_OK;
}

static bool host_wanted(const struct pl_node *node, unsigned port) {
    const struct stage *stage = node->owner;
    const struct run *run = stage->run;
    for (unsigned i = run->first_edge[stage->index]; i < run->first_edge[stage->index + 1]; i++)
        if (run->edges[i].port == port) return true;
    return output_at(run->result, stage->index, port, false) != NULL;
}

static void host_wake(struct pl_node *node) {
    uv_stop(&((struct stage *)node->owner)->run->loop);
}

static const struct pl_node_host host = {.emit = host_emit, .wanted = host_wanted, .wake = host_wake};

static void no_poke(void *sender) {
    (void)sender;
}

static bool takes_part(const struct run *run, unsigned node) {
    if (run->of->graph->runs[node]) return true;
    return output_at(run->result, node, 0, true) != NULL;
}

/* An edge for each input of what takes part, in order of who it comes from. */
static enum pl_code make_edges(struct run *run, struct pl_error **error) {
    const struct pl_graph *graph = run->graph;
    unsigned count = 0;
    run->first_edge = pl_alloc((graph->node_count + 2) * sizeof *run->first_edge);
    if (!run->first_edge) return no_memory(error);
    for (unsigned i = 0; i < graph->node_count; i++)
        for (unsigned k = 0; k < graph->nodes[i].input_count; k++, count++)
            run->first_edge[graph->nodes[i].inputs[k].from + 1]++;
    for (unsigned i = 0; i < graph->node_count; i++)
        run->first_edge[i + 1] += run->first_edge[i];
    run->edges = pl_alloc((count + 1) * sizeof *run->edges);
    return run->edges ? PL_OK : no_memory(error);
}

static struct edge *next_edge(const struct run *run, unsigned from) {
    struct edge *edge = &run->edges[run->first_edge[from]];
    while (edge->edge)
        edge++;
    return edge;
}

/* ---- Stages ---- */

static enum pl_code join_inputs(struct run *run, struct stage *stage, struct pl_error **error) {
    const struct pl_graph_node *node = &run->graph->nodes[stage->index];
    struct pl_gate_options options = {.tags = run->result->tags,
                                      .any_order = stage->runs && node->op->flags & PL_OP_ANY_ORDER,
                                      .by_source = node->op->flags & PL_OP_BY_SOURCE,
                                      .hold = INT64_MAX,
                                      .spill = run->spill};
    stage->gate = pl_gate_new(&options);
    if (!stage->gate) return no_memory(error);
    for (unsigned k = 0; k < node->input_count; k++) {
        const struct pl_graph_edge *input = &node->inputs[k];
        struct pl_edge_options edge_options = {.batches = UINT32_MAX / 2, .bytes = INT64_MAX / 2, .poke = no_poke};
        struct edge *edge = next_edge(run, input->from);
        enum pl_code code = pl_edge_new(run->options->zmq, &edge_options, &edge->edge, error);
        if (code) return code;
        edge->from = input->from;
        edge->port = input->from_port;
        char name[64];
        snprintf(name, sizeof name, "%u.%u", input->from, input->from_port);
        if (!pl_gate_add(stage->gate, edge->edge, input->to_port, name)) return no_memory(error);
    }
    return PL_OK;
}

static enum pl_code open_node(struct run *run, struct stage *stage, struct pl_error **error) {
    const struct pl_graph_node *node = &run->graph->nodes[stage->index];
    struct pl_node_config config = {.op = node->op,
                                    .name = node->name,
                                    .prototype = node->prototype,
                                    .kind = node->kind_in,
                                    .key_depth = (unsigned)run->graph->settings.key_depth,
                                    .max_keys = (uint32_t)run->graph->settings.max_keys,
                                    .tags = run->result->tags,
                                    .clock = &run->clock,
                                    .loop = &run->loop};
    stage->made = true;
    enum pl_code code = pl_node_init(&stage->node, &config, &host, stage, error);
    return code ? code : pl_node_open(&stage->node, error);
}

static enum pl_code make_stages(struct run *run, struct pl_error **error) {
    unsigned count = run->graph->node_count;
    run->stages = pl_alloc((count + 1) * sizeof *run->stages);
    if (!run->stages) return no_memory(error);
    enum pl_code code = make_edges(run, error);
    for (unsigned i = 0; i < count && !code; i++) {
        struct stage *stage = &run->stages[i];
        *stage = (struct stage){.run = run, .index = i, .runs = run->of->graph->runs[i], .given = PL_TIME_MIN};
        if (!takes_part(run, i)) continue;
        code = join_inputs(run, stage, error);
        if (!code && stage->runs) code = open_node(run, stage, error);
    }
    return code;
}

static void free_stages(struct run *run) {
    unsigned count = run->stages ? run->graph->node_count : 0;
    for (unsigned i = 0; i < count; i++)
        if (run->stages[i].made && run->stages[i].node.self) pl_node_close(&run->stages[i].node);
    while (uv_run(&run->loop, UV_RUN_DEFAULT))
        ;
    for (unsigned i = 0; i < count; i++) {
        if (run->stages[i].made && run->result->nodes)
            run->result->nodes[i].model = atomic_load(&run->stages[i].node.models.own);
        if (run->stages[i].gate) pl_gate_drain(run->stages[i].gate);
        pl_gate_free(run->stages[i].gate);
        if (run->stages[i].made) pl_node_fini(&run->stages[i].node);
    }
    for (unsigned i = 0; run->edges && i < run->first_edge[run->graph->node_count]; i++)
        pl_edge_free(run->edges[i].edge);
    pl_free(run->stages);
    pl_free(run->edges);
    pl_free(run->first_edge);
}

/* ---- Working ---- */

static void wait_while_busy(struct run *run, struct stage *stage) {
    while (stage->node.busy && !stage->node.failure && uv_run(&run->loop, UV_RUN_ONCE))
        ;
}

static void give_watermark(struct stage *stage, pl_time now, bool idle) {
    pl_time out = pl_node_watermark(&stage->node, now);
    if (out > stage->given) stage->given = out;
    give(stage->run, stage->index, 0, true,
         &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = stage->given, .idle = idle});
}

static void end(struct stage *stage) {
    give_watermark(stage, PL_TIME_MAX, false);
    pl_node_stop(&stage->node);
    wait_while_busy(stage->run, stage);
    stage->ended = true;
    give(stage->run, stage->index, 0, true, &(struct pl_item){.type = PL_ITEM_END});
}

static void handle(struct stage *stage, unsigned port, struct pl_item *item) {
    struct run *run = stage->run;
    if (item->type == PL_ITEM_BATCH) run->result->nodes[stage->index].rows_in += item->batch->rows;
    if (!stage->runs) {
        if (item->type != PL_ITEM_BATCH) return;
        keep(run, output_at(run->result, stage->index, 0, true), item->batch);
        pl_batch_unref(item->batch);
        return;
    }
    wait_while_busy(run, stage);
    pl_models_from(&stage->node, pl_gate_models(stage->gate));
    switch (item->type) {
    case PL_ITEM_BATCH: pl_node_process(&stage->node, port, item->batch); break;
    case PL_ITEM_WATERMARK: give_watermark(stage, item->time, item->idle); break;
    case PL_ITEM_END: end(stage); break;
    case PL_ITEM_BARRIER: break;
    }
}

/* Works off what is under way: nodes come before those that take from them. */
static enum pl_code work_off(struct run *run, struct pl_error **error) {
    for (unsigned i = 0; i < run->graph->node_count; i++) {
        struct stage *stage = &run->stages[i];
        struct pl_item item;
        unsigned port;
        while (stage->gate && !stage->node.failure && pl_gate_take(stage->gate, &item, &port))
            handle(stage, port, &item);
        if (stage->node.failure)
            return pl_error_set(error, PL_UNAVAILABLE, "node %s failed: %s", run->graph->nodes[i].name,
                                stage->node.failure);
        if (stage->gate && !pl_gate_sound(stage->gate)) return no_memory(error);
    }
    return run->no_memory ? no_memory(error) : PL_OK;
}

/* ---- Feeding ---- */

static void signal_feed(struct run *run, unsigned feed, const struct pl_item *item) {
    const struct pl_trial_feed *of = &run->of->graph->feeds[feed];
    give(run, of->node, of->port, false, item);
}

static pl_time watermark_of(const struct pl_trial_feed *feed, pl_time highest) {
    return highest > PL_TIME_MIN + feed->disorder ? highest - feed->disorder : PL_TIME_MIN;
}

static uint64_t next_random(struct run *run, uint64_t below) {
    run->random = run->random * 6364136223846793005u + 1442695040888963407u;
    return (run->random >> 33) % below;
}

/* How many rows from `from` on are one batch. No row is in it that is late behind the others: where the watermark
 * stands when a row comes must not depend on the cuts. */
static uint32_t length_of_cut(struct run *run, size_t from) {
    const struct pl__fed *fed = &run->fed;
    const struct pl__fed_row *first = &fed->rows[from];
    const struct pl_trial_feed *feed = &run->of->graph->feeds[first->feed];
    bool drawn = run->options->seed != 0 || fed->recorded;
    uint64_t most = drawn && !fed->recorded ? 1 + next_random(run, CUT_MOST) : PL_BATCH_ROWS_MAX;
    pl_time highest = run->feeds[first->feed].highest;
    uint32_t n = 0;
    for (; n < most && from + n < fed->count; n++) {
        const struct pl__fed_row *row = &first[n];
        if (row->batch >= PL__FED_WATERMARK || row->feed != first->feed || (!drawn && row->time != first->time)) break;
        if (fed->recorded && row->batch != first->batch) break;
        if (n && !fed->recorded && row->time < watermark_of(feed, highest)) break;
        if (row->time > highest) highest = row->time;
    }
    return n;
}

static enum pl_code feed_cut(struct run *run, size_t from, uint32_t count, struct pl_error **error) {
    unsigned index = run->fed.rows[from].feed;
    const struct pl_trial_feed *of = &run->of->graph->feeds[index];
    struct feed *feed = &run->feeds[index];
    struct pl_batch *batch = pl__fed_cut(&run->fed, from, count);
    if (!batch) return no_memory(error);
    for (uint32_t i = 0; i < count; i++)
        if (run->fed.rows[from + i].time > feed->highest) feed->highest = run->fed.rows[from + i].time;
    pl_clock_set(&run->clock, feed->highest);
    const char *name = run->graph->nodes[of->node].name;
    batch->source = pl_tags_intern(run->result->tags, name, strlen(name));
    batch->header->first_sequence = from;
    batch->header->receive_time = pl_clock_now(&run->clock);
    run->result->nodes[of->node].rows_out += count;
    pl_batch_seal(batch);
    signal_feed(run, index, &(struct pl_item){.type = PL_ITEM_BATCH, .batch = batch});
    pl_batch_unref(batch);
    pl_time watermark = watermark_of(of, feed->highest);
    if (watermark > feed->watermark && !run->fed.recorded) {
        feed->watermark = watermark;
        signal_feed(run, index, &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = watermark});
    }
    return work_off(run, error);
}

/* The end of the data, or of the time that the case is about, which no watermark goes back to. */
static enum pl_code finish(struct run *run, struct pl_error **error) {
    pl_time until = run->of->until;
    if (until != PL_TIME_MAX) pl_clock_set(&run->clock, until);
    for (unsigned i = 0; i < run->of->graph->feed_count; i++)
        if (until == PL_TIME_MAX)
            signal_feed(run, i, &(struct pl_item){.type = PL_ITEM_END});
        else if (until > run->feeds[i].watermark)
            signal_feed(run, i, &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = until});
    return work_off(run, error);
}

/* Says which feeds nothing comes through: nobody waits for them. */
static enum pl_code begin_feeds(struct run *run, struct pl_error **error) {
    unsigned feeds = run->of->graph->feed_count;
    run->feeds = pl_alloc((feeds + 1) * sizeof *run->feeds);
    if (!run->feeds) return no_memory(error);
    for (unsigned i = 0; i < feeds; i++)
        run->feeds[i] = (struct feed){.highest = PL_TIME_MIN, .watermark = PL_TIME_MIN};
    for (size_t i = 0; i < run->fed.count; i++)
        if (run->fed.rows[i].batch != PL__FED_COMMAND) run->feeds[run->fed.rows[i].feed].fed = true; /* or heard of */
    for (unsigned i = 0; i < feeds; i++)
        if (!run->feeds[i].fed)
            signal_feed(run, i, &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = PL_TIME_MIN, .idle = true});
    return work_off(run, error);
}

/* What somebody does between two rows. */
static enum pl_code carry_out(struct run *run, const struct pl__fed_row *row, struct pl_error **error) {
    const struct pl_trial_input *input = &run->of->inputs[row->row];
    struct pl_call *call = pl_call_new();
    if (!call) return no_memory(error);
    if (!run->fed.recorded) pl_clock_set(&run->clock, row->time);
    call->run = input->command ? pl_call_run_command : pl_live_option_call;
    call->command = input->command;
    call->args = input->args;
    call->role = PL_ROLE_ADMIN;
    snprintf(call->user, sizeof call->user, "test");
    pl_call_carry_out(call, &run->stages[input->node].node);
    enum pl_code code = run->fed.recorded ? PL_OK : call->code; /* done at the time, it may not fit the graph now */
    if (code)
        pl_error_set(error, code, "line %d: %s: %s", input->place.line, input->command ? input->command->name : "set",
                     call->error ? call->error->text : pl_code_text(code));
    pl_call_free(call);
    return code ? code : work_off(run, error);
}

static enum pl_code tell_recorded(struct run *run, const struct pl__fed_row *row, struct pl_error **error) {
    struct feed *feed = &run->feeds[row->feed];
    if (row->time > feed->watermark) feed->watermark = row->time;
    struct pl_item item = {.type = PL_ITEM_WATERMARK, .time = feed->watermark, .idle = row->row != 0};
    signal_feed(run, row->feed, &item);
    return work_off(run, error);
}

static enum pl_code drive(struct run *run, struct pl_error **error) {
    enum pl_code code = begin_feeds(run, error);
    for (size_t at = 0; at < run->fed.count && !code;) {
        const struct pl__fed_row *row = &run->fed.rows[at];
        uint32_t count = row->batch >= PL__FED_WATERMARK ? 1 : length_of_cut(run, at);
        if (row->batch == PL__FED_COMMAND)
            code = carry_out(run, row, error);
        else if (row->batch == PL__FED_WATERMARK)
            code = tell_recorded(run, row, error);
        else
            code = feed_cut(run, at, count, error);
        run->result->rows += row->batch >= PL__FED_WATERMARK ? 0 : count;
        at += count;
    }
    return code ? code : finish(run, error);
}

/* ---- All of it ---- */

static enum pl_code take_rules(struct run *run, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < run->graph->node_count && !code; i++)
        if (run->stages[i].runs) code = pl__trial_rules_take(&run->result->rules, i, &run->stages[i].node, error);
    return code;
}

/* When it is as the nodes are opened: no row is of the past, and no case begins in the future of its rows. */
static pl_time earliest(const struct run *run) {
    pl_time least = run->of->start;
    for (size_t i = 0; i < run->fed.count; i++)
        if (run->fed.rows[i].time < least) least = run->fed.rows[i].time;
    return least;
}

static enum pl_code make_and_drive(struct run *run, struct pl_error **error) {
    const struct pl_graph *graph = run->graph;
    struct pl_tags_options tags = {.limit = (uint32_t)graph->settings.max_tags,
                                   .key_depth = (unsigned)graph->settings.key_depth,
                                   .rules = graph->tag_rules,
                                   .rule_count = graph->tag_rule_count};
    run->result->tags_lent = run->options->tags != NULL;
    run->result->tags = run->fed.tags = run->options->tags ? run->options->tags : pl_tags_new(&tags);
    run->result->nodes = pl_alloc((graph->node_count + 1) * sizeof *run->result->nodes);
    run->spill = pl_spill_new(&(struct pl_spill_options){.tags = run->result->tags, .limit = INT64_MAX});
    if (!run->result->tags || !run->result->nodes || !run->spill || !make_outputs(run)) return no_memory(error);
    enum pl_code code = pl__fed_make(&run->fed, error);
    if (!code && run->options->feed) code = run->options->feed(run->options->arg, &run->fed, error);
    if (code) return code;
    pl_clock_init(&run->clock, PL_CLOCK_LOG, earliest(run));
    code = make_stages(run, error);
    if (!code) code = drive(run, error);
    return code ? code : take_rules(run, error);
}

enum pl_code pl__trial_run(const struct pl_trial_case *of, const struct pl__trial_options *options,
                           struct pl__trial_result *result, struct pl_error **error) {
    struct run run = {
        .of = of, .graph = of->graph->graph, .options = options, .result = result, .random = options->seed};
    *result = (struct pl__trial_result){0};
    run.fed = (struct pl__fed){.of = of, .key = options->key, .loop = &run.loop};
    if (uv_loop_init(&run.loop)) return pl_error_set(error, PL_UNAVAILABLE, "no loop can be made");
    enum pl_code code = make_and_drive(&run, error);
    free_stages(&run);
    pl__fed_fini(&run.fed);
    pl_spill_free(run.spill);
    pl_free(run.feeds);
    uv_loop_close(&run.loop);
    return code;
}

void pl__trial_result_fini(struct pl__trial_result *result) {
    for (unsigned i = 0; i < result->output_count; i++) {
        for (uint32_t k = 0; k < result->outputs[i].count; k++)
            pl_batch_unref(result->outputs[i].batches[k]);
        pl_free(result->outputs[i].batches);
    }
    pl__trial_rules_fini(&result->rules);
    pl_free(result->outputs);
    pl_free(result->nodes);
    if (!result->tags_lent) pl_tags_free(result->tags);
    *result = (struct pl__trial_result){0};
}
