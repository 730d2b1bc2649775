/* Rows of a lake for a backtest: all of them, once for each feed, in order of time, a bounded number at a time. */
#include "backtest_rows.h"

#include <potline/alloc.h>

#include "batch/pool.h"
#include "batch/tags.h"
#include "store/batch_testing.h"
#include "store/folder_testing.h"

enum { STREAMS = 4, RECORD_ROWS = 2000 };

static char *folder;
static struct pl_store *store;
static struct pl_tags *tags;
static const struct {
    const char *node;
    uint16_t partition;
} streams[STREAMS] = {{"a", 0}, {"a", 2}, {"a", 65535}, {"b", 0}};

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    return pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL);
}

static int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* Numbered rows, a second apart and up to ten minutes out of order. */
static void fill(unsigned stream, unsigned records, uint32_t first) {
    struct pl_zone *zone;
    assert_int_equal(
        pl_zone_open_as(store, tags, PL_SILVER, streams[stream].node, streams[stream].partition, &zone, NULL), PL_OK);
    for (unsigned r = 0; r < records; r++) {
        struct pl_batch *batch = pl_batch_new(PL_SAMPLES, RECORD_ROWS, 0);
        for (uint32_t i = 0; i < RECORD_ROWS; i++) {
            pl_time late = (pl_time)(random_number() % 600) * PL_SECOND;
            batch->samples.time[i] = PL_DAY + (pl_time)(r * RECORD_ROWS + i) * PL_SECOND - late;
            batch->samples.tag[i] = pl_tags_intern(tags, "a.b", 3);
            batch->samples.value[i] = first + r * RECORD_ROWS + i;
            batch->samples.quality[i] = 0;
        }
        batch->rows = RECORD_ROWS;
        assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
        pl_batch_unref(batch);
    }
    pl_zone_close(zone);
}

static struct pl__feed feeds[] = {{.zone = PL_SILVER, .kind = PL_SAMPLES},
                                  {.zone = PL_SILVER, .kind = PL_SAMPLES, .node = "a"},
                                  {.zone = PL_GOLD, .kind = PL_SAMPLES},
                                  {.zone = PL_SILVER, .kind = PL_WINDOWS}};
static const struct pl__plan plan = {.feeds = feeds, .feed_count = PL_COUNT_OF(feeds)};

/* Of the rows from `from` to before `to`: each number once a feed, none out of order. */
struct count {
    uint8_t *seen; /* a bit a feed, by number */
    uint64_t rows, slices, largest;
};

static void read_all(pl_time from, pl_time to, uint32_t numbers, struct count *count) {
    struct pl__rows *rows;
    const struct pl__row *slice;
    size_t size;
    enum pl_code code;
    pl_time last = PL_TIME_MIN;
    uint32_t last_feed = 0;
    *count = (struct count){.seen = pl_alloc(numbers)};
    assert_int_equal(pl__rows_open(&rows, &plan, store, tags, from, to, NULL), PL_OK);
    while (!(code = pl__rows_next(rows, &slice, &size, NULL))) {
        assert_true(size > 0);
        count->slices++;
        if (size > count->largest) count->largest = size;
        for (size_t i = 0; i < size; i++) {
            const struct pl__row *row = &slice[i];
            const struct pl_batch *batch = pl__rows_batch(rows, row);
            uint32_t number = (uint32_t)batch->samples.value[row->row];
            assert_true(batch->samples.time[row->row] == row->time && row->time >= from && row->time < to);
            assert_true(row->time > last || (row->time == last && row->feed >= last_feed));
            assert_true(number < numbers && row->feed <= 1 && !(count->seen[number] & 1u << row->feed));
            count->seen[number] |= (uint8_t)(1u << row->feed);
            last = row->time;
            last_feed = row->feed;
        }
        count->rows += size;
    }
    assert_int_equal(code, PL_NOT_FOUND);
    pl__rows_close(rows);
}

static void rows_come_in_order_and_in_slices(void **state) {
    (void)state;
    enum { RECORDS = 60, EACH = RECORDS * RECORD_ROWS, ALL = STREAMS * EACH };
    for (unsigned s = 0; s < STREAMS; s++)
        fill(s, RECORDS, s * EACH);
    struct count count;
    read_all(PL_TIME_MIN, PL_TIME_MAX, ALL, &count);
    assert_int_equal(count.rows, ALL + 3 * EACH);
    for (uint32_t i = 0; i < ALL; i++)
        assert_int_equal(count.seen[i], i < 3 * EACH ? 3 : 1);
    assert_true(count.slices > 2);
    assert_true(count.largest < PL__SLICE_ROWS + 2 * STREAMS * RECORD_ROWS);
    pl_free(count.seen);

    read_all(PL_DAY + PL_HOUR, PL_DAY + 2 * PL_HOUR, ALL, &count);
    assert_true(count.rows > 6 * 3600 && count.rows < 8 * 3600);
    pl_free(count.seen);
    read_all(10 * PL_DAY, 11 * PL_DAY, ALL, &count);
    assert_int_equal(count.rows, 0);
    pl_free(count.seen);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    fill(0, 2, 0);
    fill(3, 2, 2 * RECORD_ROWS);
    pl_pool_limit(0);
    int64_t before = pl_alloc_live();
    for (int64_t fail = 0;; fail++) {
        struct pl__rows *rows;
        const struct pl__row *slice;
        size_t size;
        pl_alloc_fail_after(fail);
        enum pl_code code = pl__rows_open(&rows, &plan, store, tags, PL_TIME_MIN, PL_TIME_MAX, NULL);
        while (!code)
            code = pl__rows_next(rows, &slice, &size, NULL);
        pl_alloc_fail_after(-1);
        pl__rows_close(rows);
        assert_int_equal(pl_alloc_live(), before);
        if (code == PL_NOT_FOUND) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(fail < 1000);
    }
    pl_pool_limit(PL_POOL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_in_order_and_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
