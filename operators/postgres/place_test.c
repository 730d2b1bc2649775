#include "place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
    static struct pl__pg_place place;
    *state = &place;
    return pl__pg_place_init(&place) ? 0 : 1;
}

static int teardown(void **state) {
    pl__pg_place_fini(*state);
    return 0;
}

static void what_is_none(void **state) {
    static const char *const ahead[] = {
        "1", ":", "1:", ":1", "1:2:3", "x:1", "1:-1", "-1:1", "1:9223372036854775807", " ", "1:1  2:2", "1 :2"};
    assert_true(pl__pg_place_read(*state, "5", ""));
    for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++)
        assert_false(pl__pg_place_read(*state, "5", ahead[i]));
    assert_false(pl__pg_place_read(*state, "", ""));
    assert_false(pl__pg_place_read(*state, "-1", ""));
    assert_false(pl__pg_place_read(*state, "1.5", ""));
    assert_false(pl__pg_place_read(*state, "9223372036854775807", ""));
}

static void more_than_there_may_be(void **state) {
    static char text[4 * (PL__PG_AHEAD_MAX + 2) + 1];
    for (unsigned i = 0; i < PL__PG_AHEAD_MAX + 1; i++)
        memcpy(text + 4 * i, "1:1 ", 4);
    assert_true(pl__pg_place_read(*state, "0", text));
    assert_true(pl__pg_place_full(*state, 0));
    assert_false(pl__pg_place_full(*state, 2));
    memcpy(text + 4 * (PL__PG_AHEAD_MAX + 1), "1:1 ", 4);
    assert_false(pl__pg_place_read(*state, "0", text));
}

/* Rows 0..9 are of safe epochs; 10..14, 15..17 and 18..24 were written ahead. */
static void read_some(struct pl__pg_place *place) {
    assert_true(pl__pg_place_read(place, "10", "100:5 101:3 7:7"));
    assert_int_equal(place->written, 25);
}

static void what_the_state_knows_stays(void **state) {
    static const struct {
        uint64_t known, written;
        unsigned undo;
    } cases[] = {{10, 10, 3}, {14, 10, 3}, {15, 15, 2}, {17, 15, 2}, {18, 18, 1}, {25, 25, 0}, {99, 25, 0}};
    struct pl__pg_place *place = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_some(place);
        pl__pg_place_sort(place, cases[i].known);
        assert_int_equal(place->written, cases[i].written);
        assert_int_equal(place->undo_count, cases[i].undo);
        assert_int_equal(place->written + pl__pg_place_undo_rows(place), 25);
    }
}

static void ahead_becomes_part_of_the_position(void **state) {
    struct pl__pg_place *place = *state;
    read_some(place);
    pl__pg_place_sort(place, 18);
    pl__pg_place_advance(place, 16, 20, true, 300); /* the epoch that ends at 16 is safe: so is the first of the two */
    assert_int_equal(place->position, 15);
    assert_int_equal(place->ahead_count, 2);
    assert_int_equal(place->ahead[0].xid, 101);
    assert_int_equal(place->ahead[1].xid, 300);
    assert_int_equal(place->ahead[1].rows, 2);
    pl__pg_place_arrive(place, 20);
    assert_int_equal(place->undo_count, 0);
    pl__pg_place_advance(place, 30, 30, false, 301);
    assert_int_equal(place->position, 30);
    assert_int_equal(place->ahead_count, 0);
}

/* The first transaction of a run, of which nobody has said how it ended. */
static void a_promise_is_kept_or_not(void **state) {
    struct pl__pg_place *place = *state;
    read_some(place);
    assert_false(pl__pg_place_kept(place));
    pl__pg_place_sort(place, 10);
    pl__pg_place_advance(place, 10, 12, true, 300);
    read_some(place); /* as it was */
    assert_false(pl__pg_place_kept(place));
    assert_true(pl__pg_place_read(place, "10", "300:2"));
    assert_true(pl__pg_place_kept(place));
    pl__pg_place_sort(place, 12);
    pl__pg_place_advance(place, 20, 20, false, 301);
    assert_true(pl__pg_place_read(place, "10", "300:2"));
    assert_false(pl__pg_place_kept(place));
    assert_true(pl__pg_place_read(place, "20", ""));
    assert_true(pl__pg_place_kept(place));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_there_may_be, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_state_knows_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(ahead_becomes_part_of_the_position, setup, teardown),
        cmocka_unit_test_setup_teardown(a_promise_is_kept_or_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
