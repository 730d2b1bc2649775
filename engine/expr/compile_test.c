#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/expr.h>

#include "program.h"

/* a to z are variables 0 to 25, and `a.b-c` in back quotes is 26. */
static int resolve(void *arg, const char *name, size_t length) {
    (void)arg;
    if (length == 1 && *name >= 'a' && *name <= 'z') return *name - 'a';
    if (length == 5 && memcmp(name, "a.b-c", 5) == 0) return 26;
    if (length == 4 && memcmp(name, "many", 4) == 0) return PL_EXPR_VARIABLES_MAX;
    return -1;
}

static void error_is(const char *text, enum pl_code code, int column, const char *said) {
    struct pl_expr *expr = (struct pl_expr *)&expr;
    struct pl_error *error = NULL;
    enum pl_code got = pl_expr_compile(text, resolve, NULL, &expr, &error);
    assert_null(expr);
    if (got != code) fail_msg("'%.60s': %s, not %s", text, pl_code_name(got), pl_code_name(code));
    assert_non_null(error);
    if (error->place.column != column)
        fail_msg("'%.60s': column %d, not %d: %s", text, error->place.column, column, error->text);
    if (strcmp(error->text, said) != 0) fail_msg("'%.60s': says \"%s\", not \"%s\"", text, error->text, said);
    assert_int_equal(error->place.line, column ? 1 : 0);
    assert_null(error->cause);
    pl_error_free(&error);
    assert_int_equal(pl_expr_compile(text, resolve, NULL, &expr, NULL), code);
}

