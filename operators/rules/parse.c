/* parse.c: a rule's table, as the function `rule` of a Lua file is given it. A rule is read in parts, each in a
 * protected call of its own: what is wrong with one part is a mistake of the source, and the next is read. */
#include <lauxlib.h>
#include <math.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <stdarg.h>
#include <string.h>

#include "rule.h"

enum { TABLE = 1 };

static const char *const keys[] = {"name",    "doc",    "on",      "tags",     "params", "memory",
                                   "with",    "fields", "fresh",   "when",     "clear",  "hold",
                                   "release", "each",   "quality", "severity", "message"};
static const char *const kinds[] = {[PL_SAMPLES] = "samples",
                                    [PL_WINDOWS] = "windows",
                                    [PL_PROFILES] = "",
                                    [PL_SETPOINTS] = "setpoints",
                                    [PL_EVENTS] = "events"};

/* ---- Mistakes ---- */

struct spot *rule__look(lua_State *lua, const struct rule *rule, const char *key) {
    struct loader *loader = sandbox_of(lua)->owner;
    loader->spot = (struct spot){.first = rule->line, .key = {key}};
    return &loader->spot;
}

void rule__note(lua_State *lua, const char *format, ...) {
    struct loader *loader = sandbox_of(lua)->owner;
    va_list arguments;
    va_start(arguments, format);
    mistakes_add(&loader->source->mistakes, &loader->spot, lua_pushvfstring(lua, format, arguments));
    va_end(arguments);
    lua_pop(lua, 1);
}

/* ---- Fields: each leaves the stack as it was ---- */

/* The keys of the rule, or of its parameter `param`. */
static void check_keys(lua_State *lua, const struct rule *rule, const char *param, const char *const *known,
                       size_t count, int table) {
    char what[2 * RULE_NAME_MAX + 32];
    snprintf(what, sizeof what, "rule %s%s%s", rule->name, param ? ": parameter " : "", param ? param : "");
    for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1)) {
        const char *key = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : NULL;
        if (!key) rule__refuse(lua, "%s: entries have names", what);
        bool there = false;
        for (size_t i = 0; i < count; i++)
            there = there || strcmp(known[i], key) == 0;
        if (there) continue;
        struct spot *spot = rule__look(lua, rule, param ? "params" : key);
        if (param) spot->key[1] = param;
        if (param) spot->key[2] = key;
        const char *nearest = pl_text_nearest(key, known, count);
        rule__note(lua, "%s: '%s' is unknown%s%s%s", what, key, nearest ? "; did you mean '" : "",
                   nearest ? nearest : "", nearest ? "'?" : "");
    }
}

/* The text of a field, kept with the rule; NULL when it is not given. */
static const char *text_of(lua_State *lua, struct rule *rule, int table, const char *key) {
    const char *text = NULL;
    if (table == TABLE) rule__look(lua, rule, key);
    lua_getfield(lua, table, key);
    if (lua_type(lua, -1) == LUA_TSTRING) {
        size_t length;
        const char *found = lua_tolstring(lua, -1, &length);
        if (length > SANDBOX_TEXT_MAX) rule__refuse(lua, "rule %s: %s is too long", rule->name, key);
        text = rule__keep(lua, rule, found, length);
    } else if (!lua_isnil(lua, -1)) {
        rule__refuse(lua, "rule %s: %s is a text, not a %s", rule->name, key, luaL_typename(lua, -1));
    }
    lua_pop(lua, 1);
    return text;
}

static double number_of(lua_State *lua, const struct rule *rule, int table, const char *key, double fallback) {
    if (table == TABLE) rule__look(lua, rule, key);
    lua_getfield(lua, table, key);
    double number = fallback;
    if (lua_type(lua, -1) == LUA_TNUMBER)
        number = lua_tonumber(lua, -1);
    else if (!lua_isnil(lua, -1))
        rule__refuse(lua, "rule %s: %s is a number, not a %s", rule->name, key, luaL_typename(lua, -1));
    lua_pop(lua, 1);
    return number;
}

static pl_time duration_of(lua_State *lua, struct rule *rule, const char *key) {
    const char *text = text_of(lua, rule, TABLE, key);
    pl_time time = 0;
    if (text && (!pl_text_duration(text, strlen(text), &time) || time < 0 || time > 30 * PL_DAY))
        rule__refuse(lua, "rule %s: %s = \"%s\" is no duration like \"10s\" of at most 30d", rule->name, key, text);
    return time;
}

