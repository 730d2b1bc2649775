#include "runtime/trim.h"

#include "batch/tags.h"
#include "store/batch_testing.h"
#include "store/epochs.h"
#include "store/folder_testing.h"

enum { PARTITIONS = 2, DAYS = 20, ROWS = 2000 /* a day */, PIECE = 100 /* a record of the log */ };

static const pl_time now = 20000 * PL_DAY + 5 * PL_HOUR;

static char *folder;
static struct pl_store *store;
static struct pl_tags *tags;
static struct pl_log *log_;
static struct pl_graph_settings settings;
static struct pl_trim_zone zones[PL_ZONES];

static void open_all(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_log_open_embedded(store, tags, PARTITIONS, &log_, NULL), PL_OK);
}

static void close_all(void) {
    log_->ops->close(log_);
    pl_store_close(store);
}

/* What was written is in files then, and has a size. */
static void reopen(void) {
    close_all();
    open_all();
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    settings = (struct pl_graph_settings){0};
    memset(zones, 0, sizeof zones);
    open_all();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_all();
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* ---- Helpers ---- */

/* Rows of a day, DAYS - 1 days ago and later; day DAYS - 1 is today. */
static pl_time time_of(unsigned day) {
    return now - (DAYS - 1 - (pl_time)day) * PL_DAY;
}

static struct pl_batch *rows_at(pl_time time, uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    for (uint32_t i = 0; i < rows; i++) {
        batch->samples.time[i] = time + i;
        batch->samples.tag[i] = pl_tags_intern(tags, "a.b", 3);
        batch->samples.value[i] = (double)random_number(); /* nothing that packs well */
        batch->samples.quality[i] = 0;
    }
    batch->rows = rows;
    return batch;
}

static void put_zone(enum pl_zone_id id, const char *node, uint16_t partition, unsigned first, unsigned end) {
    struct pl_zone *zone;
    assert_int_equal(pl_zone_open_as(store, tags, id, node, partition, &zone, NULL), PL_OK);
    for (unsigned day = first; day < end; day++) {
        struct pl_batch *batch = rows_at(time_of(day), ROWS);
        assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
        pl_batch_unref(batch);
    }
    pl_zone_close(zone);
}

static void append_as(uint16_t partition, pl_time time, bool timeless) {
    for (unsigned i = 0; i < ROWS; i += PIECE) {
        struct pl_batch *batch = rows_at(time + i, PIECE);
        struct pl_log_record record = {
            .type = PL_LOG_ROWS, .partition = partition, .batch = batch, .timeless = timeless};
        assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
        pl_batch_unref(batch);
    }
}

static void append(uint16_t partition, pl_time time) {
    append_as(partition, time, false);
}

/* A barrier in every partition, and its epoch. */
static void commit_of(uint64_t number, unsigned partitions) {
    struct pl_epochs *epochs;
    struct pl_epoch last;
    uint64_t sequence[PARTITIONS];
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct pl_log_record record = {.type = PL_LOG_BARRIER, .partition = (uint16_t)p, .epoch = number};
        assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
        sequence[p] = record.sequence;
    }
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    struct pl_epoch epoch = {.number = number, .partitions = partitions, .sequence = sequence};
    assert_int_equal(pl_epochs_commit(epochs, &epoch, false, NULL), PL_OK);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
}

static void commit(uint64_t number) {
    commit_of(number, PARTITIONS);
}

