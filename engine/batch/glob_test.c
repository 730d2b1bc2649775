#include <potline/tag.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

struct row {
    const char *pattern;
    const char *name;
    bool fits;
};

static void patterns_fit_what_they_say(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"*", "", true},
        {"*", "line1.pot07.voltage", true},
        {"*.voltage", "line1.pot07.voltage", true},
        {"*.voltage", "line1.pot07.voltages", false},
        {"line1.*.voltage", "line1.pot07.voltage", true},
        {"line?.pot0?.*", "line1.pot07.voltage", true},
        {"line?", "line", false},
        {"line?", "line12", false},
        {"line?", "line\xc3\xa4", true},
        {"l\xc3\xa4*", "l\xc3\xa4nge", true},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"**a**", "a", true},
        {"{voltage,noise}", "noise", true},
        {"{voltage,noise}", "nois", false},
        {"*.{voltage,noise}", "line1.pot.noise", true},
        {"*.{voltage,noise}.x", "line1.noise.x", true},
        {"{a,b}{c,d}", "bc", true},
        {"{a,b}{c,d}", "cb", false},
        {"{a,{b,c}d}e", "cde", true},
        {"{a,{b,c}d}e", "ae", true},
        {"{a,{b,c}d}e", "be", false},
        {"{a*,b}c", "axyzc", true},
        {"{,x}y", "y", true},
        {"{,x}y", "xy", true},
        {"{}", "", true},
        {"{a", "{a", true},
        {"a,b}", "a,b}", true},
        {"{{a,b}", "{b", true},
        {"{a,b", "{a,b", true},
        {"[ab]", "[ab]", true},
        {"[ab]", "a", false},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        if (pl_glob(rows[i].pattern, rows[i].name) != rows[i].fits) {
            fail_msg("'%s' against '%s': %s expected", rows[i].pattern, rows[i].name,
                     rows[i].fits ? "a fit" : "no fit");
        }
    }
}

static void no_pattern_takes_long(void **state) {
    (void)state;
    char name[256], pattern[1024];
    memset(name, 'a', 255);
    name[255] = 0;
    for (unsigned i = 0; i < 1022; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[1022] = 'b';
    pattern[1023] = 0;
    for (unsigned i = 0; i < 20; i++)
        assert_false(pl_glob(pattern, name));
    pattern[0] = 0;
    for (unsigned i = 0; i < 100; i++)
        strcat(pattern, "{a*,*a}");
    for (unsigned i = 0; i < 20; i++)
        assert_true(pl_glob(pattern, name));
    memset(pattern, '{', 1023);
    assert_false(pl_glob(pattern, name));
    memset(pattern + 511, '}', 512);
    assert_false(pl_glob(pattern, name));
    char longer[1025];
    memset(longer, '*', 1024);
    longer[1024] = 0;
    assert_false(pl_glob(longer, name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit_what_they_say),
        cmocka_unit_test(no_pattern_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
