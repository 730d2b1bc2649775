/* What comes out of a gate is checked against a sort of everything that went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"
#include "runtime/gate.h"

enum { INPUTS_MAX = 5, ROWS_MAX = 4000 };

static uint64_t seed;

static uint64_t next_random(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

struct row {
    pl_time time;
    unsigned input;
    unsigned order;
};

struct rig {
    void *zmq;
    struct pl_edge *edges[INPUTS_MAX];
    struct pl_gate *gate;
    unsigned count;
};

static void no_poke(void *sender) {
    (void)sender;
}

static void rig_make_with(struct rig *rig, unsigned inputs, const struct pl_gate_options *gate) {
    rig->zmq = zmq_ctx_new();
    rig->count = inputs;
    rig->gate = pl_gate_new(gate);
    for (unsigned i = 0; i < inputs; i++) {
        struct pl_edge_options options = {.batches = 1 << 20, .bytes = INT64_MAX, .poke = no_poke};
        assert_int_equal(pl_edge_new(rig->zmq, &options, &rig->edges[i], NULL), PL_OK);
        char name[16];
        snprintf(name, sizeof name, "in%u", i);
        assert_true(pl_gate_add(rig->gate, rig->edges[i], i % 2, name));
    }
}

static void rig_make(struct rig *rig, unsigned inputs, bool any_order) {
    rig_make_with(rig, inputs, &(struct pl_gate_options){.any_order = any_order, .hold = INT64_MAX});
}

static void rig_free(struct rig *rig) {
    pl_gate_free(rig->gate);
    for (unsigned i = 0; i < rig->count; i++)
        pl_edge_free(rig->edges[i]);
    zmq_ctx_term(rig->zmq);
}

static void send_row(struct rig *rig, unsigned input, pl_time time, unsigned order) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->samples.time[0] = time;
    b->samples.tag[0] = input;
    b->samples.value[0] = order;
    b->samples.quality[0] = 0;
    b->rows = 1;
    pl_batch_seal(b);
    pl_edge_send(rig->edges[input], &(struct pl_item){.type = PL_ITEM_BATCH, .batch = b});
}

static void signal(struct rig *rig, unsigned input, enum pl_item_type type, pl_time time, bool idle) {
    pl_edge_send(rig->edges[input],
                 &(struct pl_item){.type = type, .time = time, .epoch = (uint64_t)time, .idle = idle});
}

static int by_key(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->input != y->input) return x->input < y->input ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Takes everything that is to be had; rows go to `out`, the last watermark to *watermark. */
static unsigned take_all(struct rig *rig, struct row *out, unsigned n, pl_time *watermark, bool *ended) {
    struct pl_item item;
    unsigned port;
    while (pl_gate_take(rig->gate, &item, &port)) {
        if (item.type == PL_ITEM_END) *ended = true;
        if (item.type == PL_ITEM_WATERMARK) *watermark = item.time;
        if (item.type != PL_ITEM_BATCH) continue;
        for (uint32_t i = 0; i < item.batch->rows; i++) {
            out[n].time = item.batch->samples.time[i];
            out[n].input = item.batch->samples.tag[i];
            out[n].order = (unsigned)item.batch->samples.value[i];
            assert_int_equal(port, out[n].input % 2);
            n++;
        }
        pl_batch_unref(item.batch);
    }
    assert_true(pl_gate_sound(rig->gate));
    return n;
}

static void rows_come_in_order_of_event_time(void **state) {
    (void)state;
    static struct row in[ROWS_MAX], out[ROWS_MAX];
    for (unsigned round = 0; round < 200; round++) {
        struct rig rig;
        seed = round;
        rig_make(&rig, 2 + (unsigned)next_random(INPUTS_MAX - 1), false);
        unsigned rows = (unsigned)next_random(ROWS_MAX), got = 0;
        pl_time highest[INPUTS_MAX] = {0}, watermark = PL_TIME_MIN;
        bool ended = false;
        for (unsigned i = 0; i < rows; i++) {
            unsigned input = (unsigned)next_random(rig.count);
            pl_time time = highest[input] + (pl_time)next_random(20) - 5; /* disorder of 5 */
            if (time > highest[input]) highest[input] = time;
            in[i] = (struct row){.time = time, .input = input, .order = i};
            send_row(&rig, input, time, i);
            if (next_random(4) == 0) signal(&rig, input, PL_ITEM_WATERMARK, highest[input] - 5, false);
            if (next_random(8) == 0) got = take_all(&rig, out, got, &watermark, &ended);
        }
        for (unsigned i = 0; i < rig.count; i++) {
            signal(&rig, i, PL_ITEM_WATERMARK, PL_TIME_MAX, false);
            signal(&rig, i, PL_ITEM_END, 0, false);
        }
        got = take_all(&rig, out, got, &watermark, &ended);
        assert_int_equal(got, rows);
        assert_true(ended);
        assert_true(watermark == PL_TIME_MAX);
        qsort(in, rows, sizeof *in, by_key);
        for (unsigned i = 0; i < rows; i++)
            assert_memory_equal(&in[i], &out[i], sizeof *in);
        rig_free(&rig);
    }
}

