#include "../testing.h"

#define S PL_SECOND

static void row_is(const struct window_row *row, const char *key, pl_time start, pl_time end, unsigned count,
                   double mean, double min, double max, double first, double last) {
    assert_string_equal(row->key, key);
    assert_int_equal(row->start, start);
    assert_int_equal(row->end, end);
    assert_int_equal(row->count, count);
    assert_near(row->mean, mean, 1e-12);
    assert_near(row->min, min, 0);
    assert_near(row->max, max, 0);
    assert_near(row->first, first, 0);
    assert_near(row->last, last, 0);
}

static void a_window_is_told_once_when_the_watermark_passes_it(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
    const struct sample rows[] = {
        {1 * S, "a.x", 4, 0}, {2 * S, "a.x", 1, 0}, {3 * S, "a.x", 7, 0}, {11 * S, "a.x", 9, 0}};
    test_push(t, rows, 4);
    test_watermark(t, 10 * S - 1);
    assert_int_equal(t->out[0].windows, 0);
    test_watermark(t, 10 * S);
    assert_int_equal(t->out[0].windows, 1);
    row_is(&t->out[0].window[0], "a.x", 0, 10 * S, 3, 4, 1, 7, 4, 7);
    assert_near(t->out[0].window[0].stddev, 3, 1e-12);
    test_watermark(t, 15 * S);
    assert_int_equal(t->out[0].windows, 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    row_is(&t->out[0].window[1], "a.x", 10 * S, 20 * S, 1, 9, 9, 9, 9, 9);
    assert_true(isnan(t->out[0].window[1].stddev));
    assert_int_equal(test_counter(t, "windows"), 2);
    test_close(t);
}

static void what_was_not_asked_for_is_nan(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s, aggregates: [max]}", PL_SAMPLES);
    test_push(t, (struct sample[]){{0, "a", 1, 0}, {1, "a", 3, 0}}, 2);
    test_end(t);
    const struct window_row *row = t->out[0].window;
    assert_int_equal(row->count, 2);
    assert_near(row->max, 3, 0);
    assert_true(isnan(row->mean) && isnan(row->min) && isnan(row->stddev) && isnan(row->first) && isnan(row->last));
    test_close(t);
}

static void bad_and_missing_rows_are_skipped_and_counted(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
    const struct sample rows[] = {
        {1, "a.x", 5, PL_Q_GOOD},
        {2, "a.x", 100, PL_Q_BAD | PL_Q_SPIKE},
        {3, "a.x", NAN, PL_Q_BAD | PL_Q_MISSING},
        {4, "a.x", 7, PL_Q_UNCERTAIN | PL_Q_REPLACED},
        {5, "a.x", NAN, PL_Q_GOOD},
        {6, "b.x", NAN, PL_Q_BAD | PL_Q_MISSING},
    };
    test_push(t, rows, 6);
    test_end(t);
    assert_int_equal(t->out[0].windows, 2);
    row_is(&t->out[0].window[0], "a.x", 0, 10 * S, 2, 6, 5, 7, 5, 7);
    assert_int_equal(t->out[0].window[0].skipped, 3);
    assert_int_equal(t->out[0].window[0].quality, PL_Q_UNCERTAIN | PL_Q_REPLACED);
    row_is(&t->out[0].window[1], "b.x", 0, 10 * S, 0, NAN, NAN, NAN, NAN, NAN);
    assert_int_equal(t->out[0].window[1].quality, PL_Q_BAD | PL_Q_MISSING);
    assert_int_equal(test_counter(t, "skipped"), 4);
    test_close(t);
}

static void any_quality_counts_everything_but_missing(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s, quality: any, empty: false}", PL_SAMPLES);
    const struct sample rows[] = {
        {1, "a.x", 5, 0}, {2, "a.x", 100, PL_Q_BAD | PL_Q_SPIKE}, {3, "a.x", NAN, PL_Q_BAD}, {4, "b.x", NAN, PL_Q_BAD}};
    test_push(t, rows, 4);
    test_end(t);
    assert_int_equal(t->out[0].windows, 1);
    row_is(&t->out[0].window[0], "a.x", 0, 10 * S, 2, 52.5, 5, 100, 5, 100);
    assert_int_equal(t->out[0].window[0].quality, PL_Q_UNCERTAIN | PL_Q_SPIKE);
    assert_int_equal(t->out[0].window[0].skipped, 1);
    test_close(t);
}

