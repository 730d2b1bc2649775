#include "runtime/shadow_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants three of the above */
#include <cmocka.h>

static struct pl_tags *tags;
static struct pl_shadow_pool pool;
static struct pl_shadow_port *port;

static void make(unsigned examples, bool alone, uint32_t rows) {
    pool = (struct pl_shadow_pool){.rows_max = rows, .bytes_max = 1 << 30};
    port = pl_shadow_port_new(&(struct pl_shadow_port_options){tags, &pool, examples, alone});
    assert_non_null(port);
}

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){.limit = 100, .key_depth = 2});
    return tags ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pl_shadow_port_free(port);
    assert_int_equal(pool.rows, 0);
    assert_int_equal(pool.bytes, 0);
    pl_tags_free(tags);
    return 0;
}

static bool give(bool live, uint64_t epoch, const char *values, pl_time from) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 64, 0);
    for (const char *at = values; *at; at++) {
        batch->samples.time[batch->rows] = from + (at - values);
        batch->samples.tag[batch->rows] = pl_tags_intern(tags, "a.b", 3);
        batch->samples.value[batch->rows] = *at;
        batch->samples.quality[batch->rows++] = 0;
    }
    bool good = pl_shadow_port_take(port, live, epoch, batch);
    pl_batch_unref(batch);
    return good;
}

static void assert_counts(uint64_t same, uint64_t changed, uint64_t removed, uint64_t added) {
    const struct pl_moment_counts *counts = pl_shadow_port_counts(port);
    assert_int_equal(counts->same, same);
    assert_int_equal(counts->changed, changed);
    assert_int_equal(counts->removed, removed);
    assert_int_equal(counts->added, added);
}

static void equal_rows_go_however_they_are_cut(void **state) {
    (void)state;
    make(3, false, 1000);
    assert_true(give(true, 1, "abcd", 0));
    assert_true(give(false, 1, "a", 0) && give(false, 1, "bcd", 1));
    assert_int_equal(pl_shadow_port_waiting(port), 0);
    assert_counts(4, 0, 0, 0);
}

static void differences_are_known_behind_barrier_and_watermark(void **state) {
    (void)state;
    make(3, false, 1000);
    assert_true(give(true, 1, "abc", 0) && give(false, 1, "axc", 0) && give(false, 1, "n", 50));
    assert_true(pl_shadow_port_settle(port, 0, PL_TIME_MAX));
    assert_true(pl_shadow_port_settle(port, 1, 1));
    assert_counts(2, 0, 0, 0);
    assert_true(pl_shadow_port_settle(port, 1, 2));
    assert_counts(2, 1, 0, 0);
    assert_int_equal(pl_shadow_port_waiting(port), 1);
    assert_true(pl_shadow_port_settle(port, 1, PL_TIME_MAX));
    assert_counts(2, 1, 0, 1);
    const struct pl_shadow_example *examples = pl_shadow_port_example(port, 0);
    assert_int_equal(pl_shadow_port_examples(port), 2);
    assert_non_null(strstr(examples[0].live, "\"value\":98")); /* b */
    assert_non_null(strstr(examples[0].fresh, "\"value\":120"));
    assert_null(strchr(examples[0].live, '['));
    assert_string_equal(examples[1].live, "");
}

static void a_row_may_come_an_epoch_later(void **state) {
    (void)state;
    make(3, false, 1000);
    assert_true(give(true, 1, "a", 10));
    assert_true(pl_shadow_port_settle(port, 1, 10));
    assert_true(give(false, 2, "a", 10));
    assert_true(pl_shadow_port_settle(port, 2, 11));
    assert_counts(1, 0, 0, 0);
}

static void many_rows_find_each_other(void **state) {
    (void)state;
    make(0, false, 100000);
    for (int i = 0; i < 2000; i++)
        assert_true(give(true, 1, "abcdefgh", 8 * i));
    for (int i = 1999; i >= 0; i--)
        assert_true(give(false, 1, i % 10 ? "abcdefgh" : "abcdefgX", 8 * i));
    assert_int_equal(pl_shadow_port_waiting(port), 400);
    assert_true(pl_shadow_port_settle(port, 1, PL_TIME_MAX));
    assert_counts(15800, 200, 0, 0);
}

static void what_is_held_has_a_limit(void **state) {
    (void)state;
    make(3, false, 4);
    assert_true(give(true, 1, "abcd", 0));
    assert_false(give(true, 1, "e", 10));
    assert_true(give(false, 1, "abcd", 0));
}

static void rows_of_a_port_that_is_new_are_counted(void **state) {
    (void)state;
    make(3, true, 2);
    assert_true(give(false, 1, "abcd", 0));
    assert_counts(0, 0, 0, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_rows_go_however_they_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(differences_are_known_behind_barrier_and_watermark, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_may_come_an_epoch_later, setup, teardown),
        cmocka_unit_test_setup_teardown(many_rows_find_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_held_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_a_port_that_is_new_are_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
