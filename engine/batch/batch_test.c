#include "batch_impl.h"

#include <math.h>
#include <potline/alloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include "pool.h"

static struct pl_batch *samples(uint32_t capacity, uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, capacity, 0);
    assert_non_null(batch);
    for (uint32_t i = 0; i < rows; i++) {
        batch->samples.time[i] = 1000 + i;
        batch->samples.tag[i] = i % 7 + 1;
        batch->samples.value[i] = i * 0.5;
        batch->samples.quality[i] = (uint16_t)i;
    }
    batch->rows = rows;
    return batch;
}

/* Row i of the setpoints has the reason "rrr.." of i % 5 letters, beginning with the letter of i. */
static struct pl_batch *setpoints(uint32_t capacity, uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SETPOINTS, capacity, 4 * capacity);
    assert_non_null(batch);
    for (uint32_t i = 0; i < rows; i++) {
        char reason[8];
        memset(reason, 'a' + (int)(i % 26), sizeof(reason));
        assert_non_null(pl_batch_heap(batch, 0, reason, i % 5));
        batch->setpoints.time[i] = i;
        batch->setpoints.id[i] = UINT64_C(1) << 63 | i;
        batch->setpoints.tag[i] = i;
        batch->setpoints.value[i] = i;
        batch->setpoints.lower[i] = -1;
        batch->setpoints.upper[i] = 1;
        batch->setpoints.expiry[i] = i + 1;
        batch->setpoints.token[i] = i;
        batch->setpoints.origin[i] = 3;
        batch->setpoints.end[i] = batch->heap_used[0];
    }
    batch->rows = rows;
    return batch;
}

static void assert_setpoint(const struct pl_batch *batch, uint32_t row, uint32_t i) {
    assert_int_equal(batch->setpoints.time[row], i);
    assert_int_equal(batch->setpoints.tag[row], i);
    assert_true(batch->setpoints.id[row] == (UINT64_C(1) << 63 | i));
    uint32_t length;
    const char *reason = pl_batch_heap_row(batch, 0, row, &length);
    assert_int_equal(length, i % 5);
    for (uint32_t k = 0; k < length; k++)
        assert_int_equal(reason[k], 'a' + i % 26);
}

static void a_new_batch_has_room_and_alignment(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        const struct pl_kind_info *info = &pl_kind_info[kind];
        for (uint32_t capacity = 0; capacity <= PL_BATCH_ROWS_MAX; capacity = capacity * 2 + 1) {
            struct pl_batch *batch = pl_batch_new(kind, capacity, capacity);
            assert_non_null(batch);
            assert_int_equal(batch->rows, 0);
            assert_int_equal(batch->capacity, capacity);
            assert_int_equal(batch->header->version, PL_BATCH_VERSION);
            assert_int_equal(batch->header->kind, kind);
            char *last = (char *)batch->message + 8;
            for (unsigned i = 0; i < info->columns; i++) {
                char *column = batch->column[i];
                assert_int_equal((uintptr_t)column % 64, 0);
                assert_true(column >= last);
                size_t bytes = (size_t)capacity * pl_type_size(info->column[i].type);
                memset(column, 0xA5, bytes);
                last = column + bytes + 64;
            }
            for (unsigned i = 0; i < info->heaps; i++) {
                char *heap = batch->heap[i];
                assert_true(heap >= last);
                size_t bytes = (size_t)capacity * pl_type_size(info->heap[i].type);
                memset(heap, 0xA5, bytes);
                last = heap + bytes + 64;
            }
            assert_true(last <= (char *)batch->message + batch->message_size);
            assert_int_equal(batch->header->kind, kind);
            pl_batch_unref(batch);
        }
    }
}

static void too_much_is_refused(void **state) {
    (void)state;
    assert_null(pl_batch_new(PL_KINDS, 1, 0));
    assert_null(pl_batch_new(PL_SAMPLES, PL_BATCH_ROWS_MAX + 1, 0));
    assert_null(pl_batch_new(PL_EVENTS, 1, PL_BATCH_HEAP_MAX + 1));
    pl_batch_unref(NULL);
}

static void without_memory_there_is_no_batch(void **state) {
    (void)state;
    pl_pool_limit(0);
    pl_alloc_fail_after(0);
    assert_null(pl_batch_new(PL_SAMPLES, 16, 0));
    pl_alloc_fail_after(-1);
    struct pl_batch *batch = samples(16, 5), *other = pl_batch_ref(batch);
    pl_alloc_fail_after(0);
    assert_false(pl_batch_writable(&other));
    pl_alloc_fail_after(-1);
    assert_ptr_equal(other, batch);
    pl_batch_unref(other);
    pl_batch_unref(batch);
    pl_pool_limit(PL_POOL_LIMIT);
}

