/* Expressions made at random, as trees: what the tree gives when it is walked, the text of it must give as well. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/expr.h>

enum { VARIABLES = 5, ROWS = 300, NODES_MAX = 400, TEXT_MAX = 4000 };

enum shape { NUMBER, VARIABLE, MINUS, INVERT, INFIX, CALL };

struct tree {
    enum shape shape;
    const char *text; /* operator or function */
    double number;
    unsigned variable;
    unsigned count;
    struct tree *child[4];
};

/* From loose to tight. */
static const struct {
    const char *text;
    int level;
} infix[] = {{"or", 1}, {"and", 2}, {"<", 4}, {"<=", 4}, {">", 4}, {">=", 4}, {"==", 4},
             {"!=", 4}, {"+", 5},   {"-", 5}, {"*", 6},  {"/", 6}, {"%", 6},  {"^", 8}};
static const struct {
    const char *text;
    unsigned least, most;
} calls[] = {{"abs", 1, 1},   {"sqrt", 1, 1},  {"exp", 1, 1},   {"ln", 1, 1},    {"log10", 1, 1},
             {"floor", 1, 1}, {"ceil", 1, 1},  {"round", 1, 1}, {"sign", 1, 1},  {"min", 2, 4},
             {"max", 2, 4},   {"clamp", 3, 3}, {"if", 3, 3},    {"isnan", 1, 1}, {"coalesce", 2, 4}};

static struct tree nodes[NODES_MAX];
static unsigned used;

static unsigned random_below(unsigned below) {
    return (unsigned)(rand() / (RAND_MAX + 1.0) * below);
}

static struct tree *grow(unsigned depth) {
    struct tree *t = &nodes[used++];
    *t = (struct tree){0};
    unsigned dice = depth == 0 || used > 40 ? random_below(4) : random_below(14);
    if (dice == 0) {
        t->number = random_below(2) ? random_below(10) : random_below(100000) / 256.0;
    } else if (dice < 4) {
        t->shape = VARIABLE;
        t->variable = random_below(VARIABLES);
    } else if (dice < 6) {
        t->shape = dice == 4 ? MINUS : INVERT;
        t->count = 1;
    } else if (dice < 11) {
        t->shape = INFIX;
        t->variable = random_below(sizeof infix / sizeof infix[0]);
        t->text = infix[t->variable].text;
        t->count = 2;
    } else {
        unsigned f = random_below(sizeof calls / sizeof calls[0]);
        t->shape = CALL;
        t->text = calls[f].text;
        t->count = calls[f].least + random_below(calls[f].most - calls[f].least + 1);
    }
    for (unsigned i = 0; i < t->count; i++)
        t->child[i] = grow(depth - 1);
    return t;
}

/* ---- As text ---- */

static char text[TEXT_MAX];
static size_t length;

static void put(const char *word) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%s", word);
    assert_true(length < sizeof text);
}

static int level_of(const struct tree *t) {
    switch (t->shape) {
    case INFIX: return infix[t->variable].level;
    case INVERT: return 3;
    case MINUS: return 7;
    default: return 9;
    }
}

static void write_tree(const struct tree *t, int least);

static void write_infix(const struct tree *t) {
    int level = level_of(t);
    bool power = level == 8, compares = level == 4;
    write_tree(t->child[0], power || compares ? level + 1 : level);
    put(" ");
    put(t->text);
    put(" ");
    write_tree(t->child[1], power ? 7 : level + 1);
}

static void write_call(const struct tree *t) {
    put(t->text);
    put("(");
    for (unsigned i = 0; i < t->count; i++) {
        if (i) put(", ");
        write_tree(t->child[i], 0);
    }
    put(")");
}

/* Brackets where they are needed, and sometimes where not. */
static void write_tree(const struct tree *t, int least) {
    bool brackets = level_of(t) < least || random_below(12) == 0;
    char word[40];
    if (brackets) put("(");
    switch (t->shape) {
    case NUMBER: snprintf(word, sizeof word, "%.17g", t->number), put(word); break;
    case VARIABLE: snprintf(word, sizeof word, random_below(2) ? "v%u" : "`v%u`", t->variable), put(word); break;
    case MINUS: put("-"), write_tree(t->child[0], 7); break;
    case INVERT: put("not "), write_tree(t->child[0], 3); break;
    case INFIX: write_infix(t); break;
    case CALL: write_call(t); break;
    }
    if (brackets) put(")");
}

/* ---- As a tree ---- */

static bool is(const struct tree *t, const char *word) {
    return strcmp(t->text, word) == 0;
}

static bool holds(double x) {
    return !isnan(x) && x != 0;
}

