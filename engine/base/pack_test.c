#include <math.h>
#include <msgpack/unpack.h>
#include <potline/alloc.h>
#include <potline/pack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

static void what_is_written_is_read(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 3);
    pl_pack_pair_f64(pack, "value", 4.12);
    pl_pack_pair_int(pack, "count", -7);
    pl_pack_str(pack, "rest");
    pl_pack_array(pack, 6);
    pl_pack_nil(pack);
    pl_pack_bool(pack, true);
    pl_pack_bool(pack, false);
    pl_pack_uint(pack, UINT64_MAX);
    pl_pack_strn(pack, "a\0b", 3);
    pl_pack_bin(pack, "\xff\x00", 2);
    pl_pack_pair_str(pack, "next", "value");
    assert_false(pl_pack_failed(pack));

    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    uint32_t count;
    const char *text;
    const void *bytes;
    size_t size;
    double f64;
    int64_t i64;
    uint64_t u64;
    bool truth;
    assert_true(pl_unpack_map(&unpack, &count) && count == 3);
    assert_true(pl_unpack_str(&unpack, &text, &size) && size == 5 && memcmp(text, "value", 5) == 0);
    assert_true(pl_unpack_f64(&unpack, &f64) && f64 == 4.12);
    assert_true(pl_unpack_skip(&unpack));
    assert_true(pl_unpack_int(&unpack, &i64) && i64 == -7);
    assert_true(pl_unpack_skip(&unpack));
    assert_true(pl_unpack_array(&unpack, &count) && count == 6);
    assert_true(pl_unpack_nil(&unpack));
    assert_true(pl_unpack_bool(&unpack, &truth) && truth);
    assert_true(pl_unpack_bool(&unpack, &truth) && !truth);
    assert_true(pl_unpack_uint(&unpack, &u64) && u64 == UINT64_MAX);
    assert_true(pl_unpack_str(&unpack, &text, &size) && size == 3 && memcmp(text, "a\0b", 3) == 0);
    assert_true(pl_unpack_bin(&unpack, &bytes, &size) && size == 2 && memcmp(bytes, "\xff\x00", 2) == 0);
    assert_true(pl_unpack_skip(&unpack) && pl_unpack_skip(&unpack));
    assert_ptr_equal(unpack.end, unpack.at);
    assert_false(pl_unpack_skip(&unpack));
    assert_true(unpack.failed);
    pl_pack_free(pack);
}

static void numbers_come_back_at_every_width(void **state) {
    (void)state;
    struct pl_random random = {.state = 11};
    struct pl_pack *pack = pl_pack_new();
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t bits = pl_random_next(&random) >> pl_random_below(&random, 64);
        int64_t signed_in = i < 64 ? INT64_MIN >> i : (int64_t)(i % 2 ? bits : 0 - bits), signed_out;
        uint64_t unsigned_out;
        double f64_in, f64_out;
        memcpy(&f64_in, &bits, sizeof bits);
        pl_pack_reset(pack);
        pl_pack_int(pack, signed_in);
        pl_pack_uint(pack, bits);
        pl_pack_f64(pack, f64_in);
        pl_pack_int(pack, signed_in);
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
        assert_true(pl_unpack_int(&unpack, &signed_out) && signed_out == signed_in);
        assert_true(pl_unpack_uint(&unpack, &unsigned_out) && unsigned_out == bits);
        assert_true(pl_unpack_f64(&unpack, &f64_out) && memcmp(&f64_in, &f64_out, sizeof f64_in) == 0);
        assert_true(pl_unpack_f64(&unpack, &f64_out) && f64_out == (double)signed_in);
        assert_ptr_equal(unpack.end, unpack.at);
    }
    pl_pack_free(pack);
}

static bool reads_uint(const char *bytes, size_t size) {
    struct pl_unpack unpack;
    uint64_t value;
    pl_unpack_init(&unpack, bytes, size);
    return pl_unpack_uint(&unpack, &value);
}

static bool reads_int(const char *bytes, size_t size) {
    struct pl_unpack unpack;
    int64_t value;
    pl_unpack_init(&unpack, bytes, size);
    return pl_unpack_int(&unpack, &value);
}

