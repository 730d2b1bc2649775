/* expr.h: arithmetic and conditions over columns, as people write them: "voltage * current / 1000",
 * "value > 4.8 and quality == good", "abs(mean - last) > 3 * stddev".
 *
 * A program is compiled once and evaluated a batch at a time, a column after the other. Its names are resolved by the
 * caller to variables; what they mean (a column, a tag, a threshold) is the caller's.
 *
 *     numbers      12, .5, 1.5e-3; nan (a missing value) and pi. No units: 10s and 5/min are not numbers
 *     operators    or; and; not; < <= > >= == !=; + -; * / %; unary -; ^ (right to left): each binds tighter than the
 *                  ones before it, so -2^2 is -4 and not a > b is not (a > b)
 *     functions    abs(x) sqrt(x) exp(x) ln(x) log10(x) floor(x) ceil(x) round(x) sign(x) min(a, b, ..) max(a, b, ..)
 *                  clamp(x, low, high) if(condition, a, b) isnan(x) coalesce(a, b, ..)
 *     truth        a comparison is 1 or 0; NaN compared is 0 (!= too); what is not 0 and not NaN is true
 *     NaN          in gives NaN out, but for comparisons, and, or, not, isnan, coalesce and the branch not taken
 *     %            has the sign of the divisor: -1 % 360 is 359
 *     round        halves go away from zero
 *
 * Limits: 4 KiB of text, 64 variables, 32 deep, 512 steps. A text within them may be anything: it gives a program or an
 * error, in time that grows with its length.
 */
#ifndef POTLINE_EXPR_H
#define POTLINE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "error.h"

struct pl_expr;

enum { PL_EXPR_VARIABLES_MAX = 64, PL_EXPR_TEXT_MAX = 4096, PL_EXPR_DEPTH_MAX = 32, PL_EXPR_STEPS_MAX = 512 };

/* Resolves a name (a word of letters, digits, '_' and '.', or anything between back quotes) to a variable's index,
 * which the caller gives out, below PL_EXPR_VARIABLES_MAX; -1: unknown. `name` does not end in 0. */
typedef int pl_expr_resolver(void *arg, const char *name, size_t length);

/* The program of a text; owned by the caller. PL_SYNTAX names the column and what was expected; an unknown name is
 * PL_UNKNOWN, one of the limits above PL_LIMIT. `place.line` is 1 and `place.column` counts characters of the text from
 * 1. */
PL_API enum pl_code pl_expr_compile(const char *text, pl_expr_resolver *resolve, void *arg, struct pl_expr **expr,
                                    struct pl_error **error);
PL_API void pl_expr_free(struct pl_expr *expr); /* NULL is fine */

/* Bit i: variable i is used. */
PL_API uint64_t pl_expr_uses(const struct pl_expr *expr);

/* A variable for an evaluation: `rows` values, or one that holds for all rows. */
struct pl_expr_value {
    const double *values;
    bool constant;
};

/* Evaluates `rows` rows into out. Only variables in use are read. `out` may be one of the columns read. One evaluation
 * of a program at a time. */
PL_API void pl_expr_eval(struct pl_expr *expr, const struct pl_expr_value *variables, uint32_t rows, double *out);

/* One row: variables[i] is the value of variable i. */
PL_API double pl_expr_eval_one(struct pl_expr *expr, const double *variables);

#endif