static void lateness_keeps_windows_open_and_late_rows_leave_flagged(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s, lateness: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}, {12 * S, "a", 2, 0}}, 2);
    assert_int_equal(test_watermark(t, 11 * S), 10 * S);
    test_push(t, (struct sample[]){{2 * S, "a", 3, 0}}, 1);
    assert_int_equal(t->out[1].samples, 0);
    assert_int_equal(test_watermark(t, 12 * S), 12 * S);
    assert_int_equal(t->out[0].windows, 1);
    assert_int_equal(t->out[0].window[0].count, 2);
    test_push(t, (struct sample[]){{11 * S, "a", 4, 0}, {9 * S, "a", 5, PL_Q_UNCERTAIN}, {13 * S, "a", 6, 0}}, 3);
    assert_int_equal(t->out[1].samples, 1);
    assert_int_equal(t->out[1].sample[0].time, 9 * S);
    assert_int_equal(t->out[1].sample[0].quality, PL_Q_UNCERTAIN | PL_Q_LATE);
    test_end(t);
    assert_int_equal(t->out[0].window[1].count, 3);
    assert_int_equal(test_counter(t, "late"), 1);
    test_push(t, (struct sample[]){{99 * S, "a", 4, 0}}, 1); /* behind the end everything is late */
    assert_int_equal(test_counter(t, "late"), 2);
    test_close(t);
}

static void a_restored_node_still_knows_what_is_late(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}}, 1);
    test_watermark(t, 10 * S);
    test_restore(t);
    test_push(t, (struct sample[]){{2 * S, "a", 3, 0}}, 1);
    assert_int_equal(t->out[1].samples, 1);
    test_end(t);
    assert_int_equal(t->out[0].windows, 1);
    test_close(t);
}

static void windows_leave_in_order_of_end_and_name(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s}", PL_SAMPLES);
    const struct sample rows[] = {
        {2 * S, "z", 1, 0}, {0, "m", 1, 0}, {2 * S, "b", 1, 0}, {0, "a.x", 1, 0}, {S, "c", 1, 0}};
    test_push(t, rows, 5);
    test_end(t);
    static const char *const expected[] = {"a.x", "m", "c", "b", "z"};
    assert_int_equal(t->out[0].windows, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(t->out[0].window[i].key, expected[i]);
    test_close(t);
}

static void windows_before_1970_and_with_offset(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s, offset: 3s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{-1, "a", 1, 0}, {-7 * S - 1, "a", 2, 0}, {3 * S, "a", 3, 0}}, 3);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    assert_int_equal(t->out[0].window[0].start, -17 * S);
    assert_int_equal(t->out[0].window[1].start, -7 * S);
    assert_int_equal(t->out[0].window[2].start, 3 * S);
    test_close(t);
}

static void rows_at_the_ends_of_time(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
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

static void assets_and_lines_are_keys_too(void **state) {
    (void)state;
    const struct sample rows[] = {{1, "line1.pot1.v", 1, 0}, {2, "line1.pot1.w", 3, 0}, {3, "line1.pot2.v", 5, 0},
                                  {4, "line2.pot1.v", 7, 0}, {5, "lonely", 9, 0},       {6, "line1.v", 11, 0}};
    struct test *t = test_open("window.tumbling", "{size: 1s, by: asset}", PL_SAMPLES);
    test_push(t, rows, 6);
    test_end(t);
    static const char *const assets[] = {"line1", "line1.pot1", "line1.pot2", "line2.pot1", "lonely"};
    assert_int_equal(t->out[0].windows, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(t->out[0].window[i].key, assets[i]);
    assert_int_equal(t->out[0].window[1].count, 2);
    test_close(t);

    t = test_open("window.tumbling", "{size: 1s, by: line}", PL_SAMPLES);
    test_push(t, rows, 6);
    test_end(t);
    static const char *const lines[] = {"line1", "line2", "lonely"};
    assert_int_equal(t->out[0].windows, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(t->out[0].window[i].key, lines[i]);
    assert_int_equal(t->out[0].window[0].count, 4);
    assert_near(t->out[0].window[0].mean, 5, 1e-12);
    test_close(t);
}

static void updates_tell_what_changed_provisionally(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s, updates: 2s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1 * S, "a", 1, 0}}, 1);
    test_watermark(t, 1 * S);
    assert_int_equal(t->out[0].windows, 0);
    test_watermark(t, 2 * S);
    assert_int_equal(t->out[0].windows, 1);
    assert_int_equal(t->out[0].window[0].quality, PL_Q_PROVISIONAL);
    assert_int_equal(t->out[0].window[0].count, 1);
    test_watermark(t, 4 * S); /* nothing new */
    assert_int_equal(t->out[0].windows, 1);
    test_push(t, (struct sample[]){{5 * S, "a", 3, 0}}, 1);
    test_restore(t);
    test_watermark(t, 5 * S);
    assert_int_equal(t->out[0].windows, 1);
    test_watermark(t, 7 * S);
    assert_int_equal(t->out[0].windows, 2);
    assert_int_equal(t->out[0].window[1].count, 2);
    test_watermark(t, 10 * S);
    assert_int_equal(t->out[0].windows, 3);
    assert_int_equal(t->out[0].window[2].quality, 0);
    assert_int_equal(t->out[0].window[2].count, 2);
    assert_int_equal(test_counter(t, "windows"), 1);
    test_close(t);
}

