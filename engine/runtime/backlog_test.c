/* What is put comes out in its order, from memory and from the spill, also in another run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/quality.h>

#include "batch/batch_impl.h"
#include "batch/tags.h"
#include "runtime/backlog.h"
#include "store/folder_testing.h"
#include "store/store.h"

enum { MEMORY = 128 }; /* batches that stay there */

static struct pl_tags *tags;
static char *folder;

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){.limit = 10});
    folder = make_folder();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    pl_tags_free(tags);
    return 0;
}

static struct pl_batch *numbered(int number) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->samples.time[0] = number;
    b->samples.tag[0] = pl_tags_intern(tags, "a.b", 3);
    b->samples.value[0] = 1;
    b->samples.quality[0] = 0;
    b->rows = 1;
    pl_batch_seal(b);
    return b;
}

static void expect(struct pl_batch *batch, unsigned port, int number, bool backfilled) {
    assert_non_null(batch);
    assert_int_equal(batch->samples.time[0], number);
    assert_int_equal(port, number % 2);
    assert_int_equal(batch->samples.quality[0] & PL_Q_BACKFILLED, backfilled ? PL_Q_BACKFILLED : 0);
    pl_batch_unref(batch);
}

static void expect_all(struct pl_backlog *backlog, int from, int to) {
    unsigned port = 0;
    for (int i = from; i < to; i++) {
        struct pl_batch *batch = i < MEMORY ? pl_backlog_take(backlog, &port) : pl_backlog_take_spilled(backlog, &port);
        expect(batch, port, i, i >= MEMORY);
    }
    assert_true(pl_backlog_empty(backlog));
    assert_null(pl_backlog_take(backlog, &port));
    assert_null(pl_backlog_take_spilled(backlog, &port));
}

static struct pl_spill_options lasting(struct pl_store *store) {
    return (struct pl_spill_options){.store = store, .tags = tags, .limit = 1 << 20, .lasting = "away"};
}

static struct pl_store *open_store(void) {
    struct pl_store *store;
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return store;
}

static void the_order_is_kept(void **state) {
    (void)state;
    struct pl_store *store = open_store();
    struct pl_spill_options options = lasting(store);
    struct pl_spill *spill = pl_spill_new(&options);
    struct pl_backlog *backlog = pl_backlog_new(spill);
    for (int i = 0; i < 300; i++)
        pl_backlog_put(backlog, (unsigned)i % 2, numbered(i));
    struct pl_backlog_stats stats;
    pl_backlog_stats(backlog, &stats);
    assert_int_equal(stats.spilled_rows, 300 - MEMORY);
    assert_int_equal(stats.dropped_rows, 0);
    expect_all(backlog, 0, 300);
    pl_backlog_free(backlog);
    pl_spill_free(spill);
    pl_store_close(store);
}

static void another_run_goes_on_with_it(void **state) {
    (void)state;
    struct pl_store *store = open_store();
    struct pl_spill_options options = lasting(store);
    struct pl_spill *spill = pl_spill_new(&options);
    struct pl_backlog *backlog = pl_backlog_new(spill);
    struct pl_codec *codec = pl_codec_new(tags);
    struct pl_pack *pack = pl_pack_new();
    unsigned port;
    for (int i = 0; i < 300; i++)
        pl_backlog_put(backlog, (unsigned)i % 2, numbered(i));
    for (int i = 0; i < 5; i++) {
        struct pl_batch *batch = pl_backlog_take(backlog, &port);
        expect(batch, port, i, false);
    }
    assert_int_equal(pl_backlog_save(backlog, codec, pack, NULL), PL_OK);
    pl_spill_settle(spill, 1);
    for (int i = 5; i < MEMORY; i++) /* what this run does behind it is as if it had not been */
        pl_batch_unref(pl_backlog_take(backlog, &port));
    pl_batch_unref(pl_backlog_take_spilled(backlog, &port));
    pl_backlog_put(backlog, 0, numbered(999));
    pl_backlog_free(backlog);
    pl_spill_free(spill);
    pl_store_close(store);

    store = open_store();
    options = lasting(store);
    spill = pl_spill_new(&options);
    backlog = pl_backlog_new(spill);
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_int_equal(pl_backlog_load(backlog, codec, &unpack, NULL), PL_OK);
    pl_spill_kept_all(spill);
    expect_all(backlog, 5, 300);
    for (size_t cut = 0; cut < pl_pack_size(pack); cut += 7) { /* no prefix is taken for a whole */
        struct pl_backlog *other = pl_backlog_new(spill);
        pl_unpack_init(&unpack, pl_pack_data(pack), cut);
        assert_int_not_equal(pl_backlog_load(other, codec, &unpack, NULL), PL_OK);
        pl_backlog_free(other);
    }
    pl_backlog_free(backlog);
    pl_spill_free(spill);
    pl_store_close(store);
    pl_pack_free(pack);
    pl_codec_free(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_order_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(another_run_goes_on_with_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
