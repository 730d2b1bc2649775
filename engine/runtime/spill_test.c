#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/batch_impl.h"
#include "batch/tags.h"
#include "runtime/spill.h"
#include "store/store.h"

/* A batch that has room for many more rows than it has, as a filter leaves it. */
static struct pl_batch *roomy(uint32_t tag) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 4096, 0);
    b->samples.time[0] = 7;
    b->samples.tag[0] = tag;
    b->samples.value[0] = 1.5;
    b->samples.quality[0] = 0;
    b->rows = 1;
    pl_batch_seal(b);
    return b;
}

static void there_and_back(struct pl_store *store) {
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = 10});
    uint32_t tag = pl_tags_intern(tags, "a.b", 3);
    struct pl_spill *spill = pl_spill_new(&(struct pl_spill_options){.store = store, .tags = tags, .limit = 1 << 20});
    for (int i = 0; i < 100; i++) {
        uint64_t ticket = pl_spill_put(spill, roomy(tag));
        assert_int_not_equal(ticket, 0);
        assert_true(pl_spill_bytes(spill) > 0);
        struct pl_batch *b = pl_spill_take(spill, ticket);
        assert_int_equal(b->rows, 1);
        pl_batch_unref(b);
        assert_int_equal(pl_spill_bytes(spill), 0);
    }
    pl_spill_free(spill);
    pl_tags_free(tags);
}

static void what_was_taken_makes_room(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-test-XXXXXX";
    struct pl_store *store;
    there_and_back(NULL);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    there_and_back(store);
    pl_store_close(store);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    rmdir(folder);
}

/* What a state speaks of is there in the next run, and nothing else. */
static void what_lasts_is_there_again(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-test-XXXXXX";
    struct pl_store *store;
    uint64_t ticket[6];
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = 10});
    uint32_t tag = pl_tags_intern(tags, "a.b", 3);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    struct pl_spill_options options = {.store = store, .tags = tags, .limit = 1 << 20, .lasting = "merge"};
    struct pl_spill *spill = pl_spill_new(&options);
    for (int i = 0; i < 4; i++)
        ticket[i] = pl_spill_put(spill, roomy(tag));
    pl_batch_unref(pl_spill_take(spill, ticket[0])); /* the first epoch does not have it any more */
    pl_spill_settle(spill, 1);
    pl_spill_done(spill, 1);
    pl_batch_unref(pl_spill_take(spill, ticket[1])); /* the second one would not, and is never done */
    pl_spill_settle(spill, 2);
    ticket[4] = pl_spill_put(spill, roomy(tag));
    pl_spill_free(spill);
    pl_store_close(store);

    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    options.store = store;
    spill = pl_spill_new(&options);
    assert_false(pl_spill_keep(spill, ticket[0]));
    for (int i = 1; i < 4; i++)
        assert_true(pl_spill_keep(spill, ticket[i]));
    pl_spill_kept_all(spill);
    ticket[5] = pl_spill_put(spill, roomy(tag));
    assert_true(ticket[5] > ticket[4]);
    assert_false(pl_spill_keep(spill, ticket[4])); /* of no epoch */
    for (int i = 1; i < 4; i++) {
        struct pl_batch *b = pl_spill_take(spill, ticket[i]);
        assert_int_equal(b->rows, 1);
        pl_batch_unref(b);
    }
    pl_spill_free(spill);
    pl_store_close(store);
    pl_tags_free(tags);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lasts_is_there_again),
        cmocka_unit_test(what_was_taken_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
