#include "runtime/regroup.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/operator.h>

#include "batch/tags.h"
#include "runtime/split.h"
#include "runtime/timers.h"
#include "store/folder_testing.h"
#include "store/ledger.h"

enum { NAMES = 40 };

/* ---- A node with tables, and what it has kept ---- */

struct progress {
    int64_t watermark;
};

static void merge_progress(void *record, const void *other) {
    struct progress *progress = record;
    const struct progress *more = other;
    if (more->watermark < progress->watermark) progress->watermark = more->watermark;
}

static void on_timer(void *self, struct pl_node *node, pl_time at, uint32_t id, uint64_t cookie) {
    (void)self, (void)node, (void)at, (void)id, (void)cookie;
}

static const struct pl_table_def tables[] = {
    {.name = "counts", .version = 1, .record_size = 8},
    {.name = "progress", .version = 1, .record_size = sizeof(struct progress), .merge = merge_progress},
    {.name = NULL},
};
static const struct pl_operator op = {
    PL_OPERATOR("test.keyed", "For tests."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .tables = tables,
    .timer = on_timer,
};
static const struct pl_operator op_source = {
    PL_OPERATOR("test.source", "For tests."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
};

static char *folder;
static struct pl_store *store;
static struct pl_tags *tags;
static struct pl_log *log_;
static struct pl_graph_edge from_source = {.from = 0};
static struct pl_graph_node nodes[2];
static struct pl_graph graph;
static const char *const broadcast[] = {"plant.*", NULL};

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){.key_depth = 1, .broadcast = broadcast});
    nodes[0] = (struct pl_graph_node){.name = (char *)"in", .op = &op_source};
    nodes[1] = (struct pl_graph_node){.name = (char *)"node", .op = &op, .inputs = &from_source, .input_count = 1};
    graph = (struct pl_graph){.nodes = nodes, .node_count = 2};
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

static const char *name_at(unsigned i) {
    static char name[32];
    snprintf(name, sizeof name, "line%u.pot1.x", i);
    return name;
}

static unsigned partition_of(const char *name, unsigned partitions) {
    return pl_partition_of(pl_tags_get(tags, pl_tags_intern(tags, name, strlen(name)))->group, partitions);
}

static void put_record(struct pl_buffer *out, const char *table, const char *name, int64_t sub, int64_t value) {
    char key[128] = {PL_STATE_RECORD};
    uint64_t turned = htobe64((uint64_t)sub ^ UINT64_C(1) << 63);
    size_t size = 1;
    memcpy(key + size, table, strlen(table) + 1);
    size += strlen(table) + 1;
    memcpy(key + size, name, strlen(name) + 1);
    size += strlen(name) + 1;
    memcpy(key + size, &turned, sizeof turned);
    pl_state_put(out, key, (uint32_t)(size + sizeof turned), &value, sizeof value);
}

static void put_task(struct pl_buffer *out, pl_time watermark) {
    struct pl_pack *pack = pl_pack_new();
    pl_pack_array(pack, 5);
    pl_pack_int(pack, watermark);
    pl_pack_int(pack, watermark - 5);
    pl_pack_bool(pack, false);
    pl_pack_int(pack, PL_TIME_MIN);
    pl_pack_bool(pack, false);
    pl_state_put_pack(out, PL_STATE_TASK, pack);
    pl_pack_free(pack);
}

static void put_timers(struct pl_buffer *out, unsigned partition, unsigned partitions) {
    struct pl_timers timers = {.limit = 1000};
    struct pl_pack *pack = pl_pack_new();
    for (unsigned i = 0; i < NAMES; i++) {
        struct pl_timer timer = {.at = i, .id = pl_tags_intern(tags, name_at(i), strlen(name_at(i)))};
        if (partition_of(name_at(i), partitions) == partition) assert_true(pl_timers_add(&timers, timer));
    }
    pl_timers_pack(&timers, tags, pack);
    pl_state_put_pack(out, PL_STATE_TIMERS, pack);
    pl_timers_fini(&timers);
    pl_pack_free(pack);
}

static void put_table(struct pl_buffer *out, const char *table) {
    char key[32] = {PL_STATE_TABLE};
    uint32_t layout[2] = {1, 8};
    memcpy(key + 1, table, strlen(table) + 1);
    pl_state_put(out, key, (uint32_t)strlen(table) + 2, layout, sizeof layout);
}

