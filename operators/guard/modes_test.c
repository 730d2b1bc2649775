/* guard: who is heard: modes, generations, approvals. */
#include "guard_testing.h"

static void nobody_speaks_in_its_name(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, pulse: 1s, limits: [{tags: '*', low: 0, high: 9}]}");
    wish(rig, "node.pulse", 1);
    assert_refused(rig, "in the guard's own name");
    struct pl_batch *b = batch_of(rig, &(struct wish){"l.p.x", 5, 10 * PL_SECOND, 1, 0, 0});
    b->setpoints.origin[0] = pl_harness_tag(rig->h, "node");
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
    pull(rig);
    assert_refused(rig, "in the guard's own name");
    assert_int_equal(command(rig, "guard set", "{tag: l.p.x, value: 4, for: 10s, reason: r}"), PL_OK);
    assert_passed(rig, "l.p.x", 4);
    rig_free(rig);
}

static void a_generation_counts_though_nothing_passes(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: manual, limits: [{tags: '*', low: 0, high: 9}]}");
    wish_whole(rig, (struct wish){"l.p.x", 5, 10 * PL_SECOND, 7, 0, 0});
    assert_refused(rig, "it is in manual");
    assert_int_equal(command(rig, "guard mode", "{scope: ALL, mode: auto, reason: r}"), PL_OK);
    forget(rig);
    wish_whole(rig, (struct wish){"l.p.x", 5, 10 * PL_SECOND, 6, 0, 0});
    assert_refused(rig, "an older generation than one seen");
    rig_free(rig);
}

static void modes_are_bounded_but_all_can_be_set(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*', low: 0, high: 9}]}");
    char args[80];
    enum pl_code code = PL_OK;
    for (int i = 0; i < 1100 && !code; i++) {
        snprintf(args, sizeof args, "{scope: l.p%d, mode: auto, reason: r, anyway: true}", i);
        code = command(rig, "guard mode", args);
        forget(rig);
    }
    assert_int_equal(code, PL_LIMIT);
    assert_int_equal(command(rig, "guard mode", "{scope: l.p7, mode: approve, reason: r}"), PL_OK);
    assert_int_equal(command(rig, "guard mode", "{scope: all, mode: manual, reason: r}"), PL_OK);
    forget(rig);
    wish(rig, "l.p5.x", 5);
    assert_refused(rig, "it is in manual");
    rig_free(rig);
}

static void what_is_set_by_hand_is_not_taken_back_by_what_was_approved(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: approve, limits: [{tags: '*', low: 0, high: 9}]}");
    wish(rig, "l.p.x", 5);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_int_equal(command(rig, "guard set", "{tag: l.p.x, value: 4, for: 10s, reason: r}"), PL_OK);
    forget(rig);
    wish(rig, "l.p.x", 5);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.waiting l.p.x");
    rig_free(rig);
}

/* What nobody knows is a slip of the pen: who relies on it is told at once. */
static void a_scope_is_one_that_is_known(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*.x', low: 0, high: 9}]}");
    struct pl_error *error = NULL;
    char *reply = NULL;
    wish(rig, "line1.pot07.x", 5);
    sample(rig, "line1.pot08.x", 5, PL_Q_GOOD);
    sample(rig, "line1.pot09.y", 5, PL_Q_GOOD);
    assert_int_equal(pl_harness_command(rig->h, "override engage", "{scope: line1.pot77, reason: r}", &reply, &error),
                     PL_NOT_FOUND);
    assert_non_null(strstr(error->text, "did you mean line1.pot07?"));
    pl_error_free(&error);
    pl_free(reply);
    assert_int_equal(command(rig, "guard mode", "{scope: line1.pot77, mode: manual, reason: r}"), PL_NOT_FOUND);
    assert_int_equal(command(rig, "override engage", "{scope: line1.pot09, reason: r}"), PL_NOT_FOUND);
    for (const char *const *scope = (const char *const[]){"line1.pot07", "line1.pot08", "line1", "line1.pot08.x", NULL};
         *scope; scope++) {
        char args[64];
        snprintf(args, sizeof args, "{scope: %s, reason: r}", *scope);
        assert_int_equal(command(rig, "override engage", args), PL_OK);
    }
    assert_int_equal(command(rig, "override engage", "{scope: line2, reason: r, anyway: true}"), PL_OK);
    forget(rig);
    wish(rig, "line2.pot01.x", 5);
    assert_refused(rig, "an override is engaged");
    assert_int_equal(command(rig, "override release", "{scope: line2, reason: r}"), PL_OK);
    rig_free(rig);
}