/* A name that is declared under `key`. */
static void check_word(lua_State *lua, const struct rule *rule, const char *key, const char *what, const char *word) {
    size_t length = strlen(word);
    struct spot *spot = rule__look(lua, rule, key);
    snprintf(spot->word, sizeof spot->word, "%s", word);
    bool good = length > 0 && length <= RULE_NAME_MAX && !(word[0] >= '0' && word[0] <= '9') &&
                strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == length;
    if (!good) rule__refuse(lua, "rule %s: %s '%s' is no name (letters, digits, _)", rule->name, what, word);
    if (rule__is_column(rule->on, word))
        rule__refuse(lua, "rule %s: %s '%s' has the name of something else", rule->name, what, word);
}

/* A text or a list of texts. */
static uint32_t texts_of(lua_State *lua, struct rule *rule, const char *key, const char **texts, uint32_t most) {
    uint32_t count = 0;
    rule__look(lua, rule, key);
    lua_getfield(lua, TABLE, key);
    int list = lua_gettop(lua);
    if (lua_type(lua, list) == LUA_TSTRING) {
        texts[count++] = text_of(lua, rule, TABLE, key);
    } else if (lua_type(lua, list) == LUA_TTABLE) {
        for (lua_Unsigned i = 1; i <= lua_rawlen(lua, list); i++, lua_pop(lua, 1)) {
            size_t length;
            if (lua_rawgeti(lua, list, (lua_Integer)i) != LUA_TSTRING)
                rule__refuse(lua, "rule %s: %s is a text or a list of texts", rule->name, key);
            if (count == most) rule__refuse(lua, "rule %s: %s: more than %d entries", rule->name, key, (int)most);
            const char *text = lua_tolstring(lua, -1, &length);
            texts[count++] = rule__keep(lua, rule, text, length);
        }
    } else if (!lua_isnil(lua, list)) {
        rule__refuse(lua, "rule %s: %s is a text or a list of texts", rule->name, key);
    }
    lua_pop(lua, 1);
    return count;
}

/* ---- The parts of a rule ---- */

static void read_param(lua_State *lua, struct rule *rule, struct param *param, int value) {
    static const char *const known[] = {"low", "high", "unit", "doc"};
    rule__look(lua, rule, "params")->key[1] = param->name;
    *param = (struct param){.name = param->name, .unit = "", .doc = "", .low = -INFINITY, .high = INFINITY};
    if (lua_type(lua, value) == LUA_TNUMBER) {
        param->fallback = param->value = lua_tonumber(lua, value);
        return;
    }
    if (lua_type(lua, value) != LUA_TTABLE || lua_rawgeti(lua, value, 1) != LUA_TNUMBER)
        rule__refuse(lua, "rule %s: parameter %s is a number, or { 8.0, low = 4, high = 40, unit = \"V\" }", rule->name,
                     param->name);
    param->fallback = param->value = lua_tonumber(lua, -1);
    lua_pop(lua, 1);
    lua_pushnil(lua);
    lua_rawseti(lua, value, 1); /* so that what is left has names; put back below */
    check_keys(lua, rule, param->name, known, PL_COUNT_OF(known), value);
    rule__look(lua, rule, "params")->key[1] = param->name;
    lua_pushnumber(lua, param->fallback);
    lua_rawseti(lua, value, 1);
    param->low = number_of(lua, rule, value, "low", -INFINITY);
    param->high = number_of(lua, rule, value, "high", INFINITY);
    const char *unit = text_of(lua, rule, value, "unit"), *doc = text_of(lua, rule, value, "doc");
    if (unit) param->unit = unit;
    if (doc) param->doc = doc;
    if (!(param->fallback >= param->low && param->fallback <= param->high))
        rule__refuse(lua, "rule %s: parameter %s: %f is not from %f to %f", rule->name, param->name, param->fallback,
                     param->low, param->high);
}

/* The names of a map, in their order, so that what is kept does not depend on how Lua orders a table. */
static uint32_t names_of(lua_State *lua, struct rule *rule, const char *key, const char **names) {
    uint32_t count = 0;
    rule__look(lua, rule, key);
    lua_getfield(lua, TABLE, key);
    int map = lua_gettop(lua);
    if (lua_isnil(lua, map)) {
        lua_pop(lua, 1);
        return 0;
    }
    if (!lua_istable(lua, map)) rule__refuse(lua, "rule %s: %s is a table of names and numbers", rule->name, key);
    for (lua_pushnil(lua); lua_next(lua, map); lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING) rule__refuse(lua, "rule %s: %s: entries have names", rule->name, key);
        if (count == RULE_PARTS_MAX)
            rule__refuse(lua, "rule %s: %s: more than %d entries", rule->name, key, RULE_PARTS_MAX);
        size_t length;
        const char *found = lua_tolstring(lua, -2, &length);
        const char *name = rule__keep(lua, rule, found, length);
        check_word(lua, rule, key, key, name);
        uint32_t at = count++;
        for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    lua_settop(lua, map - 1);
    return count;
}

