/* A question to a registry whose name server does not answer is over soon after nobody wants to know any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "rest.h"

enum { SILENCE = 12, PATIENCE = 6 /* s */ };

/* In place of the C library's, for libcurl too. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    (void)name, (void)service, (void)hints, (void)found;
    sleep(SILENCE);
    return EAI_AGAIN;
}

static void *leave(void *gone) {
    usleep(100000);
    __atomic_store_n((bool *)gone, true, __ATOMIC_RELAXED);
    return NULL;
}

static void test_no_name_server(void **state) {
    (void)state;
    struct pl__rest_options options = {.url = "http://registry.plant:8081",
                                       .user = "",
                                       .password = "",
                                       .ca = "",
                                       .timeout = 60 * PL_SECOND,
                                       .certificate = "",
                                       .key = "",
                                       .key_password = ""};
    struct pl__rest *rest = pl__rest_new(&options);
    struct pl__answer answer;
    pthread_t thread;
    bool gone = false;
    time_t begun = time(NULL);
    assert_non_null(rest);
    assert_int_equal(pthread_create(&thread, NULL, leave, &gone), 0);
    pl__rest_ask(rest, "/schemas/ids/1", NULL, &gone, &answer);
    assert_int_equal(answer.status, 0);
    assert_true(answer.why[0] != 0);
    pl__answer_fini(&answer);
    pl__rest_free(rest);
    assert_true(time(NULL) - begun < PATIENCE);
    pthread_join(thread, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_name_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