static void trim(void) {
    struct pl_error *error = NULL;
    struct pl_trim_options options = {.store = store, .log = log_, .settings = &settings};
    if (pl_trim(&options, now, zones, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

/* Which days a zone's node and partition still has, from the first on; all behind it must be there. */
static unsigned first_day(enum pl_zone_id id, const char *node, uint16_t partition) {
    struct pl_zone_range range = {.node = node, .from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    unsigned days = 0;
    assert_int_equal(pl_zone_scan_new(store, tags, id, &range, &scan, NULL), PL_OK);
    while (pl_zone_scan_next(scan, &record, NULL) == PL_OK) {
        if (record.partition == partition) {
            days++;
            assert_int_equal(record.batch->rows, ROWS);
        }
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return DAYS - days;
}

/* ---- Age ---- */

static void nothing_goes_by_default(void **state) {
    (void)state;
    put_zone(PL_SILVER, "a", 0, 0, DAYS);
    for (unsigned day = 0; day < DAYS; day++)
        append(0, time_of(day));
    commit(1);
    reopen();
    trim();
    assert_int_equal(first_day(PL_SILVER, "a", 0), 0);
    assert_int_equal(log_->ops->first(log_, 0), 0);
    assert_int_equal(zones[PL_SILVER].oldest, time_of(0));
    assert_in_range(zones[PL_SILVER].bytes, DAYS * ROWS * 4, DAYS * ROWS * 20);
    assert_in_range(time_of(0) - zones[PL_BRONZE].oldest, 0, PL_MINUTE);
    assert_in_range(zones[PL_BRONZE].bytes, DAYS * ROWS * 4, DAYS * ROWS * 20);
    assert_int_equal(zones[PL_GOLD].oldest, PL_TIME_MAX);
    assert_int_equal(zones[PL_GOLD].bytes, 0);
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        assert_int_equal(zones[zone].removed, 0);
}

static void each_zone_has_its_own_age(void **state) {
    (void)state;
    put_zone(PL_SILVER, "a", 0, 0, DAYS);
    put_zone(PL_SILVER, "a", 1, 0, DAYS);
    put_zone(PL_SILVER, "ab", 0, 0, DAYS);
    put_zone(PL_GOLD, "a", 0, 0, DAYS);
    put_zone(PL_DEAD, "a", 0, 0, DAYS);
    reopen();
    settings.retention[PL_SILVER] = 5 * PL_DAY - 2 * PL_HOUR;
    settings.retention[PL_GOLD] = 11 * PL_DAY;
    trim();
    /* Today and four days before it. Of an hour in front of the cut records may stay, as the one of 11 days ago does.
     */
    assert_int_equal(first_day(PL_SILVER, "a", 0), DAYS - 5);
    assert_int_equal(first_day(PL_SILVER, "a", 1), DAYS - 5);
    assert_int_equal(first_day(PL_SILVER, "ab", 0), DAYS - 5);
    assert_int_equal(first_day(PL_GOLD, "a", 0), DAYS - 12);
    assert_int_equal(first_day(PL_DEAD, "a", 0), 0);
    assert_int_equal(zones[PL_SILVER].oldest, time_of(DAYS - 5));
    assert_true(zones[PL_SILVER].removed > zones[PL_SILVER].bytes);
    reopen();
    trim();
    assert_int_equal(first_day(PL_SILVER, "a", 1), DAYS - 5);
    put_zone(PL_SILVER, "a", 0, 0, 3); /* late ones: they go the next time */
    trim();
    assert_int_equal(first_day(PL_SILVER, "a", 0), DAYS - 5);
}

static void bronze_stays_from_the_last_barrier_on(void **state) {
    (void)state;
    for (unsigned day = 0; day < 10; day++)
        for (unsigned p = 0; p < PARTITIONS; p++)
            append((uint16_t)p, time_of(day));
    settings.retention[PL_BRONZE] = 5 * PL_DAY - PL_HOUR;
    trim();
    assert_int_equal(log_->ops->first(log_, 0), 0); /* there is no epoch yet */
    commit(1);
    for (unsigned day = 10; day < DAYS; day++)
        append(0, time_of(day));
    trim();
    assert_int_equal(log_->ops->first(log_, 0), 10 * ROWS); /* the barrier */
    assert_int_equal(log_->ops->first(log_, 1), 9 * ROWS);  /* what reached the latest time stays */
    commit(2);
    reopen();
    trim();
    assert_int_equal(log_->ops->first(log_, 0), 14 * ROWS + 1); /* the last ones in front of the cut */
    assert_in_range(time_of(9) - zones[PL_BRONZE].oldest, 0, PL_MINUTE);
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    assert_int_equal(log_->ops->cursor(log_, 0, 14 * ROWS + 1, false, &cursor, NULL), PL_OK);
    assert_int_equal(log_->ops->read(cursor, &record, NULL), PL_OK);
    assert_int_equal(pl_batch_times(record.batch)[0], time_of(14));
    pl_batch_unref(record.batch);
    log_->ops->cursor_free(cursor);
}

/* ---- Size ---- */

static void a_zone_that_is_too_large_loses_its_oldest(void **state) {
    (void)state;
    put_zone(PL_SILVER, "a", 0, 0, DAYS);
    put_zone(PL_SILVER, "b", 0, 0, DAYS);
    put_zone(PL_GOLD, "a", 0, 0, DAYS);
    reopen();
    trim();
    uint64_t all = zones[PL_SILVER].bytes, gold = zones[PL_GOLD].bytes;
    settings.max_size[PL_SILVER] = (int64_t)all / 2;
    trim();
    assert_in_range(zones[PL_SILVER].bytes, all / 4, all / 2);
    assert_int_equal(zones[PL_GOLD].bytes, gold);
    assert_int_equal(first_day(PL_SILVER, "a", 0), first_day(PL_SILVER, "b", 0));
    assert_in_range(first_day(PL_SILVER, "a", 0), DAYS / 2, DAYS * 3 / 4);
    assert_int_equal(first_day(PL_GOLD, "a", 0), 0);
    uint64_t removed = zones[PL_SILVER].removed, left = zones[PL_SILVER].bytes;
    trim(); /* enough is gone */
    assert_int_equal(zones[PL_SILVER].removed, removed);
    assert_int_equal(zones[PL_SILVER].bytes, left);
}

static void bronze_is_cut_by_place_whatever_its_times(void **state) {
    (void)state;
    append(0, now + 1000 * PL_DAY); /* a clock that was wrong: by age nothing would go */
    for (unsigned day = 0; day < DAYS; day++)
        append(0, time_of(day));
    commit(1);
    reopen();
    settings.retention[PL_BRONZE] = 5 * PL_DAY;
    trim();
    assert_int_equal(log_->ops->first(log_, 0), 0);
    uint64_t all = zones[PL_BRONZE].bytes;
    settings.max_size[PL_BRONZE] = (int64_t)all / 2;
    trim();
    assert_in_range(zones[PL_BRONZE].bytes, all / 4, all / 2);
    assert_in_range(log_->ops->first(log_, 0), DAYS / 2 * ROWS, DAYS * 3 / 4 * ROWS);
    settings.max_size[PL_BRONZE] = 1;
    trim();
    assert_int_equal(log_->ops->first(log_, 0), (DAYS + 1) * ROWS); /* the barrier stays */
}

/* A dead letter has the time of day, whatever day the rows around it are of. */
static void what_has_no_time_of_its_own_keeps_no_rows(void **state) {
    (void)state;
    append_as(0, now, true);
    for (unsigned day = 0; day < DAYS; day++) {
        append(0, time_of(day));
        append_as(0, now + day, true);
    }
    commit(1);
    reopen();
    settings.retention[PL_BRONZE] = 5 * PL_DAY - PL_HOUR;
    trim();
    assert_int_equal(log_->ops->first(log_, 0), (1 + 2 * (DAYS - 6)) * ROWS); /* the last ones in front of the cut */
}

static void the_oldest_of_all_zones_go_first(void **state) {
    (void)state;
    put_zone(PL_SILVER, "a", 0, 0, DAYS);
    put_zone(PL_GOLD, "a", 0, 10, DAYS);
    for (unsigned day = 0; day < DAYS; day++)
        append(1, time_of(day));
    commit(1);
    reopen();
    trim();
    uint64_t silver = zones[PL_SILVER].bytes, gold = zones[PL_GOLD].bytes;
    settings.max_size_all = (int64_t)(silver + zones[PL_BRONZE].bytes + gold) * 3 / 4;
    trim();
    assert_true((int64_t)(zones[PL_SILVER].bytes + zones[PL_BRONZE].bytes + zones[PL_GOLD].bytes) <=
                settings.max_size_all);
    assert_int_equal(first_day(PL_GOLD, "a", 0), 10); /* younger than what went */
    assert_in_range(first_day(PL_SILVER, "a", 0), 4, 9);
    assert_in_range(log_->ops->first(log_, 1), 4 * ROWS, 9 * ROWS);
}

/* Bronze holds more than all may; what can go of it is all that goes. */
static void others_do_not_pay_for_what_recovery_needs(void **state) {
    (void)state;
    put_zone(PL_SILVER, "a", 0, 15, DAYS);
    for (unsigned day = 0; day < DAYS; day++)
        append(0, time_of(day));
    reopen(); /* without an epoch */
    trim();
    settings.max_size_all = (int64_t)zones[PL_BRONZE].bytes / 2;
    trim();
    assert_int_equal(first_day(PL_SILVER, "a", 0), 15);
    assert_int_equal(log_->ops->first(log_, 0), 0);
}

/* The graph has it no more, and all that is in it has been worked off. */
static void a_partition_that_was_given_up_ages_too(void **state) {
    (void)state;
    for (unsigned day = 0; day < DAYS; day++) {
        append(0, time_of(day));
        append(1, time_of(day));
    }
    commit_of(1, 1);
    reopen();
    settings.retention[PL_BRONZE] = 5 * PL_DAY;
    trim();
    assert_true(log_->ops->first(log_, 0) > 0);
    assert_int_equal(log_->ops->first(log_, 1), log_->ops->first(log_, 0));
    assert_true(log_->ops->next(log_, 1) > log_->ops->first(log_, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_goes_by_default),
        TEST(each_zone_has_its_own_age),
        TEST(bronze_stays_from_the_last_barrier_on),
        TEST(a_zone_that_is_too_large_loses_its_oldest),
        TEST(bronze_is_cut_by_place_whatever_its_times),
        TEST(what_has_no_time_of_its_own_keeps_no_rows),
        TEST(the_oldest_of_all_zones_go_first),
        TEST(others_do_not_pay_for_what_recovery_needs),
        TEST(a_partition_that_was_given_up_ages_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
