/* What a group's graph may be against what is kept of a partition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/recovery.h"

static const struct pl_table_def tables[] = {{.name = "sums"}, {.name = NULL}};
static const struct pl_operator keeps = {.name = "t.keeps", .tables = tables}, passes = {.name = "t.passes"};
static struct pl_graph_node node;
static struct pl_graph graph;
static struct pl_epoch_node kept_node, now_node;
static struct pl_epoch kept = {.number = 1, .node_count = 1, .nodes = &kept_node};
static struct pl_epoch now = {.number = 1, .node_count = 1, .nodes = &now_node};

static int setup(void **state) {
    (void)state;
    static char name[] = "n", op[] = "t.keeps";
    node = (struct pl_graph_node){.name = "n", .op = &keeps, .place = {.file = "g.yaml", .line = 1, .column = 1}};
    graph = (struct pl_graph){.nodes = &node, .node_count = 1};
    graph.settings.log_kind = PL_LOG_KAFKA;
    graph.settings.log_group = "plant";
    kept_node = (struct pl_epoch_node){.name = name, .op = op, .options = pl_graph_state_hash(&node), .instances = 4};
    now_node = kept_node;
    return 0;
}

static enum pl_code check(const struct pl_recovery *recovery, const char *what) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_recovery_check(recovery, &kept, &now, &error);
    if (what && (!error || !strstr(error->text, what))) fail_msg("%s", error ? error->text : "no error");
    pl_error_free(&error);
    return code;
}

static void what_fits_goes_on(void **state) {
    (void)state;
    const struct pl_recovery recovery = {.graph = &graph};
    assert_int_equal(check(&recovery, NULL), PL_OK);
    assert_true(pl_recovery_goes_on(&recovery, &kept, &now, "n"));
    assert_false(pl_recovery_goes_on(&recovery, &kept, &now, "other"));
}

static void state_is_not_shared_out_anew(void **state) {
    (void)state;
    const struct pl_recovery recovery = {.graph = &graph}, lenient = {.graph = &graph, .lenient = true};
    now_node.instances = 1;
    assert_int_equal(check(&recovery, "among 4 instances, now there are 1"), PL_CONFLICT);
    assert_int_equal(check(&lenient, NULL), PL_OK);
    assert_false(pl_recovery_goes_on(&lenient, &kept, &now, "n"));
    node.op = &passes; /* knows nothing */
    assert_int_equal(check(&recovery, NULL), PL_OK);
    assert_false(pl_recovery_goes_on(&recovery, &kept, &now, "n"));
    node.op = &keeps;
    graph.settings.log_kind = PL_LOG_EMBEDDED; /* which can (regroup.h) */
    assert_int_equal(check(&recovery, NULL), PL_OK);
    assert_true(pl_recovery_goes_on(&recovery, &kept, &now, "n"));
}

static void what_another_operator_made_starts_afresh_when_it_was_agreed(void **state) {
    (void)state;
    static char other[] = "t.other";
    const struct pl_recovery recovery = {.graph = &graph}, agreed = {.graph = &graph, .agreed = true};
    kept_node.op = other;
    assert_int_equal(check(&recovery, "made by t.other"), PL_CONFLICT);
    assert_int_equal(check(&agreed, NULL), PL_OK);
    assert_false(pl_recovery_goes_on(&agreed, &kept, &now, "n"));
    kept_node.op = now_node.op;
    kept_node.options ^= 1; /* another version's, maybe: that is for people to decide */
    assert_int_equal(check(&agreed, "other values of options"), PL_CONFLICT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_fits_goes_on, setup),
        cmocka_unit_test_setup(state_is_not_shared_out_anew, setup),
        cmocka_unit_test_setup(what_another_operator_made_starts_afresh_when_it_was_agreed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
