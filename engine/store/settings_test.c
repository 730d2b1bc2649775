#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/settings.h"

static char *folder;
static struct pl_store *store;
static struct pl_settings *settings;

static void open_at(uint64_t last) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_settings_open(store, last, &settings, NULL), PL_OK);
}

static void close_all(void) {
    pl_settings_close(settings);
    pl_store_close(store);
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    open_at(0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_all();
    remove_folder(folder);
    return 0;
}

static void add(uint64_t epoch, const char *node, const char *call) {
    struct pl_settings_entry entry = {
        .epoch = epoch, .node = node, .call = call, .size = strlen(call), .graph = "graph"};
    assert_int_equal(pl_settings_add(settings, &entry, NULL), PL_OK);
}

struct seen {
    char text[256];
    unsigned count;
    uint64_t first;
};

static enum pl_code see(void *arg, const struct pl_settings_entry *entry, struct pl_error **error) {
    struct seen *seen = arg;
    size_t used = strlen(seen->text);
    (void)error;
    if (!seen->count++) seen->first = entry->epoch;
    assert_string_equal(entry->graph, "graph");
    snprintf(seen->text + used, sizeof seen->text - used, "%d:%s=%.*s ", (int)entry->epoch, entry->node,
             (int)entry->size, (const char *)entry->call);
    return PL_OK;
}

static void expect(const char *text) {
    struct seen seen = {0};
    assert_int_equal(pl_settings_each(store, see, &seen, NULL), PL_OK);
    assert_string_equal(seen.text, text);
}

static uint64_t since(void) {
    uint64_t found;
    assert_int_equal(pl_settings_since(store, &found, NULL), PL_OK);
    return found;
}

static void they_come_in_order_and_outlive_a_restart(void **state) {
    (void)state;
    add(2, "b", "1");
    add(2, "a", "2");
    add(300, "a", "3");
    close_all();
    open_at(300);
    add(300, "c", "4");
    add(300, "", "");
    expect("2:b=1 2:a=2 300:a=3 300:c=4 300:= ");
    assert_int_equal(since(), 0);
}

static void what_no_epoch_has_become_of_goes(void **state) {
    (void)state;
    add(7, "a", "1");
    add(8, "a", "2");
    close_all();
    open_at(7);
    expect("7:a=1 ");
    add(8, "a", "3");
    expect("7:a=1 8:a=3 ");
}

static void a_folder_without_a_history_begins_one(void **state) {
    (void)state;
    char *message = NULL;
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_delete_cf(store->db, options, store->family[PL_STORE_META], "settings", 8, &message);
    rocksdb_writeoptions_destroy(options);
    assert_null(message);
    assert_true(since() == UINT64_MAX);
    close_all();
    open_at(41);
    assert_int_equal(since(), 41);
}

static void the_oldest_go_and_it_is_known_since_when_all_are_there(void **state) {
    (void)state;
    for (unsigned i = 1; i <= PL_SETTINGS_MOST + 1; i++)
        add(i, "a", "");
    struct seen seen = {0};
    assert_int_equal(pl_settings_each(store, see, &seen, NULL), PL_OK);
    assert_true(seen.count <= PL_SETTINGS_MOST);
    assert_int_equal(since(), seen.first - 1);
    assert_int_equal(seen.first + seen.count, PL_SETTINGS_MOST + 2);
}

static void damage_is_found(void **state) {
    (void)state;
    char *message = NULL;
    struct pl_error *error = NULL;
    add(5, "a", "1");
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    const char *key = "settings.0000000000000005.00000000";
    rocksdb_put_cf(store->db, options, store->family[PL_STORE_META], key, strlen(key), "12345678x", 9, &message);
    rocksdb_writeoptions_destroy(options);
    assert_null(message);
    struct seen seen = {0};
    assert_int_equal(pl_settings_each(store, see, &seen, &error), PL_CORRUPT);
    assert_non_null(strstr(error->text, "damaged"));
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_come_in_order_and_outlive_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_epoch_has_become_of_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_without_a_history_begins_one, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_go_and_it_is_known_since_when_all_are_there, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
