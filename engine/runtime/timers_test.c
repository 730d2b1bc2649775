#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch/tags.h"
#include "runtime/timers.h"

static uint64_t seed = 1;

static uint64_t next_random(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

static void timers_fire_in_one_order(void **state) {
    (void)state;
    struct pl_timers timers = {.limit = 10000};
    for (int i = 0; i < 5000; i++)
        assert_true(pl_timers_add(&timers, (struct pl_timer){.at = (pl_time)(next_random() % 500),
                                                             .id = (uint32_t)(next_random() % 5),
                                                             .cookie = next_random() % 3}));
    struct pl_timer last = {.at = PL_TIME_MIN}, t;
    int fired = 0;
    for (pl_time now = 0; now < 600; now += 7)
        while (pl_timers_take_due(&timers, now, &t)) {
            assert_true(t.at <= now);
            assert_true(t.at > last.at ||
                        (t.at == last.at && (t.id > last.id || (t.id == last.id && t.cookie >= last.cookie))));
            last = t;
            fired++;
        }
    assert_int_equal(fired, 5000);
    pl_timers_fini(&timers);
}

static void timers_are_bounded(void **state) {
    (void)state;
    struct pl_timers timers = {.limit = 3};
    for (int i = 0; i < 3; i++)
        assert_true(pl_timers_add(&timers, (struct pl_timer){.at = i}));
    assert_false(pl_timers_add(&timers, (struct pl_timer){.at = 9}));
    pl_timers_fini(&timers);
}

static void timers_survive_a_snapshot(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){0});
    uint32_t id = pl_tags_intern(tags, "a.b", 3);
    struct pl_timers from = {.limit = 10}, to = {.limit = 10};
    pl_timers_add(&from, (struct pl_timer){.at = 20, .id = id, .cookie = UINT64_MAX});
    pl_timers_add(&from, (struct pl_timer){.at = -10, .id = 0, .cookie = 1});
    struct pl_pack *pack = pl_pack_new();
    pl_timers_pack(&from, tags, pack);
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_int_equal(pl_timers_unpack(&to, tags, &unpack, NULL), PL_OK);
    struct pl_timer t;
    assert_true(pl_timers_take_due(&to, 100, &t));
    assert_int_equal(t.at, -10);
    assert_true(pl_timers_take_due(&to, 100, &t));
    assert_int_equal(t.id, id);
    assert_true(t.cookie == UINT64_MAX);
    pl_pack_free(pack);
    pl_timers_fini(&from);
    pl_timers_fini(&to);
    pl_tags_free(tags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_one_order),
        cmocka_unit_test(timers_are_bounded),
        cmocka_unit_test(timers_survive_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
