#include "name.h"

#include <potline/tag.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void names_are_utf8_without_controls(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool name;
    } rows[] = {
        {"", true},
        {"pot 7 / voltage", true},
        {"\x01", false},
        {"a\n", false},
        {"\x7f", false},
        {"\xc2\x80", false},
        {"\xc2\x9f", false},
        {"\xc2\xa0", true},
        {"\xc3\xa4", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x8f\xad", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc3", false},
        {"\xc3(", false},
        {"\xe2\x82", false},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x80\xaf", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\xaf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].text);
        if (pl_name_valid(rows[i].text, length) != rows[i].name) fail_msg("row %zu", i);
    }
    assert_false(pl_name_valid("a\0b", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_utf8_without_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
