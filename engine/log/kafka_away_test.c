/* When brokers are away: nobody answers what was asked; and when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "log/kafka_away.h"
#include "log/kafka_away_impl.h"

enum { FETCH = 1, JOIN_GROUP = 11 };

static void a_port_for_tls_ends_plain_connections(void **state) {
    (void)state;
    assert_string_equal(pl__kafka_away_hint(), "");
    pl__kafka_away_cut();
    assert_non_null(strstr(pl__kafka_away_hint(), "security.protocol"));
    pl__kafka_away_answered(1); /* so it is none */
    assert_string_equal(pl__kafka_away_hint(), "");
}

static int there(void **state) {
    (void)state;
    pl__kafka_away_failed("", 1);
    pl__kafka_away_answered(2); /* nothing is open any more */
    return 0;
}

static void what_is_not_answered_for_seconds_says_so(void **state) {
    (void)state;
    pl__kafka_away_answered(5 * PL_SECOND);
    pl__kafka_away_sent(FETCH, 6 * PL_SECOND);
    assert_int_equal(pl__kafka_away_since(8 * PL_SECOND), 0);
    pl__kafka_away_sent(FETCH, 9 * PL_SECOND); /* the first one counts */
    assert_int_equal(pl__kafka_away_since(10 * PL_SECOND), 5 * PL_SECOND);
    pl__kafka_away_answered(11 * PL_SECOND);
    assert_int_equal(pl__kafka_away_since(20 * PL_SECOND), 0);
}

static void who_asks_nothing_misses_nothing(void **state) {
    (void)state;
    assert_int_equal(pl__kafka_away_since(PL_HOUR), 0);
    pl__kafka_away_sent(JOIN_GROUP, 6 * PL_SECOND); /* is answered when the others have come */
    assert_int_equal(pl__kafka_away_since(PL_HOUR), 0);
}

static void a_connection_that_fails_says_so_too(void **state) {
    (void)state;
    pl__kafka_away_failed("localhost:1/bootstrap: Connect failed: Connection refused", 6 * PL_SECOND);
    assert_int_equal(pl__kafka_away_since(7 * PL_SECOND), 0);
    assert_int_equal(pl__kafka_away_since(10 * PL_SECOND), 2); /* as of the last answer */
    assert_false(pl_kafka_refused(NULL, 0));
}

static void who_is_refused_does_not_wait(void **state) {
    (void)state;
    char text[PL_KAFKA_AWAY_TEXT];
    pl__kafka_away_failed("h:1/bootstrap: SASL authentication error: Authentication failed", 6 * PL_SECOND);
    assert_true(pl_kafka_refused(text, sizeof text));
    assert_non_null(strstr(text, "SASL authentication error"));
    pl__kafka_away_answered(7 * PL_SECOND);
    assert_false(pl_kafka_refused(text, sizeof text));
}

static void they_are_called_by_their_names(void **state) {
    (void)state;
    char text[PL_KAFKA_AWAY_TEXT];
    pl_kafka_away_begin("a:9092,b:9092");
    pl__kafka_away_sent(FETCH, pl_clock_monotonic() - 10 * PL_SECOND);
    assert_true(pl_kafka_away(text, sizeof text));
    assert_non_null(strstr(text, "the brokers (a:9092,b:9092) do not answer since "));
    assert_non_null(strstr(text, "UTC"));
    pl_kafka_away_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_for_tls_ends_plain_connections), /* before anybody has answered */
        cmocka_unit_test_setup(what_is_not_answered_for_seconds_says_so, there),
        cmocka_unit_test_setup(who_asks_nothing_misses_nothing, there),
        cmocka_unit_test_setup(a_connection_that_fails_says_so_too, there),
        cmocka_unit_test_setup(who_is_refused_does_not_wait, there),
        cmocka_unit_test_setup(they_are_called_by_their_names, there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
