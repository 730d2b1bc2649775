#include "../testing.h"

#define S PL_SECOND
#define REPAIRED (PL_Q_UNCERTAIN | PL_Q_RATE | PL_Q_REPLACED)

static const char options[] = "{noise: 0.1, speed: 0.5, memory: 20s, delay: 10s}";

static double truth_at(unsigned i) {
    return 5 * sin(i / 40.0);
}

static void wrong_values_are_replaced_and_flagged(void **state) {
    (void)state;
    struct test *t = test_open("repair", options, PL_SAMPLES);
    for (unsigned i = 0; i < 100; i++)
        test_push(t, (struct sample[]){{i * S, "a.x", i == 50 ? 99 : truth_at(i), PL_Q_SIMULATED}}, 1);
    test_end(t);
    assert_int_equal(t->out[0].samples, 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(t->out[0].sample[i].time, i * S);
        assert_int_equal(t->out[0].sample[i].quality, i == 50 ? REPAIRED | PL_Q_SIMULATED : PL_Q_SIMULATED);
        if (i != 50) assert_true(t->out[0].sample[i].value == truth_at(i));
    }
    assert_near(t->out[0].sample[50].value, (truth_at(49) + truth_at(51)) / 2, 1e-9);
    assert_int_equal(test_counter(t, "wrong"), 1);
    assert_int_equal(test_counter(t, "replaced"), 1);
    test_close(t);
}

static void flag_leaves_the_value(void **state) {
    (void)state;
    struct test *t = test_open("repair", "{noise: 0.1, speed: 0.5, memory: 20s, delay: 10s, on_bad: flag}", PL_SAMPLES);
    for (unsigned i = 0; i < 100; i++)
        test_push(t, (struct sample[]){{i * S, "a.x", i == 50 ? 99 : truth_at(i), 0}}, 1);
    test_end(t);
    assert_near(t->out[0].sample[50].value, 99, 0);
    assert_int_equal(t->out[0].sample[50].quality, PL_Q_BAD | PL_Q_RATE);
    test_close(t);
}

static void missing_and_bad_values_are_filled(void **state) {
    (void)state;
    struct test *t = test_open("repair", options, PL_SAMPLES);
    for (unsigned i = 0; i < 60; i++) {
        struct sample row = {i * S, "a.x", i * 0.1, 0};
        if (i == 30) row = (struct sample){i * S, "a.x", NAN, PL_Q_BAD | PL_Q_MISSING};
        if (i == 40) row = (struct sample){i * S, "a.x", 77, PL_Q_BAD | PL_Q_OUT_OF_RANGE};
        test_push(t, &row, 1);
    }
    test_end(t);
    assert_near(t->out[0].sample[30].value, 3, 1e-9);
    assert_int_equal(t->out[0].sample[30].quality, PL_Q_UNCERTAIN | PL_Q_MISSING | PL_Q_REPLACED);
    assert_near(t->out[0].sample[40].value, 4, 1e-9);
    assert_int_equal(t->out[0].sample[40].quality, PL_Q_UNCERTAIN | PL_Q_OUT_OF_RANGE | PL_Q_REPLACED);
    assert_int_equal(test_counter(t, "missing"), 2);
    test_close(t);
}

static void rows_leave_when_the_look_ahead_has_passed(void **state) {
    (void)state;
    struct test *t = test_open("repair", options, PL_SAMPLES);
    for (unsigned i = 0; i <= 9; i++)
        test_push(t, (struct sample[]){{i * S, "a.x", 1, 0}}, 1);
    assert_int_equal(t->out[0].samples, 0);
    assert_int_equal(test_watermark(t, 9 * S), 0);
    test_push(t, (struct sample[]){{10 * S, "a.x", 1, 0}}, 1);
    assert_int_equal(t->out[0].samples, 1); /* by a row */
    assert_int_equal(test_watermark(t, 12 * S), 3 * S);
    assert_int_equal(t->out[0].samples, 3); /* by the watermark */
    test_end(t);
    assert_int_equal(t->out[0].samples, 11);
    test_close(t);
}

static void the_watermark_waits_for_the_oldest_row_of_all(void **state) {
    (void)state;
    struct test *t = test_open("repair", options, PL_SAMPLES);
    t->in_order = true;
    test_push(t, (struct sample[]){{5 * S, "a.x", 1, 0}, {2 * S, "b.x", 1, 0}, {6 * S, "a.x", 1, 0}}, 3);
    assert_int_equal(test_watermark(t, 2 * S), 2 * S);
    assert_int_equal(test_watermark(t, 6 * S), 2 * S);
    test_restore(t);
    assert_int_equal(test_watermark(t, 12 * S), 5 * S);
    test_end(t);
    assert_int_equal(t->out[0].samples, 3);
    test_close(t);
}

static void older_rows_and_equal_times_pass_at_once(void **state) {
    (void)state;
    struct test *t = test_open("repair", "{noise: 0.1, speed: 0.5, delay: 10s, exclude: ['b.*']}", PL_SAMPLES);
    test_push(t,
              (struct sample[]){{5 * S, "a.x", 1, 0}, {3 * S, "a.x", 2, 0}, {5 * S, "a.x", 3, 0}, {6 * S, "b.x", 4, 0}},
              4);
    assert_int_equal(t->out[0].samples, 3);
    assert_near(t->out[0].sample[0].value, 2, 0);
    assert_near(t->out[0].sample[1].value, 3, 0);
    assert_near(t->out[0].sample[2].value, 4, 0);
    assert_int_equal(test_counter(t, "passed"), 3);
    test_end(t);
    assert_int_equal(t->out[0].samples, 4);
    test_close(t);
}

