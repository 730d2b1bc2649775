#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void count(void *arg) {
    ++*(unsigned *)arg;
}

/* An engine that comes and goes before the server has looked posts the same twice. */
static void what_waits_is_called_once(void **state) {
    (void)state;
    struct pl_http_server *server;
    struct pl_http_posted posted = {.waits = false}, other = {.waits = false};
    unsigned first = 0, second = 0;
    assert_int_equal(pl_http_new(PL_HTTP_WATCHERS, &server, NULL), PL_OK);
    pl_http_post(server, &posted, count, &first);
    pl_http_post(server, &posted, count, &first);
    pl_http_post(server, &other, count, &second);
    pl_http_post(server, &posted, count, &first);
    assert_int_equal(pl_http_start(server, NULL), PL_OK);
    pl_http_free(server);
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
}

struct again {
    struct pl_http_server *server;
    struct pl_http_posted posted;
    unsigned left;
};

static void post_again(void *arg) {
    struct again *again = arg;
    if (--again->left) pl_http_post(again->server, &again->posted, post_again, again);
}

static void what_is_called_may_be_posted_again(void **state) {
    (void)state;
    struct again again = {.left = 1};
    assert_int_equal(pl_http_new(PL_HTTP_WATCHERS, &again.server, NULL), PL_OK);
    pl_http_post(again.server, &again.posted, post_again, &again);
    assert_int_equal(pl_http_start(again.server, NULL), PL_OK);
    pl_http_free(again.server);
    assert_int_equal(again.left, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_called_once),
        cmocka_unit_test(what_is_called_may_be_posted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