static void errors_name_the_place_and_what_was_expected(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum pl_code code;
        int column;
        const char *said;
    } rows[] = {
        {"", PL_SYNTAX, 1, "expected a value, found the end"},
        {"   ", PL_SYNTAX, 4, "expected a value, found the end"},
        {"a +", PL_SYNTAX, 4, "expected a value, found the end"},
        {"a + * b", PL_SYNTAX, 5, "expected a value, found '*'"},
        {"a b", PL_SYNTAX, 3, "expected an operator or the end, found 'b'"},
        {"a)", PL_SYNTAX, 2, "expected an operator or the end, found ')'"},
        {"(a", PL_SYNTAX, 3, "expected an operator or ')', found the end"},
        {"(a, b)", PL_SYNTAX, 3, "expected an operator or ')', found ','"},
        {"()", PL_SYNTAX, 2, "expected a value, found ')'"},
        {"+a", PL_SYNTAX, 1, "expected a value, found '+'"},
        {"a or", PL_SYNTAX, 5, "expected a value, found the end"},
        {"or a", PL_SYNTAX, 1, "expected a value, found 'or'"},
        {"a and or b", PL_SYNTAX, 7, "expected a value, found 'or'"},
        {"a + not b", PL_SYNTAX, 5, "expected a value ('not' here needs brackets), found 'not'"},
        {"a < b < c", PL_SYNTAX, 7, "expected 'and' or 'or' between comparisons (a < b and b < c), found '<'"},
        {"a == b + 1 != c", PL_SYNTAX, 12, "expected 'and' or 'or' between comparisons (a < b and b < c), found '!='"},
        {"a = b", PL_SYNTAX, 3, "'=': expected '=='"},
        {"a && b", PL_SYNTAX, 3, "'&&': expected 'and'"},
        {"a || b", PL_SYNTAX, 3, "'||': expected 'or'"},
        {"!a", PL_SYNTAX, 1, "'!': expected 'not' or '!='"},
        {"a ** 2", PL_SYNTAX, 3, "'**': expected '^' for powers"},
        {"a <> b", PL_SYNTAX, 3, "'<>': expected '!='"},
        {"a # b", PL_SYNTAX, 3, "'#': expected a number, a name or an operator"},
        {"a & b", PL_SYNTAX, 3, "'&': expected a number, a name or an operator"},
        {"a + \x1b[31m", PL_SYNTAX, 5, "'?': expected a number, a name or an operator"},
        {".", PL_SYNTAX, 1, "'.': expected a number, a name or an operator"},
        {"a > 10s", PL_SYNTAX, 5, "'10s': expected a number without a unit, or a name that begins with a letter"},
        {"1.2.3", PL_SYNTAX, 1, "'1.2.3': expected a number without a unit, or a name that begins with a letter"},
        {"1e", PL_SYNTAX, 1, "'1e': expected a number without a unit, or a name that begins with a letter"},
        {"a*1e999", PL_SYNTAX, 3, "'1e999': expected a number that fits 64 bits"},
        {"`a", PL_SYNTAX, 1, "'`': expected a second back quote, at the end of the name"},
        {"a + ``", PL_SYNTAX, 5, "'``': expected a name between the back quotes"},
        {"a + volt", PL_UNKNOWN, 5, "unknown name 'volt'"},
        {"a + `volt-1`", PL_UNKNOWN, 5, "unknown name 'volt-1'"},
        {"\xc3\xbc + \xc3\xb6", PL_UNKNOWN, 1, "unknown name '\xc3\xbc'"},
        {"a + \xc3\xbc + b", PL_UNKNOWN, 5, "unknown name '\xc3\xbc'"},
        {"isnan(\"\xc3\xbc\")", PL_SYNTAX, 7, "'\"': expected a number, a name or an operator"},
        {"`a.b-c` + `a.b-c` x", PL_SYNTAX, 19, "expected an operator or the end, found 'x'"},
        {"a + \xff", PL_UNKNOWN, 5, "unknown name '?'"},
        {"abss(a)", PL_UNKNOWN, 1, "unknown function 'abss': did you mean abs?"},
        {"a + celi(b)", PL_UNKNOWN, 5, "unknown function 'celi': did you mean ceil?"},
        {"log(a)", PL_UNKNOWN, 1, "unknown function 'log': did you mean ln or log10?"},
        {"pow(a, 2)", PL_UNKNOWN, 1, "unknown function 'pow': write a ^ b"},
        {"frobnicate(a)", PL_UNKNOWN, 1, "unknown function 'frobnicate'"},
        {"a(b)", PL_UNKNOWN, 1, "unknown function 'a'"},
        {"`abs`(a)", PL_UNKNOWN, 1, "unknown name 'abs'"},
        {"a + abs", PL_UNKNOWN, 5, "unknown name 'abs'"},
        {"sqrt()", PL_SYNTAX, 1, "sqrt takes 1 value, not 0"},
        {"sqrt(a, b)", PL_SYNTAX, 1, "sqrt takes 1 value, not 2"},
        {"1 + clamp(a, b)", PL_SYNTAX, 5, "clamp takes 3 values, not 2"},
        {"if(a, b)", PL_SYNTAX, 1, "if takes 3 values, not 2"},
        {"min(a)", PL_SYNTAX, 1, "min takes 2 values or more, not 1"},
        {"coalesce()", PL_SYNTAX, 1, "coalesce takes 2 values or more, not 0"},
        {"max(a,)", PL_SYNTAX, 7, "expected a value, found ')'"},
        {"max(a b)", PL_SYNTAX, 7, "expected ',' or ')', found 'b'"},
        {"max(a, b", PL_SYNTAX, 9, "expected ',' or ')', found the end"},
        {"many", PL_LIMIT, 1, "more than 64 variables"},
        {"a + this_is_a_rather_long_name_for_a_signal", PL_UNKNOWN, 5,
         "unknown name 'this_is_a_rather_long_name_for_a...'"},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
        error_is(rows[i].text, rows[i].code, rows[i].column, rows[i].said);
}

static void without_a_resolver_every_name_is_unknown(void **state) {
    (void)state;
    struct pl_expr *expr;
    assert_int_equal(pl_expr_compile("a", NULL, NULL, &expr, NULL), PL_UNKNOWN);
    assert_int_equal(pl_expr_compile("2 * 3", NULL, NULL, &expr, NULL), PL_OK);
    assert_true(pl_expr_eval_one(expr, NULL) == 6);
    assert_int_equal(pl_expr_uses(expr), 0);
    pl_expr_free(expr);
}

/* `count` times `piece`, then `middle`, then `count` times `end`. */
static const char *repeated(const char *piece, unsigned count, const char *middle, const char *end) {
    static char text[20000];
    char *at = text;
    for (unsigned i = 0; i < count; i++)
        at = stpcpy(at, piece);
    at = stpcpy(at, middle);
    for (unsigned i = 0; i < count; i++)
        at = stpcpy(at, end);
    return text;
}

