#include "testing.h"

/* A tree as one line: places of values behind '@'. */
static void print_tree(FILE *out, const struct pl_yaml *value) {
    if (value->key) fprintf(out, "%s=", value->key);
    if (value->type == PL_YAML_SCALAR)
        fprintf(out, value->plain ? "%s" : "'%s'", value->text);
    else
        fputc(value->type == PL_YAML_LIST ? '[' : '{', out);
    for (const struct pl_yaml *child = value->first; child; child = child->next) {
        if (child != value->first) fputc(' ', out);
        print_tree(out, child);
    }
    if (value->type != PL_YAML_SCALAR) fputc(value->type == PL_YAML_LIST ? ']' : '}', out);
    fprintf(out, "@%d:%d", value->place.line, value->place.column);
}

static void expect_tree(const char *text, const char *expected) {
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, text);
    assert_non_null(tree);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    print_tree(out, tree);
    fclose(out);
    assert_string_equal(printed, expected);
    free(printed);
    reading_said(&r, "");
}

static void expect_problems_of(const char *text, size_t length, const char *expected) {
    struct reading r;
    reading_begin(&r);
    pl__yaml_parse(&r.yaml, text, length, "t");
    reading_said(&r, expected);
}

static void expect_problems(const char *text, const char *expected) {
    expect_problems_of(text, strlen(text), expected);
}

static void values_know_their_places(void **state) {
    (void)state;
    expect_tree("a: 1\nb: [x, 'y']\n", "{a=1@1:4 b=[x@2:5 'y'@2:8]@2:4}@1:1");
    expect_tree("- {k: v}\n-\n  deep:\n    deeper: \"q\"\n", "[{k=v@1:7}@1:3 {deep={deeper='q'@4:13}@4:5}@3:3]@1:1");
    expect_tree("größe: ü\nb: 2", "{größe=ü@1:8 b=2@2:4}@1:1"); /* columns are characters */
}

static void line_ends_and_marks_of_windows_are_fine(void **state) {
    (void)state;
    expect_tree("\xef\xbb\xbf"
                "a: 1\r\nb: 2\r\n",
                "{a=1@1:4 b=2@2:4}@1:1");
}

static void texts_stay_texts(void **state) {
    (void)state;
    expect_tree("[no, on, 010, 1e3, 2026-01-01, .nan, -]",
                "[no@1:2 on@1:6 010@1:10 1e3@1:15 2026-01-01@1:20 .nan@1:32 -@1:38]@1:1");
    expect_tree("a: |\n  two\n  lines\nb: >\n  one\n  line\n", "{a='two\nlines\n'@1:4 b='one line\n'@4:4}@1:1");
}

static void no_value_is_told_from_an_empty_text(void **state) {
    (void)state;
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, "{a: , b: ~, c: null, d: Null, e: '', f: 'null', g: nul, h: []}");
    bool null[] = {true, true, true, true, false, false, false, false};
    unsigned i = 0;
    for (struct pl_yaml *child = tree->first; child; child = child->next)
        assert_int_equal(pl__yaml_null(child), null[i++]);
    reading_said(&r, "");
}

static void keys_given_twice_are_refused_and_left_out(void **state) {
    (void)state;
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, "a: 1\nb: 2\na: 3\nb: 4\na: 5\n");
    assert_int_equal(tree->count, 2);
    assert_string_equal(pl__yaml_find(tree, "a")->text, "1");
    assert_string_equal(pl__yaml_find(tree, "b")->text, "2");
    assert_null(pl__yaml_find(tree, "c"));
    reading_said(&r, "t:3:1: \"a\" is given twice, first at 1:1\n"
                     "t:4:1: \"b\" is given twice, first at 2:1\n"
                     "t:5:1: \"a\" is given twice, first at 1:1\n");
}

static void what_graph_files_do_without_is_refused(void **state) {
    (void)state;
    expect_problems(
        "a: &x 1\nb: *x\n",
        "t:1:4: anchors (&name) are not used in graph files; a text that starts with & is written in quotes\n"
        "t:2:4: aliases (*name) are not used in graph files; a text that starts with * is written in quotes\n");
    expect_problems("a: !!str 1\nb: !mine {}\nc: !mine []\n", "t:1:4: tags (!name) are not used in graph files\n"
                                                              "t:2:4: tags (!name) are not used in graph files\n"
                                                              "t:3:4: tags (!name) are not used in graph files\n");
    expect_problems("a: 1\n---\nb: 2\n",
                    "t:2:1: expected the end of the file; one document is all a graph file holds\n");
    expect_problems("[a]: 1\n", "t:1:1: a key must be a text\n");
    expect_problems("? {a: b}\n: 1\n", "t:1:3: a key must be a text\n");
    expect_problems("", "t:1:1: the file is empty\n");
    expect_problems("# only a comment\n", "t:2:1: the file is empty\n");
}

static void syntax_errors_have_places_and_words(void **state) {
    (void)state;
    expect_problems("a: b: c\n",
                    "t:1:5: a ':' cannot stand here; put the text into quotes, or check the indentation\n");
    expect_problems("a: 1\n\tb: 2\n", "t:2:1: a tab cannot indent; use spaces\n");
    expect_problems("ä: ö\n\tb: 2\n", "t:2:1: a tab cannot indent; use spaces\n");
    expect_problems("a: *.voltage\n", "t:1:4: a text that starts with * or & is written in quotes\n");
    expect_problems("a: 1\n%b: 2\n", "t:2:1: a line cannot start with %\n");
    expect_problems("a: @x\n", "t:1:4: no value can start with this character; put the text into quotes\n");
    expect_problems("a: { b: 1\nc: 2\n", "t:2:2: expected ',' or '}' before this (opened at 1:4)\n");
    expect_problems("a: [1, 2\nb: 3\n", "t:2:2: expected ',' or ']' before this (opened at 1:4)\n");
    expect_problems("a: \"open\nb: 3\n", "t:1:4: the quoted text that starts here does not end\n");
    expect_problems("- 1\nb: 2\n", "t:2:1: expected '-' like the ones above; check the indentation\n");
    expect_problems("a:\n  - 1\n b: 2\n", "t:3:2: expected a key like the ones above; check the indentation\n");
    expect_problems("a: \"\\q\"\n",
                    "t:1:5: unknown escape after '\\' in double quotes; in single quotes it stands for itself\n");
    expect_problems("a: 1\nb\n", "t:3:1: expected ':' behind the key\n");
    expect_problems("%FOO\n", "t:1:1: a line cannot start with %\n");
}

