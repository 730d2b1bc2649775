#include "../testing.h"

#define S PL_SECOND

static void session_is(const struct window_row *row, const char *key, pl_time start, pl_time end, unsigned count,
                       double mean) {
    assert_string_equal(row->key, key);
    assert_int_equal(row->start, start);
    assert_int_equal(row->end, end);
    assert_int_equal(row->count, count);
    assert_near(row->mean, mean, 1e-12);
}

static void a_session_ends_when_nothing_came_for_the_gap(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}, {5 * S, "a", 3, 0}, {10 * S, "a", 9, 0}, {2 * S, "b", 7, 0}}, 4);
    test_watermark(t, 7 * S - 1);
    assert_int_equal(t->out[0].windows, 0);
    assert_int_equal(test_watermark(t, 10 * S), 10 * S);
    assert_int_equal(t->out[0].windows, 2);
    session_is(&t->out[0].window[0], "b", 2 * S, 7 * S, 1, 7);
    session_is(&t->out[0].window[1], "a", 1 * S, 10 * S, 2, 2); /* a row at its very end is another session */
    test_end(t);
    session_is(&t->out[0].window[2], "a", 10 * S, 15 * S, 1, 9);
    assert_int_equal(test_counter(t, "windows"), 3);
    test_close(t);
}

static void a_row_between_two_sessions_makes_one_of_them(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s, lateness: 20s, quantiles: [0.5]}", PL_SAMPLES);
    test_push(t, (struct sample[]){{8 * S, "a", 8, 0}, {0, "a", 1, 0}, {9 * S, "a", 3, PL_Q_BAD}}, 3);
    test_watermark(t, 15 * S);
    test_restore(t);
    test_push(t, (struct sample[]){{4 * S, "a", 6, 0}}, 1);
    test_watermark(t, 34 * S - 1);
    assert_int_equal(t->out[0].windows, 0);
    test_watermark(t, 34 * S);
    assert_int_equal(t->out[0].windows, 1);
    session_is(&t->out[0].window[0], "a", 0, 14 * S, 3, 5);
    assert_int_equal(t->out[0].window[0].skipped, 1);
    assert_near(t->out[0].window[0].first, 1, 0);
    assert_near(t->out[0].window[0].last, 8, 0);
    assert_int_equal(t->out[2].samples, 1);
    assert_near(t->out[2].sample[0].value, 6, 0);
    test_close(t);
}

static void a_late_row_joins_what_is_open_and_else_leaves(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}, {8 * S, "a", 2, 0}}, 2);
    test_watermark(t, 9 * S); /* the first has closed */
    test_push(t, (struct sample[]){{3 * S, "a", 3, PL_Q_UNCERTAIN}, {4 * S - 1, "a", 4, 0}, {4 * S, "a", 5, 0}}, 3);
    assert_int_equal(t->out[1].samples, 1);
    assert_int_equal(t->out[1].sample[0].time, 3 * S);
    assert_int_equal(t->out[1].sample[0].quality, PL_Q_UNCERTAIN | PL_Q_LATE);
    assert_int_equal(test_counter(t, "late"), 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    session_is(&t->out[0].window[1], "a", 4 * S - 1, 13 * S, 3, 11.0 / 3);
    test_push(t, (struct sample[]){{99 * S, "a", 4, 0}}, 1); /* behind the end everything is late */
    assert_int_equal(test_counter(t, "late"), 2);
    test_close(t);
}

static void a_session_is_not_longer_than_max(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s, max: 10s}", PL_SAMPLES);
    for (int i = 0; i < 25; i++)
        test_push(t, (struct sample[]){{i * S, "a", i, 0}}, 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    session_is(&t->out[0].window[0], "a", 0, 10 * S, 10, 4.5);
    session_is(&t->out[0].window[1], "a", 10 * S, 20 * S, 10, 14.5);
    session_is(&t->out[0].window[2], "a", 20 * S, 29 * S, 5, 22);
    test_close(t);
}

/* Two that would be too long together stay two, and a row that would shorten a session into the past leaves it alone.
 */
