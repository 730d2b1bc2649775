/* twin.cell as a node: steps, what is missing or wrong, the ladder, options. How well it follows is measured against
 * the simulated plant (tests/bench/twin). */
#include "../testing.h"

#define S PL_SECOND

static const char *const pot = "line1.pot01";

/* What a quiet pot shows at a second; `volts` NaN: no voltage. */
static void push_second(struct test *t, int second, double volts) {
    static const char *const signals[] = {"voltage", "current", "bath_temp", "feed_total"};
    const double values[] = {volts, 180, 962 + 0.1 * (second % 7), 1.5 * floor(second * 0.0298 / 1.5)};
    test_push_signals(t, pot, second * S, signals, values, PL_COUNT_OF(signals));
    if (second % 10 == 0) test_watermark(t, second * S);
}

static double quiet(int second) {
    return 4.27 + 0.004 * (second % 5) - 0.008;
}

static double told(const struct test *t, const char *what, pl_time time, unsigned *quality) {
    char tag[64];
    snprintf(tag, sizeof tag, "%s.twin.%s", pot, what);
    return test_told(t, tag, time, quality);
}

static unsigned events(const struct test *t, const char *kind) {
    unsigned count = 0;
    for (unsigned i = 0; i < t->out[2].events; i++)
        count += strcmp(t->out[2].event[i].kind, kind) == 0;
    return count;
}

static void a_step_is_told_at_its_end(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    assert_true(isnan(pl_harness_gauge(t->h, "energy_residual")));
    for (int second = 0; second <= 600; second++)
        push_second(t, second, quiet(second));
    assert_int_equal(test_counter(t, "steps"), 60);
    assert_true(test_counter(t, "solver_steps") >= 60);
    assert_near(pl_harness_gauge(t->h, "cells"), 1, 0);
    assert_int_equal(events(t, "twin.begun"), 1);
    assert_non_null(strstr(t->out[2].event[0].body, "\"model\":\"CellModel\",\"parameters\":\""));
    assert_non_null(strstr(t->out[2].event[0].body, "\"fidelity\":\"as asked\""));
    assert_int_equal(events(t, "twin.state"), 1);
    char expects[128];
    snprintf(expects, sizeof expects, "\"minutes\":%g,\"feed_share\":", told(t, "anode_effect_minutes", 600 * S, NULL));
    assert_string_equal(t->out[2].event[1].kind, "twin.state");
    assert_non_null(strstr(t->out[2].event[1].body, expects)); /* of the step that has just been taken */
    assert_non_null(strstr(t->out[2].event[1].body, "\"risk\":0."));
    assert_non_null(strstr(t->out[2].event[1].body, "\"alumina_sd\":0."));
    unsigned quality;
    assert_near(told(t, "bath_temp", 600 * S, &quality), 962.3, 0.5);
    assert_int_equal(quality, PL_Q_GOOD);
    assert_near(told(t, "voltage", 600 * S, NULL), 4.27, 0.02);
    assert_true(told(t, "health", 600 * S, NULL) > 0.6);
    assert_true(fabs(told(t, "innovation", 600 * S, NULL)) < 3);
    assert_near(pl_harness_gauge(t->h, "health"), told(t, "health", 600 * S, NULL), 0);
    static const char *const residual[] = {"energy_residual", "alumina_residual", "charge_residual"};
    for (unsigned i = 0; i < PL_COUNT_OF(residual); i++)
        assert_near(pl_harness_gauge(t->h, residual[i]), told(t, residual[i], 600 * S, NULL), 0);
    assert_true(told(t, "energy_residual", 600 * S, NULL) < 1e-9);
    assert_true(told(t, "alumina_residual", 600 * S, NULL) < 1e-9);
    static const char *const part[] = {"u_reversible", "u_anode",      "u_concentration", "u_cathode_concentration",
                                       "u_bath",       "u_bubbles",    "u_anode_drop",    "u_cathode_drop",
                                       "u_external",   "u_cold_anodes"};
    double parts = 0;
    for (unsigned i = 0; i < PL_COUNT_OF(part); i++)
        parts += told(t, part[i], 600 * S, NULL);
    assert_near(parts, 4.27, 0.01);
    test_close(t);
}

