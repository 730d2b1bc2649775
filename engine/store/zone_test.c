#include "store/lake.h"

#include <potline/alloc.h>

#include "batch/pool.h"
#include "batch/tags.h"
#include "store/batch_testing.h"
#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;
static struct pl_tags *tags;

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

/* ---- Helpers ---- */

static struct pl_zone *open_zone(enum pl_zone_id id, const char *node, uint16_t partition) {
    struct pl_zone *zone;
    assert_int_equal(pl_zone_open_as(store, tags, id, node, partition, &zone, NULL), PL_OK);
    return zone;
}

/* `rows` samples from `start` on, one a `step`; the values number them from `first`. */
static struct pl_batch *samples(pl_time start, pl_time step, uint32_t rows, double first) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    for (uint32_t i = 0; i < rows; i++) {
        batch->samples.time[i] = start + i * step;
        batch->samples.tag[i] = pl_tags_intern(tags, "a.b", 3);
        batch->samples.value[i] = first + i;
        batch->samples.quality[i] = 0;
    }
    batch->rows = rows;
    return batch;
}

static void put(struct pl_zone *zone, struct pl_batch *batch) {
    assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
    pl_batch_unref(batch);
}

struct seen {
    unsigned records, rows; /* rows: in the range */
    double sum;
    char nodes[128]; /* "a/0 b/1 " in order */
    uint64_t epoch;  /* of the last */
};

static enum pl_code scan(enum pl_zone_id id, struct pl_zone_range range, struct seen *seen) {
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    enum pl_code code;
    *seen = (struct seen){0};
    assert_int_equal(pl_zone_scan_new(store, tags, id, &range, &scan, NULL), PL_OK);
    while (!(code = pl_zone_scan_next(scan, &record, NULL))) {
        seen->records++;
        seen->epoch = record.epoch;
        assert_int_equal(record.batch->header->partition, record.partition);
        for (uint32_t i = 0; i < record.batch->rows; i++) {
            pl_time time = pl_batch_times(record.batch)[i];
            if (time < range.from || time >= range.to) continue;
            seen->rows++;
            if (record.batch->kind == PL_SAMPLES) seen->sum += record.batch->samples.value[i];
        }
        snprintf(seen->nodes + strlen(seen->nodes), sizeof seen->nodes - strlen(seen->nodes), "%s/%u ", record.node,
                 record.partition);
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return code;
}

static const struct pl_zone_range all = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};

/* ---- Tests ---- */

static void every_kind_comes_back(void **state) {
    (void)state;
    struct pl_zone *zone = open_zone(PL_GOLD, "lake", 3);
    struct pl_batch *written[PL_KINDS];
    for (enum pl_kind kind = 0; kind < PL_KINDS; kind++) {
        written[kind] = random_batch(tags, kind, 10 + kind, 60);
        pl_time *time = (pl_time *)pl_batch_times(written[kind]);
        for (uint32_t i = 0; i < written[kind]->rows; i++)
            time[i] = kind * PL_MINUTE + i;
        assert_int_equal(pl_zone_put(zone, written[kind], NULL), PL_OK);
    }
    pl_zone_close(zone);
    struct pl_zone_scan *s;
    struct pl_zone_record record;
    assert_int_equal(pl_zone_scan_new(store, tags, PL_GOLD, &all, &s, NULL), PL_OK);
    for (enum pl_kind kind = 0; kind < PL_KINDS; kind++) {
        assert_int_equal(pl_zone_scan_next(s, &record, NULL), PL_OK);
        assert_string_equal(record.node, "lake");
        assert_same_batch(written[kind], tags, record.batch, tags);
        pl_batch_unref(record.batch);
        pl_batch_unref(written[kind]);
    }
    assert_int_equal(pl_zone_scan_next(s, &record, NULL), PL_NOT_FOUND);
    pl_zone_scan_free(s);
}

