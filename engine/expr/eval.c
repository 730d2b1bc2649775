/* eval.c: a program at work: all steps over one block of rows, then over the next. */
#include <string.h>

#include <potline/alloc.h>

#include "program.h"

static double *scratch(const struct pl_expr *expr, uint32_t depth) {
    return expr->blocks + (size_t)depth * PL_EXPR_BLOCK;
}

static double *constant_block(const struct pl_expr *expr, uint32_t index) {
    return scratch(expr, expr->stack + index);
}

static double *variable_block(const struct pl_expr *expr, uint32_t variable) {
    uint64_t before = expr->uses & (((uint64_t)1 << variable) - 1);
    return constant_block(expr, expr->constants + (uint32_t)__builtin_popcountll(before));
}

static void fill(double *block, double value, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++)
        block[i] = value;
}

/* Runs all steps over `rows` rows, at most a block. The last operation writes to `out` itself: it has nothing left to
 * read that `out` may be. */
static void run(const struct pl_expr *expr, const double *const *variables, uint32_t rows, double *out) {
    const double *stack[PL_EXPR_STACK_MAX] = {out};
    uint32_t depth = 0;
    for (uint32_t i = 0; i < expr->step_count; i++) {
        struct pl_expr_step step = expr->step[i];
        if (step.op == PL_EXPR_VARIABLE) {
            stack[depth++] = variables[step.index];
        } else if (step.op == PL_EXPR_CONSTANT) {
            stack[depth++] = constant_block(expr, step.index);
        } else {
            uint32_t operands = pl__expr_operands[step.op];
            depth -= operands;
            const double *const *at = stack + depth;
            double *result = i + 1 == expr->step_count ? out : scratch(expr, depth);
            pl__expr_kernel[step.op](result, at[0], operands > 1 ? at[1] : NULL, operands > 2 ? at[2] : NULL, rows);
            stack[depth++] = result;
        }
    }
    if (stack[0] != out) memmove(out, stack[0], rows * sizeof *out);
}

void pl_expr_eval(struct pl_expr *expr, const struct pl_expr_value *variables, uint32_t rows, double *out) {
    const double *at[PL_EXPR_VARIABLES_MAX];
    for (uint64_t left = expr->uses; left; left &= left - 1) {
        uint32_t v = (uint32_t)__builtin_ctzll(left);
        at[v] = variables[v].constant ? variable_block(expr, v) : variables[v].values;
        if (variables[v].constant)
            fill(variable_block(expr, v), variables[v].values[0], rows < PL_EXPR_BLOCK ? rows : PL_EXPR_BLOCK);
    }
    while (rows) {
        uint32_t count = rows < PL_EXPR_BLOCK ? rows : PL_EXPR_BLOCK;
        run(expr, at, count, out);
        for (uint64_t left = expr->uses; left; left &= left - 1) {
            uint32_t v = (uint32_t)__builtin_ctzll(left);
            if (!variables[v].constant) at[v] += count;
        }
        out += count;
        rows -= count;
    }
}

double pl_expr_eval_one(struct pl_expr *expr, const double *variables) {
    const double *at[PL_EXPR_VARIABLES_MAX];
    double out;
    for (uint64_t left = expr->uses; left; left &= left - 1) {
        uint32_t v = (uint32_t)__builtin_ctzll(left);
        at[v] = &variables[v];
    }
    run(expr, at, 1, &out);
    return out;
}

uint64_t pl_expr_uses(const struct pl_expr *expr) {
    return expr->uses;
}

bool pl__expr_finish(struct pl_expr *expr) {
    size_t blocks = expr->stack + expr->constants + (unsigned)__builtin_popcountll(expr->uses);
    expr->blocks = pl_alloc_aligned(64, blocks * PL_EXPR_BLOCK * sizeof *expr->blocks);
    if (!expr->blocks) return false;
    for (uint32_t i = 0; i < expr->constants; i++)
        fill(constant_block(expr, i), expr->constant[i], PL_EXPR_BLOCK);
    return true;
}

void pl_expr_free(struct pl_expr *expr) {
    if (!expr) return;
    pl_free(expr->blocks);
    pl_free(expr);
}
