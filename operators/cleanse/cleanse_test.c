#include "../testing.h"

#define S PL_SECOND
#define BAD(flag) (PL_Q_BAD | PL_Q_##flag)
#define FILLED (PL_Q_UNCERTAIN | PL_Q_REPLACED | PL_Q_BACKFILLED)

static struct test *make(const char *options) {
    return test_open_ranged("cleanse", options, PL_SAMPLES, "*.v", 0, 10);
}

static void sample_is(const struct sample *row, pl_time time, const char *tag, double value, unsigned quality) {
    assert_int_equal(row->time, time);
    assert_string_equal(row->tag, tag);
    assert_near(row->value, value, 1e-12);
    assert_int_equal(row->quality, quality);
}

/* Values of one tag at 0 s, 1 s, ...; what the node says of each, in order. */
static void push_values(struct test *t, const double *values, unsigned count) {
    static pl_time now;
    for (unsigned i = 0; i < count; i++)
        test_push(t, (struct sample[]){{now++ * S, "a.v", values[i], isnan(values[i]) ? BAD(MISSING) : 0}}, 1);
}

static void expect_qualities(struct test *t, const unsigned *quality, unsigned count) {
    assert_int_equal(t->out[0].samples, count);
    for (unsigned i = 0; i < count; i++)
        if (t->out[0].sample[i].quality != quality[i])
            fail_msg("row %u has quality %x, not %x", i, t->out[0].sample[i].quality, quality[i]);
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

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

/* ---- gaps and fills ---- */

static void a_gap_is_filled_when_it_closes(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 5s, fill: linear}}");
    test_push(t, (struct sample[]){{0, "a.v", 0, 0}, {1 * S, "a.v", 1, 0}, {2 * S, "a.v", 2, 0}}, 3);
    test_push(t, (struct sample[]){{2 * S, "b.v", 7, 0}, {6 * S, "a.v", 4, 0}}, 2);
    const struct sample *row = t->out[0].sample;
    assert_int_equal(t->out[0].samples, 8);
    sample_is(&row[3], 2 * S, "b.v", 7, 0);
    for (int i = 1; i < 4; i++)
        sample_is(&row[3 + i], (2 + i) * S, "a.v", 2 + i * 0.5, FILLED);
    sample_is(&row[7], 6 * S, "a.v", 4, 0);
    assert_int_equal(test_counter(t, "filled"), 3);
    test_close(t);
}

static void a_longer_gap_is_left_and_told(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 5s, fill: hold}}");
    test_push(
        t,
        (struct sample[]){{0, "l.a.v", 0, 0}, {1 * S, "l.a.v", 1, 0}, {7 * S, "l.a.v", 4, 0}, {9 * S, "l.a.v", 4, 0}},
        4);
    assert_int_equal(t->out[0].samples, 5);
    sample_is(&t->out[0].sample[3], 8 * S, "l.a.v", 4, FILLED);
    assert_int_equal(t->out[1].events, 1);
    assert_string_equal(t->out[1].event[0].kind, "cleanse.gap");
    assert_int_equal(t->out[1].event[0].time, 7 * S);
    assert_string_equal(t->out[1].event[0].body, "{\"from\":1000000000,\"seconds\":6}");
    assert_int_equal(test_counter(t, "gaps"), 1);
    test_close(t);
}

static void a_gap_is_between_usable_rows(void **state) {
    (void)state;
    struct test *t = make("{range: true, gaps: {max: 5s, fill: linear}}");
    const double values[] = {1, 2, 50, 4, NAN, 6};
    push_values(t, values, 6);
    assert_int_equal(t->out[0].samples, 8);
    assert_int_equal(t->out[0].sample[2].quality, BAD(OUT_OF_RANGE));
    assert_int_equal(t->out[0].sample[3].quality, FILLED);
    assert_near(t->out[0].sample[3].value, 3, 1e-12);
    assert_int_equal(t->out[0].sample[3].time, t->out[0].sample[2].time);
    assert_near(t->out[0].sample[6].value, 5, 1e-12);
    test_close(t);
}

