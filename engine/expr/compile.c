/* compile.c: from text to steps, by precedence climbing. The stack of C grows with brackets, functions, signs and
 * powers only, and those have a limit.
 */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "program.h"
#include "token.h"

/* How tightly an operator binds. */
enum level { NONE, OR_LEVEL, AND_LEVEL, NOT_LEVEL, COMPARE_LEVEL, SUM_LEVEL, PRODUCT_LEVEL, SIGN_LEVEL, POWER_LEVEL };

static const struct {
    const char *text;
    enum pl_expr_op op;
    enum level level;
} binary[] = {
    {"or", PL_EXPR_OR, OR_LEVEL},
    {"and", PL_EXPR_AND, AND_LEVEL},
    {"<", PL_EXPR_LESS, COMPARE_LEVEL},
    {"<=", PL_EXPR_LESS_EQUAL, COMPARE_LEVEL},
    {">", PL_EXPR_GREATER, COMPARE_LEVEL},
    {">=", PL_EXPR_GREATER_EQUAL, COMPARE_LEVEL},
    {"==", PL_EXPR_EQUAL, COMPARE_LEVEL},
    {"!=", PL_EXPR_NOT_EQUAL, COMPARE_LEVEL},
    {"+", PL_EXPR_ADD, SUM_LEVEL},
    {"-", PL_EXPR_SUBTRACT, SUM_LEVEL},
    {"*", PL_EXPR_MULTIPLY, PRODUCT_LEVEL},
    {"/", PL_EXPR_DIVIDE, PRODUCT_LEVEL},
    {"%", PL_EXPR_REMAINDER, PRODUCT_LEVEL},
    {"^", PL_EXPR_POWER, POWER_LEVEL},
};

#define FUNCTION_NAME(name, operands, text) [PL_EXPR_##name] = (text),
static const char *const function_names[PL_EXPR_OPS] = {PL_EXPR_MAP(FUNCTION_NAME)};

struct compiler {
    struct pl_expr *expr;
    struct pl_expr_lexer lexer;
    struct pl_expr_token token; /* the one to be looked at */
    pl_expr_resolver *resolve;
    void *arg;
    struct pl_error **error;
    uint32_t depth;
    uint32_t stack;                     /* values at hand after the steps so far */
    double constant[PL_EXPR_STEPS_MAX]; /* of each step that loads one */
};

static enum pl_code next(struct compiler *c) {
    return pl__expr_token(&c->lexer, &c->token, c->error);
}

static struct pl_place place_of(const struct pl_expr_token *token) {
    return (struct pl_place){.line = 1, .column = token->column};
}

static enum pl_code expected(const struct compiler *c, const char *what) {
    return pl_error_at(c->error, PL_SYNTAX, place_of(&c->token), "expected %s, found %s", what,
                       pl__expr_say(&c->token).text);
}

static bool token_is(const struct pl_expr_token *token, const char *text) {
    return (token->type == PL_TOKEN_SIGN || token->type == PL_TOKEN_NAME) && strlen(text) == token->length &&
           memcmp(token->text, text, token->length) == 0;
}

/* ---- Steps ---- */

static enum pl_code load(struct compiler *c, const struct pl_expr_token *from, enum pl_expr_op op, int index,
                         double constant) {
    struct pl_expr *expr = c->expr;
    if (expr->step_count == PL_EXPR_STEPS_MAX)
        return pl_error_at(c->error, PL_LIMIT, place_of(from), "the expression has more than %d steps",
                           PL_EXPR_STEPS_MAX);
    if (c->stack == PL_EXPR_STACK_MAX)
        return pl_error_at(c->error, PL_LIMIT, place_of(from), "more than %d values wait for their operators",
                           PL_EXPR_STACK_MAX);
    c->constant[expr->step_count] = constant;
    expr->step[expr->step_count++] = (struct pl_expr_step){.op = (uint8_t)op, .index = (uint8_t)index};
    if (++c->stack > expr->stack) expr->stack = c->stack;
    return PL_OK;
}

/* An operation on constants is done at once. */
static bool fold(struct compiler *c, enum pl_expr_op op) {
    struct pl_expr *expr = c->expr;
    uint32_t operands = pl__expr_operands[op], first = expr->step_count - operands;
    for (uint32_t i = first; i < expr->step_count; i++)
        if (expr->step[i].op != PL_EXPR_CONSTANT) return false;
    const double *at = c->constant + first;
    double value;
    pl__expr_kernel[op](&value, at, operands > 1 ? at + 1 : NULL, operands > 2 ? at + 2 : NULL, 1);
    c->constant[first] = value;
    expr->step_count = first + 1;
    return true;
}

static enum pl_code operate(struct compiler *c, const struct pl_expr_token *from, enum pl_expr_op op) {
    struct pl_expr *expr = c->expr;
    c->stack -= pl__expr_operands[op] - 1u;
    if (fold(c, op)) return PL_OK;
    if (expr->step_count == PL_EXPR_STEPS_MAX)
        return pl_error_at(c->error, PL_LIMIT, place_of(from), "the expression has more than %d steps",
                           PL_EXPR_STEPS_MAX);
    expr->step[expr->step_count++] = (struct pl_expr_step){.op = (uint8_t)op};
    return PL_OK;
}

