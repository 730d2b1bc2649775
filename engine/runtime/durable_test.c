/* What is told to a source is what a sync has covered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/durable.h"

#include "log/log.h"

static unsigned pokes;

static void poke(void *source) {
    (void)source;
    pokes++;
}

static bool takes(struct pl_durable *durable, const char *expected) {
    struct pl_buffer position;
    pl_buffer_init(&position, PL_LOG_POSITION_MAX);
    bool news = pl_durable_take(durable, &position);
    bool right = news && position.size == strlen(expected) && memcmp(position.data, expected, position.size) == 0;
    pl_buffer_fini(&position);
    return expected[0] ? right : !news;
}

static void appended(struct pl_durable *durable, const char *text) {
    pl_durable_appended(durable, text, strlen(text), false);
}

static void a_sync_covers_what_was_appended_before_it_began(void **state) {
    struct pl_durable *durable = pl_durable_new(poke, NULL);
    (void)state;
    appended(durable, "one");
    appended(durable, "two");
    assert_true(takes(durable, ""));
    pl_durable_begin(durable);
    appended(durable, "three"); /* while it is under way */
    assert_true(takes(durable, ""));
    pl_durable_done(durable);
    assert_true(takes(durable, "two"));
    assert_true(takes(durable, ""));
    pl_durable_begin(durable);
    pl_durable_done(durable);
    assert_true(takes(durable, "three"));
    pl_durable_free(durable);
}

static void a_sync_that_failed_is_made_up_for_by_the_next(void **state) {
    struct pl_durable *durable = pl_durable_new(poke, NULL);
    (void)state;
    appended(durable, "one");
    pl_durable_begin(durable);
    pl_durable_begin(durable);
    pl_durable_done(durable);
    assert_true(takes(durable, "one"));
    pl_durable_free(durable);
}

static void without_a_syncer_it_is_told_at_once(void **state) {
    struct pl_durable *durable = pl_durable_new(poke, NULL);
    (void)state;
    pokes = 0;
    pl_durable_appended(durable, "one", 3, true);
    pl_durable_appended(durable, "two", 3, true);
    assert_true(takes(durable, "two"));
    assert_int_equal(pokes, 2);
    pl_durable_free(durable);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_covers_what_was_appended_before_it_began),
        cmocka_unit_test(a_sync_that_failed_is_made_up_for_by_the_next),
        cmocka_unit_test(without_a_syncer_it_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
