#include "http/rest_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

enum { LISTS = 32, MOST = 32 << 20 };

static struct pl_rest rest;

static int setup(void **state) {
    (void)state;
    rest.pages = pl__pages_new();
    return rest.pages ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pl__pages_free(rest.pages);
    return 0;
}

struct asked {
    struct pl_http_request request;
    struct pl__call call;
    char path[64];
};

static void ask(struct asked *asked, unsigned number, const char *user) {
    *asked = (struct asked){.call = {.rest = &rest, .who = {.known = true}}};
    snprintf(asked->path, sizeof asked->path, "/v1/things/%u", number);
    asked->request.path = asked->path;
    asked->request.argument[asked->request.arguments++] = "limit=1";
    asked->call.request = &asked->request;
    snprintf(asked->call.who.name, sizeof asked->call.who.name, "%s", user);
}

/* The number that the rows of this list are kept under; 0: they are not. */
static uint64_t keep(unsigned number, const char *user, size_t size) {
    struct asked asked;
    ask(&asked, number, user);
    asked.call.result = (struct pl__result){.rows = pl_alloc(size), .size = size, .count = 2};
    assert_non_null(asked.call.result.rows);
    *(char *)asked.call.result.rows = (char)number;
    pl__pages_keep(&asked.call, 1);
    pl__result_free(&asked.call.result);
    asked.call.next[asked.call.next_size] = 0;
    unsigned long kept = 0;
    return sscanf(asked.call.next, "s%lu.1", &kept) == 1 ? kept : 0;
}

static bool is_kept(unsigned number, const char *user, uint64_t kept) {
    struct asked asked;
    struct pl__result result;
    uint64_t found;
    ask(&asked, number, user);
    asked.call.kept = kept;
    if (!pl__pages_find(&asked.call, &result, &found)) return false;
    assert_int_equal(found, kept);
    assert_int_equal(*(const char *)result.rows, (char)number);
    return true;
}

static void the_newest_lists_are_kept(void **state) {
    uint64_t kept[LISTS + 3];
    (void)state;
    for (unsigned i = 0; i < LISTS + 3; i++)
        kept[i] = keep(i, "anna", 100);
    for (unsigned i = 0; i < LISTS + 3; i++)
        assert_int_equal(is_kept(i, "anna", kept[i]), i >= 3);
}

static void all_of_them_are_not_too_large(void **state) {
    (void)state;
    uint64_t first = keep(1, "anna", MOST / 2), second = keep(2, "anna", MOST / 2 - 100);
    assert_true(is_kept(1, "anna", first));
    assert_true(is_kept(2, "anna", second));
    uint64_t third = keep(3, "anna", 101);
    assert_false(is_kept(1, "anna", first)); /* the one that was kept first makes room */
    assert_true(is_kept(2, "anna", second));
    assert_true(is_kept(3, "anna", third));
    assert_int_equal(keep(4, "anna", (size_t)MOST + 1), 0); /* it is made anew for each page */
    assert_true(is_kept(3, "anna", third));
    assert_true(is_kept(5, "anna", keep(5, "anna", MOST)));
    assert_false(is_kept(3, "anna", third));
}

static void a_list_is_its_own_users_and_requests(void **state) {
    (void)state;
    uint64_t kept = keep(1, "anna", 100);
    assert_true(is_kept(1, "anna", kept));
    assert_false(is_kept(1, "olaf", kept));
    assert_false(is_kept(2, "anna", kept));
    assert_false(is_kept(1, "anna", kept + 1));
    assert_false(is_kept(1, "anna", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_lists_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(all_of_them_are_not_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_is_its_own_users_and_requests, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