static void zones_nodes_and_partitions_are_apart(void **state) {
    (void)state;
    struct pl_zone *zones[] = {open_zone(PL_SILVER, "a", 0), open_zone(PL_SILVER, "a", 1),
                               open_zone(PL_SILVER, "ab", 0), open_zone(PL_DEAD, "a", 0), open_zone(PL_SILVER, "", 0)};
    for (unsigned i = 0; i < PL_COUNT_OF(zones); i++) {
        put(zones[i], samples(0, 1, 10, i * 100));
        pl_zone_close(zones[i]);
    }
    struct seen seen;
    assert_int_equal(scan(PL_SILVER, all, &seen), PL_NOT_FOUND);
    assert_string_equal(seen.nodes, "/0 a/0 a/1 ab/0 ");
    scan(PL_SILVER, (struct pl_zone_range){.node = "a", .from = 0, .to = 5}, &seen);
    assert_string_equal(seen.nodes, "a/0 a/1 ");
    assert_int_equal(seen.rows, 10);
    scan(PL_SILVER, (struct pl_zone_range){.node = "a", .one = true, .partition = 1, .from = 0, .to = 5}, &seen);
    assert_string_equal(seen.nodes, "a/1 ");
    scan(PL_SILVER, (struct pl_zone_range){.node = "a", .one = true, .partition = 2, .from = 0, .to = 5}, &seen);
    assert_int_equal(seen.records, 0);
    scan(PL_DEAD, all, &seen);
    assert_string_equal(seen.nodes, "a/0 ");
    scan(PL_GOLD, all, &seen);
    assert_int_equal(seen.records, 0);
    scan(PL_SILVER, (struct pl_zone_range){.node = "nobody", .from = 0, .to = 5}, &seen);
    assert_int_equal(seen.records, 0);
}

