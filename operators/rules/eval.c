/* eval.c: a row for a rule: its numbers, then a call into Lua or an expression. */
#include <lauxlib.h>
#include <math.h>
#include <potline/expr.h>
#include <string.h>

#include "node.h"

/* What a row gives back of a rule's credit: in the long run no row may take more than this share of the budget. */
enum { LONG_RUN_SHARE = 50 };

/* ---- Numbers ---- */

static double field_of(const struct row *row, const char *name) {
    uint32_t length, pairs;
    const void *bytes = pl_batch_heap_row(row->batch, 0, row->index, &length);
    struct pl_unpack body;
    pl_unpack_init(&body, bytes, length);
    if (!length || !pl_unpack_map(&body, &pairs)) return NAN;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *key;
        size_t size;
        double value = NAN;
        if (!pl_unpack_str(&body, &key, &size)) return NAN;
        if (size == strlen(name) && memcmp(key, name, size) == 0) return pl_unpack_f64(&body, &value) ? value : NAN;
        if (!pl_unpack_skip(&body)) return NAN;
    }
    return NAN;
}

static double signal_of(const struct row *row, const struct rule *rule, uint32_t id) {
    const struct signal *signal = id == PL_NO_ID ? NULL : pl_table_find(pl_node_table(row->node, TABLE_SIGNALS), id, 0);
    if (!signal || (rule->fresh && row->time - signal->time > rule->fresh)) return NAN;
    return signal->value;
}

static double column_value(const struct pl_batch *batch, const struct input *input, uint32_t i) {
    const void *column = batch->column[input->index];
    switch (input->kind) {
    case INPUT_F64: return ((const double *)column)[i];
    case INPUT_U32: return ((const uint32_t *)column)[i];
    case INPUT_U16: return ((const uint16_t *)column)[i];
    default: return (double)((const pl_time *)column)[i] / 1e9;
    }
}

bool rules__inputs(const struct row *row, const struct rule *rule, const struct concern *concern, pl_time previous,
                   double *input) {
    bool whole = true;
    for (uint32_t i = 0; i < rule->inputs; i++) {
        const struct input *in = &rule->input[i];
        switch (in->kind) {
        case INPUT_DT: input[i] = previous == PL_TIME_MIN ? 0 : (double)(row->time - previous) / 1e9; break;
        case INPUT_SIGNAL: {
            uint32_t id = row->rules->subjects.ids[concern->signals + in->index];
            input[i] = signal_of(row, rule, id);
            if (isnan(input[i])) return false;
            break;
        }
        case INPUT_FIELD: input[i] = field_of(row, rule->field[in->index]); break;
        default: input[i] = column_value(row->batch, in, row->index);
        }
        whole = whole && !isnan(input[i]);
    }
    return whole || rule->any_quality;
}

static double severity_of(uint16_t quality) {
    return quality & PL_Q_BAD ? 2 : quality & PL_Q_UNCERTAIN ? 1 : 0;
}

/* ---- Lua ---- */

struct naming {
    struct rule *rule;
    uint32_t place;
    const struct pl_tag *entry;
};

static int put_name(lua_State *lua) {
    const struct naming *naming = lua_touserdata(lua, 1);
    lua_pushlstring(lua, naming->entry->name, naming->entry->length);
    return 1;
}

/* A name as a Lua text; made once while it stays in its place of the table. */
static bool push_name(const struct row *row, struct rule *rule, uint32_t id) {
    struct sandbox *sandbox = rule->sandbox;
    uint32_t place = id % RULE_TEXTS;
    if (rule->text_of[place] != id + 1) {
        struct naming naming = {.entry = pl_tags_get(pl_node_tags(row->node), id)};
        if (!sandbox_protect(sandbox, put_name, &naming, 1)) return false;
        lua_rawseti(sandbox->lua, RULE_AT_TEXTS, place + 1); /* its place is there already: the table does not grow */
        rule->text_of[place] = id + 1;
    }
    lua_rawgeti(sandbox->lua, RULE_AT_TEXTS, place + 1);
    return true;
}