static void every_row_of_a_batch_may_have_a_window_of_its_own(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s}", PL_SAMPLES);
    struct sample *rows = calloc(PL_BATCH_ROWS_MAX, sizeof *rows);
    for (int i = 0; i < PL_BATCH_ROWS_MAX; i++)
        rows[i] = (struct sample){(int64_t)i * S, "a", i, 0};
    test_push(t, rows, PL_BATCH_ROWS_MAX);
    test_end(t);
    assert_int_equal(test_counter(t, "refused"), 0);
    assert_int_equal(test_counter(t, "windows"), PL_BATCH_ROWS_MAX);
    free(rows);
    test_close(t);
}

static void a_key_has_a_limit_of_open_windows(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s, max_open: 3}", PL_SAMPLES);
    for (int i = 0; i < 5; i++)
        test_push(t, (struct sample[]){{i * S, "a", i, 0}, {i * S, "b", i, 0}}, 2);
    assert_int_equal(test_counter(t, "refused"), 4);
    test_watermark(t, 3 * S);
    test_push(t, (struct sample[]){{4 * S, "a", 1, 0}}, 1);
    assert_int_equal(test_counter(t, "refused"), 4);
    test_end(t);
    assert_int_equal(t->out[0].windows, 7);
    test_close(t);
}

/* One row far in the future (a clock that jumped) holds nothing up and is told in its own time. */
static void a_clock_that_jumps_costs_one_window(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{0, "a", 1, 0}, {3650 * PL_DAY, "a", 2, 0}, {1 * S, "a", 3, 0}}, 3);
    test_watermark(t, 2 * S);
    assert_int_equal(t->out[0].windows, 2);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    assert_int_equal(t->out[0].window[2].start, 3650 * PL_DAY);
    test_close(t);
}

static struct pl_batch *as_batch(struct test *t, const struct window_row *rows, unsigned count) {
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, count, 0);
    assert_non_null(b);
    for (unsigned i = 0; i < count; i++) {
        b->windows.tag[i] = test_tag(t, rows[i].key);
        b->windows.start[i] = rows[i].start;
        b->windows.end[i] = rows[i].end;
        b->windows.count[i] = rows[i].count;
        b->windows.skipped[i] = rows[i].skipped;
        b->windows.mean[i] = rows[i].mean;
        b->windows.min[i] = rows[i].min;
        b->windows.max[i] = rows[i].max;
        b->windows.stddev[i] = rows[i].stddev;
        b->windows.first[i] = rows[i].first;
        b->windows.last[i] = rows[i].last;
        b->windows.quality[i] = (uint16_t)rows[i].quality;
    }
    b->rows = count;
    return b;
}

