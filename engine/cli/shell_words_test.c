#include "shell_words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

static void splits(const char *line, const char *const *expected) {
    struct pl_words words;
    const char *why = NULL;
    if (!pl_words_split(&words, line, strlen(line), false, &why)) fail_msg("[%s]: %s", line, why);
    size_t i = 0;
    for (; expected[i]; i++) {
        if (i >= words.count) fail_msg("[%s]: no word \"%s\"", line, expected[i]);
        assert_string_equal(words.items[i].text, expected[i]);
    }
    assert_int_equal(words.count, i);
    pl_words_fini(&words);
}

#define SPLITS(line, ...) splits(line, (const char *const[]){__VA_ARGS__, NULL})

static void words_are_what_a_shell_makes_of_them(void **state) {
    (void)state;
    SPLITS("alarms ack 7", "alarms", "ack", "7");
    SPLITS("  set\tclean.k   3 ", "set", "clean.k", "3");
    SPLITS("ack 'pot 7' --comment=\"too \\\"hot\\\"\"", "ack", "pot 7", "--comment=too \"hot\"");
    SPLITS("a'b'\"c\"d", "abcd");
    SPLITS("a\\ b \\' \\\\", "a b", "'", "\\");
    SPLITS("'a\\b' \"a\\b\"", "a\\b", "a\\b");
    SPLITS("say ''", "say", "");
    SPLITS("say \"\" x", "say", "", "x");
    SPLITS("tags * # all of them", "tags", "*");
    SPLITS("tags a#b \\#c '#d'", "tags", "a#b", "#c", "#d");
    SPLITS("länge 温度", "länge", "温度");
    splits("", (const char *const[]){NULL});
    splits("   # nothing", (const char *const[]){NULL});
}

static void refuses(const char *line, size_t length, const char *part) {
    struct pl_words words;
    const char *why = NULL;
    assert_false(pl_words_split(&words, line, length, false, &why));
    assert_non_null(strstr(why, part));
    pl_words_fini(&words);
}

static void what_cannot_be_split_is_refused(void **state) {
    (void)state;
    refuses("say 'x", 6, "quote");
    refuses("say \"x\\\"", 8, "quote");
    refuses("say x\\", 6, "backslash");
    refuses("say \xff", 5, "UTF-8");
    refuses("say\0x", 5, "UTF-8");
    static char many[2 * PL_SHELL_WORDS_MAX + 2];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'x';
    refuses(many, sizeof many, "256 words");
}

static void words_know_where_they_stand(void **state) {
    (void)state;
    const char *line = "set 'a b' \"cle";
    struct pl_words words;
    const char *why = NULL;
    assert_true(pl_words_split(&words, line, strlen(line), true, &why));
    assert_int_equal(words.count, 3);
    assert_int_equal(words.items[1].begin, 4);
    assert_int_equal(words.items[1].end, 9);
    assert_int_equal(words.items[1].quote, 0);
    assert_int_equal(words.items[2].begin, 10);
    assert_int_equal(words.items[2].quote, '"');
    assert_string_equal(words.items[2].text, "cle");
    pl_words_fini(&words);
}

static void what_is_quoted_splits_into_itself(void **state) {
    (void)state;
    static const char *const texts[] = {"plain", "two words", "it's",         "say \"x\"", "back\\slash", "#first",
                                        "a#b",   "",          "'\"\\ mixed ", "tab\there", "温度 länge"};
    static const char quotes[] = {0, '\'', '"'};
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++)
        for (size_t q = 0; q < PL_COUNT_OF(quotes); q++) {
            char *quoted = pl_words_quote(texts[i], quotes[q]), line[256];
            assert_non_null(quoted);
            snprintf(line, sizeof line, "x %.1s%s%.1s", &quotes[q], quoted, &quotes[q]);
            if (texts[i][0] || quotes[q]) SPLITS(line, "x", texts[i]);
            pl_free(quoted);
        }
}

static void the_vertical_mark_is_taken_off(void **state) {
    (void)state;
    char with[] = "nodes \\G ", without[] = "nodes G", joined[] = "nodes\\G", alone[] = " \\G";
    char escaped[] = "nodes \\\\G";
    assert_true(pl_words_take_vertical(with));
    assert_string_equal(with, "nodes ");
    assert_false(pl_words_take_vertical(without));
    assert_true(pl_words_take_vertical(joined));
    assert_string_equal(joined, "nodes");
    assert_true(pl_words_take_vertical(alone));
    assert_string_equal(alone, " ");
    assert_false(pl_words_take_vertical(escaped));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_a_shell_makes_of_them), cmocka_unit_test(what_cannot_be_split_is_refused),
        cmocka_unit_test(words_know_where_they_stand),          cmocka_unit_test(what_is_quoted_splits_into_itself),
        cmocka_unit_test(the_vertical_mark_is_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
