/* A line's current as a set point: by all pots that are believed, recorded, replayed, across a snapshot. */
#include "line_run.h"
#include "setpoints_testing.h"

#define LINE_OPTIONS                                                                                                   \
    "{deadline: 1m, line_deadline: 10m, lease: 1h, health: 0, every: 10m, current: line, baseline: {current: 180}, "   \
    "settle: 0s, "                                                                                                     \
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

/* What is set goes on where nothing new is certain, is told to, and still grows old: from the answer that it is of. */
static void what_was_accepted_goes_on_and_grows_old(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    pl_time first = START + 10 * PL_MINUTE, second = first + 30 * PL_MINUTE;
    sample(rig, "l.current_set", first, 180, PL_Q_GOOD);
    push_pots(rig, first);
    double current = value_of(rig, "l.current_set");
    expect(rig, PL_OK, "constraints set",
           "{scope: l, constraint: line_voltage, low: -.inf, high: 4, rank: 0, reason: test}", "line_voltage");
    forget(rig);
    sample(rig, "l.current_set", second, current, PL_Q_GOOD);
    push_pots(rig, second);
    assert_non_null(strstr(rig->events, "optimize.accepted l {"));
    assert_non_null(strstr(rig->events, "optimize.line l {\"outcome\":\"accepted\""));
    assert_null(strstr(rig->events, "optimize.baseline"));
    pl_harness_watermark(rig->h, second + PL_MINUTE);
    pull(rig);
    assert_near(value_of(rig, "l.current_set"), current, 0); /* renewed */
    forget(rig);
    pl_harness_watermark(rig->h, first + 45 * PL_MINUTE); /* hold */
    pull(rig);
    assert_non_null(strstr(rig->events, "optimize.lapsed l {"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    forget(rig);
    sample(rig, "l.current_set", second + 20 * PL_MINUTE, current, PL_Q_GOOD); /* now there is nothing to go on with */
    push_pots(rig, second + 20 * PL_MINUTE);
    assert_non_null(strstr(rig->events, "no set point is sent; the guard's on_loss decides"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    rig_free(rig);
}

/* What stands there is not what pots have, or is no number; pots of which nothing was ever heard count, too. */
static void a_current_that_cannot_be_is_no_place_to_go_on_from(void **state) {
    (void)state;
    pl_time now = START + 10 * PL_MINUTE;
    static const struct {
        double stands;
        unsigned quality;
        const char *more, *why;
    } of[] = {{165, PL_Q_GOOD, "", "stands at 165.0 kA, but its pots have 180.0 kA"}, /* stuck, or another's */
              {0, PL_Q_GOOD, "", "no line current to speak of"},
              {-180, PL_Q_GOOD, "", "no line current to speak of"},
              {NAN, PL_Q_GOOD, "", "what stands in the line's current set point is not known"},
              {INFINITY, PL_Q_GOOD, "", "what stands in the line's current set point is not known"},
              {180, PL_Q_BAD, "", "what stands in the line's current set point is not known"},
              {180, PL_Q_GOOD, "line_pots: 3, ", "too few of its pots are believed"}};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        char options[512];
        snprintf(options, sizeof options, "{%s%s", of[i].more, &LINE_OPTIONS[1]);
        struct rig *rig = rig_new(options);
        push_pots(rig, START);
        sample(rig, "l.current_set", now, of[i].stands, of[i].quality);
        push_pots(rig, now);
        if (!strstr(rig->events, of[i].why)) fail_msg("%s: %s", of[i].why, rig->events);
        assert_true(isnan(value_of(rig, "l.current_set")));
        rig_free(rig);
    }
}

/* A current that a twin has as no number, or as what no pot has, takes that pot out: with one of two there are too few.
 */
static void a_twin_without_a_current_is_not_believed(void **state) {
    (void)state;
    pl_time now = START + 10 * PL_MINUTE;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_new(LINE_OPTIONS);
        struct pl_pack *spoilt = pl_pack_new();
        pl_pack_map(spoilt, 2);
        pl_pack_pair_str(spoilt, "model", "CellModel");
        pl_pack_str(spoilt, "cell");
        pl_pack_map(spoilt, 1);
        pl_pack_pair_f64(spoilt, "current", i ? NAN : -180e3);
        push_pots(rig, START);
        sample(rig, "l.current_set", now, 180, PL_Q_GOOD);
        push_event(rig, "twin.state", "l.q", now - PL_SECOND, pl_pack_data(spoilt), (uint32_t)pl_pack_size(spoilt));
        push_state(rig, "l.p", now, state_of("superheat", 11, -1, 0));
        pl_pack_free(spoilt);
        for (unsigned k = 0; k < rig->sets; k++)
            assert_true(isfinite(rig->set[k].value));
        assert_non_null(strstr(rig->events, "too few of its pots are believed"));
        assert_true(isnan(value_of(rig, "l.current_set")));
        rig_free(rig);
    }
}

/* What stands is on its way to what is sent, or somebody else has set it: then nothing is renewed. */
static void who_sets_the_current_by_hand_is_not_driven_back(void **state) {
    (void)state;
    static const struct {
        double by; /* kA, from what was sent */
        bool renewed;
    } of[] = {{0, true}, {0.5, true}, {-0.5, true}, {-4, false}, {3, false}};
    pl_time now = START + 10 * PL_MINUTE;
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        struct rig *rig = rig_new(LINE_OPTIONS);
        push_pots(rig, START);
        sample(rig, "l.current_set", now, 180, PL_Q_GOOD);
        push_pots(rig, now);
        double sent = value_of(rig, "l.current_set");
        assert_false(isnan(sent));
        forget(rig);
        sample(rig, "l.current_set", now + PL_MINUTE, sent + of[i].by, PL_Q_GOOD);
        pl_harness_watermark(rig->h, now + 2 * PL_MINUTE);
        pull(rig);
        assert_int_equal(!isnan(value_of(rig, "l.current_set")), of[i].renewed);
        assert_int_equal(strstr(rig->events, "optimize.lapsed l {\"reason\":\"somebody else has set") == NULL,
                         of[i].renewed);
        assert_false(isnan(value_of(rig, "l.p.acd_set"))); /* pots go on */
        rig_free(rig);
    }
}

static void a_search_is_over_before_a_lease_is(void **state) {
    (void)state;
    struct pl_harness *h = pl_harness_new(
        "optimize.setpoints", "{current: line, baseline: {current: 180}, line_deadline: 1m}", PL_EVENTS, NULL);
    pl_harness_watermark(h, START);
    assert_non_null(pl_harness_failure(h));
    assert_non_null(strstr(pl_harness_failure(h), "line_deadline: a search of 60 s"));
    assert_non_null(strstr(pl_harness_failure(h), "leases of 90 s"));
    pl_harness_free(h);
}

static double deadline_of(const struct rig *rig) {
    char *json = pl_pack_json(rig->line, rig->line_size);
    const char *told = strstr(json, "\"deadline\":");
    assert_non_null(told);
    double seconds = strtod(told + strlen("\"deadline\":"), NULL);
    pl_free(json);
    return seconds;
}

/* Four fifths of what a lease leaves, by how many lines there are: decided one right after the other, none outlives it.
 * More than a table of some size: all are counted. */
static void lines_share_what_a_lease_leaves(void **state) {
    (void)state;
    enum { LINES = 70 };
    static const unsigned lines[] = {1, 2, LINES};
    static const double expected[] = {48, 24, 0.8 * 60 / LINES};
    pl_time now = START + 10 * PL_MINUTE;
    for (unsigned i = 0; i < PL_COUNT_OF(lines); i++) {
        struct rig *rig = rig_new("{deadline: 1m, line_deadline: 50s, lease: 90s, renew: 30s, health: 0, every: 10m, "
                                  "evaluations: 20, current: line, baseline: {current: 180}, limits: [{of: current, "
                                  "low: 179.9, high: 180.1, rank: 0}]}");
        for (unsigned k = 0; k < lines[i]; k++) { /* states that no pot of this model has: heard of, and held */
            char pot[16];
            snprintf(pot, sizeof pot, "l%02u.p", k);
            if (k > 0) push_event(rig, "twin.state", pot, START + k, "\x80", 1);
        }
        push_state(rig, "l00.p", START, state_of(NULL, 0, -1, 0));
        sample(rig, "l00.current_set", now, 180, PL_Q_GOOD);
        forget(rig);
        push_state(rig, "l00.p", now, state_of(NULL, 0, -1, 0));
        assert_near(deadline_of(rig), expected[i], 1e-9);
        rig_free(rig);
    }
}

/* As many pots as a line may have, and no more. */
static void a_line_has_pots_within_reason(void **state) {
    (void)state;
    static const char *const wrong[] = {"-1", "513", "1.5"};
    char options[160];
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        struct pl_error *error = NULL;
        snprintf(options, sizeof options, "{current: line, baseline: {current: 180}, line_pots: %s}", wrong[i]);
        assert_null(pl_harness_new("optimize.setpoints", options, PL_EVENTS, &error));
        if (!strstr(error->text, "line_pots")) fail_msg("%s", error->text);
        pl_error_free(&error);
    }
    struct pl_harness *h = pl_harness_new("optimize.setpoints",
                                          "{current: line, baseline: {current: 180}, line_pots: 512}", PL_EVENTS, NULL);
    assert_non_null(h);
    pl_harness_free(h);
    /* Fewer than have been heard of are no matter; of three, two are too few. */
    static const struct {
        const char *pots;
        bool decided;
    } of[] = {{"1", true}, {"2", true}, {"3", false}};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        char more[512];
        snprintf(more, sizeof more, "{line_pots: %s, %s", of[i].pots, &LINE_OPTIONS[1]);
        struct rig *rig = rig_new(more);
        push_pots(rig, START);
        sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
        push_pots(rig, START + 10 * PL_MINUTE);
        assert_int_equal(!isnan(value_of(rig, "l.current_set")), of[i].decided);
        rig_free(rig);
    }
}