/* From the place of each record another scan goes on with just the rest. */
static void a_scan_goes_on_from_a_place(void **state) {
    (void)state;
    const char *nodes[] = {"a", "b", "c"};
    uint8_t places[15][PL_ZONE_PLACE];
    size_t sizes[15], count = 0;
    for (unsigned i = 0; i < PL_COUNT_OF(nodes); i++) {
        struct pl_zone *zone = open_zone(PL_SILVER, nodes[i], 0);
        for (unsigned k = 0; k < 5; k++)
            put(zone, samples(k * PL_DAY, 1, 10, k));
        pl_zone_close(zone);
    }
    struct pl_zone_scan *s;
    struct pl_zone_record record;
    assert_int_equal(pl_zone_scan_new(store, tags, PL_SILVER, &all, &s, NULL), PL_OK);
    while (pl_zone_scan_next(s, &record, NULL) == PL_OK) {
        assert_true(count < PL_COUNT_OF(sizes));
        sizes[count] = pl_zone_scan_place(s, places[count]);
        count++;
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(s);
    assert_int_equal(count, PL_COUNT_OF(sizes));
    for (size_t from = 0; from < count; from++) {
        uint8_t place[PL_ZONE_PLACE];
        size_t at = from;
        assert_int_equal(pl_zone_scan_new(store, tags, PL_SILVER, &all, &s, NULL), PL_OK);
        assert_true(pl_zone_scan_from(s, places[from], sizes[from]));
        for (; pl_zone_scan_next(s, &record, NULL) == PL_OK; at++) {
            assert_int_equal(pl_zone_scan_place(s, place), sizes[at]);
            assert_memory_equal(place, places[at], sizes[at]);
            pl_batch_unref(record.batch);
        }
        assert_int_equal(at, count);
        pl_zone_scan_free(s);
    }
    assert_int_equal(pl_zone_scan_new(store, tags, PL_SILVER, &all, &s, NULL), PL_OK);
    assert_false(pl_zone_scan_from(s, "a", 1));
    assert_false(pl_zone_scan_from(s, places[0], sizes[0] - 1));
    pl_zone_scan_free(s);
}

struct listed {
    char text[128];
    unsigned most;
};

static enum pl_code list_part(void *user, const struct pl_zone_part *part, struct pl_error **error) {
    struct listed *listed = user;
    size_t used = strlen(listed->text);
    (void)error;
    snprintf(listed->text + used, sizeof listed->text - used, "%s/%u ", part->node, part->partition);
    return --listed->most > 0 ? PL_OK : PL_LIMIT;
}

static void parts_are_listed(void **state) {
    (void)state;
    static const struct {
        const char *node;
        uint16_t partition;
    } parts[] = {{"b", 0}, {"a", UINT16_MAX}, {"a", 1}, {"", 3}};
    for (unsigned i = 0; i < PL_COUNT_OF(parts); i++) {
        struct pl_zone *zone = open_zone(PL_SILVER, parts[i].node, parts[i].partition);
        for (unsigned k = 0; k < 5; k++)
            put(zone, samples(k * PL_DAY - PL_DAY, 1, 10, 0));
        pl_zone_close(zone);
    }
    struct listed listed = {.most = 100};
    assert_int_equal(pl_zone_parts(store, PL_SILVER, list_part, &listed, NULL), PL_OK);
    assert_string_equal(listed.text, "/3 a/1 a/65535 b/0 ");
    listed = (struct listed){.most = 2};
    assert_int_equal(pl_zone_parts(store, PL_SILVER, list_part, &listed, NULL), PL_LIMIT);
    assert_string_equal(listed.text, "/3 a/1 ");
    listed = (struct listed){.most = 100};
    assert_int_equal(pl_zone_parts(store, PL_GOLD, list_part, &listed, NULL), PL_OK);
    assert_string_equal(listed.text, "");
}

/* What a range gives is what a look at every row gives, and few records outside of it are read. */
static void a_range_of_time_is_exact(void **state) {
    (void)state;
    struct pl_zone *zone = open_zone(PL_GOLD, "n", 0), *other = open_zone(PL_GOLD, "m", 7);
    enum { BATCHES = 300, ROWS = 20 };
    static pl_time times[BATCHES * ROWS];
    random_state = 4;
    for (unsigned b = 0; b < BATCHES; b++) {
        struct pl_batch *batch = samples(0, 0, ROWS, b * ROWS);
        for (unsigned i = 0; i < ROWS; i++) { /* forward a minute a batch, with stragglers of hours and days */
            pl_time late = random_number() % 50 ? 0 : (pl_time)(random_number() % (2 * PL_DAY));
            times[b * ROWS + i] = batch->samples.time[i] = b * PL_MINUTE + (pl_time)(random_number() % PL_HOUR) - late;
        }
        put(b % 3 ? zone : other, batch);
    }
    pl_zone_close(zone);
    pl_zone_close(other);
    for (unsigned i = 0; i < 200; i++) {
        pl_time from = (pl_time)(random_number() % (8 * PL_HOUR)) - PL_HOUR;
        struct pl_zone_range range = {.from = from, .to = from + (pl_time)(random_number() % (2 * PL_HOUR))};
        unsigned rows = 0;
        double sum = 0;
        for (unsigned k = 0; k < BATCHES * ROWS; k++)
            if (times[k] >= range.from && times[k] < range.to) rows++, sum += k;
        struct seen seen;
        assert_int_equal(scan(PL_GOLD, range, &seen), PL_NOT_FOUND);
        assert_int_equal(seen.rows, rows);
        assert_true(seen.sum == sum);
        if (rows == 0 && range.to < range.from + PL_MINUTE) assert_true(seen.records < 200);
    }
    struct seen seen;
    scan(PL_GOLD, all, &seen);
    assert_int_equal(seen.rows, BATCHES * ROWS);
}

static void the_ends_of_time_are_in_all_of_it(void **state) {
    (void)state;
    struct pl_zone *zone = open_zone(PL_GOLD, "n", 0);
    struct pl_batch *batch = samples(0, 1, 4, 0);
    batch->samples.time[0] = PL_TIME_MIN;
    batch->samples.time[1] = PL_TIME_MAX;
    batch->samples.time[2] = -1;
    put(zone, batch);
    pl_zone_close(zone);
    struct seen seen;
    scan(PL_GOLD, all, &seen);
    assert_int_equal(seen.records, 3); /* min | max | -1 and 3: cut where it would span an hour */
    assert_int_equal(seen.rows, 3);    /* PL_TIME_MAX is not before PL_TIME_MAX */
    scan(PL_GOLD, (struct pl_zone_range){.from = -1, .to = 0}, &seen);
    assert_int_equal(seen.rows, 1);
}

static void equal_times_keep_their_order_through_a_restart(void **state) {
    (void)state;
    for (unsigned run = 0; run < 3; run++) {
        struct pl_zone *zone = open_zone(PL_GOLD, "n", 0);
        pl_zone_set_epoch(zone, run + 5);
        for (unsigned i = 0; i < 3; i++)
            put(zone, samples(1000, 0, 1, run * 3 + i));
        pl_zone_close(zone);
        pl_store_close(store);
        assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    }
    struct pl_zone_scan *s;
    struct pl_zone_record record;
    assert_int_equal(pl_zone_scan_new(store, tags, PL_GOLD, &all, &s, NULL), PL_OK);
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(pl_zone_scan_next(s, &record, NULL), PL_OK);
        assert_true(record.batch->samples.value[0] == i);
        assert_int_equal(record.epoch, 5 + i / 3);
        pl_batch_unref(record.batch);
    }
    assert_int_equal(pl_zone_scan_next(s, &record, NULL), PL_NOT_FOUND);
    pl_zone_scan_free(s);
}

