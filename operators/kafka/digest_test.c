/* Rows known by what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <potline/harness.h>
#include <potline/quality.h>

#include "digest.h"

static struct pl_batch *samples(struct pl_harness *h, uint32_t rows) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, rows, 0);
    for (uint32_t i = 0; i < rows; i++, b->rows++) {
        b->samples.time[i] = i;
        b->samples.tag[i] = pl_harness_tag(h, i % 2 ? "a.b" : "a.c");
        b->samples.value[i] = 1.5;
        b->samples.quality[i] = 0;
    }
    return b;
}

static struct pl_harness *harness(void) {
    return pl_harness_new("sink.null", "", PL_SAMPLES, NULL);
}

static void test_what_counts(void **state) {
    (void)state;
    struct pl_harness *h = harness();
    assert_non_null(h);
    const struct pl_tags *tags = pl_harness_tags(h);
    struct pl_batch *b = samples(h, 2);
    uint64_t before = pl__digest(tags, b, 0);
    assert_int_equal(pl__digest(tags, b, 0), before);
    b->samples.quality[0] = PL_Q_BACKFILLED;
    assert_int_equal(pl__digest(tags, b, 0), before);
    b->samples.quality[0] = PL_Q_BAD;
    assert_int_not_equal(pl__digest(tags, b, 0), before);
    b->samples.quality[0] = 0;
    b->samples.value[0] = -1.5;
    assert_int_not_equal(pl__digest(tags, b, 0), before);
    b->samples.value[0] = 1.5;
    b->samples.tag[0] = b->samples.tag[1];
    assert_int_not_equal(pl__digest(tags, b, 0), before);
    b->samples.time[0]++;
    assert_int_equal(pl__digest(tags, b, 0), pl__digest(tags, b, 1)); /* the row itself does */
    pl_batch_unref(b);
    pl_harness_free(h);
}

static struct pl_batch *events(const char *body, const char *next) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 2, 64);
    for (unsigned c = 0; c < pl_kind_info[PL_EVENTS].columns; c++)
        memset(b->column[c], 0, 2 * (size_t)pl_type_size(pl_kind_info[PL_EVENTS].column[c].type));
    pl_batch_heap(b, 0, body, (uint32_t)strlen(body));
    b->events.end[0] = b->heap_used[0];
    pl_batch_heap(b, 0, next, (uint32_t)strlen(next));
    b->events.end[1] = b->heap_used[0];
    b->rows = 2;
    return b;
}

/* Where elements lie in the heap is no matter, what they are is. */
static void test_heaps(void **state) {
    (void)state;
    struct pl_harness *h = harness();
    const struct pl_tags *tags = pl_harness_tags(h);
    struct pl_batch *a = events("first", "body"), *b = events("", "body");
    assert_int_equal(pl__digest(tags, a, 1), pl__digest(tags, b, 1));
    assert_int_not_equal(pl__digest(tags, a, 0), pl__digest(tags, a, 1));
    assert_int_not_equal(pl__digest(tags, b, 0), pl__digest(tags, b, 1));
    pl_batch_unref(a);
    pl_batch_unref(b);
    pl_harness_free(h);
}

static void test_multiset(void **state) {
    (void)state;
    struct pl__digests d = {0}, again = {0};
    assert_false(pl__digests_take(&d, 1));
    for (uint64_t i = 1; i <= 5000; i++)
        for (uint64_t k = 0; k <= i % 3; k++)
            assert_true(pl__digests_add(&d, i << 20)); /* all begin at one slot */
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack unpack;
    pl__digests_pack(&d, pack);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_true(pl__digests_unpack(&again, &unpack));
    assert_int_equal(again.count, d.count);
    for (uint64_t i = 1; i <= 5000; i++) {
        for (uint64_t k = 0; k <= i % 3; k++)
            assert_true(pl__digests_take(&again, i << 20));
        assert_false(pl__digests_take(&again, i << 20));
    }
    assert_int_equal(again.count, 0);
    assert_null(again.slot); /* no memory is kept for none */
    pl_pack_free(pack);
    pl__digests_fini(&d);
}

static void test_damaged(void **state) {
    (void)state;
    static const char *const damaged[] = {"\x91\x01", "\x92\x00\x01", "\x92\x01", "\xc0", "\x92\x01\xa1x"};
    for (size_t i = 0; i < PL_COUNT_OF(damaged); i++) {
        struct pl__digests d = {0};
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, damaged[i], i == 1 ? 3 : strlen(damaged[i]));
        assert_false(pl__digests_unpack(&d, &unpack));
        pl__digests_fini(&d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_heaps),
        cmocka_unit_test(test_multiset),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