/* A run that is too large for an event says so, and is not taken for one that can be done again. */
static void a_run_too_large_says_what_was_left_out(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
    push_pots(rig, START + 10 * PL_MINUTE);
    struct line_run *run = NULL, *again = NULL;
    struct pl_error *error = NULL;
    struct pl_pack *pack = pl_pack_new();
    assert_int_equal(line_run_read(&run, rig->line, rig->line_size, &error), PL_OK);
    line_run_write(run, pack, SIZE_MAX);
    size_t size = pl_pack_size(pack);
    line_run_write(run, pack, size);
    assert_int_equal(pl_pack_size(pack), size);
    line_run_write(run, pack, size - 1);
    char *json = pl_pack_json(pl_pack_data(pack), pl_pack_size(pack));
    assert_non_null(strstr(json, "\"left_out\":2,\"pots\":[]"));
    pl_free(json);
    assert_int_equal(line_run_read(&again, pl_pack_data(pack), pl_pack_size(pack), &error), PL_LIMIT);
    assert_non_null(strstr(error->text, "without its 2 pots"));
    pl_error_free(&error);
    pl_pack_free(pack);
    line_run_free(again);
    line_run_free(run);
    rig_free(rig);
}

/* The contract wants more. While a pot is about to be without alumina it gets none, whether that pot's last state came
 * before or behind that. */
