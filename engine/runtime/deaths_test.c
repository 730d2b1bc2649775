/* When it is worth another try, and when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/deaths.h"

static struct pl_verdict die(struct pl_deaths *deaths, uint64_t progress, unsigned count, const uint64_t *records) {
    struct pl_verdict verdict;
    struct pl_death death = {.node = "n", .partition = 1, .records = records, .count = count, .progress = progress};
    pl_deaths_note(deaths, &death, &verdict);
    return verdict;
}

static void test_same_record(void **state) {
    (void)state;
    struct pl_deaths *deaths = pl_deaths_new();
    assert_false(die(deaths, 1, 3, (const uint64_t[]){10, 11, 12}).stop);
    assert_true(pl_deaths_careful(deaths, "n", 1));
    assert_false(pl_deaths_careful(deaths, "n", 0));
    pl_deaths_passed(deaths, "n", 1, 10);
    assert_false(die(deaths, 2, 1, (const uint64_t[]){11}).stop);
    struct pl_verdict verdict = die(deaths, 3, 1, (const uint64_t[]){11});
    assert_true(verdict.stop && verdict.at_record);
    assert_int_equal(verdict.times, 3);
    assert_int_equal(verdict.record, 11);
    assert_int_equal(pl_deaths_count(deaths, "n"), 3);
    assert_int_equal(pl_deaths_count(deaths, "m"), 0);
    pl_deaths_free(deaths);
}

/* What was under way at one death, and was got over, is no reason at the next. */
static void test_other_records(void **state) {
    (void)state;
    struct pl_deaths *deaths = pl_deaths_new();
    for (uint64_t i = 1; i < 100; i++)
        assert_false(die(deaths, i, 2, (const uint64_t[]){2 * i, 2 * i + 1}).stop);
    pl_deaths_passed(deaths, "n", 1, 198);
    assert_true(pl_deaths_careful(deaths, "n", 1));
    pl_deaths_passed(deaths, "n", 1, 199);
    assert_false(pl_deaths_careful(deaths, "n", 1));
    assert_false(die(deaths, 100, 1, (const uint64_t[]){199}).stop);
    assert_false(die(deaths, 101, 1, (const uint64_t[]){199}).stop);
    pl_deaths_free(deaths);
}

static void test_in_vain(void **state) {
    (void)state;
    struct pl_deaths *deaths = pl_deaths_new();
    pl_time before = 0;
    for (int i = 1; i < PL_DEATHS_IN_VAIN; i++) {
        struct pl_verdict verdict = die(deaths, 5, 0, NULL);
        assert_false(verdict.stop);
        assert_true(verdict.delay >= before && verdict.delay <= 20 * PL_SECOND);
        before = verdict.delay;
    }
    assert_true(before > PL_SECOND);
    assert_false(die(deaths, 6, 0, NULL).stop);
    assert_int_equal(die(deaths, 7, 0, NULL).delay, 0);
    for (int i = 1; i < PL_DEATHS_IN_VAIN - 1; i++)
        assert_false(die(deaths, 7, 0, NULL).stop);
    struct pl_verdict last = die(deaths, 7, 0, NULL);
    assert_true(last.stop && !last.at_record);
    pl_deaths_free(deaths);
}

static void test_many_records(void **state) {
    (void)state;
    struct pl_deaths *deaths = pl_deaths_new();
    uint64_t records[PL_DEATHS_RECORDS + 8];
    for (unsigned i = 0; i < PL_COUNT_OF(records); i++)
        records[i] = i + 1;
    assert_false(die(deaths, 1, PL_COUNT_OF(records), records).stop);
    assert_false(die(deaths, 2, PL_COUNT_OF(records), records).stop);
    assert_true(die(deaths, 3, PL_COUNT_OF(records), records).stop);
    pl_deaths_free(deaths);
}

/* Where a record may be left out, it is at the third death, and that is a step forward. */
static void test_left_out(void **state) {
    (void)state;
    struct pl_deaths *deaths = pl_deaths_new();
    struct pl_verdict verdict;
    uint64_t records[] = {0};
    struct pl_death death = {
        .node = "n", .records = records, .count = 1, .progress = 1, .nonsense = true, .skips = true};
    for (unsigned i = 1; i <= 3 * 5; i++) {
        records[0] = 100 + (i - 1) / 3;
        assert_false(pl_deaths_skips(deaths, "n", 0, records[0]));
        pl_deaths_note(deaths, &death, &verdict);
        assert_false(verdict.stop);
        assert_int_equal(verdict.skip, i % 3 == 0);
        assert_int_equal(pl_deaths_careful(deaths, "n", 0), i % 3 != 0);
    }
    for (uint64_t record = 100; record < 105; record++)
        assert_true(pl_deaths_skips(deaths, "n", 0, record));
    assert_false(pl_deaths_skips(deaths, "n", 0, 105) || pl_deaths_skips(deaths, "n", 1, 100));
    assert_int_equal(pl_deaths_skipped(deaths, "n"), 5);
    assert_int_equal(pl_deaths_nonsense(deaths, "n"), 15);
    assert_int_equal(pl_deaths_nonsense(deaths, "m"), 0);
    death.count = 0;
    for (int i = 1; i < PL_DEATHS_IN_VAIN; i++) {
        pl_deaths_note(deaths, &death, &verdict);
        assert_false(verdict.stop);
    }
    pl_deaths_note(deaths, &death, &verdict);
    assert_true(verdict.stop && !verdict.skip); /* not at a record: it never works */
    pl_deaths_free(deaths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_record),  cmocka_unit_test(test_other_records), cmocka_unit_test(test_in_vain),
        cmocka_unit_test(test_many_records), cmocka_unit_test(test_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