static double walk_infix(const struct tree *t, double a, double b) {
    bool numbers = !isnan(a) && !isnan(b);
    if (is(t, "or")) return holds(a) || holds(b);
    if (is(t, "and")) return holds(a) && holds(b);
    if (is(t, "<")) return numbers && a < b;
    if (is(t, "<=")) return numbers && a <= b;
    if (is(t, ">")) return numbers && a > b;
    if (is(t, ">=")) return numbers && a >= b;
    if (is(t, "==")) return numbers && a == b;
    if (is(t, "!=")) return numbers && a != b;
    if (is(t, "+")) return a + b;
    if (is(t, "-")) return a - b;
    if (is(t, "*")) return a * b;
    if (is(t, "/")) return a / b;
    if (is(t, "^")) return pow(a, b);
    double rest = fmod(a, b);
    if (rest < 0 && b > 0) return rest + b;
    if (rest > 0 && b < 0) return rest + b;
    return rest;
}

static double walk_one(const struct tree *t, double a) {
    if (is(t, "abs")) return fabs(a);
    if (is(t, "sqrt")) return sqrt(a);
    if (is(t, "exp")) return exp(a);
    if (is(t, "ln")) return log(a);
    if (is(t, "log10")) return log10(a);
    if (is(t, "floor")) return floor(a);
    if (is(t, "ceil")) return ceil(a);
    if (is(t, "round")) return round(a);
    if (is(t, "isnan")) return isnan(a) ? 1 : 0;
    return isnan(a) ? a : (double)((a > 0) - (a < 0));
}

static double extreme(const double *x, unsigned count, bool greatest) {
    double found = x[0];
    for (unsigned i = 0; i < count; i++) {
        if (isnan(x[i])) return NAN;
        if (greatest ? x[i] > found : x[i] < found) found = x[i];
    }
    return found;
}

static double walk_call(const struct tree *t, const double *x) {
    if (is(t, "min") || is(t, "max")) return extreme(x, t->count, is(t, "max"));
    if (is(t, "if")) return holds(x[0]) ? x[1] : x[2];
    if (is(t, "clamp")) {
        if (isnan(x[0]) || isnan(x[1]) || isnan(x[2])) return NAN;
        double raised = x[0] < x[1] ? x[1] : x[0];
        return raised > x[2] ? x[2] : raised;
    }
    if (is(t, "coalesce")) {
        for (unsigned i = 0; i < t->count; i++)
            if (!isnan(x[i])) return x[i];
        return NAN;
    }
    return walk_one(t, x[0]);
}

static double walk(const struct tree *t, const double *variables) {
    double x[4];
    for (unsigned i = 0; i < t->count; i++)
        x[i] = walk(t->child[i], variables);
    switch (t->shape) {
    case NUMBER: return t->number;
    case VARIABLE: return variables[t->variable];
    case MINUS: return -x[0];
    case INVERT: return !holds(x[0]);
    case INFIX: return walk_infix(t, x[0], x[1]);
    default: return walk_call(t, x);
    }
}

/* ---- Held against each other ---- */

static int resolve(void *arg, const char *name, size_t size) {
    (void)arg;
    return size == 2 && name[0] == 'v' && name[1] - '0' < VARIABLES ? name[1] - '0' : -1;
}

static double random_value(void) {
    static const double special[] = {0, -0.0, 1, -1, NAN, INFINITY, -INFINITY, 1e308, 5e-324, 2};
    return random_below(3) ? random_below(20000) / 64.0 - 150 : special[random_below(10)];
}

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) : a == b;
}

static void compare(const struct tree *t, struct pl_expr *expr) {
    static double columns[VARIABLES][ROWS], out[ROWS];
    struct pl_expr_value with[VARIABLES];
    for (unsigned v = 0; v < VARIABLES; v++) {
        with[v] = (struct pl_expr_value){.values = columns[v], .constant = random_below(4) == 0};
        for (unsigned i = 0; i < ROWS; i++)
            columns[v][i] = with[v].constant && i ? columns[v][0] : random_value();
    }
    unsigned rows = 1 + random_below(ROWS);
    pl_expr_eval(expr, with, rows, out);
    for (unsigned i = 0; i < rows; i++) {
        double row[VARIABLES];
        for (unsigned v = 0; v < VARIABLES; v++)
            row[v] = columns[v][i];
        double expected = walk(t, row), one = pl_expr_eval_one(expr, row);
        if (!same(out[i], expected) || !same(one, expected))
            fail_msg("%s: (%g %g %g %g %g) gives %.17g, by itself %.17g, the tree %.17g", text, row[0], row[1], row[2],
                     row[3], row[4], out[i], one, expected);
    }
}

static void a_text_gives_what_its_tree_gives(void **state) {
    (void)state;
    unsigned trees = getenv("POTLINE_LONG") ? 200000 : 5000;
    for (unsigned n = 0; n < trees; n++) {
        used = 0;
        length = 0;
        const struct tree *t = grow(random_below(7));
        write_tree(t, 0);
        struct pl_expr *expr;
        struct pl_error *error = NULL;
        if (pl_expr_compile(text, resolve, NULL, &expr, &error)) fail_msg("%s: %s", text, error->text);
        compare(t, expr);
        pl_expr_free(expr);
    }
}

int main(void) {
    srand(7);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_text_gives_what_its_tree_gives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
