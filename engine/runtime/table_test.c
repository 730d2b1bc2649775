#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "runtime/table_impl.h"

struct record {
    int64_t a;
    double b;
};

static const struct pl_table_def def = {.name = "t", .version = 3, .record_size = sizeof(struct record)};

static void records_stay_and_keep_their_order(void **state) {
    (void)state;
    struct pl_table t;
    assert_int_equal(pl_table_init(&t, &def, NULL, 1000), PL_OK);
    struct record *kept[100];
    for (uint32_t id = 0; id < 100; id++)
        for (int64_t sub = 0; sub < 5; sub++) {
            struct record *r = pl_table_get(&t, id * 7, (sub * 3) % 5);
            assert_non_null(r);
            assert_int_equal(r->a, 0);
            r->a = id * 100 + (sub * 3) % 5;
            if (sub == 0) kept[id] = r;
        }
    assert_int_equal(pl_table_count(&t), 500);
    for (uint32_t id = 0; id < 100; id++)
        assert_ptr_equal(pl_table_get(&t, id * 7, 0), kept[id]);
    uint32_t n = 0;
    const struct pl_record *last = NULL;
    for (struct pl_record *r = pl_table_next(&t, NULL); r; last = r, r = pl_table_next(&t, r), n++) {
        if (last) assert_true(last->id < r->id || (last->id == r->id && last->sub > r->sub));
        assert_int_equal(((struct record *)pl_record_data(r))->a, r->id / 7 * 100 + r->sub);
    }
    assert_int_equal(n, 500);
    pl_table_fini(&t);
}

static void a_dropped_record_comes_back_empty(void **state) {
    (void)state;
    struct pl_table t;
    pl_table_init(&t, &def, NULL, 10);
    ((struct record *)pl_table_get(&t, 3, 8))->a = 1;
    ((struct record *)pl_table_get(&t, 3, 9))->a = 2;
    pl_table_drop(&t, 3, 8);
    pl_table_drop(&t, 3, 8);
    pl_table_drop(&t, 70000, 8);
    assert_null(pl_table_find(&t, 3, 8));
    assert_int_equal(((const struct record *)pl_table_find(&t, 3, 9))->a, 2);
    assert_int_equal(((struct record *)pl_table_get(&t, 3, 8))->a, 0);
    pl_table_fini(&t);
}

static void a_table_is_bounded(void **state) {
    (void)state;
    struct pl_table t;
    pl_table_init(&t, &def, NULL, 10);
    for (uint32_t id = 0; id < 10; id++)
        assert_non_null(pl_table_get(&t, id, 0));
    assert_null(pl_table_get(&t, 10, 0));
    assert_int_equal(pl_table_refused(&t), 1);
    pl_table_drop(&t, 4, 0);
    assert_non_null(pl_table_get(&t, 10, 0));
    for (int64_t sub = 1; sub < 1000; sub++)
        pl_table_get(&t, 0, sub);
    assert_true(pl_table_count(&t) <= 160);
    pl_table_fini(&t);
}

static void changes_are_marked_with_their_epoch(void **state) {
    (void)state;
    struct pl_table t;
    pl_table_init(&t, &def, NULL, 10);
    pl_table_get(&t, 1, 0);
    pl_table_get(&t, 2, 0);
    uint32_t before = t.epoch;
    pl_table_next_epoch(&t);
    pl_table_get(&t, 2, 0);
    assert_int_equal(pl_table_first(&t, 1)->epoch, before);
    assert_int_equal(pl_table_first(&t, 2)->epoch, t.epoch);
    pl_table_fini(&t);
}

static void a_snapshot_is_by_name_and_checked(void **state) {
    (void)state;
    struct pl_tags *here = pl_tags_new(&(struct pl_tags_options){0});
    struct pl_tags *there = pl_tags_new(&(struct pl_tags_options){0});
    struct pl_table a, b;
    pl_table_init(&a, &def, NULL, 1000);
    pl_table_init(&b, &def, NULL, 1000);
    pl_tags_intern(there, "something.else", 14); /* so that ids differ */
    for (int i = 0; i < 50; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "line1.pot%02d.voltage", i);
        struct record *r = pl_table_get(&a, pl_tags_intern(here, name, (size_t)length), i - 25);
        r->a = i;
        r->b = i * 0.5;
    }
    struct pl_pack *pack = pl_pack_new();
    pl_table_pack(&a, here, pack);
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_int_equal(pl_table_unpack(&b, there, &unpack, NULL), PL_OK);
    assert_int_equal(pl_table_count(&b), 50);
    uint32_t id = pl_tags_find(there, "line1.pot07.voltage", 19);
    assert_int_equal(((const struct record *)pl_table_find(&b, id, 7 - 25))->a, 7);

    static const struct pl_table_def newer = {.name = "t", .version = 4, .record_size = sizeof(struct record)};
    struct pl_table c;
    struct pl_error *error = NULL;
    pl_table_init(&c, &newer, NULL, 1000);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_int_equal(pl_table_unpack(&c, there, &unpack, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, "version 3"));
    pl_error_free(&error);
    for (size_t cut = 0; cut < pl_pack_size(pack); cut++) { /* no prefix is taken for a whole */
        pl_table_fini(&c);
        pl_table_init(&c, &def, NULL, 1000);
        pl_unpack_init(&unpack, pl_pack_data(pack), cut);
        assert_int_not_equal(pl_table_unpack(&c, there, &unpack, NULL), PL_OK);
    }
    pl_table_fini(&a);
    pl_table_fini(&b);
    pl_table_fini(&c);
    pl_pack_free(pack);
    pl_tags_free(here);
    pl_tags_free(there);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_and_keep_their_order),
        cmocka_unit_test(a_dropped_record_comes_back_empty),
        cmocka_unit_test(a_table_is_bounded),
        cmocka_unit_test(changes_are_marked_with_their_epoch),
        cmocka_unit_test(a_snapshot_is_by_name_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
