#include "../testing.h"

#define S PL_SECOND

static void is_sample(const struct sample *row, pl_time time, const char *tag, double value, unsigned quality) {
    assert_non_null(row);
    if (!row) return; /* for those who do not know that the line above does not come back */
    assert_int_equal(row->time, time);
    assert_string_equal(row->tag, tag);
    assert_near(row->value, value, 1e-12);
    assert_int_equal(row->quality, quality);
}

static void one_row_for_a_time_when_all_signals_have_a_value(void **state) {
    (void)state;
    struct test *t = test_open("map", "{values: [{tag: '*.power', expr: voltage * current / 1000}]}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "l1.p1.voltage", 4, 0}, {2 * S, "l1.p1.current", 500, 0}}, 2);
    test_push(t, (struct sample[]){{3 * S, "l1.p1.voltage", 5, 0}, {2 * S, "l1.p2.current", 1, 0}}, 2);
    test_push(t, (struct sample[]){{3 * S, "l1.p1.current", 600, PL_Q_UNCERTAIN | PL_Q_SPIKE}}, 1);
    test_watermark(t, 3 * S);
    assert_int_equal(t->out[0].samples, 1);
    is_sample(&t->out[0].sample[0], 2 * S, "l1.p1.power", 2, 0);
    test_restore(t);
    test_push(t, (struct sample[]){{1 * S, "l1.p2.voltage", 7, 0}}, 1); /* late: held, but no row */
    test_end(t);
    assert_int_equal(t->out[0].samples, 2);
    is_sample(&t->out[0].sample[1], 3 * S, "l1.p1.power", 3, PL_Q_UNCERTAIN | PL_Q_SPIKE);
    assert_int_equal(test_counter(t, "late"), 1);
    test_close(t);
}

static void bad_counts_as_missing_and_old_as_stale(void **state) {
    (void)state;
    struct test *t =
        test_open("map",
                  "{max_age: 5s, values: [{tag: '*.a', expr: x + y}, {tag: '*.b', expr: 'coalesce(x, 9) + y'},"
                  " {tag: '*.c', expr: 1 / (y - 1)}]}",
                  PL_SAMPLES);
    test_push(t, (struct sample[]){{0, "p.x", 2, PL_Q_BAD | PL_Q_SPIKE}, {0, "p.y", 1, 0}, {6 * S, "p.y", 3, 0}}, 3);
    test_end(t);
    assert_int_equal(t->out[0].samples, 6);
    is_sample(&t->out[0].sample[0], 0, "p.a", NAN, PL_Q_BAD | PL_Q_MISSING | PL_Q_SPIKE);
    is_sample(&t->out[0].sample[1], 0, "p.b", 10, PL_Q_UNCERTAIN | PL_Q_SPIKE);
    is_sample(&t->out[0].sample[2], 0, "p.c", NAN, PL_Q_BAD | PL_Q_MISSING);
    is_sample(&t->out[0].sample[4], 6 * S, "p.b", 12, PL_Q_UNCERTAIN | PL_Q_SPIKE | PL_Q_STALE);
    is_sample(&t->out[0].sample[5], 6 * S, "p.c", .5, 0);
    test_close(t);
}

static void quality_any_takes_bad_values_as_they_are(void **state) {
    (void)state;
    struct test *t =
        test_open("map",
                  "{quality: any, values: [{tag: '*.a', expr: x + y}, {tag: '*.b', expr: 'coalesce(x, 9)'},"
                  " {tag: '*.{signal}_k', expr: value / 1000, each: '*.x'}]}",
                  PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "p.y", 1, 0}, {1, "p.x", 2000, PL_Q_BAD | PL_Q_SPIKE}}, 2);
    test_push(t, (struct sample[]){{2, "p.x", NAN, PL_Q_BAD | PL_Q_MISSING}}, 1);
    test_end(t);
    assert_int_equal(t->out[0].samples, 6);
    const struct sample *made = t->out[0].sample;
    is_sample(&made[0], 1, "p.x_k", 2, PL_Q_BAD | PL_Q_SPIKE);
    is_sample(&made[1], 2, "p.x_k", NAN, PL_Q_BAD | PL_Q_MISSING);
    is_sample(&made[2], 1, "p.a", 2001, PL_Q_BAD | PL_Q_SPIKE);
    is_sample(&made[3], 1, "p.b", 2000, PL_Q_BAD | PL_Q_SPIKE);
    is_sample(&made[4], 2, "p.a", NAN, PL_Q_BAD | PL_Q_MISSING);
    is_sample(&made[5], 2, "p.b", 9, PL_Q_BAD | PL_Q_MISSING);
    test_close(t);
}

