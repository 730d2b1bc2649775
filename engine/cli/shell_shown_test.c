#include "shell_shown.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

static void shows(const char *text, size_t length, const char *shown) {
    struct pl_buffer b;
    pl_buffer_init(&b, 4096);
    pl_shown_escape(&b, text, length);
    pl_buffer_putc(&b, 0);
    assert_string_equal(b.data, shown);
    pl_buffer_fini(&b);
}

static void nothing_shown_steers_the_terminal(void **state) {
    (void)state;
    shows("plain 温度 é", strlen("plain 温度 é"), "plain 温度 é");
    shows("\x1b[2J\x1b]0;t\x07", 10, "\\x1b[2J\\x1b]0;t\\x07");
    shows("a\nb\tc\rd", 7, "a\\nb\\tc\\rd");
    shows("\x7f\0x", 3, "\\x7f\\x00x");
    shows("\xc2\x9b"
          "2J",
          4, "\\u{9b}2J"); /* CSI in one character */
    shows("\x9b"
          "2J",
          3, "\\x9b2J"); /* and in one byte */
    shows("\xe2\x80\xae"
          "abc",
          6, "\\u{202e}abc");
    shows("\xf0\x9f", 2, "\\xf0\\x9f");
}

static void widths_are_columns(void **state) {
    (void)state;
    assert_int_equal(pl_shown_width("abc", 3), 3);
    assert_int_equal(pl_shown_width("温度", strlen("温度")), 4);
    assert_int_equal(pl_shown_width("e\xcc\x81", 3), 1); /* with a combining accent */
    assert_int_equal(pl_shown_width("", 0), 0);
}

static void fits(const char *text, unsigned width, bool right, const char *expected) {
    struct pl_buffer b;
    pl_buffer_init(&b, 4096);
    pl_shown_fit(&b, text, width, right);
    pl_buffer_putc(&b, 0);
    assert_string_equal(b.data, expected);
    pl_buffer_fini(&b);
}

static void text_is_cut_and_filled(void **state) {
    (void)state;
    fits("abc", 5, false, "abc  ");
    fits("abc", 5, true, "  abc");
    fits("abcdef", 4, false, "abc…");
    fits("abcdef", 1, false, "…");
    fits("abcdef", 0, false, "");
    fits("abcd", 4, false, "abcd");
    fits("温度計", 4, false, "温… "); /* no half of a wide character */
    fits("温度計", 5, false, "温度…");
}

static void inside(const char *text, unsigned width, unsigned head, const char *expected) {
    struct pl_buffer b;
    pl_buffer_init(&b, 4096);
    pl_shown_fit_middle(&b, text, width, head);
    pl_buffer_putc(&b, 0);
    assert_string_equal(b.data, expected);
    pl_buffer_fini(&b);
}

static void names_keep_both_ends(void **state) {
    (void)state;
    inside("effect@pot7", 20, 3, "effect@pot7         ");
    inside("effect@pot7", 8, 3, "eff…pot7");
    inside("温度計計", 6, 2, "温…計 "); /* no half of a wide character */
    inside("abc", 1, 5, "…");
    inside("abc", 0, 0, "");
    inside("/a/b/c.lua", 6, 0, "…c.lua");
}

static void by_words(const char *text, unsigned width, const char *expected) {
    struct pl_buffer b;
    pl_buffer_init(&b, 4096);
    pl_shown_fit_words(&b, text, width);
    pl_buffer_putc(&b, 0);
    assert_string_equal(b.data, expected);
    pl_buffer_fini(&b);
}

static void sentences_end_behind_a_word(void **state) {
    (void)state;
    by_words("a bath too hot", 9, "a bath…  ");
    by_words("a bath too hot", 11, "a bath too…");
    by_words("a bathbathbath", 9, "a bathba…");
    by_words("a bath", 8, "a bath  ");
}

static void wrapped(const char *text, unsigned width, unsigned used, unsigned indent, const char *expected) {
    struct pl_buffer b;
    pl_buffer_init(&b, 4096);
    pl_shown_wrap(&b, text, width, used, indent);
    pl_buffer_putc(&b, 0);
    assert_string_equal(b.data, expected);
    pl_buffer_fini(&b);
}

static void lines_break_between_words(void **state) {
    (void)state;
    wrapped("help tells the commands", 10, 0, 0, "help tells\nthe\ncommands");
    wrapped("help tells the commands", 14, 4, 4, "help tells\n    the\n    commands");
    wrapped("averylongword x", 6, 0, 2, "averylongword\n  x");
    wrapped("no limit at all", 0, 0, 0, "no limit at all");
    wrapped("", 10, 0, 0, "");
}

static void number(double value, const char *expected) {
    char text[337];
    *pl_shown_number(text, value) = 0;
    assert_string_equal(text, expected);
}

static void numbers_are_short(void **state) {
    (void)state;
    number(0, "0");
    number(4.12, "4.12");
    number(-17, "-17");
    number(12345678, "12345678");
    number(0.1 + 0.2, "0.3");
    number(1234.56789012, "1234.57");
    number(98765432.123456, "98765432.1");
    number(0.000012345678901, "1.23457e-05");
    number(NAN, "nan");
    number(1e300, "1e300");
    number(3.14159265358979, "3.14159");
}

int main(void) {
    pl_shown_locale();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_shown_steers_the_terminal),
        cmocka_unit_test(widths_are_columns),
        cmocka_unit_test(text_is_cut_and_filled),
        cmocka_unit_test(names_keep_both_ends),
        cmocka_unit_test(sentences_end_behind_a_word),
        cmocka_unit_test(lines_break_between_words),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
