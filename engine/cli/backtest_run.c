#include "backtest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "backtest_rows.h"
#include "runtime/node.h"

enum { SCRIPT_KEYS_MAX = 1000000 };
static const uint64_t told_every = PL_SECOND / 2;

/* A stage at work. */
struct worker {
    struct pl_node node;
    struct run *run;
    pl_time given; /* the watermark it has given on */
    bool made;
};

struct run {
    struct pl__backtest *b;
    struct pl__plan plan;
    struct pl__rows *rows;
    struct worker *workers; /* of the stages */
    uint64_t *fed;          /* rows, by feed */
    struct pl_clock clock;
    uv_loop_t loop;
    bool terminal; /* progress is told */
    uint64_t told; /* when, by the machine's clock */
    bool no_memory;
};

/* ---- The nodes' host ---- */

static enum pl_flow host_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct worker *worker = node->owner;
    struct run *run = worker->run;
    unsigned from = (unsigned)(worker - run->workers);
    enum pl_flow flow = PL_FLOW_OK;
    if (run->plan.stages[from].alarms && port == 0 && !pl__activations_add(&run->b->found, run->b->tags, batch))
        run->no_memory = true;
    for (unsigned i = 0; i < run->plan.link_count && flow != PL_FLOW_FAIL; i++) {
        const struct pl__link *link = &run->plan.links[i];
        if (link->from == from && link->port == port)
            flow = pl_node_process(&run->workers[link->to].node, link->input, pl_batch_ref(batch));
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

static enum pl_code open_workers(struct run *run, struct pl_error **error) {
    const struct pl_graph *graph = run->b->graph;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < run->plan.stage_count && !code; i++) {
        const struct pl__stage *stage = &run->plan.stages[i];
        struct worker *worker = &run->workers[i];
        struct pl_node_config config = {.op = stage->op,
                                        .name = stage->name,
                                        .prototype = stage->prototype,
                                        .kind = stage->kind,
                                        .key_depth = graph ? (unsigned)graph->settings.key_depth : 1,
                                        .max_keys = graph ? (uint32_t)graph->settings.max_keys : SCRIPT_KEYS_MAX,
                                        .tags = run->b->tags,
                                        .clock = &run->clock,
                                        .loop = &run->loop};
        *worker = (struct worker){.run = run, .given = PL_TIME_MIN, .made = true};
        code = pl_node_init(&worker->node, &config, &host, worker, error);
        if (!code) code = pl_node_open(&worker->node, error);
    }
    return code;
}

static void close_workers(struct run *run) {
    for (unsigned i = 0; run->workers && i < run->plan.stage_count; i++)
        if (run->workers[i].made && run->workers[i].node.self) pl_node_close(&run->workers[i].node);
    while (uv_run(&run->loop, UV_RUN_DEFAULT))
        ;
    for (unsigned i = 0; run->workers && i < run->plan.stage_count; i++)
        if (run->workers[i].made) pl_node_fini(&run->workers[i].node);
}

/* ---- Rows through the nodes ---- */

/* Stages come before those that take from them. */
static void watermark(struct run *run, pl_time now) {
    for (unsigned i = 0; i < run->plan.stage_count; i++) {
        pl_time least = now;
        for (unsigned k = 0; k < run->plan.link_count; k++) {
            const struct pl__link *link = &run->plan.links[k];
            if (link->to == i && run->workers[link->from].given < least) least = run->workers[link->from].given;
        }
        run->workers[i].given = pl_node_watermark(&run->workers[i].node, least);
    }
}

static bool push(struct run *run, const struct pl__row *first, size_t count) {
    const struct pl__feed *feed = &run->plan.feeds[first->feed];
    struct pl_batch *batch = pl_batch_like(pl__rows_batch(run->rows, first), (uint32_t)count, 0);
    if (!batch) return false;
    for (size_t i = 0; i < count; i++)
        pl_batch_append(batch, pl__rows_batch(run->rows, &first[i]), first[i].row, 1);
    run->fed[first->feed] += count;
    run->b->rows += count;
    return pl_node_process(&run->workers[feed->stage].node, feed->input, batch) != PL_FLOW_FAIL;
}

static const char *failure(const struct run *run) {
    for (unsigned i = 0; i < run->plan.stage_count; i++)
        if (run->workers[i].node.failure) return run->workers[i].node.failure;
    return "out of memory for so many alarms";
}

