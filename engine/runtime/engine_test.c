/* Random graphs: fan-out, diamonds, merges, hold-backs, filters that drop everything, edges of one or two batches,
 * nodes on threads of their own, barriers all the time. None may hang; every sink gets exactly the rows that a plain
 * evaluation of the graph gives, merged inputs in order of event time, for one partition and for four.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "runtime/engine.h"

enum { NODES_MAX = 14, ROWS_MAX = 3000, LINES = 5, POTS = 3, INPUTS_MAX = 3 };

struct row {
    pl_time time;
    uint32_t tag; /* line * POTS + pot */
    double value;
};

struct rows {
    struct row *list;
    uint32_t count, capacity;
};

static uint64_t seed;

static uint64_t next_random(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void rows_add(struct rows *rows, struct row row) {
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 256;
        rows->list = realloc(rows->list, rows->capacity * sizeof *rows->list);
        assert_non_null(rows->list);
    }
    rows->list[rows->count++] = row;
}

/* ---- Operators ---- */

enum what { PASS, ADD, HALF, DROP, HOLD };

struct work {
    uint32_t what;
    double plus;
    pl_time delay;
    struct rows held;
};

struct feed {
    const struct rows *rows;
    uint64_t seed;
    uint32_t at;
};

struct drain {
    struct rows *rows;
    bool ordered;
    pl_time last;
};

static bool in_half(const struct row *row) {
    return (((uint64_t)row->time * 31 + row->tag) * 0x9E3779B97F4A7C15u) >> 63;
}

static uint32_t tag_id(struct pl_node *node, uint32_t tag) {
    char name[32];
    int length = snprintf(name, sizeof name, "line%u.pot%u.x", tag / POTS, tag % POTS);
    return pl_tags_intern(pl_node_tags(node), name, (size_t)length);
}

static uint32_t tag_number(struct pl_node *node, uint32_t id) {
    unsigned line, pot;
    assert_int_equal(sscanf(pl_tags_get(pl_node_tags(node), id)->name, "line%u.pot%u.x", &line, &pot), 2);
    return line * POTS + pot;
}

static enum pl_flow feed_produce(void *self, struct pl_node *node) {
    struct feed *feed = self;
    if (feed->at == feed->rows->count) return PL_FLOW_END;
    feed->seed = feed->seed * 6364136223846793005u + 1442695040888963407u;
    uint32_t n = 1 + (uint32_t)((feed->seed >> 33) % 40);
    struct pl_batch *b = pl_node_batch(node, PL_SAMPLES, n, 0);
    for (; b->rows < n && feed->at < feed->rows->count; feed->at++, b->rows++) {
        const struct row *row = &feed->rows->list[feed->at];
        b->samples.time[b->rows] = row->time;
        b->samples.tag[b->rows] = tag_id(node, row->tag);
        b->samples.value[b->rows] = row->value;
        b->samples.quality[b->rows] = 0;
    }
    return pl_emit(node, 0, &b);
}

static enum pl_flow emit_row(struct pl_node *node, struct row row) {
    struct pl_batch *b = pl_node_batch(node, PL_SAMPLES, 1, 0);
    b->samples.time[0] = row.time;
    b->samples.tag[0] = tag_id(node, row.tag);
    b->samples.value[0] = row.value;
    b->samples.quality[0] = 0;
    b->rows = 1;
    return pl_emit(node, 0, &b);
}

static enum pl_flow work_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct work *work = self;
    (void)input;
    uint8_t keep[PL_BATCH_ROWS_MAX];
    switch ((enum what)work->what) {
    case PASS: return pl_emit(node, 0, &batch);
    case DROP: pl_batch_unref(batch); return PL_FLOW_OK;
    case ADD:
        assert_true(pl_batch_writable(&batch));
        for (uint32_t i = 0; i < batch->rows; i++)
            batch->samples.value[i] += work->plus;
        return pl_emit(node, 0, &batch);
    case HALF:
        assert_true(pl_batch_writable(&batch));
        for (uint32_t i = 0; i < batch->rows; i++)
            keep[i] =
                in_half(&(struct row){.time = batch->samples.time[i], .tag = tag_number(node, batch->samples.tag[i])});
        pl_batch_keep(batch, keep);
        return pl_emit(node, 0, &batch);
    case HOLD:
        for (uint32_t i = 0; i < batch->rows; i++)
            rows_add(&work->held, (struct row){.time = batch->samples.time[i],
                                               .tag = tag_number(node, batch->samples.tag[i]),
                                               .value = batch->samples.value[i]});
        pl_batch_unref(batch);
        return PL_FLOW_OK;
    }
    return PL_FLOW_FAIL;
}