static void numbers_that_do_not_fit_are_refused(void **state) {
    (void)state;
    assert_true(reads_uint("\xd0\x05", 2)); /* signed, but not negative */
    assert_true(reads_uint("\xd0\x00", 2));
    assert_false(reads_uint("\xd0\xff", 2));
    assert_false(reads_uint("\xff", 1));
    assert_true(reads_int("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9));
    assert_false(reads_int("\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9));
    assert_false(reads_int("\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 9));
    assert_false(reads_int("\xd1\x00", 2));
    assert_false(reads_int("", 0));
    struct pl_unpack unpack;
    double value;
    pl_unpack_init(&unpack, "\xca\x3f\xc0\x00\x00", 5);
    assert_true(pl_unpack_f64(&unpack, &value) && value == 1.5);
    pl_unpack_init(&unpack, "\xa1x", 2);
    assert_false(pl_unpack_f64(&unpack, &value));
}

static void after_a_mismatch_nothing_is_read(void **state) {
    (void)state;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, "\x01\x02\xc0", 3);
    const char *text;
    size_t length;
    int64_t value = 77;
    assert_false(pl_unpack_str(&unpack, &text, &length));
    assert_false(pl_unpack_int(&unpack, &value));
    assert_false(pl_unpack_nil(&unpack));
    assert_false(pl_unpack_skip(&unpack));
    uint64_t natural;
    double number;
    uint32_t count;
    bool truth;
    const void *bytes;
    assert_false(pl_unpack_uint(&unpack, &natural));
    assert_false(pl_unpack_f64(&unpack, &number));
    assert_false(pl_unpack_bool(&unpack, &truth));
    assert_false(pl_unpack_bin(&unpack, &bytes, &length));
    assert_false(pl_unpack_array(&unpack, &count));
    assert_false(pl_unpack_map(&unpack, &count));
    assert_int_equal(77, value);
}

/* Lengths that promise more than there is, up to 4 GiB of it. */
static void lengths_are_held_against_the_bytes(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\xa3xy", 3},
        {"\xd9\x02x", 3},
        {"\xda\x00\x02x", 4},
        {"\xdb\xff\xff\xff\xffx", 6},
        {"\xc4\x02x", 3},
        {"\xc6\xff\xff\xff\xff", 5},
        {"\x92\x01", 2},
        {"\xdd\xff\xff\xff\xff\x01", 6},
        {"\x82\x01\x01\x01", 4},
        {"\xdf\x80\x00\x00\x00\x01", 6},
        {"\xdc\x00", 2},
        {"\xd4\x01", 2},
        {"\xd8", 1},
        {"\xc7\x01\x01", 3},
        {"\xc9\xff\xff\xff\xff\x01", 6},
        {"\xc1", 1},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        char *exact = malloc(rows[i].size); /* so that a sanitizer sees a byte too many */
        memcpy(exact, rows[i].bytes, rows[i].size);
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, exact, rows[i].size);
        if (pl_unpack_skip(&unpack)) fail_msg("row %zu", i);
        free(exact);
    }
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, NULL, 0);
    assert_false(pl_unpack_skip(&unpack));
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    char bytes[64];
    struct pl_unpack unpack;
    memset(bytes, '\x91', sizeof bytes);
    bytes[32] = 0;
    pl_unpack_init(&unpack, bytes, 33);
    assert_true(pl_unpack_skip(&unpack));
    bytes[32] = '\x91';
    bytes[33] = 0;
    pl_unpack_init(&unpack, bytes, 34);
    assert_false(pl_unpack_skip(&unpack));
}

static unsigned depth_of(const msgpack_object *object) {
    unsigned deepest = 0;
    if (object->type == MSGPACK_OBJECT_ARRAY)
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            unsigned d = depth_of(&object->via.array.ptr[i]);
            if (d > deepest) deepest = d;
        }
    else if (object->type == MSGPACK_OBJECT_MAP)
        for (uint32_t i = 0; i < object->via.map.size; i++) {
            unsigned k = depth_of(&object->via.map.ptr[i].key), v = depth_of(&object->via.map.ptr[i].val);
            if (k > deepest) deepest = k;
            if (v > deepest) deepest = v;
        }
    else
        return 0;
    return deepest + 1;
}

/* Bytes at random, rich in heads of containers: msgpack-c and we agree on what is a value and where it ends. */
static void msgpack_c_agrees_on_any_bytes(void **state) {
    (void)state;
    struct pl_random random = {.state = 12};
    unsigned valid = 0;
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = pl_random_below(&random, 24);
        char *bytes = malloc(size + !size);
        for (size_t k = 0; k < size; k++) {
            uint64_t bits = pl_random_next(&random), byte = bits >> 8 & 0xFF;
            if (bits % 3 == 0) byte = 0x80 + byte % 0x64;
            if (bits % 5 == 0) byte %= 4;
            if (byte == 0xDD || byte == 0xDF) byte--; /* where msgpack-c asks for memory by the count it reads */
            bytes[k] = (char)byte;
        }
        struct pl_unpack unpack;
        pl_unpack_init(&unpack, bytes, size);
        bool ours = pl_unpack_skip(&unpack);
        size_t end = 0;
        msgpack_zone zone;
        msgpack_object object;
        msgpack_zone_init(&zone, 2048);
        msgpack_unpack_return theirs = msgpack_unpack(bytes, size, &end, &zone, &object);
        bool theirs_ok = theirs == MSGPACK_UNPACK_SUCCESS || theirs == MSGPACK_UNPACK_EXTRA_BYTES;
        if (ours != theirs_ok && !(theirs_ok && depth_of(&object) > 32)) fail_msg("input %u: %d, %d", i, ours, theirs);
        if (ours) assert_int_equal(end, unpack.at - (const uint8_t *)bytes);
        valid += ours;
        msgpack_zone_destroy(&zone);
        free(bytes);
    }
    assert_in_range(valid, 20000, 180000); /* both ways were tried */
}

