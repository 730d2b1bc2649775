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
    assert_int_equal(pl_table_init(&t, &def, NULL, 1000, true), PL_OK);
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
    pl_table_init(&t, &def, NULL, 10, true);
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
    pl_table_init(&t, &def, NULL, 10, true);
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

/* ---- Saving ---- */

static struct pl_tags *tags_, *there_;

static int make_tags(void **state) {
    (void)state;
    tags_ = pl_tags_new(&(struct pl_tags_options){0});
    there_ = pl_tags_new(&(struct pl_tags_options){0});
    pl_tags_intern(there_, "something.else", 14); /* so that ids differ */
    return 0;
}

static int free_tags(void **state) {
    (void)state;
    pl_tags_free(tags_);
    pl_tags_free(there_);
    return 0;
}

static uint32_t tag(int n) {
    char name[32];
    int length = snprintf(name, sizeof name, "line1.pot%02d.voltage", n);
    return pl_tags_intern(tags_, name, (size_t)length);
}

/* How many entries of `part` there are, with a value or without. */
static unsigned count(const struct pl_buffer *saved, enum pl_state_part part, bool gone) {
    unsigned n = 0;
    const char *at = saved->data, *end = at + saved->size;
    for (struct pl_state_entry entry; pl_state_next(&at, end, &entry);)
        n += entry.key[0] == (char)part && (entry.value == NULL) == gone;
    return n;
}

static enum pl_code load(struct pl_table *table, const struct pl_buffer *saved, struct pl_error **error) {
    enum pl_code code = PL_OK;
    const char *at = saved->data, *end = at + saved->size;
    for (struct pl_state_entry entry; !code && pl_state_next(&at, end, &entry);) {
        bool mine;
        code = pl_table_load(table, there_, &entry, &mine, error);
        assert_true(mine);
    }
    return code;
}

static void only_changes_are_saved(void **state) {
    (void)state;
    struct pl_table t;
    struct pl_buffer saved;
    pl_table_init(&t, &def, NULL, 1000, true);
    pl_buffer_init(&saved, 1 << 20);
    for (int i = 0; i < 50; i++)
        pl_table_get(&t, tag(i), i);
    pl_table_save(&t, tags_, &saved);
    assert_int_equal(count(&saved, PL_STATE_TABLE, false), 1);
    assert_int_equal(count(&saved, PL_STATE_RECORD, false), 50);

    pl_buffer_reset(&saved);
    pl_table_save(&t, tags_, &saved);
    assert_int_equal(saved.size, 0);

    pl_table_get(&t, tag(7), 7);  /* changed */
    pl_table_get(&t, tag(7), 7);  /* twice */
    pl_table_get(&t, tag(8), 99); /* new */
    pl_table_drop(&t, tag(9), 9);
    pl_table_get(&t, tag(10), 10);
    pl_table_drop(&t, tag(10), 10); /* changed, then dropped */
    pl_table_drop(&t, tag(11), 11);
    pl_table_get(&t, tag(11), 11); /* dropped, then made again */
    pl_table_get(&t, tag(12), 77);
    pl_table_drop(&t, tag(12), 77); /* never seen by a snapshot */
    pl_table_find(&t, tag(13), 13);
    pl_table_save(&t, tags_, &saved);
    assert_int_equal(count(&saved, PL_STATE_TABLE, false), 0);
    assert_int_equal(count(&saved, PL_STATE_RECORD, false), 3);
    assert_int_equal(count(&saved, PL_STATE_RECORD, true), 3);
    pl_table_fini(&t);
    pl_buffer_fini(&saved);
}

/* Many records that come and go between two snapshots: what is noted stays small, and nothing is missing. */
static void churn_is_bounded_and_saved(void **state) {
    (void)state;
    struct pl_table t, copy;
    struct pl_buffer saved;
    pl_table_init(&t, &def, NULL, 1000, true);
    pl_table_init(&copy, &def, NULL, 1000, true);
    pl_buffer_init(&saved, 1 << 20);
    for (int64_t sub = 0; sub < 100000; sub++) {
        ((struct record *)pl_table_get(&t, tag((int)(sub % 9)), sub))->a = sub;
        if (sub >= 20) pl_table_drop(&t, tag((int)((sub - 20) % 9)), sub - 20);
    }
    pl_table_save(&t, tags_, &saved);
    assert_int_equal(count(&saved, PL_STATE_RECORD, false), 20);
    assert_int_equal(count(&saved, PL_STATE_RECORD, true), 0);
    assert_int_equal(load(&copy, &saved, NULL), PL_OK);
    assert_int_equal(pl_table_count(&copy), 20);
    pl_table_fini(&t);
    pl_table_fini(&copy);
    pl_buffer_fini(&saved);
}