static void interval_is_given_or_learned(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 10s, fill: hold, interval: 2s}}");
    test_push(t, (struct sample[]){{0, "a.v", 1, 0}}, 1);
    assert_int_equal(test_watermark(t, 5 * S), 2 * S);
    test_push(t, (struct sample[]){{8 * S, "a.v", 1, 0}}, 1);
    assert_int_equal(t->out[0].samples, 5); /* at 2, 4, 6 */
    assert_int_equal(t->out[0].sample[3].time, 6 * S);
    test_close(t);

    t = make("{gaps: {max: 100s, fill: hold}}");
    static const int times[] = {0, 10, 20, 30, 40, 41, 42, 43, 44, 45, 50};
    for (unsigned i = 0; i < COUNT_OF(times); i++)
        test_push(t, (struct sample[]){{times[i] * S, "a.v", 1, 0}}, 1);
    assert_int_equal(t->out[0].samples, COUNT_OF(times) + 4); /* 46 to 49: every second by now */
    test_close(t);
}

static void a_gap_that_needs_too_many_rows_is_left(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 10s, fill: linear, limit: 3}}");
    test_push(t, (struct sample[]){{0, "a.v", 1, 0}, {1 * S, "a.v", 1, 0}, {4 * S, "a.v", 1, 0}, {9 * S, "a.v", 1, 0}},
              4);
    assert_int_equal(t->out[0].samples, 6);
    test_close(t);
}

static void many_fills_cross_batches(void **state) {
    (void)state;
    struct test *t = make("{range: true, on_bad: drop, gaps: {max: 1h, fill: linear}}");
    const struct sample rows[] = {{0, "a.v", 1, 0},        {1 * S, "a.v", 2, 0},    {1 * S, "b.v", 50, 0},
                                  {2 * S, "b.v", 5, 0},    {2501 * S, "a.v", 7, 0}, {2502 * S, "a.v", 8, 0},
                                  {2502 * S, "b.v", 99, 0}};
    test_push(t, rows, 7);
    assert_int_equal(t->out[0].samples, 2 + 1 + 2499 + 2);
    pl_time before = PL_TIME_MIN;
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *row = &t->out[0].sample[i];
        if (strcmp(row->tag, "a.v") != 0) continue;
        assert_true(row->time > before);
        before = row->time;
        if (row->quality == FILLED) assert_near(row->value, 2 + 5.0 * ((double)row->time / S - 1) / 2500, 1e-9);
    }
    test_close(t);
}

static void the_watermark_waits_for_a_gap_and_no_longer_than_max(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 8s, fill: linear}}");
    for (int i = 0; i <= 10; i++)
        test_push(t, (struct sample[]){{i * S, "a.v", i, 0}, {i * S, "b.v", i, 0}}, 2);
    assert_int_equal(test_watermark(t, 10 * S), 10 * S);
    for (int i = 11; i <= 30; i++) { /* b is silent */
        test_push(t, (struct sample[]){{i * S, "a.v", i, 0}}, 1);
        pl_time out = test_watermark(t, i * S);
        assert_true(out >= (i - 9) * S);
        if (i <= 18) assert_int_equal(out, 11 * S);
        if (i > 19) assert_int_equal(out, i * S);
    }
    assert_int_equal(test_watermark(t, PL_TIME_MAX), PL_TIME_MAX);
    test_close(t);
}

static void without_fills_the_watermark_does_not_wait(void **state) {
    (void)state;
    struct test *t = make("{range: true, spike: {window: 5}, gaps: {max: 1h}, missing: {fill: hold}}");
    test_push(t, (struct sample[]){{0, "a.v", 1, 0}, {1 * S, "a.v", 1, 0}}, 2);
    assert_int_equal(test_watermark(t, 30 * S), 30 * S);
    test_close(t);
}

