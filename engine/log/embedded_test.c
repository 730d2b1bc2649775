/* embedded_test.c: what is the embedded log's own: damage, gaps, readers beside the engine. */
#include <potline/alloc.h>

#include "batch/pool.h"
#include "batch/tags.h"
#include "log/record.h"
#include "store/batch_testing.h"
#include "store/folder_testing.h"
#include "store/store.h"

static char *folder;
static struct pl_tags *tags;
static struct pl_store *store;
static struct pl_log *log_;

static void open_log(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log_, NULL), PL_OK);
}

static void close_log(void) {
    if (log_) log_->ops->close(log_);
    pl_store_close(store);
    log_ = NULL;
    store = NULL;
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    open_log();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_log();
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* ---- Helpers ---- */

/* `count` records of one row each: value and time are the sequence (in minutes). */
static void append_rows(uint16_t partition, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
        uint64_t sequence = log_->ops->next(log_, partition);
        batch->samples.time[0] = (pl_time)sequence * PL_MINUTE;
        batch->samples.tag[0] = pl_tags_intern(tags, "a.b", 3);
        batch->samples.value[0] = (double)sequence;
        batch->samples.quality[0] = 0;
        batch->rows = 1;
        struct pl_log_record record = {.type = PL_LOG_ROWS, .partition = partition, .batch = batch};
        assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
        pl_batch_unref(batch);
    }
}

static void change(enum pl_store_family family, const void *key, size_t key_size, const void *value, size_t size) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    if (value)
        rocksdb_writebatch_put_cf(writes, store->family[family], key, key_size, value, size);
    else
        rocksdb_writebatch_delete_cf(writes, store->family[family], key, key_size);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void remove_record(uint16_t partition, uint64_t sequence) {
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(partition, sequence, key);
    change(PL_STORE_BRONZE, key, sizeof key, NULL, 0);
}

static void flip_record(uint16_t partition, uint64_t sequence) {
    uint8_t key[PL__RECORD_KEY];
    void *value;
    size_t size;
    pl__record_key(partition, sequence, key);
    assert_int_equal(pl_store_get(store, PL_STORE_BRONZE, key, sizeof key, &value, &size, NULL), PL_OK);
    ((uint8_t *)value)[size - 20] ^= 1;
    change(PL_STORE_BRONZE, key, sizeof key, value, size);
    pl_free(value);
}

/* Reads from `from` on; returns how it ended, and what was said about it (the caller's). */
static enum pl_code read_on(uint16_t partition, uint64_t from, unsigned *records, char **text) {
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    struct pl_error *error = NULL;
    *records = 0;
    *text = NULL;
    enum pl_code code = log_->ops->cursor(log_, partition, from, false, &cursor, &error);
    if (!code) {
        for (; !(code = log_->ops->read(cursor, &record, &error)); ++*records)
            pl_batch_unref(record.batch);
        if (code != PL_NOT_FOUND) /* it does not go away, and nothing is skipped */
            assert_int_equal(log_->ops->read(cursor, &record, NULL), code);
        log_->ops->cursor_free(cursor);
    }
    if (error) *text = pl_error_text(error);
    pl_error_free(&error);
    return code;
}

/* ---- Tests ---- */

static void a_gap_is_damage(void **state) {
    (void)state;
    unsigned records;
    char *text;
    append_rows(0, 20);
    append_rows(1, 20);
    remove_record(0, 7);
    remove_record(0, 8);
    assert_int_equal(read_on(0, 0, &records, &text), PL_CORRUPT);
    assert_int_equal(records, 7);
    assert_non_null(strstr(text, "partition 0: a gap: sequences 7 to 8 are missing"));
    pl_free(text);
    assert_int_equal(read_on(0, 9, &records, &text), PL_NOT_FOUND);
    assert_int_equal(records, 11);
    assert_int_equal(read_on(1, 0, &records, &text), PL_NOT_FOUND);
    assert_int_equal(records, 20);
}

static void a_gap_at_the_end_is_damage(void **state) {
    (void)state;
    unsigned records;
    char *text;
    append_rows(0, 20);
    remove_record(0, 19);
    assert_int_equal(read_on(0, 0, &records, &text), PL_CORRUPT);
    assert_int_equal(records, 19);
    assert_non_null(strstr(text, "sequences 19 to 19 are missing"));
    pl_free(text);
}

