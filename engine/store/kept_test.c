#include <potline/alloc.h>
#include <potline/kept.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "runtime/node.h"
#include "store/folder_testing.h"
#include "store/store.h"

static char *folder;
static struct pl_store *store;
static struct pl_node clean, clean2;

static void open_store(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    clean = (struct pl_node){.config = {.name = "clean", .store = store}};
    clean2 = (struct pl_node){.config = {.name = "clean2", .store = store}}; /* a name that begins with the other */
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

static void put(struct pl_node *node, const char *key, int64_t value) {
    struct pl_pack *pack = pl_pack_new();
    pl_pack_int(pack, value);
    assert_int_equal(pl_kept_put(node, key, pack, NULL), PL_OK);
    pl_pack_free(pack);
}

static enum pl_code write_down(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    char *text = arg;
    int64_t number;
    if (!pl_unpack_int(value, &number)) return pl_error_set(error, PL_CORRUPT, "no number");
    snprintf(text + strlen(text), 256 - strlen(text), "%s=%d ", key, (int)number);
    return PL_OK;
}

static void assert_kept(struct pl_node *node, const char *expected) {
    char text[256] = "";
    assert_int_equal(pl_kept_each(node, write_down, text, NULL), PL_OK);
    assert_string_equal(text, expected);
}

static void values_survive_in_order_each_node_its_own(void **state) {
    (void)state;
    put(&clean, "b", 2);
    put(&clean, "a", 1);
    put(&clean2, "a", 7);
    put(&clean, "c", 3);
    put(&clean, "a", 4);
    assert_int_equal(pl_kept_drop(&clean, "b", NULL), PL_OK);
    assert_int_equal(pl_kept_drop(&clean2, "c", NULL), PL_OK);
    pl_store_close(store);
    open_store();
    assert_kept(&clean, "a=4 c=3 ");
    assert_kept(&clean2, "a=7 ");
}

static void a_damaged_value_is_told(void **state) {
    (void)state;
    static const char key[] = "clean\0a";
    void *value;
    size_t size;
    put(&clean, "a", 1);
    assert_int_equal(pl_store_get(store, PL_STORE_KEPT, key, sizeof key - 1, &value, &size, NULL), PL_OK);
    for (size_t i = 0; i < size; i++) {
        char text[256] = "";
        struct pl_error *error = NULL;
        ((uint8_t *)value)[i] ^= 1;
        rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_KEPT], key, sizeof key - 1, value, size);
        assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
        rocksdb_writebatch_destroy(writes);
        assert_int_equal(pl_kept_each(&clean, write_down, text, &error), PL_CORRUPT);
        assert_non_null(strstr(error->text, "kept as a is damaged"));
        pl_error_free(&error);
        ((uint8_t *)value)[i] ^= 1;
    }
    pl_free(value);
}

static void what_is_too_long_is_refused(void **state) {
    (void)state;
    char key[PL_KEPT_KEY_MAX + 2] = "";
    struct pl_pack *pack = pl_pack_new();
    pl_pack_nil(pack);
    memset(key, 'k', PL_KEPT_KEY_MAX + 1);
    assert_int_equal(pl_kept_put(&clean, key, pack, NULL), PL_LIMIT);
    key[PL_KEPT_KEY_MAX] = 0;
    assert_int_equal(pl_kept_put(&clean, key, pack, NULL), PL_OK);
    pl_pack_free(pack);
}

static void a_node_takes_its_values_to_its_new_name(void **state) {
    (void)state;
    struct pl_node later = {.config = {.name = "cleaner-than-before", .store = store}};
    put(&clean, "a", 1);
    put(&clean, "b", 2);
    put(&clean2, "a", 7);
    assert_int_equal(pl_kept_move(store, "clean", "cleaner-than-before", NULL), PL_OK);
    assert_kept(&clean, "");
    assert_kept(&clean2, "a=7 ");
    assert_kept(&later, "a=1 b=2 ");
    put(&clean, "a", 9); /* of a node of the old name, later */
    assert_int_equal(pl_kept_move(store, "clean", "cleaner-than-before", NULL), PL_OK);
    assert_kept(&later, "a=1 b=2 ");
    assert_kept(&clean, "a=9 ");
    assert_int_equal(pl_kept_move(store, "nobody", "clean3", NULL), PL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void they_go_to_another_name(void **state) {
    (void)state;
    struct pl_node other = {.config = {.name = "other", .store = store}};
    put(&clean, "a", 1);
    put(&clean, "b", 2);
    put(&clean2, "a", 3);
    assert_int_equal(pl_kept_copy(store, "clean", store, "other", NULL), PL_OK);
    assert_kept(&other, "a=1 b=2 ");
    assert_int_equal(pl_kept_forget(store, "clean", NULL), PL_OK);
    assert_kept(&clean, "");
    assert_kept(&clean2, "a=3 ");
    assert_kept(&other, "a=1 b=2 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_survive_in_order_each_node_its_own),
        TEST(a_damaged_value_is_told),
        TEST(what_is_too_long_is_refused),
        TEST(they_go_to_another_name),
        TEST(a_node_takes_its_values_to_its_new_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
