/* bind.c: what the names in a rule's functions, expressions and message mean. */
#include <lauxlib.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <string.h>

#include "rule.h"

struct row_name {
    enum pl_kind kind;
    const char *name;
    const char *column; /* where it is called otherwise */
};

/* Numbers of a row, by kind. */
static const struct row_name numbers[] = {
    {PL_SAMPLES, "value", NULL},   {PL_WINDOWS, "mean", NULL},     {PL_WINDOWS, "min", NULL},
    {PL_WINDOWS, "max", NULL},     {PL_WINDOWS, "stddev", NULL},   {PL_WINDOWS, "first", NULL},
    {PL_WINDOWS, "last", NULL},    {PL_WINDOWS, "count", NULL},    {PL_WINDOWS, "skipped", NULL},
    {PL_WINDOWS, "start", NULL},   {PL_SETPOINTS, "value", NULL},  {PL_SETPOINTS, "lower", NULL},
    {PL_SETPOINTS, "upper", NULL}, {PL_SETPOINTS, "expiry", NULL}, {PL_EVENTS, "severity", NULL},
};

static int column_of(enum pl_kind kind, const char *name) {
    for (int i = 0; i < pl_kind_info[kind].columns; i++) {
        if (strcmp(pl_kind_info[kind].column[i].name, name) == 0) return i;
    }
    return -1;
}

static enum input_kind input_kind_of(enum pl_type type) {
    return type == PL_F64 ? INPUT_F64 : type == PL_U32 ? INPUT_U32 : type == PL_U16 ? INPUT_U16 : INPUT_SECONDS;
}

static int index_of(const char *const *names, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) return (int)i;
    }
    return -1;
}

int rule_param(const struct rule *rule, const char *name) {
    for (uint32_t i = 0; i < rule->params; i++) {
        if (strcmp(rule->param[i].name, name) == 0) return (int)i;
    }
    return -1;
}

bool rule__is_column(enum pl_kind kind, const char *name) {
    static const char *const always[] = {"tag", "asset", "time", "dt", "rule", "message", "reason", "file"};
    if (index_of(always, PL_COUNT_OF(always), name) >= 0) return true;
    if (kind == PL_EVENTS) return strcmp(name, "kind") == 0 || strcmp(name, "severity") == 0;
    return column_of(kind, name) >= 0;
}

static const char *keep(struct rule *rule, const char *text, size_t length) {
    struct rule_text *kept = pl_alloc(sizeof *kept + length + 1);
    if (!kept) return NULL;
    memcpy(kept->text, text, length);
    kept->next = rule->texts;
    rule->texts = kept;
    return kept->text;
}

const char *rule__keep(lua_State *lua, struct rule *rule, const char *text, size_t length) {
    const char *kept = keep(rule, text, length);
    if (!kept) rule__refuse(lua, "no memory");
    return kept;
}

/* ---- Names ---- */

/* The number of a row that `name` is; false when there is none of that name. */
static bool find_number(const struct rule *rule, const char *name, struct input *found) {
    int signal = index_of(rule->signal, rule->signals, name), field = index_of(rule->field, rule->fields, name);
    if (signal >= 0)
        *found = (struct input){.kind = INPUT_SIGNAL, .index = (uint8_t)signal};
    else if (field >= 0)
        *found = (struct input){.kind = INPUT_FIELD, .index = (uint8_t)field};
    else if (strcmp(name, "dt") == 0)
        *found = (struct input){.kind = INPUT_DT};
    else if (strcmp(name, "time") == 0)
        *found = (struct input){.kind = INPUT_SECONDS, .index = pl_kind_info[rule->on].time};
    else {
        for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
            if (numbers[i].kind != rule->on || strcmp(numbers[i].name, name) != 0) continue;
            int column = column_of(rule->on, name);
            *found = (struct input){.kind = (uint8_t)input_kind_of(pl_kind_info[rule->on].column[column].type),
                                    .index = (uint8_t)column};
            return true;
        }
        return false;
    }
    return true;
}

/* The place of an input, which is new when its name is. False when there is no room; raises nothing, since the compiler
 * of expressions could not be left by a jump. */