/* ---- The language ---- */

static enum pl_code parse(struct compiler *c, enum level least);

static enum pl_code parse_deeper(struct compiler *c, enum level least) {
    if (c->depth == PL_EXPR_DEPTH_MAX)
        return pl_error_at(c->error, PL_LIMIT, place_of(&c->token), "nested more than %d deep", PL_EXPR_DEPTH_MAX);
    c->depth++;
    enum pl_code code = parse(c, least);
    c->depth--;
    return code;
}

static enum pl_code load_variable(struct compiler *c, const struct pl_expr_token *name) {
    int index = c->resolve ? c->resolve(c->arg, name->text, name->length) : -1;
    if (index < 0) return pl_error_at(c->error, PL_UNKNOWN, place_of(name), "unknown name %s", pl__expr_say(name).text);
    if (index >= PL_EXPR_VARIABLES_MAX)
        return pl_error_at(c->error, PL_LIMIT, place_of(name), "more than %d variables", PL_EXPR_VARIABLES_MAX);
    c->expr->uses |= (uint64_t)1 << index;
    return load(c, name, PL_EXPR_VARIABLE, index, 0);
}

static enum pl_code parse_name(struct compiler *c, const struct pl_expr_token *name) {
    if (token_is(name, "nan")) return load(c, name, PL_EXPR_CONSTANT, 0, (double)NAN);
    if (token_is(name, "pi")) return load(c, name, PL_EXPR_CONSTANT, 0, M_PI);
    return load_variable(c, name);
}

