/* trial_scope.c: what names mean in the expressions of a test file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/expr.h>
#include <potline/quality.h>

#include "trial_impl.h"

static bool is(const char *name, size_t length, const char *text) {
    return strlen(text) == length && memcmp(name, text, length) == 0;
}

static bool is_number(enum pl_type type) {
    return type == PL_F64 || type == PL_U32 || type == PL_U16;
}

static bool find_column(const struct pl_trial_scope *scope, const char *name, size_t length,
                        struct pl_trial_variable *variable) {
    const struct pl_kind_info *info = &pl_kind_info[scope->kind];
    for (unsigned i = 0; i < info->columns; i++) {
        bool end = info->heaps && i == info->end;
        if (end || !is_number(info->column[i].type) || !is(name, length, info->column[i].name)) continue;
        *variable = (struct pl_trial_variable){.type = PL_TRIAL_COLUMN, .column = i};
        return true;
    }
    return false;
}

static int column_of(enum pl_kind kind, const char *name) {
    for (int i = 0; i < pl_kind_info[kind].columns; i++)
        if (strcmp(pl_kind_info[kind].column[i].name, name) == 0) return i;
    return -1;
}

static bool find_quality(const struct pl_trial_scope *scope, const char *name, size_t length,
                         struct pl_trial_variable *variable) {
    static const char *const severities[] = {"good", "uncertain", "bad"};
    static const struct {
        const char *name;
        uint16_t flag;
    } flags[] = {
#define FLAG(name, bit, text) {text, PL_Q_##name},
        PL_QUALITY_MAP(FLAG)
#undef FLAG
    };
    int column = column_of(scope->kind, "quality");
    if (column < 0) return false;
    if (is(name, length, "quality")) {
        *variable = (struct pl_trial_variable){.type = PL_TRIAL_SEVERITY, .column = (unsigned)column};
        return true;
    }
    for (unsigned i = 0; i < PL_COUNT_OF(severities); i++)
        if (is(name, length, severities[i])) {
            *variable = (struct pl_trial_variable){.type = PL_TRIAL_CONSTANT, .constant = i};
            return true;
        }
    for (unsigned i = 0; i < PL_COUNT_OF(flags); i++)
        if (is(name, length, flags[i].name)) {
            *variable =
                (struct pl_trial_variable){.type = PL_TRIAL_FLAG, .column = (unsigned)column, .flag = flags[i].flag};
            return true;
        }
    return false;
}

static bool find_body(const struct pl_trial_scope *scope, const char *name, size_t length,
                      struct pl_trial_variable *variable) {
    if (scope->kind != PL_EVENTS || length <= 5 || strncmp(name, "body.", 5) != 0) return false;
    *variable = (struct pl_trial_variable){.type = PL_TRIAL_BODY};
    if (length - 5 >= sizeof variable->name) return false;
    memcpy(variable->name, name + 5, length - 5);
    return true;
}

static bool find(const struct pl_trial_scope *scope, const char *name, size_t length,
                 struct pl_trial_variable *variable) {
    bool seconds = is(name, length, "t"), index = is(name, length, "i");
    *variable = (struct pl_trial_variable){.type = seconds ? PL_TRIAL_SECONDS : PL_TRIAL_INDEX};
    if (seconds || index) return true;
    return !scope->formula && (find_quality(scope, name, length, variable) ||
                               find_column(scope, name, length, variable) || find_body(scope, name, length, variable));
}

int pl_trial_resolve(void *arg, const char *name, size_t length) {
    struct pl_trial_scope *scope = arg;
    struct pl_trial_variable variable;
    if (!find(scope, name, length, &variable)) return -1;
    for (unsigned i = 0; i < scope->count; i++) {
        const struct pl_trial_variable *v = &scope->variable[i];
        if (v->type == variable.type && v->column == variable.column && v->flag == variable.flag &&
            v->constant == variable.constant && strcmp(v->name, variable.name) == 0)
            return (int)i;
    }
    if (scope->count == PL_COUNT_OF(scope->variable) || scope->count == PL_EXPR_VARIABLES_MAX) return -1;
    scope->variable[scope->count] = variable;
    return (int)scope->count++;
}

bool pl__trial_expression(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *text,
                          struct pl_trial_scope *scope) {
    struct pl_expr *expr = NULL;
    struct pl_error *error = NULL;
    enum pl_code code = pl_expr_compile(text, pl_trial_resolve, scope, &expr, &error);
    if (code) {
        struct pl_place place = at->place;
        bool within = error && error->place.column > 0 && at->plain; /* quotes may hide more than they show */
        if (within) place.column += error->place.column - 1;
        pl__problem_at(reading->yaml->problems, place, "%s", error ? error->text : pl_code_text(code));
    }
    pl_error_free(&error);
    pl_expr_free(expr);
    return !code;
}
