#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/harness.h>
#include <potline/quality.h>

static struct pl_harness *make(const char *options) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new("source.generator", options, PL_SAMPLES, &error);
    if (!h) fail_msg("%s", error->text);
    return h;
}

static struct pl_batch *produce(struct pl_harness *h, enum pl_flow expected) {
    assert_int_equal(pl_harness_produce(h, 0), expected);
    return pl_harness_pull(h, 0);
}

static void tags_are_written_out_and_take_turns(void **state) {
    (void)state;
    static const char *const names[] = {"l1.pot08.v", "l1.pot08.i", "l1.pot09.v", "l1.pot09.i",
                                        "l1.pot10.v", "l1.pot10.i", "x"};
    struct pl_harness *h =
        make("{tags: ['l1.pot{08..10}.{v,i}', x], count: 20, step: 1s, start: '2025-01-01T00:00:00Z'}");
    struct pl_batch *b = produce(h, PL_FLOW_OK);
    assert_int_equal(b->rows, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_string_equal(pl_tags_get(pl_harness_tags(h), b->samples.tag[i])->name, names[i % 7]);
        assert_int_equal(b->samples.time[i], INT64_C(1735689600) * PL_SECOND + i / 7 * PL_SECOND);
    }
    pl_batch_unref(b);
    assert_null(produce(h, PL_FLOW_END));
    pl_harness_free(h);
}

static void shares_are_what_was_asked_for(void **state) {
    (void)state;
    struct pl_harness *h = make("{tags: a, count: 80000, batch: 8000, missing: 0.1, out_of_range: 0.05, outliers: 0.02,"
                                " signals: [{tags: '*', level: 5, swing: 0, noise: 0.5}]}");
    uint32_t missing = 0, far = 0, near = 0, plain = 0;
    double sum = 0, squares = 0;
    for (int i = 0; i < 10; i++) {
        struct pl_batch *b = produce(h, PL_FLOW_OK);
        for (uint32_t k = 0; k < b->rows; k++) {
            double value = b->samples.value[k];
            missing += b->samples.quality[k] == (PL_Q_BAD | PL_Q_MISSING) && isnan(value);
            far += value > 100;
            near += fabs(value - 5) > 2.2 && value < 100;
            if (isnan(value) || fabs(value - 5) > 2.2) continue;
            plain++;
            sum += value;
            squares += (value - 5) * (value - 5);
        }
        pl_batch_unref(b);
    }
    assert_true(abs((int)missing - 8000) < 400);
    assert_true(abs((int)far - 4000) < 300);
    assert_true(abs((int)near - 1600) < 200);
    assert_true(fabs(sum / plain - 5) < 0.02);
    assert_true(fabs(sqrt(squares / plain) - 0.5) < 0.02);
    pl_harness_free(h);
}

static void it_goes_on_where_a_snapshot_says(void **state) {
    (void)state;
    static const char options[] = "{tags: 'a{1..7}', count: 1000, batch: 100, seed: 9, missing: 0.1}";
    struct pl_harness *whole = make(options), *first = make(options), *second = make(options);
    for (int i = 0; i < 3; i++)
        pl_batch_unref(produce(first, PL_FLOW_OK));
    size_t size;
    void *bytes = pl_harness_snapshot(first, &size);
    assert_int_equal(pl_harness_restore(second, bytes, size, NULL), PL_OK);
    for (int i = 0; i < 10; i++) {
        struct pl_batch *a = produce(whole, PL_FLOW_OK), *b = i < 3 ? NULL : produce(second, PL_FLOW_OK);
        for (uint32_t k = 0; b && k < 100; k++)
            assert_true(a->samples.value[k] == b->samples.value[k] ||
                        (isnan(a->samples.value[k]) && isnan(b->samples.value[k])));
        pl_batch_unref(a);
        pl_batch_unref(b);
    }
    assert_null(produce(second, PL_FLOW_END));
    pl_free(bytes);
    pl_harness_free(whole);
    pl_harness_free(first);
    pl_harness_free(second);
}

static void what_is_no_pattern_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"{tags: 'a{1..3'}", "{tags: []}", "{tags: 'a{0..999999}{0..9}'}",
                                        "{tags: a, missing: 0.6, outliers: 0.6}"};
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        struct pl_error *error = NULL;
        assert_null(pl_harness_new("source.generator", wrong[i], PL_SAMPLES, &error));
        assert_non_null(error);
        pl_error_free(&error);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_written_out_and_take_turns),
        cmocka_unit_test(shares_are_what_was_asked_for),
        cmocka_unit_test(it_goes_on_where_a_snapshot_says),
        cmocka_unit_test(what_is_no_pattern_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