/* One decision for where it is to come to: a device that goes by steps does not need one for each. */
static void an_approval_covers_the_steps_on_the_way(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: approve, limits: [{tags: '*', low: 0, high: 9, step: 2, on_rate: clamp}]}");
    sample(rig, "l.p.x", 1, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.waiting l.p.x {\"id\":\"1\",\"value\":6"); /* who decides sees where it goes */
    forget(rig);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_passed(rig, "l.p.x", 3);
    sample(rig, "l.p.x", 3, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 5);
    sample(rig, "l.p.x", 5, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 6);
    wish(rig, "l.p.x", 7); /* another target, another decision */
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.waiting l.p.x");
    rig_free(rig);
}

/* Who approves has seen a value: what has replaced it meanwhile does not pass unseen. */
static void an_approval_is_of_the_value_that_was_seen(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: approve, limits: [{tags: '*', low: 0, high: 9}]}");
    struct pl_error *error = NULL;
    char *reply = NULL;
    wish(rig, "l.p.x", 6);
    wish(rig, "l.p.x", 7);
    assert_int_equal(pl_harness_command(rig->h, "guard approve", "{tag: l.p.x, value: 6}", &reply, &error),
                     PL_CONFLICT);
    assert_non_null(strstr(error->text, "l.p.x: 7 waits now, not 6"));
    pl_error_free(&error);
    pl_free(reply);
    wish(rig, "l.q.x", 6);
    assert_int_equal(command(rig, "guard approve", "{tag: '*', value: 6}"), PL_CONFLICT); /* not even l.q.x */
    pull(rig);
    assert_int_equal(rig->outs, 0);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x, value: 7}"), PL_OK);
    assert_passed(rig, "l.p.x", 7);
    rig_free(rig);
}

static void a_rejection_stops_what_is_on_its_way(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: approve, limits: [{tags: '*', low: 0, high: 9, step: 2, on_rate: clamp}]}");
    sample(rig, "l.p.x", 1, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_passed(rig, "l.p.x", 3);
    forget(rig);
    assert_int_equal(command(rig, "guard reject", "{tag: l.p.x, reason: too far}"), PL_OK);
    ASSERT_TOLD(rig, "guard.rejected l.p.x");
    forget(rig);
    sample(rig, "l.p.x", 3, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.waiting l.p.x");
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_passed(rig, "l.p.x", 5);
    sample(rig, "l.p.x", 5, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 6);
    assert_int_equal(command(rig, "guard reject", "{tag: l.p.x}"), PL_NOT_FOUND); /* it has come to it */
    rig_free(rig);
}

static void an_approval_does_not_outlive_auto(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: approve, limits: [{tags: '*', low: 0, high: 9}]}");
    wish(rig, "l.p.x", 6);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_passed(rig, "l.p.x", 6);
    assert_int_equal(command(rig, "guard mode", "{scope: ALL, mode: auto, reason: test}"), PL_OK);
    wish(rig, "l.p.x", 8);
    assert_passed(rig, "l.p.x", 8);
    assert_int_equal(command(rig, "guard mode", "{scope: ALL, mode: approve, reason: test}"), PL_OK);
    forget(rig);
    wish(rig, "l.p.x", 6);
    ASSERT_TOLD(rig, "guard.waiting l.p.x");
    rig_free(rig);
}

static void what_is_advised_is_listed(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: advise, limits: [{tags: '*', low: 0, high: 9, step: 2, on_rate: clamp}]}");
    char *reply = NULL;
    sample(rig, "l.p.x", 1, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_int_equal(pl_harness_command(rig->h, "guard list", "{}", &reply, NULL), PL_OK);
    if (!strstr(reply, "\"state\":\"advised\"") || !strstr(reply, "\"wished\":6") ||
        !strstr(reply, "\"reason\":\"test\""))
        fail_msg("%s", reply);
    pl_free(reply);
    pass_time(rig, PL_MINUTE); /* nobody advises it any more */
    assert_int_equal(pl_harness_command(rig->h, "guard list", "{}", &reply, NULL), PL_OK);
    assert_null(strstr(reply, "\"wished\":6"));
    pl_free(reply);
    rig_free(rig);
}