/* An anode effect in one pot makes the current of its whole line dip, for some seconds and at the end of a minute too:
 * the others have not lost any alumina. */
static void a_dip_of_the_current_is_no_lack_of_alumina(void **state) {
    (void)state;
    static const char *const signals[] = {"voltage", "current", "bath_temp", "feed_total"};
    const int dip = 3600 - 10, end = 3600 + 120;
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    for (int second = 0; second <= end; second++) {
        double kiloamperes = second >= dip && second < dip + 10 ? 175 : 180;
        double volts = 1.65 + (quiet(second) - 1.65) * kiloamperes / 180;
        const double values[] = {volts, kiloamperes, 962 + 0.1 * (second % 7), 1.5 * floor(second * 0.0298 / 1.5)};
        test_push_signals(t, pot, second * S, signals, values, PL_COUNT_OF(signals));
        if (second % 10 == 0) test_watermark(t, second * S);
    }
    assert_near(told(t, "alumina", end * S, NULL), told(t, "alumina", (dip - 10) * S, NULL), 0.05);
    assert_near(told(t, "feed_share", end * S, NULL), told(t, "feed_share", (dip - 10) * S, NULL), 0.1);
    assert_near(told(t, "acd", end * S, NULL), told(t, "acd", (dip - 10) * S, NULL), 0.2);
    for (int second = dip + 20; second <= end; second += 10)
        assert_true(fabs(told(t, "innovation", second * S, NULL)) < 3);
    assert_int_equal(events(t, "anode_effect_risk"), 0);
    test_close(t);
}

static void without_a_voltage_it_goes_on_but_is_not_sure(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    for (int second = 0; second <= 1800; second++)
        push_second(t, second, second < 900 ? quiet(second) : NAN);
    unsigned quality;
    double before = told(t, "health", 900 * S, &quality);
    assert_int_equal(quality, PL_Q_GOOD);
    assert_true(told(t, "health", 1800 * S, &quality) < 0.5 * before);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    told(t, "innovation", 1800 * S, &quality);
    assert_int_equal(quality, PL_Q_BAD | PL_Q_MISSING);
    assert_near(told(t, "voltage", 1800 * S, NULL), 4.27, 0.1);
    test_close(t);
}

static void a_voltage_that_has_frozen_is_none(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{frozen: 60s}", PL_SAMPLES);
    for (int second = 0; second <= 1800; second++)
        push_second(t, second, second < 900 ? quiet(second) : 4.9);
    unsigned quality;
    told(t, "innovation", 1800 * S, &quality);
    assert_int_equal(quality, PL_Q_BAD | PL_Q_MISSING);
    assert_true(told(t, "health", 1800 * S, NULL) < 0.5);
    test_close(t);
}

static void a_gap_is_bridged_and_a_long_one_begins_anew(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{hold: 10m}", PL_SAMPLES);
    for (int second = 0; second <= 2400; second++)
        if (second < 600 || (second >= 1000 && second < 1200) || second >= 2000) push_second(t, second, quiet(second));
    assert_int_equal(events(t, "twin.begun"), 2); /* a gap of 400 s is none, one of 800 s is */
    assert_near(told(t, "bath_temp", 1010 * S, NULL), 962.3, 3);
    assert_int_equal(test_counter(t, "lost"), 0);
    assert_int_equal(test_counter(t, "steps"), 60 + 20 + 40);
    test_close(t);
}

/* A budget that no step can keep: every rung fails, what was good last is held, and all of it is said. */
static void past_its_budget_a_step_degrades(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{budget: 10}", PL_SAMPLES);
    for (int second = 0; second <= 120; second++)
        push_second(t, second, quiet(second));
    unsigned quality;
    assert_near(told(t, "rung", 100 * S, &quality), 4, 0);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    assert_true(test_counter(t, "held") >= 10);
    assert_true(events(t, "twin.degraded") >= 1);
    test_close(t);
}

