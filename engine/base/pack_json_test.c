#include <jansson.h>
#include <math.h>
#include <potline/alloc.h>
#include <potline/pack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/random.h"

static void is_json(const char *bytes, size_t size, const char *json) {
    char *text = pl_pack_json(bytes, size);
    if (!json != !text) fail_msg("%s, not %s", text ? text : "refused", json ? json : "refused");
    if (json) assert_string_equal(json, text);
    pl_free(text);
}

static void every_type_has_a_text(void **state) {
    (void)state;
    is_json("\xc0", 1, "null");
    is_json("\xc3", 1, "true");
    is_json("\xc2", 1, "false");
    is_json("\x7f", 1, "127");
    is_json("\xe0", 1, "-32");
    is_json("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615");
    is_json("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, "-9223372036854775808");
    is_json("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9, "1.5");
    is_json("\xca\x3f\xc0\x00\x00", 5, "1.5");
    is_json("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", 9, "null");
    is_json("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", 9, "null");
    is_json("\xa3"
            "a\"b",
            4, "\"a\\\"b\"");
    is_json("\xa2\xc3\x28", 3, "\"\\ufffd(\"");
    is_json("\xc4\x00", 2, "\"\"");
    is_json("\xc4\x01M", 3, "\"TQ==\"");
    is_json("\xc4\x02Ma", 4, "\"TWE=\"");
    is_json("\xc4\x03Man", 5, "\"TWFu\"");
    is_json("\xc4\x04Mana", 6, "\"TWFuYQ==\"");
    is_json("\xd5\x07\xff\xfe", 4, "\"//4=\"");
    is_json("\x90", 1, "[]");
    is_json("\x80", 1, "{}");
    is_json("\x93\x01\xc0\x92\x02\x03", 6, "[1,null,[2,3]]");
    is_json("\x82\xa1k\x01\xa1l\x81\xa1m\x90", 10, "{\"k\":1,\"l\":{\"m\":[]}}");
    is_json("\x84\x01\x02\xc3\x02\xc0\x02\xc4\x01M\x02", 11, "{\"1\":2,\"true\":2,\"null\":2,\"TQ==\":2}");
}

static void what_is_not_one_value_is_refused(void **state) {
    (void)state;
    is_json("", 0, NULL);
    is_json("\x01\x02", 2, NULL);
    is_json("\x92\x01", 2, NULL);
    is_json("\x81\x01", 2, NULL);
    is_json("\x81\x90\x01", 3, NULL); /* a key that JSON has no way to write */
    is_json("\xc1", 1, NULL);
    char deep[64];
    memset(deep, '\x91', sizeof deep);
    deep[33] = 0;
    is_json(deep, 34, NULL);
    deep[32] = 0;
    char *text = pl_pack_json(deep, 33);
    assert_int_equal(65, strlen(text));
    pl_free(text);
}

/* A random value is written by both, as msgpack and with jansson. */
static json_t *random_value(struct pl_random *random, struct pl_pack *pack, unsigned depth) {
    static const char letters[] = "abcdefghijklmnop\"\\\n\x01 0123456789\xc3\xa9\xe2\x82\xac";
    uint64_t bits = pl_random_next(random);
    uint32_t count = (uint32_t)(bits >> 32) % 5;
    json_t *value;
    switch (pl_random_below(random, depth ? 7 : 5)) {
    case 0: return pl_pack_nil(pack), json_null();
    case 1: return pl_pack_bool(pack, bits & 1), json_boolean(bits & 1);
    case 2: return pl_pack_int(pack, (int64_t)bits >> (bits & 63)), json_integer((int64_t)bits >> (bits & 63));
    case 3: {
        double f64 = (double)(int64_t)bits / 1e9 + 0.1234567;
        return pl_pack_f64(pack, f64), json_real(f64);
    }
    case 4: {
        size_t length = bits % 31; /* up to the two characters of several bytes, or all */
        if (length > 27) length = sizeof letters - 1;
        return pl_pack_strn(pack, letters, length), json_stringn(letters, length);
    }
    case 5:
        pl_pack_array(pack, count);
        value = json_array();
        while (count--)
            json_array_append_new(value, random_value(random, pack, depth - 1));
        return value;
    default:
        pl_pack_map(pack, count);
        value = json_object();
        while (count--) {
            char key[] = {(char)('a' + count), '"', '\0'};
            pl_pack_str(pack, key);
            json_object_set_new(value, key, random_value(random, pack, depth - 1));
        }
        return value;
    }
}

static void jansson_reads_the_same(void **state) {
    (void)state;
    struct pl_random random = {.state = 13};
    struct pl_pack *pack = pl_pack_new();
    for (unsigned i = 0; i < 20000; i++) {
        pl_pack_reset(pack);
        json_t *expected = random_value(&random, pack, 4);
        char *text = pl_pack_json(pl_pack_data(pack), pl_pack_size(pack));
        assert_non_null(text);
        json_error_t error;
        json_t *read = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        if (!read) fail_msg("%s: %s", text, error.text);
        if (!json_equal(expected, read)) fail_msg("%s is not what was packed", text);
        json_decref(read);
        json_decref(expected);
        pl_free(text);
    }
    pl_pack_free(pack);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    pl_pack_array(pack, 500);
    for (unsigned i = 0; i < 500; i++)
        pl_pack_f64(pack, i / 7.0);
    int64_t before = pl_alloc_live();
    char *text = NULL;
    for (int64_t allowed = 0; !text; allowed++) {
        pl_alloc_fail_after(allowed);
        text = pl_pack_json(pl_pack_data(pack), pl_pack_size(pack));
        assert_int_equal(before + (text != NULL), pl_alloc_live());
        assert_true(allowed < 100);
    }
    pl_alloc_fail_after(-1);
    pl_free(text);
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_a_text),
        cmocka_unit_test(what_is_not_one_value_is_refused),
        cmocka_unit_test(jansson_reads_the_same),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