static void read_params(lua_State *lua, struct rule *rule) {
    const char *names[RULE_PARTS_MAX] = {0};
    rule->params = names_of(lua, rule, "params", names);
    if (!rule->params) return;
    lua_getfield(lua, TABLE, "params");
    for (uint32_t i = 0; i < rule->params; i++) {
        rule->param[i].name = names[i];
        lua_getfield(lua, -1, names[i]);
        read_param(lua, rule, &rule->param[i], lua_gettop(lua));
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static void read_memory(lua_State *lua, struct rule *rule) {
    rule->memories = names_of(lua, rule, "memory", rule->memory);
    if (!rule->memories) return;
    lua_getfield(lua, TABLE, "memory");
    rule__look(lua, rule, "memory");
    for (uint32_t i = 0; i < rule->memories; i++)
        rule->initial[i] = number_of(lua, rule, lua_gettop(lua), rule->memory[i], 0);
    lua_pop(lua, 1);
}

static void check_distinct(lua_State *lua, const struct rule *rule) {
    const char *all[4 * RULE_PARTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < rule->params; i++)
        all[count++] = rule->param[i].name;
    for (uint32_t i = 0; i < rule->memories; i++)
        all[count++] = rule->memory[i];
    for (uint32_t i = 0; i < rule->signals; i++)
        all[count++] = rule->signal[i];
    for (uint32_t i = 0; i < rule->fields; i++)
        all[count++] = rule->field[i];
    rule__look(lua, rule, NULL);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(all[i], all[k]) == 0) rule__refuse(lua, "rule %s: '%s' is declared twice", rule->name, all[i]);
    }
}

/* The function, if it is one, stays on the stack for the state's life. */
static void read_condition(lua_State *lua, struct rule *rule, struct condition *condition, const char *key,
                           bool needed) {
    rule__look(lua, rule, key);
    lua_getfield(lua, TABLE, key);
    if (lua_type(lua, -1) == LUA_TFUNCTION && !lua_iscfunction(lua, -1)) {
        rule__bind_function(lua, rule, condition, key);
        condition->function = 1;
        lua_rawsetp(lua, LUA_REGISTRYINDEX, condition); /* picked up by the loader */
        return;
    }
    if (lua_type(lua, -1) == LUA_TSTRING)
        rule__bind_expression(lua, rule, condition, key, lua_tostring(lua, -1));
    else if (needed || !lua_isnil(lua, -1))
        rule__refuse(lua, "rule %s: %s is a function or the text of an expression", rule->name, key);
    lua_pop(lua, 1);
}

static void read_name(lua_State *lua, struct rule *rule) {
    strcpy(rule->name, "?"); /* for messages, until it has one */
    const char *name = text_of(lua, rule, TABLE, "name");
    if (!name) {
        luaL_error(lua, "a rule needs a name");
        return;
    }
    size_t length = strlen(name);
    if (length == 0 || length > RULE_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != length)
        rule__refuse(lua, "rule '%s': a name has up to %d letters, digits, '-', '_', '.'", name, RULE_NAME_MAX);
    memcpy(rule->name, name, length + 1);
}

static void read_keys(lua_State *lua, struct rule *rule) {
    check_keys(lua, rule, NULL, keys, PL_COUNT_OF(keys), TABLE);
}