static void a_snapshot_is_by_name_and_checked(void **state) {
    (void)state;
    struct pl_table a, b, c;
    struct pl_buffer saved;
    pl_buffer_init(&saved, 1 << 20);
    pl_table_init(&a, &def, NULL, 1000, true);
    pl_table_init(&b, &def, NULL, 1000, true);
    for (int i = 0; i < 50; i++) {
        struct record *r = pl_table_get(&a, tag(i), i - 25);
        r->a = i;
        r->b = i * 0.5;
    }
    pl_table_get(&a, 0, 3); /* of no name */
    pl_table_save_all(&a, tags_, &saved);
    assert_int_equal(load(&b, &saved, NULL), PL_OK);
    assert_int_equal(pl_table_count(&b), 51);
    uint32_t id = pl_tags_find(there_, "line1.pot07.voltage", 19);
    assert_int_equal(((const struct record *)pl_table_find(&b, id, 7 - 25))->a, 7);
    assert_non_null(pl_table_find(&b, 0, 3));
    pl_buffer_reset(&saved);
    pl_table_save(&b, there_, &saved);
    assert_int_equal(saved.size, 0); /* what was loaded has not changed */

    static const struct pl_table_def newer = {.name = "t", .version = 4, .record_size = sizeof(struct record)};
    struct pl_error *error = NULL;
    pl_table_init(&c, &newer, NULL, 1000, true);
    pl_table_save_all(&a, tags_, &saved);
    assert_int_equal(load(&c, &saved, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, "version 3"));
    pl_error_free(&error);
    pl_table_fini(&a);
    pl_table_fini(&b);
    pl_table_fini(&c);
    pl_buffer_fini(&saved);
}

static void damaged_entries_are_refused(void **state) {
    (void)state;
    struct pl_table t;
    pl_table_init(&t, &def, NULL, 1000, true);
    static const char value[sizeof(struct record)];
    static const struct pl_state_entry bad[] = {
        {.key = "\3t\0name\0"
                "1234567",
         .key_size = 15,
         .value = value,
         .value_size = sizeof value},
        {.key = "\3t\0name\0"
                "123456789",
         .key_size = 17,
         .value = value,
         .value_size = sizeof value},
        {.key = "\3t\0name12345678", .key_size = 15, .value = value, .value_size = sizeof value},
        {.key = "\3t\0name\0"
                "12345678",
         .key_size = 16,
         .value = value,
         .value_size = 3},
        {.key = "\3t\0name\0"
                "12345678",
         .key_size = 16},
        {.key = "\2t\0", .key_size = 3, .value = value, .value_size = 7},
        {.key = "\2t\0", .key_size = 3},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(bad); i++) {
        bool mine;
        assert_int_equal(pl_table_load(&t, there_, &bad[i], &mine, NULL), PL_CORRUPT);
    }
    struct pl_state_entry other = {.key = "\3u\0name", .key_size = 7, .value = value, .value_size = 1};
    bool mine;
    assert_int_equal(pl_table_load(&t, there_, &other, &mine, NULL), PL_OK);
    assert_false(mine);
    pl_table_fini(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_and_keep_their_order),
        cmocka_unit_test(a_dropped_record_comes_back_empty),
        cmocka_unit_test(a_table_is_bounded),
        cmocka_unit_test(only_changes_are_saved),
        cmocka_unit_test(churn_is_bounded_and_saved),
        cmocka_unit_test(a_snapshot_is_by_name_and_checked),
        cmocka_unit_test(damaged_entries_are_refused),
    };
    return cmocka_run_group_tests(tests, make_tags, free_tags);
}
