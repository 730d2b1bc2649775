#include <potline/quality.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void is_text(uint16_t quality, const char *text) {
    char at[160];
    assert_int_equal(strlen(text), pl_quality_format(quality, at, sizeof at));
    assert_string_equal(text, at);
}

static void a_quality_reads_as_words(void **state) {
    (void)state;
    is_text(PL_Q_GOOD, "good");
    is_text(PL_Q_BAD | PL_Q_MISSING, "bad|missing");
    is_text(PL_Q_UNCERTAIN | PL_Q_SPIKE | PL_Q_REPLACED, "uncertain|spike|replaced");
    is_text(PL_Q_LATE, "good|late");
}

static void every_combination_comes_back(void **state) {
    (void)state;
    static const uint16_t severities[] = {PL_Q_GOOD, PL_Q_UNCERTAIN, PL_Q_BAD};
    size_t longest = 0;
    for (size_t s = 0; s < PL_COUNT_OF(severities); s++)
        for (unsigned flags = 0; flags < 1u << 12; flags++) {
            uint16_t quality = (uint16_t)(severities[s] | flags), read = 1;
            char text[160];
            size_t length = pl_quality_format(quality, text, sizeof text);
            assert_int_equal(length, strlen(text));
            assert_true(pl_quality_parse(text, length, &read));
            assert_int_equal(quality, read);
            if (length > longest) longest = length;
        }
    assert_in_range(longest, 100, 159);
}

static void what_has_no_room_is_left_out_by_words(void **state) {
    (void)state;
    char text[16] = "untouched";
    assert_int_equal(0, pl_quality_format(PL_Q_BAD, text, 0));
    assert_string_equal("untouched", text);
    for (size_t size = 1; size < sizeof text; size++) {
        size_t length = pl_quality_format(PL_Q_BAD | PL_Q_MISSING | PL_Q_LATE, text, size);
        const char *expected = size < 4 ? "" : size < 9 ? "bad" : size < 12 ? "bad|late" : "bad|missing";
        assert_string_equal(expected, text);
        assert_int_equal(strlen(expected), length);
    }
}

static void other_words_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",         "Good",  "good|",         "|good",        "missing",
                                        "good||",   "good ", "bad|missin",    "bad|missings", "spike|bad",
                                        "bad|good", "goo",   "good|missing|", "bad,missing"};
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        uint16_t quality = 77;
        if (pl_quality_parse(wrong[i], strlen(wrong[i]), &quality)) fail_msg("'%s' was read", wrong[i]);
        assert_int_equal(77, quality);
    }
    uint16_t quality;
    assert_false(pl_quality_parse("good\0", 5, &quality));
    assert_false(pl_quality_parse(NULL, 0, &quality));
    assert_true(pl_quality_parse("goodness", 4, &quality));
}

static void joining_keeps_the_worse_and_all_flags(void **state) {
    (void)state;
    assert_int_equal(PL_Q_BAD | PL_Q_LATE | PL_Q_SPIKE, pl_quality_join(PL_Q_BAD | PL_Q_LATE, PL_Q_SPIKE));
    assert_int_equal(PL_Q_UNCERTAIN | PL_Q_LATE, pl_quality_join(PL_Q_LATE, PL_Q_UNCERTAIN));
    assert_true(pl_quality_bad(PL_Q_BAD | PL_Q_LATE));
    assert_false(pl_quality_bad(PL_Q_UNCERTAIN | PL_Q_SPIKE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quality_reads_as_words),
        cmocka_unit_test(every_combination_comes_back),
        cmocka_unit_test(what_has_no_room_is_left_out_by_words),
        cmocka_unit_test(other_words_are_refused),
        cmocka_unit_test(joining_keeps_the_worse_and_all_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