static void by_hand_is_answered_with_what_has_passed(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, lease_max: 10s, limits: [{tags: '*', low: 0, high: 9, step: 2, "
                              "on_rate: clamp}]}");
    char *reply = NULL;
    sample(rig, "l.p.x", 1, PL_Q_GOOD);
    assert_int_equal(
        pl_harness_command(rig->h, "guard set", "{tag: l.p.x, value: 8, for: 1h, reason: r}", &reply, NULL), PL_OK);
    assert_non_null(strstr(reply, "\"asked\":8"));
    assert_non_null(strstr(reply, "\"passed\":3"));
    assert_non_null(strstr(reply, "as far as limits and rate allow, for lease_max"));
    pl_free(reply);
    pull(rig);
    rig_free(rig);
}

static void modes_decide(void **state) {
    (void)state;
    struct rig *rig = rig_new("{limits: [{tags: '*', low: 0, high: 9}]}");
    wish(rig, "l.p.x", 5);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.advised l.p.x");
    forget(rig);
    assert_int_equal(command(rig, "guard mode", "{scope: l.p, mode: approve, reason: r}"), PL_OK);
    assert_int_equal(command(rig, "guard mode", "{scope: l.q, mode: auto, reason: r, anyway: true}"), PL_OK);
    wish(rig, "l.q.x", 5);
    assert_passed(rig, "l.q.x", 5);
    wish(rig, "l.p.x", 5);
    wish(rig, "l.p.x", 6);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.waiting l.p.x");
    forget(rig);
    assert_int_equal(command(rig, "guard approve", "{tag: l.q.x}"), PL_NOT_FOUND);
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_OK);
    assert_passed(rig, "l.p.x", 6);
    wish(rig, "l.p.x", 6); /* renewed */
    assert_passed(rig, "l.p.x", 6);
    wish(rig, "l.p.x", 7);
    assert_int_equal(rig->outs, 0);
    assert_int_equal(command(rig, "guard reject", "{tag: '*'}"), PL_OK);
    ASSERT_TOLD(rig, "guard.rejected l.p.x");
    forget(rig);
    wish(rig, "l.p.x", 8);
    pass_time(rig, PL_MINUTE); /* too late */
    assert_int_equal(command(rig, "guard approve", "{tag: l.p.x}"), PL_NOT_FOUND);
    forget(rig);
    assert_int_equal(command(rig, "guard mode", "{scope: ALL, mode: manual, reason: r}"), PL_OK);
    wish(rig, "l.q.x", 5);
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "it is in manual");
    forget(rig);
    assert_int_equal(command(rig, "guard set", "{tag: l.q.x, value: 4, for: 10s, reason: by hand}"), PL_OK);
    assert_passed(rig, "l.q.x", 4);
    assert_int_equal(command(rig, "guard set", "{tag: l.q.x, value: 40, for: 10s, reason: by hand}"), PL_CONFLICT);
    assert_refused(rig, "outside of its limits");
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generation_counts_though_nothing_passes),
        cmocka_unit_test(nobody_speaks_in_its_name),
        cmocka_unit_test(a_scope_is_one_that_is_known),
        cmocka_unit_test(by_hand_is_answered_with_what_has_passed),
        cmocka_unit_test(an_approval_covers_the_steps_on_the_way),
        cmocka_unit_test(an_approval_is_of_the_value_that_was_seen),
        cmocka_unit_test(a_rejection_stops_what_is_on_its_way),
        cmocka_unit_test(an_approval_does_not_outlive_auto),
        cmocka_unit_test(what_is_advised_is_listed),
        cmocka_unit_test(modes_decide),
        cmocka_unit_test(modes_are_bounded_but_all_can_be_set),
        cmocka_unit_test(what_is_set_by_hand_is_not_taken_back_by_what_was_approved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