static pl_time work_watermark(void *self, struct pl_node *node, pl_time now) {
    struct work *work = self;
    if (work->what != HOLD) return now;
    pl_time until = now == PL_TIME_MAX || now < PL_TIME_MIN + work->delay ? now : now - work->delay;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < work->held.count; i++) {
        if (work->held.list[i].time < until || now == PL_TIME_MAX)
            emit_row(node, work->held.list[i]);
        else
            work->held.list[kept++] = work->held.list[i];
    }
    work->held.count = kept;
    return until;
}

static void work_close(void *self, struct pl_node *node) {
    struct work *work = self;
    (void)node;
    free(work->held.list);
}

static enum pl_code drain_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct drain *drain = self;
    (void)node;
    (void)error;
    drain->last = PL_TIME_MIN;
    return PL_OK;
}

static enum pl_flow drain_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct drain *drain = self;
    (void)input;
    for (uint32_t i = 0; i < batch->rows; i++) {
        pl_time time = batch->samples.time[i];
        if (drain->ordered && time < drain->last) return pl_fail(node, "a row came out of order");
        drain->last = time;
        rows_add(drain->rows, (struct row){.time = time,
                                           .tag = tag_number(node, batch->samples.tag[i]),
                                           .value = batch->samples.value[i]});
    }
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

#define FEED(name_, flags_)                                                                                            \
    {                                                                                                                  \
        PL_OPERATOR(name_, "Rows of the test."), .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),  \
                                                 .flags = flags_, .instance_size = sizeof(struct feed),                \
                                                 .produce = feed_produce                                               \
    }

/* The second one is never held back when there is a log: what the graph has no room for is read from there. */
static const struct pl_operator op_feed[] = {FEED("test.feed", PL_OP_REPLAYABLE), FEED("test.live", 0)};

#define WORK(name_, flags_)                                                                                            \
    {                                                                                                                  \
        PL_OPERATOR(name_, "Does something to each row."),                                                             \
            .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),                                         \
            .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}), .flags = flags_,                      \
            .instance_size = sizeof(struct work), .process = work_process, .watermark = work_watermark,                \
            .close = work_close                                                                                        \
    }

static const struct pl_operator op_work[] = {WORK("test.work", 0), WORK("test.far", PL_OP_BLOCKING),
                                             WORK("test.any", PL_OP_ANY_ORDER)};

static const struct pl_operator op_drain = {
    PL_OPERATOR("test.drain", "Where rows end."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct drain),
    .open = drain_open,
    .process = drain_process,
};

/* ---- A random graph, its plain evaluation, and its run ---- */

struct plan {
    struct pl_graph graph;
    struct pl_graph_node nodes[NODES_MAX];
    struct pl_graph_edge edges[NODES_MAX][INPUTS_MAX];
    enum pl_kind kinds[1];
    char names[NODES_MAX][16];
    union {
        struct work work;
        struct feed feed;
        struct drain drain;
    } proto[NODES_MAX];
    struct rows expected[NODES_MAX]; /* of each node */
    struct rows got[NODES_MAX];      /* of sinks */
    bool global[NODES_MAX];
};

static void make_rows(struct rows *rows, pl_time disorder) {
    uint32_t n = (uint32_t)next_random(ROWS_MAX);
    pl_time highest = 0;
    for (uint32_t i = 0; i < n; i++) {
        pl_time time =
            highest + (pl_time)next_random(10) - (disorder ? (pl_time)next_random((uint64_t)disorder + 1) : 0);
        if (time > highest) highest = time;
        if (time < highest - disorder) time = highest - disorder;
        rows_add(rows, (struct row){.time = time, .tag = (uint32_t)next_random(LINES * POTS), .value = i});
    }
}

