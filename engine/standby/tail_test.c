#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "standby/tail.h"

#include <string.h>
#include <unistd.h>

#include "store/folder_testing.h"

static int set_up(void **state) {
    *state = make_folder();
    return *state ? 0 : -1;
}

static int tear_down(void **state) {
    remove_folder(*state);
    return 0;
}

static struct pl_store *open_to_ship(const char *path) {
    struct pl_store *store;
    assert_int_equal(pl_store_open(path, &(struct pl_store_options){.ship = true}, &store, NULL), PL_OK);
    return store;
}

static void put(struct pl_store *store, unsigned number, unsigned count) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (unsigned i = 0; i < count; i++)
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_SILVER], (const char *)&number, sizeof number, "value",
                                  5);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void write_out(struct pl_store *store) {
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *message = NULL;
    for (unsigned i = 0; i < PL_STORE_FAMILIES; i++)
        rocksdb_flush_cf(store->db, options, store->family[i], &message);
    assert_null(message);
    rocksdb_flushoptions_destroy(options);
}

static unsigned read_all(struct pl__tail *tail) {
    const char *data;
    size_t size;
    unsigned count = 0;
    enum pl__tail_state state;
    while ((state = pl__tail_next(tail, &data, &size)) == PL__TAIL_BATCH)
        count++;
    assert_int_equal(state, PL__TAIL_END);
    return count;
}

/* Also over logs that RocksDB has no need of any more, and a new opening. */
static void every_write_comes_once_in_order(void **state) {
    struct pl_store *store = open_to_ship(*state);
    struct pl__tail tail;
    uint64_t begin = rocksdb_get_latest_sequence_number(store->db);
    pl__tail_init(&tail, store, begin);
    assert_int_equal(read_all(&tail), 0);
    for (unsigned i = 0; i < 100; i++) {
        put(store, i, 1 + i % 3);
        if (i % 20 == 0) write_out(store);
        if (i % 7 == 0) assert_int_equal(read_all(&tail), i == 0 ? 1 : 7);
    }
    assert_int_equal(read_all(&tail), 1);
    assert_int_equal(tail.next, rocksdb_get_latest_sequence_number(store->db) + 1);
    pl__tail_fini(&tail);
    pl_store_close(store);
    store = open_to_ship(*state);
    pl__tail_init(&tail, store, begin);
    assert_int_equal(read_all(&tail), 100 + 1); /* and that a new run began */
    pl__tail_fini(&tail);
    pl_store_close(store);
}

static enum pl__tail_state end_of(struct pl_store *store, uint64_t behind) {
    struct pl__tail tail;
    const char *data;
    size_t size;
    enum pl__tail_state state;
    pl__tail_init(&tail, store, behind);
    while ((state = pl__tail_next(&tail, &data, &size)) == PL__TAIL_BATCH)
        ;
    pl__tail_fini(&tail);
    return state;
}

static void what_is_not_kept_is_told(void **state) {
    struct pl_store *store = open_to_ship(*state);
    uint64_t begin = rocksdb_get_latest_sequence_number(store->db);
    put(store, 1, 1);
    write_out(store);
    put(store, 2, 1);
    assert_int_equal(end_of(store, begin), PL__TAIL_END);
    pl_store_archive_trim(store, 1 << 20);
    assert_int_equal(end_of(store, begin), PL__TAIL_END);
    pl_store_archive_trim(store, 0);
    assert_int_equal(end_of(store, begin), PL__TAIL_GONE);
    assert_int_equal(end_of(store, begin + 1), PL__TAIL_END);
    pl_store_close(store);
}

/* A write past the log would never come to the standby, and is not passed over in silence. */
static void a_gap_is_told(void **state) {
    struct pl_store *store = open_to_ship(*state);
    rocksdb_writeoptions_t *past = rocksdb_writeoptions_create();
    char *message = NULL;
    uint64_t begin = rocksdb_get_latest_sequence_number(store->db);
    rocksdb_writeoptions_disable_WAL(past, 1);
    put(store, 1, 1);
    rocksdb_put_cf(store->db, past, store->family[PL_STORE_SPILL], "k", 1, "v", 1, &message);
    assert_null(message);
    put(store, 2, 1);
    assert_int_equal(end_of(store, begin), PL__TAIL_GONE);
    rocksdb_writeoptions_destroy(past);
    pl_store_close(store);
}

static void logs_are_not_kept_for_nobody(void **state) {
    struct pl_store *store = open_to_ship(*state);
    char path[512];
    put(store, 1, 1);
    write_out(store);
    put(store, 2, 1);
    write_out(store);
    pl_store_close(store);
    snprintf(path, sizeof path, "%s/store/archive", (char *)*state);
    assert_int_equal(pl_store_open(*state, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    pl_store_close(store);
    assert_int_equal(rmdir(path), 0); /* it is empty */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_write_comes_once_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_kept_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logs_are_not_kept_for_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