static void windows_of_windows_are_those_of_the_rows(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 1s}", PL_SAMPLES);
    struct test *direct = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
    struct test *again = test_open("window.tumbling", "{size: 10s}", PL_WINDOWS);
    static struct sample rows[500];
    for (unsigned i = 0; i < 500; i++)
        rows[i] = (struct sample){i * 100 * PL_MILLISECOND, test_random(2) ? "a" : "b", 50 + test_random(1000) / 10.0,
                                  test_random(9) ? PL_Q_GOOD : PL_Q_BAD};
    test_push(t, rows, 500);
    test_push(direct, rows, 500);
    test_end(t);
    test_end(direct);
    for (unsigned i = 0; i < t->out[0].windows; i++) {
        const struct window_row *row = &t->out[0].window[i];
        test_watermark(again, row->end); /* as the windows below give it: a row may have this very time */
        test_push_batch(again, as_batch(again, row, 1));
        struct window_row shown = *row;
        shown.quality |= PL_Q_PROVISIONAL;
        test_push_batch(again, as_batch(again, &shown, 1));
    }
    test_end(again);
    assert_int_equal(again->out[0].windows, direct->out[0].windows);
    assert_int_equal(test_counter(again, "late"), 0);
    for (unsigned i = 0; i < direct->out[0].windows; i++) {
        const struct window_row *a = &again->out[0].window[i], *d = &direct->out[0].window[i];
        row_is(a, d->key, d->start, d->end, d->count, d->mean, d->min, d->max, d->first, d->last);
        assert_near(a->stddev, d->stddev, 1e-9);
        assert_int_equal(a->skipped, d->skipped);
        assert_int_equal(a->quality, d->quality);
    }
    test_close(t);
    test_close(direct);
    test_close(again);
}

/* ---- Against a plain reference: rows at random, cut at random, restored at random ---- */

enum { ROWS = 3000, KEYS = 7, WINDOWS_MAX = 2000 };

static const char *const tags[KEYS] = {"l1.p1.a", "l1.p1.b", "l1.p2.a", "l2.p1.a", "l2.p2.b", "x", "l1.p3.c"};

static void make_rows(struct sample *rows, pl_time disorder) {
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned dice = test_random(40);
        rows[i] = (struct sample){.time = (pl_time)i * 40 * PL_MILLISECOND - 20 * S -
                                          (disorder ? (pl_time)test_random((unsigned)(disorder / 1000)) * 1000 : 0),
                                  .tag = tags[test_random(KEYS)],
                                  .value = dice == 0 ? NAN : test_random(10000) / 16.0 - 300,
                                  .quality = dice == 1   ? PL_Q_BAD | PL_Q_SPIKE
                                             : dice == 2 ? PL_Q_UNCERTAIN | PL_Q_REPLACED
                                                         : PL_Q_GOOD};
        if (dice == 3 && i) rows[i].time = rows[i - 1].time;
    }
}

/* All windows of one key, each by going through all rows. */
static void expect(const struct sample *rows, const char *key, pl_time start, pl_time end,
                   const struct window_row *found) {
    double sum = 0, min = INFINITY, max = -INFINITY, first = NAN, last = NAN;
    pl_time first_time = PL_TIME_MAX, last_time = PL_TIME_MIN;
    unsigned count = 0, skipped = 0, flags = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].tag, key) != 0 || rows[i].time < start || rows[i].time >= end) continue;
        if (isnan(rows[i].value) || rows[i].quality & PL_Q_BAD) {
            skipped++;
            continue;
        }
        count++;
        sum += rows[i].value;
        flags |= rows[i].quality;
        if (rows[i].value < min) min = rows[i].value;
        if (rows[i].value > max) max = rows[i].value;
        if (rows[i].time < first_time) first_time = rows[i].time, first = rows[i].value;
        if (rows[i].time >= last_time) last_time = rows[i].time, last = rows[i].value;
    }
    if (!count && !skipped) fail_msg("a window without rows");
    assert_int_equal(found->count, count);
    assert_int_equal(found->skipped, skipped);
    if (!count) return;
    assert_true(found->mean == sum / count);
    assert_true(found->min == min && found->max == max && found->first == first && found->last == last);
    assert_int_equal(found->quality, flags);
}