static void bytes_that_are_no_text_are_refused(void **state) {
    (void)state;
    expect_problems("a: \xff\n", "t:1:4: the file is not UTF-8 here (byte 0xff)\n");
    expect_problems("ok: 1\nb: \xc3(\n", "t:2:4: the file is not UTF-8 here (byte 0xc3)\n");
    expect_problems("a: \xed\xa0\x80\n", "t:1:4: the file is not UTF-8 here (byte 0xed)\n"); /* a surrogate */
    expect_problems("a: \x01\n", "t:1:4: control character U+0001 in the file\n");
    expect_problems_of("a: b\0c\n", 7, "t:1:5: control character U+0000 in the file\n");
    expect_problems("a: \"x\\0y\"\n", "t:1:4: a NUL character in a text\n");
    expect_problems("\xff\xfe"
                    "a\0:\0",
                    "t:1:1: the file is not UTF-8 here (byte 0xff)\n");
}

static char *repeat(const char *text, size_t times) {
    size_t length = strlen(text);
    char *all = malloc(length * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * length, text, length);
    all[length * times] = 0;
    return all;
}

static void depth_is_bounded(void **state) {
    (void)state;
    struct reading r;
    reading_begin(&r);
    assert_non_null(reading_parse(&r, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")); /* 32 */
    reading_said(&r, "");
    expect_problems("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
                    "t:1:33: nested more than 32 deep\n");
    const char *pieces[] = {"[", "{a: ", "- ", "? "};
    for (unsigned i = 0; i < 4; i++) {
        char *deep = repeat(pieces[i], 1000000);
        reading_begin(&r);
        assert_null(reading_parse(&r, deep));
        assert_int_equal(pl__problems_errors(r.yaml.problems), 1);
        struct pl_problem *list;
        unsigned count;
        assert_true(pl__problems_take(r.yaml.problems, &list, &count));
        pl_problems_free(list, count);
        pl__problems_free(r.yaml.problems);
        pl__arena_free(r.yaml.arena);
        free(deep);
    }
}

static void size_and_number_of_values_are_bounded(void **state) {
    (void)state;
    char *large = repeat("a", (16 << 20) + 1);
    expect_problems(large, "t:0:0: larger than 16 MiB\n");
    free(large);
    char *many = repeat("- a\n", 1000001);
    struct reading r;
    reading_begin(&r);
    r.yaml.arena = (pl__arena_free(r.yaml.arena), pl__arena_new(256 << 20));
    assert_null(reading_parse(&r, many));
    reading_said(&r, "t:1000000:3: more than 1,000,000 values\n");
    free(many);
}

static void laughs_stay_few(void **state) {
    (void)state;
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n");
    assert_non_null(tree);
    assert_true(r.yaml.values < 20);
    reading_said(
        &r, "t:1:4: anchors (&name) are not used in graph files; a text that starts with & is written in quotes\n"
            "t:2:4: anchors (&name) are not used in graph files; a text that starts with & is written in quotes\n"
            "t:2:8: aliases (*name) are not used in graph files; a text that starts with * is written in quotes\n"
            "t:2:12: aliases (*name) are not used in graph files; a text that starts with * is written in quotes\n"
            "t:3:5: aliases (*name) are not used in graph files; a text that starts with * is written in quotes\n"
            "t:3:9: aliases (*name) are not used in graph files; a text that starts with * is written in quotes\n");
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char text[] = "a: {b: [1, 2, 3], c: x}\nd: 1\nd: 2\ne: *x\n";
    int64_t live = pl_alloc_live();
    for (int64_t n = 0;; n++) {
        pl_alloc_fail_after(n);
        struct pl_arena *arena = pl__arena_new(1 << 20);
        struct pl_yaml_context yaml = {.arena = arena, .problems = pl__problems_new()};
        struct pl_yaml *tree = NULL;
        if (yaml.arena && yaml.problems) tree = pl__yaml_parse(&yaml, text, sizeof text - 1, "t");
        struct pl_problem *list = NULL;
        unsigned count = 0;
        bool taken = yaml.problems && pl__problems_take(yaml.problems, &list, &count);
        bool done = taken && tree && count == 2 && arena && pl__arena_code(arena) == PL_OK;
        pl_alloc_fail_after(-1);
        pl_problems_free(list, count);
        pl__problems_free(yaml.problems);
        pl__arena_free(arena);
        assert_int_equal(pl_alloc_live(), live);
        if (done) break;
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_know_their_places),
        cmocka_unit_test(line_ends_and_marks_of_windows_are_fine),
        cmocka_unit_test(texts_stay_texts),
        cmocka_unit_test(no_value_is_told_from_an_empty_text),
        cmocka_unit_test(keys_given_twice_are_refused_and_left_out),
        cmocka_unit_test(what_graph_files_do_without_is_refused),
        cmocka_unit_test(syntax_errors_have_places_and_words),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_and_number_of_values_are_bounded),
        cmocka_unit_test(laughs_stay_few),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
