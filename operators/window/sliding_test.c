#include "../testing.h"

#define S PL_SECOND

static void every_window_has_its_rows(void **state) {
    (void)state;
    struct test *t = test_open("window.sliding", "{size: 4s, slide: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}, {3 * S, "a", 3, 0}, {5 * S, "a", 5, 0}}, 3);
    test_watermark(t, 2 * S);
    assert_int_equal(t->out[0].windows, 1);
    assert_int_equal(t->out[0].window[0].start, -2 * S);
    assert_int_equal(t->out[0].window[0].count, 1);
    test_watermark(t, 4 * S);
    assert_int_equal(t->out[0].windows, 2);
    assert_near(t->out[0].window[1].mean, 2, 0);
    test_end(t);
    assert_int_equal(t->out[0].windows, 4);
    assert_near(t->out[0].window[2].mean, 4, 0);
    assert_near(t->out[0].window[3].mean, 5, 0);
    assert_int_equal(t->out[0].window[3].end, 8 * S);
    test_close(t);
}

static void a_row_late_for_some_windows_counts_in_the_others(void **state) {
    (void)state;
    struct test *t = test_open("window.sliding", "{size: 4s, slide: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}}, 1);
    test_watermark(t, 2 * S);
    test_push(t, (struct sample[]){{1 * S, "a", 2, 0}, {-1, "a", 3, 0}}, 2); /* the second is late for all */
    assert_int_equal(t->out[1].samples, 1);
    test_restore(t);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    assert_int_equal(t->out[0].window[0].count, 1);
    assert_int_equal(t->out[0].window[1].count, 2);
    test_close(t);
}

/* A key whose first row comes when a window it would belong to has closed does not tell that window. */
static void a_new_key_tells_no_window_that_has_closed(void **state) {
    (void)state;
    struct test *t = test_open("window.sliding", "{size: 4s, slide: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}}, 1);
    test_watermark(t, 2 * S);
    test_push(t, (struct sample[]){{1 * S, "b", 2, 0}}, 1);
    test_end(t);
    unsigned of_b = 0;
    for (unsigned i = 0; i < t->out[0].windows; i++)
        of_b += strcmp(t->out[0].window[i].key, "b") == 0;
    assert_int_equal(of_b, 1);
    test_close(t);
}

/* Put together from panes, they are those of a tumbling window over the same rows. */
static void quantiles_of_panes_are_those_of_the_whole(void **state) {
    (void)state;
    static struct sample rows[4000];
    for (unsigned i = 0; i < 4000; i++)
        rows[i] = (struct sample){i * 10 * PL_MILLISECOND, "a", test_random(1000000) / 1e3 - 500, PL_Q_GOOD};
    struct test *sliding = test_open("window.sliding", "{size: 20s, slide: 4s, quantiles: [0.1, 0.9]}", PL_SAMPLES);
    struct test *tumbling = test_open("window.tumbling", "{size: 20s, quantiles: [0.1, 0.9]}", PL_SAMPLES);
    test_push_at_random(sliding, rows, 4000, 0, true);
    test_push(tumbling, rows, 4000);
    test_end(sliding);
    test_end(tumbling);
    assert_int_equal(tumbling->out[2].samples, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct sample *wanted = &tumbling->out[2].sample[i];
        unsigned k = 0;
        while (sliding->out[2].sample[k].time != wanted->time ||
               strcmp(sliding->out[2].sample[k].tag, wanted->tag) != 0)
            assert_true(++k < sliding->out[2].samples);
        assert_true(sliding->out[2].sample[k].value == wanted->value);
    }
    test_close(sliding);
    test_close(tumbling);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("window.sliding", "{size: 4s, slide: 5s}");
    assert_non_null(strstr(text, "longer than size"));
    pl_free(text);
    text = test_refusal("window.sliding", "{size: 1h, slide: 7us}");
    assert_non_null(strstr(text, "panes"));
    pl_free(text);
}

enum { ROWS = 2000, KEYS = 4 };
static const char *const tags[KEYS] = {"l1.a", "l1.b", "l2.a", "x"};

static void expect(const struct sample *rows, const struct window_row *found) {
    double sum = 0, sum_of_squares = 0, min = INFINITY, max = -INFINITY, first = NAN, last = NAN;
    pl_time first_time = PL_TIME_MAX, last_time = PL_TIME_MIN;
    unsigned count = 0, skipped = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].tag, found->key) != 0 || rows[i].time < found->start || rows[i].time >= found->end) continue;
        if (rows[i].quality & PL_Q_BAD) {
            skipped++;
            continue;
        }
        count++;
        sum += rows[i].value;
        if (rows[i].value < min) min = rows[i].value;
        if (rows[i].value > max) max = rows[i].value;
        if (rows[i].time < first_time) first_time = rows[i].time, first = rows[i].value;
        if (rows[i].time >= last_time) last_time = rows[i].time, last = rows[i].value;
    }
    for (unsigned i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].tag, found->key) && rows[i].time >= found->start && rows[i].time < found->end &&
            !(rows[i].quality & PL_Q_BAD))
            sum_of_squares += (rows[i].value - sum / count) * (rows[i].value - sum / count);
    assert_int_equal(found->count, count);
    assert_int_equal(found->skipped, skipped);
    if (!count) return;
    assert_near(found->mean, sum / count, 1e-9 * fabs(sum / count) + 1e-12);
    assert_near(found->stddev, count > 1 ? sqrt(sum_of_squares / (count - 1)) : NAN, 1e-9);
    assert_true(found->min == min && found->max == max && found->first == first && found->last == last);
}

