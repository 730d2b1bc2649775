/* kernel.c: every operation as a loop over columns.
 *
 * Where the result is one of the operands it is so row by row, which `ivdep` tells the compiler; so it needs no checks
 * and no second, slow loop.
 */
#include <math.h>

#include "program.h"

#ifdef __clang__
#define INDEPENDENT /* it checks by itself whether they overlap */
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define KERNEL(name, expression)                                                                                       \
    static void name(double *out, const double *a, const double *b, const double *c, uint32_t rows) {                  \
        (void)a, (void)b, (void)c;                                                                                     \
        INDEPENDENT for (uint32_t i = 0; i < rows; i++) out[i] = (expression);                                         \
    }

/* What is not 0 and not NaN. `&` and `|`, not `&&` and `||`: no jumps. */
#define TRUE(x) (((x) < 0) | ((x) > 0))

KERNEL(or_, (TRUE(a[i]) | TRUE(b[i])) ? 1.0 : 0.0)
KERNEL(and_, (TRUE(a[i]) & TRUE(b[i])) ? 1.0 : 0.0)
KERNEL(not_, TRUE(a[i]) ? 0.0 : 1.0)
KERNEL(less, a[i] < b[i] ? 1.0 : 0.0)
KERNEL(less_equal, a[i] <= b[i] ? 1.0 : 0.0)
KERNEL(greater, a[i] > b[i] ? 1.0 : 0.0)
KERNEL(greater_equal, a[i] >= b[i] ? 1.0 : 0.0)
KERNEL(equal, a[i] == b[i] ? 1.0 : 0.0)
KERNEL(not_equal, ((a[i] < b[i]) | (a[i] > b[i])) ? 1.0 : 0.0)
KERNEL(add, a[i] + b[i])
KERNEL(subtract, a[i] - b[i])
KERNEL(multiply, a[i] * b[i])
KERNEL(divide, a[i] / b[i])
KERNEL(negate, -a[i])
KERNEL(power, pow(a[i], b[i]))
KERNEL(abs_, fabs(a[i]))
KERNEL(sqrt_, sqrt(a[i]))
KERNEL(exp_, exp(a[i]))
KERNEL(ln, log(a[i]))
KERNEL(log10_, log10(a[i]))
KERNEL(floor_, floor(a[i]))
KERNEL(ceil_, ceil(a[i]))
KERNEL(round_, round(a[i]))
KERNEL(sign, a[i] > 0 ? 1.0 : a[i] < 0 ? -1.0 : a[i] + 0.0) /* -0 is 0 */
KERNEL(isnan_, a[i] != a[i] ? 1.0 : 0.0)

/* fmin and fmax leave NaN out; here a missing value makes the result missing. */
#define LOWER(x, y) ((((y) < (x)) | ((y) != (y))) ? (y) : (x))
#define HIGHER(x, y) ((((y) > (x)) | ((y) != (y))) ? (y) : (x))
KERNEL(min_, LOWER(a[i], b[i]))
KERNEL(max_, HIGHER(a[i], b[i]))

static void clamp(double *out, const double *a, const double *b, const double *c, uint32_t rows) {
    INDEPENDENT for (uint32_t i = 0; i < rows; i++) {
        double raised = HIGHER(a[i], b[i]);
        out[i] = LOWER(raised, c[i]);
    }
}

/* Both are read whatever is chosen: no jumps here either. */
static void if_(double *out, const double *a, const double *b, const double *c, uint32_t rows) {
    INDEPENDENT for (uint32_t i = 0; i < rows; i++) {
        double yes = b[i], no = c[i];
        out[i] = TRUE(a[i]) ? yes : no;
    }
}

static void coalesce(double *out, const double *a, const double *b, const double *c, uint32_t rows) {
    (void)c;
    INDEPENDENT for (uint32_t i = 0; i < rows; i++) {
        double first = a[i], second = b[i];
        out[i] = first != first ? second : first;
    }
}

static double remainder_of(double a, double b) {
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
KERNEL(remainder_, remainder_of(a[i], b[i]))

pl_expr_kernel *const pl__expr_kernel[PL_EXPR_OPS] = {
    [PL_EXPR_OR] = or_,
    [PL_EXPR_AND] = and_,
    [PL_EXPR_NOT] = not_,
    [PL_EXPR_LESS] = less,
    [PL_EXPR_LESS_EQUAL] = less_equal,
    [PL_EXPR_GREATER] = greater,
    [PL_EXPR_GREATER_EQUAL] = greater_equal,
    [PL_EXPR_EQUAL] = equal,
    [PL_EXPR_NOT_EQUAL] = not_equal,
    [PL_EXPR_ADD] = add,
    [PL_EXPR_SUBTRACT] = subtract,
    [PL_EXPR_MULTIPLY] = multiply,
    [PL_EXPR_DIVIDE] = divide,
    [PL_EXPR_REMAINDER] = remainder_,
    [PL_EXPR_NEGATE] = negate,
    [PL_EXPR_POWER] = power,
    [PL_EXPR_ABS] = abs_,
    [PL_EXPR_SQRT] = sqrt_,
    [PL_EXPR_EXP] = exp_,
    [PL_EXPR_LN] = ln,
    [PL_EXPR_LOG10] = log10_,
    [PL_EXPR_FLOOR] = floor_,
    [PL_EXPR_CEIL] = ceil_,
    [PL_EXPR_ROUND] = round_,
    [PL_EXPR_SIGN] = sign,
    [PL_EXPR_MIN] = min_,
    [PL_EXPR_MAX] = max_,
    [PL_EXPR_CLAMP] = clamp,
    [PL_EXPR_IF] = if_,
    [PL_EXPR_ISNAN] = isnan_,
    [PL_EXPR_COALESCE] = coalesce,
};

#define OPERANDS(name, operands, text) [PL_EXPR_##name] = (operands),
const uint8_t pl__expr_operands[PL_EXPR_OPS] = {PL_EXPR_MAP(OPERANDS)};
