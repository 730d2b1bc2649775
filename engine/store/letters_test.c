#include "store/letters.h"

#include <inttypes.h>
#include <potline/alloc.h>
#include <potline/pack.h>

#include "batch/tags.h"
#include "store/batch_testing.h"
#include "store/epochs.h"
#include "store/folder_testing.h"
#include "store/lake.h"

static char *folder;
static struct pl_store *store;
static struct pl_tags *tags;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* ---- What an engine would have put into the zone ---- */

static void put_event(const char *source, const char *kind, uint64_t id, pl_time time, uint64_t epoch,
                      const struct pl_pack *body) {
    struct pl_zone *zone;
    uint32_t size = (uint32_t)pl_pack_size(body);
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 1, size);
    pl_batch_heap(batch, 0, pl_pack_data(body), size);
    batch->events.time[0] = time;
    batch->events.id[0] = id;
    batch->events.kind[0] = pl_tags_intern(tags, kind, strlen(kind));
    batch->events.severity[0] = 1;
    batch->events.asset[0] = batch->events.tag[0] = 0;
    batch->events.end[0] = size;
    batch->rows = 1;
    assert_int_equal(pl_zone_open_as(store, tags, PL_DEAD, source, 0, &zone, NULL), PL_OK);
    pl_zone_set_epoch(zone, epoch);
    assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
    pl_zone_close(zone);
    pl_batch_unref(batch);
}

static void put_letter(const char *source, uint64_t id, pl_time time, const char *cause, const char *bytes, bool cut) {
    struct pl_pack *body = pl_pack_new();
    pl_pack_map(body, 7);
    pl_pack_pair_str(body, "place", "file:1");
    pl_pack_pair_str(body, "cause", cause);
    pl_pack_pair_str(body, "reason", "because");
    pl_pack_str(body, "bytes");
    pl_pack_bin(body, bytes, strlen(bytes));
    pl_pack_str(body, "cut");
    pl_pack_bool(body, cut);
    pl_pack_pair_int(body, "near", 5);
    pl_pack_pair_int(body, "samples", 2);
    put_event(source, "dead.letter", id, time, 1, body);
    pl_pack_free(body);
}

static void put_outcome(const char *source, uint64_t letter, uint64_t number, bool done, uint64_t epoch) {
    struct pl_pack *body = pl_pack_new();
    pl_pack_map(body, 3);
    pl_pack_pair_int(body, "letter", (int64_t)letter);
    pl_pack_pair_int(body, "number", (int64_t)number);
    pl_pack_str(body, "done");
    pl_pack_bool(body, done);
    put_event(source, "dead.reinjected", number, 1, epoch, body);
    pl_pack_free(body);
}

static void put_last_epoch(uint64_t number) {
    struct pl_epochs *epochs;
    struct pl_epoch last;
    uint64_t sequence = 0;
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    pl_epoch_fini(&last);
    struct pl_epoch now = {.number = number, .partitions = 1, .sequence = &sequence};
    assert_int_equal(pl_epochs_commit(epochs, &now, false, NULL), PL_OK);
    pl_epochs_close(epochs);
}

/* ---- Asking ---- */

static enum pl_code write_down(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    char *text = arg;
    (void)error;
    snprintf(text + strlen(text), 512 - strlen(text), "%s%s/%" PRIu64 "/%s/%.*s/%s", *text ? " " : "", letter->source,
             letter->id, letter->cause, (int)letter->size, (const char *)letter->bytes,
             pl_letter_states[letter->state]);
    return PL_OK;
}

static void assert_letters(const struct pl_letters_query *query, const char *expected) {
    char text[512] = "";
    struct pl_letters *letters;
    assert_int_equal(pl_letters_open(store, tags, &letters, NULL), PL_OK);
    assert_int_equal(pl_letters_each(letters, query, write_down, text, NULL), PL_OK);
    assert_string_equal(text, expected);
    pl_letters_close(letters);
}

static const struct pl_letters_query all = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};

static enum pl_code order_it(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct pl_letters *letters = arg;
    return pl_letters_order(letters, letter, letter->bytes, letter->size, error);
}

/* Orders letter `id` as it is; also settles. */
static enum pl_code order(uint64_t id) {
    struct pl_letters *letters;
    struct pl_letters_query query = all;
    query.id = id;
    assert_int_equal(pl_letters_open(store, tags, &letters, NULL), PL_OK);
    enum pl_code code = pl_letters_each(letters, &query, order_it, letters, NULL);
    assert_int_equal(pl_letters_settle(letters, NULL), PL_OK);
    pl_letters_close(letters);
    return code;
}

static void assert_next(const char *source, uint64_t after, uint64_t number, const char *bytes) {
    struct pl_letter_order found;
    assert_int_equal(pl_letters_next(store, source, after, &found, NULL), number ? PL_OK : PL_NOT_FOUND);
    if (!number) return;
    assert_int_equal(found.number, number);
    assert_int_equal(found.size, strlen(bytes));
    assert_memory_equal(found.bytes, bytes, found.size);
    assert_string_equal(found.source, source);
    assert_int_equal(found.samples, 2);
    assert_int_equal(found.near, 5);
    pl_free(found.block);
}

/* ---- Tests ---- */