/* Rows of one time and feed go as one batch. */
static enum pl_code push_slice(struct run *run, const struct pl__row *rows, size_t count, struct pl_error **error) {
    for (size_t i = 0, n; i < count; i += n) {
        const struct pl__row *first = &rows[i];
        for (n = 1; i + n < count && n < PL_BATCH_ROWS_MAX; n++)
            if (first[n].time != first->time || first[n].feed != first->feed) break;
        pl_clock_set(&run->clock, first->time);
        if (i == 0 || first[-1].time != first->time) watermark(run, first->time);
        if (!push(run, first, n) || run->no_memory) return pl_error_set(error, PL_UNAVAILABLE, "%s", failure(run));
    }
    return PL_OK;
}

/* ---- Driving ---- */

/* For people who wait: how far it is, over the line before. */
static void tell_progress(struct run *run, pl_time time, bool last) {
    uint64_t now = uv_hrtime();
    char text[PL_TEXT_TIME_MAX];
    if (!run->terminal || (!last && now - run->told < told_every)) return;
    run->told = now;
    if (last) {
        fputs("\r\033[K", stderr);
        return;
    }
    fprintf(stderr, "\r%.*s, %.1f million rows, %u alarms\033[K", (int)(pl_text_put_time(text, time) - text), text,
            (double)run->b->rows * 1e-6, run->b->found.count);
}

static void tell_unfed(const struct run *run) {
    for (unsigned f = 0; f < run->plan.feed_count; f++)
        if (!run->fed[f])
            fprintf(stderr, "nothing is recorded of %s\n",
                    run->plan.feeds[f].node ? run->plan.feeds[f].node : "silver");
}

static enum pl_code drive(struct run *run, struct pl_error **error) {
    struct pl__backtest *b = run->b;
    const struct pl__row *slice;
    size_t count;
    pl_time first = PL_TIME_MAX, last = PL_TIME_MIN;
    enum pl_code code = pl__rows_open(&run->rows, &run->plan, b->store, b->tags, b->from, b->to, error);
    while (!code && !(code = pl__rows_next(run->rows, &slice, &count, error))) {
        if (first == PL_TIME_MAX) first = slice[0].time;
        last = slice[count - 1].time;
        code = push_slice(run, slice, count, error);
        tell_progress(run, last, false);
    }
    tell_progress(run, last, true);
    if (code != PL_NOT_FOUND) return code;
    if (b->rows == 0)
        return pl_error_set(error, PL_NOT_FOUND,
                            "the folder has no recorded rows that the rules take; a sink.lake records them");
    tell_unfed(run);
    b->from = first;
    b->to = last < PL_TIME_MAX ? last + 1 : last;
    watermark(run, b->to);
    return run->no_memory ? pl_error_set(error, PL_NO_MEMORY, "out of memory") : PL_OK;
}

static bool is_unasked(const struct pl__trial_rule *rule) {
    return !rule->evaluated && !rule->disabled;
}

/* Rules whose rows the folder does not have, or this run does not take, are right about nothing. */
static enum pl_code ask_rules(struct run *run, struct pl_error **error) {
    enum pl_code code = PL_OK;
    struct pl__trial_rules *rules = &run->b->asked;
    for (unsigned i = 0; i < run->plan.stage_count && !code; i++)
        code = pl__trial_rules_take(rules, i, &run->workers[i].node, error);
    unsigned told = 0;
    for (unsigned i = 0; i < rules->count && !code; i++)
        if (is_unasked(&rules->list[i]))
            fprintf(stderr, "%s%s (%s)",
                    told++ ? ", " : "rules that were not asked, since no row of theirs came: ", rules->list[i].name,
                    rules->list[i].on);
    if (told)
        fprintf(stderr, "%s\n", run->b->script ? "; a script is run over samples, its graph over windows too" : "");
    return code;
}

static enum pl_code plan_and_drive(struct run *run, struct pl_error **error) {
    enum pl_code code = pl__plan_make(&run->plan, run->b->graph, run->b->script, error);
    if (code) return code;
    run->workers = pl_alloc(run->plan.stage_count * sizeof *run->workers);
    run->fed = pl_alloc((run->plan.feed_count + 1) * sizeof *run->fed);
    if (!run->workers || !run->fed) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    code = open_workers(run, error);
    if (!code) code = drive(run, error);
    return code ? code : ask_rules(run, error);
}

enum pl_code pl__backtest_run(struct pl__backtest *backtest, struct pl_error **error) {
    struct run run = {.b = backtest, .terminal = isatty(STDERR_FILENO) == 1, .told = uv_hrtime()};
    uv_loop_init(&run.loop);
    pl_clock_init(&run.clock, PL_CLOCK_LOG, 0);
    enum pl_code code = plan_and_drive(&run, error);
    close_workers(&run);
    uv_loop_close(&run.loop);
    pl__rows_close(run.rows);
    pl__plan_free(&run.plan);
    pl_free(run.workers);
    pl_free(run.fed);
    return code;
}