static void evaluate(struct plan *p, unsigned i) {
    const struct pl_graph_node *node = &p->nodes[i];
    const struct work *work = &p->proto[i].work;
    bool is_work = node->op != &op_drain;
    for (unsigned k = 0; k < node->input_count; k++) {
        const struct rows *from = &p->expected[node->inputs[k].from];
        for (uint32_t r = 0; r < from->count; r++) {
            struct row row = from->list[r];
            if (is_work && work->what == DROP) continue;
            if (is_work && work->what == HALF && !in_half(&row)) continue;
            if (is_work && work->what == ADD) row.value += work->plus;
            rows_add(&p->expected[i], row);
        }
    }
}

static struct pl_graph_node *add_node(struct plan *p, const struct pl_operator *op) {
    unsigned i = p->graph.node_count++;
    snprintf(p->names[i], sizeof p->names[i], "n%u", i);
    p->nodes[i] = (struct pl_graph_node){
        .name = p->names[i],
        .op = op,
        .prototype = &p->proto[i],
        .inputs = p->edges[i],
        .kinds_out = p->kinds,
    };
    return &p->nodes[i];
}

static void connect_randomly(struct plan *p, struct pl_graph_node *node) {
    unsigned index = (unsigned)(node - p->nodes);
    node->input_count = 1 + (unsigned)next_random(INPUTS_MAX);
    for (unsigned k = 0; k < node->input_count; k++) {
        unsigned from;
        do
            from = (unsigned)next_random(index);
        while (p->nodes[from].op == &op_drain);
        p->edges[index][k] = (struct pl_graph_edge){.from = from};
        node->global |= p->nodes[from].global;
    }
}

static bool everything_merged(const struct plan *p, unsigned i, unsigned partitions) {
    const struct pl_graph_node *node = &p->nodes[i];
    bool keyed_input = !p->nodes[node->inputs[0].from].global;
    return node->input_count > 1 || (partitions > 1 && keyed_input);
}

static void make_plan(struct plan *p, unsigned number) {
    memset(p, 0, sizeof *p);
    seed = number * 1000003u + 17;
    p->graph = (struct pl_graph){.nodes = p->nodes};
    unsigned sources = 1 + (unsigned)next_random(3), works = 1 + (unsigned)next_random(7),
             sinks = 1 + (unsigned)next_random(3);
    for (unsigned i = 0; i < sources; i++) {
        struct pl_graph_node *node = add_node(p, &op_feed[next_random(2)]);
        node->settings.disorder = (pl_time)next_random(30);
        make_rows(&p->expected[i], node->settings.disorder);
        p->proto[i].feed = (struct feed){.rows = &p->expected[i], .seed = next_random(1 << 30)};
    }
    for (unsigned i = 0; i < works; i++) {
        struct pl_graph_node *node = add_node(p, &op_work[next_random(3)]);
        connect_randomly(p, node);
        p->proto[sources + i].work = (struct work){
            .what = (uint32_t)next_random(5), .plus = (double)next_random(1000), .delay = (pl_time)next_random(500)};
        evaluate(p, sources + i);
    }
    for (unsigned i = 0; i < sinks; i++) {
        struct pl_graph_node *node = add_node(p, &op_drain);
        unsigned index = (unsigned)(node - p->nodes);
        connect_randomly(p, node);
        node->global = true;
        p->proto[index].drain.rows = &p->got[index];
        evaluate(p, index);
    }
    struct pl_graph_settings *s = &p->graph.settings;
    s->log_kind = PL_LOG_NONE;
    s->key_depth = 1;
    s->max_tags = 1000;
    s->max_keys = 1000;
    s->max_lag = next_random(2) ? 1000 : 1 << 20;
    s->hold = 1 << 30;
    s->checkpoint = next_random(2) ? PL_MILLISECOND : 0;
    s->queue_batches = 1 + (int64_t)next_random(4);
    s->queue_bytes = next_random(2) ? 1000 : 1 << 20;
    s->workers = 1 + (int64_t)next_random(3);
}

static int by_all(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->tag != y->tag) return x->tag < y->tag ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static void sort(struct rows *rows) {
    if (rows->count) qsort(rows->list, rows->count, sizeof *rows->list, by_all);
}