static enum pl_code unknown_function(const struct compiler *c, const struct pl_expr_token *name) {
    const char *known[PL_EXPR_OPS];
    size_t count = 0;
    for (unsigned op = 0; op < PL_EXPR_OPS; op++)
        if (function_names[op]) known[count++] = function_names[op];
    char word[64] = "";
    if (name->length < sizeof word) memcpy(word, name->text, name->length);
    const char *nearest = *word ? pl_text_nearest(word, known, count) : NULL;
    if (strcmp(word, "log") == 0)
        return pl_error_at(c->error, PL_UNKNOWN, place_of(name), "unknown function 'log': did you mean ln or log10?");
    if (strcmp(word, "pow") == 0)
        return pl_error_at(c->error, PL_UNKNOWN, place_of(name), "unknown function 'pow': write a ^ b");
    return pl_error_at(c->error, PL_UNKNOWN, place_of(name), "unknown function %s%s%s%s", pl__expr_say(name).text,
                       nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static bool is_variadic(enum pl_expr_op op) {
    return op == PL_EXPR_MIN || op == PL_EXPR_MAX || op == PL_EXPR_COALESCE;
}

static enum pl_code check_arguments(const struct compiler *c, const struct pl_expr_token *name, enum pl_expr_op op,
                                    uint32_t count) {
    uint32_t wanted = pl__expr_operands[op];
    if (count == wanted || (is_variadic(op) && count > wanted)) return PL_OK;
    return pl_error_at(c->error, PL_SYNTAX, place_of(name), "%s takes %u value%s%s, not %u", function_names[op], wanted,
                       wanted == 1 ? "" : "s", is_variadic(op) ? " or more" : "", count);
}

/* At the token behind the opening bracket. */
static enum pl_code parse_arguments(struct compiler *c, const struct pl_expr_token *name, enum pl_expr_op op) {
    uint32_t count = 0;
    enum pl_code code = PL_OK;
    while (!code && !(count == 0 && token_is(&c->token, ")"))) {
        code = parse_deeper(c, OR_LEVEL);
        count++;
        if (!code && is_variadic(op) && count > 1) code = operate(c, name, op);
        if (code || token_is(&c->token, ")")) break;
        code = token_is(&c->token, ",") ? next(c) : expected(c, "',' or ')'");
    }
    if (!code) code = check_arguments(c, name, op, count);
    if (!code && !is_variadic(op)) code = operate(c, name, op);
    return code ? code : next(c);
}

static enum pl_code parse_function(struct compiler *c, const struct pl_expr_token *name) {
    for (unsigned op = 0; op < PL_EXPR_OPS; op++) {
        if (!function_names[op] || !token_is(name, function_names[op])) continue;
        enum pl_code code = next(c);
        return code ? code : parse_arguments(c, name, (enum pl_expr_op)op);
    }
    return unknown_function(c, name);
}

static enum pl_code parse_brackets(struct compiler *c) {
    enum pl_code code = next(c);
    if (!code) code = parse_deeper(c, OR_LEVEL);
    if (!code && !token_is(&c->token, ")")) code = expected(c, "an operator or ')'");
    return code ? code : next(c);
}

static bool is_word_of_the_language(const struct pl_expr_token *token) {
    return token_is(token, "or") || token_is(token, "and") || token_is(token, "not");
}

/* A number, a name, a function, or what stands in brackets. */
static enum pl_code parse_value(struct compiler *c) {
    const struct pl_expr_token token = c->token;
    if (token_is(&token, "(")) return parse_brackets(c);
    if (token_is(&token, "not")) return expected(c, "a value ('not' here needs brackets)");
    if (token.type == PL_TOKEN_END || token.type == PL_TOKEN_SIGN || is_word_of_the_language(&token))
        return expected(c, "a value");
    enum pl_code code = next(c);
    if (code) return code;
    if (token.type == PL_TOKEN_NUMBER) return load(c, &token, PL_EXPR_CONSTANT, 0, token.number);
    if (token.type == PL_TOKEN_QUOTED) return load_variable(c, &token);
    return token_is(&c->token, "(") ? parse_function(c, &token) : parse_name(c, &token);
}

static enum pl_code parse_operand(struct compiler *c, enum level least) {
    const struct pl_expr_token token = c->token;
    bool inverts = least <= NOT_LEVEL && token_is(&token, "not");
    if (!inverts && !token_is(&token, "-")) return parse_value(c);
    enum pl_code code = next(c);
    if (!code) code = parse_deeper(c, inverts ? NOT_LEVEL : SIGN_LEVEL);
    return code ? code : operate(c, &token, inverts ? PL_EXPR_NOT : PL_EXPR_NEGATE);
}

/* Which operator the token is; -1: none. */
static int find_operator(const struct pl_expr_token *token) {
    for (size_t i = 0; i < PL_COUNT_OF(binary); i++)
        if (token_is(token, binary[i].text)) return (int)i;
    return -1;
}

static enum pl_code parse_right(struct compiler *c, enum level level) {
    if (level == POWER_LEVEL) return parse_deeper(c, SIGN_LEVEL); /* right to left; 2 ^ -1 needs no brackets */
    return parse(c, (enum level)(level + 1));
}

/* An operand, and all operators behind it that bind at least as tightly as `least`. */
static enum pl_code parse(struct compiler *c, enum level least) {
    enum pl_code code = parse_operand(c, least);
    bool compared = false;
    while (!code) {
        const struct pl_expr_token token = c->token;
        int found = find_operator(&token);
        if (found < 0 || binary[found].level < least) break;
        if (compared && binary[found].level == COMPARE_LEVEL)
            return expected(c, "'and' or 'or' between comparisons (a < b and b < c)");
        compared = binary[found].level == COMPARE_LEVEL;
        code = next(c);
        if (!code) code = parse_right(c, binary[found].level);
        if (!code) code = operate(c, &token, binary[found].op);
    }
    return code;
}

/* ---- Putting it together ---- */

/* The constants that are left, each once. */
static enum pl_code gather_constants(struct compiler *c) {
    struct pl_expr *expr = c->expr;
    for (uint32_t i = 0; i < expr->step_count; i++) {
        if (expr->step[i].op != PL_EXPR_CONSTANT) continue;
        uint32_t k = 0;
        while (k < expr->constants && memcmp(&expr->constant[k], &c->constant[i], sizeof(double)) != 0)
            k++;
        if (k == PL_EXPR_CONSTANTS_MAX)
            return pl_error_at(c->error, PL_LIMIT, (struct pl_place){.line = 1, .column = 1},
                               "more than %d different numbers", PL_EXPR_CONSTANTS_MAX);
        if (k == expr->constants) expr->constant[expr->constants++] = c->constant[i];
        expr->step[i].index = (uint8_t)k;
    }
    return PL_OK;
}

static enum pl_code compile(struct compiler *c) {
    enum pl_code code = next(c);
    if (!code) code = parse(c, OR_LEVEL);
    if (!code && c->token.type != PL_TOKEN_END) code = expected(c, "an operator or the end");
    if (!code) code = gather_constants(c);
    if (!code && !pl__expr_finish(c->expr)) code = pl_error_set(c->error, PL_NO_MEMORY, "no memory for an expression");
    return code;
}

enum pl_code pl_expr_compile(const char *text, pl_expr_resolver *resolve, void *arg, struct pl_expr **expr,
                             struct pl_error **error) {
    *expr = NULL;
    if (strnlen(text, PL_EXPR_TEXT_MAX + 1) > PL_EXPR_TEXT_MAX)
        return pl_error_set(error, PL_LIMIT, "the expression is longer than %d bytes", PL_EXPR_TEXT_MAX);
    struct compiler c = {.expr = PL_NEW(struct pl_expr),
                         .lexer = {.at = text, .column = 1},
                         .resolve = resolve,
                         .arg = arg,
                         .error = error};
    if (!c.expr) return pl_error_set(error, PL_NO_MEMORY, "no memory for an expression");
    enum pl_code code = compile(&c);
    if (code)
        pl_expr_free(c.expr);
    else
        *expr = c.expr;
    return code;
}
