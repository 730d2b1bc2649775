#include "http/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static struct pl_limits *limits;
static const pl_time now = 1000 * PL_SECOND, minute = 60 * PL_SECOND;

static int setup(void **state) {
    (void)state;
    limits = pl_limits_new();
    return limits ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pl_limits_free(limits);
    return 0;
}

static unsigned taken(const char *address, pl_time at, unsigned most) {
    unsigned count = 0, wait;
    while (count < most && pl_limits_take(limits, PL_LIMITED_STRANGERS, address, at, &wait))
        count++;
    return count;
}

static void a_bucket_empties_and_fills(void **state) {
    (void)state;
    assert_int_equal(taken("10.0.0.1", now, 1000), 100);
    assert_int_equal(taken("10.0.0.1", now, 1000), 0);
    assert_int_equal(taken("10.0.0.2", now, 1000), 100); /* others have their own */
    assert_int_equal(taken("10.0.0.1", now + PL_SECOND, 1000), 20);
    assert_int_equal(taken("10.0.0.1", now + minute, 1000), 100);
    unsigned wait;
    assert_true(pl_limits_take(limits, PL_LIMITED_REQUESTS, "10.0.0.1", now, &wait)); /* nor does the other kind */
}

static bool begin(const char *user, const char *address, pl_time at) {
    unsigned wait;
    return pl_limits_begin_login(limits, user, address, at, &wait);
}

static void end(const char *user, const char *address, enum pl_login login) {
    pl_limits_end_login(limits, user, address, login, now);
}

static bool may(const char *user, const char *address, pl_time at, unsigned *wait) {
    bool let_in = pl_limits_begin_login(limits, user, address, at, wait);
    if (let_in) pl_limits_end_login(limits, user, address, PL_LOGIN_UNDECIDED, at);
    return let_in;
}

static void fail_times(const char *user, const char *address, unsigned times) {
    while (times--) {
        assert_true(begin(user, address, now));
        end(user, address, PL_LOGIN_WRONG);
    }
}

static void five_wrong_ones_lock_a_user_at_an_address(void **state) {
    (void)state;
    unsigned wait;
    fail_times("anna", "10.0.0.1", 4);
    assert_true(may("anna", "10.0.0.1", now, &wait));
    fail_times("anna", "10.0.0.1", 1);
    assert_false(may("anna", "10.0.0.1", now, &wait));
    assert_in_range(wait, 299, 301);
    assert_true(may("anna", "10.0.0.2", now, &wait));
    assert_true(may("bert", "10.0.0.1", now, &wait));
    assert_false(may("anna", "10.0.0.1", now + 5 * minute - 1, &wait));
    assert_true(may("anna", "10.0.0.1", now + 5 * minute, &wait));
}

static void a_good_one_and_time_forgive(void **state) {
    (void)state;
    unsigned wait;
    fail_times("anna", "10.0.0.1", 4);
    assert_true(begin("anna", "10.0.0.1", now));
    end("anna", "10.0.0.1", PL_LOGIN_GOOD);
    fail_times("anna", "10.0.0.1", 4);
    assert_true(may("anna", "10.0.0.1", now, &wait));
    assert_true(begin("anna", "10.0.0.1", now + 16 * minute));
    pl_limits_end_login(limits, "anna", "10.0.0.1", PL_LOGIN_WRONG, now + 16 * minute);
    assert_true(may("anna", "10.0.0.1", now + 16 * minute, &wait));
}

/* Many names from one address, and many addresses for one name. */
static void an_address_and_a_user_are_locked_too(void **state) {
    (void)state;
    unsigned wait;
    char name[32];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "user%u", i);
        assert_true(may(name, "10.0.0.1", now, &wait));
        fail_times(name, "10.0.0.1", 1);
    }
    assert_false(may("bert", "10.0.0.1", now, &wait));
    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "10.1.0.%u", i);
        assert_true(may("carl", name, now, &wait));
        fail_times("carl", name, 1);
    }
    assert_false(may("carl", "10.2.0.1", now, &wait));
}

/* A hundred at once get no further than a hundred one after the other. */
static void tries_at_once_are_as_few(void **state) {
    (void)state;
    unsigned let_in = 0, wait;
    for (unsigned i = 0; i < 100; i++)
        let_in += begin("anna", "10.0.0.1", now);
    assert_int_equal(let_in, 5);
    assert_true(begin("bert", "10.0.0.1", now));
    for (unsigned i = 0; i < 5; i++)
        end("anna", "10.0.0.1", i ? PL_LOGIN_GOOD : PL_LOGIN_UNDECIDED);
    assert_true(may("anna", "10.0.0.1", now, &wait)); /* nobody was wrong */
    for (unsigned i = 0; i < 5; i++)
        assert_true(begin("anna", "10.0.0.1", now));
    for (unsigned i = 0; i < 5; i++)
        end("anna", "10.0.0.1", PL_LOGIN_WRONG);
    assert_false(may("anna", "10.0.0.1", now, &wait));
    assert_in_range(wait, 299, 301);
}

/* Or one peer would have as many tries as it has addresses. */
static void an_address_of_ipv6_is_a_network(void **state) {
    (void)state;
    unsigned wait, let_in = 0;
    char address[64];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(address, sizeof address, "2001:db8:0:1::%x", i + 1);
        let_in += pl_limits_take(limits, PL_LIMITED_STRANGERS, address, now, &wait);
    }
    assert_int_equal(let_in, 100);
    assert_true(pl_limits_take(limits, PL_LIMITED_STRANGERS, "2001:db8:0:2::1", now, &wait));
    assert_true(pl_limits_take(limits, PL_LIMITED_STRANGERS, "::ffff:10.0.0.1", now, &wait));
    for (unsigned i = 0; i < 5; i++) {
        snprintf(address, sizeof address, "2001:db8::%x", i + 1);
        assert_true(begin("anna", address, now));
    }
    assert_false(begin("anna", "2001:db8::ffff", now));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bucket_empties_and_fills, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_of_ipv6_is_a_network, setup, teardown),
        cmocka_unit_test_setup_teardown(five_wrong_ones_lock_a_user_at_an_address, setup, teardown),
        cmocka_unit_test_setup_teardown(a_good_one_and_time_forgive, setup, teardown),
        cmocka_unit_test_setup_teardown(tries_at_once_are_as_few, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_and_a_user_are_locked_too, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
