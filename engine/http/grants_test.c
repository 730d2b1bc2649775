#include "http/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;
static struct pl_grants *grants;
static const struct pl_user anna = {.name = "anna", .role = PL_ROLE_ENGINEER, .created = 1, .changed = 2};
static const pl_time now = 1000 * PL_DAY;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    grants = pl_grants_new();
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_grants_free(grants);
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static struct pl_grant begin(const struct pl_user *user, pl_time at) {
    struct pl_grant grant;
    assert_int_equal(pl_grants_begin(grants, store, user, at, &grant, NULL), PL_OK);
    return grant;
}

static enum pl_code renew(const char *refresh, pl_time at, struct pl_grant *grant, bool *reused) {
    return pl_grants_renew(grants, store, refresh, at, grant, reused, NULL);
}

static void a_refresh_token_is_good_once(void **state) {
    (void)state;
    char first[PL_REFRESH_TEXT], second[PL_REFRESH_TEXT];
    struct pl_grant grant = begin(&anna, now), again;
    bool reused;
    pl_grant_refresh_put(&grant, first);
    assert_int_equal(renew(first, now + 1, &again, &reused), PL_OK);
    assert_string_equal(again.id, grant.id);
    assert_string_equal(again.user, "anna");
    pl_grant_refresh_put(&again, second);
    assert_string_not_equal(first, second);
    assert_int_equal(renew(first, now + 2, &again, &reused), PL_DENIED);
    assert_true(reused);
    assert_null(pl_grants_find(grants, grant.id)); /* whoever has the other one is out, too */
    assert_int_equal(renew(second, now + 3, &again, &reused), PL_DENIED);
    assert_false(reused);
}

static void what_was_never_given_out_ends_nothing(void **state) {
    (void)state;
    char token[PL_REFRESH_TEXT], other[PL_REFRESH_TEXT];
    struct pl_grant grant = begin(&anna, now), again;
    bool reused;
    pl_grant_refresh_put(&grant, token);
    for (size_t i = 0; token[i]; i++) {
        memcpy(other, token, sizeof other);
        other[i] = other[i] == '0' ? '1' : '0';
        assert_int_equal(renew(other, now, &again, &reused), PL_DENIED);
        assert_false(reused);
    }
    static const char *const bad[] = {"", ".", "..", "x.1.y", "00000000000000000000000000000000.1.x"};
    for (unsigned i = 0; i < PL_COUNT_OF(bad); i++)
        assert_int_equal(renew(bad[i], now, &again, &reused), PL_DENIED);
    assert_int_equal(renew(token, now, &again, &reused), PL_OK);
}

static void time_ends_it(void **state) {
    (void)state;
    char token[PL_REFRESH_TEXT];
    struct pl_grant grant = begin(&anna, now), again;
    bool reused;
    pl_grant_refresh_put(&grant, token);
    assert_int_equal(renew(token, now + PL_GRANT_IDLE + 1, &again, &reused), PL_DENIED);
    assert_false(reused);
    grant = begin(&anna, now);
    pl_time at = now;
    while (pl_grant_refresh_put(&grant, token), renew(token, at, &grant, &reused) == PL_OK)
        at += PL_GRANT_IDLE;
    assert_true(at - now > PL_GRANT_LONGEST && at - now <= PL_GRANT_LONGEST + PL_GRANT_IDLE);
    begin(&anna, now);
    pl_grants_sweep(grants, store, now + PL_GRANT_IDLE + 1);
    assert_null(pl_grants_next(grants, NULL));
}

static void a_restart_signs_nobody_out(void **state) {
    (void)state;
    char token[PL_REFRESH_TEXT];
    struct pl_grant grant = begin(&anna, now), again;
    bool reused;
    begin(&anna, now - PL_GRANT_LONGEST - 1);
    pl_grant_refresh_put(&grant, token);
    assert_int_equal(pl_grants_load(grants, store, now, NULL), PL_OK);
    const struct pl_grant *found = pl_grants_next(grants, NULL);
    assert_string_equal(found->id, grant.id);
    assert_int_equal(found->changed, anna.changed);
    assert_null(pl_grants_next(grants, found));
    assert_int_equal(renew(token, now, &again, &reused), PL_OK);
    pl_grants_end(grants, store, grant.id);
    assert_int_equal(pl_grants_load(grants, store, now, NULL), PL_OK);
    assert_null(pl_grants_next(grants, NULL));
}

/* The oldest of the same user goes, never somebody else's. */
static void one_user_does_not_crowd_others_out(void **state) {
    (void)state;
    const struct pl_user bert = {.name = "bert", .changed = 3};
    struct pl_grant other = begin(&bert, now - 5), first = begin(&anna, now);
    for (unsigned i = 1; i < PL_GRANTS_USER_MAX; i++)
        begin(&anna, now + i);
    assert_non_null(pl_grants_find(grants, first.id));
    begin(&anna, now + PL_GRANTS_USER_MAX);
    assert_null(pl_grants_find(grants, first.id));
    assert_non_null(pl_grants_find(grants, other.id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_refresh_token_is_good_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_never_given_out_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(time_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_signs_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(one_user_does_not_crowd_others_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
