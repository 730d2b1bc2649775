/* What leaves the changelog with a node that the graph does not have any more, and who goes on from there; the brokers
 * are a few functions here (engine/CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "runtime/group_state.h"
#include "store/folder_testing.h"

enum { COUNT = 2, ENTRIES = 3 };

static const struct pl_table_def tables[] = {{.name = "sums"}, {.name = NULL}};
static const struct pl_operator keeps = {.name = "t.keeps", .tables = tables};
static struct pl_graph_node nodes[] = {{.name = "keep", .op = &keeps}, {.name = "wide", .op = &keeps}};
static char *folder;
static struct pl_store *store;
static struct pl_epochs *epochs;
static struct pl_log nowhere;
static struct pl_changelog changelog = {.log = &nowhere, .engine = "b"};
static struct pl_graph graph;
static struct pl_epoch last, found[COUNT];

/* ---- The brokers ---- */

static struct {
    unsigned begun, ended, dropped, read;
    unsigned gone[COUNT], others[COUNT]; /* tombstones of wide, and of any other node */
    unsigned in_one[COUNT];              /* partitions that a transaction is about */
    char mark[COUNT][PL_KAFKA_MARK];
    char epoch[1024];
    size_t epoch_size;
    enum pl_code answer;
} brokers;

enum pl_code __wrap_pl_kafka_commit_begin(struct pl_log *log, bool *done, struct pl_error **error);
enum pl_code __wrap_pl_kafka_commit_put(struct pl_log *log, const struct pl_kafka_entry *entry,
                                        struct pl_error **error);
enum pl_code __wrap_pl_kafka_commit_end(struct pl_log *log, const uint64_t *sequences, const char *mark,
                                        struct pl_error **error);
void __wrap_pl_kafka_commit_drop(struct pl_log *log);
void __wrap_pl_kafka_group_is(struct pl_log *log, unsigned partition, uint64_t sequence, const char *mark);
enum pl_code __wrap_pl_kafka_group_ask(struct pl_log *log, struct pl_kafka_place *places, struct pl_error **error);
enum pl_code __wrap_pl_kafka_state_each(struct pl_log *log, unsigned partition, int64_t from, pl_kafka_visitor *visit,
                                        void *arg, struct pl_error **error);

enum pl_code __wrap_pl_kafka_commit_begin(struct pl_log *log, bool *done, struct pl_error **error) {
    (void)log, (void)error;
    *done = false;
    brokers.begun++;
    return PL_OK;
}

enum pl_code __wrap_pl_kafka_commit_put(struct pl_log *log, const struct pl_kafka_entry *entry,
                                        struct pl_error **error) {
    (void)log, (void)error;
    assert_true(brokers.begun <= COUNT && entry->partition < COUNT);
    brokers.in_one[brokers.begun - 1] |= 1U << entry->partition;
    if (entry->key_size == 6 && memcmp(entry->key, "\0epoch", 6) == 0) {
        assert_true(entry->size <= sizeof brokers.epoch);
        memcpy(brokers.epoch, entry->value, entry->size);
        brokers.epoch_size = entry->size;
        return PL_OK;
    }
    assert_null(entry->value);
    bool wide = entry->key_size > 5 && memcmp(entry->key, "wide", 5) == 0;
    ++*(wide ? &brokers.gone[entry->partition] : &brokers.others[entry->partition]);
    return PL_OK;
}

enum pl_code __wrap_pl_kafka_commit_end(struct pl_log *log, const uint64_t *sequences, const char *mark,
                                        struct pl_error **error) {
    (void)log, (void)error;
    assert_null(sequences); /* the group stays where it stands */
    assert_null(mark);
    brokers.ended++;
    return brokers.answer;
}

void __wrap_pl_kafka_commit_drop(struct pl_log *log) {
    (void)log;
    brokers.dropped++;
}

void __wrap_pl_kafka_group_is(struct pl_log *log, unsigned partition, uint64_t sequence, const char *mark) {
    (void)log;
    assert_int_equal(sequence, found[partition].sequence[partition]);
    snprintf(brokers.mark[partition], PL_KAFKA_MARK, "%s", mark);
}

enum pl_code __wrap_pl_kafka_group_ask(struct pl_log *log, struct pl_kafka_place *places, struct pl_error **error) {
    (void)log, (void)error;
    for (unsigned p = 0; p < COUNT; p++) {
        places[p].said = true;
        places[p].sequence = found[p].sequence[p];
        memcpy(places[p].mark, brokers.mark[p], PL_KAFKA_MARK);
    }
    return PL_OK;
}

enum pl_code __wrap_pl_kafka_state_each(struct pl_log *log, unsigned partition, int64_t from, pl_kafka_visitor *visit,
                                        void *arg, struct pl_error **error) {
    (void)log;
    assert_int_equal(from, 0);
    const struct pl_kafka_entry epoch = {
        .partition = partition, .key = "\0epoch", .key_size = 6, .value = brokers.epoch, .size = brokers.epoch_size};
    brokers.read++;
    return visit(arg, &epoch, error);
}

/* ---- The folder: this engine's checkpoint 7 of both partitions, of keep and wide ---- */

