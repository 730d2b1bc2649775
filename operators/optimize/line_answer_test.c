/* A line's current as a set point: by all pots that are believed, recorded, replayed, across a snapshot. */
#include "setpoints_testing.h"

#define LINE_OPTIONS                                                                                                   \
    "{deadline: 1m, line_deadline: 10m, health: 0, every: 10m, current: line, baseline: {current: 180}, settle: 0s, "  \
    "limits: [{of: current, low: 175, high: 185, rank: 0}, {of: current_move, low: -0.5, high: 0.5, rank: 0}]}"

static void push_pots(struct rig *rig, pl_time time) {
    push_state(rig, "l.p", time, state_of("superheat", 11, -1, 0));
    push_state(rig, "l.q", time + 1, state_of("superheat", 10, -1, 0));
}

static void a_line_gets_one_current_for_all_of_its_pots(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    sample(rig, "l.current_set", START, 180, PL_Q_GOOD);
    push_pots(rig, START);
    assert_true(isnan(value_of(rig, "l.current_set"))); /* before all have had the time to be heard of */
    sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
    push_pots(rig, START + 10 * PL_MINUTE);
    double current = value_of(rig, "l.current_set");
    assert_true(current >= 179.5 && current <= 180.5);
    assert_non_null(strstr(rig->events, "optimize.line l {\"outcome\":\"optimal\""));
    assert_non_null(strstr(rig->events, "kWh/t less than at their baseline of 180.0 kA"));
    expect(rig, PL_OK, "optimizations list", "{asset: l}", "\"asset\":\"l\"");
    /* The same again, from its record alone. */
    struct rig *other = rig_new("{health: 0}");
    push_event(other, "optimize.line", "l", START, rig->line, rig->line_size);
    const char *a = strstr(strstr(rig->events, "optimize.line l"), "\"saved\":");
    const char *b = strstr(other->events, "optimize.replayed l");
    assert_non_null(b);
    b = strstr(b, "\"saved\":");
    assert_memory_equal(a, b, (size_t)(strstr(a, "\"late\"") - a));
    assert_int_equal(other->sets, 0);
    /* Bytes of it from elsewhere. */
    for (uint32_t cut = 0; cut < rig->line_size; cut += 211)
        push_event(other, "optimize.line", "l", START + cut, rig->line, cut);
    for (uint32_t i = 0; i < rig->line_size; i += getenv("POTLINE_LONG") ? 97 : 2003) {
        rig->line[i] ^= (unsigned char)(1 + i % 255);
        push_event(other, "optimize.line", "l", START + i, rig->line, rig->line_size);
        rig->line[i] ^= (unsigned char)(1 + i % 255);
        other->events[0] = 0;
    }
    assert_int_equal(other->sets, 0);
    rig_free(other);
    rig_free(rig);
}

static void a_line_in_doubt_is_held(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    push_pots(rig, START + 10 * PL_MINUTE);
    assert_non_null(strstr(rig->events, "optimize.held l {\"reason\":\"what stands in the line's current set point"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    sample(rig, "l.current_set", START + 2 * PL_HOUR, 180, PL_Q_GOOD);
    push_state(rig, "l.p", START + 2 * PL_HOUR, state_of(NULL, 0, -1, 0)); /* the other one was heard of long ago */
    assert_non_null(strstr(rig->events, "too few of its pots are believed"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    rig_free(rig);
}

/* Nobody waits for `line_every` because of what was not known for a moment. */
static void what_was_held_is_tried_again_soon(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    push_pots(rig, START + 10 * PL_MINUTE);
    assert_non_null(strstr(rig->events, "optimize.held l {"));
    sample(rig, "l.current_set", START + 20 * PL_MINUTE, 180, PL_Q_GOOD);
    push_pots(rig, START + 20 * PL_MINUTE);
    assert_false(isnan(value_of(rig, "l.current_set")));
    rig_free(rig);
}

static void an_answer_lasts_until_the_next_one(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    assert_null(pl_harness_new("optimize.setpoints", "{current: line, baseline: {current: 180}, hold: 30m}",
                               PL_EVENTS | PL_SAMPLES, &error));
    assert_non_null(strstr(error->text, "line_every"));
    pl_error_free(&error);
}

/* What twins have told, and what was decided, is there after a restart. */
static void a_line_goes_on_from_a_snapshot(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    struct pl_error *error = NULL;
    pl_harness_free(rig->h);
    forget(rig);
    open_rig(rig);
    pl_harness_tag(rig->h, "another.name");
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
    push_state(rig, "l.q", START + 10 * PL_MINUTE, state_of("superheat", 10, -1, 0));
    double current = value_of(rig, "l.current_set");
    assert_true(current >= 179.5 && current <= 180.5);
    assert_non_null(strstr(rig->events, "with it 2 pots come to")); /* one of them told its state before */
    forget(rig);
    pl_harness_watermark(rig->h, START + 11 * PL_MINUTE);
    pull(rig);
    assert_near(value_of(rig, "l.current_set"), current, 0);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_gets_one_current_for_all_of_its_pots),
        cmocka_unit_test(a_line_in_doubt_is_held),
        cmocka_unit_test(what_was_held_is_tried_again_soon),
        cmocka_unit_test(an_answer_lasts_until_the_next_one),
        cmocka_unit_test(a_line_goes_on_from_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