static bool add_input(struct rule *rule, const char *name, struct input found, struct arg *arg) {
    uint32_t at = 0;
    while (at < rule->inputs && strcmp(rule->input[at].name, name) != 0)
        at++;
    *arg = (struct arg){.kind = ARG_INPUT, .index = (uint8_t)at};
    if (at < rule->inputs) return true;
    if (at == RULE_PARTS_MAX) return false;
    found.name = keep(rule, name, strlen(name));
    if (!found.name) return false;
    rule->input[rule->inputs++] = found;
    return true;
}

static bool find_text(const struct rule *rule, const char *name, struct arg *arg) {
    if (strcmp(name, "tag") == 0)
        *arg = (struct arg){.kind = ARG_TAG};
    else if (strcmp(name, "asset") == 0)
        *arg = (struct arg){.kind = ARG_ASSET};
    else if (strcmp(name, "quality") == 0 && rule->on <= PL_WINDOWS)
        *arg = (struct arg){.kind = ARG_QUALITY};
    else if ((strcmp(name, "kind") == 0 && rule->on == PL_EVENTS) ||
             (strcmp(name, "origin") == 0 && rule->on == PL_SETPOINTS))
        *arg = (struct arg){.kind = ARG_NAME, .index = (uint8_t)column_of(rule->on, name)};
    else
        return false;
    return true;
}

static bool find(lua_State *lua, struct rule *rule, const char *name, struct arg *arg) {
    int param = rule_param(rule, name), memory = index_of(rule->memory, rule->memories, name);
    struct input input;
    if (param >= 0)
        *arg = (struct arg){.kind = ARG_PARAM, .index = (uint8_t)param};
    else if (memory >= 0)
        *arg = (struct arg){.kind = ARG_MEMORY, .index = (uint8_t)memory};
    else if (!find_number(rule, name, &input))
        return find_text(rule, name, arg);
    else if (!add_input(rule, name, input, arg))
        rule__refuse(lua, "rule %s: no room for '%s': at most %d different numbers of a row", rule->name, name,
                     RULE_PARTS_MAX);
    return true;
}

/* Says what is wrong with a name at the spot, and which one was meant. */
static void note_unknown(lua_State *lua, const struct rule *rule, struct spot *spot, const char *what,
                         const char *name) {
    const char *names[64] = {"tag", "asset", "time", "dt"};
    size_t count = 4;
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++)
        if (numbers[i].kind == rule->on) names[count++] = numbers[i].name;
    if (rule->on <= PL_WINDOWS) names[count++] = "quality";
    if (rule->on == PL_EVENTS) names[count++] = "kind";
    if (rule->on == PL_SETPOINTS) names[count++] = "origin";
    for (uint32_t i = 0; i < rule->params; i++)
        names[count++] = rule->param[i].name;
    for (uint32_t i = 0; i < rule->memories; i++)
        names[count++] = rule->memory[i];
    for (uint32_t i = 0; i < rule->signals; i++)
        names[count++] = rule->signal[i];
    for (uint32_t i = 0; i < rule->fields; i++)
        names[count++] = rule->field[i];
    const char *nearest = pl_text_nearest(name, names, count);
    snprintf(spot->word, sizeof spot->word, "%s", name);
    rule__note(lua, "rule %s: %s names '%s', which is no column of %s, parameter, memory or signal%s%s%s", rule->name,
               what, name, pl_kind_info[rule->on].name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
               nearest ? "'?" : "");
}

/* ---- Functions: on top of the stack, left there ---- */

/* A spot in the lines of the function. */
static struct spot *look_into(lua_State *lua, const struct rule *rule) {
    struct spot *spot = rule__look(lua, rule, NULL);
    lua_Debug about;
    lua_pushvalue(lua, -1);
    if (!lua_getinfo(lua, ">S", &about)) return spot;
    spot->first = about.linedefined;
    spot->last = about.lastlinedefined;
    return spot;
}

void rule__bind_function(lua_State *lua, struct rule *rule, struct condition *condition, const char *what) {
    struct spot *spot = look_into(lua, rule);
    for (int n = 1;; n++) {
        const char *name = lua_getlocal(lua, NULL, n);
        if (!name) return;
        struct arg *arg = &condition->arg[condition->args];
        if (condition->args == RULE_ARGS_MAX)
            rule__refuse(lua, "rule %s: %s takes more than %d arguments", rule->name, what, RULE_ARGS_MAX);
        if (!find(lua, rule, name, arg)) {
            note_unknown(lua, rule, spot, what, name);
            continue;
        }
        if (arg->kind == ARG_MEMORY && condition == &rule->when) condition->returned[condition->returns++] = arg->index;
        condition->args++;
    }
}

