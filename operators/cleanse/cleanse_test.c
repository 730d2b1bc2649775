#include "rows.h"

/* ---- missing and range ---- */

static void range_flags_by_the_tags_own_limits(void **state) {
    (void)state;
    struct test *t = make("{range: true}");
    const struct sample rows[] = {{0, "a.v", 0, 0},
                                  {1, "a.v", 10, PL_Q_SIMULATED},
                                  {2, "a.v", 10.5, PL_Q_SIMULATED},
                                  {3, "a.v", -1e-9, 0},
                                  {4, "a.v", NAN, 0},
                                  {5, "a.v", INFINITY, 0},
                                  {6, "b.w", 1e9, 0},
                                  {7, "b.w", -INFINITY, 0},
                                  {8, "b.w", NAN, BAD(MISSING)},
                                  {9, "a.v", 99, BAD(STALE)}};
    test_push(t, rows, 10);
    const unsigned quality[] = {0,
                                PL_Q_SIMULATED,
                                BAD(OUT_OF_RANGE) | PL_Q_SIMULATED,
                                BAD(OUT_OF_RANGE),
                                BAD(MISSING),
                                BAD(OUT_OF_RANGE),
                                0,
                                BAD(OUT_OF_RANGE),
                                BAD(MISSING),
                                BAD(STALE)};
    expect_qualities(t, quality, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_near(t->out[0].sample[i].value - rows[i].value, isfinite(rows[i].value) ? 0 : NAN,
                    0); /* nothing destroyed */
    assert_int_equal(test_counter(t, "out_of_range"), 4);
    assert_int_equal(test_counter(t, "missing"), 2);
    assert_int_equal(test_counter(t, "flagged"), 6);
    test_close(t);
    t = make("{range: true, rate: {max: 1e30}}"); /* the same, by the way that keeps a state */
    test_push(t, rows, 10);
    expect_qualities(t, quality, 10);
    assert_int_equal(test_counter(t, "flagged"), 6);
    test_close(t);
}

static void without_range_only_missing_and_infinite_values_are_flagged(void **state) {
    (void)state;
    struct test *t = make("");
    test_push(t, (struct sample[]){{0, "a.v", 99, 0}, {1, "a.v", NAN, 0}, {2, "a.v", INFINITY, 0}}, 3);
    expect_qualities(t, (unsigned[]){0, BAD(MISSING), BAD(OUT_OF_RANGE)}, 3);
    test_close(t);
}

static void drop_leaves_out_what_is_bad(void **state) {
    (void)state;
    struct test *t = make("{range: true, on_bad: drop}");
    test_push(t, (struct sample[]){{0, "a.v", 5, 0}, {1, "a.v", 50, 0}, {2, "a.v", NAN, 0}, {3, "a.v", 6, 0}}, 4);
    assert_int_equal(t->out[0].samples, 2);
    sample_is(&t->out[0].sample[1], 3, "a.v", 6, 0);
    test_push(t, (struct sample[]){{4, "a.v", 50, 0}, {5, "a.v", NAN, 0}}, 2);
    assert_int_equal(t->out[0].samples, 2);
    assert_int_equal(test_counter(t, "dropped"), 4);
    test_close(t);
}

static void each_check_has_an_action_of_its_own(void **state) {
    (void)state;
    struct test *t = make("{range: {low: 2, on_bad: flag}, missing: {on_bad: drop}, on_bad: replace}");
    test_push(t, (struct sample[]){{0, "a.v", 1, 0}, {1, "a.v", NAN, 0}, {2, "a.v", 11, 0}, {3, "a.v", 3, 0}}, 4);
    expect_qualities(t, (unsigned[]){BAD(OUT_OF_RANGE), BAD(OUT_OF_RANGE), 0}, 3);
    test_close(t);

    t = make("{range: {on_bad: replace}}");
    test_push(t, (struct sample[]){{0, "a.v", 50, 0}, {1, "a.v", 4, 0}, {2, "a.v", 50, 0}}, 3);
    sample_is(&t->out[0].sample[0], 0, "a.v", 50, BAD(OUT_OF_RANGE)); /* nothing to put in its place yet */
    sample_is(&t->out[0].sample[2], 2, "a.v", 4, PL_Q_UNCERTAIN | PL_Q_OUT_OF_RANGE | PL_Q_REPLACED);
    test_close(t);
}

static void tags_that_are_not_chosen_pass_as_they_are(void **state) {
    (void)state;
    struct test *t = make("{include: ['*.v'], exclude: ['b.*'], range: true, on_bad: drop}");
    test_push(t, (struct sample[]){{0, "a.v", 50, 0}, {1, "b.v", 50, 0}, {2, "c.w", NAN, 0}}, 3);
    expect_qualities(t, (unsigned[]){0, 0}, 2);
    assert_int_equal(test_counter(t, "missing"), 0);
    test_close(t);
    t = make("{include: ['*.v'], exclude: ['b.*'], range: true, on_bad: drop, rate: {max: 1}}");
    test_push(t, (struct sample[]){{0, "a.v", 50, 0}, {1, "b.v", 50, 0}, {2, "c.w", NAN, 0}}, 3);
    expect_qualities(t, (unsigned[]){0, 0}, 2);
    test_close(t);
}

static void what_is_good_leaves_in_the_same_memory(void **state) {
    (void)state;
    static const char *const options[] = {"{range: true}", "{range: true, on_bad: drop}",
                                          "{range: true, spike: {window: 3}, frozen: {for: 1h}, deadband: 0}"};
    for (unsigned i = 0; i < 3; i++) {
        struct test *t = make(options[i]);
        struct pl_batch *batch = test_batch(t, (struct sample[]){{0, "a.v", 5, 0}, {1, "a.v", 6, 0}}, 2);
        pl_batch_ref(batch);
        assert_int_equal(pl_harness_push(t->h, 0, batch), PL_FLOW_OK);
        struct pl_batch *out = pl_harness_pull(t->h, 0);
        assert_ptr_equal(out, batch);
        pl_batch_unref(out);
        pl_batch_unref(batch);
        test_close(t);
    }
}

static void a_batch_that_others_hold_is_not_changed(void **state) {
    (void)state;
    static const char *const options[] = {"{range: true}", "{range: true, on_bad: drop}",
                                          "{range: true, rate: {max: 1}}"};
    for (unsigned i = 0; i < 3; i++) {
        struct test *t = make(options[i]);
        struct pl_batch *batch = test_batch(t, (struct sample[]){{0, "a.v", 5, 0}, {1, "a.v", 60, 0}}, 2);
        pl_batch_ref(batch);
        test_push_batch(t, batch);
        assert_int_equal(batch->rows, 2);
        assert_int_equal(batch->samples.quality[1], 0);
        assert_true(batch->samples.value[1] == 60);
        pl_batch_unref(batch);
        test_close(t);
    }
}

/* ---- rate, spike, frozen ---- */

static void rate_goes_by_the_last_good_value(void **state) {
    (void)state;
    struct test *t = make("{rate: {max: 1}}");
    const double values[] = {1, 2, 4, 4, 4, 4.5};
    push_values(t, values, COUNT_OF(values));
    expect_qualities(t, (unsigned[]){0, 0, BAD(RATE), 0, 0, 0}, 6); /* 4 is 2 away after 1 s, but also after 2 s */
    assert_int_equal(test_counter(t, "rate"), 1);
    test_close(t);
}

static void spikes_are_flagged_dropped_or_replaced_by_the_median(void **state) {
    (void)state;
    const double values[] = {5, 5.1, 4.9, 5, 5.1, 9, 5, 4.9};
    struct test *t = make("{spike: {method: hampel, window: 5, k: 3.5}}");
    push_values(t, values, 8);
    expect_qualities(t, (unsigned[]){0, 0, 0, 0, 0, BAD(SPIKE), 0, 0}, 8);
    assert_near(t->out[0].sample[5].value, 9, 0);
    test_close(t);
    t = make("{spike: {window: 5, on_bad: drop}}");
    push_values(t, values, 8);
    assert_int_equal(t->out[0].samples, 7);
    test_close(t);
    t = make("{spike: {window: 5, on_bad: replace}}");
    push_values(t, values, 8);
    expect_qualities(t, (unsigned[]){0, 0, 0, 0, 0, PL_Q_UNCERTAIN | PL_Q_SPIKE | PL_Q_REPLACED, 0, 0}, 8);
    assert_near(t->out[0].sample[5].value, 5.1, 0);
    assert_int_equal(test_counter(t, "replaced"), 1);
    test_close(t);
}

static void bad_values_do_not_enter_the_median(void **state) {
    (void)state;
    struct test *t = make("{range: true, spike: {window: 5}}");
    const double values[] = {5, 5.1, 4.9, 500, NAN, 500, 500, 500, 5.1, 5};
    push_values(t, values, 10);
    expect_qualities(t,
                     (unsigned[]){0, 0, 0, BAD(OUT_OF_RANGE), BAD(MISSING), BAD(OUT_OF_RANGE), BAD(OUT_OF_RANGE),
                                  BAD(OUT_OF_RANGE), 0, 0},
                     10);
    test_close(t);
}

static void a_row_that_fails_twice_has_both_flags_and_the_stronger_action(void **state) {
    (void)state;
    const double values[] = {5, 5.1, 4.9, 5, 5.1, 9, 5};
    struct test *t = make("{rate: {max: 1}, spike: {window: 5, on_bad: replace}}");
    push_values(t, values, 7);
    sample_is(&t->out[0].sample[5], t->out[0].sample[5].time, "a.v", 5.1,
              PL_Q_UNCERTAIN | PL_Q_RATE | PL_Q_SPIKE | PL_Q_REPLACED);
    test_close(t);
    t = make("{rate: {max: 1, on_bad: drop}, spike: {window: 5, on_bad: replace}}");
    push_values(t, values, 7);
    assert_int_equal(t->out[0].samples, 6);
    assert_int_equal(test_counter(t, "rate"), 1);
    assert_int_equal(test_counter(t, "spike"), 1);
    test_close(t);
}

static void frozen_by_time_and_by_rows(void **state) {
    (void)state;
    const unsigned flag = PL_Q_UNCERTAIN | PL_Q_FROZEN;
    const double values[] = {1, 1, 1, 1, 2, 2.05, 1.98, 3};
    struct test *t = make("{frozen: {for: 2s}}");
    push_values(t, values, 8);
    expect_qualities(t, (unsigned[]){0, 0, flag, flag, 0, 0, 0, 0}, 8);
    test_close(t);
    t = make("{frozen: {samples: 2}}");
    push_values(t, values, 8);
    expect_qualities(t, (unsigned[]){0, flag, flag, flag, 0, 0, 0, 0}, 8);
    test_close(t);
    t = make("{frozen: {samples: 1}}"); /* one row alone is not frozen */
    push_values(t, values, 8);
    expect_qualities(t, (unsigned[]){0, flag, flag, flag, 0, 0, 0, 0}, 8);
    test_close(t);
    t = make("{frozen: {samples: 3, tolerance: 0.1, on_bad: drop}}");
    push_values(t, values, 8);
    assert_int_equal(t->out[0].samples, 5);
    assert_int_equal(test_counter(t, "frozen"), 3);
    test_close(t);
}

/* ---- order ---- */

static void older_and_equal_times_are_not_judged_by_history(void **state) {
    (void)state;
    struct test *t = make("{range: true, rate: {max: 1}}");
    const struct sample rows[] = {
        {5 * S, "a.v", 1, 0}, {5 * S, "a.v", 9, 0}, {3 * S, "a.v", 9, 0}, {4 * S, "a.v", 11, 0}, {6 * S, "a.v", 1, 0}};
    test_push(t, rows, 5);
    expect_qualities(t, (unsigned[]){0, 0, 0, BAD(OUT_OF_RANGE), 0}, 5);
    assert_int_equal(test_counter(t, "duplicates"), 1);
    assert_int_equal(test_counter(t, "out_of_order"), 2);
    test_close(t);
}

static void a_clock_set_back_is_followed(void **state) {
    (void)state;
    struct test *t = make("{rate: {max: 1}}");
    test_push(t, (struct sample[]){{1000 * S, "a.v", 5, 0}}, 1);
    for (int i = 0; i < 10; i++)
        test_push(t, (struct sample[]){{i * S, "a.v", 5, 0}}, 1);
    test_push(t, (struct sample[]){{10 * S, "a.v", 9, 0}}, 1);
    assert_int_equal(t->out[0].sample[11].quality, BAD(RATE));
    assert_int_equal(test_counter(t, "out_of_order"), 8);
    test_close(t);
}

static void huge_times_do_no_harm(void **state) {
    (void)state;
    struct test *t =
        make("{rate: {max: 1}, frozen: {for: 1s}, gaps: {max: 5s, fill: linear}, deadband: 0, deadband_max: 1s}");
    const struct sample rows[] = {{PL_TIME_MIN, "a.v", 5, 0},
                                  {PL_TIME_MIN + 1, "a.v", 6, 0},
                                  {0, "a.v", 7, 0},
                                  {PL_TIME_MAX - 1, "a.v", 8, 0},
                                  {PL_TIME_MAX, "a.v", 9, 0}};
    test_push(t, rows, 5);
    test_watermark(t, PL_TIME_MIN + 5);
    test_watermark(t, PL_TIME_MAX - 1);
    test_end(t);
    assert_int_equal(t->out[0].samples, 5);
    test_close(t);
}

/* ---- deadband ---- */

static void deadband_leaves_out_what_says_nothing_new(void **state) {
    (void)state;
    struct test *t = make("{range: true, deadband: 0.5, deadband_max: 4s}");
    const double values[] = {1, 1.4, 0.6, 1.6, 1.5, 50, 50, 1.7, 1.7, 1.7, 1.7};
    push_values(t, values, 11);
    static const double expected[] = {1, 1.6, 50, 50, 1.7};
    assert_int_equal(t->out[0].samples, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_near(t->out[0].sample[i].value, expected[i], 0);
    assert_int_equal(test_counter(t, "suppressed"), 6);
    test_close(t);
    t = make("{deadband: 0}");
    push_values(t, (double[]){1, 1, 2, 2, 1}, 5);
    assert_int_equal(t->out[0].samples, 3);
    test_close(t);
}

/* ---- options ---- */

static void refusals(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{spike: {window: 10}}", "odd"},
        {"{frozen: true}", "how long"},
        {"{missing: {fill: linear}}", "needs max"},
        {"{range: {low: 5, high: 4}}", "no value is in range"},
        {"{deadband: -1}", "negative"},
        {"{rate: true}", "max"},
        {"{gaps: {fill: linear}}", "max"},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char *text = test_refusal("cleanse", cases[i][0]);
        if (!strstr(text, cases[i][1])) fail_msg("%s: %s", cases[i][0], text);
        pl_free(text);
    }
}

static void the_example_of_the_manual_is_valid(void **state) {
    (void)state;
    struct test *t =
        make("{range: true, spike: { method: hampel, window: 11, k: 3.5 }, gaps: { max: 5s, fill: linear }}");
    test_push(t, (struct sample[]){{0, "a.v", 1, 0}}, 1);
    assert_int_equal(t->out[0].samples, 1);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_flags_by_the_tags_own_limits),
        cmocka_unit_test(without_range_only_missing_and_infinite_values_are_flagged),
        cmocka_unit_test(drop_leaves_out_what_is_bad),
        cmocka_unit_test(each_check_has_an_action_of_its_own),
        cmocka_unit_test(tags_that_are_not_chosen_pass_as_they_are),
        cmocka_unit_test(what_is_good_leaves_in_the_same_memory),
        cmocka_unit_test(a_batch_that_others_hold_is_not_changed),
        cmocka_unit_test(rate_goes_by_the_last_good_value),
        cmocka_unit_test(spikes_are_flagged_dropped_or_replaced_by_the_median),
        cmocka_unit_test(bad_values_do_not_enter_the_median),
        cmocka_unit_test(a_row_that_fails_twice_has_both_flags_and_the_stronger_action),
        cmocka_unit_test(frozen_by_time_and_by_rows),
        cmocka_unit_test(older_and_equal_times_are_not_judged_by_history),
        cmocka_unit_test(a_clock_set_back_is_followed),
        cmocka_unit_test(huge_times_do_no_harm),
        cmocka_unit_test(deadband_leaves_out_what_says_nothing_new),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_example_of_the_manual_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