static void letters_are_found_by_what_is_asked(void **state) {
    (void)state;
    put_letter("b", 2, 20, "time", "two", false);
    put_letter("a", 1, 10, "time", "one", false);
    put_letter("a", 3, 30, "fields", "", false);
    assert_letters(&all, "a/1/time/one/kept a/3/fields//kept b/2/time/two/kept");
    struct pl_letters_query query = all;
    query.cause = "ti*";
    query.from = 15;
    assert_letters(&query, "b/2/time/two/kept");
    query = all;
    query.to = 30;
    query.source = "a";
    assert_letters(&query, "a/1/time/one/kept");
    query.states = 1u << PL_LETTER_QUEUED;
    assert_letters(&query, "");
}

static void a_letter_is_ordered_once_and_again_when_it_was_refused(void **state) {
    (void)state;
    put_letter("a", 1, 10, "time", "one", false);
    put_letter("b", 2, 10, "time", "two", false);
    put_letter("a", 3, 10, "time", "cut", true);
    assert_next("a", 0, 0, NULL);
    assert_int_equal(order(2), PL_OK);
    assert_int_equal(order(1), PL_OK);
    assert_int_equal(order(1), PL_CONFLICT);
    assert_int_equal(order(3), PL_LIMIT);
    assert_next("b", 0, 1, "two");
    assert_next("a", 0, 2, "one");
    assert_next("a", 2, 0, NULL);
    put_outcome("a", 1, 2, false, 4);
    assert_letters(&all, "a/1/time/one/refused a/3/time/cut/kept b/2/time/two/queued");
    assert_int_equal(order(1), PL_OK);
    assert_next("a", 2, 3, "one");
    put_outcome("a", 1, 3, true, 5);
    assert_letters(&all, "a/1/time/one/reinjected a/3/time/cut/kept b/2/time/two/queued");
    assert_int_equal(order(1), PL_CONFLICT);
}

static enum pl_code order_twice(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct pl_letters *letters = arg;
    assert_false(pl_letters_was_ordered(letters, letter->id));
    assert_int_equal(pl_letters_order(letters, letter, "once", 4, error), PL_OK);
    assert_true(pl_letters_was_ordered(letters, letter->id));
    return pl_letters_order(letters, letter, "twice", 5, error);
}

static void a_letter_is_ordered_once_by_one_who_has_it_twice(void **state) {
    (void)state;
    struct pl_letters *letters;
    struct pl_error *error = NULL;
    put_letter("a", 1, 10, "time", "one", false);
    assert_int_equal(pl_letters_open(store, tags, &letters, NULL), PL_OK);
    assert_int_equal(pl_letters_each(letters, &all, order_twice, letters, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, "is queued already"));
    pl_error_free(&error);
    pl_letters_close(letters);
    assert_next("a", 0, 1, "once");
    assert_next("a", 1, 0, NULL);
}

/* Until then a death could bring the order back. */
static void an_order_goes_when_its_outcome_belongs_to_an_epoch(void **state) {
    (void)state;
    put_letter("a", 1, 10, "time", "one", false);
    assert_int_equal(order(1), PL_OK);
    put_outcome("a", 1, 1, true, 4);
    put_last_epoch(3);
    assert_int_equal(order(7), PL_OK);
    assert_next("a", 0, 1, "one");
    put_last_epoch(4);
    assert_int_equal(order(7), PL_OK);
    assert_next("a", 0, 0, NULL);
    assert_letters(&all, "a/1/time/one/reinjected");

    put_letter("a", 2, 10, "time", "two", false); /* numbers do not begin again */
    assert_int_equal(order(2), PL_OK);
    assert_next("a", 0, 2, "two");
}

static void a_store_is_tidied_by_itself(void **state) {
    (void)state;
    assert_int_equal(pl_letters_tidy(store, tags, NULL), PL_OK);
    put_letter("a", 1, 10, "time", "one", false);
    assert_int_equal(order(1), PL_OK);
    put_outcome("a", 1, 1, true, 4);
    put_last_epoch(3);
    assert_int_equal(pl_letters_tidy(store, tags, NULL), PL_OK);
    assert_next("a", 0, 1, "one");
    put_last_epoch(4);
    assert_int_equal(pl_letters_tidy(store, tags, NULL), PL_OK);
    assert_next("a", 0, 0, NULL);
}

static void damage_is_told(void **state) {
    struct pl_letter_order found;
    struct pl_letters *letters;
    struct pl_error *error = NULL;
    static const char key[] = "$letters\0q\0\0\0\0\0\0\0\1";
    (void)state;
    put_letter("a", 1, 10, "time", "one", false);
    assert_int_equal(order(1), PL_OK);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_KEPT], key, sizeof key - 1, "12345678rest", 12);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
    assert_int_equal(pl_letters_next(store, "a", 0, &found, &error), PL_CORRUPT);
    pl_error_free(&error);
    assert_int_equal(pl_letters_open(store, tags, &letters, &error), PL_CORRUPT);
    assert_null(letters);
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(letters_are_found_by_what_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_letter_is_ordered_once_and_again_when_it_was_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_letter_is_ordered_once_by_one_who_has_it_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_goes_when_its_outcome_belongs_to_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_is_tidied_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
