/* Which partition is the next to read, and offsets across runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shares.h"

static const char *const topics[] = {"plant", "lab"};

static struct pl__share *make(struct pl__shares *shares, uint32_t topic, int32_t partition, pl_time newest,
                              unsigned count) {
    struct pl__share *share = pl__shares_at(shares, topic, partition);
    assert_non_null(share);
    share->newest = newest;
    share->count = count;
    share->reading = true;
    return share;
}

static void test_order(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    for (int32_t partition = 3; partition >= 0; partition--)
        for (uint32_t topic = 0; topic < 2; topic++)
            assert_non_null(pl__shares_at(&shares, topic, partition));
    assert_int_equal(shares.count, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(shares.share[i].topic, i / 4);
        assert_int_equal(shares.share[i].partition, i % 4);
        assert_ptr_equal(pl__shares_at(&shares, i / 4, (int32_t)(i % 4)), &shares.share[i]);
    }
    assert_null(pl__shares_find(&shares, 2, 0));
    pl__shares_fini(&shares);
}

static void test_limit(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    for (int32_t i = 0; i < PL__SHARES_MAX; i++)
        assert_non_null(pl__shares_at(&shares, 0, i));
    assert_null(pl__shares_at(&shares, 0, PL__SHARES_MAX));
    assert_non_null(pl__shares_at(&shares, 0, 7));
    pl__shares_fini(&shares);
}

static void test_choose_oldest(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    struct pl__share *behind;
    assert_null(pl__shares_choose(&shares, &behind));
    assert_null(behind);
    make(&shares, 0, 0, 30, 1);
    make(&shares, 0, 1, 10, 1);
    make(&shares, 1, 0, 20, 1);
    assert_int_equal(pl__shares_choose(&shares, &behind)->newest, 10);
    assert_null(behind);
    pl__shares_fini(&shares);
}

/* One that may have something older is waited for, unless it is at its end, done, or has been waited for in vain. */
static void test_wait_for_what_is_behind(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    struct pl__share *behind;
    make(&shares, 0, 0, 30, 1);
    struct pl__share *late = make(&shares, 0, 1, 10, 0);
    assert_null(pl__shares_choose(&shares, &behind));
    assert_ptr_equal(behind, late);
    late->at_end = true;
    assert_int_equal(pl__shares_choose(&shares, &behind)->newest, 30);
    late->at_end = false;
    late->passed = true;
    assert_int_equal(pl__shares_choose(&shares, &behind)->newest, 30);
    late->passed = false;
    late->end = late->next = 5;
    assert_int_equal(pl__shares_choose(&shares, &behind)->newest, 30);
    late->end = 6;
    late->newest = 40; /* it is in front of the others, and cannot bring anything older */
    assert_int_equal(pl__shares_choose(&shares, &behind)->newest, 30);
    assert_null(behind);
    pl__shares_fini(&shares);
}

static void test_done(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    assert_false(pl__shares_done(&shares));
    struct pl__share *share = make(&shares, 0, 0, 0, 0);
    assert_false(pl__shares_done(&shares));
    share->end = 0;
    assert_false(pl__shares_done(&shares));
    share->next = 0;
    assert_true(pl__shares_done(&shares));
    pl__shares_fini(&shares);
}

static void test_position(void **state) {
    (void)state;
    struct pl__shares shares = {0}, again = {0}, other = {0};
    make(&shares, 0, 0, 0, 0)->next = 17;
    make(&shares, 0, 3, 0, 0)->next = INT64_MAX;
    make(&shares, 1, 1, 0, 0);
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack unpack;
    pl__shares_pack(&shares, topics, 2, pack);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_true(pl__shares_unpack(&again, topics, 2, &unpack));
    assert_int_equal(again.count, 2); /* what is not known is not there */
    assert_int_equal(pl__shares_find(&again, 0, 0)->next, 17);
    assert_int_equal(pl__shares_find(&again, 0, 3)->next, INT64_MAX);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack)); /* another graph, without the first topic */
    assert_true(pl__shares_unpack(&other, topics + 1, 1, &unpack));
    assert_int_equal(other.count, 0);
    pl_pack_free(pack);
    pl__shares_fini(&shares);
    pl__shares_fini(&again);
    pl__shares_fini(&other);
}

/* The largest position there can be fits into the log, whose limit is 4096 bytes. */
static void test_position_fits(void **state) {
    (void)state;
    struct pl__shares shares = {0};
    for (int32_t i = 0; i < PL__SHARES_MAX; i++)
        pl__shares_at(&shares, 0, i)->next = INT64_MAX - i;
    struct pl_pack *pack = pl_pack_new();
    pl__shares_pack(&shares, topics, 2, pack);
    assert_true(pl_pack_size(pack) < 4096 - 300);
    pl_pack_free(pack);
    pl__shares_fini(&shares);
}

static void test_damaged_positions(void **state) {
    (void)state;
    static const char *const damaged[] = {
        "\x81",     "\x81\xa5plant", "\x81\xa5plant\x91", "\x81\xa5plant\x91\xfe", "\x81\xa5plant\xdc\xff\xff\x00",
        "\x91\x01", "\xc0"};
    for (size_t i = 0; i < PL_COUNT_OF(damaged); i++) {
        struct pl__shares shares = {0};
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, damaged[i], strlen(damaged[i]));
        assert_false(pl__shares_unpack(&shares, topics, 2, &unpack));
        pl__shares_fini(&shares);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),         cmocka_unit_test(test_limit),
        cmocka_unit_test(test_choose_oldest), cmocka_unit_test(test_wait_for_what_is_behind),
        cmocka_unit_test(test_done),          cmocka_unit_test(test_position),
        cmocka_unit_test(test_position_fits), cmocka_unit_test(test_damaged_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