static void an_idle_input_holds_nobody_back(void **state) {
    (void)state;
    struct rig rig;
    struct row out[8];
    pl_time watermark = PL_TIME_MIN;
    bool ended = false;
    rig_make(&rig, 2, false);
    send_row(&rig, 0, 10, 0);
    signal(&rig, 0, PL_ITEM_WATERMARK, 20, false);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 0);
    signal(&rig, 1, PL_ITEM_WATERMARK, PL_TIME_MIN, true);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 1);
    assert_int_equal(watermark, 20);
    rig_free(&rig);
}

/* A row at the watermark goes when whatever may still come of that time stands behind it, and in no other case. */
static void the_last_row_need_not_wait_for_the_next(void **state) {
    (void)state;
    struct rig rig;
    struct row out[8];
    pl_time watermark = PL_TIME_MIN;
    bool ended = false;
    rig_make(&rig, 2, false);
    send_row(&rig, 0, 10, 0);
    signal(&rig, 0, PL_ITEM_WATERMARK, 10, false);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 0); /* input 1 may bring anything */
    signal(&rig, 1, PL_ITEM_WATERMARK, 10, false);
    unsigned n = take_all(&rig, out, 0, &watermark, &ended);
    assert_int_equal(n, 1);
    send_row(&rig, 1, 10, 1);
    n = take_all(&rig, out, n, &watermark, &ended);
    assert_int_equal(n, 1); /* input 0 may bring one of that time, which goes before it */
    send_row(&rig, 0, 10, 2);
    n = take_all(&rig, out, n, &watermark, &ended);
    assert_int_equal(n, 2);
    signal(&rig, 0, PL_ITEM_WATERMARK, 11, false);
    n = take_all(&rig, out, n, &watermark, &ended);
    assert_int_equal(n, 3);
    static const unsigned order[] = {0, 2, 1};
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(out[i].order, order[i]);
    assert_int_equal(watermark, 10);
    rig_free(&rig);
}

static void a_barrier_passes_once_all_have_reached_it(void **state) {
    (void)state;
    struct rig rig;
    struct pl_item item;
    unsigned port;
    rig_make(&rig, 2, true);
    send_row(&rig, 0, 1, 0);
    signal(&rig, 0, PL_ITEM_BARRIER, 7, false);
    send_row(&rig, 0, 2, 1); /* behind the barrier */
    send_row(&rig, 1, 1, 2);
    unsigned before = 0, after = 0;
    bool passed = false;
    for (int i = 0; i < 2; i++) {
        while (pl_gate_take(rig.gate, &item, &port)) {
            if (item.type == PL_ITEM_BARRIER) {
                assert_int_equal(item.epoch, 7);
                passed = true;
            }
            if (item.type != PL_ITEM_BATCH) continue;
            *(passed ? &after : &before) += item.batch->rows;
            pl_batch_unref(item.batch);
        }
        if (i == 0) {
            assert_false(passed);
            signal(&rig, 1, PL_ITEM_BARRIER, 7, false);
        }
    }
    assert_true(passed);
    assert_int_equal(before, 2);
    assert_int_equal(after, 1);
    rig_free(&rig);
}

static void an_input_that_stopped_lifts_no_watermark(void **state) {
    (void)state;
    struct rig rig;
    struct row out[8];
    pl_time watermark = PL_TIME_MIN;
    bool ended = false;
    rig_make(&rig, 2, false);
    send_row(&rig, 0, 10, 0);
    signal(&rig, 0, PL_ITEM_WATERMARK, 20, false);
    signal(&rig, 1, PL_ITEM_WATERMARK, 5, false);
    signal(&rig, 0, PL_ITEM_END, 0, true);
    signal(&rig, 1, PL_ITEM_END, 0, true);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 0);
    assert_true(ended);
    assert_int_equal(watermark, 5);
    assert_int_equal(pl_gate_held_rows(rig.gate), 1);
    rig_free(&rig);
}