static void put_state(const char *node) {
    for (unsigned p = 0; p < COUNT; p++)
        for (unsigned i = 0; i < ENTRIES; i++) {
            const char key[] = {PL_STATE_TABLE, 'a', 0, (char)i};
            const struct pl_state_entry entry = {.key = key, .key_size = sizeof key, .value = "1", .value_size = 1};
            assert_int_equal(pl_epochs_set(epochs, node, (uint16_t)p, &entry, NULL), PL_OK);
        }
    assert_int_equal(pl_epochs_flush(epochs, NULL), PL_OK);
}

static enum pl_code count(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    (void)entry, (void)error;
    ++*(unsigned *)arg;
    return PL_OK;
}

static unsigned kept(const char *node) {
    unsigned entries = 0;
    for (unsigned p = 0; p < COUNT; p++)
        assert_int_equal(pl_epochs_load(store, node, (uint16_t)p, count, &entries, NULL), PL_OK);
    return entries;
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    memset(&brokers, 0, sizeof brokers);
    graph = (struct pl_graph){.nodes = nodes, .node_count = 2, .hash = 6};
    graph.settings.partitions = COUNT;
    graph.settings.log_kind = PL_LOG_KAFKA;
    graph.settings.log_group = "plant";
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    put_state("keep");
    put_state("wide");
    for (unsigned p = 0; p < COUNT; p++) {
        assert_int_equal(pl_recovery_describe(&graph, COUNT, &found[p], NULL), PL_OK);
        found[p].number = 7;
        found[p].sequence = pl_alloc(COUNT * sizeof *found[p].sequence);
        for (unsigned i = 0; i < COUNT; i++)
            found[p].sequence[i] = 10 * (i + 1);
        snprintf(brokers.mark[p], PL_KAFKA_MARK, "7:b");
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (unsigned p = 0; p < COUNT; p++)
        pl_epoch_fini(&found[p]);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static enum pl_code fit(unsigned node_count) {
    graph.node_count = node_count;
    const struct pl_recovery recovery = {.graph = &graph, .epochs = epochs, .store = store, .partitions = COUNT};
    return pl_group_state_fit(&recovery, &changelog, found, &last, NULL);
}

/* How many partitions are read from the changelog by an engine whose folder stands at `folder_is`. */
static unsigned take_over(const struct pl_epoch *folder_is) {
    struct pl_epoch taken[COUNT] = {{0}};
    brokers.read = 0;
    assert_int_equal(
        pl_changelog_take_over(&changelog, epochs, folder_is, (const bool[COUNT]){true, true}, COUNT, taken, NULL),
        PL_OK);
    for (unsigned p = 0; p < COUNT; p++)
        pl_epoch_fini(&taken[p]);
    return brokers.read;
}

static void what_the_graph_has_stays(void **state) {
    (void)state;
    assert_int_equal(fit(2), PL_OK);
    assert_int_equal(brokers.begun, 0);
    assert_int_equal(kept("wide"), COUNT * ENTRIES);
    assert_int_equal(last.number, 7);
    assert_int_equal(take_over(&found[0]), 0); /* the folder has it */
}

static void what_it_has_not_leaves_one_partition_after_the_other(void **state) {
    (void)state;
    assert_int_equal(fit(1), PL_OK);
    assert_int_equal(brokers.begun, COUNT);
    assert_int_equal(brokers.ended, COUNT);
    for (unsigned p = 0; p < COUNT; p++) {
        assert_int_equal(brokers.in_one[p], 1U << p);
        assert_int_equal(brokers.gone[p], ENTRIES + 1); /* and what people have set of it */
        assert_int_equal(brokers.others[p], 0);
    }
    assert_int_equal(kept("wide"), 0);
    assert_int_equal(kept("keep"), COUNT * ENTRIES);
}

/* The group goes back to the graph before, and gives it the partitions again before anybody has made a checkpoint. */
static void a_folder_of_before_is_not_what_the_group_has(void **state) {
    (void)state;
    assert_int_equal(fit(1), PL_OK);
    assert_string_equal(brokers.mark[0], "7:");
    put_state("wide"); /* as another engine that has made the checkpoint still has it */
    assert_int_equal(take_over(&found[0]), COUNT);
    assert_int_equal(kept("wide"), 0);
}

/* It may be there all the same. */
static void nothing_leaves_the_folder_until_brokers_say_so(void **state) {
    (void)state;
    brokers.answer = PL_UNAVAILABLE;
    assert_int_equal(fit(1), PL_UNAVAILABLE);
    assert_int_equal(kept("wide"), COUNT * ENTRIES);
    brokers.answer = PL_CONFLICT; /* the group has gone on without us */
    brokers.begun = 0;
    assert_int_equal(fit(1), PL_UNAVAILABLE);
    assert_int_equal(kept("wide"), COUNT * ENTRIES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_the_graph_has_stays),
        TEST(what_it_has_not_leaves_one_partition_after_the_other),
        TEST(a_folder_of_before_is_not_what_the_group_has),
        TEST(nothing_leaves_the_folder_until_brokers_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
