/* A sink that takes a millisecond a batch behind a source that never stops: memory stays flat, nothing is lost, and the
 * rows of a tag keep their order; with a log and without, with a source that waits and with one that does not.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "runtime/engine.h"

enum { BATCH_ROWS = 1024, TAGS = 16 };

struct tap {
    uint64_t limit; /* rows; the source ends behind them */
    uint64_t sent;
    uint32_t tags[TAGS];
};

struct slow {
    uv_timer_t timer;
    struct pl_node *node;
    uint64_t *rows;
    double last[TAGS];
    uint32_t tags[TAGS];
};

static void intern(struct pl_node *node, uint32_t *tags) {
    for (unsigned i = 0; i < TAGS; i++) {
        char name[32];
        tags[i] = pl_tags_intern(pl_node_tags(node), name, (size_t)snprintf(name, sizeof name, "line1.pot%u.v", i));
    }
}

static enum pl_code tap_open(void *self, struct pl_node *node, struct pl_error **error) {
    (void)error;
    intern(node, ((struct tap *)self)->tags);
    return PL_OK;
}

static enum pl_flow tap_produce(void *self, struct pl_node *node) {
    struct tap *tap = self;
    if (tap->sent >= tap->limit) return PL_FLOW_END;
    struct pl_batch *b = pl_node_batch(node, PL_SAMPLES, BATCH_ROWS, 0);
    for (; b->rows < BATCH_ROWS; b->rows++, tap->sent++) {
        b->samples.time[b->rows] = (pl_time)tap->sent;
        b->samples.tag[b->rows] = tap->tags[tap->sent % TAGS];
        b->samples.value[b->rows] = (double)tap->sent;
        b->samples.quality[b->rows] = 0;
    }
    return pl_emit(node, 0, &b);
}

static void over(uv_timer_t *timer) {
    pl_busy(((struct slow *)timer->data)->node, false);
}

static enum pl_code slow_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct slow *slow = self;
    (void)error;
    intern(node, slow->tags);
    slow->node = node;
    uv_timer_init(pl_node_loop(node), &slow->timer);
    slow->timer.data = slow;
    return PL_OK;
}

static enum pl_flow slow_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct slow *slow = self;
    (void)input;
    for (uint32_t i = 0; i < batch->rows; i++) {
        unsigned tag = 0;
        while (slow->tags[tag] != batch->samples.tag[i])
            tag++;
        if (batch->samples.value[i] < slow->last[tag]) return pl_fail(node, "a tag's rows came out of order");
        slow->last[tag] = batch->samples.value[i];
    }
    *slow->rows += batch->rows;
    pl_batch_unref(batch);
    pl_busy(node, true);
    uv_timer_start(&slow->timer, over, 1, 0);
    return PL_FLOW_OK;
}

static void slow_close(void *self, struct pl_node *node) {
    struct slow *slow = self;
    (void)node;
    uv_close((uv_handle_t *)&slow->timer, NULL);
}

#define TAP(flags_)                                                                                                    \
    {                                                                                                                  \
        PL_OPERATOR("test.tap", "As many rows as are taken."),                                                         \
            .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}), .flags = flags_,                      \
            .instance_size = sizeof(struct tap), .open = tap_open, .produce = tap_produce                              \
    }

static const struct pl_operator waits = TAP(PL_OP_REPLAYABLE), rushes = TAP(0);

static const struct pl_operator slow = {
    PL_OPERATOR("test.slow", "Takes a millisecond a batch."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct slow),
    .open = slow_open,
    .process = slow_process,
    .close = slow_close,
};

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Seconds of pressure, a third of it to warm up; then a fixed amount to see that nothing is lost. */
static void press(const struct pl_operator *source, const char *data, uint64_t limit, int64_t seconds) {
    uint64_t taken = 0;
    struct tap tap = {.limit = limit};
    struct slow sink = {.rows = &taken};
    enum pl_kind kinds[1] = {PL_SAMPLES};
    struct pl_graph_edge edge = {0};
    struct pl_graph_node nodes[2] = {
        {.name = "tap", .op = source, .prototype = &tap, .kinds_out = kinds},
        {.name = "slow", .op = &slow, .prototype = &sink, .inputs = &edge, .input_count = 1, .global = true},
    };
    struct pl_graph graph = {.nodes = nodes, .node_count = 2};
    graph.settings = (struct pl_graph_settings){
        .log_kind = data ? PL_LOG_EMBEDDED : PL_LOG_NONE,
        .log_sync_every = -1,
        .max_lag = 4 << 20,
        .partitions = 1,
        .key_depth = 1,
        .workers = 1,
        .max_tags = 1000,
        .max_keys = 1000,
        .hold = 1 << 20,
        .queue_batches = 64,
        .queue_bytes = 2 << 20,
    };
    struct pl_engine *engine;
    struct pl_engine_options options = {.until_eof = true, .data = data};
    assert_int_equal(pl_engine_new(&graph, &options, &engine, NULL), PL_OK);
    assert_int_equal(pl_engine_start(engine, NULL), PL_OK);
    struct pl_error *error = NULL;
    enum pl_code code = PL_BUSY;
    long warm = 0, most = 0;
    for (int64_t tenth = 0; tenth < seconds * 10 && code == PL_BUSY; tenth++) {
        code = pl_engine_wait(engine, PL_SECOND / 10, &error);
        long now = resident_kib();
        if (tenth < seconds * 10 / 3)
            warm = now > warm ? now : warm;
        else
            most = now > most ? now : most;
    }
    if (code == PL_BUSY && limit == UINT64_MAX) pl_engine_stop(engine);
    code = pl_engine_wait(engine, 60 * PL_SECOND, &error);
    if (code) pl_error_print(stderr, error);
    assert_int_equal(code, PL_OK);
    uint64_t sent = pl_stat_get(&pl_intake_stats(pl_engine_intake(engine))->rows);
    printf("%s, %s: %lu rows, %lu read back from the log, memory %ld KiB warm, %ld KiB at most\n",
           source == &waits ? "waits" : "rushes", data ? "log" : "no log", (unsigned long)sent,
           (unsigned long)pl_stat_get(&pl_intake_stats(pl_engine_intake(engine))->read_back_rows), warm, most);
    pl_engine_free(engine);
    assert_int_equal(taken, sent);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their own memory grows */
    long spare = data ? 128 * 1024 : 16 * 1024; /* with a log the store fills its write buffers first */
    if (limit == UINT64_MAX && most) assert_true(most <= warm + spare);
#endif
}

static int64_t seconds_of_pressure(void) {
    return getenv("POTLINE_LONG") ? 60 : 3;
}

static void memory_stays_flat_without_a_log(void **state) {
    (void)state;
    press(&waits, NULL, UINT64_MAX, seconds_of_pressure());
    press(&rushes, NULL, UINT64_MAX, seconds_of_pressure());
}

static void memory_stays_flat_with_a_log(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    press(&waits, folder, UINT64_MAX, seconds_of_pressure());
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A source that does not wait leaves the graph behind; what found no place in memory is read from the log. */
static void what_the_graph_misses_it_reads_from_the_log(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    press(&rushes, folder, 2000 * 1024, 30);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_stays_flat_without_a_log),
        cmocka_unit_test(memory_stays_flat_with_a_log),
        cmocka_unit_test(what_the_graph_misses_it_reads_from_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