/* An idle input has held nobody back; that it stops must not change that. */
static void an_idle_input_that_stopped_holds_nobody_back(void **state) {
    (void)state;
    struct rig rig;
    struct row out[8];
    pl_time watermark = PL_TIME_MIN;
    bool ended = false;
    rig_make(&rig, 2, false);
    signal(&rig, 1, PL_ITEM_WATERMARK, 5, true);
    signal(&rig, 1, PL_ITEM_END, 0, true);
    send_row(&rig, 0, 10, 0);
    signal(&rig, 0, PL_ITEM_WATERMARK, 20, false);
    signal(&rig, 0, PL_ITEM_END, 0, true);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 1);
    assert_int_equal(watermark, 20);
    rig_free(&rig);
}

/* Those in front of a gate that can keep nothing more must come to their end all the same. */
static void a_gate_that_broke_is_drained(void **state) {
    (void)state;
    struct rig rig;
    struct pl_item item;
    unsigned port;
    rig_make(&rig, 2, false);
    send_row(&rig, 0, 10, 0);
    pl_alloc_fail_after(0);
    while (pl_gate_sound(rig.gate) && pl_gate_take(rig.gate, &item, &port))
        ;
    pl_alloc_fail_after(-1);
    assert_false(pl_gate_sound(rig.gate));
    send_row(&rig, 0, 11, 0);
    signal(&rig, 1, PL_ITEM_END, 0, false);
    pl_gate_drain(rig.gate);
    for (unsigned i = 0; i < 2; i++) {
        struct pl_edge_stats stats;
        pl_edge_stats(rig.edges[i], &stats);
        assert_int_equal(stats.items, 0);
    }
    rig_free(&rig);
}

/* Rows of one input, at the times that `said` gives to it. */
static void send_said(struct rig *rig, unsigned input, enum pl_kind kind, const unsigned *said, unsigned count) {
    struct pl_batch *b = pl_batch_new(kind, count, 0);
    for (unsigned c = 0; c < pl_kind_info[kind].columns; c++)
        memset(b->column[c], 0, count * pl_type_size(pl_kind_info[kind].column[c].type));
    for (unsigned i = 0; i < count; i++)
        if (said[i] == input) ((pl_time *)b->column[0])[b->rows++] = 100 + i;
    b->source = 10 + input;
    pl_batch_seal(b);
    pl_edge_send(rig->edges[input], &(struct pl_item){.type = PL_ITEM_BATCH, .batch = b});
}

/* Who said an event is known by its batch, so events of two do not become one; rows of values do, for speed, unless the
 * operator looks at where they come from. */
static void rows_that_tell_who_said_them_stay_apart(void **state) {
    (void)state;
    static const struct {
        enum pl_kind kind;
        bool by_source;
        unsigned batches;
    } cases[] = {{PL_EVENTS, false, 5}, {PL_SAMPLES, false, 1}, {PL_SAMPLES, true, 5}};
    static const unsigned said[] = {0, 2, 2, 0, 2, 0}; /* input by time; of one port */
    for (unsigned c = 0; c < PL_COUNT_OF(cases); c++) {
        struct rig rig;
        struct pl_item item;
        unsigned port, batches = 0, rows = 0;
        rig_make_with(&rig, 3, &(struct pl_gate_options){.by_source = cases[c].by_source, .hold = INT64_MAX});
        send_said(&rig, 0, cases[c].kind, said, PL_COUNT_OF(said));
        send_said(&rig, 2, cases[c].kind, said, PL_COUNT_OF(said));
        for (unsigned i = 0; i < 3; i++)
            signal(&rig, i, PL_ITEM_WATERMARK, 1000, false);
        while (pl_gate_take(rig.gate, &item, &port)) {
            if (item.type != PL_ITEM_BATCH) continue;
            for (uint32_t i = 0; i < item.batch->rows; i++, rows++) {
                assert_int_equal(pl_batch_times(item.batch)[i], 100 + rows);
                if (cases[c].batches > 1) assert_int_equal(item.batch->source, 10 + said[rows]);
            }
            batches++;
            pl_batch_unref(item.batch);
        }
        assert_int_equal(batches, cases[c].batches);
        assert_int_equal(rows, PL_COUNT_OF(said));
        rig_free(&rig);
    }
}

/* A gate with the inputs of `names` (by number; one that the old gate has not is 4) in the place of the rig's. */
static uint64_t rewire(struct rig *rig, const unsigned *inputs, unsigned count, pl_time watermark) {
    struct pl_gate *gate = pl_gate_anew(rig->gate);
    uint64_t lost = 0;
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%u", inputs[i]);
        struct pl_edge *edge = pl_gate_edge(rig->gate, name);
        assert_int_equal(edge != NULL, inputs[i] < 4);
        assert_true(pl_gate_add(gate, edge ? edge : rig->edges[4], inputs[i] % 2, name));
    }
    pl_gate_take_over(gate, rig->gate, watermark, &lost);
    pl_gate_free(rig->gate);
    rig->gate = gate;
    return lost;
}

