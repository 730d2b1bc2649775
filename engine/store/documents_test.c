#include <potline/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "store/documents.h"
#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static void put(const char *kind, const char *id, const char *text) {
    assert_int_equal(pl_document_put(store, kind, id, text, strlen(text), NULL), PL_OK);
}

static void expect(const char *kind, const char *id, const char *text) {
    char *bytes;
    size_t size = 0;
    enum pl_code code = pl_document_get(store, kind, id, &bytes, &size, NULL);
    assert_int_equal(code, text ? PL_OK : PL_NOT_FOUND);
    if (text) assert_int_equal(size, strlen(text));
    if (text) assert_string_equal(bytes, text);
    pl_free(bytes);
}

static bool gather(void *arg, const char *id, const char *bytes, size_t size) {
    char *list = arg;
    sprintf(list + strlen(list), "%s=%.*s ", id, (int)size, bytes);
    return strlen(list) < 1000;
}

static void a_document_is_what_was_put(void **state) {
    (void)state;
    expect("a", "x", NULL);
    put("a", "x", "one");
    put("a", "x", "two");
    put("a", "empty", "");
    expect("a", "x", "two");
    expect("a", "empty", "");
    assert_int_equal(pl_document_remove(store, "a", "x", NULL), PL_OK);
    assert_int_equal(pl_document_remove(store, "a", "x", NULL), PL_NOT_FOUND);
    expect("a", "x", NULL);
}

/* Neighbours by the alphabet are other kinds. */
static void kinds_are_apart_and_in_order(void **state) {
    (void)state;
    char list[1024] = "";
    put("b", "2", "two");
    put("b", "10", "ten");
    put("ba", "1", "other");
    put("a", "1", "other");
    assert_int_equal(pl_documents_each(store, "b", gather, list, NULL), PL_OK);
    assert_string_equal(list, "10=ten 2=two ");
    list[0] = 0;
    assert_int_equal(pl_documents_each(store, "c", gather, list, NULL), PL_OK);
    assert_string_equal(list, "");
}

static void what_is_too_large_is_refused(void **state) {
    (void)state;
    char id[PL_DOCUMENT_ID + 2];
    memset(id, 'i', sizeof id);
    id[PL_DOCUMENT_ID + 1] = 0;
    char *bytes = pl_alloc(PL_DOCUMENT_BYTES + 1);
    size_t size;
    assert_int_equal(pl_document_put(store, "a", id, "", 0, NULL), PL_LIMIT);
    assert_int_equal(pl_document_get(store, "a", id, &(char *){NULL}, &size, NULL), PL_NOT_FOUND);
    assert_int_equal(pl_document_put(store, "a", "x", bytes, PL_DOCUMENT_BYTES + 1, NULL), PL_LIMIT);
    assert_int_equal(pl_document_put(store, "a", "x", bytes, PL_DOCUMENT_BYTES, NULL), PL_OK);
    pl_free(bytes);
}

static void damage_is_found(void **state) {
    (void)state;
    char *message = NULL, *bytes, list[1024] = "";
    size_t size;
    struct pl_error *error = NULL;
    put("a", "1", "one");
    put("a", "3", "three");
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_put_cf(store->db, options, store->family[PL_STORE_META], "doc/a/2", 7, "12345678damaged", 15, &message);
    rocksdb_writeoptions_destroy(options);
    assert_null(message);
    assert_int_equal(pl_document_get(store, "a", "2", &bytes, &size, &error), PL_CORRUPT);
    assert_non_null(strstr(error->text, "\"2\" is damaged"));
    pl_error_free(&error);
    assert_int_equal(pl_documents_each(store, "a", gather, list, NULL), PL_CORRUPT);
    assert_string_equal(list, "1=one 3=three ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_is_what_was_put, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_are_apart_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