static void an_anode_effect_is_one(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    for (int second = 0; second <= 2400; second++)
        push_second(t, second, second >= 2000 && second < 2060 ? 27 + 0.1 * (second % 3) : quiet(second));
    unsigned quality;
    assert_near(told(t, "anode_effect_risk", 2030 * S, &quality), 1, 0);
    assert_int_equal(quality, PL_Q_UNCERTAIN);
    assert_true(told(t, "alumina", 2060 * S, NULL) < told(t, "alumina", 2000 * S, NULL));
    assert_true(told(t, "anode_effect_risk", 2400 * S, NULL) < 1);
    assert_int_equal(events(t, "anode_effect"), 1);
    assert_int_equal(events(t, "anode_effect.cleared"), 1);
    assert_int_equal(test_counter(t, "effects"), 1);
    test_close(t);
}

/* What was told to have begun is told to be over, also where nobody can know: an alarm must not stand for ever. */
static void an_effect_ends_where_the_cell_begins_anew(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{hold: 10m}", PL_SAMPLES);
    for (int second = 0; second <= 3600; second++)
        if (second < 1200 || second >= 3000) push_second(t, second, second < 1000 ? quiet(second) : 27);
    assert_int_equal(events(t, "anode_effect"), 2); /* it has one when it is back, too */
    assert_int_equal(events(t, "anode_effect.cleared"), 1);
    const char *last = NULL;
    for (unsigned i = 0; i < t->out[2].events; i++)
        if (strcmp(t->out[2].event[i].kind, "anode_effect.cleared") == 0) last = t->out[2].event[i].body;
    assert_non_null(last);
    assert_non_null(strstr(last, "the twin begins anew"));
    test_close(t);
}

/* It rises to one: the risk is over as it begins, and says so. */
static void a_risk_that_comes_true_says_so(void **state) {
    (void)state;
    static const char *const signals[] = {"voltage", "current", "bath_temp", "feed_total"};
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    for (int second = 0; second <= 2 * 3600; second++) {
        double starved = fmax(second - 3600, 0), fed = fmin(second, 3600);
        double volts = starved > 1500 ? 27 : quiet(second) + 0.3 * pow(starved / 1500, 4);
        const double values[] = {volts, 180, 962 + 0.1 * (second % 7), 1.5 * floor(fed * 0.0298 / 1.5)};
        test_push_signals(t, pot, second * S, signals, values, PL_COUNT_OF(signals));
        if (second % 10 == 0) test_watermark(t, second * S);
    }
    assert_int_equal(events(t, "anode_effect_risk"), 1);
    assert_int_equal(events(t, "anode_effect"), 1);
    const char *before = "";
    for (unsigned i = 0; i < t->out[2].events; i++) {
        const char *kind = t->out[2].event[i].kind;
        if (strcmp(kind, "anode_effect_risk.cleared") == 0) {
            assert_string_equal(before, "anode_effect");
            assert_non_null(strstr(t->out[2].event[i].body, "it has begun"));
        }
        if (strncmp(kind, "anode_effect", 12) == 0) before = kind;
    }
    assert_string_equal(before, "anode_effect_risk.cleared");
    test_close(t);
}

/* A line that stands still is nothing that the model is meant for: what it says then is uncertain. */
static void beyond_its_range_it_is_not_sure(void **state) {
    (void)state;
    static const char *const signals[] = {"voltage", "current", "bath_temp", "feed_total"};
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    unsigned quality;
    for (int second = 0; second <= 900; second++) {
        bool off = second >= 600;
        const double values[] = {off ? 1.9 + quiet(second) - 4.27 : quiet(second), off ? 5 : 180,
                                 962 + 0.1 * (second % 7), 1.5 * floor(fmin(second, 600) * 0.0298 / 1.5)};
        test_push_signals(t, pot, second * S, signals, values, PL_COUNT_OF(signals));
        if (second % 10 == 0) test_watermark(t, second * S);
    }
    static const char *const of[] = {"alumina", "superheat", "voltage", "current_efficiency"};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        told(t, of[i], 600 * S, &quality);
        assert_int_equal(quality, PL_Q_GOOD);
        told(t, of[i], 700 * S, &quality);
        assert_int_equal(quality, PL_Q_UNCERTAIN);
    }
    assert_true(test_counter(t, "uncertain") >= 25);
    test_close(t);
}

/* An anode is changed, and the voltage is restless behind it: up and down again by what one anode is worth. Anodes are
 * changed a day apart, so that is no second and third one, and the way between anodes and metal comes back to what it
 * was. */