static void a_shared_batch_is_copied_before_it_changes(void **state) {
    (void)state;
    struct pl_batch *batch = setpoints(40, 33);
    batch->source = 17;
    batch->header->first_sequence = 99;
    batch->header->partition = 3;
    struct pl_batch *mine = batch;
    assert_true(pl_batch_writable(&mine));
    assert_ptr_equal(mine, batch);

    mine = pl_batch_ref(batch);
    assert_false(pl_batch_sole(batch));
    assert_true(pl_batch_writable(&mine));
    assert_ptr_not_equal(mine, batch);
    assert_true(pl_batch_sole(batch));
    assert_int_equal(mine->rows, 33);
    assert_int_equal(mine->source, 17);
    assert_int_equal(mine->header->first_sequence, 99);
    assert_int_equal(mine->header->partition, 3);
    mine->setpoints.value[0] = 1234;
    assert_true(batch->setpoints.value[0] == 0);
    for (uint32_t i = 0; i < 33; i++)
        assert_setpoint(mine, i, i);
    pl_batch_unref(mine);
    pl_batch_unref(batch);
}

static void append_takes_what_fits(void **state) {
    (void)state;
    struct pl_batch *src = samples(100, 100), *dst = samples(50, 10);
    assert_int_equal(pl_batch_append(dst, src, 5, 30), 30);
    assert_int_equal(dst->rows, 40);
    assert_int_equal(dst->samples.time[10], 1005);
    assert_int_equal(dst->samples.quality[39], 34);
    assert_int_equal(pl_batch_append(dst, src, 90, 30), 10);
    assert_int_equal(pl_batch_append(dst, src, 0, 1), 0);
    assert_int_equal(pl_batch_append(dst, src, 100, 1), 0);
    struct pl_batch *other = setpoints(4, 4);
    assert_int_equal(pl_batch_append(dst, other, 0, 1), 0);
    pl_batch_unref(other);
    pl_batch_unref(src);
    pl_batch_unref(dst);
}

static void append_gathers_heaps_as_far_as_they_fit(void **state) {
    (void)state;
    struct pl_batch *src = setpoints(64, 64);
    for (uint32_t heap = 0; heap <= 140; heap++) {
        struct pl_batch *dst = pl_batch_like(src, 64, heap);
        uint32_t expect = 0, used = 0;
        for (uint32_t i = 7; i < 64 && used + i % 5 <= heap; i++, expect++)
            used += i % 5;
        uint32_t first = pl_batch_append(dst, src, 7, 20);
        uint32_t then = first == 20 ? pl_batch_append(dst, src, 27, 64) : 0;
        assert_int_equal(first + then, expect);
        assert_int_equal(dst->heap_used[0], used);
        for (uint32_t i = 0; i < dst->rows; i++)
            assert_setpoint(dst, i, i + 7);
        pl_batch_unref(dst);
    }
    pl_batch_unref(src);
}

static void append_gathers_both_heaps_of_profiles(void **state) {
    (void)state;
    struct pl_batch *src = pl_batch_new(PL_PROFILES, 10, 100), *dst = pl_batch_new(PL_PROFILES, 10, 100);
    for (uint32_t i = 0; i < 10; i++) {
        double positions[10], values[10];
        for (uint32_t k = 0; k < i; k++) {
            positions[k] = k;
            values[k] = i * 100 + k;
        }
        assert_non_null(pl_batch_heap(src, 0, positions, i));
        assert_non_null(pl_batch_heap(src, 1, values, i));
        src->profiles.asset[i] = i;
        src->profiles.quantity[i] = i;
        src->profiles.time[i] = i;
        src->profiles.quality[i] = 0;
        src->profiles.end[i] = src->heap_used[0];
    }
    src->rows = 10;
    assert_int_equal(pl_batch_append(dst, src, 8, 2), 2);
    assert_int_equal(pl_batch_append(dst, src, 2, 3), 3);
    static const uint32_t rows[] = {8, 9, 2, 3, 4};
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t length;
        const double *values = pl_batch_heap_row(dst, 1, i, &length);
        assert_int_equal(length, rows[i]);
        for (uint32_t k = 0; k < length; k++)
            assert_true(values[k] == rows[i] * 100 + k);
        const double *positions = pl_batch_heap_row(dst, 0, i, &length);
        for (uint32_t k = 0; k < length; k++)
            assert_true(positions[k] == k);
    }
    pl_batch_unref(src);
    pl_batch_unref(dst);
}

static void keep_leaves_the_chosen_rows_in_order(void **state) {
    (void)state;
    for (unsigned pattern = 0; pattern < 5; pattern++) {
        struct pl_batch *batch = setpoints(100, 97);
        uint8_t keep[97];
        uint32_t left[97], count = 0;
        for (uint32_t i = 0; i < 97; i++) {
            keep[i] = (uint8_t)(pattern == 0 ? 0 : pattern == 1 ? 255 : i % pattern == 0 ? 2 : 0);
            if (keep[i]) left[count++] = i;
        }
        assert_int_equal(pl_batch_keep(batch, keep), count);
        assert_int_equal(batch->rows, count);
        assert_int_equal(batch->heap_used[0], count ? batch->setpoints.end[count - 1] : 0);
        for (uint32_t i = 0; i < count; i++)
            assert_setpoint(batch, i, left[i]);
        pl_batch_unref(batch);
    }
}

