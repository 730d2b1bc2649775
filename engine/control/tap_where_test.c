#include "control/tap_where.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "batch/batch_impl.h"

/* An event with a body of {value, ok, note}; without one for `value` 0. */
static struct pl_batch *event(double value) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, 256);
    struct pl_pack *body = pl_pack_new();
    pl_pack_map(body, 3);
    pl_pack_pair_f64(body, "value", value);
    pl_pack_str(body, "ok");
    pl_pack_bool(body, true);
    pl_pack_pair_str(body, "note", "hot");
    if (value != 0) pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body));
    b->events.severity[0] = 700;
    b->events.end[0] = b->heap_used[0];
    b->rows = 1;
    pl_pack_free(body);
    return b;
}

static bool holds(const char *text, double value) {
    struct pl_where *where;
    struct pl_error *error = NULL;
    struct pl_batch *b = event(value);
    if (pl_where_new(text, PL_EVENTS, &where, &error)) fail_msg("%s", error->text);
    bool held = pl_where_holds(where, b, 0);
    pl_where_free(where);
    pl_batch_unref(b);
    return held;
}

static void bodies_of_events_are_numbers(void **state) {
    (void)state;
    assert_true(holds("", 1));
    assert_true(holds("severity > 500 and body.value > 20", 21));
    assert_false(holds("severity > 500 and body.value > 20", 19));
    assert_true(holds("body.ok == 1", 1));
    assert_true(holds("body.value + body.value == 42", 21));
    assert_false(holds("body.note > 0 or body.other > 0", 1)); /* a text, and none */
    assert_false(holds("body.value > -1", 0));                 /* no body */
}

static void refuses(const char *text, enum pl_kind kind, const char *says) {
    struct pl_where *where;
    struct pl_error *error = NULL;
    assert_int_not_equal(pl_where_new(text, kind, &where, &error), PL_OK);
    assert_null(where);
    if (!strstr(error->text, says)) fail_msg("no [%s] in [%s]", says, error->text);
    pl_error_free(&error);
}

static void what_there_is_not_is_told(void **state) {
    (void)state;
    refuses("valu > 1", PL_SAMPLES, "the columns are time, value, quality");
    refuses("body.value > 1", PL_SAMPLES, "where, character 1");
    refuses("tag > 1", PL_SAMPLES, "the columns are");
    refuses("bodyvalue > 1", PL_EVENTS, "body.NAME");
    refuses("body. > 1", PL_EVENTS, "body.NAME");
    refuses("body.a+body.b+body.c+body.d+body.e+body.f+body.g+body.h+body.i > 1", PL_EVENTS,
            "body.NAME"); /* too many */
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct pl_where *where = NULL;
    for (int64_t n = 0; !where; n++) {
        int64_t live = pl_alloc_live();
        struct pl_error *error = NULL;
        pl_alloc_fail_after(n);
        pl_where_new("body.value > 1", PL_EVENTS, &where, &error);
        pl_alloc_fail_after(-1);
        pl_error_free(&error);
        if (!where) assert_int_equal(pl_alloc_live(), live);
    }
    pl_where_free(where);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_events_are_numbers),
        cmocka_unit_test(what_there_is_not_is_told),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
