#include <potline/harness.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "runtime/node.h"
#include "store/batch_testing.h"
#include "store/folder_testing.h"
#include "store/lake.h"

/* ---- A node with a data folder ---- */

struct rig {
    char *folder;
    struct pl_store *store;
    struct pl_tags *tags;
    const struct pl_operator *op;
    struct pl_options_owner *options;
    void *prototype;
    struct pl_node node;
};

static enum pl_flow no_emit(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    (void)node, (void)port;
    pl_batch_unref(batch);
    return PL_FLOW_FAIL;
}

static const struct pl_node_host host = {.emit = no_emit};

static void open_node(struct rig *rig, const char *name, unsigned partition) {
    struct pl_node_config config = {.op = rig->op,
                                    .name = name,
                                    .prototype = rig->prototype,
                                    .partition = partition,
                                    .max_keys = 10,
                                    .tags = rig->tags,
                                    .store = rig->store};
    assert_int_equal(pl_node_init(&rig->node, &config, &host, NULL, NULL), PL_OK);
    assert_int_equal(pl_node_open(&rig->node, NULL), PL_OK);
}

static void close_node(struct rig *rig) {
    pl_node_close(&rig->node);
    pl_node_fini(&rig->node);
}

static struct rig make_rig(const char *options) {
    struct rig rig = {.folder = make_folder(), .op = pl_registry_find("sink.lake")};
    assert_non_null(rig.op);
    rig.tags = pl_tags_new(&(struct pl_tags_options){0});
    rig.prototype = pl_alloc(rig.op->instance_size);
    assert_int_equal(pl_options_parse(rig.op, options, rig.prototype, &rig.options, NULL), PL_OK);
    assert_int_equal(pl_store_open(rig.folder, &(struct pl_store_options){0}, &rig.store, NULL), PL_OK);
    return rig;
}

static void end_rig(struct rig *rig) {
    pl_store_close(rig->store);
    pl_options_free(rig->options);
    pl_free(rig->prototype);
    pl_tags_free(rig->tags);
    remove_folder(rig->folder);
}

static uint64_t counter(const struct rig *rig, const char *name) {
    for (unsigned i = 0; rig->op->counters[i].name; i++)
        if (strcmp(rig->op->counters[i].name, name) == 0) return pl_node_counter(&rig->node, i);
    fail();
    return 0;
}

/* Rows in a zone, by node; *epoch is the last record's. */
static uint64_t rows_kept(struct rig *rig, enum pl_zone_id id, const char *node, uint64_t *epoch) {
    struct pl_zone_range range = {.node = node, .from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    uint64_t rows = 0;
    assert_int_equal(pl_zone_scan_new(rig->store, rig->tags, id, &range, &scan, NULL), PL_OK);
    while (pl_zone_scan_next(scan, &record, NULL) == PL_OK) {
        rows += record.batch->rows;
        *epoch = record.epoch;
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return rows;
}

/* ---- Tests ---- */

static void batches_go_to_their_zone(void **state) {
    (void)state;
    struct rig rig = make_rig("{zone: gold}");
    open_node(&rig, "keep", 2);
    uint64_t rows = 0, epoch = 0;
    static const enum pl_kind kinds[] = {PL_SAMPLES, PL_WINDOWS, PL_PROFILES, PL_SETPOINTS, PL_EVENTS};
    for (unsigned i = 0; i < PL_COUNT_OF(kinds); i++) {
        assert_true(rig.op->inputs[0].kinds & PL_SET(kinds[i]));
        struct pl_batch *batch = random_batch(rig.tags, kinds[i], i + 1, 50);
        rows += batch->rows;
        assert_int_equal(pl_node_process(&rig.node, 0, batch), PL_FLOW_OK);
    }
    assert_int_equal(counter(&rig, "rows"), rows);
    assert_int_equal(counter(&rig, "batches"), PL_COUNT_OF(kinds));
    assert_int_equal(rows_kept(&rig, PL_GOLD, "keep", &epoch), rows);
    assert_int_equal(epoch, pl_node_epoch(&rig.node));
    assert_int_equal(rows_kept(&rig, PL_GOLD, "other", &epoch), 0);
    assert_int_equal(rows_kept(&rig, PL_SILVER, NULL, &epoch), 0);
    close_node(&rig);
    end_rig(&rig);
}

static void rows_carry_the_epoch_they_were_written_in(void **state) {
    (void)state;
    struct rig rig = make_rig("{zone: silver}");
    open_node(&rig, "keep", 0);
    uint64_t epoch = 0;
    rig.node.epoch = 41;
    assert_int_equal(pl_node_process(&rig.node, 0, random_batch(rig.tags, PL_SAMPLES, 1, 9)), PL_FLOW_OK);
    rows_kept(&rig, PL_SILVER, "keep", &epoch);
    assert_int_equal(epoch, 41);
    rig.node.epoch = 42;
    assert_int_equal(pl_node_process(&rig.node, 0, random_batch(rig.tags, PL_SAMPLES, 1000, 9)), PL_FLOW_OK);
    rows_kept(&rig, PL_SILVER, "keep", &epoch);
    assert_int_equal(epoch, 42);
    close_node(&rig);
    end_rig(&rig);
}

static void a_run_without_a_folder_is_refused(void **state) {
    (void)state;
    struct pl_harness *h = pl_harness_new("sink.lake", "{zone: gold}", PL_SAMPLES, NULL);
    assert_non_null(h);
    struct pl_batch *batch = random_batch(pl_harness_tags(h), PL_SAMPLES, 1, 5);
    assert_int_equal(pl_harness_push(h, 0, batch), PL_FLOW_FAIL);
    pl_harness_free(h);
}

static void the_zone_must_be_named(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    assert_null(pl_harness_new("sink.lake", "{}", PL_SAMPLES, &error));
    assert_non_null(error);
    pl_error_free(&error);
    assert_null(pl_harness_new("sink.lake", "{zone: bronze}", PL_SAMPLES, NULL));
}

int main(void) {
    pl_registry_load();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_go_to_their_zone),
        cmocka_unit_test(rows_carry_the_epoch_they_were_written_in),
        cmocka_unit_test(a_run_without_a_folder_is_refused),
        cmocka_unit_test(the_zone_must_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
