/* trial_formula.c: values that a row of a test file gives as formulas in t and i. */
#include <math.h>

#include <potline/alloc.h>
#include <potline/expr.h>

#include "trial_feed.h"

struct pl__trial_formulas {
    const struct pl_trial_row *row;
    struct pl_trial_scope scope[PL_COLUMNS_MAX];
    struct pl_expr *expr[PL_COLUMNS_MAX];
};

struct pl__trial_formulas *pl__trial_formulas_new(const struct pl_trial_row *row) {
    struct pl__trial_formulas *f = PL_NEW(struct pl__trial_formulas);
    if (!f) return NULL;
    f->row = row;
    for (unsigned i = 0; i < PL_COLUMNS_MAX; i++) {
        if (row->column[i].type != PL_TRIAL_FORMULA) continue;
        f->scope[i].formula = true;
        if (!pl_expr_compile(row->column[i].text, pl_trial_resolve, &f->scope[i], &f->expr[i], NULL)) continue;
        pl__trial_formulas_free(f);
        return NULL;
    }
    return f;
}

void pl__trial_formulas_free(struct pl__trial_formulas *formulas) {
    for (unsigned i = 0; formulas && i < PL_COLUMNS_MAX; i++)
        pl_expr_free(formulas->expr[i]);
    pl_free(formulas);
}

double pl__trial_formula(struct pl__trial_formulas *formulas, unsigned column, pl_time start, uint32_t index) {
    const struct pl_trial_row *row = formulas->row;
    const struct pl_trial_value *time = &row->column[pl_kind_info[row->kind].time];
    const struct pl_trial_scope *scope = &formulas->scope[column];
    if (!formulas->expr[column]) return row->column[column].number;
    double values[PL_EXPR_VARIABLES_MAX];
    for (unsigned i = 0; i < scope->count; i++)
        values[i] = scope->variable[i].type == PL_TRIAL_INDEX
                        ? index
                        : (double)(time->integer + index * row->every - start) / (double)PL_SECOND;
    return pl_expr_eval_one(formulas->expr[column], values);
}
