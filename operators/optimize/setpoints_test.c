/* optimize.setpoints as a black box: states in, set points and events out. */
#include <unistd.h>

#include "run.h"
#include "setpoints_testing.h"

/* ---- Answers ---- */

static void a_state_becomes_set_points(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0}");
    rig->stands = 44.5;
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    assert_near(value_of(rig, "line1.pot01.acd_set"), 43.5, 0.01); /* a millimetre from where the device stands */
    assert_true(value_of(rig, "line1.pot01.feed_set") > 95 && value_of(rig, "line1.pot01.feed_set") < 115);
    assert_true(value_of(rig, "line1.pot01.alf3_set") >= 0);
    assert_true(rig->set[0].expiry == START + 90 * PL_SECOND && rig->set[0].token == (uint64_t)START);
    assert_non_null(strstr(rig->events, "optimize.run line1.pot01 {\"outcome\":\"optimal\""));
    assert_non_null(strstr(rig->events, "held back by"));
    rig_free(rig);
}

static void answers_are_renewed_until_they_are_too_old(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, renew: 30s, lease: 90s, hold: 5m, every: 4m}");
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    double acd = value_of(rig, "line1.pot01.acd_set");
    forget(rig);
    pl_harness_watermark(rig->h, START + 29 * PL_SECOND);
    pull(rig);
    assert_int_equal(rig->sets, 0);
    pl_harness_watermark(rig->h, START + 30 * PL_SECOND);
    pull(rig);
    assert_true(rig->sets == 3 && value_of(rig, "line1.pot01.acd_set") == acd);
    assert_true(rig->set[0].expiry == START + 120 * PL_SECOND);
    forget(rig);
    push_state(rig, "line1.pot01", START + PL_MINUTE, state_of(NULL, 0, -1, 0)); /* sooner than `every` */
    assert_true(rig->sets == 0 && !*rig->events);
    pl_harness_watermark(rig->h, START + 5 * PL_MINUTE);
    pull(rig);
    assert_non_null(strstr(rig->events, "optimize.lapsed line1.pot01"));
    assert_int_equal(rig->sets, 0);
    /* A pot with an older clock does not make the generation fall. */
    push_state(rig, "line1.pot01", START + 20 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    push_state(rig, "line1.pot02", START + 19 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_true(rig->set[rig->sets - 1].token == (uint64_t)(START + 20 * PL_MINUTE));
    /* Nor is what is renewed of one pot old because another one was decided: a guard would refuse it. */
    push_state(rig, "line1.pot02", START + 24 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    forget(rig);
    pl_harness_watermark(rig->h, START + 24 * PL_MINUTE + 10 * PL_SECOND);
    pull(rig);
    assert_true(rig->sets > 0 && !isnan(value_of(rig, "line1.pot01.acd_set")));
    for (unsigned i = 0; i < rig->sets; i++)
        assert_true(rig->set[i].token == (uint64_t)(START + 24 * PL_MINUTE));
    rig_free(rig);
}

static void what_is_in_doubt_is_held(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m}");
    sample(rig, "line1.pot01.twin.health", START, 0.3, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot01 {\"reason\":\"the twin is not sure"));
    sample(rig, "line1.pot01.twin.health", START + 1, 0.9, PL_Q_GOOD);
    sample(rig, "line1.pot01.twin.anode_effect_risk", START + 1, 0.8, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START + 2, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "an anode effect is likely"));
    sample(rig, "line1.pot01.twin.anode_effect_risk", START + 3, NAN, PL_Q_BAD); /* changes nothing */
    push_state(rig, "line1.pot01", START + 4, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 0);
    push_state(rig, "line1.pot01", START + PL_HOUR, state_of(NULL, 0, -1, 0)); /* that was long ago */
    assert_non_null(strstr(rig->events, "how sure the twin is of the pot is not known"));
    assert_int_equal(rig->sets, 0);
    sample(rig, "line1.pot01.twin.health", START + PL_HOUR, 0.9, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START + PL_HOUR + 1, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    forget(rig);
    sample(rig, "line1.pot04.twin.health", START, 0.9, PL_Q_GOOD); /* sure of itself, and wrong */
    push_state(rig, "line1.pot04", START, state_of("distance", 0.025, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot04 {\"reason\":\"the twin has the anodes at 25.0 mm"));
    assert_int_equal(rig->sets, 0);
    forget(rig);
    sample(rig, "line1.pot03.twin.health", START, 0.9, PL_Q_GOOD);
    push_state(rig, "line1.pot03", START, state_of("current", 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot03 {\"reason\":\"no current"));
    assert_int_equal(rig->sets, 0);
    rig_free(rig);
}

/* A twin begins with what the model's parameters say of a pot: advice by that would stand for hours. */
static void a_twin_that_has_only_begun_is_not_believed(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 1h, hold: 2h, settle: 30m}");
    push_event(rig, "twin.begun", "l.p", START, "\x80", 1);
    push_state(rig, "l.p", START + 10 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(
        strstr(rig->events, "optimize.held l.p {\"reason\":\"the twin has followed the pot for 10 of 30 min"));
    assert_int_equal(rig->sets, 0);
    push_state(rig, "l.p", START + 30 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    /* Lost and begun anew: what was decided is renewed, and nothing new is, before it has settled again. */
    push_event(rig, "twin.begun", "l.p", START + 85 * PL_MINUTE, "\x80", 1);
    forget(rig);
    push_state(rig, "l.p", START + 95 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held l.p"));
    assert_null(strstr(rig->events, "optimize.run"));
    push_state(rig, "l.q", START, state_of(NULL, 0, -1, 0)); /* of which no beginning was told */
    push_state(rig, "l.q", START + 29 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_null(strstr(rig->events, "optimize.run l.q"));
    push_state(rig, "l.q", START + 30 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.run l.q"));
    rig_free(rig);
}

/* What anodes are moved by has to be known, and now. */
static void who_does_not_know_does_not_move(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s, fresh: 10m}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    assert_null(strstr(rig->events, "optimize.blind"));
    rig->noise = NAN; /* the last one is too old */
    push_state(rig, "l.p", START + PL_HOUR, state_of(NULL, 0, -1, 0));
    assert_true(value_of(rig, "l.p.acd_set") >= 43);
    assert_non_null(strstr(rig->events, "optimize.blind l.p {\"reason\":\"the pot's noise is not known"));
    rig->noise = 8;
    rig->stands = NAN;
    forget(rig);
    push_state(rig, "l.p", START + 2 * PL_HOUR, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 2); /* feed and AlF3 */
    assert_true(isnan(value_of(rig, "l.p.acd_set")));
    assert_non_null(strstr(rig->events, "what stands in the anodes' set point is not known"));
    push_state(rig, "l.q", START, state_of(NULL, 0, -1, 0)); /* nor of one that was never heard of */
    assert_true(isnan(value_of(rig, "l.q.acd_set")));
    rig->stands = 20;
    forget(rig);
    push_state(rig, "l.q", START + PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_true(isnan(value_of(rig, "l.q.acd_set")));
    assert_non_null(strstr(rig->events, "where no pot's do"));
    rig_free(rig);
    rig = rig_new("{deadline: 1m, health: 0, noise: ''}"); /* a plant without such a signal says so */
    rig->noise = NAN;
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    rig_free(rig);
}

/* Bytes from outside: cut, spoilt, of something else. Nothing of it is sent, and it is said. */
/* A record of when there were fewer limits says so. */
static void a_run_of_an_older_version_is_told_from_what_is_broken(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s}");
    static const char *const key[] = {"limits", "setup"};
    static const uint32_t fewer[] = {3 * (QUANTITIES - 1), RUN_SETUP_NUMBERS - 1};
    for (unsigned i = 0; i < 2; i++) {
        struct pl_pack *old = pl_pack_new();
        pl_pack_map(old, 2);
        pl_pack_pair_str(old, "model", "CellModel");
        pl_pack_str(old, key[i]);
        pl_pack_array(old, fewer[i]);
        for (uint32_t k = 0; k < fewer[i]; k++)
            pl_pack_f64(old, k % 3);
        push_event(rig, "optimize.run", "a.b", START + i, pl_pack_data(old), (uint32_t)pl_pack_size(old));
        assert_non_null(strstr(rig->events, "it was recorded by an older version"));
        pl_pack_free(old);
        forget(rig);
    }
    rig_free(rig);
}

static void hostile_states_are_refused(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s}");
    struct pl_pack *whole = state_of(NULL, 0, -1, 0);
    const unsigned char *bytes = pl_pack_data(whole);
    uint32_t size = (uint32_t)pl_pack_size(whole);
    for (uint32_t cut = 0; cut < size; cut += 97)
        push_event(rig, "twin.state", "a.b", START + cut, bytes, cut);
    static const double wild[] = {NAN, INFINITY, -INFINITY};
    for (unsigned i = 0; i < 3; i++)
        push_state(rig, "a.b", START + 10000 + i, state_of(NULL, 0, 50, wild[i]));
    push_event(rig, "optimize.run", "a.b", START + 20000, bytes, size);
    push_event(rig, "twin.state", "a.b", START + 20001, "\x81\xa5model\xa7unknown", 15);
    assert_int_equal(rig->sets, 0);
    assert_non_null(strstr(rig->events, "its bytes are no state of a cell"));
    assert_non_null(strstr(rig->events, "it is a state, not a run"));
    forget(rig);
    /* Any one byte of it changed: an answer within limits, or a refusal; never a crash. */
    unsigned char *changed = malloc(size + 1);
    unsigned every = getenv("POTLINE_LONG") ? 7 : 131;
    for (uint32_t i = 0; i < size; i += every) {
        memcpy(changed, bytes, size);
        changed[i] ^= (unsigned char)(1 + i % 255);
        push_event(rig, "twin.state", "a.c", START + i, changed, size);
        rig->sets = 0; /* `pull` has looked at their ranges */
        rig->events[0] = 0;
    }
    free(changed);
    pl_pack_free(whole);
    rig_free(rig);
}

/* No deadline that making a pot's model takes the most of. */
static void a_deadline_leaves_time_to_search(void **state) {
    (void)state;
    static const struct {
        const char *options, *wrong;
    } of[] = {{"{deadline: 49ms}", "deadline"},
              {"{deadline: 11m}", "deadline"},
              {"{current: line, baseline: {current: 180}, line_deadline: 900ms}", "line_deadline"},
              {"{deadline: 50ms}", NULL},
              {"{current: line, baseline: {current: 180}, line_deadline: 1s}", NULL}};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        struct pl_error *error = NULL;
        struct pl_harness *h = pl_harness_new("optimize.setpoints", of[i].options, PL_EVENTS, &error);
        assert_int_equal(h == NULL, of[i].wrong != NULL);
        if (of[i].wrong && !strstr(error->text, of[i].wrong)) fail_msg("%s", error->text);
        pl_error_free(&error);
        pl_harness_free(h);
    }
}

static void what_gives_way_is_announced(void **state) {
    (void)state;
    struct rig *rig =
        rig_new("{deadline: 1m, health: 0, every: 0s, limits: [{of: ledge, low: 120, high: 200, rank: 1}, "
                "{of: superheat, low: 10, high: 14, rank: 2}]}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.relaxed l.p"));
    assert_non_null(strstr(rig->events, "cannot hold together"));
    assert_int_equal(rig->sets, 3);
    rig_free(rig);
    rig = rig_new("{deadline: 1m, health: 0, every: 0s, limits: [{of: ledge, low: 120, high: 200, rank: 0}, "
                  "{of: superheat, low: 10, high: 14, rank: 0}]}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.baseline l.p"));
    assert_int_equal(rig->sets, 0); /* none of its own: the guard's */
    rig_free(rig);
}

static void a_run_is_the_same_again(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, scenarios: 2, objective: {cost: 1}}");
    rig->noise = 20;
    push_state(rig, "l.p", START, state_of("efficiency", 0.93, -1, 0));
    struct rig *other = rig_new("{deadline: 1m, health: 0}"); /* all else is in the record */
    push_event(other, "optimize.run", "l.p", START + PL_HOUR, rig->run, rig->run_size);
    const char *a = strstr(rig->events, "\"saved\":"), *b = strstr(other->events, "optimize.replayed l.p");
    assert_non_null(a);
    assert_non_null(b);
    b = strstr(b, "\"saved\":");
    assert_non_null(b);
    size_t length = (size_t)(strstr(a, "\"solver\"") - a); /* answer, figures, active limits: to the last digit */
    assert_memory_equal(a, b, length);
    assert_int_equal(other->sets, 0);
    rig_free(rig);
    rig_free(other);
}

static void a_snapshot_goes_on(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, renew: 30s}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    double acd = value_of(rig, "l.p.acd_set");
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    struct pl_error *error = NULL;
    pl_harness_free(rig->h);
    forget(rig);
    open_rig(rig);
    pl_harness_tag(rig->h, "another.name");
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    pl_harness_watermark(rig->h, START + PL_MINUTE);
    pull(rig);
    assert_true(rig->sets == 3 && value_of(rig, "l.p.acd_set") == acd);
    rig_free(rig);
}