/* What an instance keeps when each name has its number as its count. */
static void put_instance(struct pl_buffer *out, unsigned partition, unsigned partitions) {
    put_task(out, 1000 + partition);
    put_table(out, "counts");
    put_table(out, "progress");
    for (unsigned i = 0; i < NAMES; i++)
        if (partition_of(name_at(i), partitions) == partition) put_record(out, "counts", name_at(i), 7, i);
    put_record(out, "counts", "plant.ambient", 0, 4711);
    put_record(out, "progress", "", 0, 1000 + partition);
    put_timers(out, partition, partitions);
}

/* An epoch of so many partitions; `extra` is put to the last instance. */
static void write_epoch(unsigned partitions, const struct pl_buffer *extra) {
    struct pl_epochs *epochs;
    struct pl_epoch last, epoch;
    struct pl_error *error = NULL;
    uint64_t sequence[8];
    graph.settings.partitions = partitions;
    assert_int_equal(pl_log_open_embedded(store, tags, partitions, &log_, NULL), PL_OK);
    for (unsigned p = 0; p < partitions; p++) {
        struct pl_log_record record = {.type = PL_LOG_BARRIER, .partition = (uint16_t)p, .epoch = 1};
        assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
        sequence[p] = record.sequence;
    }
    log_->ops->close(log_);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    assert_int_equal(pl_recovery_describe(&graph, partitions, &epoch, NULL), PL_OK);
    for (unsigned p = 0; p < partitions; p++) {
        struct pl_buffer entries;
        pl_buffer_init(&entries, SIZE_MAX / 2);
        put_instance(&entries, p, partitions);
        if (extra && p + 1 == partitions) pl_buffer_put(&entries, extra->data, extra->size);
        assert_int_equal(pl_epochs_put(epochs, 1, "node", (uint16_t)p, &entries, NULL), PL_OK);
        pl_buffer_fini(&entries);
    }
    epoch.number = 1;
    epoch.sequence = sequence;
    if (pl_epochs_commit(epochs, &epoch, false, &error)) fail();
    epoch.sequence = NULL;
    pl_epoch_fini(&epoch);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
}

static enum pl_code match_epoch(unsigned partitions, uint64_t epoch, struct pl_error **error) {
    struct pl_epochs *epochs;
    struct pl_epoch last, now = {0};
    bool recall[2] = {false};
    graph.settings.partitions = partitions;
    assert_int_equal(pl_log_open_embedded(store, tags, partitions, &log_, NULL), PL_OK);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    struct pl_recovery recovery = {.graph = &graph,
                                   .epochs = epochs,
                                   .store = store,
                                   .log = log_,
                                   .tags = tags,
                                   .partitions = (unsigned)graph.settings.partitions};
    enum pl_code code = pl_recovery_match(&recovery, &last, &now, recall, error);
    if (!code) {
        assert_true(recall[1]);
        assert_int_equal(last.number, epoch);
        assert_int_equal(last.partitions, partitions);
    }
    pl_epoch_fini(&now);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
    log_->ops->close(log_);
    return code;
}

static enum pl_code match(unsigned partitions, struct pl_error **error) {
    return match_epoch(partitions, 1, error);
}

/* ---- What is there ---- */

struct seen {
    unsigned partition, partitions;
    unsigned records, tables, timers, tasks, everywhere;
    int64_t progress;
};

static enum pl_code see(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct seen *seen = arg;
    struct pl_timers timers = {.limit = 1000};
    struct pl_unpack unpack;
    int64_t value = 0;
    (void)error;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    if (entry->value_size == sizeof value) memcpy(&value, entry->value, sizeof value);
    switch (entry->key[0]) {
    case PL_STATE_TASK: seen->tasks++; break;
    case PL_STATE_TABLE: seen->tables++; break;
    case PL_STATE_TIMERS:
        assert_int_equal(pl_timers_unpack(&timers, tags, &unpack, NULL), PL_OK);
        seen->timers += timers.count;
        for (uint32_t i = 0; i < timers.count; i++)
            assert_int_equal(partition_of(pl_tags_get(tags, timers.heap[i].id)->name, seen->partitions),
                             seen->partition);
        pl_timers_fini(&timers);
        break;
    default: {
        const char *name = entry->key + strlen(entry->key) + 1;
        if (!*name) {
            seen->progress = value;
        } else if (strcmp(name, "plant.ambient") == 0) {
            assert_int_equal(value, 4711);
            seen->everywhere++;
        } else {
            assert_int_equal(partition_of(name, seen->partitions), seen->partition);
            assert_string_equal(name, name_at((unsigned)value));
            seen->records++;
        }
    }
    }
    return PL_OK;
}