static void without_memory_the_pack_says_so_at_the_end(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    pl_alloc_fail_after(0);
    assert_null(pl_pack_new());
    struct pl_pack *pack = pl_pack_new();
    for (unsigned i = 0; i < 10; i++) {
        pl_alloc_fail_after(0);
        pl_pack_strn(pack, "0123456789012345678901234567890123456789", 40);
    }
    pl_alloc_fail_after(-1);
    assert_true(pl_pack_failed(pack));
    pl_pack_reset(pack);
    assert_false(pl_pack_failed(pack));
    pl_pack_nil(pack);
    assert_int_equal(1, pl_pack_size(pack));
    pl_pack_bin(pack, NULL, SIZE_MAX);
    assert_true(pl_pack_failed(pack));
    pl_pack_reset(pack);
    pl_pack_strn(pack, NULL, SIZE_MAX);
    assert_true(pl_pack_failed(pack));
    pl_pack_free(pack);
    pl_pack_free(NULL);
    assert_int_equal(before, pl_alloc_live());
}

static void a_name_is_found_in_a_map(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack in;
    const char *text;
    size_t length;
    int64_t number;
    pl_pack_map(pack, 4);
    pl_pack_pair_int(pack, "a", 1);
    pl_pack_str(pack, "b");
    pl_pack_map(pack, 1);
    pl_pack_pair_str(pack, "a", "deep");
    pl_pack_pair_str(pack, "b", "second");
    pl_pack_pair_str(pack, "c", "text");
    const void *map = pl_pack_data(pack);
    size_t size = pl_pack_size(pack);
    pl_unpack_init(&in, map, size);
    assert_true(pl_unpack_find(&in, "b") && pl_unpack_find(&in, "a"));
    assert_true(pl_unpack_str(&in, &text, &length) && length == 4 && memcmp(text, "deep", 4) == 0);
    pl_unpack_init(&in, map, size);
    assert_true(pl_unpack_find(&in, "a") && pl_unpack_int(&in, &number) && number == 1);
    assert_true(pl_unpack_text(map, size, "c", &text, &length) && length == 4 && memcmp(text, "text", 4) == 0);
    assert_false(pl_unpack_text(map, size, "a", &text, &length)); /* a number */
    assert_false(pl_unpack_text(map, size, "cc", &text, &length));
    assert_false(pl_unpack_text(map, size, "", &text, &length));
    assert_false(pl_unpack_text("\x93\x01\x02\x03", 4, "a", &text, &length)); /* no map */
    for (size_t cut = 0; cut < size; cut++)
        assert_false(pl_unpack_text(map, cut, "c", &text, &length));
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(numbers_come_back_at_every_width),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(after_a_mismatch_nothing_is_read),
        cmocka_unit_test(lengths_are_held_against_the_bytes),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(msgpack_c_agrees_on_any_bytes),
        cmocka_unit_test(a_name_is_found_in_a_map),
        cmocka_unit_test(without_memory_the_pack_says_so_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
