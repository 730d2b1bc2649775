#include "moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants three of the above */
#include <cmocka.h>

static char said[256];

static void say(void *arg, pl_time time, const char *live, const char *fresh) {
    (void)arg;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%d:%s>%s ", (int)time, live ? live : "",
             fresh ? fresh : "");
}

static void assert_compared(struct pl_moment_row *live, size_t lives, struct pl_moment_row *fresh, size_t freshes,
                            struct pl_moment_counts expected, const char *told) {
    struct pl_moment_counts counts = {0};
    said[0] = 0;
    if (lives) qsort(live, lives, sizeof *live, pl_moment_order);
    if (freshes) qsort(fresh, freshes, sizeof *fresh, pl_moment_order);
    pl_moment_compare(&(struct pl_moment){5, live, lives}, &(struct pl_moment){5, fresh, freshes}, &counts, say, NULL);
    assert_string_equal(said, told);
    assert_memory_equal(&counts, &expected, sizeof counts);
}

static void equal_rows_pair_up_whatever_their_order(void **state) {
    (void)state;
    struct pl_moment_row live[] = {{2, "b"}, {1, "a"}, {1, "a"}}, fresh[] = {{1, "a"}, {2, "b"}, {1, "a"}};
    assert_compared(live, 3, fresh, 3, (struct pl_moment_counts){.same = 3}, "");
}

static void other_values_of_a_key_are_changed(void **state) {
    (void)state;
    struct pl_moment_row live[] = {{1, "a"}, {1, "b"}, {2, "x"}}, fresh[] = {{1, "a"}, {1, "c"}, {3, "x"}};
    assert_compared(live, 3, fresh, 3, (struct pl_moment_counts){.same = 1, .changed = 1, .removed = 1, .added = 1},
                    "5:b>c 5:x> 5:>x ");
}

static void what_one_side_has_more_of_is_removed_or_added(void **state) {
    (void)state;
    struct pl_moment_row live[] = {{1, "a"}, {1, "a"}, {1, "b"}}, fresh[] = {{1, "a"}, {2, "n"}};
    assert_compared(live, 3, fresh, 2, (struct pl_moment_counts){.same = 1, .removed = 2, .added = 1},
                    "5:a> 5:b> 5:>n ");
    assert_compared(live, 0, fresh, 2, (struct pl_moment_counts){.added = 2}, "5:>a 5:>n ");
    assert_compared(live, 3, fresh, 0, (struct pl_moment_counts){.removed = 3}, "5:a> 5:a> 5:b> ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rows_pair_up_whatever_their_order),
        cmocka_unit_test(other_values_of_a_key_are_changed),
        cmocka_unit_test(what_one_side_has_more_of_is_removed_or_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