static void max_holds_for_rows_behind_too(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s, max: 10s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{0, "a", 1, 0}, {8 * S, "a", 2, 0}, {9 * S, "a", 3, 0}, {12 * S, "a", 4, 0}}, 4);
    test_push(t, (struct sample[]){{4 * S, "a", 5, 0}}, 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    session_is(&t->out[0].window[0], "a", 0, 9 * S, 2, 3);
    session_is(&t->out[0].window[1], "a", 8 * S, 17 * S, 3, 3);
    test_close(t);
}

static void updates_tell_open_sessions_provisionally(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 5s, updates: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}}, 1);
    test_watermark(t, 1 * S);
    test_watermark(t, 2 * S);
    assert_int_equal(t->out[0].windows, 1);
    assert_int_equal(t->out[0].window[0].quality, PL_Q_PROVISIONAL);
    test_watermark(t, 4 * S); /* nothing new */
    test_push(t, (struct sample[]){{5 * S, "a", 3, 0}}, 1);
    test_restore(t);
    test_watermark(t, 6 * S);
    assert_int_equal(t->out[0].windows, 2);
    session_is(&t->out[0].window[1], "a", 1 * S, 10 * S, 2, 2);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    assert_int_equal(t->out[0].window[2].quality, PL_Q_GOOD);
    test_close(t);
}

static void rows_at_the_ends_of_time(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 10s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{PL_TIME_MIN, "a", 1, 0}, {PL_TIME_MAX, "a", 2, 0}, {PL_TIME_MAX - 1, "a", 3, 0}},
              3);
    test_watermark(t, PL_TIME_MAX - 1);
    assert_int_equal(t->out[0].windows, 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    assert_int_equal(t->out[0].window[1].end, PL_TIME_MAX);
    assert_int_equal(t->out[0].window[1].count, 2);
    test_close(t);
}

static void a_key_has_a_limit_of_open_sessions(void **state) {
    (void)state;
    struct test *t = test_open("window.session", "{gap: 1s, max_open: 3}", PL_SAMPLES);
    for (int i = 0; i < 5; i++)
        test_push(t, (struct sample[]){{2 * i * S, "a", i, 0}}, 1);
    assert_int_equal(test_counter(t, "refused"), 2);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("window.session", "{gap: 1h, max: 1m}");
    assert_non_null(strstr(text, "shorter than gap"));
    pl_free(text);
    text = test_refusal("window.session", "{}");
    assert_non_null(strstr(text, "gap"));
    pl_free(text);
}

/* ---- Against a plain reference: rows at random, cut at random, restored at random ---- */

enum { ROWS = 3000, KEYS = 5 };
static const char *const tags[KEYS] = {"l1.a", "l1.b", "l2.a", "x", "l2.b"};

static void make_rows(struct sample *rows, unsigned behind) {
    pl_time now = -20 * S;
    for (unsigned i = 0; i < ROWS; i++) {
        now += test_random(100) ? test_random(80) * PL_MILLISECOND : 3 * S;
        unsigned key = test_random(2) ? 0 : test_random(KEYS);
        rows[i] = (struct sample){.time = now - (behind ? test_random(behind) * PL_MILLISECOND : 0),
                                  .tag = tags[key],
                                  .value = test_random(50) ? test_random(10000) / 16.0 - 300 : NAN,
                                  .quality = test_random(20) ? PL_Q_GOOD : PL_Q_BAD};
    }
}

static int by_time(const void *a, const void *b) {
    const struct sample *left = a, *right = b;
    return (left->time > right->time) - (left->time < right->time);
}

/* Goes through the rows of a key in order of time, which were sorted, and holds each session against what was told. */
static unsigned expect_key(const struct sample *sorted, const char *key, pl_time gap, pl_time max,
                           const struct output_rows *out) {
    unsigned sessions = 0;
    for (unsigned i = 0; i < ROWS;) {
        double sum = 0;
        unsigned count = 0, skipped = 0;
        pl_time first = PL_TIME_MIN, last = PL_TIME_MIN;
        for (; i < ROWS; i++) {
            if (strcmp(sorted[i].tag, key) != 0) continue;
            bool other = first != PL_TIME_MIN && (sorted[i].time - last >= gap || sorted[i].time - first >= max);
            if (other) break;
            if (first == PL_TIME_MIN) first = sorted[i].time;
            last = sorted[i].time;
            bool counts = !isnan(sorted[i].value) && !(sorted[i].quality & PL_Q_BAD);
            count += counts;
            skipped += !counts;
            sum += counts ? sorted[i].value : 0;
        }
        if (first == PL_TIME_MIN) break;
        pl_time end = last + gap < first + max ? last + gap : first + max;
        unsigned k = 0;
        while (k < out->windows && (strcmp(out->window[k].key, key) != 0 || out->window[k].start != first))
            k++;
        if (k == out->windows) fail_msg("%s: no session begins at %lld", key, (long long)first);
        const struct window_row *row = &out->window[k];
        assert_int_equal(row->end, end);
        assert_int_equal(row->count, count);
        assert_int_equal(row->skipped, skipped);
        if (count) assert_near(row->mean, sum / count, 1e-9 * (1 + fabs(sum / count)));
        sessions++;
    }
    return sessions;
}