static void unrest_behind_an_anode_change_is_no_other_anode(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{}", PL_SAMPLES);
    for (int second = 0; second <= 2 * 3600; second++) {
        bool up = second >= 3600 && second / 600 % 2 == 0;
        push_second(t, second, quiet(second) + (up || second >= 2 * 3600 - 600 ? 0.085 : 0));
    }
    double before = told(t, "acd", 3500 * S, NULL), now = told(t, "acd", 2 * 3600 * S, NULL);
    if (!(fabs(now - before) < 3)) fail_msg("%g mm, before %g", now, before);
    test_close(t);
}

static void the_same_from_windows(void **state) {
    (void)state;
    struct test *t = test_open("twin.cell", "{}", PL_WINDOWS);
    for (int step = 1; step <= 60; step++) {
        static const char *const signals[] = {"voltage", "current", "bath_temp", "feed_total"};
        const double values[] = {4.27, 180, 962.3, 1.5 * floor(step * 0.2)};
        struct pl_batch *b = pl_batch_new(PL_WINDOWS, 4, 0);
        for (unsigned i = 0; i < 4; i++) {
            char name[48];
            snprintf(name, sizeof name, "%s.%s", pot, signals[i]);
            b->windows.tag[i] = test_tag(t, name);
            b->windows.start[i] = (step - 1) * 10 * S;
            b->windows.end[i] = step * 10 * S;
            b->windows.count[i] = 10;
            b->windows.skipped[i] = 0;
            b->windows.mean[i] = values[i] + 0.001 * (step % 3);
            b->windows.min[i] = values[i] - 0.01;
            b->windows.max[i] = values[i] + 0.01;
            b->windows.stddev[i] = 0.006;
            b->windows.first[i] = b->windows.last[i] = values[i];
            b->windows.quality[i] = 0;
        }
        b->rows = 4;
        test_push_batch(t, b);
        test_watermark(t, step * 10 * S + 1);
    }
    assert_int_equal(test_counter(t, "steps"), 60);
    assert_near(told(t, "voltage", 600 * S, NULL), 4.27, 0.02);
    test_close(t);
}

static void what_no_cell_is_like_is_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"{model: { bth: 6000 }}", "did you mean bath?"},
                                           {"{model: { bath: 3 }}", "200"},
                                           {"{answer: 15m}", "answer"},
                                           {"{lead: 5m, answer: 6m}", "answer"},
                                           {"{feed_spread: 1.5}", "feed_spread"},
                                           {"{feed_memory: 0s}", "feed_memory"},
                                           {"{attended: 2d}", "attended"},
                                           {"{raise: 0.1}", "clear"},
                                           {"{every: 15s}", "multiple"}};
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        char *text = test_refusal("twin.cell", wrong[i][0]);
        if (!strstr(text, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], text);
        pl_free(text);
    }
}

/* What is not written gives way to what is. */
static void a_short_lead_alone_is_none_of_that(void **state) {
    (void)state;
    static const char *const good[] = {"{lead: 1m}", "{lead: 5m}", "{lead: 6m}", "{lead: 7m, answer: 6m}"};
    for (unsigned i = 0; i < PL_COUNT_OF(good); i++)
        test_close(test_open("twin.cell", good[i], PL_SAMPLES));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_told_at_its_end),
        cmocka_unit_test(a_dip_of_the_current_is_no_lack_of_alumina),
        cmocka_unit_test(without_a_voltage_it_goes_on_but_is_not_sure),
        cmocka_unit_test(a_voltage_that_has_frozen_is_none),
        cmocka_unit_test(a_gap_is_bridged_and_a_long_one_begins_anew),
        cmocka_unit_test(past_its_budget_a_step_degrades),
        cmocka_unit_test(an_anode_effect_is_one),
        cmocka_unit_test(an_effect_ends_where_the_cell_begins_anew),
        cmocka_unit_test(a_risk_that_comes_true_says_so),
        cmocka_unit_test(beyond_its_range_it_is_not_sure),
        cmocka_unit_test(unrest_behind_an_anode_change_is_no_other_anode),
        cmocka_unit_test(the_same_from_windows),
        cmocka_unit_test(what_no_cell_is_like_is_refused),
        cmocka_unit_test(a_short_lead_alone_is_none_of_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
