#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/lineage.h"

#include "store/folder_testing.h"

static int set_up(void **state) {
    *state = make_folder();
    return *state ? 0 : -1;
}

static int tear_down(void **state) {
    remove_folder(*state);
    return 0;
}

static struct pl_store *open_as(const char *path, bool ship, bool follow) {
    struct pl_store *store;
    struct pl_store_options options = {.ship = ship, .follow = follow};
    assert_int_equal(pl_store_open(path, &options, &store, NULL), PL_OK);
    return store;
}

static struct pl_lineage read_of(struct pl_store *store) {
    struct pl_lineage lineage;
    assert_int_equal(pl_lineage_read(store, &lineage, NULL), PL_OK);
    return lineage;
}

static struct pl_lineage open_and_read(const char *path, bool ship, bool follow) {
    struct pl_store *store = open_as(path, ship, follow);
    struct pl_lineage lineage = read_of(store);
    pl_store_close(store);
    return lineage;
}

static void put_something(struct pl_store *store) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_KEPT], "key", 3, "value", 5);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void a_folder_without_copies_has_none(void **state) {
    struct pl_lineage lineage = open_and_read(*state, false, false);
    assert_false(pl_lineage_there(&lineage));
    assert_int_equal(lineage.generation, 0);
}

/* Every opening to write is a run, and says what was left of the one before; also one that serves nobody. */
static void runs_follow_each_other(void **state) {
    struct pl_store *store = open_as(*state, true, false);
    struct pl_lineage first = read_of(store);
    put_something(store);
    uint64_t last = rocksdb_get_latest_sequence_number(store->db);
    pl_store_close(store);
    struct pl_lineage second = open_and_read(*state, false, false);
    assert_true(pl_lineage_there(&first));
    assert_int_equal(first.generation, 1);
    assert_memory_equal(first.id, second.id, PL_LINEAGE_ID);
    assert_memory_equal(first.run, second.before, PL_LINEAGE_ID);
    assert_memory_not_equal(first.run, second.run, PL_LINEAGE_ID);
    assert_int_equal(second.since, last);
}

static void mark_as_copy(const char *path, const struct pl_lineage *of, uint64_t position) {
    struct pl_store *store = open_as(path, false, true);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    pl_lineage_put_position(store, writes, of->run, position);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
    pl_store_close(store);
}

static void expect_refused(const char *path, const char *why) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_open(path, &(struct pl_store_options){0}, &store, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, why));
    pl_error_free(&error);
    assert_int_equal(pl_store_open(path, &(struct pl_store_options){.read_only = true}, &store, NULL), PL_OK);
    pl_store_close(store);
}

static void a_copy_is_only_followed(void **state) {
    struct pl_lineage before = open_and_read(*state, true, false);
    mark_as_copy(*state, &before, 7);
    expect_refused(*state, "standby's copy");
    struct pl_store *store = open_as(*state, false, true);
    struct pl_lineage copy = read_of(store);
    assert_true(copy.copy);
    assert_int_equal(copy.position, 7);
    assert_memory_equal(copy.copied, before.run, PL_LINEAGE_ID);
    assert_int_equal(pl_lineage_take_over(store, &copy, NULL), PL_OK);
    pl_store_close(store);
    struct pl_lineage after = open_and_read(*state, true, false);
    assert_false(after.copy);
    assert_int_equal(after.generation, 2);
    assert_memory_equal(after.id, before.id, PL_LINEAGE_ID);
    assert_memory_not_equal(after.before, before.run, PL_LINEAGE_ID); /* nobody goes on from there */
}

static void whose_place_was_taken_writes_no_more(void **state) {
    struct pl_store *store = open_as(*state, true, false);
    assert_int_equal(pl_lineage_pass(store, 5, NULL), PL_OK);
    pl_store_close(store);
    expect_refused(*state, "generation 5");
    store = open_as(*state, false, true);
    struct pl_lineage lineage = read_of(store);
    assert_int_equal(lineage.passed, 5);
    assert_int_equal(pl_lineage_take_over(store, &lineage, NULL), PL_OK);
    pl_store_close(store);
    assert_int_equal(open_and_read(*state, false, false).generation, 6);
}

static void damage_is_found(void **state) {
    struct pl_store *store = open_as(*state, true, false), *again;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], "lineage", 7, "short", 5);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
    pl_store_close(store);
    assert_int_equal(pl_store_open(*state, &(struct pl_store_options){0}, &again, NULL), PL_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_without_copies_has_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_is_only_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whose_place_was_taken_writes_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
