#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <potline/expr.h>

#include "program.h"

enum { ROWS_MAX = 1000 };

/* x 3, y -2, z 0, m missing, i infinite, max 7 */
static const double values[] = {3, -2, 0, NAN, INFINITY, 7};

static int resolve(void *arg, const char *name, size_t length) {
    (void)arg;
    static const char *const names[] = {"x", "y", "z", "m", "i", "max"};
    for (int n = 0; n < 6; n++)
        if (strlen(names[n]) == length && memcmp(names[n], name, length) == 0) return n;
    return -1;
}

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) : a == b;
}

static struct pl_expr *compiled(const char *text) {
    struct pl_expr *expr;
    struct pl_error *error = NULL;
    if (pl_expr_compile(text, resolve, NULL, &expr, &error)) fail_msg("'%s': %s", text, error->text);
    return expr;
}

static const struct {
    const char *text;
    double result;
} rows[] = {
    {"12", 12},
    {".5", .5},
    {"5.", 5},
    {"1.5e-3", 1.5e-3},
    {"1E2", 100},
    {"nan", NAN},
    {"pi", 3.141592653589793},
    {"x", 3},
    {"`x`", 3},
    {"\t x\n", 3},
    /* precedence and associativity */
    {"1 + 2 * 3", 7},
    {"(1 + 2) * 3", 9},
    {"10 - 4 - 3", 3},
    {"24 / 4 / 3", 2},
    {"24 / 4 * 3", 18},
    {"17 % 10 % 4", 3},
    {"2 * 7 % 4", 2},
    {"2 ^ 3 ^ 2", 512},
    {"-2 ^ 2", -4},
    {"(-2) ^ 2", 4},
    {"2 ^ -1", .5},
    {"2 ^ -1 * 8", 4},
    {"2 ^ -2 ^ 2", .0625},
    {"2 * -3", -6},
    {"--x", 3},
    {"2 - -x", 5},
    {"-x - -y", -5},
    {"-x * y", 6},
    {"not 1 + 1 > 2", 1},
    {"not x > 2", 0},
    {"not not x", 1},
    {"not 0 and 0", 0},
    {"not (0 and 0)", 1},
    {"1 or 0 and 0", 1},
    {"(1 or 0) and 0", 0},
    {"1 + 1 == 2", 1},
    {"x > 2 and y < 0", 1},
    {"x > 2 and not y < 0 or z", 0},
    {"(1 < 2) == 1", 1},
    /* comparisons */
    {"x < 3", 0},
    {"x <= 3", 1},
    {"x > 3", 0},
    {"x >= 3", 1},
    {"x == 3", 1},
    {"x != 3", 0},
    {"x < 4", 1},
    {"x<=2", 0},
    {"x>y", 1},
    {"x!=y", 1},
    {"z == -z", 1},
    /* functions */
    {"abs(y)", 2},
    {"sqrt(x * 12)", 6},
    {"sqrt(y)", NAN},
    {"exp(z)", 1},
    {"ln(exp(x))", 3},
    {"ln(z)", -INFINITY},
    {"log10(1000)", 3},
    {"floor(-2.5)", -3},
    {"ceil(-2.5)", -2},
    {"round(-2.5)", -3},
    {"round(2.5)", 3},
    {"round(2.4)", 2},
    {"sign(y)", -1},
    {"sign(z)", 0},
    {"sign(x)", 1},
    {"min(x, y)", -2},
    {"max(x, y)", 3},
    {"min(4, x, y, 9)", -2},
    {"max(y, z, x, 1)", 3},
    {"clamp(x, 0, 2)", 2},
    {"clamp(y, 0, 2)", 0},
    {"clamp(x, 0, 9)", 3},
    {"if(x > 2, 10, 20)", 10},
    {"if(x < 2, 10, 20)", 20},
    {"if(y, 1, 2)", 1},
    {"if(z, 1, 2)", 2},
    {"isnan(m)", 1},
    {"isnan(x)", 0},
    {"coalesce(m, x)", 3},
    {"coalesce(x, m)", 3},
    {"coalesce(m, m, y)", -2},
    {"coalesce(m, m)", NAN},
    {"max - x", 4},
    {"max(max, x)", 7},
    {"-1 % 360", 359},
    {"365 % 360", 5},
    {"-365 % -360", -5},
    {"5 % -360", -355},
    {"7.5 % 2", 1.5},
    {"x % z", NAN},
    {"x / z", INFINITY},
    {"y / z", -INFINITY},
    {"z / z", NAN},
    {"i - i", NAN},
    {"0 ^ 0", 1},
    /* what is missing */
    {"m + 1", NAN},
    {"m * 0", NAN},
    {"-m", NAN},
    {"abs(m)", NAN},
    {"sign(m)", NAN},
    {"round(m)", NAN},
    {"m % 2", NAN},
    {"2 % m", NAN},
    {"min(m, x)", NAN},
    {"min(x, m)", NAN},
    {"max(m, x)", NAN},
    {"max(x, m)", NAN},
    {"max(i, m)", NAN},
    {"clamp(m, 0, 1)", NAN},
    {"clamp(x, m, 9)", NAN},
    {"clamp(x, 0, m)", NAN},
    {"m < 1", 0},
    {"m > 1", 0},
    {"m <= m", 0},
    {"m >= m", 0},
    {"m == m", 0},
    {"m != m", 0},
    {"x != m", 0},
    {"not m", 1},
    {"m and 1", 0},
    {"1 and m", 0},
    {"m or 1", 1},
    {"m or 0", 0},
    {"not (m > 1)", 1},
    {"if(m, 1, 2)", 2},
    {"if(1, x, m)", 3},
    {"if(0, m, x)", 3},
    {"if(1, m, x)", NAN},
};