static unsigned windows_there_are(const struct sample *rows, pl_time size) {
    unsigned count = 0;
    for (unsigned key = 0; key < KEYS; key++)
        for (pl_time start = -40 * S; start < 200 * S; start += size) {
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
    for (unsigned round = 0; round < 30; round++) {
        bool disorder = round % 2;
        make_rows(rows, disorder ? 3 * S : 0);
        struct test *t = test_open("window.tumbling", "{size: 5s}", PL_SAMPLES);
        test_push_at_random(t, rows, ROWS, disorder ? 3 * S : 0, round % 3 == 0);
        test_end(t);
        assert_int_equal(t->out[1].samples, 0);
        assert_int_equal(t->out[0].windows, windows_there_are(rows, 5 * S));
        for (unsigned i = 0; i < t->out[0].windows; i++) {
            const struct window_row *row = &t->out[0].window[i];
            assert_int_equal(row->end - row->start, 5 * S);
            expect(rows, row->key, row->start, row->end, row);
            if (i == 0) continue;
            const struct window_row *before = row - 1;
            assert_true(before->end < row->end || (before->end == row->end && strcmp(before->key, row->key) < 0));
        }
        test_close(t);
    }
}

/* ---- Another size ---- */

static const char *const sizes[] = {"{size: 5s}", "{size: 3s}", "{size: 10s}", "{size: 4s}"};
static const pl_time lengths[] = {5 * S, 3 * S, 10 * S, 4 * S};
enum { SIZES = 4 };

static unsigned size_of(pl_time length) {
    unsigned i = 0;
    while (i < SIZES && lengths[i] != length)
        i++;
    return i;
}

static int by_start(const void *a, const void *b) {
    const struct window_row *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Every row is in one window, whose size is one of those that there were, in their order, and each begins where a
 * window of both would. */
static void another_size_holds_from_a_common_boundary_on(void **state) {
    (void)state;
    static struct sample rows[ROWS];
    for (unsigned round = 0; round < 30; round++) {
        pl_time disorder = round % 2 ? 3 * S : 0;
        unsigned changes = 1 + round % 3, seen = 0, counted = 0;
        make_rows(rows, disorder);
        struct test *t = test_open("window.tumbling", sizes[0], PL_SAMPLES);
        for (unsigned i = 0; i <= changes; i++) {
            unsigned from = ROWS * i / (changes + 1), to = ROWS * (i + 1) / (changes + 1);
            if (i) t->options = sizes[i];
            if (i) test_restore(t);
            test_push_at_random(t, rows + from, to - from, disorder, round % 3 == 0);
            test_restore(t); /* and as it is */
        }
        test_end(t);
        assert_int_equal(t->out[1].samples, 0);
        qsort(t->out[0].window, t->out[0].windows, sizeof t->out[0].window[0], by_start);
        pl_time end = PL_TIME_MIN;
        for (unsigned i = 0; i < t->out[0].windows; i++) {
            const struct window_row *row = &t->out[0].window[i];
            unsigned size = size_of(row->end - row->start);
            assert_true(size >= seen && size <= changes);
            assert_int_equal(row->start % lengths[size], 0);
            if (size > seen) assert_true(row->start >= end);
            expect(rows, row->key, row->start, row->end, row);
            counted += row->count + row->skipped;
            if (row->end > end) end = row->end;
            seen = size;
        }
        assert_int_equal(counted, ROWS);
        assert_int_equal(seen, changes);
        test_close(t);
    }
}

static void the_boundary_is_the_first_one_behind_what_is_open(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s}", PL_SAMPLES);
    test_push(t, (struct sample[]){{31 * S, "a", 1, 0}}, 1);
    test_watermark(t, 31 * S);
    t->options = "{size: 15s}";
    test_restore(t);
    test_push(t, (struct sample[]){{41 * S, "a", 1, 0}, {59 * S, "a", 1, 0}, {60 * S, "a", 1, 0}, {76 * S, "a", 1, 0}},
              4);
    test_end(t);
    static const pl_time starts[] = {30 * S, 40 * S, 50 * S, 60 * S, 75 * S},
                         ends[] = {40 * S, 50 * S, 60 * S, 75 * S, 90 * S};
    assert_int_equal(t->out[0].windows, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(t->out[0].window[i].start, starts[i]);
        assert_int_equal(t->out[0].window[i].end, ends[i]);
    }
    test_close(t);
}

/* ---- Quantiles ---- */

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of the rows of a tag in a window, interpolated; *range is that of its values. NaN for none. */
static double quantile_of_rows(const struct sample *rows, unsigned count, const char *tag, pl_time start, pl_time end,
                               double q, double *range) {
    static double value[20000];
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        if (!strcmp(rows[i].tag, tag) && rows[i].time >= start && rows[i].time < end && !isnan(rows[i].value) &&
            !(rows[i].quality & PL_Q_BAD))
            value[n++] = rows[i].value;
    if (n == 0) return NAN;
    qsort(value, n, sizeof *value, ascending);
    double rank = q * (n - 1), share = rank - floor(rank);
    *range = value[n - 1] - value[0];
    return value[(unsigned)rank] * (1 - share) + value[(unsigned)ceil(rank)] * share;
}

static void quantiles_leave_beside_their_windows(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{size: 10s, quantiles: [0.05, 0.5, 0.999]}", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.x", 1, 0}, {2, "a.x", 2, PL_Q_UNCERTAIN}, {3, "a.x", 9, PL_Q_BAD}}, 3);
    test_push(t, (struct sample[]){{4, "b.x", NAN, PL_Q_BAD | PL_Q_MISSING}}, 1);
    test_end(t);
    static const char *const names[] = {"a.x.p05", "a.x.p50", "a.x.p999", "b.x.p05", "b.x.p50", "b.x.p999"};
    static const double values[] = {1.05, 1.5, 1.999, NAN, NAN, NAN};
    assert_int_equal(t->out[2].samples, 6);
    for (unsigned i = 0; i < 6; i++) {
        const struct sample *row = &t->out[2].sample[i];
        assert_string_equal(row->tag, names[i]);
        assert_int_equal(row->time, 10 * S);
        assert_near(row->value, values[i], 1e-12);
        assert_int_equal(row->quality, i < 3 ? PL_Q_UNCERTAIN : PL_Q_BAD | PL_Q_MISSING);
    }
    test_close(t);
}

