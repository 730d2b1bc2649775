#include "base/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka wants the above */
#include <cmocka.h>

#include <potline/alloc.h>

static void names_are_counted_and_sorted(void **state) {
    (void)state;
    struct pl_tally tally;
    pl_tally_init(&tally, 10);
    static const char *const names[] = {"set", "login", "set", "ack", "set", "login", "", "ack"};
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++)
        pl_tally_add(&tally, names[i]);
    pl_tally_sort(&tally);
    static const char *const expected[] = {"set", "ack", "login", ""};
    static const uint64_t counts[] = {3, 2, 2, 1};
    assert_int_equal(tally.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(tally.entries[i].name, expected[i]);
        assert_int_equal(tally.entries[i].count, counts[i]);
    }
    pl_tally_add(&tally, "login");
    assert_int_equal(tally.entries[2].count, 3);
    pl_tally_fini(&tally);
}

static void past_the_limit_they_are_others(void **state) {
    (void)state;
    struct pl_tally tally;
    char name[8];
    pl_tally_init(&tally, 5);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 9; i++) {
            snprintf(name, sizeof name, "n%u", i);
            pl_tally_add(&tally, name);
        }
    assert_int_equal(tally.count, 5);
    assert_int_equal(tally.others, 8);
    assert_false(tally.failed);
    pl_tally_fini(&tally);
}

static void without_memory_nothing_is_lost_count_of(void **state) {
    (void)state;
    int64_t live = pl_alloc_live();
    bool happened = true;
    for (int64_t after = 0; happened; after++) {
        struct pl_tally tally;
        pl_tally_init(&tally, 5);
        pl_alloc_fail_after(after);
        pl_tally_add(&tally, "a");
        pl_tally_add(&tally, "b");
        pl_tally_add(&tally, "a");
        happened = !pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        uint64_t all = tally.others;
        for (unsigned i = 0; i < tally.count; i++)
            all += tally.entries[i].count;
        assert_int_equal(all, 3);
        assert_int_equal(tally.failed, happened);
        pl_tally_fini(&tally);
        assert_int_equal(pl_alloc_live(), live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_counted_and_sorted),
        cmocka_unit_test(past_the_limit_they_are_others),
        cmocka_unit_test(without_memory_nothing_is_lost_count_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