static void a_flipped_bit_is_damage(void **state) {
    (void)state;
    unsigned records;
    char *text;
    append_rows(1, 20);
    flip_record(1, 12);
    assert_int_equal(read_on(1, 0, &records, &text), PL_CORRUPT);
    assert_int_equal(records, 12);
    assert_non_null(strstr(text, "partition 1, sequence 12"));
    pl_free(text);
}

static void a_damaged_last_record_is_found_at_opening(void **state) {
    (void)state;
    append_rows(0, 5);
    flip_record(0, 4);
    close_log();
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    struct pl_error *error = NULL;
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log_, &error), PL_CORRUPT);
    assert_null(log_);
    assert_non_null(error);
    pl_error_free(&error);
}

static void what_is_older_than_the_log_is_refused(void **state) {
    (void)state;
    append_rows(0, 20);
    for (uint64_t i = 0; i < 5; i++)
        remove_record(0, i); /* as retention does */
    close_log();
    open_log();
    unsigned records;
    char *text;
    assert_int_equal(log_->ops->first(log_, 0), 5);
    assert_int_equal(log_->ops->next(log_, 0), 20);
    assert_int_equal(log_->ops->seek(log_, 0, 0), 5);
    assert_int_equal(read_on(0, 4, &records, &text), PL_RANGE);
    pl_free(text);
    assert_int_equal(read_on(0, 5, &records, &text), PL_NOT_FOUND);
    assert_int_equal(records, 15);
}

static void a_damaged_index_only_costs_time(void **state) {
    (void)state;
    append_rows(0, 20);
    assert_int_equal(log_->ops->seek(log_, 0, 10 * PL_MINUTE), 10);
    struct pl_store_iter *iter;
    assert_int_equal(pl_store_iter_new(store, PL_STORE_INDEX, NULL, 0, &iter, NULL), PL_OK);
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t size;
        const void *key = pl_store_iter_key(iter, &size);
        change(PL_STORE_INDEX, key, size, "short", 5);
    }
    pl_store_iter_free(iter);
    assert_int_equal(log_->ops->seek(log_, 0, 10 * PL_MINUTE), 0);
}

static void a_reader_beside_the_engine_sees_all_of_it(void **state) {
    (void)state;
    append_rows(0, 30);
    append_rows(1, 10);
    struct pl_store *beside;
    struct pl_tags *other = pl_tags_new(&(struct pl_tags_options){0});
    struct pl_log *view, *engine = log_;
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){.read_only = true}, &beside, NULL), PL_OK);
    assert_int_equal(pl_log_open_embedded(beside, other, 0, &view, NULL), PL_OK);
    assert_int_equal(view->partitions, 2);
    append_rows(0, 5); /* after the reader's moment */
    log_ = view;
    unsigned records;
    char *text;
    assert_int_equal(read_on(0, 0, &records, &text), PL_NOT_FOUND);
    assert_int_equal(records, 30);
    assert_int_equal(read_on(1, 0, &records, &text), PL_NOT_FOUND);
    assert_int_equal(records, 10);
    view->ops->close(view);
    log_ = engine;
    pl_store_close(beside);
    pl_tags_free(other);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    append_rows(0, 3);
    pl_pool_limit(0);
    struct pl_batch *batch = random_batch(tags, PL_SAMPLES, 5, 20);
    int64_t before = pl_alloc_live();
    for (int64_t fail = 0;; fail++) {
        struct pl_log *log = NULL;
        struct pl_log_cursor *cursor = NULL;
        struct pl_log_record record = {.type = PL_LOG_ROWS, .batch = batch}, found = {0};
        pl_alloc_fail_after(fail);
        enum pl_code code = pl_log_open_embedded(store, tags, 2, &log, NULL);
        if (!code) code = log->ops->append(log, &record, 1, NULL);
        if (!code) code = log->ops->cursor(log, 0, record.sequence, false, &cursor, NULL);
        if (!code) code = log->ops->read(cursor, &found, NULL);
        pl_alloc_fail_after(-1);
        pl_batch_unref(found.batch);
        if (log) log->ops->cursor_free(cursor);
        if (log) log->ops->close(log);
        assert_int_equal(pl_alloc_live(), before);
        if (!code) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(fail < 200);
    }
    pl_batch_unref(batch);
    pl_pool_limit(PL_POOL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_gap_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_at_the_end_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_last_record_is_found_at_opening, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_older_than_the_log_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_index_only_costs_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_beside_the_engine_sees_all_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