/* Every name once, in the partition that it belongs to now; the least progress in all. */
static void assert_shared(unsigned partitions, int64_t progress) {
    unsigned records = 0, timers = 0;
    for (unsigned p = 0; p < partitions; p++) {
        struct seen seen = {.partition = p, .partitions = partitions};
        assert_int_equal(pl_epochs_load(store, "node", (uint16_t)p, see, &seen, NULL), PL_OK);
        assert_int_equal(seen.tasks, 1);
        assert_int_equal(seen.tables, 2);
        assert_int_equal(seen.everywhere, 1);
        assert_int_equal(seen.progress, progress);
        records += seen.records;
        timers += seen.timers;
    }
    struct seen none = {0};
    assert_int_equal(pl_epochs_load(store, "node", (uint16_t)partitions, see, &none, NULL), PL_OK);
    assert_int_equal(none.tasks + none.records, 0);
    assert_int_equal(records, NAMES);
    assert_int_equal(timers, NAMES);
}

/* ---- Tests ---- */

static void state_goes_to_the_partitions_of_its_names(void **state) {
    (void)state;
    write_epoch(2, NULL);
    static const unsigned numbers[] = {5, 1, 3, 8, 2, 1, 4};
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
        assert_int_equal(match(numbers[i], NULL), PL_OK);
        assert_shared(numbers[i], 1000); /* of the partition that was farther back */
    }
}

static void assert_refused(unsigned partitions, const char *what) {
    struct pl_error *error = NULL;
    assert_int_equal(match(partitions, &error), PL_CONFLICT);
    char *text = pl_error_text(error);
    if (!strstr(text, what) || !strstr(text, "node node") || !strstr(text, "--reset node")) fail_msg("%s", text);
    pl_free(text);
    pl_error_free(&error);
    assert_int_equal(match(2, NULL), PL_OK); /* nothing was touched */
}

static void assert_extra_refused(const struct pl_buffer *extra, const char *what) {
    write_epoch(2, extra);
    assert_refused(4, what);
    assert_refused(1, what);
}

static void state_that_is_saved_whole_is_refused(void **state) {
    (void)state;
    struct pl_buffer extra;
    struct pl_pack *pack = pl_pack_new();
    pl_buffer_init(&extra, 1000);
    pl_pack_int(pack, 5);
    pl_state_put_pack(&extra, PL_STATE_SELF, pack);
    assert_extra_refused(&extra, "saves its state as a whole");
    pl_pack_free(pack);
    pl_buffer_fini(&extra);
}

static void a_record_of_no_tag_needs_a_way_to_become_one(void **state) {
    (void)state;
    struct pl_buffer extra;
    pl_buffer_init(&extra, 1000);
    put_record(&extra, "counts", "", 0, 5);
    assert_extra_refused(&extra, "belongs to no tag");
    pl_buffer_fini(&extra);
}

/* ---- Layouts ---- */

static void assert_damage_found(const struct pl_buffer *extra) {
    static const unsigned numbers[] = {4, 1};
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
        struct pl_error *error = NULL;
        write_epoch(2, extra);
        assert_int_equal(match(numbers[i], &error), PL_CORRUPT);
        char *text = pl_error_text(error);
        assert_non_null(strstr(text, "node node"));
        pl_free(text);
        pl_error_free(&error);
        assert_int_equal(match(2, NULL), PL_OK);
    }
}

static void put_sized(struct pl_buffer *out, const char *key, uint32_t size, uint32_t value_size) {
    static const char bytes[64];
    pl_state_put(out, key, size, bytes, value_size);
}

static void assert_size_matters(const char *key, uint32_t key_size) {
    static const uint32_t sizes[] = {0, 4, 7, 9, 64};
    for (size_t i = 0; i < PL_COUNT_OF(sizes); i++) {
        struct pl_buffer extra;
        pl_buffer_init(&extra, 1000);
        put_sized(&extra, key, key_size, sizes[i]);
        assert_damage_found(&extra);
        pl_buffer_fini(&extra);
    }
}