static void a_flipped_bit_is_found(void **state) {
    (void)state;
    struct pl_zone *zone = open_zone(PL_GOLD, "n", 0);
    put(zone, samples(0, 1, 10, 0));
    pl_zone_close(zone);
    struct pl_store_iter *iter;
    assert_int_equal(pl_store_iter_new(store, PL_STORE_GOLD, NULL, 0, &iter, NULL), PL_OK);
    pl_store_iter_seek(iter, "", 0);
    size_t key_size, size;
    char key[64], value[1024];
    memcpy(key, pl_store_iter_key(iter, &key_size), sizeof key < key_size ? 0 : key_size);
    const void *stored = pl_store_iter_value(iter, &size);
    assert_true(size < sizeof value);
    memcpy(value, stored, size);
    pl_store_iter_free(iter);

    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (size_t i = 0; i <= size; i++) {
        if (i < size) value[i] ^= 4;
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_GOLD], key, key_size, value, size - (i == size));
        assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
        if (i < size) value[i] ^= 4;
        struct seen seen;
        assert_int_equal(scan(PL_GOLD, all, &seen), PL_CORRUPT);
    }
    rocksdb_writebatch_destroy(writes);
}

static void bronze_is_not_written_here(void **state) {
    (void)state;
    struct pl_zone *zone;
    assert_int_equal(pl_zone_open_as(store, tags, PL_BRONZE, "n", 0, &zone, NULL), PL_USAGE);
    assert_null(zone);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    pl_pool_limit(0);
    struct pl_batch *batch = samples(0, PL_HOUR, 5, 0);
    int64_t before = pl_alloc_live();
    for (int64_t fail = 0;; fail++) {
        struct pl_zone *zone = NULL;
        struct pl_zone_scan *s = NULL;
        struct pl_zone_record record = {0};
        pl_alloc_fail_after(fail);
        enum pl_code code = pl_zone_open_as(store, tags, PL_GOLD, "n", 0, &zone, NULL);
        if (!code) code = pl_zone_put(zone, batch, NULL);
        if (!code) code = pl_zone_scan_new(store, tags, PL_GOLD, &all, &s, NULL);
        if (!code) code = pl_zone_scan_next(s, &record, NULL);
        pl_alloc_fail_after(-1);
        pl_batch_unref(record.batch);
        pl_zone_scan_free(s);
        pl_zone_close(zone);
        assert_int_equal(pl_alloc_live(), before);
        if (!code) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(fail < 100);
    }
    pl_batch_unref(batch);
    pl_pool_limit(PL_POOL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(zones_nodes_and_partitions_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_scan_goes_on_from_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_range_of_time_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ends_of_time_are_in_all_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_times_keep_their_order_through_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(bronze_is_not_written_here, setup, teardown),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
