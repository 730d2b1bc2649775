#include "store/rows.h"

#include <math.h>
#include <potline/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include "batch/pool.h"
#include "batch/tags.h"
#include "store/batch_testing.h"

static struct pl_tags *tags;
static struct pl_rows *rows;
static struct pl_buffer bytes;

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    rows = pl_rows_new(tags);
    pl_buffer_init(&bytes, 1 << 26);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_buffer_fini(&bytes);
    pl_rows_free(rows);
    pl_tags_free(tags);
    return 0;
}

/* ---- There and back ---- */

static struct pl_batch *read_back(struct pl_rows *reader, size_t from) {
    size_t size = bytes.size - from;
    uint8_t *exact = malloc(size);
    struct pl_batch *batch;
    memcpy(exact, bytes.data + from, size);
    assert_int_equal(pl_rows_get(reader, exact, size, &batch, NULL), PL_OK);
    free(exact);
    return batch;
}

static void every_kind_comes_back(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 400; seed++) {
        enum pl_kind kind = seed % PL_KINDS;
        struct pl_batch *batch = random_batch(tags, kind, seed, seed % 40 ? 60 : 3000);
        pl_buffer_reset(&bytes);
        pl_buffer_put(&bytes, "front", 5); /* what is in front stays */
        assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
        assert_memory_equal(bytes.data, "front", 5);
        struct pl_batch *back = read_back(rows, 5);
        assert_same_batch(batch, tags, back, tags);
        assert_int_equal(back->header->first_sequence, 0);
        assert_int_equal(back->header->partition, 0);
        pl_batch_unref(back);
        pl_batch_unref(batch);
    }
}

static void names_cross_to_another_registry(void **state) {
    (void)state;
    struct pl_tags *other = pl_tags_new(&(struct pl_tags_options){0});
    struct pl_rows *reader = pl_rows_new(other);
    pl_tags_intern(other, "first.of.all", 12);
    for (enum pl_kind kind = 0; kind < PL_KINDS; kind++) {
        struct pl_batch *batch = random_batch(tags, kind, 1000 + kind, 200);
        pl_buffer_reset(&bytes);
        assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
        struct pl_batch *back = read_back(reader, 0);
        assert_same_batch(batch, tags, back, other);
        pl_batch_unref(back);
        pl_batch_unref(batch);
    }
    pl_rows_free(reader);
    pl_tags_free(other);
}

static void as_many_names_as_rows(void **state) {
    (void)state;
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, PL_BATCH_ROWS_MAX, 0);
    for (uint32_t i = 0; i < PL_BATCH_ROWS_MAX; i++) {
        char name[256];
        int length = snprintf(name, sizeof name, "%0*u", i % 2 ? 255 : 8, i); /* the longest, and with long prefixes */
        batch->samples.tag[i] = pl_tags_intern(tags, name, (size_t)length);
        batch->samples.time[i] = i;
        batch->samples.value[i] = i;
        batch->samples.quality[i] = 0;
    }
    batch->rows = PL_BATCH_ROWS_MAX;
    batch->source = pl_tags_intern(tags, "in", 2);
    pl_buffer_reset(&bytes);
    assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
    struct pl_batch *back = read_back(rows, 0);
    assert_same_batch(batch, tags, back, tags);
    pl_batch_unref(back);
    pl_batch_unref(batch);
}

static void a_batch_without_rows_is_refused(void **state) {
    (void)state;
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
    pl_buffer_reset(&bytes);
    assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_USAGE);
    pl_batch_unref(batch);
}

static void samples_in_bulk_are_small(void **state) {
    (void)state;
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 4096, 0);
    for (uint32_t i = 0; i < 4096; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "line1.pot%02u.voltage", i % 60);
        batch->samples.tag[i] = pl_tags_intern(tags, name, (size_t)length);
        batch->samples.time[i] = i / 60 * PL_SECOND;
        batch->samples.value[i] = 4 + i % 1000 / 1e4;
        batch->samples.quality[i] = 0;
    }
    batch->rows = 4096;
    pl_buffer_reset(&bytes);
    assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
    assert_true(bytes.size < 4096 * 3);
    pl_batch_unref(batch);
}

