#include "log/record.h"

#include <potline/alloc.h>

#include "batch/tags.h"
#include "store/batch_testing.h"
#include "store/store.h"

static struct pl_tags *tags;
static struct pl_rows *rows;
static struct pl_buffer bytes;

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    rows = pl_rows_new(tags);
    pl_buffer_init(&bytes, 1 << 24);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_buffer_fini(&bytes);
    pl_rows_free(rows);
    pl_tags_free(tags);
    return 0;
}

static struct pl_log_record rows_record(uint64_t seed) {
    return (struct pl_log_record){.type = PL_LOG_ROWS,
                                  .partition = 5,
                                  .sequence = 77,
                                  .flags = PL_LOG_IDLE,
                                  .source = pl_tags_intern(tags, "plc", 3),
                                  .watermark = -9,
                                  .epoch = 3,
                                  .position = "line 9",
                                  .position_size = 6,
                                  .batch = random_batch(tags, PL_SAMPLES, seed, 30)};
}

static char position[16]; /* of the record that was got */

static enum pl_code get(uint16_t partition, uint64_t sequence, const void *from, size_t size,
                        struct pl_log_record *record) {
    uint8_t key[PL__RECORD_KEY], *exact = malloc(size ? size : 1);
    pl__record_key(partition, sequence, key);
    if (size) memcpy(exact, from, size);
    struct pl_error *error = NULL;
    *record = (struct pl_log_record){0};
    enum pl_code code = pl__record_get(key, exact, size, rows, tags, record, &error);
    assert_true((code != PL_OK) == (error != NULL));
    if (code == PL_CORRUPT) { /* it says where */
        char *text = pl_error_text(error), place[64];
        snprintf(place, sizeof place, "partition %u, sequence %llu", partition, (unsigned long long)sequence);
        assert_non_null(strstr(text, place));
        pl_free(text);
    }
    pl_error_free(&error);
    if (record->position_size < sizeof position)
        memcpy(position, record->position_size ? record->position : "", record->position_size);
    free(exact);
    record->body = record->position = NULL;
    return code;
}

static void a_record_comes_back(void **state) {
    (void)state;
    struct pl_log_record found, made = rows_record(1);
    assert_int_equal(pl__record_put(&made, rows, tags, &bytes, NULL), PL_OK);
    assert_int_equal(get(5, 77, bytes.data, bytes.size, &found), PL_OK);
    assert_int_equal(found.type, PL_LOG_ROWS);
    assert_int_equal(found.partition, 5);
    assert_int_equal(found.sequence, 77);
    assert_int_equal(found.flags, PL_LOG_IDLE);
    assert_int_equal(found.source, made.source);
    assert_int_equal(found.watermark, -9);
    assert_int_equal(found.epoch, 3);
    assert_int_equal(found.rows, made.batch->rows);
    assert_int_equal(found.position_size, 6);
    assert_memory_equal(position, "line 9", 6);
    assert_same_batch(made.batch, tags, found.batch, tags);
    assert_int_equal(found.batch->header->first_sequence, 77);
    assert_int_equal(found.batch->header->partition, 5);
    uint64_t length;
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(5, 77, key);
    assert_int_equal(pl__record_get_length(key, bytes.data, bytes.size, &length, NULL), PL_OK);
    assert_int_equal(length, made.batch->rows);
    assert_int_equal(pl__record_length(&made), made.batch->rows);
    pl_batch_unref(found.batch);
    pl_batch_unref(made.batch);
}

static void keys_sort_as_their_numbers(void **state) {
    (void)state;
    static const struct {
        uint16_t partition;
        uint64_t sequence;
    } order[] = {{0, 0}, {0, 1}, {0, 255}, {0, 256}, {0, UINT64_MAX}, {1, 0}, {255, 9}, {256, 0}, {UINT16_MAX, 1}};
    for (unsigned i = 0; i + 1 < PL_COUNT_OF(order); i++) {
        uint8_t a[PL__RECORD_KEY], b[PL__RECORD_KEY];
        pl__record_key(order[i].partition, order[i].sequence, a);
        pl__record_key(order[i + 1].partition, order[i + 1].sequence, b);
        assert_true(memcmp(a, b, sizeof a) < 0);
        assert_int_equal(pl__record_key_sequence(a), order[i].sequence);
    }
}

static void every_flipped_bit_is_found(void **state) {
    (void)state;
    struct pl_log_record found, made[] = {
                                    rows_record(2),
                                    {.type = PL_LOG_CONTROL, .body = "\x81\xa1k\x01", .body_size = 4},
                                    {.type = PL_LOG_BARRIER, .epoch = 7},
                                };
    for (unsigned r = 0; r < PL_COUNT_OF(made); r++) {
        assert_int_equal(pl__record_put(&made[r], rows, tags, &bytes, NULL), PL_OK);
        for (size_t i = 0; i < bytes.size * 8; i++) {
            bytes.data[i / 8] ^= (char)(1 << i % 8);
            assert_int_equal(get(made[r].partition, made[r].sequence, bytes.data, bytes.size, &found), PL_CORRUPT);
            bytes.data[i / 8] ^= (char)(1 << i % 8);
        }
        for (size_t size = 0; size < bytes.size; size++)
            assert_int_equal(get(made[r].partition, made[r].sequence, bytes.data, size, &found), PL_CORRUPT);
    }
    pl_batch_unref(made[0].batch);
}

static void a_record_under_another_key_is_found(void **state) {
    (void)state;
    struct pl_log_record found, made = rows_record(3);
    assert_int_equal(pl__record_put(&made, rows, tags, &bytes, NULL), PL_OK);
    assert_int_equal(get(5, 78, bytes.data, bytes.size, &found), PL_CORRUPT);
    assert_int_equal(get(6, 77, bytes.data, bytes.size, &found), PL_CORRUPT);
    pl_batch_unref(made.batch);
}

/* A right checksum over bytes that make no sense: from a damaged or hostile writer. */
static void a_right_checksum_is_not_trusted(void **state) {
    (void)state;
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(5, 77, key);
    for (uint64_t seed = 1; seed < 3000; seed++) {
        struct pl_log_record found, made = rows_record(seed);
        assert_int_equal(pl__record_put(&made, rows, tags, &bytes, NULL), PL_OK);
        for (unsigned i = 0; i <= seed % 3; i++)
            bytes.data[8 + random_number() % (random_number() % 2 ? 80 : bytes.size - 8) % (bytes.size - 8)] ^=
                (char)random_number();
        uint64_t checksum = pl_store_checksum(key, sizeof key, bytes.data + 8, bytes.size - 8);
        memcpy(bytes.data, &checksum, sizeof checksum);
        enum pl_code code = get(5, 77, bytes.data, bytes.size, &found);
        assert_true(code == PL_OK || code == PL_CORRUPT || code == PL_LIMIT);
        pl_batch_unref(found.batch);
        pl_batch_unref(made.batch);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(keys_sort_as_their_numbers),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(a_record_under_another_key_is_found),
        cmocka_unit_test(a_right_checksum_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
