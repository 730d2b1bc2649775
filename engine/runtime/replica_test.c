/* replica_test.c: what is known of a folder's state of a group's partitions, and when it is not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/replica.h"

static const bool first[] = {true, false}, second[] = {false, true};
static struct pl_replicas *replicas;

static int setup(void **state) {
    (void)state;
    replicas = pl_replicas_new();
    return !replicas || !pl_replicas_fit(replicas, 1, first, 2);
}

static int teardown(void **state) {
    (void)state;
    pl_replicas_free(replicas);
    return 0;
}

static void tell(uint64_t number, unsigned partition, int64_t behind) {
    uint64_t sequences[] = {7, 8};
    struct pl_epoch epoch = {.number = number, .partitions = 2, .sequence = sequences};
    struct pl_pack *pack = pl_pack_new();
    pl_epoch_pack(&epoch, pack);
    pl_replicas_told(replicas, pl_pack_data(pack), pl_pack_size(pack));
    pl_replica_is_told(replicas, partition, behind);
    pl_pack_free(pack);
}

static uint64_t epoch_of(unsigned partition) {
    struct pl_epoch epoch = {0};
    assert_true(pl_replica_epoch(replicas, partition, &epoch));
    uint64_t number = epoch.number;
    pl_epoch_fini(&epoch);
    return number;
}

static void nothing_is_known_at_first(void **state) {
    (void)state;
    int64_t from;
    assert_false(pl_replica_knows(replicas, 0, &from));
    assert_false(pl_replica_knows(replicas, 2, &from)); /* there is none */
    assert_int_equal(epoch_of(0), 0);
}

static void a_checkpoint_of_our_own_is_known(void **state) {
    (void)state;
    int64_t from;
    tell(5, 0, 100);
    assert_true(pl_replica_knows(replicas, 0, &from));
    assert_int_equal(from, 100);
    assert_int_equal(epoch_of(0), 5);
    assert_false(pl_replica_knows(replicas, 1, &from));
    tell(6, 0, -1); /* the brokers have not said where it stands */
    assert_false(pl_replica_knows(replicas, 0, &from));
}

/* The checkpoints that follow have no part of it. */
static void what_is_given_away_stays_as_it_was(void **state) {
    (void)state;
    int64_t from;
    tell(5, 0, 100);
    assert_true(pl_replicas_fit(replicas, 1, second, 2));
    tell(6, 1, 200);
    assert_true(pl_replica_knows(replicas, 0, &from));
    assert_int_equal(from, 100);
    assert_int_equal(epoch_of(0), 5);
    assert_int_equal(epoch_of(1), 6);
    pl_replica_forget(replicas, 0);
    assert_false(pl_replica_knows(replicas, 0, &from));
    assert_true(pl_replica_knows(replicas, 1, &from));
}

static void another_graph_knows_nothing(void **state) {
    (void)state;
    int64_t from;
    tell(5, 0, 100);
    assert_true(pl_replicas_fit(replicas, 2, first, 2));
    assert_false(pl_replica_knows(replicas, 0, &from));
    tell(6, 0, 100);
    assert_true(pl_replicas_fit(replicas, 2, first, 1));
    assert_false(pl_replica_knows(replicas, 0, &from));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_at_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_our_own_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_given_away_stays_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(another_graph_knows_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