/* x and y of a walk; a jump of y alone is found in both, and x keeps its own value. */
static void coordinates_of_an_asset_are_judged_together(void **state) {
    (void)state;
    struct test *t = test_open("repair", "{noise: 0.1, speed: 0.5, memory: 20s, delay: 10s, group: asset}", PL_SAMPLES);
    for (unsigned i = 0; i < 100; i++) {
        bool wrong = i >= 50 && i < 53;
        test_push(t, (struct sample[]){{i * S, "g.x", truth_at(i), 0}, {i * S, "g.y", 2 * truth_at(i) + wrong * 20, 0}},
                  2);
    }
    test_end(t);
    assert_int_equal(t->out[0].samples, 200);
    for (unsigned i = 0; i < 100; i++) {
        const struct sample *x = &t->out[0].sample[2 * i], *y = x + 1;
        bool wrong = i >= 50 && i < 53;
        assert_string_equal(x->tag, "g.x");
        assert_string_equal(y->tag, "g.y");
        assert_int_equal(x->time, y->time);
        assert_int_equal(x->quality, 0);
        assert_int_equal(y->quality, wrong ? REPAIRED : 0);
        assert_near(y->value, 2 * truth_at(i), 0.3);
    }
    test_close(t);
}

static void a_coordinate_that_comes_behind_the_watermark_passes(void **state) {
    (void)state;
    struct test *t = test_open("repair", "{noise: 0.1, speed: 0.5, delay: 3s, group: asset}", PL_SAMPLES);
    test_push(t, (struct sample[]){{0, "g.x", 1, 0}, {0, "g.y", 1, 0}, {3 * S, "g.x", 1, 0}, {5 * S, "g.x", 1, 0}}, 4);
    test_watermark(t, 6 * S);
    assert_int_equal(test_counter(t, "passed"), 0);
    test_push(t, (struct sample[]){{5 * S, "g.y", 1, 0}}, 1);
    assert_int_equal(test_counter(t, "passed"), 1);
    test_close(t);
}

static void a_fifth_tag_of_an_asset_passes(void **state) {
    (void)state;
    struct test *t = test_open("repair", "{noise: 0.1, speed: 0.5, delay: 1s, group: asset}", PL_SAMPLES);
    test_push(
        t, (struct sample[]){{0, "g.a", 1, 0}, {0, "g.b", 1, 0}, {0, "g.c", 1, 0}, {0, "g.d", 1, 0}, {0, "g.e", 1, 0}},
        5);
    assert_int_equal(test_counter(t, "refused"), 1);
    test_end(t);
    assert_int_equal(t->out[0].samples, 5);
    test_close(t);
}

enum { ROWS = 2000 };

static void cuts_watermarks_and_restores_change_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {"{noise: 0.2, speed: 1, memory: 5s, delay: 2s, longest: 4s}",
                                        "{noise: 0.2, speed: 1, memory: 5s, delay: 1s, group: asset}"};
    static const char *const tags[] = {"g.x", "g.y", "h.x", "z"};
    static struct sample rows[ROWS];
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i] = (struct sample){.time = (pl_time)(i / 4) * 200 * PL_MILLISECOND,
                                  .tag = tags[i % 4],
                                  .value = 5 * sin(i / 400.0) + test_random(100) / 300.0};
        if (test_random(40) == 0) rows[i].value += 8;
        if (test_random(60) == 0) rows[i].value = NAN;
        if (i > 800 && i < 900) rows[i].value += 3;
    }
    for (unsigned c = 0; c < 2; c++) {
        struct test *whole = test_open("repair", cases[c], PL_SAMPLES);
        test_push(whole, rows, ROWS);
        test_end(whole);
        assert_int_equal(whole->out[0].samples, ROWS);
        assert_true(test_counter(whole, "replaced") > 30);
        for (unsigned round = 0; round < 6; round++) {
            struct test *t = test_open("repair", cases[c], PL_SAMPLES);
            t->in_order = true;
            test_push_at_random(t, rows, ROWS, 0, round % 2 == 0);
            test_end(t);
            assert_int_equal(t->out[0].samples, ROWS);
            unsigned next[4] = {0};
            for (unsigned i = 0; i < ROWS; i++) { /* the order within each tag */
                const struct sample *row = &t->out[0].sample[i];
                unsigned tag = 0;
                while (strcmp(tags[tag], row->tag) != 0)
                    tag++;
                while (strcmp(whole->out[0].sample[next[tag]].tag, row->tag) != 0)
                    next[tag]++;
                const struct sample *expected = &whole->out[0].sample[next[tag]++];
                assert_int_equal(row->time, expected->time);
                assert_int_equal(row->quality, expected->quality);
                assert_near(row->value, expected->value, 0);
            }
            test_close(t);
        }
        test_close(whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_replaced_and_flagged),
        cmocka_unit_test(flag_leaves_the_value),
        cmocka_unit_test(missing_and_bad_values_are_filled),
        cmocka_unit_test(rows_leave_when_the_look_ahead_has_passed),
        cmocka_unit_test(the_watermark_waits_for_the_oldest_row_of_all),
        cmocka_unit_test(older_rows_and_equal_times_pass_at_once),
        cmocka_unit_test(coordinates_of_an_asset_are_judged_together),
        cmocka_unit_test(a_coordinate_that_comes_behind_the_watermark_passes),
        cmocka_unit_test(a_fifth_tag_of_an_asset_passes),
        cmocka_unit_test(cuts_watermarks_and_restores_change_nothing),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
