#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "standby/wire.h"

#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

static const struct pl__wire samples[] = {
    {.type = PL__HELLO,
     .number = {1, 0, 3, 1, 99, 7},
     .bytes = {{"0123456789abcdef", 16}, {"fedcba9876543210", 16}, {"", 0}}},
    {.type = PL__FETCH, .number = {4, 2, 1 << 20}},
    {.type = PL__PULL, .number = {4, UINT64_MAX}},
    {.type = PL__WELCOME,
     .number = {4, 3, 1, 1000},
     .bytes = {{"0123456789abcdef", 16}, {"fedcba9876543210", 16}, {"0 default\n", 10}}},
    {.type = PL__REFUSED, .number = {PL__NEVER, 3}, .bytes = {{"no", 2}}},
    {.type = PL__PIECE, .number = {4, 1, 2, 10, 13, 5}, .bytes = {{"000012.sst", 10}, {"abc", 3}}},
    {.type = PL__WRITES, .number = {4, 17, 1}, .bytes = {{"", 0}}},
    {.type = PL__BYE, .number = {4}},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void expect_same(const struct pl__wire *a, const struct pl__wire *b) {
    assert_int_equal(a->type, b->type);
    assert_memory_equal(a->number, b->number, sizeof a->number);
    for (unsigned i = 0; i < PL__WIRE_BYTES; i++) {
        assert_int_equal(a->bytes[i].size, b->bytes[i].size);
        if (a->bytes[i].size) assert_memory_equal(a->bytes[i].data, b->bytes[i].data, a->bytes[i].size);
    }
}

static void what_is_written_is_read(void **state) {
    struct pl_pack *pack = pl_pack_new();
    struct pl__wire read;
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        pl__wire_write(&samples[i], pack);
        assert_true(pl__wire_read(pl_pack_data(pack), pl_pack_size(pack), &read));
        expect_same(&samples[i], &read);
    }
    pl_pack_free(pack);
}

/* In memory of just that size, so that a sanitizer sees a byte too much. */
static bool reads(const void *bytes, size_t size) {
    struct pl__wire read;
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, bytes, size);
    bool good = pl__wire_read(exact, size, &read);
    free(exact);
    return good;
}

static void what_is_cut_or_longer_is_none(void **state) {
    struct pl_pack *pack = pl_pack_new();
    char longer[256];
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        pl__wire_write(&samples[i], pack);
        size_t size = pl_pack_size(pack);
        for (size_t cut = 0; cut < size; cut++)
            assert_false(reads(pl_pack_data(pack), cut));
        memcpy(longer, pl_pack_data(pack), size);
        longer[size] = 0;
        assert_false(reads(longer, size + 1));
    }
    pl_pack_free(pack);
}

static bool reads_as(const struct pl__wire *message) {
    struct pl_pack *pack = pl_pack_new();
    pl__wire_write(message, pack);
    bool good = reads(pl_pack_data(pack), pl_pack_size(pack));
    pl_pack_free(pack);
    return good;
}

static struct pl__wire piece(const char *name, uint64_t offset, uint64_t size) {
    struct pl__wire message = samples[5];
    message.bytes[PL__PIECE_NAME].data = name;
    message.bytes[PL__PIECE_NAME].size = strlen(name);
    message.number[PL__PIECE_OFFSET] = offset;
    message.number[PL__PIECE_SIZE] = size;
    return message;
}

static void pieces_stay_in_their_file_and_folder(void **state) {
    struct pl__wire good = piece("MANIFEST-000004", 10, 13), behind = good;
    const char *const names[] = {"../x", "a/b", ".x", "..", "a\nb", "\xc3\xa4"};
    (void)state;
    assert_true(reads_as(&good));
    behind.number[PL__PIECE_FILE] = behind.number[PL__PIECE_FILES];
    assert_false(reads_as(&behind));
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pl__wire bad = piece(names[i], 0, 3);
        assert_false(reads_as(&bad));
    }
    struct pl__wire over = piece("x", 11, 13), far = piece("x", UINT64_MAX, 2);
    assert_false(reads_as(&over));
    assert_false(reads_as(&far));
    good.bytes[PL__PIECE_NAME].size = 0;
    assert_false(reads_as(&good));
}

static void ids_have_their_size(void **state) {
    struct pl__wire hello = samples[0];
    (void)state;
    hello.bytes[PL__HELLO_ID].size = 15;
    assert_false(reads_as(&hello));
}

/* ---- Batches, as RocksDB makes them ---- */

static char *make_batch(size_t *size, uint32_t count) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (uint32_t i = 0; i < count; i++)
        rocksdb_writebatch_put(writes, "key", 3, "a value of some length", 22);
    rocksdb_writebatch_delete(writes, "key", 3);
    rocksdb_writebatch_delete_range(writes, "a", 1, "b", 1);
    rocksdb_writebatch_put_log_data(writes, "note", 4);
    const char *data = rocksdb_writebatch_data(writes, size);
    char *copy = malloc(*size);
    memcpy(copy, data, *size);
    copy[0] = 42;
    rocksdb_writebatch_destroy(writes);
    return copy;
}

static void batches_of_rocksdb_are_known(void **state) {
    size_t size;
    struct pl__batch batch;
    char *data = make_batch(&size, 3);
    (void)state;
    assert_true(pl__wire_check_batch(data, size, 1, &batch));
    assert_int_equal(batch.first, 42);
    assert_int_equal(batch.count, 5);
    for (size_t cut = 0; cut < size; cut++) {
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, data, cut);
        bool good = pl__wire_check_batch(exact, cut, 1, &batch);
        free(exact);
        if (cut < size - 6) assert_false(good); /* without the note the count is right */
    }
    data[8]++; /* the count */
    assert_false(pl__wire_check_batch(data, size, 1, &batch));
    free(data);
}

static void families_are_bounded(void **state) {
    const char data[] = "\1\0\0\0\0\0\0\0\1\0\0\0\5\2\1k\1v"; /* put k into family 2 */
    struct pl__batch batch;
    (void)state;
    assert_true(pl__wire_check_batch(data, sizeof data - 1, 3, &batch));
    assert_false(pl__wire_check_batch(data, sizeof data - 1, 2, &batch));
}

static void batches_stand_behind_each_other(void **state) {
    size_t size, offset = 0;
    struct pl__batch batch;
    char *data = make_batch(&size, 1), *both = calloc(2, size + 4);
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        both[i * (size + 4)] = (char)size;
        memcpy(both + i * (size + 4) + 4, data, size);
    }
    assert_true(pl__wire_next_batch(both, 2 * (size + 4), &offset, 1, &batch));
    assert_true(pl__wire_next_batch(both, 2 * (size + 4), &offset, 1, &batch));
    assert_int_equal(offset, 2 * (size + 4));
    offset = 0;
    assert_false(pl__wire_next_batch(both, size + 3, &offset, 1, &batch));
    assert_false(pl__wire_next_batch(both, 3, &offset, 1, &batch));
    free(both);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_cut_or_longer_is_none),
        cmocka_unit_test(ids_have_their_size),
        cmocka_unit_test(pieces_stay_in_their_file_and_folder),
        cmocka_unit_test(batches_of_rocksdb_are_known),
        cmocka_unit_test(families_are_bounded),
        cmocka_unit_test(batches_stand_behind_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
