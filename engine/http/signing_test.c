#include "http/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;
static struct pl_signing signing;
static const pl_time now = 1000 * PL_DAY;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    memset(&signing, 0, sizeof signing);
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_signing_fini(&signing);
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static void load(pl_time at) {
    assert_int_equal(pl_signing_load(&signing, store, at, NULL), PL_OK);
    assert_non_null(pl_signing_key(&signing));
}

/* A token of the key that signs now, which lives as long as access tokens do. */
static char *sign(pl_time at) {
    json_t *claims =
        json_pack("{s:s, s:s, s:I}", "iss", "us", "aud", "you", "exp", (json_int_t)((at + PL_ACCESS_LIFE) / PL_SECOND));
    char *token = pl_jwt_sign(pl_signing_key(&signing), claims);
    json_decref(claims);
    assert_non_null(token);
    return token;
}

static bool is_good(const char *token, pl_time at) {
    struct pl_jwt_wants wants = {.issuer = "us", .audience = "you", .now = at / PL_SECOND};
    json_t *claims;
    bool good = pl_jwt_verify(token, &signing.keys, &wants, &claims, NULL) == PL_OK;
    json_decref(claims);
    return good;
}

static void a_restart_keeps_the_key(void **state) {
    (void)state;
    load(now);
    char *token = sign(now);
    struct pl_jwt_key before = *pl_signing_key(&signing);
    load(now + 1);
    assert_int_equal(signing.keys.count, 1);
    assert_memory_equal(pl_signing_key(&signing)->secret, before.secret, PL_JWT_SECRET);
    assert_true(is_good(token, now + 1));
    pl_free(token);
}

/* Tokens of the last moment of a key live on, and end with it. */
static void a_day_makes_another_one(void **state) {
    (void)state;
    load(now);
    pl_time last = now + PL_SIGNING_LIFE;
    char *token = sign(last);
    load(last + PL_SECOND);
    assert_int_equal(signing.keys.count, 2);
    char *other = sign(last + PL_SECOND);
    assert_true(is_good(token, last + PL_SECOND));
    assert_true(is_good(other, last + PL_SECOND));
    assert_false(is_good(token, last + PL_ACCESS_LIFE + PL_SECOND));
    load(last + PL_ACCESS_LIFE + PL_SECOND);
    assert_int_equal(signing.keys.count, 1); /* the first is gone, for good */
    assert_false(is_good(token, last));
    assert_true(is_good(other, last + PL_SECOND));
    pl_free(token);
    pl_free(other);
}

static void keys_of_the_future_are_no_keys(void **state) {
    (void)state;
    load(now + PL_DAY);
    char *token = sign(now);
    load(now); /* the clock was set back */
    assert_int_equal(signing.keys.count, 1);
    assert_false(is_good(token, now));
    pl_free(token);
}

static void rotation_never_runs_out_of_room(void **state) {
    (void)state;
    load(now);
    for (unsigned i = 1; i < 3 * PL_JWT_KEYS; i++)
        assert_int_equal(pl_signing_rotate(&signing, store, now + i, NULL), PL_OK);
    assert_int_equal(signing.keys.count, PL_JWT_KEYS);
    char *token = sign(now);
    assert_true(is_good(token, now));
    load(now + 3 * PL_JWT_KEYS);
    assert_true(is_good(token, now));
    pl_free(token);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_restart_keeps_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_day_makes_another_one, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_of_the_future_are_no_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(rotation_never_runs_out_of_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