static void compiles(const char *text) {
    struct pl_expr *expr;
    struct pl_error *error = NULL;
    if (pl_expr_compile(text, resolve, NULL, &expr, &error)) fail_msg("'%.60s': %s", text, error->text);
    pl_expr_free(expr);
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    static const struct {
        const char *piece, *end;
        int inside; /* where in the piece nesting begins */
    } rows[] = {{"(", ")", 1}, {"-", "", 1}, {"not ", "", 4}, {"abs(", ")", 4}, {"2^", "", 2}, {"if(1,2,", ")", 3}};
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
        compiles(repeated(rows[i].piece, PL_EXPR_DEPTH_MAX, "a", rows[i].end));
        const char *text = repeated(rows[i].piece, PL_EXPR_DEPTH_MAX + 1, "a", rows[i].end);
        int column = (int)strlen(rows[i].piece) * PL_EXPR_DEPTH_MAX + rows[i].inside + 1;
        error_is(text, PL_LIMIT, column, "nested more than 32 deep");
        error_is(repeated(rows[i].piece, 500, "a", rows[i].end), PL_LIMIT, column, "nested more than 32 deep");
    }
}

static void steps_values_numbers_and_text_have_limits(void **state) {
    (void)state;
    compiles(repeated("a+", 255, "a", ""));
    compiles(repeated("a+", 255, "-a", ""));
    error_is(repeated("a+", 256, "a", ""), PL_LIMIT, 512, "the expression has more than 512 steps");
    error_is(repeated("a+", 255, "--a", ""), PL_LIMIT, 510, "the expression has more than 512 steps");
    compiles(repeated("a or b and c<d+e*f^(", 16, "a", ")"));
    error_is(repeated("a or b and c<d+e*(", 30, "a", ")"), PL_LIMIT, 18 * 25 + 14,
             "more than 128 values wait for their operators");
    char text[PL_EXPR_TEXT_MAX + 2] = "a", *at = text + 1;
    for (int i = 0; i < PL_EXPR_CONSTANTS_MAX; i++)
        at += sprintf(at, "+a*%d", i);
    compiles(text);
    strcpy(at, "+a*7+a*1+a*63");
    compiles(text);
    strcpy(at, "+a*64");
    error_is(text, PL_LIMIT, 1, "more than 64 different numbers");
    memset(text, ' ', PL_EXPR_TEXT_MAX);
    text[0] = 'a';
    compiles(text);
    text[PL_EXPR_TEXT_MAX] = ' ';
    text[PL_EXPR_TEXT_MAX + 1] = 0;
    error_is(text, PL_LIMIT, 0, "the expression is longer than 4096 bytes");
}

static void constants_are_computed_once(void **state) {
    (void)state;
    struct pl_expr *expr;
    assert_int_equal(
        pl_expr_compile("(1 + 2) * -3 + min(4, 5, 6) * a / sqrt(16) + if(1 < 2, pi, 0)", resolve, NULL, &expr, NULL),
        PL_OK);
    assert_int_equal(expr->step_count, 9);
    assert_int_equal(expr->constants, 3); /* -9, 4, pi */
    pl_expr_free(expr);
    compiles(repeated("1+", 1000, "1", ""));
}

static void uses_are_the_variables_named(void **state) {
    (void)state;
    struct pl_expr *expr;
    assert_int_equal(pl_expr_compile("c + `a.b-c` * if(isnan(z), a, c)", resolve, NULL, &expr, NULL), PL_OK);
    assert_true(pl_expr_uses(expr) == (1u << 2 | 1u << 26 | 1u << 25 | 1u << 0));
    pl_expr_free(expr);
    pl_expr_free(NULL);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    for (int64_t n = 0;; n++) {
        struct pl_expr *expr;
        struct pl_error *error = NULL;
        pl_alloc_fail_after(n);
        enum pl_code code = pl_expr_compile(n % 2 ? "a + b * 2" : "a + volt", resolve, NULL, &expr, &error);
        bool spent = pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        pl_expr_free(expr);
        pl_error_free(&error);
        if (!spent && n % 2) assert_int_equal(code, PL_NO_MEMORY);
        if (n > 8 && spent) break;
    }
    assert_int_equal(pl_alloc_live(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place_and_what_was_expected),
        cmocka_unit_test(without_a_resolver_every_name_is_unknown),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(steps_values_numbers_and_text_have_limits),
        cmocka_unit_test(constants_are_computed_once),
        cmocka_unit_test(uses_are_the_variables_named),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