/* Cut and restored at random: bit for bit those of one batch, and within the bound of the exact ones. */
static void quantiles_do_not_depend_on_cuts(void **state) {
    (void)state;
    enum { MANY = 20000 };
    static struct sample rows[MANY];
    static const double q[] = {0.01, 0.5, 0.95};
    for (unsigned i = 0; i < MANY; i++)
        rows[i] = (struct sample){i * 5 * PL_MILLISECOND, test_random(3) ? "a" : "b",
                                  900 + test_random(1000000) / 1e4 - (test_random(100) ? 0 : 2000),
                                  test_random(9) ? PL_Q_GOOD : PL_Q_BAD};
    struct test *whole = test_open("window.tumbling", "{size: 30s, quantiles: [0.01, 0.5, 0.95]}", PL_SAMPLES);
    struct test *cut = test_open("window.tumbling", "{size: 30s, quantiles: [0.01, 0.5, 0.95]}", PL_SAMPLES);
    for (unsigned i = 0; i < MANY; i += 5000)
        test_push(whole, rows + i, 5000);
    test_push_at_random(cut, rows, MANY, 0, true);
    test_end(whole);
    test_end(cut);
    assert_int_equal(whole->out[2].samples, 3 * whole->out[0].windows);
    assert_int_equal(cut->out[2].samples, whole->out[2].samples);
    for (unsigned i = 0; i < whole->out[2].samples; i++) {
        const struct window_row *window = &whole->out[0].window[i / 3];
        double range = 0,
               exact = quantile_of_rows(rows, MANY, window->key, window->start, window->end, q[i % 3], &range);
        assert_true(whole->out[2].sample[i].value == cut->out[2].sample[i].value);
        assert_near(whole->out[2].sample[i].value, exact, range / 255);
    }
    test_close(whole);
    test_close(cut);
}

/* ---- Calendars ---- */