/* ---- Bytes that are no rows ---- */

static enum pl_code get_exactly(const uint8_t *from, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    struct pl_batch *batch = NULL;
    if (size) memcpy(copy, from, size);
    enum pl_code code = pl_rows_get(rows, copy, size, &batch, NULL);
    assert_true((code == PL_OK) == (batch != NULL));
    if (batch) assert_in_range(batch->rows, 1, PL_BATCH_ROWS_MAX);
    pl_batch_unref(batch);
    free(copy);
    return code;
}

static void rows_cut_short_are_refused(void **state) {
    (void)state;
    for (enum pl_kind kind = 0; kind < PL_KINDS; kind++) {
        struct pl_batch *batch = random_batch(tags, kind, 77 + kind, 20);
        pl_buffer_reset(&bytes);
        assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
        for (size_t cut = 0; cut < bytes.size; cut++)
            assert_int_equal(get_exactly((uint8_t *)bytes.data, cut), PL_CORRUPT);
        pl_batch_unref(batch);
    }
}

static void mutated_rows_do_no_harm(void **state) {
    (void)state;
    unsigned refused = 0;
    for (uint64_t seed = 1; seed < 4000; seed++) {
        struct pl_batch *batch = random_batch(tags, seed % PL_KINDS, seed, 30);
        pl_buffer_reset(&bytes);
        assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
        for (unsigned i = 0; i <= seed % 3; i++)
            bytes.data[random_number() % (random_number() % 2 ? 40 : bytes.size)] ^= (char)random_number();
        enum pl_code code = get_exactly((uint8_t *)bytes.data, bytes.size);
        assert_true(code == PL_OK || code == PL_CORRUPT || code == PL_LIMIT);
        refused += code != PL_OK;
        pl_batch_unref(batch);
    }
    assert_true(refused > 1000);
}

static void a_full_registry_is_told_from_damage(void **state) {
    (void)state;
    struct pl_batch *batch = random_batch(tags, PL_SAMPLES, 5, 30);
    pl_buffer_reset(&bytes);
    assert_int_equal(pl_rows_put(rows, batch, &bytes, NULL), PL_OK);
    struct pl_tags *small = pl_tags_new(&(struct pl_tags_options){.limit = 2});
    struct pl_rows *reader = pl_rows_new(small);
    struct pl_error *error = NULL;
    struct pl_batch *back;
    assert_int_equal(pl_rows_get(reader, bytes.data, bytes.size, &back, &error), PL_LIMIT);
    assert_non_null(error);
    pl_error_free(&error);
    pl_rows_free(reader);
    pl_tags_free(small);
    pl_batch_unref(batch);
}

/* ---- Without memory ---- */

static void each_allocation_may_fail(void **state) {
    (void)state;
    pl_pool_limit(0);
    int64_t before = pl_alloc_live();
    struct pl_batch *batch = random_batch(tags, PL_SAMPLES, 9, 500);
    for (int64_t fail = 0;; fail++) {
        struct pl_batch *back = NULL;
        struct pl_buffer out;
        pl_buffer_init(&out, 1 << 20);
        pl_alloc_fail_after(fail);
        struct pl_rows *fresh = pl_rows_new(tags);
        enum pl_code code = fresh ? pl_rows_put(fresh, batch, &out, NULL) : PL_NO_MEMORY;
        if (!code) code = pl_rows_get(fresh, out.data, out.size, &back, NULL);
        pl_alloc_fail_after(-1);
        pl_batch_unref(back);
        pl_rows_free(fresh);
        pl_buffer_fini(&out);
        if (!code) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(fail < 100);
    }
    pl_batch_unref(batch);
    assert_int_equal(pl_alloc_live(), before);
    pl_pool_limit(PL_POOL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),     cmocka_unit_test(names_cross_to_another_registry),
        cmocka_unit_test(as_many_names_as_rows),     cmocka_unit_test(a_batch_without_rows_is_refused),
        cmocka_unit_test(samples_in_bulk_are_small), cmocka_unit_test(rows_cut_short_are_refused),
        cmocka_unit_test(mutated_rows_do_no_harm),   cmocka_unit_test(a_full_registry_is_told_from_damage),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
