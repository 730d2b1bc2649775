/* A text from anywhere is a program or an error; a program gives the same row by row and in columns. */
#include <math.h>
#include <potline/expr.h>
#include <string.h>

#include "expect.h"

enum { VARIABLES = 8, ROWS = 300 };

static int resolve(void *arg, const char *name, size_t length) {
    unsigned *asked = arg;
    EXPECT(length > 0);
    ++*asked;
    unsigned char sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (unsigned char)(sum + (unsigned char)name[i]);
    return sum % 16 < VARIABLES ? sum % 16 : -1;
}

static void evaluate(struct pl_expr *expr) {
    static const double special[] = {0, 1, -1, NAN, INFINITY, -INFINITY, 1e308, 2.5};
    static double columns[VARIABLES][ROWS], out[ROWS];
    struct pl_expr_value with[VARIABLES];
    for (unsigned v = 0; v < VARIABLES; v++) {
        for (unsigned i = 0; i < ROWS; i++)
            columns[v][i] = v % 3 ? special[(i * (v + 1) + i / 8) % 8] : v;
        with[v] = (struct pl_expr_value){.values = columns[v], .constant = v % 3 == 0};
    }
    pl_expr_eval(expr, with, ROWS, out);
    for (unsigned i = 0; i < ROWS; i++) {
        double row[VARIABLES];
        for (unsigned v = 0; v < VARIABLES; v++)
            row[v] = columns[v][i];
        double one = pl_expr_eval_one(expr, row);
        EXPECT(isnan(one) ? isnan(out[i]) : one == out[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = strndup((const char *)bytes, size);
    EXPECT(text);
    struct pl_expr *expr = NULL;
    struct pl_error *error = NULL;
    unsigned asked = 0;
    enum pl_code code = pl_expr_compile(text, resolve, &asked, &expr, &error);
    EXPECT((code == PL_OK) == (expr != NULL) && (code == PL_OK) == (error == NULL));
    if (error) EXPECT(error->place.column >= 0 && (size_t)error->place.column <= strlen(text) + 1);
    if (expr) {
        EXPECT((pl_expr_uses(expr) >> VARIABLES) == 0);
        EXPECT(asked > 0 || pl_expr_uses(expr) == 0);
        evaluate(expr);
    }
    pl_expr_free(expr);
    pl_error_free(&error);
    free(text);
    return 0;
}
