#include <potline/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

static void an_error_says_what_and_where(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    struct pl_place place = {.file = "plant.yaml", .line = 9, .column = 47};
    assert_int_equal(PL_SYNTAX, pl_error_at(&error, PL_SYNTAX, place, "%s: '%s' is no duration", "size", "10 sec"));
    assert_int_equal(PL_SYNTAX, error->code);
    assert_string_equal("size: '10 sec' is no duration", error->text);
    char *text = pl_error_text(error);
    assert_string_equal("plant.yaml:9:47: size: '10 sec' is no duration", text);
    pl_free(text);
    pl_error_free(&error);
    assert_null(error);
}

/* Names of files beside others are made in buffers of whoever reads them. */
static void an_error_outlives_the_name_it_was_given(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    char name[] = "d/events.csv";
    pl_error_at(&error, PL_SYNTAX, (struct pl_place){.file = name, .line = 3}, "a number is expected");
    memset(name, '?', sizeof name - 1);
    char *text = pl_error_text(error);
    assert_string_equal("d/events.csv:3: a number is expected", text);
    pl_free(text);
    pl_error_free(&error);
}

static void a_later_error_has_the_earlier_one_as_cause(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    pl_error_set(&error, PL_IO, "no space on device");
    pl_error_at(&error, PL_NOT_FOUND, (struct pl_place){.file = "a.yaml"}, "table not read");
    pl_error_at(&error, PL_USAGE, (struct pl_place){.file = "b.yaml", .line = 1}, "graph not loaded");
    assert_int_equal(PL_USAGE, error->code);
    assert_int_equal(PL_IO, error->cause->cause->code);
    assert_null(error->cause->cause->cause);
    char *text = pl_error_text(error);
    assert_string_equal("b.yaml:1: graph not loaded\na.yaml: table not read\nno space on device", text);

    char printed[256] = "";
    FILE *out = fmemopen(printed, sizeof printed, "w");
    pl_error_print(out, error);
    fclose(out);
    assert_int_equal(strlen(text) + 1, strlen(printed));
    assert_memory_equal(text, printed, strlen(text));
    pl_free(text);
    pl_error_free(&error);
}

static void nobody_need_listen(void **state) {
    (void)state;
    assert_int_equal(PL_BUSY, pl_error_set(NULL, PL_BUSY, "%d", 1));
    assert_int_equal(PL_IO, pl_error_at(NULL, PL_IO, (struct pl_place){.line = 1}, "x"));
    pl_error_free(NULL);
    struct pl_error *none = NULL;
    pl_error_free(&none);
    pl_error_print(stdout, NULL);
    char *text = pl_error_text(NULL);
    assert_string_equal("", text);
    pl_free(text);
}

static void codes_have_names_and_texts_of_their_own(void **state) {
    (void)state;
    assert_string_equal("OK", pl_code_name(PL_OK));
    assert_string_equal("NOT_FOUND", pl_code_name(PL_NOT_FOUND));
    assert_string_equal("not found", pl_code_text(PL_NOT_FOUND));
    for (int a = PL_OK; a <= PL_DENIED; a++)
        for (int b = PL_OK; b < a; b++) {
            assert_string_not_equal(pl_code_name((enum pl_code)a), pl_code_name((enum pl_code)b));
            assert_string_not_equal(pl_code_text((enum pl_code)a), pl_code_text((enum pl_code)b));
        }
    assert_string_equal("?", pl_code_name((enum pl_code)1000));
    assert_string_equal("?", pl_code_name((enum pl_code)(PL_DENIED + 1)));
    assert_string_equal("unknown error", pl_code_text((enum pl_code)(PL_DENIED + 1)));
}

/* Each allocation fails in turn: there is an error all the same, the first one stays, nothing leaks. */
static void without_memory_there_is_still_an_error(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    for (int64_t allowed = 0; allowed < 2; allowed++) {
        struct pl_error *error = NULL;
        pl_alloc_fail_after(allowed);
        assert_int_equal(PL_SYNTAX, pl_error_set(&error, PL_SYNTAX, "a"));
        assert_int_equal(PL_NO_MEMORY, error->code);
        assert_string_equal("out of memory", error->text);
        pl_error_set(&error, PL_RANGE, "b");
        assert_string_equal("b", error->text);
        assert_null(error->cause);
        pl_alloc_fail_after(allowed);
        assert_int_equal(PL_USAGE, pl_error_set(&error, PL_USAGE, "c"));
        assert_string_equal("b", error->text);
        pl_alloc_fail_after(0);
        assert_null(pl_error_text(error));
        pl_error_free(&error);
    }
    pl_alloc_fail_after(0);
    struct pl_error *shared = NULL;
    pl_error_set(&shared, PL_IO, "x");
    char *text = pl_error_text(shared);
    assert_string_equal("out of memory", text);
    pl_free(text);
    pl_error_free(&shared);
    pl_alloc_fail_after(-1);
    assert_int_equal(before, pl_alloc_live());
}

static void a_text_may_be_long(void **state) {
    (void)state;
    static char word[20001];
    memset(word, 'x', 20000);
    struct pl_error *error = NULL;
    struct pl_place place = {.file = word, .line = 1, .column = 2};
    pl_error_at(&error, PL_LIMIT, place, "<%s>", word);
    assert_int_equal(20002, strlen(error->text));
    char *text = pl_error_text(error);
    assert_int_equal(20000 + 6 + 20002, strlen(text));
    pl_free(text);
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_says_what_and_where),
        cmocka_unit_test(an_error_outlives_the_name_it_was_given),
        cmocka_unit_test(a_later_error_has_the_earlier_one_as_cause),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(codes_have_names_and_texts_of_their_own),
        cmocka_unit_test(without_memory_there_is_still_an_error),
        cmocka_unit_test(a_text_may_be_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