static void a_record_of_another_size_is_damage(void **state) {
    (void)state;
    static const char key[] = "\3counts\0line1.pot1.x\0\0\0\0\0\0\0\0\1";
    assert_size_matters(key, sizeof key - 1);
}

static void a_record_of_all_tags_of_another_size_is_damage(void **state) {
    (void)state;
    static const char key[] = "\3progress\0\0\200\0\0\0\0\0\0\1";
    assert_size_matters(key, sizeof key - 1);
}

static void assert_layout_refused(const char *table, uint32_t size, const uint32_t layout[2], const char *what) {
    struct pl_buffer extra;
    pl_buffer_init(&extra, 1000);
    pl_state_put(&extra, table, size, layout, 2 * sizeof *layout);
    assert_extra_refused(&extra, what);
    pl_buffer_fini(&extra);
}

static void a_table_of_another_layout_is_refused(void **state) {
    (void)state;
    static const uint32_t layouts[][2] = {{2, 8}, {1, 16}, {1, 0}};
    for (size_t i = 0; i < PL_COUNT_OF(layouts); i++)
        assert_layout_refused("\2progress", sizeof "\2progress", layouts[i], "another version");
    assert_layout_refused("\2others", sizeof "\2others", layouts[0], "no such state table");
}

static void a_tag_in_the_wrong_partition_is_refused(void **state) {
    (void)state;
    struct pl_buffer extra;
    unsigned wrong = 0;
    while (partition_of(name_at(wrong), 2) == 1)
        wrong++;
    pl_buffer_init(&extra, 1000);
    put_record(&extra, "counts", name_at(wrong), 99, 5); /* to the last one */
    assert_extra_refused(&extra, "in another partition");
    pl_buffer_fini(&extra);
}

/* ---- Before the first epoch ---- */

/* A start that may accept something and dies before it has an epoch. */
static enum pl_code start_and_die(unsigned partitions, bool accepts, struct pl_error **error) {
    struct pl_epochs *epochs;
    struct pl_epoch last, now = {0};
    bool recall[2] = {false};
    graph.settings.partitions = partitions;
    assert_int_equal(pl_log_open_embedded(store, tags, partitions, &log_, NULL), PL_OK);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    assert_int_equal(last.number, 0);
    struct pl_recovery recovery = {
        .graph = &graph, .epochs = epochs, .store = store, .log = log_, .tags = tags, .partitions = partitions};
    enum pl_code code = pl_recovery_match(&recovery, &last, &now, recall, error);
    struct pl_log_record record = {.type = PL_LOG_WATERMARK, .partition = (uint16_t)(partitions - 1)};
    if (!code && accepts) assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
    pl_epoch_fini(&now);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
    log_->ops->close(log_);
    return code;
}

static void what_was_accepted_before_the_first_epoch_stays_where_it_is(void **state) {
    (void)state;
    assert_int_equal(start_and_die(3, false, NULL), PL_OK);
    assert_int_equal(start_and_die(4, true, NULL), PL_OK); /* nothing was there to be shared out */
    static const unsigned others[] = {2, 8, 1, 3};
    for (size_t i = 0; i < PL_COUNT_OF(others); i++) {
        struct pl_error *error = NULL;
        assert_int_equal(start_and_die(others[i], true, &error), PL_CONFLICT);
        assert_non_null(strstr(error->text, "until now 4"));
        pl_error_free(&error);
    }
    assert_int_equal(start_and_die(4, true, NULL), PL_OK);
}

/* ---- The ledger ---- */

static struct pl_ledger_account account_of(const char *tag, const char *cause, int64_t newest, int64_t older) {
    return (struct pl_ledger_account){.source = "in",
                                      .tag = tag,
                                      .cause = cause,
                                      .last = newest * PL_HOUR + 1,
                                      .hour = {{newest * PL_HOUR, {1, 1}}, {older * PL_HOUR, {10, 10}}}};
}