static void a_full_heap_takes_no_more(void **state) {
    (void)state;
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 4, 8);
    assert_non_null(pl_batch_heap(batch, 0, "12345", 5));
    assert_null(pl_batch_heap(batch, 0, "1234", 4));
    assert_non_null(pl_batch_heap(batch, 0, "678", 3));
    assert_null(pl_batch_heap(batch, 0, "9", 1));
    assert_non_null(pl_batch_heap(batch, 0, NULL, 0));
    assert_null(pl_batch_heap(batch, 1, "x", 1));
    assert_memory_equal(batch->heap[0], "12345678", 8);
    pl_batch_unref(batch);
}

static void a_message_leads_back_to_its_batch(void **state) {
    (void)state;
    struct pl_batch *batch = samples(32, 20);
    pl_batch_seal(batch);
    assert_int_equal(batch->header->rows, 20);
    const uint32_t *table = batch->message;
    assert_int_equal(table[0], 0);
    assert_int_equal((size_t)table[1] * 8 + 8, batch->message_size);
    assert_ptr_equal(pl_batch_of_message(batch->message), batch);
    pl_batch_ref(batch);
    pl_batch_message_free(batch->message, batch);
    assert_true(pl_batch_sole(batch));
    pl_batch_unref(batch);
}

static void blocks_are_kept_up_to_a_limit(void **state) {
    (void)state;
    pl_pool_limit(0);
    assert_int_equal(pl_pool_kept(), 0);
    int64_t live = pl_alloc_live();
    pl_pool_limit(300000);
    struct pl_batch *batch[8];
    for (unsigned i = 0; i < 8; i++)
        batch[i] = samples(4096, 4096);
    for (unsigned i = 0; i < 8; i++)
        pl_batch_unref(batch[i]);
    assert_in_range(pl_pool_kept(), 90000 * 2, 300000);
    assert_int_equal(pl_alloc_live() - live, pl_pool_kept() / 90000);
    struct pl_batch *again = samples(4096, 4096);
    assert_true(again == batch[0] || again == batch[1] || again == batch[2]);
    pl_batch_unref(again);
    pl_pool_limit(0);
    assert_int_equal(pl_pool_kept(), 0);
    assert_int_equal(pl_alloc_live(), live);
    pl_pool_limit(PL_POOL_LIMIT);
}

static void every_size_fits_its_class(void **state) {
    (void)state;
    for (size_t size = 1; size <= PL_POOL_BLOCK_MAX + 100; size += size / 61 + 1) {
        uint8_t size_class;
        char *block = pl_pool_take(size, &size_class);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % PL_POOL_ALIGN, 0);
        memset(block, 1, size);
        assert_int_equal(size_class == PL_POOL_UNKEPT, size > PL_POOL_BLOCK_MAX);
        pl_pool_give(block, size_class);
    }
}

/* References of one batch held and given back by several threads; the last one to let go sees all that was done. */
static void *hold_and_let_go(void *argument) {
    struct pl_batch *batch = argument;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 20000; i++) {
        struct pl_batch *mine = pl_batch_ref(batch);
        sum += mine->samples.tag[i % mine->rows];
        if (i % 1000 == 0) {
            assert_true(pl_batch_writable(&mine));
            mine->samples.tag[0] = i;
        }
        pl_batch_unref(mine);
    }
    pl_batch_unref(batch);
    return (void *)(uintptr_t)sum;
}

static void references_are_counted_across_threads(void **state) {
    (void)state;
    struct pl_batch *batch = samples(64, 64);
    pthread_t threads[4];
    void *sums[4];
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_let_go, pl_batch_ref(batch)), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], &sums[i]);
    for (unsigned i = 1; i < 4; i++)
        assert_ptr_equal(sums[i], sums[0]);
    assert_true(pl_batch_sole(batch));
    assert_int_equal(batch->samples.tag[0], 1);
    pl_batch_unref(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_batch_has_room_and_alignment),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(without_memory_there_is_no_batch),
        cmocka_unit_test(a_shared_batch_is_copied_before_it_changes),
        cmocka_unit_test(append_takes_what_fits),
        cmocka_unit_test(append_gathers_heaps_as_far_as_they_fit),
        cmocka_unit_test(append_gathers_both_heaps_of_profiles),
        cmocka_unit_test(keep_leaves_the_chosen_rows_in_order),
        cmocka_unit_test(a_full_heap_takes_no_more),
        cmocka_unit_test(a_message_leads_back_to_its_batch),
        cmocka_unit_test(blocks_are_kept_up_to_a_limit),
        cmocka_unit_test(every_size_fits_its_class),
        cmocka_unit_test(references_are_counted_across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
