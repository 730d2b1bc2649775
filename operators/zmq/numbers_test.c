#include "numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void gaps_are_what_is_missing(void **state) {
    struct pl__numbers n = {.refused = 0};
    (void)state;
    assert_int_equal(pl__numbers_take(&n, 0, 500, 10), 0); /* the first says where to begin */
    assert_int_equal(pl__numbers_take(&n, 0, 510, 10), 0);
    assert_int_equal(pl__numbers_take(&n, 0, 523, 1), 3);
    assert_int_equal(pl__numbers_take(&n, 1, 7, 1), 0);    /* each partition by itself */
    assert_int_equal(pl__numbers_take(&n, 0, 510, 10), 0); /* again */
    assert_int_equal(pl__numbers_take(&n, 0, 525, 1), 1);
    assert_int_equal(pl__numbers_take(&n, 0, 0, 5), 0); /* a sender that has begun anew */
    assert_int_equal(pl__numbers_take(&n, 0, 6, 1), 1);
}

static void a_stream_is_a_topic_and_a_partition(void **state) {
    (void)state;
    uint64_t none = pl__numbers_stream(NULL, 0), a = pl__numbers_stream("a", 1), b = pl__numbers_stream("b", 1);
    assert_true(none != a && a != b && a == pl__numbers_stream("a", 1));
    assert_true(pl__numbers_of_partition(a, 0) != pl__numbers_of_partition(a, 1));
    assert_true(pl__numbers_of_partition(a, 1) != pl__numbers_of_partition(b, 1));
}

static void refused_samples_are_not_missing_too(void **state) {
    struct pl__numbers n = {.refused = 0};
    (void)state;
    pl__numbers_take(&n, 0, 0, 10);
    pl__numbers_refused(&n, 4);
    assert_int_equal(pl__numbers_take(&n, 0, 20, 10), 6);
    assert_int_equal(pl__numbers_take(&n, 0, 32, 10), 2);
}

static void numbers_without_sense_do_no_harm(void **state) {
    struct pl__numbers n = {.refused = 0};
    (void)state;
    for (uint64_t stream = 1; stream < 2 * PL__STREAMS_MAX; stream++)
        assert_int_equal(pl__numbers_take(&n, stream, 5, 10), 0);
    assert_int_equal(pl__numbers_take(&n, 2 * PL__STREAMS_MAX - 1, 500, 10), 0); /* not followed */
    assert_int_equal(pl__numbers_take(&n, 1, 16, 10), 1);
    assert_int_equal(pl__numbers_take(&n, 0, UINT64_MAX, 10), 0);
    assert_int_equal(pl__numbers_take(&n, 0, UINT64_MAX - 5, 10), 0);
    assert_int_equal(pl__numbers_take(&n, 0, 3, 0), 0);
}

static void they_go_on_in_another_run(void **state) {
    struct pl__numbers n = {.refused = 0}, m = {.refused = 0};
    struct pl_unpack unpack;
    struct pl_pack *pack = pl_pack_new();
    (void)state;
    pl__numbers_take(&n, 2, 100, 10);
    pl__numbers_refused(&n, 1);
    pl__numbers_pack(&n, pack);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_true(pl__numbers_unpack(&m, &unpack));
    assert_int_equal(pl__numbers_take(&m, 2, 115, 1), 4);
    pl_unpack_init(&unpack, "\x93\x01", 2);
    assert_false(pl__numbers_unpack(&m, &unpack));
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_what_is_missing),
        cmocka_unit_test(a_stream_is_a_topic_and_a_partition),
        cmocka_unit_test(refused_samples_are_not_missing_too),
        cmocka_unit_test(numbers_without_sense_do_no_harm),
        cmocka_unit_test(they_go_on_in_another_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
