/* The plant goes on when nothing is under way any more: not before, and once for each time that it was asked for. */
#include "runtime/plant_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zmq.h>

#include <cmocka.h>

#include "runtime/edge.h"

enum { STEPS = 50 };

static struct rig {
    struct pl_runnable source, sink;
    struct pl_plant_time plant;
    struct pl_worker *worker;
    struct pl_edge *edge;
    uv_timer_t outside;
    bool under_way;
    unsigned given, taken, done, answered;
} rig;

static void outside_is_done(uv_timer_t *timer) {
    (void)timer;
    rig.under_way = false;
    rig.plant.pending--;
    rig.done++;
}

/* What comes is taken, and begins something outside that takes its time. */
static void run_sink(struct pl_runnable *runnable) {
    struct pl_item item;
    (void)runnable;
    while (pl_edge_receive(rig.edge, &item)) {
        rig.taken++;
        rig.under_way = true;
        rig.plant.pending++;
        uv_timer_start(&rig.outside, outside_is_done, 1, 0);
    }
}

static void run_source(struct pl_runnable *runnable) {
    bool answered = rig.given > 0 && pl_plant_answered(&rig.plant, runnable);
    if (answered) {
        rig.answered++;
        assert_true(!rig.under_way && rig.taken == rig.given && rig.done == rig.given);
    }
    if (answered && rig.given == STEPS) pl_worker_stop(rig.worker);
    if (rig.given == STEPS || (rig.given > 0 && !answered)) return;
    rig.given++;
    pl_edge_send(rig.edge, &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = rig.given});
    assert_false(pl_plant_answered(&rig.plant, runnable)); /* it has only just been given */
}

static void start_sink(struct pl_runnable *runnable) {
    uv_timer_init(pl_worker_loop(runnable->worker), &rig.outside);
}

static void finish_sink(struct pl_runnable *runnable) {
    (void)runnable;
    uv_close((uv_handle_t *)&rig.outside, NULL);
}

static void nothing(struct pl_runnable *runnable) {
    (void)runnable;
}

static void poked(void *sender) {
    pl_ready(sender);
}

static void the_plant_goes_on_when_all_is_answered(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    void *zmq = zmq_ctx_new();
    struct pl_edge_options options = {.batches = 8, .bytes = 1 << 20, .poke = poked, .sender = &rig.source};
    rig.source = (struct pl_runnable){.start = nothing, .run = run_source, .finish = nothing};
    rig.sink = (struct pl_runnable){.start = start_sink, .run = run_sink, .finish = finish_sink};
    assert_int_equal(pl_worker_new("test", &rig.worker, &error), PL_OK);
    assert_int_equal(pl_edge_new(zmq, &options, &rig.edge, &error), PL_OK);
    assert_int_equal(pl_worker_add(rig.worker, &rig.source, &error), PL_OK);
    assert_int_equal(pl_worker_add(rig.worker, &rig.sink, &error), PL_OK);
    assert_int_equal(pl_worker_watch(rig.worker, rig.edge, &rig.sink, &error), PL_OK);
    pl_worker_when_still(rig.worker, pl_plant_still, &rig.plant);
    assert_int_equal(pl_worker_start(rig.worker, &error), PL_OK);
    pl_worker_join(rig.worker);
    assert_int_equal(rig.answered, STEPS);
    pl_worker_free(rig.worker);
    pl_edge_free(rig.edge);
    zmq_ctx_term(zmq);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_plant_goes_on_when_all_is_answered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
