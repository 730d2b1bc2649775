#include "control/users.h"

#include <potline/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "store/folder_testing.h"

#define PASSWORD "correct horse"

static char *folder;
static struct pl_store *store;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    return pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL);
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static void assert_refused(enum pl_code code, enum pl_code expected, struct pl_error **error, const char *text) {
    assert_int_equal(code, expected);
    assert_non_null(*error);
    if (!strstr((*error)->text, text)) fail_msg("\"%s\" does not say %s", (*error)->text, text);
    pl_error_free(error);
}

static void add(const char *name, enum pl_role role) {
    assert_int_equal(pl_users_add(store, name, role, PASSWORD, 5, NULL), PL_OK);
}

static void count_user(void *arg, const struct pl_user *user) {
    (void)user;
    ++*(unsigned *)arg;
}

static void one_is_added_found_and_verified(void **state) {
    (void)state;
    struct pl_user user;
    struct pl_error *error = NULL;
    add("anna.larsen", PL_ROLE_ENGINEER);
    assert_int_equal(pl_users_find(store, "anna.larsen", &user, NULL), PL_OK);
    assert_string_equal(user.name, "anna.larsen");
    assert_int_equal(user.role, PL_ROLE_ENGINEER);
    assert_int_equal(user.created, 5);
    assert_int_equal(pl_users_verify(store, "anna.larsen", PASSWORD, &user, NULL), PL_OK);
    assert_refused(pl_users_verify(store, "anna.larsen", PASSWORD "s", &user, &error), PL_NOT_FOUND, &error, "another");
    assert_refused(pl_users_verify(store, "nobody", PASSWORD, &user, &error), PL_NOT_FOUND, &error, "another");
    assert_refused(pl_users_find(store, "nobody", &user, &error), PL_NOT_FOUND, &error, "\"nobody\"");
    assert_refused(pl_users_add(store, "anna.larsen", PL_ROLE_ADMIN, PASSWORD, 6, &error), PL_CONFLICT, &error,
                   "already");
}

static void a_new_password_replaces_the_old(void **state) {
    (void)state;
    struct pl_user user;
    add("anna", PL_ROLE_OPERATOR);
    assert_int_equal(pl_users_set_password(store, "anna", "another one", 9, NULL), PL_OK);
    assert_int_equal(pl_users_verify(store, "anna", PASSWORD, &user, NULL), PL_NOT_FOUND);
    assert_int_equal(pl_users_verify(store, "anna", "another one", &user, NULL), PL_OK);
    assert_int_equal(user.created, 5);
    assert_int_equal(user.changed, 9);
    assert_int_equal(pl_users_set_password(store, "bert", "another one", 9, NULL), PL_NOT_FOUND);
}

static void an_admin_stays(void **state) {
    (void)state;
    struct pl_user user;
    struct pl_error *error = NULL;
    unsigned count = 0;
    add("boss", PL_ROLE_ADMIN);
    add("anna", PL_ROLE_OPERATOR);
    assert_refused(pl_users_remove(store, "boss", &error), PL_CONFLICT, &error, "last admin");
    assert_refused(pl_users_set_role(store, "boss", PL_ROLE_MANAGER, &error), PL_CONFLICT, &error, "last admin");
    assert_int_equal(pl_users_set_role(store, "anna", PL_ROLE_ADMIN, NULL), PL_OK);
    assert_int_equal(pl_users_remove(store, "boss", NULL), PL_OK);
    assert_int_equal(pl_users_find(store, "boss", &user, NULL), PL_NOT_FOUND);
    assert_int_equal(pl_users_remove(store, "boss", NULL), PL_NOT_FOUND);
    assert_refused(pl_users_remove(store, "anna", &error), PL_CONFLICT, &error, "last admin");
    assert_int_equal(pl_users_each(store, count_user, &count, NULL), PL_OK);
    assert_int_equal(count, 1);
}

static enum pl_code add_code(const char *name, const char *password) {
    return pl_users_add(store, name, PL_ROLE_OPERATOR, password, 0, NULL);
}

static void names_and_passwords_have_limits(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".a", "a b", "a/b", "-a", "a\n", "\xc3\xa5"};
    char name[PL_USER_NAME_MAX + 2] = "", password[PL_PASSWORD_MAX + 2] = "";
    for (size_t i = 0; i < PL_COUNT_OF(bad); i++)
        assert_int_equal(add_code(bad[i], PASSWORD), PL_RANGE);
    memset(name, 'n', PL_USER_NAME_MAX + 1);
    assert_int_equal(add_code(name, PASSWORD), PL_RANGE);
    name[PL_USER_NAME_MAX] = 0;
    assert_int_equal(add_code(name, PASSWORD), PL_OK);
    memset(password, 'p', PL_PASSWORD_MAX + 1);
    assert_int_equal(add_code("anna", password), PL_RANGE);
    password[PL_PASSWORD_MAX] = 0;
    assert_int_equal(add_code("anna", password), PL_OK);
    assert_int_equal(add_code("bert", "1234567"), PL_RANGE);
    assert_int_equal(add_code("bert", "\xc3\xa5\xc3\xa5\xc3\xa5\xc3\xa5"), PL_RANGE); /* four characters */
    assert_int_equal(add_code("bert", "12345678"), PL_OK);
    assert_int_equal(pl_users_add(store, "carl", PL_ROLES, PASSWORD, 0, NULL), PL_RANGE);
}

static void put_value(const char *name, const void *value, size_t size) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_USERS], name, strlen(name), value, size);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void a_changed_record_is_told_whatever_byte_it_is(void **state) {
    (void)state;
    void *value;
    size_t size;
    unsigned count = 0;
    struct pl_user user;
    struct pl_error *error = NULL;
    add("anna", PL_ROLE_OPERATOR);
    assert_int_equal(pl_store_get(store, PL_STORE_USERS, "anna", 4, &value, &size, NULL), PL_OK);
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)value)[i] ^= 1;
        put_value("anna", value, size);
        assert_refused(pl_users_find(store, "anna", &user, &error), PL_CORRUPT, &error, "\"anna\" is damaged");
        ((uint8_t *)value)[i] ^= 1;
    }
    assert_int_equal(pl_users_each(store, count_user, &count, NULL), PL_CORRUPT);
    put_value("bert", value, size); /* the record of somebody else */
    assert_int_equal(pl_users_verify(store, "bert", PASSWORD, &user, NULL), PL_CORRUPT);
    put_value("anna", value, size);
    assert_int_equal(pl_users_verify(store, "anna", PASSWORD, &user, NULL), PL_OK);
    pl_free(value);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_is_added_found_and_verified),
        TEST(a_new_password_replaces_the_old),
        TEST(an_admin_stays),
        TEST(names_and_passwords_have_limits),
        TEST(a_changed_record_is_told_whatever_byte_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