static void a_line_with_a_starved_pot_is_not_raised(void **state) {
    (void)state;
    static const char *const names[] = {"l.o", "l.p", "l.q", "l.r"};
    pl_time now = START + 10 * PL_MINUTE;
    for (int starved = 0; starved < 3; starved++) {
        struct rig *rig = rig_new("{deadline: 1m, line_deadline: 10m, lease: 1h, health: 0, every: 10m, current: line, "
                                  "settle: 0s, baseline: {current: 180}, limits: [{of: current, low: 181, high: 185, "
                                  "rank: 0}, {of: current_move, low: -0.5, high: 0.5, rank: 0}]}");
        for (unsigned i = 0; i < 4; i++)
            push_state(rig, names[i], START + i, state_of(NULL, 0, -1, 0));
        sample(rig, "l.current_set", now, 180, PL_Q_GOOD);
        if (starved > 0) sample(rig, "l.r.twin.anode_effect_risk", now, 0.8, PL_Q_GOOD);
        if (starved > 1) sample(rig, "l.q.twin.anode_effect_risk", now, 0.8, PL_Q_GOOD); /* and then they are too few */
        for (unsigned i = 0; i < 4; i++)
            push_state(rig, names[i], now + i, state_of(NULL, 0, -1, 0));
        double current = value_of(rig, "l.current_set");
        if (starved > 1)
            assert_non_null(strstr(rig->events, "too few of its pots are believed"));
        else
            assert_near(current, starved ? 180 : 180.5, 1e-6);
        rig_free(rig);
    }
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
    /* Of one where nobody decides the current any more, it is not renewed. */
    bytes = pl_harness_snapshot(rig->h, &size);
    pl_harness_free(rig->h);
    forget(rig);
    rig->options = "{deadline: 1m, lease: 1h, health: 0}";
    open_rig(rig);
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    pl_harness_watermark(rig->h, START + 12 * PL_MINUTE);
    pull(rig);
    assert_non_null(strstr(rig->events, "optimize.lapsed l {\"reason\":\"nobody decides the line's current any more"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_gets_one_current_for_all_of_its_pots),
        cmocka_unit_test(a_line_in_doubt_is_held),
        cmocka_unit_test(what_was_held_is_tried_again_soon),
        cmocka_unit_test(an_answer_lasts_until_the_next_one),
        cmocka_unit_test(what_was_accepted_goes_on_and_grows_old),
        cmocka_unit_test(a_current_that_cannot_be_is_no_place_to_go_on_from),
        cmocka_unit_test(a_twin_without_a_current_is_not_believed),
        cmocka_unit_test(who_sets_the_current_by_hand_is_not_driven_back),
        cmocka_unit_test(a_search_is_over_before_a_lease_is),
        cmocka_unit_test(lines_share_what_a_lease_leaves),
        cmocka_unit_test(a_line_has_pots_within_reason),
        cmocka_unit_test(a_run_too_large_says_what_was_left_out),
        cmocka_unit_test(a_line_with_a_starved_pot_is_not_raised),
        cmocka_unit_test(a_line_goes_on_from_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
