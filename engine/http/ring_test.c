#include "http/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>

static struct pl__ring *ring;

static int setup(void **state) {
    (void)state;
    ring = PL_NEW(struct pl__ring);
    if (ring) pl__ring_init(ring);
    return ring ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pl__ring_fini(ring);
    pl_free(ring);
    return 0;
}

static void add(const char *name, const char *key, int64_t value, const char *text) {
    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 3);
    pl_pack_pair_int(pack, "value", value);
    pl_pack_pair_str(pack, name, key);
    pl_pack_pair_str(pack, "text", text);
    pl__ring_add(ring, pl_pack_data(pack), pl_pack_size(pack));
    pl_pack_free(pack);
}

static struct pl__row *row(uint64_t number) {
    return ring->row[number % PL__RING];
}

static void rows_are_told_by_tag_or_asset(void **state) {
    (void)state;
    add("tag", "line1.a", 1, "x");
    add("asset", "line1", 2, "x");
    add("else", "line1", 3, "x");
    add("tag", "line1.a", 4, "x");
    assert_string_equal(row(1)->key, "line1.a");
    assert_string_equal(row(2)->key, "line1");
    assert_string_equal(row(3)->key, "");
    assert_int_equal(ring->keys, 3);
    assert_ptr_equal(ring->newest[ring->place[0]], row(4));
    assert_ptr_equal(ring->newest[ring->place[1]], row(2));
    assert_string_equal(pl__row_json(ring, row(4)), "{\"value\":4,\"tag\":\"line1.a\",\"text\":\"x\"}");
    assert_int_equal(row(4)->size, strlen(row(4)->json));
    assert_ptr_equal(pl__row_json(ring, row(4)), row(4)->json);
}

static void only_the_last_rows_are_kept(void **state) {
    (void)state;
    for (int i = 1; i <= PL__RING + 10; i++) {
        add("tag", "a", i, "x");
        pl__row_json(ring, row((uint64_t)i));
    }
    assert_int_equal(ring->next, PL__RING + 11);
    assert_int_equal(ring->first, 11);
    assert_int_equal(row(11)->number, 11);
    assert_int_equal(ring->keys, 1);
}

/* Whether or not anybody has wanted them. */
static void long_ones_push_more_of_them_out(void **state) {
    (void)state;
    static char text[100001];
    size_t held = 0;
    memset(text, 't', sizeof text - 1);
    for (int i = 1; i <= 200; i++) {
        add("tag", "a", i, text);
        if (i % 2) pl__row_json(ring, row((uint64_t)i));
        assert_in_range(ring->bytes, 1, PL__RING_BYTES + 200000);
    }
    for (uint64_t i = ring->first; i < ring->next; i++)
        held += row(i)->packed + row(i)->size;
    assert_int_equal(held, ring->bytes);
    assert_int_equal(row(ring->next - 1)->number, 200);
}

/* Names are as many as there is room for; the rows of others are told one by one all the same. */
static void more_keys_than_places(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < PL__RING_KEYS; i++) {
        snprintf(name, sizeof name, "tag%d", i);
        add("tag", name, i, "x");
    }
    assert_int_equal(ring->keys, PL__RING_KEYS / 2);
    assert_string_equal(row(ring->next - 1)->key, name);
    add("tag", "tag7", -1, "x");
    assert_ptr_equal(ring->newest[ring->place[7]], row(ring->next - 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_told_by_tag_or_asset, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_last_rows_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(long_ones_push_more_of_them_out, setup, teardown),
        cmocka_unit_test_setup_teardown(more_keys_than_places, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
