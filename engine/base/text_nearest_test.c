#include <potline/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static const char *const names[] = {"op",       "from", "path",  "size",  "lateness",        "aggregates",
                                    "layout",   "time", "range", "spike", "window.tumbling", "window.sliding",
                                    "sink.csv", "k"};

static void means(const char *written, const char *meant) {
    const char *found = pl_text_nearest(written, names, PL_COUNT_OF(names));
    if (!meant && found) fail_msg("'%s': '%s' is too far-fetched", written, found);
    if (meant && (!found || strcmp(found, meant) != 0))
        fail_msg("'%s': %s, not %s", written, found ? found : "none", meant);
}

static void slips_are_seen_through(void **state) {
    (void)state;
    means("szie", "size");
    means("sizes", "size");
    means("siz", "size");
    means("Size", "size");
    means("latness", "lateness");
    means("agregate", "aggregates");
    means("form", "from");
    means("windw.tumbling", "window.tumbling");
    means("window.tumblnig", "window.tumbling");
    means("sink.cvs", "sink.csv");
    means("lateness", "lateness");
}

/* Names as long as are looked at, and longer ones beside them. */
static void long_names_are_compared_to_their_end(void **state) {
    (void)state;
    char written[65], right[65], longer[66];
    for (unsigned i = 0; i < 64; i++)
        written[i] = right[i] = longer[i] = (char)('a' + i * 7 % 26);
    written[64] = right[64] = longer[65] = '\0';
    longer[64] = 'x';
    right[63] = '-';
    right[10] = '-';
    const char *const list[] = {longer, right};
    assert_ptr_equal(right, pl_text_nearest(written, list, 2));
    assert_null(pl_text_nearest(written, list, 1));
    assert_null(pl_text_nearest(longer, list, 2));
}

static void a_swap_is_one_slip_and_two_changes_are_two(void **state) {
    (void)state;
    const char *const list[] = {"abxy", "badc", "abcd"};
    assert_string_equal("badc", pl_text_nearest("abdc", list, 3)); /* one swap; abcd is one too, but later */
    assert_string_equal("abxy", pl_text_nearest("abyx", list, 3));
    assert_null(pl_text_nearest("xyab", list, 3));
    assert_null(pl_text_nearest("dcba", list, 3));
}

static void part_of_a_name_will_do(void **state) {
    (void)state;
    means("tumbling", "window.tumbling");
    means("csv", "sink.csv");
    means("sliding", "window.sliding");
    means("window", "window.tumbling");
}

static void nothing_is_better_than_nonsense(void **state) {
    (void)state;
    means("", NULL);
    means("x", NULL);
    means("zz", NULL);
    means("colour", NULL);
    means("temperature", NULL);
    means("umbling", NULL);
    assert_null(pl_text_nearest("size", names, 0));
    char longer[200];
    memset(longer, 's', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    means(longer, NULL);
    const char *const one[] = {longer};
    assert_null(pl_text_nearest("ssss", one, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_seen_through),
        cmocka_unit_test(long_names_are_compared_to_their_end),
        cmocka_unit_test(a_swap_is_one_slip_and_two_changes_are_two),
        cmocka_unit_test(part_of_a_name_will_do),
        cmocka_unit_test(nothing_is_better_than_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