/* What is certain at a current that nobody sets is told, each `every`, and not sent; what was sent before ends. */
static void nothing_is_set_at_a_current_that_nobody_sets(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    struct rig *rig = rig_new("{deadline: 1m, health: 0}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    pl_harness_free(rig->h);
    forget(rig);
    rig->options = "{deadline: 1m, health: 0, current: free, baseline: {acd: 44}}";
    open_rig(rig);
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    pl_harness_watermark(rig->h, START + PL_MINUTE);
    pull(rig);
    assert_non_null(strstr(rig->events, "optimize.lapsed l.p {\"reason\":\"nothing is set with current: free"));
    forget(rig);
    push_state(rig, "l.p", START + 5 * PL_MINUTE, state_of(NULL, 0, -1, 0)); /* before the next one is due */
    assert_true(!*rig->events);
    push_state(rig, "l.p", START + 10 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.run l.p {\"outcome\":\"optimal\""));
    assert_non_null(strstr(rig->events, " kA"));
    pl_harness_watermark(rig->h, START + 11 * PL_MINUTE);
    pull(rig);
    assert_int_equal(rig->sets, 0);
    rig_free(rig);
    assert_null(pl_harness_new("optimize.setpoints", "{current: free, acd_set: acd_set}", PL_EVENTS, &error));
    assert_non_null(strstr(error->text, "nothing is set with current: free"));
    pl_error_free(&error);
    struct pl_harness *h = pl_harness_new("optimize.setpoints", "{current: free, acd_set: \"\"}", PL_EVENTS, &error);
    assert_non_null(h);
    pl_harness_free(h);
}

/* ---- Constraints ---- */

static void people_set_constraints(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-optimize-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s}");
    pl_harness_data(rig->h, folder);
    expect(rig, PL_OK, "constraints list", "", "\"source\":\"usual\"");
    expect(rig, PL_OK, "constraints validate", "{scope: l.p, constraint: acd, low: 42.8, high: 48}", "would hold");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    expect(rig, PL_OK, "constraints set", "{scope: l.p, constraint: acd, low: 42.8, high: 48, rank: 0, reason: test}",
           "\"version\":1");
    push_state(rig, "l.p", START + 1, state_of(NULL, 0, -1, 0)); /* in effect at the next run, for this pot */
    assert_near(value_of(rig, "l.p.acd_set"), 42.8, 0.01);
    push_state(rig, "l.q", START + 1, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.q.acd_set"), 42, 0.01);
    expect(rig, PL_OK, "constraints get", "{scope: l.p, constraint: acd}", "42.8");
    expect(rig, PL_RANGE, "constraints set", "{scope: l, constraint: superheat, low: 9, high: 5, reason: test}",
           "there is nothing");
    expect(rig, PL_RANGE, "constraints set", "{scope: l, constraint: superheat, low: 9, high: 500, reason: test}",
           "beyond");
    expect(rig, PL_OK, "constraints set", "{scope: l, constraint: superheat, low: 4, high: 5, reason: test}", "4");
    expect(rig, PL_RANGE, "constraints validate", "{scope: l, constraint: bath_temp, low: 1020, high: 1029}", "melt");
    expect(rig, PL_RANGE, "constraints set", "{scope: l.p, constraint: line_power, low: 0, high: 9, reason: test}",
           "line_power is of a whole line, and l.p is a pot: write l, or ALL");
    expect(rig, PL_RANGE, "constraints set", "{scope: l/p, constraint: acd, low: 40, high: 48, reason: test}",
           "no scope");
    rig_free(rig);
    rig =
        rig_new("{deadline: 1m, health: 0}"); /* they are there after a restart, and what is new gets the next number */
    pl_harness_data(rig->h, folder);
    expect(rig, PL_OK, "constraints get", "{scope: l.p, constraint: acd}", "42.8");
    expect(rig, PL_OK, "constraints set", "{scope: l, constraint: shell, low: -.inf, high: 430, reason: test}",
           "\"version\":3");
    rig_free(rig);
    char remove[128];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_becomes_set_points),
        cmocka_unit_test(answers_are_renewed_until_they_are_too_old),
        cmocka_unit_test(what_is_in_doubt_is_held),
        cmocka_unit_test(a_run_of_an_older_version_is_told_from_what_is_broken),
        cmocka_unit_test(hostile_states_are_refused),
        cmocka_unit_test(a_deadline_leaves_time_to_search),
        cmocka_unit_test(what_gives_way_is_announced),
        cmocka_unit_test(a_run_is_the_same_again),
        cmocka_unit_test(a_snapshot_goes_on),
        cmocka_unit_test(nothing_is_set_at_a_current_that_nobody_sets),
        cmocka_unit_test(people_set_constraints),
        cmocka_unit_test(a_twin_that_has_only_begun_is_not_believed),
        cmocka_unit_test(who_does_not_know_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
