#include <potline/alloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void memory_is_zeroed(void **state) {
    (void)state;
    for (size_t size = 1; size < 5000; size += 7) {
        unsigned char *memory = pl_alloc(size);
        assert_non_null(memory);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(0, memory[i]);
        memset(memory, 0xAA, size); /* for the next one to find */
        pl_free(memory);
    }
}

static void aligned_is_aligned(void **state) {
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        void *memory = pl_alloc_aligned(alignment, 100);
        assert_non_null(memory);
        assert_int_equal(0, (uintptr_t)memory % alignment);
        memset(memory, 1, 100);
        pl_free(memory);
    }
}

static void realloc_keeps_what_is_there(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    char *text = pl_realloc(NULL, 4);
    memcpy(text, "abc", 4);
    text = pl_realloc(text, 100000);
    assert_string_equal("abc", text);
    assert_int_equal(before + 1, pl_alloc_live());
    pl_alloc_fail_after(0);
    assert_null(pl_realloc(text, 200000));
    assert_string_equal("abc", text);
    text = pl_realloc(text, 0); /* a block all the same */
    assert_non_null(text);
    assert_int_equal(before + 1, pl_alloc_live());
    pl_free(text);
    assert_int_equal(before, pl_alloc_live());
}

static void strings_are_copied_to_their_end(void **state) {
    (void)state;
    char *whole = pl_strdup("line1.pot07");
    char *part = pl_strndup("line1.pot07", 5);
    char *shorter = pl_strndup("ab\0cd", 5);
    char *empty = pl_strndup("", 0);
    assert_string_equal("line1.pot07", whole);
    assert_string_equal("line1", part);
    assert_string_equal("ab", shorter);
    assert_string_equal("", empty);
    pl_free(whole);
    pl_free(part);
    pl_free(shorter);
    pl_free(empty);
    pl_free(NULL);
}

static void the_chosen_allocation_fails_once(void **state) {
    (void)state;
    assert_false(pl_alloc_fail_pending());
    pl_alloc_fail_after(2);
    void *first = pl_alloc(1);
    void *second = pl_alloc_aligned(64, 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_true(pl_alloc_fail_pending());
    assert_null(pl_strdup("x"));
    assert_false(pl_alloc_fail_pending());
    void *fourth = pl_alloc(1);
    assert_non_null(fourth);
    pl_alloc_fail_after(0);
    pl_alloc_fail_after(-1);
    void *fifth = pl_alloc(1);
    assert_non_null(fifth);
    pl_free(first);
    pl_free(second);
    pl_free(fourth);
    pl_free(fifth);
}

static void nobody_gets_a_size_gone_wrong(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    assert_null(pl_alloc(SIZE_MAX));
    assert_null(pl_alloc_aligned(64, SIZE_MAX - 3));
    assert_null(pl_realloc(NULL, (size_t)1 << 62));
    assert_int_equal(before, pl_alloc_live());
    void *nothing = pl_alloc(0);
    assert_non_null(nothing);
    pl_free(nothing);
}

enum { THREADS = 8, BLOCKS = 2000 };

static void *take_and_hand_over(void *blocks) {
    for (unsigned i = 0; i < BLOCKS; i++) {
        ((void **)blocks)[i] = pl_alloc(i % 100);
        pl_free(pl_alloc(16));
    }
    return NULL;
}

/* Blocks taken by eight threads and freed by another are counted to the last one; one thread's failure is its own. */
static void threads_count_together(void **state) {
    (void)state;
    static void *blocks[THREADS][BLOCKS];
    pthread_t threads[THREADS];
    int64_t before = pl_alloc_live();
    pl_alloc_fail_after(0);
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(0, pthread_create(&threads[t], NULL, take_and_hand_over, blocks[t]));
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(before + THREADS * BLOCKS, pl_alloc_live());
    for (unsigned t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < BLOCKS; i++)
            pl_free(blocks[t][i]);
    assert_int_equal(before, pl_alloc_live());
    assert_null(pl_alloc(1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(aligned_is_aligned),
        cmocka_unit_test(realloc_keeps_what_is_there),
        cmocka_unit_test(strings_are_copied_to_their_end),
        cmocka_unit_test(the_chosen_allocation_fails_once),
        cmocka_unit_test(nobody_gets_a_size_gone_wrong),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
