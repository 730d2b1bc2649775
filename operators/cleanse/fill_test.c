#include "rows.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
