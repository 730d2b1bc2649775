/* A lease: from when a good heartbeat was sent, and that it was good is known when the next one is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/kafka_lease.h"

enum { SESSION = 1000 };

static void beat(struct pl__kafka_lease *lease, int64_t at) {
    pl__kafka_lease_sent(lease, PL__KAFKA_HEARTBEAT, at);
    pl__kafka_lease_answered(lease, PL__KAFKA_HEARTBEAT);
}

static void join(struct pl__kafka_lease *lease, int64_t at) {
    pl__kafka_lease_sent(lease, PL__KAFKA_SYNC_GROUP, at);
    pl__kafka_lease_answered(lease, PL__KAFKA_SYNC_GROUP);
    pl__kafka_lease_give(lease);
}

static void follows_heartbeats(void **state) {
    (void)state;
    struct pl__kafka_lease lease = {.session = SESSION};
    join(&lease, 100);
    assert_int_equal(lease.until, 1100);
    beat(&lease, 400); /* which may have been refused */
    assert_int_equal(lease.until, 1100);
    beat(&lease, 700);
    assert_int_equal(lease.until, 1400);
    beat(&lease, 5000); /* held up in between: what came before it counts, and not itself */
    assert_int_equal(lease.until, 1700);
}

static void starts_anew(void **state) {
    (void)state;
    struct pl__kafka_lease lease = {.session = SESSION};
    join(&lease, 100);
    beat(&lease, 400);
    pl__kafka_lease_end(&lease);
    assert_int_equal(lease.until, 0);
    beat(&lease, 700); /* on its way when all was lost */
    beat(&lease, 800); /* sent before the loss was heard of everywhere */
    assert_int_equal(lease.until, 0);
    join(&lease, 900);
    assert_int_equal(lease.until, 1900);
    beat(&lease, 1000); /* of before the group changed nothing counts */
    assert_int_equal(lease.until, 1900);
    beat(&lease, 1300);
    assert_int_equal(lease.until, 2000);
}

static void never_shorter(void **state) {
    (void)state;
    struct pl__kafka_lease lease = {.session = SESSION};
    join(&lease, 100);
    beat(&lease, 200);
    beat(&lease, 900);
    assert_int_equal(lease.until, 1200);
    pl__kafka_lease_give(&lease); /* again, of the same answer */
    assert_int_equal(lease.until, 1200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_heartbeats),
        cmocka_unit_test(starts_anew),
        cmocka_unit_test(never_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