static bool push(const struct row *row, struct rule *rule, struct arg arg, const double *input, const double *memory) {
    lua_State *lua = rule->sandbox->lua;
    switch (arg.kind) {
    case ARG_INPUT: lua_pushnumber(lua, input[arg.index]); return true;
    case ARG_PARAM: lua_pushnumber(lua, rule->param[arg.index].value); return true;
    case ARG_MEMORY: lua_pushnumber(lua, memory[arg.index]); return true;
    case ARG_QUALITY: lua_pushvalue(lua, RULE_AT_GOOD + (int)severity_of(row->quality)); return true;
    case ARG_TAG: return push_name(row, rule, row->tag);
    case ARG_ASSET: return push_name(row, rule, pl_tags_get(pl_node_tags(row->node), row->tag)->asset);
    default: return push_name(row, rule, ((const uint32_t *)row->batch->column[arg.index])[row->index]);
    }
}

static enum outcome fail(struct rule *rule, const char *text) {
    snprintf(rule->error, sizeof rule->error, "%s", text);
    return OUTCOME_NONE;
}

/* The condition, then the numbers of memory that the function takes; none of them may be changed by half. */
static enum outcome take_results(struct rule *rule, const struct condition *condition, int first, double *memory) {
    lua_State *lua = rule->sandbox->lua;
    double number[RULE_PARTS_MAX];
    int type = lua_type(lua, first);
    char text[160];
    if (type != LUA_TBOOLEAN && type != LUA_TNIL) {
        snprintf(text, sizeof text, "%s returns a %s where true or false is expected",
                 condition == &rule->when ? "when" : "clear", lua_typename(lua, type));
        return fail(rule, text);
    }
    for (uint32_t i = 0; i < condition->returns; i++) {
        int of = lua_type(lua, first + 1 + (int)i);
        number[i] = of == LUA_TNUMBER ? lua_tonumber(lua, first + 1 + (int)i) : memory[condition->returned[i]];
        if (of == LUA_TNUMBER || of == LUA_TNIL) continue;
        snprintf(text, sizeof text, "memory %s is a number, not a %s", rule->memory[condition->returned[i]],
                 lua_typename(lua, of));
        return fail(rule, text);
    }
    for (uint32_t i = 0; i < condition->returns; i++)
        memory[condition->returned[i]] = number[i];
    return lua_toboolean(lua, first) ? OUTCOME_TRUE : OUTCOME_FALSE;
}

/* Every row gives back a share; what a call took is counted in thousands, so that most calls change nothing. */
static bool pay(const struct row *row, struct rule *rule) {
    int64_t took = rule->sandbox->steps, budget = row->rules->budget;
    if (!took && rule->credit == budget) return true;
    rule->credit = rule->credit - took + budget / LONG_RUN_SHARE;
    if (rule->credit > budget) rule->credit = budget;
    rules__keep_standing(row->node, rule);
    return rule->credit >= 0;
}

static enum outcome call_lua(const struct row *row, struct rule *rule, const struct condition *condition,
                             const double *input, double *memory) {
    lua_State *lua = rule->sandbox->lua;
    int results = 1 + (condition == &rule->when ? (int)condition->returns : 0);
    enum outcome outcome;
    lua_pushvalue(lua, condition->function);
    bool good = true;
    for (uint32_t i = 0; good && i < condition->args; i++)
        good = push(row, rule, condition->arg[i], input, memory);
    good = good && sandbox_call(rule->sandbox, (int)condition->args, results, row->rules->budget);
    if (!good)
        outcome = fail(rule, sandbox_message(rule->sandbox));
    else if (!pay(row, rule))
        outcome = fail(rule, "takes more instructions than its budget allows in the long run");
    else
        outcome = take_results(rule, condition, RULE_AT_BAD + 1, memory);
    lua_settop(lua, RULE_AT_BAD);
    return outcome;
}