static unsigned windows_there_are(const struct sample *rows, pl_time size, pl_time slide) {
    unsigned count = 0;
    for (unsigned key = 0; key < KEYS; key++)
        for (pl_time start = -60 * S; start < 200 * S; start += slide) {
            bool any = false;
            for (unsigned i = 0; i < ROWS && !any; i++)
                any = !strcmp(rows[i].tag, tags[key]) && rows[i].time >= start && rows[i].time < start + size;
            count += any;
        }
    return count;
}

static void any_cut_and_restore_gives_what_a_plain_loop_gives(void **state) {
    (void)state;
    static struct sample rows[ROWS];
    static const struct {
        const char *options;
        pl_time size, slide;
    } cases[] = {{"{size: 6s, slide: 2s}", 6 * S, 2 * S},
                 {"{size: 5s, slide: 3s}", 5 * S, 3 * S},
                 {"{size: 4s, slide: 4s}", 4 * S, 4 * S}};
    for (unsigned round = 0; round < 18; round++) {
        for (unsigned i = 0; i < ROWS; i++) {
            pl_time behind = (pl_time)test_random(2000) * PL_MILLISECOND;
            rows[i] = (struct sample){.time = (pl_time)i * 40 * PL_MILLISECOND - 20 * S - (round % 2 ? behind : 0),
                                      .tag = tags[test_random(KEYS)],
                                      .value = test_random(10000) / 16.0,
                                      .quality = test_random(20) ? PL_Q_GOOD : PL_Q_BAD};
            if (i > 500 && i < 900) rows[i].time += 10 * S; /* a piece that overtakes */
        }
        pl_time size = cases[round % 3].size, slide = cases[round % 3].slide;
        struct test *t = test_open("window.sliding", cases[round % 3].options, PL_SAMPLES);
        test_push_at_random(t, rows, ROWS, 13 * S, round % 2 == 0);
        test_end(t);
        assert_int_equal(t->out[1].samples, 0);
        assert_int_equal(t->out[0].windows, windows_there_are(rows, size, slide));
        for (unsigned i = 0; i < t->out[0].windows; i++) {
            const struct window_row *row = &t->out[0].window[i], *before = row - 1;
            assert_int_equal(row->end - row->start, size);
            assert_int_equal((row->start + 60 * S) % slide, 0);
            expect(rows, row);
            assert_true(i == 0 || before->end < row->end ||
                        (before->end == row->end && strcmp(before->key, row->key) < 0));
        }
        test_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_window_has_its_rows),
        cmocka_unit_test(a_row_late_for_some_windows_counts_in_the_others),
        cmocka_unit_test(a_new_key_tells_no_window_that_has_closed),
        cmocka_unit_test(quantiles_of_panes_are_those_of_the_whole),
        cmocka_unit_test(refusals),
        cmocka_unit_test(any_cut_and_restore_gives_what_a_plain_loop_gives),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