static void make_five(struct rig *rig) {
    rig_make(rig, 4, false);
    struct pl_edge_options options = {.batches = 1 << 20, .bytes = INT64_MAX, .poke = no_poke};
    assert_int_equal(pl_edge_new(rig->zmq, &options, &rig->edges[4], NULL), PL_OK);
    rig->count = 5;
}

/* Rows wait for the slowest of four; then the inputs are others: what waited comes once, in order. */
static void another_gate_takes_over_what_waits(void **state) {
    (void)state;
    static const unsigned inputs[][4] = {{3, 2, 1, 0}, {4, 0, 2, 1}, {2, 0, 4, 3}, {1, 4, 3, 0}};
    static struct row out[ROWS_MAX];
    for (unsigned round = 0; round < 40; round++) {
        const unsigned *taken = inputs[round % 4];
        struct rig rig;
        bool ended = false, stays[4] = {false};
        pl_time watermark = PL_TIME_MIN;
        seed = round;
        make_five(&rig);
        for (unsigned i = 0; i < 4; i++)
            if (taken[i] < 4) stays[taken[i]] = true;
        unsigned got, wanted = 0, gone = 0;
        for (unsigned i = 0; i < 400; i++) {
            unsigned input = (unsigned)next_random(4);
            send_row(&rig, input, i, i);
            (i < 100 || stays[input]) ? wanted++ : gone++;
        }
        for (unsigned i = 0; i < 4; i++)
            signal(&rig, i, PL_ITEM_WATERMARK, i ? 400 : 100, false);
        got = take_all(&rig, out, 0, &watermark, &ended);
        assert_int_equal(watermark, 100);
        assert_int_equal(rewire(&rig, taken, 4, PL_TIME_MIN), gone);
        assert_int_equal(pl_gate_held_rows(rig.gate), wanted - got);
        for (unsigned i = 0; i < 4; i++)
            signal(&rig, taken[i], PL_ITEM_WATERMARK, 500, false);
        got = take_all(&rig, out, got, &watermark, &ended);
        assert_int_equal(got, wanted);
        assert_int_equal(watermark, 500);
        for (unsigned i = 1; i < got; i++)
            assert_true(out[i - 1].time < out[i].time);
        rig_free(&rig);
    }
}

/* One input lets everything through; with a second one it has come as far as its task has. */
static void a_gate_of_one_becomes_one_of_two_and_back(void **state) {
    (void)state;
    static struct row out[ROWS_MAX];
    struct rig rig;
    bool ended = false;
    pl_time watermark = PL_TIME_MIN;
    struct pl_edge_options options = {.batches = 1 << 20, .bytes = INT64_MAX, .poke = no_poke};
    rig_make(&rig, 1, false);
    assert_int_equal(pl_edge_new(rig.zmq, &options, &rig.edges[1], NULL), PL_OK);
    rig.count = 2;
    send_row(&rig, 0, 5, 0);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 1);
    struct pl_gate *gate = pl_gate_anew(rig.gate);
    uint64_t lost = 0;
    assert_true(pl_gate_add(gate, rig.edges[0], 0, "in0") && pl_gate_add(gate, rig.edges[1], 1, "in1"));
    pl_gate_take_over(gate, rig.gate, 10, &lost);
    pl_gate_free(rig.gate);
    rig.gate = gate;
    send_row(&rig, 0, 20, 1);
    send_row(&rig, 1, 15, 2);
    signal(&rig, 0, PL_ITEM_WATERMARK, 30, false);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 0); /* the new one has said nothing yet */
    assert_int_equal(rewire(&rig, (unsigned[]){0}, 1, 10), 1);
    signal(&rig, 0, PL_ITEM_WATERMARK, 40, false);
    assert_int_equal(take_all(&rig, out, 0, &watermark, &ended), 1);
    assert_int_equal(out[0].time, 20);
    rig_free(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_order_of_event_time),
        cmocka_unit_test(rows_that_tell_who_said_them_stay_apart),
        cmocka_unit_test(an_idle_input_holds_nobody_back),
        cmocka_unit_test(the_last_row_need_not_wait_for_the_next),
        cmocka_unit_test(a_barrier_passes_once_all_have_reached_it),
        cmocka_unit_test(an_input_that_stopped_lifts_no_watermark),
        cmocka_unit_test(an_idle_input_that_stopped_holds_nobody_back),
        cmocka_unit_test(a_gate_that_broke_is_drained),
        cmocka_unit_test(another_gate_takes_over_what_waits),
        cmocka_unit_test(a_gate_of_one_becomes_one_of_two_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