/* The same account in each partition, with hours of its own: open ones, one that all have, and closed ones. */
static void put_ledger(unsigned partitions) {
    struct pl_epochs *epochs;
    struct pl_epoch last;
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    for (unsigned p = 0; p < partitions; p++) {
        struct pl_buffer entries;
        struct pl_ledger_hour closed = {3 * PL_HOUR, {100, 100}};
        struct pl_ledger_account rows = account_of("line1.pot1.x", "", 20 + p, 10),
                                 lost = account_of("", "time", 20, 4);
        pl_buffer_init(&entries, SIZE_MAX / 2);
        pl_ledger_put_account(&entries, &rows);
        pl_ledger_put_account(&entries, &lost);
        pl_ledger_put_hour(&entries, &rows, &closed, 0);
        closed.begin = 10 * PL_HOUR;
        if (!p) pl_ledger_put_hour(&entries, &lost, &closed, 77); /* a letter that came in after all */
        assert_int_equal(pl_epochs_put(epochs, last.number + 1, PL_LEDGER_NODE, (uint16_t)p, &entries, NULL), PL_OK);
        pl_buffer_fini(&entries);
    }
    last.number++;
    assert_int_equal(pl_epochs_commit(epochs, &last, false, NULL), PL_OK);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
}

static int64_t expected_in(pl_time from, pl_time to) {
    struct pl_ledger_query query = {.from = from * PL_HOUR, .to = to * PL_HOUR};
    struct pl_ledger_report report;
    assert_int_equal(pl_ledger_ask(store, &query, &report, NULL), PL_OK);
    int64_t expected = report.total.count[PL_LEDGER_EXPECTED];
    pl_ledger_report_fini(&report);
    return expected;
}

static enum pl_code see_account(void *arg, const struct pl_ledger_account *account, struct pl_error **error) {
    unsigned *seen = arg;
    (void)error;
    if (!*account->cause) {
        assert_int_equal(account->last, account->hour[0].begin + 1);
        assert_true(account->hour[0].begin > account->hour[1].begin);
    }
    (*seen)++;
    return PL_OK;
}

static void the_ledger_goes_to_the_partitions_of_its_tags(void **state) {
    (void)state;
    static const unsigned numbers[] = {1, 5, 2, 8, 3, 1};
    write_epoch(3, NULL);
    put_ledger(3);
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
        unsigned first = 0, rows = 0, others = 0;
        graph.settings.partitions = numbers[i];
        assert_int_equal(match_epoch(numbers[i], 2, NULL), PL_OK);
        assert_int_equal(expected_in(3, 4), 3 * 100);
        assert_int_equal(expected_in(4, 5), 3 * 10);
        assert_int_equal(expected_in(10, 11), 3 * 10 + 100);
        assert_int_equal(expected_in(20, 21), 3 + 1);
        assert_int_equal(expected_in(0, 1000), 3 * 100 + 3 * 10 + 3 * 10 + 100 + 3 + 3);
        for (unsigned p = 0; p < numbers[i]; p++) {
            unsigned *seen = p == 0 ? &first : p == partition_of("line1.pot1.x", numbers[i]) ? &rows : &others;
            assert_int_equal(pl_ledger_accounts(store, (uint16_t)p, see_account, seen, NULL), PL_OK);
        }
        assert_int_equal(first + rows, 2);
        assert_int_equal(others, 0);
    }
}

static void rows_behind_the_epoch_are_refused(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    write_epoch(2, NULL);
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log_, NULL), PL_OK);
    struct pl_log_record end = {.type = PL_LOG_END, .partition = 1}, more = {.type = PL_LOG_WATERMARK, .partition = 1};
    assert_int_equal(log_->ops->append(log_, &end, 1, NULL), PL_OK); /* which does not count */
    log_->ops->close(log_);
    assert_int_equal(match(3, NULL), PL_OK);
    assert_int_equal(match(2, NULL), PL_OK);
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log_, NULL), PL_OK);
    assert_int_equal(log_->ops->append(log_, &more, 1, NULL), PL_OK);
    log_->ops->close(log_);
    assert_int_equal(match(3, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, "stop it in good order"));
    pl_error_free(&error);
    assert_int_equal(match(2, NULL), PL_OK);
    assert_shared(2, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_goes_to_the_partitions_of_its_names, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_accepted_before_the_first_epoch_stays_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(state_that_is_saved_whole_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_no_tag_needs_a_way_to_become_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_another_size_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_all_tags_of_another_size_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_of_another_layout_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tag_in_the_wrong_partition_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ledger_goes_to_the_partitions_of_its_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_behind_the_epoch_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