/* ---- Expressions ---- */

static double value_of(const struct row *row, const struct rule *rule, struct arg arg, const double *input) {
    switch (arg.kind) {
    case ARG_INPUT: return input[arg.index];
    case ARG_PARAM: return rule->param[arg.index].value;
    case ARG_QUALITY: return severity_of(row->quality);
    default: return arg.index;
    }
}

static enum outcome call_expression(const struct row *row, const struct rule *rule, const struct condition *condition,
                                    const double *input) {
    double values[PL_EXPR_VARIABLES_MAX];
    for (uint32_t i = 0; i < condition->args; i++)
        values[i] = value_of(row, rule, condition->arg[i], input);
    double truth = pl_expr_eval_one(condition->expr, values);
    return truth != 0 && !isnan(truth) ? OUTCOME_TRUE : OUTCOME_FALSE;
}

enum outcome rules__call(const struct row *row, struct rule *rule, const struct condition *condition,
                         const double *input, double *memory) {
    if (condition->expr) return call_expression(row, rule, condition, input);
    return call_lua(row, rule, condition, input, memory);
}

/* ---- Columns ---- */

static const double no_memory_needed = 0;

static bool room_for(struct rules *rules, struct rule *rule, uint32_t rows) {
    if (rows > rule->result_room) {
        double *grown = pl_realloc(rule->result, rows * sizeof *grown);
        if (!grown) return false;
        rule->result = grown;
        rule->result_room = rows;
    }
    if (rows <= rules->scratch_rows) return true;
    double *grown = pl_realloc(rules->scratch, (size_t)rows * RULE_ARGS_MAX * sizeof *grown);
    if (!grown) return false;
    rules->scratch = grown;
    rules->scratch_rows = rows;
    return true;
}

static void fill(const struct pl_batch *batch, const struct rule *rule, struct arg arg, double *out) {
    const uint16_t *quality = batch->column[pl_kind_info[batch->kind].columns - 1];
    for (uint32_t i = 0; i < batch->rows; i++)
        out[i] = arg.kind == ARG_INPUT ? column_value(batch, &rule->input[arg.index], i) : severity_of(quality[i]);
}

/* The whole batch, also rows of tags that the rule is not for: a column costs less than picking rows. */
static bool evaluate_column(struct rules *rules, struct rule *rule, const struct pl_batch *batch) {
    struct pl_expr_value values[PL_EXPR_VARIABLES_MAX];
    double constants[RULE_ARGS_MAX];
    if (!room_for(rules, rule, batch->rows)) return false;
    for (uint32_t i = 0; i < rule->when.args; i++) {
        struct arg arg = rule->when.arg[i];
        bool constant = arg.kind == ARG_PARAM || arg.kind == ARG_CONSTANT;
        bool direct = arg.kind == ARG_INPUT && rule->input[arg.index].kind == INPUT_F64;
        double *own = rules->scratch + (size_t)i * rules->scratch_rows;
        constants[i] = constant ? value_of(NULL, rule, arg, NULL) : no_memory_needed;
        if (!constant && !direct) fill(batch, rule, arg, own);
        values[i] = (struct pl_expr_value){.values = constant ? &constants[i]
                                                     : direct ? batch->column[rule->input[arg.index].index]
                                                              : own,
                                           .constant = constant};
    }
    pl_expr_eval(rule->when.expr, values, batch->rows, rule->result);
    return true;
}

bool rules__evaluate_columns(struct rules *rules, const struct pl_batch *batch) {
    bool good = true;
    for (uint32_t i = 0; good && i < rules->set->count; i++) {
        struct rule *rule = rules->set->rule[i];
        if (rule->columnar && rule->on == (enum pl_kind)batch->kind && !rule->off)
            good = evaluate_column(rules, rule, batch);
    }
    return good;
}