static void read_kind(lua_State *lua, struct rule *rule) {
    static const char *const allowed[] = {"samples", "windows", "events", "setpoints"};
    const char *on = text_of(lua, rule, TABLE, "on");
    rule->on = PL_SAMPLES;
    for (unsigned i = 0; i < PL_KINDS; i++)
        if (on && *on && strcmp(on, kinds[i]) == 0) rule->on = (enum pl_kind)i;
    if (!on || strcmp(on, kinds[rule->on]) == 0) return;
    const char *nearest = pl_text_nearest(on, allowed, PL_COUNT_OF(allowed));
    rule__refuse(lua, "rule %s: on = \"%s\" is not one of samples, windows, events, setpoints%s%s%s", rule->name, on,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static void read_scope(lua_State *lua, struct rule *rule) {
    rule->globs = texts_of(lua, rule, "tags", rule->glob, RULE_GLOBS_MAX);
    if (!rule->globs) rule->glob[rule->globs++] = "*";
    const char *quality = text_of(lua, rule, TABLE, "quality");
    if (quality && strcmp(quality, "any") != 0)
        rule__refuse(lua, "rule %s: quality is \"any\", or left to the node's option", rule->name);
    rule->any_quality = quality != NULL || rule->on > PL_WINDOWS;
}

static void read_names(lua_State *lua, struct rule *rule) {
    read_params(lua, rule);
    read_memory(lua, rule);
    rule->signals = texts_of(lua, rule, "with", rule->signal, RULE_PARTS_MAX);
    rule->fields = texts_of(lua, rule, "fields", rule->field, RULE_PARTS_MAX);
    for (uint32_t i = 0; i < rule->signals; i++)
        check_word(lua, rule, "with", "signal", rule->signal[i]);
    for (uint32_t i = 0; i < rule->fields; i++)
        check_word(lua, rule, "fields", "field", rule->field[i]);
    check_distinct(lua, rule);
    rule__look(lua, rule, "with");
    if (rule->signals && rule->on > PL_WINDOWS)
        rule__refuse(lua, "rule %s: `with` is for samples and windows", rule->name);
    rule__look(lua, rule, "fields");
    if (rule->fields && rule->on != PL_EVENTS) rule__refuse(lua, "rule %s: `fields` is for events", rule->name);
}

static void read_fresh(lua_State *lua, struct rule *rule) {
    rule->fresh = duration_of(lua, rule, "fresh");
}

static void read_hold(lua_State *lua, struct rule *rule) {
    rule->hold = duration_of(lua, rule, "hold");
}

static void read_release(lua_State *lua, struct rule *rule) {
    rule->release = duration_of(lua, rule, "release");
}

static void read_severity(lua_State *lua, struct rule *rule) {
    double severity = number_of(lua, rule, TABLE, "severity", 500);
    if (!(severity >= 1 && severity <= 1000)) rule__refuse(lua, "rule %s: severity is from 1 to 1000", rule->name);
    rule->severity = (uint16_t)severity;
}

static void read_when(lua_State *lua, struct rule *rule) {
    read_condition(lua, rule, &rule->when, "when", true);
}

static void read_clear(lua_State *lua, struct rule *rule) {
    read_condition(lua, rule, &rule->clear, "clear", false);
}

static void read_message(lua_State *lua, struct rule *rule) {
    const char *doc = text_of(lua, rule, TABLE, "doc"), *message = text_of(lua, rule, TABLE, "message");
    rule->doc = doc ? doc : "";
    rule__look(lua, rule, message ? "message" : "doc");
    rule__bind_message(lua, rule, message ? message : rule->doc);
}

static void read_each(lua_State *lua, struct rule *rule) {
    rule__look(lua, rule, "each");
    lua_getfield(lua, TABLE, "each");
    if (!lua_isnil(lua, -1) && !lua_isboolean(lua, -1)) rule__refuse(lua, "rule %s: each is true or false", rule->name);
    rule->each = lua_toboolean(lua, -1);
    if (rule->each && (rule->clear.function || rule->clear.expr || rule->hold || rule->release))
        rule__refuse(lua, "rule %s: with each = true there is no clear, hold or release", rule->name);
}

/* ---- All of it ---- */

static const struct {
    void (*read)(lua_State *lua, struct rule *rule);
    enum { DECLARES = 1, USES } names; /* without what is declared nothing can be said of what uses it */
} parts[] = {{.read = read_name},    {.read = read_keys},  {read_kind, DECLARES}, {.read = read_scope},
             {read_names, DECLARES}, {.read = read_fresh}, {.read = read_hold},   {.read = read_release},
             {read_when, USES},      {read_clear, USES},   {read_message, USES},  {.read = read_each},
             {.read = read_severity}};

static int read_part(lua_State *lua) {
    struct rule *rule = lua_touserdata(lua, 2);
    parts[lua_tointeger(lua, 3)].read(lua, rule);
    return 0;
}

static void read_rule(lua_State *lua, struct rule *rule) {
    bool declared = true;
    for (size_t i = 0; i < PL_COUNT_OF(parts); i++) {
        if (parts[i].names == USES && !declared) continue;
        rule__look(lua, rule, NULL);
        lua_pushcfunction(lua, read_part);
        lua_pushvalue(lua, TABLE);
        lua_pushlightuserdata(lua, rule);
        lua_pushinteger(lua, (lua_Integer)i);
        if (lua_pcall(lua, 3, 0, 0) == LUA_OK) continue;
        rule__note(lua, "%s", lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "no memory");
        lua_pop(lua, 1);
        declared = declared && parts[i].names != DECLARES;
    }
}

int rule__declare(lua_State *lua) {
    struct loader *loader = sandbox_of(lua)->owner;
    luaL_checktype(lua, TABLE, LUA_TTABLE);
    lua_settop(lua, TABLE);
    int ordinal = loader->seen++;
    if (ordinal == RULES_A_FILE) return luaL_error(lua, "more than %d rules in a file", RULES_A_FILE);
    if (loader->only >= 0 && ordinal != loader->only) return 0;
    struct rule *rule = PL_NEW(struct rule);
    if (!rule) return luaL_error(lua, "no memory");
    loader->rule[loader->count++] = rule;
    rule->file = rule__keep(lua, rule, loader->source->path, strlen(loader->source->path));
    lua_Debug at;
    if (lua_getstack(lua, 1, &at) && lua_getinfo(lua, "l", &at)) rule->line = at.currentline;
    read_rule(lua, rule);
    return 0;
}
