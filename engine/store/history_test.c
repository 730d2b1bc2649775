#include <potline/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/history.h"

static char *folder;
static struct pl_store *store;

static void open_store(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    open_store();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static const char *const set[] = {"a.b=1", "c.d=[x, \"y\"]", NULL};

static uint64_t add(const char *what, const struct pl_file_text *files, unsigned count) {
    struct pl_history_entry entry = {.time = 5,
                                     .hash = 77,
                                     .name = "g",
                                     .path = "/g.yaml",
                                     .user = "",
                                     .how = "start",
                                     .what = what,
                                     .epoch = 9,
                                     .set = set};
    assert_int_equal(pl_history_add(store, &entry, files, count, NULL), PL_OK);
    return entry.number;
}

static enum pl_code count_down(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    uint64_t *expected = arg;
    (void)error;
    assert_int_equal(entry->number, *expected);
    assert_int_equal(entry->hash, 77);
    assert_int_equal(entry->epoch, 9);
    assert_string_equal(entry->path, "/g.yaml");
    --*expected;
    return PL_OK;
}

static void the_newest_come_first_and_the_oldest_go(void **state) {
    (void)state;
    for (unsigned i = 1; i <= PL_HISTORY_MAX + 10; i++)
        assert_int_equal(add("", NULL, 0), i);
    pl_store_close(store);
    open_store();
    uint64_t expected = PL_HISTORY_MAX + 10;
    assert_int_equal(pl_history_each(store, count_down, &expected, NULL), PL_OK);
    assert_int_equal(expected, 10);
}

static void files_come_back_as_they_were(void **state) {
    (void)state;
    struct pl_file_text files[] = {{"g.yaml", "nodes: {}\n", 10}, {"sub/more.yaml", "", 0}};
    uint64_t number = add("", files, 2);
    pl_store_close(store);
    open_store();
    struct pl_history_files found;
    assert_int_equal(pl_history_files(store, number, &found, NULL), PL_OK);
    assert_int_equal(found.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(found.files[i].path, files[i].path);
        assert_string_equal(found.files[i].text, files[i].text);
        assert_int_equal(found.files[i].length, files[i].length);
    }
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(found.set[i], set[i]);
    assert_null(found.set[2]);
    pl_history_files_fini(&found);
    assert_int_equal(pl_history_files(store, number + 1, &found, NULL), PL_NOT_FOUND);
}

static void files_have_limits(void **state) {
    (void)state;
    struct pl_history_files found;
    struct pl_file_text small = {"g.yaml", "x", 1}, large = {"g.yaml", NULL, PL_HISTORY_BYTES + 1};
    uint64_t first = add("", &small, 1);
    char *text = pl_alloc(large.length + 1);
    memset(text, 'x', large.length);
    large.text = text;
    uint64_t second = add("", &large, 1);
    assert_int_equal(pl_history_files(store, second, &found, NULL), PL_NOT_FOUND);
    pl_free(text);
    for (unsigned i = 1; i < PL_HISTORY_TEXTS - 1; i++)
        add("", &small, 1);
    assert_int_equal(pl_history_files(store, first, &found, NULL), PL_OK);
    pl_history_files_fini(&found);
    add("", NULL, 0);
    assert_int_equal(pl_history_files(store, first, &found, NULL), PL_NOT_FOUND);
}

static void what_is_damaged_is_said_to_be(void **state) {
    (void)state;
    struct pl_file_text file = {"g.yaml", "nodes: {}\n", 10};
    uint64_t number = add("", &file, 1), expected = number;
    char *error = NULL;
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    static const char *const keys[] = {"history.01", "history.text.01"};
    for (unsigned i = 0; i < PL_COUNT_OF(keys); i++)
        rocksdb_put_cf(store->db, options, store->family[PL_STORE_META], keys[i], strlen(keys[i]), "12345678x", 9,
                       &error);
    rocksdb_writeoptions_destroy(options);
    assert_null(error);
    struct pl_history_files found;
    struct pl_error *said = NULL;
    assert_int_equal(pl_history_files(store, number, &found, &said), PL_CORRUPT);
    pl_error_free(&said);
    assert_int_equal(pl_history_each(store, count_down, &expected, &said), PL_CORRUPT);
    pl_error_free(&said);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_come_first_and_the_oldest_go, setup, teardown),
        cmocka_unit_test_setup_teardown(files_come_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(files_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_said_to_be, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
