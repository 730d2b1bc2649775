#include "dictionary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void places_count_from_the_first_use(void **state) {
    (void)state;
    struct pl_dictionary d = {0};
    static const uint32_t first[] = {7, 0, 7, 3, 3, 9}, second[] = {9, 7, 1};
    uint32_t places[6];
    for (unsigned batch = 0; batch < 3; batch++) { /* nothing is left of the batch before */
        assert_true(pl_dictionary_begin(&d, 10, 9));
        pl_dictionary_map(&d, first, places, 6);
        static const uint32_t expected[] = {0, 1, 0, 2, 2, 3};
        assert_memory_equal(places, expected, sizeof(expected));
        pl_dictionary_map(&d, second, places, 3);
        assert_int_equal(places[0], 3);
        assert_int_equal(places[1], 0);
        assert_int_equal(places[2], 4);
        assert_int_equal(d.count, 5);
        static const uint32_t ids[] = {7, 0, 3, 9, 1};
        assert_memory_equal(d.ids, ids, sizeof(ids));
    }
    pl_dictionary_fini(&d);
}

static void it_grows_with_the_registry(void **state) {
    (void)state;
    struct pl_dictionary d = {0};
    for (uint32_t ids = 1; ids < 100000; ids *= 3) {
        assert_true(pl_dictionary_begin(&d, ids, 1));
        uint32_t id = ids - 1, place = 7;
        pl_dictionary_map(&d, &id, &place, 1);
        assert_int_equal(place, 0);
        assert_int_equal(d.ids[0], id);
    }
    pl_dictionary_fini(&d);
}

static void the_number_of_the_batch_may_wrap(void **state) {
    (void)state;
    struct pl_dictionary d = {0};
    uint32_t id = 2, place;
    assert_true(pl_dictionary_begin(&d, 4, 2));
    pl_dictionary_map(&d, &id, &place, 1); /* batch 1 leaves a place behind */
    d.batch = UINT32_MAX - 1;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t ids[] = {3, 2}, places[2];
        assert_true(pl_dictionary_begin(&d, 4, 2));
        pl_dictionary_map(&d, ids, places, 2);
        assert_int_equal(places[0], 0);
        assert_int_equal(places[1], 1);
        assert_int_equal(d.count, 2);
    }
    pl_dictionary_fini(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_count_from_the_first_use),
        cmocka_unit_test(it_grows_with_the_registry),
        cmocka_unit_test(the_number_of_the_batch_may_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
