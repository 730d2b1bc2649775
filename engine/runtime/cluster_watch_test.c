/* When an engine of a group says something of another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cluster_watch.h"

static struct pl_cluster_watch watch;
static struct pl_cluster_engine engine;

static int setup(void **state) {
    (void)state;
    watch = (struct pl_cluster_watch){0};
    engine = (struct pl_cluster_engine){.identity = "0123456789abcdef", .graph = 5};
    return 0;
}

static enum pl_cluster_event look(int seconds) {
    return pl_cluster_watch_look(&watch, &engine, 5, true, (100 + seconds) * PL_SECOND);
}

static void one_that_is_not_heard_of_is_told_once(void **state) {
    (void)state;
    assert_int_equal(look(0), PL_CLUSTER_NOTHING);
    engine.stale = true;
    assert_int_equal(look(1), PL_CLUSTER_NOTHING);
    assert_int_equal(look(5), PL_CLUSTER_DIED);
    assert_int_equal(look(6), PL_CLUSTER_NOTHING);
    engine.stale = false;
    assert_int_equal(look(7), PL_CLUSTER_BACK);
    assert_int_equal(look(8), PL_CLUSTER_NOTHING);
}

static void brokers_that_were_away_are_no_death(void **state) {
    (void)state;
    look(0);
    engine.stale = true;
    assert_int_equal(look(1), PL_CLUSTER_NOTHING);
    engine.stale = false;
    assert_int_equal(look(2), PL_CLUSTER_NOTHING);
    engine.stale = true;
    assert_int_equal(look(3), PL_CLUSTER_NOTHING);
    for (int i = 0; i < 60; i++) /* who is not heard of himself knows nothing of the others */
        assert_int_equal(pl_cluster_watch_look(&watch, &engine, 5, false, (104 + i) * PL_SECOND), PL_CLUSTER_NOTHING);
}

static void what_stands_there_from_long_ago_is_nobody(void **state) {
    (void)state;
    engine.stale = true;
    for (int i = 0; i < 60; i++)
        assert_int_equal(look(i), PL_CLUSTER_NOTHING);
}

static void another_graph_is_told_when_it_stays(void **state) {
    (void)state;
    engine.graph = 6;
    assert_int_equal(look(0), PL_CLUSTER_NOTHING);
    assert_int_equal(look(9), PL_CLUSTER_NOTHING); /* one that goes round */
    engine.graph = 5;
    assert_int_equal(look(10), PL_CLUSTER_NOTHING);
    engine.graph = 6;
    assert_int_equal(look(11), PL_CLUSTER_NOTHING);
    assert_int_equal(look(21), PL_CLUSTER_OTHER);
    assert_int_equal(look(60), PL_CLUSTER_NOTHING);
    engine.is_self = true;
    assert_int_equal(look(90), PL_CLUSTER_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_is_not_heard_of_is_told_once, setup),
        cmocka_unit_test_setup(brokers_that_were_away_are_no_death, setup),
        cmocka_unit_test_setup(what_stands_there_from_long_ago_is_nobody, setup),
        cmocka_unit_test_setup(another_graph_is_told_when_it_stays, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
