/* A question to a registry whose name server does not answer keeps nobody waiting, neither by its time-out nor its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <netdb.h>
#include <unistd.h>
#include <uv.h>

#include "rest.h"

enum { SILENCE = 12, PATIENCE = 6 /* s */ };

/* In place of the C library's, for libcurl too. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **found) {
    (void)name, (void)service, (void)hints, (void)found;
    sleep(SILENCE);
    return EAI_AGAIN;
}

struct asked {
    struct pl__rest *rest;
    unsigned answers;
};

static void answered(void *user, const struct pl__answer *answer) {
    struct asked *asked = user;
    asked->answers++;
    assert_int_equal(answer->status, 0);
    assert_true(answer->why[0] != 0);
}

static void on_end(uv_timer_t *timer) {
    struct asked *asked = timer->data;
    pl__rest_free(asked->rest);
    uv_close((uv_handle_t *)timer, NULL);
}

static unsigned ask(pl_time timeout) {
    struct pl__rest_options options = {.url = "http://registry.plant:8081",
                                       .user = "",
                                       .password = "",
                                       .ca = "",
                                       .timeout = timeout,
                                       .certificate = "",
                                       .key = "",
                                       .key_password = ""};
    struct asked asked = {0};
    uv_loop_t loop;
    uv_timer_t end;
    time_t begun = time(NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    asked.rest = pl__rest_new(&options, &loop, answered, &asked);
    assert_non_null(asked.rest);
    assert_true(pl__rest_ask(asked.rest, "/schemas/ids/1", NULL));
    uv_timer_init(&loop, &end);
    end.data = &asked;
    uv_timer_start(&end, on_end, 1000, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_true(time(NULL) - begun < PATIENCE);
    return asked.answers;
}

static void test_no_name_server(void **state) {
    (void)state;
    assert_int_equal(ask(300 * PL_MILLISECOND), 1);
    assert_int_equal(ask(60 * PL_SECOND), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_name_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
