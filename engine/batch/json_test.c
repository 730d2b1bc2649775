#include <potline/json.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "json_pack.h"

static bool is_json(const char *text, size_t length) {
    struct pl_json json;
    char *unescaped = malloc(length + 1);
    char *exact = malloc(length + 1); /* without a 0 behind it */
    memcpy(exact, text, length);
    pl_json_init(&json, exact, length, unescaped);
    bool whole = pl_json_skip(&json) && pl_json_end(&json);
    free(exact);
    free(unescaped);
    return whole;
}

static void what_is_json_is_told_from_what_is_not(void **state) {
    (void)state;
    static const char *const good[] = {
        "0",
        "-0",
        "1",
        "10",
        "-1.5",
        "1e5",
        "1E+5",
        "0.1e-12",
        "\"\"",
        "\"a\"",
        "\"\\u0041\\n\\/\"",
        "\"\\ud83c\\udfed\"",
        "\"\xc3\xa4\"",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1]",
        "[1,2]",
        "[[],[{}]]",
        "{\"a\":1}",
        "{\"a\":{\"b\":[]},\"c\":null}",
        " [ 1 , 2 ] \n",
        "\t{ \"a\" : 1 , \"b\":2}\r\n",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    static const char *const bad[] = {
        "",
        " ",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "1 2",
        "nan",
        "Infinity",
        "-Infinity",
        "tru",
        "True",
        "nul",
        "nulll",
        "\"",
        "\"a",
        "\"\n\"",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "'a'",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":1]",
        "[]]",
        "{}{}",
        "//x",
        "[1/**/]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", /* one deeper */
    };
    for (size_t i = 0; i < PL_COUNT_OF(good); i++) {
        if (!is_json(good[i], strlen(good[i]))) fail_msg("'%s' is JSON", good[i]);
    }
    for (size_t i = 0; i < PL_COUNT_OF(bad); i++) {
        if (is_json(bad[i], strlen(bad[i]))) fail_msg("'%s' is not JSON", bad[i]);
    }
    assert_false(is_json("\"a\0b\"", 5));
    assert_false(is_json("1\0", 2));
}

static void strings_are_unescaped(void **state) {
    (void)state;
    static const char text[] = "[\"plain\",\"q\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u00e4\\u20AC\\ud83c\\udfed!\",\"\"]";
    static const char *const meant[] = {"plain", "q\"\\/\b\f\n\r\t", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8f\xad!", ""};
    char unescaped[sizeof(text)];
    struct pl_json json;
    pl_json_init(&json, text, sizeof(text) - 1, unescaped);
    const char *string[4] = {NULL};
    size_t length[4] = {0};
    unsigned count = 0;
    assert_true(pl_json_enter(&json, '['));
    while (pl_json_more(&json, ']')) {
        assert_true(pl_json_string(&json, &string[count], &length[count]));
        count++;
    }
    assert_true(pl_json_end(&json));
    assert_int_equal(count, 4);
    for (unsigned i = 0; i < 4; i++) { /* all of them stay valid */
        assert_int_equal(length[i], strlen(meant[i]));
        assert_memory_equal(string[i], meant[i], length[i]);
    }
}

static void after_a_mismatch_nothing_is_read(void **state) {
    (void)state;
    struct pl_json json;
    const char *text;
    size_t length;
    pl_json_init(&json, "[1]", 3, NULL);
    assert_false(pl_json_enter(&json, '{'));
    assert_false(pl_json_enter(&json, '['));
    assert_false(pl_json_number(&json, &text, &length));
    assert_false(pl_json_more(&json, ']'));
    assert_false(pl_json_skip(&json));
    assert_false(pl_json_end(&json));
}

static void json_goes_to_msgpack_and_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "[false,0,-1,9223372036854775807,-9223372036854775808]",
        "[1.5,1e300,-0.25]",
        "{}",
        "{\"a\":{\"b\":[1,[],{}]},\"\xc3\xa4\":\"x\\ny\"}",
        "[\"0123456789012345678901234567890123456789\"]",
    };
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++) {
        char unescaped[128];
        struct pl_json json;
        struct pl_buffer out;
        pl_buffer_init(&out, 1000);
        pl_json_init(&json, texts[i], strlen(texts[i]), unescaped);
        assert_true(pl_json_pack(&json, &out) && pl_json_end(&json));
        char *back = pl_pack_json(out.data, out.size);
        assert_string_equal(back, texts[i]);
        pl_free(back);
        pl_buffer_fini(&out);
    }
}

static void packing_stops_at_a_full_buffer(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1,2,3,4,5,6,7,8,9]}";
    for (size_t limit = 1; limit < 200; limit++) {
        struct pl_json json;
        struct pl_buffer out;
        pl_buffer_init(&out, limit);
        pl_json_init(&json, text, sizeof(text) - 1, NULL);
        bool packed = pl_json_pack(&json, &out);
        assert_int_equal(packed, !pl_buffer_failed(&out));
        assert_int_equal(packed, limit >= 97);
        pl_buffer_fini(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_told_from_what_is_not), cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(after_a_mismatch_nothing_is_read),      cmocka_unit_test(json_goes_to_msgpack_and_back),
        cmocka_unit_test(packing_stops_at_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
