/* Which models rows come from: told together, once each, and never of what they do not come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include "batch/batch_impl.h"
#include "batch/tags.h"
#include "runtime/gate.h"
#include "runtime/node.h"

static struct pl_tags *tags;

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(NULL);
    return tags ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pl_tags_free(tags);
    return 0;
}

static uint32_t id(const char *text) {
    return pl_tags_intern(tags, text, strlen(text));
}

static const char *joined(const char *one, const char *other) {
    return pl_tags_get(tags, pl_models_join(tags, *one ? id(one) : 0, *other ? id(other) : 0))->name;
}

static void each_is_told_once(void **state) {
    (void)state;
    assert_string_equal(joined("", ""), "");
    assert_string_equal(joined("a 1", ""), "a 1");
    assert_string_equal(joined("", "a 1"), "a 1");
    assert_string_equal(joined("a 1", "b 1"), "a 1; b 1");
    assert_string_equal(joined("a 1; b 1", "b 1; c 2; a 1"), "a 1; b 1; c 2");
    assert_string_equal(joined("a 1", "a 12; a"), "a 1; a 12; a"); /* none is the beginning of another */
}

static void what_does_not_fit_is_left_out(void **state) {
    (void)state;
    char most[PL_NAME_MAX - 5 + 1], whole[PL_NAME_MAX + 1];
    memset(most, 'x', sizeof most - 1);
    most[sizeof most - 1] = 0;
    snprintf(whole, sizeof whole, "%s; c 1", most);
    assert_string_equal(joined(most, "bb 1; c 1"), whole);
    assert_string_equal(joined(whole, "d"), whole);
}

/* ---- What a node says ---- */

struct instance {
    int64_t size;
};

static const struct pl_option options[] = {PL_OPT_INT(struct instance, size, "size", "3", "0", "9", PL_LIVE, "Size."),
                                           PL_OPT_END};
static const struct pl_operator op = {PL_OPERATOR("t.fit", "Fits."), .options = options,
                                      .instance_size = sizeof(struct instance)};

static uint32_t model_of_batch(struct pl_node *node) {
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, 1, 0);
    assert_non_null(batch);
    uint32_t model = batch->model;
    pl_batch_unref(batch);
    return model;
}

static void batches_say_what_the_node_says_and_gets(void **state) {
    (void)state;
    struct instance prototype = {3};
    struct pl_node node;
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_LOG, 0);
    struct pl_node_config config = {
        .op = &op, .name = "fit", .prototype = &prototype, .max_keys = 1, .tags = tags, .clock = &clock};
    assert_int_equal(pl_node_init(&node, &config, NULL, NULL, NULL), PL_OK);
    assert_int_equal(model_of_batch(&node), 0);
    pl_models_from(&node, id("twin 1 a"));
    assert_int_equal(model_of_batch(&node), id("twin 1 a"));
    assert_string_equal(pl_node_model_name(&node), "");
    pl_node_model(&node, "net", "2", "beef");
    assert_string_equal(pl_node_model_name(&node), "net 2 beef");
    assert_int_equal(model_of_batch(&node), id("net 2 beef; twin 1 a"));
    pl_models_from(&node, id("twin 2 a"));
    assert_int_equal(model_of_batch(&node), id("net 2 beef; twin 2 a"));

    /* By its options, as they stand. */
    char before[PL_NAME_MAX + 1];
    pl_node_model(&node, NULL, NULL, NULL);
    snprintf(before, sizeof before, "%s", pl_node_model_name(&node));
    assert_memory_equal(before, "t.fit ", 6);
    ((struct instance *)node.self)->size = 4;
    pl_models_renew(&node);
    assert_string_not_equal(pl_node_model_name(&node), before);
    ((struct instance *)node.self)->size = 3;
    pl_models_renew(&node);
    assert_string_equal(pl_node_model_name(&node), before);

    /* What a process of its own has made. */
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
    batch->model = id("mpc 1");
    pl_models_stamp(&node, batch);
    assert_int_equal(batch->model, id("mpc 1; twin 2 a"));
    assert_string_equal(pl_node_model_name(&node), "mpc 1");
    batch->model = 0;
    pl_models_stamp(&node, batch);
    assert_int_equal(batch->model, id("mpc 1; twin 2 a"));
    pl_batch_unref(batch);
    pl_node_fini(&node);
}

/* ---- Where edges meet ---- */

static void no_poke(void *sender) {
    (void)sender;
}

/* Two rows, or (`next` 0) one. */
static void send(struct pl_edge *edge, enum pl_kind kind, pl_time time, pl_time next, const char *model) {
    struct pl_batch *b = pl_batch_new(kind, 2, 0);
    for (unsigned i = 0; i < pl_kind_info[kind].columns; i++)
        memset(b->column[i], 0, 2 * pl_type_size(pl_kind_info[kind].column[i].type));
    pl_time *times = b->column[pl_kind_info[kind].time];
    times[0] = time;
    times[1] = next;
    b->model = *model ? id(model) : 0;
    b->rows = next ? 2 : 1;
    pl_batch_seal(b);
    pl_edge_send(edge, &(struct pl_item){.type = PL_ITEM_BATCH, .batch = b});
}

/* Rows of two models that become one batch come from both; set points of two stay apart, as each is audited. */
static void merged_rows_come_from_all(void **state) {
    (void)state;
    static const struct {
        enum pl_kind kind;
        unsigned count;
        const char *batches[4];
    } cases[] = {{PL_SAMPLES, 1, {"a 1; b 1"}}, {PL_SETPOINTS, 4, {"a 1", "b 1", "", "a 1"}}};
    for (unsigned c = 0; c < PL_COUNT_OF(cases); c++) {
        void *zmq = zmq_ctx_new();
        struct pl_edge *edges[3];
        struct pl_gate *gate = pl_gate_new(&(struct pl_gate_options){.tags = tags, .hold = INT64_MAX});
        for (unsigned i = 0; i < 3; i++) {
            struct pl_edge_options edge = {.batches = 100, .bytes = INT64_MAX, .poke = no_poke};
            assert_int_equal(pl_edge_new(zmq, &edge, &edges[i], NULL), PL_OK);
            assert_true(pl_gate_add(gate, edges[i], 0, (const char *[]){"x", "y", "z"}[i]));
        }
        assert_int_equal(pl_gate_models(gate), 0);
        send(edges[0], cases[c].kind, 1, 4, "a 1");
        send(edges[1], cases[c].kind, 2, 0, "b 1");
        send(edges[2], cases[c].kind, 3, 0, "");
        for (unsigned i = 0; i < 3; i++)
            pl_edge_send(edges[i], &(struct pl_item){.type = PL_ITEM_WATERMARK, .time = 10});
        struct pl_item item;
        unsigned port, count = 0;
        while (pl_gate_take(gate, &item, &port)) {
            if (item.type != PL_ITEM_BATCH) continue;
            assert_true(count < cases[c].count);
            assert_string_equal(pl_tags_get(tags, item.batch->model)->name, cases[c].batches[count++]);
            pl_batch_unref(item.batch);
        }
        assert_int_equal(count, cases[c].count);
        assert_int_equal(pl_gate_models(gate), id("a 1; b 1"));
        pl_gate_free(gate);
        for (unsigned i = 0; i < 3; i++)
            pl_edge_free(edges[i]);
        zmq_ctx_term(zmq);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(batches_say_what_the_node_says_and_gets, setup, teardown),
        cmocka_unit_test_setup_teardown(merged_rows_come_from_all, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