static void too_many_waiting_are_refused(void **state) {
    (void)state;
    enum { FIT = 32 }; /* max_waiting, to whole chunks of 16 */
    struct test *t = test_open("map", "{max_waiting: 17, values: [{tag: '*.a', expr: x + 1}]}", PL_SAMPLES);
    for (unsigned i = 0; i < FIT + 5; i++)
        test_push(t, (struct sample[]){{i, "p.x", i, 0}, {i % 16, "q.x", 0, 0}}, i < 16 ? 2 : 1);
    assert_int_equal(test_counter(t, "refused"), 5); /* another tag has room of its own */
    test_restore(t);
    test_push(t, (struct sample[]){{90, "p.x", 90, 0}}, 1);
    assert_int_equal(test_counter(t, "refused"), 1); /* as before, when all is found again */
    test_watermark(t, 100);
    assert_int_equal(t->out[0].samples, FIT + 16);
    is_sample(&t->out[0].sample[FIT + 15], FIT - 1, "p.a", FIT, 0);
    test_push(t, (struct sample[]){{100, "p.x", 7, 0}}, 1); /* there is room again */
    test_end(t);
    assert_int_equal(t->out[0].samples, FIT + 17);
    is_sample(&t->out[0].sample[FIT + 16], 100, "p.a", 8, 0);
    assert_int_equal(test_counter(t, "refused"), 1);
    test_close(t);
}

static void windows_give_samples_from_their_columns(void **state) {
    (void)state;
    struct test *t =
        test_open("map", "{values: [{tag: '*.{signal}_spread', expr: max - min, each: '*.v'}]}", PL_WINDOWS);
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, 1, 0);
    b->windows.tag[0] = test_tag(t, "l1.p1.v");
    b->windows.start[0] = 0;
    b->windows.end[0] = 10 * S;
    b->windows.max[0] = 5;
    b->windows.min[0] = 3;
    b->windows.quality[0] = 0;
    b->rows = 1;
    test_push_batch(t, b);
    assert_int_equal(t->out[0].samples, 1);
    is_sample(&t->out[0].sample[0], 10 * S, "l1.p1.v_spread", 2, 0);
    test_close(t);
}

static void refused(const char *options, const char *said) {
    char *text = test_refusal("map", options);
    if (!strstr(text, said)) fail_msg("%s: says %s", options, text);
    pl_free(text);
}

static void a_bad_expression_is_told_by_check(void **state) {
    (void)state;
    refused("{values: [{tag: '*.a', expr: 'x +'}]}", "at character 4: expected a value, found the end");
    refused("{values: [{tag: '*.a', expr: 'maen', each: '*.v'}]}", "did you mean mean?");
    refused("{values: [{tag: '*.a', expr: '1 + 1'}]}", "without any signal");
    refused("{values: [{tag: '*.a', expr: 'l1.x + 1'}]}", "nothing in it tells the assets");
    refused("{values: [{tag: 'l1.*', expr: 'x'}]}", "is the signal that is made");
    refused("{values: [{tag: '*.a', expr: '`{pot}.x`'}]}", "begins with {asset}. or {line}.");
}

/* ---- Against a plain reference ---- */

enum { ROWS = 1500 };

static bool as_of(const struct sample *rows, const char *tag, pl_time time, double *value) {
    const struct sample *best = NULL;
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].time <= time && strcmp(rows[i].tag, tag) == 0 && (!best || rows[i].time >= best->time))
            best = &rows[i];
    if (best) *value = best->value;
    return best != NULL;
}

static void rows_at_random_give_what_a_plain_look_gives(void **state) {
    (void)state;
    static const char *const tags[] = {"l1.p1.x", "l1.p1.y", "l1.p2.x", "l1.p2.y", "l1.c"};
    static struct sample rows[ROWS];
    for (unsigned round = 0; round < 20; round++) {
        struct test *t = test_open("map", "{values: [{tag: '*.s', expr: '(x - y) * `{line}.c`'}]}", PL_SAMPLES);
        t->in_order = true;
        for (unsigned i = 0; i < ROWS; i++)
            rows[i] = (struct sample){(pl_time)(i / 2 * 10 + 100) - test_random(50), tags[test_random(5)],
                                      test_random(1000) / 8.0, 0};
        test_push_at_random(t, rows, ROWS, 60, true);
        test_end(t);
        unsigned next = 0;
        for (pl_time time = 0; time < ROWS * 5 + 200; time++)
            for (unsigned p = 0; p < 2; p++) {
                bool changes = false;
                double x = 0, y = 0, c = 0;
                for (unsigned i = 0; i < ROWS; i++)
                    changes =
                        changes || (rows[i].time == time && (rows[i].tag == tags[4] || rows[i].tag == tags[2 * p] ||
                                                             rows[i].tag == tags[2 * p + 1]));
                if (!changes || !as_of(rows, tags[2 * p], time, &x) || !as_of(rows, tags[2 * p + 1], time, &y) ||
                    !as_of(rows, tags[4], time, &c))
                    continue;
                assert_true(next < t->out[0].samples);
                is_sample(&t->out[0].sample[next++], time, p ? "l1.p2.s" : "l1.p1.s", (x - y) * c, 0);
            }
        assert_int_equal(next, t->out[0].samples);
        test_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row_for_a_time_when_all_signals_have_a_value),
        cmocka_unit_test(bad_counts_as_missing_and_old_as_stale),
        cmocka_unit_test(quality_any_takes_bad_values_as_they_are),
        cmocka_unit_test(too_many_waiting_are_refused),
        cmocka_unit_test(windows_give_samples_from_their_columns),
        cmocka_unit_test(a_bad_expression_is_told_by_check),
        cmocka_unit_test(rows_at_random_give_what_a_plain_look_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
