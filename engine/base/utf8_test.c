#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>
/* cmocka wants the headers above */
#include <cmocka.h>

/* The definition, from the code point: what the function under test works out from the bytes. */
static unsigned encode(uint32_t point, char *at) {
    if (point < 0x80) return at[0] = (char)point, 1;
    unsigned size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned i = size - 1; i; i--, point >>= 6)
        at[i] = (char)(0x80 | (point & 0x3F));
    at[0] = (char)(0xF00 >> size | point);
    return size;
}

static void every_code_point_is_read(void **state) {
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        char text[4];
        unsigned size = encode(point, text);
        bool surrogate = point >= 0xD800 && point < 0xE000;
        if (pl_utf8_next(text, size) != (surrogate ? 0 : size)) fail_msg("U+%X", point);
        if (size > 1 && pl_utf8_next(text, size - 1)) fail_msg("U+%X cut short", point);
    }
}

/* All sequences of up to three bytes: as many are well-formed as there are code points of that length. */
static void nothing_else_is(void **state) {
    (void)state;
    unsigned found[5] = {0};
    for (uint32_t bytes = 0; bytes < 1u << 24; bytes++) {
        char text[3] = {(char)(bytes >> 16), (char)(bytes >> 8), (char)bytes};
        unsigned size = pl_utf8_next(text, 3);
        if (size == 3 || (size == 2 && !text[2]) || (size == 1 && !text[1] && !text[2])) found[size]++;
    }
    assert_int_equal(0x80, found[1]);
    assert_int_equal(0x800 - 0x80, found[2]);
    assert_int_equal(0x10000 - 0x800 - 0x800, found[3]);
    assert_int_equal(0, pl_utf8_next("\xf4\x90\x80\x80", 4));
    assert_int_equal(0, pl_utf8_next("\xf0\x8f\xbf\xbf", 4));
    assert_int_equal(0, pl_utf8_next("", 0));
}

static void a_text_is_checked_as_a_whole(void **state) {
    (void)state;
    static const char good[] = "pot 7: 960 \xc2\xb0"
                               "C, \xe2\x82\xac, \xf0\x9f\x8f\xad and a long tail of ASCII";
    assert_true(pl_utf8_check(good, sizeof good - 1));
    assert_true(pl_utf8_check("", 0));
    assert_true(pl_utf8_check("a\0b", 3));
    for (size_t i = 0; i < sizeof good - 1; i++) {
        char bad[sizeof good];
        memcpy(bad, good, sizeof good);
        bad[i] = (char)0xFF;
        assert_false(pl_utf8_check(bad, sizeof good - 1));
    }
}

static void a_cut_leaves_characters_whole(void **state) {
    (void)state;
    static const char text[] = "a\xc2\xb0\xe2\x82\xac\xf0\x9f\x8f\xad.";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t length = 0; length < sizeof whole / sizeof whole[0]; length++)
        assert_int_equal(whole[length], pl_text_cut(text, length));
    char copy[7];
    pl_text_copy(copy, sizeof copy, text, sizeof text - 1);
    assert_string_equal("a\xc2\xb0\xe2\x82\xac", copy);
    pl_text_copy(copy, sizeof copy,
                 "\xe2\x82\xac"
                 "bcd"
                 "\xc2\xb0",
                 8);
    assert_string_equal("\xe2\x82\xac"
                        "bcd",
                        copy);
    pl_text_copy(copy, sizeof copy, "abcdef", 6);
    assert_string_equal("abcdef", copy);
    pl_text_copy(copy, 1, text, sizeof text - 1);
    assert_string_equal("", copy);
    assert_int_equal(8, pl_text_cut("\x80\x80\x80\x80\x80\x80\x80\x80", 8)); /* nothing to save */
}

static void is_escaped(const char *text, size_t length, const char *json) {
    char at[256];
    char *end = pl_json_escape(at, text, length);
    assert_true((size_t)(end - at) <= PL_JSON_GROWTH * length);
    *end = '\0';
    assert_string_equal(json, at);
}

static void json_escapes_what_it_must(void **state) {
    (void)state;
    is_escaped("", 0, "");
    is_escaped("say \"hi\" \\ now/then", 19, "say \\\"hi\\\" \\\\ now/then");
    is_escaped("\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t");
    is_escaped("\0\x01\x1f\x7f", 4, "\\u0000\\u0001\\u001f\\u007f");
    is_escaped("960 \xc2\xb0"
               "C",
               7,
               "960 \xc2\xb0"
               "C");
    is_escaped("\xff\xc3", 2, "\\ufffd\\ufffd");
    is_escaped("\xe2\x82", 2, "\\ufffd\\ufffd");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_read),     cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(a_text_is_checked_as_a_whole), cmocka_unit_test(a_cut_leaves_characters_whole),
        cmocka_unit_test(json_escapes_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
