/* program.h: what a text is compiled to: steps on a stack of columns.
 *
 *     "(voltage - 1.65) / current"     load voltage, load 1.65, subtract, load current, divide
 *
 * A stack entry is a pointer to a block of rows: of a column, of a constant (a block that holds it in every row), or of
 * the scratch block at its depth. So every operation is one loop over blocks, and blocks stay in the cache.
 */
#ifndef POTLINE_EXPR_PROGRAM_H
#define POTLINE_EXPR_PROGRAM_H

#include <potline/expr.h>

enum { PL_EXPR_BLOCK = 256, PL_EXPR_CONSTANTS_MAX = 64, PL_EXPR_STACK_MAX = 128 };

/* Operation, operands, name of the function or NULL. */
#define PL_EXPR_MAP(XX)                                                                                                \
    XX(OR, 2, NULL)                                                                                                    \
    XX(AND, 2, NULL)                                                                                                   \
    XX(NOT, 1, NULL)                                                                                                   \
    XX(LESS, 2, NULL)                                                                                                  \
    XX(LESS_EQUAL, 2, NULL)                                                                                            \
    XX(GREATER, 2, NULL)                                                                                               \
    XX(GREATER_EQUAL, 2, NULL)                                                                                         \
    XX(EQUAL, 2, NULL)                                                                                                 \
    XX(NOT_EQUAL, 2, NULL)                                                                                             \
    XX(ADD, 2, NULL)                                                                                                   \
    XX(SUBTRACT, 2, NULL)                                                                                              \
    XX(MULTIPLY, 2, NULL)                                                                                              \
    XX(DIVIDE, 2, NULL)                                                                                                \
    XX(REMAINDER, 2, NULL)                                                                                             \
    XX(NEGATE, 1, NULL)                                                                                                \
    XX(POWER, 2, NULL)                                                                                                 \
    XX(ABS, 1, "abs")                                                                                                  \
    XX(SQRT, 1, "sqrt")                                                                                                \
    XX(EXP, 1, "exp")                                                                                                  \
    XX(LN, 1, "ln")                                                                                                    \
    XX(LOG10, 1, "log10")                                                                                              \
    XX(FLOOR, 1, "floor")                                                                                              \
    XX(CEIL, 1, "ceil")                                                                                                \
    XX(ROUND, 1, "round")                                                                                              \
    XX(SIGN, 1, "sign")                                                                                                \
    XX(MIN, 2, "min")                                                                                                  \
    XX(MAX, 2, "max")                                                                                                  \
    XX(CLAMP, 3, "clamp")                                                                                              \
    XX(IF, 3, "if")                                                                                                    \
    XX(ISNAN, 1, "isnan")                                                                                              \
    XX(COALESCE, 2, "coalesce")

enum pl_expr_op {
#define PL_EXPR_ENUM(name, operands, text) PL_EXPR_##name,
    PL_EXPR_MAP(PL_EXPR_ENUM)
#undef PL_EXPR_ENUM
        PL_EXPR_OPS,
    PL_EXPR_VARIABLE = PL_EXPR_OPS, /* loads variable `index` */
    PL_EXPR_CONSTANT,               /* loads constant `index` */
};

struct pl_expr_step {
    uint8_t op;
    uint8_t index;
};

struct pl_expr {
    uint32_t step_count;
    uint32_t stack; /* deepest */
    uint32_t constants;
    uint64_t uses;
    double constant[PL_EXPR_CONSTANTS_MAX];
    struct pl_expr_step step[PL_EXPR_STEPS_MAX];
    double *blocks; /* scratch by depth, then a block a constant, then a block a variable for those that are constant */
};

/* out[i] = op(a[i], b[i], c[i]); operands that the operation does not have are not read. `out` may be a, b or c. */
typedef void pl_expr_kernel(double *out, const double *a, const double *b, const double *c, uint32_t rows);
extern pl_expr_kernel *const pl__expr_kernel[PL_EXPR_OPS];
extern const uint8_t pl__expr_operands[PL_EXPR_OPS];

/* eval.c: the blocks of a program whose steps and constants stand. False without memory. */
bool pl__expr_finish(struct pl_expr *expr);

#endif
