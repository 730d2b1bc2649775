/* The queue of calls: threads put, one runs, then it is closed. Every call comes back exactly once. */
#include "runtime/call.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "runtime/node.h"

enum { THREADS = 3, EACH = 2000 };

static struct pl_calls calls;
static struct pl_node node; /* that does not run: what a call is told then */
static atomic_uint done_count[THREADS * EACH];
static atomic_uint refused;

static void count_done(struct pl_call *call) {
    atomic_fetch_add((atomic_uint *)call->owner, 1);
    pl_call_free(call);
}

static enum pl_code note_order(struct pl_call *call, struct pl_node *at, struct pl_error **error) {
    (void)at, (void)error;
    unsigned *next = call->owner;
    pl_pack_pair_int(pl_reply_row(call, 1), "order", (*next)++);
    return PL_OK;
}

static void *put_many(void *arg) {
    atomic_uint *count = arg;
    for (unsigned i = 0; i < EACH; i++) {
        struct pl_call *call = pl_call_new();
        call->done = count_done;
        call->owner = &count[i];
        if (pl_calls_put(&calls, call)) continue;
        atomic_fetch_add(&refused, 1);
        count_done(call); /* the caller's still */
    }
    return NULL;
}

static int setup(void **state) {
    (void)state;
    calls = (struct pl_calls){0};
    node = (struct pl_node){.config = {.name = "node"}};
    return 0;
}

static void every_call_comes_back_once(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &done_count[i * EACH]), 0);
    while (atomic_load(&done_count[EACH / 2]) == 0)
        pl_calls_run(&calls, &node);
    pl_calls_close(&calls); /* while others may be putting */
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS * EACH; i++)
        assert_int_equal(atomic_load(&done_count[i]), 1);
}

static enum pl_code give(void *self, struct pl_node *at, const void *args, struct pl_call *call,
                         struct pl_error **error) {
    (void)self, (void)args, (void)call, (void)error;
    struct pl_batch *batch = pl_node_batch(at, PL_SAMPLES, 1, 0);
    assert_non_null(batch);
    assert_true(batch->header->receive_time > 5);
    pl_batch_unref(batch);
    return PL_OK;
}

/* Or the latency of a set point by hand would be counted from the last one that came. */
static void what_a_command_gives_begins_with_it(void **state) {
    static const struct pl_command command = {.name = "give", .doc = "", .run = give};
    struct pl_clock wall = {.kind = PL_CLOCK_WALL};
    struct pl_call *call = pl_call_new();
    (void)state;
    call->command = &command;
    node.config.clock = &wall;
    node.received = 5;
    assert_int_equal(pl_call_run_command(call, &node, NULL), PL_OK);
    assert_int_equal(node.received, 5);
    pl_call_free(call);
}

static struct pl_call *returned[3];
static unsigned returned_count;

static void keep(struct pl_call *call) {
    returned[returned_count++] = call;
}

static void calls_run_in_order_and_none_after_the_end(void **state) {
    (void)state;
    unsigned next = 0;
    node.state = PL_NODE_OPEN;
    struct pl_call *call[3];
    for (unsigned i = 0; i < 3; i++) {
        call[i] = pl_call_new();
        call[i]->run = note_order;
        call[i]->done = keep;
        call[i]->owner = &next;
    }
    assert_true(pl_calls_put(&calls, call[0]));
    assert_true(pl_calls_put(&calls, call[1]));
    pl_calls_run(&calls, &node);
    assert_int_equal(returned_count, 2);
    assert_ptr_equal(returned[0], call[0]);
    assert_int_equal(call[0]->code, PL_OK);
    assert_int_equal(call[1]->row_count, 1);
    pl_calls_close(&calls);
    assert_false(pl_calls_put(&calls, call[2]));
    assert_int_equal(returned_count, 2);
    assert_int_equal(next, 2);
    for (unsigned i = 0; i < 3; i++)
        pl_call_free(call[i]);
}

/* Past the limit of rows what is written goes nowhere, and the reply says that it was cut. */
static void a_reply_has_so_many_rows_and_no_more(void **state) {
    (void)state;
    struct pl_call *call = pl_call_new();
    for (unsigned i = 0; i < PL_REPLY_ROWS_MAX; i++)
        pl_pack_pair_int(pl_reply_row(call, 1), "n", i);
    size_t size = pl_pack_size(call->rows);
    assert_false(call->cut);
    pl_pack_pair_int(pl_reply_row(call, 1), "n", 0);
    assert_true(call->cut);
    assert_int_equal(call->row_count, PL_REPLY_ROWS_MAX);
    assert_int_equal(pl_pack_size(call->rows), size);
    pl_call_free(call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_call_comes_back_once, setup),
        cmocka_unit_test_setup(calls_run_in_order_and_none_after_the_end, setup),
        cmocka_unit_test_setup(what_a_command_gives_begins_with_it, setup),
        cmocka_unit_test(a_reply_has_so_many_rows_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