/* `data`: a folder for the log; NULL: without one. */
/* A busy machine is slow, a graph that hangs stands still. */
static enum pl_code wait_as_long_as_it_moves(struct pl_engine *engine, struct pl_error **error) {
    enum { LOOKS = 12 };
    uint64_t moved = 0;
    enum pl_code code = PL_BUSY;
    for (int still = 0; still < LOOKS && code == PL_BUSY; still++) {
        code = pl_engine_wait(engine, 5 * PL_SECOND, error);
        uint64_t rows = 0;
        for (unsigned i = 0; i < pl_engine_task_count(engine); i++)
            rows += pl_stat_get(&pl_engine_task(engine, i)->stats.rows_in) +
                    pl_stat_get(&pl_engine_task(engine, i)->stats.rows_out);
        if (rows != moved) still = 0;
        moved = rows;
    }
    return code;
}

static void run_plan(struct plan *p, unsigned number, unsigned partitions, const char *data) {
    struct pl_engine *engine;
    struct pl_error *error = NULL;
    struct pl_engine_options options = {.until_eof = true, .data = data};
    p->graph.settings.partitions = partitions;
    p->graph.settings.log_kind = data ? PL_LOG_EMBEDDED : PL_LOG_NONE;
    p->graph.settings.log_sync_every = -1;
    for (unsigned i = 0; i < p->graph.node_count; i++) {
        p->got[i].count = 0;
        if (p->nodes[i].op == &op_drain) p->proto[i].drain.ordered = everything_merged(p, i, partitions);
    }
    if (pl_engine_new(&p->graph, &options, &engine, &error)) {
        pl_error_print(stderr, error);
        fail_msg("graph %u", number);
    }
    assert_int_equal(pl_engine_start(engine, &error), PL_OK);
    enum pl_code code = wait_as_long_as_it_moves(engine, &error);
    if (code) {
        pl_error_print(stderr, error);
        for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
            const struct pl_task *task = pl_engine_task(engine, i);
            fprintf(stderr, "%s/%u state %d rows in %lu out %lu held %lu\n", task->node.config.name,
                    task->node.config.partition, (int)task->state, (unsigned long)pl_stat_get(&task->stats.rows_in),
                    (unsigned long)pl_stat_get(&task->stats.rows_out),
                    task->gate ? (unsigned long)pl_gate_held_rows(task->gate) : 0);
        }
        fail_msg("graph %u with %u partitions: %s", number, partitions, pl_code_text(code));
    }
    pl_engine_free(engine);
    for (unsigned i = 0; i < p->graph.node_count; i++) {
        if (p->nodes[i].op != &op_drain) continue;
        sort(&p->got[i]);
        sort(&p->expected[i]);
        if (p->got[i].count != p->expected[i].count)
            fail_msg("graph %u, %u partitions, node %u: %u rows, expected %u", number, partitions, i, p->got[i].count,
                     p->expected[i].count);
        for (uint32_t r = 0; r < p->got[i].count; r++)
            if (by_all(&p->got[i].list[r], &p->expected[i].list[r]))
                fail_msg("graph %u, %u partitions, node %u: row %u differs", number, partitions, i, r);
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static void run_with_log(struct plan *p, unsigned number) {
    char folder[] = "/tmp/potline-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    run_plan(p, number, number % 20 ? 1 : 4, folder);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void random_graphs_give_the_rows_they_should(void **state) {
    (void)state;
    static struct plan plan;
    const char *only = getenv("POTLINE_GRAPH");
    unsigned count = getenv("POTLINE_LONG")    ? 5000
                     : getenv("POTLINE_BRIEF") ? 50
                                               : 150,
             first = only ? (unsigned)atoi(only) : 0;
    if (only) count = first + 1;
    for (unsigned number = first; number < count; number++) {
        make_plan(&plan, number);
        run_plan(&plan, number, 1, NULL);
        run_plan(&plan, number, 4, NULL);
        if (number % 10 == 0) run_with_log(&plan, number);
        for (unsigned i = 0; i < plan.graph.node_count; i++) {
            free(plan.expected[i].list);
            free(plan.got[i].list);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_give_the_rows_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