/* By itself, and in every row of columns of many lengths. */
static void everything_has_its_result(void **state) {
    (void)state;
    static double column[6][ROWS_MAX], out[ROWS_MAX];
    static const uint32_t lengths[] = {1, 7, PL_EXPR_BLOCK - 1, PL_EXPR_BLOCK, PL_EXPR_BLOCK + 1, ROWS_MAX};
    struct pl_expr_value columns[6], constants[6];
    for (unsigned v = 0; v < 6; v++) {
        for (unsigned i = 0; i < ROWS_MAX; i++)
            column[v][i] = values[v];
        columns[v] = (struct pl_expr_value){.values = column[v]};
        constants[v] = (struct pl_expr_value){.values = &values[v], .constant = true};
    }
    for (size_t r = 0; r < PL_COUNT_OF(rows); r++) {
        struct pl_expr *expr = compiled(rows[r].text);
        double one = pl_expr_eval_one(expr, values);
        if (!same(one, rows[r].result)) fail_msg("%s is %.17g, not %.17g", rows[r].text, one, rows[r].result);
        for (size_t l = 0; l < 2 * PL_COUNT_OF(lengths); l++) {
            uint32_t length = lengths[l / 2];
            memset(out, 0x55, sizeof out);
            double untouched = out[0];
            pl_expr_eval(expr, l % 2 ? constants : columns, length, out);
            for (uint32_t i = 0; i < length; i++)
                if (!same(out[i], rows[r].result)) fail_msg("%s: row %u is %.17g", rows[r].text, i, out[i]);
            if (length < ROWS_MAX) assert_true(out[length] == untouched);
        }
        pl_expr_free(expr);
    }
}

static void the_result_may_stand_where_a_column_stood(void **state) {
    (void)state;
    static double x[ROWS_MAX], y[ROWS_MAX];
    static const char *const texts[] = {"x * y + x", "y * (x + x * x)", "x", "if(x > 4, x, y - x) * x"};
    for (size_t t = 0; t < PL_COUNT_OF(texts); t++) {
        struct pl_expr *expr = compiled(texts[t]);
        for (unsigned i = 0; i < ROWS_MAX; i++) {
            x[i] = i;
            y[i] = i % 17 + .5;
        }
        pl_expr_eval(expr, (struct pl_expr_value[]){{.values = x}, {.values = y}}, ROWS_MAX, x);
        for (unsigned i = 0; i < ROWS_MAX; i++)
            assert_true(x[i] == pl_expr_eval_one(expr, (double[]){i, i % 17 + .5}));
        pl_expr_free(expr);
    }
}

static void a_column_beside_what_holds_for_all_rows(void **state) {
    (void)state;
    static double x[ROWS_MAX], out[ROWS_MAX];
    double limit = 500;
    struct pl_expr *expr = compiled("if(x > y, y, x) - 1");
    for (unsigned i = 0; i < ROWS_MAX; i++)
        x[i] = i;
    struct pl_expr_value with[] = {{.values = x}, {.values = &limit, .constant = true}};
    for (; limit < 800; limit += 100) {
        pl_expr_eval(expr, with, ROWS_MAX, out);
        for (unsigned i = 0; i < ROWS_MAX; i++)
            assert_true(out[i] == (i > limit ? limit : i) - 1);
    }
    pl_expr_eval(expr, with, 0, NULL);
    pl_expr_free(expr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_its_result),
        cmocka_unit_test(the_result_may_stand_where_a_column_stood),
        cmocka_unit_test(a_column_beside_what_holds_for_all_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