static void a_late_row_closes_no_gap_behind_the_watermark(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 5s, fill: linear}}");
    test_push(t, (struct sample[]){{0, "a.v", 0, 0}, {1 * S, "a.v", 1, 0}}, 2);
    test_watermark(t, 100 * S);
    test_restore(t);
    test_push(t, (struct sample[]){{5 * S, "a.v", 5, 0}}, 1);
    assert_int_equal(t->out[0].samples, 3);
    assert_int_equal(test_counter(t, "unfilled"), 3);
    test_close(t);
}

/* Of a tag whose first row is late nothing is filled in behind the watermark, and the watermark does not go back. */
static void a_late_first_row_does_not_pull_the_watermark_back(void **state) {
    (void)state;
    struct test *t = make("{gaps: {max: 8s, fill: linear, interval: 1s}}");
    for (int i = 0; i <= 10; i++)
        test_push(t, (struct sample[]){{i * S, "a.v", i, 0}}, 1);
    assert_int_equal(test_watermark(t, 10 * S), 10 * S);
    test_push(t, (struct sample[]){{5 * S, "c.v", 1, 0}, {11 * S, "a.v", 1, 0}}, 2);
    assert_int_equal(test_watermark(t, 11 * S), 10 * S);
    test_push(t, (struct sample[]){{12 * S, "c.v", 1, 0}}, 1);
    assert_int_equal(test_counter(t, "filled"), 2);   /* at 10 and 11 */
    assert_int_equal(test_counter(t, "unfilled"), 4); /* from 6 to 9 */
    test_close(t);
}

static void missing_values_are_held(void **state) {
    (void)state;
    struct test *t = make("{missing: {fill: hold, max: 2s}}");
    const double values[] = {NAN, 5, NAN, NAN, NAN};
    push_values(t, values, 5);
    const unsigned held = PL_Q_UNCERTAIN | PL_Q_MISSING | PL_Q_REPLACED;
    expect_qualities(t, (unsigned[]){BAD(MISSING), 0, held, held, BAD(MISSING)}, 5);
    assert_near(t->out[0].sample[3].value, 5, 0);
    assert_true(isnan(t->out[0].sample[4].value));
    assert_int_equal(test_counter(t, "unfilled"), 2);
    test_close(t);
    t = make("{on_bad: replace}");
    push_values(t, values, 5);
    expect_qualities(t, (unsigned[]){BAD(MISSING), 0, held, held, held}, 5);
    test_close(t);
}

static void missing_values_are_filled_at_their_own_times(void **state) {
    (void)state;
    struct test *t = make("{missing: {fill: linear, max: 10s}}");
    const struct sample rows[] = {
        {0, "a.v", 0, 0}, {3 * S, "a.v", NAN, 0}, {4 * S, "a.v", NAN, 0}, {10 * S, "a.v", 5, 0}};
    test_push(t, rows, 3);
    assert_int_equal(t->out[0].samples, 3); /* every row passes at once */
    assert_true(test_watermark(t, 4 * S) <= 3 * S);
    test_restore(t);
    test_push(t, rows + 3, 1);
    assert_int_equal(t->out[0].samples, 6);
    sample_is(&t->out[0].sample[3], 3 * S, "a.v", 1.5, FILLED);
    sample_is(&t->out[0].sample[4], 4 * S, "a.v", 2, FILLED);
    sample_is(&t->out[0].sample[5], 10 * S, "a.v", 5, 0);
    test_close(t);
}

static void missing_values_and_silence_in_one_gap(void **state) {
    (void)state;
    struct test *t = make("{missing: {fill: linear, max: 10s}, gaps: {max: 10s, fill: hold}}");
    test_push(
        t, (struct sample[]){{0, "a.v", 0, 0}, {1 * S, "a.v", 1, 0}, {4 * S, "a.v", NAN, 0}, {6 * S, "a.v", 6, 0}}, 4);
    static const struct {
        pl_time time;
        double value;
    } filled[] = {{2, 1}, {3, 1}, {4, 4}, {5, 1}};
    assert_int_equal(t->out[0].samples, 8);
    for (unsigned i = 0; i < 4; i++)
        sample_is(&t->out[0].sample[3 + i], filled[i].time * S, "a.v", filled[i].value, FILLED);
    test_close(t);
}