/* ---- Expressions ---- */

struct resolving {
    struct rule *rule;
    struct condition *condition;
    char unknown[64];
};

static int resolve(void *user, const char *text, size_t length) {
    struct resolving *r = user;
    static const char *const qualities[] = {"good", "uncertain", "bad"};
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    struct arg arg;
    struct input input;
    int quality = index_of(qualities, PL_COUNT_OF(qualities), name), param = rule_param(r->rule, name);
    struct condition *condition = r->condition;
    if (param >= 0) {
        arg = (struct arg){.kind = ARG_PARAM, .index = (uint8_t)param};
    } else if (find_number(r->rule, name, &input)) {
        if (!add_input(r->rule, name, input, &arg)) return -1;
    } else if (strcmp(name, "quality") == 0 && r->rule->on <= PL_WINDOWS) {
        arg = (struct arg){.kind = ARG_QUALITY};
    } else if (quality >= 0) {
        arg = (struct arg){.kind = ARG_CONSTANT, .index = (uint8_t)quality};
    } else {
        snprintf(r->unknown, sizeof r->unknown, "%s", name);
        return -1;
    }
    for (uint32_t i = 0; i < condition->args; i++) {
        if (memcmp(&condition->arg[i], &arg, sizeof arg) == 0) return (int)i;
    }
    if (condition->args == RULE_ARGS_MAX) return -1;
    condition->arg[condition->args] = arg;
    return (int)condition->args++;
}

void rule__bind_expression(lua_State *lua, struct rule *rule, struct condition *condition, const char *what,
                           const char *text) {
    struct resolving resolving = {.rule = rule, .condition = condition};
    struct pl_error *error = NULL;
    if (pl_expr_compile(text, resolve, &resolving, &condition->expr, &error) == PL_OK) return;
    char said[512];
    snprintf(said, sizeof said, "rule %s: %s = \"%s\": column %d: %s", rule->name, what, text,
             error ? error->place.column : 0, error ? error->text : "no memory");
    bool unknown = error && error->code == PL_UNKNOWN;
    pl_error_free(&error);
    if (unknown && *resolving.unknown)
        note_unknown(lua, rule, rule__look(lua, rule, what), what, resolving.unknown);
    else
        rule__note(lua, "%s", said);
}

/* ---- Messages ---- */

/* One {name} or {name:decimals}; `at` is behind the brace. Returns what is behind the closing one. */
static const char *bind_value(lua_State *lua, struct rule *rule, struct piece *piece, const char *at) {
    const char *end = strchr(at, '}');
    if (!end) {
        luaL_error(lua, "rule %s: message: a { without its }", rule->name);
        return at;
    }
    const char *colon = memchr(at, ':', (size_t)(end - at));
    piece->value = rule__keep(lua, rule, at, (size_t)((colon ? colon : end) - at));
    piece->decimals = -1;
    if (colon) {
        if (end != colon + 2 || colon[1] < '0' || colon[1] > '9')
            rule__refuse(lua, "rule %s: message: {%s:N} takes one digit, the number of decimals", rule->name,
                         piece->value);
        piece->decimals = colon[1] - '0';
    }
    if (!find(lua, rule, piece->value, &piece->arg))
        note_unknown(lua, rule, rule__look(lua, rule, "message"), "message", piece->value);
    else if (piece->arg.kind == ARG_QUALITY || piece->arg.kind == ARG_NAME)
        rule__refuse(lua, "rule %s: message: {%s} is a text that is not kept; numbers, tag and asset are", rule->name,
                     piece->value);
    return end + 1;
}

void rule__bind_message(lua_State *lua, struct rule *rule, const char *text) {
    while (*text) {
        if (rule->pieces == RULE_PIECES_MAX)
            rule__refuse(lua, "rule %s: message: more than %d values", rule->name, RULE_PIECES_MAX - 1);
        struct piece *piece = &rule->piece[rule->pieces++];
        size_t length = strcspn(text, "{");
        piece->text = rule__keep(lua, rule, text, length);
        text += length;
        if (*text) text = bind_value(lua, rule, piece, text + 1);
    }
}