static void any_cut_and_restore_gives_what_a_plain_loop_gives(void **state) {
    (void)state;
    static struct sample rows[ROWS], sorted[ROWS];
    static const struct {
        const char *options;
        pl_time gap, max;
        unsigned behind; /* with max, rows in order: which sessions it cuts follows from them only then */
    } cases[] = {{"{gap: 500ms, quantiles: [0.1, 0.5]}", 500 * PL_MILLISECOND, PL_DAY, 3000},
                 {"{gap: 250ms, max: 1d}", 250 * PL_MILLISECOND, PL_DAY, 0},
                 {"{gap: 400ms, max: 2s}", 400 * PL_MILLISECOND, 2 * S, 0},
                 {"{gap: 1s}", S, PL_DAY, 1500}};
    for (unsigned round = 0; round < 24; round++) {
        unsigned kind = round % 4;
        make_rows(rows, cases[kind].behind);
        memcpy(sorted, rows, sizeof sorted);
        qsort(sorted, ROWS, sizeof *sorted, by_time);
        struct test *t = test_open("window.session", cases[kind].options, PL_SAMPLES);
        test_push_at_random(t, rows, ROWS, cases[kind].behind * PL_MILLISECOND, round % 2 == 0);
        test_end(t);
        assert_int_equal(t->out[1].samples, 0);
        unsigned sessions = 0;
        for (unsigned key = 0; key < KEYS; key++)
            sessions += expect_key(sorted, tags[key], cases[kind].gap, cases[kind].max, &t->out[0]);
        assert_int_equal(t->out[0].windows, sessions);
        for (unsigned i = 1; i < t->out[0].windows; i++) {
            const struct window_row *row = &t->out[0].window[i], *before = row - 1;
            assert_true(before->end < row->end || (before->end == row->end && strcmp(before->key, row->key) < 0));
        }
        test_close(t);
    }
}

/* However late rows come and sessions are cut: each row is in one session or late, and watermarks are kept. */
static void every_row_counts_once(void **state) {
    (void)state;
    static struct sample rows[ROWS];
    for (unsigned round = 0; round < 20; round++) {
        make_rows(rows, 3000);
        struct test *t = test_open("window.session", "{gap: 400ms, max: 1s, lateness: 200ms}", PL_SAMPLES);
        test_push_at_random(t, rows, ROWS, 500 * PL_MILLISECOND, round % 2 == 0);
        test_end(t);
        uint64_t rows_told = t->out[1].samples;
        for (unsigned i = 0; i < t->out[0].windows; i++) {
            const struct window_row *row = &t->out[0].window[i];
            rows_told += row->count + row->skipped;
            assert_true(row->end - row->start <= S && row->end - row->start >= 400 * PL_MILLISECOND);
        }
        assert_int_equal(rows_told, ROWS);
        assert_true(t->out[1].samples > 0);
        test_close(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_ends_when_nothing_came_for_the_gap),
        cmocka_unit_test(a_row_between_two_sessions_makes_one_of_them),
        cmocka_unit_test(a_late_row_joins_what_is_open_and_else_leaves),
        cmocka_unit_test(a_session_is_not_longer_than_max),
        cmocka_unit_test(max_holds_for_rows_behind_too),
        cmocka_unit_test(updates_tell_open_sessions_provisionally),
        cmocka_unit_test(rows_at_the_ends_of_time),
        cmocka_unit_test(a_key_has_a_limit_of_open_sessions),
        cmocka_unit_test(refusals),
        cmocka_unit_test(any_cut_and_restore_gives_what_a_plain_loop_gives),
        cmocka_unit_test(every_row_counts_once),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