static void more_missing_values_than_may_wait_stay_missing(void **state) {
    (void)state;
    struct test *t = make("{missing: {fill: linear, max: 1h, waiting: 3}}");
    const double values[] = {1, NAN, NAN, NAN, NAN, NAN, 7};
    push_values(t, values, 7);
    assert_int_equal(t->out[0].samples, 7 + 3);
    assert_int_equal(test_counter(t, "unfilled"), 2);
    test_close(t);
}

/* A day's shape is learned; a gap of six hours over noon is filled with it, not with a line. */
static void seasonal_fill_has_the_shape_of_the_day(void **state) {
    (void)state;
    static const char *const fills[] = {"{gaps: {max: 12h, fill: seasonal}, season: {period: 1d, bins: 24}}",
                                        "{gaps: {max: 12h, fill: linear}}"};
    double worst[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct test *t = make(fills[i]);
        for (int hour = 0; hour < 24 * 10; hour++) {
            double value = sin((hour % 24 - 6) / 12.0 * M_PI) + hour / 2400.0;
            bool gap = hour > 24 * 9 + 9 && hour < 24 * 9 + 16;
            if (!gap) test_push(t, (struct sample[]){{hour * PL_HOUR, "a.v", value, 0}}, 1);
        }
        assert_int_equal(t->out[0].samples, 240);
        for (unsigned k = 0; k < 240; k++) {
            const struct sample *row = &t->out[0].sample[k];
            int hour = (int)(row->time / PL_HOUR);
            double off = fabs(row->value - (sin((hour % 24 - 6) / 12.0 * M_PI) + hour / 2400.0));
            if (row->quality == FILLED && off > worst[i]) worst[i] = off;
        }
        test_close(t);
    }
    assert_true(worst[0] < 0.02 && worst[1] > 0.2);
}

static void seasonal_fill_of_a_missing_value_comes_at_once(void **state) {
    (void)state;
    struct test *t = make("{missing: {fill: seasonal}, season: {period: 4s, bins: 4}}");
    const double values[] = {1, 2, 3, 4, 1, 2, 3, 4, 1, NAN};
    test_push(t, (struct sample[]){{0, "b.v", 0, 0}}, 1);
    for (unsigned i = 0; i < 10; i++)
        test_push(t, (struct sample[]){{i * S, "a.v", values[i], 0}}, 1);
    sample_is(&t->out[0].sample[10], 9 * S, "a.v", 2, PL_Q_UNCERTAIN | PL_Q_MISSING | PL_Q_REPLACED);
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
        cmocka_unit_test(a_gap_is_filled_when_it_closes),
        cmocka_unit_test(a_longer_gap_is_left_and_told),
        cmocka_unit_test(a_gap_is_between_usable_rows),
        cmocka_unit_test(interval_is_given_or_learned),
        cmocka_unit_test(a_gap_that_needs_too_many_rows_is_left),
        cmocka_unit_test(many_fills_cross_batches),
        cmocka_unit_test(the_watermark_waits_for_a_gap_and_no_longer_than_max),
        cmocka_unit_test(without_fills_the_watermark_does_not_wait),
        cmocka_unit_test(a_late_row_closes_no_gap_behind_the_watermark),
        cmocka_unit_test(a_late_first_row_does_not_pull_the_watermark_back),
        cmocka_unit_test(missing_values_are_held),
        cmocka_unit_test(missing_values_are_filled_at_their_own_times),
        cmocka_unit_test(missing_values_and_silence_in_one_gap),
        cmocka_unit_test(more_missing_values_than_may_wait_stay_missing),
        cmocka_unit_test(seasonal_fill_has_the_shape_of_the_day),
        cmocka_unit_test(seasonal_fill_of_a_missing_value_comes_at_once),
        cmocka_unit_test(deadband_leaves_out_what_says_nothing_new),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_example_of_the_manual_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
