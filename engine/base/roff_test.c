#include "roff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t size;

static FILE *begin(void) {
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    return out;
}

static void expect(FILE *out, const char *expected) {
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void text_cannot_become_a_request(void **state) {
    (void)state;
    FILE *out = begin();
    pl_roff_text(out, ".TH\n'so a\\nb x-y `code`");
    expect(out, "\\&.TH\n\\&'so a\\enb x\\-y \\fBcode\\fR\n");
}

static void code_ends_with_its_text(void **state) {
    (void)state;
    FILE *out = begin();
    pl_roff_text(out, "`left open");
    expect(out, "\\fBleft open\\fR\n");
}

static void empty_lines_part_paragraphs(void **state) {
    (void)state;
    FILE *out = begin();
    pl_roff_paragraphs(out, "one\ntwo\n\n\n.three");
    expect(out, ".PP\none\ntwo\n.PP\n\\&.three\n");
}

static void the_head_has_one_line_in_lower_case(void **state) {
    (void)state;
    FILE *out = begin();
    pl_roff_head(out, "potline-new-x", 7, "Makes it.\nMore.");
    fflush(out);
    assert_non_null(strstr(text, ".TH POTLINE-NEW-X 7 "));
    assert_non_null(strstr(text, "\npotline\\-new\\-x \\- makes it\n"));
    assert_null(strstr(text, "More"));
    fclose(out);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_cannot_become_a_request),
        cmocka_unit_test(code_ends_with_its_text),
        cmocka_unit_test(empty_lines_part_paragraphs),
        cmocka_unit_test(the_head_has_one_line_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