static void shifts_follow_the_clock(void **state) {
    (void)state;
    const pl_time change = 1711846800 * S; /* 2024-03-31T01:00Z: 02:00 in Berlin, where it becomes 03:00 */
    struct test *t = test_open(
        "window.tumbling", "{calendar: {zone: Europe/Berlin, shifts: ['06:00', '22:00']}, lateness: 1h}", PL_SAMPLES);
    test_push(t, (struct sample[]){{change, "a", 1, 0}, {change - 4 * PL_HOUR, "a", 2, 0}}, 2);
    test_push(t, (struct sample[]){{change - 4 * PL_HOUR - 1, "a", 3, 0}}, 1);
    test_restore(t);
    test_watermark(t, change + 4 * PL_HOUR - 1); /* 06:00 there is 04:00Z, and lateness */
    assert_int_equal(t->out[0].windows, 1);
    test_watermark(t, change + 4 * PL_HOUR);
    assert_int_equal(t->out[0].windows, 2);
    assert_int_equal(t->out[0].window[0].count, 1);
    assert_int_equal(t->out[0].window[0].end - t->out[0].window[0].start, 16 * PL_HOUR);
    assert_int_equal(t->out[0].window[1].count, 2);
    assert_int_equal(t->out[0].window[1].start, change - 4 * PL_HOUR);
    assert_int_equal(t->out[0].window[1].end, change + 3 * PL_HOUR);
    test_close(t);
}

static void rows_at_the_ends_of_time_have_a_day(void **state) {
    (void)state;
    struct test *t = test_open("window.tumbling", "{calendar: {zone: Asia/Kathmandu}}", PL_SAMPLES);
    test_push(t, (struct sample[]){{PL_TIME_MIN, "a", 1, 0}, {PL_TIME_MAX, "a", 2, 0}, {-1, "a", 3, 0}}, 3);
    test_end(t);
    assert_int_equal(t->out[0].windows, 3);
    for (unsigned i = 0; i < t->out[0].windows; i++) {
        const struct window_row *row = &t->out[0].window[i];
        if (i == 1) assert_int_equal(row->end - row->start, PL_DAY);
        assert_int_equal(row->end == PL_TIME_MAX, i == 2);
    }
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "say how long"},
        {"{size: 1d, calendar: true}", "leave size or calendar out"},
        {"{offset: 1h, calendar: true}", "move those instead"},
        {"{calendar: {zone: Europe/Berln}}", "did you mean 'Europe/Berlin'"},
        {"{calendar: {zone: ../Berlin}}", "no time zone"},
        {"{calendar: {shifts: ['06:00', '06:00']}}", "in the order of the day"},
        {"{calendar: {shifts: ['6h']}}", "no time of day"},
        {"{size: 1s, quantiles: [95]}", "did you mean 0.95"},
        {"{size: 1s, quantiles: [0.9, 0.5]}", "ascending"},
        {"{size: 1s, quantiles: [1]}", "between 0 and 1"},
        {"{size: 1s, quantiles: [p95]}", "is no number"},
        {"{size: 1s, quantiles: [0.12345678901234]}", "too fine"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = test_refusal("window.tumbling", cases[i][0]);
        if (!strstr(text, cases[i][1])) fail_msg("%s: %s", cases[i][0], text);
        pl_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_told_once_when_the_watermark_passes_it),
        cmocka_unit_test(what_was_not_asked_for_is_nan),
        cmocka_unit_test(bad_and_missing_rows_are_skipped_and_counted),
        cmocka_unit_test(any_quality_counts_everything_but_missing),
        cmocka_unit_test(lateness_keeps_windows_open_and_late_rows_leave_flagged),
        cmocka_unit_test(a_restored_node_still_knows_what_is_late),
        cmocka_unit_test(windows_leave_in_order_of_end_and_name),
        cmocka_unit_test(windows_before_1970_and_with_offset),
        cmocka_unit_test(rows_at_the_ends_of_time),
        cmocka_unit_test(assets_and_lines_are_keys_too),
        cmocka_unit_test(updates_tell_what_changed_provisionally),
        cmocka_unit_test(every_row_of_a_batch_may_have_a_window_of_its_own),
        cmocka_unit_test(a_key_has_a_limit_of_open_windows),
        cmocka_unit_test(a_clock_that_jumps_costs_one_window),
        cmocka_unit_test(windows_of_windows_are_those_of_the_rows),
        cmocka_unit_test(any_cut_and_restore_gives_what_a_plain_loop_gives),
        cmocka_unit_test(another_size_holds_from_a_common_boundary_on),
        cmocka_unit_test(the_boundary_is_the_first_one_behind_what_is_open),
        cmocka_unit_test(quantiles_leave_beside_their_windows),
        cmocka_unit_test(quantiles_do_not_depend_on_cuts),
        cmocka_unit_test(shifts_follow_the_clock),
        cmocka_unit_test(rows_at_the_ends_of_time_have_a_day),
        cmocka_unit_test(refusals),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
