/* Tasks that sleep must be woken: by room on an output, and by an operator that fails in a callback of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "runtime/engine.h"

enum { BATCHES = 3 };

struct burst {
    bool done;
    bool goes_on; /* has nothing more, but does not end */
};

struct late {
    uv_timer_t timer;
    struct pl_node *node;
    _Atomic uint64_t *rows;
    _Atomic int64_t *watermark;
    uint32_t fails; /* enum when */
};

enum when { NEVER, AT_WORK, AT_THE_END };

static enum pl_flow burst_produce(void *self, struct pl_node *node) {
    struct burst *burst = self;
    for (int i = 0; !burst->done && i < BATCHES; i++) {
        struct pl_batch *b = pl_node_batch(node, PL_SAMPLES, 1, 0);
        b->samples.time[0] = i + 1;
        b->samples.tag[0] = pl_tags_intern(pl_node_tags(node), "line1.v", 7);
        b->samples.value[0] = i;
        b->samples.quality[0] = 0;
        b->rows = 1;
        pl_emit(node, 0, &b);
    }
    burst->done = true;
    return burst->goes_on ? PL_FLOW_WAIT : PL_FLOW_END;
}

static void too_late(uv_timer_t *timer) {
    struct late *late = timer->data;
    pl_fail(late->node, "in a callback");
    if (late->fails == AT_THE_END) pl_busy(late->node, false);
}

static enum pl_code late_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct late *late = self;
    (void)error;
    late->node = node;
    uv_timer_init(pl_node_loop(node), &late->timer);
    late->timer.data = late;
    return PL_OK;
}

static void fail_soon(struct late *late) {
    pl_busy(late->node, true);
    uv_timer_start(&late->timer, too_late, 1, 0);
}

static enum pl_flow late_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct late *late = self;
    (void)node;
    (void)input;
    atomic_fetch_add(late->rows, batch->rows);
    pl_batch_unref(batch);
    if (late->fails == AT_WORK) fail_soon(late);
    return PL_FLOW_OK;
}

static pl_time late_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    atomic_store(((struct late *)self)->watermark, now);
    return now;
}

static void late_stop(void *self, struct pl_node *node) {
    struct late *late = self;
    (void)node;
    if (late->fails == AT_THE_END) fail_soon(late);
}

static void late_close(void *self, struct pl_node *node) {
    (void)node;
    uv_close((uv_handle_t *)&((struct late *)self)->timer, NULL);
}

static const struct pl_operator op_burst = {
    PL_OPERATOR("test.burst", "Some batches at once."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .instance_size = sizeof(struct burst),
    .produce = burst_produce,
};

static const struct pl_operator op_late = {
    PL_OPERATOR("test.late", "Fails when nobody calls it."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct late),
    .open = late_open,
    .process = late_process,
    .watermark = late_watermark,
    .stop = late_stop,
    .close = late_close,
};

/* Edges of one item: everything that follows must be sent on by a task that was woken for it. */
static enum pl_code run(enum when fails, bool goes_on) {
    _Atomic uint64_t rows = 0;
    _Atomic int64_t watermark = PL_TIME_MIN;
    struct burst burst = {.goes_on = goes_on};
    struct late late = {.rows = &rows, .watermark = &watermark, .fails = fails};
    enum pl_kind kinds[1] = {PL_SAMPLES};
    struct pl_graph_edge edge = {0};
    struct pl_graph_node nodes[2] = {
        {.name = "burst", .op = &op_burst, .prototype = &burst, .kinds_out = kinds},
        {.name = "late", .op = &op_late, .prototype = &late, .inputs = &edge, .input_count = 1, .global = true},
    };
    struct pl_graph graph = {.nodes = nodes, .node_count = 2};
    graph.settings = (struct pl_graph_settings){.log_kind = PL_LOG_NONE,
                                                .partitions = 1,
                                                .key_depth = 1,
                                                .workers = 1,
                                                .max_tags = 1000,
                                                .max_keys = 1000,
                                                .hold = 1 << 20,
                                                .max_lag = 1 << 20,
                                                .queue_batches = 1,
                                                .queue_bytes = 1 << 20};
    struct pl_engine *engine;
    struct pl_engine_options options = {.until_eof = true};
    struct pl_error *error = NULL;
    assert_int_equal(pl_engine_new(&graph, &options, &engine, NULL), PL_OK);
    assert_int_equal(pl_engine_start(engine, NULL), PL_OK);
    if (goes_on && fails == NEVER) {
        for (int i = 0; i < 500 && atomic_load(&watermark) < BATCHES; i++)
            uv_sleep(10);
        assert_int_equal(atomic_load(&rows), BATCHES);
        assert_int_equal(atomic_load(&watermark), BATCHES);
        pl_engine_stop(engine);
    }
    enum pl_code code = pl_engine_wait(engine, 10 * PL_SECOND, &error);
    if (fails != NEVER && code != PL_BUSY) assert_non_null(strstr(error->text, "in a callback"));
    pl_error_free(&error);
    pl_engine_free(engine);
    return code;
}

static void what_found_no_room_follows_without_new_rows(void **state) {
    (void)state;
    assert_int_equal(run(NEVER, true), PL_OK);
}

static void a_failure_in_a_callback_ends_the_run(void **state) {
    (void)state;
    assert_int_equal(run(AT_WORK, true), PL_UNAVAILABLE);
    assert_int_equal(run(AT_THE_END, false), PL_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_found_no_room_follows_without_new_rows),
        cmocka_unit_test(a_failure_in_a_callback_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
